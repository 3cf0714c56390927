"""R-hat and effective sizes of many columns at once are ArviZ's of each."""

from __future__ import annotations

import numpy as np
import pytest
from arviz_stats.base import array_stats

from bayes.posterior.effective import mean_errors, measures_of

TAIL = (0.11, 0.89)
EXACT = 1e-9  # both sum the same numbers, in other orders


def autoregressive(rng, rho, columns, chains, draws):
    noise = rng.normal(size=(columns, chains, draws))
    for at in range(1, draws):
        noise[:, :, at] += rho * noise[:, :, at - 1]
    return noise


CASES = {
    "independent": lambda rng: autoregressive(rng, 0.0, 20, 2, 500),
    "slow": lambda rng: autoregressive(rng, 0.98, 20, 4, 201),
    "antithetic": lambda rng: autoregressive(rng, -0.9, 20, 2, 250),
    "apart": lambda rng: autoregressive(rng, 0.5, 5, 3, 99) + np.arange(3)[None, :, None],
    "few": lambda rng: autoregressive(rng, 0.5, 40, 2, 11),
    "fewest": lambda rng: autoregressive(rng, 0.5, 40, 2, 4),
    "odd": lambda rng: autoregressive(rng, 0.5, 40, 2, 7),
    "ties": lambda rng: np.round(autoregressive(rng, 0.7, 10, 4, 200)),
    "two stay apart": lambda rng: np.repeat([[[1.0], [1.5]]], 100, axis=2),
    "two values": lambda rng: rng.integers(0, 2, (6, 2, 40)).astype(float),
    "one stays": lambda rng: np.concatenate(
        [rng.normal(size=(3, 2, 100)), np.ones((3, 1, 100))], 1
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_measures_are_those_of_arviz(case, rng):
    draws = CASES[case](rng(7))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = measures_of(draws, TAIL)
        known = np.stack(
            [
                array_stats.rhat(draws, method="rank"),
                array_stats.ess(draws, method="bulk"),
                array_stats.ess(draws, method="tail", prob=TAIL),
            ]
        )
        errors, theirs = mean_errors(draws), array_stats.mcse(draws, method="mean")
    np.testing.assert_allclose(found, known, rtol=EXACT)
    np.testing.assert_allclose(errors, theirs, rtol=EXACT)


def test_another_order_of_the_draws_has_other_measures(rng):
    """So that the test above could fail."""
    draws = CASES["slow"](rng(7))
    mixed = rng(8).permuted(draws, axis=2)
    assert (np.abs(measures_of(mixed, TAIL) / measures_of(draws, TAIL) - 1) > 0.01).all()


def test_columns_that_stay_have_all_their_draws_and_no_r_hat():
    with np.errstate(divide="ignore", invalid="ignore"):
        found = measures_of(np.ones((1, 2, 50)), TAIL)
    assert np.isnan(found[0, 0])
    np.testing.assert_array_equal(found[1:, 0], [100, 100])


def test_too_few_draws_have_no_measures(rng):
    draws = rng(1).normal(size=(2, 2, 3))
    assert np.isnan(measures_of(draws, TAIL)).all()
    assert np.isnan(mean_errors(draws)).all()
