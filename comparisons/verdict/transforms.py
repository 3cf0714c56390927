"""Probability integral transforms of the data, and whether they are uniform.

If the model is right, the transform u = P(X <= x) of an observation is uniform on (0, 1). It stays
so if the parameters are a draw from their posterior, whatever was estimated (Johnson 2004, 2007).
So the p-value of a test of uniformity needs no correction for parameters that were estimated.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.polynomial.legendre import legvander
from scipy.special import chdtrc, ndtri

from em.emission import emission_of
from models.value_grid import step_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array, Labels
    from models.family import Theta
    from models.question import Question

__all__ = [
    "FINE",
    "Intervals",
    "Observed",
    "chance_of",
    "counted",
    "curve",
    "distance_of",
    "ends_of",
    "observed_of",
    "places",
    "scores",
    "serial_chance_of",
    "serial_table",
    "smooth_chance_of",
    "tables",
    "transformed",
]

CELLS = 100  # of the transforms, at most; n^0.4 of them have the most power (Johnson 2004)
ORDER = 6  # of the smooth test: groups between groups need an even order above 4
FINE = 200  # cells in which transforms are counted for it
GRID = 201  # places at which the transforms' distribution function is known
AT_ONCE = 1 << 20  # doubles in a working set
NONE = np.empty(0, np.intp)
FARTHEST = 8.0  # normal score beyond which a transform is 0 or 1 to rounding


class Observed(NamedTuple):
    """The data, as their transforms need them.

    x: (m,) or (m, d) distinct rows; trials: (m,) for coins.
    ends: (2, m) or (2, m, d) a row stands for all values above the first and up to the second.
    rows: (u,) the row of each unit; counts: (u,) how many observations it stands for.
    later: (p,) units that follow the one before them in time, both of them seen.

    >>> observed_of(fit.question).ends[:, :3]
    array([[-1.,  0.,  1.],
           [ 0.,  1.,  2.]])
    """

    x: Array
    trials: Array | None
    ends: Array
    rows: Labels
    counts: Labels
    later: Labels = NONE


class Intervals(NamedTuple):
    """The transforms (d, u) of each column given the columns before it: P(X < x) to P(X <= x).

    Of a cell that was not seen there is none: it is NaN.

    >>> Intervals(np.zeros((1, 2)), np.full((1, 2), 0.5)).high.shape
    (1, 2)
    """

    low: Array
    high: Array


def observed_of(question: Question[Any, Any]) -> Observed:
    """Return the data of a question.

    Counts stand for themselves. A measurement that was rounded stands for all that are rounded to
    it.

    >>> from models import Gaussian, Sample
    >>> from models.question import asked
    >>> observed_of(asked(Gaussian, Sample([1.5, 2.0, 3.5]), 1)).ends[1]
    array([1.75, 2.25, 3.75])
    """
    sample, units = question.rows, question.units
    emission = emission_of(question.family)
    ends = ends_of(sample.x, whole=~emission.placed(sample.dimension))
    ends[0][emission.masses(sample.x)] -= 1  # all of the probability lies above the first end
    counts = np.rint(units.unit_counts).astype(np.int64)
    later = units.followers()
    later = later[(counts[later] > 0) & (counts[later - 1] > 0)]
    return Observed(sample.x, sample.trials, ends, units.unit_rows, counts, later)


def ends_of(x: Array, *, whole: NDArray[np.bool_]) -> Array:
    """Return the ends (2, m) or (2, m, d) of the values that each row stands for.

    whole: (d,) whether columns are whole numbers by their family.

    >>> ends_of(np.array([0.0, 2.0]), whole=np.array([True]))
    array([[-1.,  1.],
           [ 0.,  2.]])
    """
    table = x.reshape(len(x), -1)
    seen = (column[~np.isnan(column)] for column in table.T)
    half = np.array([step_of(np.unique(column)) for column in seen]) / 2
    low, high = np.where(whole, 1, half), np.where(whole, 0, half)
    return np.stack([table - low, table + high]).reshape(2, *x.shape)


def transformed(observed: Observed, theta: Theta, ahead: Array) -> Intervals:
    """Return the transforms under one structure.

    A mixture's is the mean of its components', each with the probability that the unit belongs to
    it given the columns before.

    ahead: (K, u) or (K, 1) probabilities of the components before the unit is seen.

    >>> ahead = fit.estimate.weight[:, None]
    >>> found = transformed(observed_of(fit.question), fit.estimate.theta, ahead)
    >>> found.low[0, 0], bool((found.low < found.high).all())  # the first row is 0
    (np.float64(0.0), True)
    """
    below, before = theta.cumulative(observed.x, observed.ends, observed.trials)
    below, before = below[..., observed.rows], before[..., observed.rows]
    with np.errstate(divide="ignore"):  # a share of zero
        logs = np.log(ahead) + before
    share = np.exp(logs - logs.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    low, high = np.einsum("dku,dkeu->edu", share, below).clip(0, 1)
    return Intervals(low, high)


def counted(
    low: Array, high: Array, counts: Labels, cells: int, rng: np.random.Generator
) -> Labels:
    """Return how many observations fall into each of as many equal cells of (0, 1).

    The observations of a unit are uniform between its ends (u,), drawn at random. Units that were
    not seen are not counted.

    >>> low, high = np.array([0.0, 0.5]), np.array([0.5, 1.0])
    >>> counted(low, high, np.array([10, 30]), 2, np.random.default_rng(1))
    array([10, 30])
    """
    if (blank := np.isnan(low)).any():
        low, high, counts = low[~blank], high[~blank], counts[~blank]
    first = np.minimum((low * cells).astype(np.intp), cells - 1)
    last = np.maximum(first, np.ceil(high * cells).astype(np.intp) - 1)
    wide = first < last
    found = np.bincount(first[~wide], counts[~wide], minlength=cells)
    edges = np.linspace(0, 1, cells + 1)
    rows = np.flatnonzero(wide)
    for begin in range(0, len(rows), AT_ONCE // cells):
        some = rows[begin : begin + AT_ONCE // cells, None]
        overlap = np.minimum(high[some], edges[1:]) - np.maximum(low[some], edges[:-1])
        share = overlap.clip(0)
        share /= share.sum(axis=1, keepdims=True)
        found += rng.multinomial(counts[some[:, 0]], share).sum(axis=0)
    return found.astype(np.int64)


def tables(found: Intervals, counts: Labels, rng: np.random.Generator) -> list[Labels]:
    """Return the counts of the transforms in cells of equal chance: of columns, then of pairs.

    Pairs are counted in squares, which show a dependence that the model does not have. They are
    those of which both columns were seen.

    >>> u = np.array([[0.1, 0.9], [0.2, 0.8]])
    >>> ones = np.ones(2, np.int64)
    >>> [one.tolist() for one in tables(Intervals(u, u), ones, np.random.default_rng(1))]
    [[1, 1], [1, 1], [[1, 0], [0, 1]]]
    """
    cells = int(np.clip(round(counts.sum() ** 0.4), 2, CELLS))
    columns = zip(found.low, found.high, strict=True)
    singles = [counted(low, high, counts, cells, rng) for low, high in columns]
    if len(singles) == 1:
        return singles
    side = max(2, round(cells**0.5))
    u = np.repeat(found.low, counts, axis=1)
    u += (np.repeat(found.high, counts, axis=1) - u) * rng.random(u.shape)
    seen = ~np.isnan(u)
    cell = np.minimum((np.where(seen, u, 0) * side).astype(np.intp), side - 1)
    pairs = []
    for one, two in combinations(range(len(u)), 2):
        both = (cell[one] * side + cell[two])[seen[one] & seen[two]]
        pairs.append(np.bincount(both, minlength=side**2).reshape(side, side))
    return [*singles, *pairs]


def chance_of(table: Labels) -> float:
    """Return the p-value of Pearson's test that all cells of a table have the same chance.

    It is 1 for an empty table, of columns that were never seen together.

    >>> round(chance_of(np.array([50, 50])), 3), round(chance_of(np.array([90, 10])), 3)
    (1.0, 0.0)
    """
    if not table.any():
        return 1.0
    due = table.sum() / table.size
    return float(chdtrc(table.size - 1, ((table - due) ** 2).sum() / due))


def serial_table(low: Array, high: Array, later: Labels, rng: np.random.Generator) -> Labels:
    """Return how often a transform in each cell is followed by one in each cell, (cells, cells).

    low, high: (u,) ends of the units' transforms, between which they are drawn at random.
    later: (p,) units that follow the one before them.

    >>> u = np.array([0.1, 0.9, 0.2, 0.8])
    >>> serial_table(u, u, np.arange(1, 4), np.random.default_rng(1)).tolist()
    [[0, 2], [1, 0]]
    """
    later = later[~(np.isnan(low[later]) | np.isnan(low[later - 1]))]
    side = max(2, round(min(CELLS, len(later) ** 0.4) ** 0.5))
    u = low + (high - low) * rng.random(len(low))
    cell = np.minimum((np.nan_to_num(u) * side).astype(np.intp), side - 1)
    both = np.bincount(cell[later - 1] * side + cell[later], minlength=side**2)
    return both.reshape(side, side)


def serial_chance_of(table: Labels) -> float:
    """Return the p-value of a test that transforms which follow each other are independent.

    Pairs overlap, so that Pearson's statistic of their cells is no chi-squared. That of the pairs
    less that of the single cells is, with s^2 - s degrees of freedom for s cells (Good 1953).

    >>> round(serial_chance_of(np.full((3, 3), 50)), 3)
    1.0
    >>> round(serial_chance_of(np.array([[90, 10], [10, 90]])), 3)
    0.0
    """
    if not table.any():
        return 1.0
    side, alone = len(table), table.sum(axis=1)
    due = table.sum() / side
    pairs = ((table - due / side) ** 2).sum() / (due / side)
    return float(chdtrc(side**2 - side, max(pairs - ((alone - due) ** 2).sum() / due, 0.0)))


def smooth_chance_of(table: Labels) -> float:
    """Return the p-value of Neyman's smooth test (1937) of transforms that were counted in cells.

    The statistic is the sum over orders k of (sum_i P_k(u_i))^2 / n with Legendre polynomials P_k
    that have mean 0 and variance 1. It is chi-squared with ORDER degrees of freedom. It needs fewer
    observations than Pearson's test to find smooth differences.

    >>> even, low = np.full(100, 5), np.repeat([9, 1], 50)
    >>> round(smooth_chance_of(even), 3), round(smooth_chance_of(low), 3)
    (1.0, 0.0)
    """
    basis = _polynomials(len(table))
    return float(chdtrc(ORDER, ((table @ basis) ** 2).sum() / table.sum()))


@cache
def _polynomials(cells: int) -> Array:
    """Return Legendre polynomials of variance 1 at the middles of as many cells, (cells, ORDER)."""
    middle = (2 * np.arange(cells) + 1) / cells - 1
    sizes = np.sqrt(2 * np.arange(1, ORDER + 1) + 1)
    return np.asarray(legvander(middle, ORDER)[:, 1:] * sizes, np.float64)


def distance_of(table: Array) -> float:
    """Return the largest difference of a square table's distribution function from the uniform one.

    >>> distance_of(np.array([[50.0, 0.0], [0.0, 50.0]]))
    0.25
    """
    edges = np.arange(1, len(table) + 1) / len(table)
    if not table.any():
        return 0.0
    seen = table.cumsum(axis=0).cumsum(axis=1) / table.sum()
    return float(np.abs(seen - np.outer(edges, edges)).max())


def places() -> Array:
    """Return the places (GRID,) at which `curve` is evaluated, from 0 to 1.

    >>> places()[[0, 100, 200]]
    array([0. , 0.5, 1. ])
    """
    return np.linspace(0, 1, GRID)


def curve(found: Intervals, counts: Labels) -> Array:
    """Return the distribution function (d, GRID) of the transforms of each column.

    A unit's transform is spread evenly between its ends (Czado, Gneiting & Held 2009).

    >>> u = (np.arange(1000.0) + 0.5)[None] / 1000
    >>> curve(Intervals(u, u), np.ones(1000, np.int64))[0, [0, 50, 100]].round(2)
    array([0.  , 0.25, 0.5 ])
    """
    t = places()
    curves = []
    for low, high in zip(*found, strict=True):
        seen, sharp = ~np.isnan(low), high - low < 1e-12
        at, n = np.searchsorted(t, low[sharp]), counts[seen].sum()
        below = np.bincount(at, counts[sharp], minlength=GRID + 1)[:GRID].cumsum()
        rows = np.flatnonzero(seen & ~sharp)
        for begin in range(0, len(rows), AT_ONCE // GRID):
            some = rows[begin : begin + AT_ONCE // GRID]
            way = (t - low[some, None]) / (high[some, None] - low[some, None])
            below = below + counts[some] @ way.clip(0, 1)
        curves.append(below / n)
    return np.array(curves)


def scores(found: Intervals) -> Array:
    """Return the normal scores (d, u) of the transforms: standard normal if the model is right.

    >>> scores(Intervals(np.array([[0.0]]), np.array([[1.0]])))
    array([[0.]])
    """
    score: Array = ndtri((found.low + found.high) / 2)  # NaN of what was not seen
    return score.clip(-FARTHEST, FARTHEST)
