"""Faults on EM's side: of a user's program, which hands in a mixture, and of our own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

import em
from comparisons.thresholds import STOPPED
from faults import em_slips as slips
from faults.fault import (
    CLOSE,
    COINS,
    DESCENT,
    FAR,
    LINE,
    LONG,
    PLANE,
    RATES,
    REFUSED,
    ROUNDED,
    SMALL,
    THREE,
    Answers,
    Case,
    Fault,
)
from models import BinomialPrior, Gaussian, Mixture, MultivariateGaussian, Prior, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from faults.em_slips import Slip
    from faults.fault import Design

LONG_ENOUGH = 150  # steps of a plain EM after which it rests, wherever its slip makes it rest
OFF = frozenset({"not_at_maximum", "local_optimum"})
DOWN = OFF | {DESCENT}
QUESTION = frozenset({"different_question"})
WRONG = OFF | {"stopped_early"}  # a program of its own rests beside the maximum
BROKEN = QUESTION | {DESCENT}  # an M-step that does not fit its E-step may also lead down
DATA = frozenset({"different_data"})
SQUARED = "variance for sd"  # kinds of faults that have several names
SUM = "shares that do not sum to one"
COUNTS = "counts ignored"
SHARES = "shares in another order"
EARLY = "EM stopped early"
TOLERANCE = 1e-3  # scikit-learn's, of the mean log-likelihood


def fitted(case: Case, sample: Sample | None = None, **options: object) -> em.Fit:
    """Fit the case's sample, or another."""
    return em.fit(case.family, case.sample if sample is None else sample, case.k, **options)


def resting(case: Case, slip: Slip) -> Mixture:
    """Return where a plain EM with a slip comes to rest; no one checks that it ascends."""
    with slip(), slips.unchecked():
        return fitted(
            case,
            start=case.fit.mixture,
            accelerate=False,
            tolerance=0,
            max_steps=LONG_ENOUGH,
        ).mixture


def climbing(case: Case, steps: int) -> em.Fit:
    """Return a plain EM after some steps from the quantiles."""
    return fitted(case, starts=1, accelerate=False, tolerance=0, max_steps=steps)


def given(make: Callable[[Case], em.Fit | Mixture]) -> Callable[[Case], Answers]:
    """Return what puts a faulty estimate beside the right posterior."""
    return lambda case: Answers(make(case), case.posterior)


def by_user(
    kind: str,
    name: str,
    design: Design,
    make: Callable[[Case], object],
    codes: frozenset[str] = WRONG,
    *,
    beside: str = "",
    of: str = "",
) -> Fault:
    """Return a fault in a user's program of a structure, such as `chain: `."""
    named = f"{kind}{name}, in a user's code"
    return Fault(named, "EM", design, given(make), codes, beside=beside, of=of)


def in_ours(
    kind: str,
    name: str,
    design: Design,
    slip: Slip,
    codes: frozenset[str] = DOWN | QUESTION,
    *,
    beside: str = "",
    of: str = "",
) -> Fault:
    """Return a fault in our own EM of a structure."""
    named, whole = f"{kind}{name}, in ours", slips.together(slip, slips.in_numpy)
    return Fault(named, "EM", design, given(fitted), codes, whole, beside, of)


def user(
    name: str,
    design: Design,
    make: Callable[[Case], em.Fit | Mixture],
    *codes: str,
    beside: str = "",
    of: str = "",
) -> Fault:
    return by_user("", name, design, make, frozenset(codes), beside=beside, of=of)


def ours(
    name: str, design: Design, slip: Slip, *codes: str, beside: str = "", of: str = ""
) -> Fault:
    """Return a fault in our own EM, which often cannot climb with it."""
    return in_ours("", name, design, slip, frozenset(codes), beside=beside, of=of)


def short(case: Case) -> Mixture:
    """Return where EM is one step before all steps that matter are taken."""
    trace = climbing(case, LONG_ENOUGH).trace
    left = np.sqrt(2 * np.maximum(trace[-1] - trace, 0))
    return climbing(case, max(int(np.argmax(left <= STOPPED)) - 1, 0)).mixture


def loose(case: Case) -> Mixture:
    """Return where scikit-learn's tolerance stops."""
    gains = np.diff(climbing(case, LONG_ENOUGH).trace) / case.sample.observations
    return climbing(case, int(np.argmax(gains < TOLERANCE)) + 1).mixture


def stale(case: Case) -> Mixture:
    """Return ten steps with the responsibilities of the step before."""
    with slips.stale(), slips.unchecked():
        return climbing(case, 10).mixture


def astray(case: Case) -> em.Fit:
    """Return the optimum with two components in one group and one for the two others."""
    start = Gaussian(np.array([-0.7, 0.7, 12.0]), np.array([0.8, 0.8, 4.2]))
    return fitted(case, start=Mixture(np.array([0.2, 0.2, 0.6]), start))


def reversed_shares(case: Case) -> Mixture:
    return Mixture(case.fit.mixture.weight[::-1].copy(), case.fit.mixture.theta)


def reversed_widths(case: Case) -> Mixture:
    weight, theta = case.fit.mixture
    return Mixture(weight, Gaussian(theta.mean, theta.sd[::-1].copy()))


def squared(case: Case) -> Mixture:
    weight, theta = case.fit.mixture
    return Mixture(weight, Gaussian(theta.mean, theta.sd**2))


def by_rows(case: Case) -> Mixture:
    """Return shares divided by the distinct rows in place of the observations."""
    weight, theta = case.fit.mixture
    return Mixture(weight * case.sample.observations / case.sample.distinct, theta)


def without_counts(case: Case) -> Mixture:
    return fitted(case, Sample(case.sample.x, case.sample.trials)).mixture


def equal_flips(case: Case) -> Mixture:
    sample = case.sample
    assert sample.trials is not None
    return fitted(case, Sample(sample.x, sample.trials.max(), sample.counts)).mixture


def one_covariance(case: Case) -> Mixture:
    fit = em.fit(MultivariateGaussian.with_covariance("tied"), case.sample, case.k)
    return Mixture(fit.mixture.weight, MultivariateGaussian(*fit.mixture.theta))


def turned(case: Case) -> Mixture:
    """Return L' L in place of L L'."""
    weight, theta = case.fit.mixture
    root = np.linalg.cholesky(theta.cov)
    return Mixture(weight, MultivariateGaussian(theta.mean, root.transpose(0, 2, 1) @ root))


def in_single_precision(case: Case) -> Mixture:
    """Return the last M-step with float32 sums."""
    x, share = case.sample.x.astype(np.float32), case.fit.responsibilities(case.sample)
    share = share.astype(np.float32)
    n = share.sum(axis=0)
    mean = (share * x[:, None]).sum(axis=0) / n
    square = (share * (x[:, None] - mean) ** 2).sum(axis=0) / n
    return Mixture(
        case.fit.mixture.weight,
        Gaussian(mean.astype(np.float64), np.sqrt(square).astype(np.float64)),
    )


def some(case: Case) -> Sample:
    """Return nine observations of ten: the end of the file is missing."""
    rows = np.random.default_rng(case.seed).permutation(case.sample.distinct)
    return case.sample.pick(np.sort(rows[: len(rows) * 9 // 10]))


def held(case: Case) -> Mixture:
    """Return the maximum under a prior that the posterior does not know."""
    return fitted(case, prior=Prior(20.0, BinomialPrior(40.0, 40.0))).mixture


def claiming(change: Callable[[em.Fit], float]) -> Callable[[Case], em.Fit]:
    """Return EM's estimate with another log-likelihood than its own."""
    return lambda case: replace(case.fit, log_likelihood=change(case.fit))


def unknown_ways(case: Case) -> em.Fit:
    with slips.coefficientless():
        return fitted(case)


EM_FAULTS = (
    user("n - 1 for n", SMALL, lambda case: resting(case, slips.minus_one), "n_minus_one"),
    ours("n - 1 for n", SMALL, slips.minus_one, *DOWN),
    user("sd for variance", LINE, squared, "squared", of=SQUARED),
    ours("sd for variance", LINE, slips.variance_for_sd, *DOWN, of=SQUARED),
    user("weights not renormalised", ROUNDED, by_rows, REFUSED, of=SUM),
    ours("weights not renormalised", ROUNDED, slips.unnormalised, REFUSED, of=SUM),
    user(
        "small responsibilities dropped",
        CLOSE,
        lambda case: resting(case, slips.dropped),
        "memberships_dropped",
    ),
    ours("small responsibilities dropped", CLOSE, slips.dropped, *DOWN),
    user(
        "missing binomial coefficient",
        COINS,
        unknown_ways,
        "constant_missing",
        beside="the log-likelihood",
    ),
    ours(
        "missing binomial coefficient",
        COINS,
        slips.coefficientless,
        "constant_missing",
        beside="the log-likelihood",
    ),
    user("responsibilities from the previous step", CLOSE, stale, "stopped_early", of=EARLY),
    ours("responsibilities from the previous step", CLOSE, slips.stale, *DOWN),
    user("M-step ignores counts", ROUNDED, without_counts, "counts_ignored", of=COUNTS),
    ours("M-step ignores counts", ROUNDED, slips.uncounted, *DOWN, of=COUNTS),
    user("trials taken as constant", COINS, equal_flips, "constant_trials"),
    ours("trials taken as constant", COINS, slips.one_number_of_flips, "constant_trials"),
    user("stop at scikit-learn's tolerance", CLOSE, loose, "stopped_early", of=EARLY),
    Fault(
        "stop at scikit-learn's tolerance, in ours",
        "EM",
        CLOSE,
        given(lambda case: fitted(case, starts=1, accelerate=False)),
        frozenset({"stopped_early"}),
        slips.early(CLOSE.n),
        of=EARLY,
    ),
    user("one step short", THREE, short, "stopped_early", of=EARLY),
    user("wrong optimum", THREE, astray, "local_optimum"),
    ours(
        "wrong optimum: the lowest is kept",
        THREE,
        slips.lowest_wins,
        "local_optimum",
        of="wrong optimum",
    ),
    user(
        "swapped component: shares in reverse", LINE, reversed_shares, "swapped_shares", of=SHARES
    ),
    ours("swapped component: shares in reverse", LINE, slips.swapped, *OFF, *DATA, of=SHARES),
    user("means sorted without their sds", LINE, reversed_widths, "swapped_fields"),
    user(
        "log-sum-exp underflow", LONG, lambda case: resting(case, slips.underflowing), "underflow"
    ),
    ours("log-sum-exp underflow", LONG, slips.underflowing, *QUESTION),
    user("tied for full covariance", PLANE, one_covariance, "tied"),
    ours("tied for full covariance", PLANE, slips.tied, *DOWN),
    user("transposed Cholesky factor", PLANE, turned, "transposed_factor"),
    ours("transposed Cholesky factor", PLANE, slips.transposed, *BROKEN),
    user("float32 accumulation near 1e9", FAR, in_single_precision, "single_precision"),
    ours("float32 accumulation near 1e9", FAR, slips.single_precision, "single_precision"),
    user(
        "E-step without the weights",
        LINE,
        lambda case: resting(case, slips.weightless),
        "weightless",
    ),
    ours("E-step without the weights", LINE, slips.weightless, "weightless"),
    user(
        "M-step divides by n / K",
        LINE,
        lambda case: resting(case, slips.divided_by_components),
        "divided_equally",
    ),
    ours("M-step divides by n / K", LINE, slips.divided_by_components, *DOWN),
    user(
        "shares held equal",
        LINE,
        lambda case: fitted(case, equal_weights=True).mixture,
        "equal_shares",
    ),
    user(
        "hard EM for soft", CLOSE, lambda case: fitted(case, hard=True).mixture, "hard_assignment"
    ),
    user("a floor too high", LINE, lambda case: fitted(case, floor=2.5).mixture, "floor_reached"),
    user(
        "the end of the file missing",
        LINE,
        lambda case: fitted(case, some(case)),
        "wrong_observations",
        of="EM: the end of the file missing",
    ),
    user("the maximum under a prior for the likelihood's", COINS, held, *OFF),
    user(
        "mean log-likelihood for the sum",
        LINE,
        claiming(lambda fit: fit.log_likelihood / fit.observations),
        "mean_log_likelihood",
        beside="the log-likelihood",
    ),
    user(
        "log-likelihood of the previous step",
        CLOSE,
        lambda case: replace(
            climbing(case, 8), log_likelihood=float(climbing(case, 7).log_likelihood)
        ),
        "previous_step",
        beside="the log-likelihood",
    ),
    ours("log rate without the rate", RATES, slips.rateless, *BROKEN),
    ours(
        "memberships of the other component",
        LINE,
        slips.other_rows,
        "other_memberships",
        beside="the memberships",
    ),
    ours(
        "density in other units",
        FAR,
        slips.unscaled_density,
        "other_predictions",
        beside="the density",
    ),
    ours(
        "standard errors as if labels were known",
        CLOSE,
        slips.labels_known,
        "wrong_errors",
        of="wrong standard errors",
    ),
    ours(
        "standard errors too large by the root of 2",
        LINE,
        slips.halved_information,
        "wrong_errors",
        of="wrong standard errors",
    ),
)
