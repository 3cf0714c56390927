"""Counts that spread more than Poisson's: the maximum, the edge where they do not, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from recovery import fits_to, recovered
from scipy import optimize, stats

import em
from em.by_rows import Setting
from em.emission import emission_of
from models import (
    Groups,
    Mixture,
    NegativeBinomial,
    NegativeBinomialPrior,
    Poisson,
    Sample,
    simulate,
)

TRUTH = Mixture(np.array([0.4, 0.6]), NegativeBinomial(np.array([3.0, 25.0]), np.array([2.0, 8.0])))


@pytest.mark.parametrize("size", [0.05, 0.7, 6.0, 40.0])
def test_one_component_is_the_maximum_that_an_optimiser_finds(size):
    x = stats.nbinom.rvs(size, size / (size + 9), size=600, random_state=np.random.default_rng(1))
    found = em.fit(NegativeBinomial, Sample(x), 1)

    def lacking(at: np.ndarray) -> float:
        mean, shape = np.exp(at)
        return -float(stats.nbinom.logpmf(x, shape, shape / (mean + shape)).sum())

    theirs = optimize.minimize(lacking, [np.log(x.mean()), 0.0], method="Nelder-Mead", tol=1e-12)
    at = np.log([found.estimate.theta.mean[0], found.estimate.theta.size[0]])
    np.testing.assert_allclose(at, theirs.x, atol=1e-5)
    assert found.log_likelihood == pytest.approx(-theirs.fun, rel=1e-11)
    # negative control: a hundredth off, the likelihood is lower
    assert lacking(at + np.array([0, 1e-2])) - theirs.fun > 1e-4


def test_the_mean_is_that_of_the_counts_and_so_is_its_error(rng):
    x = rng(2).negative_binomial(3, 0.2, 500)
    found = em.fit(NegativeBinomial, Sample(x), 1)
    (mean,), (size,) = found.estimate.theta
    assert mean == pytest.approx(x.mean(), rel=1e-12)
    error = np.sqrt((mean + mean**2 / size) / len(x))
    assert found.standard_errors.theta.mean[0] == pytest.approx(error, rel=1e-6)


def test_counts_that_spread_less_run_to_the_edge_which_is_named(rng):
    x = rng(3).binomial(20, 0.4, 300)
    found = em.fit(NegativeBinomial, Sample(x), 1)
    assert found.estimate.theta.size[0] == pytest.approx(1e6 * x.mean())
    assert np.isnan(found.standard_errors.theta.size[0])
    assert found.notes == (
        "size[1] grows without bound, at the edge of its possible values: it has no standard error",
    )
    assert NegativeBinomial.layout()["size"].limit == "poisson"
    plain = em.fit(Poisson, Sample(x), 1)
    assert found.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-2)
    # negative control: counts that spread more have a size
    wide = em.fit(NegativeBinomial, Sample(rng(3).negative_binomial(2, 0.2, 300)), 1)
    assert wide.estimate.theta.size[0] < 4
    assert not wide.notes


@pytest.mark.parametrize(("mean", "size"), [(1e6, 5e6), (1e6, 1e7), (1e4, 2e4)])
def test_large_counts_have_a_size_that_is_large_too(mean, size, rng):
    draw = rng(0)
    x = draw.poisson(draw.gamma(size, mean / size, 1_000))
    found = em.fit(NegativeBinomial, Sample(x), 1)
    middle = x.mean()

    def lacking(log_size: float) -> float:
        own = np.exp(log_size)
        return -float(stats.nbinom.logpmf(x, own, own / (own + middle)).sum())

    theirs = optimize.minimize_scalar(lacking, bounds=(5, 20), method="bounded")
    # what scipy subtracts are logarithms of about size log(size), so that it has fewer digits
    assert found.log_likelihood == pytest.approx(-theirs.fun, abs=1e-4)
    assert np.log(found.estimate.theta.size[0]) == pytest.approx(theirs.x, abs=5e-3)
    assert not found.notes
    # negative control: a twentieth of that size is far less likely
    assert lacking(theirs.x - 3) - theirs.fun > 10


@pytest.mark.parametrize("mean", [1e4, 1e6])
def test_the_largest_size_is_a_poisson_at_large_counts_as_well(mean, rng):
    x = rng(5).poisson(mean, 300)
    x = np.round(middle := x.mean()) + np.round((x - middle) * 0.9)  # spreads less than Poisson's
    found, plain = em.fit(NegativeBinomial, Sample(x), 1), em.fit(Poisson, Sample(x), 1)
    assert found.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-3)
    assert [edge.said for edge in found.edges] == ["size[0] grows without bound"]
    theta = found.estimate.theta
    again = em.fit(NegativeBinomial, Sample(x), 1, start=Mixture([1.0], theta))
    assert again.log_likelihood == pytest.approx(found.log_likelihood, abs=1e-6)
    # from beyond the largest size no step falls
    beyond = theta._replace(size=1e4 * theta.size)
    far = em.fit(NegativeBinomial, Sample(x), 1, start=Mixture([1.0], beyond))
    assert far.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-3)
    # negative control: with a size as large as the mean it is no Poisson
    wide = NegativeBinomial(theta.mean, theta.mean)
    less = em.fit(NegativeBinomial, Sample(x), 1, start=Mixture([1.0], wide), max_steps=0)
    assert plain.log_likelihood - less.trace[0] > 30


def test_a_component_of_zeros_alone_is_on_the_edge_and_not_a_crash(rng):
    group, mixed = np.repeat(np.arange(6), 80), TRUTH.theta
    theta = mixed._replace(mean=np.array([2.0, 15.0]), size=np.array([2.0, 5.0]))
    for seed in range(4):
        draw = rng(seed)
        shares = draw.uniform(0.2, 0.8, 6)
        labels = (draw.random(480) < shares[group]).astype(int)
        found = em.fit(NegativeBinomial, Groups(theta.draw(labels, draw, None), group), 2, starts=3)
        assert np.isfinite(found.log_likelihood)
        assert not found.open
    emission = emission_of(NegativeBinomial)
    rows = Sample([0, 1]).part(slice(2))
    none, some = np.array([[5.0, 0.0]]), np.array([[5.0, 1.0]])
    at = emission.best(none, rows, Setting(floor=0.0, k=1))
    assert emission.edges(at).all()
    # negative control: one event among six observations is no edge
    assert not emission.edges(emission.best(some, rows, Setting(floor=0.0, k=1)))[0, 0]


def test_a_component_of_zeros_is_called_zeros_in_excess(rng):
    for seed in range(3):
        draw = rng(seed)
        x = np.where(draw.random(400) < 0.4, 0, draw.negative_binomial(6, 0.4, 400))
        found = em.fit(NegativeBinomial, Sample(x), 2, starts=5)
        said = "zeros in excess; fit them by ZeroInflated(NegativeBinomial) (--zeros) with k = 1"
        assert sum(said in note for note in found.notes) == 1
        assert not any("without bound" in note or "is flat" in note for note in found.notes)
    # negative control: without them none is all but always 0
    plain = em.fit(NegativeBinomial, simulate(TRUTH, 400, rng(4))[0], 2, starts=5)
    assert not any("zeros in excess" in note for note in plain.notes)


def test_ten_seeds_recover_the_truth_and_no_other():
    found = list(fits_to(TRUTH))
    assert all(recovered(one, TRUTH) for one in found)
    wrong = TRUTH._replace(theta=TRUTH.theta._replace(size=np.array([2.0, 20.0])))
    assert not any(recovered(one, wrong) for one in found)


@pytest.mark.parametrize(
    ("x", "said"),
    [
        ([3.0, -1.0], r"x: row 1 \(counted from 0\) is -1, which is below 0; counts start at 0$"),
        ([3.0, 0.5], r"x: row 1 \(counted from 0\) is 0.5, which is not a whole number; give cou"),
        ([[3.0, 1.0]], "x is a table of 2 columns; give one column"),
    ],
)
def test_rows_that_are_no_counts_are_named(x, said):
    with pytest.raises(ValueError, match=said):
        em.fit(NegativeBinomial, Sample(x), 1)


def test_what_is_wrong_is_named():
    start = Mixture([1.0], NegativeBinomial([1.0], [0.0]))
    with pytest.raises(ValueError, match=r"^size is \[0.0\]; give numbers above 0$"):
        em.fit(NegativeBinomial, Sample([3, 4]), 1, start=start)
    for record, said in (
        (NegativeBinomialPrior(1, 1, 3, 4), "^prior: mean_factor is 1; give a factor above 1$"),
        (NegativeBinomialPrior(1, 2, 3, 0.5), "size_factor is 0.5; give a factor above 1$"),
        (NegativeBinomialPrior(1, 2, -3, 4), "size is -3; give a number above 0$"),
    ):
        with pytest.raises(ValueError, match=said):
            record.checked(Sample([2, 3]))
