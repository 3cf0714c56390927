"""The columns of x, trials and counts in files, and their rows as checked numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from models.reading.column_names import column_label
from models.reading.messages import located_in_file
from models.refusal import Refusal
from models.sample import Sample, checked_rows
from models.storage.disk import StreamWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.arrays import Array
    from models.reading.batch import Batch, OpenFiles
    from models.structure import Unordered


type Progress = Callable[[int, int | None], None]

__all__ = [
    "MAX_DISTINCT",
    "MAX_IN_MEMORY",
    "CheckedRows",
    "Columns",
    "Progress",
    "ScanResult",
    "checked_batch",
    "checked_batches",
    "worth_counting",
]

MAX_IN_MEMORY = 1 << 22  # numbers: up to here rows stay in memory even uncompressed (32 MB)
MAX_DISTINCT = 1 << 22  # distinct rows: with more, rows are not compressed
ROWS_PER_DISTINCT = 2  # compress if there are at least this many rows per distinct row,
ROWS_PER_OFF_GRID = 100  # or at least this many rows per distinct row off the grid of values


def worth_counting(rows: int, distinct: int, off_grid: int) -> bool:
    """Return whether rows compress: whether to keep the distinct rows and their counts.

    off_grid: the number of distinct rows off the grid of values.

    >>> worth_counting(1_000, distinct=500, off_grid=500)
    True
    >>> worth_counting(1_000, distinct=800, off_grid=20)
    False
    """
    return distinct * ROWS_PER_DISTINCT <= rows or off_grid * ROWS_PER_OFF_GRID <= rows


class Columns(NamedTuple):
    """The columns to read: of x, and of trials and counts if there are any.

    trials: a column, or one number of flips for all rows.

    >>> columns = Columns(("heads",), trials="flips", counts="n")
    >>> columns.names
    ['heads', 'flips', 'n']
    >>> columns.sample(np.array([[1.0, 5.0], [2.0, 5.0]]), counts=None)
    Sample(2 observations, 2 distinct, with trials)
    """

    x: tuple[str, ...]
    trials: str | int | None = None
    counts: str | None = None

    @property
    def names(self) -> list[str]:
        """The names of all columns, each once."""
        flips = self.trials if isinstance(self.trials, str) else None
        return list(dict.fromkeys([*self.x, *(one for one in (flips, self.counts) if one)]))

    def partly_seen(self, blanks: bool) -> tuple[str, ...]:
        """Return the columns in which a row may have blanks: those of a table, if it may have."""
        return self.x if blanks and len(self.x) > 1 else ()

    @property
    def titles(self) -> dict[str, tuple[str, ...]]:
        """The columns of x, trials and counts, as messages name them."""
        flips = (column_label(self.trials),) if isinstance(self.trials, str) else ("trials",)
        times = () if self.counts is None else (column_label(self.counts),)
        return {"x": tuple(map(column_label, self.x)), "trials": flips, "counts": times}

    def refuse_twice(self, *beside: str) -> None:
        """Raise Refusal if a column is asked for twice.

        beside: the columns that are read besides these.
        """
        flips = [self.trials] if isinstance(self.trials, str) else []
        every = [*self.x, *flips, *([] if self.counts is None else [self.counts]), *beside]
        for name in every:
            if every.count(name) > 1:
                raise Refusal(f"{column_label(name)} is asked for twice; give each column once")

    def refuse_stream(self) -> None:
        """Raise Refusal if rows cannot be a stream: with trials every distinct row is needed."""
        if self.trials is not None:
            asked = ", ".join(map(column_label, self.names))
            raise Refusal(
                f"{asked} have too many distinct rows to stay in memory, as heads and trials have "
                "to; give a part of the file"
            )

    def refuse_zeros(self) -> NoReturn:
        """Raise Refusal because all counts are zero."""
        name = column_label(str(self.counts))
        raise Refusal(f"{name}: all are zero; give at least one observation")

    def stream_writer(self) -> StreamWriter:
        """Return what writes rows of these columns to disk."""
        return StreamWriter(len(self.x), table=len(self.x) > 1, counted=self.counts is not None)

    def sample(self, rows: Array, counts: Array | None) -> Sample:
        """Return rows of x, and of trials if there are any, as a sample.

        rows: (n, d), or heads and trials (n, 2).
        counts: (n,), or None if each row occurred once.
        """
        if self.trials is not None:
            return Sample(rows[:, 0], rows[:, 1], counts)
        return Sample(rows if len(self.x) > 1 else rows[:, 0], counts=counts)


class ScanResult(NamedTuple):
    """The observations in files.

    dropped: the number of rows that were dropped because a value was missing.
    files, columns: where the observations come from.

    >>> from models.reading.batch import OpenFiles
    >>> found = ScanResult(Sample([1, 2]), 0, OpenFiles((), ("x",), False), Columns(("x",)))
    >>> found.sample.observations, found.dropped
    (2, 0)
    """

    sample: Unordered
    dropped: int
    files: OpenFiles
    columns: Columns

    def refuse_rows(self, observe: Callable[[Sample], None]) -> None:
        """Raise Refusal for the first row that `observe` refuses.

        The files are read again for it, because rows are counted without their places.
        """
        for table in checked_batches(self.files, self.columns, None):
            with located_in_file(self.columns.titles, table.where):
                observe(self.columns.sample(table.rows, table.counts))


class CheckedRows(NamedTuple):
    """Some rows as checked numbers.

    rows: (B, d), or heads and trials (B, 2).
    counts: (B,) or None.
    where: (row, from 0 in this batch) -> its place in the files, in words.
    read: the number of rows read, those with missing values included.

    >>> CheckedRows(np.array([[1.5]]), None, lambda row: f"line {row + 2}", 1).where(0)
    'line 2'
    """

    rows: Array
    counts: Array | None
    where: Callable[[int], str]
    read: int


def checked_batches(
    files: OpenFiles, columns: Columns, progress: Progress | None
) -> Iterator[CheckedRows]:
    """Yield the rows of files, checked; Refusal names column and place of a bad value.

    >>> from models.reading.batch import Batch, FileTable, OpenFiles
    >>> def piece():
    ...     yield Batch({"x": np.array([1.5, 2.5])}, lambda row: f"line {row + 2}")
    >>> table = FileTable("a.csv", {"x": "x"}, {"x": ""}, 2, (piece,))
    >>> files = OpenFiles((table,), ("x",), drop_missing=False)
    >>> [batch.rows.tolist() for batch in checked_batches(files, Columns(("x",)), None)]
    [[[1.5], [2.5]]]
    """
    begun = 0
    for batch, read in files.batches():
        if batch.rows:
            yield checked_batch(batch, read, columns)
        begun += read
        if progress is not None:
            progress(begun, files.total)


def checked_batch(batch: Batch, read: int, columns: Columns) -> CheckedRows:
    """Return a batch as rows for a sample, or raise Refusal for the first bad value.

    read: the number of rows of the file that the batch comes from.

    >>> from models.reading.batch import Batch
    >>> batch = Batch({"heads": np.array([3.0, 4.0])}, lambda row: f"line {row + 2}")
    >>> checked_batch(batch, 2, Columns(("heads",), trials=5)).rows
    array([[3., 5.],
           [4., 5.]])
    """
    x = [batch.values[name] for name in columns.x]
    flips = batch.values[columns.trials] if isinstance(columns.trials, str) else columns.trials
    if flips is not None:
        _refuse_more_heads(x[0], flips, columns, batch.where)
    with located_in_file(columns.titles, batch.where):
        values, trials, times = checked_rows(
            x[0] if len(x) == 1 else np.column_stack(x),
            flips,
            None if columns.counts is None else batch.values[columns.counts],
            blanks=True,
        )
    rows = values.reshape(len(values), -1)
    rows = rows if trials is None else np.column_stack([rows, trials])
    return CheckedRows(rows, times, batch.where, read)


def _refuse_more_heads(
    heads: Array, trials: Array | int, columns: Columns, where: Callable[[int], str]
) -> None:
    """Raise Refusal for more heads than trials, with a hint if the columns look swapped."""
    more = heads > trials
    if not more.any():
        return
    row, name, flips = int(np.argmax(more)), columns.x[0], columns.trials
    if isinstance(trials, int):
        raise Refusal(
            f"{name}: {where(row)} is {heads[row]:g}, more than the number of trials, {trials}; "
            "give --trials a larger number, or the column of trials"
        )
    remedy = f"swapped? Try --heads {flips} --trials {name}"
    raise Refusal(
        f"{name}: {where(row)} is {heads[row]:g}, more than its number of trials, "
        f"{trials[row]:g} ({flips}); "
        + (f"are the columns {remedy}" if (heads >= trials).all() else "correct the file")
    )
