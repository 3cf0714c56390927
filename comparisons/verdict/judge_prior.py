"""The prior's part in a gap: how far it moves the maximum, and how much the posterior needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comparisons import thresholds as limit
from comparisons.finding import DOUBT, NOTE, OK, Finding, Severity, plain
from comparisons.verdict.rows import worst_of
from models.structure import picked

if TYPE_CHECKING:
    from comparisons.verdict.point import Point
    from comparisons.verdict.rows import Table
    from comparisons.verdict.sampled import Mode, Sampled

__all__ = ["pulled", "sensitive"]

MEND = "Collect more data, or choose a prior on purpose."
MINE = "Check the prior: compare with the default one."


def pulled(
    point: Point, sampled: Sampled, table: Table, *, apart: bool, proper: bool, trusted: bool
) -> list[Finding]:
    """How far the prior moves the maximum (MAP - MLE), and whether it narrows the posterior.

    The maximum under the prior is the highest mode that any start reaches. The pull explains a gap
    between the answers if the estimate is a proper maximum. A given prior may be the right one,
    so that its pull is a doubt and no fault: where the true prior was given, it moved the answer in
    one data set of 25. The default prior moves it only if data are few.

    apart, proper, trusted: as in `judge.Gap`.

    >>> [one.message for one in comparison.findings if one.code == "prior_pull"]
    ['The prior moves the maximum by up to 0.146 posterior sd (rate[2]).']
    """
    if sampled.prior is None or sampled.best is None or sampled.peak is None:
        message = "How far the prior moves the estimate is unknown: the prior was not given."
        return [
            Finding("prior_pull", NOTE, np.nan, limit.GAP, message, "Give the prior as prior=.")
        ]
    usual = sampled.question.usual
    elsewhere = sampled.best is not sampled.peak
    worst, label = worst_of(table, np.abs(table["prior_pull"].to_numpy()))
    if elsewhere:
        worst, label = _distance(point, table, sampled.best)
    pulls = (elsewhere or not worst <= limit.GAP) and proper
    severity: Severity = NOTE if pulls else OK
    if pulls and apart and np.isfinite(worst):
        severity = DOUBT if trusted or not usual else NOTE
    pull = plain(worst, limit=limit.GAP)
    message = f"The prior moves the maximum by up to {pull} posterior sd ({label})"
    if np.isnan(worst):
        message = "The pull of the prior could not be measured: no parameter was sampled"
    elif elsewhere:
        message = _elsewhere(
            sampled, sampled.best, sampled.peak, f"{plain(worst)} sd away ({label})"
        )
    elif pulls and usual:
        message += ". The data do not outweigh even the default prior"
    elif pulls:
        message += ". The data do not outweigh the prior that was given"
    remedy = "" if severity == OK else MEND if usual else MINE
    found = [Finding("prior_pull", severity, worst, limit.GAP, f"{message}.", remedy)]
    if not usual:
        found.append(_held(table, proper=proper))
    return found


def _distance(point: Point, table: Table, mode: Mode) -> tuple[float, str]:
    """Return how many posterior sds a mode lies from the estimate, and for which parameter."""
    place = np.array([float(picked(mode.estimate, row)) for row in point.parameters])
    sd = table["sd"].to_numpy()
    away = np.abs(place - table["mle"].to_numpy())
    away[point.unbounded] = np.nan
    return worst_of(table, np.divide(away, sd, out=np.full_like(away, np.nan), where=sd > 0))


def _elsewhere(sampled: Sampled, best: Mode, peak: Mode, where: str) -> str:
    """Return the sentences about a mode that the prior prefers."""
    data = sampled.question.data
    held = data.sample.observations * best.estimate.overall(data)
    empty = [sampled.question.called(int(one)) for one in np.flatnonzero(held < 0.5)]
    what = "It belongs to another optimum"
    if empty:
        what = f"There {' and '.join(empty)} {'is' if len(empty) == 1 else 'are'} empty"
    return (
        f"With this prior the highest mode of the posterior lies elsewhere, up to {where}. Its log "
        f"density is {plain(best.height - peak.height)} higher than at the estimate's mode. {what}"
    )


def _held(table: Table, *, proper: bool) -> Finding:
    """Whether a given prior makes the posterior narrower than the standard errors."""
    negative, whose = worst_of(table, -table["sd_ratio"].to_numpy())
    least = -negative
    holds = least < 1 / limit.SPREAD and proper
    return Finding(
        "prior_hold",
        DOUBT if holds else OK,
        least,
        1 / limit.SPREAD,
        f"Smallest ratio of posterior sd to standard error: {plain(least, 2)} ({whose})."
        + " The prior, not the data, makes the posterior narrow." * holds,
        MINE if holds else "",
    )


def sensitive(sampled: Sampled, table: Table) -> list[Finding]:
    """How sensitive the posterior is to its prior, where it is not sensitive to its likelihood.

    Kallioinen et al. (2024): a parameter whose sensitivity to the prior is above 0.05, and to the
    likelihood below, has a posterior that is mostly the prior. Chance alone makes `noise`. It is a
    note, as it says what the answer rests on and not that the answer is wrong.

    >>> [one.severity for one in comparison.findings if one.code == "prior_sensitivity"]
    ['ok']
    """
    known = sampled.sensitivity
    if known is None:
        return []
    mostly = np.where(known.likelihood < limit.SENSITIVE, known.prior, np.nan)
    weak = bool((mostly >= limit.SENSITIVE + known.noise).any())
    worst, label = worst_of(table, mostly if weak else known.prior)
    message = f"Largest sensitivity of the posterior to its prior: {worst:.2g} ({label})."
    if np.isnan(worst):
        message = "The posterior's sensitivity to its prior could not be measured."
    elif weak:
        least = float(known.likelihood[int(np.nanargmax(mostly))])
        message = (
            f"The prior, not the data, determines {label}. The sensitivity of its posterior is "
            f"{worst:.2g} to the prior and {least:.2g} to the likelihood."
        )
    severity: Severity = NOTE if weak else OK
    remedy = (MEND if sampled.question.usual else MINE) * weak
    return [Finding("prior_sensitivity", severity, worst, limit.SENSITIVE, message, remedy)]
