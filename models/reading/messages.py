"""Messages of one line about what is wrong with a file."""

from __future__ import annotations

import re
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING

from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = [
    "ROW",
    "located_in_file",
    "not_a_number",
    "one_line",
    "shortened",
    "too_large",
    "unknown_column",
]

NAMED = 8  # columns that a message lists
SHOWN = 40  # characters of a bad value, or of a name, that a message shows
ROW = re.compile(r"^(x|trials|counts): row (\d+) \(counted from 0\)(?:, column (\d+))?")
COLUMN = re.compile(r"^x: column (\d+)")


def unknown_column(label: str, columns: list[str], name: str) -> str:
    """Return the message that a file has no such column, with the nearest name.

    >>> unknown_column("a.csv", ["sex", "height"], "hight")
    "a.csv has no column 'hight'; did you mean 'height'? it has 2 columns: sex, height"
    """
    lowered = {column.lower(): column for column in reversed(columns)}
    near = get_close_matches(name.lower(), lowered, n=1)
    guess = f"did you mean {lowered[near[0]]!r}? " if near else ""
    listed = ", ".join(map(shortened, columns[:NAMED])) + ", ..." * (len(columns) > NAMED)
    count = f"{len(columns):,} column{'s' * (len(columns) > 1)}"
    return f"{label} has no column {name!r}; {guess}it has {count}: {listed}"


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
