"""Parquet files, a batch of rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.reading.named import chosen
from models.reading.refusal import InputError, line_of, not_a_number, too_large
from models.reading.table import Batch, Table
from models.sample import LARGEST_WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from models.family import Array
    from models.reading.source import Source

__all__ = ["parquet_table"]

BATCH = 1 << 18  # rows held at once


def parquet_table(source: Source, names: Sequence[str], prefix: str) -> Table:
    """Return a Parquet file's columns, of which only the schema has been read.

    prefix: goes before a row in messages, where there are several files.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(source.open()) as file:
            schema, n = file.schema_arrow, file.metadata.num_rows
    except (pa.ArrowException, OSError) as problem:
        raise _broken(source, problem) from None
    if n == 0:
        raise InputError(f"{source.label} has no rows; give at least one")
    places = chosen(source.label, [column.strip() for column in schema.names], names)
    titles = {name: schema.names[place].strip() for name, place in places.items()}
    kinds = {name: _kind(schema.types[place]) for name, place in places.items()}

    def batches() -> Iterator[Batch]:
        wanted, begin = list(dict.fromkeys(schema.names[place] for place in places.values())), 0
        try:
            with parquet.ParquetFile(source.open()) as file:
                for batch in file.iter_batches(batch_size=BATCH, columns=wanted):
                    values = {
                        name: _doubles(name, batch.column(schema.names[place]), begin, prefix)
                        for name, place in places.items()
                    }
                    yield Batch(values, _where(begin, prefix))
                    begin += batch.num_rows
        except (pa.ArrowException, OSError) as problem:
            raise _broken(source, problem) from None

    return Table(source.label, titles, kinds, n, batches)


def _broken(source: Source, problem: Exception) -> InputError:
    return InputError(
        f"{source.label} is a broken Parquet file ({line_of(problem)}); write it anew"
    )


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
    if types.is_integer(kind):
        # the cast of a number that no double holds would fail without saying where it is
        low, high = (bound.as_py() for bound in compute.min_max(column).values())
        if low is not None and max(-low, high) >= LARGEST_WHOLE:
            every = column.to_pylist()
            row = next(i for i, one in enumerate(every) if abs(one or 0) >= LARGEST_WHOLE)
            raise too_large(name, where(row), str(every[row]))
    elif not (types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)):
        there = column.is_valid().to_numpy(zero_copy_only=False)
        if there.any():
            row = int(np.argmax(there))
            remedy = f"; the column is of type {kind}"
            raise not_a_number(name, where(row), str(column[row].as_py()), remedy)
        return np.full(len(column), np.nan)
    found: Array = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found
