"""What is handed to `Sample` and `em.fit` in Python: a result without NaN, or a plain ValueError."""

from __future__ import annotations

import warnings

import numpy as np
from garbage import columns, word
from hypothesis import strategies as st
from running import in_time

import em
from models import (
    Binomial,
    Gamma,
    Gaussian,
    LogNormal,
    Mixture,
    MultivariateGaussian,
    NegativeBinomial,
    Poisson,
    Sample,
    StudentT,
)

FAMILIES = {
    "binomial": Binomial,
    "gamma": Gamma,
    "gaussian": Gaussian,
    "lognormal": LogNormal,
    "negative-binomial": NegativeBinomial,
    "poisson": Poisson,
    "student-t": StudentT,
    "multivariate": MultivariateGaussian,
    "diagonal": MultivariateGaussian.with_covariance("diagonal"),
    "spherical": MultivariateGaussian.with_covariance("spherical"),
}
PLAIN = (TypeError, ValueError)
odd = st.sampled_from(
    [None, "x", b"x", {}, set(), 1j, True, np.nan, -1, 0, 2.5, 10**40, [], [[]], np.float32(2)]
)
cells = columns.flatmap(lambda kind: kind)


def said(problem):
    """Refuse an error that says nothing."""
    assert str(problem).strip()


def lists(size):
    return columns.flatmap(lambda kind: st.lists(kind, min_size=size, max_size=size))


@st.composite
def arguments(draw):
    """Return x, trials and counts that may go together, as lists, arrays or anything."""
    n = draw(st.sampled_from([1, 2, 3, 8, 25, 25, 60]))
    shape = draw(st.sampled_from(["column", "column", "table", "heads", "odd"]))
    kind = draw(st.sampled_from([np.asarray, list, lambda x: np.asarray(x, np.float32), tuple]))
    trials = counts = None
    match shape:
        case "column":
            x = draw(lists(n))
        case "table":
            x = [
                list(row)
                for row in zip(
                    *(draw(lists(n)) for _ in range(draw(st.integers(1, 3)))), strict=True
                )
            ]
        case "heads":
            x, trials = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)), 9
        case _:
            x, trials, counts = (
                draw(odd | st.lists(odd | cells | word, max_size=4)),
                draw(odd),
                draw(odd),
            )
    if draw(st.booleans()) and shape != "odd":
        counts = draw(st.lists(st.integers(0, 2**50), min_size=n, max_size=n) | st.just([1] * n))
    return x if shape == "odd" else kind, x, trials, counts


def without_nan(found):
    """Whether a fit has numbers everywhere, or says why not."""
    theta = [np.asarray(field) for field in found.mixture.theta]
    assert all(np.isfinite(field).all() for field in theta), found
    assert np.isfinite(found.mixture.weight).all()
    assert np.isclose(found.mixture.weight.sum(), 1)
    assert not np.isnan(found.log_likelihood)
    errors = [np.asarray(field) for field in found.standard_errors.theta]
    if any(np.isnan(field).any() for field in errors):
        assert found.notes, "standard errors are NaN and no note says why"
    assert str(found)


def test_a_sample_is_made_and_fitted_or_refused(on_each):
    def check(case):
        (kind, x, trials, counts), family, k, seed, equal, hard = case
        with in_time(), warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                with np.errstate(over="ignore"):  # of our own cast to single precision
                    given = kind(x) if callable(kind) else x
                sample = Sample(given, trials, counts)
            except PLAIN as problem:
                said(problem)
                return
            assert np.isfinite(sample.x).all()
            assert sample.observations >= 1
            try:
                found = em.fit(
                    FAMILIES[family], sample, k, starts=3, seed=seed, equal_weights=equal, hard=hard
                )
            except PLAIN as problem:
                said(problem)
                return
            without_nan(found)

    cases = st.tuples(
        arguments(),
        st.sampled_from(list(FAMILIES)),
        st.sampled_from([1, 2, 2, 3, 5]),
        st.integers(0, 2**70),
        st.booleans(),
        st.booleans(),
    )
    on_each(0.1, cases, check)


def test_odd_options_of_fit_are_refused_or_harmless(on_each):
    sample = Sample([1.0, 2.0, 2.5, 7.0, 8.0, 9.5])
    start = Mixture(np.array([0.5, 0.5]), Gaussian(np.array([2.0, 8.0]), np.array([1.0, 1.0])))

    def check(case):
        name, value = case
        options = {"k": 2, "starts": 2, "start": start if name == "max_steps" else None} | {
            name: value
        }
        with in_time():
            try:
                found = em.fit(Gaussian, sample, options.pop("k"), **options)
            except PLAIN as problem:
                said(problem)
                return
        without_nan(found)

    options = [
        "k",
        "starts",
        "seed",
        "start",
        "prior",
        "max_steps",
        "tolerance",
        "floor",
        "on_step",
    ]
    small = odd.filter(lambda value: value is not True) | st.floats() | st.integers(-3, 50)
    # a number of starts or steps that nobody has time for is nobody's mistake but theirs
    huge = {"starts", "max_steps"}
    cases = st.tuples(st.sampled_from(options), small).filter(
        lambda case: not (case[0] in huge and isinstance(case[1], int) and case[1] > 10**4)
    )
    on_each(0.05, cases, check)
