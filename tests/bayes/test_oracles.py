"""Posteriors that can be had exactly, by enumeration or in closed form, and ours beside them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import arviz as az
import numpy as np
import pytest
from scipy import stats
from scipy.special import betaln, gammaln, logsumexp

import bayes
from models import (
    Binomial,
    BinomialPrior,
    Gaussian,
    GaussianPrior,
    MultivariateGaussian,
    MultivariateGaussianPrior,
    Poisson,
    PoissonPrior,
    Prior,
    Sample,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # wrong priors may fail
K_SIGMA = 4  # Monte Carlo standard errors within which a figure is right


class Group(NamedTuple):
    """A component's exact posterior given its members: log marginal, and where it is."""

    log_marginal: float
    place: stats.rv_continuous


class Oracle(NamedTuple):
    """Means of the lower and the higher place and their sds, of the lower's share; evidence."""

    mean: np.ndarray
    sd: np.ndarray
    share: float
    log_evidence: float


def enumerated(
    n: int, group: Callable[[np.ndarray], Group], grid: np.ndarray, *, equal_weights: bool
) -> Oracle:
    """Sum over all 2^n allocations of n observations to two groups."""
    known: dict[bytes, tuple[Group, np.ndarray]] = {}

    def of(members: np.ndarray) -> tuple[Group, np.ndarray]:
        if members.tobytes() not in known:
            found = group(members)
            known[members.tobytes()] = found, found.place.cdf(grid)
        return known[members.tobytes()]

    log_weight, moments = [], []
    step = np.diff(grid)

    def integral(y: np.ndarray) -> float:
        return float(((y[1:] + y[:-1]) / 2 * step).sum())

    for allocation in product([False, True], repeat=n):
        first = np.array(allocation)
        (one, below_one), (other, below_other) = of(first), of(~first)
        size = first.sum()
        share = n * np.log(0.5) if equal_weights else betaln(size + 1, n - size + 1)
        log_weight.append(share + one.log_marginal + other.log_marginal)
        both, any_ = below_one * below_other, below_one + below_other - below_one * below_other
        low, high = grid[0], grid[0]
        # E max = low + integral of 1 - P(max < x), and so on
        means = [low + integral(1 - any_), high + integral(1 - both)]
        squares = [
            low**2 + 2 * integral(grid * (1 - any_)),
            high**2 + 2 * integral(grid * (1 - both)),
        ]
        density = np.gradient(below_one, grid)
        first_lower = integral(density * (1 - below_other))
        of_first = 0.5 if equal_weights else (size + 1) / (n + 2)
        lower = first_lower * of_first + (1 - first_lower) * (1 - of_first)
        moments.append([*means, *squares, lower])
    evidence = logsumexp(log_weight)
    average = np.exp(np.array(log_weight) - evidence) @ np.array(moments)
    mean = average[:2]
    return Oracle(mean, np.sqrt(average[2:4] - mean**2), float(average[4]), float(evidence))


def agrees(tree: xr.DataTree, name: str, oracle: Oracle) -> bool:
    """Say whether means, sds and shares are within Monte Carlo errors of the exact ones."""
    place, share = tree["posterior"][name], tree["posterior"]["weight"].isel(component=0)
    pairs = [
        (place.mean(("chain", "draw")), oracle.mean, az.mcse(place, method="mean")),
        (place.std(("chain", "draw")), oracle.sd, az.mcse(place, method="sd")),
    ]
    if float(share.std()) > 0:
        pairs.append((share.mean(), oracle.share, az.mcse(share, method="mean")))
    return all(
        bool((np.abs(np.asarray(ours) - exact) < K_SIGMA * np.asarray(error)).all())
        for ours, exact, error in pairs
    )


FLIPS = Sample([5, 9, 8, 4, 7], trials=10)
HEADS = np.array([5, 9, 8, 4, 7])


def coins(members: np.ndarray) -> Group:
    heads, tails = HEADS[members].sum(), (10 - HEADS[members]).sum()
    ways = (gammaln(11) - gammaln(HEADS + 1) - gammaln(11 - HEADS))[members].sum()
    return Group(betaln(heads + 1, tails + 1) + ways, stats.beta(heads + 1, tails + 1))


UNIT = np.linspace(0, 1, 4001)


@pytest.mark.parametrize(
    ("equal", "log_evidence"), [(True, -11.678304), (False, -11.822026)], ids=["equal", "free"]
)
def test_coins_of_the_lecture(equal, log_evidence):
    oracle = enumerated(5, coins, UNIT, equal_weights=equal)
    assert oracle.log_evidence == pytest.approx(log_evidence, abs=1e-6)
    if equal:
        # by Gauss-Legendre quadrature of the polynomial posterior over p_1 < p_2, which is exact
        np.testing.assert_allclose(oracle.mean, [0.50460214, 0.77009117], atol=1e-6)
        np.testing.assert_allclose(oracle.sd, [0.12275804, 0.09004408], atol=1e-6)
    options = {"equal_weights": equal, "draws": 4000, "progress": False}
    assert agrees(bayes.sample(Binomial, FLIPS, 2, seed=1, **options), "prob", oracle)
    # negative control: three heads that nobody saw
    wrong = Prior(0.0, BinomialPrior(heads=3.0, tails=0.0))
    assert not agrees(
        bayes.sample(Binomial, FLIPS, 2, prior=wrong, seed=1, **options), "prob", oracle
    )


COUNTS = np.array([0, 1, 1, 2, 4, 6, 7, 9])


def test_poisson_by_enumeration():
    prior = PoissonPrior(events=1.0, exposure=0.5)

    def group(members: np.ndarray) -> Group:
        x = COUNTS[members]
        shape, rate = prior.events + 1 + x.sum(), prior.exposure + len(x)
        own = (prior.events + 1) * np.log(prior.exposure) - gammaln(prior.events + 1)
        log_marginal = own + gammaln(shape) - shape * np.log(rate) - gammaln(x + 1).sum()
        return Group(log_marginal, stats.gamma(shape, scale=1 / rate))

    oracle = enumerated(8, group, np.linspace(0, 60, 12001), equal_weights=False)
    options = {"draws": 4000, "progress": False}
    good = bayes.sample(Poisson, Sample(COUNTS), 2, prior=Prior(0.0, prior), seed=2, **options)
    assert agrees(good, "rate", oracle)
    wrong = Prior(0.0, prior._replace(exposure=1.0))
    bad = bayes.sample(Poisson, Sample(COUNTS), 2, prior=wrong, seed=2, **options)
    assert not agrees(bad, "rate", oracle)


HEIGHTS = np.array([158.0, 161.0, 163.5, 164.0, 171.0, 174.0, 176.0, 181.0])


@pytest.mark.slow
def test_gaussian_by_enumeration():
    prior = GaussianPrior(mean=168.0, n=0.5, squares=300.0, degrees=12.0)

    def group(members: np.ndarray) -> Group:
        x = HEIGHTS[members]
        n, degrees = prior.n + len(x), prior.degrees + len(x)
        mean = (prior.n * prior.mean + x.sum()) / n
        squares = prior.squares + (x**2).sum() + prior.n * prior.mean**2 - n * mean**2
        log_marginal = (
            gammaln(degrees / 2)
            - gammaln(prior.degrees / 2)
            + prior.degrees / 2 * np.log(prior.squares / 2)
            - degrees / 2 * np.log(squares / 2)
            + 0.5 * np.log(prior.n / n)
            - len(x) / 2 * np.log(2 * np.pi)
        )
        width = np.sqrt(squares / degrees / n)
        return Group(log_marginal, stats.t(degrees, mean, width))

    oracle = enumerated(8, group, np.linspace(40, 296, 16001), equal_weights=False)
    options = {"draws": 4000, "progress": False}
    sample = Sample(HEIGHTS)
    good = bayes.sample(Gaussian, sample, 2, prior=Prior(0.0, prior), seed=3, **options)
    assert agrees(good, "mean", oracle)
    wrong = Prior(0.0, prior._replace(squares=600.0))
    bad = bayes.sample(Gaussian, sample, 2, prior=wrong, seed=3, **options)
    assert not agrees(bad, "mean", oracle)


def single(covariance: str, prior: MultivariateGaussianPrior, x: np.ndarray) -> dict:
    """Return exact posterior means of one component: conjugate, and so in closed form."""
    n, d = x.shape
    total = prior.n + n
    mean = (prior.n * prior.mean + x.sum(axis=0)) / total
    away = x - x.mean(axis=0)
    gap = x.mean(axis=0) - prior.mean
    scatter = prior.scatter + away.T @ away + prior.n * n / total * np.outer(gap, gap)
    degrees = prior.degrees + n
    if covariance in ("full", "tied"):
        cov = scatter / (degrees - d - 1)
    elif covariance == "diagonal":
        cov = np.diag(np.diag(scatter)) / (degrees - 2)
    else:
        own = np.trace(prior.scatter) / d + np.trace(scatter - prior.scatter)
        cov = np.eye(d) * own / (prior.degrees + n * d - 2)
    return {"mean": mean, "cov": cov}


@pytest.mark.slow  # each form is compiled with one component for this alone
@pytest.mark.parametrize("covariance", ["full", "tied", "diagonal", "spherical", "tied-spherical"])
def test_one_component_of_several_columns(covariance, rng):
    x = rng(4).multivariate_normal([1.0, -2.0], [[2.0, 0.8], [0.8, 1.0]], 12)
    prior = MultivariateGaussianPrior(np.array([0.0, -1.0]), 3.0, np.diag([3.0, 2.0]) + 0.5, 9.0)
    family = MultivariateGaussian.with_covariance(covariance)

    def agrees_with(truth: dict, given: MultivariateGaussianPrior) -> bool:
        tree = bayes.sample(
            family, Sample(x), 1, prior=Prior(0.0, given), seed=5, draws=4000, progress=False
        )
        free = np.triu(np.ones((2, 2), bool)) & (truth["cov"] != 0)
        found = []
        for name, keep in (("mean", np.ones(2, bool)), ("cov", free)):
            draws = tree["posterior"][name].isel(component=0)
            with np.errstate(invalid="ignore", divide="ignore"):
                error = az.mcse(draws, method="mean").to_numpy()[keep]
            gap = draws.mean(("chain", "draw")).to_numpy()[keep] - truth[name][keep]
            found.append((np.abs(gap) < K_SIGMA * error).all())
        return all(found)

    truth = single(covariance, prior, x)
    assert agrees_with(truth, prior)
    # negative control: two degrees more
    assert not agrees_with(truth, prior._replace(degrees=11.0))
