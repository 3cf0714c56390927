"""Numbers in text: missing values, signs, logical values and decimal commas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.arrays import LARGEST_WHOLE
from models.reading.from_arrow import booleans, doubles
from models.reading.messages import not_a_number, too_large

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from models.arrays import Array

__all__ = ["NumberParser"]

MISSING = ("", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none")
LOGICAL = ("false", "true")
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(?i:inf|infinity)$"
WHOLE = r"^[+-]?[0-9]+$"
COMMA = r"^[+-]?[0-9]+,[0-9]+([eE][+-]?[0-9]+)?$"
THOUSANDS = r"^[+-]?[1-9][0-9]{0,2},[0-9]{3}$"


@dataclass
class NumberParser:
    """Parses one column of text, batch by batch; all batches must write numbers in one style.

    delimiter: between the columns of the file.
    whole: whether the first batch is the whole file.
    style: "whole", "point", "comma" or "logical"; "" before the first number.

    >>> import pyarrow as pa
    >>> parser = NumberParser("x", delimiter=";", whole=True)
    >>> parser(pa.array([b"1,5", b"NA", b"-2"]), lambda row: f"line {row + 2}")
    array([ 1.5,  nan, -2. ])
    """

    name: str
    delimiter: str
    whole: bool
    style: str = ""

    def __call__(self, column: pa.Array, where: Callable[[int], str]) -> Array:
        """Return the numbers, NaN where a value is missing, or raise Refusal for other text.

        column: bytes in any encoding.
        where: (row, from 0 in this batch) -> its place in the file, in words.
        """
        import pyarrow as pa
        from pyarrow import compute

        text = _text(column)
        try:
            values = doubles(text.cast(pa.float64()))
            style = "whole" if _all_whole(values) else "point"
        except pa.ArrowInvalid:
            values, style = self._cleaned(text, where)
        self._remember(style, text, values, where)
        # a whole number from 2**53 on may have been rounded
        large = np.flatnonzero(np.isfinite(values) & (np.abs(values) >= LARGEST_WHOLE))
        if len(large):
            written = text.take(pa.array(large))
            whole = booleans(compute.match_substring_regex(written, WHOLE))
            if whole.any():
                row = int(np.argmax(whole))
                raise too_large(self.name, where(int(large[row])), written[row].as_py())
        return values

    def _cleaned(self, text: pa.Array, where: Callable[[int], str]) -> tuple[Array, str]:
        """Return the numbers, and their style, of text that Arrow cannot cast."""
        import pyarrow as pa
        from pyarrow import compute

        lower = compute.utf8_lower(text)
        blank = compute.is_in(lower, value_set=pa.array(MISSING))
        there = compute.if_else(blank, pa.scalar(None, pa.string()), text)

        def every(fits: pa.Array) -> bool:
            return bool(compute.all(compute.or_(fits, blank), min_count=0).as_py())

        def matches(pattern: str) -> pa.Array:
            return compute.match_substring_regex(text, pattern)

        if every(pa.scalar(value=False)):
            return np.full(len(text), np.nan), ""
        if every(compute.is_in(lower, value_set=pa.array(LOGICAL))):
            truth = compute.equal(compute.if_else(blank, None, lower), "true")
            return doubles(truth.cast(pa.float64())), "logical"
        number = matches(NUMBER)
        if every(number):
            values = doubles(there.cast(pa.float64()))
            return values, "whole" if _all_whole(values) else "point"
        comma = matches(COMMA)
        some = compute.any(comma, min_count=0).as_py()
        row = int(np.argmin(booleans(compute.or_(number, blank))))
        if not some or not every(compute.or_(comma, matches(WHOLE))):
            hint = "; write decimals with a point" if comma[row].as_py() else ""
            hint = hint or (_much_text(text, number, blank) if self.whole else "")
            raise not_a_number(self.name, where(row), text[row].as_py(), hint)
        thousands = self.style != "comma" and every(compute.or_(matches(THOUSANDS), matches(WHOLE)))
        if self.delimiter == "," or thousands:
            remedy = ", or one with a decimal comma or a thousands separator; write it with neither"
            raise not_a_number(self.name, where(row), text[row].as_py(), remedy)
        there = compute.replace_substring(there, ",", ".")
        return doubles(there.cast(pa.float64())), "comma"

    def _remember(
        self, style: str, text: pa.Array, values: Array, where: Callable[[int], str]
    ) -> None:
        """Note the style of a batch, or raise Refusal if earlier batches had another."""
        before = self.style
        if style == before or not style or (style == "whole" and before in {"point", "comma"}):
            return
        if before and not (before == "whole" and style in {"point", "comma"}):
            odd = ~np.isnan(values)
            if style != "logical" and before != "logical":
                odd &= values != np.rint(values)
            row = int(np.argmax(odd))
            remedy = f", as the rows before are; write all of {self.name} in one way"
            raise not_a_number(self.name, where(row), text[row].as_py(), remedy)
        self.style = style


def _all_whole(values: Array) -> bool:
    there = values[~np.isnan(values)]
    return bool((there == np.rint(there)).all())


def _text(column: pa.Array) -> pa.Array:
    """Return bytes as trimmed text, in Latin-1 if they are not UTF-8: numbers are the same."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        text = column.cast(pa.string())
    except pa.ArrowInvalid:
        text = pa.array([one.decode("latin-1") for one in column.to_pylist()])
    return compute.utf8_trim_whitespace(text)


def _much_text(given: pa.Array, number: pa.Array, blank: pa.Array) -> str:
    """Return the end of a message: how many rows are text, and what to do about it."""
    from pyarrow import compute

    text = ~booleans(compute.or_(number, blank))
    rows = f"{text.sum():,} of {len(text):,} row{'s' * (len(text) > 1)}"
    if text.sum() + booleans(blank).sum() == len(text):
        kinds = len(compute.unique(given.filter(compute.invert(blank))))
        two = kinds == 2 < text.sum()  # answers, rather than two names
        numbers = "write the two as 0 and 1" if two else "give a column of numbers"
        return f"; no row of {len(text):,} is one: {numbers}, or for labels take categorical"
    verb, them = ("are", "them") if text.sum() > 1 else ("is", "it")
    return f"; {rows} {verb} text: mend {them}, or blank {them} and --drop-missing"
