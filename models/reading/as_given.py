"""The rows of files as they are given, batch by batch, each with its number in the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.reading.batch import Batch, MissingValues, refuse_infinite
from models.reading.column_names import column_label
from models.reading.columns import checked_batch
from models.reading.files import open_files
from models.reading.labels import LabelParser
from models.reading.messages import located_in_file, shortened
from models.refusal import Refusal
from models.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from models.arrays import Array, Labels
    from models.reading.columns import Columns
    from models.reading.source import Paths

__all__ = ["GivenRows", "KnownLabels", "Reader", "refuse_rows", "rows_as_given"]

NUMBER = "\0number"  # among the columns of a batch; no column of a file has that name
LISTED = 5  # categories that a message names


class GivenRows(NamedTuple):
    """Some rows of files, in their order.

    x: (B, d) numbers, and codes of categories; NaN where a value was not seen.
    trials, counts: (B,), None where there are none.
    whose: (B,) the sequence or the group of each row, empty if rows have none.
    numbers: (B,) the number of each row in the files, from 1 below the line of names. Rows that
        were dropped count.
    where: (row, from 0 in this batch) -> its place in the files, in words.

    >>> GivenRows(np.array([[1.5]]), None, None, [], np.array([7]), lambda row: "line 8").numbers
    array([7])
    """

    x: Array
    trials: Array | None
    counts: Array | None
    whose: list[str]
    numbers: Labels
    where: Callable[[int], str]


class Reader(NamedTuple):
    """How rows are read.

    columns: of x, trials and counts.
    beside: the column that names the sequence or the group of each row.
    levels: (d,) the categories of each column of x, empty for numbers.
    drop_missing: whether to drop rows with a blank, which are refused otherwise.
    blanks: whether some cells of a row may be blank; rows that are all blank are dropped.
    in_order: whether a blank row was not seen and keeps its place.

    >>> from models.reading.columns import Columns
    >>> Reader(Columns(("height",))).drop_missing
    False
    """

    columns: Columns
    beside: str | None = None
    levels: tuple[tuple[str, ...], ...] = ()
    drop_missing: bool = False
    blanks: bool = False
    in_order: bool = False


def rows_as_given(path: Paths, reader: Reader) -> Iterator[GivenRows]:
    r"""Yield the rows of CSV or Parquet files; Refusal names column and place of a bad value.

    path: as `models.reading.scan.scan` takes it.

    >>> from pathlib import Path
    >>> from models.reading.columns import Columns
    >>> _ = Path("people.csv").write_text("name,height\nA,162.5\nB,NA\nC,171\n")
    >>> [rows] = rows_as_given("people.csv", Reader(Columns(("height",)), drop_missing=True))
    >>> rows.x.ravel(), rows.numbers, rows.where(1)
    (array([162.5, 171. ]), array([1, 3]), 'line 4')
    """
    columns, beside, names = reader.columns, reader.beside, LabelParser()
    columns.refuse_twice(*([] if beside is None else [beside]))
    parsers = {
        name: KnownLabels(column_label(name), known)
        for name, known in zip(columns.x, reader.levels, strict=False)
        if known
    }
    every = [*columns.names, *([] if beside is None else [beside])]
    files = open_files(
        path,
        every,
        drop_missing=reader.drop_missing,
        labels=parsers | ({} if beside is None else {beside: names}),
        in_order=reader.in_order or bool(parsers),
        partly_seen=columns.partly_seen(reader.blanks),
    )
    missing, begun = MissingValues(tuple(every), partly_seen=files.partly_seen), 0
    for piece in files.pieces:
        for batch in piece():
            numbers = np.arange(begun + 1.0, begun + batch.rows + 1)
            begun += batch.rows
            numbered = Batch({**batch.values, NUMBER: numbers}, batch.where)
            if reader.in_order:
                yield _in_order(numbered, reader, names)
                continue
            for kept, _ in missing.complete([numbered]):
                if kept.rows:
                    yield _checked(kept, reader, names)
    if not reader.in_order:
        missing.refuse(reader.drop_missing)


def _checked(batch: Batch, reader: Reader, names: LabelParser) -> GivenRows:
    """Return the complete rows of a batch."""
    columns = reader.columns
    found = checked_batch(batch, batch.rows, columns)
    flips = columns.trials is not None
    x, trials = (found.rows[:, :1], found.rows[:, 1]) if flips else (found.rows, None)
    return GivenRows(
        x, trials, found.counts, _named(batch, reader, names), _numbers(batch), batch.where
    )


def _in_order(batch: Batch, reader: Reader, names: LabelParser) -> GivenRows:
    """Return all rows of a batch; those without any value are NaN."""
    columns = reader.columns
    whose = _named(batch, reader, names)
    refuse_infinite(batch)
    unseen = np.logical_and.reduce([np.isnan(batch.values[name]) for name in columns.x])
    allowed = columns.partly_seen(reader.blanks)
    for name in (one for one in columns.names if one not in allowed):
        blank = np.isnan(batch.values[name]) & ~unseen
        if blank.any():
            raise Refusal(
                f"{column_label(name)}: {batch.where(int(blank.argmax()))} is blank, but the other "
                "columns are not; a row in order needs all of its columns or none"
            )
    there = np.flatnonzero(~unseen)
    x = np.full((batch.rows, len(columns.x)), np.nan)
    trials = None if columns.trials is None else np.ones(batch.rows)
    if len(there):
        values = {name: one[there] for name, one in batch.values.items()}
        some = Batch(values, lambda row: batch.where(int(there[row])))
        found = _checked(some, reader._replace(beside=None), names)
        x[there] = found.x
        if trials is not None:
            trials[there] = found.trials
    return GivenRows(x, trials, None, whose, _numbers(batch), batch.where)


def _numbers(batch: Batch) -> Labels:
    return batch.values[NUMBER].astype(np.intp)


def _named(batch: Batch, reader: Reader, names: LabelParser) -> list[str]:
    """Return the sequence or the group of each row."""
    if reader.beside is None:
        return []
    codes = batch.values[reader.beside]
    if np.isnan(codes).any():
        row = batch.where(int(np.isnan(codes).argmax()))
        raise Refusal(f"{column_label(reader.beside)}: {row} has no name; give each row one")
    return [names.names[code] for code in codes.astype(np.intp).tolist()]


def refuse_rows(rows: GivenRows, titles: Sequence[str], observe: Callable[[Sample], None]) -> None:
    """Raise Refusal for the first row that a family does not accept.

    titles: the names of the columns of x.

    >>> from models import Poisson
    >>> rows = GivenRows(np.array([[1.5]]), None, None, [], np.array([1]), lambda row: "line 2")
    >>> refuse_rows(rows, ["visits"], Poisson.observe)
    Traceback (most recent call last):
    models.refusal.Refusal: visits: line 2 is 1.5, which is not a whole number; ...
    """
    seen = np.flatnonzero(~np.isnan(rows.x).all(axis=1))
    if not len(seen):
        return
    x = rows.x[seen]
    trials = None if rows.trials is None else rows.trials[seen]
    names = {"x": list(titles), "trials": ["trials"], "counts": ["counts"]}
    with located_in_file(names, lambda row: rows.where(int(seen[row]))):
        observe(Sample(x if len(titles) > 1 else x[:, 0], trials))


@dataclass
class KnownLabels:
    """Numbers the labels of a column by the categories that are known, and refuses others.

    >>> import pyarrow as pa
    >>> KnownLabels("colour", ("blue", "red"))(pa.array(["red", None, "blue"]), str)
    array([ 1., nan,  0.])
    """

    column: str
    known: tuple[str, ...]
    parser: LabelParser = field(default_factory=LabelParser)

    def __call__(self, column: pa.Array, where: Callable[[int], str]) -> Array:
        """Return the code of each label, NaN where it is blank."""
        codes = self.parser(column, where)
        place = {name: at for at, name in enumerate(self.known)}
        strange = [code for code, name in enumerate(self.parser.names) if name not in place]
        if strange:
            row = int(np.isin(codes, strange).argmax())
            name = shortened(self.parser.names[int(codes[row])])
            listed = ", ".join(map(shortened, self.known[:LISTED]))
            raise Refusal(
                f"{self.column}: {where(row)} is {name!r}, which is none of the categories of the "
                f"comparison: {listed}{', ...' * (len(self.known) > LISTED)}; leave such rows out"
            )
        rank = np.array([*(place[name] for name in self.parser.names), np.nan])
        return rank[np.where(np.isnan(codes), len(rank) - 1, codes).astype(np.intp)]
