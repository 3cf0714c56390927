"""Predictions may differ as far as few observations for each parameter make them, and no further."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import invwishart

import em
from bayes.sampling.compiled import engine_of
from comparisons.thresholds import HELLINGER, MEMBERSHIPS_BY_BOTH
from comparisons.verdict.judge import same_predictions
from comparisons.verdict.predictions import predictions_of
from comparisons.verdict.seen import stacked
from models import HiddenMarkov, Mixture, MultivariateGaussian, Poisson, Sample, Sequences
from models.question import asked

DRAWS = 400


def exact(prior, x, generator):
    """Return draws of a group's mean and covariance, given its rows: the posterior in closed form."""
    m, n, away = len(x), float(prior.n), x.mean(axis=0) - prior.mean
    spread = (x - x.mean(axis=0)).T @ (x - x.mean(axis=0))
    scatter = prior.scatter + spread + n * m / (n + m) * np.outer(away, away)
    cov = invwishart(prior.degrees + m, scatter).rvs(DRAWS, random_state=generator)
    noise = (np.linalg.cholesky(cov) @ generator.normal(size=(DRAWS, x.shape[1], 1)))[..., 0]
    return (n * prior.mean + m * x.mean(axis=0)) / (n + m) + noise / np.sqrt(n + m), cov


def problem(d, k, per_parameter, generator):
    """Return question, estimate and draws of groups so far apart that every label is known."""
    p = k * (d + d * (d + 1) // 2) + k - 1
    labels = np.arange(round(per_parameter * p)) % k
    x = generator.normal(size=(len(labels), d)) + 40.0 * labels[:, None]
    question = asked(MultivariateGaussian, Sample(x), k)
    groups = [x[labels == one] for one in range(k)]
    drawn = [exact(question.prior.theta, one, generator) for one in groups]
    means, covs = (np.stack(each, axis=1) for each in zip(*drawn, strict=True))
    weight = generator.dirichlet(1.0 + np.bincount(labels), DRAWS)
    own = [
        np.array([one.mean(axis=0) for one in groups]),
        np.array([np.cov(one.T) for one in groups]),
    ]
    start = Mixture(np.full(k, 1 / k), MultivariateGaussian(*own))
    at = em.fitted(question, start=start)
    point = SimpleNamespace(at=at, estimate=at.estimate, free=p, places=np.arange(k))
    return question, point, Mixture(weight, MultivariateGaussian(means, covs))


def judged(question, point, draws):
    return same_predictions(predictions_of(question, point, draws), point)[0]


@pytest.mark.parametrize(
    ("d", "k", "per_parameter"), [(2, 1, 3.0), (4, 1, 1.5), (8, 1, 1.5), (4, 3, 3.0)]
)
def test_right_draws_pass_and_moved_ones_do_not(d, k, per_parameter, rng):
    generator = rng([801, d, k])
    question, point, draws = problem(d, k, per_parameter, generator)
    found = judged(question, point, draws)
    assert found.severity == "ok"
    assert found.threshold > HELLINGER
    # negative control: moved by half a posterior sd in every direction
    engine = engine_of(question)
    z = engine.pack(question, draws)
    root = np.linalg.cholesky(np.cov(z.T))
    away = 0.5 * root @ generator.choice([-1.0, 1.0], z.shape[1])
    assert judged(question, point, engine.structures(question, z + away)).stands


def test_draws_of_another_mode_do_not_pass(rng):
    question, point, draws = problem(4, 3, 3.0, rng(802))
    assert not judged(question, point, draws).stands
    mean, cov = draws.theta.mean.copy(), draws.theta.cov.copy()
    mean[:, 1] = mean[:, :2].mean(axis=1)  # one component for two groups, and two for the third
    mean[:, 0] = mean[:, 2]
    cov[:, 1] += 400 * np.ones((4, 4))
    assert judged(question, point, Mixture(draws.weight, MultivariateGaussian(mean, cov))).stands


def test_the_limit_is_the_usual_one_where_observations_are_many(rng):
    question, point, draws = problem(2, 1, 20.0, rng(803))
    found = judged(question, point, draws)
    assert (found.severity, found.threshold) == ("ok", HELLINGER)


def test_memberships_are_compared_on_edges_too(monkeypatch):
    """A chain whose first state never comes back: its transition is on an edge."""
    counts = Sequences([0, 1, 0, 1, 0, 0, 9, 8, 11, 7, 10, 9, 8, 12, 9, 10, 8, 11], initial="free")
    question = asked(Poisson, counts, 2)
    start = HiddenMarkov(
        np.array([0.9, 0.1]), np.array([[0.8, 0.2], [0.1, 0.9]]), Poisson(np.array([1.0, 9.0]))
    )
    at = em.fitted(question, start=start)
    assert "transition[1,0]" in [edge.label for edge in at.edges]
    point = SimpleNamespace(at=at, estimate=at.estimate, free=6, places=np.arange(2))
    few = stacked([start, start])
    assert predictions_of(question, point, few).by_both < 1e-12
    # negative control: the memberships of the row before
    right = em.Fit.members
    monkeypatch.setattr(em.Fit, "members", lambda self, data: np.roll(right(self, data), 1, axis=1))
    assert predictions_of(question, point, few).by_both > MEMBERSHIPS_BY_BOTH
