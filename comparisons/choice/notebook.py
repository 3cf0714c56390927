"""A choice in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comparisons.choice.printed import cells, heads
from models.as_html import framed, paragraph, table

if TYPE_CHECKING:
    from comparisons.choice.candidates import Candidates

__all__ = ["shown"]

WORDS = ("verdict", "fits")  # columns that are no numbers


def shown(choice: Candidates) -> str:
    """Return the table, with the recommended row in bold letters, and what it says, as HTML.

    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> "<td>471.0*</td>" in shown(Candidates((Row(fit.family, 2, fit),)))
    True
    """
    columns = heads(choice)
    best = next((at for at, row in enumerate(choice.rows) if row is choice.recommended), None)
    words = [at for at, name in enumerate(columns) if name in WORDS]
    rows = [[cell.strip() for cell in row] for row in cells(choice)]
    ended = "Interrupted: the table has what was finished."
    return framed(
        table(list(columns.values()), rows, words=words, best=best),
        paragraph(choice.legend, soft=True),
        *map(paragraph, choice.sentences),
        *(paragraph(one, soft=True) for one in choice.missing),
        paragraph(ended) if choice.interrupted else "",
    )
