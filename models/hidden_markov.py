"""A hidden Markov model: the component of a row is drawn from the row of the one before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from models.family import Theta
from models.refusal import Refusal
from models.sequences import Sequences

if TYPE_CHECKING:
    from models.arrays import Array, Labels
    from models.structure import Data, Structure

__all__ = [
    "HiddenMarkov",
    "StationaryHiddenMarkov",
    "UniformHiddenMarkov",
    "stationary",
]

SAME = 1e-6  # by which sums of rows may miss 1
GIVEN = 1e-4  # by which a distribution that somebody writes down may miss what follows from moves


class HiddenMarkov[T: Theta](NamedTuple):
    """p(x, z) = initial_z1 p(x_1 | z_1) prod_t transition_z(t-1),z(t) p(x_t | z_t).

    initial: (K,) probabilities of the first state of a sequence.
    transition: (K, K) probabilities of the next state, a row for each present one.
    theta: the family's parameters, each field (K, ...).

    >>> from models import Poisson
    >>> moods = HiddenMarkov([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], Poisson([15.0, 25.0]))
    >>> stationary(moods.transition).round(3)
    array([0.667, 0.333])
    """

    initial: Array
    transition: Array
    theta: T

    @classmethod
    def axes(cls) -> dict[str, tuple[str, ...]]:
        """A share of each state at the beginning, and after each state.

        >>> HiddenMarkov.axes()
        {'initial': ('component',), 'transition': ('component', 'component_next')}
        """
        return {"initial": ("component",), "transition": ("component", "component_next")}

    @classmethod
    def exchangeable(cls) -> bool:
        """The likelihood is the same under any order of the components.

        >>> HiddenMarkov.exchangeable()
        True
        """
        return True

    @classmethod
    def asked_by(cls, data: Data) -> type[Structure]:
        """By how the sequences begin.

        >>> from models import Poisson
        >>> days = Sequences([1, 2, 8, 9])
        >>> HiddenMarkov.asked_by(days).__name__
        'StationaryHiddenMarkov'
        """
        assert isinstance(data, Sequences)
        kinds: dict[str, type[Structure]] = {
            "free": HiddenMarkov,
            "stationary": StationaryHiddenMarkov,
            "uniform": UniformHiddenMarkov,
        }
        return kinds[data.initial]

    @classmethod
    def given(cls, structure: Structure) -> Structure:
        """As it is.

        >>> from models import Poisson
        >>> days = Sequences([1, 2, 8, 9])
        >>> sticky = np.array([[0.9, 0.1], [0.2, 0.8]])
        >>> two = HiddenMarkov(np.array([0.5, 0.5]), sticky, Poisson(np.array([1.0, 8.0])))
        >>> HiddenMarkov.given(two) is two
        True
        """
        return structure

    def overall(self, data: Data) -> Array:
        """The mean over all rows of the distribution of their states.

        With G_n = I + ... + transition^(n - 1) it is initial G_n / n for a sequence of n rows.
        G_2n = G_n + transition^n G_n, so that it takes log n products.

        >>> from models import Poisson
        >>> days = Sequences([1, 2, 8, 9])
        >>> sticky = np.array([[0.9, 0.1], [0.2, 0.8]])
        >>> two = HiddenMarkov(np.array([0.5, 0.5]), sticky, Poisson(np.array([1.0, 8.0])))
        >>> two.overall(days).round(2)
        array([0.56, 0.44])
        """
        assert isinstance(data, Sequences)
        moves, start = np.asarray(self.transition), np.asarray(self.initial)[..., None, :]
        total = np.zeros(start.shape)
        for length, times in zip(*np.unique(data.lengths, return_counts=True), strict=True):
            total = total + times * (start @ _summed(moves, int(length)))
        found: Array = total[..., 0, :] / len(data.places)
        return found

    def labels(self, data: Data, places: Labels, rng: np.random.Generator) -> Labels:
        """Draw a path of states, and return those of the rows seen at some places.

        >>> from models import Poisson
        >>> days = Sequences([1, 2, 8, 9])
        >>> sticky = np.array([[0.9, 0.1], [0.2, 0.8]])
        >>> two = HiddenMarkov(np.array([0.5, 0.5]), sticky, Poisson(np.array([1.0, 8.0])))
        >>> two.labels(days, np.arange(4), np.random.default_rng(1))
        array([1, 1, 0, 1])
        """
        assert isinstance(data, Sequences)
        path = walked(self.initial, self.transition, data.lengths, rng)
        return path[data.seen][places]

    def simulated(
        self, n: int, rng: np.random.Generator, trials: Array | None
    ) -> tuple[Sequences, Labels]:
        """One sequence of n rows.

        >>> from models import Poisson
        >>> days = Sequences([1, 2, 8, 9])
        >>> sticky = np.array([[0.9, 0.1], [0.2, 0.8]])
        >>> two = HiddenMarkov(np.array([0.5, 0.5]), sticky, Poisson(np.array([1.0, 8.0])))
        >>> two.simulated(6, np.random.default_rng(1), None)[0]
        Sequences(6 rows in 1 sequence, 5 distinct)
        """
        path = walked(self.initial, self.transition, np.array([n]), rng)
        data = Sequences(self.theta.draw(path, rng, trials), trials)
        return data, path


class StationaryHiddenMarkov[T: Theta](HiddenMarkov[T]):
    """A hidden Markov model that was under way: its first state is distributed as all others.

    transition: (K, K); initial follows from it, initial = initial transition.

    >>> from models import Poisson
    >>> StationaryHiddenMarkov(np.array([[0.9, 0.1], [0.2, 0.8]]), Poisson([15.0, 25.0])).initial
    array([0.66666667, 0.33333333])
    """

    __slots__ = ()

    def __new__(cls, transition: Array, theta: T) -> Self:
        """Find the stationary distribution; NaN if the rows are no probabilities, but errors."""
        moves = np.asarray(transition, np.float64)
        initial = np.full(moves.shape[:-1], np.nan)
        if np.abs(moves.sum(axis=-1) - 1).max() < SAME:
            initial = stationary(moves)
        return cls._make((initial, transition, theta))

    def __getnewargs__(self) -> tuple[Array, T]:
        """What it is made anew from, in copies and from files."""
        return self.transition, self.theta

    @classmethod
    def axes(cls) -> dict[str, tuple[str, ...]]:
        """A share of each state after each state."""
        return {"transition": ("component", "component_next")}

    @classmethod
    def given(cls, structure: Structure) -> Structure:
        """A hidden Markov model whose initial distribution is the stationary one."""
        return _without_initial(cls, structure, "the stationary distribution of transition")


class UniformHiddenMarkov[T: Theta](HiddenMarkov[T]):
    """A hidden Markov model in which each state is as likely at the beginning of a sequence.

    transition: (K, K); initial is 1 / K.

    >>> from models import Poisson
    >>> UniformHiddenMarkov(np.array([[0.9, 0.1], [0.2, 0.8]]), Poisson([15.0, 25.0])).initial
    array([0.5, 0.5])
    """

    __slots__ = ()

    def __new__(cls, transition: Array, theta: T) -> Self:
        """Give each state the same share."""
        moves = np.asarray(transition)
        initial = np.full(moves.shape[:-1], 1 / moves.shape[-1])
        return cls._make((initial, transition, theta))

    def __getnewargs__(self) -> tuple[Array, T]:
        """What it is made anew from, in copies and from files."""
        return self.transition, self.theta

    @classmethod
    def axes(cls) -> dict[str, tuple[str, ...]]:
        """A share of each state after each state."""
        return {"transition": ("component", "component_next")}

    @classmethod
    def given(cls, structure: Structure) -> Structure:
        """A hidden Markov model with equal initial probabilities."""
        return _without_initial(cls, structure, "1 / K")


def stationary(transition: Array) -> Array:
    """Return the distribution (..., K) that transition (..., K, K) leaves as it is.

    States are left out one by one, the last one first: what moved to it moves on to where it would
    have gone from there. Nothing is subtracted, so that every digit is right, however seldom states
    are left (Grassmann, Taksar & Heyman 1985). If there are several such distributions, as between
    states that are never left, the result is the one of the least square.

    >>> stationary(np.array([[0.5, 0.5], [0.25, 0.75]])).round(3)
    array([0.333, 0.667])
    """
    moves = np.array(transition, np.float64)
    k = moves.shape[-1]
    delta = np.ones(moves.shape[:-1])
    with np.errstate(divide="ignore", invalid="ignore"):
        for state in range(k - 1, 0, -1):
            back = moves[..., state, :state]
            moves[..., :state, state] /= back.sum(axis=-1, keepdims=True)
            moves[..., :state, :state] += moves[..., :state, state, None] * back[..., None, :]
        for state in range(1, k):
            delta[..., state] = (delta[..., :state] * moves[..., :state, state]).sum(axis=-1)
        delta /= delta.sum(axis=-1, keepdims=True)
    apart = ~np.isfinite(delta).all(axis=-1)
    if apart.any():
        delta[apart] = _least_square(np.asarray(transition, np.float64)[apart])
    return delta


def _least_square(moves: Array) -> Array:
    """Return delta = 1' (I - moves + U)^-1 by the pseudoinverse, U a matrix of ones, (n, K)."""
    system = np.swapaxes(np.eye(moves.shape[-1]) - moves + 1, -1, -2)
    delta: Array = np.maximum(np.linalg.pinv(system).sum(axis=-1), 0)
    return delta / delta.sum(axis=-1, keepdims=True)


def walked(initial: Array, transition: Array, lengths: Labels, rng: np.random.Generator) -> Labels:
    """Draw a path of states for each sequence, one after the other, (n,).

    >>> sure = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> walked(np.array([1.0, 0.0]), sure, np.array([3, 2]), np.random.default_rng(1))
    array([0, 1, 0, 0, 1])
    """
    start, rows = np.cumsum(initial), np.cumsum(transition, axis=1)
    start, rows = start / start[-1], rows / rows[:, -1:]
    n = int(lengths.sum())
    chance = rng.random(n)
    # the state that follows from each possible one; composing these maps gives the path
    follow = np.stack([np.searchsorted(row, chance, side="right") for row in rows], axis=1)
    begins = np.cumsum(lengths) - lengths
    follow[begins] = np.searchsorted(start, chance[begins], side="right")[:, None]
    path, state = np.empty(n, np.intp), 0
    for at, step in enumerate(follow.tolist()):
        state = step[state]
        path[at] = state
    return path


def _summed(moves: Array, n: int) -> Array:
    """Return I + moves + ... + moves^(n - 1), from its halves."""
    if n == 1:
        return np.broadcast_to(np.eye(moves.shape[-1]), moves.shape)
    half = _summed(moves, n // 2)
    both = half + np.linalg.matrix_power(moves, n // 2) @ half
    return both if n % 2 == 0 else both @ moves + np.eye(moves.shape[-1])


def _without_initial(
    kind: type[StationaryHiddenMarkov[Any] | UniformHiddenMarkov[Any]],
    structure: Structure,
    expected: str,
) -> Structure:
    """Return a hidden Markov model as one whose initial distribution is not a parameter."""
    if not isinstance(structure, HiddenMarkov) or isinstance(structure, kind):
        return structure
    moves = np.asarray(structure.transition, np.float64)
    if moves.ndim != 2 or moves.shape[0] != moves.shape[1]:
        return structure
    found = kind(moves, structure.theta)
    initial = np.asarray(structure.initial, np.float64)
    if initial.shape != found.initial.shape or np.abs(initial - found.initial).max() > GIVEN:
        raise Refusal(
            f"initial is {initial.round(6).tolist()}, not {expected}, "
            f"{found.initial.round(6).tolist()}; leave it out, or let it be a parameter: "
            "initial='free', --initial free"
        )
    return found
