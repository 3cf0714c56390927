"""What PyMC needs of a structure: the interface that bayes/<structure>.py implements.

A structure reads log p (K, m) of the distinct rows under every component, and the places of the
rows in the data. Its shares are random variables along the axes it declares: each simplex has a
Dirichlet prior, or is fixed at 1 / K.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes.simplex import Simplex
from models.family import first
from models.refusal import Refusal
from models.structure import free

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayes.symbols import Tensor
    from models.arrays import Array, Numbers
    from models.question import Question
    from models.structure import Structure

    type Symbols = Mapping[str, Tensor]
    type Shares = Mapping[str, Array]

__all__ = ["CONCENTRATION", "GROUPINGS", "Grouping", "grouping_of"]

CONCENTRATION = "shares"  # name of the data with the Dirichlet concentrations, (K,)


class Grouping(ABC):
    """A structure as PyMC sees it.

    Functions of symbols build the model. Functions of arrays evaluate draws (n, ...) in NumPy.

    >>> from models import Mixture
    >>> GROUPINGS[Mixture].__name__
    'MixtureGrouping'
    """

    joins = False
    """Whether `pointwise` and `members` take log weight + log p: all rows have the same shares."""

    def __init__(self, structure: type[Structure]) -> None:
        self.structure = structure

    @abstractmethod
    def rows(self, question: Question[Any, Any]) -> dict[str, Numbers]:
        """Return the data that the likelihood reads besides the rows, by name.

        The name of an axis is no name for data.
        """

    @abstractmethod
    def log_likelihood(self, shares: Symbols, log_density: Tensor, data: Symbols) -> Tensor:
        """Return the log-likelihood, hidden components summed out, of log p (K, m)."""

    def weights(self, shares: Symbols, data: Symbols) -> Tensor:
        """Return how components weigh in the overall moments that chains explore, (K,).

        If the structure `joins`, they are the shares of every row. Otherwise any weights will do,
        since they only choose coordinates; by default they are equal.
        """
        concentration = data[CONCENTRATION]
        equal: Tensor = pt.ones_like(concentration) / concentration.shape[0]
        return equal

    def weights_of(self, question: Question[Any, Any], structures: Structure) -> Array:
        """Return the same weights of structures with a leading axis, (n, K)."""
        return np.full((len(first(structures.theta)), question.k), 1 / question.k)

    @abstractmethod
    def pointwise(self, question: Question[Any, Any], shares: Shares, log_density: Array) -> Array:
        """Return the log-likelihood of each unit of the data, (n, u).

        log_density: log p (n, K, m); if the structure `joins`, with the log weights added.
        """

    @abstractmethod
    def members(self, question: Question[Any, Any], shares: Shares, log_density: Array) -> Array:
        """Return the probability of each component at each unit of the data, (n, K, u).

        log_density: as `pointwise` takes it.
        """

    def sizes(self, data: Symbols) -> dict[str, Tensor]:
        """Return the symbolic length of each axis of the shares except those of components."""
        return {}

    def remixes(self, question: Question[Any, Any]) -> bool:
        """Return whether other shares and components fit exactly as well, as in a table of labels.

        If so, chains wander among them, and are judged by what they have in common: the density of
        every unit.
        """
        return False

    def fewer(self, question: Question[Any, Any], share: float) -> Question[Any, Any] | None:
        """Return the question of a share of the observations, or None if that is impossible.

        Its posterior is wider, and about the same place.
        """
        return None

    def declare(self, held: frozenset[str], data: Symbols) -> dict[str, Tensor]:
        """Declare the shares and return them by name.

        held: the fields that are fixed at 1 / K.
        """
        concentration = data[CONCENTRATION]
        k, sizes = concentration.shape[0], self.sizes(data)
        found: dict[str, Tensor] = {}
        known = pm.modelcontext(None)
        for axis in {axis for axes in self.structure.axes().values() for axis in axes}:
            if axis not in known.coords:
                known.add_coord(axis, length=k if axis.startswith("component") else sizes[axis])
        for name, axes in self.structure.axes().items():
            lengths = [k if axis.startswith("component") else sizes[axis] for axis in axes]
            alpha = pt.broadcast_to(concentration, lengths) if len(axes) > 1 else concentration
            if name not in free(self.structure, held):
                share = pt.ones_like(alpha) / k
                found[name] = pm.Deterministic(name, share, dims=axes)
                continue
            found[name] = pm.Dirichlet(name, alpha, dims=axes, default_transform=Simplex())
        return found


GROUPINGS: dict[type[Structure], type[Grouping]] = {}


def grouping_of(structure: type[Structure]) -> Grouping:
    """Return the grouping that PyMC uses for a structure.

    >>> from models import Mixture
    >>> grouping_of(Mixture).joins
    True
    """
    if structure not in GROUPINGS:
        known = ", ".join(sorted(one.__name__ for one in GROUPINGS))
        raise Refusal(f"structure is {structure!r}; give one of {known}")
    return GROUPINGS[structure](structure)
