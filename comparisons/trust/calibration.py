"""Whether both answers are calibrated: data from the prior, fitted twice, again and again.

With parameters from the prior and data from these, the truth's rank among the posterior's draws is
uniform (Talts et al. 2018), of every aligned parameter and of the joint log-likelihood, which sees
what single parameters do not (Modrák et al. 2023). On the same data EM's intervals are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from msgspec import to_builtins

import em
from comparisons.comparison import Comparison, second_opinion
from comparisons.trust.judged import Placed, Ranked, judgement
from comparisons.trust.summary import LEVELS
from em.emission import emission_of
from models import Mixture, MultivariateGaussian, Prior, Sample, simulate, weak_prior
from models.estimable import refuse_inestimable
from models.names import MADE, family_named
from models.prior import draw_prior
from models.question import asked
from models.refusal import Refusal
from models.structure import drawn_at, fields_of, from_fields, ordered, parameters, permuted, picked
from models.zero_inflated import with_zeros

if TYPE_CHECKING:
    from comparisons.replicates import Record
    from models.arrays import Array, Labels
    from models.family import Theta

__all__ = ["Design", "Problem", "believed", "opinion_on", "problem", "replicate", "titles_of"]

FLIPS = 10  # of a set of coins
SCALE = np.arange(11.0)  # data that give the weak prior its scale, in each column
THIN = 10  # ranks are taken among every tenth draw: nearly independent if chains mix


class Design(NamedTuple):
    """What is simulated and how it is sampled.

    family, covariance, df, zeros: as on the command line.

    >>> Design("multivariate", 2, 100, covariance="tied").kind()
    <class 'models.multivariate.TiedGaussian'>
    """

    family: str
    k: int
    observations: int
    seed: int = 0
    covariance: str | None = None
    chains: int = 2
    draws: int = 500
    tune: int = 500
    df: float | None = None
    zeros: bool = False

    def kind(self) -> type[Theta]:
        """The family."""
        if self.df is None:
            found = family_named(self.family, self.covariance)
        else:
            found = MADE[self.family].read(f"df={self.df!r}")
        return with_zeros(found) if self.zeros else found


class Problem(NamedTuple):
    """A replicate: what was drawn, and the prior and seed that both sides are given.

    seed: of EM and sampler.

    >>> drawn = problem(Design("binomial", 2, 100), 0)
    >>> len(drawn.truth.weight), drawn.sample.observations
    (2, 100)
    """

    truth: Mixture[Any]
    sample: Sample
    prior: Prior
    seed: int


def problem(design: Design, number: int) -> Problem:
    """Draw a replicate: parameters from the prior, then observations from these.

    >>> problem(Design("poisson", 2, 50), 0).sample.observations
    50
    """
    rng = np.random.default_rng([design.seed, number])
    family = design.kind()
    prior = believed(family, design.k)
    many = draw_prior(Mixture, family, prior, design.k, 1, rng, sizes={})
    truth = ordered(drawn_at(many, 0))
    trials = FLIPS if family.takes() == "heads" else None
    sample, _ = simulate(truth, design.observations, rng, trials)
    return Problem(truth, sample, prior, int(rng.integers(1 << 31)))


def titles_of(design: Design) -> dict[str, str]:
    """Return what people call each parameter, by its label: groups count from 1.

    >>> titles_of(Design("poisson", 2, 50))
    {'weight[0]': 'weight[1]', 'weight[1]': 'weight[2]', 'rate[0]': 'rate[1]', 'rate[1]': 'rate[2]'}
    """
    return {one.label: one.titled({}) for one in parameters(problem(design, 0).truth)}


def believed(family: type[Theta], k: int) -> Prior:
    """Return the prior: the weak default, for data of a fixed scale.

    >>> from models import Poisson
    >>> believed(Poisson, 2)
    Prior(weight=0.0, theta=PoissonPrior(events=0.0, exposure=0.2))
    """
    x: Array = 1 + SCALE if emission_of(family).relative else SCALE
    trials = FLIPS if family.takes() == "heads" else None
    if issubclass(family, MultivariateGaussian):
        x = np.stack(np.meshgrid(SCALE, SCALE), axis=-1).reshape(-1, 2)
    return weak_prior(family, Sample(x, trials), k)


def opinion_on(design: Design, drawn: Problem) -> Comparison:
    """Fit a replicate both ways and compare.

    >>> design = Design("poisson", 2, 100)
    >>> found = opinion_on(design, problem(design, 14))
    >>> found.sampling.chains, found.sampling.draws, list(found.truth)
    (2, 500, ['weight', 'rate'])
    """
    return second_opinion(
        design.kind(),
        drawn.sample,
        design.k,
        prior=drawn.prior,
        chains=design.chains,
        draws=design.draws,
        tune=design.tune,
        seed=drawn.seed,
        truth=drawn.truth,
        progress=False,
    )


def replicate(design: Design, number: int) -> Record:
    """Return what one replicate shows: its verdict, and the truth among estimates and draws.

    Of every parameter, in label order: truth; mle and se; mean; pit, the share of draws below the
    truth; rank, how many of some independent draws are; and EM's profile intervals. Of the joint
    log-likelihood pit and rank.

    >>> replicate(Design("poisson", 2, 1), 0)
    {'refused': '1 distinct value for 2 components'}
    """
    drawn = problem(design, number)
    seen = int(np.count_nonzero(drawn.sample.counts))
    if seen < design.k:
        return {"refused": f"{seen} distinct value{'s' * (seen > 1)} for {design.k} components"}
    try:  # such as no zeros, or nothing else: what depends on the data alone leaves ranks uniform
        refuse_inestimable(asked(design.kind(), drawn.sample, design.k, prior=drawn.prior))
    except Refusal as why:
        return {"refused": str(why)}
    comparison = opinion_on(design, drawn)
    family, heights = design.kind(), comparison.heights
    thin = np.arange(heights.size).reshape(heights.shape)[:, THIN - 1 :: THIN].ravel()
    draws, estimate, errors = (
        from_fields(Mixture, family, fields)
        for fields in (comparison.draws, comparison.fields, comparison.errors)
    )
    draws = ordered(draws)  # by the rule that ordered the truth
    order = estimate.theta.order()
    estimate, errors = permuted(estimate, order), permuted(errors, order)
    rows, ends = [], profiles(design, drawn, estimate)
    for parameter in parameters(drawn.truth):
        truth, each = float(picked(drawn.truth, parameter)), picked(draws, parameter)
        error = float(picked(errors, parameter))
        placed = _placed(truth, each, thin)
        rows.append(
            Ranked(
                parameter.label,
                truth,
                float(picked(estimate, parameter)),
                error if np.isfinite(error) and error > 0 else None,
                float(each.mean()),
                placed.pit,
                placed.rank,
                ends.get(parameter.label, []),
            )
        )
    alone = {name: field[None] for name, field in fields_of(drawn.truth).items()}
    one = from_fields(Mixture, family, alone)
    height = float(em.log_likelihood(family, drawn.sample, one)[0])
    joint = _placed(height, heights.ravel(), thin)
    found = {"parameters": rows, "joint": joint, "among": len(thin)}
    return {**to_builtins(found), **judgement(comparison)}


def profiles(
    design: Design, drawn: Problem, estimate: Mixture[Any]
) -> dict[str, list[tuple[float | None, float | None]]]:
    """Return EM's profile intervals of all levels, by label; empty where there is no maximum.

    estimate: where EM ended, in label order.

    >>> design = Design("poisson", 1, 100)
    >>> drawn = problem(design, 1)
    >>> mean = em.fit(design.kind(), drawn.sample, 1).estimate
    >>> (low, high), *others = profiles(design, drawn, mean)["rate[0]"]
    >>> bool(low < mean.theta.rate[0] < high), len(others)
    (True, 3)
    """
    fit = em.fitted(asked(design.kind(), drawn.sample, design.k), start=estimate)
    found: dict[str, list[tuple[float | None, float | None]]] = {}
    try:
        for level in LEVELS:
            for one in fit.intervals(level, replicates=0):
                low, high = (end if np.isfinite(end) else None for end in (one.low, one.high))
                found.setdefault(one.label, []).append((low, high))
    except Refusal:  # a spike or a saddle, of which verdict and findings tell
        return {}
    return found


def _placed(truth: float, draws: Array, thin: Labels) -> Placed:
    """Return where the truth lies among all draws (n,), and among those at some places."""
    return Placed(float((draws < truth).mean()), int((draws[thin] < truth).sum()))
