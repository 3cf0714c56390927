"""What a structure is to the rest of the house: where an observation's hidden group comes from.

To add one, write three siblings (`models/`, `em/`, `bayes/`) and register them. What follows from
the axes that a structure declares stands here once, for all of them: relabelling, the parameters
and their names, which of them are free, checks, Dirichlet priors, and the way to files and back.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

import numpy as np

from models.checks import numbers
from models.family import axes, components, entries, first, free_entries, rebuilt
from models.observations import Observations
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from models.arrays import Array, Labels, Numbers
    from models.family import Theta
    from models.sample import Sample

__all__ = [
    "STRUCTURES",
    "Coordinate",
    "Data",
    "Parameter",
    "Structure",
    "Units",
    "Unordered",
    "axes_of",
    "by_component",
    "checked",
    "coordinates",
    "data_of",
    "drawn_at",
    "fields_of",
    "free",
    "from_fields",
    "joined",
    "label_order",
    "ordered",
    "parameters",
    "permuted",
    "picked",
    "shares_of",
    "structure_called",
    "structure_for",
    "summing_to_one",
    "uniform",
    "with_shares",
]

ROUNDING = 1e-8  # by which a simplex may miss a sum of 1


class Data(Protocol):
    """What was observed, as a structure wants it: distinct rows, and where each of them stands."""

    @property
    def sample(self) -> Observations:
        """The distinct rows."""
        ...

    @property
    def sizes(self) -> Mapping[str, int]:
        """The length of each axis of the shares that is not one of components."""
        ...


class Unordered(Observations, Data, Protocol):
    """Rows in no order, which are data of a mixture as they stand."""


class Units(Protocol):
    """Data in memory: what chains can be run on.

    A unit is whatever has a hidden component of its own and is worth telling apart: a distinct row
    where the order of rows says nothing, otherwise a row as it was given.
    """

    @property
    def sample(self) -> Sample:
        """The distinct rows."""
        ...

    @property
    def sizes(self) -> Mapping[str, int]:
        """The length of each axis of the shares that is not one of components."""
        ...

    @property
    def unit_rows(self) -> Labels:
        """The distinct row of each unit, (u,)."""
        ...

    @property
    def unit_counts(self) -> Array | NDArray[np.int64]:
        """How many observations each unit stands for, (u,); whole unless it stands for others."""
        ...

    def spaced(self, most: int) -> Self:
        """Return so many of the units at even distances, if they can be looked at alone."""
        ...

    def expand[D: np.generic](self, values: NDArray[D]) -> NDArray[D]:
        """Return (n, ...) values of the rows as given from the (u, ...) of the units."""
        ...

    def blocks(self, size: int) -> Iterator[Self]:
        """Yield data of so many units at a time, if they can be looked at alone, else all."""
        ...

    def representative(self, most: int) -> tuple[Self, Array]:
        """Return data of at most so many units, and for how much each of them counts, (u,)."""
        ...

    def arrays(self) -> dict[str, tuple[tuple[str, ...], Numbers]]:
        """Return what it takes to make the same data again: axes and values by name."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Numbers]) -> Self:
        """Return the data of which `arrays` returned this."""
        ...


class Structure(Protocol):
    """Shares and the components' parameters: a NamedTuple that ends in `theta`.

    Every field may have leading axes, of draws for example.
    """

    @property
    def theta(self) -> Theta:
        """The family's parameters, each field (..., K, ...)."""
        ...

    @classmethod
    def axes(cls) -> Mapping[str, tuple[str, ...]]:
        """Return the axes of each field of shares; the last one is a simplex over components."""
        ...

    @classmethod
    def exchangeable(cls) -> bool:
        """Return whether components can change their names without changing the model."""
        ...

    def overall(self, data: Data) -> Array:
        """Return the share of each component among all observations, (..., K)."""
        ...

    def labels(self, data: Data, places: Labels, rng: np.random.Generator) -> Labels:
        """Draw the hidden component of some observations, (n,) places in the order given."""
        ...

    def _asdict(self) -> dict[str, object]: ...


STRUCTURES: dict[type, type[Structure]] = {}
"""For each kind of data, the structure that it asks for."""


def structure_for(data: object) -> type[Structure]:
    """Return the structure that data ask for, or raise Refusal.

    >>> from models import Sample
    >>> structure_for(Sample([1.0, 2.0])).__name__
    'Mixture'
    """
    for kind, structure in STRUCTURES.items():
        if isinstance(data, kind):
            return structure
    raise Refusal(f"sample is a {type(data).__name__}; give Sample(x)")


def structure_called(title: str) -> type[Structure]:
    """Return the structure whose class has a title, as files keep it.

    >>> structure_called("Mixture").__name__
    'Mixture'
    """
    for structure in STRUCTURES.values():
        if structure.__name__ == title:
            return structure
    raise Refusal(f"the posterior is of structure {title!r}, which is not known here")


def data_of(structure: type[Structure]) -> type[Units]:
    """Return the kind of data that ask for a structure, the first of its kinds."""
    return next(kind for kind, one in STRUCTURES.items() if one is structure)


# fields


def shares_of(structure: Structure) -> dict[str, Array]:
    """Return the fields of shares by name."""
    found = structure._asdict()  # the public way into a NamedTuple, in spite of its name
    return {name: np.asarray(found[name]) for name in structure.axes()}


def fields_of(structure: Structure) -> dict[str, Array]:
    """Return all fields by name, shares first.

    >>> from models import Mixture, Poisson
    >>> fields_of(Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 5.0]))))
    {'weight': array([0.4, 0.6]), 'rate': array([1., 5.])}
    """
    return shares_of(structure) | entries(structure.theta)


def axes_of(structure: type[Structure], family: type[Theta]) -> dict[str, tuple[str, ...]]:
    """Return the axes of all fields, by name.

    >>> from models import Mixture, MultivariateGaussian
    >>> axes_of(Mixture, MultivariateGaussian)["cov"]
    ('component', 'dimension', 'dimension_bis')
    """
    return {**structure.axes(), **axes(family)}


def with_shares[S: Structure](kind: type[S], shares: Mapping[str, Array], theta: Theta) -> S:
    """Return a structure of a kind."""
    make: Callable[..., S] = kind
    return make(*(shares[name] for name in kind.axes()), theta)


def from_fields[S: Structure](kind: type[S], family: type[Theta], fields: Mapping[str, Array]) -> S:
    """Return a structure of a kind and family from all of its fields by name."""
    return with_shares(kind, fields, rebuilt(family, [fields[name] for name in family.layout()]))


def _mapped[S: Structure](structure: S, change: Callable[[Array, tuple[str, ...]], Array]) -> S:
    """Return the structure with each field changed, given the field and its axes."""
    kind, family = type(structure), type(structure.theta)
    own = axes_of(kind, family)
    fields = {name: change(field, own[name]) for name, field in fields_of(structure).items()}
    return from_fields(kind, family, fields)


def drawn_at[S: Structure](structures: S, places: Labels | slice | int) -> S:
    """Return some of many structures, by their places along the leading axis."""
    return _mapped(structures, lambda field, _: field[places])


def joined[S: Structure](first: S, others: S) -> S:
    """Return two runs of many structures, one after the other along the leading axis."""
    after = fields_of(others)
    fields = {
        name: np.concatenate([field, after[name]]) for name, field in fields_of(first).items()
    }
    return from_fields(type(first), type(first.theta), fields)


def permuted[S: Structure](structure: S, permutation: Labels) -> S:
    """Return a structure with its components in another order, along every component axis.

    permutation: (K,) which component comes first, second, ...; or (n, K), one for each of n.

    >>> from models import Mixture, Poisson
    >>> swapped = permuted(Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 5.0]))), [1, 0])
    >>> swapped.theta.rate
    array([5., 1.])
    """
    order = np.asarray(permutation)

    def moved(field: Array, axes: tuple[str, ...]) -> Array:
        for at, axis in enumerate(axes, start=order.ndim - 1):
            if axis.startswith("component"):
                shape = [1] * field.ndim
                shape[at] = order.shape[-1]
                shape[: order.ndim - 1] = order.shape[:-1]
                field = np.take_along_axis(field, order.reshape(shape), axis=at)
        return field

    return _mapped(structure, moved)


def label_order(structure: Structure) -> Labels:
    """Return the (..., K) components in label order: the family's, if they can be renamed."""
    order = structure.theta.order()
    if structure.exchangeable():
        return order
    return np.broadcast_to(np.arange(order.shape[-1]), order.shape)


def ordered[S: Structure](structure: S) -> S:
    """Return a structure with its components in label order."""
    return permuted(structure, label_order(structure))


def by_component(structure: Structure, leading: int = 0) -> list[Array]:
    """Return what is each component's own, (K, ...) each: fields with one component axis.

    leading: axes before the structure's own, of draws for example, which come before K.
    """
    every = axes_of(type(structure), type(structure.theta))
    found = []
    for name, field in fields_of(structure).items():
        own = [at for at, axis in enumerate(every[name]) if axis.startswith("component")]
        if len(own) == 1:
            found.append(np.moveaxis(field, leading + own[0], leading))
    return found


def summing_to_one[S: Structure](structure: S) -> S:
    """Return a structure with simplexes that sum to one; extrapolation misses that by rounding."""
    shares = {
        name: field / field.sum(axis=-1, keepdims=True)
        for name, field in shares_of(structure).items()
    }
    return with_shares(type(structure), shares, structure.theta)


def uniform(kind: type[Structure], k: int, sizes: Mapping[str, int]) -> dict[str, Array]:
    """Return shares of 1 / K everywhere.

    sizes: of the axes that are not of components.
    """
    return {
        name: np.full([k if axis.startswith("component") else sizes[axis] for axis in axes], 1 / k)
        for name, axes in kind.axes().items()
    }


def checked[S: Structure](structure: S, kind: type[S], family: type[Theta], d: int) -> S:
    """Return a structure as float arrays, or raise Refusal that names the bad field.

    kind, family: what it has to be of.
    d: columns of x.
    """
    if not isinstance(structure, kind):
        fields = ", ".join([*kind.axes(), f"{family.__name__}(...)"])
        raise Refusal(
            f"{structure!r} is no {kind.__name__.lower()}; give {kind.__name__}({fields})"
        )
    shares = {
        name: _simplex(name, axes, numbers(name, structure._asdict()[name]))
        for name, axes in kind.axes().items()
    }
    given = type(structure.theta)
    if not hasattr(given, "_fields") or not (
        issubclass(family, given) or issubclass(given, family)
    ):
        raise Refusal(f"theta is a {given.__name__}; give a {family.__name__}")
    theta = rebuilt(family, list(entries(structure.theta).values()))
    sizes = [field.shape[-1] for field in shares.values()]
    k = sizes[0] if sizes else np.atleast_1d(first(theta)).shape[0]
    return with_shares(kind, shares, theta.checked(k, d))


def _simplex(name: str, axes: tuple[str, ...], field: Array) -> Array:
    """Return shares that sum to one along their last axis, or raise Refusal."""
    if field.ndim != len(axes) or field.size == 0:
        raise Refusal(
            f"{name} has shape {field.shape}; give one share for each {' and '.join(axes)}"
        )
    bad = ~(np.isfinite(field) & (field >= 0))
    if bad.any():
        at = tuple(np.argwhere(bad)[0])
        place = ", ".join(f"{axis} {one}" for axis, one in zip(axes, at, strict=True))
        raise Refusal(f"{name}: {place} has share {field[at]:g}; give shares from 0 to 1")
    totals = field.sum(axis=-1, keepdims=True)
    if (np.abs(totals - 1) > ROUNDING).any():
        worst = float(totals.ravel()[np.abs(totals - 1).argmax()])
        raise Refusal(f"{name} sums to {worst:.10g}; divide the shares by their sum")
    return field / totals


# parameters


class Parameter(NamedTuple):
    """A number of a structure.

    name: of its field.
    axes: of the field.
    at: where it stands along each; None along the component axis where all components share it.
    """

    name: str
    axes: tuple[str, ...]
    at: tuple[int | None, ...]

    @property
    def component(self) -> int | None:
        """Which component it belongs to; None where all share it."""
        return self.at[self.axes.index("component")]

    @property
    def place(self) -> tuple[int, ...]:
        """Where it stands along the other axes: () or (column,) or (column, column), ..."""
        axis = self.axes.index("component")
        return tuple(one for at, one in enumerate(self.at) if at != axis and one is not None)

    def relabelled(self, permutation: Labels) -> Self:
        """Return the number that becomes this one where components are permuted.

        permutation: (K,) which component comes first, second, ...
        """
        places = zip(self.axes, self.at, strict=True)
        moved = (
            one if one is None or not axis.startswith("component") else int(permutation[one])
            for axis, one in places
        )
        return self._replace(at=tuple(moved))

    @property
    def label(self) -> str:
        """Such as mean[0] or cov[1,0,2]; a star stands for all components."""
        return f"{self.name}[{','.join('*' if one is None else str(one) for one in self.at)}]"


class Coordinate(NamedTuple):
    """A free direction of a structure's parameters.

    label: such as mean[0] or cov[1,0,2]; a star stands for all components.
    share: the field and place of a share, which rises as the last one of its simplex falls; None of
        a component's parameters.
    component: whose it is, None where all components share it, or of a share.
    entry: which of a component's free entries it is, -1 of a share.
    """

    label: str
    share: tuple[str, tuple[int, ...]] | None
    component: int | None
    entry: int


def free(kind: type[Structure], held: Iterable[str]) -> list[str]:
    """Return the fields of shares that are estimated, not held fixed."""
    return [name for name in kind.axes() if name not in held]


def parameters(structure: Structure, held: Iterable[str] = ()) -> list[Parameter]:
    """Return the numbers worth a row: all shares that are not held, every free entry of theta.

    >>> from models import Gaussian, Mixture
    >>> one = Mixture(np.array([0.4, 0.6]), Gaussian(np.array([1.0, 5.0]), np.array([1.0, 2.0])))
    >>> [row.label for row in parameters(one)]
    ['weight[0]', 'weight[1]', 'mean[0]', 'mean[1]', 'sd[0]', 'sd[1]']
    """
    kind, theta = type(structure), structure.theta
    k, shares = components(theta), shares_of(structure)
    found = [
        Parameter(name, kind.axes()[name], at)
        for name in (free(kind, held) if k > 1 else [])
        for at in np.ndindex(shares[name].shape)
    ]
    own = axes(type(theta))
    return found + [
        Parameter(name, own[name], (None if shared else component, *place))
        for name, place, shared in free_entries(theta)
        for component in range(1 if shared else k)
    ]


def picked(structure: Structure, parameter: Parameter) -> Array:
    """Return a parameter of a structure, or of (n,) structures with a leading axis."""
    field = fields_of(structure)[parameter.name]
    draws = (slice(None),) * (field.ndim - len(parameter.at))
    return np.asarray(field[draws + tuple(0 if one is None else one for one in parameter.at)])


def coordinates(structure: Structure, held: Iterable[str] = ()) -> list[Coordinate]:
    """Return the free directions: all shares but the last of each simplex that is not held, then
    each component's free entries, then those that components share.

    >>> from models import Mixture, MultivariateGaussian
    >>> tied = MultivariateGaussian.with_covariance("tied")
    >>> cov = np.array([np.eye(2)] * 2)
    >>> two = Mixture(np.array([0.4, 0.6]), tied(np.zeros((2, 2)), cov))
    >>> [one.label for one in coordinates(two)][-3:]
    ['cov[*,0,0]', 'cov[*,0,1]', 'cov[*,1,1]']
    """
    theta, shares = structure.theta, shares_of(structure)
    k = components(theta)

    def label(name: str, *at: object) -> str:
        return f"{name}[{','.join(map(str, at))}]"

    found = [
        Coordinate(label(name, *at), (name, at), None, -1)
        for name in free(type(structure), held)
        for at in np.ndindex(*shares[name].shape[:-1], k - 1)
    ]
    own = list(enumerate(free_entries(theta)))
    found += [
        Coordinate(label(name, component, *place), None, component, entry)
        for component, (entry, (name, place, shared)) in product(range(k), own)
        if not shared
    ]
    return found + [
        Coordinate(label(name, "*", *place), None, None, entry)
        for entry, (name, place, shared) in own
        if shared
    ]
