"""The rule by which replicates are drawn keeps the level, and stops where a case is clear."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from comparisons.choice.sequential import FAR, Stopping

NULLS = {
    "chi-squared, 1 degree": lambda rng, size: rng.chisquare(1, size),
    "chi-squared, 6 degrees": lambda rng, size: rng.chisquare(6, size),
    "half of them 0": lambda rng, size: rng.chisquare(1, size) * (rng.random(size) < 0.5),
    "lognormal": lambda rng, size: np.exp(rng.normal(1, 0.7, size)),
}


def run(rule, statistic, draws):
    """Return the p-value and the number of replicates."""
    n = rule.counted(statistic, draws)
    assert n is not None
    return rule.p(statistic, draws[:n]), n


@pytest.mark.parametrize("null", NULLS)
def test_the_level_holds(null, rng) -> None:
    rule, n = Stopping(most=199), 1_500
    draws = NULLS[null](rng(11), (n, rule.most + 1))
    rejected = sum(run(rule, one[0], one[1:].tolist())[0] <= 0.05 for one in draws)
    low, high = binom.interval(0.999, n, 0.05)
    assert rejected <= high
    if null != "half of them 0":  # ties at 0 only make it rarer
        assert low <= rejected


def test_a_replicate_that_is_half_as_large_shows(rng) -> None:
    """Negative control: replicates that were climbed less hard reject too often."""
    rule, n = Stopping(most=199), 400
    draws = rng(12).chisquare(3, (n, rule.most + 1))
    rejected = sum(run(rule, one[0], (one[1:] / 2).tolist())[0] <= 0.05 for one in draws)
    assert rejected > binom.interval(0.999, n, 0.05)[1]


@pytest.mark.parametrize("null", NULLS)
@pytest.mark.parametrize("look", FAR)
def test_a_clear_case_is_one(null, look, rng) -> None:
    """Statistics whose p is just 1 / (n + 1) stop the test at a look about as often as stated."""
    draw, n = NULLS[null], 20_000
    at = np.quantile(draw(rng(13), 1_000_000), 1 - 1 / (look + 1))
    draws = np.sort(draw(rng(14), (n, look)), axis=1)
    largest, middle = draws[:, -1], np.median(draws, axis=1)
    wrong = at > largest + FAR[look] * np.maximum(largest - middle, 1)
    assert wrong.mean() < 0.004
    beyond = at > largest
    assert beyond.mean() > 0.3  # negative control: none exceeding alone would be no bound


def test_clear_cases_cost_twenty() -> None:
    rule, ones = Stopping(most=999), [1.0, 2.0, 3.0, 4.0] * 250
    assert run(rule, 50.0, ones) == (1 / 21, 20)
    assert run(rule, 1.0, ones) == (1.0, 10)
    assert run(rule, 6.0, ones) == (1 / 181, 180)
    assert run(rule, 5.0, ones)[1] == 999  # beyond all, but not far
    assert run(rule._replace(clear=False), 50.0, ones) == (1 / 1000, 999)
    assert run(Stopping(most=19), 50.0, ones) == (1 / 20, 19)


def test_blocks_are_about_as_large_as_needed() -> None:
    rule = Stopping(most=999)
    assert rule.needed(2.0, []) == 20
    assert rule.needed(2.0, [1.0] * 20) == 40  # as far as the next look
    assert rule.needed(2.0, [3.0] * 5 + [1.0] * 5) <= 12
    assert rule.needed(2.0, [1.0] * 990 + [3.0]) == 8
