"""The columns that are asked for, and their rows as checked numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from models.reading.column_names import column_label
from models.reading.messages import located_in_file
from models.refusal import Refusal
from models.sample import Sample, checked_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.arrays import Array
    from models.observations import Observations
    from models.reading.batch import Batch, OpenFiles


type Progress = Callable[[int, int | None], None]

__all__ = [
    "MAX_DISTINCT",
    "MAX_IN_MEMORY",
    "ROWS_PER_DISTINCT",
    "ROWS_PER_OFF_GRID",
    "CheckedRows",
    "Columns",
    "Progress",
    "ScanResult",
    "checked_batch",
    "checked_batches",
]

MAX_IN_MEMORY = 1 << 22  # numbers that may stay in memory whether they compress or not: 32 MB
MAX_DISTINCT = 1 << 22  # distinct rows beyond which rows do not compress
ROWS_PER_DISTINCT = 2  # compress if there are at least so many rows per distinct row,
ROWS_PER_OFF_GRID = 100  # or if at most one row in so many lies off the grid of values


class Columns(NamedTuple):
    """What is read of a file: the columns of x; trials and counts, where there are any.

    trials: a column, or one number of flips for all rows.
    """

    x: tuple[str, ...]
    trials: str | int | None = None
    counts: str | None = None

    @property
    def names(self) -> list[str]:
        """The columns to be read, each once."""
        flips = self.trials if isinstance(self.trials, str) else None
        return list(dict.fromkeys([*self.x, *(one for one in (flips, self.counts) if one)]))

    @property
    def titles(self) -> dict[str, tuple[str, ...]]:
        """What x, trials and counts are called in messages."""
        flips = (column_label(self.trials),) if isinstance(self.trials, str) else ("trials",)
        times = () if self.counts is None else (column_label(self.counts),)
        return {"x": tuple(map(column_label, self.x)), "trials": flips, "counts": times}

    def refuse_twice(self) -> None:
        """Raise Refusal for a column that is asked for in two places."""
        flips = [self.trials] if isinstance(self.trials, str) else []
        every = [*self.x, *flips, *([] if self.counts is None else [self.counts])]
        for name in every:
            if every.count(name) > 1:
                raise Refusal(f"{column_label(name)} is asked for twice; give each column once")

    def refuse_stream(self) -> None:
        """Raise Refusal if too many distinct rows to be counted cannot be streamed either."""
        if self.trials is not None:
            asked = ", ".join(map(column_label, self.names))
            raise Refusal(
                f"{asked} have too many distinct rows to be counted; "
                "coins are compared row by row, so give fewer, or group them"
            )

    def refuse_zeros(self) -> NoReturn:
        """Raise Refusal, as no row ever occurred."""
        name = column_label(str(self.counts))
        raise Refusal(f"{name}: all are zero; give at least one observation")

    def sample(self, rows: Array, counts: Array | None) -> Sample:
        """Return rows of x and trials as a sample."""
        if self.trials is not None:
            return Sample(rows[:, 0], rows[:, 1], counts)
        return Sample(rows if len(self.x) > 1 else rows[:, 0], counts=counts)


class ScanResult(NamedTuple):
    """What files hold.

    dropped: how many of their rows were, for a blank.
    files, columns: where it comes from.
    """

    sample: Observations
    dropped: int
    files: OpenFiles
    columns: Columns

    def refuse_rows(self, observe: Callable[[Sample], None]) -> None:
        """Raise Refusal for the first row that `observe` refuses; read the files again for it.

        Which row a number came from is not kept, as nobody asks where all is well.
        """
        for table in checked_batches(self.files, self.columns, None):
            with located_in_file(self.columns.titles, table.where):
                observe(self.columns.sample(table.rows, table.counts))


class CheckedRows(NamedTuple):
    """Some rows as numbers that have been checked.

    rows: (B, d), or heads and trials (B, 2).
    counts: (B,) or None.
    where: says where a row of them is in the files.
    read: how many rows of the file they are, those with blanks included.
    """

    rows: Array
    counts: Array | None
    where: Callable[[int], str]
    read: int


def checked_batches(
    files: OpenFiles, columns: Columns, progress: Progress | None
) -> Iterator[CheckedRows]:
    """Yield checked rows; what is wrong raises Refusal that names column and place."""
    begun = 0
    for batch, read in files.batches():
        if batch.rows:
            yield checked_batch(batch, read, columns)
        begun += read
        if progress is not None:
            progress(begun, files.total)


def checked_batch(batch: Batch, read: int, columns: Columns) -> CheckedRows:
    """Return a batch as rows of numbers that a sample can hold."""
    x = [batch.values[name] for name in columns.x]
    flips = batch.values[columns.trials] if isinstance(columns.trials, str) else columns.trials
    if flips is not None:
        _refuse_more_heads(x[0], flips, columns, batch.where)
    with located_in_file(columns.titles, batch.where):
        values, trials, times = checked_rows(
            x[0] if len(x) == 1 else np.column_stack(x),
            flips,
            None if columns.counts is None else batch.values[columns.counts],
        )
    rows = values.reshape(len(values), -1)
    rows = rows if trials is None else np.column_stack([rows, trials])
    return CheckedRows(rows, times, batch.where, read)


def _refuse_more_heads(
    heads: Array, trials: Array | int, columns: Columns, where: Callable[[int], str]
) -> None:
    """Refuse more heads than trials, and say whether the columns look swapped."""
    more = heads > trials
    if not more.any():
        return
    row, name, flips = int(np.argmax(more)), columns.x[0], columns.trials
    if isinstance(trials, int):
        raise Refusal(
            f"{name}: {where(row)} is {heads[row]:g}, more heads than --trials {trials}; "
            "how many flips are behind each row?"
        )
    remedy = f"swapped? Try --heads {flips} --trials {name}"
    raise Refusal(
        f"{name}: {where(row)} is {heads[row]:g}, more heads than the {trials[row]:g} of {flips}; "
        + (f"are the columns {remedy}" if (heads >= trials).all() else "mend the file")
    )
