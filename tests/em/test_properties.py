"""Properties that hold for any data."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from em import fit
from models import Binomial, Gaussian, Mixture, MultivariateGaussian, Poisson, Sample

numbers = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda value: round(value, 3))
columns = st.lists(numbers, min_size=4, max_size=40).filter(lambda x: len(set(x)) >= 3)
counts = st.lists(st.integers(0, 200), min_size=4, max_size=40).filter(lambda x: len(set(x)) >= 3)


def two(x: list[float]) -> Mixture:
    """Start from the lower and the upper half."""
    low, high = np.quantile(x, [0.25, 0.75])
    spread = np.std(x)
    return Mixture([0.3, 0.7], Gaussian([low, high + 1e-3 * spread], [spread, 1.5 * spread]))


def ascends(trace: np.ndarray) -> bool:
    return bool((np.diff(trace) >= -1e-11 * np.maximum(1, np.abs(trace[:-1]))).all())


@given(columns, st.booleans(), st.booleans())
def test_ascent_gaussian(x, accelerate, hard):
    found = fit(
        Gaussian, Sample(x), 2, start=two(x), accelerate=accelerate, hard=hard, max_steps=60
    )
    assert ascends(found.trace)


@given(counts, st.integers(1, 3))
def test_ascent_poisson(x, k):
    found = fit(Poisson, Sample(x), k, starts=3, max_steps=60)
    assert ascends(found.trace)
    assert np.isclose(found.mixture.weight.sum(), 1)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).filter(sum), min_size=4, max_size=30)
)
def test_ascent_binomial(pairs):
    heads = [pair[0] for pair in pairs]
    sample = Sample(heads, [sum(pair) for pair in pairs])
    found = fit(Binomial, sample, min(2, sample.distinct), starts=3, max_steps=60)
    assert ascends(found.trace)
    assert ((found.mixture.theta.prob >= 0) & (found.mixture.theta.prob <= 1)).all()


@given(columns)
def test_labels_of_the_start_do_not_matter(x):
    start = two(x)
    swapped = Mixture(start.weight[::-1], Gaussian(*[field[::-1] for field in start.theta]))
    one, other = (
        fit(Gaussian, Sample(x), 2, start=s, accelerate=False, max_steps=15)
        for s in (start, swapped)
    )
    np.testing.assert_allclose(one.trace, other.trace, rtol=1e-9, atol=1e-9)


@given(columns, st.sampled_from([1e-150, 2.54, 1e3, 1e150]), st.sampled_from([0.0, 100.0]))
def test_units_and_origin_do_not_matter(x, unit, origin):
    """Fifteen plain steps on scaled and shifted data are those on the data, scaled and shifted."""
    start, x = two(x), np.array(x)
    spread = np.std(x)
    move = origin * spread
    moved = Mixture(
        start.weight,
        Gaussian((np.array(start.theta.mean) + move) * unit, np.array(start.theta.sd) * unit),
    )
    options = {"accelerate": False, "max_steps": 15, "tolerance": 0}
    one = fit(Gaussian, Sample(x), 2, start=start, **options)
    other = fit(Gaussian, Sample((x + move) * unit), 2, start=moved, **options)
    rounding = 1e-6 * spread  # of the shifted data, many steps on
    means = other.mixture.theta.mean / unit - move
    if (
        one.mixture.theta.sd.min() > 1e-3 * spread
    ):  # on the way into a spike rounding is all there is
        np.testing.assert_allclose(means, one.mixture.theta.mean, atol=rounding)
        np.testing.assert_allclose(
            other.mixture.theta.sd / unit, one.mixture.theta.sd, atol=rounding
        )


@given(columns, st.integers(2, 5))
def test_repeating_everything_multiplies_the_likelihood(x, times):
    start = two(x)
    options = {"start": start, "accelerate": False, "max_steps": 10, "tolerance": 0}
    one = fit(Gaussian, Sample(x), 2, **options)
    many = fit(Gaussian, Sample(x, counts=[times] * len(x)), 2, **options)
    repeated = fit(Gaussian, Sample(x * times), 2, **options)
    np.testing.assert_array_equal(many.trace, repeated.trace)
    if one.mixture.theta.sd.min() > 1e-3 * np.std(x):  # on the way into a spike rounding decides
        np.testing.assert_allclose(many.trace, times * one.trace, rtol=1e-9, atol=1e-9)


@given(columns)
def test_adding_a_component_never_hurts(x):
    """The best of two components is at least the best of one: K = 1 is among its limits."""
    one = fit(Gaussian, Sample(x), 1)
    start = Mixture(
        [0.5, 0.5],
        Gaussian(np.repeat(one.mixture.theta.mean, 2), np.repeat(one.mixture.theta.sd, 2)),
    )
    pair = fit(Gaussian, Sample(x), 2, start=start, max_steps=20)
    assert pair.log_likelihood >= one.log_likelihood - 1e-9 * abs(one.log_likelihood)


@given(columns)
def test_responsibilities_and_weights_balance(x):
    sample = Sample(x)
    found = fit(Gaussian, sample, 2, start=two(x), max_steps=20)
    shares = found.responsibilities(sample)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    assert shares.shape == (len(x), 2)


tables = st.lists(st.tuples(numbers, numbers), min_size=8, max_size=30, unique=True)
forms = st.sampled_from(["full", "tied", "diagonal", "spherical", "tied-spherical"])


@given(tables, forms, st.booleans())
def test_ascent_multivariate(rows, name, hard):
    sample = Sample(rows)
    found = fit(
        MultivariateGaussian.with_covariance(name), sample, 2, starts=2, hard=hard, max_steps=40
    )
    assert ascends(found.trace)
    assert np.isclose(found.mixture.weight.sum(), 1)


@given(st.integers(0, 10**6))
def test_mixing_columns_mixes_the_answer(seed):
    """Full covariances: fifteen steps on A x + b are those on x, mapped."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(60, 2)) + 3 * generator.integers(0, 2, (60, 1))
    turn, move = generator.normal(size=(2, 2)) + 2 * np.eye(2), generator.normal(size=2)
    theta = MultivariateGaussian(np.array([[0.0, 0.0], [3.0, 3.0]]), np.stack([np.eye(2)] * 2))
    options = {"accelerate": False, "max_steps": 15, "tolerance": 0}
    one = fit(MultivariateGaussian, Sample(x), 2, start=Mixture([0.5, 0.5], theta), **options)
    start = Mixture([0.5, 0.5], theta.affine(turn, move))
    other = fit(MultivariateGaussian, Sample(x @ turn.T + move), 2, start=start, **options)
    volume = 60 * np.log(abs(np.linalg.det(turn)))
    np.testing.assert_allclose(other.trace + volume, one.trace, rtol=1e-8)
    # negative control: without the volume of the map the two are apart
    assert abs(volume) < 1e-3 or not np.allclose(other.trace, one.trace, rtol=1e-8)
