"""What PyMC needs of a family: the interface that bayes/<family>.py implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bayes.symbols import Tensor
    from models import Sample
    from models.arrays import Array, Labels
    from models.family import ConjugatePrior, Theta

__all__ = ["COMPONENTS", "Component", "component_of", "spread"]


class Component[T: Theta, S](ABC):
    """A family as PyMC sees it: K components, m distinct rows, d columns.

    S is the type that `log_density` takes: Theta with symbolic fields, or a record like it.

    >>> sorted(family.__name__ for family in COMPONENTS)[:3]
    ['Binomial', 'Categorical', 'Gamma']
    """

    located = False
    """Whether components have a location, and x a unit that may be changed."""

    shared: tuple[str, ...] = ()
    """Data that are not of single rows, by name."""

    def __init__(self, family: type[T]) -> None:
        self.family = family

    @property
    def moved(self) -> tuple[bool, ...]:
        """Which columns have a location; all of them if there are families for several."""
        return ()

    @property
    def alike(self) -> bool:
        """Whether all columns have to keep one unit."""
        return False

    @property
    def mixes(self) -> bool:
        """Whether columns may be mixed so that they become uncorrelated."""
        return False

    @abstractmethod
    def rows(self, sample: Sample) -> dict[str, Array]:
        """Return the data that the density reads, by name: x first, each (m,) or (d, m)."""

    def record(self, prior: ConjugatePrior) -> dict[str, Array]:
        """Return the parameters of the prior, by name."""
        return {f"prior_{name}": number for name, number in prior._asdict().items()}

    @abstractmethod
    def unknowns(self, data: Mapping[str, Tensor]) -> S:
        """Declare the random variables, under the prior, and return what `log_density` reads.

        The fields of Theta are among the model's variables, by their names.
        """

    @abstractmethod
    def log_density(self, theta: S, data: Mapping[str, Tensor]) -> Tensor:
        """Return log p of every distinct row under every component, (K, m)."""

    @abstractmethod
    def values(self, theta: T) -> dict[str, Array]:
        """Return the values of the random variables at parameters (..., K, ...)."""

    @abstractmethod
    def sizes(self, k: int, d: Any) -> dict[str, tuple[int, ...]]:
        """Return the unconstrained shape of each random variable; k and d may be symbolic.

        d: the length of a component's own axes, as `models.family.width` has it.
        """

    def explored(self, values: dict[str, Array], overall: Array) -> dict[str, Array]:
        """Return the working coordinates of the chains: by default the unconstrained values.

        values: by variable, with a leading axis (n, ...); overall: shares of the components
            among all observations, (n, K).
        """
        return values

    def unconstrained(
        self, explored: dict[str, Tensor], overall: Tensor, k: Tensor
    ) -> tuple[dict[str, Tensor], Tensor | float]:
        """Return the unconstrained values, and log |d unconstrained / d explored| + constant.

        k: the number of components, as the model's data give it.
        """
        return explored, 0.0

    def left_out(self, k: int) -> float:
        """Return the constant that `unconstrained` leaves out of the log Jacobian."""
        return 0.0

    @abstractmethod
    def start(self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: Any) -> T:
        """Return dispersed components about rows (n, K) of the sample, each field (n, K, ...).

        wide: the length of a component's own axes.
        """

    def width(self, data: Mapping[str, Tensor]) -> Any:
        """Return the symbolic length of a component's own axes: by default the columns of x."""
        return data["x"].shape[0] if data["x"].ndim == 2 else 1


def spread(sample: Sample) -> Array:
    """Return each column's sd, (d,); 1 where a column is constant.

    >>> from models import Sample
    >>> spread(Sample([[0.0, 5.0], [4.0, 5.0]]))
    array([2., 1.])
    """
    table = sample.x.reshape(sample.distinct, -1)
    mean = np.average(table, axis=0, weights=sample.counts)
    sd = np.sqrt(np.average((table - mean) ** 2, axis=0, weights=sample.counts))
    return np.where(sd > 0, sd, 1.0)


COMPONENTS: dict[type, Callable[[type], Component[Any, Any]]] = {}


def component_of[T: Theta](family: type[T]) -> Component[T, Any]:
    """Return the component that PyMC uses for a family.

    >>> from models import Poisson
    >>> type(component_of(Poisson)).__name__
    'PoissonComponent'
    """
    for ancestor in getattr(family, "__mro__", ()):
        if ancestor in COMPONENTS:
            return COMPONENTS[ancestor](family)
    known = ", ".join(sorted(name.__name__ for name in COMPONENTS))
    raise Refusal(f"family is {family!r}; give one of {known}")
