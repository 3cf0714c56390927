"""Documents drawn from known topics, and how well a fit finds these."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from em.solutions import solutions_of
from models import Groups

if TYPE_CHECKING:
    from em import Fit
    from models import Admixture, Categorical
    from models.arrays import Array

__all__ = ["ANCHORS", "TOPICS", "WORDS", "Corpus", "apart", "corpus", "matched", "widths"]

TOPICS = ("cooking", "sailing", "music")
ANCHORS = ("recipe", "keel", "chord")  # each occurs in one topic only
WORDS = (
    *("water", "hand", "time", "board", "line", "wind", "salt", "scale", "note", "sharp", "deck"),
    *ANCHORS,
)
COMMON = np.array(
    [
        [12, 8, 8, 20, 6, 6, 10, 4, 4, 16, 6],
        [6, 6, 10, 6, 20, 12, 4, 10, 4, 6, 16],
        [8, 12, 6, 4, 6, 4, 8, 6, 24, 11, 11],
    ]
)  # percent of the words that all topics share
ANCHORED = 0.1  # of a topic's words are its anchor
DOCUMENTS, LENGTH = 40, 100
MIXED = 0.2  # each document's Dirichlet parameter: most are nearly of one topic


class Corpus(NamedTuple):
    """Counts (documents, words), and the topics (3, words) that they were drawn from.

    >>> corpus(0).without_anchors().topics.sum(axis=1).round(6)
    array([1., 1., 1.])
    """

    counts: Array
    topics: Array
    words: tuple[str, ...]

    def without_anchors(self) -> Corpus:
        """Return the same documents, the anchor words deleted."""
        kept = [at for at, word in enumerate(self.words) if word not in ANCHORS]
        topics = self.topics[:, kept]
        words = tuple(self.words[at] for at in kept)
        return Corpus(self.counts[:, kept], topics / topics.sum(axis=1, keepdims=True), words)

    @property
    def groups(self) -> Groups:
        """The table, documents numbered from 1."""
        names = [f"document {one + 1}" for one in range(len(self.counts))]
        return Groups.from_table(self.counts, groups=names, categories=self.words)


def corpus(seed: int) -> Corpus:
    """Return simulated documents.

    >>> corpus(0).counts.shape
    (40, 14)
    """
    rng = np.random.default_rng(seed)
    common = COMMON / COMMON.sum(axis=1, keepdims=True)
    topics = np.hstack([(1 - ANCHORED) * common, ANCHORED * np.eye(len(TOPICS))])
    shares = rng.dirichlet(np.full(len(TOPICS), MIXED), DOCUMENTS)
    counts = np.array([rng.multinomial(LENGTH, each) for each in shares @ topics])
    return Corpus(counts, topics, WORDS)


def matched(found: Fit[Admixture[Categorical]], known: Corpus) -> list[int]:
    """Return the component that is nearest to each topic, all of them different.

    >>> from types import SimpleNamespace as Some
    >>> known = corpus(0)
    >>> estimate = Some(theta=Some(prob=known.topics[[2, 0, 1]]))
    >>> matched(Some(estimate=estimate), known)
    [1, 2, 0]
    """
    prob = found.estimate.theta.prob
    orders = permutations(range(len(prob)))
    return list(min(orders, key=lambda order: np.abs(prob[list(order)] - known.topics).sum()))


def apart(prob: Array, topics: Array) -> Array:
    """Return the share of each topic's words that would have to change, (3,): total variation.

    >>> apart(np.array([[0.5, 0.5]]), np.array([[0.8, 0.2]])).round(3)
    array([0.3])
    """
    return np.abs(prob - topics).sum(axis=1) / 2


def widths(found: Fit[Any]) -> tuple[float, float]:
    """Return how far solutions that fit as well lie apart, in words and in shares.

    >>> from em import fit
    >>> from models import Categorical
    >>> words, shares = widths(fit(Categorical, Groups.from_table([[5, 3], [3, 5]]), 2))
    >>> round(words, 3), round(shares, 3)
    (0.375, 0.6)
    """
    ends = solutions_of(found.estimate)
    assert ends is not None
    words, shares = ends.high.theta.prob - ends.low.theta.prob, ends.high.weight - ends.low.weight
    return float(words.max()), float(shares.max())
