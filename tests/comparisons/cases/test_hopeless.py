"""Chains that more draws would not mend end early, and the verdict has one headline."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

import bayes
import comparisons
from bayes.posterior.diagnose import measured, worst_of
from bayes.posterior.labels import Alignment
from bayes.posterior.prospects import SLOW, hopeless_of
from bayes.posterior.tree import drawn
from bayes.sample import AUTO, AUTO_ESS
from comparisons.finding import DOUBT, FAULT, NOTE, Finding
from comparisons.pages.json import of_comparison
from comparisons.pages.report import report
from comparisons.pages.terminal import told
from comparisons.verdict.headline import HOPELESS, by_importance, follows, headline
from models import Gaussian, Mixture, Sample, simulate
from models.question import asked

CHAINS, DRAWS, N = 4, 1_000, 200
SURE = np.full(CHAINS * DRAWS, np.inf)
TWO = Mixture([0.5, 0.5], Gaussian([0.0, 6.0], [1.0, 1.0]))


def paths(generator, per_draw: float) -> np.ndarray:
    """Return (chains, draws) of autoregressive chains with so many effective draws for each."""
    rho = (1 - per_draw) / (1 + per_draw)
    noise = generator.normal(size=(CHAINS, DRAWS)) * np.sqrt(1 - rho**2)
    noise[:, 0] /= np.sqrt(1 - rho**2)
    return lfilter([1], [1, -rho], noise, axis=1)


def prospects(generator, mean, *, share=0.5, ambiguous=0.0):
    """Return why chains are hopeless whose first group has a mean (chains, draws)."""
    n = CHAINS * DRAWS
    first = np.full(n, share) * np.exp(0.01 * generator.normal(size=n))
    theta = Gaussian(
        np.stack([mean.ravel(), 20 + generator.normal(size=n)], axis=1),
        np.exp(0.1 * generator.normal(size=(n, 2))),
    )
    draws = Mixture(np.stack([first, 1 - first], axis=1), theta)
    margin = np.where(np.arange(n) < ambiguous * n, 0.0, SURE)
    question = asked(Gaussian, Sample(generator.normal(size=N)), 2)
    sizes = (CHAINS, DRAWS)
    alignment = Alignment(np.tile([0, 1], (n, 1)), margin)
    measures = measured(drawn(draws, sizes))
    found = hopeless_of(question, draws, sizes, alignment, measures, AUTO[-1], AUTO_ESS)
    return None if found is None else found.code, worst_of(measures).ess_bulk


def test_each_reason_is_named_and_none_without_it(rng):
    generator = rng(711)
    quick = paths(generator, 0.5)
    elsewhere = quick + np.array([0, 0, 0, 3.0])[:, None]
    slow, stalled = paths(generator, 0.008), paths(generator, 0.001)
    assert prospects(generator, elsewhere)[0] == "several_modes"
    assert prospects(generator, slow, ambiguous=0.4)[0] == "ambiguous_labels"
    assert prospects(generator, slow, share=1 / N)[0] == "empty_group"
    assert prospects(generator, stalled)[0] == "slow_chains"
    # negative controls: the same without the cause, and the causes in chains that mix
    assert prospects(generator, quick)[0] is None
    assert prospects(generator, slow)[0] is None
    assert prospects(generator, quick, ambiguous=0.4)[0] is None
    assert prospects(generator, quick, share=1 / N)[0] is None


@pytest.mark.slow
def test_chains_that_need_some_thousand_draws_go_on(rng):
    """With .06 effective draws for each draw 4,000 to 8,000 meet the gates, whatever the labels."""
    generator = rng(712)
    for _ in range(20):
        code, size = prospects(generator, paths(generator, 0.06), ambiguous=0.4)
        assert code is None, size
    # negative control: a sixth of the pace
    codes = [prospects(generator, paths(generator, 0.01), ambiguous=0.4) for _ in range(20)]
    assert sum(code is not None for code, _ in codes) > 10
    assert all(size < SLOW for code, size in codes if code == "ambiguous_labels")


def finding(code, severity):
    return Finding(code, severity, 2.0, 1.0, f"It is {code}.", "")


def test_the_headline_is_a_cause():
    found = [
        finding("unmixed_chains", DOUBT),
        finding("few_draws", DOUBT),
        finding("other_place", DOUBT),
        finding("prior_pull", NOTE),
    ]
    assert headline(found).code == "unmixed_chains"
    assert follows(found) == []
    hopeless = [*found, finding(HOPELESS, DOUBT)]
    assert headline(hopeless).code == HOPELESS
    assert [one.code for one in follows(hopeless)] == ["unmixed_chains", "few_draws", "other_place"]
    # a fault comes first all the same, and never follows from the chains
    wrong = [*hopeless, finding("different_question", FAULT)]
    assert headline(wrong).code == "different_question"
    assert [one.code for one in by_importance(wrong)][:2] == ["different_question", HOPELESS]
    assert headline([finding("prior_pull", NOTE)]) is None


@pytest.mark.slow
def test_a_group_too_many_ends_early_with_one_headline(rng, capsys):
    sample, _ = simulate(TWO, 600, rng(713))
    with pytest.warns(bayes.ChainsWarning, match="More draws would not help"):
        comparison = comparisons.second_opinion(Gaussian, sample, 3, seed=1, progress=False)
    assert comparison.verdict == "inconclusive"
    attrs = comparison.tree.attrs
    assert (attrs["gates"], attrs["draws"]) == ("hopeless", AUTO[0])
    first = headline(comparison.findings)
    assert first.code == HOPELESS
    assert of_comparison(comparison).headline.sentence == first.message
    told(comparison)
    out = capsys.readouterr().out
    assert out.count("? ") <= 3
    assert "Consequences: " in out
    assert "Consequences of the first cause" in report(comparison, pictures=[])


def test_as_many_groups_as_there_are_have_no_headline(rng):
    sample, _ = simulate(TWO, 600, rng(713))
    comparison = comparisons.second_opinion(Gaussian, sample, 2, seed=1, progress=False)
    assert comparison.verdict == "agree"
    assert comparison.tree.attrs["gates"] == "met"
    assert of_comparison(comparison).headline is None


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")
def test_few_heights_go_on_until_the_gates_are_met(rng):
    """Labels are ambiguous in a large share of draws, but the chains mix: they need their time."""
    truth = Mixture([0.4, 0.6], Gaussian([163.0, 175.0], [6.0, 7.0]))
    sample, _ = simulate(truth, 200, rng(714))
    tree = bayes.sample(Gaussian, sample, 2, draws="auto", seed=1, progress=False)
    assert tree.attrs["gates"] == "met"
    assert tree.attrs["draws"] > AUTO[0]
