"""EM's density and errors against PyMC's: equal to rounding, and a small slip in either shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from families import DRAWN, FAMILIES

import bayes
import em
from bayes.posterior.tree import posterior_of
from bayes.sampling.compiled import engine_of
from comparisons.thresholds import CURVATURE, DENSITY
from comparisons.verdict import cross_checks
from comparisons.verdict.cross_checks import copied, curvature, density_gap
from em.model import Model
from models import Admixture, Categorical, Gaussian, Groups, Mixture, Sample
from models.question import asked
from models.structure import drawn_at

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")
every_family = pytest.mark.parametrize("row", DRAWN)


@pytest.fixture(scope="module")
def sampled():
    """Return posteriors by family, drawn once."""
    found = {}

    def one(row):
        if row.name not in found:
            sample = row.sample(np.random.default_rng(31), 2, 300)
            found[row.name] = (
                sample,
                bayes.sample(
                    row.family, sample, 2, draws=60, tune=200, chains=2, seed=5, progress=False
                ),
            )
        return found[row.name]

    return one


@every_family
def test_the_sampler_explores_the_density_that_em_knows(row, sampled):
    sample, tree = sampled(row)
    question = posterior_of(tree).question
    engine = engine_of(question)
    heights = em.log_likelihood(row.family, sample, posterior_of(tree).draws)
    assert density_gap(posterior_of(tree), question, engine, heights) < 1e-7
    # negative controls: a share of an observation more, and one observation forgotten
    stronger = replace(question, given=question.prior._replace(weight=question.prior.weight + 0.3))
    assert density_gap(posterior_of(tree), stronger, engine, heights) > DENSITY
    fewer = sample.pick(np.arange(1, sample.distinct))
    less = em.log_likelihood(row.family, fewer, posterior_of(tree).draws)
    assert density_gap(posterior_of(tree), question, engine, less) > DENSITY


def test_of_another_samplers_posterior_nothing_is_said(sampled):
    _, tree = sampled(FAMILIES[0])
    other = tree.copy()
    other.attrs = {**tree.attrs, "made_by": "somebody"}
    assert np.isnan(
        density_gap(
            posterior_of(other),
            posterior_of(tree).question,
            engine_of(posterior_of(tree).question),
            None,
        )
    )


@every_family
def test_standard_errors_are_those_of_the_other_likelihood(row, sampled):
    if not row.identified:
        pytest.skip("rows in no order have no single maximum, and so no standard errors")
    sample, tree = sampled(row)
    question = posterior_of(tree).question
    engine, fit = engine_of(question), em.fit(row.family, sample, 2)
    factor = curvature(engine, question, fit)
    assert 1 <= factor < 1 + (CURVATURE - 1) / 2
    # negative control: errors a tenth too small
    wrong = replace(fit, information=fit.information * 1.21)
    assert curvature(engine, question, wrong) > CURVATURE


@every_family
def test_a_step_and_its_coordinates_are_inverse(row, sampled):
    sample, _ = sampled(row)
    fit = em.fit(row.family, sample, 2)
    steps = np.eye(len(fit.coordinates)) * 1e-3
    moved = em.coordinates_of(em.displaced(fit, steps))
    still = em.coordinates_of(em.displaced(fit, 0 * steps))
    np.testing.assert_allclose(moved - still, steps, atol=1e-12)


def test_copies_of_a_chain_are_found(sampled):
    _, tree = sampled(FAMILIES[0])
    draws = posterior_of(tree).draws
    assert copied(draws, (2, 60)) == 0
    twice = drawn_at(draws, np.concatenate([np.arange(60), np.arange(60)]))
    assert copied(twice, (2, 60)) == 0.5
    nudged = Mixture(twice.weight + np.repeat([0, 1e-9], 60)[:, None], twice.theta)
    assert copied(nudged, (2, 60)) == 0
    # negative control: numbers kept to a few digits coincide, and are no copies for that
    few = Mixture(np.round(draws.weight, 1), type(draws.theta)(np.round(draws.theta.prob, 1)))
    coarse = np.concatenate([few.weight, few.theta.prob], axis=1)
    assert len(np.unique(coarse, axis=0)) < len(coarse) / 2
    assert copied(few, (2, 60)) < 0.05


@pytest.mark.parametrize(("offset", "sd"), [(1.7e9, 3.0), (1e9, 1.0), (-1e6, 1e-3)])
def test_a_large_offset_costs_no_digits(offset, sd, rng):
    draws = rng(8)
    x = offset + sd * np.concatenate([draws.normal(0, 1, 150), draws.normal(8, 1, 150)])
    tree = bayes.sample(Gaussian, Sample(x), 2, draws=60, tune=200, chains=2, progress=False)
    question = posterior_of(tree).question
    heights = em.log_likelihood(Gaussian, Sample(x), posterior_of(tree).draws)
    assert density_gap(posterior_of(tree), question, engine_of(question), heights) < DENSITY
    stronger = replace(question, given=question.prior._replace(weight=0.3))
    assert density_gap(posterior_of(tree), stronger, engine_of(question), heights) > DENSITY


def test_one_narrow_draw_does_not_slow_the_others(rng, monkeypatch):
    """Draws that need care are climbed on one by one, all others at once."""
    draws, n = rng(10), 50
    data = Sample(draws.normal(67, 3, 80))
    theta = Gaussian(draws.normal(67, 2, (n, 2)), draws.gamma(9, 0.3, (n, 2)))
    theta.sd[7, 1] = 1e-4
    theta.sd[8, 0] = -1.0  # outside of the parameter space
    many = Mixture(draws.dirichlet([3, 3], n), theta)
    single = [em.log_likelihood(Gaussian, data, drawn_at(many, [at]))[0] for at in range(n)]
    seen, usual = [], Model.expect
    monkeypatch.setattr(Model, "expect", lambda self, one: seen.append(one) or usual(self, one))
    np.testing.assert_allclose(em.log_likelihood(Gaussian, data, many), single, rtol=1e-13)
    assert single[8] == -np.inf
    assert len(seen) == 2


def test_steps_beyond_an_edge_do_not_count(rng, monkeypatch):
    """One word has no share, another almost none: a step of its error would be cut."""
    draws, group = rng(2), np.repeat(np.arange(20), 50)
    own = np.array([[0, 0.8, 0.05, 0.05, 0.05, 0.05], [0.7, 0, 0.05, 0.15, 0.05, 0.05]])
    truth = Admixture(draws.dirichlet([1, 1], 20), Categorical(own))
    below = (truth.weight @ own)[group].cumsum(axis=1)
    words = (draws.random(len(group))[:, None] > below).sum(axis=1)
    question = asked(Categorical, Groups(words, group), 2)
    weight, (prob,) = em.fitted(question, start=truth).estimate
    # of all solutions the one with these two entries
    first = (1.2e-6 - prob[0, 0]) / (prob[1, 0] - prob[0, 0])
    second = -prob[1, 1] / (prob[0, 1] - prob[1, 1])
    turn = np.array([[1 - first, first], [second, 1 - second]])
    turned = np.maximum(turn @ prob, 0)
    start = Admixture(weight @ np.linalg.inv(turn), Categorical(turned))
    at = em.fitted(question, start=start, max_steps=0)
    assert [edge.label for edge in at.edges] == ["prob[1,1]"]
    engine = engine_of(question)
    assert curvature(engine, question, at) == pytest.approx(1, abs=1e-4)
    # negative control: with such steps the right errors would be a fault
    none = np.zeros(1 + 2 * len(at.coordinates), np.bool_)
    monkeypatch.setattr(cross_checks, "_beyond", lambda _, moved: none[: len(moved.weight)])
    assert curvature(engine, question, at) > CURVATURE
