"""Families refuse samples and parameters that are not theirs, and simulate what they mean."""

from __future__ import annotations

import doctest
import sys
from pathlib import Path

import numpy as np
import pytest
from families import FAMILIES
from scipy import stats

from em import fit
from models import (
    Binomial,
    BinomialPrior,
    Categorical,
    CategoricalPrior,
    Gaussian,
    GaussianPrior,
    Mixture,
    MultivariateGaussian,
    Poisson,
    PoissonPrior,
    Prior,
    Sample,
    simulate,
    weak_prior,
)
from models.names import family_named
from models.question import asked

SQUARE = np.eye(2)
PAIRS = Sample([[0.0, 1.0], [2.0, 3.0], [5.0, 1.0]])
NUMBERS = Sample([1.0, 2.0, 4.0])
FULL = MultivariateGaussian
TIED = MultivariateGaussian.with_covariance("tied")


def start(weight, theta) -> dict[str, Mixture]:
    return {"start": Mixture(weight, theta)}


BAD = {
    "table for gaussian": (Gaussian, PAIRS, 1, {}, r"x is a table of 2 columns; give one column"),
    "one-column table": (Gaussian, Sample([[1.0], [2.0]]), 1, {}, r"x is a table .*x\[:, 0\]"),
    "table for poisson": (Poisson, PAIRS, 1, {}, "x is a table"),
    "column for multivariate": (FULL, NUMBERS, 1, {}, "x is one column; give"),
    "coins without trials": (Binomial, NUMBERS, 1, {}, "trials are missing; give Sample"),
    "text for gaussian": (Gaussian, Sample(["1.70", "tall"]), 1, {}, "x: row 0 .*'1.70'.*not a number; convert"),
    "text for poisson": (Poisson, Sample(["tall", "b"]), 1, {}, "x: row 0 .*'tall'.*not a number; convert"),
    "text for multivariate": (FULL, Sample(["tall", "b"]), 1, {}, "x: row 0 .*'tall'.*not a number; convert"),
    "text for binomial": (Binomial, Sample(["tall", "b"]), 1, {}, "x: row 0 .*'tall'.*not a number; convert"),
    "table of labels": (Categorical, PAIRS, 1, {}, "x is a table of 2 columns; give one column of labels"),
    "label below 0": (Categorical, Sample([0, -1]), 1, {}, "x: row 1 .*-1, which is below 0; give labels as text"),
    "label with a fraction": (Categorical, Sample([0, 1.5]), 1, {}, "x: row 1 .*1.5, which is not a whole number; give labels"),
    "labels with trials": (Categorical, Sample([0, 1], 3), 1, {}, "trials are given, but only a Binomial"),
    "one label": (Categorical, Sample(["a", "a"]), 1, {}, "x has one category only"),
    "codes far apart": (Categorical, Sample([1, 2, 90210]), 1, {}, "largest code is 90,210, but only 3 categories occur"),
    "negative count": (Poisson, Sample([4, -1, 2]), 1, {}, "x: row 1 .*-1.*below 0"),
    "fractional count": (Poisson, Sample([4, 1, 2.5]), 1, {}, "x: row 2 .*2.5.*whole"),
    "k zero": (Gaussian, NUMBERS, 0, {}, "k is 0; give a whole number from 1"),
    "k fractional": (Gaussian, NUMBERS, 1.5, {}, "k is 1.5; give a whole number"),
    "k over distinct": (Gaussian, Sample([1, 1, 2, 2]), 3, {}, "k is 3, but x has 2 distinct"),
    "no sample": (Gaussian, {1.0, 2.0}, 1, {}, r"sample is a set; give Sample\(x\)"),
    "no family": (stats.norm, NUMBERS, 1, {}, "family is .*; give one of Binomial, Categorical"),
    "starts zero": (Gaussian, NUMBERS, 2, {"starts": 0}, "starts is 0; give"),
    "tolerance negative": (Gaussian, NUMBERS, 2, {"tolerance": -1}, "tolerance is -1; give"),
    "floor negative": (Gaussian, NUMBERS, 2, {"floor": -1}, "floor is -1; give"),
    "weights": (Gaussian, NUMBERS, 2, start([0.6, 0.6], Gaussian([1, 2], [1, 1])), "weight sums to 1.2; divide"),
    "negative weight": (Gaussian, NUMBERS, 2, start([1.5, -0.5], Gaussian([1, 2], [1, 1])), r"weight\[1\] is -0.5; give shares"),
    "another k": (Gaussian, NUMBERS, 3, start([0.5, 0.5], Gaussian([1, 2], [1, 1])), "start has 2 components, k is 3"),
    "another family": (Gaussian, NUMBERS, 1, start([1.0], Poisson([1])), "theta is a Poisson; give a Gaussian"),
    "sd zero": (Gaussian, NUMBERS, 1, start([1.0], Gaussian([1], [0])), "sd is .*above 0"),
    "mean nan": (Gaussian, NUMBERS, 1, start([1.0], Gaussian([np.nan], [1])), "mean is .*finite"),
    "mean shape": (Gaussian, NUMBERS, 1, start([1.0], Gaussian([1, 2], [1])), r"mean has shape \(2,\); give \(1,\)"),
    "prob": (Binomial, Sample([1, 2], 3), 1, start([1.0], Binomial([1.2])), "prob is .*from 0 to 1"),
    "prob of labels": (Categorical, Sample([0, 1]), 1, start([1.0], Categorical([[0.5, 0.6]])), r"prob\[0\] sums to 1.1; divide"),
    "prob of other labels": (Categorical, Sample([0, 1]), 1, start([1.0], Categorical([[0.5, 0.4, 0.1]])), r"prob has shape \(1, 3\); give \(1, 2\)"),
    "unseen": (Categorical, Sample([0, 1]), 1, {"prior": Prior(0, CategoricalPrior([1, -1]))}, "prior: unseen is .*from 0 up"),
    "unseen of others": (Categorical, Sample([0, 1]), 1, {"prior": Prior(0, CategoricalPrior([1, 1, 1]))}, "prior: unseen .*each of 2 categories"),
    "rate": (Poisson, NUMBERS, 1, start([1.0], Poisson([-1.0])), "rate is .*from 0 up"),
    "cov indefinite": (FULL, PAIRS, 1, start([1.0], FULL(np.zeros((1, 2)), [[[1, 2], [2, 1]]])), r"cov\[0\] is not positive definite"),
    "cov asymmetric": (FULL, PAIRS, 1, start([1.0], FULL(np.zeros((1, 2)), [[[1, 0.5], [0, 1]]])), r"cov\[0\] is not symmetric"),
    "cov not tied": (TIED, PAIRS, 2, start([0.5, 0.5], TIED(np.zeros((2, 2)), [SQUARE, 2 * SQUARE])), "cov is not tied"),
    "unequal weights": (Gaussian, NUMBERS, 2, {"equal_weights": True, **start([0.6, 0.4], Gaussian([1, 2], [1, 1]))}, "equal shares"),
    "prior of another family": (Gaussian, NUMBERS, 1, {"prior": Prior(0, PoissonPrior(1, 1))}, "theta of the prior is a PoissonPrior; give .*GaussianPrior"),
    "prior bare": (Gaussian, NUMBERS, 1, {"prior": GaussianPrior(0, 1, 1, 1)}, "prior is a GaussianPrior; give Prior"),
    "prior improper": (Gaussian, NUMBERS, 1, {"prior": Prior(0, GaussianPrior(0, 0, 1, 1))}, "prior: n is 0; give"),
    "prior heads": (Binomial, Sample([1, 2], 3), 1, {"prior": Prior(0, BinomialPrior(-1, 1))}, "prior: heads is -1; give"),
    "prior weight": (Gaussian, NUMBERS, 1, {"prior": Prior(-1, GaussianPrior(0, 1, 1, 1))}, "prior: weight is -1; give"),
    "prior dimension": (FULL, PAIRS, 1, {"prior": weak_prior(FULL, Sample(np.eye(4, 3)), 1)}, "prior: mean .*x has 2 columns"),
}  # fmt: skip


@pytest.mark.parametrize(("family", "sample", "k", "options", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_before_any_work(family, sample, k, options, message):
    seen = []
    with pytest.raises(ValueError, match=message):
        fit(family, sample, k, on_step=seen.append, **options)
    assert not seen


def test_covariances_by_name():
    assert MultivariateGaussian.with_covariance("full") is MultivariateGaussian
    with pytest.raises(ValueError, match="covariance is 'round'; give one of full, tied, diagonal"):
        MultivariateGaussian.with_covariance("round")


def test_a_start_may_be_of_the_plain_class_for_every_form():
    theta = MultivariateGaussian(np.array([[0.0, 1.0], [3.0, 2.0]]), np.stack([SQUARE, SQUARE]))
    assert fit(TIED, PAIRS, 2, start=Mixture([0.5, 0.5], theta), max_steps=0).family is TIED


def by_scipy(row, theta, component: int, n: int, trials, generator) -> np.ndarray:
    """Draw n rows of one component with scipy's generators."""
    if row.draws is not None:
        return row.draws(theta, component, n, generator)
    if row.name == "binomial":
        return stats.binom.rvs(trials, theta.prob[component], random_state=generator)
    if row.name == "gaussian":
        return stats.norm(theta.mean[component], theta.sd[component]).rvs(n, generator)
    if row.name == "poisson":
        return stats.poisson.rvs(theta.rate[component], size=n, random_state=generator)
    if row.name == "categorical":
        return generator.choice(len(theta.prob[component]), n, p=theta.prob[component]).astype(
            float
        )
    normal = stats.multivariate_normal(theta.mean[component], theta.cov[component])
    return normal.rvs(n, generator)


@pytest.mark.parametrize("row", FAMILIES, ids=[row.name for row in FAMILIES])
def test_simulation_draws_from_each_component_in_its_share(row, rng):
    generator = rng(21)
    mixture, n = row.random(generator, 3), 20_000
    trials = row.trials(generator, n)
    sample, labels = simulate(mixture, n, generator, trials)
    x = sample.x[sample.inverse]
    assert stats.chisquare(np.bincount(labels, minlength=3), n * mixture.weight).pvalue > 1e-4

    def heights(rows: np.ndarray, flips: np.ndarray | None, component: int) -> np.ndarray:
        own = Sample(rows, flips)
        return own.expand(row.log_density(mixture.theta, own)[:, component])

    for component in range(3):
        mine = labels == component
        flips = None if trials is None else trials[mine]
        theirs = by_scipy(row, mixture.theta, component, mine.sum(), flips, generator)
        for other in range(3):  # heights under every component tell where the draws are
            ours = heights(x[mine], flips, other)
            reference = heights(theirs, flips, other)
            error = np.hypot(ours.std(), reference.std()) / np.sqrt(len(ours))
            assert abs(ours.mean() - reference.mean()) < 4.5 * error
        # negative control: another component's draws do not pass for this one's
        strangers = labels == (component + 1) % 3
        wrong = heights(x[strangers], None if trials is None else trials[strangers], component)
        own = heights(theirs, flips, component)
        error = np.hypot(wrong.std() / np.sqrt(len(wrong)), own.std() / np.sqrt(len(own)))
        assert abs(wrong.mean() - own.mean()) > 4.5 * error


def test_simulated_coins_need_trials(rng):
    with pytest.raises(ValueError, match="trials are missing"):
        simulate(Mixture(np.array([1.0]), Binomial(np.array([0.5]))), 5, rng(1))


def test_a_family_is_three_short_files():
    root = Path(__file__).parents[2]
    for package in ("models", "em", "bayes"):
        text = (root / package / "poisson.py").read_text()
        examples = doctest.DocTestParser().get_examples(text)
        shown = sum((one.source + one.want).count("\n") for one in examples)
        assert text.count("\n") - shown < 119


def test_models_and_em_stay_light():
    import subprocess

    code = "import models, em, sys; print(sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    for heavy in ("pymc", "arviz", "pandas", "matplotlib", "pytensor", "sklearn", "xarray"):
        assert f"'{heavy}'" not in loaded.stdout
    assert "'numpy'" in loaded.stdout


@pytest.mark.parametrize("form", ["full", "tied", "diagonal", "spherical", "tied-spherical"])
@pytest.mark.parametrize("d", [2, 4, 9])
def test_the_weak_prior_of_every_form_is_proper_in_any_number_of_columns(rng, form, d):
    family, sample = family_named("multivariate", form), Sample(rng(4).normal(size=(50, d)))
    weak = weak_prior(family, sample, 2)
    read_back = asked(family, sample, 2, prior=weak)
    assert read_back.usual
    few = d - 1.0 if form in {"full", "tied"} else 0.0
    fewer = weak._replace(theta=weak.theta._replace(degrees=few))
    with pytest.raises(ValueError, match="degrees"):
        asked(family, sample, 2, prior=fewer)
