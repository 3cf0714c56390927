"""What both answers say of rows: memberships, states over time, densities, shares of groups.

EM's probabilities come from EM's code at the estimate. The posterior's come from PyMC's side's own
densities at draws, and are averaged over them. So the two share no likelihood code here either.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import em
from bayes.posterior.fold_in import folded_in
from bayes.posterior.tree import posterior_of
from bayes.sampling.compiled import engine_of
from comparisons.thresholds import LEVEL
from comparisons.verdict.predictions import few_of
from models.groups import Groups
from models.refusal import Refusal
from models.sample import Sample
from models.structure import from_fields, in_time, shares_of, with_shares

if TYPE_CHECKING:
    from comparisons.kept.facts import Facts
    from models.arrays import Array, Labels
    from models.question import Question
    from models.structure import Structure, Units

__all__ = ["ByEM", "ByPosterior", "Predictor", "Shares", "predictor_of", "refuse_many_together"]

BLOCK = 1_000  # distinct rows at once
AT_ONCE = 1 << 24  # doubles of memberships at once, 128 MB: quantiles need all draws of a unit
MOST_TOGETHER = 100_000  # rows in time, or in groups: as many take a minute
TOGETHER = 50  # draws whose densities are held at once


class Shares(NamedTuple):
    """The shares of groups of rows, such as documents.

    titles: (G,); totals: (G,) how many observations each has.
    em, posterior, low, high: (G, K) EM's, the posterior means and the posterior's intervals; the
        latter three are None where only EM was asked.

    >>> Shares(("a",), np.array([3.0]), np.array([[0.2, 0.8]]), None, None, None).titles
    ('a',)
    """

    titles: tuple[str, ...]
    totals: Array
    em: Array
    posterior: Array | None
    low: Array | None
    high: Array | None


class ByEM(NamedTuple):
    """What the estimate says of the units of data.

    members: (u, K) the probability of each component; of rows in time given all rows.
    labels: (u,) the most likely component; of rows in time the most likely path.
    scores: (u,) log densities; of rows in time given the rows before, NaN if not seen.

    >>> ByEM._fields
    ('members', 'labels', 'scores')
    """

    members: Array
    labels: Labels
    scores: Array


class ByPosterior(NamedTuple):
    """What the posterior says of the units of data.

    members: (u, K) means over draws of the probabilities; low, high: their intervals.
    scores: (u,) log of the mean over draws of the density.

    >>> ByPosterior._fields
    ('members', 'low', 'high', 'scores')
    """

    members: Array
    low: Array
    high: Array
    scores: Array


@dataclass(frozen=True, eq=False)
class Predictor:
    """The two answers of a comparison, ready for rows.

    question: of the posterior; estimate: with the posterior's labels; few: evenly spaced draws.

    >>> from models import Sample
    >>> predictor_of(comparison).by_em(Sample([0, 9])).members.round(2)
    array([[1., 0.],
           [0., 1.]])
    >>> predictor_of(comparison).by_posterior(Sample([0, 9])).members.round(2)
    array([[1., 0.],
           [0., 1.]])
    """

    question: Question[Any, Any]
    estimate: Structure
    few: Structure

    @property
    def in_time(self) -> bool:
        """Whether rows follow each other in time."""
        return in_time(self.question.structure)

    @property
    def in_groups(self) -> bool:
        """Whether rows are in groups that have shares of their own."""
        return "group" in self.question.data.sizes

    @cached_property
    def _fit(self) -> em.Fit[Any]:
        return em.fitted_at(self.question, self.estimate)

    def knows(self, data: Units) -> bool:
        """Return whether all groups of the data are groups of the comparison."""
        mine = self.question.data.names.get("group", ())
        return {*data.names.get("group", ())} <= {*mine}

    def by_em(self, data: Units, *, own: bool = False) -> ByEM:
        """Return what the estimate says.

        own: whether groups are those of the comparison and have their shares; otherwise shares of
            all groups are folded in, as if they had not been seen before.
        """
        at = self._em(data, own=own)
        members = at.members(data)
        labels = at.decode() if self.in_time and self.question.k > 1 else members.argmax(axis=0)
        return ByEM(members.T, labels, at.scores())

    def by_posterior(self, data: Units, *, own: bool = False) -> ByPosterior:
        """Return what the draws say on average; own: as `by_em` takes it."""
        refuse_many_together(self.question, len(data.unit_counts))
        question = self.question.of(data)
        draws = self._drawn(question, own=own)
        engine = engine_of(question)
        positions = engine.pack(question, draws)
        parts, scores = [], []
        for block in data.blocks(BLOCK):
            some = question.of(block)
            scores.append(self._scores(some, positions))
            u = len(block.unit_counts)
            step = max(BLOCK, AT_ONCE // (len(positions) * question.k))
            for begin in range(0, u, step):
                kept = np.arange(begin, min(begin + step, u))
                if question.k == 1:
                    parts.append(np.ones((3, 1, len(kept))))
                    continue
                found = engine.members(some, positions, kept)
                parts.append(_summed(found))
        members, low, high = np.concatenate(parts, axis=2).transpose(0, 2, 1)
        return ByPosterior(members, low, high, np.concatenate(scores))

    def shares(self, data: Units, *, own: bool = False, posterior: bool = True) -> Shares:
        """Return the shares of the data's groups; own: as `by_em` takes it."""
        assert isinstance(data, Groups)  # only they have shares of their own
        at = self._em(data, own=own)
        em_shares = next(iter(shares_of(at.estimate).values()))
        if not posterior:
            return Shares(data.titles, data.totals, em_shares, None, None, None)
        drawn = self._drawn(self.question.of(data), own=own)
        return Shares(
            data.titles, data.totals, em_shares, *_summed(next(iter(shares_of(drawn).values())))
        )

    def _em(self, data: Units, *, own: bool) -> em.Fit[Any]:
        """Return the estimate on some data."""
        known = (
            shares_of(self._shared(self.estimate, data, axis=0)) if own and self.in_groups else None
        )
        return self._fit.of(data, known)

    def _drawn(self, question: Question[Any, Any], *, own: bool) -> Structure:
        """Return the draws for a question of other data."""
        if not self.in_groups:
            return self.few
        if own:
            return self._shared(self.few, question.units, axis=1)
        return folded_in(question, self.few)

    def _scores(self, question: Question[Any, Any], positions: Array) -> Array:
        """Return the log of the mean over draws of the density of each unit."""
        engine, counts = engine_of(question), question.units.unit_counts
        total = np.full(len(counts), -np.inf)
        for begin in range(0, len(positions), TOGETHER):
            each = engine.pointwise(question, positions[begin : begin + TOGETHER])
            total = np.logaddexp(total, np.logaddexp.reduce(each, axis=0))
        return np.where(counts > 0, total - np.log(len(positions)), np.nan)

    def _shared(self, structure: Structure, data: Units, *, axis: int) -> Structure:
        """Return a structure with the shares of the data's groups, by their titles."""
        place = {name: at for at, name in enumerate(self.question.data.names["group"])}
        at = [place[name] for name in data.names["group"]]
        shares = {name: np.take(one, at, axis=axis) for name, one in shares_of(structure).items()}
        return with_shares(type(structure), shares, structure.theta)


def refuse_many_together(question: Question[Any, Any], rows: int) -> None:
    """Raise Refusal for more rows in time, or in groups, than the posterior can be asked about.

    >>> refuse_many_together(comparison.question, 10_000_000)  # rows in no order are streamed
    """
    if rows > MOST_TOGETHER and not isinstance(question.data, Sample):
        kind = "groups" if "group" in question.data.sizes else "order"
        raise Refusal(
            f"there are {rows:,} rows in {kind}, and the posterior is asked about "
            f"{MOST_TOGETHER:,} at most; give fewer, or second-opinion predict --only em"
        )


def _summed(draws: Array) -> Array:
    """Return mean and ends of the interval of draws (n, ...), (3, ...)."""
    tail = (1 - LEVEL) / 2
    return np.stack([draws.mean(axis=0), *np.quantile(draws, [tail, 1 - tail], axis=0)])


def predictor_of(facts: Facts) -> Predictor:
    """Return the two answers of a comparison, ready for rows.

    >>> len(predictor_of(comparison).few.weight)
    500
    """
    posterior = posterior_of(facts.tree)
    estimate: Structure = from_fields(facts.structure, facts.family, facts.fields)
    return Predictor(posterior.question, estimate, few_of(posterior.draws))
