"""Measurements with heavy tails: the maximum, given degrees of freedom, the edge, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from recovery import fits_to, recovered
from scipy import optimize, stats

import em
from models import (
    Gaussian,
    GaussianPrior,
    Independent,
    Mixture,
    Poisson,
    Prior,
    Sample,
    StudentT,
    StudentTPrior,
)

TRUTH = Mixture(
    np.array([0.4, 0.6]),
    StudentT(np.array([0.0, 20.0]), np.array([1.0, 2.0]), np.array([3.0, 5.0])),
)
GIVEN = Mixture(TRUTH.weight, StudentT.with_df(4)(*TRUTH.theta[:2]))


@pytest.mark.parametrize("df", [0.7, 2.0, 8.0])
def test_one_component_is_the_maximum_that_an_optimiser_finds(df):
    x = 170 + 7 * np.random.default_rng(1).standard_t(df, 600)
    found = em.fit(StudentT, Sample(x), 1)

    def lacking(at: np.ndarray) -> float:
        return -float(stats.t.logpdf(x, np.exp(at[2]), at[0], np.exp(at[1])).sum())

    begin, options = [np.median(x), 2.0, 1.0], {"maxiter": 4_000, "maxfev": 4_000}
    theirs = optimize.minimize(lacking, begin, method="Nelder-Mead", tol=1e-12, options=options)
    mean, sd, df_found = (field[0] for field in found.estimate.theta)
    at = np.array([mean, np.log(sd), np.log(df_found)])
    np.testing.assert_allclose(at, theirs.x, atol=1e-4)
    assert found.log_likelihood == pytest.approx(-theirs.fun, rel=1e-11)
    # negative control: a hundredth off, the likelihood is lower
    assert lacking(at + np.array([0, 0, 2e-2])) - theirs.fun > 1e-4


@pytest.mark.parametrize("df", [1, 4, 60.5])
def test_given_degrees_of_freedom_are_held(df, rng):
    x = 3 + 2 * rng(2).standard_t(4, 500)
    found = em.fit(StudentT.with_df(df), Sample(x), 1)

    def lacking(at: np.ndarray) -> float:
        return -float(stats.t.logpdf(x, df, at[0], np.exp(at[1])).sum())

    theirs = optimize.minimize(lacking, [3.0, 1.0], method="Nelder-Mead", tol=1e-12)
    at = np.array([found.estimate.theta.mean[0], np.log(found.estimate.theta.sd[0])])
    np.testing.assert_allclose(at, theirs.x, atol=1e-6)
    assert found.charged == 2
    free = em.fit(StudentT, Sample(x), 1)
    assert free.charged == 3
    assert found.log_likelihood < free.log_likelihood


def test_free_degrees_of_freedom_at_a_number_are_the_given_ones(rng):
    """The two families are one at that number."""
    x = rng(3).standard_t(4, 400)
    free = em.fit(StudentT, Sample(x), 1)
    held = em.fit(StudentT.with_df(float(free.estimate.theta.df[0])), Sample(x), 1)
    assert held.log_likelihood == pytest.approx(free.log_likelihood, rel=1e-12)
    for ours, theirs in zip(held.estimate.theta, free.estimate.theta, strict=False):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_light_tails_run_to_the_edge_which_is_named(rng):
    x = rng(4).uniform(0, 1, 300)
    found = em.fit(StudentT, Sample(x), 1)
    assert found.estimate.theta.df[0] == pytest.approx(1e6)
    assert np.isnan(found.standard_errors.theta.df[0])
    assert found.notes == (
        "df[1] grows without bound, at the edge of its possible values: it has no standard error",
    )
    assert StudentT.layout()["df"].limit == "gaussian"
    plain = em.fit(Gaussian, Sample(x), 1)
    assert found.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-3)
    np.testing.assert_allclose(found.estimate.theta.sd, plain.estimate.theta.sd, rtol=1e-5)
    # negative control: heavy tails have their degrees of freedom
    heavy = em.fit(StudentT, Sample(rng(4).standard_t(3, 300)), 1)
    assert heavy.estimate.theta.df[0] < 10
    assert not heavy.notes


@pytest.mark.parametrize("truth", [TRUTH, GIVEN], ids=["free", "given"])
def test_ten_seeds_recover_the_truth_and_no_other(truth):
    found = list(fits_to(truth))
    assert all(recovered(one, truth) for one in found)
    others = [{"sd": np.array([1.0, 3.0])}]
    if truth is TRUTH:
        others.append({"df": np.array([3.0, 20.0])})
    for other in others:
        wrong = truth._replace(theta=truth.theta._replace(**other))
        assert not any(recovered(one, wrong) for one in found)


def mode(x: np.ndarray, df: float, prior: GaussianPrior | None) -> float:
    """Return log sd at the mode of the posterior of mean and log sd, or of the likelihood."""

    def lacking(at: np.ndarray) -> float:
        mean, log_sd = at
        found = stats.t.logpdf(x, df, mean, np.exp(log_sd)).sum()
        if prior is not None:
            away = prior.squares + prior.n * (mean - prior.mean) ** 2
            found -= (prior.degrees + 1) * log_sd + away / 2 * np.exp(-2 * log_sd)
        return -float(found)

    return float(optimize.minimize(lacking, [np.median(x), 0.0], method="Nelder-Mead").x[1])


@pytest.mark.parametrize("df", [2, 4, 30, None])
def test_the_weak_prior_pulls_little(df, rng):
    """By 0.4 standard errors of 60 rows on average, whatever the tails; 0.27 are a Gaussian's."""
    pulls, plain = [], []
    for seed in range(20):
        draw = rng(seed)
        if df is None:  # contaminated
            x = np.where(draw.random(60) < 0.05, 100, 1) * draw.normal(size=60)
        else:
            x = draw.standard_t(df, 60)
        held = df or 4.0
        best, se = mode(x, held, None), np.sqrt((held + 3) / (2 * held * 60))
        pulls.append((mode(x, held, StudentT.with_df(held).weak_prior(Sample(x), 1)) - best) / se)
        plain.append((mode(x, held, Gaussian.weak_prior(Sample(x), 1)) - best) / se)
    assert abs(np.mean(pulls)) < 0.4
    # negative control: a prior of the variance pulls to it
    assert df is not None or np.mean(plain) > 5


@pytest.mark.parametrize("family", [StudentT, StudentT.with_df(4)])
@pytest.mark.parametrize("far", [1700.0, 1e9])
def test_one_outlier_does_not_decide_the_prior(family, far, rng):
    x = np.append(rng(8).normal(170, 7, 199), far)
    sample = Sample(x)
    best = em.fit(family, sample, 1)
    held = em.fit(family, sample, 1, prior=Prior(0.0, family.weak_prior(sample, 1)))
    se = best.standard_errors.theta.sd[0]
    assert abs(held.estimate.theta.sd[0] - best.estimate.theta.sd[0]) < 0.5 * se
    # negative control: that of the variance does
    theirs = Gaussian.weak_prior(sample, 1)
    prior = theirs if family is not StudentT else StudentTPrior(*theirs, df=10.0, df_factor=4.0)
    pulled = em.fit(family, sample, 1, prior=Prior(0.0, prior))
    assert pulled.estimate.theta.sd[0] - best.estimate.theta.sd[0] > 5 * se


@pytest.mark.parametrize("far", [1e6, 1e11, 1e30])
def test_an_outlier_however_far_leaves_the_others_their_spread(far, rng):
    x = rng(1).normal(size=200)
    family = StudentT.with_df(4)
    found = em.fit(family, Sample(np.append(x, far)), 1)
    plain = em.fit(family, Sample(np.append(x, 1e3)), 1)
    assert not found.notes
    for one, other in zip(found.estimate.theta, plain.estimate.theta, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)
    # negative control: half of the observations in one place have no width that is measured
    assert em.fit(family, Sample(np.append(np.full(200, 5.0), far)), 1).notes


def test_the_weak_prior_has_the_unit_of_the_data(rng):
    x = rng(9).standard_t(2, 101)
    prior = StudentT.weak_prior(Sample(x), 2)
    moved = StudentT.weak_prior(Sample(1e3 * x + 5e3), 2)
    np.testing.assert_allclose(moved, prior.affine(np.array([1e3]), np.array([5e3])), rtol=1e-9)
    assert StudentT.with_df(4).weak_prior(Sample(x), 2) == GaussianPrior(*prior[:4])
    both = Independent(Poisson, StudentT)
    joint = both.weak_prior(Sample(np.column_stack([np.arange(101), x])), 2)
    assert tuple(joint)[2:] == tuple(prior)
    counted = StudentT.weak_prior(Sample(x, counts=np.arange(1, 102)), 2)
    assert counted == StudentT.weak_prior(Sample(np.repeat(x, np.arange(1, 102))), 2)


def test_the_weak_prior_takes_the_variance_where_half_of_the_values_are_one_number():
    x = Sample([5.0, 5.0, 5.0, 5.0, 5.0, 4.0, 9.0])
    assert StudentT.with_df(4).weak_prior(x, 1) == Gaussian.weak_prior(x, 1)
    with pytest.raises(ValueError, match="the weak prior needs the spread"):
        StudentT.weak_prior(Sample([5.0, 5.0]), 1)


def test_what_is_wrong_is_named():
    two = Sample([3.0, 4.0])
    with pytest.raises(ValueError, match=r"^df is \[0.0\]; give numbers above 0$"):
        em.fit(StudentT, two, 1, start=Mixture([1.0], StudentT([1.0], [1.0], [0.0])))
    family = StudentT.with_df(4)
    with pytest.raises(ValueError, match=r"^sd is \[-1.0\]; give numbers above 0$"):
        em.fit(family, two, 1, start=Mixture([1.0], family([1.0], [-1.0])))
    with pytest.raises(ValueError, match="x is a table of 2 columns; give one column"):
        em.fit(StudentT, Sample([[3.0, 1.0]]), 1)
    with pytest.raises(ValueError, match=r"^prior: df_factor is 1; give a factor above 1$"):
        StudentTPrior(0, 1, 1, 3, 10, 1).checked(two)
    with pytest.raises(ValueError, match=r"^prior: df is 0; give a number above 0$"):
        StudentTPrior(0, 1, 1, 3, 0, 2).checked(two)
    for df, said in ((0, "^df is 0; give a number above 0$"), ("four", "^df is 'four'; give num")):
        with pytest.raises(ValueError, match=said):
            StudentT.with_df(df)
    with pytest.raises(ValueError, match=r"^df is inf"):
        StudentT.with_df(np.inf)
