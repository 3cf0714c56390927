"""What a family is to the rest of the program: the contract that its three short files meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from models.arrays import Array, Labels
    from models.observations import Observations
    from models.sample import Sample

__all__ = [
    "Column",
    "ConjugatePrior",
    "Entry",
    "Field",
    "Movable",
    "Table",
    "Theta",
    "axes",
    "bounds",
    "by_column",
    "components",
    "entries",
    "family_at",
    "first",
    "free_entries",
    "free_moves",
    "labelled",
    "listed_entries",
    "one_dimensional",
    "rebuilt",
    "remarks",
    "shares_parameters",
    "summing_to_one",
    "unflattened",
    "width",
    "width_of",
    "within",
]


class Field(NamedTuple):
    """What a family declares of one of its fields.

    axes: the names of its axes, that of the components first.
    low, high: the bounds of its entries.
    variances: whether it is a matrix with variances, which are above 0, on its diagonal.
    free: (length of the second axis) -> the places of the free entries; None if all are free.
    shared: whether all components share it.
    simplex: whether its last axis sums to one, so that the last entry follows from the others.
    limit: the family that a component becomes as the field grows without bound, if it is one.
    none: the family that a component becomes where the field is 0, if it is one.
    logs: whether spreads are compared on the scale of its logarithm, as its likelihood is skewed.
    part: the column that it is of, counted from 1, if each has a family of its own; otherwise 0.
    remark: what to say beside its numbers, if its name alone could be misread; names of fields of
        the same part stand in braces.

    >>> from models import Binomial
    >>> Binomial.layout()["prob"].high
    1
    """

    axes: tuple[str, ...] = ("component",)
    low: float = -np.inf
    high: float = np.inf
    variances: bool = False
    free: Callable[[int], Iterable[tuple[int, ...]]] | None = None
    shared: bool = False
    simplex: bool = False
    limit: str = ""
    none: str = ""
    logs: bool = False
    part: int = 0
    remark: str = ""


class Entry(NamedTuple):
    """A free number of a component: its field, its place there, whether all components share it.

    >>> from models import MultivariateGaussian
    >>> tied = MultivariateGaussian.with_covariance("tied")
    >>> free_entries(tied(np.zeros((2, 1)), np.ones((2, 1, 1))))[-1]
    Entry(name='cov', place=(0, 0), shared=True)
    """

    name: str
    place: tuple[int, ...]
    shared: bool


class ConjugatePrior(Protocol):
    """A component's conjugate prior, written as observations not seen.

    >>> from models import PoissonPrior, Sample
    >>> prior: ConjugatePrior = PoissonPrior(events=2, exposure=1)
    >>> prior.checked(Sample([0, 3]))
    PoissonPrior(events=2.0, exposure=1.0)
    """

    def checked(self, sample: Observations) -> Self:
        """Return the prior as float arrays, or raise ValueError that names the bad field."""
        ...

    def affine(self, scale: Array, shift: Array) -> Self:
        """Return the prior of the parameters of scale * x + shift."""
        ...

    def widened(self, factor: float) -> Self:
        """Return the prior of so many times the width.

        The sd of a mean given the width of its component, and the sd of a rate, are `factor` times
        as large: n over factor^2, and exposure over `factor`, which stretches the rates as well. No
        probability spreads further than from 0 to 1, so there the prior stands for `factor` times
        fewer observations: of the uniform Beta(1, 1) half the width is Beta(2, 2), and twice the
        width is Beta(1/2, 1/2). Shares, and the widths of components, keep their priors.
        """
        ...

    def _asdict(self) -> dict[str, Any]: ...


class Theta(Protocol):
    """A family's component parameters: a NamedTuple whose fields have the component axis first.

    >>> from models import Poisson
    >>> theta: Theta = Poisson(np.array([5.0, 1.0]))
    >>> theta.order()
    array([1, 0])
    """

    @classmethod
    def layout(cls) -> dict[str, Field]:
        """Declare the fields, in order."""
        ...

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """Return what a component is and what was observed, in plain words."""
        ...

    @classmethod
    def takes(cls) -> Literal["column", "table", "heads", "labels"]:
        """Return what is observed: one column, several, heads among trials, or labels."""
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
    def common_priors(
        cls, sample: Observations, k: int
    ) -> Mapping[str, tuple[float, ConjugatePrior]]:
        """Return priors under which other programs maximise, by name: weight and record each.

        Some are improper; they serve to recognise an estimate, and nothing is drawn from them.
        """
        ...

    @classmethod
    def draw_prior(cls, prior: Any, size: tuple[int, int], rng: np.random.Generator) -> Self:
        """Draw components from the prior, each field (n, K, ...).

        prior: the family's own record.
        size: (n, K).
        """
        ...

    def checked(self, k: int, d: Any) -> Self:
        """Return the fields as float arrays, or raise ValueError that names the bad one.

        d: what `width` returns of the family.
        """
        ...

    def order(self) -> Labels:
        """Return the indices (..., K) of the components in label order, for (...) mixtures."""
        ...

    def affine(self, scale: Array, shift: Array) -> Self:
        """Return the parameters of scale * x + shift; families of counts stay as they are."""
        ...

    def draw(self, labels: Labels, rng: np.random.Generator, trials: Array | None) -> Array:
        """Draw (n, ...) observations, each from the component that its label names, (n,)."""
        ...

    def cumulative(self, x: Array, ends: Array, trials: Array | None) -> tuple[Array, Array]:
        """Return the distribution of each of the d columns given the columns before it.

        P(X_j <= end | x_1, ..., x_(j-1)) is (d, K, e, m), log p(x_1, ..., x_(j-1)) is (d, K, m).

        x: (m,) or (m, d) rows; ends: (e, m) or (e, m, d); trials: (m,) for coins.
        """
        ...

    def _asdict(self) -> dict[str, Array]: ...


class Column(Theta, Protocol):
    """A Theta of one column, which can be one of several columns that are independent in a group.

    >>> from models import Poisson
    >>> column: Column = Poisson(np.array([5.0, 1.0]))
    >>> column.log_mass(np.array([0.0]), None)
    array([[-5.],
           [-1.]])
    """

    def log_mass(self, x: Array, trials: Array | None) -> Array:
        """Return log p (K, m) of (m,) values, with which the columns before predict the next.

        Only checks of how a model fits read it, neither EM nor PyMC.
        """
        ...


class Table(Theta, Protocol):
    """A Theta of several columns.

    >>> from models import MultivariateGaussian
    >>> table: Table = MultivariateGaussian(np.array([[1.0, 5.0]]), np.diag([4.0, 9.0])[None])
    >>> table.columns()[1]
    Gaussian(mean=array([5.]), sd=array([3.]))
    """

    def columns(self) -> list[Column]:
        """Return the parameters of each column alone, whatever the others are."""
        ...


class Movable(Protocol):
    """A Theta, or a conjugate prior.

    >>> from models import Gaussian
    >>> record: Movable = Gaussian(np.array([1.0]), np.array([2.0]))
    >>> record.affine(np.array([2.0]), np.array([5.0]))
    Gaussian(mean=array([7.]), sd=array([4.]))
    """

    def affine(self, scale: Array, shift: Array) -> Self:
        """Return the record of scale * x + shift, where this is the record of x."""
        ...


def entries[T: Theta](theta: T) -> dict[str, Array]:
    """Return the fields by name, in order.

    >>> from models import Poisson
    >>> entries(Poisson(np.array([1.0, 5.0])))
    {'rate': array([1., 5.])}
    """
    return theta._asdict()  # public, in spite of its name


def axes(family: type[Theta]) -> dict[str, tuple[str, ...]]:
    """Return the axes of a family's fields, by name.

    >>> from models import MultivariateGaussian
    >>> axes(MultivariateGaussian)["mean"]
    ('component', 'dimension')
    """
    return {name: field.axes for name, field in family.layout().items()}


def one_dimensional(family: type[Theta]) -> bool:
    """Return whether there is one column, and each field has one number a component.

    >>> from models import Gaussian, MultivariateGaussian
    >>> one_dimensional(Gaussian), one_dimensional(MultivariateGaussian)
    (True, False)
    """
    return not by_column(family) and all(len(own) == 1 for own in axes(family).values())


def by_column(family: type[Theta]) -> bool:
    """Return whether each column has a family of its own.

    >>> from models import Gaussian, Independent, MultivariateGaussian
    >>> by_column(Independent(Gaussian, Gaussian)), by_column(MultivariateGaussian)
    (True, False)
    """
    return any(field.part > 0 for field in family.layout().values())


def family_at(family: type[Theta], column: int) -> type[Theta]:
    """Return the family of a column: its own, if each column has one.

    >>> from models import Gaussian, Independent, MultivariateGaussian, Poisson
    >>> family_at(Independent(Gaussian, Poisson), 1), family_at(MultivariateGaussian, 1)
    (<class 'models.poisson.Poisson'>, <class 'models.multivariate.MultivariateGaussian'>)
    """
    families: Sequence[type[Theta]] = getattr(family, "families", ())
    return families[column] if by_column(family) else family


def shares_parameters(family: type[Theta]) -> bool:
    """Return whether components share a parameter.

    >>> from models import Poisson, ZeroInflated
    >>> shares_parameters(Poisson), shares_parameters(ZeroInflated(Poisson))
    (False, True)
    """
    return any(field.shared for field in family.layout().values())


def labelled(family: type[Theta], column: int) -> bool:
    """Return whether a column is of labels.

    >>> from models import Categorical, Independent, Poisson
    >>> labelled(Poisson, 0), labelled(Independent(Poisson, Categorical), 1)
    (False, True)
    """
    fields = family.layout().values()
    return any(field.simplex and field.part in (0, column + 1) for field in fields)


def remarks(family: type[Theta]) -> list[str]:
    """Return what a reader of a family's numbers has to know about them, in sentences.

    >>> from models import Gaussian, Independent, StudentT
    >>> remarks(Independent(Gaussian, StudentT))
    ['sd_2 is the scale: the standard deviation is sd_2 * sqrt(df_2 / (df_2 - 2)).']
    """
    layout, found = family.layout(), []
    for field in layout.values():
        if field.remark:
            behind = f"_{field.part}" * (field.part > 0)
            beside = [name for name, one in layout.items() if one.part == field.part]
            found.append(field.remark.format(**{one.removesuffix(behind): one for one in beside}))
    return found


def within(theta: Theta) -> bool:
    """Return whether every entry is in the range that its field declares; NaN is not.

    >>> from models import Poisson
    >>> within(Poisson(np.array([1.0, 5.0]))), within(Poisson(np.array([1.0, -5.0])))
    (True, False)
    """
    for name, field in type(theta).layout().items():
        if np.isfinite(field.low) or np.isfinite(field.high):
            values = entries(theta)[name]
            if not ((values >= field.low) & (values <= field.high)).all():
                return False
    return True


def bounds(family: type[Theta], name: str, place: tuple[int, ...]) -> tuple[float, float]:
    """Return the lower and the upper bound of an entry of a component.

    >>> from models import Binomial
    >>> bounds(Binomial, "prob", ())
    (0, 1)
    """
    field = family.layout()[name]
    if field.variances:
        return (0.0 if place[0] == place[1] else -np.inf), np.inf
    return field.low, field.high


def free_entries(theta: Theta) -> list[Entry]:
    """Return a component's free entries, field by field.

    >>> from models import Gaussian
    >>> free_entries(Gaussian(np.zeros(2), np.ones(2)))
    [Entry(name='mean', place=(), shared=False), Entry(name='sd', place=(), shared=False)]
    """
    return _entries_of(theta, last=False)


def listed_entries(theta: Theta) -> list[Entry]:
    """Return a component's free entries, and the last of each simplex, which follows from them.

    >>> from models import Categorical
    >>> theta = Categorical(np.array([[0.2, 0.3, 0.5]]))
    >>> [entry.place for entry in listed_entries(theta)]
    [(0,), (1,), (2,)]
    >>> [entry.place for entry in free_entries(theta)]
    [(0,), (1,)]
    """
    return _entries_of(theta, last=True)


def free_moves(theta: Theta) -> list[tuple[Entry, int, int]]:
    """Return each free entry, its index among the listed ones, and that of what falls for it.

    As an entry of a simplex rises, the last one falls; the index is -1 where nothing does.

    >>> from models import Categorical
    >>> free_moves(Categorical(np.array([[0.2, 0.3, 0.5]])))[1][1:]
    (1, 2)
    """
    layout, values, found = type(theta).layout(), entries(theta), []
    index = {entry: at for at, entry in enumerate(listed_entries(theta))}
    for entry in free_entries(theta):
        against = -1
        if layout[entry.name].simplex:
            last = (*entry.place[:-1], np.shape(values[entry.name])[-1] - 1)
            against = index[entry._replace(place=last)]
        found.append((entry, index[entry], against))
    return found


def _entries_of(theta: Theta, *, last: bool) -> list[Entry]:
    """Return a component's free entries, with or without the last of each simplex."""
    found = []
    values = entries(theta)
    for name, field in type(theta).layout().items():
        shape = np.shape(values[name])[1:]
        places = np.ndindex(*shape) if field.free is None else field.free(shape[0])
        end = shape[-1] - 1 if field.simplex and not last else None
        kept = (place for place in places if end is None or place[-1] != end)
        found += [Entry(name, tuple(place), field.shared) for place in kept]
    return found


def summing_to_one[T: Theta](theta: T) -> T:
    """Return a Theta whose simplexes sum to one, which extrapolation misses by rounding.

    >>> from models import Categorical
    >>> summing_to_one(Categorical(np.array([[1.0, 3.0]])))
    Categorical(prob=array([[0.25, 0.75]]))
    """
    layout = type(theta).layout()
    if not any(field.simplex for field in layout.values()):
        return theta
    fields = [
        field / field.sum(axis=-1, keepdims=True) if layout[name].simplex else field
        for name, field in entries(theta).items()
    ]
    return rebuilt(type(theta), fields)


LENGTHS: Mapping[str, Callable[[Observations, int], int]] = {
    "dimension": lambda sample, _: sample.dimension,
    "category": lambda sample, at: len(sample.levels[at]) or int(sample.high[at]) + 1,
}
"""How long a component's own axes are, as a sample says it of a column."""


def _leading(family: type[Theta]) -> dict[int, tuple[str, str]]:
    """Return the first field of each part and its own axis, empty if it has none."""
    found: dict[int, tuple[str, str]] = {}
    for name, (_, *own) in axes(family).items():
        part = family.layout()[name].part
        found.setdefault(part, (name, own[0].removesuffix(f"_{part}") if own else ""))
    return found


def _of_parts(lengths: Mapping[int, int]) -> Any:
    """Return the length of the only part, or those of all parts."""
    return lengths[0] if 0 in lengths else tuple(lengths.values())


def width(family: type[Theta], sample: Observations) -> Any:
    """Return the length of a component's own axes: how many columns, or categories.

    It is a tuple, with one length for each column, if columns have families of their own. Labels
    without names are codes 0, 1, ... up to the largest.

    >>> from models import Categorical, Independent, Poisson, Sample
    >>> width(Poisson, Sample([3, 4])), width(Categorical, Sample([0, 3, 1]))
    (1, 4)
    >>> width(Independent(Poisson, Categorical), Sample([[3, 0], [4, 1]]))
    (1, 2)
    """
    return _of_parts(
        {
            part: LENGTHS[axis](sample, max(part - 1, 0)) if axis else 1
            for part, (_, axis) in _leading(family).items()
        }
    )


def width_of(theta: Theta) -> Any:
    """Return the length of a component's own axes, as `width` does.

    >>> from models import MultivariateGaussian, Poisson
    >>> width_of(Poisson(np.array([3.0, 4.0])))
    1
    >>> width_of(MultivariateGaussian(np.zeros((2, 3)), np.array([np.eye(3)] * 2)))
    3
    """
    fields = entries(theta)
    return _of_parts(
        {
            part: int(np.shape(fields[name])[-1]) if axis else 1
            for part, (name, axis) in _leading(type(theta)).items()
        }
    )


def first(theta: Theta) -> Array:
    """Return the first field: the one that says where components are.

    >>> from models import Gaussian
    >>> first(Gaussian(mean=np.array([1.0, 5.0]), sd=np.ones(2)))
    array([1., 5.])
    """
    return next(iter(theta._asdict().values()))


def components(theta: Theta) -> int:
    """Return K, the number of components: the length of every field.

    >>> from models import Poisson
    >>> components(Poisson(np.array([1.0, 5.0, 9.0])))
    3
    """
    return len(first(theta))


def unflattened(theta: Theta, flat: Array) -> list[Array]:
    """Return a Theta's fields (..., K, ...) from each component's entries in a row, (..., K, M).

    >>> from models import Gaussian
    >>> one = Gaussian(np.array([1.0, 5.0]), np.array([2.0, 2.0]))
    >>> unflattened(one, np.array([[0.0, 1.0], [2.0, 3.0]]))
    [array([0., 2.]), array([1., 3.])]
    """
    fields = entries(theta).values()
    cuts = np.cumsum([field[0].size for field in fields])[:-1]
    parts = zip(np.split(flat, cuts, axis=-1), fields, strict=True)
    return [part.reshape(*part.shape[:-1], *field.shape[1:]) for part, field in parts]


def rebuilt[T: Theta](family: type[T], fields: Iterable[Array]) -> T:
    """Return a Theta of the family from its fields, in order.

    >>> from models import Poisson
    >>> rebuilt(Poisson, [np.array([1.0, 5.0])])
    Poisson(rate=array([1., 5.]))
    """
    make: Callable[..., T] = family
    return make(*fields)
