"""Numbers in text: missing values, signs, logical values, decimal commas and thousands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.arrays import LARGEST_WHOLE
from models.reading.encodings import decoded
from models.reading.from_arrow import booleans, doubles
from models.reading.hints import hint
from models.reading.messages import not_a_number, shortened, too_large
from models.reading.notation import (
    UNKNOWN,
    Ambiguous,
    Notation,
    compatible,
    recognised,
)
from models.refusal import Refusal, both

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["NumberParser", "cells"]

# patterns, as pyarrow loads pandas to make an array of Python's words
MISSING = "(?i)^(|na|n/a|#n/a|<na>|-?nan|null|none)$"
LOGICAL = "(?i)^(false|true)$"
WHOLE = r"^[+-]?[0-9]+$"
ALIKE = {0x2019: "'", 0xA0: " ", 0x202F: " ", 0x2009: " ", 0x2212: "-"} | {
    wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)
}  # signs that other programs, and people, write in place of the usual ones
UNUSUAL = "[\u2019\u00a0\u202f\u2009\u2212\uff01-\uff5e]"


@dataclass
class NumberParser:
    """Parses one column of text, batch by batch; all batches must write numbers in one way.

    delimiter: between the columns of the file.
    whole: whether the first batch is the whole file.
    given: the notation that the user says.
    elsewhere: the notation of other columns of the file.
    notation: of the rows so far.
    logical: whether the rows so far are logical values; None before the first.

    >>> import pyarrow as pa
    >>> parser = NumberParser("x", delimiter=";", whole=True)
    >>> parser(pa.array([b"1,5", b"NA", b"-2"]), lambda row: f"line {row + 2}")
    array([ 1.5,  nan, -2. ])
    """

    name: str
    delimiter: str
    whole: bool
    given: Notation = UNKNOWN
    elsewhere: Notation = UNKNOWN
    notation: Notation = UNKNOWN
    logical: bool | None = None

    def __call__(self, column: pa.Array, where: Callable[[int], str]) -> Array:
        """Return the numbers, NaN where a value is missing, or raise Refusal for other text.

        column: bytes in any encoding.
        where: (row, from 0 in this batch) -> its place in the file, in words.
        """
        import pyarrow as pa

        text = _text(column)
        if self._may_be_plain:
            try:
                values = doubles(text.cast(pa.float64()))
            except pa.ArrowInvalid:
                return self._cleaned(text, where)
            self._refuse_change(values, logical=False, text=text, where=where)
            if self.notation.decimal != "." and not _all_whole(values):
                self.notation = self.notation._replace(decimal=".")
            return self._exact(text, values, where)
        return self._cleaned(text, where)

    @property
    def _may_be_plain(self) -> bool:
        """Whether what Arrow takes for a number is one: a point is no comma, nor a thousand."""
        known = self.notation
        if known.decimal != ".":
            known = self.given.joined(self.elsewhere) or self.given
            if self.delimiter == ";" and not self.given.decimal:
                return False
        marks = self.notation, known, self.given
        return all(one.decimal != "," and one.thousands != "." for one in marks)

    def _cleaned(self, text: pa.Array, where: Callable[[int], str]) -> Array:
        """Return the numbers of text that Arrow cannot cast, or casts wrongly."""
        import pyarrow as pa
        from pyarrow import compute

        text = _usual(text)
        there = _without_blanks(text)
        some = there.drop_null()
        if not len(some):
            return np.full(len(text), np.nan)
        if _every(compute.match_substring_regex(some, LOGICAL)):
            truth = compute.equal(compute.utf8_lower(there), "true")
            values = doubles(truth.cast(pa.float64()))
            self._refuse_change(values, logical=True, text=text, where=where)
            return values
        known = self.notation
        if not any(known) or not _every(compute.match_substring_regex(some, known.pattern)):
            known = self._recognised(there, some, text, where)
        plain = known.plain(there)
        values = doubles(plain.cast(pa.float64()))
        self._refuse_change(values, logical=False, text=text, where=where)
        self.notation = known
        return self._exact(plain, values, where)

    def _recognised(
        self, there: pa.Array, some: pa.Array, text: pa.Array, where: Callable[[int], str]
    ) -> Notation:
        """Return the notation of the rows so far and of these, or raise Refusal if there is none.

        there: the text, null where it is blank; some: the same without blanks.
        """
        from pyarrow import compute

        before = self.notation if any(self.notation) else self.elsewhere
        found = recognised(some, self.given, before, self.delimiter)
        if isinstance(found, Ambiguous):
            row = compute.index(there, found.text).as_py()
            raise Refusal(f"{self.name}: {where(row)} {found.said}")
        joined = None if found is None else self.notation.joined(found)
        if joined is not None:
            return joined
        wanted = [one for one in compatible(self.given) if self.notation.joined(one)]
        fits = [booleans(compute.match_substring_regex(there, one.pattern)) for one in wanted]
        blank = ~booleans(there.is_valid())
        best = int(np.argmax([one.sum() for one in fits]))
        raise self._odd(int(np.argmin(fits[best] | blank)), text, blank, wanted[best], where)

    def _odd(
        self,
        row: int,
        text: pa.Array,
        blank: NDArray[np.bool_],
        other: Notation,
        where: Callable[[int], str],
    ) -> Refusal:
        """Return the error for a cell that is no number in the notation of the other cells."""
        from pyarrow import compute

        value: str = text[row].as_py()
        each = [compute.match_substring_regex(text, one.pattern) for one in compatible(UNKNOWN)]
        number = np.logical_or.reduce([booleans(one) for one in each])
        if number[row] and any(self.given):
            marks = both("decimal=, thousands=", "--decimal, --thousands")
            return Refusal(
                f"{self.name}: {where(row)} is {shortened(value)!r}, which is no number with "
                f"{other.words}; give other marks {marks}, or none to have them recognised"
            )
        if number[row]:
            return Refusal(
                f"{self.name}: {where(row)} is {shortened(value)!r}, but other rows have "
                f"{other.words}; write all of {self.name} in one way"
            )
        told = hint(value) or (_much_text(text, number, blank) if self.whole else "")
        return not_a_number(self.name, where(row), value, told)

    def _refuse_change(
        self, values: Array, *, logical: bool, text: pa.Array, where: Callable[[int], str]
    ) -> None:
        """Raise Refusal for logical values among numbers, and for numbers among logical values."""
        there = ~np.isnan(values)
        if not there.any():
            return
        if self.logical is not None and self.logical != logical:
            row = int(np.argmax(there))
            remedy = f", as the rows before are; write all of {self.name} in one way"
            raise not_a_number(self.name, where(row), text[row].as_py(), remedy)
        self.logical = logical

    def _exact(self, text: pa.Array, values: Array, where: Callable[[int], str]) -> Array:
        """Return numbers, or raise Refusal for one that a double cannot hold.

        A whole number from 2**53 on may have been rounded.
        """
        import pyarrow as pa
        from pyarrow import compute

        large = np.flatnonzero(np.isfinite(values) & (np.abs(values) >= LARGEST_WHOLE))
        if len(large):
            written = text.take(pa.array(large))
            whole = booleans(compute.match_substring_regex(written, WHOLE))
            if whole.any():
                row = int(np.argmax(whole))
                raise too_large(self.name, where(int(large[row])), written[row].as_py())
        return values


def _all_whole(values: Array) -> bool:
    there = values[~np.isnan(values)]
    return bool((there == np.rint(there)).all())


def _text(column: pa.Array) -> pa.Array:
    """Return bytes as trimmed text, in Windows-1252 if they are not UTF-8: numbers are the same."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        text = column.cast(pa.string())
    except pa.ArrowInvalid:
        text = pa.array([decoded(one) for one in column.to_pylist()])
    return compute.utf8_trim_whitespace(text)


def _usual(text: pa.Array) -> pa.Array:
    """Return text with the usual ones of signs that look alike."""
    import pyarrow as pa
    from pyarrow import compute

    if not compute.any(compute.match_substring_regex(text, UNUSUAL), min_count=0).as_py():
        return text
    return pa.array([one and one.translate(ALIKE).strip() for one in text.to_pylist()], pa.string())


def _without_blanks(text: pa.Array) -> pa.Array:
    """Return text, null where a value is missing."""
    import pyarrow as pa
    from pyarrow import compute

    blank = compute.match_substring_regex(text, MISSING)
    return compute.if_else(blank, pa.nulls(1, pa.string())[0], text)


def cells(column: pa.Array) -> pa.Array:
    r"""Return the text of a column as numbers are written in it, without blanks.

    >>> import pyarrow as pa
    >>> cells(pa.array([b" 1\xc2\xa0549 ", b"NA"])).to_pylist()
    ['1 549']
    """
    return _without_blanks(_usual(_text(column))).drop_null()


def _every(fits: pa.Array) -> bool:
    from pyarrow import compute

    return bool(compute.all(fits, min_count=0).as_py())


def _much_text(given: pa.Array, number: NDArray[np.bool_], blank: NDArray[np.bool_]) -> str:
    """Return the end of a message: how many rows are text, and what to do about it."""
    import pyarrow as pa
    from pyarrow import compute

    text = ~(number | blank)
    rows = f"{text.sum():,} of {len(text):,} row{'s' * (len(text) > 1)}"
    if text.sum() + blank.sum() == len(text):
        kinds = len(compute.unique(given.filter(pa.array(~blank))))
        two = kinds == 2 < text.sum()  # answers, rather than two names
        numbers = "write the two as 0 and 1" if two else "give a column of numbers"
        every = f", and no other of {len(text):,} rows is one" * (len(text) > 1)
        return f"{every}; {numbers}, or for labels take --family categorical"
    verb, them = ("are", "them") if text.sum() > 1 else ("is", "it")
    dropped = both("drop_missing=True", "--drop-missing")
    return (
        f"; {rows} {verb} text: correct {them}, or blank {them} and leave such rows out {dropped}"
    )
