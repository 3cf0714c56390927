"""Parquet files, a batch of rows at a time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from models.arrays import LARGEST_WHOLE
from models.reading.batch import Batch, FileTable
from models.reading.column_names import column_places
from models.reading.from_arrow import booleans, doubles
from models.reading.messages import not_a_number, one_line, too_large
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from models.arrays import Array
    from models.reading.source import Source

__all__ = ["parquet_table"]

BATCH = 1 << 20  # numbers held at once
PIECE = 1 << 22  # rows, in whole row groups, that one worker of a cluster reads
BUFFER = 1 << 20  # bytes read at once, so that a file of a single row group is no burden either


def parquet_table(source: Source, names: Sequence[str], prefix: str) -> FileTable:
    """Return a Parquet file's columns, of which only the schema has been read.

    prefix: goes before a row in messages, where there are several files.
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
    places = column_places(source.label, [column.strip() for column in schema.names], names)
    for place in places.values():
        if (times := schema.names.count(schema.names[place])) > 1:
            raise Refusal(
                f"{source.label} has {times} columns called {schema.names[place]!r}; rename all "
                "but one"
            )
    titles = {name: schema.names[place].strip() for name, place in places.items()}
    kinds = {name: _kind(schema.types[place]) for name, place in places.items()}

    wanted = list(dict.fromkeys(schema.names[place] for place in places.values()))

    def batches(groups: range, begin: int) -> Iterator[Batch]:
        try:
            with parquet.ParquetFile(source.open(), pre_buffer=False, buffer_size=BUFFER) as file:
                size = max(1, BATCH // len(wanted))
                threads = len(wanted) > 1  # which decode a column each
                for batch in file.iter_batches(
                    size, row_groups=groups, columns=wanted, use_threads=threads
                ):
                    values = {
                        name: _doubles(name, batch.column(schema.names[place]), begin, prefix)
                        for name, place in places.items()
                    }
                    yield Batch(values, _where(begin, prefix))
                    begin += batch.num_rows
        except (pa.ArrowException, OSError) as problem:
            raise _broken(source, problem) from None

    pieces = tuple(partial(batches, *one) for one in _pieces(lengths))
    return FileTable(source.label, titles, kinds, n, pieces)


def _pieces(lengths: list[int]) -> Iterator[tuple[range, int]]:
    """Yield runs of row groups of about PIECE rows, and how many rows come before each."""
    first = before = held = 0
    for group, length in enumerate(lengths, 1):
        held += length
        if held >= PIECE or group == len(lengths):
            yield range(first, group), before
            first, before, held = group, before + held, 0


def _broken(source: Source, problem: Exception) -> Refusal:
    if isinstance(problem, FileNotFoundError):  # it was there: this is another machine
        return Refusal(f"{source.label} is not there for a worker; share its folder with it")
    return Refusal(f"{source.label} is a broken Parquet file ({one_line(problem)}); write it anew")


def _kind(kind: pa.DataType) -> str:
    """Say whether a column of a type holds numbers, or which type it is."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_null(kind):
        return ""
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    return str(kind)


def _where(begin: int, prefix: str) -> Callable[[int], str]:
    """Return what says where the rows of a batch are."""
    return lambda row: f"{prefix}row {begin + row + 1:,}"


def _doubles(name: str, column: pa.Array, begin: int, prefix: str) -> Array:
    """Return rows of Parquet, from one on, as doubles, NaN where there is no value."""
    import pyarrow as pa
    from pyarrow import compute, types

    where = _where(begin, prefix)
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if types.is_integer(kind) or types.is_decimal(kind):
        # the cast of a number that no double holds would fail without saying where it is
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
            raise not_a_number(name, where(row), str(column[row].as_py()), remedy)
        return np.full(len(column), np.nan)
    return doubles(column.cast(pa.float64()))
