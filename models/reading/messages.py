"""Messages of one line about what is wrong with a file."""

from __future__ import annotations

import re
from contextlib import contextmanager
from difflib import SequenceMatcher
from typing import TYPE_CHECKING
from unicodedata import normalize

import numpy as np

from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = [
    "ROW",
    "located_in_file",
    "nearest",
    "not_a_number",
    "one_line",
    "shortened",
    "too_large",
    "unknown_column",
]

NAMELESS = "(no name)"
NAMED = 8  # columns that a message lists
SHOWN = 40  # characters of a bad value, or of a name, that a message shows
ROW = re.compile(r"^(x|trials|counts): row (\d+) \(counted from 0\)(?:, column (\d+))?")
BRACKETS = re.compile(r"\(.*?\)|\[.*?\]|【.*?】")  # with what stands in them: units
CLOSE, FAR = 0.25, 0.4  # how unlike a slip of the pen is, and what may be one
LEAST = 3  # letters of the shorter name, if it is a part of the other
COLUMN = re.compile(r"^x\[:, (\d+)\]")


def unknown_column(label: str, columns: list[str], name: str) -> str:
    """Return the message that a file has no such column, with the nearest name.

    >>> unknown_column("a.csv", ["sex", "height"], "hight")
    "a.csv has no column 'hight'; did you mean 'height'? it has 2 columns: sex, height"
    """
    several = [one.strip() for one in name.split(",")]
    near = nearest(name, columns)
    guess = f"did you mean {near!r}? " if near else ""
    if len(several) > 1 and {*several} <= {*columns}:
        guess = f"give each by itself: {' '.join(f'-c {one}' for one in several)}; "
    listed = ", ".join(shortened(one) or NAMELESS for one in columns[:NAMED])
    listed += ", ..." * (len(columns) > NAMED)
    count = f"{len(columns):,} column{'s' * (len(columns) > 1)}"
    return f"{label} has no column {name!r}; {guess}it has {count}: {listed}"


def nearest(name: str, names: Sequence[str]) -> str:
    """Return the one of some names that is meant by another, or "" if none is like it.

    Case, blanks, full-width letters and what stands in brackets do not matter.

    >>> nearest("Height", ["weight_kg", "height_cm"]), nearest("身高", ["姓名", "身高(厘米)"])
    ('height_cm', '身高(厘米)')
    """
    wanted = _plain(name)
    far = {one: _distance(wanted, _plain(one)) for one in dict.fromkeys(names) if one.strip()}
    near = min(far, key=lambda one: far[one], default="")
    return near if near and wanted and far[near] < np.inf else ""


def _plain(name: str) -> str:
    """Return a name in small letters of usual width, what stands between words as one blank."""
    return " ".join(re.split(r"[\s_.-]+", normalize("NFKC", name).casefold())).strip()


def _distance(wanted: str, name: str) -> float:
    """Return how unlike two plain names are; infinite if neither can be meant by the other."""
    if wanted == name:
        return 0
    bare = BRACKETS.sub("", wanted).strip()
    if bare and bare == BRACKETS.sub("", name).strip():
        return 1
    unlike = 1 - SequenceMatcher(None, wanted, name).ratio()
    if name.startswith(wanted):
        return 2 + unlike
    if unlike <= CLOSE:
        return 3 + unlike
    short = min(wanted, name, key=len)
    if len(short) >= (LEAST if short.isascii() else 1) and (wanted in name or name in wanted):
        return 4 + unlike
    return 5 + unlike if unlike <= FAR else np.inf


def not_a_number(name: str, place: str, value: str, remedy: str = "") -> Refusal:
    """Return the error for a value that is not a number.

    >>> str(not_a_number("height", "line 3", "tall"))
    "height: line 3 is 'tall', which is not a number"
    """
    return Refusal(f"{name}: {place} is {shortened(value)!r}, which is not a number{remedy}")


def too_large(name: str, place: str, value: str) -> Refusal:
    """Return the error for a whole number that a double would round.

    >>> str(too_large("id", "line 3", "9007199254740993"))[:32]
    'id: line 3 is 9007199254740993, '
    """
    return Refusal(
        f"{name}: {place} is {value}, which a double cannot hold exactly; subtract an offset"
    )


def shortened(text: str) -> str:
    """Return the first SHOWN characters of a text.

    >>> shortened("ab" * 40)
    'abababababababababababababababababab...'
    """
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def one_line(problem: Exception) -> str:
    """Return the message of an Arrow error in one line.

    >>> one_line(ValueError("bad  block."))
    'bad block'
    """
    return " ".join(str(problem).split())[:200].rstrip(".")


@contextmanager
def located_in_file(
    names: Mapping[str, Sequence[object]], where: Callable[[int], str] | None = None
) -> Iterator[None]:
    """Turn errors about x, trials or counts into errors about columns and lines of the file.

    names: the file's columns of x, trials and counts.
    where: (row, from 0) -> its place in the file, in words.

    >>> with located_in_file({"x": ["height"]}, lambda row: f"line {row + 2}"):
    ...     raise Refusal("x: row 1 (counted from 0) is -3, which is below 0")
    Traceback (most recent call last):
    models.refusal.Refusal: height: line 3 is -3, which is below 0
    """
    try:
        yield
    except ValueError as problem:
        said = problem.both_ways if isinstance(problem, Refusal) else str(problem)
        if (row := ROW.match(said)) and where is not None:
            field, number, column = row.groups()
            label = _listed(names[field][int(column or 0) :][: 1 if column else None])
            said = f"{label}: {where(int(number))}{said[row.end() :]}"
        elif at := COLUMN.match(said):
            said = f"{names['x'][int(at[1])]}{said[at.end() :]}"
        else:
            said = re.sub(r"^(x|trials|counts)(?=[: ])", lambda one: _listed(names[one[1]]), said)
        raise Refusal(said) from None


def _listed(names: Sequence[object]) -> str:
    return ", ".join(str(name) for name in names)
