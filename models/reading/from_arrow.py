"""Arrow's columns as NumPy's arrays; its own way there loads pandas, which takes half a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["booleans", "doubles"]


def doubles(column: pa.Array) -> Array:
    """Return a column of doubles, NaN where there is no value."""
    if len(column) == 0:
        return np.empty(0)
    there, numbers = column.buffers()
    found = np.frombuffer(numbers, np.float64, len(column), 8 * column.offset)
    return found if column.null_count == 0 else np.where(_bits(there, column), found, np.nan)


def booleans(column: pa.Array) -> NDArray[np.bool_]:
    """Return a column of truth values, false where there is no value."""
    if len(column) == 0:
        return np.empty(0, np.bool_)
    there, values = column.buffers()
    found = _bits(values, column)
    return found if column.null_count == 0 else found & _bits(there, column)


def _bits(packed: pa.Buffer, column: pa.Array) -> NDArray[np.bool_]:
    """Return the bits that belong to a column's rows."""
    every = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
    return every[column.offset : column.offset + len(column)].astype(np.bool_)
