"""The posterior: its draws, chains and modes, and which rows it saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import em
from bayes.posterior.diagnose import checked, worst_of
from bayes.posterior.stein import target_of
from comparisons.thresholds import LEAST_DRAWS, MISSED
from comparisons.verdict.draw_slips import slip_of_draws, slip_without_prior
from comparisons.verdict.emptied import emptied
from comparisons.verdict.matching import matched
from comparisons.verdict.sensitivity import sensitivity_of
from comparisons.verdict.subsample import whole_of
from models.arrays import spaced
from models.refusal import Refusal
from models.structure import drawn_at, fields_of, from_fields, joined, permuted

if TYPE_CHECKING:
    from bayes.posterior.diagnose import Diagnosis
    from bayes.posterior.prospects import Hopeless
    from bayes.posterior.stein import Target
    from bayes.posterior.tree import Posterior
    from bayes.sampling.modes import Abandoned
    from comparisons.binned.posterior import Binning
    from comparisons.verdict.fitted import Fitted
    from comparisons.verdict.point import Point
    from comparisons.verdict.sensitivity import Sensitivity
    from comparisons.verdict.slips import Slip
    from comparisons.verdict.subsample import Whole
    from models.prior import Prior
    from models.question import Question
    from models.structure import Structure

__all__ = ["Mode", "Sampled", "refuse_few", "sampled_of"]

PROBES = 100  # draws from which EM climbs the posterior to see which mode each belongs to
FIRST = 40  # of them that suffice if all are of one: others then have 7% or less, at 95%
OWN = 10  # EM's own starts under the prior, besides the draws and the starts with an empty group


class Mode(NamedTuple):
    """A mode of the posterior, and how many of the probed draws lie in its basin.

    >>> comparison.modes.share  # all draws lie in the basin of one mode
    array([1.])
    """

    estimate: Structure
    height: float
    share: float


@dataclass(frozen=True, eq=False)
class Sampled:
    """The posterior.

    question: what was asked of it; prior: None where it is unknown.
    draws: each field (n, ...), chain after chain, `sizes` (chains, draws).
    tune: draws that adapted the sampler, None where it is unknown.
    diagnosis: of the chains; as_drawn: largest R-hat before the labels were aligned.
    ambiguous: share of draws with ambiguous labels.
    modes: most draws first; empty if the prior is unknown.
    peak: where EM under the prior climbs to from the estimate, None if the prior is unknown.
    best: the highest mode under the prior that any start reaches; `peak` if none is higher.
    sensitivity: of the posterior to its prior and its likelihood; None if the prior is unknown.
    to_peak: the rise of the log posterior from the estimate to its peak; inf without a prior.
    target: the test whether the draws come from the posterior; None without its prior.
    slip: what explains draws that miss the test; None if nothing does, or they do not.
    binning: how the rows were binned, None if they were not.
    shift: by how many of its sds binning can have shifted a posterior mean.
    whole: EM of all observations, None if the posterior is of all.
    hopeless: why the sampler ended early, None if it did not.
    abandoned: chains that it gave up before these, None if it did not.
    diverged: the share of draws that diverged before it took shorter steps, None if it did not.

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.point import point_of
    >>> kept = posterior_of(posterior)
    >>> point = point_of(fit, kept, None, kept.heights, None)
    >>> sampled = sampled_of(kept, point, None, kept.draws)
    >>> sampled.sizes, len(sampled.modes), sampled.diagnosis.passed
    ((4, 500), 1, True)
    """

    question: Question[Any, Any]
    prior: Prior | None
    draws: Structure
    sizes: tuple[int, int]
    tune: int | None
    diagnosis: Diagnosis
    as_drawn: float
    ambiguous: float
    modes: tuple[Mode, ...]
    peak: Mode | None
    best: Mode | None
    sensitivity: Sensitivity | None
    to_peak: float
    target: Target | None
    slip: Slip | None
    binning: Binning | None
    shift: float
    whole: Whole | None
    hopeless: Hopeless | None = None
    abandoned: Abandoned | None = None
    diverged: float | None = None


def sampled_of(
    posterior: Posterior,
    point: Point,
    binning: Binning | None,
    few: Structure,
    fitted: Fitted | None = None,
) -> Sampled:
    """Return the measurements of a posterior beside an estimate.

    few: some draws at even distances.
    fitted: the densities of units, whose chains are judged where parameters are open.

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.point import point_of
    >>> kept = posterior_of(posterior)
    >>> point = point_of(fit, kept, None, kept.heights, None)
    >>> sampled = sampled_of(kept, point, None, kept.draws)
    >>> sampled.binning is None, sampled.to_peak < 0.1
    (True, True)
    """
    question, prior = posterior.question, posterior.prior
    peak: Mode | None = None
    best: Mode | None = None
    modes: tuple[Mode, ...] = ()
    to_peak = np.inf
    if prior is not None:
        start = em.fitted(question, start=point.at.estimate, prior=prior, max_steps=0)
        peak, modes = _modes(question, prior, point, posterior.draws)
        best = _highest(question, prior, peak, modes, posterior.draws)
        to_peak = peak.height - float(start.trace[0])
    target = None if prior is None else target_of(posterior)
    if target is None:
        highest = max(point.reached.log_likelihood, point.search.fit.log_likelihood)
        slip = slip_without_prior(posterior, highest, point.free)
    else:
        slip = slip_of_draws(posterior, max(target))
    return Sampled(
        question=question,
        prior=prior,
        draws=posterior.draws,
        sizes=posterior.sizes,
        tune=posterior.tree.attrs.get("tune") if posterior.ours else None,
        diagnosis=_diagnosis(posterior, fitted),
        as_drawn=worst_of(posterior.measured("as drawn")).r_hat,
        ambiguous=posterior.ambiguous if question.k > 1 else 0.0,
        modes=modes,
        peak=peak,
        best=best,
        sensitivity=None if prior is None else sensitivity_of(posterior, point.parameters),
        to_peak=to_peak,
        target=target,
        slip=slip,
        binning=binning,
        shift=0.0 if binning is None else binning.shift(few),
        whole=whole_of(posterior.tree, question),
        hopeless=posterior.hopeless,
        abandoned=posterior.abandoned,
        diverged=posterior.diverged,
    )


def _diagnosis(posterior: Posterior, fitted: Fitted | None) -> Diagnosis:
    """Return the diagnosis of the parameters; of what the data tell, if that is less."""
    parameters = posterior.measured("aligned")
    found = checked(parameters if fitted is None else fitted.diagnosis, posterior.tree)
    return found._replace(parameters=parameters)


def refuse_few(posterior: Posterior) -> None:
    """Refuse a posterior with too few draws.

    >>> from bayes.posterior.tree import posterior_of
    >>> refuse_few(posterior_of(posterior.isel(draw=slice(9))))
    Traceback (most recent call last):
    models.refusal.Refusal: the posterior has fewer than 10 draws per chain; draw more
    """
    if posterior.sizes[1] < LEAST_DRAWS:
        raise Refusal(f"the posterior has fewer than {LEAST_DRAWS} draws per chain; draw more")


def _modes(
    question: Question[Any, Any], prior: Prior, point: Point, draws: Structure
) -> tuple[Mode, tuple[Mode, ...]]:
    """Return the mode that EM reaches from the estimate, and all modes, most draws first.

    EM under the prior climbs from some draws to the modes of their basins.
    """
    n = len(next(iter(fields_of(draws).values())))
    first = {name: field[None] for name, field in fields_of(point.at.estimate).items()}
    top = from_fields(question.structure, question.family, first)
    for probed in (FIRST, PROBES):
        starts = joined(top, drawn_at(draws, spaced(n, probed)))
        tops, member = em.basins(question, starts, prior=prior)
        if (member == member[0]).all():
            break
    share = np.bincount(member[1:], minlength=len(tops)) / len(member[1:])
    modes = [
        Mode(one.estimate, one.height, float(part)) for one, part in zip(tops, share, strict=True)
    ]
    here = modes[member[0]]
    order = matched(here.estimate, draws, point.estimate)
    peak = here._replace(estimate=permuted(here.estimate, order))
    reached = [mode for mode in modes if mode.share > 0]
    return peak, tuple(sorted(reached, key=lambda mode: (-mode.share, -mode.height)))


def _highest(
    question: Question[Any, Any],
    prior: Prior,
    peak: Mode,
    modes: tuple[Mode, ...],
    draws: Structure,
) -> Mode:
    """Return the highest mode under the prior that any start reaches, labelled like the peak.

    The starts are EM's own, the draws, and the estimate's mode with each group emptied in turn.
    """
    own = em.fitted(question, prior=prior, starts=OWN)
    known = [peak, *modes]
    if not own.optima[0].spike:
        known.append(Mode(own.estimate, float(own.trace[-1]), 0.0))
    starts = emptied(peak.estimate, question.sample.observations)
    if starts is not None:
        tops, _ = em.basins(question, starts, prior=prior)
        known += [Mode(top.estimate, top.height, 0.0) for top in tops]
    best = max(known, key=lambda mode: mode.height)
    if best.height - peak.height <= MISSED:
        return peak
    order = matched(best.estimate, draws, peak.estimate)
    return best._replace(estimate=permuted(best.estimate, order))
