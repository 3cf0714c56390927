"""The walks of `em/paths.py` for two components, whose numbers stay in registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["inward", "outward", "scaled"]

SMALL = 1e-60  # a sum below it is divided out
U0, U1 = np.uint64(0), np.uint64(1)

# as in em/paths.py; numba watches a function's own file alone, so that files share nothing
compiled = njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")
inlined = njit(inline="always")


@compiled
def scaled(
    log_density: Array, counts: Array | NDArray[np.int64], begin: int, end: int, density: Array
) -> float:
    """Write p over the larger of each row to `density`; return the sum of what that hides.

    log_density: (2, m). counts: (m,), by which logarithms are multiplied in the sum.
    begin, end: the rows to take. density: (m + 1, 2).

    >>> density = np.empty((1, 2))
    >>> scaled(np.array([[-1.0], [-3.0]]), np.array([2.0]), 0, 1, density), density.round(3)
    (-2.0, array([[1.   , 0.135]]))
    """
    total = 0.0
    for row in range(np.uint64(begin), np.uint64(end)):
        one, other = log_density[U0, row], log_density[U1, row]
        high = max(one, other)
        less = np.exp(min(one, other) - high)
        density[row, U0] = 1.0 if one >= other else less
        density[row, U1] = less if one >= other else 1.0
        total += high * counts[row]
    return total


@inlined
def _rescaled(x: float, y: float, b: float, c: float) -> tuple[float, float, float]:
    """Return x b and y c divided by their sum, and its logarithm."""
    high = max(x, y)
    if not high > 0:
        return 0.0, 0.0, -np.inf
    v, w = x / high * b, y / high * c
    total = v + w
    if not total > 0:
        return 0.0, 0.0, -np.inf
    return v / total, w / total, np.log(high) + np.log(total)


@compiled
def inward(
    density: Array,
    places: NDArray[np.intp],
    start: Array,
    moves: Array,
    firsts: NDArray[np.intp],
    lengths: NDArray[np.intp],
    step: int,
    kept: Array,
) -> float:
    """`paths.inward` for two components.

    >>> kept = np.empty((1, 2))
    >>> walk = np.array([0]), np.ones(2), np.eye(2), np.array([0]), np.array([1])
    >>> inward(np.array([[0.5, 0.2], [1.0, 1.0]]), *walk, 1, kept), kept.tolist()
    (0.0, [[0.5, 0.2]])
    """
    a, b, c, d = moves[0, 0], moves[0, 1], moves[1, 0], moves[1, 1]
    logs = 0.0
    for s in range(len(firsts)):
        x, y = start[0], start[1]
        t = firsts[s]
        for _ in range(lengths[s]):
            row, here = np.uint64(places[t]), np.uint64(t)
            v, w = x * density[row, U0], y * density[row, U1]
            if not v + w >= SMALL:
                v, w, log = _rescaled(x, y, density[row, U0], density[row, U1])
                logs += log
                if logs == -np.inf:
                    return logs
            kept[here, U0], kept[here, U1] = v, w
            x, y = v * a + w * c, v * b + w * d
            t += step
    return logs


@compiled
def outward(
    density: Array,
    places: NDArray[np.intp],
    start: Array,
    moves: Array,
    firsts: NDArray[np.intp],
    lengths: NDArray[np.intp],
    step: int,
    kept: Array,
    before: Array,
    occupancy: Array,
    pairs: Array,
    ends: Array,
) -> float:
    """`paths.outward` for two components.

    >>> walk = np.array([0]), np.ones(2), np.eye(2), np.array([0]), np.array([1]), 1
    >>> rows, none, found = np.array([[0.5, 0.5], [1.0, 1.0]]), np.zeros((1, 2)), np.zeros((2, 2))
    >>> log = outward(rows, *walk, rows[:1], none, found, np.eye(2), np.ones(2))
    >>> log, found[0]
    (0.0, array([0.5, 0.5]))
    """
    a, b, c, d = moves[0, 0], moves[0, 1], moves[1, 0], moves[1, 1]
    logs, aa, ab, ba, bb = 0.0, 0.0, 0.0, 0.0, 0.0
    counted = len(occupancy) > 0
    for s in range(len(firsts)):
        t = firsts[s]
        v, w = before[s, 0], before[s, 1]
        x, y = v * a + w * c, v * b + w * d
        if v == 0 and w == 0:
            x, y = start[0], start[1]
        if step < 0:
            v, w = 0.0, 0.0
        g = h = 0.0
        for r in range(lengths[s]):
            row, here = np.uint64(places[t]), np.uint64(t)
            e, f = kept[here, U0], kept[here, U1]
            total = x * e + y * f
            if r == 0:
                logs += np.log(total)
            unit = 1 / total
            g, h = x * e * unit, y * f * unit
            if counted:
                occupancy[row, U0] += g
                occupancy[row, U1] += h
            else:
                kept[here, U0], kept[here, U1] = g, h
            v, w = v * unit, w * unit
            aa += v * e
            ab += v * f
            ba += w * e
            bb += w * f
            v, w = x * density[row, U0], y * density[row, U1]
            if not v + w >= SMALL:
                v, w, _log = _rescaled(x, y, density[row, U0], density[row, U1])
            x, y = v * a + w * c, v * b + w * d
            t += step
        ends[0] += g
        ends[1] += h
    pairs[0, 0] += aa
    pairs[0, 1] += ab
    pairs[1, 0] += ba
    pairs[1, 1] += bb
    return logs
