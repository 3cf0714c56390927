"""One E-step over the cells of groups, in machine code.

A cell is a distinct row x of a group g, with its count. With shares w_gk and densities p_xk,

    s = sum_k w_gk p_xk,                 log-likelihood = sum over cells of count log s,
    expected of component k in g:        w_gk sum over g's cells of p_xk count / s,
    expected of component k at x:        p_xk sum over x's cells of w_gk count / s,

so that each cell costs three walks over K numbers, whatever the number of empty cells. The last
sum runs over cells in the order of their rows, so that it is written once a row and not once a
cell. Groups are taken in blocks, small enough that count / s of all their cells stays in the cache.

Rows have K numbers, padded with zeros to a multiple of WIDE. Loops over them are short, so that
four cells share one.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array
    from models.groups import Groups

__all__ = ["Blocks", "blocks_of", "expected", "padded"]

WIDE = 4  # numbers that a register of most processors carries
BLOCK = 200_000  # cells of a block: its quotients stay in the cache of a processor
SMALL = 10_000  # cells that are one block
FAINT = 1e-290  # a sum below it has lost its digits: the caller takes logarithms
ROOT_HALF = 0x3FE6A09E667F3BCD  # the bits of sqrt(1/2)
EXPONENT = 52  # bits below the exponent of a number
LOG_2 = float(np.log(2))
U0, U1, U2, U3, U4 = (np.uint64(one) for one in range(5))

# Divisions are not checked: the caller looks at a sum that is not finite.
compiled = njit(
    cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy"
)


class Blocks(NamedTuple):
    """Cells by group, and again by row within each block of groups.

    places, times: (c,) distinct row and count of each cell, group by group.
    ends: (G,) where the cells of each group end.
    groups: (B + 1,) the first group of each block, and G.
    slots: (c,) where each cell stands, in its block, in the order of rows.
    whose: (c,) the groups of cells in that order.
    rows, row_ends: (r,) each distinct row of each block, and where its cells end.
    runs: (B + 1,) the first of these of each block, and r.

    >>> from models.groups import Groups
    >>> blocks = blocks_of(Groups([0, 3, 3], ["a", "a", "b"]))
    >>> blocks.slots, blocks.rows, blocks.row_ends
    (array([0, 1, 2], dtype=int32), array([0, 1]), array([1, 3]))
    """

    places: NDArray[np.intp]
    times: Array | NDArray[np.int64]
    ends: NDArray[np.intp]
    groups: NDArray[np.intp]
    slots: NDArray[np.int32]
    whose: NDArray[np.int32]
    rows: NDArray[np.intp]
    row_ends: NDArray[np.intp]
    runs: NDArray[np.intp]


def blocks_of(data: Groups) -> Blocks:
    """Return the cells of groups in blocks, at least two if cells are many.

    Blocks do not depend on the number of threads, so that sums are rounded alike with any.

    >>> from models.groups import Groups
    >>> blocks_of(Groups([0, 3, 3], ["a", "a", "b"])).groups
    array([0, 2])
    """
    ends, places, c = data.ends, data.places, len(data.places)
    several = 1 if c < SMALL else max(2, round(c / BLOCK))
    inner = np.searchsorted(ends, c / several * np.arange(1, several))
    groups = np.unique(np.concatenate([[0], inner, [len(ends)]]))
    slots, whose = np.empty(c, np.int32), np.empty(c, np.int32)
    rows, row_ends = [], []
    for first, end in pairwise(groups):
        cells = slice(data.begins[first], ends[end - 1])
        order = np.argsort(places[cells], kind="stable")
        slots[cells.start + order] = np.arange(len(order))
        whose[cells] = data.whose[cells][order]
        own = places[cells][order]
        last = np.append(np.flatnonzero(own[1:] != own[:-1]), len(own) - 1)
        rows.append(own[last])
        row_ends.append(last + 1 + cells.start)
    runs = np.cumsum([0, *map(len, rows)])
    return Blocks(
        places,
        data.times,
        ends,
        groups,
        slots,
        whose,
        np.concatenate(rows),
        np.concatenate(row_ends),
        runs,
    )


def padded(k: int) -> int:
    """Return the length of rows for K components.

    >>> [padded(k) for k in (2, 4, 5)]
    [4, 4, 8]
    """
    return -(-k // WIDE) * WIDE


@compiled
def _first(blocks: Blocks, block: int) -> int:
    """Return the first cell of a block."""
    group = blocks.groups[block]
    return int(blocks.ends[group - 1]) if group else 0


@compiled
def _heights(
    density: Array,
    weight: Array,
    group: int,
    places: NDArray[np.intp],
    begin: int,
    end: int,
    heights: Array,
) -> None:
    """Write sum_k w_gk p_xk of a group's cells to the beginning of `heights`."""
    k, g, at = np.uint64(weight.shape[1]), np.uint64(group), np.uint64(begin)
    i, n = U0, np.uint64(end - begin)
    while i + U4 <= n:
        x, y = np.uint64(places[at + i]), np.uint64(places[at + i + U1])
        v, w = np.uint64(places[at + i + U2]), np.uint64(places[at + i + U3])
        one = two = three = four = 0.0
        for j in range(U0, k):
            one += weight[g, j] * density[x, j]
            two += weight[g, j] * density[y, j]
            three += weight[g, j] * density[v, j]
            four += weight[g, j] * density[w, j]
        heights[i], heights[i + U1], heights[i + U2], heights[i + U3] = one, two, three, four
        i += U4
    while i < n:
        x, one = np.uint64(places[at + i]), 0.0
        for j in range(U0, k):
            one += weight[g, j] * density[x, j]
        heights[i] = one
        i += U1


@compiled
def _logs(
    heights: Array,
    times: Array | NDArray[np.int64],
    begin: int,
    end: int,
    room: NDArray[np.int64],
    quotients: Array,
) -> float:
    """Return the sum of count log s over cells, NaN if one is too faint; write count / s.

    log(m 2^e) = e log 2 + 2 z (1 + z^2 / 3 + z^4 / 5 + ...), z = (m - 1) / (m + 1). With m from
    sqrt(1/2) to sqrt(2) these terms are right to the last digit, and processors take several cells
    at once, which they cannot with the logarithm of their library.
    """
    n, at, total, faint = np.uint64(end - begin), np.uint64(begin), 0.0, False
    for i in range(U0, n):
        faint |= not heights[i] > FAINT
    if faint:
        return np.nan
    bits, mantissas = heights.view(np.int64), room.view(np.float64)
    for i in range(U0, n):
        exponent = (bits[i] - ROOT_HALF) >> EXPONENT
        room[i] = bits[i] - (exponent << EXPONENT)
        quotients[i] = float(exponent)
    for i in range(U0, n):
        count, power = float(times[at + i]), quotients[i]
        z = (mantissas[i] - 1) / (mantissas[i] + 1)
        q = z * z
        low = 1 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q / 11))))
        high = 1 / 13 + q * (1 / 15 + q * (1 / 17 + q * (1 / 19 + q / 21)))
        total += count * (power * LOG_2 + 2 * z * (low + q**6 * high))
        quotients[i] = count / heights[i]
    return total


@compiled
def _combined(
    lines: Array,
    which: NDArray[np.signedinteger],
    begin: int,
    end: int,
    units: Array,
    first: int,
    sums: Array,
) -> None:
    """Write the sum of some lines (n, W), each times its unit, to `sums` (W,)."""
    k, i, last = np.uint64(lines.shape[1]), np.uint64(begin), np.uint64(end)
    u = np.uint64(first)
    for j in range(U0, k):
        sums[j] = 0.0
    while i + U4 <= last:
        a, b, c, d = units[u], units[u + U1], units[u + U2], units[u + U3]
        x, y = np.uint64(which[i]), np.uint64(which[i + U1])
        v, w = np.uint64(which[i + U2]), np.uint64(which[i + U3])
        for j in range(U0, k):
            sums[j] += (a * lines[x, j] + b * lines[y, j]) + (c * lines[v, j] + d * lines[w, j])
        i, u = i + U4, u + U4
    while i < last:
        a, x = units[u], np.uint64(which[i])
        for j in range(U0, k):
            sums[j] += a * lines[x, j]
        i, u = i + U1, u + U1


@compiled
def expected(
    density: Array,
    weight: Array,
    blocks: Blocks,
    begin: int,
    end: int,
    occupancy: Array,
    own: Array,
) -> float:
    """Return the log-likelihood of the groups of some blocks, NaN where a sum is too faint.

    density: (m, W) of each distinct row. weight: (G, W).
    begin, end: the first block, and the one after the last.
    occupancy: (m, W), to which the sum of w_gk count / s of each distinct row is added.
    own: (G, W), where the expected number of each component in each group is written.

    >>> from models.groups import Groups
    >>> blocks = blocks_of(Groups.from_table([[3]]))
    >>> density, own, occupancy = np.array([[0.5, 0.1, 0, 0]]), np.empty((1, 4)), np.zeros((1, 4))
    >>> even = np.array([[0.5, 0.5, 0, 0]])
    >>> round(expected(density, even, blocks, 0, 1, occupancy, own), 4), own.round(3)
    (-3.6119, array([[2.5, 0.5, 0. , 0. ]]))
    """
    logs, longest = 0.0, 0
    for block in range(begin, end):
        longest = max(longest, _first(blocks, block + 1) - _first(blocks, block))
    sums, units = np.empty(weight.shape[1]), np.empty(longest)
    heights, quotients = np.empty(longest), np.empty(longest)
    room = np.empty(longest, np.int64)
    for block in range(begin, end):
        first = _first(blocks, block)
        at = first
        for g in range(blocks.groups[block], blocks.groups[block + 1]):
            last = blocks.ends[g]
            _heights(density, weight, g, blocks.places, at, last, heights)
            found = _logs(heights, blocks.times, at, last, room, quotients)
            if np.isnan(found):
                return found
            logs += found
            for i in range(U0, np.uint64(last - at)):
                units[blocks.slots[np.uint64(at) + i]] = quotients[i]
            _combined(density, blocks.places, at, last, quotients, 0, sums)
            for j in range(len(sums)):
                own[g, j] = weight[g, j] * sums[j]
            at = last
        at = first
        for run in range(blocks.runs[block], blocks.runs[block + 1]):
            last, x = blocks.row_ends[run], blocks.rows[run]
            _combined(weight, blocks.whose, at, last, units, at - first, sums)
            for j in range(len(sums)):
                occupancy[x, j] += sums[j]
            at = last
    return logs
