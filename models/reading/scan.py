"""Files of any length as a Sample where they compress, as a Stream where they do not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from models.reading.columns import (
    MAX_IN_MEMORY,
    ROWS_PER_DISTINCT,
    ROWS_PER_OFF_GRID,
    CheckedRows,
    Columns,
    ScanResult,
    checked_batches,
)
from models.reading.counting import RowCounts
from models.reading.files import open_files
from models.reading.on_dask import scan_on_workers
from models.refusal import Refusal
from models.storage.disk import StreamWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from distributed import Client

    from models.arrays import Array
    from models.observations import Observations
    from models.reading.batch import OpenFiles
    from models.reading.columns import Progress
    from models.sample import Sample

__all__ = ["compresses", "scan", "scan_columns"]

ENOUGH = 1 << 20  # rows that show whether more will compress


def scan(
    path: str | Path | Sequence[str | Path],
    column: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    heads: str | None = None,
    trials: str | int | None = None,
    counts: str | None = None,
    drop_missing: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
    client: Client | None = None,
) -> Observations:
    """Read CSV or Parquet files of any length, in batches.

    Rounded or discrete numbers are counted on the way, exactly, and come back as a Sample;
    others, where they are many, as a Stream, whose rows wait in a temporary file, or on the
    workers of a cluster. `em.fit` takes all of these.

    path: a file, a list of files, a pattern such as "2026-*.parquet", or "-", which is a pipe.
    column, or columns: of what was measured; of coins heads, and trials: a column of flips, or
        one number for all rows.
    counts: the column that says how often each row occurred.
    drop_missing: drop rows with blanks in these columns, which are refused otherwise.
    progress: called with the rows read so far, and how many there are, where that is known.
    client: of a dask cluster, whose workers see the same files: they read them, and keep rows
        that do not compress.
    """
    asked = [one for one in (column, heads) if one is not None] + list(columns or ())
    if isinstance(columns, str):
        raise Refusal(f"columns is {columns!r}; give a list, or column={columns!r}")
    for name in (*asked, *(one for one in (trials, counts) if not isinstance(one, int))):
        if not isinstance(name, str | None):
            raise Refusal(f"a column is {name!r}; give names, or positions such as '1'")
    if client is not None and not hasattr(client, "scheduler_info"):
        raise Refusal(f"client is {client!r}; give distributed.Client(address)")
    if len([one for one in (column, columns, heads) if one is not None]) != 1:
        raise Refusal("give one of column=, columns= and heads=")
    if (heads is None) != (trials is None):
        raise Refusal("heads= and trials= go together: give both, or neither")
    table = Columns(tuple(asked), trials, counts)
    found = scan_columns(path, table, drop_missing=drop_missing, progress=progress, client=client)
    return found.sample


def scan_columns(
    path: str | Path | Sequence[str | Path],
    columns: Columns,
    *,
    drop_missing: bool = False,
    progress: Progress | None = None,
    client: Client | None = None,
) -> ScanResult:
    """Read columns of files of any length.

    Rounded or discrete numbers are counted on the way and come back as a Sample of the distinct
    rows; others, where they are many, are copied to a temporary file and come back as a Stream.

    path: a file, a list of files, a pattern such as "2026-*.parquet", or "-".
    progress: is told how many rows have been read, and of how many, where that is known.
    client: of a cluster, whose workers read the files then.
    """
    columns.refuse_twice()
    files = open_files(path, columns.names, drop_missing=drop_missing)
    if client is not None:
        return scan_on_workers(client, files, columns, drop_missing=drop_missing, progress=progress)
    with ThreadPoolExecutor(1) as pool:
        counting = BackgroundCount(columns, pool)
        for table in checked_batches(files, columns, progress):
            if not counting.add(table):
                break
        else:
            return ScanResult(counting.sample(), counting.dropped, files, columns)
    return _streamed(files, columns, progress)


def compresses(rows: Array) -> bool:
    """Return whether some rows show that counting distinct ones is worth it."""
    counted = RowCounts(rows.shape[1]).start(rows).add(rows, None)
    distinct, off_grid = len(counted.result()[1]), len(counted.off_grid_counts)
    return ROWS_PER_DISTINCT * distinct <= len(rows) or ROWS_PER_OFF_GRID * off_grid <= len(rows)


class BackgroundCount:
    """Counts the rows of files while it is worth it, in a thread while the next are read."""

    def __init__(self, columns: Columns, pool: ThreadPoolExecutor) -> None:
        """Begin with nothing read."""
        self.columns, self.pool = columns, pool
        self.first: list[CheckedRows] = []
        self.counted: RowCounts | None = None
        self.pending: Future[RowCounts] | None = None
        self.held = self.dropped = 0

    def add(self, table: CheckedRows) -> bool:
        """Count some rows; return whether to go on."""
        self.dropped += table.read - len(table.rows)
        if self.counted is None:
            self.first.append(table)
            self.held += table.rows.size
            return self.held < MAX_IN_MEMORY or self._begun()
        self._wait()
        if self.counted.too_many_off_grid:
            return False
        self.pending = self.pool.submit(self.counted.add, table.rows, table.counts)
        return True

    def _begun(self) -> bool:
        """Count what has been held back, if the beginning of it compresses; return whether so."""
        rows, times = self._first()
        if not compresses(rows[:ENOUGH]):
            return False
        self.counted = RowCounts(rows.shape[1]).start(rows).add(rows, times)
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
        return self.columns.sample(
            *(self._first() if self.counted is None else self.counted.result())
        )


def _joined(parts: list[Array | None]) -> Array | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else None


def _streamed(files: OpenFiles, columns: Columns, progress: Progress | None) -> ScanResult:
    """Copy the rows to a temporary file, reading from the beginning again."""
    columns.refuse_stream()
    writer = StreamWriter(
        len(columns.x), table=len(columns.x) > 1, counted=columns.counts is not None
    )
    dropped = 0
    for table in checked_batches(files, columns, progress):
        dropped += table.read - len(table.rows)
        writer.add(table.rows, table.counts)
    if writer.observations == 0:
        columns.refuse_zeros()
    return ScanResult(writer.done(), dropped, files, columns)
