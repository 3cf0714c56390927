"""Rounded numbers as cells of a regular grid, so that distinct rows are counted in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["Cells", "ValueGrid", "cells_of", "step_of", "value_grid_of"]

PROBE = 1 << 14  # rows from which the spacing is estimated
MARGIN = 0.5  # of the probe's range, on either side of it: room for values outside the probe
NOISE = 1e-9  # of the range: values closer than this are one value, rounded in two ways
AT_ONCE = 1 << 15  # rows in a working set that fits the cache
SHIFT = 2.0**52 + 2.0**51  # x + SHIFT has the integer nearest to x in its last bits
ORIGIN = int(np.float64(SHIFT).view(np.int64))


def step_of(x: Array) -> float:
    """Return the step to which sorted distinct values are rounded, 0 if to none.

    >>> step_of(np.array([1.5, 2.0, 4.0])), step_of(np.array([0.1, 0.25, 2 / 3]))
    (0.5, 0.0)
    """
    if len(x) < 2:
        return 0.0
    step = float(np.diff(x).min())
    steps = (x - x[0]) / step
    rounded = steps[-1] < 1e6 and np.abs(steps - np.rint(steps)).max() < 1e-3
    return step if rounded else 0.0


class ValueGrid(NamedTuple):
    """Evenly spaced places in each column, and the number that was seen at each place.

    low, unit: (d,) the first place and the spacing of each column.
    seen: for each column (places,) the number that was seen there, NaN before one was.

    >>> grid = value_grid_of(np.array([[0.1], [0.2], [0.4]]), 100)
    >>> grid.low.round(6), grid.unit.round(6), grid.cells
    (array([-0.1]), array([0.1]), 8)
    """

    low: Array
    unit: Array
    seen: tuple[Array, ...]

    @property
    def cells(self) -> int:
        """How many cells the grid has: the product of the columns' numbers of places."""
        return int(np.prod([len(one) for one in self.seen]))

    def rows(self, cells: NDArray[np.intp]) -> Array:
        """Return the (m, d) rows that were seen in (m,) cells."""
        places = np.unravel_index(cells, [len(one) for one in self.seen])
        return np.column_stack([one[at] for one, at in zip(self.seen, places, strict=True)])


class Cells(NamedTuple):
    """The cells of some rows.

    cell: (B,) the cell of each row; meaningless for rows that do not fit.
    fits: (B,) whether the grid has seen exactly the numbers of a row; None if it has for all rows.

    >>> grid = value_grid_of(np.array([[0.1], [0.2], [0.4]]), 100)
    >>> [cells.fits for _, cells in cells_of(grid, np.array([[0.1], [0.15]]))]
    [array([ True, False])]
    """

    cell: NDArray[np.intp]
    fits: NDArray[np.bool_] | None


def value_grid_of(table: Array, max_cells: int) -> ValueGrid | None:
    """Return the grid on which the numbers of a table seem to lie; None if it is too large.

    The spacing is estimated from some rows. A wrong estimate costs time and no accuracy: numbers
    off the grid do not fit, and the caller counts them in another way.

    table: (n, d).

    >>> value_grid_of(np.array([[1.5], [2.0], [1e6]]), 100) is None
    True
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
        margin = np.ceil(MARGIN * steps)
        if not steps + 2 * margin < max_cells:
            return None
        unit.append(span / steps if steps else 1.0)
        low.append(float(values[0]) - margin * unit[-1])
        sizes.append(int(steps + 2 * margin) + 1)
        known.append(values)
    if np.prod([float(size) for size in sizes]) > max_cells:
        return None
    grid = ValueGrid(np.array(low), np.array(unit), tuple(np.full(size, np.nan) for size in sizes))
    for column, values in enumerate(known):
        _note(grid, column, values)
    return grid


def cells_of(grid: ValueGrid, table: Array) -> Iterator[tuple[slice, Cells]]:
    """Yield slices of a table's rows, and the cells of these rows.

    The first number at a place of the grid is noted there. The arrays of `Cells` are reused: copy
    them before the next step.

    table: (n, d).

    >>> grid = value_grid_of(np.array([[0.1], [0.2], [0.4]]), 100)
    >>> [(cells.cell.tolist(), cells.fits) for _, cells in cells_of(grid, np.array([[0.3], [0.1]]))]
    [([4, 2], None)]
    """
    space = np.empty((3, min(len(table), AT_ONCE)))  # fresh memory would cost as much as the work
    for begin in range(0, len(table), AT_ONCE):
        part = slice(begin, begin + AT_ONCE)
        rows = table[part]
        yield part, _cells(grid, rows, space[:, : len(rows)])


def _cells(grid: ValueGrid, rows: Array, space: Array) -> Cells:
    """Return the cells of (B, d) rows; space (3, B) is overwritten."""
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


def _nearest(grid: ValueGrid, column: int, values: Array, out: Array) -> NDArray[np.int64]:
    """Return the nearest place of each number, also beyond the ends; `out` is overwritten."""
    np.multiply(values, 1 / grid.unit[column], out=out)
    out += SHIFT - grid.low[column] / grid.unit[column]
    places: NDArray[np.int64] = out.view(np.int64)
    places -= ORIGIN
    return places


def _note(grid: ValueGrid, column: int, values: Array) -> None:
    """Note numbers at places of the grid where none was seen before."""
    seen = grid.seen[column]
    places = _nearest(grid, column, values, np.empty(len(values)))
    inside = (places >= 0) & (places < len(seen))
    free = np.isnan(seen[places[inside]])
    seen[places[inside][free]] = values[inside][free]
