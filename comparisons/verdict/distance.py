"""How far an estimate is from its maximum, what that size means, and which slip is behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from comparisons import thresholds as limit
from comparisons.finding import DOUBT, FAULT, NOTE, OK, Finding, Severity, plain
from comparisons.verdict.seen import Seen
from comparisons.verdict.slips import named, on_path, rounded_to
from models.checks import number
from models.refusal import Refusal

if TYPE_CHECKING:
    import em

__all__ = ["distant", "refuse_within", "severity_of"]


def refuse_within(within: float) -> None:
    """Refuse what is no number of standard errors.

    >>> refuse_within(-1)
    Traceback (most recent call last):
    models.refusal.Refusal: within is -1; give a number of standard errors from 0 up
    """
    if not 0 <= number("within", within) < np.inf:
        raise Refusal(f"within is {within:g}; give a number of standard errors from 0 up")


def severity_of(distance: float, within: float = limit.WITHIN) -> Severity:
    """Return what a distance from the maximum, in standard errors, means.

    within: up to where it is a note only.

    >>> [severity_of(one) for one in (0.01, 0.08, 0.3, 0.6)]
    ['ok', 'note', 'doubt', 'fault']
    >>> severity_of(0.3, within=0.4)
    'note'
    """
    if distance <= min(limit.STOPPED, within):
        return OK
    if distance <= within:
        return NOTE
    return DOUBT if distance <= limit.WRONG else FAULT


def distant(  # noqa: C901, PLR0911 (one line for each cause)
    at: em.Fit[Any],
    reached: em.Fit[Any],
    best: em.Fit[Any],
    distance: float,
    *,
    to_peak: float = np.inf,
    within: float = limit.WITHIN,
    unfinished: bool = False,
    meant: str = "",
    instead: str = "",
    moved: str = "",
) -> Finding:
    """Judge a distance from the maximum: its size decides how much it matters, its cause the code.

    at: EM at the estimate; reached: where it climbs to from there; best: the highest known optimum.
    distance: in standard errors.
    to_peak: how much the log posterior can still rise from the estimate under the prior.
    within: standard errors up to which a distance is a note only.
    unfinished: whether the estimate is a fit that says itself that EM was stopped.
    meant: what the estimate is if it is not meant to be a maximum, otherwise empty.
    instead: the best optimum, in words; moved: how far EM moves, in words.

    >>> distant(fit, fit, fit, 0.0).severity
    'ok'
    >>> distant(fit, fit, fit, 0.08, unfinished=True).message
    'The estimate is right to about 0.08 standard errors: EM was stopped early.'
    """
    severity = severity_of(distance, within)
    first = min(limit.STOPPED, within)

    def found(code: str, message: str, remedy: str, severity: Severity = severity) -> Finding:
        return Finding(code, severity, distance, first, message, remedy)

    digits = rounded_to(at.estimate, reached.estimate) if distance > limit.ROUNDED else ""
    if digits:
        only = NOTE if distance <= max(limit.WRONG, within) else FAULT
        message = (
            f"The estimate is the maximum, rounded to {digits}. The rounding moves it by "
            f"{plain(distance, 2)} standard errors."
        )
        return found("rounded", message, "Give more digits.", only)
    if severity == OK:
        message = f"The estimate is {distance:.2g} standard errors from the maximum."
        return found("stopped_early", message, "")
    size = f"The estimate is {plain(distance, 2)} standard errors from the maximum"
    gain = max(reached.log_likelihood - at.log_likelihood, 0.0)
    if meant:
        message = f"{size}. Its log-likelihood is {plain(gain)} lower. It is {meant}."
        return found("not_at_maximum", message, "Give a maximum of the likelihood, or draws.")
    if severity != FAULT:
        size = f"The estimate is right to about {distance:.2g} standard errors"
    # the posterior's own prior explains it without a search
    peak = to_peak <= limit.STOPPED**2 / 2 and not reached.optima[0].spike
    slip = None if peak else named(at, reached, best, distance)
    if peak:
        message = f"{size}. It is the maximum of the posterior (MAP), which the prior moves."
        remedy = "Give the maximum of the likelihood, from EM without a prior."
        return found("map_estimate", message, remedy, NOTE if severity == NOTE else DOUBT)
    if slip is not None:
        message = (
            f"{size}: {slip.says}. Without this slip it is {slip.left:.2g} standard errors away."
        )
        return found(slip.code, message, slip.remedy)
    if reached.optima[0].spike:
        message = (
            f"From the estimate EM climbs to a spike. Its log-likelihood is {plain(gain)} higher."
        )
        remedy = "Check the observations of the spike. The posterior's prior rules it out."
        return found("stopped_early", message, remedy, DOUBT)
    early = unfinished or on_path(Seen(at, reached, best, distance))
    code = "stopped_early" if early else "not_at_maximum"
    if severity != FAULT:
        why = "EM was stopped early" if early else "it is not at a maximum"
        return found(code, f"{size}: {why}.", "Use a smaller tolerance and more steps." * early)
    other = "run the program that made the estimate for longer: a smaller tolerance, more steps."
    if not early:
        other = "check how the estimate was computed and written. No simple slip explains it."
    size = size.replace("from the maximum", "short of the maximum") if early else size
    message = f"{size}: the log-likelihood can rise by {plain(gain)}{moved}."
    return found(code, message, f"Use EM's best optimum ({instead}), or {other}")
