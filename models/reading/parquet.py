"""Parquet files, read in batches of rows."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from models.arrays import LARGEST_WHOLE
from models.reading.batch import Batch, FileTable
from models.reading.column_names import column_places
from models.reading.from_arrow import booleans, doubles
from models.reading.hints import dated
from models.reading.messages import not_a_number, one_line, too_large
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from models.arrays import Array
    from models.reading.labels import ColumnParser
    from models.reading.source import Source

__all__ = ["parquet_names", "parquet_table"]

BATCH = 1 << 20  # numbers in a batch
PIECE = 1 << 22  # rows, in whole row groups, that one dask task reads
BUFFER = 1 << 20  # bytes read at once, so that a large row group is not loaded as a whole


def parquet_table(
    source: Source,
    names: Sequence[str],
    prefix: str,
    labels: Mapping[str, ColumnParser],
    *,
    in_order: bool = False,
) -> FileTable:
    """Return the columns of a Parquet file; only its schema is read.

    names: of columns, or their positions from 1.
    prefix: of places in messages, to name the file if there are several.
    labels: what numbers the labels of columns that hold no numbers.
    in_order: as `open_files` takes it; a Parquet file has no empty lines.

    >>> from io import BytesIO
    >>> import pyarrow as pa
    >>> from pyarrow import parquet
    >>> from models.reading.source import Source
    >>> parquet.write_table(pa.table({"x": [1.5, None]}), sink := BytesIO())
    >>> source = Source("a.parquet", b"PAR1", 0, lambda: pa.BufferReader(sink.getvalue()))
    >>> table = parquet_table(source, ["x"], prefix="", labels={})
    >>> table.total, [batch.values["x"] for piece in table.pieces for batch in piece()]
    (2, [array([1.5, nan])])
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(source.open()) as file:
            schema, n = file.schema_arrow, file.metadata.num_rows
            groups = range(file.metadata.num_row_groups)
            lengths = [file.metadata.row_group(group).num_rows for group in groups]
    except (pa.ArrowException, OSError) as problem:
        raise _broken(source, problem) from None
    if n == 0:
        raise Refusal(f"{source.label} has no rows; give at least one")
    columns, types = schema.names, schema.types  # each of which Arrow makes anew
    places = column_places(source.label, [column.strip() for column in columns], names)
    often = Counter(columns)
    for place in places.values():
        if (times := often[columns[place]]) > 1:
            raise Refusal(
                f"{source.label} has {times} columns called {columns[place]!r}; rename all but one"
            )
    titles = {name: columns[place].strip() for name, place in places.items()}
    kinds = {name: _kind(types[place]) for name, place in places.items()}

    wanted = list(dict.fromkeys(columns[place] for place in places.values()))

    def batches(groups: range, begin: int) -> Iterator[Batch]:
        try:
            with parquet.ParquetFile(source.open(), pre_buffer=False, buffer_size=BUFFER) as file:
                size = max(1, BATCH // len(wanted))
                threads = len(wanted) > 1  # each decodes one column
                for batch in file.iter_batches(
                    size, row_groups=groups, columns=wanted, use_threads=threads
                ):
                    where, values = _where(begin, prefix), {}
                    for name, place in places.items():
                        column = batch.column(columns[place])
                        label = labels.get(name)
                        values[name] = (
                            _doubles(name, column, begin, prefix)
                            if label is None
                            else label(column, where)
                        )
                    yield Batch(values, where)
                    begin += batch.num_rows
        except (pa.ArrowException, OSError) as problem:
            raise _broken(source, problem) from None

    pieces = tuple(partial(batches, *one) for one in _pieces(lengths))
    return FileTable(source.label, titles, kinds, n, pieces)


def parquet_names(source: Source) -> list[str]:
    """Return the names of all columns of a Parquet file.

    >>> from io import BytesIO
    >>> import pyarrow as pa
    >>> from pyarrow import parquet
    >>> from models.reading.source import Source
    >>> parquet.write_table(pa.table({"x": [1.5], "y": [2]}), sink := BytesIO())
    >>> parquet_names(Source("a", b"PAR1", 0, lambda: pa.BufferReader(sink.getvalue())))
    ['x', 'y']
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(source.open()) as file:
            return [name.strip() for name in file.schema_arrow.names]
    except (pa.ArrowException, OSError) as problem:
        raise _broken(source, problem) from None


def _pieces(lengths: list[int]) -> Iterator[tuple[range, int]]:
    """Yield ranges of row groups of about PIECE rows, and the number of rows before each."""
    first = before = rows = 0
    for group, length in enumerate(lengths, 1):
        rows += length
        if rows >= PIECE or group == len(lengths):
            yield range(first, group), before
            first, before, rows = group, before + rows, 0


def _broken(source: Source, problem: Exception) -> Refusal:
    if isinstance(problem, FileNotFoundError):  # the file was found before: this is another machine
        return Refusal(f"a worker cannot find {source.label}; share its folder with the workers")
    return Refusal(f"{source.label} is a broken Parquet file ({one_line(problem)}); write it again")


def _kind(kind: pa.DataType) -> str:
    """Return "number" for types of numbers, "" for nulls, else the name of the type."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_null(kind):
        return ""
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    return str(kind)


def _where(begin: int, prefix: str) -> Callable[[int], str]:
    """Return the function from a row of a batch to its place in the file, in words."""
    return lambda row: f"{prefix}row {begin + row + 1:,}"


def _doubles(name: str, column: pa.Array, begin: int, prefix: str) -> Array:
    """Return a column as doubles, NaN where a value is missing, or raise Refusal for text.

    begin: the number of rows of the file before this batch.
    """
    import pyarrow as pa
    from pyarrow import compute, types

    where = _where(begin, prefix)
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if types.is_integer(kind) or types.is_decimal(kind):
        # casting an integer that is too large would fail without naming its row
        low, high = (bound.as_py() for bound in compute.min_max(column).values())
        if low is not None and max(-low, high) >= LARGEST_WHOLE:
            every = column.to_pylist()
            row = next(i for i, one in enumerate(every) if abs(one or 0) >= LARGEST_WHOLE)
            raise too_large(name, where(row), str(every[row]))
    elif not (types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)):
        there = booleans(column.is_valid())
        if there.any():
            row = int(np.argmax(there))
            remedy = f"; the column is of type {kind}"
            if types.is_temporal(kind) and not types.is_duration(kind):
                remedy = dated("time" if types.is_time(kind) else "date")
            raise not_a_number(name, where(row), str(column[row].as_py()), remedy)
        return np.full(len(column), np.nan)
    return doubles(column.cast(pa.float64()))
