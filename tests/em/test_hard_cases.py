"""Legal but hard."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from em import fit
from em.climb.steps import Steps
from models import Binomial, Gaussian, Mixture, MultivariateGaussian, Poisson, Sample


@pytest.mark.parametrize("x", [[5.0], [5.0, 5.0, 5.0]], ids=["one observation", "all equal"])
def test_no_spread_is_said_to_be_degenerate(x):
    found = fit(Gaussian, Sample(x), 1)
    assert found.mixture.theta.mean.tolist() == [5.0]
    assert found.mixture.theta.sd.tolist() == [0.0]
    assert np.isposinf(found.log_likelihood)
    assert any("degenerate" in note for note in found.notes)
    assert np.isnan(found.standard_errors.theta.sd).all()
    with pytest.raises(ValueError, match="degenerate"):
        found.density([5.0])


def test_a_floor_of_ones_own_is_kept_by_a_single_component():
    found = fit(Gaussian, Sample([1.0, 1.2, 1.4]), 1, floor=0.5)
    assert found.mixture.theta.sd.tolist() == [0.5]
    assert np.isfinite(found.log_likelihood)


def test_no_spread_in_some_direction_is_degenerate_too():
    rows = np.arange(6.0)[:, None] * [1.0, 2.0]
    found = fit(MultivariateGaussian, Sample(rows), 1)
    np.testing.assert_allclose(found.mixture.theta.cov[0], np.cov(rows.T, bias=True), rtol=1e-12)
    assert any("degenerate" in note for note in found.notes)


def test_one_observation_of_every_family():
    assert fit(Binomial, Sample([3], [4]), 1).mixture.theta.prob.tolist() == [0.75]
    assert fit(Poisson, Sample([3]), 1).mixture.theta.rate.tolist() == [3.0]
    assert fit(MultivariateGaussian, Sample([[3.0, 4.0]]), 1).mixture.theta.mean.tolist() == [
        [3, 4]
    ]


@pytest.mark.parametrize("unit", [1e300, 1e-300])
def test_extreme_units(unit, rng):
    x = np.concatenate([rng(61).normal(1, 0.1, 50), rng(62).normal(2, 0.2, 50)])
    plain, extreme = fit(Gaussian, Sample(x), 2), fit(Gaussian, Sample(x * unit), 2)
    np.testing.assert_allclose(
        extreme.mixture.theta.mean / unit, plain.mixture.theta.mean, rtol=1e-7
    )
    np.testing.assert_allclose(extreme.mixture.theta.sd / unit, plain.mixture.theta.sd, rtol=1e-6)
    np.testing.assert_allclose(
        extreme.standard_errors.theta.mean / unit, plain.standard_errors.theta.mean, rtol=1e-5
    )
    expected = plain.log_likelihood - 100 * np.log(unit)
    assert extreme.log_likelihood == pytest.approx(expected, rel=1e-12)


def test_both_ends_of_the_doubles():
    found = fit(Gaussian, Sample([-1.1e307, -1.0e307, 1.0e307, 1.1e307]), 2, floor=1e305)
    np.testing.assert_allclose(found.mixture.theta.mean, [-1.05e307, 1.05e307], rtol=1e-6)
    with pytest.raises(ValueError, match=r"x: row 1 \(counted from 0\) is 1\.7e\+308"):
        Sample([0.0, 1.7e308])


def test_a_small_spread_on_a_large_offset(rng):
    generator = rng(63)
    x = np.concatenate([generator.normal(0, 1, 300), generator.normal(5, 1, 300)])
    shifted = 1e9 + 1e-3 * x  # doubles there are 1.2e-7 apart, 1e-4 of an sd
    found, plain = fit(Gaussian, Sample(shifted), 2), fit(Gaussian, Sample(x), 2)
    np.testing.assert_allclose(
        (found.mixture.theta.mean - 1e9) * 1e3, plain.mixture.theta.mean, atol=1e-3
    )
    np.testing.assert_allclose(found.mixture.theta.sd * 1e3, plain.mixture.theta.sd, rtol=1e-3)


def test_two_clusters_a_million_widths_apart(rng):
    generator = rng(64)
    x = np.concatenate([generator.normal(0, 1e-6, 100), generator.normal(1, 1e-6, 300)])
    found = fit(Gaussian, Sample(x), 2)
    np.testing.assert_allclose(found.mixture.weight, [0.25, 0.75], rtol=1e-12)
    parts = x[x < 0.5], x[x > 0.5]
    np.testing.assert_allclose(found.mixture.theta.sd, [part.std() for part in parts], rtol=1e-8)
    assert found.log_likelihood == pytest.approx(separate(x), rel=1e-12)
    assert not found.optima[0].spike
    errors = [part.std() / np.sqrt(len(part)) for part in parts]
    np.testing.assert_allclose(found.standard_errors.theta.mean, errors, rtol=1e-7)


def separate(x: np.ndarray) -> float:
    """Log-likelihood of two clusters that do not touch."""
    total = 0.0
    for part in (x[x < 0.5], x[x > 0.5]):
        n, sd = len(part), part.std()
        total += n * (np.log(n / len(x)) - np.log(sd) - 0.5 * np.log(2 * np.pi) - 0.5)
    return total


def test_two_clusters_a_million_widths_apart_in_the_plane(rng):
    generator = rng(65)
    one, other = generator.normal(0, 1e-6, (100, 2)), generator.normal(1, 1e-6, (300, 2))
    found = fit(MultivariateGaussian, Sample(np.vstack([one, other])), 2)
    np.testing.assert_allclose(found.mixture.weight, [0.25, 0.75], rtol=1e-12)
    for cov, part in zip(found.mixture.theta.cov, (one, other), strict=True):
        np.testing.assert_allclose(cov, np.cov(part.T, bias=True), rtol=1e-6, atol=1e-20)


def test_the_safe_form_agrees_with_the_fast_one(rng, monkeypatch):
    """The stated rule decides between two ways to the same numbers; it is not either or."""
    import em.gaussian

    x = np.concatenate([rng(66).normal(0, 1, 200), rng(67).normal(300, 1, 200)])
    start = Mixture([0.5, 0.5], Gaussian([10.0, 200.0], [50.0, 50.0]))
    found = {}
    for farthest in (0.0, 1e30):
        monkeypatch.setattr(em.gaussian, "FARTHEST", farthest)
        found[farthest] = fit(Gaussian, Sample(x), 2, start=start)
    safe, fast = found.values()
    assert safe.log_likelihood == pytest.approx(fast.log_likelihood, rel=1e-10)
    np.testing.assert_allclose(safe.mixture.theta.sd, fast.mixture.theta.sd, rtol=1e-8)


def test_without_the_safe_form_far_clusters_go_wrong(rng, monkeypatch):
    """Negative control of the rule: expanded about zero, the squares have cancelled."""
    import em.gaussian

    generator = rng(64)
    x = np.concatenate([generator.normal(0, 1e-6, 100), generator.normal(1, 1e-6, 300)])
    monkeypatch.setattr(em.gaussian, "FARTHEST", np.inf)
    monkeypatch.setattr(Steps, "compiles", False)  # it has its own
    try:
        found = fit(Gaussian, Sample(x), 2)
    except ArithmeticError:
        return
    assert found.log_likelihood != pytest.approx(separate(x), rel=1e-12)


@pytest.mark.parametrize("heads", [[0, 0, 0, 0], [1, 2, 3, 4]], ids=["none", "all"])
def test_coins_that_never_turn(heads):
    for k in (1, 2):
        found = fit(Binomial, Sample(heads, [1, 2, 3, 4]), k)
        assert found.mixture.theta.prob.tolist() == [float(heads[0] > 0)] * k
        assert found.log_likelihood == pytest.approx(0, abs=1e-12)
        assert any("edge" in note for note in found.notes)


def test_one_coin_that_never_turns_beside_one_that_does():
    found = fit(Binomial, Sample([0, 0, 0, 5, 6, 4], 10), 2)
    assert found.mixture.theta.prob[0] < 1e-6
    assert found.mixture.theta.prob[1] == pytest.approx(0.5, abs=0.01)


def test_no_events_at_all():
    found = fit(Poisson, Sample([0, 0, 0, 0]), 1)
    assert found.mixture.theta.rate.tolist() == [0.0]
    assert found.log_likelihood == 0


@pytest.mark.parametrize("seed", range(5))
def test_ten_components_on_thirty_points(seed, rng):
    found = fit(Gaussian, Sample(rng(seed).normal(size=30)), 10)
    assert found.mixture.weight.sum() == pytest.approx(1, abs=1e-12)
    assert np.isfinite(found.log_likelihood)
    assert (np.diff(found.trace) >= -1e-9).all()


@pytest.mark.parametrize("name", ["full", "tied", "diagonal", "spherical", "tied-spherical"])
@pytest.mark.parametrize("seed", range(3))
def test_ten_components_on_thirty_points_in_space(seed, name, rng):
    sample = Sample(rng(seed).normal(size=(30, 3)))
    found = fit(MultivariateGaussian.with_covariance(name), sample, 10)
    assert found.mixture.weight.sum() == pytest.approx(1, abs=1e-12)
    assert np.isfinite(found.log_likelihood)


def test_as_many_components_as_distinct_values():
    found = fit(Gaussian, Sample([1.0, 2.0, 2.0, 3.0]), 3)
    assert np.isfinite(found.log_likelihood)
    assert found.optima[0].spike


def test_a_covariance_that_no_double_can_hold_is_refused():
    with pytest.raises(ValueError, match=r"x: row 0 .*1e\+300.*divide"):
        fit(MultivariateGaussian, Sample([[1e300, 1.0], [2e300, 2.0], [5e300, 4.0]]), 1)


def test_a_column_that_does_not_vary(rng):
    rows = np.column_stack([rng(68).normal(size=40), np.ones(40)])
    found = fit(MultivariateGaussian, Sample(rows), 2)
    assert found.optima[0].spike
    assert any("every start ended on a spike" in note for note in found.notes)


def test_large_counts_of_events(rng):
    """A million photons a pixel: terms of 1e7 that cancel to 8."""
    x = np.concatenate([rng(69).poisson(1.0e6, 300), rng(70).poisson(1.01e6, 300)])
    found = fit(Poisson, Sample(x), 2)
    np.testing.assert_allclose(found.mixture.theta.rate, [1.0e6, 1.01e6], rtol=1e-3)
    assert found.converged


@pytest.mark.parametrize(("gap", "overflow"), [(6.0, False), (17.0, True), (28.0, True)])
@pytest.mark.parametrize("n", [5, 61])
def test_logarithms_of_products_are_taken_where_they_fit(gap, overflow, n, rng):
    x = np.concatenate([rng(64).normal(0, 1, n), rng(65).normal(gap, 1, n)])
    start = Mixture([0.5, 0.5], Gaussian([0.0, gap], [1.0, 1.0]))
    found = fit(Gaussian, Sample(x), 2, start=start, max_steps=0)
    each = np.log(0.5) + norm.logpdf(x[:, None], [0.0, gap], 1.0)
    assert found.trace[0] == pytest.approx(logsumexp(each, axis=1).sum(), rel=1e-13)
    odds = np.exp(np.abs(each[:, 1] - each[:, 0]))
    with np.errstate(over="ignore"):
        assert np.isinf(np.prod(np.sort(odds)[-8:])) == overflow  # the case is as hard as it claims


def test_odds_that_overflow_in_threads(rng):
    """Clusters 400 widths apart overflow the fast softmax; the threads fall back without a word."""
    x = np.concatenate([rng(73).normal(0, 1, 150_000), rng(74).normal(400, 1, 50_000)])
    found = fit(Gaussian, Sample(x), 2, starts=2)
    np.testing.assert_allclose(found.mixture.weight, [0.75, 0.25], rtol=1e-12)
    np.testing.assert_allclose(found.mixture.theta.sd, [1, 1], atol=0.02)


@pytest.mark.parametrize("ratio", [10, 29, 31, 80, 200, 300, 1000])
def test_narrow_beside_wide_raises_no_false_alarm(ratio, rng):
    """A component `ratio` of its widths from the centre; the log-likelihood may be near zero."""
    for seed in range(3):
        generator = rng(seed)
        x = np.concatenate([generator.normal(0, 1, 3_000), generator.normal(5, 2.5 / ratio, 3_000)])
        found = fit(Gaussian, Sample(x), 2, starts=4)
        assert found.converged
        assert found.mixture.theta.sd[1] == pytest.approx(2.5 / ratio, rel=0.1)
        rows = np.column_stack([x, generator.permutation(x)])
        assert fit(MultivariateGaussian, Sample(rows), 2, starts=3, max_steps=100).trace.size > 1


@pytest.mark.parametrize("eps", [1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
@pytest.mark.parametrize("name", ["full", "tied"])
def test_correlated_columns_are_uncorrelated_first(eps, name, rng):
    """x = (a, a + eps b) holds what (a, b) holds, and everything must say so."""
    family = MultivariateGaussian.with_covariance(name)
    a, b = rng(75).normal(size=400) + 6 * (np.arange(400) < 150), rng(76).normal(size=400)
    easy = fit(family, Sample(np.column_stack([a, b])), 2)
    hard = fit(family, Sample(np.column_stack([a, a + eps * b])), 2)
    assert hard.converged
    assert hard.log_likelihood == pytest.approx(easy.log_likelihood - 400 * np.log(eps), rel=1e-9)
    for one, other, size in (
        (hard.mixture, easy.mixture, 1e-6),
        (hard.standard_errors, easy.standard_errors, 1e-5),
    ):
        np.testing.assert_allclose(one.weight, other.weight, rtol=size)
        np.testing.assert_allclose(
            one.theta.mean[:, 0], other.theta.mean[:, 0], rtol=size, atol=size
        )
        np.testing.assert_allclose(one.theta.cov[:, 0, 0], other.theta.cov[:, 0, 0], rtol=size)
    # the same from the information in the data's units: cov[0,0] has the same error there
    if eps >= 1e-3:
        place = hard.coordinates.index("mean[0,0]")
        error = np.linalg.inv(hard.information)[place, place] ** 0.5
        assert error == pytest.approx(easy.standard_errors.theta.mean[0, 0], rel=1e-4)


def test_correlated_columns_without_that_go_wrong(rng, monkeypatch):
    """Negative control: expanded in the columns as they are, digits are lost."""
    import em.data.standardise

    a, b = rng(75).normal(size=400) + 6 * (np.arange(400) < 150), rng(76).normal(size=400)
    easy = fit(MultivariateGaussian, Sample(np.column_stack([a, b])), 2)
    monkeypatch.setattr(em.data.standardise, "CORRELATED", 0.0)
    try:
        hard = fit(MultivariateGaussian, Sample(np.column_stack([a, a + 1e-6 * b])), 2)
    except ArithmeticError:
        return
    assert hard.log_likelihood != pytest.approx(easy.log_likelihood - 400 * np.log(1e-6), rel=1e-9)


def test_new_data_are_scored_in_the_units_of_the_fit(rng):
    generator = rng(77)
    found = fit(Gaussian, Sample(generator.normal(size=200)), 2)
    near = found.density([1e-12])
    for zero in (0.0, [0.0], [1e-200], [0.0, 0.0]):
        np.testing.assert_allclose(found.density(zero), near[0], rtol=1e-9)
    assert found.assign(Sample([0.0])).shape == (1,)
    plane = fit(MultivariateGaussian, Sample(generator.normal(size=(200, 2))), 2)
    assert np.isfinite(plane.density([[0.0, 0.0]])).all()
    with pytest.raises(ValueError, match="x has 1 columns, but the fit has 2"):
        plane.assign(Sample([[0.0], [1.0]]))
    with pytest.raises(ValueError, match="sample is a list; give Sample"):
        found.assign([0.0])


@pytest.mark.slow
def test_a_billion_deaths_end_within_tolerance_or_say_so():
    """There the objective has seven digits less to climb by."""
    counts = 1_000_000 * np.array([162, 267, 271, 185, 111, 61, 27, 8, 3, 1])
    fast = fit(Poisson, Sample(range(10), counts=counts), 2)
    assert fast.converged
    assert fast.decrement < 1e-4
    slow = fit(Poisson, Sample(range(10), counts=counts), 2, accelerate=False)
    assert slow.converged == (slow.decrement <= 1e-4)
    assert slow.converged or any("rounding hides any further rise" in note for note in slow.notes)


def test_a_dying_component_keeps_its_digits():
    """A share of 1e-20 between two clusters is not rounding's to take."""
    start = Mixture([0.5, 0.5 - 1e-20, 1e-20], Gaussian([-8.0, 8.0, 0.0], [1.0, 1.0, 1.0]))
    x = np.concatenate([np.linspace(-10, -6, 21), np.linspace(6, 10, 21)])
    found = fit(Gaussian, Sample(x), 3, start=start, max_steps=1, accelerate=False)
    assert 0 < found.mixture.weight.min() < 1e-19
    assert found.optima[0].empty
