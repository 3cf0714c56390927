"""What is measured of EM: that it answers the same question, finished, won, and on what ground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comparisons import thresholds as limit
from comparisons.finding import DOUBT, FAULT, NOTE, OK, Finding
from comparisons.table import parameters_of, picked
from em.emission import emission_of
from models.family import entries

if TYPE_CHECKING:
    import em
    from comparisons.evidence import Evidence
    from models import Mixture

__all__ = ["em_finished", "em_won", "same_question", "spiked"]


def same_question(evidence: Evidence) -> list[Finding]:
    """EM's log-likelihood and PyMC's of every draw; and the estimate's own beside it."""
    each = np.abs(evidence.heights - evidence.theirs) / (1 + np.abs(evidence.theirs))
    worst, n = float(each.max()), len(each)
    ok = worst <= limit.QUESTION
    codes = Finding(
        "different_question",
        OK if ok else FAULT,
        worst,
        limit.QUESTION,
        f"EM and PyMC give each of the {n:,} draws the same log-likelihood, to {worst:.0e}."
        if ok
        else f"EM and PyMC differ in the log-likelihood of the same draws by up to {worst:.1e} of "
        "it: they answer different questions.",
        "" if ok else "Give both the same sample, family, trials and counts.",
    )
    if evidence.claimed is None:
        return [codes]
    here = evidence.at.log_likelihood
    gap = abs(evidence.claimed - here) / (1 + abs(here))
    same = bool(gap <= limit.QUESTION) or evidence.claimed == here
    return [
        codes,
        Finding(
            "different_data",
            OK if same else FAULT,
            gap,
            limit.QUESTION,
            "The estimate's log-likelihood is the one that the posterior's sample gives it."
            if same
            else f"The estimate says that its log-likelihood is {evidence.claimed:.3f}; with the "
            f"posterior's sample it is {here:.3f}.",
            ""
            if same
            else "Fit the sample that the posterior was drawn from, and not by hard EM, which "
            "maximises something else.",
        ),
    ]


def em_finished(at: em.Fit, reached: em.Fit) -> list[Finding]:
    """The Newton decrement sqrt(s' I^-1 s), the climb that is left, and the curvature."""
    gain = max(reached.log_likelihood - at.log_likelihood, 0.0)
    if reached.optima[0].spike and not at.optima[0].spike:
        gain = 0.0  # where there is no maximum, none was missed
    left = float(np.sqrt(2 * gain)) if np.isfinite(gain) else np.nan
    distance = float(np.fmax(at.decrement, left))
    stopped = distance > limit.STOPPED
    least = 1 - at.missing
    maximum = not least <= 0
    return [
        Finding(
            "stopped_early",
            FAULT if stopped else OK,
            distance,
            limit.STOPPED,
            f"The estimate is {distance:.2g} standard errors from its maximum: the log-likelihood "
            f"can rise by {gain:.3g}{_moved(at, reached)}."
            if stopped
            else f"The estimate is {distance:.1g} standard errors from its maximum.",
            "Let EM go on: a smaller tolerance, more steps." if stopped else "",
        ),
        Finding(
            "not_a_maximum",
            OK if maximum else NOTE if stopped else DOUBT,
            least,
            0.0,
            "The information is positive definite there."
            if maximum
            else "The information is not positive definite: in some direction the log-likelihood "
            "does not fall.",
            "" if maximum else "Fewer components, or other starts.",
        ),
    ]


def _moved(at: em.Fit, reached: em.Fit) -> str:
    """Say which parameter has most standard errors to go."""
    farthest, most = "", 0.0
    for parameter in parameters_of(at.mixture, equal_weights=False):
        error = float(picked(reached.standard_errors, parameter))
        way = float(picked(reached.mixture, parameter) - picked(at.mixture, parameter))
        if error > 0 and abs(way / error) > most:
            most = abs(way / error)
            to = float(picked(reached.mixture, parameter))
            farthest = f", {parameter.label} moves {most:.2g} standard errors, to {to:.5g}"
    return farthest


def em_won(evidence: Evidence) -> Finding:
    """l(t^) >= l(t_s) for every draw, and what EM reaches from the best of them."""
    at, reached = evidence.at, evidence.reached
    found = [(evidence.search.fit, f"from {evidence.search.fit.starts} starts of its own")]
    found += [(climb, "from a draw") for climb in evidence.climbs]
    proper = [pair for pair in found if not pair[0].optima[0].spike]
    higher = max(at.log_likelihood, reached.log_likelihood)
    best, whence = max(
        proper, key=lambda pair: pair[0].log_likelihood, default=(reached, "from there")
    )
    missed = max(best.log_likelihood - higher, 0.0)
    beaten = int((evidence.heights > at.log_likelihood + limit.MISSED).sum())
    draws = f"{beaten:,} of {len(evidence.heights):,} draws beat"
    if missed > limit.MISSED:
        where = ", ".join(
            f"{parameter.label} {float(picked(best.mixture, parameter)):.4g}"
            for parameter in parameters_of(best.mixture, equal_weights=False)[:6]
        )
        return Finding(
            "local_optimum",
            FAULT,
            missed,
            limit.MISSED,
            f"The estimate is a local optimum: EM {whence} reaches a log-likelihood {missed:.3g} "
            f"higher ({where}); {draws} the estimate.",
            "Give EM more starts, or start it from there.",
        )
    if evidence.renewed:
        starts = evidence.search.fit.starts
        return Finding(
            "local_optimum",
            NOTE,
            evidence.renewed,
            limit.MISSED,
            f"EM's own {starts} starts ended {evidence.renewed:.3g} below the estimate, to which a "
            "draw led EM: the likelihood has several optima.",
            "",
        )
    lower = f"{draws} the estimate, but no" if beaten else "No"
    return Finding(
        "local_optimum",
        NOTE if beaten else OK,
        missed,
        limit.MISSED,
        f"{lower} optimum that EM reaches, from {evidence.search.fit.starts} starts of its own or "
        "from the likeliest draws, is higher than where it goes from the estimate.",
        "",
    )


def spiked(at: em.Fit, found: em.Fit, evidence: Evidence | None = None) -> list[Finding]:
    """What keeps a maximum from being one: a spike, an empty component, an edge.

    evidence: None where there is no posterior.
    """
    optimum = at.optima[0]
    aside = [one for one in found.optima if one.spike]
    started = sum(one.starts for one in aside)
    beaten = 0
    if evidence is not None and any(climb.optima[0].spike for climb in evidence.climbs):
        beaten = int((evidence.heights > at.log_likelihood + limit.MISSED).sum())
    remedy = (
        "Look at those observations: an error? If not, fewer components, a floor for the sd, or "
        "the posterior, whose prior rules spikes out."
    )
    if optimum.spike:
        severity, message = DOUBT, f"The estimate is a spike: {_narrowest(at.mixture, at)}."
    elif beaten:
        severity, message = (
            DOUBT,
            f"{beaten:,} draws beat the estimate, and from the likeliest EM runs into a spike.",
        )
    elif aside:
        severity, message = (
            NOTE,
            (
                f"{started} of {found.starts} starts of EM ended on a spike, which was set aside: "
                f"{_narrowest(aside[0].mixture, at)}."
            ),
        )
    else:
        severity, message, remedy = OK, "No start of EM ended on a spike.", ""
    near, label = _edge(at)
    edge = emission_of(at.family).edge(at.mixture.theta)
    close = edge is not None or near < limit.EDGE
    return [
        Finding("spike", severity, float(started), 0.0, message, remedy),
        Finding(
            "empty_component",
            DOUBT if optimum.empty else OK,
            float(at.mixture.weight.min() * at.observations),
            0.5,
            "A component of the estimate holds less than half an observation."
            if optimum.empty
            else "Every component holds observations.",
            "Fewer components." if optimum.empty else "",
        ),
        Finding(
            "boundary",
            DOUBT if edge is not None else NOTE if close else OK,
            near,
            limit.EDGE,
            f"{edge[0].upper()}{edge[1:]}: no standard error exists on the edge of what can be."
            if edge is not None
            else f"{label} lies {near:.2g} standard errors from the edge of what is possible: "
            "intervals by standard errors stick out."
            if close
            else "Every parameter lies well inside what is possible.",
            "Trust the posterior's intervals." if close else "",
        ),
    ]


def _narrowest(mixture: Mixture, at: em.Fit) -> str:
    """Describe the narrowest component."""
    emission = emission_of(at.family)
    d = np.shape(next(iter(entries(mixture.theta).values())))[1:]
    floor = np.eye(d[0]) if d else np.ones(1)
    one = int(np.argmin(emission.width(mixture.theta, floor)))
    fields = ", ".join(
        f"{name} {' '.join(f'{number:.3g}' for number in np.ravel(field[one]))}"
        for name, field in entries(mixture.theta).items()
        if np.ndim(field[one]) < 2
    )
    held = mixture.weight[one] * at.observations
    return f"a component of {fields} on {held:.3g} of {at.observations:,} observations"


def _edge(at: em.Fit) -> tuple[float, str]:
    """Return how many standard errors the nearest edge is away, and whose it is."""
    bounds = {"weight": (0, 1), "prob": (0, 1), "rate": (0, np.inf), "sd": (0, np.inf)}
    nearest, label = np.inf, ""
    for parameter in parameters_of(at.mixture, equal_weights=False):
        low, high = bounds.get(parameter.name, (-np.inf, np.inf))
        value = float(picked(at.mixture, parameter))
        error = float(picked(at.standard_errors, parameter))
        if error > 0 and min(value - low, high - value) / error < nearest:
            nearest, label = min(value - low, high - value) / error, parameter.label
    return nearest, label
