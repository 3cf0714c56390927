"""A column of labels, such as the names of sequences, as whole numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.reading.from_arrow import doubles

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from models.arrays import Array

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
        from pyarrow import compute, types

        if types.is_dictionary(column.type):
            column = column.dictionary_decode()
        try:
            text = column.cast(pa.string())
        except pa.ArrowInvalid:
            text = pa.array(
                [None if one is None else one.decode("latin-1") for one in column.to_pylist()]
            )
        found = compute.utf8_trim_whitespace(text).dictionary_encode()
        number = np.array([self._code(one) for one in found.dictionary.to_pylist()] + [np.nan])
        places = doubles(found.indices.cast(pa.float64()))
        at = np.where(np.isnan(places), len(number) - 1, places).astype(np.intp)
        return number[at]

    def _code(self, label: str) -> float:
        if not label:
            return np.nan
        if label not in self.codes:
            self.codes[label] = len(self.names)
            self.names.append(label)
        return self.codes[label]
