"""Correlations of the draws beside those of the information: what a mean-field posterior loses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from comparisons import thresholds as limit
from comparisons.finding import DOUBT, FAULT, Finding
from models.structure import picked

if TYPE_CHECKING:
    from comparisons.finding import Severity
    from comparisons.verdict.point import Point
    from comparisons.verdict.sampled import Sampled

__all__ = ["Lost", "lost_correlations", "lost_of"]

LIES = ("wrong_target", "other_place")  # what draws without their correlations set off


class Lost(NamedTuple):
    """The pair of parameters whose correlation the draws lose most of.

    first, second: their labels; drawn: the draws' correlation; due: that of the information.
    spread: the largest factor between a posterior sd and a standard error.

    >>> Lost("weight[0]", "mean[0]", drawn=0.01, due=0.62, spread=1.1).loss
    0.61
    """

    first: str
    second: str
    drawn: float
    due: float
    spread: float

    @property
    def loss(self) -> float:
        """By how much the draws' correlation is nearer to 0 than the information's."""
        return abs(self.due) - abs(self.drawn)


def lost_of(point: Point, sampled: Sampled) -> Lost | None:
    """Return where the draws lose most of a correlation, None without standard errors.

    In a regular problem the posterior's covariance is the inverse of the information, so that
    corr(t_i, t_j) is that of both (Bernstein and von Mises; van der Vaart 1998, section 10.2).

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.measured import measured_of
    >>> point, sampled, *_ = measured_of(fit, posterior_of(posterior))
    >>> lost_of(point, sampled).loss < 0.1
    True
    """
    rows, se = point.parameters, np.sqrt(np.diagonal(point.covariance))
    draws = np.array([picked(sampled.draws, row) for row in rows])
    sd = draws.std(axis=1)
    if not np.isfinite(se).all() or not (se > 0).all() or not (sd > 0).all() or len(rows) < 2:
        return None
    due, drawn = point.covariance / np.outer(se, se), np.corrcoef(draws)
    first, second = np.triu_indices(len(rows), 1)
    at = int(np.argmax(np.abs(due[first, second]) - np.abs(drawn[first, second])))
    one, other = first[at], second[at]
    spread = float(np.maximum(sd / se, se / sd).max())
    labels = rows[one].label, rows[other].label
    return Lost(*labels, float(drawn[one, other]), float(due[one, other]), spread)


def lost_correlations(
    point: Point, sampled: Sampled, found: list[Finding], *, trusted: bool
) -> list[Finding]:
    """Name lost correlations as the cause of draws that are wrong together and right one by one.

    found: what was found of the draws so far; without a complaint there is nothing to explain.
    trusted: whether the estimate is a proper maximum, whose information can be relied on.

    >>> lost_correlations(None, None, [], trusted=True)
    []
    """
    lies = [one for one in found if one.code in LIES and one.stands]
    lost = lost_of(point, sampled) if lies and trusted else None
    if lost is None or lost.loss <= limit.LOST or lost.spread > limit.SPREAD:
        return []
    proven = any(one.severity == FAULT for one in lies) or sampled.target is None
    severity: Severity = FAULT if proven else DOUBT
    message = (
        f"The draws have lost their correlations. Between {lost.first} and {lost.second} they have "
        f"{lost.drawn:.2f}; the information gives {lost.due:.2f}. The spread of each parameter by "
        "itself is right."
    )
    remedy = (
        "Keep the draws of one step together. Check for a mean-field approximation, and whether "
        "columns were shuffled or merged."
    )
    return [Finding("lost_correlations", severity, lost.loss, limit.LOST, message, remedy)]
