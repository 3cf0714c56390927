"""A mixture: the component of every observation is drawn from the same shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.family import Theta, first
from models.refusal import Refusal
from models.sample import Sample
from models.structure import checked

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from models.arrays import Array, Labels
    from models.structure import Data

__all__ = ["Mixture", "simulate"]


class Mixture[T: Theta](NamedTuple):
    """p(x) = sum_k weight_k p(x | theta_k).

    weight: (K,) shares that sum to one.
    theta: the family's parameters, each field (K, ...).

    >>> from models import Poisson
    >>> Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 9.0])))
    Mixture(weight=array([0.4, 0.6]), theta=Poisson(rate=array([1., 9.])))
    """

    weight: Array
    theta: T

    @classmethod
    def axes(cls) -> dict[str, tuple[str, ...]]:
        """One share for each component."""
        return {"weight": ("component",)}

    @classmethod
    def exchangeable(cls) -> bool:
        """The likelihood is the same under any order of the components."""
        return True

    def overall(self, data: Data) -> Array:
        """The shares themselves, for any data."""
        return np.asarray(self.weight)

    def labels(self, data: Data, places: Labels, rng: np.random.Generator) -> Labels:
        """Draw every observation's component from the shares."""
        edges = np.cumsum(self.weight[:-1])
        return np.searchsorted(edges, rng.random(len(places)), side="right")


def simulate[T: Theta](
    mixture: Mixture[T], n: int, rng: np.random.Generator, trials: ArrayLike | None = None
) -> tuple[Sample, Labels]:
    """Draw n observations and return them with the (n,) hidden labels, in the same order.

    trials: for coins, the number of flips of each observation: one number for all, or (n,).

    >>> from models import Poisson
    >>> calls = Mixture([0.4, 0.6], Poisson([1.0, 9.0]))
    >>> sample, labels = simulate(calls, 1_000, np.random.default_rng(1))
    >>> sample.observations, labels.shape
    (1000, (1000,))
    """
    if n < 1:
        raise Refusal(f"n is {n}; draw at least one observation")
    if not isinstance(rng, np.random.Generator):
        raise Refusal(f"rng is {rng!r}; give numpy.random.default_rng(seed)")
    shape = np.shape(first(mixture.theta))
    d = shape[1] if len(shape) > 1 else 1
    weight, theta = checked(mixture, Mixture, type(mixture.theta), d)
    labels = rng.choice(len(weight), n, p=weight)
    flips = None if trials is None else np.broadcast_to(np.asarray(trials, np.float64), (n,))
    return Sample(theta.draw(labels, rng, flips), flips), labels
