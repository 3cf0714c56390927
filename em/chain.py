"""What a fitted chain says of its rows in time: best path, forecasts, pseudo-residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtri

from em.emission import emission_of
from em.sweep import logits
from models.family import first
from models.mixture import Mixture
from models.refusal import Refusal
from models.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from em.hidden_markov import MarkovGrouping
    from em.structure import Shares
    from models.arrays import Array, Labels
    from models.family import Theta
    from models.sequences import Sequences

__all__ = ["Chain", "Forecast", "Residuals"]

HIGHEST = 1 - 2.0**-53  # the largest double below 1, of which the normal quantile is 8.2
LOWEST = 5e-324


class Forecast[T: Theta](NamedTuple):
    """The distribution of the next observations of each sequence.

    states: (S, steps, K) probability of each state 1, 2, .. steps after the last row.
    theta: the components.

    >>> from models import Poisson
    >>> soon = Forecast(np.array([[[0.9, 0.1], [0.8, 0.2]]]), Poisson(np.array([1.0, 5.0])))
    >>> soon.mean, soon.mixture(2).weight
    (array([[1.4, 1.8]]), array([0.8, 0.2]))
    >>> soon.density([0, 1]).round(3)
    array([[[0.332, 0.334],
            [0.296, 0.301]]])
    """

    states: Array
    theta: T

    @property
    def mean(self) -> Array:
        """The expected observation, (S, steps, ...); of coins the expected share of heads."""
        return np.asarray(np.tensordot(self.states, first(self.theta), axes=1))

    def mixture(self, step: int, sequence: int = 0) -> Mixture[T]:
        """Return the distribution of the observation a number of steps, from 1, after the last."""
        steps = self.states.shape[1]
        if not 1 <= step <= steps:
            raise Refusal(f"step is {step}; give one from 1 to {steps}")
        return Mixture(self.states[sequence, step - 1], self.theta)

    def density(self, x: ArrayLike, trials: ArrayLike | None = None) -> Array:
        """Return the density (probability, for counts) at each x, (S, steps, n)."""
        sample, emission = Sample(x, trials), emission_of(type(self.theta))
        type(self.theta).observe(sample)
        part, none = sample.part(slice(0, sample.distinct)), np.zeros(self.states.shape[2])
        logs = logits(emission, part, none, self.theta) + emission.base(part.x, part.trials)
        return np.asarray(np.tensordot(self.states, sample.expand(np.exp(logs).T).T, axes=1))

    def below(self, x: ArrayLike, trials: ArrayLike | None = None) -> Array:
        """Return P(X <= x) at each x, (S, steps, n); for one column.

        >>> from models import Poisson
        >>> Forecast(np.array([[[0.5, 0.5]]]), Poisson(np.array([1.0, 5.0]))).below([0]).round(3)
        array([[[0.187]]])
        """
        sample = Sample(x, trials)
        type(self.theta).observe(sample)
        if sample.table:
            raise Refusal("x has several columns, and rows of several columns have no order")
        each, _ = self.theta.cumulative(sample.x, sample.x[None], sample.trials)
        return np.asarray(np.tensordot(self.states, sample.expand(each[0, :, 0].T).T, axes=1))


class Residuals(NamedTuple):
    """Forecast pseudo-residuals: standard normal if the model is right.

    middle: (n,), or (n, d) for several columns, of each given those before it: the normal quantile
        of P(X_t <= x_t) given all rows before; for counts of the middle of its jump. NaN where
        nothing was seen.
    low, high: for counts the quantiles of P(X_t < x_t) and P(X_t <= x_t); otherwise the same.

    >>> Residuals(np.array([0.1]), np.array([-0.2]), np.array([0.4])).middle
    array([0.1])
    """

    middle: Array
    low: Array
    high: Array


class Chain(NamedTuple):
    """A fitted chain on its data.

    log_density: (K, m) of the distinct rows, whatever does not depend on the component left out.
    theta: in the data's units.

    >>> from em.hidden_markov import MarkovGrouping
    >>> from models import Poisson, Sequences
    >>> data, half = Sequences([0, 9, 8], initial="free"), np.array([0.5, 0.5])
    >>> shares = {"initial": half, "transition": np.array([[0.8, 0.2], [0.2, 0.8]])}
    >>> log_density = np.array([[-1, -1, -1], [-8, 8.6, 10.7]])
    >>> chain = Chain(MarkovGrouping(data, 2), shares, log_density, Poisson(np.array([1.0, 8.0])))
    >>> chain.decode(), chain.forecast(2).states.round(2).tolist()
    (array([0, 1, 1]), [[[0.2, 0.8], [0.32, 0.68]]])
    >>> chain.residuals().middle.round(2)
    array([-1.33,  1.48,  0.3 ])
    """

    grouping: MarkovGrouping
    shares: Shares
    log_density: Array
    theta: Theta

    @property
    def data(self) -> Sequences:
        """The rows in time."""
        return self.grouping.data

    def occupancy(self) -> Array:
        """Return the probability of each state at each row, given all rows, (n, K)."""
        return self.grouping.members(self.shares, self.log_density).T

    def decode(self) -> Labels:
        """Return the most likely path of states given all rows, (n,)."""
        return self.grouping.path(self.shares, self.log_density)[1]

    def moves(self) -> Array:
        """Return the expected number of moves from each state to each, given all rows, (K, K)."""
        found = self.grouping.expect(self.shares, self.log_density, hard=False)
        return np.array(found.own["transition"])

    def forecast(self, steps: int) -> Forecast[Theta]:
        """Return the distribution of the next observations of each sequence."""
        now, _ = self.grouping.filtered(self.shares, self.log_density)
        state, found = now.T[self.data.ends - 1], []
        for _ in range(steps):
            state = state @ self.shares["transition"]
            found.append(state)
        return Forecast(np.stack(found, axis=1), self.theta)

    def residuals(self) -> Residuals:
        """Return forecast pseudo-residuals (Zucchini, MacDonald & Langrock 2016, section 6.2)."""
        sample, seen = self.data.sample, self.data.seen
        ahead = self.grouping.ahead(self.shares, self.log_density)[:, seen]
        places = self.data.places[seen]
        emission = emission_of(type(self.theta))
        whole = ~emission.placed(sample.dimension) | emission.masses(sample.x)[:, None]
        ends = np.stack([sample.x - whole.reshape(sample.x.shape), sample.x])
        below, before = self.theta.cumulative(sample.x, ends, sample.trials)
        shape = (2, len(seen), *sample.x.shape[1:])
        found = np.full(shape, np.nan).reshape(2, len(seen), -1)
        for column, (each, log) in enumerate(zip(below, before, strict=True)):
            with np.errstate(divide="ignore"):  # a state that cannot follow
                logs = np.log(ahead) + log[:, places]
            weight = np.exp(logs - logs.max(axis=0))
            weight /= weight.sum(axis=0)
            for side in (0, 1):
                found[side, seen, column] = (weight * each[:, -side][:, places]).sum(axis=0)
        low, high = found.reshape(shape)
        return Residuals(*(_quantile(one) for one in ((low + high) / 2, low, high)))


def _quantile(probability: Array) -> Array:
    """Return the standard normal quantile, finite for all probabilities."""
    return np.asarray(ndtri(np.clip(probability, LOWEST, HIGHEST)))
