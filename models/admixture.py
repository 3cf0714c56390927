"""An admixture: every group of rows mixes the same components in shares of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.family import Theta
from models.groups import Groups

if TYPE_CHECKING:
    from models.arrays import Array, Labels
    from models.structure import Data, Structure

__all__ = ["Admixture"]


class Admixture[T: Theta](NamedTuple):
    """p(x in group g) = sum_k weight_gk p(x | theta_k).

    With labels, such as the words of documents, it is probabilistic latent semantic analysis
    (Hofmann 1999), the latent budget model of sociology.

    weight: (G, K) shares of each group, which sum to one.
    theta: the family's parameters, each field (K, ...).

    >>> from models import Poisson
    >>> Admixture(np.array([[0.4, 0.6], [0.9, 0.1]]), Poisson(np.array([1.0, 9.0]))).weight.shape
    (2, 2)
    """

    weight: Array
    theta: T

    @classmethod
    def axes(cls) -> dict[str, tuple[str, ...]]:
        """One share for each component in each group.

        >>> Admixture.axes()
        {'weight': ('group', 'component')}
        """
        return {"weight": ("group", "component")}

    @classmethod
    def exchangeable(cls) -> bool:
        """The likelihood is the same under any order of the components.

        >>> Admixture.exchangeable()
        True
        """
        return True

    @classmethod
    def asked_by(cls, data: Data) -> type[Structure]:
        """There is one kind.

        >>> from models import Poisson
        >>> pages = Groups([1, 2, 8, 9], ["a", "a", "b", "b"])
        >>> Admixture.asked_by(pages).__name__
        'Admixture'
        """
        return cls

    @classmethod
    def given(cls, structure: Structure) -> Structure:
        """As it is.

        >>> from models import Poisson
        >>> pages = Groups([1, 2, 8, 9], ["a", "a", "b", "b"])
        >>> two = Admixture(np.array([[0.9, 0.1], [0.2, 0.8]]), Poisson(np.array([1.0, 8.0])))
        >>> Admixture.given(two) is two
        True
        """
        return structure

    def overall(self, data: Data) -> Array:
        """The groups' shares, each as often as the group has observations.

        >>> from models import Poisson
        >>> pages = Groups([1, 2, 8, 9], ["a", "a", "b", "b"])
        >>> two = Admixture(np.array([[0.9, 0.1], [0.2, 0.8]]), Poisson(np.array([1.0, 8.0])))
        >>> two.overall(pages).round(2)
        array([0.55, 0.45])
        """
        assert isinstance(data, Groups)
        share = data.totals / data.totals.sum()
        found: Array = (np.asarray(self.weight) * share[:, None]).sum(axis=-2)
        return found

    def labels(self, data: Data, places: Labels, rng: np.random.Generator) -> Labels:
        """Draw components from the shares of each row's group.

        >>> from models import Poisson
        >>> pages = Groups([1, 2, 8, 9], ["a", "a", "b", "b"])
        >>> two = Admixture(np.array([[0.9, 0.1], [0.2, 0.8]]), Poisson(np.array([1.0, 8.0])))
        >>> two.labels(pages, np.arange(4), np.random.default_rng(1))
        array([0, 1, 0, 1])
        """
        assert isinstance(data, Groups)
        return _drawn(self.weight, data.groups_at(places), rng)

    def simulated(
        self, n: int, rng: np.random.Generator, trials: Array | None
    ) -> tuple[Groups, Labels]:
        """About equally many observations in each group.

        >>> from models import Poisson
        >>> pages = Groups([1, 2, 8, 9], ["a", "a", "b", "b"])
        >>> two = Admixture(np.array([[0.9, 0.1], [0.2, 0.8]]), Poisson(np.array([1.0, 8.0])))
        >>> two.simulated(6, np.random.default_rng(1), None)[0]
        Groups(6 rows in 2 groups, 6 distinct)
        """
        groups = np.arange(n) * len(self.weight) // n
        labels = _drawn(self.weight, groups, rng)
        return Groups(self.theta.draw(labels, rng, trials), groups, trials=trials), labels


def _drawn(weight: Array, groups: Labels, rng: np.random.Generator) -> Labels:
    """Draw a component for each row, (n,), given its group."""
    edges = np.cumsum(weight, axis=1)[groups, :-1]
    found: Labels = (rng.random((len(groups), 1)) > edges).sum(axis=1)
    return found
