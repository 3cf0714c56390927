"""Faults on Bayes' side: of a user's sampler, whose draws are adopted, and of our own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bayes.posterior.tree import posterior_of
from faults import bayes_slips as slips
from faults import chains
from faults.bayes_slips import adopted, changed, instead, renamed
from faults.em_faults import QUESTION, some
from faults.fault import (
    CLOSE,
    COINS,
    LINE,
    PLANE,
    RARE,
    RATES,
    REFUSED,
    THREE,
    Answers,
    Case,
    Fault,
    drawn,
)
from models import BinomialPrior, Gaussian, Mixture, MultivariateGaussian, Poisson, Prior, Sample
from models.structure import drawn_at

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from faults.em_slips import Slip
    from faults.fault import Design
    from models.arrays import Array

TARGET = frozenset({"wrong_target"})
SAME = TARGET | QUESTION | {"different_posterior"}
LOST = frozenset({"lost_correlations"})
UNMIXED = frozenset({"unmixed_chains"})
FEW = frozenset({"few_draws", "few_tail_draws", "monte_carlo_noise", *UNMIXED})
APART = frozenset({"other_place", "other_numbers", "other_spread"})
OTHER = 1_000  # added to a seed for data that are not the case's


def beside(make: Callable[[Case], xr.DataTree]) -> Callable[[Case], Answers]:
    """Return what puts a faulty posterior beside the right estimate."""
    return lambda case: Answers(case.fit, make(case))


def user(
    name: str,
    design: Design,
    make: Callable[[Case], xr.DataTree],
    codes: frozenset[str] = TARGET,
    also: str = "",
) -> Fault:
    return Fault(f"{name}, in a user's code", "Bayes", design, beside(make), codes, beside=also)


def again(case: Case) -> xr.DataTree:
    return drawn(case.family, case.sample, case.k, case.seed)


def ours(name: str, design: Design, slip: Slip, codes: frozenset[str] = SAME) -> Fault:
    return Fault(f"{name}, in ours", "Bayes", design, beside(again), codes, slip)


def simply(
    name: str,
    design: Design,
    make: Callable[[Case], xr.DataTree],
    codes: frozenset[str],
    also: str = "",
) -> Fault:
    """Return a fault that is the same whoever makes it."""
    return Fault(name, "Bayes", design, beside(make), codes, beside=also)


def without_jacobian(case: Case) -> xr.DataTree:
    with slips.jacobian_in_sampler():
        return again(case)


def off_simplex(case: Case) -> xr.DataTree:
    weight, theta = case.draws
    return adopted(case, Mixture(weight * 1.03, theta))


def recounted(case: Case, times: Callable[[Array], Array]) -> xr.DataTree:
    sample = case.sample
    return instead(case, Sample(sample.x, sample.trials, times(sample.counts)))


def tempered(case: Case) -> xr.DataTree:
    with slips.tempered():
        draws = posterior_of(again(case)).draws
    return adopted(case, draws)


def held(case: Case, told: float, used: float) -> xr.DataTree:
    """Return draws under another number of heads and tails not seen than told."""
    prior = [Prior(0.0, BinomialPrior(one, one)) for one in (told, used)]
    found = posterior_of(drawn(case.family, case.sample, case.k, case.seed, prior[1])).draws
    return adopted(case, found, prior=prior[0])


def under(case: Case, **record: float) -> xr.DataTree:
    prior = case.prior
    return instead(case, prior=prior._replace(theta=prior.theta._replace(**record)))


def cut(case: Case) -> xr.DataTree:
    flips = np.minimum(case.sample.trials, 25)
    return instead(case, Sample(np.minimum(case.sample.x, flips), flips, case.sample.counts))


def shuffled(case: Case) -> xr.DataTree:
    sample = case.sample
    heads = np.random.default_rng(case.seed).permutation(sample.x)
    return instead(case, Sample(np.minimum(heads, sample.trials), sample.trials, sample.counts))


def torn(case: Case) -> xr.DataTree:
    """Return draws of data whose second column is that of other rows."""
    first, second = case.sample.x.T
    second = np.random.default_rng(case.seed).permutation(second)
    return instead(case, Sample(np.column_stack([first, second])))


def other_file(case: Case) -> xr.DataTree:
    """Return a posterior of other data, said to be of the right ones."""
    found = drawn(case.family, case.design.sample(case.seed + OTHER), case.k, case.seed).copy()
    for name in ("constant_data", "observed_data"):
        found[name] = case.posterior[name]
    return found


def independent(case: Case) -> xr.DataTree:
    """Return draws whose parameters were drawn one by one."""
    rng, n = np.random.default_rng(case.seed), len(case.draws.weight)
    weight, theta = drawn_at(case.draws, rng.permutation(n))
    columns = [np.stack([rng.permutation(one) for one in field.T], axis=1) for field in theta]
    return adopted(case, Mixture(weight, case.family(*columns)))


def scaled(case: Case, by: float) -> xr.DataTree:
    def around(field: Array) -> Array:
        return field.mean(axis=0) + by * (field - field.mean(axis=0))

    return adopted(case, changed(case.draws, around))


def moved(case: Case, by: float) -> xr.DataTree:
    """Return draws of which every field lies some of its sds too high."""
    return adopted(case, changed(case.draws, lambda field: field + by * field.std(axis=0)))


def standardised(case: Case) -> xr.DataTree:
    mean, sd = case.sample.x.mean(), case.sample.x.std()
    weight, theta = case.draws
    return adopted(case, Mixture(weight, Gaussian((theta.mean - mean) / sd, theta.sd / sd)))


def equal_shares(case: Case) -> xr.DataTree:
    weight, theta = case.draws
    return adopted(case, Mixture(np.full_like(weight, 1 / case.k), theta))


def crossed(case: Case) -> xr.DataTree:
    weight, theta = case.draws
    return adopted(case, Mixture(weight[:, ::-1].copy(), theta))


def precision(case: Case) -> xr.DataTree:
    weight, theta = case.draws
    return adopted(
        case, Mixture(weight, MultivariateGaussian(theta.mean, np.linalg.inv(theta.cov)))
    )


def log_rate(case: Case) -> xr.DataTree:
    weight, theta = case.draws
    return adopted(case, Mixture(weight, Poisson(np.log(theta.rate))))


def variance_untold(case: Case) -> xr.DataTree:
    weight, theta = case.draws
    mixture = Mixture(weight, theta._replace(sd=theta.sd**2))
    return adopted(case, mixture, prior_known=False)


BAYES_FAULTS = (
    user("prior ten times too narrow", COINS, partial(held, told=0.0, used=147.0)),
    ours("prior ten times too narrow", COINS, slips.narrow_prior),
    user("missing Jacobian", RARE, without_jacobian),
    ours("missing Jacobian", RARE, slips.jacobian_everywhere),
    user("weights not summing to one", LINE, off_simplex, frozenset({REFUSED})),
    ours("weights not summing to one", LINE, slips.off_simplex, SAME | {REFUSED}),
    user("log-likelihood counted twice", LINE, partial(recounted, times=lambda one: 2 * one)),
    ours("log-likelihood counted twice", LINE, slips.twice),
    user("counts ignored", RATES, partial(recounted, times=np.ones_like)),
    ours("counts ignored", RATES, slips.uncounted),
    simply("a chain stuck in one mode", THREE, chains.one_stuck, UNMIXED),
    simply("all chains stuck in one mode", THREE, chains.all_stuck, TARGET | {"several_modes"}),
    simply("labels unaligned", THREE, chains.unaligned, UNMIXED | {"other_numbers"}),
    simply(
        "too few draws",
        LINE,
        lambda case: drawn(case.family, case.sample, case.k, case.seed, draws=25),
        FEW,
    ),
    simply("thinning that hides divergences", LINE, chains.without_edge, TARGET),
    user("truncated trials", COINS, cut),
    ours("truncated trials", COINS, slips.cut_trials),
    user("variance for sd", LINE, lambda case: renamed(case, sd=case.draws.theta.sd**2)),
    user("precision for sd", LINE, lambda case: renamed(case, sd=case.draws.theta.sd**-2)),
    user("sd for variance", LINE, lambda case: renamed(case, sd=case.draws.theta.sd**0.5)),
    user("precision for covariance", PLANE, precision),
    user("variance for sd, prior unknown", LINE, variance_untold, APART),
    user(
        "a wrong data column",
        LINE,
        lambda case: instead(case, case.design.sample(case.seed + OTHER)),
    ),
    user("a column of other rows", PLANE, torn),
    simply("a file of draws of other data", LINE, other_file, QUESTION),
    user("the end of the file missing", LINE, lambda case: instead(case, some(case))),
    user("heads beside other rows' trials", COINS, shuffled),
    ours("heads beside other rows' trials", COINS, slips.shuffled_heads),
    user("temperature 2", LINE, tempered),
    ours("temperature 2", LINE, slips.tempered),
    user("prior counted twice", COINS, partial(held, told=40.0, used=80.0)),
    user("prior's degrees of freedom wrong", LINE, partial(under, degrees=30.0)),
    ours("prior's degrees of freedom wrong", LINE, slips.many_degrees),
    user(
        "prior's exposure wrong",
        RATES,
        lambda case: under(case, exposure=100 * case.prior.theta.exposure),
    ),
    user("mean-field: correlations lost", CLOSE, independent, LOST, "the correlations"),
    user("draws shrunk to 0.8 of their spread", LINE, partial(scaled, by=0.8)),
    user("draws shrunk to 0.88 of their spread", LINE, partial(scaled, by=0.88)),
    user("draws 0.3 sd off", LINE, partial(moved, by=0.3)),
    user("draws 0.12 sd off", LINE, partial(moved, by=0.12)),
    simply(
        "no warm-up",
        THREE,
        lambda case: drawn(case.family, case.sample, case.k, case.seed, tune=1),
        FEW | TARGET,
    ),
    simply("one chain copied four times", LINE, chains.copied, frozenset({"copied_chains"})),
    user("likeliest draws kept", LINE, chains.likeliest),
    user("standardised on one side only", LINE, standardised),
    user("log rate for the rate", RATES, log_rate),
    user("shares held equal", LINE, equal_shares),
    user("shares in reverse of the means", LINE, crossed),
)
