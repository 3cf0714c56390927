"""Distribution functions of the families against scipy's, column by column."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from models import Binomial, Categorical, Gaussian, MultivariateGaussian, Poisson
from models.covariance import FULL


def test_one_column_is_scipy_s():
    x, trials = np.array([0.0, 2.0, 7.0]), np.array([3.0, 2.0, 9.0])
    ends = np.stack([x - 1, x])
    prob, rate = np.array([0.2, 1.0, 0.0]), np.array([1.0, 4.0, 30.0])
    sd = np.array([0.5, 1.0, 2.0])
    wanted = [
        (Binomial(prob), stats.binom.cdf(ends, trials, prob[:, None, None])),
        (Poisson(rate), stats.poisson.cdf(ends, rate[:, None, None])),
        (Gaussian(rate, sd), stats.norm.cdf(ends, rate[:, None, None], sd[:, None, None])),
    ]
    for theta, expected in wanted:
        found, before = theta.cumulative(x, ends, trials)
        np.testing.assert_allclose(found[0], expected, rtol=1e-12, atol=1e-300)
        assert found.shape == (1, 3, 2, 3)
        assert not before.any()  # no column stands before the first


def test_labels_add_up_in_the_order_of_their_codes():
    prob, x = np.array([[0.2, 0.0, 0.8], [0.5, 0.3, 0.2]]), np.array([0.0, 1.0, 2.0])
    found, before = Categorical(prob).cumulative(x, np.stack([x - 1, x]), None)
    np.testing.assert_allclose(found[0, :, 1], np.cumsum(prob, axis=1), rtol=1e-15)
    np.testing.assert_array_equal(found[0, :, 0, 0], 0)
    assert found.shape == (1, 2, 2, 3)
    assert not before.any()


@pytest.mark.parametrize("form", ["full", "tied", "diagonal", "spherical"])
def test_a_column_given_those_before_is_the_conditional_normal(form, rng):
    family, generator = MultivariateGaussian.with_covariance(form), rng(31)
    cov = family.form().project(FULL.draw(np.eye(3), 5.0, (1, 2), generator)[0])
    mean, x = generator.normal(size=(2, 3)), generator.normal(size=(5, 3))
    ends = np.stack([x - 0.3, x])
    found, before = family(mean, cov).cumulative(x, ends, None)
    assert found.shape == (3, 2, 2, 5)
    for j, k in np.ndindex(3, 2):
        own, c = slice(0, j), cov[k]
        pull = np.linalg.solve(c[own, own], c[own, j])
        centre = mean[k, j] + (x[:, own] - mean[k, own]) @ pull
        sd = np.sqrt(c[j, j] - pull @ c[own, j])
        np.testing.assert_allclose(found[j, k], stats.norm.cdf(ends[..., j], centre, sd), rtol=1e-9)
        if j:
            density = stats.multivariate_normal.logpdf(x[:, own], mean[k, own], c[own, own])
            np.testing.assert_allclose(before[j, k], density, rtol=1e-9)
    if form == "full":  # negative control: columns that depend are not independent
        alone = stats.norm.cdf(ends[..., 2], mean[0, 2], np.sqrt(cov[0, 2, 2]))
        assert not np.allclose(found[2, 0], alone, rtol=1e-3)
