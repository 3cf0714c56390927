"""A mixture: the component of every observation is drawn from the same shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.family import Theta
from models.sample import Sample

if TYPE_CHECKING:
    from models.arrays import Array, Labels
    from models.structure import Data, Structure

__all__ = ["Mixture"]


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
        """One share for each component.

        >>> Mixture.axes()
        {'weight': ('component',)}
        """
        return {"weight": ("component",)}

    @classmethod
    def exchangeable(cls) -> bool:
        """The likelihood is the same under any order of the components.

        >>> Mixture.exchangeable()
        True
        """
        return True

    @classmethod
    def asked_by(cls, data: Data) -> type[Structure]:
        """There is one kind.

        >>> from models import Poisson
        >>> rows = Sample([1, 2, 8, 9])
        >>> Mixture.asked_by(rows).__name__
        'Mixture'
        """
        return cls

    @classmethod
    def given(cls, structure: Structure) -> Structure:
        """As it is.

        >>> from models import Poisson
        >>> rows = Sample([1, 2, 8, 9])
        >>> two = Mixture(np.array([0.6, 0.4]), Poisson(np.array([1.0, 8.0])))
        >>> Mixture.given(two) is two
        True
        """
        return structure

    def overall(self, data: Data) -> Array:
        """The shares themselves, for any data.

        >>> from models import Poisson
        >>> rows = Sample([1, 2, 8, 9])
        >>> two = Mixture(np.array([0.6, 0.4]), Poisson(np.array([1.0, 8.0])))
        >>> two.overall(rows).round(2)
        array([0.6, 0.4])
        """
        return np.asarray(self.weight)

    def labels(self, data: Data, places: Labels, rng: np.random.Generator) -> Labels:
        """Draw every observation's component from the shares.

        >>> from models import Poisson
        >>> rows = Sample([1, 2, 8, 9])
        >>> two = Mixture(np.array([0.6, 0.4]), Poisson(np.array([1.0, 8.0])))
        >>> two.labels(rows, np.arange(4), np.random.default_rng(1))
        array([0, 1, 0, 1])
        """
        edges = np.cumsum(self.weight[:-1])
        return np.searchsorted(edges, rng.random(len(places)), side="right")

    def simulated(
        self, n: int, rng: np.random.Generator, trials: Array | None
    ) -> tuple[Sample, Labels]:
        """Every observation has a component of its own.

        >>> from models import Poisson
        >>> rows = Sample([1, 2, 8, 9])
        >>> two = Mixture(np.array([0.6, 0.4]), Poisson(np.array([1.0, 8.0])))
        >>> two.simulated(6, np.random.default_rng(1), None)[0]
        Sample(6 observations, 5 distinct)
        """
        labels = rng.choice(len(self.weight), n, p=self.weight)
        return Sample(self.theta.draw(labels, rng, trials), trials), labels
