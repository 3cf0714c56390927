"""Files whose rows are in groups: the rows of each group are counted while the file is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.categories import in_natural_order
from models.groups import MOST_GROUPS, Groups
from models.reading.cells import CellCounts, RowCodes
from models.reading.column_names import column_label
from models.reading.columns import Columns, ScanResult, checked_batch
from models.reading.files import open_files
from models.reading.labels import LabelParser
from models.reading.messages import located_in_file, shortened
from models.refusal import Refusal
from models.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from models.arrays import Array
    from models.reading.batch import Batch, OpenFiles
    from models.reading.cells import Cells
    from models.reading.columns import Progress
    from models.reading.source import Paths

    type Codes = NDArray[np.int32]

__all__ = ["GroupedScan", "LabelScan", "scan_in_groups", "scan_labels"]


class GroupedScan(NamedTuple):
    """Groups in files.

    dropped: the number of rows that were dropped because a value was missing.
    files, columns: where the rows come from.

    >>> from models.reading.batch import OpenFiles
    >>> files = OpenFiles((), ("x", "town"), drop_missing=False)
    >>> GroupedScan(Groups([1, 2, 2], ["a", "a", "b"]), 0, files, Columns(("x",))).data.titles
    ('a', 'b')
    """

    data: Groups
    dropped: int
    files: OpenFiles
    columns: Columns

    def refuse_rows(self, observe: Callable[[Sample], None]) -> None:
        """Raise Refusal for the first row that `observe` refuses."""
        sample = self.data.sample
        if sample.categories:  # what is wrong with labels is wrong with all of them together
            with located_in_file(self.columns.titles):
                observe(sample)
        else:
            ScanResult(sample, self.dropped, self.files, self.columns).refuse_rows(observe)


class LabelScan(NamedTuple):
    """Labels in files, in no order and no groups.

    dropped: the number of rows that were dropped because a value was missing.

    >>> LabelScan(Sample(["to", "be"]), dropped=0).sample.categories
    ('be', 'to')
    """

    sample: Sample
    dropped: int


def scan_in_groups(
    path: Paths,
    columns: Columns,
    group: str,
    *,
    labelled: bool = False,
    drop_missing: bool = False,
    blanks: bool = False,
    progress: Progress | None = None,
) -> GroupedScan:
    r"""Read CSV or Parquet files of any length whose rows are in groups.

    What is kept in memory are the distinct rows of each group, and how often each occurred. So the
    order of the rows is lost.

    path: as `scan` takes it.
    group: the column that names the group of each row, by text or whole numbers.
    labelled: whether the column of x is labels, not numbers.
    drop_missing: drop rows with a missing value in these columns, which are refused otherwise.
    blanks: as `scan` takes it.
    progress: called with the number of rows read so far, and of all rows if that is known.

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile("w", suffix=".csv") as file:
    ...     file.write("verse,word\n1,to\n1,be\n2,to\n1,to\n") and file.flush()
    ...     scan_in_groups(file.name, Columns(("word",)), "verse", labelled=True).data
    Groups(4 rows in 2 groups, 2 categories)
    """
    columns.refuse_twice(group)
    words, names = LabelParser(), LabelParser()
    parsers = dict.fromkeys(columns.x if labelled else (), words) | {group: names}
    files = open_files(
        path,
        [*columns.names, group],
        drop_missing=drop_missing,
        labels=parsers,
        partly_seen=columns.partly_seen(blanks),
    )
    counting = _Counting(columns, labelled)
    for batch in counting.batches(files, progress):
        codes = batch.values[group].astype(np.int64)
        _refuse_names(column_label(group), names.names, codes, batch)
        counting.add(batch, codes)
    cells = counting.counts.result()
    used = _occurring(cells.whose)
    titles = [names.names[one] for one in used]
    cells = cells._replace(whose=_ranks(used, len(names.names))[cells.whose])
    x, trials, cells, categories = counting.rows(cells, words)
    data = Groups.from_cells(x, *cells, titles, trials=trials, categories=categories)
    return GroupedScan(data, counting.dropped, files, columns)


def scan_labels(
    path: Paths,
    columns: Columns,
    *,
    drop_missing: bool = False,
    progress: Progress | None = None,
) -> LabelScan:
    r"""Read labels in no order, with or without counts; `scan_in_groups` explains the arguments.

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile("w", suffix=".csv") as file:
    ...     file.write("word,n\nto,2\nbe,2\nor,1\n") and file.flush()
    ...     scan_labels(file.name, Columns(("word",), counts="n")).sample
    Sample(5 labels, 3 categories)
    """
    columns.refuse_twice()
    words = LabelParser()
    parsers = dict.fromkeys(columns.x, words)
    files = open_files(
        path, columns.names, drop_missing=drop_missing, labels=parsers, in_order=True
    )  # an empty line of one column is a blank label
    counting = _Counting(columns, labelled=True)
    for batch in counting.batches(files, progress):
        counting.add(batch, np.zeros(batch.rows, np.int64))
    cells = counting.counts.result()
    x, _, cells, categories = counting.rows(cells, words)
    with located_in_file(columns.titles):
        sample = Sample(x[cells.places], counts=cells.times, categories=categories)
    return LabelScan(sample, counting.dropped)


class _Counting:
    """Counts the rows of each group, batch by batch."""

    def __init__(self, columns: Columns, labelled: bool) -> None:
        self.columns, self.counts, self.dropped = columns, CellCounts(), 0
        width = len(columns.x) + (columns.trials is not None)
        self.codes = None if labelled else RowCodes.of(width)

    def batches(self, files: OpenFiles, progress: Progress | None) -> Iterator[Batch]:
        """Yield batches of complete rows, and count those that are dropped."""
        begun = 0
        for batch, read in files.batches():
            self.dropped += read - batch.rows
            begun += read
            if batch.rows:
                yield batch
            if progress is not None:
                progress(begun, files.total)

    def add(self, batch: Batch, whose: NDArray[np.int64]) -> None:
        """Count the rows of a batch, (B,), given the codes of their groups."""
        rows = checked_batch(batch, batch.rows, self.columns)
        codes = rows.rows[:, 0].astype(np.int64) if self.codes is None else self.codes(rows.rows)
        self.counts.add(whose, codes, rows.counts)

    def rows(
        self, cells: Cells, words: LabelParser
    ) -> tuple[Array, Array | None, Cells, tuple[str, ...]]:
        """Return x and trials of the distinct rows, the cells of these, and the categories."""
        if self.codes is not None:
            rows = self.codes.rows()
            if self.columns.trials is not None:
                return rows[:, 0], rows[:, 1], cells, ()
            return rows if len(self.columns.x) > 1 else rows[:, 0], None, cells, ()
        categories = in_natural_order(words.names[one] for one in _occurring(cells.places))
        ranks = _ranks([words.codes[one] for one in categories], len(words.names))
        codes = np.arange(float(len(categories)))
        return codes, None, cells._replace(places=ranks[cells.places]), categories


def _occurring(codes: Codes) -> list[int]:
    """Return the codes that occur, from the smallest up."""
    found: list[int] = np.flatnonzero(np.bincount(codes)).tolist()
    return found


def _ranks(ordered: Sequence[int], n: int) -> Codes:
    """Return the place of each of n codes, (n,), in the order of some of them."""
    ranks = np.zeros(n, np.int32)
    ranks[list(ordered)] = np.arange(len(ordered))
    return ranks


def _refuse_names(
    column: str, names: Sequence[str], codes: NDArray[np.int64], batch: Batch
) -> None:
    """Raise Refusal for the first row whose group is named by a fraction, and for many groups."""
    fresh = np.unique(codes)
    bad = [one for one in fresh.tolist() if _is_fraction(names[one])]
    if bad:
        row = int(np.flatnonzero(np.isin(codes, bad))[0])
        raise Refusal(
            f"{column}: {batch.where(row)} is {shortened(names[codes[row]])!r}, which names no "
            "group; give names, or whole numbers"
        )
    if len(names) > MOST_GROUPS:
        raise Refusal(
            f"{column} names more than {MOST_GROUPS:,} groups; give a column with fewer, or leave "
            "groups out"
        )


def _is_fraction(name: str) -> bool:
    """Return whether a name is a number that is not whole."""
    try:
        number = float(name)
    except ValueError:
        return False
    return bool(np.isfinite(number)) and not number.is_integer()
