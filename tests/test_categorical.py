"""Labels from data to verdict: names, refusals, the discrete hidden Markov model."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

import comparisons
import em
from comparisons.testing import assert_recovered
from models import (
    Categorical,
    CategoricalPrior,
    HiddenMarkov,
    Mixture,
    Prior,
    Sample,
    Sequences,
    simulate,
)
from models.estimable import refuse_inestimable
from models.family import width
from models.question import asked
from models.refusal import Refusal

WORDS = ("be", "not", "or", "to")
TRUTH = HiddenMarkov(
    [1 / 3, 2 / 3],
    [[0.8, 0.2], [0.1, 0.9]],
    Categorical([[0.05, 0.15, 0.2, 0.6], [0.6, 0.25, 0.1, 0.05]]),
)


def words(seed: int, n: int) -> Sequences:
    """Words of a chain with two states."""
    data, _ = simulate(TRUTH, n, np.random.default_rng(seed))
    return Sequences([WORDS[int(one)] for one in data.sample.x[data.places]])


def test_text_is_labels_whose_names_stay():
    sample = Sample(["to", "be", "or", "not", "to", "be"])
    assert sample.categories == WORDS
    assert sample.x.tolist() == [0, 1, 2, 3]
    assert sample.counts.tolist() == [2, 1, 1, 2]
    assert sample.x[sample.inverse].tolist() == [3, 0, 2, 1, 3, 0]
    again = Sample.from_arrays({name: one for name, (_, one) in sample.arrays().items()})
    assert again.categories == WORDS
    for part in (sample.pick(np.array([2])), *sample.blocks(2)):
        assert part.categories == WORDS
        assert width(Categorical, part) == 4
    assert Sample(["10", "9"]).categories == ("9", "10")


def test_rows_in_time_keep_names_and_gaps():
    data = Sequences(["to", None, "be", "to"])
    assert data.sample.categories == ("be", "to")
    assert data.places.tolist() == [1, 2, 0, 1]
    again = Sequences.from_arrays({name: one for name, (_, one) in data.arrays().items()})
    assert again.sample.categories == ("be", "to")
    part = words(1, 2_000).stretches(50, np.random.default_rng(2))
    assert part.sample.categories == WORDS


def test_categories_that_did_not_occur_can_be_named():
    given = Sample(["to", "be"], categories=WORDS)
    assert width(Categorical, given) == 4
    codes = Sample([3, 0], categories=WORDS)
    np.testing.assert_array_equal(codes.x, given.x)
    prior = Prior(0.0, CategoricalPrior(1))
    mode = em.fit(Categorical, given, 1, prior=prior).estimate.theta.prob
    np.testing.assert_allclose(mode, [[2 / 6, 1 / 6, 1 / 6, 2 / 6]], rtol=1e-12)


@pytest.mark.parametrize(
    ("x", "categories", "message"),
    [
        (["to", "bee"], WORDS, "x: row 1 .*'bee', which is none of the categories be, not, or, to"),
        ([0, 4], WORDS, "x: row 1 .*4, which is no code of 4 categories; give .* from 0 to 3"),
        ([0, 0.5], WORDS, "x: row 1 .*0.5, which is no code"),
        ([[0, 1], [1, 1]], WORDS, "categories are given, but x is a table"),
        (["to"], ["to", "to"], "categories name 'to' twice"),
        (["to"], "to", "categories is 'to'; give a list"),
        (["to"], [], "categories is empty"),
    ],
)
def test_bad_categories_are_refused(x, categories, message):
    with pytest.raises(ValueError, match=message):
        Sample(x, categories=categories)


def test_a_fit_shows_names_and_refuses_other_categories():
    data = words(3, 600)
    fit = em.fit(Categorical, data, 2, starts=3)
    assert "prob[be]" in str(fit)
    assert fit.members(data).shape == (2, 600)
    with pytest.raises(ValueError, match="'bee' is none of the categories of the fit"):
        fit.density(Sample(["be", "bee"]))
    assert fit.density(Sample(["be", "to"], categories=WORDS)).shape == (2,)
    with pytest.raises(ValueError, match="x has code 6, but the fit has codes from 0 to 3"):
        fit.density([6.0])


@pytest.mark.parametrize("equal", [False, True])
def test_single_labels_in_no_order_identify_nothing_and_that_is_said(equal):
    sample = Sample(["a", "b", "c", "a"])
    question = asked(Categorical, sample, 2, equal_weights=equal)
    with pytest.raises(Refusal, match="one label a row cannot tell 2 groups apart"):
        refuse_inestimable(question)
    with pytest.raises(Refusal, match="one label a row") as said:
        comparisons.second_opinion(Categorical, sample, 2, equal_weights=equal, progress=False)
    assert "rows in time (Sequences(x))" in str(said.value)
    assert "--" not in str(said.value)
    with pytest.raises(Refusal, match="one label a row") as typed_so:
        refuse_inestimable(question, ["plan"], typed=True)
    assert "-c NAME:categorical for each" in str(typed_so.value)
    assert "Sequences" not in str(typed_so.value)
    assert "force=" not in str(typed_so.value)
    refuse_inestimable(question, force=True)
    refuse_inestimable(asked(Categorical, sample, 1))  # negative control: one component
    refuse_inestimable(asked(Categorical, Sequences(["a", "b", "c", "a"]), 2))  # and time


def test_it_is_true_that_they_identify_nothing():
    """Three mixtures, far apart, have one likelihood."""
    shares = np.array([0.5, 0.3, 0.2])
    sample = Sample(np.arange(3.0), counts=[50, 30, 20])
    one = Mixture([0.5, 0.5], Categorical(np.array([shares, shares])))
    corner = Mixture([0.5, 0.5], Categorical([[1.0, 0.0, 0.0], [0.0, 0.6, 0.4]]))
    between = Mixture([0.2, 0.8], Categorical([[0.1, 0.3, 0.6], [0.6, 0.3, 0.1]]))
    heights = [
        em.fit(Categorical, sample, 2, start=start, max_steps=0).log_likelihood
        for start in (one, corner, between)
    ]
    np.testing.assert_allclose(heights, heights[0], rtol=1e-12)
    other = corner._replace(weight=[0.4, 0.6])  # negative control
    moved = em.fit(Categorical, sample, 2, start=other, max_steps=0).log_likelihood
    assert heights[0] - moved > 0.1


@pytest.mark.parametrize(
    ("seed", "edges"),
    [(4, {"prob[1,3]"}), (8, {"prob[0,0]", "prob[1,3]"})],  # the last one follows from the others
)
def test_a_probability_of_zero_is_an_edge_and_the_others_have_errors(seed, edges):
    chain = HiddenMarkov(
        [0.5, 0.5],
        [[0.9, 0.1], [0.1, 0.9]],
        Categorical([[0.0, 0.1, 0.4, 0.5], [0.5, 0.4, 0.1, 0.0]]),
    )
    data, _ = simulate(
        chain._replace(theta=Categorical(chain.theta.prob[::-1])),
        1_500,
        np.random.default_rng(seed),
    )
    fit = em.fit(Categorical, data, 2)
    assert {edge.label for edge in fit.edges} == edges
    assert all(edge.slope > 0 for edge in fit.edges)
    errors = fit.standard_errors.theta.prob
    known = np.isfinite(errors)
    assert (~known).sum() == len(edges)
    far = np.abs(fit.estimate.theta.prob - chain.theta.prob)
    assert (far[known] < 4 * errors[known]).all()


@pytest.mark.parametrize("seed", range(11, 16))
def test_em_recovers_a_chain_of_words(seed):
    fit = em.fit(Categorical, words(seed, 4_000), 2, seed=seed)
    estimate, errors = fit.estimate, fit.standard_errors

    def far(truth: HiddenMarkov) -> float:
        apart = [
            np.abs(estimate.transition - truth.transition) / errors.transition,
            np.abs(estimate.theta.prob - truth.theta.prob) / errors.theta.prob,
        ]
        return max(float(one.max()) for one in apart)

    assert far(TRUTH) < 4.5
    wrong = np.array(TRUTH.theta.prob)  # negative control
    wrong[:, [0, 1]] = wrong[:, [1, 0]]
    assert far(TRUTH._replace(theta=Categorical(wrong))) > 4.5


def typed(path, *options: str):
    from comparisons.command.main import app

    asked_for = ["fit", str(path), "--family", "categorical", "--column", "word", *options]
    return CliRunner().invoke(app, asked_for)


@pytest.fixture
def file(tmp_path):
    data, path = words(6, 300), tmp_path / "words.csv"
    lines = [WORDS[int(one)] for one in data.sample.x[data.places]]
    lines[10] = ""
    path.write_text("\n".join(["word", *lines]) + "\n")
    return path


def test_a_file_of_words(file):
    found = typed(file, "-k", "2", "--in-order", "--only", "em")
    assert found.exit_code == 0, found.exception
    assert "prob[be]" in found.output
    assert "299 observations" in found.output
    alone = typed(file, "-k", "1", "--drop-missing", "--only", "em")
    assert "1 row with blanks dropped" in alone.output
    assert "prob[to]" in alone.output


def test_words_of_a_file_without_order_are_refused_before_any_work(file):
    blank = str(typed(file, "-k", "2").exception)
    assert "without a value" in blank
    assert "line 12; leave such rows out (drop_missing=True)" in blank
    refused = typed(file, "-k", "2", "--drop-missing")
    assert "one label a row cannot tell 2 groups apart" in str(refused.exception)
    assert "--force" in str(refused.exception)
    forced = typed(file, "-k", "2", "--drop-missing", "--force", "--only", "em")
    assert "so the data do not determine all" in " ".join(forced.output.split())


@pytest.mark.slow  # its machine code is compiled for this alone
def test_both_methods_recover_a_chain_of_words_and_say_so(tmp_path):
    data = words(7, 2_000)
    found = comparisons.second_opinion(Categorical, data, 2, seed=1, progress=False)
    assert found.verdict == "agree"
    assert_recovered(found, TRUTH)
    wrong = np.array(TRUTH.theta.prob)[:, [0, 2, 1, 3]]  # negative control: two words exchanged
    with pytest.raises(AssertionError, match="not recovered"):
        assert_recovered(found, TRUTH._replace(theta=Categorical(wrong)))
    moved = found.question.data.sample
    assert moved.categories == WORDS
    found.save(tmp_path / "opinion.nc")
    again = comparisons.load(tmp_path / "opinion.nc")
    assert again.categories == WORDS
    again.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert f"prob[2; {WORDS[3]}]" in page
    assert page.count("<svg") >= 8
    other = em.fit(Categorical, data, 2, start=TRUTH, max_steps=0)
    shifted = other.estimate._replace(theta=Categorical(wrong))
    assert comparisons.compare(shifted, found.tree).verdict == "disagree"
