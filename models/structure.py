"""What a structure is to the rest of the program: where an observation's component comes from.

To add one, write three siblings (`models/`, `em/`, `bayes/`) and register them. A structure
declares the axes of its shares. What follows from these is here, once for all structures:
relabelling, parameters and their names, checks, and the way to files and back.
"""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, cast

import numpy as np

from models.checks import numbers
from models.family import axes, components, entries, first, free_moves, listed_entries, rebuilt
from models.family import summing_to_one as probabilities_of
from models.observations import Observations
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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
    "by_name",
    "checked",
    "coordinates",
    "data_of",
    "drawn_at",
    "fields_of",
    "free",
    "from_fields",
    "in_time",
    "inner",
    "joined",
    "label_order",
    "moves_of",
    "normalised",
    "of_column",
    "ordered",
    "parameters",
    "permuted",
    "picked",
    "place_called",
    "registered",
    "shares_of",
    "structure_called",
    "structure_for",
    "summing_to_one",
    "title_of",
    "uniform",
    "with_shares",
]

LABEL = re.compile(r"\w+\[[\d,*]+\]")  # of a parameter

ROUNDING = 1e-8  # by which a simplex may miss a sum of 1


class Data(Protocol):
    """What was observed, as a structure needs it: the distinct rows and their places.

    >>> from models import Sample
    >>> data: Data = Sample([1.0, 2.0])
    >>> data.sizes
    {}
    """

    @property
    def sample(self) -> Observations:
        """The distinct rows."""
        ...

    @property
    def sizes(self) -> Mapping[str, int]:
        """The length of each axis of the shares that is not one of components."""
        ...

    @property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """The names along each axis that has some, of shares or of the family's parameters."""
        ...


class Unordered(Observations, Data, Protocol):
    """Rows in no order: by themselves the data of a mixture.

    >>> from models import Sample
    >>> rows: Unordered = Sample([1.0, 2.0])
    >>> rows.sample is rows
    True
    """


class Units(Protocol):
    """Data in memory, on which MCMC can run.

    A unit is what has a hidden component of its own: a distinct row if the order of rows does not
    matter, otherwise a row as it was given.

    >>> from models import Sample
    >>> data: Units = Sample([2.5, 1.0, 2.5])
    >>> data.unit_counts
    array([1, 2])
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
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """The names along each axis that has some, of shares or of the family's parameters."""
        ...

    @property
    def unit_rows(self) -> Labels:
        """The distinct row of each unit, (u,)."""
        ...

    @property
    def unit_counts(self) -> Array | NDArray[np.int64]:
        """The number of observations of each unit, (u,); whole unless rows have weights."""
        ...

    def units_at(self, places: Labels) -> Labels:
        """Return the unit of the observations at some places, in `Sample.rows_in_order`'s order."""
        ...

    def spelt(self, rows: str) -> str:
        """Return how Python writes the data, given how it writes the rows."""
        ...

    @property
    def extent(self) -> str:
        """What the number of observations does not say of the data, in words; may be empty."""
        ...

    def titled(self, units: Labels) -> list[str]:
        """Return the names of some units, by their indices."""
        ...

    def beside(self) -> list[str]:
        """Return the sequence or the group of each row as given; empty where rows have none."""
        ...

    def groups(self) -> Labels:
        """Return the group of each unit, (u,); 0 for all where rows are in no groups."""
        ...

    def followers(self) -> Labels:
        """Return the units, (p,), each of which follows the unit before it in time."""
        ...

    def spaced(self, most: int) -> Self:
        """Return at most `most` units, evenly spaced; all if a unit makes no sense alone."""
        ...

    def expand[D: np.generic](self, values: NDArray[D]) -> NDArray[D]:
        """Return values (n, ...) for the rows as given from values (u, ...) for the units."""
        ...

    def like(self, x: Array) -> Self:
        """Return other values laid out as these, which have the same trials, groups, sequences.

        x: (n, ...) of the observations, in the order of `Sample.rows_in_order`.
        """
        ...

    def stretches(self, n: int, rng: np.random.Generator) -> Self | None:
        """Return n rows or a few more that follow each other; None if rows have no order."""
        ...

    def blocks(self, size: int) -> Iterator[Self]:
        """Yield data of `size` units at a time; of all if a unit makes no sense alone."""
        ...

    def representative(self, most: int) -> tuple[Self, Array]:
        """Return data of at most `most` units, and the weight of each, (u,)."""
        ...

    def arrays(self) -> dict[str, tuple[tuple[str, ...], Numbers]]:
        """Return the axes and values, by name, from which the same data can be made."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Numbers]) -> Self:
        """Return the data whose method `arrays` returned these values."""
        ...


class Structure(Protocol):
    """Shares and the components' parameters: a NamedTuple that ends in `theta`.

    Every field may have leading axes, of draws for example.

    >>> from models import Mixture, Poisson
    >>> one: Structure = Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 5.0])))
    >>> one.axes()
    {'weight': ('component',)}
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
        """Return whether the model is the same under any order of the components."""
        ...

    @classmethod
    def asked_by(cls, data: Data) -> type[Structure]:
        """Return the kind of this structure that the data ask for."""
        ...

    @classmethod
    def given(cls, structure: Structure) -> Structure:
        """Return somebody's parameters as this kind; as they are if they cannot be."""
        ...

    def overall(self, data: Data) -> Array:
        """Return the share of each component among all observations, (..., K)."""
        ...

    def labels(self, data: Data, places: Labels, rng: np.random.Generator) -> Labels:
        """Draw the hidden components of the observations at (n,) places in the order given."""
        ...

    def simulated(
        self, n: int, rng: np.random.Generator, trials: Array | None
    ) -> tuple[Data, Labels]:
        """Draw n observations; return them with their (n,) hidden components, in order."""
        ...

    def _asdict(self) -> dict[str, object]: ...


STRUCTURES: dict[type, type[Structure]] = {}
"""The structure of each kind of data."""


def structure_for(data: object) -> type[Structure]:
    """Return the structure that data ask for, or raise Refusal.

    >>> from models import Sample
    >>> structure_for(Sample([1.0, 2.0])).__name__
    'Mixture'
    """
    for kind, structure in STRUCTURES.items():
        if isinstance(data, kind):
            return structure.asked_by(cast("Data", data))
    raise Refusal(f"sample is a {type(data).__name__}; give Sample(x)")


def structure_called(title: str) -> type[Structure]:
    """Return the registered structure whose class has a title; files store that title.

    >>> structure_called("Mixture").__name__
    'Mixture'
    """
    for structure in STRUCTURES.values():
        if structure.__name__ == title:
            return structure
    raise Refusal(f"the posterior is of structure {title!r}, which this version does not know")


def data_of(structure: type[Structure]) -> type[Units]:
    """Return the first kind of data of a structure.

    >>> from models import Mixture
    >>> data_of(Mixture).__name__
    'Sample'
    """
    return next(kind for kind, one in STRUCTURES.items() if issubclass(structure, one))


def registered(structure: type[Structure]) -> type[Structure]:
    """Return the registered structure of which this is a kind.

    >>> from models import Mixture
    >>> registered(Mixture).__name__
    'Mixture'
    """
    return next(one for one in STRUCTURES.values() if issubclass(structure, one))


def title_of(structure: type[Structure]) -> str:
    """Return the title under which files store a structure.

    >>> from models import Mixture
    >>> title_of(Mixture)
    'Mixture'
    """
    return registered(structure).__name__


# fields


def shares_of(structure: Structure) -> dict[str, Array]:
    """Return the fields of shares by name.

    >>> from models import Mixture, Poisson
    >>> shares_of(Mixture([0.4, 0.6], Poisson(np.array([1.0, 5.0]))))
    {'weight': array([0.4, 0.6])}
    """
    found = structure._asdict()  # public, in spite of its name
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
    """Return a structure of a kind from its shares and theta.

    >>> from models import Mixture, Poisson
    >>> with_shares(Mixture, {"weight": np.array([0.5, 0.5])}, Poisson(np.array([1.0, 5.0])))
    Mixture(weight=array([0.5, 0.5]), theta=Poisson(rate=array([1., 5.])))
    """
    make: Callable[..., S] = kind
    return make(*(shares[name] for name in kind.axes()), theta)


def from_fields[S: Structure](kind: type[S], family: type[Theta], fields: Mapping[str, Array]) -> S:
    """Return a structure of a kind and family from all of its fields by name.

    >>> from models import Mixture, Poisson
    >>> from_fields(Mixture, Poisson, {"weight": np.ones(1), "rate": np.array([3.0])})
    Mixture(weight=array([1.]), theta=Poisson(rate=array([3.])))
    """
    return with_shares(kind, fields, rebuilt(family, [fields[name] for name in family.layout()]))


def _mapped[S: Structure](structure: S, change: Callable[[Array, tuple[str, ...]], Array]) -> S:
    """Return the structure with each field changed, given the field and its axes."""
    kind, family = type(structure), type(structure.theta)
    own = axes_of(kind, family)
    fields = {name: change(field, own[name]) for name, field in fields_of(structure).items()}
    return from_fields(kind, family, fields)


def drawn_at[S: Structure](structures: S, places: Labels | slice | int) -> S:
    """Return some of many structures, by their places along the leading axis.

    >>> from models import Mixture, Poisson
    >>> drawn_at(Mixture(np.ones((2, 1)), Poisson(np.array([[3.0], [4.0]]))), 1)
    Mixture(weight=array([1.]), theta=Poisson(rate=array([4.])))
    """
    return _mapped(structures, lambda field, _: field[places])


def joined[S: Structure](first: S, others: S) -> S:
    """Return the structures of both, one after the other along the leading axis.

    >>> from models import Mixture, Poisson
    >>> two = Mixture(np.ones((2, 1)), Poisson(np.array([[3.0], [4.0]])))
    >>> joined(two, two).weight.shape
    (4, 1)
    """
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
    """Return the indices (..., K) of the components in label order.

    That is the family's order if components are exchangeable, otherwise the present one.

    >>> from models import Mixture, Poisson
    >>> label_order(Mixture(np.array([0.4, 0.6]), Poisson(np.array([5.0, 1.0]))))
    array([1, 0])
    """
    order = structure.theta.order()
    if structure.exchangeable():
        return order
    return np.broadcast_to(np.arange(order.shape[-1]), order.shape)


def ordered[S: Structure](structure: S) -> S:
    """Return a structure with its components in label order.

    >>> from models import Mixture, Poisson
    >>> ordered(Mixture(np.array([0.4, 0.6]), Poisson(np.array([5.0, 1.0]))))
    Mixture(weight=array([0.6, 0.4]), theta=Poisson(rate=array([1., 5.])))
    """
    return permuted(structure, label_order(structure))


def by_component(structure: Structure, leading: int = 0) -> list[Array]:
    """Return the fields with exactly one component axis, each (K, ...).

    leading: number of axes before the structure's own, of draws for example; K comes after them.

    >>> from models import Mixture, Poisson
    >>> by_component(Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 5.0]))))
    [array([0.4, 0.6]), array([1., 5.])]
    """
    every = axes_of(type(structure), type(structure.theta))
    found = []
    for name, field in fields_of(structure).items():
        own = [at for at, axis in enumerate(every[name]) if axis.startswith("component")]
        if len(own) == 1:
            found.append(np.moveaxis(field, leading + own[0], leading))
    return found


def moves_of(structure: Structure) -> Array | None:
    """Return the shares that say which component follows which, (..., K, K); None without any.

    >>> from models import HiddenMarkov, Mixture, Poisson
    >>> rates = Poisson(np.array([1.0, 5.0]))
    >>> moves_of(HiddenMarkov([0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]], rates))
    array([[0.9, 0.1],
           [0.2, 0.8]])
    >>> moves_of(Mixture([0.5, 0.5], rates)) is None
    True
    """
    for name, own in structure.axes().items():
        if "component_next" in own:
            return shares_of(structure)[name]
    return None


def normalised(shares: Mapping[str, Array]) -> dict[str, Array]:
    """Return shares that sum to one, which extrapolation misses by rounding.

    >>> normalised({"weight": np.array([1.0, 3.0])})
    {'weight': array([0.25, 0.75])}
    """
    return {name: field / field.sum(axis=-1, keepdims=True) for name, field in shares.items()}


def summing_to_one[S: Structure](structure: S) -> S:
    """Return a structure with normalised shares, and probabilities of its components.

    >>> from models import Mixture, Poisson
    >>> summing_to_one(Mixture(np.array([1.0, 3.0]), Poisson(np.array([1.0, 5.0])))).weight
    array([0.25, 0.75])
    """
    theta = probabilities_of(structure.theta)
    return with_shares(type(structure), normalised(shares_of(structure)), theta)


def uniform(kind: type[Structure], k: int, sizes: Mapping[str, int]) -> dict[str, Array]:
    """Return shares of 1 / K everywhere.

    sizes: the lengths of the axes that are not of components.

    >>> from models import Mixture
    >>> uniform(Mixture, 4, {})
    {'weight': array([0.25, 0.25, 0.25, 0.25])}
    """
    return {
        name: np.full([k if axis.startswith("component") else sizes[axis] for axis in axes], 1 / k)
        for name, axes in kind.axes().items()
    }


def checked[S: Structure](
    structure: S,
    kind: type[S],
    family: type[Theta],
    d: int,
    sizes: Mapping[str, int] | None = None,
) -> S:
    """Return a structure as float arrays, or raise Refusal that names the bad field.

    kind, family: the kind and family that it must have.
    d: the number of columns of x.
    sizes: lengths of the axes of shares that are not of components, if there are data.

    >>> from models import Mixture, Poisson
    >>> checked(Mixture([0.4, 0.5], Poisson([1, 5])), Mixture, Poisson, 1)
    Traceback (most recent call last):
    models.refusal.Refusal: weight sums to 0.9; divide the shares by their sum
    """
    taken = kind.given(structure)
    if not isinstance(taken, kind):
        fields = ", ".join([*kind.axes(), f"{family.__name__}(...)"])
        raise Refusal(f"{structure!r} is not a {kind.__name__}; give {kind.__name__}({fields})")
    shares = {
        name: _simplex(name, axes, numbers(name, taken._asdict()[name]))
        for name, axes in kind.axes().items()
    }
    given = type(taken.theta)
    if not hasattr(given, "_fields") or not (
        issubclass(family, given) or issubclass(given, family)
    ):
        raise Refusal(f"theta is a {given.__name__}; give a {family.__name__}")
    theta = rebuilt(family, list(entries(taken.theta).values()))
    k = next((field.shape[-1] for field in shares.values()), len(np.atleast_1d(first(theta))))
    for name, own in kind.axes().items():
        lengths = {axis: k for axis in own if axis.startswith("component")} | dict(sizes or {})
        expected = [lengths.get(axis, n) for axis, n in zip(own, shares[name].shape, strict=True)]
        if list(shares[name].shape) != expected:
            raise Refusal(f"{name} has shape {shares[name].shape}; give {tuple(expected)}")
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
        place = ", ".join(map(str, at))
        raise Refusal(f"{name}[{place}] is {field[at]:g}; give shares from 0 to 1")
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
    at: its index along each axis; None along the component axis if all components share it.
    part: the column that its field is of, as `Field` has it.

    >>> one = Parameter("mean", ("component", "dimension"), (0, 2))
    >>> one.label, one.relabelled([1, 0]).label
    ('mean[0,2]', 'mean[1,2]')
    """

    name: str
    axes: tuple[str, ...]
    at: tuple[int | None, ...]
    part: int = 0

    @property
    def component(self) -> int | None:
        """The component that it belongs to; None if all share it."""
        return self.at[self.axes.index("component")]

    @property
    def place(self) -> tuple[int, ...]:
        """Its indices along the other axes: () or (column,) or (column, column), ..."""
        axis = self.axes.index("component")
        return tuple(one for at, one in enumerate(self.at) if at != axis and one is not None)

    def relabelled(self, permutation: Labels) -> Self:
        """Return the number that becomes this one when components are permuted.

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
        """Its name for programs, such as mean[0] or cov[1,0,2]; a star means all components."""
        return f"{self.name}[{','.join('*' if one is None else str(one) for one in self.at)}]"

    def titled(self, names: Mapping[str, Sequence[str]]) -> str:
        """Return its name for people: places have their names, or numbers from 1.

        What belongs to the component's own numbers stands behind a semicolon where the component
        has a number.

        >>> columns = dict.fromkeys(["dimension", "dimension_bis"], ["height", "weight"])
        >>> one = Parameter("mean", ("component", "dimension"), (1, 0))
        >>> one.titled({"component": ["short", "tall"]} | columns)
        'mean[tall, height]'
        >>> square = ("component", "dimension", "dimension_bis")
        >>> Parameter("cov", square, (1, 0, 1)).titled(columns)
        'cov[2; height, weight]'
        """
        parts = [
            "*" if one is None else place_called(axis, one, names)
            for axis, one in zip(self.axes, self.at, strict=True)
        ]
        field, columns = of_column(self.name, self.part, names)
        own = sum(not inner(axis) for axis in self.axes)
        where, within = ", ".join(parts[:own]), ", ".join([*columns, *parts[own:]])
        between = (", " if "component" in names else "; ") * bool(within)
        return f"{field}[{where}{between}{within}]"

    def named(self, names: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """Return the names of its places, by axis, along axes that have some.

        >>> Parameter("prob", ("component", "category"), (1, 0)).named({"category": ["well"]})
        {'category': 'well'}
        """
        places = zip(self.axes, self.at, strict=True)
        return {axis: names[axis][one] for axis, one in places if axis in names and one is not None}


def inner(axis: str) -> bool:
    """Return whether an axis is a component's own: a column or a category.

    >>> inner("dimension_bis"), inner("component_next")
    (True, False)
    """
    return axis.startswith(("dimension", "category"))


def place_called(axis: str, at: int, names: Mapping[str, Sequence[str]]) -> str:
    """Return what people call a place along an axis: its name, or its number from 1.

    A category without a name is its code, as the data have it.

    >>> place_called("component", 1, {"component": ["short", "tall"]})
    'tall'
    >>> place_called("component", 1, {}), place_called("category", 1, {})
    ('2', '1')
    """
    if axis in names:
        return names[axis][at]
    return str(at) if axis.startswith("category") else str(at + 1)


def of_column(
    name: str, part: int, names: Mapping[str, Sequence[str]]
) -> tuple[str, Sequence[str]]:
    """Return a field without the number of its column, and the column's name, if it has one.

    part: the column that the field is of, as `Field` has it.

    >>> of_column("mean_2", 2, {"column": ["age", "height"]}), of_column("mean_2", 2, {})
    (('mean', ('height',)), ('mean_2', ()))
    """
    columns = names.get("column", ())
    if not (part and columns):
        return name, ()
    return name.removesuffix(f"_{part}"), (columns[part - 1],)


class Coordinate(NamedTuple):
    """A free direction of a structure's parameters.

    label: such as mean[0] or cov[1,0,2]; a star means all components.
    share: the field and place of a share, which rises as the last one of its simplex falls; None
        for a component's parameters.
    component: the one that it belongs to; None for a share, or if all components share it.
    entry: its index among a component's listed entries; -1 for a share.
    against: the index of the entry that falls as it rises, the last of its simplex; -1 for none.

    >>> from models import Mixture, Poisson
    >>> coordinates(Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 5.0]))))[0]
    Coordinate(label='weight[0]', share=('weight', (0,)), component=None, entry=-1, against=-1)
    """

    label: str
    share: tuple[str, tuple[int, ...]] | None
    component: int | None
    entry: int
    against: int = -1


def in_time(kind: type[Structure]) -> bool:
    """Return whether rows follow each other in time: a share is of the component that comes next.

    >>> from models import HiddenMarkov, Mixture
    >>> in_time(HiddenMarkov), in_time(Mixture)
    (True, False)
    """
    return any("component_next" in axes for axes in kind.axes().values())


def free(kind: type[Structure], held: Iterable[str]) -> list[str]:
    """Return the fields of shares that are estimated, not held fixed.

    >>> from models import Mixture
    >>> free(Mixture, held=()), free(Mixture, held=["weight"])
    (['weight'], [])
    """
    return [name for name in kind.axes() if name not in held]


def by_name(text: str, rows: Iterable[Parameter], names: Mapping[str, Sequence[str]]) -> str:
    """Return a text whose labels of parameters are those for people.

    Once only: a number from 1 would be taken for one from 0.

    rows: the parameters whose labels may occur. names: of the places along axes.

    >>> one = Parameter("prob", ("component", "category"), (1, 0))
    >>> by_name("prob[1,0] is 0", [one], {"category": ["well", "ill"]})
    'prob[2; well] is 0'
    """
    said = {found[0] for found in LABEL.finditer(text)}
    # of very many parameters the labels alone take seconds
    titles = {row.label: row.titled(names) for row in rows if row.label in said} if said else {}
    return LABEL.sub(lambda found: titles.get(found[0], found[0]), text)


def parameters(structure: Structure, held: Iterable[str] = ()) -> list[Parameter]:
    """Return the parameters to list: all shares that are not held, all entries that may differ.

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
    layout = type(theta).layout()
    return found + [
        Parameter(name, field.axes, (None if shared else component, *place), field.part)
        for name, place, shared in listed_entries(theta)
        for field in [layout[name]]
        for component in range(1 if shared else k)
    ]


def picked(structure: Structure, parameter: Parameter) -> Array:
    """Return a parameter of a structure, or of (n,) structures with a leading axis.

    >>> from models import Mixture, Poisson
    >>> draws = Mixture(np.ones((2, 1)), Poisson(np.array([[3.0], [4.0]])))
    >>> picked(draws, Parameter("rate", ("component",), (0,)))
    array([3., 4.])
    """
    field = fields_of(structure)[parameter.name]
    draws = (slice(None),) * (field.ndim - len(parameter.at))
    return np.asarray(field[draws + tuple(0 if one is None else one for one in parameter.at)])


def coordinates(structure: Structure, held: Iterable[str] = ()) -> list[Coordinate]:
    """Return the free directions, in order.

    First come all shares but the last of each simplex that is not held, then each component's free
    entries, then those that components share.

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
    own = free_moves(theta)
    found += [
        Coordinate(label(name, component, *place), None, component, entry, against)
        for component, ((name, place, shared), entry, against) in product(range(k), own)
        if not shared
    ]
    return found + [
        Coordinate(label(name, "*", *place), None, None, entry, against)
        for (name, place, shared), entry, against in own
        if shared
    ]
