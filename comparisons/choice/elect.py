"""Which candidate each criterion elects, and why criteria differ.

All criteria are put on the scale of -2 log-likelihood, on which lower is better: a difference of
10 is strong evidence (Kass & Raftery 1995).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from comparisons.choice.predicted import difference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from comparisons.choice.rows import Row

__all__ = [
    "CRITERIA",
    "LEVEL",
    "Criterion",
    "Election",
    "Undecided",
    "compared",
    "counting",
    "elected",
    "not_rejected",
    "probabilities",
    "probability_errors",
    "recommended",
    "undecided",
]

LEVEL = 0.05  # of the bootstrap test, at which k groups are rejected
ALIKE = 2.0  # standard errors up to which two candidates predict alike
NOISE = 2.0  # Monte Carlo errors of a difference, up to which the evidence does not decide
SURE = 0.95  # posterior probability of a number of groups that is a clear choice
VOTING = ("BIC", "ICL", "bootstrap", "LOO", "evidence")
"""Those that vote. AIC elects too many groups in any number of rows (Celeux & Soromenho 1996)."""


class Criterion(NamedTuple):
    """A number for each candidate, on the scale of -2 log-likelihood.

    counts: whether its value means what it says; None if it always does. What comes from the
        posterior's draws needs sound ones.

    >>> [name for name, one in CRITERIA.items() if one.counts is not None]
    ['LOO', 'evidence']
    """

    value: Callable[[Row], float]
    counts: Callable[[Row], bool] | None = None


CRITERIA: dict[str, Criterion] = {
    "AIC": Criterion(lambda row: row.aic),
    "BIC": Criterion(lambda row: row.bic),
    "ICL": Criterion(lambda row: row.icl),
    "LOO": Criterion(lambda row: -2 * row.elpd, lambda row: row.predicts),
    "evidence": Criterion(lambda row: -2 * row.log_evidence, lambda row: row.sound),
}
"""By name; each is a distance, the lower the better."""


class Election(NamedTuple):
    """What one criterion elects.

    >>> Election._fields
    ('criterion', 'row')
    """

    criterion: str
    row: Row


def elected(rows: Sequence[Row]) -> dict[str, Election]:
    """Return what each criterion elects, by name; criteria without numbers are left out.

    So are LOO and evidence where several candidates are fitted but only one has sound draws: there
    is nothing to compare it with. Where its Monte Carlo error leaves open which of two candidates
    has the highest evidence (`undecided`), it elects the one with fewer parameters.

    LOO elects the candidate with the fewest parameters among those that predict as well as the
    best, within two standard errors of the difference. The bootstrap elects, within the family
    or form that BIC elects, the first number of groups that is not rejected against one more.

    >>> from comparisons.choice.rows import Row
    >>> rows = [Row(fit.family, 2, fit)]
    >>> {name: one.row.k for name, one in elected(rows).items()}
    {'AIC': 2, 'BIC': 2, 'ICL': 2}
    """
    found: dict[str, Election] = {}
    fitted = sum(row.fit is not None for row in rows)
    for name, criterion in CRITERIA.items():
        values = np.array([counting(criterion, row) for row in rows])
        if np.isfinite(values).sum() < (1 if criterion.counts is None else min(fitted, 2)):
            continue
        row = rows[int(np.nanargmin(values))]
        if name == "LOO":
            row = _sparing(rows, row)
        elif name == "evidence" and (open_ := undecided(rows)) is not None:
            row = _fewest([open_.first, open_.second])
        found[name] = Election(name, row)
    if "BIC" in found:
        test = not_rejected([row for row in rows if row.family is found["BIC"].row.family])
        if test is not None:
            found["bootstrap"] = Election("bootstrap", test)
    return found


def counting(criterion: Criterion, row: Row) -> float:
    """Return a criterion's value; NaN where it does not count, as the draws are not sound.

    >>> from comparisons.choice.rows import Row
    >>> row = Row(fit.family, 2, fit)
    >>> counting(CRITERIA["BIC"], row) == row.bic
    True
    """
    return criterion.value(row) if criterion.counts is None or criterion.counts(row) else np.nan


class Undecided(NamedTuple):
    """Two candidates of the highest evidence, whose difference may be Monte Carlo noise.

    first, second: the higher and the next one.
    gap: the difference of their log evidences; error: its Monte Carlo standard error.

    >>> Undecided._fields
    ('first', 'second', 'gap', 'error')
    """

    first: Row
    second: Row
    gap: float
    error: float


def undecided(rows: Sequence[Row]) -> Undecided | None:
    """Return the two best candidates if the evidence cannot tell them apart, otherwise None.

    Their difference is then within NOISE of its Monte Carlo standard errors.

    >>> from comparisons.choice.rows import Row
    >>> undecided([Row(fit.family, 2, fit)])
    """
    known = [row for row in rows if np.isfinite(counting(CRITERIA["evidence"], row))]
    for first, second in pairwise(sorted(known, key=lambda row: -row.log_evidence)):
        assert first.evidence is not None
        assert second.evidence is not None
        gap = first.log_evidence - second.log_evidence
        error = float(np.hypot(first.evidence.error, second.evidence.error))
        return Undecided(first, second, gap, error) if gap <= NOISE * error else None
    return None


def _sparing(rows: Sequence[Row], best: Row) -> Row:
    """Return the row with the fewest parameters that predicts as well as the best one."""
    assert best.predicted is not None
    alike = [best]
    for row in rows:
        if row.predicted is not None and row.parameters is not None and row.predicts:
            gap, error = difference(row.predicted, best.predicted)
            if -gap <= ALIKE * error:
                alike.append(row)
    return _fewest(alike)


def _fewest(rows: Sequence[Row]) -> Row:
    """Return the row with the fewest parameters."""
    return min(rows, key=lambda row: np.inf if row.parameters is None else row.parameters)


def not_rejected(rows: Sequence[Row]) -> Row | None:
    """Return the first row whose k is not rejected against k + 1; None if no test says so.

    Nor is there one if that row only names the same model of another form.

    >>> from comparisons.choice.rows import Row
    >>> not_rejected([Row(fit.family, 2, fit)])
    """
    for row in sorted(rows, key=lambda row: row.k):
        if row.step is None or not np.isfinite(row.step.p):
            return None
        if row.step.p > LEVEL:
            return None if row.fit is None else row
    return None


def compared(rows: Sequence[Row]) -> list[Row]:
    """Return the candidates for which any criterion counts.

    >>> from comparisons.choice.rows import Row
    >>> len(compared([Row(fit.family, 2, fit), Row(fit.family, 3)]))
    1
    """
    every = CRITERIA.values()
    return [row for row in rows if np.isfinite([counting(one, row) for one in every]).any()]


def probabilities(rows: Sequence[Row]) -> list[float]:
    """Return the posterior probability of each candidate under equal prior odds.

    P(K | x) = p(x | K) / sum over candidates of p(x | K'), among those whose evidence is known and
    counts; NaN for the others, and for all if there are fewer than two.

    >>> from comparisons.choice.rows import Row
    >>> probabilities([Row(fit.family, 2, fit)])
    [nan]
    """
    logs = np.array([row.log_evidence if row.sound else np.nan for row in rows])
    known = np.isfinite(logs)
    if known.sum() < 2:
        return [np.nan] * len(rows)
    masses = np.where(known, np.exp(logs - logs[known].max()), np.nan)
    return [float(one) for one in masses / np.nansum(masses)]


def probability_errors(rows: Sequence[Row]) -> list[float]:
    """Return the Monte Carlo standard error of each posterior probability; NaN where there is none.

    With errors e of the log evidences it is P_k sqrt((1 - P_k)^2 e_k^2 + sum_j!=k P_j^2 e_j^2), to
    first order.

    >>> from comparisons.choice.rows import Row
    >>> probability_errors([Row(fit.family, 2, fit)])
    [nan]
    """
    chances = np.array(probabilities(rows))
    errors = [np.nan if row.evidence is None else row.evidence.error for row in rows]
    squares = np.square(errors)
    every = np.nansum(chances**2 * squares)
    return [
        float(p * np.sqrt(max((1 - 2 * p) * own + every, 0.0)))
        for p, own in zip(chances, squares, strict=True)
    ]


def recommended(rows: Sequence[Row]) -> Row | None:
    """Return the candidate that most criteria elect; where they tie, BIC's among those.

    >>> from comparisons.choice.rows import Row
    >>> recommended([Row(fit.family, 2, fit)]).k
    2
    """
    found = elected(rows)
    votes = [found[name].row for name in VOTING if name in found]
    if not votes:
        return None
    counts = [sum(other is row for other in votes) for row in votes]
    most = max(counts)
    return votes[counts.index(most)]  # BIC votes first
