"""The distinct rows of each group, counted batch by batch in arrays of whole numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.blanks import differ

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

    type Whole = NDArray[np.int64]

__all__ = ["CellCounts", "Cells", "RowCodes"]

BITS = 31  # of the second of two codes that are packed into one number
LOW = (1 << BITS) - 1
RATIO = 2  # counted parts are merged unless each is at least so many times as long as the next


class Cells(NamedTuple):
    """The distinct rows of groups.

    places, whose: (c,) the codes of the row and of the group of each cell, sorted by group.
    times: (c,) how often each cell occurred.

    >>> two = np.array([0, 1], np.int32)
    >>> int(Cells(two, two, np.array([1, 5])).times.sum())
    6
    """

    places: NDArray[np.int32]
    whose: NDArray[np.int32]
    times: Whole


@dataclass
class CellCounts:
    """Counts the rows of groups by their codes.

    parts: sorted cells, packed, and how often each occurred; each part is far longer than the next
        one, so that merging them costs little.

    >>> cells = CellCounts()
    >>> cells.add(np.array([0, 1, 0]), np.array([7, 7, 7]), None)
    >>> cells.add(np.array([1]), np.array([2]), np.array([5.0]))
    >>> [one.tolist() for one in cells.result()]
    [[7, 2, 7], [0, 1, 1], [2, 5, 1]]
    """

    parts: list[tuple[Whole, Whole]] = field(default_factory=list)

    def add(self, whose: Whole, places: Whole, times: Array | None) -> None:
        """Count more rows, (n,), each once or as often as times (n,) say."""
        keys = whose << BITS | places
        if times is None:
            found, often = np.unique(keys, return_counts=True)
        else:
            found, at = np.unique(keys, return_inverse=True)
            often = np.bincount(at, times)
        self.parts.append((found, often.astype(np.int64)))
        while len(self.parts) > 1 and len(self.parts[-2][0]) < RATIO * len(self.parts[-1][0]):
            self._merge()

    def result(self) -> Cells:
        """Return all cells; nothing is kept of them."""
        while len(self.parts) > 1:
            self._merge()
        keys, times = self.parts.pop()
        return Cells((keys & LOW).astype(np.int32), (keys >> BITS).astype(np.int32), times)

    def _merge(self) -> None:
        """Merge the last two parts; the former may change in place."""
        later, more = self.parts.pop()
        keys, times = self.parts.pop()
        at, known = _looked_up(later, keys)
        times[at[known]] += more[known]
        at, later, more = at[~known], later[~known], more[~known]
        keys = np.insert(keys, at, later)  # one after the other: each needs its length again
        times = np.insert(times, at, more)
        self.parts.append((keys, times))


@dataclass
class RowCodes:
    """Numbers the distinct rows of a table, batch by batch; new ones of a batch by size.

    columns: the codes of each column's values.
    pairs: of the second column and each later one, the codes of the pairs of the code of the
        columns before it and its own.

    >>> codes = RowCodes.of(2)
    >>> codes(np.array([[1.5, 2.0], [0.5, 2.0], [1.5, 2.0]])), codes(np.array([[0.5, 2.0]]))
    (array([1, 0, 1]), array([0]))
    >>> codes.rows()
    array([[0.5, 2. ],
           [1.5, 2. ]])
    """

    columns: list[ValueCodes[np.float64]]
    pairs: list[ValueCodes[np.int64]]

    @classmethod
    def of(cls, width: int) -> RowCodes:
        """Return the codes of a table of so many columns without rows."""
        return cls(
            [ValueCodes(np.empty(0)) for _ in range(width)],
            [ValueCodes(np.empty(0, np.int64)) for _ in range(width - 1)],
        )

    def __call__(self, rows: Array) -> Whole:
        """Return the code of each row, (n,), of a table (n, d)."""
        code = self.columns[0](rows[:, 0])
        for pairs, column, values in zip(self.pairs, self.columns[1:], rows.T[1:], strict=True):
            code = pairs(code << BITS | column(values))
        return code

    def rows(self) -> Array:
        """Return the distinct rows, (m, d), in the order of their codes."""
        first, *others = (column.in_order() for column in self.columns)
        known = first[:, None]
        for pairs, values in zip(self.pairs, others, strict=True):
            both = pairs.in_order()
            known = np.column_stack([known[both >> BITS], values[both & LOW]])
        return known


@dataclass
class ValueCodes[D: np.generic]:
    """Numbers the distinct values of a column, batch by batch; new ones of a batch by size.

    known: (m,) the values so far, sorted.
    codes: (m,) the code of each.

    >>> codes = ValueCodes(np.empty(0))
    >>> codes(np.array([2.5, 1.0, 2.5])), codes(np.array([3.0, 2.5]))
    (array([1, 0, 1]), array([2, 1]))
    >>> codes.in_order()
    array([1. , 2.5, 3. ])
    """

    known: NDArray[D]
    codes: Whole = field(default_factory=lambda: np.empty(0, np.int64))

    def __call__(self, values: NDArray[D]) -> Whole:
        """Return the code of each value, (n,)."""
        found, places = np.unique(values, return_inverse=True)
        at, old = _looked_up(found, self.known)
        own = np.empty(len(found), np.int64)
        own[old] = self.codes[at[old]]
        own[~old] = np.arange(len(self.known), len(self.known) + np.count_nonzero(~old))
        self.known = np.insert(self.known, at[~old], found[~old])
        self.codes = np.insert(self.codes, at[~old], own[~old])
        return own[places]

    def in_order(self) -> NDArray[D]:
        """Return the values in the order of their codes."""
        ordered = np.empty_like(self.known)
        ordered[self.codes] = self.known
        return ordered


def _looked_up[D: np.generic](
    values: NDArray[D], known: NDArray[D]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return where each of (n,) values stands, or belongs, among known ones, and whether it does.

    values, known: sorted, each value once.
    """
    at = np.searchsorted(known, values)
    there = at < len(known)
    there[there] = ~differ(known[at[there]], values[there])
    return at, there
