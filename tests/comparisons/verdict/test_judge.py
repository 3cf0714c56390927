"""Each finding stands when its cause is there, and only then."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import xarray as xr

import bayes
import comparisons
import em
from bayes.posterior.stein import Target
from bayes.posterior.tree import posterior_of
from comparisons import thresholds
from comparisons.finding import Finding, verdict_of
from comparisons.testing import assert_recovered
from comparisons.verdict.judge import judged
from comparisons.verdict.measured import Measured, measured_of
from comparisons.verdict.predictions import POINTS
from comparisons.verdict.search import search
from comparisons.verdict.table import table_of
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
from models.family import rebuilt
from models.question import asked

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
    prior = posterior_of(drawn()).question.prior
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
    other["total_log_likelihood"] = other["total_log_likelihood"] * (1 + 1e-6)
    tree["sample_stats"] = xr.DataTree(other)
    comparison = comparisons.compare(fitted(), tree)
    assert comparison.verdict == "disagree"
    # PyMC gives these draws other log-likelihoods than those that are stored with them
    assert finding(comparison, "foreign_draws").severity == "fault"


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
    assert "hard_assignment" in standing(comparison)


def test_a_saddle_is_no_maximum():
    x = flips()
    mean = float((x.x * x.counts).sum() / (20 * x.counts.sum()))
    comparison = comparisons.compare(Mixture([0.5, 0.5], Binomial([mean, mean])), drawn())
    assert comparison.verdict != "agree"
    assert finding(comparison, "not_a_maximum").value <= 0
    local = finding(comparison, "local_optimum")
    assert local.severity == "fault"
    assert "not even a local optimum" in local.message


@pytest.mark.slow
def test_unmixed_chains_allow_no_verdict():
    posterior = drawn()["posterior"].to_dataset().copy(deep=True)
    posterior["prob"][0] = posterior["prob"][0] + 0.1
    comparison = comparisons.compare(fitted(), adopted(lambda _: posterior))
    assert comparison.verdict == "inconclusive"
    apart = finding(comparison, "stuck_chain")
    assert apart.severity == "doubt"
    assert "chain 1 stays apart" in apart.message
    assert "fault" not in standing(comparison).values()


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("moved", [0.5, 1.0, 4.0])
def test_draws_that_sit_elsewhere_are_not_the_posteriors(moved):
    def elsewhere(posterior):
        return posterior.assign(
            prob=posterior["prob"] + moved * posterior["prob"].std(("chain", "draw"))
        )

    comparison = comparisons.compare(fitted(), adopted(elsewhere))
    # another prior can move the draws just so, unless they lie far away
    named = set(standing(comparison)) & {"wrong_target", "wrong_prior", "shifted_draws"}
    assert comparison.verdict == "disagree"
    assert len(named) == 1
    assert standing(comparison)[named.pop()] == "fault"
    if moved == 4:
        assert {"other_place", "other_numbers"} <= set(standing(comparison))


@pytest.mark.parametrize("width", [0.5, 0.8, 1.3, 2.0])
def test_draws_that_are_too_narrow_or_too_wide_are_not_the_posteriors(width):
    def tempered(posterior):
        mean = posterior.mean(("chain", "draw"))
        return mean + width * (posterior - mean)

    comparison = comparisons.compare(fitted(), adopted(tempered))
    wrong = finding(comparison, "narrow_draws" if width < 1 else "wide_draws")
    assert comparison.verdict == "disagree"
    assert wrong.severity == "fault"
    assert f"{width:.1f}" in wrong.message
    assert (finding(comparison, "other_place").value < 0) == (width < 1)


@pytest.mark.slow  # machine code of one component of several columns, for this alone
def test_draws_without_their_dependence_are_not_the_posteriors(rng):
    """A mean-field approximation has the right means and conditional spreads, and no more."""
    sample = Sample(rng(14).multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 400))
    family = MultivariateGaussian
    tree = bayes.sample(family, sample, 1, seed=1, progress=False)
    shuffled = tree["posterior"].to_dataset().copy(deep=True)
    means = shuffled["mean"].to_numpy().reshape(-1, 2)
    cut = np.sqrt(1 - np.corrcoef(means.T)[0, 1] ** 2)
    for column in range(2):
        free = rng(15 + column).normal(means[:, column].mean(), means[:, column].std() * cut, 4_000)
        shuffled["mean"][:, :, 0, column] = free.reshape(4, 1_000)
    prior = posterior_of(tree).question.prior
    theirs = xr.DataTree.from_dict({"posterior": shuffled})
    comparison = comparisons.compare(em.fit(family, sample, 1), theirs, sample=sample, prior=prior)
    wrong = finding(comparison, "wrong_target")
    assert comparison.verdict == "disagree"
    assert wrong.severity == "fault"
    assert "correlations are wrong" in wrong.message


def test_draws_that_somebody_sorted_are_the_posteriors(rng):
    sample = Sample(rng(16).binomial(10, 0.5, 60), 10)
    tree = bayes.sample(Binomial, sample, 2, draws=1_500, seed=2, progress=False)
    question = posterior_of(tree).question
    theirs = xr.DataTree.from_dict({"posterior": tree["posterior"].to_dataset()})
    ordered = bayes.adopt(Binomial, sample, theirs, prior=question.prior)
    assert max(bayes.target(ordered)) < thresholds.TARGET


@pytest.mark.parametrize("seed", [99, 101])
def test_the_posterior_of_other_data_is_found_out(seed):
    other = bayes.sample(Binomial, flips(seed), 2, seed=1, progress=False)
    theirs = xr.DataTree.from_dict({"posterior": other["posterior"].to_dataset()})
    prior = posterior_of(drawn()).question.prior
    known = comparisons.compare(fitted(), theirs, sample=flips(), prior=prior)
    assert finding(known, "wrong_target").severity == "fault"
    # without its prior the draws cannot be tested; that they lie apart is a fault all the same
    unknown = comparisons.compare(fitted(), theirs, sample=flips())
    assert finding(unknown, "wrong_target").severity == "note"
    assert not finding(unknown, "not_quadratic").stands
    assert unknown.verdict == "disagree"


def test_a_parameter_that_was_not_sampled_stands():
    near = fitted().mixture.theta.prob[1] * (1 + 1e-15 * np.arange(100))
    held = next(prob for prob in near if np.full(4_000, prob).std() > 0)  # the mean is rounded

    def frozen(posterior):
        prob = posterior["prob"].copy(deep=True)
        prob[..., 1] = held
        return posterior.assign(prob=prob)

    comparison = comparisons.compare(fitted(), adopted(frozen))
    assert comparison.verdict == "disagree"
    assert "was not sampled" in finding(comparison, "other_numbers").message


def test_a_maximum_of_the_posterior_is_told_from_an_early_stop():
    prior = Prior(0.0, BinomialPrior(heads=40.0, tails=40.0))
    tree = bayes.sample(Binomial, flips(), 2, prior=prior, progress=False)
    peak = em.fit(Binomial, flips(), 2, prior=prior)
    early = finding(comparisons.compare(peak, tree), "map_estimate")
    assert early.severity == "doubt"
    assert "(MAP)" in early.message
    # under another prior it is no peak
    other = finding(comparisons.compare(peak, drawn()), "not_at_maximum")
    assert other.severity == "fault"


@pytest.mark.slow
def test_a_prior_that_narrows_is_named():
    prior = Prior(0.0, BinomialPrior(heads=2_700.0, tails=3_300.0))
    tree = bayes.sample(Binomial, flips(), 2, prior=prior, progress=False)
    comparison = comparisons.compare(fitted(), tree)
    pull = finding(comparison, "prior_pull")
    assert pull.severity == "doubt"
    assert pull.value > thresholds.GAP
    assert f"{pull.value:.3g} posterior sd" in pull.message
    # a strong prior in the right place moves nothing, but holds the posterior together
    one = em.fit(Binomial, flips(), 1)
    share = float(one.mixture.theta.prob[0])
    centred = Prior(0.0, BinomialPrior(heads=30_000 * share, tails=30_000 * (1 - share)))
    tree = bayes.sample(Binomial, flips(), 1, prior=centred, progress=False)
    comparison = comparisons.compare(one, tree)
    held = finding(comparison, "prior_hold")
    assert comparison.verdict == "inconclusive"
    assert held.severity == "doubt"
    assert held.value < held.threshold
    assert finding(comparison, "prior_pull").severity == "ok"


def test_labels_that_cannot_be_told_are_weak_separation(rng):
    sample, _ = simulate(Mixture([0.5, 0.5], Binomial([0.45, 0.5])), 60, rng(3), trials=10)
    comparison = comparisons.second_opinion(Binomial, sample, 2, draws=1_000, progress=False)
    assert comparison.verdict == "inconclusive"
    assert finding(comparison, "weak_separation").severity == "doubt"


def one_component(dimensions, rng):
    if dimensions == 1:
        return Gaussian, Sample(rng(4).normal(170, 8, 300))
    return MultivariateGaussian, Sample(rng(5).normal(size=(300, 2)) * [1, 5] + [3, 100])


@pytest.mark.parametrize("dimensions", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_one_component_agrees_in_one_and_several_dimensions(dimensions, rng):
    family, sample = one_component(dimensions, rng)
    comparison = comparisons.second_opinion(family, sample, 1, draws=1_000, progress=False)
    assert comparison.verdict == "agree", comparison
    assert "weight[0]" not in comparison.to_frame().index


@pytest.mark.parametrize(
    "form",
    [
        "full",
        "tied-spherical",
        *(
            pytest.param(name, marks=pytest.mark.slow)  # whose machine code no other test needs
            for name in ("tied", "diagonal", "spherical")
        ),
    ],
)
def test_every_form_of_covariance_has_its_rows(form, rng):
    family = MultivariateGaussian.with_covariance(form)
    x = np.concatenate(
        [rng(6).normal(size=(300, 2)), rng(7).normal(size=(200, 2)) + np.array([6.0, 0.0])]
    )
    comparison = comparisons.second_opinion(family, Sample(x), 2, draws=1_000, progress=False)
    assert comparison.verdict == "agree", comparison
    spread = {"full": 6, "tied": 3, "diagonal": 4, "spherical": 2, "tied-spherical": 1}
    rows = 2 + 4 + spread[form]
    frame = comparison.to_frame()
    assert len(frame) == rows
    assert comparison.tree.attrs["deviance_df"] == rows - 1
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
    with pytest.raises(ValueError, match="omit yours"):
        comparisons.compare(fitted(), drawn(), sample=flips())
    with pytest.raises(ValueError, match="give an xarray"):
        comparisons.compare(fitted(), drawn()["posterior"].to_dataset())


def test_verdict_is_the_worst_severity():
    def of(*severities):
        return verdict_of([Finding("code", one, 0.0, 0.0, "", "") for one in severities])

    assert of("ok", "note") == "agree"
    assert of("ok", "doubt") == "inconclusive"
    assert of("doubt", "fault") == "disagree"


def hellinger(f, g, width):
    """Return the distance by summing over a grid, and the standard error of sampling it.

    The mean of t = (sqrt f - sqrt g)^2 / (f + g) over 2 x 2,048 points from (f + g) / 2 is H^2.
    """
    middle = (f + g) / 2
    t = np.divide((np.sqrt(f) - np.sqrt(g)) ** 2, f + g, out=np.zeros_like(f), where=middle > 0)
    square = float((t * middle * width).sum())
    variance = float((t**2 * middle * width).sum()) - square**2
    return square**0.5, (variance / (2 * POINTS)) ** 0.5 / (2 * square**0.5)


def test_deviance_and_hellinger_are_what_their_formulas_say():
    comparison = comparisons.compare(fitted(), drawn())
    deviance = comparison.tree["deviance"]
    theirs = drawn()["sample_stats"]["total_log_likelihood"]
    expected = 2 * (fitted().log_likelihood - theirs)
    np.testing.assert_allclose(deviance["deviance"], expected, atol=1e-6)
    assert comparison.tree.attrs["deviance_mean"] == pytest.approx(float(expected.mean()))
    # Hellinger, summed over all numbers of heads instead of sampled
    density = comparison.tree["density"]
    exact, error = hellinger(density["plug_in"].to_numpy(), density["predictive"].to_numpy(), 1.0)
    assert comparison.tree.attrs["hellinger"] == pytest.approx(exact, abs=4 * error)
    assert comparison.tree.attrs["hellinger"] != pytest.approx(2 * exact, abs=4 * error)
    assert float(density["plug_in"].sum()) == pytest.approx(1)
    assert float(density["predictive"].sum()) == pytest.approx(1)


@cache
def measured():
    return measured_of(fitted(), posterior_of(drawn()))


def judged_with(**changes):
    """Judge what was measured, some of it changed, in whichever record it stands."""
    parts, left = [], set(changes)
    for part in measured():
        if part is None:  # what rows in no order have not
            parts.append(part)
            continue
        own = {name: changes[name] for name in left if hasattr(part, name)}
        left -= set(own)
        parts.append(part._replace(**own) if isinstance(part, tuple) else replace(part, **own))
    assert not left
    changed = Measured(*parts)
    return {one.code: one for one in judged(changed, table_of(changed))}


def diagnosed(name, value):
    """Return the chains' diagnosis with one measure gone bad."""
    checks = measured().sampled.diagnosis.checks
    bad = [one._replace(value=value, passed=False) if one.name == name else one for one in checks]
    return {"diagnosis": measured().sampled.diagnosis._replace(checks=tuple(bad))}


def memberships_apart():
    both = measured().predictions.memberships
    return {"memberships": both._replace(posterior=0.7 * both.em + 0.3 * both.em[:, ::-1])}


def modes_elsewhere():
    (only,) = measured().sampled.modes
    modes = (only._replace(share=0.8), only._replace(height=only.height - 2, share=0.2))
    return {"modes": modes, "peak": measured().sampled.peak._replace(share=0.8)}


STANDS = {
    "low_energy": lambda: diagnosed("least E-BFMI", 0.1),
    "deep_trees": lambda: diagnosed("share at the deepest tree", 0.2),
    "divergences": lambda: diagnosed("share of divergences", 0.01),
    "unmixed_chains": lambda: diagnosed("largest R-hat", 1.2),
    "other_predictions": lambda: {"hellinger": 0.2},
    "other_memberships": memberships_apart,
    "several_modes": modes_elsewhere,
    "weak_separation": lambda: {"ambiguous": 0.2},
    "wrong_target": lambda: {"target": Target(1.0, 12.0)},
}


@pytest.mark.parametrize("code", STANDS)
def test_each_finding_stands_alone(code):
    assert not any(one.stands for one in judged_with().values())
    found = judged_with(**STANDS[code]())
    standing = [one.code for one in found.values() if one.stands]
    assert standing == [code]
    expected = "fault" if code == "wrong_target" else "doubt"
    assert found[code].severity == expected
    assert found[code].remedy


def test_draws_that_miss_an_identity_by_little_are_doubted():
    """Where posteriors bend, right draws miss by up to 7 Monte Carlo errors."""
    assert judged_with(target=Target(1.0, 4.0))["wrong_target"].severity == "ok"
    assert judged_with(target=Target(7.0, 1.0))["wrong_target"].severity == "doubt"
    assert judged_with(target=Target(10.5, 1.0))["wrong_target"].severity == "fault"


@pytest.mark.parametrize("missing", ["hellinger", "bend"])
def test_what_could_not_be_measured_is_not_ok(missing):
    if missing == "hellinger":
        assert judged_with(hellinger=np.nan)["other_predictions"].stands
    none = rebuilt(Binomial, [np.full(2, np.nan)])
    errors = Mixture(np.full(2, np.nan), none)
    bare = np.full_like(measured().point.covariance, np.nan)
    at = replace(
        measured().point.at,
        missing=np.nan,
        decrement=np.nan,
        standard_errors=errors,
        reason="of 3000 free parameters",
    )
    found = judged_with(at=at, errors=errors, covariance=bare, bend=np.nan)
    assert found["not_a_maximum"].stands
    assert "3000 free parameters" in found["not_a_maximum"].message
    assert found["other_spread"].stands
    assert found["boundary"].severity == "note"
    assert found["not_quadratic"].severity == "note"
    assert np.isnan(found["not_quadratic"].value)


def test_labels_switched_are_told_and_noise_is_weighed():
    assert judged_with(as_drawn=1.7)["label_switching"].severity == "ok"
    apart = judged_with(as_drawn=1.7, **diagnosed("largest R-hat", 1.4))["label_switching"]
    assert apart.severity == "note"
    assert "did not mend" in apart.message
    table = table_of(measured())
    loud = table.assign(noise=table["noise"] + 0.2)
    found = {one.code: one for one in judged(measured(), loud)}
    assert found["monte_carlo_noise"].severity == "doubt"


def test_edges_and_empty_components_are_named():
    edge = comparisons.compare(Mixture([0.5, 0.5], Binomial([0.0, 0.6])), drawn())
    assert finding(edge, "boundary").severity == "doubt"
    empty = comparisons.compare(Mixture([0.0005, 0.9995], Binomial([0.1, 0.48])), drawn())
    assert finding(empty, "empty_component").severity == "doubt"
    near = judged_with(
        errors=measured().point.errors,
        at=replace(
            measured().point.at,
            standard_errors=Mixture(np.array([0.3, 0.3]), measured().point.errors.theta),
        ),
    )
    assert near["boundary"].severity == "note"
    assert near["boundary"].value == pytest.approx(measured().point.estimate.weight.min() / 0.3)


def test_the_numbers_of_the_table_are_what_they_say():
    point = measured().point
    frame = table_of(measured()).to_frame()
    chances = measured().sampled.draws.theta.prob
    for component in range(2):
        row, draws = frame.loc[f"prob[{component}]"], chances[:, component]
        assert row["percentile"] == pytest.approx(100 * (draws < row["mle"]).mean(), abs=1e-9)
        assert row["low"] == pytest.approx(np.quantile(draws, 0.025))
        assert row["noise"] * row["sd"] == pytest.approx(row["mcse"])
    # the covariance: of the free parameters the inverse information, and the last share mirrored
    inverse = np.linalg.inv(point.at.information)
    order = [list(point.at.coordinates).index(name) for name in ("weight[0]", "prob[0]", "prob[1]")]
    rows = [list(frame.index).index(name) for name in ("weight[0]", "prob[0]", "prob[1]")]
    np.testing.assert_allclose(
        point.covariance[np.ix_(rows, rows)], inverse[np.ix_(order, order)], rtol=1e-9
    )
    np.testing.assert_allclose(point.covariance[1], -point.covariance[0], rtol=1e-9)


def test_the_prior_pull_is_the_textbooks():
    """MAP of a single coin is (heads + a) / (flips + a + b), the MLE heads / flips."""
    prior = Prior(0.0, BinomialPrior(heads=30.0, tails=10.0))
    tree = bayes.sample(Binomial, flips(), 1, prior=prior, progress=False)
    frame = comparisons.compare(em.fit(Binomial, flips(), 1), tree).to_frame()
    heads, n = float(flips().x @ flips().counts), 20 * flips().counts.sum()
    pull = (heads + 30) / (n + 40) - heads / n
    row = frame.loc["prob[0]"]
    assert row["prior_pull"] * row["sd"] == pytest.approx(pull, rel=1e-6)
    assert row["mle"] == pytest.approx(heads / n)


def test_hellinger_is_the_integral_in_one_and_several_dimensions(rng):
    sample = Sample(rng(8).normal(size=60))
    comparison = comparisons.second_opinion(Gaussian, sample, 1, draws=1_000, progress=False)
    density = comparison.tree["density"]
    width = np.gradient(density["x"].to_numpy())
    exact, error = hellinger(density["plug_in"].to_numpy(), density["predictive"].to_numpy(), width)
    one = comparison.tree.attrs["hellinger"]
    assert one == pytest.approx(exact, abs=4 * error)
    assert one != pytest.approx(4 * exact, abs=4 * error)
    # the same observations as a table of one column, in other units
    table = Sample(1e9 * sample.x[:, None])
    several = comparisons.second_opinion(
        MultivariateGaussian, table, 1, draws=1_000, progress=False
    )
    assert several.tree.attrs["hellinger"] == pytest.approx(exact, abs=4 * error)


@pytest.mark.parametrize(
    "seed", [21, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (22, 23))]
)
def test_truth_finds_its_component_in_several_dimensions(seed, rng):
    cov = np.array([np.eye(2), np.eye(2)])
    truth = Mixture([0.5, 0.5], MultivariateGaussian(np.array([[0.0, 8.0], [0.0, 0.0]]), cov))
    # the first column, which orders them, is the same
    sample, _ = simulate(truth, 300, rng(seed))
    comparison = comparisons.second_opinion(
        MultivariateGaussian, sample, 2, draws=1_000, truth=truth, progress=False
    )
    assert_recovered(comparison, truth)
    table = comparison.table
    assert (np.abs(table["truth"] - table["mle"]) < 5 * table["se"]).all()


def test_a_draw_leads_em_to_what_its_own_starts_missed():
    found, best = search(asked(Binomial, flips(), 2)), fitted()
    missed = found._replace(fit=replace(best, log_likelihood=best.log_likelihood - 3.0))
    renewed = measured_of(None, posterior_of(drawn()), missed)
    assert renewed.point.renewed
    assert renewed.point.at.log_likelihood == pytest.approx(best.log_likelihood)
    findings = {one.code: one for one in judged(renewed, table_of(renewed))}
    assert findings["local_optimum"].severity == "note"
    assert findings["local_optimum"].value == pytest.approx(3.0, abs=1e-6)
    assert not measured_of(None, posterior_of(drawn()), found).point.renewed


def test_too_few_draws_are_refused():
    few = drawn()["posterior"].to_dataset().isel(draw=slice(0, 1))
    with pytest.raises(ValueError, match="draws per chain"):
        comparisons.compare(fitted(), adopted(lambda _: few))
