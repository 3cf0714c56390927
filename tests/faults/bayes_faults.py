"""Faults on Bayes' side: of a user's sampler, whose draws are adopted, and of our own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bayes.posterior.tree import posterior_of
from faults import bayes_slips as slips
from faults import mcmc_chains as chains
from faults.bayes_slips import adopted, changed, instead, renamed
from faults.em_faults import QUESTION, SHARES, SQUARED, SUM, some
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
PRIOR = frozenset({"wrong_prior"})
BELIEF = "another prior"  # kinds of faults that have several names
PRECISION = "precision for a width"
FOREIGN = "the posterior of other data"
NARROW = "draws too narrow"
OFFSET = "draws shifted"
OTHER = 1_000  # added to a seed for data that are not the case's


def beside(make: Callable[[Case], xr.DataTree]) -> Callable[[Case], Answers]:
    """Return what puts a faulty posterior beside the right estimate."""
    return lambda case: Answers(case.fit, make(case))


def by_user(
    kind: str,
    name: str,
    design: Design,
    make: Callable[[Case], xr.DataTree],
    codes: frozenset[str] = TARGET,
    *,
    also: str = "",
    of: str = "",
) -> Fault:
    """Return a fault in a user's sampler of a structure, such as `chain: `."""
    named = f"{kind}{name}, in a user's code"
    return Fault(named, "Bayes", design, beside(make), codes, beside=also, of=of)


def in_ours(
    kind: str,
    name: str,
    design: Design,
    slip: Slip,
    codes: frozenset[str] = SAME,
    *,
    of: str = "",
) -> Fault:
    """Return a fault in our own sampler of a structure."""
    return Fault(f"{kind}{name}, in ours", "Bayes", design, beside(again), codes, slip, of=of)


def user(
    name: str,
    design: Design,
    make: Callable[[Case], xr.DataTree],
    *codes: str,
    also: str = "",
    of: str = "",
) -> Fault:
    return by_user("", name, design, make, frozenset(codes), also=also, of=of)


def again(case: Case) -> xr.DataTree:
    return drawn(case.family, case.sample, case.k, case.seed, draws=case.design.draws)


def ours(name: str, design: Design, slip: Slip, *codes: str, of: str = "") -> Fault:
    return in_ours("", name, design, slip, frozenset(codes), of=of)


def simply(name: str, design: Design, make: Callable[[Case], xr.DataTree], *codes: str) -> Fault:
    """Return a fault that is the same whoever makes it."""
    return Fault(name, "Bayes", design, beside(make), frozenset(codes))


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
    user(
        "prior ten times too narrow", COINS, partial(held, told=0.0, used=147.0), *PRIOR, of=BELIEF
    ),
    ours("prior ten times too narrow", COINS, slips.narrow_prior, *PRIOR, of=BELIEF),
    user("missing Jacobian", RARE, without_jacobian, "no_jacobian"),
    ours("missing Jacobian", RARE, slips.jacobian_everywhere, "no_jacobian"),
    user("weights not summing to one", LINE, off_simplex, REFUSED, of=SUM),
    ours("weights not summing to one", LINE, slips.off_simplex, REFUSED, of=SUM),
    user(
        "log-likelihood counted twice",
        LINE,
        partial(recounted, times=lambda one: 2 * one),
        "counted_twice",
    ),
    ours("log-likelihood counted twice", LINE, slips.twice, "counted_twice"),
    user("counts ignored", RATES, partial(recounted, times=np.ones_like), "counts_ignored"),
    ours("counts ignored", RATES, slips.uncounted, "counts_ignored"),
    simply("a chain stuck in one mode", THREE, chains.one_stuck, "stuck_chain"),
    simply("all chains stuck in one mode", THREE, chains.all_stuck, *TARGET, "several_modes"),
    simply("labels unaligned", THREE, chains.unaligned, "unaligned_labels"),
    simply(
        "too few draws",
        LINE,
        lambda case: drawn(case.family, case.sample, case.k, case.seed, draws=25),
        "few_draws",
    ),
    simply("thinning that hides divergences", LINE, chains.without_edge, "cut_draws"),
    user("truncated trials", COINS, cut, "truncated_trials"),
    ours("truncated trials", COINS, slips.cut_trials, "truncated_trials"),
    user(
        "variance for sd",
        LINE,
        lambda case: renamed(case, sd=case.draws.theta.sd**2),
        "squared",
    ),
    user(
        "precision for sd",
        LINE,
        lambda case: renamed(case, sd=case.draws.theta.sd**-2),
        "reciprocal",
        of=PRECISION,
    ),
    user(
        "sd for variance",
        LINE,
        lambda case: renamed(case, sd=case.draws.theta.sd**0.5),
        "root",
    ),
    user("precision for covariance", PLANE, precision, "reciprocal", of=PRECISION),
    user("variance for sd, prior unknown", LINE, variance_untold, "squared", of=SQUARED),
    user(
        "a wrong data column",
        LINE,
        lambda case: instead(case, case.design.sample(case.seed + OTHER)),
        *TARGET,
        of=FOREIGN,
    ),
    user("a column of other rows", PLANE, torn, *TARGET, of=FOREIGN),
    simply("a file of draws of other data", LINE, other_file, "foreign_draws"),
    user(
        "the end of the file missing",
        LINE,
        lambda case: instead(case, some(case)),
        *TARGET,
        of=FOREIGN,
    ),
    user("heads beside other rows' trials", COINS, shuffled, *TARGET, of=FOREIGN),
    ours("heads beside other rows' trials", COINS, slips.shuffled_heads, *SAME, of=FOREIGN),
    user("temperature 2", LINE, tempered, "tempered"),
    ours("temperature 2", LINE, slips.tempered, "tempered"),
    user("prior counted twice", COINS, partial(held, told=40.0, used=80.0), *PRIOR, of=BELIEF),
    user("prior's degrees of freedom wrong", LINE, partial(under, degrees=30.0), *PRIOR, of=BELIEF),
    ours("prior's degrees of freedom wrong", LINE, slips.many_degrees, *PRIOR, of=BELIEF),
    user(
        "prior's exposure wrong",
        RATES,
        lambda case: under(case, exposure=100 * case.prior.theta.exposure),
        *PRIOR,
        of=BELIEF,
    ),
    user("mean-field: correlations lost", CLOSE, independent, *LOST, also="the correlations"),
    user(
        "draws shrunk to 0.8 of their spread",
        LINE,
        partial(scaled, by=0.8),
        "narrow_draws",
        of=NARROW,
    ),
    user(
        "draws shrunk to 0.88 of their spread",
        LINE,
        partial(scaled, by=0.88),
        "narrow_draws",
        of=NARROW,
    ),
    user("draws 0.3 sd off", LINE, partial(moved, by=0.3), "shifted_draws", of=OFFSET),
    user("draws 0.12 sd off", LINE, partial(moved, by=0.12), "shifted_draws", of=OFFSET),
    simply(
        "no warm-up",
        THREE,
        lambda case: drawn(case.family, case.sample, case.k, case.seed, tune=1),
        "no_warm_up",
    ),
    simply("one chain copied four times", LINE, chains.copied, "copied_chains"),
    user("likeliest draws kept", LINE, chains.likeliest, "likeliest_draws"),
    user("standardised on one side only", LINE, standardised, "standardised"),
    user("log rate for the rate", RATES, log_rate, "logarithm"),
    user("shares held equal", LINE, equal_shares, "equal_shares"),
    user("shares in reverse of the means", LINE, crossed, "swapped_shares", of=SHARES),
)
