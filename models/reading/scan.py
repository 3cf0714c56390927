"""Files of any length: a Sample of distinct rows if they compress, else a Stream."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from models.categories import in_natural_order
from models.reading.column_names import column_label
from models.reading.columns import (
    MAX_IN_MEMORY,
    CheckedRows,
    Columns,
    ScanResult,
    checked_batches,
    worth_counting,
)
from models.reading.counting import RowCounts
from models.reading.files import open_files
from models.reading.labels import LabelParser
from models.reading.notation import checked_notation
from models.reading.on_dask import scan_on_workers
from models.reading.source import Files
from models.refusal import Refusal, both
from models.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from distributed import Client

    from models.arrays import Array
    from models.observations import Observations
    from models.reading.batch import OpenFiles
    from models.reading.columns import Progress
    from models.reading.source import Paths

__all__ = ["compresses", "scan", "scan_columns"]

ENOUGH = 1 << 20  # rows from which to judge whether the file compresses


def scan(
    path: Paths,
    column: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    heads: str | None = None,
    trials: str | int | None = None,
    counts: str | None = None,
    drop_missing: bool = False,
    blanks: bool = False,
    decimal: str | None = None,
    thousands: str | None = None,
    sheet: str | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    client: Client | None = None,
) -> Observations:
    r"""Read observations from CSV or Parquet files of any length.

    The result is a Sample of the distinct rows and their counts if rows repeat, as rounded or
    discrete numbers do, or if they are few. Otherwise it is a Stream of rows in a temporary file,
    or with a client rows on the workers of its dask cluster. `em.fit` takes all of these.

    path: a file, a list of files, a pattern such as "2026-*.parquet", or "-" for standard input.
    column, columns: what was measured: one column, or several.
    heads, trials: for coins, the column of heads, and the column of flips or one number of flips
        for all rows.
    counts: the column that says how often each row occurred.
    drop_missing: drop rows with a missing value in these columns, which are refused otherwise.
    blanks: keep rows of several columns with a missing value, which then was not seen; rows of
        which nothing was seen are dropped.
    decimal, thousands: the marks before decimals, and between thousands, of numbers in text; they
        are recognised if not given, unless they may be read in two ways.
    sheet: of an Excel workbook, its name, or its position such as "2"; the first if not given.
    progress: called with the number of rows read so far, and the number of all rows if known.
    client: of a dask cluster whose workers see the same files under the same names.

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile("w", suffix=".csv") as file:
    ...     file.write("height\n162.5\n171.0\n162.5\n") and file.flush()
    ...     scan(file.name, "height")
    Sample(3 observations, 2 distinct)
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
    if any(one is not None for one in (decimal, thousands, sheet)):
        files = path if isinstance(path, Files) else Files(path)
        path = files._replace(notation=checked_notation(decimal, thousands), sheet=sheet)
    found = scan_columns(
        path, table, drop_missing=drop_missing, blanks=blanks, progress=progress, client=client
    )
    return found.sample


def scan_columns(
    path: Paths,
    columns: Columns,
    *,
    labelled: Sequence[str] = (),
    drop_missing: bool = False,
    blanks: bool = False,
    progress: Progress | None = None,
    client: Client | None = None,
) -> ScanResult:
    r"""Read columns of files of any length; `scan` explains the arguments and the result.

    labelled: the columns of x that are labels; their rows stay in memory.

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile("w", suffix=".csv") as file:
    ...     file.write("height\n162.5\nNA\n171.0\n") and file.flush()
    ...     scan_columns(file.name, Columns(("height",)), drop_missing=True).dropped
    1
    """
    columns.refuse_twice()
    kept = columns.partly_seen(blanks and client is None)  # workers stream what does not compress
    words = {name: LabelParser() for name in labelled}
    files = open_files(
        path, columns.names, drop_missing=drop_missing, labels=words, partly_seen=kept
    )
    if client is not None and words:
        raise Refusal("columns of labels are read by one process; leave out --workers, --cluster")
    if client is not None:
        return scan_on_workers(client, files, columns, drop_missing=drop_missing, progress=progress)
    with ThreadPoolExecutor(1) as pool:
        counting = BackgroundCount(columns, pool)
        for table in checked_batches(files, columns, progress):
            if not counting.add(table):
                break
        else:
            sample = _named(counting.sample(), [words.get(name) for name in columns.x])
            return ScanResult(sample, counting.dropped, files, columns)
    if words:
        raise Refusal(
            "there are too many distinct rows to stay in memory, as columns of labels have to; "
            "give a part of the file"
        )
    return _streamed(files, columns, progress)


def _named(sample: Sample, words: Sequence[LabelParser | None]) -> Sample:
    """Return the sample with codes and names of categories in their natural order."""
    if not any(words):
        return sample
    x, levels = sample.x[sample.inverse], list[tuple[str, ...]]()
    once = len(sample.inverse) == sample.observations
    if not once:
        x = sample.x.copy()
    for at, parser in enumerate(words):
        if parser is None:
            levels.append(())
            continue
        seen = ~np.isnan(x[:, at])
        codes = np.unique(x[seen, at]).astype(np.intp)
        names = in_natural_order([parser.names[code] for code in codes])
        rank = np.zeros(len(parser.names))
        rank[[parser.codes[name] for name in names]] = np.arange(len(names))
        x[seen, at] = rank[x[seen, at].astype(np.intp)]
        levels.append(names)
    return Sample(x, counts=None if once else sample.counts, levels=levels)


def compresses(rows: Array) -> bool:
    """Return whether rows (n, d) repeat often enough for distinct rows with counts to pay.

    >>> compresses(np.arange(100.0)[:, None] % 10), compresses(np.exp(np.arange(100.0))[:, None])
    (True, False)
    """
    counted = RowCounts(rows.shape[1]).add(rows, None)
    distinct = len(counted.result()[1])
    return worth_counting(len(rows), distinct, len(counted.off_grid_counts))


class BackgroundCount:
    """Counts rows in a thread, while the next rows are read, for as long as they compress.

    >>> with ThreadPoolExecutor(1) as pool:
    ...     counting = BackgroundCount(Columns(("x",)), pool)
    ...     counting.add(CheckedRows(np.array([[1.0], [1.0]]), None, str, 2))
    ...     counting.sample()
    True
    Sample(2 observations, 1 distinct)
    """

    def __init__(self, columns: Columns, pool: ThreadPoolExecutor) -> None:
        """Start with no rows."""
        self.columns, self.pool = columns, pool
        self.first: list[CheckedRows] = []
        self.counted: RowCounts | None = None
        self.pending: Future[RowCounts] | None = None
        self.held = self.dropped = 0

    def add(self, table: CheckedRows) -> bool:
        """Count some rows, and return whether to go on."""
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
        """Count the first rows if the first ENOUGH of them compress, and return whether they do."""
        rows, times = self._first()
        if not compresses(rows[:ENOUGH]):
            return False
        self.counted = RowCounts(rows.shape[1]).add(rows, times)
        self.first = []
        return True

    def _first(self) -> tuple[Array, Array | None]:
        rows = np.concatenate([table.rows for table in self.first])
        return rows, _joined([table.counts for table in self.first])

    def _wait(self) -> None:
        if self.pending is not None:
            self.pending.result()

    def sample(self) -> Sample:
        """Return the rows as a sample."""
        self._wait()
        return self.columns.sample(
            *(self._first() if self.counted is None else self.counted.result())
        )


def _joined(parts: list[Array | None]) -> Array | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else None


def _streamed(files: OpenFiles, columns: Columns, progress: Progress | None) -> ScanResult:
    """Read the files again, from the beginning, into a temporary file."""
    columns.refuse_stream()
    writer, dropped = columns.stream_writer(), 0
    for table in checked_batches(files, columns, progress):
        dropped += table.read - len(table.rows)
        _refuse_blank(table, columns)
        writer.add(table.rows, table.counts)
    if writer.observations == 0:
        columns.refuse_zeros()
    return ScanResult(writer.done(), dropped, files, columns)


def _refuse_blank(table: CheckedRows, columns: Columns) -> None:
    """Raise Refusal for a row with a blank, where rows are not kept in memory."""
    blank = np.isnan(table.rows)
    if blank.any():
        row, at = (int(one) for one in np.argwhere(blank)[0])
        raise Refusal(
            f"{column_label(columns.x[at])}: {table.where(row)} is blank; the rows are too many "
            "for memory, and so may have no blanks; leave such rows out "
            f"{both('drop_missing=True', '--drop-missing')}"
        )
