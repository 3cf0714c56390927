"""Sums over all paths of a chain, and its best path, in machine code.

The scaled forward-backward algorithm (Rabiner 1989), walked from both ends of a sequence to its
middle and from there outwards. With b_t the densities of row t, G the transition matrix and delta
the initial distribution,

    v_t = b_t * (G' v_{t-1}), v_1 = b_1 * delta,      u_t = b_t * (G u_{t+1}), u_n = b_n,

so that both directions are one recursion, by G' and by G. Inwards v is kept up to the middle and u
down to it. Outwards the other one meets what was kept:

    gamma_t = v_t (G u_{t+1}) / their sum = (G' v_{t-1}) u_t / their sum,
    expected moves from i to j at t = G_ij v_{t-1,i} u_{t,j} / the same sum.

The directions write to different rows, so that two threads can take one each. Vectors are divided
by their sum only when it gets small, which keeps divisions out of the chain of dependent products.

Rows have K numbers, padded with zeros to a multiple of WIDE, or just two. Indices are unsigned:
numba would look whether signed ones are below 0, which takes longer than the sums.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["WIDE", "best_path", "inward", "outward", "padded"]

WIDE = 4  # numbers that the loops take at once
SMALL = 1e-60  # a sum below it is divided out
CHUNK = 64  # rows whose moves are summed by one product of matrices
U0, U1, U2, U3, U4 = (np.uint64(one) for one in range(5))

# Divisions are not checked: what a sum of 0 spoils is not finite, which the caller looks at.
compiled = njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")
inlined = njit(inline="always")


def padded(k: int) -> int:
    """Return the length of rows for K components.

    >>> [padded(k) for k in (1, 2, 3, 5)]
    [4, 2, 4, 8]
    """
    return 2 if k == 2 else -(-k // WIDE) * WIDE


@inlined
def _moved(last: Array, moves: Array, ahead: Array) -> None:
    """Write moves' last to `ahead`."""
    k = np.uint64(len(last))
    for j in range(U0, k, U4):
        a = b = c = d = 0.0
        for i in range(U0, k):
            one = last[i]
            a += one * moves[i, j]
            b += one * moves[i, j + U1]
            c += one * moves[i, j + U2]
            d += one * moves[i, j + U3]
        ahead[j], ahead[j + U1], ahead[j + U2], ahead[j + U3] = a, b, c, d


@inlined
def _met(ahead: Array, density: Array, row: np.uint64, last: Array) -> float:
    """Write ahead * density[row] to `last` and return its sum."""
    total = 0.0
    for j in range(U0, np.uint64(len(ahead)), U4):
        a = ahead[j] * density[row, j]
        b = ahead[j + U1] * density[row, j + U1]
        c = ahead[j + U2] * density[row, j + U2]
        d = ahead[j + U3] * density[row, j + U3]
        last[j], last[j + U1], last[j + U2], last[j + U3] = a, b, c, d
        total += (a + b) + (c + d)
    return total


@inlined
def _added(gamma: Array, unit: float, rows: Array, row: np.uint64) -> None:
    """Add gamma * unit to a row."""
    for j in range(U0, np.uint64(len(gamma))):
        rows[row, j] += gamma[j] * unit


@compiled
def _rescaled(ahead: Array, density: Array, row: np.uint64, last: Array) -> float:
    """Write ahead * density[row] divided by its sum to `last`; return the sum's logarithm."""
    high = ahead.max()
    if not high > 0:
        return -np.inf
    total = _met(ahead / high, density, row, last)
    if not total > 0:
        return -np.inf
    last /= total
    found: float = np.log(high) + np.log(total)
    return found


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
    """Walk from one end of each sequence; return the log of what was divided out.

    density: (m + 1, W) of each distinct row, and ones for what was not seen.
    places: (n,) the row in `density` of each row in time.
    start: (W,) what the first row's densities are multiplied by.
    moves: (W, W), transposed if the walk is backwards.
    firsts, lengths: (S,) where each walk begins, and its number of rows.
    step: 1 or -1.
    kept: (n, W), where v or u is written.

    >>> rows, kept = np.array([[0.5, 0.2, 0.1, 0.0]]), np.empty((2, 4))
    >>> walk = np.array([0, 0]), np.eye(4)[0], np.eye(4), np.array([0]), np.array([2])
    >>> inward(rows, *walk, 1, kept), kept[:, 0]
    (0.0, array([0.5 , 0.25]))
    """
    k, logs = len(start), 0.0
    ahead, last = np.empty(k), np.empty(k)
    for s in range(len(firsts)):
        ahead[:] = start
        t = firsts[s]
        for _ in range(lengths[s]):
            row = np.uint64(places[t])
            if not _met(ahead, density, row, last) >= SMALL:
                logs += _rescaled(ahead, density, row, last)
                if logs == -np.inf:
                    return logs
            here = np.uint64(t)
            for j in range(U0, np.uint64(k)):
                kept[here, j] = last[j]
            _moved(last, moves, ahead)
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
    """Walk on from the middle of each sequence; return the log of what is left of its likelihood.

    before: (S, W) what the other walk kept of the row before the first; without rows, `start` is
        where this walk begins.
    occupancy: (m + 1, W), to which gamma is added; without rows, gamma is written over `kept`.
    pairs: (W, W), to which moves are added, each yet to be multiplied by its probability; the one
        across the middle by the walk forwards.
    ends: (W,), to which gamma of each walk's last row is added.

    >>> rows, found = np.array([[0.5, 0.2, 0.1, 0.0]]), np.zeros((1, 4))
    >>> walk = np.array([0]), np.ones(4), np.eye(4), np.array([0]), np.array([1]), 1
    >>> log = outward(rows, *walk, rows, np.zeros((1, 4)), found, np.eye(4), np.ones(4))
    >>> round(float(np.exp(log)), 6), found[0].round(3)
    (0.8, array([0.625, 0.25 , 0.125, 0.   ]))
    """
    wide, k, logs, at, unit = len(start), np.uint64(len(start)), 0.0, 0, 0.0
    ahead, last, gamma = np.empty(wide), np.empty(wide), np.empty(wide)
    # moves are products of two vectors, which are summed CHUNK at a time
    ones, others = np.empty((CHUNK, wide)), np.empty((CHUNK, wide))
    for s in range(len(firsts)):
        if not lengths[s]:
            continue
        t = firsts[s]
        last[:] = before[s]
        _moved(last, moves, ahead)
        if not last.any():
            ahead[:] = start
        if step < 0:
            last[:] = 0.0
        logs += np.log(_met(ahead, kept, np.uint64(t), gamma))
        for _ in range(lengths[s]):
            row, here, now = np.uint64(places[t]), np.uint64(t), np.uint64(at)
            unit = 1 / _met(ahead, kept, here, gamma)
            for j in range(U0, k):
                ones[now, j] = last[j] * unit
                others[now, j] = kept[here, j]
            if len(occupancy):
                _added(gamma, unit, occupancy, row)
            else:
                kept[here] = 0.0
                _added(gamma, unit, kept, here)
            at += 1
            if at == CHUNK:
                pairs += np.dot(ones.T, others)
                at = 0
            if not _met(ahead, density, row, last) >= SMALL:
                _rescaled(ahead, density, row, last)
            _moved(last, moves, ahead)
            t += step
        ends += gamma * unit
    pairs += np.dot(ones[:at].T, others[:at])
    return logs


@compiled
def best_path(
    log_density: Array,
    places: NDArray[np.intp],
    log_start: Array,
    log_moves: Array,
    begins: NDArray[np.intp],
    ends: NDArray[np.intp],
    path: NDArray[np.intp],
) -> float:
    """Write the most likely path (n,) and return its joint log-probability (Viterbi 1967).

    Of equally likely states the first is taken.

    log_density: (m + 1, K), zeros for what was not seen.
    log_start, log_moves: (K,) and (K, K).

    >>> log, half = np.log(np.array([[0.9, 0.1], [0.2, 0.8], [1.0, 1.0]])), np.log([0.5, 0.5])
    >>> path, moves = np.empty(2, np.intp), np.log(np.array([[0.9, 0.1], [0.1, 0.9]]))
    >>> best = best_path(log, np.array([0, 1]), half, moves, np.array([0]), np.array([2]), path)
    >>> round(float(np.exp(best)), 6), path
    (0.081, array([0, 0]))
    """
    k, n = len(log_start), len(places)
    came = np.empty((n, k), np.uint16)
    here, ahead, total = np.empty(k), np.empty(k), 0.0
    for s in range(len(begins)):
        for j in range(k):
            here[j] = log_start[j] + log_density[places[begins[s]], j]
        for t in range(begins[s] + 1, ends[s]):
            row = places[t]
            for j in range(k):
                best, who = here[0] + log_moves[0, j], 0
                for i in range(1, k):
                    way = here[i] + log_moves[i, j]
                    if way > best:
                        best, who = way, i
                came[t, j] = who
                ahead[j] = best + log_density[row, j]
            here[:] = ahead
        at = np.argmax(here)
        total += here[at]
        for t in range(ends[s] - 1, begins[s] - 1, -1):
            path[t] = at
            if t > begins[s]:
                at = np.intp(came[t, at])
    return total
