"""Five sets of ten flips: the lecture's numbers, and Do & Batzoglou's."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.special import betaln, comb
from scipy.stats import binom

from comparisons.studies import coins
from comparisons.studies.calculations.exact import two_coins
from em import fit
from models import Binomial, Sample

K_SIGMA = 4


def column(steps, name):
    return [row[list(steps.columns).index(name)] for row in steps.rows]


def test_labels_known():
    assert coins.HEADS.tolist() == [5, 7, 8, 9, 4]
    np.testing.assert_allclose(coins.BIASES, [9 / 20, 24 / 30], rtol=1e-15)
    np.testing.assert_allclose(coins.BIASES, [0.45, 0.80], rtol=1e-12)
    assert coins.labelled().words() == [
        ["A", "5 4", "9", "20", "0.45"],
        ["B", "7 8 9", "24", "30", "0.80"],
    ]


def test_hard_em_assigns_a_a_b_b_a_and_stays():
    steps = coins.hardened(coins.climb(coins.HARD, hard=True))
    assert column(steps, "P(5 | A)")[0] == pytest.approx(0.24609375, abs=1e-12)
    assert column(steps, "P(5 | B)")[0] == pytest.approx(0.0014880348, abs=1e-10)
    assert set(column(steps, "coins")) == {"A, A, B, B, A"}
    ends = np.array([column(steps, "A")[1:], column(steps, "B")[1:]])
    np.testing.assert_allclose(ends, np.array([[16 / 30] * 2, [17 / 20] * 2]), rtol=1e-12)
    # negative control: from the soft start the sets are split otherwise
    other = coins.hardened(coins.climb(coins.SOFT, hard=True))
    assert column(other, "coins")[0] != "A, A, B, B, A"


def test_soft_em_step_by_step():
    path = coins.climb(coins.SOFT, hard=False)
    np.testing.assert_allclose(path[1], [0.581339, 0.713012], atol=5e-7)
    np.testing.assert_allclose(path[10], [0.519659, 0.796744], atol=5e-7)
    np.testing.assert_allclose(path[-1], [0.519583, 0.796789], atol=1e-6)
    assert not np.allclose(path[9], [0.519659, 0.796744], atol=5e-7)  # negative control
    heights = column(coins.softened(path), "log-likelihood")
    assert (np.diff(heights) > 0).all()
    assert heights[-1] == pytest.approx(-9.796924, abs=5e-7)
    # the same steps in plain Python
    a, b = coins.SOFT
    for step in range(10):
        of_a = [binom.pmf(x, 10, a) for x in coins.HEADS]
        share = [
            one / (one + binom.pmf(x, 10, b)) for one, x in zip(of_a, coins.HEADS, strict=True)
        ]
        a = np.dot(share, coins.HEADS) / (10 * sum(share))
        b = np.dot(1 - np.array(share), coins.HEADS) / (50 - 10 * sum(share))
        np.testing.assert_allclose(path[step + 1], [a, b], rtol=1e-12)


def test_the_first_step_shares_sets_out_as_the_paper_does():
    sums = coins.shared().rows[-1]
    assert [round(one, 1) for one in sums[2:]] == [11.7, 8.4, 21.3, 8.6]
    assert [round(row[1], 2) for row in coins.shared().rows[:-1]] == [0.45, 0.65, 0.73, 0.80, 0.35]
    assert sums[2] / (sums[2] + sums[3]) == pytest.approx(0.581339, abs=5e-7)
    assert sums[4] / (sums[4] + sums[5]) == pytest.approx(0.713012, abs=5e-7)


def test_the_published_limits_and_errors():
    equal, exact, free, exact_free = (row[1:] for row in coins.answers().rows)
    a, a_sd, b, b_sd, share, _, height = equal
    assert (round(a, 6), round(b, 6), share) == (0.519583, 0.796789, 0.5)
    assert (round(a_sd, 4), round(b_sd, 4), round(height, 6)) == (0.1308, 0.1015, -9.796924)
    a, _, b, _, share, _, height = free
    assert (round(a, 6), round(b, 6)) == (0.513917, 0.793368)
    assert (round(1 - share, 6), round(height, 6)) == (0.522751, -9.795419)
    # the page's moments are off in the fourth place: a grid below refuses them
    np.testing.assert_allclose([exact[0], exact[2]], [0.50448, 0.77019], atol=2e-4)
    np.testing.assert_allclose([exact[1], exact[3]], [0.12272, 0.09000], atol=1e-4)
    assert exact[-1] == pytest.approx(-11.678304, abs=1e-6)
    assert exact_free[-1] == pytest.approx(-11.822026, abs=1e-6)
    alone = np.log(comb(10, coins.HEADS)).sum() + betaln(33 + 1, 17 + 1)  # of a single coin
    assert alone == pytest.approx(-12.076776, abs=1e-6)
    assert exact[-1] > exact_free[-1] > alone
    assert exact[-1] != pytest.approx(exact_free[-1], abs=1e-3)  # negative control


def enumerated(heads, trials, *, equal_weights):
    """Sum the evidence over all allocations of the sets, each a product of Beta functions."""
    total = 0.0
    for members in product((False, True), repeat=len(heads)):
        own = np.array(members)
        log = np.log(comb(trials, heads)).sum()
        for part in (own, ~own):
            log += betaln(heads[part].sum() + 1, (trials - heads)[part].sum() + 1)
        n = own.sum()
        log += len(own) * np.log(0.5) if equal_weights else betaln(n + 1, len(own) - n + 1)
        total += np.exp(log)
    return np.log(total)


@pytest.mark.parametrize("equal_weights", [True, False])
def test_two_coins_by_enumeration(equal_weights):
    heads, trials = np.array([0, 3, 4, 11, 4, 2]), np.array([2, 5, 4, 12, 9, 9])
    found = two_coins(Sample(heads, trials), equal_weights=equal_weights)
    exact = enumerated(heads, trials, equal_weights=equal_weights)
    assert found.log_evidence == pytest.approx(exact, abs=1e-10)
    assert found.log_evidence != pytest.approx(
        enumerated(heads, trials, equal_weights=not equal_weights), abs=1e-3
    )
    repeated = two_coins(Sample([4, 4, 7], trials=10), equal_weights=equal_weights)
    counted = two_coins(Sample([4, 7], trials=10, counts=[2, 1]), equal_weights=equal_weights)
    np.testing.assert_allclose(repeated.mean, counted.mean, rtol=1e-12)


def test_two_coins_have_ordered_moments():
    """By brute force over a fine grid of p_0 < p_1."""
    p = (np.arange(2_000) + 0.5) / 2_000
    each = binom.pmf(coins.HEADS[:, None], 10, p)
    half = (p[:, None] < p) + 0.5 * (p[:, None] == p)
    mass = np.prod((each[:, :, None] + each[:, None, :]) / 2, axis=0) * half
    mass /= mass.sum()
    low, high = (mass.sum(axis=1) @ p, mass.sum(axis=0) @ p)
    found = two_coins(coins.FLIPS, equal_weights=True)
    sds = [np.sqrt(mass.sum(axis=1) @ p**2 - low**2), np.sqrt(mass.sum(axis=0) @ p**2 - high**2)]
    # of the midpoint rule, whose error goes with the square of the grid's width
    np.testing.assert_allclose(found.mean[:2], [low, high], atol=1 / 2_000**2)
    np.testing.assert_allclose(found.sd[:2], sds, atol=1 / 2_000**2)
    assert not np.allclose(found.mean[:2], [0.50448, 0.77019], atol=1e-5)  # negative control


def test_pymc_finds_the_exact_posterior(story):
    frame = story("coins").comparison.to_frame()
    exact = two_coins(coins.FLIPS, equal_weights=True)

    def sampled(mean):
        rows = frame.loc[["prob[0]", "prob[1]"]]
        return bool((np.abs(rows["mean"] - mean) < K_SIGMA * rows["mcse"]).all())

    assert sampled(exact.mean[:2])
    assert not sampled(two_coins(coins.FLIPS, equal_weights=False).mean[:2])
    assert not sampled(fit(Binomial, coins.FLIPS, 2, equal_weights=True).mixture.theta.prob)
