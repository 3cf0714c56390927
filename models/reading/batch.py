"""Batches of rows from one or several files, with the columns that were asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.refusal import Refusal, both

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from models.arrays import Array

    type Piece = Callable[[], Iterator[Batch]]

__all__ = ["Batch", "FileTable", "MissingValues", "OpenFiles", "refuse_infinite"]


class Batch(NamedTuple):
    """Some rows of a file.

    values: by name of the column, (B,), NaN where a value is missing.
    where: (row, from 0 in this batch) -> its place in the file, in words.

    >>> batch = Batch({"x": np.array([1.5, np.nan])}, lambda row: f"line {row + 2}")
    >>> batch.rows, batch.all_finite, batch.where(1)
    (2, False, 'line 3')
    """

    values: dict[str, Array]
    where: Callable[[int], str]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(next(iter(self.values.values())))

    @property
    def all_finite(self) -> bool:
        """Whether no value is missing or infinite."""
        return all(  # comparisons with NaN are false
            -np.inf < values.min(initial=0) and values.max(initial=0) < np.inf
            for values in self.values.values()
        )


class FileTable(NamedTuple):
    """The columns of one file that were asked for.

    titles: the file's own name of each column, by the name that was asked for.
    kinds: the type of each column's values: "number", another type, or "" if unknown.
    total: the number of rows, estimated for CSV; None if unknown.
    pieces: functions that read the rows, in order; each reads some of them.

    >>> FileTable("a.csv", {"1": "height"}, {"1": ""}, None, ()).titles["1"]
    'height'
    """

    label: str
    titles: dict[str, str]
    kinds: dict[str, str]
    total: int | None
    pieces: tuple[Piece, ...]


class OpenFiles(NamedTuple):
    """Files whose columns are known, ready to be read.

    names: of the columns that were asked for.
    drop_missing: whether to drop rows with a missing value, which are refused otherwise.
    partly_seen: columns whose values may be missing; a row in which all of them are is dropped.

    >>> def piece():
    ...     yield Batch({"x": np.array([1.5, np.nan])}, str)
    >>> table = FileTable("a.csv", {"x": "x"}, {"x": ""}, 2, (piece,))
    >>> files = OpenFiles((table,), ("x",), drop_missing=True)
    >>> [(batch.values["x"], read) for batch, read in files.batches()]
    [(array([1.5]), 2)]
    """

    tables: tuple[FileTable, ...]
    names: tuple[str, ...]
    drop_missing: bool
    partly_seen: tuple[str, ...] = ()

    @property
    def total(self) -> int | None:
        """The number of rows of all files, estimated for CSV; None if unknown."""
        each = [table.total for table in self.tables]
        return None if None in each else sum(one for one in each if one is not None)

    @property
    def pieces(self) -> list[Piece]:
        """The functions that read the rows of all files, in order."""
        return [piece for table in self.tables for piece in table.pieces]

    def batches(self) -> Iterator[tuple[Batch, int]]:
        """Yield batches of complete rows, and the number of rows read for each batch.

        Rows with a missing value are dropped. If they may not be, Refusal is raised at the end.
        """
        missing = MissingValues(self.names, partly_seen=self.partly_seen)
        for piece in self.pieces:
            yield from missing.complete(piece())
        missing.refuse(self.drop_missing)


@dataclass
class MissingValues:
    """Drops the rows with a missing value, and counts them.

    blank: the number of missing values, by name of the column.
    read, kept: the number of rows before and after dropping.
    first: the place of the first row with a missing value.
    partly_seen: columns whose values may be missing, unless all of them are.
    empty: the number of rows in which all of these are missing.

    >>> missing = MissingValues(("x",))
    >>> [(kept, _)] = missing.complete([Batch({"x": np.array([1.5, np.nan])}, str)])
    >>> missing.read, missing.kept, missing.blank, missing.first
    (2, 1, {'x': 1}, '1')
    """

    names: tuple[str, ...]
    blank: dict[str, int] = field(default_factory=dict)
    read: int = 0
    kept: int = 0
    first: str = ""
    partly_seen: tuple[str, ...] = ()
    empty: int = 0

    def complete(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, int]]:
        """Yield the complete rows of each batch, and how many rows the batch had."""
        for batch in batches:
            some = batch if batch.all_finite else self._complete(batch)
            self.read, self.kept = self.read + batch.rows, self.kept + some.rows
            yield some, batch.rows

    def __add__(self, other: MissingValues) -> MissingValues:
        """Return the counts of both, of two parts of the files."""
        blank = {name: self.blank.get(name, 0) + other.blank.get(name, 0) for name in self.names}
        return replace(
            self,
            blank=blank,
            read=self.read + other.read,
            kept=self.kept + other.kept,
            first=self.first or other.first,
            empty=self.empty + other.empty,
        )

    def refuse(self, drop_missing: bool) -> None:
        """Raise Refusal if rows were dropped that may not be, or if none is left.

        So is a column that may be blank, if it always is.
        """
        rows = f"{self.read:,} row{'s' * (self.read > 1)}"
        for name in self.partly_seen:
            if self.blank.get(name, 0) == self.read > 0:
                raise Refusal(f"{name}: none of {rows} has a value; leave the column out")
        if self.kept == self.read:
            return
        if self.kept == 0:
            each = f"each of {', '.join(self.names)}"
            which = self.names[0] if len(self.names) == 1 else each
            raise Refusal(f"none of {rows} has a value of {which}; give other columns")
        if not drop_missing and self.kept + self.empty < self.read:
            needed = {name: n for name, n in self.blank.items() if name not in self.partly_seen}
            told = ", ".join(f"{name}: {n:,} of {rows}" for name, n in needed.items() if n)
            raise Refusal(
                f"{told} without a value (blank, NA or NaN), first in {self.first}; leave such "
                f"rows out {both('drop_missing=True', '--drop-missing')}"
            )

    def _complete(self, batch: Batch) -> Batch:
        refuse_infinite(batch)
        missing = {name: np.isnan(values) for name, values in batch.values.items()}
        for name, one in missing.items():
            self.blank[name] = self.blank.get(name, 0) + int(one.sum())
        needed = [one for name, one in missing.items() if name not in self.partly_seen]
        bad = np.logical_or.reduce([np.zeros(batch.rows, np.bool_), *needed])
        if bad.any() and not self.first:
            self.first = batch.where(int(np.argmax(bad)))
        if self.partly_seen:
            empty = np.logical_and.reduce([missing[name] for name in self.partly_seen])
            self.empty += int((empty & ~bad).sum())
            bad |= empty
        kept = np.flatnonzero(~bad)
        values = {name: values[kept] for name, values in batch.values.items()}
        return Batch(values, lambda row: batch.where(int(kept[row])))


def refuse_infinite(batch: Batch) -> None:
    """Raise Refusal for the first infinite value.

    >>> refuse_infinite(Batch({"x": np.array([1.0, np.inf])}, lambda row: f"line {row + 2}"))
    Traceback (most recent call last):
    models.refusal.Refusal: x: line 3 is inf, which is not finite; remove or impute such rows
    """
    for name, values in batch.values.items():
        infinite = np.isinf(values)
        if infinite.any():
            row = int(np.argmax(infinite))
            raise Refusal(
                f"{name}: {batch.where(row)} is {values[row]:g}, which is not finite; "
                "remove or impute such rows"
            )
