"""Gamma distributed columns: the maximum, its errors, its shapes to the last digit, spikes."""

from __future__ import annotations

import numpy as np
import pytest
from recovery import fits_to, recovered
from scipy import optimize, stats
from scipy.special import digamma

import em
from em import shapes
from em.positive import log1p_less, log_ratio_less
from em.shapes import shape_of, stirling
from models import Gamma, GammaPrior, Mixture, Prior, Sample, Sequences, simulate

TRUTH = Mixture(np.array([0.4, 0.6]), Gamma(np.array([3.0, 22.0]), np.array([2.0, 9.0])))


def test_one_component_is_the_maximum_that_an_optimiser_finds():
    for seed, shape in enumerate([0.05, 0.7, 6.0, 400.0]):
        x = stats.gamma.rvs(shape, scale=30, size=400, random_state=np.random.default_rng(seed))
        x = np.maximum(x, 1e-300)
        found = em.fit(Gamma, Sample(x), 1)

        def lacking(at: np.ndarray, x: np.ndarray = x) -> float:
            a = np.exp(at[1])
            return -stats.gamma.logpdf(x, a, scale=np.exp(at[0]) / a).sum()

        theirs = optimize.minimize(
            lacking, [np.log(x.mean()), 0.0], method="Nelder-Mead", tol=1e-13
        )
        at = np.log([found.estimate.theta.mean[0], found.estimate.theta.shape[0]])
        np.testing.assert_allclose(at, theirs.x, atol=1e-6)
        assert found.log_likelihood == pytest.approx(-theirs.fun, rel=1e-11)
        # negative control: a thousandth off, the likelihood is lower
        assert lacking(at + np.array([0, 1e-3])) - theirs.fun > 1e-5


def test_scipy_fits_the_same(rng):
    x = rng(1).gamma(3, 2, 300)
    found = em.fit(Gamma, Sample(x), 1).estimate.theta
    shape, _, scale = stats.gamma.fit(x, floc=0)
    assert found.shape[0] == pytest.approx(shape, rel=1e-6)
    assert found.mean[0] == pytest.approx(shape * scale, rel=1e-6)


# a, a log a - a - log Gamma(a) and its two derivatives, to 60 digits by mpmath
STIRLING = (
    (0.001, -6.915086640662836, 993.6678166528282, -999001.6425331958),
    (0.3, -1.7569898361158562, 2.2985514178741973, -8.912031212774398),
    (2.0, -0.6137056388801094, 0.27036284546147815, -0.14493406684822643),
    (9.99, 0.22351486632782402, 0.05088421982926105, -0.005176850048141686),
    (10.0, 0.22402344985898723, 0.05083250392732458, -0.005166335681685746),
    (35.0, 0.8563546099318, 0.014353735945513781, -0.000412049900212959),
    (10000.0, 3.686223319450088, 5.00008333333325e-05, -5.000166666666333e-09),
    (1e12, 12.896572024759518, 5.000000000000833e-13, -5.000000000001666e-25),
)
# v and log(1 + v) - v
LESS = (
    (-0.999, -5.908755278982136),
    (-0.2, -0.023143551314209757),
    (-0.0999, -0.005349410719097487),
    (-1e-08, -5.000000033333334e-17),
    (0.0, 0.0),
    (1e-12, -4.999999999996667e-25),
    (0.05, -0.001209835830567997),
    (0.0999, -0.004680733419066091),
    (0.1, -0.00468982019567514),
    (0.3, -0.03763573553250894),
    (7.0, -4.920558458320164),
    (1e9, -999999979.2767341),
)
# x and log(x / 3) - (x - 3) / 3
RATIOS = (
    (1e-09, -20.821878125947855),
    (2.9, -0.0005682183423480159),
    (3.0, 0.0),
    (3.1, -0.0005435105103424638),
    (1e9, -333333312.7086798),
)


@pytest.mark.parametrize(("a", "value", "slope", "bend"), STIRLING)
def test_stirlings_rest_has_all_digits(a, value, slope, bend):
    found = stirling(np.array(a))
    # below 10 the functions themselves are subtracted
    np.testing.assert_allclose([*found], [value, slope, bend], rtol=2e-13)
    assert shape_of(np.array(slope)) == pytest.approx(a, rel=5e-13)
    # negative control: plain subtraction has lost the digits of large shapes
    if a > 1e4:
        assert np.log(a) - digamma(a) != pytest.approx(slope, rel=1e-6, abs=0)


def test_shapes_are_found_at_both_ends():
    assert shape_of(np.array([0.0]))[0] > 1e90  # all values are one
    # under a prior a component with next to no observations has any gap
    np.testing.assert_allclose(
        shape_of(np.array([1e3, 1e17, 1e60])), [1e-3, 1e-17, 1e-60], rtol=0.01
    )
    extreme = np.log(1e308) - np.log(5e-324)  # doubles lie no farther apart
    assert 1e-4 < shape_of(np.array([extreme]))[0] < 1e-3


def test_logarithms_less_their_tangents_have_all_digits():
    away, exact = np.array(LESS).T
    np.testing.assert_allclose(log1p_less(away), exact, rtol=1e-14)
    x, exact = np.array(RATIOS).T
    np.testing.assert_allclose(log_ratio_less(x, np.array(3.0)), exact, rtol=2e-14)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_a_unit_changes_means_and_nothing_else(unit, rng):
    sample, _ = simulate(TRUTH, 300, rng(3))
    here = em.fit(Gamma, sample, 2)
    there = em.fit(Gamma, Sample(sample.x * unit, counts=sample.counts), 2)
    np.testing.assert_allclose(
        there.estimate.theta.mean, here.estimate.theta.mean * unit, rtol=1e-5
    )
    np.testing.assert_allclose(there.estimate.theta.shape, here.estimate.theta.shape, rtol=1e-5)
    by = sample.observations * np.log(unit)
    assert there.log_likelihood == pytest.approx(here.log_likelihood - by, rel=1e-10)
    prior = Gamma.weak_prior(sample, 2).affine(np.array([unit]), np.zeros(1))
    moved = Gamma.weak_prior(Sample(sample.x * unit, counts=sample.counts), 2)
    np.testing.assert_allclose(moved, prior, rtol=1e-9)


def test_a_narrow_column_is_a_gaussian(rng):
    """At a mean of 100,000 sds nothing is left of the skewness."""
    x = 1e5 + rng(4).normal(size=300)
    found, normal = em.fit(Gamma, Sample(x), 1), stats.norm(x.mean(), x.std())
    assert found.estimate.theta.shape[0] == pytest.approx((x.mean() / x.std()) ** 2, rel=1e-4)
    assert found.log_likelihood == pytest.approx(normal.logpdf(x).sum(), rel=1e-4)


def test_groups_of_any_width_climb(rng):
    """Means over decades, shapes from 0.3 to 1e5: no fall by rounding stops a climb."""
    truth = Mixture(
        np.full(3, 1 / 3), Gamma(np.array([1e-3, 1.0, 1e4]), np.array([0.3, 1e5, 20.0]))
    )
    sample, _ = simulate(truth, 600, rng(8))
    found = em.fit(Gamma, sample, 3, starts=6)
    assert found.converged
    np.testing.assert_allclose(found.estimate.theta.mean, truth.theta.mean, rtol=0.4)
    assert (np.diff(found.trace) >= -1e-12 * np.abs(found.trace[:-1])).all()


def test_a_repeated_value_is_a_spike_which_the_weak_prior_takes_away(rng):
    sample, _ = simulate(TRUTH, 150, rng(5))
    x = np.concatenate([sample.x, np.full(30, 9.0)])
    found = em.fit(Gamma, Sample(x), 3, starts=40)
    assert any(one.spike for one in found.optima)
    assert not found.optima[0].spike
    assert any("spike" in note for note in found.notes)
    prior = Prior(0.0, Gamma.weak_prior(Sample(x), 3))
    held = em.fit(Gamma, Sample(x), 3, starts=10, prior=prior)
    assert held.estimate.theta.shape.max() < 2e3
    # negative control: without the prior the same start runs to the floor
    near = Mixture(np.full(3, 1 / 3), Gamma(np.array([3.0, 9.0, 22.0]), np.array([2.0, 1e5, 9.0])))
    spike = em.fit(Gamma, Sample(x), 3, start=near)
    assert spike.estimate.theta.shape.max() == pytest.approx(1e18)
    assert "every start ended on a spike" in spike.notes[0]


def test_the_weak_prior_hardly_pulls_groups_that_lie_apart(rng):
    for own in ([4.0, 30.0], [60.0, 60.0]):
        truth = Mixture(np.array([0.5, 0.5]), Gamma(np.array([2.0, 60.0]), np.array(own)))
        sample, _ = simulate(truth, 300, rng(7))
        free = em.fit(Gamma, sample, 2)
        prior = Prior(0.0, Gamma.weak_prior(sample, 2))
        held = em.fit(Gamma, sample, 2, prior=prior)
        pairs = zip(free.estimate.theta, held.estimate.theta, strict=True)
        errors = free.standard_errors.theta
        pulls = [np.abs(a - b) / e for (a, b), e in zip(pairs, errors, strict=True)]
        assert np.max(pulls) < 0.35


def test_what_is_wrong_is_named():
    with pytest.raises(
        ValueError, match=r"row 1 .* is 0, which is not above 0 \(1 of 2 values\); drop"
    ):
        em.fit(Gamma, Sample([3.0, 0.0]), 1)
    with pytest.raises(ValueError, match=r"shape is .*; give numbers above 0"):
        em.fit(Gamma, Sample([3.0, 4.0]), 1, start=Mixture([1.0], Gamma([1.0], [0.0])))
    for record, said in (
        (GammaPrior(1, 1, 3, 4), "factor is 1; give one above 1"),
        (GammaPrior(1, 2, 2, 4), "degrees is 2; give one above 2"),
        (GammaPrior(1, 2, 3, -4), "shape is -4; give a number above 0"),
    ):
        with pytest.raises(ValueError, match=said):
            record.checked(Sample([2.0, 3.0]))
    found = em.fit(Gamma, Sample([5.0, 5.0, 5.0]), 1)
    assert found.log_likelihood == np.inf
    assert "no spread" in found.notes[0]


def test_ten_seeds_recover_the_truth_and_no_other():
    found = list(fits_to(TRUTH))
    assert all(recovered(one, TRUTH) for one in found)
    wrong = TRUTH._replace(theta=TRUTH.theta._replace(shape=np.array([2.0, 6.0])))
    assert not any(recovered(one, wrong) for one in found)


def test_states_of_a_chain_recover_theirs(rng):
    x = TRUTH.theta.draw(np.repeat(np.arange(60) % 2, 20), rng(6), None)
    found = em.fit(Gamma, Sequences(x), 2, starts=4)
    np.testing.assert_allclose(found.estimate.theta.mean, [3, 22], rtol=0.15)


def test_an_m_step_under_a_prior_needs_few_heights(monkeypatch):
    """Values without digits left to rise by end it: halving for a rise took 0.2 s a step."""
    count, usual = [], shapes.stirling

    def counted(a: np.ndarray):
        count.append(len(a))
        return usual(a)

    monkeypatch.setattr(shapes, "stirling", counted)
    prior = [-5.35199072e-03, 2.37335221e-02, -2.63117081e-02, 0.5]
    sums = np.array(
        [
            [74.4999409, -98.029096, 176.620482, *prior],
            [171.267571, -148.988399, -135.874659, *prior],
            [114.232489, -71.2825552, 164.41532, *prior],
        ]
    )
    start = em.emission.emission_of(Gamma).maximize(np.pad(sums[:, :3], ((0, 0), (0, 4))))
    count.clear()
    shapes.most_probable(sums, *start)
    assert len(count) < 12


@pytest.mark.parametrize("n", [0, 1e-90, 1e-18, 1e-9])
def test_a_component_with_next_to_no_observations_is_where_the_prior_is_highest(n):
    emission = em.emission.emission_of(Gamma)
    unseen = emission.unseen(GammaPrior(14.0, 26.0, 3.0, 168.0), 3)
    seen = n * np.array([1.0, -0.1, 0.3, 0.0, 0.0, 0.0, 0.0])
    mean, shape = emission.maximize((seen + unseen)[None])
    assert mean[0] == pytest.approx(14, rel=1e-5)
    assert shape[0] == pytest.approx(56, rel=1e-5)  # (degrees / 2 - 1) 2 shape / degrees
