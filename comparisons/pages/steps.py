"""Small tables that a study shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Cells", "Steps"]

type Cells = Sequence[float | str | None]
"""A row: numbers and words; None where there is nothing to say."""


class Steps(NamedTuple):
    """A small table of what a study did.

    >>> Steps("Flips", {"heads": "d", "p": ".2f"}, [(7, 0.7), (0, None)]).words()
    [['7', '0.70'], ['0', '–']]

    columns: each column's head, and the format of its numbers, such as ".3f".
    """

    title: str
    columns: Mapping[str, str]
    rows: Sequence[Cells]

    def words(self) -> list[list[str]]:
        """Return the rows as they are read."""
        return [
            [_word(cell, form) for cell, form in zip(row, self.columns.values(), strict=True)]
            for row in self.rows
        ]


def _word(cell: float | str | None, form: str) -> str:
    if cell is None or cell != cell:  # noqa: PLR0124 (NaN)
        return "–"
    return cell if isinstance(cell, str) else format(cell, form)
