"""Name the slip behind two densities of the same draws that differ.

Without Monte Carlo error: the draws are the same, so that the cause fits to rounding or not at all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

import em
from comparisons import thresholds as limit
from comparisons.verdict.seen import BROKEN, with_fields
from comparisons.verdict.slips import Slip
from models.arrays import spaced
from models.blanks import differ
from models.sample import Sample
from models.structure import drawn_at, shares_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayes.sampling.compiled import Engine
    from models.arrays import Array
    from models.question import Question
    from models.structure import Structure

__all__ = ["Terms", "slip_of_density", "slip_of_heights"]

FEW = 20  # draws whose log-likelihoods are computed for other data
FACTOR = 1e-3  # by which a factor may miss the one that has a name
CUTS = 60  # numbers of trials that are tried as a cut, at most


class Terms(NamedTuple):
    """The density of some draws, and EM's parts of it.

    draws: each field (n, ...); explored: PyMC's log density (n,).
    likelihood, prior, volume: EM's log-likelihood and log prior, and log |dx / dz|, (n,).

    >>> Terms._fields[:2]
    ('draws', 'explored')
    """

    draws: Structure
    explored: Array
    likelihood: Array
    prior: Array
    volume: Array

    @property
    def gap(self) -> float:
        """The sd of PyMC's log density less EM's."""
        return _spread(self.explored - self.likelihood - self.prior - self.volume)


def _spread(apart: Array) -> float:
    """Return the sd of (n,) differences of log densities, inf if one is not finite."""
    return float(apart.std()) if np.isfinite(apart).all() else np.inf


def _others(question: Question[Any, Any]) -> Iterator[tuple[str, str, Sample]]:
    """Yield other data with which one side may have computed: code, words, data."""
    sample = question.data
    if not isinstance(sample, Sample):
        return
    if not sample.each_once:
        says = "counts each distinct row only once"
        yield "counts_ignored", says, Sample(sample.x, sample.trials)
    single = sample.x.astype(np.float32).astype(np.float64)
    if differ(single, sample.x).any():
        other = Sample(single, sample.trials, sample.counts)
        yield "single_precision", "holds its data in single precision (float32)", other
    if sample.trials is None or np.ptp(sample.trials) == 0:
        return
    for number in (sample.trials.max(), max(np.rint(sample.trials.mean()), sample.x.max())):
        other = Sample(sample.x, number, sample.counts)
        yield "constant_trials", f"uses {number:g} trials in every row", other
    for most in np.unique(sample.trials)[:-1][-CUTS:]:
        trials = np.minimum(sample.trials, most)
        other = Sample(np.minimum(sample.x, trials), trials, sample.counts)
        yield "truncated_trials", f"cuts trials off at {most:g}", other


REMEDIES = {
    "counts_ignored": "Count each row as often as it occurred.",
    "single_precision": "Compute in double precision, or subtract the mean first.",
    "constant_trials": "Give each row its own number of trials.",
    "truncated_trials": "Keep all trials.",
}


def slip_of_density(question: Question[Any, Any], terms: Terms) -> Slip | None:
    """Return the slip that explains a density that is not EM's likelihood times EM's prior.

    >>> n = np.arange(5.0)
    >>> l, p, v = n**2, np.sin(n), np.cos(n)
    >>> slip_of_density(fit.question, Terms(None, 2 * l + p + v, l, p, v)).code
    'counted_twice'
    """
    apart = terms.explored - terms.likelihood - terms.prior - terms.volume
    if not np.isfinite(apart).all() or _spread(apart) <= limit.DENSITY:
        return None
    found = _factors(terms, apart)
    if found is not None:
        return found
    rest = terms.explored - terms.prior - terms.volume
    for code, says, data in _others(question):
        try:
            theirs = em.log_likelihood(question.family, data, terms.draws)
        except BROKEN:
            continue
        if _spread(rest - theirs) <= limit.DENSITY:
            return Slip(code, f"the sampler {says}", REMEDIES[code], _spread(rest - theirs))
    return _record(question, terms, apart)


def _factors(terms: Terms, apart: Array) -> Slip | None:
    """Return the factor of one part of the density that explains a difference."""
    for part, name in (
        (terms.likelihood, "likelihood"),
        (terms.volume, "Jacobian"),
        (terms.prior, "prior"),
    ):
        factor, left = _fitted(apart, part)
        if left > limit.DENSITY:
            continue
        if name == "likelihood":
            code = {2.0: "counted_twice", 0.5: "tempered"}.get(round(1 + factor, 2), "tempered")
            says = f"the sampler raises the likelihood to the power {1 + factor:.3g}"
            return Slip(code, says, "Count the likelihood once, with its full weight.", left)
        if name == "Jacobian" and abs(factor + 1) <= FACTOR:
            says = "the sampler leaves out the Jacobian of its transformation"
            return Slip("no_jacobian", says, "Add the log Jacobian.", left)
        if name == "prior":
            says = f"the sampler raises the prior to the power {1 + factor:.3g}"
            return Slip("wrong_prior", says, "Give both the same prior.", left)
    return None


def _record(question: Question[Any, Any], terms: Terms, apart: Array) -> Slip | None:
    """Return the number of the prior's record that explains a difference, or all of them."""
    record = question.prior.theta
    numbers = {n: float(one) for n, one in record._asdict().items() if np.ndim(one) == 0}
    changes = [(name, {name: one + 1}) for name, one in numbers.items()]
    changes.append(("all numbers", {name: one + 1 for name, one in numbers.items()}))
    for name, change in changes:
        prior = question.prior._replace(theta=cast("Any", record)._replace(**change))
        part = em.log_prior(prior, terms.draws, question.held) - terms.prior
        factor, left = _fitted(apart, part)
        if left <= limit.DENSITY:
            says = f"the sampler has another prior: its {name} is higher by {factor:.4g}"
            return Slip("wrong_prior", says, "Give both the same prior.", left)
    return None


def _fitted(apart: Array, part: Array) -> tuple[float, float]:
    """Return the factor of (n,) numbers that explains a difference (n,), and the sd of the rest."""
    centred = part - part.mean()
    square = float(centred @ centred)
    if not square > 0:
        return np.nan, np.inf
    factor = float(centred @ apart) / square
    return factor, _spread(apart - factor * part)


def slip_of_heights(  # noqa: C901, PLR0911 (one line for each cause)
    engine: Engine, question: Question[Any, Any], draws: Structure, ours: Array, theirs: Array
) -> Slip | None:
    """Return the slip that explains log-likelihoods of EM and of PyMC that differ.

    draws: each field (n, ...); ours, theirs: EM's and PyMC's log-likelihood (n,) of them.

    >>> from bayes.posterior.tree import posterior_of
    >>> from bayes.sampling.compiled import engine_of
    >>> kept = posterior_of(posterior)
    >>> engine = engine_of(kept.question)
    >>> slip = slip_of_heights(engine, kept.question, kept.draws, kept.heights - 7, kept.heights)
    >>> slip.code
    'constant_missing'
    """

    def same(one: Array, other: Array) -> bool:
        return bool((np.abs(one - other) <= limit.QUESTION * (1 + np.abs(other))).all())

    def alike(one: Array, other: Array) -> bool:
        """Whether they are the same but for a constant."""
        return _spread(one - other) <= limit.QUESTION * (1 + float(np.abs(other).mean()))

    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return None
    constant = float((theirs - ours).mean())
    if same(ours + constant, theirs):
        side = "EM" if abs(ours.mean()) < abs(theirs.mean()) else "PyMC"
        says = f"{side} leaves out a constant of {constant:.6g}"
        return Slip("constant_missing", says, "Add the constants.", 0.0)
    few = spaced(len(ours), FEW)
    some, ours, theirs = drawn_at(draws, few), ours[few], theirs[few]
    equal = {n: np.full_like(one, 1 / one.shape[-1]) for n, one in shares_of(some).items()}
    without = engine.log_likelihoods(question, engine.pack(question, with_fields(some, equal)))
    if alike(without, ours):
        says = "EM leaves out the shares"
        return Slip("weightless", says, "Multiply each density by its share.", 0.0)
    positions = engine.pack(question, some)
    if same(engine.log_likelihoods(question, positions), ours):
        says = "the log-likelihoods stored with the draws are of other data"
        return Slip("foreign_draws", says, "Draw again, or use the right file.", 0.0)
    for code, says, data in _others(question):
        try:
            by_theirs = engine.log_likelihoods(replace(question, data=data), positions)
            by_ours = em.log_likelihood(question.family, data, some)
        except BROKEN:
            continue
        if alike(by_theirs, ours):
            return Slip(code, f"EM {says}", REMEDIES[code], 0.0)
        if alike(by_ours, theirs):
            return Slip(code, f"PyMC {says}", REMEDIES[code], 0.0)
    return None
