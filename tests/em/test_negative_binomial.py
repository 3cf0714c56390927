"""Counts that spread more than Poisson's: the maximum, the edge where they do not, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from recovery import fits_to, recovered
from scipy import optimize, stats

import em
from models import Mixture, NegativeBinomial, NegativeBinomialPrior, Poisson, Sample

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
    assert found.estimate.theta.size[0] == pytest.approx(1e6)
    assert np.isnan(found.standard_errors.theta.size[0])
    assert found.notes == (
        "size[0] grows without bound, on the edge of the parameter space: it has no standard error",
    )
    assert NegativeBinomial.layout()["size"].limit == "poisson"
    plain = em.fit(Poisson, Sample(x), 1)
    assert found.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-2)
    # negative control: counts that spread more have a size
    wide = em.fit(NegativeBinomial, Sample(rng(3).negative_binomial(2, 0.2, 300)), 1)
    assert wide.estimate.theta.size[0] < 4
    assert not wide.notes


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
