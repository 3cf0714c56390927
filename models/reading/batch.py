"""Rows of the columns that are asked for, of one file or of many, some at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from models.arrays import Array

    type Piece = Callable[[], Iterator[Batch]]

__all__ = ["Batch", "FileTable", "MissingValues", "OpenFiles"]


class Batch(NamedTuple):
    """Some rows of a file.

    values: (B,) by name, NaN where there is none.
    where: says where a row, counted from 0 among these, is.
    """

    values: dict[str, Array]
    where: Callable[[int], str]

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(next(iter(self.values.values())))

    @property
    def plain(self) -> bool:
        """Whether every number is there and finite: NaN is neither above nor below."""
        return all(
            -np.inf < values.min(initial=0) and values.max(initial=0) < np.inf
            for values in self.values.values()
        )


class FileTable(NamedTuple):
    """The columns of one file.

    titles: what the file calls them, by the name asked for.
    kinds: what they hold, by name: number, another type, or nothing where that is not known.
    total: rows, exactly or by the length of the first ones; None where nobody knows.
    pieces: each reads some of the rows; together, one after the other, all of them.
    """

    label: str
    titles: dict[str, str]
    kinds: dict[str, str]
    total: int | None
    pieces: tuple[Piece, ...]


class OpenFiles(NamedTuple):
    """Files that are open, and how much of them may be missing.

    names: of the columns that are asked for.
    """

    tables: tuple[FileTable, ...]
    names: tuple[str, ...]
    drop_missing: bool

    @property
    def total(self) -> int | None:
        """How many rows there are, or about how many; None where nobody knows."""
        each = [table.total for table in self.tables]
        return None if None in each else sum(one for one in each if one is not None)

    @property
    def pieces(self) -> list[Piece]:
        """What reads the rows of all files, piece by piece."""
        return [piece for table in self.tables for piece in table.pieces]

    def batches(self) -> Iterator[tuple[Batch, int]]:
        """Yield all rows that have a value in every column, and how many were read for them.

        A row with a blank is dropped, or refused once all are read.
        """
        missing = MissingValues(self.names)
        for piece in self.pieces:
            yield from missing.complete(piece())
        missing.refuse(self.drop_missing)


@dataclass
class MissingValues:
    """Counts the rows that have no value in some column.

    blank: how many values are missing, by name.
    read, kept: rows.
    first: where the first row with a blank is.
    """

    names: tuple[str, ...]
    blank: dict[str, int] = field(default_factory=dict)
    read: int = 0
    kept: int = 0
    first: str = ""

    def complete(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, int]]:
        """Yield the rows that have a value in every column, and how many were read for them."""
        for batch in batches:
            some = batch if batch.plain else self._present(batch)
            self.read, self.kept = self.read + batch.rows, self.kept + some.rows
            yield some, batch.rows

    def __add__(self, other: MissingValues) -> MissingValues:
        """Return the counts of both."""
        blank = {name: self.blank.get(name, 0) + other.blank.get(name, 0) for name in self.names}
        first = self.first or other.first
        return MissingValues(
            self.names, blank, self.read + other.read, self.kept + other.kept, first
        )

    def refuse(self, drop_missing: bool) -> None:
        """Raise Refusal for blanks that may not be dropped, or that leave nothing."""
        if self.kept == self.read:
            return
        rows = f"{self.read:,} row{'s' * (self.read > 1)}"
        if self.kept == 0:
            each = f"each of {', '.join(self.names)}"
            which = self.names[0] if len(self.names) == 1 else each
            raise Refusal(f"none of {rows} has a value of {which}; give other columns")
        if not drop_missing:
            told = ", ".join(f"{name}: {n:,} of {rows}" for name, n in self.blank.items() if n)
            raise Refusal(
                f"{told} without a value (blank, NA or NaN), first in {self.first}; "
                "--drop-missing drops them"
            )

    def _present(self, batch: Batch) -> Batch:
        """Return the rows that have a value in every column."""
        _refuse_endless(batch)
        missing = {name: np.isnan(values) for name, values in batch.values.items()}
        for name, one in missing.items():
            self.blank[name] = self.blank.get(name, 0) + int(one.sum())
        bad = np.logical_or.reduce(list(missing.values()))
        if bad.any() and not self.first:
            self.first = batch.where(int(np.argmax(bad)))
        kept = np.flatnonzero(~bad)
        values = {name: values[kept] for name, values in batch.values.items()}
        return Batch(values, lambda row: batch.where(int(kept[row])))


def _refuse_endless(batch: Batch) -> None:
    """Raise Refusal for the first value that is infinite."""
    for name, values in batch.values.items():
        endless = np.isinf(values)
        if endless.any():
            row = int(np.argmax(endless))
            raise Refusal(
                f"{name}: {batch.where(row)} is {values[row]:g}, which is not finite; "
                "remove or impute such rows"
            )
