"""Several columns, each with a family of its own, that are independent within a group."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

import numpy as np

from models.family import Field, entries, shares_parameters, width
from models.names import (
    Made,
    arguments_of,
    family_called,
    record_of,
    refuse_inestimable_rows,
    spelt,
    titled,
)
from models.positive import ZEROS_BESIDE
from models.refusal import Refusal, both
from models.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.arrays import Array, Labels
    from models.family import Column, ConjugatePrior, Theta
    from models.observations import Observations

__all__ = [
    "MADE_OF_COLUMNS",
    "ColumnsPrior",
    "Independent",
    "IndependentColumns",
    "IndependentPrior",
    "parts_of",
]

ROW = re.compile(r": row \d+ \(counted from 0\)")
NO_ZEROS = "zeros in excess cannot be combined with columns of several kinds"
MOST_ONCE = 0.9  # of the rows of a column of labels may have a label that no other row has
SHORT = 20  # rows: of fewer, every label may well occur once
FEWEST = 3  # columns of labels from which they can identify groups


def Independent(*families: type[Theta]) -> type[IndependentColumns]:  # noqa: N802 (it makes a class)
    """Return the family of rows of several columns that are independent within a group.

    p(x | theta) = prod_j p_j(x_j | theta_j): with labels or yes/no answers latent classes
    (Lazarsfeld & Henry 1968), with measurements latent profiles. Fields have the number of their
    column, counted from 1. The same families give the same class.

    families: of each column; a Binomial column has one flip a row, 0 or 1.

    >>> from models import Categorical, Gaussian, Poisson
    >>> family = Independent(Gaussian, Poisson, Categorical)
    >>> list(family.layout()), family is Independent(Gaussian, Poisson, Categorical)
    (['mean_1', 'sd_1', 'rate_2', 'prob_3'], True)
    >>> Independent(Gaussian)
    Traceback (most recent call last):
    models.refusal.Refusal: Independent has one column; give two families or more, or Gaussian ...
    """
    for at, one in enumerate(families, 1):
        if not (isinstance(one, type) and hasattr(one, "takes")):
            raise Refusal(f"part {at} of Independent is {one!r}; give a family, such as Gaussian")
        if one.takes() == "table":
            raise Refusal(
                f"part {at} of Independent is {one.__name__}, which takes several columns; give a "
                "family of one column for each"
            )
        if shares_parameters(one):
            raise Refusal(
                f"part {at} of Independent is {one.__name__}, whose components share a parameter; "
                "give a family whose components do not"
            )
    if len(families) < 2:
        itself = f", or {families[0].__name__} itself" if families else ""
        raise Refusal(
            f"Independent has {'one column' if families else 'no columns'}; give two families or "
            f"more{itself}"
        )
    return _made(families)


@cache
def _made(families: tuple[type[Column], ...]) -> type[IndependentColumns]:
    """Return the class of some families."""
    title = f"Independent({', '.join(one.__name__ for one in families)})"
    names = [f"{name}_{at}" for at, one in enumerate(families, 1) for name in one.layout()]
    return titled(IndependentColumns, title, names, families=families)


@cache
def IndependentPrior(*families: type[Column]) -> type[ColumnsPrior]:  # noqa: N802 (as above)
    """Return the record of the prior of the same columns: their fields, with the column's number.

    >>> from models import Binomial, Poisson
    >>> IndependentPrior(Poisson, Binomial)._fields
    ('events_1', 'exposure_1', 'heads_2', 'tails_2')
    """
    names = [f"{name}_{at}" for at, one in enumerate(families, 1) for name in _names(one)]
    parts = f"({', '.join(one.__name__ for one in families)})"
    return titled(
        ColumnsPrior,
        f"IndependentPrior{parts}",
        names,
        families=families,
        prior_of=f"Independent{parts}",
    )


@cache
def _layout(families: tuple[type[Column], ...]) -> dict[str, Field]:
    """Return the fields of all columns; every step of EM asks for them."""
    found = {}
    for at, one in enumerate(families, 1):
        for name, field in one.layout().items():
            axes = (field.axes[0], *(f"{axis}_{at}" for axis in field.axes[1:]))
            found[f"{name}_{at}"] = field._replace(axes=axes, part=at)
    return found


def _names(family: type[Theta]) -> tuple[str, ...]:
    """Return the fields of the record of a family's prior."""
    names: tuple[str, ...] = record_of(family)._fields  # type: ignore[attr-defined]
    return names


class _Split:
    """A record whose fields are those of its columns, one after the other."""

    __slots__ = ()
    families: ClassVar[tuple[type[Column], ...]]

    if TYPE_CHECKING:  # that of the named tuple

        def _asdict(self) -> dict[str, Any]: ...

    def cut(self, kinds: Sequence[type]) -> list[Any]:
        """Return the parts, of these kinds."""
        values, found, used = list(self._asdict().values()), [], 0
        for kind in kinds:
            size = len(kind._fields)  # type: ignore[attr-defined]
            found.append(kind(*values[used : used + size]))
            used += size
        return found


class IndependentColumns(_Split):
    """A row of columns that are independent within a component: log p = sum_j log p_j.

    families: of the columns. Theta has their fields, with the number of the column.

    >>> from models import Binomial, Poisson
    >>> family = Independent(Poisson, Binomial)
    >>> theta = family(np.array([3.0, 1.0]), np.array([0.2, 0.9]))
    >>> theta.order(), theta.rate_1, parts_of(theta)[1]
    (array([1, 0]), array([3., 1.]), Binomial(prob=array([0.2, 0.9])))
    """

    __slots__ = ()

    @classmethod
    def layout(cls) -> dict[str, Field]:
        """The fields of each column, whose axes have its number as well."""
        return dict(_layout(cls.families))

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """What each column is."""
        each = dict.fromkeys(one.plain()[0] for one in cls.families)
        return f"a set of independent columns ({', '.join(each)})", "rows of several columns"

    @classmethod
    def takes(cls) -> Literal["table"]:
        """Several columns."""
        return "table"

    @classmethod
    def observe(cls, sample: Sample) -> None:
        """Every column is what its family takes."""
        if sample.trials is not None:
            raise Refusal("trials are given, but rows have several columns; leave trials out")
        many = len(cls.families)
        if not sample.table or sample.dimension != many:
            has = f"{sample.dimension} columns" if sample.table else "one column"
            raise Refusal(
                f"x has {has}, {cls.__name__} needs {many}; give a column for each family"
            )
        for at, one in enumerate(cls.families):
            if np.isnan(sample.x[:, at]).all():  # a few rows of many may have no value there
                continue
            column = sample.column(at, 1 if one.takes() == "heads" else None)
            with _called(at, sample.columns):
                _refuse_more_heads(one, column)
                one.observe(_of_several(one, column))

    @classmethod
    def weak_prior(cls, sample: Observations, k: int) -> ColumnsPrior:
        """Return the default of every column."""
        rows, found = _in_memory(cls, sample), []
        for at, (one, column) in enumerate(_each(cls, rows)):
            with _called(at, rows.columns):
                found.append(one.weak_prior(column, k))
        return _joined(IndependentPrior(*cls.families), found)

    @classmethod
    def common_priors(cls, sample: Observations, k: int) -> dict[str, tuple[float, ColumnsPrior]]:
        """Return those that go by one name in all columns."""
        each = [one.common_priors(column, k) for one, column in _each(cls, _in_memory(cls, sample))]
        shared = [name for name in each[0] if all(name in other for other in each)]
        record = IndependentPrior(*cls.families)
        return {
            name: (each[0][name][0], _joined(record, [one[name][1] for one in each]))
            for name in shared
        }

    @classmethod
    def draw_prior(
        cls, prior: ColumnsPrior, size: tuple[int, int], rng: np.random.Generator
    ) -> Self:
        """Draw the components of each column."""
        pairs = zip(cls.families, parts_of_prior(prior), strict=True)
        return _joined(cls, [one.draw_prior(own, size, rng) for one, own in pairs])

    def checked(self, k: int, d: tuple[int, ...]) -> Self:
        """Every column's are what its family takes."""
        found = []
        for at, (one, wide) in enumerate(zip(parts_of(self), d, strict=True), 1):
            try:
                found.append(one.checked(k, wide))
            except Refusal as problem:
                raise Refusal(f"column {at}: {problem}") from None
        return _joined(type(self), found)

    def columns(self) -> list[Column]:
        """Those of each column, as its own family has them."""
        return parts_of(self)

    def order(self) -> Labels:
        """By the order of the first column."""
        return parts_of(self)[0].order()

    def affine(self, scale: Array, shift: Array) -> Self:
        """Each column has a unit of its own."""
        return _joined(type(self), _moved(parts_of(self), scale, shift))

    def draw(self, labels: Labels, rng: np.random.Generator, trials: Array | None) -> Array:
        """Draw every column from the component that each label names."""
        return np.column_stack(
            [one.draw(labels, rng, _flips(one, labels)) for one in parts_of(self)]
        )

    def cumulative(self, x: Array, ends: Array, trials: Array | None) -> tuple[Array, Array]:
        """Each column's own; those before it say only which component it may be."""
        below, before = [], []
        height = np.zeros((len(next(iter(entries(self).values()))), len(x)))
        for at, one in enumerate(parts_of(self)):
            flips, seen = _flips(one, x), ~np.isnan(x[:, at])
            column = np.where(seen, x[:, at], 1.0)  # of a blank there is nothing, NaN
            own = one.cumulative(column, np.where(seen, ends[..., at], 1.0), flips)[0][0]
            before.append(height)
            below.append(np.where(seen, own, np.nan))
            height = height + np.where(seen, one.log_mass(column, flips), 0)
        return np.stack(below), np.stack(before)


class ColumnsPrior(_Split):
    """The priors of all columns: their fields, with the number of the column.

    >>> from models import Binomial, Poisson
    >>> Independent(Poisson, Binomial).weak_prior(Sample([[3, 0], [1, 1]]), 2)
    IndependentPrior(Poisson, Binomial)(events_1=0.0, exposure_1=0.5, heads_2=0.0, tails_2=0.0)
    """

    __slots__ = ()

    def checked(self, sample: Observations) -> Self:
        """Every column's own are what they have to be."""
        family = _made(self.families)
        columns = _each(family, _in_memory(family, sample))
        found = []
        for at, (own, (_, column)) in enumerate(zip(parts_of_prior(self), columns, strict=True), 1):
            try:
                found.append(own.checked(column))
            except Refusal as problem:
                raise Refusal(f"column {at}: {problem}") from None
        return _joined(type(self), found)

    def affine(self, scale: Array, shift: Array) -> Self:
        """Each column has a unit of its own."""
        return _joined(type(self), _moved(parts_of_prior(self), scale, shift))

    def widened(self, factor: float) -> Self:
        """Every column's own, widened."""
        return _joined(type(self), [own.widened(factor) for own in parts_of_prior(self)])


def parts_of(theta: IndependentColumns) -> list[Column]:
    """Return the parameters of each column, as its own family has them.

    >>> from models import Binomial, Poisson
    >>> parts_of(Independent(Poisson, Binomial)(np.array([3.0]), np.array([0.2])))
    [Poisson(rate=array([3.])), Binomial(prob=array([0.2]))]
    """
    return theta.cut(theta.families)


def parts_of_prior(prior: ColumnsPrior) -> list[ConjugatePrior]:
    """Return the prior of each column, as its own family has it.

    >>> from models import Binomial, Poisson
    >>> prior = Independent(Poisson, Binomial).weak_prior(Sample([[3, 0], [1, 1]]), 2)
    >>> parts_of_prior(prior)[1]
    BinomialPrior(heads=0.0, tails=0.0)
    """
    return prior.cut([record_of(one) for one in prior.families])


def _joined[R: _Split](kind: type[R], parts: Sequence[Any]) -> R:
    """Return the record of all parts."""
    made: Any = kind
    return cast("R", made(*(field for part in parts for field in part)))


def _moved(parts: Sequence[Any], scale: Array, shift: Array) -> list[Any]:
    """Return each part in the unit of its column."""
    each = enumerate(parts)
    return [one.affine(scale[at : at + 1], shift[at : at + 1]) for at, one in each]


def _flips(part: Any, rows: Array | Labels) -> Array | None:
    """Return one flip for each row if the part counts heads."""
    return np.ones(len(rows)) if part.takes() == "heads" else None


def _in_memory(family: type[IndependentColumns], sample: Observations) -> Sample:
    """Return the rows, or raise Refusal if they are elsewhere."""
    if not isinstance(sample, Sample):
        raise Refusal(
            f"{family.__name__} needs its rows in memory; take a random part of them "
            f"{both('em.subsample', '--some 20000')}"
        )
    return sample


def _each(
    family: type[IndependentColumns], sample: Sample
) -> Iterator[tuple[type[Column], Sample]]:
    """Yield the family and the rows of each column."""
    for at, one in enumerate(family.families):
        yield one, sample.column(at, 1 if one.takes() == "heads" else None)


@contextmanager
def _called(at: int, names: Sequence[str]) -> Iterator[None]:
    """Let a refusal of x say which column it is: by its name if columns have names."""
    try:
        yield
    except Refusal as problem:
        said = problem.both_ways.removeprefix("x")
        if ZEROS_BESIDE in said:
            said = f"{said.partition(ZEROS_BESIDE)[0]}; {NO_ZEROS}"
        if names:
            where = f"column {names[at]!r}"
        elif row := ROW.match(said):
            said, where = f", column {at}{said[row.end() :]}", f"x{row[0]}"
        else:
            where = f"x[:, {at}]"
        raise Refusal(f"{where}{said}") from None


def _of_several(family: type[Column], column: Sample) -> Sample:
    """Return labels with two names if all are 0: a few rows of many may be of one category.

    Where they would be estimated, `models.question.refuse_single_categories` refuses them.
    """
    alone = family.takes() == "labels" and len(column.categories) < 2 and column.high[0] == 0
    return column.named(("0", "1")) if alone else column


def _refuse_more_heads(family: type[Column], column: Sample) -> None:
    """Raise Refusal if a column of heads has anything but 0 and 1."""
    bad = ~np.isin(column.x, (0, 1))
    if family.takes() == "heads" and not column.categories and bad.any():
        row = column.first(bad)
        raise Refusal(
            f"x: row {row} (counted from 0) is {column.x[column.inverse[row]]:g}, which is neither "
            "0 nor 1; give yes/no answers as 0 and 1, or take another family"
        )


def read(text: str) -> type[IndependentColumns]:
    """Return the family of a title, from what stands between its parentheses.

    >>> read("Poisson, Categorical").__name__
    'Independent(Poisson, Categorical)'
    """
    return Independent(*(family_called(one) for one in arguments_of(text)))


def written(family: type[IndependentColumns]) -> tuple[str, frozenset[str]]:
    """Return how Python writes the family, and the names that this needs from `models`.

    >>> from models import Binomial
    >>> written(Independent(Binomial, Binomial))[0]
    'Independent(Binomial, Binomial)'
    """
    each = [spelt(one) for one in family.families]
    names = frozenset({Independent.__name__}).union(*(own for _, own in each))
    return f"{Independent.__name__}({', '.join(one for one, _ in each)})", names


def estimable(
    family: type[IndependentColumns], sample: Observations, names: Sequence[str] = ()
) -> None:
    """Raise Refusal if a column has no maximum, or doubles lose it.

    >>> from models import Gamma, Poisson
    >>> estimable(Independent(Poisson, Gamma), Sample([[1, 1e9], [2, 1e9 + 1]]), ["a", "b"])
    Traceback (most recent call last):
    models.refusal.Refusal: 'b' lies between 1000000000 and 1000000001: logarithms would ...
    """
    for at, (one, column) in enumerate(_each(family, _in_memory(family, sample))):
        refuse_inestimable_rows(one, column, [names[at]] if names else ())


def unidentified(
    family: type[IndependentColumns],
    sample: Observations,
    k: int,
    *,
    equal: bool,
    names: Sequence[str] = (),
) -> str:
    """Return why columns of labels do not identify k components; empty if they may.

    Necessary are three columns (Allman, Matias & Rhodes 2009), and no more free parameters than
    shares of cells (Goodman 1974). A column of numbers identifies components by itself. Labels of
    which (nearly) every one occurs once, such as numbers of customers, fit any groups perfectly.

    equal: whether all shares are held at 1 / k.

    >>> from models import Binomial
    >>> answers = Sample([[0, 1], [1, 0]])
    >>> unidentified(Independent(Binomial, Binomial), answers, 2, equal=False)[:43]
    '2 columns of labels do not identify 2 compo'
    """
    finite = all(one.takes() in ("labels", "heads") for one in family.families)
    if k == 1:
        return ""
    if said := _labels_that_number_rows(family, sample):
        return said
    if not finite:
        return ""
    lengths = zip(family.families, width(family, sample), strict=True)
    sizes = [2 if one.takes() == "heads" else wide for one, wide in lengths]
    many = len(sizes)
    if many < FEWEST:
        return (
            f"{many} columns of labels do not identify {k} components: at least {FEWEST} are "
            "needed (Allman, Matias and Rhodes 2009); add a column, or give 1 component"
        )
    each, known = sum(sizes) - many, prod(sizes) - 1
    free = k * each + (0 if equal else k - 1)
    if free <= known:
        return ""
    most = max(1, known // each if equal else (known + 1) // (each + 1))
    return (
        f"{many} columns of labels do not identify {k} components: these have {free:,} parameters, "
        f"and the table of all columns determines only {known:,} (Goodman 1974); add a column, or "
        f"give at most {most} component{'s' * (most > 1)}"
    )


def _labels_that_number_rows(family: type[IndependentColumns], sample: Observations) -> str:
    """Return which column has labels of which nearly every one occurs once; empty if none has."""
    if not isinstance(sample, Sample):
        return ""
    for at, one in enumerate(family.families):
        if one.takes() == "labels":
            column = sample.column(at)
            once = np.bincount(column.x.astype(np.intp), column.counts) == 1
            n = column.observations
            if n >= SHORT and once.sum() > MOST_ONCE * n:
                return (
                    f"{sample.called(at)} has {column.distinct:,} different labels in {n:,} rows, "
                    "and so says nothing about groups; leave it out"
                )
    return ""


MADE_OF_COLUMNS = Made(
    "Independent",
    IndependentColumns,
    read,
    lambda family: IndependentPrior(*family.families),
    written,
)
