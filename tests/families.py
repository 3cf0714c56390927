"""One row a family: a row here enrols it in every contract test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from scipy import optimize, special, stats

from em.by_rows import ByRows
from em.data.blocks import rows_of
from em.data.standardise import Units
from em.data.threads import Threads
from em.emission import emission_of
from em.model import model_of
from models import (
    Binomial,
    BinomialPrior,
    Categorical,
    CategoricalPrior,
    Gamma,
    GammaPrior,
    Gaussian,
    GaussianPrior,
    Independent,
    LogNormal,
    LogNormalPrior,
    Mixture,
    MultivariateGaussian,
    MultivariateGaussianPrior,
    NegativeBinomial,
    NegativeBinomialPrior,
    Poisson,
    PoissonPrior,
    Prior,
    Sample,
    StudentT,
    StudentTPrior,
    ZeroInflated,
    ZeroInflatedPrior,
    simulate,
)
from models.multivariate_blanks import partly_seen_gaussian
from models.names import record_of
from models.question import asked

if TYPE_CHECKING:
    from collections.abc import Callable


class Row(NamedTuple):
    """What the contract tests need to know of a family.

    random: a plausible mixture of k components.
    log_density: log p (m, K) by scipy.stats.
    textbook: the maximum-likelihood Theta of a single component, in plain NumPy.
    prior: a strong one, so that mistakes in it show.
    trials: flips behind each of n coins, or None.
    log_prior: (theta, prior) -> the log prior density by scipy, summed over components.
    stated: (theta) -> the numbers over which the prior is a density.
    draws: (theta, component, n, generator) -> n rows by scipy.
    apart: values of the first field of two components that data tell apart.
    identified: whether rows in no order identify several components.
    """

    name: str
    family: type
    random: Callable[[np.random.Generator, int], Mixture]
    log_density: Callable[[Any, Sample], np.ndarray]
    textbook: Callable[[np.ndarray, np.ndarray | None], Any]
    prior: Prior
    trials: Callable[[np.random.Generator, int], np.ndarray | None]
    log_prior: Callable[[Any, Any], float] | None = None
    stated: Callable[[Any], list[np.ndarray]] | None = None
    draws: Callable[[Any, int, int, np.random.Generator], np.ndarray] | None = None
    apart: tuple[float, float] | None = None
    identified: bool = True

    def sample(self, rng: np.random.Generator, k: int, n: int) -> Sample:
        """Draw a sample from a random mixture."""
        return simulate(self.random(rng, k), n, rng, self.trials(rng, n))[0]


def unscaled_model(row: Row, sample: Sample, k: int, prior: Prior | None = None, **options: bool):
    """Return what the loop climbs on, in the data's own units."""
    d = sample.dimension
    rows = rows_of(sample, emission_of(row.family), k, Units(np.ones(d), np.zeros(d)))
    floor = 1e-9 * (np.eye(d) if sample.table else np.ones(d))
    question = asked(row.family, sample, k)
    return model_of(question, Threads(rows), floor=floor, prior=prior, **options)


def weights(rng: np.random.Generator, k: int) -> np.ndarray:
    return rng.dirichlet(np.full(k, 5.0))


def no_trials(rng: np.random.Generator, n: int) -> None:
    return None


def multivariate(covariance: str, d: int = 3) -> Row:
    family = MultivariateGaussian.with_covariance(covariance)

    def random(rng: np.random.Generator, k: int) -> Mixture:
        root = rng.normal(size=(k, d, d)) + 2 * np.eye(d)
        cov = {
            "full": lambda: root @ root.transpose(0, 2, 1),
            "tied": lambda: np.repeat((root @ root.transpose(0, 2, 1))[:1], k, axis=0),
            "diagonal": lambda: np.eye(d) * rng.uniform(1, 9, size=(k, 1, d)),
            "spherical": lambda: np.eye(d) * rng.uniform(1, 9, size=(k, 1, 1)),
            # wide enough for groups to overlap: without that, labels hide nothing
            "tied-spherical": lambda: np.repeat(np.eye(d)[None] * rng.uniform(4, 9), k, axis=0),
        }[covariance]()
        return Mixture(weights(rng, k), family(rng.normal(scale=5, size=(k, d)), cov))

    def log_density(theta: Any, sample: Sample) -> np.ndarray:
        pairs = zip(theta.mean, theta.cov, strict=True)
        columns = [stats.multivariate_normal(m, c).logpdf(sample.x) for m, c in pairs]
        return np.column_stack([np.atleast_1d(column) for column in columns])

    def textbook(x: np.ndarray, trials: np.ndarray | None) -> Any:
        cov = np.cov(x, rowvar=False, bias=True)
        if covariance == "diagonal":
            cov = np.diag(np.diag(cov))
        if covariance.endswith("spherical"):
            cov = np.trace(cov) / d * np.eye(d)
        return family(x.mean(axis=0)[None], cov[None])

    scatter = np.eye(d) + 0.5
    prior = Prior(3.0, MultivariateGaussianPrior(np.arange(d) - 1.0, 20.0, 40 * scatter, 30.0))
    return Row(
        f"multivariate-{covariance}", family, random, log_density, textbook, prior, no_trials
    )


def negative_binomial(x: np.ndarray, trials: np.ndarray | None) -> NegativeBinomial:
    """The mean is that of x; the size is where the likelihood's slope, by scipy, is zero."""
    mean = x.mean()

    def slope(size: float) -> float:
        each = special.psi(x + size) - special.psi(size) + np.log(size / (size + mean))
        return float(each.sum())

    return NegativeBinomial(
        np.array([mean]), np.array([optimize.brentq(slope, 1e-3, 1e3, xtol=1e-13)])
    )


def student_t(x: np.ndarray, trials: np.ndarray | None) -> StudentT:
    """Where scipy's density is highest, by its general optimiser."""

    def lacking(at: np.ndarray) -> float:
        mean, log_sd, log_df = at
        return -float(stats.t.logpdf(x, np.exp(log_df), mean, np.exp(log_sd)).sum())

    begin = [np.median(x), np.log(x.std()), 1.0]
    rough = optimize.minimize(lacking, begin, method="Nelder-Mead", options={"maxiter": 4000})

    def slopes(at: np.ndarray) -> list[float]:
        mean, log_sd, log_df = at
        df, z = np.exp(log_df), (x - mean) / np.exp(log_sd)
        pull = (df + 1) * z / (df + z**2)
        tail = special.psi((df + 1) / 2) - special.psi(df / 2) - 1 / df
        lighter = tail - np.log1p(z**2 / df) + pull * z / df
        return [pull.mean(), (pull * z - 1).mean(), lighter.mean()]

    mean, log_sd, log_df = optimize.root(slopes, rough.x, tol=1e-14).x
    at = (mean, np.exp(log_sd), np.exp(log_df))
    return StudentT(*(np.array([one]) for one in at))


def student_t_4(x: np.ndarray, trials: np.ndarray | None) -> Any:
    """Where both slopes of scipy's density with 4 degrees of freedom are zero."""

    def slopes(at: np.ndarray) -> list[float]:
        z = (x - at[0]) / np.exp(at[1])
        pull = 5 * z / (4 + z**2)
        return [float(pull.sum()), float((pull * z - 1).sum())]

    found = optimize.root(slopes, [np.median(x), np.log(x.std() / 1.4)], tol=1e-14).x
    return StudentT.with_df(4)(found[:1], np.exp(found[1:]))


class Holed(partly_seen_gaussian(MultivariateGaussian)):
    """Draws rows of which a fifth of the cells was not seen, but some of each row."""

    def draw(self, labels: np.ndarray, rng: np.random.Generator, trials: None) -> np.ndarray:
        x = super().draw(labels, rng, trials)
        return holed(x, rng)


def holed(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return rows of which a fifth of the cells is blank, but never all of a row."""
    blank = rng.random(x.shape) < 0.2
    blank[blank.all(axis=1), 0] = False
    return np.where(blank, np.nan, x)


def seen_log_density(theta: Any, sample: Sample) -> np.ndarray:
    """Pattern by pattern of blanks, from mean and covariance of what was seen."""
    found, seen = np.empty((sample.distinct, len(theta.mean))), ~np.isnan(sample.x)
    for pattern in np.unique(seen, axis=0):
        rows, own = (seen == pattern).all(axis=1), np.flatnonzero(pattern)
        for component, (mean, cov) in enumerate(zip(theta.mean, theta.cov, strict=True)):
            of_own = stats.multivariate_normal(mean[own], cov[np.ix_(own, own)])
            found[rows, component] = of_own.logpdf(sample.x[np.ix_(rows, own)])
    return found


def seen_textbook(x: np.ndarray, trials: np.ndarray | None) -> Any:
    """Little & Rubin (2002), section 11.2.2, one row after the other, until nothing moves."""
    mean, cov = np.nanmean(x, axis=0), np.diag(np.nanvar(x, axis=0))
    for _ in range(1_000):
        full, left = np.empty_like(x), np.zeros_like(cov)
        for row, one in enumerate(x):
            own, blank = np.flatnonzero(~np.isnan(one)), np.flatnonzero(np.isnan(one))
            slope = np.linalg.solve(cov[np.ix_(own, own)], cov[np.ix_(own, blank)]).T
            full[row, own] = one[own]
            full[row, blank] = mean[blank] + slope @ (one[own] - mean[own])
            left[np.ix_(blank, blank)] += (
                cov[np.ix_(blank, blank)] - slope @ cov[np.ix_(own, blank)]
            )
        before, mean = mean, full.mean(axis=0)
        cov = ((full - mean).T @ (full - mean) + left) / len(x)
        if np.abs(mean - before).max() < 1e-15 * np.abs(mean).max():
            break
    return MultivariateGaussian(mean[None], cov[None])


def with_blanks() -> Row:
    whole = multivariate("full")

    def random(rng: np.random.Generator, k: int) -> Mixture:
        weight, theta = whole.random(rng, k)
        return Mixture(weight, Holed(*theta))

    return whole._replace(
        name="multivariate-blanks",
        family=partly_seen_gaussian(MultivariateGaussian),
        random=random,
        log_density=seen_log_density,
        textbook=seen_textbook,
        draws=lambda theta, component, n, generator: holed(
            stats.multivariate_normal.rvs(
                theta.mean[component], theta.cov[component], n, generator
            ),
            generator,
        ),
    )


LABELS = 6  # categories


def shape_of(x: np.ndarray) -> float:
    """Return the shape of largest likelihood, by bisection."""
    gap = np.log(x.mean()) - np.log(x).mean()
    return optimize.brentq(lambda a: np.log(a) - special.digamma(a) - gap, 1e-3, 1e3, xtol=1e-15)


def categorical(rng: np.random.Generator, k: int) -> Mixture:
    """The last category is frequent, so that it occurs in small samples: it tells how many."""
    return Mixture(weights(rng, k), Categorical(rng.dirichlet([*[1.0] * (LABELS - 1), 2.0], k)))


ZERO_POISSON, ZERO_GAMMA = ZeroInflated(Poisson), ZeroInflated(Gamma)


def with_zeros(theta: Any, x: np.ndarray, log_own: np.ndarray) -> np.ndarray:
    """Return log p (m, K) of zeros in excess beside a family of log density (m, K)."""
    excess = np.log(np.where((x == 0)[:, None], theta.zero, 0) + 1e-300)
    return np.logaddexp(excess, np.log1p(-theta.zero) + log_own)


def drawn_with_zeros(own: np.ndarray, zero: float, generator: np.random.Generator) -> np.ndarray:
    return own * stats.bernoulli.rvs(1 - zero, size=len(own), random_state=generator)


def zero_poisson(x: np.ndarray, trials: np.ndarray | None) -> Any:
    """The mean of counts above 0 is rate / (1 - exp(-rate)); the fitted share of 0 is that seen."""
    above, seen = x[x > 0].mean(), (x == 0).mean()
    rate = optimize.brentq(lambda r: above * -np.expm1(-r) - r, 1e-3, 1e3, xtol=1e-15)
    zero = (seen - np.exp(-rate)) / -np.expm1(-rate)
    return ZERO_POISSON(np.array([rate]), np.array([zero]))


def shared_zero(rng: np.random.Generator, k: int) -> np.ndarray:
    return np.full(k, rng.uniform(0.2, 0.5))


MIXED = Independent(Gaussian, Poisson, Categorical)
ANSWERS = Independent(*[Binomial] * 5)


def mixed_prior(theta: Any, prior: Any) -> float:
    """The log density of (mean, sd^2), rates and probabilities, by scipy."""
    spread = stats.invgamma(prior.degrees_1 / 2, scale=prior.squares_1 / 2)
    place = stats.norm(prior.mean_1, theta.sd_1 / np.sqrt(prior.n_1))
    rate = stats.gamma(prior.events_2 + 1, scale=1 / prior.exposure_2)
    prob = stats.dirichlet(1 + prior.unseen_3)
    return (
        spread.logpdf(theta.sd_1**2).sum()
        + place.logpdf(theta.mean_1).sum()
        + rate.logpdf(theta.rate_2).sum()
        + prob.logpdf(theta.prob_3.T).sum()
    )


FAMILIES = [
    Row(
        "binomial",
        Binomial,
        lambda rng, k: Mixture(weights(rng, k), Binomial(rng.uniform(0.05, 0.95, k))),
        lambda theta, s: stats.binom.logpmf(s.x[:, None], s.trials[:, None], theta.prob),
        lambda x, trials: Binomial(np.array([x.sum() / trials.sum()])),
        Prior(3.0, BinomialPrior(heads=30.0, tails=50.0)),
        lambda rng, n: rng.integers(1, 30, n),
    ),
    Row(
        "gaussian",
        Gaussian,
        lambda rng, k: Mixture(
            weights(rng, k), Gaussian(rng.normal(170, 10, k), rng.uniform(2, 9, k))
        ),
        lambda theta, s: stats.norm.logpdf(s.x[:, None], theta.mean, theta.sd),
        lambda x, trials: Gaussian(np.array([x.mean()]), np.array([x.std()])),
        Prior(3.0, GaussianPrior(mean=160.0, n=20.0, squares=900.0, degrees=12.0)),
        no_trials,
    ),
    Row(
        "poisson",
        Poisson,
        lambda rng, k: Mixture(weights(rng, k), Poisson(rng.uniform(0.5, 30, k))),
        lambda theta, s: stats.poisson.logpmf(s.x[:, None], theta.rate),
        lambda x, trials: Poisson(np.array([x.mean()])),
        Prior(3.0, PoissonPrior(events=100.0, exposure=20.0)),
        no_trials,
    ),
    *(multivariate(name) for name in ("full", "tied", "diagonal", "spherical", "tied-spherical")),
    Row(
        "categorical",
        Categorical,
        categorical,
        lambda theta, s: stats.multinomial.logpmf(
            np.eye(theta.prob.shape[1])[s.x.astype(int)][:, None], 1, theta.prob
        ),
        lambda x, trials: Categorical(np.bincount(x.astype(int), minlength=LABELS)[None] / len(x)),
        Prior(3.0, CategoricalPrior(np.array([20.0, 5.0, 10.0, 15.0, 3.0, 30.0]))),
        no_trials,
        identified=False,
    ),
    Row(
        "lognormal",
        LogNormal,
        lambda rng, k: Mixture(
            weights(rng, k), LogNormal(np.exp(rng.normal(7, 1, k)), rng.uniform(0.2, 0.9, k))
        ),
        lambda theta, s: stats.lognorm.logpdf(s.x[:, None], theta.spread, scale=theta.median),
        lambda x, trials: LogNormal(
            np.array([np.exp(np.log(x).mean())]), np.array([np.log(x).std()])
        ),
        Prior(3.0, LogNormalPrior(median=900.0, n=20.0, squares=5.0, degrees=12.0)),
        no_trials,
        log_prior=lambda theta, prior: (
            stats.invgamma(prior.degrees / 2, scale=prior.squares / 2).logpdf(theta.spread**2).sum()
            + stats.norm(np.log(prior.median), theta.spread / np.sqrt(prior.n))
            .logpdf(np.log(theta.median))
            .sum()
        ),
        stated=lambda theta: [np.log(theta.median), theta.spread**2],
        draws=lambda theta, component, n, generator: stats.lognorm.rvs(
            theta.spread[component],
            scale=theta.median[component],
            size=n,
            random_state=generator,
        ),
        apart=(150.0, 2000.0),
    ),
    Row(
        "gamma",
        Gamma,
        lambda rng, k: Mixture(
            weights(rng, k), Gamma(np.exp(rng.normal(3, 1, k)), rng.uniform(0.8, 12, k))
        ),
        lambda theta, s: stats.gamma.logpdf(
            s.x[:, None], theta.shape, scale=theta.mean / theta.shape
        ),
        lambda x, trials: Gamma(np.array([x.mean()]), np.array([shape_of(x)])),
        Prior(3.0, GammaPrior(mean=15.0, factor=1.1, degrees=30.0, shape=4.0)),
        no_trials,
        log_prior=lambda theta, prior: (
            stats.norm(np.log(prior.mean), np.log(prior.factor)).logpdf(np.log(theta.mean)).sum()
            + stats.gamma(prior.degrees / 2, scale=2 * prior.shape / prior.degrees)
            .logpdf(theta.shape)
            .sum()
        ),
        stated=lambda theta: [np.log(theta.mean), theta.shape],
        draws=lambda theta, component, n, generator: stats.gamma.rvs(
            theta.shape[component],
            scale=theta.mean[component] / theta.shape[component],
            size=n,
            random_state=generator,
        ),
        apart=(3.0, 30.0),
    ),
    Row(
        "negative-binomial",
        NegativeBinomial,
        lambda rng, k: Mixture(
            weights(rng, k), NegativeBinomial(rng.uniform(1, 30, k), rng.uniform(0.5, 3, k))
        ),
        lambda theta, s: stats.nbinom.logpmf(
            s.x[:, None], theta.size, theta.size / (theta.mean + theta.size)
        ),
        negative_binomial,
        Prior(3.0, NegativeBinomialPrior(5.0, 1.5, 2.0, 1.3)),
        no_trials,
        log_prior=lambda theta, prior: (
            stats.norm(np.log(prior.mean), np.log(prior.mean_factor)).logpdf(np.log(theta.mean))
            + stats.norm(np.log(prior.size), np.log(prior.size_factor)).logpdf(np.log(theta.size))
        ).sum(),
        stated=lambda theta: [np.log(theta.mean), np.log(theta.size)],
        draws=lambda theta, component, n, generator: stats.nbinom.rvs(
            theta.size[component],
            theta.size[component] / (theta.mean[component] + theta.size[component]),
            size=n,
            random_state=generator,
        ),
        apart=(3.0, 25.0),
    ),
    Row(
        "student-t",
        StudentT,
        lambda rng, k: Mixture(
            weights(rng, k),
            StudentT(rng.normal(170, 10, k), rng.uniform(2, 9, k), rng.uniform(1.5, 6, k)),
        ),
        lambda theta, s: stats.t.logpdf(s.x[:, None], theta.df, theta.mean, theta.sd),
        student_t,
        Prior(3.0, StudentTPrior(160.0, 20.0, 900.0, 12.0, df=5.0, df_factor=1.5)),
        no_trials,
        log_prior=lambda theta, prior: (
            stats.invgamma(prior.degrees / 2, scale=prior.squares / 2).logpdf(theta.sd**2)
            + stats.norm(prior.mean, theta.sd / np.sqrt(prior.n)).logpdf(theta.mean)
            + stats.norm(np.log(prior.df), np.log(prior.df_factor)).logpdf(np.log(theta.df))
        ).sum(),
        stated=lambda theta: [theta.mean, theta.sd**2, np.log(theta.df)],
        draws=lambda theta, component, n, generator: stats.t.rvs(
            theta.df[component],
            theta.mean[component],
            theta.sd[component],
            size=n,
            random_state=generator,
        ),
        apart=(100.0, 200.0),
    ),
    Row(
        "student-t-4",
        StudentT.with_df(4),
        lambda rng, k: Mixture(
            weights(rng, k), StudentT.with_df(4)(rng.normal(170, 10, k), rng.uniform(2, 9, k))
        ),
        lambda theta, s: stats.t.logpdf(s.x[:, None], 4, theta.mean, theta.sd),
        student_t_4,
        Prior(3.0, GaussianPrior(160.0, 20.0, 900.0, 12.0)),
        no_trials,
        log_prior=lambda theta, prior: (
            stats.invgamma(prior.degrees / 2, scale=prior.squares / 2).logpdf(theta.sd**2)
            + stats.norm(prior.mean, theta.sd / np.sqrt(prior.n)).logpdf(theta.mean)
        ).sum(),
        stated=lambda theta: [theta.mean, theta.sd**2],
        draws=lambda theta, component, n, generator: stats.t.rvs(
            4, theta.mean[component], theta.sd[component], size=n, random_state=generator
        ),
        apart=(100.0, 130.0),
    ),
    Row(
        "zero-inflated-poisson",
        ZERO_POISSON,
        lambda rng, k: Mixture(
            weights(rng, k), ZERO_POISSON(rng.uniform(4, 40, k), shared_zero(rng, k))
        ),
        lambda theta, s: with_zeros(theta, s.x, stats.poisson.logpmf(s.x[:, None], theta.rate)),
        zero_poisson,
        Prior(3.0, ZeroInflatedPrior(Poisson)(100.0, 20.0, 30.0, 50.0)),
        no_trials,
        log_prior=lambda theta, prior: (
            stats.gamma(prior.events + 1, scale=1 / prior.exposure).logpdf(theta.rate).sum()
            + stats.beta(prior.zeros + 1, prior.others + 1).logpdf(theta.zero[0])
        ),
        stated=lambda theta: [theta.rate, theta.zero[:1]],
        draws=lambda theta, component, n, generator: drawn_with_zeros(
            stats.poisson.rvs(theta.rate[component], size=n, random_state=generator),
            theta.zero[component],
            generator,
        ),
        apart=(3.0, 11.0),
    ),
    Row(
        "zero-inflated-gamma",
        ZERO_GAMMA,
        lambda rng, k: Mixture(
            weights(rng, k),
            ZERO_GAMMA(np.exp(rng.normal(3, 1, k)), rng.uniform(0.8, 12, k), shared_zero(rng, k)),
        ),
        lambda theta, s: with_zeros(
            theta,
            s.x,
            np.where(
                s.x[:, None] > 0,
                stats.gamma.logpdf(
                    np.where(s.x > 0, s.x, 1)[:, None], theta.shape, scale=theta.mean / theta.shape
                ),
                -np.inf,
            ),
        ),
        lambda x, trials: ZERO_GAMMA(
            np.array([x[x > 0].mean()]),
            np.array([shape_of(x[x > 0])]),
            np.array([(x == 0).mean()]),
        ),
        Prior(3.0, ZeroInflatedPrior(Gamma)(15.0, 1.1, 30.0, 4.0, 30.0, 50.0)),
        no_trials,
        log_prior=lambda theta, prior: (
            stats.norm(np.log(prior.mean), np.log(prior.factor)).logpdf(np.log(theta.mean)).sum()
            + stats.gamma(prior.degrees / 2, scale=2 * prior.shape / prior.degrees)
            .logpdf(theta.shape)
            .sum()
            + stats.beta(prior.zeros + 1, prior.others + 1).logpdf(theta.zero[0])
        ),
        stated=lambda theta: [np.log(theta.mean), theta.shape, theta.zero[:1]],
        draws=lambda theta, component, n, generator: drawn_with_zeros(
            stats.gamma.rvs(
                theta.shape[component],
                scale=theta.mean[component] / theta.shape[component],
                size=n,
                random_state=generator,
            ),
            theta.zero[component],
            generator,
        ),
        apart=(3.0, 30.0),
    ),
    Row(
        "independent",
        MIXED,
        lambda rng, k: Mixture(
            weights(rng, k),
            MIXED(
                rng.normal(170, 10, k),
                rng.uniform(2, 9, k),
                rng.uniform(0.5, 30, k),
                rng.dirichlet([1.0, 1.0, 2.0], k),
            ),
        ),
        lambda theta, s: (
            stats.norm.logpdf(s.x[:, :1], theta.mean_1, theta.sd_1)
            + stats.poisson.logpmf(s.x[:, 1:2], theta.rate_2)
            + np.log(theta.prob_3.T[s.x[:, 2].astype(int)])
        ),
        lambda x, trials: MIXED(
            np.array([x[:, 0].mean()]),
            np.array([x[:, 0].std()]),
            np.array([x[:, 1].mean()]),
            np.bincount(x[:, 2].astype(int), minlength=3)[None] / len(x),
        ),
        Prior(
            3.0,
            record_of(MIXED)(
                *(160.0, 20.0, 900.0, 12.0), *(100.0, 20.0), np.array([20.0, 5.0, 30.0])
            ),
        ),
        no_trials,
        log_prior=mixed_prior,
        stated=lambda theta: [theta.mean_1, theta.sd_1**2, theta.rate_2, theta.prob_3[:, :-1]],
        draws=lambda theta, component, n, generator: np.column_stack(
            [
                stats.norm.rvs(
                    theta.mean_1[component], theta.sd_1[component], n, random_state=generator
                ),
                stats.poisson.rvs(theta.rate_2[component], size=n, random_state=generator),
                generator.choice(3, n, p=theta.prob_3[component]),
            ]
        ),
        apart=(160.0, 176.0),
    ),
    Row(
        "answers",
        ANSWERS,
        lambda rng, k: Mixture(weights(rng, k), ANSWERS(*rng.uniform(0.05, 0.95, (5, k)))),
        lambda theta, s: stats.binom.logpmf(s.x[:, :, None], 1, np.array(theta)).sum(axis=1),
        lambda x, trials: ANSWERS(*x.mean(axis=0)[:, None]),
        Prior(3.0, record_of(ANSWERS)(*[30.0, 50.0] * 5)),
        no_trials,
        log_prior=lambda theta, prior: (
            stats.beta(prior.heads_1 + 1, prior.tails_1 + 1).logpdf(np.array(theta)).sum()
        ),
        stated=list,
        draws=lambda theta, component, n, generator: stats.binom.rvs(
            1, np.array(theta)[:, component], size=(n, 5), random_state=generator
        ),
        apart=(0.1, 0.8),
    ),
    with_blanks(),
]

BY_ROWS = [row for row in FAMILIES if isinstance(emission_of(row.family), ByRows)]
EXPONENTIAL = [row for row in FAMILIES if row not in BY_ROWS]
IDENTIFIED = [row for row in FAMILIES if row.identified]

# Compiling is half of the suite, so that machine code of these is left to the slow one. The full and
# the tied spherical form differ in all that forms differ in: a Cholesky factor or variances, tied or
# not, one variance or several.
LONG_TO_COMPILE = (
    "answers",
    "gamma",
    "independent",
    "lognormal",
    "multivariate-tied",
    "multivariate-blanks",
    "multivariate-diagonal",
    "multivariate-spherical",
    "negative-binomial",
    "student-t",
    "student-t-4",
    "zero-inflated-gamma",
    "zero-inflated-poisson",
)
DRAWN = [
    pytest.param(row, id=row.name, marks=[pytest.mark.slow] if row.name in LONG_TO_COMPILE else [])
    for row in FAMILIES
]
