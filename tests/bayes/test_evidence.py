"""Log evidence by bridge sampling: closed forms, sums over allocations, and what is refused."""

from __future__ import annotations

import warnings
from math import lgamma

import numpy as np
import pytest
from scipy import stats
from scipy.special import betaln, gammaln, multigammaln

import bayes
from bayes.posterior.evidence import evidence
from models import (
    Binomial,
    BinomialPrior,
    Categorical,
    CategoricalPrior,
    Gaussian,
    GaussianPrior,
    Groups,
    MultivariateGaussian,
    MultivariateGaussianPrior,
    Poisson,
    PoissonPrior,
    Prior,
    Sample,
    Sequences,
)

SHORT = {"draws": 500, "tune": 500, "seed": 1, "progress": False}
FLIPS = Sample([5, 9, 8, 4, 7], trials=10)
UNIFORM = Prior(0.0, BinomialPrior(0.0, 0.0))
FAR = 5.0  # standard errors that an honest estimate is off in one of two million cases
BLUNT = 0.02  # above this error a test would see few mistakes
# fmt: off
QUAKES = [13, 14, 8, 10, 16, 26, 32, 27, 18, 32, 36, 24, 22, 23, 22, 18, 25, 21, 21, 14, 8, 11, 14, 23,
          18, 17, 19, 20, 22, 19, 13, 26, 13, 14, 22, 24, 21, 22, 26, 21, 23, 24, 27, 41, 31, 27, 35, 26,
          28, 36, 39, 21, 17, 22, 17, 19, 15, 34, 10, 15, 22, 18, 15, 20, 15, 22, 19, 16, 30, 27, 29, 23,
          20, 16, 21, 21, 25, 16, 18, 15, 18, 14, 10, 15, 8, 15, 6, 11, 8, 7, 18, 16, 13, 12, 13, 20, 15,
          16, 12, 18, 15, 16, 13, 15, 16, 11, 11]
# fmt: on


def quietly(*given, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bayes.ChainsWarning)
        return bayes.sample(*given, **SHORT | options)


def off(found, exact: float) -> float:
    """Return by how many standard errors a log evidence is off."""
    assert found.error < BLUNT * 5
    return abs(found.log - exact) / found.error


# one component, closed forms (Bernardo & Smith 1994, appendix A)


def beta_binomial():
    heads, trials = np.array([3.0, 5.0, 5.0, 9.0]), np.array([10.0, 12.0, 12.0, 10.0])
    prior, tails = BinomialPrior(2.0, 0.5), (trials - heads).sum()
    ways = gammaln(trials + 1) - gammaln(heads + 1) - gammaln(trials - heads + 1)
    exact = ways.sum() + betaln(3.0 + heads.sum(), 1.5 + tails) - betaln(3.0, 1.5)
    return Binomial, Sample(heads, trials), prior, exact


def gamma_poisson():
    x, (events, exposure) = np.array([3.0, 5.0, 5.0, 0.0]), (1.5, 0.4)
    a, b = events + 1, exposure
    exact = a * np.log(b) - gammaln(a) + gammaln(a + x.sum()) - (a + x.sum()) * np.log(b + len(x))
    return Poisson, Sample(x), PoissonPrior(events, exposure), exact - gammaln(x + 1).sum()


def normal_inverse_gamma(shift: float = 0.0):
    x = np.array([1.0, 2.5, -0.5, 2.5, 4.0])
    prior = GaussianPrior(mean=0.5 + shift, n=0.3, squares=2.0, degrees=3.0)
    scale = np.eye(len(x)) + 1 / prior.n
    # the sd integrated out, the rows are t with the prior's degrees
    law = stats.multivariate_t(np.full(len(x), 0.5), scale * prior.squares / 3, df=3)
    return Gaussian, Sample(x + shift), prior, law.logpdf(x)


def normal_inverse_wishart():
    x = np.random.default_rng(3).normal(size=(12, 2)) * [1.0, 3.0] + [0.0, 2.0]
    n, d = x.shape
    prior = MultivariateGaussianPrior(np.array([0.5, 1.0]), 0.4, np.diag([2.0, 9.0]) + 0.5, 5.0)
    away = x.mean(axis=0) - prior.mean
    within = (x - x.mean(axis=0)).T @ (x - x.mean(axis=0))
    after = prior.scatter + within + prior.n * n / (prior.n + n) * np.outer(away, away)
    half, post = prior.degrees / 2, (prior.degrees + n) / 2
    exact = multigammaln(post, d) - multigammaln(half, d) - n * d / 2 * np.log(np.pi)
    exact += half * np.linalg.slogdet(prior.scatter)[1] - post * np.linalg.slogdet(after)[1]
    return MultivariateGaussian, Sample(x), prior, exact + d / 2 * np.log(prior.n / (prior.n + n))


def dirichlet_multinomial():
    words, unseen = ["a", "b", "a", "c", "b", "b", "d"], np.array([0.5, 0.0, 2.0, 1.0])
    seen, alpha = np.array([2, 3, 1, 1]), 1 + unseen
    exact = gammaln(alpha.sum()) - gammaln(alpha.sum() + 7)
    exact += (gammaln(alpha + seen) - gammaln(alpha)).sum()
    return Categorical, Groups(words, [1, 1, 1, 2, 2, 2, 2]), CategoricalPrior(unseen), exact


def chain_of_one():
    x = np.array(QUAKES)
    exact = 2 * np.log(0.1) - gammaln(2) + gammaln(2 + x.sum())
    exact += -(2 + x.sum()) * np.log(0.1 + len(x)) - gammaln(x + 1).sum()
    assert round(exact, 6) == -395.433303
    return Poisson, Sequences(x, initial="uniform"), PoissonPrior(1.0, 0.1), exact


CLOSED = {
    "binomial": beta_binomial,
    "poisson": gamma_poisson,
    "gaussian": normal_inverse_gamma,
    "gaussian far from zero": lambda: normal_inverse_gamma(shift=2.0**30),
    "multivariate": normal_inverse_wishart,
    "categorical in groups": dirichlet_multinomial,
    "hidden Markov": chain_of_one,
}


@pytest.mark.parametrize("name", CLOSED)
def test_one_component_has_the_evidence_of_the_textbook(name):
    family, data, record, exact = CLOSED[name]()
    found = evidence(quietly(family, data, 1, prior=Prior(0.0, record)))
    assert found.reason is None
    assert found.error < BLUNT
    assert off(found, exact) < FAR
    # negative control: another prior has another evidence, which the test would see
    other = evidence(quietly(family, data, 1, prior=Prior(0.0, record.widened(0.5))))
    assert off(other, exact) > FAR
    # and that is what the draws of the first say of it
    assert abs(other.log - found.half.log) < FAR * np.hypot(other.error, found.half.error)


def test_labellings_are_counted(monkeypatch):
    """Five sets of ten flips: the sums over 32 allocations are in comparisons/trust."""
    for options, exact in (({}, -11.822026), ({"equal_weights": True}, -11.678305)):
        tree = quietly(Binomial, FLIPS, 2, prior=UNIFORM, **options)
        found = evidence(tree)
        assert off(found, exact) < FAR
        # negative control: one region without its copies, the classical mistake
        assert abs(found.log - lgamma(3) - exact) > FAR * found.error
    assert evidence(tree) == found
    assert evidence(tree, seed=1) != found
