"""What a family is to the rest of the house: the contract that its three short files meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np

    from models.arrays import Array, Labels
    from models.observations import Observations
    from models.sample import Sample

__all__ = [
    "ConjugatePrior",
    "Theta",
    "components",
    "entries",
    "first",
    "rebuilt",
]


class ConjugatePrior(Protocol):
    """A component's conjugate prior, written as observations not seen."""

    def checked(self, sample: Observations) -> Self:
        """Return the prior as float arrays, or raise ValueError that names the bad field."""
        ...

    def affine(self, scale: Array, shift: Array) -> Self:
        """Return the prior of the parameters of scale * x + shift."""
        ...

    def _asdict(self) -> dict[str, Any]: ...


class Theta(Protocol):
    """A family's component parameters: a NamedTuple whose fields lead with the component axis."""

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """Return what a component is, and what was observed, in plain words."""
        ...

    @classmethod
    def takes(cls) -> Literal["column", "table", "heads"]:
        """Return what a command line must give: one column, several, or heads and trials."""
        ...

    @classmethod
    def observe(cls, sample: Sample) -> None:
        """Raise ValueError, naming field, row and remedy, if the sample is not this family's."""
        ...

    @classmethod
    def weak_prior(cls, sample: Observations, k: int) -> ConjugatePrior:
        """Return the weak, proper default prior on the scale of the data."""
        ...

    @classmethod
    def draw_prior(cls, prior: Any, size: tuple[int, int], rng: np.random.Generator) -> Self:
        """Draw n times K components from the family's own record, each field (n, K, ...)."""
        ...

    def checked(self, k: int, d: int) -> Self:
        """Return the fields as float arrays, or raise ValueError that names the bad one."""
        ...

    def order(self) -> Labels:
        """Return the (..., K) components in label order, of each of the (...) mixtures."""
        ...

    def affine(self, scale: Array, shift: Array) -> Self:
        """Return the parameters of scale * x + shift; families of counts stay as they are."""
        ...

    def draw(self, labels: Labels, rng: np.random.Generator, trials: Array | None) -> Array:
        """Draw one observation from the component that each of the (n,) labels names."""
        ...

    def _asdict(self) -> dict[str, Array]: ...


def entries[T: Theta](theta: T) -> dict[str, Array]:
    """Return the fields by name, in order."""
    return theta._asdict()  # the public way into a NamedTuple, in spite of its name


def first(theta: Theta) -> Array:
    """Return the first field: the one that says where components are."""
    return next(iter(theta._asdict().values()))


def components(theta: Theta) -> int:
    """Return K, the length of every field."""
    return len(first(theta))


def rebuilt[T: Theta](family: type[T], fields: Iterable[Array]) -> T:
    """Return a Theta of the family from its fields, in order."""
    make: Callable[..., T] = family
    return make(*fields)
