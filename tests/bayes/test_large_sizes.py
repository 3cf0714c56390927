"""Counts near a million and the sizes that fit them: no side loses its digits there."""

from __future__ import annotations

import numpy as np
import pytensor.tensor as pt
import pytest
from scipy import stats
from scipy.special import gammaln

from bayes.negative_binomial import NegativeBinomialComponent
from em.emission import emission_of
from models import NegativeBinomial, Sample


def by_pymc(theta: NegativeBinomial, sample: Sample) -> np.ndarray:
    """Return log p (K, m) and its slope in the size, summed."""
    component = NegativeBinomialComponent(NegativeBinomial)
    data = {name: pt.as_tensor(values) for name, values in component.rows(sample).items()}
    size = pt.vector("size")
    found = component.log_density(NegativeBinomial(pt.as_tensor(theta.mean), size), data)
    slope = pt.grad(found.sum(), size)
    assert np.isfinite(slope.eval({size: theta.size})).all()
    return np.asarray(found.eval({size: theta.size}))


@pytest.mark.parametrize("size", [1e-6, 0.5, 999.0, 1001.0, 0.99e5, 1.01e5, 1e8, 1e12])
@pytest.mark.parametrize("mean", [3.0, 1e4, 1e6])
def test_three_log_densities_keep_their_digits(mean, size):
    x = np.floor(mean + np.array([-2.0, 0.0, 2.0]) * np.sqrt(mean)).clip(0)
    theta, sample = NegativeBinomial(np.array([mean]), np.array([size])), Sample(x)
    x, emission = sample.x, emission_of(NegativeBinomial)
    found = emission.log_density(theta, x, None) + emission.base(x, None)
    digits = 1e-15 * (gammaln(x + 1) + x * np.log(mean)).max() + 1e-12
    np.testing.assert_allclose(by_pymc(theta, sample), found, atol=10 * digits, rtol=1e-12)
    np.testing.assert_allclose(theta.log_mass(x, None), found, atol=10 * digits, rtol=1e-10)
    if size >= 1e8:  # beside Poisson's ((x - mean)^2 - x) / (2 size) is left, and its square
        plain = stats.poisson.logpmf(x, mean)
        away = ((x - mean) ** 2 - x) / (2 * size)
        left = 2 * (mean / size) ** 2 * mean + 10 * digits
        np.testing.assert_allclose(found[0], plain + away, atol=left)
    elif size <= 1001:
        theirs = stats.nbinom.logpmf(x, size, size / (size + mean))
        np.testing.assert_allclose(found[0], theirs, atol=10 * digits, rtol=1e-10)
    # negative control: twice the mean is another density
    other = theta._replace(mean=2 * theta.mean)
    assert np.abs(emission.log_density(other, x, None) - found).max() > 1e-8
