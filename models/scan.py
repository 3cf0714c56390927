"""Files of any length as a Sample where they compress, as a Stream where they do not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from models.reading import InputError, opened, said_of_the_file, titled
from models.sample import Sample, checked_rows
from models.stream import Observations, StreamWriter
from models.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from distributed import Client

    from models.family import Array
    from models.reading import Batch, Reading

    type Progress = Callable[[int, int | None], None]

__all__ = ["Columns", "Scanned", "Table", "checked", "compresses", "scan", "tables"]

FEW = 1 << 22  # numbers that may well stay in memory, whether they compress or not: 32 MB
ENOUGH = 1 << 20  # rows that tell whether more will compress
MOST = 1 << 22  # distinct rows beyond which they do not compress
WORTH = 2  # rows a distinct row from which they do,
SPARSE = 100  # and one row in so many that may lie off the lattice


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
        flips = (titled(self.trials),) if isinstance(self.trials, str) else ("trials",)
        times = () if self.counts is None else (titled(self.counts),)
        return {"x": tuple(map(titled, self.x)), "trials": flips, "counts": times}

    def refuse_twice(self) -> None:
        """Raise InputError for a column that is asked for in two places."""
        flips = [self.trials] if isinstance(self.trials, str) else []
        every = [*self.x, *flips, *([] if self.counts is None else [self.counts])]
        for name in every:
            if every.count(name) > 1:
                raise InputError(f"{titled(name)} is asked for twice; give each column once")

    def refuse_stream(self) -> None:
        """Raise InputError if too many distinct rows to be counted cannot be streamed either."""
        if self.trials is not None:
            raise InputError(
                f"{', '.join(map(titled, self.names))} have too many distinct rows to be counted; "
                "coins are compared row by row, so give fewer, or group them"
            )

    def refuse_zeros(self) -> NoReturn:
        """Raise InputError, as no row ever occurred."""
        name = titled(str(self.counts))
        raise InputError(f"{name}: all are zero; give at least one observation")

    def sample(self, rows: Array, counts: Array | None) -> Sample:
        """Return rows of x and trials as a sample."""
        if self.trials is not None:
            return Sample(rows[:, 0], rows[:, 1], counts)
        return Sample(rows if len(self.x) > 1 else rows[:, 0], counts=counts)


class Scanned(NamedTuple):
    """What files hold.

    dropped: how many of their rows were, for a blank.
    reading, columns: where it comes from.
    """

    sample: Observations
    dropped: int
    reading: Reading
    columns: Columns

    def refuse_rows(self, observe: Callable[[Sample], None]) -> None:
        """Raise InputError for the first row that `observe` refuses; read the files again for it.

        Which row a number came from is not kept, as nobody asks where all is well.
        """
        for table in tables(self.reading, self.columns, None):
            with said_of_the_file(self.columns.titles, table.where):
                observe(self.columns.sample(table.rows, table.counts))


class Table(NamedTuple):
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


def scan(
    path: str | Path | Sequence[str | Path],
    columns: Columns,
    *,
    drop_missing: bool = False,
    progress: Progress | None = None,
    client: Client | None = None,
) -> Scanned:
    """Read columns of files of any length.

    Rounded or discrete numbers are counted on the way and come back as a Sample of the distinct
    rows; others, where they are many, are copied to a temporary file and come back as a Stream.

    path: a file, a list of files, a pattern such as "2026-*.parquet", or "-".
    progress: is told how many rows have been read, and of how many, where that is known.
    client: of a cluster, whose workers read the files then.
    """
    columns.refuse_twice()
    reading = opened(path, columns.names, drop_missing=drop_missing)
    if client is not None:
        from models.cluster import scan_there

        return scan_there(client, reading, columns, drop_missing=drop_missing, progress=progress)
    with ThreadPoolExecutor(1) as pool:
        counting = Counting(columns, pool)
        for table in tables(reading, columns, progress):
            if not counting.add(table):
                break
        else:
            return Scanned(counting.sample(), counting.dropped, reading, columns)
    return _streamed(reading, columns, progress)


def compresses(rows: Array) -> bool:
    """Return whether some rows show that counting distinct ones is worth it."""
    tally = Tally(rows.shape[1]).begin(rows).add(rows, None)
    distinct = len(tally.result()[1])
    return WORTH * distinct <= len(rows) or SPARSE * len(tally.times) <= len(rows)


class Counting:
    """Counts the rows of files while it is worth it, in a thread while the next are read."""

    def __init__(self, columns: Columns, pool: ThreadPoolExecutor) -> None:
        """Begin with nothing read."""
        self.columns, self.pool = columns, pool
        self.first: list[Table] = []
        self.tally: Tally | None = None
        self.pending: Future[Tally] | None = None
        self.held = self.dropped = 0

    def add(self, table: Table) -> bool:
        """Count some rows; return whether to go on."""
        self.dropped += table.read - len(table.rows)
        if self.tally is None:
            self.first.append(table)
            self.held += table.rows.size
            return self.held < FEW or self._begun()
        self._wait()
        if self.tally.crowded:
            return False
        self.pending = self.pool.submit(self.tally.add, table.rows, table.counts)
        return True

    def _begun(self) -> bool:
        """Count what has been held back, if the beginning of it compresses; return whether so."""
        rows, times = self._first()
        if not compresses(rows[:ENOUGH]):
            return False
        self.tally = Tally(rows.shape[1]).begin(rows).add(rows, times)
        self.first = []
        return True

    def _first(self) -> tuple[Array, Array | None]:
        rows = np.concatenate([table.rows for table in self.first])
        return rows, _joined([table.counts for table in self.first])

    def _wait(self) -> None:
        if self.pending is not None:
            self.pending.result()

    def sample(self) -> Sample:
        """Return what was counted."""
        self._wait()
        return self.columns.sample(*(self._first() if self.tally is None else self.tally.result()))


def _joined(parts: list[Array | None]) -> Array | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else None


def _streamed(reading: Reading, columns: Columns, progress: Progress | None) -> Scanned:
    """Copy the rows to a temporary file, reading from the beginning again."""
    columns.refuse_stream()
    writer = StreamWriter(
        len(columns.x), table=len(columns.x) > 1, counted=columns.counts is not None
    )
    dropped = 0
    for table in tables(reading, columns, progress):
        dropped += table.read - len(table.rows)
        writer.add(table.rows, table.counts)
    if writer.observations == 0:
        columns.refuse_zeros()
    return Scanned(writer.done(), dropped, reading, columns)


def tables(reading: Reading, columns: Columns, progress: Progress | None) -> Iterator[Table]:
    """Yield checked rows; what is wrong raises InputError that names column and place."""
    begun = 0
    for batch, read in reading.batches():
        if batch.rows:
            yield checked(batch, read, columns)
        begun += read
        if progress is not None:
            progress(begun, reading.total)


def checked(batch: Batch, read: int, columns: Columns) -> Table:
    """Return a batch as rows of numbers that a sample can hold."""
    x = [batch.values[name] for name in columns.x]
    flips = batch.values[columns.trials] if isinstance(columns.trials, str) else columns.trials
    if flips is not None:
        _refuse_more_heads(x[0], flips, columns, batch.where)
    with said_of_the_file(columns.titles, batch.where):
        values, trials, times = checked_rows(
            x[0] if len(x) == 1 else np.column_stack(x),
            flips,
            None if columns.counts is None else batch.values[columns.counts],
        )
    rows = values.reshape(len(values), -1)
    rows = rows if trials is None else np.column_stack([rows, trials])
    return Table(rows, times, batch.where, read)


def _refuse_more_heads(
    heads: Array, trials: Array | int, columns: Columns, where: Callable[[int], str]
) -> None:
    """Refuse more heads than trials, and say whether the columns look swapped."""
    more = heads > trials
    if not more.any():
        return
    row, name, flips = int(np.argmax(more)), columns.x[0], columns.trials
    if isinstance(trials, int):
        raise InputError(
            f"{name}: {where(row)} is {heads[row]:g}, more heads than --trials {trials}; "
            "how many flips are behind each row?"
        )
    remedy = f"swapped? Try --heads {flips} --trials {name}"
    raise InputError(
        f"{name}: {where(row)} is {heads[row]:g}, more heads than the {trials[row]:g} of {flips}; "
        + (f"are the columns {remedy}" if (heads >= trials).all() else "mend the file")
    )
