"""How often each row of a long table occurs, counted batch by batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.sample import sorted_rows
from models.value_grid import ValueGrid, cells_of, value_grid_of

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["RowCounts", "grouped"]

CELLS = 1 << 22  # of a grid at most: 32 MB of counts
WAITING = 1 << 18  # rows off the grid that are sorted at once


@dataclass
class RowCounts:
    """The distinct rows that were seen so far, and how often.

    Rows on a grid of values are counted in the grid's cells; other rows are sorted.

    columns: numbers in a row.
    grid: estimated from the first rows; None if they lie on no grid.
    on_grid_counts: (cells,) how often the row of each cell occurred.
    off_grid, off_grid_counts: (m, columns) and (m,) the other distinct rows, and how often.
    waiting: rows and counts to be sorted into these two.
    started: whether the first rows have been seen.

    >>> table = np.array([[1.0], [2.0], [1.0]])
    >>> RowCounts(1).add(table, None).add(table[:1], None).result()
    (array([[1.],
           [2.]]), array([3., 1.]))
    """

    columns: int
    grid: ValueGrid | None = None
    on_grid_counts: Array = field(default_factory=lambda: np.zeros(0))
    off_grid: Array = field(init=False)
    off_grid_counts: Array = field(default_factory=lambda: np.zeros(0))
    waiting: list[tuple[Array, Array]] = field(default_factory=list)
    started: bool = False

    def __post_init__(self) -> None:
        """Make room for rows with `columns` numbers."""
        self.off_grid = np.zeros((0, self.columns))

    def add(self, table: Array, counts: Array | None) -> RowCounts:
        """Count more rows, (n, columns), each once or as often as counts (n,) say."""
        if not self.started:
            self.grid, self.started = value_grid_of(table, CELLS), True
            self.on_grid_counts = np.zeros(0 if self.grid is None else self.grid.cells)
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
        """Whether the distinct rows off the grid have more numbers than a grid may have cells."""
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
        """Keep rows off the grid, and sort them when many are waiting."""
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
    """Return the distinct rows, sorted, and the sums of their counts.

    rows: (n, columns).
    counts: (n,).

    >>> grouped(np.array([[2.0], [1.0], [2.0]]), np.array([1.0, 1.0, 5.0]))
    (array([[1.],
           [2.]]), array([1., 6.]))
    """
    if len(rows) == 0:
        return rows, counts
    order, ranked, new = sorted_rows(rows)
    return ranked[new], np.add.reduceat(counts[order], np.flatnonzero(new))
