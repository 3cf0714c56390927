"""Posteriors of positive columns: they recover the truth, agree with EM, and stay off spikes."""

from __future__ import annotations

import numpy as np
import pytest

import bayes
from bayes.posterior.tree import posterior_of
from models import Gamma, LogNormal, Mixture, Sample, simulate

HALVES = np.array([0.4, 0.6])
CASES = {
    "lognormal": (
        Mixture(HALVES, LogNormal(np.array([900.0, 7000.0]), np.array([0.4, 0.6]))),
        {"spread": np.array([0.6, 0.6])},
    ),
    "gamma": (
        Mixture(HALVES, Gamma(np.array([3.0, 22.0]), np.array([2.0, 9.0]))),
        {"shape": np.array([2.0, 5.0])},
    ),
}


def drawn(truth: Mixture, seed: int) -> Mixture:
    sample, _ = simulate(truth, 1_000, np.random.default_rng(seed))
    tree = bayes.sample(type(truth.theta), sample, 2, draws=500, seed=seed, progress=False)
    return posterior_of(tree).draws


def covers(draws: Mixture, truth: Mixture) -> bool:
    """Return whether every parameter lies within four posterior sds of its mean."""
    pairs = [(draws.weight, truth.weight), *zip(draws.theta, truth.theta, strict=True)]
    return all((np.abs(x.mean(axis=0) - true) < 4 * x.std(axis=0)).all() for x, true in pairs)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_ten_seeds_recover_the_truth_and_no_other(name):
    truth, other = CASES[name]
    wrong = truth._replace(theta=truth.theta._replace(**other))
    for seed in range(10):
        draws = drawn(truth, seed)
        assert covers(draws, truth)
        assert not covers(draws, wrong)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # one group is called two
@pytest.mark.parametrize("family", [LogNormal, Gamma])
def test_values_that_repeat_do_not_hold_a_chain(family, rng):
    """Whole minutes: single values are common, and no component ends on one."""
    x = np.maximum(np.rint(rng(3).gamma(3.0, 4.0, 400)), 1)
    sample = Sample(x)
    assert sample.counts.max() > 30
    tree = bayes.sample(family, sample, 2, draws=500, seed=1, progress=False)
    theta = posterior_of(tree).draws.theta
    narrow = theta[1] if family is LogNormal else theta[1] ** -0.5  # sd over mean
    assert np.quantile(narrow, 0.001) > 0.02
