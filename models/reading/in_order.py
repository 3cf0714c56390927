"""Files whose rows are in order, as sequences; a blank row was not seen, and keeps its place."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.categories import in_natural_order
from models.reading.batch import Batch, refuse_infinite
from models.reading.column_names import column_label
from models.reading.columns import Columns, checked_batch
from models.reading.files import open_files
from models.reading.labels import LabelParser
from models.reading.messages import located_in_file
from models.refusal import Refusal
from models.sequences import Sequences

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.arrays import Array, Labels
    from models.reading.columns import Progress
    from models.reading.source import Paths
    from models.sample import Sample
    from models.sequences import Initial

__all__ = ["OrderedScan", "scan_in_order"]


class OrderedScan(NamedTuple):
    """Sequences in files, and where each of their rows stands.

    where: (row, from 0) -> its place in the files, in words.

    >>> OrderedScan(Sequences([3, 4]), Columns(("n",)), lambda row: f"line {row + 2}").where(1)
    'line 3'
    """

    data: Sequences
    columns: Columns
    where: Callable[[int], str]

    def refuse_rows(self, observe: Callable[[Sample], None]) -> None:
        """Raise Refusal for the first row that `observe` refuses."""
        seen = np.flatnonzero(self.data.seen)
        with located_in_file(self.columns.titles, lambda row: self.where(int(seen[row]))):
            observe(self.data.sample)


def scan_in_order(
    path: Paths,
    columns: Columns,
    sequence: str | None = None,
    *,
    initial: Initial | None = None,
    labelled: bool = False,
    blanks: bool = False,
    progress: Progress | None = None,
) -> OrderedScan:
    r"""Read the rows of CSV or Parquet files in their order.

    path: as `scan` takes it.
    sequence: the column that names each row's sequence; all rows are one sequence without it.
    initial: as `Sequences` takes it.
    labelled: whether the column of x is labels, not numbers.
    blanks: whether some columns of a row may be blank, as `scan` takes it.
    progress: called with the number of rows read so far, and of all rows if that is known.

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile("w", suffix=".csv") as file:
    ...     file.write("year,n\n1900,13\n1901,NA\n1902,8\n") and file.flush()
    ...     scan_in_order(file.name, Columns(("n",))).data
    Sequences(3 rows in 1 sequence, 1 not seen, 2 distinct)
    """
    if columns.counts is not None:
        raise Refusal(
            f"{column_label(columns.counts)} says how often a row occurred, but rows in order "
            "occurred once each; leave the counts out"
        )
    columns.refuse_twice()
    names, labels = _names(columns, sequence), LabelParser()
    words = LabelParser()
    parsers = dict.fromkeys(columns.x if labelled else (), words)
    parsers |= {} if sequence is None else {sequence: labels}
    files = open_files(path, names, labels=parsers, in_order=True)
    read, begins, places = [], [0], []
    for piece in files.pieces:
        for batch in piece():
            read.append(_checked(batch, columns, sequence, blanks=blanks))
            places.append(batch.where)
            begins.append(begins[-1] + batch.rows)
            if progress is not None:
                progress(begins[-1], files.total)

    def where(row: int) -> str:
        at = bisect_right(begins, row) - 1
        return places[at](row - begins[at])

    rows = np.concatenate([one for one, _ in read])
    codes = np.concatenate([one for _, one in read])
    titles = None
    if sequence is not None:
        _refuse_return(column_label(sequence), codes, labels.names, where)
        titles = np.array(labels.names, dtype=object)[codes]
    x = rows[:, 0] if columns.trials is not None or len(columns.x) == 1 else rows
    trials = None if columns.trials is None else rows[:, 1]
    x, categories = _ranked(x, words.names) if labelled else (x, None)
    with located_in_file(columns.titles, where):
        data = Sequences(x, trials, titles, initial, categories=categories)
    return OrderedScan(data, columns, where)


def _names(columns: Columns, sequence: str | None) -> list[str]:
    """Return the names of all columns to read."""
    names = columns.names
    if sequence is None:
        return names
    if sequence in names:
        raise Refusal(f"{column_label(sequence)} is asked for twice; give each column once")
    return [*names, sequence]


def _ranked(x: Array, names: Sequence[str]) -> tuple[Array, tuple[str, ...] | None]:
    """Return codes (n,) of categories in natural order from codes in the order of the file."""
    categories = in_natural_order(names)
    rank = {name: at for at, name in enumerate(categories)}
    ranks = np.array([*(rank[name] for name in names), np.nan])
    return ranks[np.where(np.isnan(x), len(names), x).astype(np.intp)], categories or None


def _checked(
    batch: Batch, columns: Columns, sequence: str | None, *, blanks: bool
) -> tuple[Array, Labels]:
    """Return the rows (B, d) of a batch, or heads and trials, NaN where unseen; and codes (B,)."""
    values = dict(batch.values)
    codes = np.zeros(batch.rows, np.intp)
    if sequence is not None:
        labels = values.pop(sequence)
        if np.isnan(labels).any():
            row = batch.where(int(np.isnan(labels).argmax()))
            raise Refusal(f"{column_label(sequence)}: {row} names no sequence; give each row one")
        codes = labels.astype(np.intp)
    refuse_infinite(Batch(values, batch.where))
    missing = {name: np.isnan(values[name]) for name in columns.x}
    unseen = np.logical_and.reduce(list(missing.values()))
    allowed = columns.partly_seen(blanks)
    for name in (one for one in columns.names if one not in allowed):
        blank = np.isnan(values[name]) & ~unseen
        if blank.any():
            row = batch.where(int(blank.argmax()))
            raise Refusal(
                f"{column_label(name)}: {row} is blank, but the other columns are not; a row in "
                "order needs all of its columns or none: blank the others to skip it"
            )
    there = np.flatnonzero(~unseen)
    width = len(columns.x) + (columns.trials is not None)
    rows = np.full((batch.rows, width), np.nan)
    if len(there):
        kept = Batch(
            {name: one[there] for name, one in values.items()},
            lambda row: batch.where(int(there[row])),
        )
        rows[there] = checked_batch(kept, len(there), columns).rows
    if columns.trials is not None:
        rows[unseen, 1] = 1  # no flips were seen either, but their number has to be one
    return rows, codes


def _refuse_return(
    column: str, codes: Labels, names: Sequence[str], where: Callable[[int], str]
) -> None:
    """Raise Refusal for a sequence that goes on after another one has begun."""
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    first: dict[int, int] = {}
    for start in starts.tolist():
        code = int(codes[start])
        if code in first:
            raise Refusal(
                f"{column}: {names[code]!r} begins in {where(first[code])} and again in "
                f"{where(start)}; sort the rows by {column}, and within each by time"
            )
        first[code] = start
