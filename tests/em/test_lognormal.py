"""Log-normal columns: the maximum, its errors, digits far from 1, spikes, bad rows."""

from __future__ import annotations

import numpy as np
import pytest
from recovery import fits_to, recovered
from scipy import optimize, stats

import em
from em.emission import emission_of
from em.positive import log_ratio
from models import Gaussian, LogNormal, LogNormalPrior, Mixture, Prior, Sample, Sequences, simulate

TRUTH = Mixture(np.array([0.35, 0.65]), LogNormal(np.array([900.0, 7000.0]), np.array([0.4, 0.6])))


def one(seed: int, n: int = 400) -> np.ndarray:
    return stats.lognorm.rvs(0.7, scale=3e4, size=n, random_state=np.random.default_rng(seed))


def test_one_component_is_the_maximum_that_an_optimiser_finds():
    x = one(1)
    found = em.fit(LogNormal, Sample(x), 1)

    def lacking(at: np.ndarray) -> float:
        return -stats.lognorm.logpdf(x, np.exp(at[1]), scale=np.exp(at[0])).sum()

    theirs = optimize.minimize(lacking, [10.0, 0.0], method="Nelder-Mead", tol=1e-12)
    at = np.log([found.estimate.theta.median[0], found.estimate.theta.spread[0]])
    np.testing.assert_allclose(at, theirs.x, atol=1e-6)
    assert found.log_likelihood == pytest.approx(-theirs.fun, rel=1e-12)
    # negative control: a thousandth off, the likelihood is lower than theirs by more than that
    assert lacking(at + np.array([1e-3, 0])) - theirs.fun > 1e-5


def test_standard_errors_of_one_component_are_the_textbooks():
    x = one(2)
    found = em.fit(LogNormal, Sample(x), 1)
    (median,), (spread,) = found.estimate.theta
    errors = found.standard_errors.theta
    assert errors.median[0] == pytest.approx(median * spread / np.sqrt(len(x)), rel=1e-9)
    assert errors.spread[0] == pytest.approx(spread / np.sqrt(2 * len(x)), rel=1e-9)


@pytest.mark.parametrize("unit", [1e-9, 1e9, 2.0**40])
def test_a_unit_changes_medians_and_nothing_else(unit, rng):
    sample, _ = simulate(TRUTH, 300, rng(3))
    here = em.fit(LogNormal, sample, 2)
    there = em.fit(LogNormal, Sample(sample.x * unit, counts=sample.counts), 2)
    moved = here.estimate.theta.affine(np.array([unit]), np.zeros(1))
    np.testing.assert_allclose(there.estimate.theta.median, moved.median, rtol=1e-6)
    np.testing.assert_allclose(there.estimate.theta.spread, moved.spread, rtol=1e-6)
    by = sample.observations * np.log(unit)
    assert there.log_likelihood == pytest.approx(here.log_likelihood - by, rel=1e-10)
    errors = there.standard_errors.theta.median / here.standard_errors.theta.median
    np.testing.assert_allclose(errors, unit, rtol=1e-5)


def test_digits_of_a_narrow_column_are_kept(rng):
    """Numbers near 1e9 that differ by a few hundred: log x alone has lost half of its digits."""
    z = rng(4).normal(size=200)
    x = 1e9 + 500 * z
    found = em.fit(LogNormal, Sample(x), 1)
    away = (x - 1e9) / 1e9
    log = away - away**2 / 2 + away**3 / 3 - away**4 / 4
    spread = log.std()
    assert found.estimate.theta.spread[0] == pytest.approx(spread, rel=1e-12, abs=0)
    # negative control: the plain logarithms would not have passed
    assert np.log(x).std() != pytest.approx(spread, rel=1e-12, abs=0)


def test_logarithms_of_ratios_have_all_digits():
    point = np.array(3.0)
    x = np.array([3.0 + 2.0**-40, 3e-200, 3.0, 4.4, 4.6, 3e200])
    exact = [
        float(2.0**-40 / 3),
        np.log(1e-200),
        0.0,
        np.log(4.4 / 3),
        np.log(4.6 / 3),
        np.log(1e200),
    ]
    np.testing.assert_allclose(log_ratio(x, point), exact, rtol=3e-13)


def test_a_repeated_value_is_a_spike(rng):
    sample, _ = simulate(TRUTH, 150, rng(5))
    x = np.concatenate([sample.x, np.full(6, 2_000.0)])
    found = em.fit(LogNormal, Sample(x), 3, starts=40)
    assert any(one.spike for one in found.optima)
    assert not found.optima[0].spike
    assert any("spike" in note for note in found.notes)
    assert found.floor[0] == 1e-9  # of the median, whatever the unit
    # with a prior there is none
    prior = Prior(0.0, LogNormal.weak_prior(Sample(x), 3))
    held = em.fit(LogNormal, Sample(x), 3, starts=10, prior=prior)
    assert held.estimate.theta.spread.min() > 1e-3


def test_one_value_is_said_to_have_no_width():
    found = em.fit(LogNormal, Sample([5.0, 5.0, 5.0]), 1)
    assert found.log_likelihood == np.inf
    assert "no spread" in found.notes[0]


def test_what_is_not_above_zero_is_counted_and_named():
    with pytest.raises(
        ValueError, match=r"row 1 .* is 0, which is not above 0 \(3 of 5 values\); drop"
    ):
        em.fit(LogNormal, Sample([3.0, 0.0, -2.0, 4.0, 0.0]), 1)
    with pytest.raises(ValueError, match=r"median is .*; give numbers above 0"):
        em.fit(LogNormal, Sample([3.0, 4.0]), 1, start=Mixture([1.0], LogNormal([-1.0], [1.0])))
    with pytest.raises(ValueError, match="constant, and the weak prior needs its spread"):
        LogNormal.weak_prior(Sample([2.0, 2.0]), 1)
    with pytest.raises(ValueError, match="x lies between 1000000000 and 1000000001: "):
        LogNormal.weak_prior(Sample([1e9, 1e9 + 1]), 1)
    with pytest.raises(ValueError, match="prior: median is 0; give a number above 0"):
        LogNormalPrior(0, 1, 1, 1).checked(Sample([2.0, 3.0]))


def test_ten_seeds_recover_the_truth_and_no_other():
    found = list(fits_to(TRUTH))
    assert all(recovered(one, TRUTH) for one in found)
    wrong = TRUTH._replace(theta=TRUTH.theta._replace(spread=np.array([0.6, 0.6])))
    assert not any(recovered(one, wrong) for one in found)


def test_states_of_a_chain_recover_theirs(rng):
    state = np.repeat(np.arange(60) % 2, 20)
    x = TRUTH.theta.draw(state, rng(6), None)
    found = em.fit(LogNormal, Sequences(x), 2, starts=4)
    np.testing.assert_allclose(found.estimate.theta.median, [900, 7000], rtol=0.15)
    assert emission_of(LogNormal).relative


def test_the_least_width_is_called_no_sd(rng):
    x = np.r_[rng(5).lognormal(3, 0.5, 40), [7.0, 7.0, 7.0]]
    own = em.fit(LogNormal, Sample(x), 3, starts=20)
    assert any("the least width allowed is" in note for note in own.notes)
    # negative control: of a Gaussian it is one
    plain = em.fit(Gaussian, Sample(x), 3, starts=20)
    assert any("the least sd allowed is" in note for note in plain.notes)
