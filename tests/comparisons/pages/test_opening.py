"""How reports begin: titles that are short, and a first paragraph that says what came out."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from comparisons.finding import DOUBT, NOTE, OK, Finding
from comparisons.pages.opening import found, opening, title
from comparisons.pages.report import card_of
from models import (
    Binomial,
    Categorical,
    Gaussian,
    Groups,
    MultivariateGaussian,
    Poisson,
    Sample,
    Sequences,
)
from models.question import asked

LONGEST = 90  # letters of a title whose columns have short names
NUMBERS, WORDS = np.arange(12.0), ["to", "be", "or"] * 4


def facts(family, data, k=2, source="EM", columns=(), verdict="agree", findings=(), equal=False):
    """Return what the opening reads of a comparison."""
    question = asked(family, data, k)
    return SimpleNamespace(
        out_of="",
        question=question,
        structure=question.structure,
        family=family,
        k=k,
        noun=question.noun,
        columns=columns,
        observations=12,
        whole=None,
        equal_weights=equal,
        estimate=SimpleNamespace(name=source),
        verdict=verdict,
        findings=findings,
    )


def finding(code: str, severity: str = DOUBT) -> Finding:
    return Finding(code, severity, 1.0, 0.5, "A sentence.", "")


HEIGHTS = facts(Gaussian, Sample(NUMBERS), columns=("height in cm",))
TITLES = [
    (HEIGHTS, "Height in cm: two groups? EM and MCMC compared (n = 12)"),
    (
        facts(Gaussian, Sequences(NUMBERS), 3, columns=("pH",)),
        "pH: three states? EM and MCMC compared (n = 12)",
    ),
    (
        facts(Categorical, Groups(WORDS, ["a", "b", "c", "d"] * 3), 3),
        "Labels in 4 groups: three topics? EM and MCMC compared (n = 12)",
    ),
    (
        facts(Poisson, Groups(NUMBERS, ["a", "b", "c", "d"] * 3)),
        "Counts of events in 4 groups: two components? EM and MCMC compared (n = 12)",
    ),
    (facts(Poisson, Sample(NUMBERS), 1), "Counts of events: a single group? EM and MCMC"),
    (
        facts(MultivariateGaussian, Sample(np.eye(12)[:, :2] + NUMBERS[:, None]), 1, columns="ab"),
        "A and b: a single group? EM and MCMC compared (n = 12)",
    ),
    (
        facts(Gaussian, Sample(NUMBERS), source="mine.json"),
        "Measurements: two groups? mine.json and MCMC compared (n = 12)",
    ),
    (
        facts(Gaussian, Sample(NUMBERS), source="GaussianMixture"),
        "Measurements: two groups? an estimate (GaussianMixture) and MCMC compared (n = 12)",
    ),
]


@pytest.mark.parametrize(("one", "wanted"), TITLES)
def test_titles_are_short_and_name_what_was_observed(one, wanted):
    assert title(one).startswith(wanted)
    assert len(title(one)) <= LONGEST


def test_the_first_paragraph_says_what_was_asked_done_and_found():
    said = opening(HEIGHTS)
    assert said.startswith(
        "Can 12 measurements (height in cm) be described by two hidden groups, each a bell curve? "
    )
    assert "Two independent methods answered." in said
    assert said.endswith(found(HEIGHTS))
    for one, _ in TITLES:
        sentences = opening(one).count(". ") + opening(one).count("? ") + 1
        assert 3 <= sentences <= 4
        assert not set(opening(one)) & set("^_[]")
    mine = opening(facts(Gaussian, Sample(NUMBERS), source="mine.json"))
    assert "The estimate (mine.json) is one description" in mine
    assert "EM finds" not in mine
    equal = facts(Binomial, Sample(NUMBERS, 12), equal=True)
    assert "two hidden groups of equal size, each" in opening(equal)
    assert ", one after the other, be described by three hidden states" in opening(TITLES[1][0])


@pytest.mark.parametrize(
    ("verdict", "findings", "wanted"),
    [
        ("agree", [finding("misfit", OK)], "the same answer, and it describes the data well."),
        ("agree", [finding("misfit", NOTE)], "Both give the same answer."),
        ("agree", [], "Both give the same answer."),
        ("agree", [finding("flat_directions", NOTE)], "so the groups themselves remain open."),
        ("inconclusive", [finding("misfit")], "but it does not describe the data well."),
        ("inconclusive", [finding("several_modes"), finding("few_draws")], "several different"),
        ("inconclusive", [finding("few_draws"), finding("misfit")], "has not finished"),
        ("inconclusive", [finding("prior_pull")], "depends on prior assumptions"),
        ("inconclusive", [finding("other_place")], "The causes are listed below."),
        ("disagree", [finding("local_optimum", "fault")], "contradict each other"),
    ],
)
def test_what_came_out_follows_the_verdict_and_its_causes(verdict, findings, wanted):
    assert wanted in found(facts(Gaussian, Sample(NUMBERS), verdict=verdict, findings=findings))


@pytest.mark.parametrize(
    ("value", "message", "shown"),
    [
        (1.0217, "The chains have not mixed: largest R-hat 1.022 (at most 1.01 is ok).", True),
        (118.62, "Too few effective draws: 119.", True),
        (1234.5, "They lie 1,234 units apart.", True),
        (-60.5, "Lower by 60.5 units.", True),
        (3.479, "In 3.4% of the draws the groups could be swapped.", False),
        (1.0, "The model does not fit.", False),
        (np.nan, "Not measured in 3 runs.", False),
        (2.5, "5 observations for 2 parameters are few.", False),
        (2.0, "rate[2] lies far away.", False),
        (0.045, "They differ by 4.5 percentage points.", True),
        (0.045, "They differ by 5.5 percentage points.", False),
        (0.0, "No trajectory diverges.", True),
    ],
)
def test_a_card_shows_a_number_only_where_its_message_says_what_it_is(value, message, shown):
    assert card_of(Finding("x", DOUBT, value, 1.0, message, "")).shown is shown
