"""Hidden Markov models in PyMC: paths are summed out by an operation of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt

from bayes.balance import balance, balanced
from bayes.chain_op import path_sum
from bayes.path_sums import forecasts, memberships
from bayes.structure import Grouping

if TYPE_CHECKING:
    from bayes.structure import Shares, Symbols
    from bayes.symbols import Tensor
    from models.arrays import Array, Numbers
    from models.question import Question

__all__ = ["HiddenMarkovGrouping", "StationaryGrouping", "UniformGrouping"]


class HiddenMarkovGrouping(Grouping):
    """The sum over paths, of sequences whose first state has a distribution of its own.

    >>> from models import HiddenMarkov, Poisson, Sequences
    >>> from models.question import asked
    >>> data = Sequences([1, None, 4, 1], initial="free")
    >>> HiddenMarkovGrouping(HiddenMarkov).rows(asked(Poisson, data, 2))
    {'rows_in_time': array([0, 2, 1, 0]), 'sequence_ends': array([4])}
    """

    def rows(self, question: Question[Any, Any]) -> dict[str, Numbers]:
        """Where rows in time and sequences stand."""
        data: Any = question.data
        return {"rows_in_time": data.places, "sequence_ends": data.ends}

    def starting(self, shares: Symbols) -> Tensor:
        """Return the distribution of the first state, (K,)."""
        return shares["initial"]

    def started(self, shares: Shares) -> Array:
        """Return the same of draws, (n, K)."""
        return shares["initial"]

    def log_likelihood(self, shares: Symbols, log_density: Tensor, data: Symbols) -> Tensor:
        """By `path_sum`, which reads no length from the graph."""
        start, moves = self.starting(shares), shares["transition"]
        return path_sum(start, moves, log_density, data["rows_in_time"], data["sequence_ends"])

    def pointwise(self, question: Question[Any, Any], shares: Shares, log_density: Array) -> Array:
        """The log density of each row given those before it, 0 where nothing was seen."""
        found: Array = forecasts(*self._given(question, shares, log_density))
        return found

    def members(self, question: Question[Any, Any], shares: Shares, log_density: Array) -> Array:
        """The probability of each state at each row, given all rows."""
        found: Array = memberships(*self._given(question, shares, log_density))
        return found

    def fewer(self, question: Question[Any, Any], share: float) -> Question[Any, Any]:
        """The question of a share of the rows, as whole sequences or a stretch of one."""
        units = question.units
        some = units.stretches(int(share * len(units.unit_counts)), np.random.default_rng(0))
        return question.of(units if some is None else some)

    def _given(
        self, question: Question[Any, Any], shares: Shares, log_density: Array
    ) -> tuple[Array, ...]:
        """Return what the sums over paths of draws read."""
        data: Any = question.data
        own = (self.started(shares), shares["transition"], log_density)
        return *(np.ascontiguousarray(one) for one in own), data.places, data.ends


class StationaryGrouping(HiddenMarkovGrouping):
    """The first state is distributed as all others.

    >>> from models.hidden_markov import StationaryHiddenMarkov
    >>> moves = np.array([[[0.5, 0.5], [0.25, 0.75]]])
    >>> StationaryGrouping(StationaryHiddenMarkov).started({"transition": moves}).round(3)
    array([[0.333, 0.667]])
    """

    def starting(self, shares: Symbols) -> Tensor:
        """By `balanced`."""
        return balanced(shares["transition"])

    def started(self, shares: Shares) -> Array:
        """By the same elimination, a draw at a time."""
        moves = shares["transition"]
        each = [balance(np.ascontiguousarray(one))[0] for one in moves]
        return np.array(each).reshape(moves.shape[:-1])


class UniformGrouping(HiddenMarkovGrouping):
    """Each state is as likely at the beginning of a sequence.

    >>> from models.hidden_markov import UniformHiddenMarkov
    >>> moves = np.array([[[0.5, 0.5], [0.25, 0.75]]])
    >>> UniformGrouping(UniformHiddenMarkov).started({"transition": moves})
    array([[0.5, 0.5]])
    """

    def starting(self, shares: Symbols) -> Tensor:
        """1 / K."""
        moves = shares["transition"]
        equal: Tensor = pt.ones_like(moves[0]) / moves.shape[0]
        return equal

    def started(self, shares: Shares) -> Array:
        """1 / K."""
        moves = shares["transition"]
        return np.full(moves.shape[:-1], 1 / moves.shape[-1])
