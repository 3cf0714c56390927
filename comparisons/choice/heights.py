"""The highest optima of K and of K + 1 components, for many data sets of one kind at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import em
from em.climb.search import SAME_HEIGHT
from em.climb.spikes import spikes
from em.climb.splits import splits, twinned
from em.climb.starts import starting_points
from em.climb.steps import joins
from em.climb.together import together
from em.data.blocks import default_floor, rows_of
from em.data.threads import Threads
from em.emission import emission_of
from em.model import model_of
from models.structure import fields_of, from_fields, shares_of, with_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from em import Fit
    from em.climb.together import Top
    from em.data.standardise import Units
    from em.model import Model
    from models.question import Question
    from models.structure import Structure
    from models.structure import Units as Data

__all__ = ["Heights", "Searcher", "from_divided", "height_of", "nested", "refitted"]


ALIKE = 1e-9  # of a log-likelihood: a smaller difference is rounding


class Heights(NamedTuple):
    """The log-likelihoods at the best optima of K and K + 1 components; NaN if all were spikes.

    at_fewer, at_more: where these optima are, in working coordinates.

    >>> Heights(-10.0, -8.0).statistic
    4.0
    """

    fewer: float
    more: float
    at_fewer: Structure | None = None
    at_more: Structure | None = None

    @property
    def statistic(self) -> float:
        """2 (l_{K+1} - l_K)."""
        return 2 * (self.more - self.fewer)


@dataclass(frozen=True, eq=False)
class Searcher:
    """Climbs both models of data of one kind.

    fewer, more: what is asked, with K and with K + 1 components.
    units: the working coordinates of all data.
    known: the estimate of K components from the data that were observed, in these coordinates.
    starts: the number of usual starts of either model, besides those from `known` and from splits.

    >>> from models.question import asked
    >>> both = fit.question, asked(fit.family, fit.question.data, 3)
    >>> searcher = Searcher(*both, fit.units, fit.inside, starts=5)
    >>> [found] = searcher.heights([fit.question.data], [np.random.default_rng(1)])
    >>> abs(found.fewer - fit.log_likelihood) < 1e-3, abs(found.statistic) < 1e-3
    (True, True)
    """

    fewer: Question[Any, Any]
    more: Question[Any, Any]
    units: Units
    known: Structure
    starts: int

    @cached_property
    def together(self) -> bool:
        """Whether one product steps many climbs, so that many starts cost little."""
        model = self._model(self.more, self.more.units)
        return model.streams and joins(model)

    def heights(self, data: Sequence[Data], rngs: Sequence[np.random.Generator]) -> list[Heights]:
        """Return the best optima for each data set.

        K components start from the estimate that is known and from the usual starts, K + 1 from
        each component of the best K divided in two and from the usual starts.

        rngs: of the starts of each data set.
        """
        fewer = [self._model(self.fewer, one) for one in data]
        more = [self._model(self.more, one) for one in data]
        usual = self.starts if self.fewer.k > 1 else 0
        begun = [
            [self.known, *starting_points(model, usual, rng)]
            for model, rng in zip(fewer, rngs, strict=True)
        ]
        ends = [
            _best(model, tops)
            for model, tops in zip(fewer, together(fewer, begun, rough=True), strict=True)
        ]
        divided = [
            [] if top is None else [*splits(few, top.parameters, many)]
            for few, many, top in zip(fewer, more, ends, strict=True)
        ]
        begun = [
            [*own, *starting_points(model, self.starts, rng)]
            for model, own, rng in zip(more, divided, rngs, strict=True)
        ]
        tops = together(more, begun, rough=True)
        best = [_best(model, own) for model, own in zip(more, tops, strict=True)]
        return [
            Heights(_height(few), _height(many), _place(few), _place(many))
            for few, many in zip(ends, best, strict=True)
        ]

    def _model(self, question: Question[Any, Any], data: Data) -> Model[Any]:
        """Return a model of data in the common coordinates."""
        emission = emission_of(question.family)
        other = replace(question, data=data, wide=question.width)
        rows = rows_of(data.sample, emission, question.k, self.units)
        return model_of(other, Threads(rows), floor=default_floor(rows, emission))


def from_divided(fewer: Fit[Any], more: Fit[Any]) -> Fit[Any]:
    """Return the fit of K + 1 components, or a higher one that K components divided in two lead to.

    Spikes do not count: any other optimum is higher.

    >>> import em
    >>> from_divided(fit, em.fit(fit.family, fit.question.data, 3)).question.k
    3
    """
    searcher = Searcher(fewer.question, more.question, fewer.units, fewer.inside, starts=0)
    [found] = searcher.heights([fewer.question.units], [np.random.default_rng(0)])
    if not found.more > height_of(more) + SAME_HEIGHT:
        return more
    assert found.at_more is not None
    higher = refitted(more, found.at_more)
    if higher.optima[0].spike:
        return more
    where = f"found by dividing a component of the fit of {fewer.question.k}"
    return replace(
        higher,
        optima=(*higher.optima[:1], *more.optima),
        starts=more.starts,
        notes=(f"the best optimum was {where}; EM's own starts missed it", *higher.notes),
    )


def refitted(fit: Fit[Any], inside: Structure) -> Fit[Any]:
    """Return EM's fit from a place in working coordinates that a search has found.

    >>> refitted(fit, fit.inside).converged
    True
    """
    theta = fit.units.move_out(inside.theta)
    start = with_shares(type(inside), shares_of(inside), theta)
    higher: Fit[Any] = em.fitted(fit.question, start=start)
    return higher


def nested(fit: Fit[Any]) -> bool:
    """Whether K components are a special case of K + 1: of two that are alike, and K - 1 others.

    They are none where shares are fixed at 1 / K, of all rows or of the first one of a sequence.

    >>> nested(fit)
    True
    """
    question = fit.question

    def many(one: Structure) -> Structure:
        fields = {name: np.asarray(field)[None] for name, field in fields_of(one).items()}
        found: Structure = from_fields(type(one), type(one.theta), fields)
        return found

    twins = twinned(fit.estimate, question.held)
    one, other = (
        float(em.log_likelihood(question.family, question.data, many(parameters))[0])
        for parameters in (fit.estimate, twins)
    )
    return abs(one - other) <= ALIKE * (1 + abs(one))


def height_of(fit: Fit[Any]) -> float:
    """Return the log-likelihood of a fit, minus infinity on a spike.

    >>> height_of(fit) == fit.log_likelihood
    True
    """
    return -np.inf if fit.optima[0].spike else fit.log_likelihood


def _best(model: Model[Any], tops: Sequence[Top[Any]]) -> Top[Any] | None:
    """Return the highest end that is no spike; None if all are."""
    for top in tops:
        if np.isfinite(top.height) and not spikes(model, top.parameters, own_floor=False).any():
            return top
    return None


def _height(top: Top[Any] | None) -> float:
    return np.nan if top is None else top.height


def _place(top: Top[Any] | None) -> Structure | None:
    return None if top is None else top.parameters
