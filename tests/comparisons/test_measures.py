"""Each finding stands when its cause is there, and only then."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr

import bayes
import comparisons
import em
from comparisons import thresholds
from comparisons.finding import Finding, verdict_of
from models import (
    Binomial,
    BinomialPrior,
    Gaussian,
    Mixture,
    MultivariateGaussian,
    Prior,
    Sample,
    simulate,
)

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")
COINS = Mixture([0.4, 0.6], Binomial([0.3, 0.6]))


@cache
def flips(seed: int = 5, n: int = 300) -> Sample:
    return simulate(COINS, n, np.random.default_rng(seed), trials=20)[0]


@cache
def drawn(seed: int = 1) -> xr.DataTree:
    return bayes.sample(Binomial, flips(), 2, seed=seed, progress=False)


@cache
def fitted() -> em.Fit:
    return em.fit(Binomial, flips(), 2)


def finding(comparison, code):
    (found,) = [one for one in comparison.findings if one.code == code]
    return found


def standing(comparison):
    return {one.code: one.severity for one in comparison.findings if one.stands}


def adopted(change) -> xr.DataTree:
    """Return the posterior with every draw changed, likelihoods computed anew."""
    posterior = drawn()["posterior"].to_dataset()
    prior = bayes.tree.question_of(drawn()).prior
    return bayes.adopt(Binomial, flips(), change(posterior), prior=prior)


def test_all_is_well():
    comparison = comparisons.compare(fitted(), drawn())
    assert comparison.verdict == "agree"
    assert not standing(comparison)
    codes = [one.code for one in comparison.findings]
    assert len(codes) == len(set(codes))
    assert all(isinstance(one, Finding) for one in comparison.findings)
    assert all(one.message.endswith(".") for one in comparison.findings)
    assert all(one.remedy == "" for one in comparison.findings if one.severity == "ok")
    again = comparisons.compare(COINS, comparisons.compare(fitted(), drawn(), truth=COINS).tree)
    assert "truth" not in again.tree.children


def test_another_likelihood_is_another_question():
    tree = drawn().copy()
    other = tree["sample_stats"].to_dataset()
    other["log_likelihood"] = other["log_likelihood"] * (1 + 1e-6)
    tree["sample_stats"] = xr.DataTree(other)
    comparison = comparisons.compare(fitted(), tree)
    assert comparison.verdict == "disagree"
    assert finding(comparison, "different_question").severity == "fault"


def test_an_estimate_of_other_data_says_so():
    other = em.fit(Binomial, flips(seed=6), 2)
    comparison = comparisons.compare(other, drawn())
    assert comparison.verdict == "disagree"
    assert finding(comparison, "different_data").severity == "fault"
    # a bare Mixture claims no log-likelihood
    codes = [one.code for one in comparisons.compare(other.mixture, drawn()).findings]
    assert "different_data" not in codes


@pytest.mark.parametrize("steps", [0, 1, 200])
def test_the_distance_to_the_maximum_is_measured_in_standard_errors(steps):
    start = Mixture([0.5, 0.5], Binomial([0.2, 0.5]))
    stopped = em.fit(
        Binomial, flips(), 2, start=start, accelerate=False, tolerance=0, max_steps=steps
    )
    early = finding(comparisons.compare(stopped, drawn()), "stopped_early")
    left = np.sqrt(2 * (fitted().log_likelihood - stopped.log_likelihood)) if steps < 200 else 0
    assert (early.severity == "fault") == (steps < 200)
    assert early.value >= left - 1e-6
    if steps == 1:  # near enough for Newton's parabola
        assert early.value == pytest.approx(left, rel=0.5)


def test_hard_em_is_no_maximum_of_the_likelihood():
    comparison = comparisons.compare(em.fit(Binomial, flips(), 2, hard=True), drawn())
    assert comparison.verdict == "disagree"
    assert {"different_data", "stopped_early"} <= set(standing(comparison))


def test_a_saddle_is_no_maximum():
    x = flips()
    mean = float((x.x * x.counts).sum() / (20 * x.counts.sum()))
    comparison = comparisons.compare(Mixture([0.5, 0.5], Binomial([mean, mean])), drawn())
    assert comparison.verdict != "agree"
    assert finding(comparison, "not_a_maximum").value <= 0
    assert finding(comparison, "local_optimum").severity == "fault"


def test_unmixed_chains_allow_no_verdict():
    posterior = drawn()["posterior"].to_dataset().copy(deep=True)
    posterior["prob"][0] = posterior["prob"][0] + 0.1
    comparison = comparisons.compare(fitted(), adopted(lambda _: posterior))
    assert comparison.verdict == "inconclusive"
    assert finding(comparison, "unmixed_chains").severity == "doubt"
    assert "fault" not in standing(comparison).values()


def test_few_draws_and_divergences_are_named():
    posterior = drawn()["posterior"].to_dataset().isel(draw=slice(0, 40))
    comparison = comparisons.compare(fitted(), adopted(lambda _: posterior))
    assert comparison.verdict == "inconclusive"
    assert {"few_draws", "few_tail_draws"} <= set(standing(comparison))
    tree = drawn().copy()
    diverging = tree["sample_stats"].to_dataset()
    diverging["diverging"] = diverging["draw"] % 100 == 0 * diverging["chain"]
    tree["sample_stats"] = xr.DataTree(diverging.transpose("chain", "draw"))
    assert finding(comparisons.compare(fitted(), tree), "divergences").severity == "doubt"


def test_a_posterior_that_sits_elsewhere_is_a_fault_without_a_cause():
    comparison = comparisons.compare(
        fitted(), adopted(lambda p: p.assign(prob=p["prob"] + 4 * p["prob"].std(("chain", "draw"))))
    )
    assert comparison.verdict == "disagree"
    assert {"other_place", "other_numbers"} <= set(standing(comparison))
    assert finding(comparison, "other_numbers").severity == "fault"
    assert finding(comparison, "not_quadratic").severity == "ok"
    assert finding(comparison, "skewness").severity == "note"
    assert finding(comparison, "prior_pull").severity == "ok"


def test_a_posterior_that_is_too_narrow_is_a_fault_without_a_cause():
    def narrower(posterior):
        mean = posterior.mean(("chain", "draw"))
        return mean + (posterior - mean) / 3

    comparison = comparisons.compare(fitted(), adopted(narrower))
    assert comparison.verdict == "disagree"
    assert finding(comparison, "other_spread").severity == "fault"
    assert finding(comparison, "other_place").value < -thresholds.DEVIANCE_SHIFT


def test_a_prior_that_narrows_is_named():
    prior = Prior(0.0, BinomialPrior(heads=2_700.0, tails=3_300.0))
    tree = bayes.sample(Binomial, flips(), 2, prior=prior, progress=False)
    pull = finding(comparisons.compare(fitted(), tree), "prior_pull")
    assert pull.severity in ("doubt", "fault")


def test_labels_that_cannot_be_told_are_weak_separation(rng):
    sample, _ = simulate(Mixture([0.5, 0.5], Binomial([0.45, 0.5])), 60, rng(3), trials=10)
    comparison = comparisons.second_opinion(Binomial, sample, 2, draws=1_000, progress=False)
    assert comparison.verdict == "inconclusive"
    assert finding(comparison, "weak_separation").severity == "doubt"


def test_one_component_agrees_in_one_and_several_dimensions(rng):
    line = Sample(rng(4).normal(170, 8, 300))
    plane = Sample(rng(5).normal(size=(300, 2)) * [1, 5] + [3, 100])
    for family, sample in ((Gaussian, line), (MultivariateGaussian, plane)):
        comparison = comparisons.second_opinion(family, sample, 1, draws=1_000, progress=False)
        assert comparison.verdict == "agree", comparison
        assert "weight[0]" not in comparison.to_frame().index


@pytest.mark.parametrize("form", ["full", "tied", "diagonal", "spherical"])
def test_every_form_of_covariance_has_its_rows(form, rng):
    family = MultivariateGaussian.with_covariance(form)
    x = np.concatenate(
        [rng(6).normal(size=(300, 2)), rng(7).normal(size=(200, 2)) + np.array([6.0, 0.0])]
    )
    comparison = comparisons.second_opinion(family, Sample(x), 2, draws=1_000, progress=False)
    assert comparison.verdict == "agree", comparison
    rows = {"full": 2 + 4 + 6, "tied": 2 + 4 + 3, "diagonal": 2 + 4 + 4, "spherical": 2 + 4 + 2}
    frame = comparison.to_frame()
    assert len(frame) == rows[form]
    assert comparison.tree.attrs["deviance_df"] == rows[form] - 1
    np.testing.assert_allclose(frame["prior_pull"] + frame["skew"], frame["gap_in_sd"], atol=1e-9)
    variances = np.diagonal(comparison.tree["em"]["covariance"])
    np.testing.assert_allclose(np.sqrt(variances), frame["se"], rtol=1e-6)


def test_another_samplers_posterior_is_compared():
    theirs = xr.DataTree.from_dict(
        {"posterior": drawn()["posterior"].to_dataset().rename(prob="p", weight="w")}
    )
    comparison = comparisons.compare(
        fitted(), theirs, sample=flips(), names={"prob": "p", "weight": "w"}
    )
    assert comparison.verdict == "agree"
    assert finding(comparison, "prior_pull").severity == "note"
    assert np.isnan(comparison.table["prior_pull"]).all()
    with pytest.raises(ValueError, match=r"give its sample="):
        comparisons.compare(fitted(), theirs)
    with pytest.raises(ValueError, match="leave yours out"):
        comparisons.compare(fitted(), drawn(), sample=flips())
    with pytest.raises(ValueError, match="give an xarray"):
        comparisons.compare(fitted(), drawn()["posterior"].to_dataset())


def test_verdict_is_the_worst_severity():
    def of(*severities):
        return verdict_of([Finding("code", one, 0.0, 0.0, "", "") for one in severities])

    assert of("ok", "note") == "agree"
    assert of("ok", "doubt") == "inconclusive"
    assert of("doubt", "fault") == "disagree"


def test_deviance_and_hellinger_are_what_their_formulas_say():
    comparison = comparisons.compare(fitted(), drawn())
    deviance = comparison.tree["deviance"]
    theirs = drawn()["sample_stats"]["log_likelihood"]
    expected = 2 * (fitted().log_likelihood - theirs)
    np.testing.assert_allclose(deviance["deviance"], expected, atol=1e-6)
    assert comparison.tree.attrs["deviance_mean"] == pytest.approx(float(expected.mean()))
    # Hellinger, summed over all numbers of heads instead of sampled
    density = comparison.tree["density"]
    exact = np.sqrt(((np.sqrt(density["plug_in"]) - np.sqrt(density["predictive"])) ** 2).sum() / 2)
    assert comparison.tree.attrs["hellinger"] == pytest.approx(float(exact), rel=0.1)
    assert float(density["plug_in"].sum()) == pytest.approx(1)
    assert float(density["predictive"].sum()) == pytest.approx(1)
