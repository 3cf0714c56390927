"""Rounded numbers as cells of a grid, so that counting the distinct ones is one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["Cells", "ValueGrid", "cells_of", "value_grid_of"]

PROBE = 1 << 14  # rows from which the spacing is told
BEYOND = 0.5  # of the probe's range, room for numbers on either side of it
NOISE = 1e-9  # of the range, a spacing that is the rounding of equal numbers
AT_ONCE = 1 << 15  # rows in a working set that the cache holds
SHIFT = 2.0**52 + 2.0**51  # added to a number, it leaves the nearest integer in the last bits
ORIGIN = int(np.float64(SHIFT).view(np.int64))


class ValueGrid(NamedTuple):
    """Evenly spaced places in each column, and the number that was seen at each.

    low, unit: (d,) the first place and the spacing.
    seen: a column's numbers by place, (places,), NaN where none has been seen.
    """

    low: Array
    unit: Array
    seen: tuple[Array, ...]

    @property
    def cells(self) -> int:
        """How many rows of places there are."""
        return int(np.prod([len(one) for one in self.seen]))

    def rows(self, cells: NDArray[np.intp]) -> Array:
        """Return the (m, d) rows that cells stand for."""
        places = np.unravel_index(cells, [len(one) for one in self.seen])
        return np.column_stack([one[at] for one, at in zip(self.seen, places, strict=True)])


class Cells(NamedTuple):
    """Where some rows fall.

    cell: (B,) of each row, where it fits.
    fits: (B,) whether the grid has seen exactly this row's numbers; None if all fit.
    """

    cell: NDArray[np.intp]
    fits: NDArray[np.bool_] | None


def value_grid_of(table: Array, most: int) -> ValueGrid | None:
    """Return the grid on which a table's numbers lie, None if it would have too many cells.

    It is a guess from some of the rows, and no more than a way to look numbers up: what does not
    lie on it is counted otherwise.

    table: (n, d).
    most: cells.
    """
    probe = table[:: max(1, len(table) // PROBE)]
    low, unit, sizes, known = [], [], [], []
    for column in probe.T:
        values = np.unique(column)
        span = float(values[-1] - values[0])
        gaps = np.diff(values)
        gaps = gaps[gaps > NOISE * span]
        step = float(gaps.min()) if len(gaps) else 1.0
        steps = float(np.rint(span / step))
        beyond = np.ceil(BEYOND * steps)
        if not steps + 2 * beyond < most:
            return None
        unit.append(span / steps if steps else 1.0)
        low.append(float(values[0]) - beyond * unit[-1])
        sizes.append(int(steps + 2 * beyond) + 1)
        known.append(values)
    if np.prod([float(size) for size in sizes]) > most:
        return None
    grid = ValueGrid(np.array(low), np.array(unit), tuple(np.full(size, np.nan) for size in sizes))
    for column, values in enumerate(known):
        _note(grid, column, values)
    return grid


def _nearest(grid: ValueGrid, column: int, values: Array, out: Array) -> NDArray[np.int64]:
    """Return the nearest place of each number, which may be beyond the ends, written over out."""
    np.multiply(values, 1 / grid.unit[column], out=out)
    out += SHIFT - grid.low[column] / grid.unit[column]
    places: NDArray[np.int64] = out.view(np.int64)
    places -= ORIGIN
    return places


def _note(grid: ValueGrid, column: int, values: Array) -> None:
    """Note the numbers of places that had none."""
    seen = grid.seen[column]
    places = _nearest(grid, column, values, np.empty(len(values)))
    inside = (places >= 0) & (places < len(seen))
    free = np.isnan(seen[places[inside]])
    seen[places[inside][free]] = values[inside][free]


def cells_of(grid: ValueGrid, table: Array) -> Iterator[tuple[slice, Cells]]:
    """Yield where rows fall, some rows at a time; new numbers on free places are taken up.

    What was yielded is written over by the next.

    table: (n, d).
    """
    space = np.empty((3, min(len(table), AT_ONCE)))  # fresh memory would cost as much as the work
    for begin in range(0, len(table), AT_ONCE):
        part = slice(begin, begin + AT_ONCE)
        rows = table[part]
        yield part, _cells(grid, rows, space[:, : len(rows)])


def _cells(grid: ValueGrid, rows: Array, space: Array) -> Cells:
    """Return where rows fall.

    space: (3, B) to be written over.
    """
    cell: NDArray[np.intp] | None = None
    fits: NDArray[np.bool_] | None = None
    first, later, found = space
    for column, seen in enumerate(grid.seen):
        values = np.ascontiguousarray(rows[:, column])
        places = _nearest(grid, column, values, first if cell is None else later)
        same = seen.take(places, mode="clip", out=found) == values
        if not same.all():
            _note(grid, column, values[~same])
            same = seen.take(places, mode="clip", out=found) == values
        if not same.all():
            fits = same if fits is None else fits & same
        if cell is None:
            cell = places
        else:
            cell *= len(seen)
            cell += places
    assert cell is not None
    return Cells(cell, fits)
