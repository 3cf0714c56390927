"""Arrow columns as NumPy arrays; pyarrow's own conversion loads pandas, which takes 0.5 s."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["booleans", "doubles"]


def doubles(column: pa.Array) -> Array:
    """Return a column of doubles, NaN where a value is missing.

    >>> import pyarrow as pa
    >>> doubles(pa.array([1.5, None]))
    array([1.5, nan])
    """
    if len(column) == 0:
        return np.empty(0)
    there, numbers = column.buffers()
    found = np.frombuffer(numbers, np.float64, len(column), 8 * column.offset)
    return found if column.null_count == 0 else np.where(_bits(there, column), found, np.nan)


def booleans(column: pa.Array) -> NDArray[np.bool_]:
    """Return a column of booleans, False where a value is missing.

    >>> import pyarrow as pa
    >>> booleans(pa.array([True, None]))
    array([ True, False])
    """
    if len(column) == 0:
        return np.empty(0, np.bool_)
    there, values = column.buffers()
    found = _bits(values, column)
    return found if column.null_count == 0 else found & _bits(there, column)


def _bits(packed: pa.Buffer, column: pa.Array) -> NDArray[np.bool_]:
    """Return the bits of a column's rows as booleans."""
    every = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
    return every[column.offset : column.offset + len(column)].astype(np.bool_)
