"""Hidden Markov chains in which faults are planted, and a textbook program that makes them.

`resting` is Baum's and Welch's EM in NumPy, as users write it, without a line of ours. Each of its
parts can be replaced by one with a slip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats
from scipy.optimize import minimize

from faults.fault import flat
from models import Gaussian, HiddenMarkov, Poisson, Sequences
from models.hidden_markov import StationaryHiddenMarkov, stationary, walked

if TYPE_CHECKING:
    from collections.abc import Callable

    from faults.fault import Case
    from models.arrays import Array
    from models.family import Theta
    from models.structure import Structure

STEPS = 80  # of a textbook EM from the maximum, after which it rests at where its slip leads
DRAWS = 400  # of each chain
NOTHING = 1e-300  # what programs add so as not to divide by 0


@dataclass(frozen=True, eq=False)
class InOrder:
    """Sequences of the same length.

    blank: chance that a row is not seen.
    """

    name: str
    truth: HiddenMarkov
    sequences: int
    length: int
    initial: str
    blank: float = 0.0
    draws: int = DRAWS

    def sample(self, seed: int) -> Sequences:
        """Draw a data set."""
        rng = np.random.default_rng([seed, self.sequences, self.length, len(self.name)])
        lengths = np.full(self.sequences, self.length)
        path = walked(self.truth.initial, self.truth.transition, lengths, rng)
        x = self.truth.theta.draw(path, rng, None).astype(np.float64)
        x[rng.random(len(x)) < self.blank] = np.nan
        return sequences(x.reshape(self.sequences, -1), self.initial)

    def judged(self, structures: Structure) -> Array:
        """Return what an answer is, (n, numbers): all parameters."""
        return flat(structures)


def sequences(x: Array, initial: str) -> Sequences:
    """Return sequences (S, n), where NaN was not seen."""
    return Sequences(x.ravel(), sequence=np.repeat(np.arange(len(x)), x.shape[1]), initial=initial)


MOVES = np.array([[0.9, 0.1], [0.2, 0.8]])
OFTEN = np.array([[0.75, 0.25], [0.35, 0.65]])
RATES = Poisson(np.array([3.0, 9.0]))
BLANKS = InOrder(
    "counts in order, some missing", StationaryHiddenMarkov(MOVES, RATES), 3, 120, "stationary", 0.1
)
WIDE = InOrder(
    "measurements in order",
    StationaryHiddenMarkov(MOVES, Gaussian(np.array([0.0, 800.0]), np.array([200.0, 300.0]))),
    3,
    130,
    "stationary",
)
SHORT = InOrder(
    "short sequences of counts",
    StationaryHiddenMarkov(np.array([[0.9, 0.1], [0.3, 0.7]]), RATES),
    40,
    8,
    "stationary",
)
FREE = InOrder(
    "short sequences that begin alike",
    HiddenMarkov(np.array([0.25, 0.75]), OFTEN, RATES),
    40,
    8,
    "free",
)
IN_ORDER = (BLANKS, WIDE, SHORT, FREE)


def rows_of(data: Sequences) -> Array:
    """Return sequences of one length as (S, n), NaN where nothing was seen."""
    x = np.append(data.sample.x, np.nan)[data.places]
    found: Array = x.reshape(len(data.ends), -1)
    return found


class Messages(NamedTuple):
    """What the two passes leave.

    ahead: (S, n, K) p(z_t | x_1 .. x_t); back: (S, n, K), in proportion to p(x_t+1 .. | z_t).
    """

    ahead: Array
    back: Array


class Sums(NamedTuple):
    """What the E-step finds.

    member: (S, n, K); pairs: (S, n - 1, K, K) of each row and the next one.
    """

    member: Array
    pairs: Array


class Program(NamedTuple):
    """A program's parts.

    density: from rows (S, n) and theta to (S, n, K).
    passes, smooth: the E-step.
    moves: from the sums and the present transitions to the next ones.
    first: from the sums to the distribution of first states; None if it is the stationary one.
    begins: from the first states' distribution and the transitions to what the E-step uses.
    """

    density: Callable[[Array, Theta], Array]
    passes: Callable[[Array, Array, Array], Messages]
    smooth: Callable[[Messages, Array, Array], Sums]
    moves: Callable[[Sums, Array], Array]
    first: Callable[[Sums], Array] | None
    begins: Callable[[Array, Array], Array]


def densities(x: Array, theta: Theta) -> Array:
    """Return p(x | theta_k), 1 where nothing was seen."""
    given = np.nan_to_num(x)[..., None]
    if isinstance(theta, Poisson):
        found = stats.poisson.pmf(given, theta.rate)
    else:
        assert isinstance(theta, Gaussian)
        found = stats.norm.pdf(given, theta.mean, theta.sd)
    return np.where(np.isnan(x)[..., None], 1.0, found)


def scaled(density: Array, start: Array, moves: Array) -> Messages:
    """Return both passes, each row divided by its sum."""
    ahead, back = np.empty_like(density), np.ones_like(density)
    n = density.shape[1]
    for t in range(n):
        before = start if t == 0 else ahead[:, t - 1] @ moves
        here = before * density[:, t]
        ahead[:, t] = here / here.sum(axis=1, keepdims=True)
    for t in reversed(range(n - 1)):
        here = (density[:, t + 1] * back[:, t + 1]) @ moves.T
        back[:, t] = here / here.sum(axis=1, keepdims=True)
    return Messages(ahead, back)


def smoothed(messages: Messages, density: Array, moves: Array) -> Sums:
    """Return the memberships of rows and of pairs of rows, given all rows of their sequence."""
    ahead, back = messages
    member = ahead * back
    after = (density * back)[:, 1:, None, :]
    pairs = ahead[:, :-1, :, None] * moves * after
    return Sums(
        member / (member.sum(axis=2, keepdims=True) + NOTHING),
        pairs / (pairs.sum(axis=(2, 3), keepdims=True) + NOTHING),
    )


def counted(sums: Sums) -> Array:
    """Return the expected moves, (K, K)."""
    return sums.pairs.sum(axis=(0, 1))


def over_rows(counts: Array) -> Array:
    """Return rows that sum to one."""
    return counts / counts.sum(axis=1, keepdims=True)


def free_moves(sums: Sums, present: Array) -> Array:
    return over_rows(counted(sums))


def stationary_moves(sums: Sums, present: Array) -> Array:
    """Return the transitions of two states that maximise moves and first states together."""
    counts, first = counted(sums), sums.member[:, 0].sum(axis=0)

    def off(log_odds: Array) -> float:
        leave = 1 / (1 + np.exp(-log_odds))
        moves = np.array([[1 - leave[0], leave[0]], [leave[1], 1 - leave[1]]])
        return float(-(counts * np.log(moves)).sum() - first @ np.log(stationary(moves)))

    leave = present[[0, 1], [1, 0]]
    found = minimize(off, np.log(leave / (1 - leave)), method="BFGS", options={"gtol": 1e-7})
    away = 1 / (1 + np.exp(-found.x))
    return np.array([[1 - away[0], away[0]], [away[1], 1 - away[1]]])


def next_theta(x: Array, member: Array, theta: Theta) -> Theta:
    """Return means, or means and standard deviations, weighted by memberships."""
    weight = np.where(np.isnan(x)[..., None], 0.0, member)
    seen, n = np.nan_to_num(x)[..., None], weight.sum(axis=(0, 1))
    mean = (weight * seen).sum(axis=(0, 1)) / n
    if isinstance(theta, Poisson):
        return Poisson(mean)
    return Gaussian(mean, np.sqrt((weight * (seen - mean) ** 2).sum(axis=(0, 1)) / n))


STATIONARY = Program(
    densities, scaled, smoothed, stationary_moves, None, lambda _, moves: stationary(moves)
)
FIRST_FREE = Program(
    densities,
    scaled,
    smoothed,
    free_moves,
    lambda sums: sums.member[:, 0].mean(axis=0),
    lambda first, _: first,
)


def resting(
    case: Case, change: Callable[[Program], Program] | None = None, rows: Array | None = None
) -> HiddenMarkov:
    """Return where a program comes to rest that starts from the maximum.

    change: puts a slip into one of its parts. rows: in place of the case's.
    """
    right = FIRST_FREE if case.sample.initial == "free" else STATIONARY
    program = right if change is None else change(right)
    x = rows_of(case.sample) if rows is None else rows
    start, moves, theta = case.fit.estimate
    for _ in range(STEPS):
        density = program.density(x, theta)
        begins = program.begins(start, moves)
        sums = program.smooth(program.passes(density, begins, moves), density, moves)
        moves = program.moves(sums, moves)
        start = stationary(moves) if program.first is None else program.first(sums)
        theta = next_theta(x, sums.member, theta)
    if program.first is None:
        return StationaryHiddenMarkov(moves, theta)
    return HiddenMarkov(start, moves, theta)
