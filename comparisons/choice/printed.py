"""A choice on a terminal, or in a pipe."""

from __future__ import annotations

import os
from io import StringIO
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.text import Text

from comparisons.choice.elect import elected, undecided
from comparisons.pages.terminal import console_of, laid, spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from comparisons.choice.candidates import Candidates

__all__ = ["cells", "chosen", "heads", "lines"]

UNKNOWN = "–"
HEADS = {
    "K": "K",
    "parameters": "par.",
    "log_likelihood": "log-lik.",
    "aic": "AIC",
    "bic": "BIC",
    "icl": "ICL",
    "p": "p (K+1)",
    "elpd": "LOO (error)",
    "elpd_difference": "to best (error)",
    "log_evidence": "log evidence",
    "probability": "P(K)",
    "verdict": "verdict",
    "fits": "fits",
}
"""The columns that people read, and their heads."""
DIGITS = {"p": 3, "probability": 3, "log_evidence": 2}  # after the point; others have one
ELECTS = {
    "aic": "AIC",
    "bic": "BIC",
    "icl": "ICL",
    "p": "bootstrap",
    "elpd": "LOO",
    "log_evidence": "evidence",
}
TOGETHER = {"log_likelihood", "elpd_difference", "probability", "fits"}
"""The columns that stay beside the one before them where a table is divided."""
GAP = 2  # columns of a terminal between two of a table
STAR = "*"  # beside the number by which a criterion elects a row


def heads(choice: Candidates) -> dict[str, str]:
    """Return the heads of the columns that people read: no p if nothing was tested.

    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> "p" in heads(Candidates((Row(fit.family, 2, fit),)))
    False
    """
    found = {name: head for name, head in HEADS.items() if name != "p" or choice.tested}
    return found | {"K": "family, K"} if choice.rows[0].named else found


def cells(choice: Candidates) -> list[list[str]]:
    """Return the table's rows in words; a star marks what each criterion elects.

    Probabilities have their Monte Carlo errors where these leave open which one is the highest.

    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> cells(Candidates((Row(fit.family, 2, fit),)))[0][:4]
    ['2', '3', '-232.5', '471.0*']
    """
    found, noisy = elected(choice.rows), undecided(choice.rows) is not None
    rows = []
    for row, record in zip(choice.rows, choice.records(), strict=True):
        ours = {head for head, name in ELECTS.items() if name in found and found[name].row is row}
        marks = {head: STAR if head in ours else " " for head, name in ELECTS.items()}
        shown = record if noisy else record | {"probability_error": None}
        rows.append([_cell(shown, name) + marks.get(name, "") for name in heads(choice)])
    return rows


def _cell(record: dict[str, object], name: str) -> str:
    """Return a number in words, with its error if it has one."""
    value, error = record[name], record.get(f"{name}_error")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return UNKNOWN
    if not isinstance(value, float):
        return str(value)
    digits = DIGITS.get(name, 1)
    if name == "p" and record["exceeding"] == 0:
        return f"≤{value:.{digits}f}"  # none of the replicates was as large: a bound
    return f"{value:.{digits}f}" + (f" ({error:.{digits}f})" if error is not None else "")


def chosen(choice: Candidates) -> None:
    """Print the table and what it says.

    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> chosen(Candidates((Row(fit.family, 2, fit),)))
    K  par.  log-lik.     AIC ...
    """
    console = console_of()
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdecimal() and int(wanted) > 0:  # of a pipe, too, for whoever asks for them
        console.width = int(wanted)
    _write(console, choice)


def lines(choice: Candidates) -> Iterable[str]:
    """Return the same as lines of text."""
    # or rich would show each line in a notebook, as an output of its own
    console = Console(file=StringIO(), width=200, highlight=False, force_jupyter=False)
    _write(console, choice)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().rstrip().splitlines()


def bands(choice: Candidates, width: int) -> list[list[int]]:
    """Return the columns of the tables that a narrow terminal shows below each other, by place.

    Each table begins with the candidates, and is as wide as there is room for.

    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> bands(Candidates((Row(fit.family, 2, fit),)), 40)
    [[0, 1, 2, 3, 4], [0, 5, 6, 7], [0, 8, 9, 10, 11]]
    """
    named = heads(choice)
    lengths = [
        GAP + max(map(len, column)) for column in zip(named.values(), *cells(choice), strict=True)
    ]
    room = width - lengths[0] + GAP
    found: list[list[int]] = []
    for block in _blocks(list(named)):
        needed = sum(lengths[at] for at in block)
        if found and needed + sum(lengths[at] for at in found[-1][1:]) <= room:
            found[-1] += block
        else:
            found.append([0, *block])
    return found


def _blocks(names: Sequence[str]) -> list[list[int]]:
    """Return the columns behind the first by place, those that stay together in one list."""
    found: list[list[int]] = []
    for at, name in enumerate(names[1:], 1):
        if name in TOGETHER:
            found[-1].append(at)
        else:
            found.append([at])
    return found


def _write(console: Console, choice: Candidates) -> None:
    """Write table and sentences on a console."""
    names, rows = list(heads(choice).values()), cells(choice)
    for number, places in enumerate(bands(choice, console.width)):
        if number:
            console.print()
        laid(console, [names[at] for at in places], [[row[at] for at in places] for row in rows])
    spoken(console, Text(choice.legend, "dim"))
    for sentence in choice.sentences:
        spoken(console, Text(sentence))
    for sentence in choice.missing:
        spoken(console, Text(sentence, "dim"))
    if choice.interrupted:
        spoken(console, Text("Interrupted: the table has what was finished."))
