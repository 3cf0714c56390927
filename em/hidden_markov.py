"""EM's side of a hidden Markov model: scaled forward-backward, and Viterbi's path for hard EM."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from em.data.threads import available
from em.stationary import best_moves, tilt
from em.structure import Expected, Grouping
from models.hidden_markov import stationary
from models.sequences import Sequences

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from em.structure import Shares
    from models.arrays import Array, Labels

__all__ = ["MarkovGrouping", "StationaryGrouping", "UniformGrouping"]

STAY = 0.8  # of a first group's observations that are followed by one of the same group
BLOCK = 4_096  # rows whose exponentials are taken at once
WORTH_THREADS = 100_000  # rows times components: with fewer, two threads are slower than one


class Sums(NamedTuple):
    """Sums over all paths.

    occupancy: (rows, W), gamma summed by the distinct row, or of each row in time.
    moves: (K, K) expected moves from each state to each.
    first: (K,) expected number of sequences that begin in each state.
    """

    log_likelihood: float
    occupancy: Array
    moves: Array
    first: Array


class MarkovGrouping(Grouping[Sequences]):
    """A hidden Markov model whose first states have a distribution of their own.

    >>> data, half = Sequences([0, 3, 3], initial="free"), np.array([0.5, 0.5])
    >>> grouping, log_density = MarkovGrouping(data, 2), np.log([[0.9, 0.2], [0.1, 0.8]])
    >>> shares = {"initial": half, "transition": np.array([[0.9, 0.1], [0.1, 0.9]])}
    >>> grouping.members(shares, log_density).round(3)
    array([[0.444, 0.118, 0.082],
           [0.556, 0.882, 0.918]])
    """

    def begin(self, counted: Array) -> dict[str, Array]:
        """Moves between groups that stay for a while, and the sizes of the groups."""
        share, several = counted / counted.sum(), len(self.data.ends)
        stays = STAY * np.eye(self.k) + (1 - STAY) * share
        return {"initial": several * share, "transition": counted[:, None] * stays}

    def initial(self, shares: Shares) -> Array:
        """Return the distribution of the first state, (K,)."""
        return shares["initial"]

    def expect(self, shares: Shares, log_density: Array, *, hard: bool) -> Expected:
        """Forward-backward over each sequence, or its most likely path."""
        if hard:
            return self._along_best(shares, log_density)
        found = self._summed(shares, log_density, self.data.places, log_density.shape[1] + 1)
        occupancy = np.ascontiguousarray(found.occupancy[:-1, : self.k].T)
        own = {"initial": found.first, "transition": found.moves}
        return Expected(found.log_likelihood, occupancy, own)

    def members(self, shares: Shares, log_density: Array) -> Array:
        """The probability of each state at each row in time, given all rows."""
        n = len(self.data.places)
        found = self._summed(shares, log_density, np.arange(n), n)
        return np.ascontiguousarray(found.occupancy[:, : self.k].T)

    def ahead(self, shares: Shares, log_density: Array) -> Array:
        """The probability of each state at each row in time, given the rows before it."""
        return self.filtered(shares, log_density)[1]

    def filtered(self, shares: Shares, log_density: Array) -> tuple[Array, Array]:
        """Return p(z_t | x_1 .. x_t) and p(z_t | x_1 .. x_t-1), both (K, n)."""
        from em import paths

        density, _ = self._densities(log_density)
        start, moves = self._padded(shares)
        kept = np.empty((len(self.data.places), density.shape[1]))
        inward = paths.inward_two if self.k == 2 else paths.inward
        data = self.data
        inward(density, data.places, start, moves, data.begins, data.lengths, 1, kept)
        now = kept[:, : self.k] / kept.sum(axis=1, keepdims=True)
        ahead = np.empty_like(now)
        ahead[1:] = now[:-1] @ shares["transition"]
        ahead[data.begins] = self.initial(shares)
        return now.T, ahead.T

    def path(self, shares: Shares, log_density: Array) -> tuple[float, Labels]:
        """Return the joint log-probability of the most likely path, and that path, (n,)."""
        from em import paths

        rows = np.vstack([log_density.T, np.zeros(self.k)])
        path = np.empty(len(self.data.places), np.intp)
        with np.errstate(divide="ignore"):  # the logarithm of a probability of 0
            logs = np.log(self.initial(shares)), np.log(shares["transition"])
        data = self.data
        value = paths.best_path(rows, data.places, *logs, data.begins, data.ends, path)
        return float(value), path

    def entropy(self, shares: Shares, log_density: Array) -> float:
        """log p(x) - E[log p(x, path)], the entropy of the path given all rows."""
        found = self.expect(shares, log_density, hard=False)
        own = {"initial": self.initial(shares), "transition": shares["transition"]}
        joint = _expected_log(found.occupancy, log_density)
        with np.errstate(divide="ignore"):  # the logarithm of a probability of 0
            for name, field in own.items():
                joint += _expected_log(found.own[name], np.log(field))
        return max(found.log_likelihood - joint, 0.0)

    def _along_best(self, shares: Shares, log_density: Array) -> Expected:
        """Return the E-step of hard EM, all on the most likely path."""
        value, path = self.path(shares, log_density)
        k, m, data = self.k, log_density.shape[1], self.data
        occupancy = np.bincount(path * (m + 1) + data.places, minlength=k * (m + 1))
        stays = np.ones(len(path), np.bool_)
        stays[data.begins] = False
        after = np.flatnonzero(stays)
        moves = np.bincount(path[after - 1] * k + path[after], minlength=k * k)
        first = np.bincount(path[data.begins], minlength=k)
        own = {"initial": first * 1.0, "transition": moves.reshape(k, k) * 1.0}
        return Expected(value, occupancy.reshape(k, m + 1)[:, :-1] * 1.0, own)

    @cached_property
    def _kept(self) -> Array:
        """What one walk keeps for the other, (n, W): pages are slow to get anew in each step."""
        from em import paths

        return np.empty((len(self.data.places), paths.padded(self.k)))

    @cached_property
    def _halves(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The row after the first half of each sequence, and the rows of the second half, (S,)."""
        middle = self.data.begins + (self.data.lengths + 1) // 2
        return middle, self.data.ends - middle

    def _padded(self, shares: Shares) -> tuple[Array, Array]:
        """Return the initial distribution (W,) and the transitions (W, W), padded with zeros."""
        from em import paths

        wide = paths.padded(self.k)
        start, moves = np.zeros(wide), np.zeros((wide, wide))
        start[: self.k], moves[: self.k, : self.k] = self.initial(shares), shares["transition"]
        return start, moves

    def _densities(self, log_density: Array) -> tuple[Array, float]:
        """Return p (m + 1, W), each row over its largest and ones at the end, and what that hides.

        The second is the sum over observations of the logarithm of the largest.
        """
        from em import paths

        k, m = log_density.shape
        density = np.zeros((m + 1, paths.padded(k)))
        density[m, :k] = 1.0
        counts, logs = self.data.sample.counts, 0.0
        for begin in range(0, m, BLOCK):
            block = slice(begin, min(begin + BLOCK, m))
            part = log_density[:, block]
            high = part.max(axis=0)
            density[block, :k] = np.exp(part - high).T
            logs += float(counts[block] @ high)
        return density, logs

    def _summed(
        self, shares: Shares, log_density: Array, where: NDArray[np.intp], rows: int
    ) -> Sums:
        """Return the sums over all paths (em/paths.py).

        where: (n,) the row of the occupancies to which each row in time is added, of `rows`.
        """
        from em import paths

        k, data, kept = self.k, self.data, self._kept
        density, logs = self._densities(log_density)
        start, moves = self._padded(shares)
        inward = paths.inward_two if k == 2 else paths.inward
        outward = paths.outward_two if k == 2 else paths.outward
        wide = len(start)
        # two threads may add to one row only if rows repeat, apart from the last, which is left out
        copies = 1 if data.sample.each_once or where is not data.places else 2
        occupancy = np.zeros((copies, rows, wide))
        pairs, ends, ones = np.zeros((2, wide, wide)), np.zeros((2, wide)), np.ones(wide)
        back, (middle, rest) = np.ascontiguousarray(moves.T), self._halves
        half, always = middle - data.begins, np.ones(len(middle), np.bool_)
        same = density, data.places
        ahead = (*same, start, moves), (*same, ones, back)
        inside = (data.begins, half, 1, kept), (data.ends - 1, rest, -1, kept)
        outside = (middle, rest, 1, kept), (middle - 1, half, -1, kept)
        into = (
            (where, always, occupancy[0], pairs[0], ends[0]),
            (where, rest > 0, occupancy[-1], pairs[1], ends[1]),
        )
        threads = kept.size >= WORTH_THREADS and available() > 1
        logs += sum(_both(threads, inward, *(ahead[way] + inside[way] for way in (0, 1))))
        if not np.isfinite(logs):
            none = np.zeros((k, k))
            return Sums(-np.inf, occupancy[0], none, none[0])
        both = (ahead[way] + outside[way] + into[way] for way in (0, 1))
        _, met = _both(threads, outward, *both)
        return Sums(
            logs + met,
            occupancy[0] if copies == 1 else occupancy[0] + occupancy[1],
            shares["transition"] * (pairs[0] + pairs[1].T)[:k, :k],
            ends[1, :k],
        )


class StationaryGrouping(MarkovGrouping):
    """A hidden Markov model whose first states have the stationary distribution.

    >>> data = Sequences([0, 3, 3], initial="stationary")
    >>> own = {"transition": np.array([[8.0, 2.0], [1.0, 4.0]]), "initial": np.array([0.0, 1.0])}
    >>> StationaryGrouping(data, 2).maximize(own, 0.0)["transition"].round(4)
    array([[0.7817, 0.2183],
           [0.1764, 0.8236]])
    """

    def initial(self, shares: Shares) -> Array:
        """The distribution that the transitions leave as it is."""
        return stationary(shares["transition"])

    def maximize(self, own: Shares, unseen: float) -> dict[str, Array]:
        """The maximum by Newton's method, as the first states also depend on the transitions."""
        if "transition" not in own:  # held
            return {}
        return {"transition": best_moves(own["transition"] + unseen, own["initial"])}

    def score(self, shares: Shares, own: Shares) -> dict[str, Array]:
        """n_ij / g_ij, and the derivative through the stationary distribution."""
        moves = shares["transition"]
        return {"transition": own["transition"] / moves + tilt(moves, own["initial"]).slope}

    def curvature(self, shares: Shares, own: Shares) -> Array:
        """n_ij / g_ij^2 on the diagonal, less the curvature of sum u log delta."""
        size = self.k * self.k
        less = tilt(shares["transition"], own["initial"]).curvature.reshape(size, size)
        found: Array = super().curvature(shares, own) - less
        return found


class UniformGrouping(MarkovGrouping):
    """A hidden Markov model in which all first states are as likely.

    >>> data = Sequences([0, 3, 3], initial="uniform")
    >>> UniformGrouping(data, 2).initial({})
    array([0.5, 0.5])
    """

    def initial(self, shares: Shares) -> Array:
        """1 / K."""
        return np.full(self.k, 1 / self.k)

    def maximize(self, own: Shares, unseen: float) -> dict[str, Array]:
        """The expected moves over their sum."""
        own = {name: field for name, field in own.items() if name != "initial"}
        return super().maximize(own, unseen)


def _both[*P](threads: bool, walk: Callable[[*P], float], *ways: tuple[*P]) -> list[float]:
    """Return the results of a walk both ways, on two threads where that is faster."""
    if not threads:
        return [walk(*way) for way in ways]
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(walk, *ways[1])
        return [walk(*ways[0]), other.result()]


def _expected_log(expected: Array, log: Array) -> float:
    """Return sum expected * log, where 0 times minus infinity is 0."""
    return float(np.where(expected > 0, expected * log, 0).sum())
