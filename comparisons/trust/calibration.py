"""Whether both answers are calibrated: data from the prior, fitted twice, again and again.

With parameters from the prior and data from these, the truth's rank among the posterior's draws is
uniform (Talts et al. 2018), of every aligned parameter and of the joint log-likelihood, which sees
what single parameters do not (Modrák et al. 2023). On the same data EM's intervals are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec import to_builtins

import em
from comparisons.comparison import Comparison, second_opinion
from comparisons.trust.judged import Placed, Ranked, judgement
from comparisons.trust.layouts import filled, laid, of_scale
from comparisons.trust.quantities import quantities
from comparisons.trust.summary import LEVELS
from models import Prior, weak_prior
from models.estimable import refuse_inestimable
from models.names import MADE, family_named
from models.prior import draw_prior
from models.question import asked
from models.refusal import Refusal
from models.structure import (
    drawn_at,
    fields_of,
    from_fields,
    label_order,
    ordered,
    parameters,
    permuted,
    picked,
    structure_for,
)
from models.zero_inflated import with_zeros

if TYPE_CHECKING:
    from collections.abc import Collection

    from comparisons.replicates import Record
    from comparisons.trust.quantities import Quantity
    from models.arrays import Array, Labels
    from models.family import Theta
    from models.structure import Structure, Units

__all__ = [
    "Design",
    "Problem",
    "believed",
    "opinion_on",
    "problem",
    "ranked",
    "replicate",
    "titles_of",
]

THIN = 10  # ranks are taken among every tenth draw: nearly independent if chains mix


class Design(NamedTuple):
    """What is simulated and how it is sampled.

    family, covariance, df, zeros, structure, initial: as on the command line.

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
    structure: str = "mixture"
    initial: str | None = None

    def kind(self) -> type[Theta]:
        """The family."""
        if self.df is None:
            found = family_named(self.family, self.covariance)
        else:
            found = MADE[self.family].read(f"df={self.df!r}")
        return with_zeros(found) if self.zeros else found

    def layout(self) -> Units:
        """The data of a replicate but for their values: how many rows, and how they hang together.

        >>> Design("poisson", 2, 100, structure="hidden-markov").layout().extent
        'in 5 sequences'
        """
        return laid(self.structure, self.kind(), self.observations, initial=self.initial)


class Problem(NamedTuple):
    """A replicate: what was drawn, and the prior and seed that both sides are given.

    seed: of EM and sampler.

    >>> found = problem(Design("binomial", 2, 100), 0)
    >>> len(found.truth.theta.prob), found.data.sample.observations
    (2, 100)
    """

    truth: Structure
    data: Units
    prior: Prior
    seed: int


def problem(design: Design, number: int) -> Problem:
    """Draw a replicate: parameters from the prior, then observations from these.

    >>> problem(Design("poisson", 2, 50), 0).data.sample.observations
    50
    """
    rng = np.random.default_rng([design.seed, number])
    family, data = design.kind(), design.layout()
    kind, prior = structure_for(data), believed(family, design.k)
    many = draw_prior(kind, family, prior, design.k, 1, rng, sizes=data.sizes)
    truth = ordered(drawn_at(many, 0))
    return Problem(truth, filled(truth, data, rng), prior, int(rng.integers(1 << 31)))


def ranked(found: Problem) -> list[Quantity]:
    """Return what is ranked of a replicate.

    >>> [one.label for one in ranked(problem(Design("poisson", 2, 50), 0))]
    ['weight[0]', 'weight[1]', 'rate[0]', 'rate[1]']
    """
    return quantities(found.truth, found.data)


def titles_of(design: Design) -> dict[str, str]:
    """Return what people call each quantity, by its label: groups count from 1.

    >>> titles_of(Design("poisson", 2, 50))
    {'weight[0]': 'weight[1]', 'weight[1]': 'weight[2]', 'rate[0]': 'rate[1]', 'rate[1]': 'rate[2]'}
    """
    return {one.label: one.title for one in ranked(problem(design, 0))}


def believed(family: type[Theta], k: int) -> Prior:
    """Return the prior: the weak default, for data of a fixed scale.

    >>> from models import Poisson
    >>> believed(Poisson, 2)
    Prior(weight=0.0, theta=PoissonPrior(events=0.0, exposure=0.2))
    """
    return weak_prior(family, of_scale(family), k)


def opinion_on(design: Design, found: Problem) -> Comparison:
    """Fit a replicate both ways and compare.

    >>> design = Design("poisson", 2, 100)
    >>> seen = opinion_on(design, problem(design, 14))
    >>> seen.sampling.chains, seen.sampling.draws, list(seen.truth)
    (2, 500, ['weight', 'rate'])
    """
    return second_opinion(
        design.kind(),
        found.data,
        design.k,
        prior=found.prior,
        chains=design.chains,
        draws=design.draws,
        tune=design.tune,
        seed=found.seed,
        truth=found.truth,
        progress=False,
    )


def replicate(design: Design, number: int) -> Record:
    """Return what one replicate shows: its verdict, and the truth among estimates and draws.

    Of every quantity, in label order: truth; mle and se; mean; pit, the share of draws below the
    truth; rank, how many of some independent draws are; and EM's profile intervals. Of the joint
    log-likelihood pit and rank.

    >>> replicate(Design("poisson", 2, 1), 0)
    {'refused': '1 distinct value for 2 components'}
    """
    found = problem(design, number)
    seen = int(np.count_nonzero(found.data.sample.counts))
    if seen < design.k:
        return {"refused": f"{seen} distinct value{'s' * (seen > 1)} for {design.k} components"}
    try:  # such as no zeros, or nothing else: what depends on the data alone leaves ranks uniform
        refuse_inestimable(asked(design.kind(), found.data, design.k, prior=found.prior))
    except Refusal as why:
        return {"refused": str(why)}
    comparison = opinion_on(design, found)
    family, heights = design.kind(), comparison.heights
    kind = structure_for(found.data)
    thin = np.arange(heights.size).reshape(heights.shape)[:, THIN - 1 :: THIN].ravel()
    draws, estimate, errors = (
        from_fields(kind, family, fields)
        for fields in (comparison.draws, comparison.fields, comparison.errors)
    )
    draws = ordered(draws)  # by the rule that ordered the truth
    order = label_order(estimate)
    estimate, errors = permuted(estimate, order), permuted(errors, order)
    rows, wanted = [], ranked(found)
    own = [one.label for one in wanted if one.estimated]
    ends = profiles(design, found, estimate, own) if own else {}
    standard = {one.label: float(picked(errors, one)) for one in parameters(found.truth)}
    for one in wanted:
        truth, each = float(one.of(found.truth)), one.of(draws)
        error = standard.get(one.label, np.nan)
        placed = _placed(truth, each, thin)
        rows.append(
            Ranked(
                one.label,
                truth,
                float(one.of(estimate)),
                error if np.isfinite(error) and error > 0 else None,
                float(each.mean()),
                placed.pit,
                placed.rank,
                ends.get(one.label, []),
                one.estimated,
            )
        )
    alone = {name: field[None] for name, field in fields_of(found.truth).items()}
    height = float(em.log_likelihood(family, found.data, from_fields(kind, family, alone))[0])
    joint = _placed(height, heights.ravel(), thin)
    record = {"parameters": rows, "joint": joint, "among": len(thin)}
    return {**to_builtins(record), **judgement(comparison)}


def profiles(
    design: Design, found: Problem, estimate: Structure, labels: Collection[str]
) -> dict[str, list[tuple[float | None, float | None]]]:
    """Return EM's profile intervals of all levels, by label; empty where there is no maximum.

    estimate: where EM ended, in label order.
    labels: of the parameters to look at.

    >>> design = Design("poisson", 1, 100)
    >>> found = problem(design, 1)
    >>> mean = em.fit(design.kind(), found.data, 1).estimate
    >>> (low, high), *others = profiles(design, found, mean, ["rate[0]"])["rate[0]"]
    >>> bool(low < mean.theta.rate[0] < high), len(others)
    (True, 3)
    """
    fit = em.fitted(asked(design.kind(), found.data, design.k), start=estimate)
    try:
        levels = fit.profiles(LEVELS, only=labels)
    except Refusal:  # a spike or a saddle, of which verdict and findings tell
        return {}
    ends: dict[str, list[tuple[float | None, float | None]]] = {}
    for each in levels:
        for one in each:
            low, high = (end if np.isfinite(end) else None for end in (one.low, one.high))
            ends.setdefault(one.label, []).append((low, high))
    return ends


def _placed(truth: float, draws: Array, thin: Labels) -> Placed:
    """Return where the truth lies among all draws (n,), and among those at some places."""
    return Placed(float((draws < truth).mean()), int((draws[thin] < truth).sum()))
