"""How numbers are written: decimal points or commas, and what stands between thousands."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from models.reading.from_arrow import booleans
from models.refusal import Refusal, both

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

__all__ = [
    "UNKNOWN",
    "Ambiguous",
    "Notation",
    "checked_notation",
    "compatible",
    "of_columns",
    "recognised",
    "unsure",
]

DECIMALS, THOUSANDS = ".,", ".,' _"  # what may stand before decimals, and between thousands
GUESSED = (
    (".", ""),
    (",", ""),
    (".", ","),
    (",", "."),
    (".", " "),
    (",", " "),
    (".", "'"),
    (",", "'"),
)
UNSURE = r"^[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}$"  # three decimals, or a thousand and more
LONG = r"^[+-]?[0-9]{4,}([.,][0-9]*)?$"  # a thousand and more without a separator
SHOWN = 10_000  # rows among which an example is looked for
WORDS = {".": "point", ",": "comma", "'": "apostrophe", " ": "space", "_": "underscore"}


class Notation(NamedTuple):
    """How the numbers of a column are written.

    decimal: "." or ","; "" if it is not known, as with whole numbers.
    thousands: what stands between groups of three digits; "" for nothing.

    >>> Notation(",", ".").number("1.549,22")
    1549.22
    """

    decimal: str = ""
    thousands: str = ""

    @property
    def pattern(self) -> str:
        """A regular expression of all numbers in this notation, those without thousands too."""
        digits = "[0-9]+"
        if self.thousands:
            between = f"[{self.thousands}]"
            twos = f"({between}[0-9]{{2}})*" if self.thousands == "," else ""  # as in India
            digits += f"|[1-9][0-9]{{0,2}}{twos}({between}[0-9]{{3}})+"
        mark = f"[{self.decimal or '.'}]"
        number = rf"(({digits})({mark}[0-9]*)?|{mark}[0-9]+)([eE][+-]?[0-9]+)?"
        return f"^[+-]?({number}|(?i:inf|infinity))$"

    @property
    def words(self) -> str:
        """What this notation is called."""
        said = [f"decimal {WORDS[self.decimal]}s"] if self.decimal else []
        if self.thousands:
            said.append(f"{WORDS[self.thousands]}s between thousands")
        return " and ".join(said) or "whole numbers"

    def told(self, column: pa.Array, given: Notation) -> str:
        """Return what to say of a notation that was recognised, with an example; "" of a plain one.

        column: text in this notation.
        given: what the user says.

        >>> import pyarrow as pa
        >>> Notation(",", ".").told(pa.array(["12", "1.549,22"]), Notation())
        'decimal commas and points between thousands: 1.549,22 is 1549.22'
        """
        said = [*given] == [*self] or (given.decimal == self.decimal and not self.thousands)
        if said or not (self.thousands or self.decimal == ","):
            return ""
        marks = [mark for mark in self if mark]
        texts: list[str] = column.slice(0, SHOWN).to_pylist()
        example = max(texts, key=lambda one: sum(mark in one for mark in marks))
        example = example if any(mark in example for mark in marks) else ""
        return self.words + example and f"{self.words}: {example} is {self.number(example):.12g}"

    def number(self, text: str) -> float:
        """Return the number that a text writes."""
        return float(text.replace(self.thousands, "").replace(self.decimal or ".", "."))

    def plain(self, column: pa.Array) -> pa.Array:
        """Return numbers in this notation as other programs write them.

        >>> import pyarrow as pa
        >>> Notation(",", ".").plain(pa.array(["1.549,22"])).to_pylist()
        ['1549.22']
        """
        from pyarrow import compute

        if self.thousands:
            column = compute.replace_substring(column, self.thousands, "")
        if self.decimal == ",":
            column = compute.replace_substring(column, ",", ".")
        return column

    def joined(self, other: Notation) -> Notation | None:
        """Return the notation of both of two parts of a column; None if there is none.

        >>> Notation("", " ").joined(Notation(",")), Notation(".").joined(Notation(","))
        (Notation(decimal=',', thousands=' '), None)
        """
        known = [{*pair} - {""} for pair in zip(self, other, strict=True)]
        if any(len(one) > 1 for one in known):
            return None
        both_parts = Notation(*("".join(one) for one in known))
        return None if both_parts.decimal == both_parts.thousands != "" else both_parts


UNKNOWN = Notation()


class Ambiguous(NamedTuple):
    """A text that may be two numbers.

    >>> Ambiguous("1,234", 1.234, 1234.0).said.partition(";")[0]
    "is '1,234', which may be 1.234 or 1234"
    """

    text: str
    with_decimals: float
    with_thousands: float

    @property
    def said(self) -> str:
        """What is wrong with it, and what to do."""
        mark = "," if "," in self.text else "."
        which = both(
            f"decimal={mark!r} or thousands={mark!r}", f"--decimal {mark} or --thousands {mark}"
        )
        return (
            f"is {self.text!r}, which may be {self.with_decimals:.10g} or "
            f"{self.with_thousands:.10g}; say which one {which}"
        )


def checked_notation(decimal: str | None, thousands: str | None) -> Notation:
    """Return the notation that a user gives, or raise Refusal for what is none.

    >>> checked_notation(",", None)
    Notation(decimal=',', thousands='')
    >>> checked_notation(",", ",")
    Traceback (most recent call last):
    models.refusal.Refusal: ',' cannot be the decimal mark and stand between thousands too; give ...
    """
    given = Notation(decimal or "", _usual(thousands or ""))
    if given.decimal and given.decimal not in DECIMALS:
        raise Refusal(
            f"the decimal mark {both('decimal=', '--decimal')} is {decimal!r}; give '.' or ','"
        )
    if given.thousands and given.thousands not in THOUSANDS:
        raise Refusal(
            f"the mark between thousands {both('thousands=', '--thousands')} is {thousands!r}; "
            "give '.', ',', ' ' or an apostrophe"
        )
    if given.decimal == given.thousands != "":
        raise Refusal(
            f"{decimal!r} cannot be the decimal mark and stand between thousands too; give two "
            "different marks"
        )
    return given


def _usual(mark: str) -> str:
    """Return the usual one of several marks that look alike."""
    return {"\u2019": "'", "\xa0": " ", "\u202f": " ", "\u2009": " "}.get(mark, mark)


def compatible(given: Notation) -> list[Notation]:
    """Return the notations that are looked for, given what the user says.

    >>> compatible(Notation(",", "."))
    [Notation(decimal=',', thousands='.')]
    """
    guesses = [Notation(*one) for one in GUESSED]
    if given.decimal:
        guesses = [one for one in guesses if one.decimal == given.decimal]
    if given.thousands:
        decimals = given.decimal or DECIMALS.replace(given.thousands, "")
        guesses = [Notation(one, given.thousands) for one in decimals]
    return guesses


def recognised(
    column: pa.Array, given: Notation, elsewhere: Notation, delimiter: str
) -> Notation | Ambiguous | None:
    r"""Return the notation in which all cells are numbers; None if there is none.

    column: text without blanks.
    given: by the user.
    elsewhere: the notation of earlier rows, or of other columns of the file.
    delimiter: between the columns. Where decimals have a comma, files have semicolons.

    >>> import pyarrow as pa
    >>> def seen(texts, delimiter):
    ...     return recognised(pa.array(texts), Notation(), Notation(), delimiter)
    >>> seen(["1.549,22", "3"], ";"), seen(["77,461", "3"], ",")
    (Notation(decimal=',', thousands='.'), Notation(decimal='', thousands=','))
    >>> seen(["1,234", "5,678"], ";")
    Ambiguous(text='1,234', with_decimals=1.234, with_thousands=1234.0)
    """
    from pyarrow import compute

    guesses = compatible(given)
    if not unsure(column):
        first = next((one for one in guesses if _fits(column, one)), None)
        return None if first is None else _seen(column, first)
    able = [one for one in guesses if _fits(column, one)]
    if not able:
        return None
    row = booleans(compute.match_substring_regex(column, UNSURE)).argmax()
    text: str = column[int(row)].as_py()
    mark = "." if "." in text else ","
    decimals = [one for one in able if one.decimal == mark]
    thousands = [one for one in able if one.thousands == mark]
    if decimals and thousands:
        if elsewhere.decimal == mark or _any(compute.match_substring_regex(column, LONG)):
            able = decimals
        elif elsewhere.decimal or mark in (elsewhere.thousands, delimiter):
            able = thousands
        elif mark == "," or delimiter == ";":
            return Ambiguous(text, decimals[0].number(text), thousands[0].number(text))
        else:
            able = decimals
    return _seen(column, able[0])


def unsure(column: pa.Array) -> bool:
    """Return whether a column has texts that may be two numbers.

    >>> import pyarrow as pa
    >>> unsure(pa.array(["1,234"])), unsure(pa.array(["1,5", "0,123"]))
    (True, False)
    """
    from pyarrow import compute

    return _any(compute.match_substring_regex(column, UNSURE))


def of_columns(columns: Sequence[pa.Array], given: Notation) -> Notation:
    """Return the notation of the columns that show one for sure; unknown if they differ.

    >>> import pyarrow as pa
    >>> of_columns([pa.array(["1.234"]), pa.array(["1,5"]), pa.array(["tall"])], Notation())
    Notation(decimal=',', thousands='')
    """
    known = Notation()
    for column in columns:
        found = recognised(column, given, UNKNOWN, delimiter=";")  # which makes nothing likelier
        if isinstance(found, Notation):
            joined = known.joined(found)
            if joined is None:
                return UNKNOWN
            known = joined
    return known


def _fits(column: pa.Array, notation: Notation) -> bool:
    """Return whether all cells are numbers in a notation."""
    from pyarrow import compute

    fits = compute.match_substring_regex(column, notation.pattern)
    return bool(compute.all(fits, min_count=0).as_py())


def _any(fits: pa.Array) -> bool:
    from pyarrow import compute

    return bool(compute.any(fits, min_count=0).as_py())


def _seen(column: pa.Array, notation: Notation) -> Notation:
    """Return a notation without the marks that do not occur."""
    from pyarrow import compute

    marks = [mark and _any(compute.match_substring(column, mark)) for mark in notation]
    return Notation(*(mark if there else "" for mark, there in zip(notation, marks, strict=True)))
