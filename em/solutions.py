"""All shares and components that fit a table equally well.

Components with probabilities P (K, V) and groups with shares W (G, K) fit a table by W P. So do
T P and W T^-1, for every matrix T whose rows sum to one and that leaves no share and no probability
below 0 (latent budgets: de Leeuw, van der Heijden & Verboon 1990).

Of two components all solutions are known. Groups lie at t_g = W_g2 on the line from P_1 at 0 to P_2
at 1, which meets the edges of the simplex at s <= 0 and e >= 1. A first component anywhere from s
to the least t, and a second one from the greatest t to e, fit as well. So every entry lies between
its values at the four corners.

Of more components solutions are visited one after the other. Moving row i of T along a direction d
that sums to 0 changes P_i by x d P, and W_gk in proportion to W_gk (1 + x d_i) - x W_gi d_k, so
that the x that keep all of them above 0 are an interval, which is known exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from em.structure import LEAST
from models.family import entries, first, rebuilt
from models.structure import shares_of, with_shares

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.arrays import Array
    from models.structure import Structure

__all__ = ["Solutions", "rank_of", "solutions_of"]

VISITS = 4_000  # moves from solution to solution, of more than two components
CUT = 10 * LEAST  # a smaller share is 0
ROUNDING = 1e-5  # singular value, relative to the largest, of components that coincide


class Solutions[S: Structure](NamedTuple):
    """The least and the largest value of every share and entry among solutions that fit alike.

    exact: whether they are the ends of all solutions, or of those that were visited.

    >>> Solutions._fields
    ('low', 'high', 'exact')
    """

    low: S
    high: S
    exact: bool


def solutions_of[S: Structure](structure: S) -> Solutions[S] | None:
    """Return the ends of the solutions that fit as well; None if components cannot be remixed.

    They can if groups have shares of their own, and a component is a distribution over categories.

    >>> from models import Admixture, Categorical
    >>> share = np.array([[0.5, 0.5], [0.25, 0.75]])
    >>> ends = solutions_of(Admixture(share, Categorical(np.array([[0.8, 0.2], [0.4, 0.6]]))))
    >>> ends.low.theta.prob.round(3), ends.high.theta.prob.round(3)
    (array([[0.6, 0. ],
           [0. , 0.5]]), array([[1. , 0.4],
           [0.5, 1. ]]))
    """
    remixed = _remixed(structure)
    if remixed is None:
        return None
    (weight, prob), theta = remixed, structure.theta
    two = weight.shape[1] == 2
    visited = _of_two(weight, prob) if two else _visited(weight, prob)
    low = [np.full_like(one, np.inf) for one in (weight, prob)]
    high = [np.full_like(one, -np.inf) for one in (weight, prob)]
    for solution in visited:
        for one, least, most in zip(solution, low, high, strict=True):
            np.minimum(least, one, out=least)
            np.maximum(most, one, out=most)
    (name,) = structure.axes()
    assert list(entries(theta)) == list(type(theta).layout())
    begin, end = (
        _clipped(with_shares(type(structure), {name: share}, rebuilt(type(theta), [inner])))
        for share, inner in (low, high)
    )
    return Solutions(begin, end, two)


def rank_of(structure: Structure) -> int | None:
    """Return how many parameters a table tells; None if components cannot be remixed.

    Near W P lie W P + A P + W B, with rows of A and B that sum to zero. The former fill G r
    dimensions, for r the rank of the differences of components, and the latter q (V - 1), for q the
    rank of W. They share q r. That is I (K - 1) + K (J - 1) - K (K - 1) where nothing coincides.

    >>> from models import Admixture, Categorical
    >>> share = np.array([[0.5, 0.5], [0.25, 0.75]])
    >>> rank_of(Admixture(share, Categorical(np.array([[0.8, 0.1, 0.1], [0.4, 0.2, 0.4]]))))
    4
    >>> rank_of(Admixture(share, Categorical(np.array([[0.8, 0.1, 0.1]] * 2))))  # they coincide
    4
    """
    remixed = _remixed(structure)
    if remixed is None:
        return None
    weight, prob = remixed
    r = int(np.linalg.matrix_rank(prob[1:] - prob[:1], rtol=ROUNDING))
    q = int(np.linalg.matrix_rank(weight, rtol=ROUNDING))
    g, v = len(weight), int(prob.shape[1])
    return g * r + q * (v - 1 - r)


def _remixed(structure: Structure) -> tuple[Array, Array] | None:
    """Return shares (G, K) and probabilities (K, V) if both may be mixed into others."""
    shares, theta = shares_of(structure), structure.theta
    layout = type(theta).layout()
    if not all(field.simplex for field in layout.values()) or len(layout) != 1:
        return None
    if [*structure.axes().values()] != [("group", "component")]:
        return None
    (weight,), prob = shares.values(), np.asarray(first(theta))
    if weight.ndim != 2 or weight.shape[1] < 2:
        return None
    return np.where(weight < CUT, 0, weight), np.where(prob < CUT, 0, prob)


def _clipped[S: Structure](structure: S) -> S:
    """Return ends without rounding beyond 0 and 1, or next to 0."""

    def within(one: Array) -> Array:
        return np.where(one < CUT, 0, one.clip(0, 1))

    shares = {name: within(one) for name, one in shares_of(structure).items()}
    theta = structure.theta
    fields = [within(field) for field in entries(theta).values()]
    return with_shares(type(structure), shares, rebuilt(type(theta), fields))


def _of_two(weight: Array, prob: Array) -> Iterator[tuple[Array, Array]]:
    """Yield the solutions at the four corners: shares (G, 2) and probabilities (2, V)."""
    place, way = weight[:, 1], prob[1] - prob[0]
    falls, rises = way < 0, way > 0
    edges = np.full(len(way), np.nan)
    np.divide(-prob[0], way, out=edges, where=falls | rises)
    end = float(edges[falls].min(initial=np.inf))
    begin = float(edges[rises].max(initial=-np.inf))
    if not (np.isfinite(begin) and np.isfinite(end)):  # equal components fit in one way
        yield weight, prob
        return
    begin, end = min(begin, 0.0), max(end, 1.0)
    for u in (begin, float(place.min())):
        for v in (float(place.max()), end):
            if v > u:
                share = (place - u) / (v - u)
                inner = np.stack([prob[0] + u * way, prob[0] + v * way])
                yield np.stack([1 - share, share], axis=1), inner


def _visited(weight: Array, prob: Array) -> Iterator[tuple[Array, Array]]:
    """Yield solutions at the ends of moves from one to the next, in a fixed random order."""
    rng, k = np.random.default_rng(0), weight.shape[1]
    yield weight, prob
    for visit in range(VISITS):
        row = visit % k
        way = rng.standard_normal(size=(k,))
        if visit % 2:  # towards one other component, or away from it
            way = np.eye(k)[(row + rng.integers(1, k)) % k]
        way = way - np.eye(k)[row] * way.sum()
        slope = way @ prob
        limits = _interval([(prob[row], slope), *_of_shares(weight, row, way)])
        if limits[0] > limits[1]:
            continue
        for limit in limits:
            yield _moved(weight, prob, row, way, limit)
        weight, prob = _moved(weight, prob, row, way, rng.uniform(*limits))


def _of_shares(weight: Array, row: int, way: Array) -> list[tuple[Array, Array]]:
    """Return value and slope of what has to stay above 0: 1 + x d_i, and every share times it."""
    one = np.ones(1), np.array([way[row]])
    return [one, (weight.ravel(), (weight * way[row] - weight[:, [row]] * way).ravel())]


def _interval(kept: list[tuple[Array, Array]]) -> tuple[float, float]:
    """Return the x around 0 for which value + x slope is nowhere below 0."""
    low, high = -np.inf, np.inf
    for value, slope in kept:
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = -value / slope
        up, down = slope > LEAST, slope < -LEAST
        low = max(low, float(ends[up].max(initial=-np.inf)))
        high = min(high, float(ends[down].min(initial=np.inf)))
    if not (np.isfinite(low) and np.isfinite(high)):
        return 0.0, 0.0
    shrunk = 1 - 1e-9  # at the very end 1 + x d_i may be 0
    return min(low, 0.0) * shrunk, max(high, 0.0) * shrunk


def _moved(weight: Array, prob: Array, row: int, way: Array, x: float) -> tuple[Array, Array]:
    """Return the solution with row i of T moved: T^-1 is known by Sherman & Morrison (1950)."""
    inner = prob.copy()
    inner[row] += x * (way @ prob)
    share = weight - x * weight[:, [row]] * way / (1 + x * way[row])
    return share.clip(0), inner.clip(0)
