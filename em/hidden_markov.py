"""EM's side of a hidden Markov model: scaled forward-backward, and Viterbi's path for hard EM."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from em import walks
from em.stationary import best_moves, tilt
from em.structure import Each, Expected, Grouping
from models.hidden_markov import stationary
from models.sequences import Sequences

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from em.structure import Shares
    from models.arrays import Array, Labels

__all__ = ["MarkovGrouping", "StationaryGrouping", "UniformGrouping"]

STAY = 0.8  # of a first group's observations that are followed by one of the same group


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
    array([[0.639, 0.286, 0.217],
           [0.361, 0.714, 0.783]])
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
        found = self._summed(shares, log_density, counted=not self._in_time)
        occupancy = found.occupancy
        if self._in_time and len(occupancy) > log_density.shape[1]:
            occupancy = occupancy[self.data.seen]
        own = {"initial": found.first, "transition": found.moves}
        return Expected(found.log_likelihood, occupancy[:, : self.k].T, own)

    def expect_each(self, shares: Shares, log_density: Array) -> Each:
        """The same for many climbs, whose densities are scaled at once."""
        from em import paths

        count, k, m = log_density.shape
        wide, data, counted = paths.padded(k), self.data, not self._in_time
        density, high = np.zeros((count, m + 1, wide)), log_density.max(axis=1)
        density[:, -1, :k] = 1.0
        density[:, :-1, :k] = np.exp(log_density - high[:, None]).transpose(0, 2, 1)
        start, moves = np.zeros((count, wide)), np.zeros((count, wide, wide))
        start[:, :k], moves[:, :k, :k] = self.initial(shares), shares["transition"]
        value, occupancy = high @ data.sample.counts, np.empty_like(log_density)
        first, pairs = np.empty((count, k)), np.empty((count, k, k))
        for at in range(count):
            found = self._walked(density[at], start[at], moves[at], counted=counted)
            if found is None or not np.isfinite(value[at]):
                own = {name: field[at] for name, field in shares.items()}
                found = self._summed_in_logs(own, log_density[at], counted=counted)
                value[at], pairs[at] = 0.0, found.moves
            else:
                np.multiply(shares["transition"][at], found.moves, out=pairs[at])
            value[at] += found.log_likelihood
            rows = found.occupancy
            if len(rows) > m:  # in time
                rows = rows[data.seen]
            occupancy[at], first[at] = rows[:, :k].T, found.first
        return Each(value, occupancy, {"initial": first, "transition": pairs})

    def members(self, shares: Shares, log_density: Array) -> Array:
        """The probability of each state at each row in time, given all rows."""
        found = self._summed(shares, log_density, counted=False).occupancy
        return np.ascontiguousarray(found[:, : self.k].T)

    def ahead(self, shares: Shares, log_density: Array) -> Array:
        """The probability of each state at each row in time, given the rows before it."""
        return self.filtered(shares, log_density)[1]

    def filtered(self, shares: Shares, log_density: Array) -> tuple[Array, Array]:
        """Return p(z_t | x_1 .. x_t) and p(z_t | x_1 .. x_t-1), both (K, n)."""
        density, _ = self._densities(log_density)
        start, moves = self._padded(shares)
        kept = self._room[1]
        data, (inward, _) = self.data, walks.walks_of(self.k)
        found = inward(density, data.places, start, moves, data.begins, data.lengths, 1, kept)
        if np.isfinite(found):
            now = kept[:, : self.k] / kept.sum(axis=1, keepdims=True)
        else:
            now = self._filtered_in_logs(shares, log_density)
        ahead = np.empty_like(now)
        ahead[1:] = now[:-1] @ shares["transition"]
        ahead[data.begins] = self.initial(shares)
        return now.T, ahead.T

    def path(self, shares: Shares, log_density: Array) -> tuple[float, Labels]:
        """Return the joint log-probability of the most likely path, and that path, (n,)."""
        from em import paths

        rows, logs = self._logs(shares, log_density)
        data, path = self.data, np.empty(len(self.data.places), np.intp)
        value = paths.best_path(rows, data.places, *logs, data.begins, data.ends, path)
        return float(value), path

    def _logs(self, shares: Shares, log_density: Array) -> tuple[Array, tuple[Array, Array]]:
        """Return log p (m + 1, K), with a row for what was not seen, and those of shares."""
        with np.errstate(divide="ignore"):  # the logarithm of a probability of 0
            logs = np.log(self.initial(shares)), np.log(shares["transition"])
        return np.vstack([log_density.T, np.zeros(self.k)]), logs

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
        own = {
            "initial": first.astype(np.float64),
            "transition": moves.reshape(k, k).astype(np.float64),
        }
        return Expected(value, occupancy.reshape(k, m + 1)[:, :-1].astype(np.float64), own)

    @cached_property
    def _in_time(self) -> bool:
        """Whether the distinct rows are all rows that were seen, in the order of time."""
        places = self.data.places[self.data.seen]
        return np.array_equal(places, np.arange(self.data.sample.distinct))

    @cached_property
    def _room(self) -> tuple[Array, Array]:
        """Where every walk has its densities, (m + 1, W), and what it keeps, (n, W).

        To get new pages of memory takes longer than to walk over them.
        """
        from em import paths

        wide = paths.padded(self.k)
        density = np.zeros((self.data.sample.distinct + 1, wide))
        density[-1, : self.k] = 1.0
        return density, np.empty((len(self.data.places), wide))

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
        density = self._room[0]
        return density, walks.scaled(log_density, self.data.sample.counts, density)

    def _summed(self, shares: Shares, log_density: Array, *, counted: bool) -> Sums:
        """Return the sums over all paths (em/paths.py).

        counted: sum the occupancies of rows that repeat, instead of one for each row in time.
        """
        density, logs = self._densities(log_density)
        found = self._walked(density, *self._padded(shares), counted=counted)
        if found is None or not np.isfinite(logs):
            return self._summed_in_logs(shares, log_density, counted=counted)
        moves = shares["transition"] * found.moves
        return found._replace(log_likelihood=logs + found.log_likelihood, moves=moves)

    def _walked(self, density: Array, start: Array, moves: Array, *, counted: bool) -> Sums | None:
        """Return the same of densities (m + 1, W), None if a number leaves the range of doubles.

        Moves are yet to be multiplied by their probabilities.

        start, moves: (W,) and (W, W), padded with zeros.
        """
        k, wide, data, (inward, outward) = self.k, len(start), self.data, walks.walks_of(self.k)
        kept = self._room[1]
        threads = walks.worth_threads(kept.size)
        (middle, rest), back = self._halves, np.ascontiguousarray(moves.T)
        half, rows = middle - data.begins, (density, data.places)
        forwards, backwards = (*rows, start, moves), (*rows, np.ones(wide), back)
        logs = sum(
            walks.both(
                threads,
                inward,
                (*forwards, data.begins, half, 1, kept),
                (*backwards, data.ends - 1, rest, -1, kept),
            )
        )
        if not np.isfinite(logs):
            return None
        occupancy = np.zeros((2, len(density) if counted else 0, wide))
        pairs, ends = np.zeros((2, wide, wide)), np.zeros((2, wide))
        # copies, as each walk may write over the row at which the other one begins
        left, right = kept[middle - 1], kept[np.minimum(middle, len(kept) - 1)]
        right[rest == 0] = 0
        _, met = walks.both(
            threads,
            outward,
            (*forwards, middle, rest, 1, kept, left, occupancy[0], pairs[0], ends[0]),
            (*backwards, middle - 1, half, -1, kept, right, occupancy[1], pairs[1], ends[1]),
        )
        if not np.isfinite([met, pairs.sum()]).all():
            return None
        return Sums(
            logs + met,
            (occupancy[0] + occupancy[1])[:-1] if counted else kept,
            (pairs[0] + pairs[1].T)[:k, :k],
            ends[1, :k],
        )

    def _filtered_in_logs(self, shares: Shares, log_density: Array) -> Array:
        """Return p(z_t | x_1 .. x_t), (n, K), where a likelihood is 0 but for its logarithm."""
        from em import paths_in_logs

        rows, logs = self._logs(shares, log_density)
        now = np.empty((len(self.data.places), self.k))
        paths_in_logs.filtered(rows, self.data.places, *logs, self.data.begins, self.data.ends, now)
        return now

    def _summed_in_logs(self, shares: Shares, log_density: Array, *, counted: bool) -> Sums:
        """Return the same where a likelihood is 0 but for its logarithm, or is 0."""
        from em import paths_in_logs

        k, data = self.k, self.data
        rows, (start, steps) = self._logs(shares, log_density)
        members, moves = np.zeros((len(data.places), k)), np.zeros((k, k))
        value = paths_in_logs.summed(
            rows, data.places, start, steps, data.begins, data.ends, members, moves
        )
        first = members[data.begins].sum(axis=0)
        if counted:
            every = [np.bincount(data.places, one, len(rows)) for one in members.T]
            members = np.stack(every, axis=1)[:-1]
        return Sums(float(value), members, moves, first)


class StationaryGrouping(MarkovGrouping):
    """A hidden Markov model whose first states have the stationary distribution.

    >>> data = Sequences([0, 3, 3], initial="stationary")
    >>> own = {"transition": np.array([[8.0, 2.0], [1.0, 4.0]]), "initial": np.array([0.0, 1.0])}
    >>> StationaryGrouping(data, 2).maximize(own, 0.0)["transition"].round(4)
    array([[0.7713, 0.2287],
           [0.1356, 0.8644]])
    """

    def initial(self, shares: Shares) -> Array:
        """The distribution that the transitions leave as it is."""
        return stationary(shares["transition"])

    def expect(self, shares: Shares, log_density: Array, *, hard: bool) -> Expected:
        """The same, with the present transitions, than which the M-step may not end lower."""
        found = super().expect(shares, log_density, hard=hard)
        found.own["present"] = shares["transition"]
        return found

    def expect_each(self, shares: Shares, log_density: Array) -> Each:
        """The same of many climbs."""
        found = super().expect_each(shares, log_density)
        found.own["present"] = shares["transition"]
        return found

    def maximize_each(self, own: Shares, unseen: float) -> dict[str, Array]:
        """The maximum for each climb by itself."""
        if "transition" not in own:  # held
            return {}
        every = zip(own["transition"] + unseen, own["initial"], own["present"], strict=True)
        return {"transition": np.stack([best_moves(*one) for one in every])}

    def maximize(self, own: Shares, unseen: float) -> dict[str, Array]:
        """The maximum by Newton's method, as the first states also depend on the transitions."""
        if "transition" not in own:  # held
            return {}
        counts, present = own["transition"] + unseen, own.get("present")
        return {"transition": best_moves(counts, own["initial"], present)}

    def score(self, shares: Shares, own: Shares) -> dict[str, Array]:
        """n_ij / g_ij, and the derivative through the stationary distribution."""
        moves = shares["transition"]
        return {"transition": own["transition"] / moves + tilt(moves, own["initial"]).slope}

    def score_each(self, shares: Shares, own: Shares) -> dict[str, Array]:
        """The same for each place by itself."""
        every = zip(shares["transition"], own["transition"], own["initial"], strict=True)
        slopes = [
            self.score({"transition": moves}, {"transition": moved, "initial": first})["transition"]
            for moves, moved, first in every
        ]
        return {"transition": np.stack(slopes)}

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


def _expected_log(expected: Array, log: Array) -> float:
    """Return sum expected * log, where 0 times minus infinity is 0."""
    return float((expected * np.where(expected > 0, log, 0)).sum())
