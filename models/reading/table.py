"""A table of counts in a file: a row a group, a column a category."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.arrays import LARGEST_WHOLE
from models.groups import Groups
from models.reading.files import column_names, open_sources, sources_at
from models.reading.from_arrow import doubles
from models.reading.labels import LabelParser
from models.reading.messages import shortened
from models.reading.number_parser import NumberParser
from models.refusal import Refusal, both
from models.totals import refuse_sums

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from models.arrays import Array, Labels
    from models.reading.batch import Batch, OpenFiles
    from models.reading.columns import Progress
    from models.reading.notation import Notation
    from models.reading.source import Paths, Source

__all__ = ["TableCells", "TableScan", "scan_table", "table_cells"]


class TableScan(NamedTuple):
    """Groups in a table of counts.

    dropped: the number of rows that were dropped because a count was missing.

    >>> TableScan(Groups.from_table([[3, 0], [1, 2]]), dropped=0).data.totals
    array([3., 3.])
    """

    data: Groups
    dropped: int


class TableCells(NamedTuple):
    """The cells above 0 of a table of counts.

    titles: (G,) the names of the rows; categories: (V,) of the columns.
    numbers: (G,) the number of each row in the files, from 1 below the line of names.
    whose, what, times: (c,) row, column and count of each cell.

    >>> TableCells._fields
    ('titles', 'categories', 'numbers', 'whose', 'what', 'times')
    """

    titles: list[str]
    categories: list[str]
    numbers: Labels
    whose: Labels
    what: Labels
    times: NDArray[np.int64]


def scan_table(
    path: Paths,
    *,
    drop_missing: bool = False,
    progress: Progress | None = None,
) -> TableScan:
    r"""Read a table whose first column names the rows, and whose other columns are counts.

    path: as `scan` takes it. The first line names the categories.
    drop_missing: drop rows with a missing count, which are refused otherwise.
    progress: called with the number of rows read so far, and of all rows if that is known.

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile("w", suffix=".csv") as file:
    ...     file.write("ward,well,ill\nA,3,0\nB,1,2\n") and file.flush()
    ...     scan_table(file.name).data
    Groups(6 rows in 2 groups, 2 categories)
    """
    cells, files, categories = _read(path, drop_missing=drop_missing, progress=progress)
    return TableScan(cells.groups(files, categories), cells.read - len(cells.titles))


def table_cells(path: Paths, *, drop_missing: bool = False) -> TableCells:
    r"""Read a table as `scan_table` does, of which columns may be empty: rows may be new ones.

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile("w", suffix=".csv") as file:
    ...     file.write("ward,well,ill\nC,3,0\n") and file.flush()
    ...     table_cells(file.name).times
    array([3])
    """
    cells, files, categories = _read(path, drop_missing=drop_missing, progress=None)
    return TableCells(cells.titles, categories, np.array(cells.numbers), *cells.joined(files))


def _read(
    path: Paths, *, drop_missing: bool, progress: Progress | None
) -> tuple[_Cells, OpenFiles, list[str]]:
    """Return the cells of a table, its files, and the names of its columns."""
    sources = sources_at(path)
    first, *categories = _names(sources)
    rows = _RowNames(first or "the first column")
    parsers = {first: rows} | {
        name: _CountParser(name, rows, sources[0].notation, drop_missing=drop_missing)
        for name in categories
    }
    files = open_sources(sources, [first, *categories], labels=parsers)
    cells = _Cells()
    for piece in files.pieces:
        for batch in piece():
            cells.add(batch, categories, rows)
            if progress is not None:
                progress(cells.read, files.total)
    return cells, files, categories


def _names(sources: Sequence[Source]) -> list[str]:
    """Return the names of the columns, which are those of all files."""
    names = column_names(sources[0])
    label = sources[0].label
    if len(names) == 1:
        raise Refusal(
            f"{label} has one column; a table names its rows in the first column and has counts "
            "in the others"
        )
    if "" in names[1:]:
        at = names.index("", 1) + 1
        raise Refusal(f"{label}: column {at:,} has no name; name it, or leave it out")
    for other in sources[1:]:
        if set(column_names(other)) != set(names):
            raise Refusal(
                f"{other.label} and {label} have different columns; give tables with the same ones"
            )
    return names


class _Cells:
    """The cells above 0 of the rows so far.

    titles, numbers: of the rows that were not dropped.
    read: the number of rows, with those that were dropped.
    """

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.numbers: list[int] = []
        self.parts: list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int64]]] = []
        self.read = 0

    def add(self, batch: Batch, categories: Sequence[str], rows: _RowNames) -> None:
        """Keep the cells of a batch above 0; Refusal for a row without any."""
        table = np.column_stack([batch.values[name] for name in categories])
        kept = np.flatnonzero(~np.isnan(table).any(axis=1))
        table = table[kept]
        titles = [rows.name(row) for row in kept.tolist()]
        empty = ~table.any(axis=1)
        if empty.any():
            name = titles[int(empty.argmax())]
            raise Refusal(
                f"row {shortened(name)!r} of the table is empty: all of its counts are 0; leave "
                "it out"
            )
        whose, what = np.nonzero(table)
        times = table[whose, what].astype(np.int64)
        self.parts.append((whose + len(self.titles), what, times))
        self.titles += titles
        self.numbers += (kept + self.read + 1).tolist()
        self.read += batch.rows

    def joined(self, files: OpenFiles) -> tuple[Labels, Labels, NDArray[np.int64]]:
        """Return row, column and count of every cell; Refusal if all rows were dropped."""
        if not self.titles:
            raise Refusal(f"each row of {files.tables[0].label} has a blank; fill them in")
        whose, what, times = (np.concatenate(some) for some in zip(*self.parts, strict=True))
        return whose, what, times

    def groups(self, files: OpenFiles, categories: Sequence[str]) -> Groups:
        """Return the rows as groups; Refusal for a column without counts above 0."""
        whose, what, times = self.joined(files)
        sums = np.bincount(what, minlength=len(categories))
        if (sums == 0).any():
            name = categories[int(sums.argmin())]
            raise Refusal(
                f"column {shortened(name)!r} of the table is empty: all of its counts are 0; leave "
                "it out"
            )
        refuse_sums("row", self.titles, whose, what, times)
        refuse_sums("column", categories, what, whose, times)
        codes = np.arange(float(len(categories)))
        return Groups.from_cells(codes, what, whose, times, self.titles, categories=categories)


@dataclass
class _RowNames:
    """The names of the rows, each of which occurs once; blank ones are refused."""

    column: str
    parser: LabelParser = field(default_factory=LabelParser)
    begin: int = 0

    def __call__(self, column: pa.Array, where: Callable[[int], str]) -> Array:
        """Return the number of each row."""
        self.begin = len(self.parser.names)
        codes = self.parser(column, where)
        unlike = codes != np.arange(self.begin, self.begin + len(codes))
        if unlike.any():
            row = int(unlike.argmax())
            if np.isnan(codes[row]):
                raise Refusal(f"{self.column}: {where(row)} has no name; give it one")
            name = shortened(self.parser.names[int(codes[row])])
            raise Refusal(f"{self.column}: {where(row)} is {name!r} again; give each row once")
        return codes

    def name(self, row: int) -> str:
        """Return the name of a row of the last batch."""
        return self.parser.names[self.begin + row]


@dataclass
class _CountParser:
    """Counts of one category, batch by batch; what is none is refused by its row's name."""

    column: str
    names: _RowNames
    notation: Notation
    drop_missing: bool
    numbers: NumberParser = field(init=False)

    def __post_init__(self) -> None:
        self.numbers = NumberParser(self.column, delimiter=",", whole=False, given=self.notation)

    def __call__(self, column: pa.Array, where: Callable[[int], str]) -> Array:
        """Return the counts, NaN where a blank may be dropped."""
        counts = self._numbers(column)
        blank = np.isnan(counts)
        with np.errstate(invalid="ignore"):
            good = (counts >= 0) & (counts == np.rint(counts)) & (counts < LARGEST_WHOLE)
        bad = ~good & ~(blank & self.drop_missing)
        if bad.any():
            row = int(bad.argmax())
            raise Refusal(f"{self.column}: {self._where(row)} is {_why(float(counts[row]))}")
        return counts

    def _where(self, row: int) -> str:
        return f"row {shortened(self.names.name(row))!r}"

    def _numbers(self, column: pa.Array) -> Array:
        import pyarrow as pa
        from pyarrow import types

        kind = column.type
        if types.is_dictionary(kind):
            column, kind = column.dictionary_decode(), kind.value_type
        if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
            return doubles(column.cast(pa.float64(), safe=False))
        if types.is_null(kind):
            return np.full(len(column), np.nan)
        try:
            text = column.cast(pa.string())
        except pa.ArrowInvalid:  # bytes in another encoding, which the parser knows
            text = column
        except pa.ArrowNotImplementedError:
            raise Refusal(
                f"{self.column} is of type {kind}, which is not a number; leave the column out"
            ) from None
        return self.numbers(text, self._where)


def _why(count: float) -> str:
    """Return what is wrong with a count, and what to do."""
    if np.isnan(count):
        dropped = both("drop_missing=True", "--drop-missing")
        return f"blank; write 0 if it is none, or leave such rows out {dropped}"
    if count < 0:
        return f"{count:g}, which is below 0; give counts"
    if np.isinf(count) or count >= LARGEST_WHOLE:
        return f"{count:g}, which is too large for a count; give counts"
    return f"{count:g}, which is not a whole number; give counts"
