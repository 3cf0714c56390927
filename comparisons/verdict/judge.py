"""The nine measures of agreement, each with one finding or more.

A distance between the answers is a consequence and adds only a doubt: its causes decide which
answer is at fault. It is a fault itself if no cause is found and the draws cannot be tested because
their prior is unknown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtri

from comparisons import thresholds as limit
from comparisons.finding import DOUBT, FAULT, NOTE, OK, Finding, Severity, plain
from comparisons.verdict.correlations import lost_correlations
from comparisons.verdict.fitted import table_of_fit
from comparisons.verdict.judge_chains import chains_finished
from comparisons.verdict.judge_em import (
    best_of,
    em_errors,
    em_finished,
    em_won,
    same_question,
    spiked,
)
from comparisons.verdict.judge_fit import fits
from comparisons.verdict.judge_flat import drawn_in, flat
from comparisons.verdict.judge_identified import identified
from comparisons.verdict.judge_order import ordered_well
from comparisons.verdict.judge_prior import pulled, sensitive
from comparisons.verdict.profiled import profiles, widths_apart
from comparisons.verdict.rows import worst_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from comparisons.verdict.cross_checks import CrossChecks
    from comparisons.verdict.measured import Measured
    from comparisons.verdict.neighbours import Neighbours
    from comparisons.verdict.point import Point
    from comparisons.verdict.predictions import Predictions
    from comparisons.verdict.rows import Table
    from comparisons.verdict.sampled import Sampled
    from em.edges import Edge
    from models.arrays import Array

__all__ = ["judged"]

REPLICATES = 400  # of the bootstrap that finds ends of intervals
NO_DRAW = 5e-4  # share of the draws that reads as 0.0%
ONE = 0.025  # chance of a normal variable beyond 1.96 to one side


def judged(
    measured: Measured,
    table: Table,
    within: float = limit.WITHIN,
    *,
    accept_misfit: bool = False,
) -> tuple[Finding, ...]:
    """Return all findings, in the order of the measures.

    within: standard errors up to which a distance from the maximum is a note only.
    accept_misfit: whether a model that does not fit prevents no agreement.

    >>> [one.code for one in comparison.findings][:3]
    ['different_question', 'different_posterior', 'different_data']
    """
    point, sampled, checks, predictions, misfit, near, order, fitted = measured
    at, found = point.at, point.search.fit
    em_side = [
        *same_question(point, sampled, checks),
        identified(sampled.question),
        *em_finished(
            at,
            point.reached,
            best_of(point),
            sampled.to_peak,
            within,
            unfinished=point.claimed is not None and not point.made.converged,
            meant=point.meant,
        ),
        em_errors(point, checks),
        em_won(point, checks),
        *same_members(predictions, checks),
        *spiked(at, found, point, checks),
    ]
    chains = chains_finished(sampled, checks, near)
    numbers, pinned, shifts = table, point.pinned, point.shifts
    if fitted is not None:
        top = None if sampled.peak is None else sampled.peak.estimate
        numbers, pinned = table_of_fit(fitted, sampled.question, top), {}
        shifts = np.zeros(len(numbers["sd"]))
    apart = [
        same_place(point, checks),
        *same_numbers(numbers, pinned, shifts, None if fitted is not None else point),
        *same_predictions(predictions, point),
    ]
    proper = not any(one.stands for one in em_side)
    chains = [*lost_correlations(point, sampled, [*chains, *apart], trusted=proper), *chains]
    gap = Gap(
        apart=any(one.stands for one in apart),
        proper=proper,
        trusted=not any(one.stands for one in chains),
    )
    if fitted is not None and gap.proper and gap.trusted:
        apart = [
            drawn_in(one, fitted, sampled.question) if one.code == "other_numbers" else one
            for one in apart
        ]
    reasons = [
        *data_tell(measured, numbers, gap),
        *flat(point, fitted),
        bent(checks, gap),
        skewed(numbers),
        *pulled(point, sampled, table, **gap._asdict()),
        *sensitive(sampled, table),
        *ordered_well(order, sampled.question),
    ]
    known = sampled.target is not None or any(one.stands for one in [*em_side, *chains, *reasons])
    severity: Severity = DOUBT if known else FAULT
    apart = [one._replace(severity=severity) if one.stands else one for one in apart]
    fitting = fits(misfit, near, saturated=at.saturated, accepted=accept_misfit)
    if not gap.trusted:  # nobody should report what chains that did not mix say
        em_side, apart, reasons = (_without_posterior(each) for each in (em_side, apart, reasons))
    return (*em_side, *chains, *apart, *reasons, fitting)


def _without_posterior(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings without the advice to use a posterior.

    >>> one = Finding("spike", "doubt", 1.0, 0.5, "", "Check them, or use the posterior.")
    >>> [found.remedy for found in _without_posterior([one])]
    ['Check them.']
    """
    return [one._replace(remedy=USE_POSTERIOR.sub("", one.remedy).strip()) for one in findings]


USE_POSTERIOR = re.compile(
    r",? or (?:report|use) the posterior[^.]*(?=\.)"
    r"|(?:^| )(?:If there are none, |Until then, )?(?:[Rr]eport|[Uu]se) "
    r"(?:the lower end of )?the posterior[^.]*\."
)
"""The advice to use a posterior, a sentence or the end of one."""


class Gap(NamedTuple):
    """The state of both answers before the causes of a gap are judged.

    apart: whether the answers lie apart.
    proper: whether the estimate is a maximum of the posterior's likelihood, and no spike.
    trusted: whether the chains can be trusted.
    """

    apart: bool
    proper: bool
    trusted: bool


def same_place(point: Point, checks: CrossChecks) -> Finding:
    """D_s against chi-squared: in a regular problem the mean is p, the sd sqrt(2 p)."""
    p, mean = point.free, float(checks.deviance.mean())
    shift = (mean - point.degrees) / float(np.sqrt(2 * point.degrees))
    apart = not abs(shift) <= limit.DEVIANCE_SHIFT
    message = (
        f"Mean deviance of the draws: {mean:.3g}. Expected with {p} free "
        f"parameter{'s' * (p > 1)}: {point.degrees:.3g}."
    )
    if apart and np.isfinite(shift):
        side = "above" if shift > 0 else "below"
        message += f" It lies {plain(abs(shift), 2)} standard deviations {side} that."
    if point.edges:
        message += " That counts 1 for each parameter, and 1 to 2 for each on an edge."
    if mean < 0:
        message = (
            f"The draws fit better than the estimate, by {plain(-mean / 2)} units of "
            "log-likelihood on average."
        )
    return Finding("other_place", DOUBT if apart else OK, shift, limit.DEVIANCE_SHIFT, message, "")


def same_numbers(
    table: Table, pinned: Mapping[int, Edge], shifts: Array, point: Point | None = None
) -> list[Finding]:
    """Gap and ratio of spreads, each at the parameter where it is worst.

    Where a posterior sd differs from the standard error, EM's interval is compared with the
    posterior's instead: both describe a skewed likelihood well, and no standard error does.

    On an edge, or where a share is 1 because the others are 0, the mean of the draws is compared
    with its expected distance from the edge. That others leave theirs moves it as well. What grows
    without bound has no number to compare.

    pinned: the rows of such parameters.
    shifts: (rows,) how far each is expected off the estimate for that.
    point: whose parameters the rows are; None if they are other quantities.
    """
    ratio, sd = table["sd_ratio"].to_numpy(), table["sd"].to_numpy()
    with np.errstate(divide="ignore"):
        wide = np.fmax(ratio, np.where(np.isnan(ratio), np.nan, 1 / ratio))
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.abs(table["gap_in_sd"].to_numpy() - shifts / sd)
    # a parameter that the sampler never moved is infinitely far from any estimate
    gap = np.where(sd > 0, gap, np.inf)
    for at, edge in pinned.items():
        if edge.unbounded:
            gap[at], wide[at] = np.nan, np.nan
            continue
        away = abs(float(table["mean"][at]) - edge.bound)
        gap[at] = abs(away - edge.distance) / sd[at] if sd[at] > 0 else np.inf
    far, where = worst_of(table, gap)
    before, who = worst_of(table, wide)
    ratios = Ratios({}, drawn=False) if point is None else _interval_ratios(table, wide, point)
    by_interval, ours = ratios.of_rows, "EM's bootstrap interval" if ratios.drawn else "EM's"
    skewed = "" if ratios.drawn else ", as the likelihood is skewed"
    for at, one in by_interval.items():
        wide[at] = one
    most, whose = worst_of(table, wide)
    compared = bool(np.isfinite(np.delete(table["se"].to_numpy(), list(pinned))).all())
    allowed = limit.GAP * _largest(len(pinned))
    apart, other = not far <= allowed, not (compared and most <= limit.SPREAD)
    by = f"{plain(far, 2, allowed)} posterior sd ({where})"
    numbers = f"Posterior mean and estimate differ by up to {by}."
    if shifts.any():
        numbers += " What parameters on an edge explain is subtracted."
    if np.isinf(far):
        numbers = f"{where} is the same in all draws: it was not sampled."
    spread = f"Posterior sd and standard error differ by a factor of up to {plain(most)} ({whose})."
    if by_interval and most <= limit.SPREAD:
        spread = (
            f"Posterior sd and standard error differ by a factor of up to {plain(before)} ({who}). "
            f"The posterior's interval and {ours} have the same width, up to a factor of "
            f"{plain(max(by_interval.values()))}{skewed}."
        )
    elif whose in {str(table["parameter"].to_numpy()[at]) for at in by_interval}:
        spread = (
            f"The posterior's interval and {ours} differ in width by a factor of up to "
            f"{plain(most)} ({whose})."
        )
    if not compared:
        spread = "There are no standard errors to compare with the posterior sds."
    return [
        Finding(
            "other_numbers",
            DOUBT if apart else OK,
            far,
            allowed,
            numbers,
            "",
        ),
        Finding(
            "other_spread",
            DOUBT if other else OK,
            most,
            limit.SPREAD,
            spread,
            ""
            if not other
            else "Check whether the prior makes the posterior narrow: compare with a weaker one."
            if bool((ratio < 1 / limit.SPREAD).any())
            else "Report the posterior's intervals. Standard errors are for large samples.",
        ),
    ]


class Ratios(NamedTuple):
    """How far intervals differ in width, by row, and whether an end of EM's is the bootstrap's."""

    of_rows: dict[int, float]
    drawn: bool


def _interval_ratios(table: Table, wide: Array, point: Point) -> Ratios:
    """Return how far intervals differ in width, for rows whose spreads differ by too much.

    EM's end is the bootstrap's where its profile does not close. Rows without both ends keep the
    ratio of their spreads.
    """
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero(np.isfinite(wide) & (wide > limit.SPREAD)).tolist()
    ends = np.stack([table[one].to_numpy() for one in ("mle_low", "mle_high")], axis=1)
    for replicates in (0, REPLICATES):  # the table has profiles of few parameters only
        missing = [at for at in rows if np.isnan(ends[at]).any()]
        ends[missing] = profiles(point, missing, replicates)[missing]
    family, found = point.at.family, {}
    for at in rows:
        theirs = np.array([float(table[one][at]) for one in ("low", "high")])
        ratio = widths_apart(point.parameters[at], family, ends[at], theirs)
        if np.isfinite(ratio):
            found[at] = ratio
    return Ratios(found, drawn=bool(set(missing) & found.keys()))


def _largest(m: int) -> float:
    """Return by how much the largest of m normal variables is larger than one at the same chance.

    By Bonferroni's rule; that chance is 5%.

    >>> _largest(0), _largest(1), round(_largest(45), 2)
    (1.0, 1.0, 1.66)
    """
    return float(ndtri(ONE / max(m, 1)) / ndtri(ONE))


def same_predictions(predictions: Predictions, point: Point) -> list[Finding]:
    """Hellinger distance of the densities, and how far memberships differ."""
    most = max(
        limit.HELLINGER,
        limit.PREDICTED * float(np.sqrt(point.free / (8 * point.at.observations))),
    )
    apart = not predictions.hellinger <= most
    found = [
        Finding(
            "other_predictions",
            DOUBT if apart else OK,
            predictions.hellinger,
            most,
            "Hellinger distance (0 to 1) between the estimate's density and the posterior "
            f"predictive one: {plain(predictions.hellinger, 2, most)}."
            if np.isfinite(predictions.hellinger)
            else "The estimate has no density, so that it cannot predict.",
            "Use the posterior for predictions." if apart else "",
        )
    ]
    both = predictions.memberships
    if both is not None:
        share = both.units.unit_counts / both.units.unit_counts.sum()
        mean = float(share @ np.abs(both.em - both.posterior).sum(axis=1) / 2)
        moved = float(share @ (both.em.argmax(axis=1) != both.posterior.argmax(axis=1)))
        other = not mean <= limit.MEMBERSHIPS
        severity: Severity = OK if not other else NOTE if point.at.told is not None else DOUBT
        found.append(
            Finding(
                "other_memberships",
                severity,
                mean,
                limit.MEMBERSHIPS,
                "Probabilities of membership by EM and by the posterior differ by "
                f"{100 * mean:.2g} percentage points on average. The likeliest "
                f"{point.at.question.noun} differs "
                f"for {f'{moved:.1%}' if moved else 'none'} of the observations.",
                "Use the posterior's memberships." if severity == DOUBT else "",
            )
        )
    return found


def same_members(predictions: Predictions, checks: CrossChecks) -> list[Finding]:
    """EM's memberships at the estimate against PyMC's there, which differ by rounding only."""
    apart = predictions.by_both
    if predictions.memberships is None:
        return []
    most = limit.MEMBERSHIPS_BY_BOTH + checks.rounding.estimate
    if np.isnan(apart):
        message = "Memberships by EM and by PyMC at the estimate could not be compared."
        return [Finding("different_memberships", NOTE, apart, most, message, "")]
    same = apart <= most
    message = (
        f"At the estimate EM and PyMC compute the same memberships, to {max(apart, 1e-16):.0e}."
    )
    if not same:
        message = (
            "At the estimate EM and PyMC compute different memberships: they differ by up to "
            f"{100 * apart:.2g} percentage points."
        )
    remedy = "" if same else "Do not use EM's memberships. Use the posterior's."
    return [Finding("different_memberships", OK if same else FAULT, apart, most, message, remedy)]


def data_tell(measured: Measured, table: Table, gap: Gap) -> list[Finding]:
    """Whether the data identify the components: modes, labels, size, and enough draws."""
    point, sampled = measured.point, measured.sampled
    found = [] if sampled.peak is None else [_modes(sampled, measured.near, gap)]
    if sampled.question.k > 1:
        found.append(_separated(point, sampled, measured.checks, measured.near, gap))
    return [*found, _counted(point), _noisy(table)]


def _modes(sampled: Sampled, near: Neighbours, gap: Gap) -> Finding:
    """The share of the draws in the basins of modes other than the estimate's."""
    assert sampled.peak is not None
    elsewhere = 1 - sampled.peak.share
    several = elsewhere > limit.MODES
    message = (
        "From every draw that was tried, EM climbs to the same mode as from the estimate. None of "
        "the draws belong to another one."
    )
    if elsewhere == 1:
        message = "From none of the draws that were tried does EM climb to the estimate's mode."
    elif elsewhere > 0:
        message = (
            f"The posterior has {len(sampled.modes)} modes. {elsewhere:.0%} of the draws belong to "
            "another one than the estimate's."
        )
    remedy = near.advice if several and gap.proper else ""
    severity: Severity = OK if not several else DOUBT if gap.proper else NOTE
    return Finding("several_modes", severity, elsewhere, limit.MODES, message, remedy)


def _separated(
    point: Point, sampled: Sampled, checks: CrossChecks, near: Neighbours, gap: Gap
) -> Finding:
    """The two symptoms of groups that overlap, each in units of its threshold.

    The first is draws with ambiguous labels. The second is a deviance that is no parabola, if the
    hidden labels cost nearly all of the information.
    """
    missing = point.at.missing
    overlap = checks.bend / limit.BEND if gap.proper and missing > limit.OVERLAP else 0.0
    value = float(np.fmax(sampled.ambiguous / limit.AMBIGUOUS, overlap))
    vague = sampled.ambiguous > limit.AMBIGUOUS
    if point.at.told is not None:  # components are one of a set, whose labels have to be ambiguous
        return _unseparated(sampled, value)
    stands = vague or (value > 1 and gap.apart and gap.trusted)
    severity: Severity = DOUBT if stands else NOTE if value > 1 else OK
    swapped = (
        f"In {sampled.ambiguous:.1%} of the draws the {sampled.question.noun}s could be swapped."
    )
    said = [] if missing >= 0 and sampled.ambiguous < NO_DRAW else [swapped]
    if missing >= 0:
        cost = (
            f"Up to {missing:.1%} of the information is missing, because the groups are not known."
        )
        said.insert(0 if overlap > 1 and not vague else len(said), cost)  # the decisive one first
    message, remedy = " ".join(said), near.advice if stands else ""
    return Finding("weak_separation", severity, value, 1.0, message, remedy)


def _unseparated(sampled: Sampled, value: float) -> Finding:
    """The share of ambiguous labels, where components are one of a set."""
    message = (
        f"In {sampled.ambiguous:.1%} of the draws the {sampled.question.noun}s could be swapped."
    )
    return Finding("weak_separation", NOTE if value > 1 else OK, value, 1.0, message, "")


def _counted(point: Point) -> Finding:
    """How many observations there are for each parameter."""
    n, p = point.at.observations, point.free
    few = n / p < limit.FEW
    size = f"{n:,} observations for {p} parameter{'s' * (p > 1)}"
    message = f"{size}: {plain(n / p)} per parameter."
    if few:
        message = (
            f"{size} are few: {plain(n / p, 2)} per parameter. Standard errors are approximations "
            "for large samples."
        )
    remedy = "Collect more data. Until then, report the posterior's intervals." if few else ""
    return Finding("few_observations", NOTE if few else OK, n / p, limit.FEW, message, remedy)


def _noisy(table: Table) -> Finding:
    """How well the posterior means are known."""
    noise, _ = worst_of(table, table["noise"].to_numpy())
    loud = not noise <= limit.NOISE
    message = f"Monte Carlo error of the posterior means: up to {noise:.1%} of their sds."
    remedy = "Draw more." if loud else ""
    severity = DOUBT if loud else OK
    return Finding("monte_carlo_noise", severity, noise, limit.NOISE, message, remedy)


def skewed(table: Table) -> Finding:
    """How far the posterior's mean lies from its peak."""
    known = np.isfinite(table["skew"].to_numpy()).any()
    worst, label = worst_of(table, np.abs(table["skew" if known else "gap_in_sd"].to_numpy()))
    large = worst > limit.GAP
    from_where = "its mode (EM under the same prior)" if known else "the estimate"
    by = f"{plain(worst, 2, limit.GAP)} sd ({label})"
    message = f"The posterior mean differs from {from_where} by up to {by}."
    remedy = "Report the posterior's intervals, not its mean." if large else ""
    return Finding("skewness", NOTE if large else OK, worst, limit.GAP, message, remedy)


def bent(checks: CrossChecks, gap: Gap) -> Finding:
    """The distance of the deviance from the parabola that standard errors assume.

    Mean |D_s - q_s| / p with q_s = (t_s - t^)' I (t_s - t^).
    """
    bend = checks.bend if gap.proper else np.nan
    large = bend > limit.BEND
    severity: Severity = OK
    if large:
        severity = DOUBT if gap.apart and gap.trusted else NOTE
    elif np.isnan(bend):
        severity = NOTE
    message = "How bell-shaped the posterior is cannot be measured at this estimate."
    if np.isfinite(bend):
        message = (
            f"{'The posterior is not bell-shaped: the' if large else 'The'} deviance of the draws "
            f"differs from a parabola by {plain(bend, 2, limit.BEND)} per parameter."
            f"{' Estimate ± standard error is misleading.' * large}"
        )
    remedy = "Report the posterior's intervals, or collect more data." if large else ""
    return Finding("not_quadratic", severity, bend, limit.BEND, message, remedy)
