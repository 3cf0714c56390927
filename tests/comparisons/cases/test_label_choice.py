"""Labels in one dimension: by order, unless the draws show that only assignment identifies them."""

from __future__ import annotations

import numpy as np
import pytest

import bayes
import comparisons
from comparisons.testing import assert_recovered
from models import Binomial, Gaussian, Mixture, Poisson, Sample, simulate

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")
OUTLIERS = Mixture([0.85, 0.15], Gaussian([0.0, 0.0], [6.0, 24.0]))
TWO_OF_ONE_MEAN = Mixture([0.5, 0.2, 0.3], Gaussian([0.0, 0.0, 40.0], [3.0, 12.0, 4.0]))
APART = Mixture([0.6, 0.4], Gaussian([0.0, 4.0], [1.0, 1.0]))
OVERLAPPING = Mixture([0.5, 0.5], Gaussian([0.0, 1.0], [1.0, 1.0]))
ALIKE = Mixture([0.7, 0.3], Gaussian([0.0, 0.0], [1.0, 1.0]))


def opinion(truth, n, seed, rng, trials=None, draws=1_000):
    sample, _ = simulate(truth, n, rng(seed), trials)
    family, k = type(truth.theta), len(truth.weight)
    return comparisons.second_opinion(
        family, sample, k, draws=draws, seed=seed, starts=10, progress=False
    )


def standing(comparison):
    return {one.code for one in comparison.findings if one.stands}


def weight_of_the_larger(tree):
    """Return the interval of the larger group's weight."""
    weight = tree["posterior"]["weight"]
    larger = int(weight.mean(("chain", "draw")).to_numpy().argmax())
    return np.quantile(weight.sel(component=larger), [0.025, 0.975])


def test_outliers_of_the_same_mean_agree(rng):
    comparison = opinion(OUTLIERS, 2_000, 701, rng)
    assert comparison.verdict == "agree", comparison
    assert comparison.tree.attrs["labels"] == "assignment"
    assert not comparison.tree["labels"]["ambiguous"].any()
    assert_recovered(comparison, OUTLIERS)
    low, high = weight_of_the_larger(comparison.tree)
    assert low > 0.75
    assert high - low < 0.1
    # negative control: by order the same draws say next to nothing of the weight
    by_order = bayes.align(comparison.tree, "order")
    low, high = weight_of_the_larger(by_order)
    assert low < 0.25
    assert high > 0.75
    assert float(by_order["labels"]["ambiguous"].mean()) > 0.2
    assert "weak_separation" in standing(comparisons.compare(OUTLIERS, by_order))
    # and R-hat is of the labels that were chosen
    again = bayes.align(comparison.tree, "assignment")
    for name in ("weight", "mean", "sd"):
        np.testing.assert_array_equal(
            again["diagnostics"][name], comparison.tree["diagnostics"][name]
        )


@pytest.mark.slow
def test_two_of_three_groups_with_one_mean_agree(rng):
    comparison = opinion(TWO_OF_ONE_MEAN, 1_000, 702, rng)
    assert comparison.verdict == "agree", comparison
    assert comparison.tree.attrs["labels"] == "assignment"
    assert_recovered(comparison, TWO_OF_ONE_MEAN)


@pytest.mark.parametrize(
    ("truth", "trials"),
    [
        (APART, None),
        (Mixture([0.5, 0.5], Poisson([1.0, 8.0])), None),
        (Mixture([0.5, 0.5], Poisson([2.0, 4.0])), None),
        (Mixture([0.4, 0.6], Binomial([0.3, 0.55])), 20),
    ],
)
def test_groups_in_order_stay_in_order(truth, trials, rng):
    sample, _ = simulate(truth, 300, rng(703), trials)
    tree = bayes.sample(type(truth.theta), sample, 2, draws=500, seed=3, progress=False)
    assert tree.attrs["labels"] == "order"
    location = next(iter(type(truth.theta).layout()))
    values = tree["posterior"][location]
    assert (values.sel(component=0) <= values.sel(component=1)).all()


@pytest.mark.slow
@pytest.mark.parametrize("truth", [OVERLAPPING, ALIKE], ids=["1 sd apart", "alike"])
def test_groups_that_neither_alignment_identifies_stay_inconclusive(truth, rng):
    comparison = opinion(truth, 200, 704, rng)
    assert comparison.tree.attrs["labels"] == "order"
    assert comparison.verdict == "inconclusive"
    assert "weak_separation" in standing(comparison)


def test_draws_of_another_sampler_are_labelled_alike(rng):
    sample, _ = simulate(OUTLIERS, 500, rng(705))
    tree = bayes.sample(Gaussian, sample, 2, draws=500, seed=5, progress=False)
    theirs = bayes.align(tree, "order")["posterior"].to_dataset()
    found = bayes.adopt(Gaussian, Sample(sample.x, counts=sample.counts), theirs)
    assert found.attrs["labels"] == tree.attrs["labels"] == "assignment"
