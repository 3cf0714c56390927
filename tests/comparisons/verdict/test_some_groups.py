"""An opinion on some of the groups, drawn whole, against which EM of all is held."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest
from scipy import stats
from xarray import DataTree

import comparisons
import em
from comparisons.capacity import refuse_many
from comparisons.pages.terminal import among
from comparisons.thresholds import OTHER_ROWS
from comparisons.verdict.subsample import Whole, keep_whole, same_rows, whole_of
from models import Admixture, Categorical, Groups
from models.question import asked

PROB = np.array([[0.5, 0.2, 0.15, 0.1, 0.05], [0.05, 0.1, 0.15, 0.2, 0.5]])
GROUPS, WORDS = 120, 60
HALF = GROUPS * WORDS // 2
REPEATS = 40


@cache
def texts() -> Groups:
    generator = np.random.default_rng(2501)
    share = generator.dirichlet([0.8, 0.8], GROUPS)
    table = np.stack([generator.multinomial(WORDS, one @ PROB) for one in share])
    return Groups.from_table(table, groups=[f"text {at}" for at in range(GROUPS)])


@cache
def fitted() -> em.Fit:
    return em.fit(Categorical, texts(), 2, starts=5)


def part(seed: int) -> Groups:
    return texts().stretches(HALF, np.random.default_rng(seed))


def judged(some: Groups, fit: em.Fit):
    question, tree = asked(Categorical, some, 2), DataTree()
    keep_whole(tree, fit, some)
    whole = whole_of(tree, question)
    assert whole is not None
    return same_rows(whole, question, em.fit(Categorical, some, 2, starts=5))


def test_groups_are_drawn_whole(rng):
    some = texts().stretches(HALF, rng(2502))
    assert some.sample.observations == HALF
    assert len(some.titles) == len(set(some.titles)) == GROUPS // 2
    assert some.sample.categories == texts().sample.categories
    table, kept = texts().to_table().toarray(), some.to_table().toarray()
    for row, title in zip(kept, some.titles, strict=True):
        assert (row == table[texts().titles.index(title)]).all()
    assert list(some.titles) == [one for one in texts().titles if one in some.titles]  # in order
    assert len(texts().stretches(1, rng(2503)).titles) == 2
    assert texts().stretches(10**9, rng(2504)).titles == texts().titles
    # negative control: another seed draws others
    assert texts().stretches(HALF, rng(2505)).titles != some.titles


def test_shares_of_the_groups_that_were_drawn_are_kept():
    some, tree = part(1), DataTree()
    keep_whole(tree, fitted(), some)
    whole = whole_of(tree, asked(Categorical, some, 2))
    assert whole is not None
    assert whole.observations == GROUPS * WORDS
    assert whole.estimate.weight.shape == (GROUPS // 2, 2)
    for title, share in zip(some.titles, whole.estimate.weight, strict=True):
        assert share == pytest.approx(fitted().estimate.weight[texts().titles.index(title)])
    assert whole.estimate.theta.prob == pytest.approx(fitted().estimate.theta.prob)


def test_em_of_all_groups_agrees_with_em_of_some():
    finding = judged(part(2), fitted())
    assert finding.severity == "ok"
    assert "about 6 is expected" in finding.message  # the shares of groups aside
    # negative control: components that are elsewhere
    wrong = fitted().estimate.theta.prob[:, ::-1] * 0.2 + fitted().estimate.theta.prob * 0.8
    question = asked(Categorical, part(2), 2)
    at = [texts().titles.index(title) for title in part(2).titles]
    estimate = Admixture(fitted().estimate.weight[at], Categorical(wrong))
    other = same_rows(
        Whole(estimate, GROUPS * WORDS), question, em.fit(Categorical, part(2), 2, starts=5)
    )
    assert other.severity == "note"
    assert other.value < OTHER_ROWS


@pytest.mark.slow
def test_the_chance_that_is_found_is_uniform():
    tails = np.array([judged(part(seed), fitted()).value for seed in range(REPEATS)])
    assert stats.kstest(tails, "uniform").pvalue > 1e-4
    # negative control: every share of a group counted as a parameter
    deviances = stats.chi2.isf(tails, 6)
    with_shares = stats.chi2.sf(deviances, 6 + GROUPS // 2)
    assert stats.kstest(with_shares, "uniform").pvalue < 1e-4


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # the runs are short
def test_an_opinion_on_some_groups_says_so():
    found = comparisons.second_opinion(
        Categorical, texts(), 2, some=900, seed=5, draws=300, tune=300, progress=False
    )
    (finding,) = [one for one in found.findings if one.code == "other_rows"]
    assert finding.severity == "ok"
    assert "by a factor of 2.83" in finding.message
    assert among(found) == " (of 7,200, drawn at random in whole groups)"


def table(groups: int, categories: int) -> Groups:
    """Return groups of two rows of each of their categories."""
    return Groups.from_table(np.full((groups, categories), 2))


def test_more_parameters_than_chains_can_carry_are_refused():
    with pytest.raises(ValueError, match="with --some") as problem:
        refuse_many(asked(Categorical, table(1_500, 20), 3))
    said = str(problem.value)
    assert "\n" not in said
    assert "3,057 free parameters are more than chains carry (about 2,000)" in said
    assert "--only em" in said
    # the number that it names fits
    some = int(re.search(r"--some (\d+)", said)[1])
    fewer = table(1_500, 20).stretches(some, np.random.default_rng(2506))
    assert 600 < len(fewer.titles) < 972
    refuse_many(asked(Categorical, fewer, 3))
    with pytest.raises(ValueError, match="2,997 of them of the components: leave out rare"):
        refuse_many(asked(Categorical, table(40, 1_000), 3))
    # negative controls: just fewer, and shares that are held
    refuse_many(asked(Categorical, table(971, 20), 3))
    refuse_many(asked(Categorical, table(1_500, 20), 3, equal_weights=True))


def test_a_refusal_comes_before_any_work():
    with pytest.raises(ValueError, match="more than chains carry"):
        comparisons.second_opinion(Categorical, table(1_500, 20), 3)
    fit = em.fit(Categorical, table(1_500, 20), 3, starts=1, max_steps=3)  # EM is never refused
    assert fit.estimate.weight.shape == (1_500, 3)
