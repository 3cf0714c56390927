"""934 people whose sex was hidden from the fit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from comparisons.studies import galton
from comparisons.studies.calculations.boundary import best_threshold, both, chance, crossing
from models import Gaussian, Mixture


def test_the_published_fit(story):
    comparison = story("galton").comparison
    frame = comparison.to_frame()["mle"]
    expected = {
        "weight[0]": 0.539877,
        "mean[0]": 64.26724,
        "mean[1]": 69.65426,
        "sd[0]": 2.349427,
        "sd[1]": 2.380982,
    }

    def published(values):
        return all(abs(values[name] - value) < 1e-4 for name, value in expected.items())

    assert published(frame)
    assert not published(frame + 0.001)  # negative control
    assert comparison.estimate.log_likelihood == pytest.approx(-2499.149379, abs=1e-5)


def test_the_truth_is_that_of_the_sexes():
    height, man = galton.grown_children()
    truth = galton.truth_of(height, man)
    assert len(height) == 934
    assert truth.theta.mean == pytest.approx([64.1, 69.2], abs=0.05)
    assert truth.weight == pytest.approx([453 / 934, 481 / 934])


def test_no_rule_beats_the_best_threshold(story):
    height, man = galton.grown_children()
    rules = galton.rules(height, man, story("galton").comparison)
    wrong = [int((rule.man != man).sum()) for rule in rules]
    every = [int(((height >= one) != man).sum()) for one in np.unique(height)]
    assert wrong[0] == min(every)
    assert best_threshold(height, ~man) != rules[0].height  # negative control: the sexes swapped
    assert min(wrong) == wrong[0]
    assert max(wrong) < min(man.sum(), (~man).sum())  # better than to call all of them men


def test_groups_part_where_both_are_as_likely(story):
    em, draws = both(story("galton").comparison)

    def log_odds(x, mixture=em):
        logs = np.log(mixture.weight) + norm.logpdf(x, mixture.theta.mean, mixture.theta.sd)
        return logs[1] - logs[0]

    root = brentq(log_odds, *em.theta.mean)
    assert crossing(em) == pytest.approx(root, abs=1e-8)
    assert crossing(em) != pytest.approx(em.theta.mean.mean(), abs=1e-2)  # negative control
    assert chance(em, np.array([root])) == pytest.approx([0.5], abs=1e-8)
    assert np.isnan(
        crossing(
            Mixture(np.array([0.999, 0.001]), Gaussian(np.array([0.0, 0.1]), np.array([2.0, 1.9])))
        )
    )
    assert crossing(draws).shape == (len(draws.weight),)


def test_those_with_like_chances_hold_as_many_men_as_expected(story):
    """Within 4 standard errors of a share."""
    rows = story("galton").steps[2].rows
    assert sum(row[3] for row in rows) == 934

    def calibrated(rows):
        return all(
            abs(men - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
            for *_, n, expected, men in rows
        )

    assert calibrated(rows)
    assert not calibrated([(*row[:4], row[4], 1 - row[5]) for row in rows])  # negative control
