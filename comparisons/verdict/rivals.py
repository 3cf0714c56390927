"""Optima that EM reaches without the search that is judged: from another seed, and from draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import em
from comparisons.thresholds import MISSED
from comparisons.verdict.search import search
from em.climb.search import CHEAP
from em.climb.stopping import most_starts
from models.arrays import spaced
from models.family import entries, rebuilt
from models.question import asked
from models.structure import drawn_at, fields_of, from_fields, joined, uniform, with_shares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bayes.posterior.tree import Posterior
    from comparisons.verdict.search import Search
    from models.arrays import Array
    from models.question import Question
    from models.structure import Structure

__all__ = ["OTHER", "Rival", "led", "other_seed", "rivals_of"]

OTHER = 1 << 32  # added to the seed of the draws, which in `second_opinion` is EM's own too
SPACED = 40  # draws from which EM climbs: all modes with 7% of the draws are among them, at 95%
FEW = 10  # starts of EM for the same rows in no order
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


def rivals_of(
    posterior: Posterior, heights: Array, found: Search, *, again: bool
) -> tuple[Rival, ...]:
    """Return what EM reaches from other starts and from the posterior, if it is an optimum.

    Each chain gives its likeliest draw and its means, all of them give their means, and on easy
    data draws at even distances, so that every mode has a start in it. An end that is no higher
    than what the judged search found is left out, and so is a spike.

    heights: EM's log-likelihood (n,) of every draw; found: the judged search.
    again: whether to search from the starts of another seed too.

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.search import search
    >>> kept = posterior_of(posterior)
    >>> [one.whence for one in rivals_of(kept, kept.heights, search(fit.question), again=True)]
    ['100 starts with another seed']
    """
    question = posterior.question
    rivals = []
    if again:
        other = _elsewhere(question, other_seed(posterior))
        plural = "s" * (other.starts > 1)
        rivals.append(Rival(other, f"{other.starts} start{plural} with another seed"))
    means = _means(posterior)
    known = max([found.fit, *(one.fit for one in rivals)], key=_height).log_likelihood
    chosen = _chosen(posterior, heights, question)
    sources = [(means, "the posterior means"), (chosen, "a draw")]
    alone = _without_order(question)
    if alone is not None:
        sources.append((alone, "the same rows in no order"))
    for starts, whence in sources:
        higher = next(_higher(question, starts, known), None)
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
    usual = search(question, seed=seed).fit
    several = sum(not one.spike for one in usual.optima) > 1
    return (
        search(question, starts=most, seed=seed).fit if several and usual.starts < most else usual
    )


def led(rivals: tuple[Rival, ...], fit: em.Fit[Any]) -> str:
    """Return from where EM reached a height: the first rival's place, or else a draw.

    >>> led((Rival(fit, "the posterior means"),), fit)
    'the posterior means'
    """
    as_high = (one for one in rivals if fit.log_likelihood - one.fit.log_likelihood <= MISSED)
    return next((one.whence for one in as_high), "a draw")


def _height(fit: em.Fit[Any]) -> tuple[bool, float]:
    return not fit.optima[0].spike, fit.log_likelihood


def _higher(question: Question[Any, Any], starts: Structure, known: float) -> Iterator[em.Fit[Any]]:
    """Yield EM's fits at the tops that starts lead to, highest first, if higher and no spikes."""
    tops, _ = em.basins(question, starts)
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
