"""A choice as one JSON object: the format that `second-opinion choose --json` prints.

{
  "format": 1,
  "family", "observations",
  "rows": [{"K", "parameters", "log_likelihood", "aic", "bic", "icl", "statistic", "p",
            "exceeding", "replicates", "elpd", "elpd_error", "elpd_difference",
            "elpd_difference_error", "log_evidence", "log_evidence_error", "log_evidence_half",
            "log_evidence_twice", "probability", "verdict", "fits", "note"}, ...],
  "elected": {"BIC": "2", ...},      criterion: the K of the row that it elects
  "recommended": "2",
  "sentences": [...],                advice, elections, why they differ
  "interrupted": false               whether it ended before all was computed
}

K is the number of groups as text, after the family of several, or a covariance form. statistic, p,
exceeding and replicates are of the bootstrap test of K against K + 1; where no replicate exceeds, p
is a bound. log_evidence_half and log_evidence_twice are those under a prior of half and of twice
the width. Numbers that could not be computed are null, and `note` says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from comparisons.choice.elect import elected
from comparisons.thresholds import FORMAT

if TYPE_CHECKING:
    from comparisons.choice.candidates import Candidates

__all__ = ["Chosen", "of_choice"]


class Chosen(Struct):
    """A choice.

    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> of_choice(Candidates((Row(fit.family, 2, fit),))).recommended
    '2'
    """

    format: int
    family: str
    observations: int
    rows: list[dict[str, object]]
    elected: dict[str, str]
    recommended: str | None
    sentences: list[str]
    interrupted: bool


def of_choice(choice: Candidates) -> Chosen:
    """Return a choice's object.

    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> of_choice(Candidates((Row(fit.family, 2, fit),))).elected["BIC"]
    '2'
    """
    best = choice.recommended
    fit = next(row.fit for row in choice.rows if row.fit is not None)
    return Chosen(
        FORMAT,
        choice.family,
        fit.observations,
        choice.records(),
        {name: one.row.title for name, one in elected(choice.rows).items()},
        None if best is None else best.title,
        choice.sentences,
        choice.interrupted,
    )
