"""How often each row of a long table occurs, counted some rows at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.value_grid import ValueGrid, cells_of, value_grid_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["RowCounts", "grouped"]

CELLS = 1 << 22  # of a grid, 32 MB of counts
WAITING = 1 << 18  # rows off the grid that are grouped at once


@dataclass
class RowCounts:
    """Rows that were seen, and how often.

    columns: numbers in a row.
    grid: on which the rows lie, told from the first of them; None if they do not.
    cells: how often each of its cells occurred.
    rows, counts: (m, columns) and (m,), what lies off it, each row once.
    """

    columns: int
    grid: ValueGrid | None = None
    on_grid_counts: Array = field(default_factory=lambda: np.zeros(0))
    off_grid: Array = field(default_factory=lambda: np.zeros((0, 0)))
    off_grid_counts: Array = field(default_factory=lambda: np.zeros(0))
    waiting: list[tuple[Array, Array]] = field(default_factory=list)

    def start(self, table: Array) -> RowCounts:
        """Tell the grid from (n, columns) first rows, which are not counted yet."""
        self.grid = value_grid_of(table, CELLS)
        self.on_grid_counts = np.zeros(0 if self.grid is None else self.grid.cells)
        self.off_grid = np.zeros((0, self.columns))
        return self

    def add(self, table: Array, counts: Array | None) -> RowCounts:
        """Count more rows, (n, columns), each once or so many counts."""
        if self.grid is None:
            self._set_aside(table, counts)
            return self
        for part, (cell, fits) in cells_of(self.grid, table):
            weights = None if counts is None else counts[part]
            fit = slice(None) if fits is None else fits
            np.add.at(self.on_grid_counts, cell[fit], 1.0 if weights is None else weights[fit])
            if fits is not None:
                self._set_aside(table[part][~fits], None if weights is None else weights[~fits])
        return self

    @property
    def too_many_off_grid(self) -> bool:
        """Whether rows off the grid hold more numbers than it has places for."""
        return self.off_grid.size > CELLS

    def result(self) -> tuple[Array, Array]:
        """Return the distinct rows, (m, columns), and how often each occurred, (m,)."""
        self._group()
        if self.grid is None:
            return self.off_grid, self.off_grid_counts
        hit = np.flatnonzero(self.on_grid_counts)
        rows = np.concatenate([self.grid.rows(hit), self.off_grid])
        return grouped(rows, np.concatenate([self.on_grid_counts[hit], self.off_grid_counts]))

    def _set_aside(self, rows: Array, counts: Array | None) -> None:
        """Keep rows that lie off the grid, and group them when they are many."""
        self.waiting.append((rows, np.ones(len(rows)) if counts is None else counts))
        if sum(len(one) for one, _ in self.waiting) >= max(WAITING, len(self.off_grid_counts)):
            self._group()

    def _group(self) -> None:
        if self.waiting:
            parts = [(self.off_grid, self.off_grid_counts), *self.waiting]
            rows, counts = (np.concatenate(some) for some in zip(*parts, strict=True))
            self.off_grid, self.off_grid_counts = grouped(rows, counts)
            self.waiting = []


def grouped(rows: Array, counts: Array) -> tuple[Array, Array]:
    """Return the distinct rows, sorted, and the sums of their counts."""
    if len(rows) == 0:
        return rows, counts
    order: NDArray[np.intp] = (
        np.argsort(rows[:, 0]) if rows.shape[1] == 1 else np.lexsort(rows.T[::-1])
    )
    ranked = rows[order]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    return ranked[new], np.add.reduceat(counts[order], np.flatnonzero(new))
