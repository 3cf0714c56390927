"""Optima that EM reaches without the search that is judged: from another seed, and from draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import em
from comparisons.thresholds import MISSED
from em.climb.search import CHEAP
from em.climb.stopping import most_starts
from models.arrays import spaced
from models.family import entries, first, rebuilt
from models.question import asked
from models.structure import drawn_at, fields_of, from_fields, joined, uniform, with_shares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bayes.posterior.tree import Posterior
    from comparisons.verdict.search import Search
    from models.arrays import Array, Labels
    from models.question import Question
    from models.structure import Structure

__all__ = ["OTHER", "Ends", "Rival", "ends_of", "led", "other_seed", "rivals_of"]

OTHER = 1 << 32  # added to the seed of the draws, which in `second_opinion` is EM's own too
SPACED = 40  # draws from which EM climbs: all modes with 7% of the draws are among them, at 95%
FEW = 10  # starts of EM for the same rows in no order
CLIMBED = 3  # likeliest draws from which EM climbs, however many the rows are
MEANS, DRAW = "the posterior means", "a draw"
EASY = 50_000  # distinct rows times components up to which EM climbs from so many


class Rival(NamedTuple):
    """An optimum, and from where EM reached it.

    >>> Rival(fit, "a draw").whence
    'a draw'
    """

    fit: em.Fit[Any]
    whence: str


def other_seed(posterior: Posterior) -> int:
    """Return a seed for starts that neither EM's own search nor a usual call has.

    >>> from bayes.posterior.tree import posterior_of
    >>> other_seed(posterior_of(posterior)) >= OTHER
    True
    """
    return OTHER + int(posterior.tree.attrs.get("seed", 0))


class Ends(NamedTuple):
    """Where EM ends from draws and means of the posterior; all climbs are made at once.

    tops: the distinct ends; member: of each start the index of its top.
    likeliest: the number of starts that are the likeliest draws, which come first; after them come
        `means` starts that are means, and then other draws.

    >>> Ends((), np.array([0, 0, 1, 0]), 1, 2).led("the posterior means")
    array([0, 1])
    """

    tops: tuple[em.Basin[Any], ...]
    member: Labels
    likeliest: int
    means: int

    def led(self, whence: str) -> Labels:
        """Return the tops that starts of a kind lead to."""
        after = self.likeliest + self.means
        if whence == MEANS:
            return np.unique(self.member[self.likeliest : after])
        return np.unique(np.delete(self.member, np.s_[self.likeliest : after]))


def ends_of(posterior: Posterior, heights: Array) -> Ends:
    """Return where EM ends from the likeliest draws, from means, and from other draws.

    Each chain gives its likeliest draw and its means, all of them give their means, and on easy
    data draws at even distances, so that every mode has a start in it.

    heights: EM's log-likelihood (n,) of every draw.

    >>> from bayes.posterior.tree import posterior_of
    >>> kept = posterior_of(posterior)
    >>> ends = ends_of(kept, kept.heights)
    >>> len(ends.tops), ends.likeliest
    (1, 3)
    """
    question, means = posterior.question, _means(posterior)
    likeliest = drawn_at(posterior.draws, np.argsort(-heights)[:CLIMBED])
    starts = joined(joined(likeliest, means), _chosen(posterior, heights, question))
    tops, member = em.basins(question, starts)
    return Ends(tops, member, len(first(likeliest.theta)), len(first(means.theta)))


def rivals_of(posterior: Posterior, ends: Ends, found: Search, *, again: bool) -> tuple[Rival, ...]:
    """Return what EM reaches from other starts and from the posterior, if it is an optimum.

    An end that is no higher than what the judged search found is left out, and so is a spike.

    ends: where EM ends from the posterior; found: the judged search.
    again: whether to search from the starts of another seed too.

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.search import search
    >>> kept = posterior_of(posterior)
    >>> ends = ends_of(kept, kept.heights)
    >>> [one.whence for one in rivals_of(kept, ends, search(fit.question), again=True)]
    ['100 starts with another seed']
    """
    question = posterior.question
    rivals = []
    if again:
        other = _elsewhere(question, other_seed(posterior))
        plural = "s" * (other.starts > 1)
        rivals.append(Rival(other, f"{other.starts} start{plural} with another seed"))
    known = max([found.fit, *(one.fit for one in rivals)], key=_height).log_likelihood
    sources = [(tuple(ends.tops[at] for at in ends.led(one)), one) for one in (MEANS, DRAW)]
    alone = _without_order(question)
    if alone is not None:
        sources.append((em.basins(question, alone)[0], "the same rows in no order"))
    for tops, whence in sources:
        higher = next(_higher(question, tops, known), None)
        if higher is not None:
            rivals.append(Rival(higher, whence))
    return tuple(rivals)


def _elsewhere(question: Question[Any, Any], seed: int) -> em.Fit[Any]:
    """Return EM's fit from another seed; where optima are several, from as many starts as may be.

    EM's own search stops once its best optimum came again. A better one may be rare. Where many
    climbs are stepped together, as many starts as may be cost less than a few one by one.
    """
    most = most_starts(question.sample.distinct * question.k, CHEAP)
    quickly = em.highest(question, starts=most, seed=seed)
    if quickly is not None:
        return quickly
    usual = em.fitted(question, seed=seed)
    several = sum(not one.spike for one in usual.optima) > 1
    return em.fitted(question, starts=most, seed=seed) if several and usual.starts < most else usual


def led(rivals: tuple[Rival, ...], fit: em.Fit[Any]) -> str:
    """Return from where EM reached a height: the first rival's place, or else a draw.

    >>> led((Rival(fit, "the posterior means"),), fit)
    'the posterior means'
    """
    as_high = (one for one in rivals if fit.log_likelihood - one.fit.log_likelihood <= MISSED)
    return next((one.whence for one in as_high), DRAW)


def _height(fit: em.Fit[Any]) -> tuple[bool, float]:
    return not fit.optima[0].spike, fit.log_likelihood


def _higher(
    question: Question[Any, Any], tops: Sequence[em.Basin[Any]], known: float
) -> Iterator[em.Fit[Any]]:
    """Yield EM's fits at tops, highest first, if higher and no spikes."""
    for top in sorted(tops, key=lambda one: -one.height):
        if top.height > known + MISSED:
            fit = em.fitted(question, start=top.estimate)
            if not fit.optima[0].spike:
                yield fit


def _without_order(question: Question[Any, Any]) -> Structure | None:
    """Return EM's fit of the same rows in no order as a start, with a leading axis.

    It is a special case of rows in order, so that a lower optimum of these is not the best. None if
    rows have no order.
    """
    if question.k == 1 or not len(question.units.followers()):
        return None
    alone = em.fitted(asked(question.family, question.rows, question.k), starts=FEW).estimate
    overall = alone.overall(question.rows)
    shares = uniform(question.structure, question.k, question.data.sizes)
    spread = {name: np.broadcast_to(overall, one.shape)[None] for name, one in shares.items()}
    theta = rebuilt(question.family, [field[None] for field in entries(alone.theta).values()])
    start: Structure = with_shares(question.structure, spread, theta)
    return start


def _means(posterior: Posterior) -> Structure:
    """Return the means of all draws, and of each chain's, each field (1 + chains, ...)."""
    chains = posterior.sizes[0]

    def averaged(field: Array) -> Array:
        each = field.reshape(chains, -1, *field.shape[1:]).mean(axis=1)
        return np.concatenate([each.mean(axis=0, keepdims=True), each])

    return _mapped(posterior, averaged)


def _chosen(posterior: Posterior, heights: Array, question: Question[Any, Any]) -> Structure:
    """Return the likeliest draw of each chain, and draws at even distances."""
    chains, length = posterior.sizes
    likeliest = heights.reshape(posterior.sizes).argmax(axis=1) + length * np.arange(chains)
    some = drawn_at(posterior.draws, likeliest)
    if question.sample.distinct * question.k > EASY:
        return some
    return joined(some, drawn_at(posterior.draws, spaced(len(heights), SPACED)))


def _mapped(posterior: Posterior, change: Callable[[Array], Array]) -> Structure:
    """Return the draws with each field changed."""
    question = posterior.question
    fields = {name: change(field) for name, field in fields_of(posterior.draws).items()}
    changed: Structure = from_fields(question.structure, question.family, fields)
    return changed
