"""The fit of single groups: honest where the model is right, and able to see what a sum hides."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from comparisons.verdict.by_group import by_group
from models import Admixture, Binomial, Categorical, Gaussian, Groups, Poisson, Sample, simulate
from models.question import asked

WEIGHT = np.array([[0.8, 0.2], [0.5, 0.5], [0.1, 0.9]])
FAMILIES = {
    "categorical": Categorical(np.array([[0.5, 0.3, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4]])),
    "gaussian": Gaussian(np.array([160.0, 178.0]), np.array([6.0, 6.0])),
    "poisson": Poisson(np.array([2.0, 9.0])),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_chances_keep_their_word_under_the_truth(name, rng):
    theta, n = FAMILIES[name], 200
    truth, generator = Admixture(WEIGHT, theta), rng(1950)
    chances = []
    for _ in range(n):
        data, _ = simulate(truth, 300, generator)
        chances.append(by_group(asked(type(theta), data, 2), [truth]).chance)
    low, high = stats.binom.ppf([1e-4, 1 - 1e-4], n, 0.05)
    assert low <= (np.array(chances) < 0.1).sum() <= high  # a chance is twice a p-value


@pytest.mark.parametrize("name", FAMILIES)
def test_groups_with_the_shares_of_others_are_seen(name, rng):
    """The negative control: all groups together are as the model has them."""
    theta = FAMILIES[name]
    data, _ = simulate(Admixture(WEIGHT, theta), 600, rng(1951))
    question = asked(type(theta), data, 2)
    right = by_group(question, [Admixture(WEIGHT, theta)])
    wrong = by_group(question, [Admixture(WEIGHT[::-1], theta)])
    same = by_group(question, [Admixture(np.tile(WEIGHT.mean(axis=0), (3, 1)), theta)])
    assert right.chance > 0.01
    for other in (wrong, same):
        assert other.chance < 1e-6
        assert other.size > 0.05


def test_many_small_groups_are_taken_together(rng):
    generator = rng(1952)
    weight = generator.dirichlet([1.0, 1.0], 200)
    truth = Admixture(weight, FAMILIES["categorical"])
    data, _ = simulate(truth, 2_000, generator)
    assert by_group(asked(Categorical, data, 2), [truth]).chance > 0.01
    other = Admixture(1 - weight, truth.theta)
    assert by_group(asked(Categorical, data, 2), [other]).size >= 0


def test_what_has_no_groups_or_several_columns_is_left_to_other_tests(rng):
    heads = Groups([1, 2, 3, 1], [0, 0, 1, 1], trials=3)
    one = Admixture(np.full((2, 2), 0.5), Binomial(np.array([0.3, 0.6])))
    assert by_group(asked(Binomial, heads, 2), [one]) is None
    assert by_group(asked(Poisson, Sample([1, 2, 3]), 1), []) is None
