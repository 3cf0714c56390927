"""Maxima on the edge of the parameter space: named, with errors for all other parameters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate
from scipy.special import gammaln

from comparisons.studies.calculations.corpus import corpus
from em import fit
from em.edges import Edge, covariance_of
from em.emission import emission_of
from models import Binomial, Categorical, Groups, Mixture, Poisson, Sample


def zero_inflated(rng, n=600):
    return np.where(rng.random(n) < 0.45, 0, rng.poisson(2.5, n))


def hessian(height, at, step=1e-4):
    """Second derivatives of a function of two numbers, by central differences."""
    moves = step * np.eye(2)
    return np.array(
        [
            [
                (height(at + a + b) - height(at + a - b) - height(at - a + b) + height(at - a - b))
                / (4 * step**2)
                for b in moves
            ]
            for a in moves
        ]
    )


def test_zero_inflated_counts_have_the_errors_of_their_own_likelihood(rng):
    """With the rate of the zeros fixed at 0, two parameters are left: the textbook's two."""
    x = zero_inflated(rng(5))
    found = fit(Poisson, Sample(x), 2)
    (edge,) = found.edges
    assert edge.label == "rate[0]"
    assert edge.bound == 0
    assert "rate[1] is 0, at the edge of its possible values" in str(found)
    assert found.converged
    assert 0 < found.missing < 1

    def height(at):
        weight, rate = at
        density = (1 - weight) * np.exp(x * np.log(rate) - rate - gammaln(x + 1))
        return np.log(weight * (x == 0) + density).sum()

    at = np.array([found.mixture.weight[0], found.mixture.theta.rate[1]])
    errors = np.sqrt(np.diagonal(np.linalg.inv(-hessian(height, at))))
    ours = np.array([found.standard_errors.weight[0], found.standard_errors.theta.rate[1]])
    np.testing.assert_allclose(ours, errors, rtol=1e-4)
    assert np.isnan(found.standard_errors.theta.rate[0])
    assert found.covariance.shape == (3, 3)
    assert not found.covariance[1].any()
    # the slope, by hand: the zeros in it fall, the ones rise
    weight, rate = at
    mix0, mix1 = weight + (1 - weight) * np.exp(-rate), (1 - weight) * rate * np.exp(-rate)
    slope = weight * ((x == 0).sum() / mix0 - (x == 1).sum() / mix1)
    assert edge.slope == pytest.approx(slope, rel=1e-4)
    assert edge.slope > 0


def test_an_interior_maximum_is_as_it_was(rng):
    x = np.concatenate([rng(6).poisson(0.5, 300), rng(7).poisson(6, 300)])
    found = fit(Poisson, Sample(x), 2)
    assert found.edges == ()
    assert found.information_inside is None
    assert found.has_errors
    np.testing.assert_allclose(found.covariance, np.linalg.inv(found.information))


def test_probabilities_of_zero_and_one_leave_the_share_its_error():
    found = fit(Binomial, Sample([0, 0, 5, 5], 5), 2)
    assert [edge.said for edge in found.edges] == ["prob[0] is 0", "prob[1] is 1"]
    assert all(edge.slope > 0 for edge in found.edges)
    np.testing.assert_allclose(found.standard_errors.weight, np.sqrt(0.25 / 4), rtol=1e-6)
    assert np.isnan(found.standard_errors.theta.prob).all()


def test_all_zeros_are_a_maximum_on_the_edge():
    found = fit(Poisson, Sample([0, 0, 0, 0]), 1)
    assert found.edges[0].slope == pytest.approx(4)  # l = -4 rate
    assert np.isnan(found.standard_errors.theta.rate).all()


def test_an_edge_from_which_the_likelihood_rises_is_no_maximum(rng):
    heads = rng(8).binomial(10, np.where(rng(9).random(200) < 0.5, 0.2, 0.7))
    start = Mixture([0.5, 0.5], Binomial([0.0, 0.5]))
    found = fit(Binomial, Sample(heads, 10), 2, start=start, max_steps=0)
    assert found.edges[0].slope < 0
    assert np.isnan(found.standard_errors.weight).all()
    assert found.covariance is None
    assert any("rises away from that edge" in note for note in found.notes)


def test_an_interior_saddle_is_still_none(rng):
    x = rng(10).poisson(3, 200)
    same = Mixture([0.5, 0.5], Poisson([x.mean()] * 2))
    found = fit(Poisson, Sample(x), 2, start=same, max_steps=0)
    assert found.edges == ()
    assert not found.has_errors


@pytest.mark.parametrize(
    ("slope", "curvature"), [(30.0, 1e-9), (30.0, 900.0), (5.0, 2e3), (0.0, 4.0)]
)
def test_distance_and_degrees_are_those_of_the_density(slope, curvature):
    edge = Edge("rate[0]", 0.0, slope, curvature)

    def mean(of):
        far = 60 / max(slope, curvature**0.5)
        fall = lambda t: slope * t + curvature * t**2 / 2  # noqa: E731
        top = integrate.quad(lambda t: of(t, fall(t)) * np.exp(-fall(t)), 0, far, limit=200)[0]
        return top / integrate.quad(lambda t: np.exp(-fall(t)), 0, far, limit=200)[0]

    assert edge.distance == pytest.approx(mean(lambda t, _: t), rel=1e-6)
    assert edge.degrees == pytest.approx(mean(lambda _, fall: 2 * fall), rel=1e-6)
    assert 1 <= edge.degrees <= 2


def test_the_covariance_of_a_projected_information_is_that_along_it(rng):
    root = rng(11).normal(size=(4, 4)) * [1, 10, 1e4, 1]
    full, along = root.T @ root, np.delete(np.eye(4), 1, axis=1)
    found = covariance_of(along @ (along.T @ full @ along) @ along.T)
    due = along @ np.linalg.inv(along.T @ full @ along) @ along.T
    np.testing.assert_allclose(found, due, rtol=1e-6, atol=1e-12 * np.abs(due).max())


def test_the_covariance_moves_no_sum_of_coordinates_that_is_on_an_edge(rng):
    """The last entry of a simplex is on an edge where the sum of the others may not change."""
    root = rng(12).normal(size=(5, 5)) * [1, 3, 10, 1, 1]
    along = np.linalg.svd([[0, 1, 1, 1, 0], [0, 0, 0, 0, 1]])[2][2:].T  # two edges
    information = along @ (along.T @ root.T @ root @ along) @ along.T
    found = covariance_of(information)
    due = along @ np.linalg.inv(along.T @ information @ along) @ along.T
    np.testing.assert_allclose(found, due, rtol=1e-6, atol=1e-9 * np.abs(due).max())


def test_shares_of_groups_on_an_edge_lie_as_far_off_as_their_posterior():
    """Both are balanced next to their edge: one is a free coordinate, the other follows from it."""
    pure = np.array([[5, 3, 2, 0], [0, 2, 3, 5]])
    groups = Groups.from_table(np.vstack([5_000 * pure, [[7, 0, 13, 0], [0, 13, 0, 7]]]))
    found = fit(Categorical, groups, 2, starts=4)
    assert (found.open, found.closed) == (2, 2)
    edges = {edge.label: edge for edge in found.edges}
    away = np.linspace(0, 1, 20_001)
    height = (1 - away) ** 7 * (1 + away / 2) ** 13  # of the group's rows, components held
    mean = (away * height).sum() / height.sum()
    for label in ("weight[2,0]", "weight[3,1]"):
        edge = edges[label]
        assert edge.slope == pytest.approx(0.5, rel=0.1)
        assert edge.curvature == pytest.approx(7 + 13 / 4, rel=0.05)
        assert edge.distance == pytest.approx(mean, rel=0.2)  # its fall is no parabola
        # negative control: the slope alone leaves the simplex
        assert edge._replace(curvature=0.0).distance > 1


def test_no_climb_stays_beside_an_edge_from_which_the_likelihood_rises(monkeypatch):
    """Next to it steps are so short that they look like the last ones.

    Climbs one by one meet such a place in these data; those stepped together do not.
    """
    from em.climb import refine
    from em.climb.search import Climber

    monkeypatch.setattr(Climber, "joins", False)
    data = corpus(1).groups
    found = fit(Categorical, data, 3)
    assert found.edges
    assert all(edge.slope >= 0 for edge in found.edges)
    assert found.shift is not None
    # negative control: without being lifted off, it stays
    monkeypatch.setattr(refine, "_lifted", lambda model, end, known: None)
    stuck = fit(Categorical, data, 3)
    assert any(edge.slope < 0 for edge in stuck.edges)
    assert stuck.log_likelihood < found.log_likelihood


def test_a_rate_whose_square_is_no_number_has_a_curvature():
    rate, n = np.array([1e-161, 3.0]), 5.0
    found = emission_of(Poisson).curvature(Poisson(rate), np.array([[n, 1.0], [n, 3 * n]]))
    assert np.isfinite(found).all()
    assert found[0, 0, 0] > 1e100  # far steeper than any other
    np.testing.assert_allclose(found[1, 0, 0], n / 3)


def test_categories_that_nobody_chose_leave_the_errors_of_the_others():
    """Two of the three have no information just inside their edges, but for rounding."""
    counts = np.array([3, 0, 3, 3, 0, 15, 6, 0, 21])
    labels = Sample([str(at) for at in range(9)], counts=counts)
    names = ("101.0", "121.2", "122.0", "123.0", "124.0", "126.0", "127.0", "152.5", "176.8")
    shares = counts / counts.sum()
    for data in (labels, Sample(np.repeat(np.arange(9), counts), categories=names)):
        errors = fit(Categorical, data, 1).standard_errors.theta.prob[0]
        known = np.sqrt(shares * (1 - shares) / counts.sum())
        np.testing.assert_allclose(errors[counts > 0], known[counts > 0], rtol=1e-6)
        assert np.isnan(errors[counts == 0]).all()
