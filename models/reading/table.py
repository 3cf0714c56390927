"""The columns that are asked for, of one file or of many, as batches of numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.reading.refusal import InputError
from models.reading.source import sources_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from models.family import Array

    type Piece = Callable[[], Iterator[Batch]]

__all__ = ["Batch", "Blanks", "Reading", "Table", "opened"]


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


class Table(NamedTuple):
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


class Reading(NamedTuple):
    """Files that are open, and how much of them may be missing.

    names: of the columns that are asked for.
    """

    tables: tuple[Table, ...]
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
        blanks = Blanks(self.names)
        for piece in self.pieces:
            yield from blanks.without(piece())
        blanks.refuse(self.drop_missing)


@dataclass
class Blanks:
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

    def without(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, int]]:
        """Yield the rows that have a value in every column, and how many were read for them."""
        for batch in batches:
            some = batch if batch.plain else self._present(batch)
            self.read, self.kept = self.read + batch.rows, self.kept + some.rows
            yield some, batch.rows

    def __add__(self, other: Blanks) -> Blanks:
        """Return the counts of both."""
        blank = {name: self.blank.get(name, 0) + other.blank.get(name, 0) for name in self.names}
        first = self.first or other.first
        return Blanks(self.names, blank, self.read + other.read, self.kept + other.kept, first)

    def refuse(self, drop_missing: bool) -> None:
        """Raise InputError for blanks that may not be dropped, or that leave nothing."""
        if self.kept == self.read:
            return
        rows = f"{self.read:,} row{'s' * (self.read > 1)}"
        if self.kept == 0:
            each = f"each of {', '.join(self.names)}"
            which = self.names[0] if len(self.names) == 1 else each
            raise InputError(f"none of {rows} has a value of {which}; give other columns")
        if not drop_missing:
            told = ", ".join(f"{name}: {n:,} of {rows}" for name, n in self.blank.items() if n)
            raise InputError(
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


def opened(
    path: str | Path | Sequence[str | Path], names: Sequence[str], *, drop_missing: bool = False
) -> Reading:
    """Return columns of numbers of files, of which no more than the beginnings have been read.

    path: one file or a list of them: CSV (also with semicolons, tabs or bars, also gzipped) or
        Parquet; a pattern such as "2026-*.parquet"; or "-" for standard input.
    names: of the columns, or their positions counted from 1 where no column is so called.
    drop_missing: drop the rows where one of these columns has no value.
    """
    from models.reading.parquet import parquet_table
    from models.reading.text import text_table

    if isinstance(names, str) or not names:
        raise InputError(f"names is {names!r}; give a list of columns")
    given = [path] if isinstance(path, str | Path) else list(path)
    if not given:
        raise InputError("the list of files is empty; give at least one")
    sources = [source for one in given for source in sources_of(one)]
    tables = []
    for source in sources:
        kind = parquet_table if source.head[:4] == b"PAR1" else text_table
        prefix = f"{source.label}, " if len(sources) > 1 else ""
        tables.append(kind(source, names, prefix))
        _refuse_unlike(tables[0], tables[-1])
    return Reading(tuple(tables), tuple(names), drop_missing)


def _refuse_unlike(first: Table, other: Table) -> None:
    """Raise InputError if two files do not hold the same kind of columns."""
    for name, title in other.titles.items():
        if title != first.titles[name]:
            raise InputError(
                f"{other.label} calls column {name} {title!r}, {first.label} "
                f"{first.titles[name]!r}; ask for it by name"
            )
        kinds = first.kinds[name], other.kinds[name]
        if all(kinds) and kinds[0] != kinds[1]:
            raise InputError(
                f"{name} is of type {kinds[1]} in {other.label}, of type {kinds[0]} in "
                f"{first.label}; give files of one kind"
            )


def _refuse_endless(batch: Batch) -> None:
    """Raise InputError for the first value that is infinite."""
    for name, values in batch.values.items():
        endless = np.isinf(values)
        if endless.any():
            row = int(np.argmax(endless))
            raise InputError(
                f"{name}: {batch.where(row)} is {values[row]:g}, which is not finite; "
                "remove or impute such rows"
            )
