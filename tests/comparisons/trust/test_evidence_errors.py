"""The exact evidence, and how often the error of the other one holds it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import logsumexp

from comparisons.replicates import run
from comparisons.trust.evidence import FEW, errors_off, posed, weighed
from comparisons.trust.exact_evidence import exact_evidence
from em.data.threads import available
from models import (
    Binomial,
    BinomialPrior,
    Gaussian,
    GaussianPrior,
    Poisson,
    PoissonPrior,
    Prior,
    Sample,
)
from models.question import asked
from models.refusal import Refusal

FLIPS = Sample([5, 9, 8, 4, 7], trials=10)
TIMES = Sample(np.arange(10), counts=[162, 267, 271, 185, 111, 61, 27, 8, 3, 1])
COIN, RATE = Prior(0.0, BinomialPrior(0.0, 0.0)), Prior(0.0, PoissonPrior(0.0, 1.0))


@pytest.mark.parametrize(
    ("k", "equal", "published"),
    [(1, False, -12.076776), (2, False, -11.822026), (2, True, -11.678305)],
)
def test_five_sets_have_the_evidence_of_the_references(k, equal, published):
    question = asked(Binomial, FLIPS, k, prior=COIN, equal_weights=equal)
    assert exact_evidence(question) == pytest.approx(published, abs=5e-7)
    # negative control: the prior with one head more
    other = replace(question, given=Prior(0.0, BinomialPrior(1.0, 0.0)))
    assert exact_evidence(other) != pytest.approx(published, abs=5e-3)


@pytest.mark.parametrize(
    ("k", "equal", "published"),
    [
        (1, False, -2005.751104),
        pytest.param(2, False, -1996.994369, marks=pytest.mark.slow),
        pytest.param(2, True, -1996.797429, marks=pytest.mark.slow),
    ],
)
def test_deaths_have_the_evidence_of_the_references(k, equal, published):
    question = asked(Poisson, TIMES, k, prior=RATE, equal_weights=equal)
    assert exact_evidence(question) == pytest.approx(published, abs=5e-7)


def by_every_allocation(x, k, weight, closed):
    """Sum over allocations one by one, their shares by the rule of succession."""
    found = []
    for labels in product(range(k), repeat=len(x)):
        label, share, seen = np.array(labels), 0.0, np.full(k, 1 + weight)
        for one in label:
            share += np.log(seen[one] / seen.sum())
            seen[one] += 1
        found.append(share + sum(closed(x[label == one]) for one in range(k)))
    return logsumexp(found)


def by_quadrature(x, log_density, log_prior, low, high) -> float:
    """Integrate one component's parameter."""
    height = lambda z: np.exp(sum(log_density(one, z) for one in x) + log_prior(z))  # noqa: E731
    return float(np.log(integrate.quad(height, low, high, epsabs=0, epsrel=1e-10)[0]))


@pytest.mark.parametrize("k", [2, 3])
def test_counted_allocations_are_all_of_them(k):
    """Components by quadrature, allocations one by one."""
    x = np.array([0.0, 2.0, 2.0, 7.0, 5.0])
    parts = {}

    def rate(own):
        key = tuple(sorted(own))
        if key not in parts:
            law = stats.gamma(2.5, scale=2.0).logpdf
            parts[key] = by_quadrature(own, stats.poisson.logpmf, law, 1e-12, 80)
        return parts[key]

    prior = Prior(0.5, PoissonPrior(1.5, 0.5))
    exact = exact_evidence(asked(Poisson, Sample(x), k, prior=prior))
    assert exact == pytest.approx(by_every_allocation(x, k, 0.5, rate), abs=1e-8)
    assert exact != pytest.approx(by_every_allocation(x, k, 0.0, rate), abs=1e-3)


def test_measurements_have_the_evidence_of_students_t():
    x = np.array([4.0, 5.5, 9.0, 9.5, 11.0])
    prior = Prior(0.0, GaussianPrior(mean=6.0, n=0.2, squares=3.0, degrees=4.0))

    def several(own):
        scale = (np.eye(len(own)) + 1 / 0.2) * 3.0 / 4.0
        law = stats.multivariate_t(np.full(len(own), 6.0), scale, df=4) if len(own) else None
        return 0.0 if law is None else float(law.logpdf(own))

    exact = exact_evidence(asked(Gaussian, Sample(x), 2, prior=prior))
    assert exact == pytest.approx(by_every_allocation(x, 2, 0.0, several), abs=1e-9)


def test_what_is_too_large_is_refused():
    for family, sample, k, said in (
        (Poisson, TIMES, 3, "too many for 3"),
        (Gaussian, Sample(np.arange(30.0)), 2, "too many for 2"),
        (Binomial, Sample([3, 5], trials=[10, 11]), 2, "trials differ"),
    ):
        with pytest.raises(Refusal, match=said):
            exact_evidence(asked(family, sample, k))


def held(records) -> tuple[int, int]:
    """Return how many are within two errors, and of how many."""
    off = np.abs(errors_off(records))
    return int((off <= 2).sum()), len(off)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")
def test_two_errors_hold_the_exact_evidence_in_95_of_100():
    records = run(weighed, 54, jobs=available())
    right, number = held(records)
    assert number > 48
    assert stats.binomtest(right, number, 0.95).pvalue > 1e-3
    # negative control: without log K! the same numbers are wrong wherever there are several groups
    for one in records:
        if one["own"]["log"] is not None:
            one["own"]["log"] -= float(np.log(one["k"] * (2 if one["k"] == 3 else 1)))
    right, number = held(records)
    assert stats.binomtest(right, number, 0.95).pvalue < 1e-12


def test_problems_are_small_and_of_every_kind():
    kinds = set()
    for number in range(6 * len(FEW)):
        question = posed(number)
        kinds.add((question.family, question.k, bool(question.held)))
        assert question.rows.observations <= 40
    assert len(kinds) == 5 * len(FEW)  # of one group the weight is always held
