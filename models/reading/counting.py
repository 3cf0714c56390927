"""How often each row of a long table occurs, counted some rows at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.value_grid import Lattice, cells_of, lattice_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["Tally", "grouped"]

CELLS = 1 << 22  # of a lattice, 32 MB of counts
WAITING = 1 << 18  # rows off the lattice that are grouped at once


@dataclass
class Tally:
    """Rows that were seen, and how often.

    columns: numbers in a row.
    lattice: on which the rows lie, told from the first of them; None if they do not.
    cells: how often each of its cells occurred.
    rows, times: (m, columns) and (m,), what lies off it, each row once.
    """

    columns: int
    lattice: Lattice | None = None
    cells: Array = field(default_factory=lambda: np.zeros(0))
    rows: Array = field(default_factory=lambda: np.zeros((0, 0)))
    times: Array = field(default_factory=lambda: np.zeros(0))
    waiting: list[tuple[Array, Array]] = field(default_factory=list)

    def begin(self, table: Array) -> Tally:
        """Tell the lattice from (n, columns) first rows, which are not counted yet."""
        self.lattice = lattice_of(table, CELLS)
        self.cells = np.zeros(0 if self.lattice is None else self.lattice.cells)
        self.rows = np.zeros((0, self.columns))
        return self

    def add(self, table: Array, times: Array | None) -> Tally:
        """Count more rows, (n, columns), each once or so many times."""
        if self.lattice is None:
            self._aside(table, times)
            return self
        for part, (cell, fits) in cells_of(self.lattice, table):
            weights = None if times is None else times[part]
            fit = slice(None) if fits is None else fits
            np.add.at(self.cells, cell[fit], 1.0 if weights is None else weights[fit])
            if fits is not None:
                self._aside(table[part][~fits], None if weights is None else weights[~fits])
        return self

    @property
    def crowded(self) -> bool:
        """Whether rows off the lattice hold more numbers than it has places for."""
        return self.rows.size > CELLS

    def result(self) -> tuple[Array, Array]:
        """Return the distinct rows, (m, columns), and how often each occurred, (m,)."""
        self._group()
        if self.lattice is None:
            return self.rows, self.times
        hit = np.flatnonzero(self.cells)
        rows = np.concatenate([self.lattice.rows(hit), self.rows])
        return grouped(rows, np.concatenate([self.cells[hit], self.times]))

    def _aside(self, rows: Array, times: Array | None) -> None:
        """Keep rows that lie off the lattice, and group them when they are many."""
        self.waiting.append((rows, np.ones(len(rows)) if times is None else times))
        if sum(len(one) for one, _ in self.waiting) >= max(WAITING, len(self.times)):
            self._group()

    def _group(self) -> None:
        if self.waiting:
            parts = [(self.rows, self.times), *self.waiting]
            rows, times = (np.concatenate(some) for some in zip(*parts, strict=True))
            self.rows, self.times = grouped(rows, times)
            self.waiting = []


def grouped(rows: Array, times: Array) -> tuple[Array, Array]:
    """Return the distinct rows, sorted, and the sums of their times."""
    if len(rows) == 0:
        return rows, times
    order: NDArray[np.intp] = (
        np.argsort(rows[:, 0]) if rows.shape[1] == 1 else np.lexsort(rows.T[::-1])
    )
    ranked = rows[order]
    new = np.ones(len(rows), np.bool_)
    new[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    return ranked[new], np.add.reduceat(times[order], np.flatnonzero(new))
