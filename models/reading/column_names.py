"""Columns that are asked for by name or by position."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from models.reading.messages import unknown_column
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["column_label", "column_places", "position"]


def column_label(name: str) -> str:
    """Return the name of a column in messages.

    >>> column_label("height"), column_label("2")
    ('height', 'column 2')
    """
    return f"column {name}" if name.isdecimal() else name


def column_places(label: str, columns: list[str], names: Sequence[str]) -> dict[str, int]:
    """Return the index, from 0, of each column that is asked for.

    label: of the file, for messages.
    columns: the file's own names.
    names: names, or positions from 1 where no column has that name.

    >>> column_places("a.csv", ["sex", "height"], ["height", "1"])
    {'height': 1, '1': 0}
    """
    places, often = {}, Counter(columns)
    first = {column: at for at, column in reversed(list(enumerate(columns)))}
    for name in names:
        wanted = name.strip()
        times = often[wanted]
        if times > 1:
            raise Refusal(f"{label} has {times} columns called {wanted!r}; rename all but one")
        if times == 1:
            places[name] = first[wanted]
        elif (place := position(wanted, len(columns))) is not None:
            places[name] = place
        else:
            raise Refusal(unknown_column(label, columns, wanted))
    taken: dict[int, str] = {}
    for name, place in places.items():
        if place in taken:
            raise Refusal(f"{taken[place]} and {name} are the same column; give each once")
        taken[place] = name
    return places


def position(name: str, columns: int) -> int | None:
    """Return the index, from 0, of a column given by its position, from 1; None for a name.

    >>> position("2", 3), position("4", 3), position("height", 3)
    (1, None, None)
    """
    number = int(name) if name.isascii() and name.isdigit() else 0
    return number - 1 if 1 <= number <= columns else None
