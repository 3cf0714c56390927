"""A column of labels, such as the names of sequences, as whole numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.reading.encodings import decoded
from models.reading.from_arrow import doubles

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from models.arrays import Array

    type ColumnParser = Callable[[pa.Array, Callable[[int], str]], Array]

__all__ = ["LabelParser"]


@dataclass
class LabelParser:
    """Numbers the labels of one column in the order in which they first occur, batch by batch.

    names: of the labels so far.

    >>> import pyarrow as pa
    >>> parser = LabelParser()
    >>> parser(pa.array(["b", "a", None, " b "]), str)
    array([ 0.,  1., nan,  0.])
    >>> parser.names
    ['b', 'a']
    """

    names: list[str] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)

    def __call__(self, column: pa.Array, where: Callable[[int], str]) -> Array:
        """Return the number of each label, NaN where it is missing or blank.

        column: of any type; bytes in any encoding.
        """
        import pyarrow as pa
        from pyarrow import types

        if types.is_dictionary(column.type):  # its values may stand in another order, or not occur
            column = column.dictionary_decode()
        found = column.dictionary_encode()
        number = np.array([self._code(one) for one in _texts(found.dictionary)] + [np.nan])
        places = doubles(found.indices.cast(pa.float64()))
        at = np.where(np.isnan(places), len(number) - 1, places).astype(np.intp)
        return number[at]

    def _code(self, label: str | None) -> float:
        if not label:
            return np.nan
        if label not in self.codes:
            self.codes[label] = len(self.names)
            self.names.append(label)
        return self.codes[label]


def _texts(values: pa.Array) -> list[str | None]:
    """Return values of any type as trimmed text, None where they are missing."""
    import pyarrow as pa
    from pyarrow import compute, types

    if types.is_floating(values.type):
        values = compute.if_else(compute.is_nan(values), None, values)
    try:
        text = values.cast(pa.string())
    except pa.ArrowInvalid:
        every = values.to_pylist()
        text = pa.array([None if one is None else decoded(one) for one in every])
    found: list[str | None] = compute.utf8_trim_whitespace(text).to_pylist()
    return found
