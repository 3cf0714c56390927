"""One Gaussian: the estimate, its bias, and what the posterior makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi2, norm

from comparisons.studies import gaussian
from em import fit
from models import Gaussian, Sample, simulate

K_SIGMA = 4
TRUE = 49.0


def heights(seed=0):
    return simulate(gaussian.TRUTH, gaussian.PEOPLE, np.random.default_rng(seed))[0]


def test_the_estimate_is_the_mean_and_the_variance_that_divides_by_n(story):
    x = heights().x
    frame = story("gaussian").comparison.to_frame()
    mean = sum(x) / 10
    variance = sum((one - mean) ** 2 for one in x) / 10
    assert frame.loc["mean[0]", "mle"] == pytest.approx(mean, rel=1e-12)
    assert frame.loc["sd[0]", "mle"] ** 2 == pytest.approx(variance, rel=1e-12)
    assert frame.loc["sd[0]", "mle"] ** 2 != pytest.approx(variance * 10 / 9, rel=1e-3)  # control
    # and no neighbour is likelier, by scipy
    best = norm(mean, variance**0.5).logpdf(x).sum()
    for away, stretch in ((0.1, 1), (-0.1, 1), (0, 1.01), (0, 0.99)):
        assert norm(mean + away, variance**0.5 * stretch).logpdf(x).sum() < best


@pytest.mark.parametrize("n", gaussian.SIZES)
def test_the_bias_is_n_minus_one_over_n(n, rng):
    about_true, own = gaussian.trial(n, rng(1))

    def averages(found, expected):
        return abs(found.mean() - expected) < K_SIGMA * found.std() / len(found) ** 0.5

    assert averages(own, TRUE * (n - 1) / n)
    assert averages(about_true, TRUE)
    assert not averages(own, TRUE)  # negative control
    # the reason, exactly: the true mean is farther by the square of the distance
    x = rng(2).normal(170, 7, n)
    assert ((x - 170) ** 2).mean() == pytest.approx(x.var() + (x.mean() - 170) ** 2, rel=1e-10)


def test_what_is_simulated_is_what_em_estimates(rng):
    x = rng(3).normal(170, 7, 5)
    found = fit(Gaussian, Sample(x), 1)
    assert found.mixture.theta.sd[0] ** 2 == pytest.approx(x.var(), rel=1e-12)
    error = found.standard_errors.theta.sd[0] * 2 * found.mixture.theta.sd[0]  # delta method
    assert error == pytest.approx(x.var() * (2 / 5) ** 0.5, rel=1e-9)


def test_the_exact_posterior_is_prior_times_likelihood_by_quadrature():
    x = heights().x
    prior = Gaussian.weak_prior(Sample(x), 1)

    def height(variance, prior=prior):
        """Normal prior of the mean and inverse gamma of the variance, the mean integrated out."""
        level = -(prior.degrees / 2 + 1) * np.log(variance) - prior.squares / 2 / variance
        at = np.linspace(x.mean() - 8 * variance**0.5, x.mean() + 8 * variance**0.5, 801)
        joint = norm.logpdf(x[:, None], at, variance**0.5).sum(axis=0)
        joint += norm.logpdf(at, prior.mean, (variance / prior.n) ** 0.5)
        return np.exp(level + 45) * np.trapezoid(np.exp(joint), at)

    def mean(prior):
        whole = quad(height, 2, 2_000, args=(prior,), limit=200)[0]
        return quad(lambda v: v * height(v, prior), 2, 2_000, args=(), limit=200)[0] / whole

    exact = gaussian.posterior(10, x.var())
    beyond = quad(lambda v: v * exact.pdf(v), 2_000, np.inf)[0]
    assert exact.mean() == pytest.approx(mean(prior) + beyond, rel=1e-5)
    assert exact.mean() == pytest.approx(x.var(), rel=1e-12)  # what the study says
    wrong = prior._replace(degrees=4.0)
    assert exact.mean() != pytest.approx(mean(wrong) + beyond, rel=1e-2)  # negative control


def test_pymc_draws_from_it(story):
    exact = gaussian.posterior(10, heights().x.var())
    row = story("gaussian").comparison.to_frame().loc["sd[0]"]
    mean = quad(lambda v: v**0.5 * exact.pdf(v), 0, np.inf)[0]

    def sampled(expected):
        return abs(row["mean"] - expected) < K_SIGMA * row["mcse"]

    assert sampled(mean)
    assert not sampled(mean * (10 / 9) ** 0.5)  # negative control


@pytest.mark.parametrize("n", gaussian.SIZES)
def test_coverage_is_that_of_chi_squared(n, rng):
    """n own / truth is chi-squared with n - 1 degrees: coverage is a difference of its cdf."""
    em, bayes = gaussian.covers(n, gaussian.trial(n, rng(4))[1])
    wide = 1.96 * (2 / n) ** 0.5
    low, high = n / (1 + wide), n / max(1 - wide, 1e-300)
    expected = chi2(n - 1).cdf(high) - chi2(n - 1).cdf(low)
    tail = chi2(n + 3).ppf([0.025, 0.975]) * n / (n + 1)
    posterior = np.diff(chi2(n - 1).cdf(tail))[0]

    def counted(found, share):
        return abs(found.mean() - share) < K_SIGMA * (share * (1 - share) / len(found)) ** 0.5

    assert counted(em, expected)
    assert counted(bayes, posterior)
    if n < 200:
        assert not counted(em, 0.95)  # negative control: what either promises
        assert not counted(bayes, 0.95)


@pytest.mark.parametrize("n", [2, 10])
def test_it_is_the_default_prior_that_falls_short(n, rng):
    """Under the prior 1 / variance, which has no scale, 95% intervals hold the truth in 95%."""
    own = gaussian.trial(n, rng(6))[1]
    low, high = (n * own / chi2(n - 1).ppf(share) for share in (0.975, 0.025))
    held = ((low < TRUE) & (high > TRUE)).mean()
    error = (0.95 * 0.05 / len(own)) ** 0.5
    assert abs(held - 0.95) < K_SIGMA * error
    assert abs(gaussian.covers(n, own)[1].mean() - 0.95) > K_SIGMA * error  # control: the default


@pytest.mark.parametrize("row", range(5))
def test_the_table_says_so(story, row):
    n, about_true, own, error, theory, em, bayes = story("gaussian").steps[0].rows[row]
    assert theory == (n - 1) / n
    assert abs(own - theory) < K_SIGMA * error
    assert abs(about_true - 1) < K_SIGMA * (2 / n / 20_000) ** 0.5
    assert em < bayes
