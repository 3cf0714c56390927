"""Measures of EM: same question, convergence, standard errors, best optimum, spikes and edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from comparisons import thresholds as limit
from comparisons.finding import DOUBT, FAULT, NOTE, OK, Finding, Severity, plain
from comparisons.verdict.claims import slip_of_claim
from comparisons.verdict.distance import distant
from comparisons.verdict.neighbours import numbered
from comparisons.verdict.rivals import led
from comparisons.verdict.subsample import same_rows
from em.emission import emission_of
from models.family import bounds, entries
from models.names import FAMILIES, made_likewise, mends, option_of
from models.quartiles import quartiles, robust_spread
from models.question import mending
from models.sample import Sample
from models.silent import said_of_silent, silent
from models.structure import parameters, picked

if TYPE_CHECKING:
    import em
    from comparisons.verdict.cross_checks import CrossChecks
    from comparisons.verdict.point import Point
    from comparisons.verdict.sampled import Sampled
    from em.edges import Edge
    from models.structure import Parameter, Structure

__all__ = ["best_of", "em_errors", "em_finished", "em_won", "same_question", "spiked"]

NOBODY = 0.5  # expected observations below which EM calls a component empty
FEW = 5.5  # observations of a spike that are outliers rather than a group
OUTLYING = 5.0  # robust sds from the median: of a Gaussian, 1 observation in 2 million
SAID = 6  # parameters of an optimum that a message names, at most
FEW_SAID = 3  # parameters on an edge that it names where there are more than that


def same_question(point: Point, sampled: Sampled, checks: CrossChecks) -> list[Finding]:
    """EM's log-likelihood and PyMC's of every draw; and the estimate's own beside it.

    >>> [one.severity for one in comparison.findings if one.code == "different_question"]
    ['ok']
    """
    each = np.abs(checks.heights - checks.theirs) / (1 + np.abs(checks.theirs))
    # the E-step that climbs, and the log-likelihood of many draws at once, are two codes too
    worst, n = float(np.fmax(each.max(), checks.stepped)), len(each)
    rounded = checks.rounding
    most = limit.QUESTION + rounded.draws
    if rounded.draws > 0:  # the draw that is most above its own bound decides
        worst = float(np.fmax(rounded.apart, checks.stepped))
    ok = worst <= most
    slip = None if ok else checks.heights_slip
    why = "they were given different data or models" if slip is None else slip.says
    question = Finding(
        "different_question" if slip is None else slip.code,
        OK if ok else FAULT,
        worst,
        most,
        f"EM and PyMC compute the same log-likelihood for each of the {n:,} draws, up to a "
        f"relative difference of {worst:.0e}."
        if ok
        else "EM and PyMC compute different log-likelihoods for the same draws, by a relative "
        f"difference of up to {worst:.1e}: {why}.",
        ""
        if ok
        else "Give both the same sample, family, trials and counts."
        if slip is None
        else slip.remedy,
    )
    found = [question, _same_posterior(checks), *_same_observations(point, sampled)]
    if point.claimed is None:
        return found
    here = point.at.log_likelihood
    gap = abs(point.claimed - here) / (1 + abs(here))
    most = limit.QUESTION + (point.lost + rounded.estimate) / (1 + abs(here))
    same = bool(gap <= most) or point.claimed == here
    slip = None if same else slip_of_claim(point.made, point.at)
    return [
        *found,
        Finding(
            "different_data" if slip is None else slip.code,
            OK if same else FAULT,
            gap,
            most,
            "The estimate's stated log-likelihood is right for the posterior's data, up to a "
            f"relative difference of {gap:.0e}."
            if same
            else f"The estimate states a log-likelihood of {point.claimed:.3f}. With the data of "
            f"the posterior it is {here:.3f}{'' if slip is None else f': {slip.says}'}.",
            ""
            if same
            else slip.remedy
            if slip is not None
            else "Fit the data that the posterior was drawn from. Do not use hard EM: it maximises "
            "another likelihood.",
        ),
    ]


def _same_observations(point: Point, sampled: Sampled) -> list[Finding]:
    """The effect of observations that were left out or binned, if there are any."""
    whole = sampled.whole
    others = [] if whole is None else [same_rows(whole, sampled.question, best_of(point))]
    if sampled.binning is None:
        return others
    close = sampled.shift <= limit.SHIFT
    seen = (
        f"The posterior was drawn from {sampled.binning.rows:,} bins of "
        f"{point.at.observations:,} observations. "
    )
    return [
        *others,
        Finding(
            "binned",
            OK if close else DOUBT,
            sampled.shift,
            limit.SHIFT,
            f"{seen}Binning moves no posterior mean by more than {sampled.shift:.2g} sd."
            if close
            else f"{seen}Binning may move a posterior mean by {sampled.shift:.2g} sd.",
            "" if close else "Draw the posterior from all rows with bayes.sample.",
        ),
    ]


def _same_posterior(checks: CrossChecks) -> Finding:
    """What the sampler explored against EM's likelihood and prior in the same coordinates."""
    gap = checks.density
    if np.isnan(gap):
        why, severity = "the density that another program sampled is not known", OK
        if checks.ours:
            why, severity = "too many draws lie next to an edge", DOUBT
        message = f"Whether the sampler used EM's likelihood and prior cannot be checked: {why}."
        return Finding("different_posterior", severity, gap, limit.DENSITY, message, "")
    most = limit.DENSITY + checks.rounding.density
    same = gap <= most
    slip = None if same else checks.density_slip
    return Finding(
        "different_posterior" if slip is None else slip.code,
        OK if same else FAULT,
        gap,
        most,
        "The sampler's log density is EM's log-likelihood plus log prior and a constant. Over the "
        f"draws the difference varies with an sd of {gap:.0e}."
        if same
        else "The sampler's log density is not EM's log-likelihood plus log prior: the difference "
        f"varies over the draws (sd {gap:.2g})"
        f"{'' if slip is None else f': {slip.says}'}.",
        ""
        if same
        else slip.remedy
        if slip is not None
        else "Check that both have the same prior, counts and Jacobian.",
    )


def em_errors(point: Point, checks: CrossChecks) -> Finding:
    """EM's standard errors against the curvature of PyMC's likelihood.

    >>> [one.severity for one in comparison.findings if one.code == "wrong_errors"]
    ['ok']
    """
    factor = checks.curvature
    if np.isnan(factor):
        message = "There are no standard errors to compare with the likelihood's curvature."
        if point.at.told is not None:
            message = "The curvature is not compared where the likelihood is flat."
        elif point.at.covariance is not None:
            message = (
                "The curvature could not be measured: the likelihood is far from a parabola, or an "
                "edge is too near."
            )
        return Finding("wrong_errors", NOTE, factor, limit.CURVATURE, message, "")
    right = factor <= limit.CURVATURE
    return Finding(
        "wrong_errors",
        OK if right else FAULT,
        factor,
        limit.CURVATURE,
        "EM's standard errors match the curvature of PyMC's likelihood, up to a factor of "
        f"{factor:.4g}."
        if right
        else "EM's standard errors do not match the curvature of PyMC's likelihood: they differ by "
        f"a factor of {plain(factor)}.",
        "" if right else "Do not use these standard errors. Report the posterior's intervals.",
    )


def em_finished(
    at: em.Fit[Any],
    reached: em.Fit[Any],
    best: em.Fit[Any],
    to_peak: float = np.inf,
    within: float = limit.WITHIN,
    *,
    unfinished: bool = False,
    meant: str = "",
) -> list[Finding]:
    """The Newton decrement sqrt(s' I^-1 s), the remaining climb, and the curvature.

    The first finding has the code of the cause: `stopped_early` if there is none, or if EM was
    stopped on its way; otherwise the slip's own (`comparisons.verdict.slips`).

    at: EM at the estimate; reached: where it climbs to from there; best: the highest known optimum.
    to_peak: how much the log posterior can still rise from the estimate under the prior.
    within: standard errors up to which a distance from the maximum is a note only.
    unfinished: whether the estimate is a fit that says itself that EM was stopped.
    meant: what the estimate is if it is not meant to be a maximum, otherwise empty.

    >>> [(one.code, one.severity) for one in em_finished(fit, fit, fit)]
    [('stopped_early', 'ok'), ('not_a_maximum', 'ok')]
    """
    gain = max(reached.log_likelihood - at.log_likelihood, 0.0)
    left = float(np.sqrt(2 * gain)) if np.isfinite(gain) else np.nan
    distance = float(np.fmax(at.decrement, left))
    stopped = not distance <= limit.STOPPED
    curved = _curved(at, stopped)
    severity: Severity = OK
    message = "EM does not move from the estimate."  # on a saddle it does not either
    if at.optima[0].spike:
        severity, message = NOTE, "The estimate is a spike, where the likelihood has no maximum."
    elif np.isnan(distance):
        severity, message = DOUBT, "How far the estimate is from a maximum could not be measured."
    elif stopped or curved.severity == OK:
        away = distant(
            at,
            reached,
            best,
            distance,
            to_peak=to_peak,
            within=within,
            unfinished=unfinished,
            meant=meant,
            instead=_where(best),
            moved=_moved(at, reached),
        )
        return [away, curved]
    return [Finding("stopped_early", severity, distance, limit.STOPPED, message, ""), curved]


def _curved(at: em.Fit[Any], stopped: bool) -> Finding:
    """Whether the information is positive definite, as at a maximum."""
    least = 1 - at.missing
    reason = at.reason
    if at.told is not None:
        message = (
            f"The information is positive definite in the {at.rank} directions that are identified."
        )
        return Finding("not_a_maximum", OK, least, 0.0, message, "")
    if np.isfinite(least) and least > 0 and not reason:
        message = (
            "The information is positive definite at the estimate. In every direction it is at "
            f"least {plain(100 * least, 2)}% of what it would be with known groups."
        )
        return Finding("not_a_maximum", OK, least, 0.0, message, "")
    message = f"The information does not show a maximum: {reason or 'it is not positive definite'}."
    remedy = "" if stopped else "Try other starts, or report the posterior's intervals."
    return Finding("not_a_maximum", NOTE if stopped else DOUBT, least, 0.0, message, remedy)


def _rows(at: em.Fit[Any]) -> list[Parameter]:
    """Return the parameters that were free."""
    return parameters(at.estimate, at.question.held)


def _where(fit: em.Fit[Any]) -> str:
    """Return a text with the first parameters of an optimum."""
    rows = _rows(fit)
    parts = [f"{row.label} {float(picked(fit.estimate, row)):.4g}" for row in rows[:SAID]]
    return ", ".join(parts) + ", ..." * (len(rows) > SAID)


def _moved(at: em.Fit[Any], reached: em.Fit[Any]) -> str:
    """Return a text about the parameter with the most standard errors to go."""
    farthest, most = "", 0.0
    for row in _rows(at):
        error = float(picked(reached.standard_errors, row))
        way = float(picked(reached.estimate, row) - picked(at.estimate, row))
        if error > 0 and abs(way / error) > most:
            most = abs(way / error)
            farthest = f", and {row.label} can move {plain(most, 2)} standard errors"
    return farthest


def best_of(point: Point) -> em.Fit[Any]:
    """Return the highest known optimum that is no spike.

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.point import point_of
    >>> kept = posterior_of(posterior)
    >>> best = best_of(point_of(fit, kept, None, kept.heights, None))
    >>> bool(np.isclose(best.log_likelihood, fit.log_likelihood))
    True
    """
    rivals = (one.fit for one in point.rivals)
    known = [point.search.fit, *point.climbs, *rivals, point.reached]
    proper = [one for one in known if not one.optima[0].spike]
    return max(proper, key=lambda one: one.log_likelihood, default=point.at)


def em_won(point: Point, checks: CrossChecks) -> Finding:
    """l(t^) >= l(t_s) for every draw, and what EM reaches from the best of them.

    >>> [one.severity for one in comparison.findings if one.code == "local_optimum"]
    ['ok']
    """
    at, reached, own = point.at, point.reached, point.search.fit
    onto_spike = reached.optima[0].spike and not at.optima[0].spike
    higher = at.log_likelihood if onto_spike else max(at.log_likelihood, reached.log_likelihood)
    best = best_of(point)
    whence = (
        f"From its own {own.starts} starts" if best is own else f"From {led(point.rivals, best)}"
    )
    # EM's own search saw all observations, the estimate is judged on rows that stand for them
    missed = max(best.log_likelihood - higher - point.lost, 0.0)
    beaten = int((checks.heights > at.log_likelihood + limit.MISSED).sum())
    better = (
        f"{beaten:,} of {len(checks.heights):,} draws have a higher likelihood than the estimate"
    )
    severity: Severity = OK
    message = "No draw has a higher likelihood than the estimate, and no start leads EM higher."
    remedy = ""
    if missed > limit.MISSED:
        severity = FAULT
        ends = "From the estimate EM climbs to a local optimum only."
        if reached.covariance is None:
            ends = "The estimate is not even a local optimum."
        message = (
            f"{ends} {whence} EM reaches a log-likelihood that is {plain(missed)} higher. {better}."
        )
        remedy = f"Use that optimum ({_where(best)}), or give EM more starts."
    elif point.renewed:
        severity, missed = NOTE, at.log_likelihood - own.log_likelihood
        ended = "on a spike" if own.optima[0].spike else f"{plain(missed)} lower"
        message = (
            f"The likelihood has several optima. EM's own {own.starts} starts ended {ended}; EM "
            f"reached the estimate from {led(point.rivals, best)}."
        )
    elif beaten:
        severity = NOTE
        below = reached.log_likelihood - at.log_likelihood > limit.MISSED and not onto_spike
        why = "The estimate is not at its maximum" if below else "From them EM climbs to a spike"
        message = f"{better}. {why}. No start leads EM to a higher optimum."
    return Finding("local_optimum", severity, missed, limit.MISSED, message, remedy)


def spiked(
    at: em.Fit[Any],
    found: em.Fit[Any],
    point: Point | None = None,
    checks: CrossChecks | None = None,
) -> list[Finding]:
    """Obstacles to a proper maximum: a spike, an empty component, an edge.

    point, checks: None where there is no posterior.

    >>> [one.code for one in spiked(fit, fit)]
    ['spike', 'empty_component', 'boundary']
    """
    return [_spike(at, found, point, checks), _empty(at), _zeros_in_excess(at, _boundary(at))]


def _spike(
    at: em.Fit[Any], found: em.Fit[Any], point: Point | None, checks: CrossChecks | None
) -> Finding:
    """How many of EM's climbs ended on a spike, and whether that concerns the estimate."""
    aside = [one for one in found.optima if one.spike]
    started = sum(one.starts for one in aside)
    others = [] if point is None else [point.reached, *point.climbs]
    ended = [one.optima[0] for one in others if one.optima[0].spike]
    count = max(started + len(ended), int(at.optima[0].spike))
    beaten = 0
    if checks is not None and ended:
        beaten = int((checks.heights > at.log_likelihood + limit.MISSED).sum())
    severity: Severity = DOUBT
    if at.optima[0].spike:
        spike, message = at.estimate, "The estimate is a spike"
    elif point is not None and point.reached.optima[0].spike:
        spike, message = point.reached.estimate, "From the estimate EM climbs to a spike"
    elif beaten and count:
        spike = ended[0].estimate
        message = (
            f"{beaten:,} draws have a higher likelihood than the estimate. From the best of them "
            "EM climbs to a spike"
        )
    elif count:
        spike, severity = (aside or ended)[0].estimate, NOTE
        message = f"{count} of EM's climbs ended on a spike. It was set aside"
    else:
        return Finding("spike", OK, 0.0, 0.0, "None of EM's climbs ended on a spike.", "")
    one = _narrowest(spike, at)
    message, remedy = f"{message}: {_described(spike, one, at)}.", _beside_spike(spike, one, at)
    return Finding("spike", severity, float(count), 0.0, message, remedy)


def _beside_spike(structure: Structure, one: int, at: em.Fit[Any]) -> str:
    """Return what to do about a spike: heavy tails need no component for a few rows far away."""
    look, question = "Check those observations for errors. If there are none, ", at.question
    heavy = mending("tails", at.family, question.sample)
    if heavy and question.k > 1 and structure.overall(question.data)[one] * at.observations < FEW:
        place = emission_of(at.family).location(structure.theta)
        quarters = quartiles(question.sample)
        reach = OUTLYING * robust_spread(quarters)
        if place is not None and 0 < reach < abs(float(place[one]) - quarters[1]):
            named = " or ".join(f"{family.__name__} ({option_of(family)})" for family in heavy)
            fewer = numbered(question, question.k - 1)
            return f"{look}fit {fewer} of a family with heavier tails: {named}."
    return f"{look}use the posterior: its prior rules spikes out."


def _empty(at: em.Fit[Any]) -> Finding:
    """The expected number of observations of the smallest component."""
    empty, least = at.optima[0].empty, at.estimate.overall(at.question.data).min()
    held, noun = float(least * at.observations), at.question.noun
    message = f"No {noun} is empty. The smallest has {_short(held)} observations."
    if empty:
        message = f"A {noun} of the estimate is empty: it has {held:.2g} observations."
    remedy = f"Fit {numbered(at.question, at.question.k - 1)}." if empty else ""
    return Finding("empty_component", DOUBT if empty else OK, held, NOBODY, message, remedy)


def _boundary(at: em.Fit[Any]) -> Finding:
    """The distance to the nearest edge of the parameter space, in standard errors."""
    nearest, label = _nearest(at)
    severity: Severity = OK
    message, remedy = _inside(nearest), ""
    theta = at.estimate.theta
    edges = [
        one
        for one in at.edges
        if (at.told is None or one.distance < 1) and not said_of_silent(one.label, theta)
    ]
    if unbounded := [one for one in edges if one.unbounded]:
        return _unbounded(at, unbounded)
    if edges:
        proper = at.covariance is not None
        severity, nearest = NOTE if proper else DOUBT, 0.0
        few, n = edges[:SAID], len(edges)
        named = ", ".join(one.said for one in few)
        several = named if n <= len(few) else f"{n:,} parameters, such as {_listed(edges)}"
        message = f"At the edge of the possible values: {several}."
        if proper:
            falls = " and ".join(plain(one.slope) for one in few)
            if n > len(few):
                slopes = [one.slope for one in edges]
                falls = f"{plain(min(slopes))} to {plain(max(slopes))}"
            message += (
                f" The log-likelihood falls away from there, by {falls} per unit of the "
                "parameter. On an edge a parameter has no standard error. The others are judged as "
                "usual."
            )
    elif at.told is not None and np.isnan(nearest):
        message = "Parameters that are not identified have no distance to an edge."
    elif np.isnan(nearest):
        severity, message = (
            NOTE,
            "The distance to the nearest edge is unknown without standard errors.",
        )
    elif nearest < limit.EDGE:
        severity, far = NOTE, f"{nearest:.2g}"
        message = (
            f"{label} lies {far} standard error{'s' * (far != '1')} from the edge of its possible "
            "values. An interval of ± 2 standard errors reaches impossible values."
        )
    if severity != OK:
        remedy = "Report the posterior's intervals."
    if severity == NOTE and (less := _less(at, edges)):
        message += f" Where {edges[0].said}, the family is {FAMILIES[less].__name__}."
        remedy = f"Fit that family (--family {less}), or report the posterior's intervals."
    return Finding("boundary", severity, nearest, limit.EDGE, message, remedy)


def _inside(nearest: float) -> str:
    """Return that all parameters lie inside their possible values, and how far at least."""
    if not np.isfinite(nearest):
        return "Every parameter lies well inside its possible values."
    return (
        f"Every parameter lies {plain(nearest, 2)} standard errors or more from the edge of its "
        "possible values."
    )


def _zeros_in_excess(at: em.Fit[Any], found: Finding) -> Finding:
    """Return what is found of edges, with the advice for a component that is all but always 0."""
    zeros = silent(at.estimate.theta)
    if not zeros or found.severity not in (OK, NOTE):
        return found
    each = zeros.items()
    said = ", ".join(f"{at.question.called(one)} is 0 with probability {p:.3g}" for one, p in each)
    message = f"{found.message} Zeros in excess: {said}."
    remedy = found.remedy
    if isinstance(at.question.data, Sample):
        [beside] = mends("zeros", at.family)
        fewer = numbered(at.question, at.question.k - len(zeros))
        remedy = f"Fit {fewer} with {option_of(beside)}."
    return Finding(found.code, NOTE, found.value, found.threshold, message, remedy)


def _listed(edges: list[Edge]) -> str:
    """Return the first of many parameters on an edge, with their values."""
    first = [one.said.replace(" is ", " = ") for one in edges[:FEW_SAID]]
    return f"{', '.join(first[:-1])} and {first[-1]}"


def _less(at: em.Fit[Any], edges: list[Edge]) -> str:
    """Return the family of fewer parameters that the first edge is, empty if it is none."""
    layout = at.family.layout()
    field = layout.get(edges[0].label.partition("[")[0]) if edges else None
    return field.none if field is not None and edges[0].bound == 0 else ""


def _unbounded(at: em.Fit[Any], edges: list[Edge]) -> Finding:
    """What components become whose parameters grow without bound."""
    name = edges[0].label.partition("[")[0]
    other = at.family.layout()[name].limit
    every = len(edges) == at.question.k
    message = (
        f"{', '.join(one.said for one in edges)}. A {at.question.noun} of such a {name} is a "
        f"{FAMILIES[other].__name__}."
    )
    remedy = (
        f"Fit that family ({option_of(made_likewise(at.family, FAMILIES[other]))})."
        if every
        else f"Report the lower end of the posterior's interval of {name}."
    )
    return Finding("boundary", DOUBT if every else NOTE, 0.0, limit.EDGE, message, remedy)


def _nearest(at: em.Fit[Any]) -> tuple[float, str]:
    """Return how many standard errors the nearest parameter is from its edge, and which it is."""
    nearest, label = np.nan, ""
    for row in _rows(at):
        low, high = 0.0, 1.0
        if row.name in at.family.layout():
            low, high = bounds(at.family, row.name, row.place)
        value, error = (float(picked(m, row)) for m in (at.estimate, at.standard_errors))
        room = min(value - low, high - value) / error if error > 0 else np.nan
        if room < nearest or np.isnan(nearest):
            nearest, label = room, row.label
    return nearest, label


def _narrowest(structure: Structure, at: em.Fit[Any]) -> int:
    """Return the narrowest component."""
    d = at.question.sample.dimension
    floor = np.eye(d) if at.question.sample.table else np.ones(1)
    return int(np.argmin(emission_of(at.family).width(structure.theta, floor)))


def _described(structure: Structure, one: int, at: em.Fit[Any]) -> str:
    """Describe a component."""
    theta = structure.theta
    fields = ", ".join(
        f"{name} {_several([_short(number) for number in np.ravel(field[one])])}"
        for name, field in entries(theta).items()
        if np.ndim(field[one]) < 2
    )
    held = structure.overall(at.question.data)[one] * at.observations
    return (
        f"a {at.question.noun} with {fields} and {_short(held)} of {at.observations:,} observations"
    )


def _several(numbers: list[str]) -> str:
    """Return one number, or several in brackets."""
    return numbers[0] if len(numbers) == 1 else f"({', '.join(numbers)})"


def _short(number: float) -> str:
    """Return a number as people write it."""
    return f"{number:,.0f}" if abs(number) >= 1e3 else f"{number:.3g}"
