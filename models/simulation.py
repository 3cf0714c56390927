"""Observations drawn from known parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from models.family import width_of
from models.refusal import Refusal
from models.structure import checked

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from models.arrays import Array, Labels
    from models.structure import Structure

__all__ = ["Simulated", "simulate"]


class Simulated[D](Protocol):
    """A structure, as far as the type of its data goes.

    >>> from models import Mixture, Poisson
    >>> calls: Simulated = Mixture([0.4, 0.6], Poisson([1.0, 9.0]))
    """

    def simulated(self, n: int, rng: np.random.Generator, trials: Array | None) -> tuple[D, Labels]:
        """Draw n observations and their hidden components, in order."""
        ...


def simulate[D](
    structure: Simulated[D], n: int, rng: np.random.Generator, trials: ArrayLike | None = None
) -> tuple[D, Labels]:
    """Draw n observations and return them with the (n,) hidden labels, in the same order.

    The observations are data of the structure: a Sample of a mixture, Sequences with one sequence
    of a hidden Markov model, whose labels are the path of its states.

    trials: for coins, the number of flips of each observation: one number for all, or (n,).

    >>> from models import Mixture, Poisson
    >>> calls = Mixture([0.4, 0.6], Poisson([1.0, 9.0]))
    >>> sample, labels = simulate(calls, 1_000, np.random.default_rng(1))
    >>> sample.observations, labels.shape
    (1000, (1000,))
    """
    if n < 1:
        raise Refusal(f"n is {n}; draw at least one observation")
    if not isinstance(rng, np.random.Generator):
        raise Refusal(f"rng is {rng!r}; give numpy.random.default_rng(seed)")
    given = cast("Structure", structure)
    wide = width_of(given.theta)
    known = cast("Simulated[D]", checked(given, type(given), type(given.theta), wide))
    flips = None if trials is None else np.broadcast_to(np.asarray(trials, np.float64), (n,))
    return known.simulated(n, rng, flips)
