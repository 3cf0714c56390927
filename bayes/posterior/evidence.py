"""The evidence: the marginal likelihood of the data, from the draws of a posterior.

The density of the data is the one of `sample_stats`: binomial coefficients are in it, and it is in
the data's units.
"""

from __future__ import annotations

from dataclasses import replace
from math import lgamma
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from bayes.posterior.bridge import Joint, bridged
from bayes.posterior.diagnose import measured, worst_of
from bayes.posterior.labels import assigned_to, members_of
from bayes.posterior.older import HEIGHTS
from bayes.posterior.tree import posterior_of
from bayes.sampling.compiled import engine_of
from bayes.standardise import standard_of
from models.structure import label_order, permuted

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bayes.posterior.bridge import Integral
    from bayes.posterior.tree import Posterior
    from bayes.sampling.compiled import Engine
    from models.arrays import Array, Labels
    from models.question import Question

__all__ = ["Estimate", "Evidence", "evidence", "evidence_of"]

HALF, TWICE = 0.5, 2.0  # widths of other priors, relative to the posterior's own

MIXED = 1.05
"""R-hat of the log-likelihood and of the log posterior, up to which chains are in one place. They
do not depend on labels, and the error counts slow mixing, so that it is no closer than that."""

SURE = 0.5
"""Monte Carlo standard error up to which the evidence is told. Simulated: the waiting times of
`faithful`, 25 posteriors of 400 draws a case. With four groups errors were .25 to .45, and two of
them held the long run's evidence in 96%; with six groups .5 to 1.05, 96%; with eight .65 to 1.25,
84%, and deviations were 2.2 times what they said."""

TERMS = 5.0  # equal terms that the sums have to be worth: there 6 to 24, 1 to 5 and 1 to 4
EVEN = 0.2
"""For another prior, equal terms that the sums have to be worth, as a share of the draws that enter
the bridge. The draws are of a posterior under the prior's own width, and less even terms miss what
lies outside of it: comparisons/trust/README.md has the share of errors that hold."""

TIMES = 4  # draws of the first halves for each parameter, to fit a proposal


class Estimate(NamedTuple):
    """Log evidence under another prior, and its Monte Carlo standard error; NaN if not reliable.

    >>> Estimate(-11.82, 0.01).log
    -11.82
    """

    log: float
    error: float


class Evidence(NamedTuple):
    """The log of the marginal likelihood of the data.

    log: NaN if it is not reliable; reason: why it is not, in a sentence.
    error: Monte Carlo standard error of the log.
    half, twice: log evidence if the prior of the components is half or twice as wide
        (`ConjugatePrior.widened`).

    >>> found = evidence(posterior)
    >>> found.reason is None, found.error < 0.05
    (True, True)
    """

    log: float
    error: float
    reason: str | None
    half: Estimate
    twice: Estimate


NOTHING = Estimate(float("nan"), float("nan"))


def evidence(tree: xr.DataTree, *, seed: int = 0) -> Evidence:
    """Return the log evidence by bridge sampling, with its error, or why there is none.

    Where components are exchangeable, K! labellings have the same density. Draws are moved into the
    region of one labelling, the density is integrated over that region alone (`bridged`), and the
    integral is multiplied by K!. The region is that of the family's order if the tree's labels are
    in order; otherwise that of the labelling nearest to the average memberships of the chains'
    first halves.

    tree: of `bayes.sample`.
    seed: of the draws of the proposal; the same seed gives the same number.

    >>> two = evidence(posterior)
    >>> round(two.log, 1), round(two.half.log, 1), round(two.twice.log, 1)
    (-239.4, -240.3, -239.7)
    """
    return evidence_of(posterior_of(tree), seed=seed)


def evidence_of(posterior: Posterior, *, seed: int = 0) -> Evidence:
    """Return the log evidence of a posterior.

    >>> evidence_of(posterior_of(posterior)) == evidence(posterior)
    True
    """
    reason = _refused(posterior)
    if reason is not None:
        return _none(reason)
    question = posterior.question
    engine = engine_of(question)
    draws, inside = _region(engine, question, posterior)
    joint = Joint(
        lambda at: _log_joint(engine, question, at),
        inside,
        lambda at: _log_ratios(engine, question, at),
    )
    try:
        with threadpool_limits(1, user_api="blas"):  # matrices are small, threads would only wait
            found = bridged(draws, joint, np.random.default_rng(seed))
    except np.linalg.LinAlgError as problem:
        return _none(f"Bridge sampling: the draws have no regular covariance ({problem}).")
    if found is None:
        return _none("Bridge sampling: no draw of the proposal has the labels of the posterior.")
    moved = lgamma(question.k + 1) if question.structure.exchangeable() else 0.0
    reason = _unsure(found.own)
    if reason is not None:
        return _none(reason)
    own = _told(found.own, moved, 0.0)
    least = EVEN * draws[:, draws.shape[1] // 2 :, 0].size
    return Evidence(own.log, own.error, None, *(_told(one, moved, least) for one in found.others))


def _none(reason: str) -> Evidence:
    """Return the evidence that is not told, for a reason."""
    return Evidence(float("nan"), float("nan"), reason, NOTHING, NOTHING)


def _told(integral: Integral, moved: float, least: float) -> Estimate:
    """Return an integral as an estimate; NaN if it is not sure.

    least: equal terms that its sums have to be worth.
    """
    if integral.terms < least or _unsure(integral) is not None:
        return NOTHING
    return Estimate(integral.log + moved, integral.error)


def _unsure(integral: Integral) -> str | None:
    """Return why an integral is not reliable, None if it is."""
    if not np.isfinite([integral.log, integral.error]).all():
        return "Bridge sampling: the sums are not finite."
    if integral.terms < TERMS:
        return (
            f"Bridge sampling: the effective number of terms is {integral.terms:.0f}; at least "
            f"{TERMS:.0f} are needed. Draw more."
        )
    if integral.error > SURE:
        return (
            f"The Monte Carlo error of the log evidence is {integral.error:.2g}; "
            f"at most {SURE:g} is reliable. Draw more."
        )
    return None


def _refused(posterior: Posterior) -> str | None:
    """Return why no evidence follows from the draws, None if one may."""
    return _other_density(posterior) or _not_converged(posterior)


def _other_density(posterior: Posterior) -> str | None:
    """Return why what was drawn is not the posterior of the data under a known prior."""
    if posterior.prior is None:
        return "The evidence depends on the prior, and that of the draws is not known."
    if not posterior.ours:
        return "Another program made the draws; the density that it explored is not known."
    if "whole" in posterior.tree.attrs:
        return (
            "The draws are of a random subsample, whose evidence is not that of all observations."
        )
    if posterior.question.units.unit_counts.dtype.kind == "f":
        return (
            "The rows have weights in place of counts, as bins do: "
            "their evidence is not that of the data."
        )
    return None


def _not_converged(posterior: Posterior) -> str | None:
    """Return why there are too few draws or too few good ones."""
    if posterior.hopeless is not None:
        reason = posterior.hopeless.reason
        return f"The chains did not converge: {reason[:1].lower()}{reason[1:]}"
    chains, draws = posterior.sizes
    parameters = _count(posterior)
    if chains * (draws // 2) < TIMES * parameters:
        return (
            f"{chains * draws:,} draws are too few for {parameters:,} parameters; "
            f"at least {2 * TIMES * parameters:,} are needed."
        )
    worst = worst_of(_label_free(posterior)).r_hat
    if worst > MIXED:
        return f"The chains did not converge: R-hat of the log posterior is {worst:.3f}."
    return None


def _count(posterior: Posterior) -> int:
    """Return the number of coordinates of a draw."""
    question = posterior.question
    engine = engine_of(question)
    sizes = engine.sizes(question.k, question.width, question.data.sizes)
    return sum(int(np.prod(sizes[variable.name])) for variable in engine.variables)


def _label_free(posterior: Posterior) -> xr.Dataset:
    """Return R-hat and effective sizes of what does not depend on labels."""
    likelihood = posterior.tree["sample_stats"][HEIGHTS]
    density = likelihood + posterior.tree["log_prior"]["prior"]
    both = {"log_likelihood": likelihood, "log_posterior": density}
    return measured(xr.Dataset(both))


def _region(
    engine: Engine, question: Question[Any, Any], posterior: Posterior
) -> tuple[Array, Callable[[Array], NDArray[np.bool_]]]:
    """Return draws (chains, n, p) in the region of one labelling, and a test of positions.

    Every order of the components of a position is in exactly one of the K! regions, so that any
    rule will do that is the same for draws and for proposals.
    """
    sizes = posterior.sizes
    positions = engine.pack(question, posterior.draws)
    labels = _labelling(engine, question, positions.reshape(*sizes, -1), posterior.by_assignment)
    moved = permuted(posterior.draws, labels(positions))

    def inside(positions: Array) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = (labels(positions) == np.arange(question.k)).all(axis=1)
        return found

    return engine.pack(question, moved).reshape(*sizes, -1), inside


def _labelling(
    engine: Engine, question: Question[Any, Any], draws: Array, by_assignment: bool
) -> Callable[[Array], Labels]:
    """Return the rule from positions (n, p) to which component comes first, second, ..., (n, K).

    draws: (chains, n, p), labels aligned.
    """
    if not (by_assignment and question.structure.exchangeable()):
        return lambda positions: label_order(engine.working(question, positions))
    _, n, p = draws.shape
    shares, counts = members_of(engine, question, draws[:, : n // 2].reshape(-1, p))
    reference = shares.mean(axis=0)

    def assigned(positions: Array) -> Labels:
        return assigned_to(members_of(engine, question, positions)[0], counts, reference)

    return assigned


def _log_joint(engine: Engine, question: Question[Any, Any], positions: Array) -> Array:
    """Return the log density (n,) of data and positions (n, p), in the data's units; no NaN."""
    moved = engine.component.left_out(question.k)
    moved -= standard_of(question).log_volume * float(question.units.unit_counts.sum())
    found = engine.explored(question, positions) + moved if len(positions) else np.empty(0)
    return np.where(np.isnan(found), -np.inf, found)


def _log_ratios(engine: Engine, question: Question[Any, Any], positions: Array) -> Array:
    """Return the log prior densities of half and twice the width, relative to the prior's."""
    own, record = question.prior, question.prior.theta
    priors = [own._replace(theta=record.widened(factor)) for factor in (HALF, TWICE)]
    usual, *others = (
        engine.log_priors(replace(question, given=one), positions) for one in (own, *priors)
    )
    with np.errstate(invalid="ignore"):  # so far out that neither is more than 0
        return np.where(np.isfinite(usual), np.array(others) - usual, -np.inf)
