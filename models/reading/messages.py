"""What is wrong with a file, said in one line."""

from __future__ import annotations

import re
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING

from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = [
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
    """Say that there is no such column, which one may be meant, and which there are."""
    lowered = {column.lower(): column for column in reversed(columns)}
    near = get_close_matches(name.lower(), lowered, n=1)
    guess = f"did you mean {lowered[near[0]]!r}? " if near else ""
    listed = ", ".join(map(shortened, columns[:NAMED])) + ", ..." * (len(columns) > NAMED)
    count = f"{len(columns):,} column{'s' * (len(columns) > 1)}"
    return f"{label} has no column {name!r}; {guess}it has {count}: {listed}"


def not_a_number(name: str, place: str, value: str, remedy: str = "") -> Refusal:
    """Return the error for a value that is no number."""
    return Refusal(f"{name}: {place} is {shortened(value)!r}, which is not a number{remedy}")


def too_large(name: str, place: str, value: str) -> Refusal:
    """Return the error for a whole number that a double would round."""
    return Refusal(
        f"{name}: {place} is {value}, which a double cannot hold exactly; subtract an offset"
    )


def shortened(text: str) -> str:
    """Return as much of a text as a message shows."""
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def one_line(problem: Exception) -> str:
    """Return what an error of Arrow says, in one line."""
    return " ".join(str(problem).split())[:200].rstrip(".")


@contextmanager
def located_in_file(
    names: Mapping[str, Sequence[object]], where: Callable[[int], str] | None = None
) -> Iterator[None]:
    """Let what is wrong with x, trials or counts be said of columns and lines of the file."""
    try:
        yield
    except ValueError as problem:
        said = str(problem)
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
