"""The races of rows in groups: both sides climb one likelihood, and each race has its rounds."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.speed import admixtures
from comparisons.speed.run import QUICK
from models import Admixture

pytest.importorskip("sklearn")


def test_both_sides_climb_one_likelihood(rng):
    corpus = admixtures.corpus_of(30, 40, 2, rng(2601))
    admixtures.check(corpus)
    mine, theirs = admixtures.ours(corpus, 300)[0], admixtures.factors(corpus, 300)[0]
    heights = [admixtures.height(corpus, one) for one in (mine, theirs)]
    # EM of the same start climbs the same hill
    assert heights[1] == pytest.approx(heights[0], rel=2e-4)
    assert heights[0] > admixtures.height(corpus, corpus.start) + 100
    table = corpus.table.toarray()
    by_hand = (table * np.log(mine.weight @ mine.theta.prob)).sum()
    assert heights[0] == pytest.approx(by_hand, rel=1e-12)


def test_another_start_is_noticed(rng, monkeypatch):
    """Negative control: a side that does not climb."""
    corpus = admixtures.corpus_of(30, 40, 2, rng(2602))
    still = Admixture(*corpus.start)
    monkeypatch.setattr(admixtures, "factors", lambda *_: (still, 1.0))
    with pytest.raises(AssertionError):
        admixtures.check(corpus)


def test_races_have_their_rounds(rng):
    corpus = admixtures.corpus_of(30, 40, 2, rng(2603))
    nmf, topics = admixtures.raced("a step", corpus, 2, lambda _: None)
    assert len(nmf.ratios) == len(topics.ratios) == 2
    assert min(*nmf.ratios, *topics.ratios) > 0
    (limit,) = admixtures.to_the_limit("to the limit", corpus, QUICK, lambda _: None)
    assert len(limit.ratios) == 1
