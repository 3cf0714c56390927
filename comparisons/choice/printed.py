"""A choice on a terminal, or in a pipe."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.text import Text

from comparisons.choice.elect import elected, undecided
from comparisons.pages.terminal import console_of, laid, spoken

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    _write(console_of(), choice)


def lines(choice: Candidates) -> Iterable[str]:
    """Return the same as lines of text."""
    # or rich would show each line in a notebook, as an output of its own
    console = Console(file=StringIO(), width=200, highlight=False, force_jupyter=False)
    _write(console, choice)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().rstrip().splitlines()


def _write(console: Console, choice: Candidates) -> None:
    """Write table and sentences on a console."""
    laid(console, list(heads(choice).values()), cells(choice))
    spoken(console, Text(choice.legend, "dim"))
    for sentence in choice.sentences:
        spoken(console, Text(sentence))
    for sentence in choice.missing:
        spoken(console, Text(sentence, "dim"))
    if choice.interrupted:
        spoken(console, Text("Interrupted: the table has what was finished."))
