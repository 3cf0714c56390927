"""A sample: the distinct rows that were observed, and how often each occurred."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from models.arrays import LARGEST_WHOLE, spaced
from models.blanks import blank_as, differ, empty_rows, filled, said_of_blanks
from models.categories import coded, coded_table, recoded, refuse_codes
from models.refusal import Refusal
from models.summary import summary
from models.value_grid import cells_of, value_grid_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from models.arrays import Array, Numbers

__all__ = [
    "Part",
    "Sample",
    "along_columns",
    "checked_rows",
    "column_titles",
    "refuse",
    "sorted_rows",
]

LARGEST = 2.0**1020  # of a measurement, so that differences of differences do not overflow
ROUNDING = 1e-9  # relative, of a sum of weights that should be a whole number
SORT_UP_TO = 4_096  # rows: up to here no way is faster than sorting
ROWS_PER_CELL = 4  # with fewer rows per cell of the grid, sorting is faster


class Part(NamedTuple):
    """Some rows of a sample.

    x: (B,) or (B, d).
    trials: (B,), or None where rows are not numbers of heads.
    counts: (B,), or None where every row of the sample occurred once, which saves a pass.

    >>> Sample([2.5, 1.0, 2.5]).part(slice(1, 2))
    Part(x=array([2.5]), trials=None, counts=array([2.]))
    """

    x: Array
    trials: Array | None
    counts: Array | None


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Sample:
    """The distinct observations and their counts; nothing is rounded.

    In a table a cell may be blank, which means that it was not seen. Rows that are all blank say
    nothing and are dropped.

    x: (m,) or (m, d) distinct rows, sorted; NaN in cells of a table that were not seen.
    counts: (m,) how often each row occurred; doubles where counts are weights (`weighed`).
    trials: (m,) the number of flips for each number of heads, or None where rows are not heads.
    inverse: (n,) the index in x of each row, in the order in which rows were given.
    columns: (d,) the names of the columns, if x was a data frame, its column or an Arrow table.
    categories: the names of the categories, if x was labels; x are then their places in it.
    empty: how many rows were dropped because all of their cells are blank.
    levels: (d,) the names of the categories of each column, which is () for a column of numbers.

    >>> sample = Sample([2.5, 1.0, 2.5])
    >>> sample
    Sample(3 observations, 2 distinct)
    >>> sample.x, sample.counts, sample.inverse
    (array([1. , 2.5]), array([1, 2]), array([1, 0, 1], dtype=uint8))
    """

    x: Array
    counts: NDArray[np.int64] | Array
    trials: Array | None
    inverse: NDArray[np.unsignedinteger]
    columns: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    empty: int = 0
    levels: tuple[tuple[str, ...], ...] = ()

    def __init__(
        self,
        x: ArrayLike,
        trials: ArrayLike | None = None,
        counts: ArrayLike | None = None,
        *,
        categories: Iterable[object] | None = None,
        levels: Iterable[Iterable[object]] | None = None,
    ) -> None:
        """Check a column or a table of observations, and count its distinct rows.

        x: (n,) numbers, or (n, d) for d measurements a row: a list, an array, or a pandas, polars
            or Arrow column or table. With trials, x is the number of heads among them. A column
            of text is labels. NaN, None and masked cells of a table were not seen.
        trials: the number of flips for each x: one number for all rows, or (n,).
        counts: (n,) how often each row occurred; 1 by default.
        categories: the names of all categories, for labels of which some do not occur; x is then
            text, or codes 0, 1, ... of these names.
        levels: the same of each column of a table, empty for a column of numbers.
        """
        labels, names = (x, ()) if trials is not None else coded(x, categories)
        table, each = coded_table(labels, levels)
        values, flips, times = checked_rows(table, trials, counts, blanks=True)
        values, times, empty = _not_empty(values, times)
        if names:
            refuse_codes(values, names)
        if times is not None and not times.any():
            raise Refusal("counts are all zero; give at least one observation")
        if times is not None and times.sum() >= LARGEST_WHOLE:
            raise Refusal(f"counts sum to {times.sum():g}, beyond what a double counts exactly")
        self._fill(values, flips, times)
        object.__setattr__(self, "empty", empty)
        self.named(names, each).with_columns(column_titles(x, self))

    def _fill(self, values: Array, flips: Array | None, times: Array | None) -> None:
        """Count the distinct rows; counts that are not whole stay doubles."""
        distinct, inverse = _distinct(values if flips is None else np.column_stack([values, flips]))
        counts = np.bincount(inverse, times, minlength=len(distinct))
        whole = times is None or bool((times == np.rint(times)).all())
        fields: dict[str, Numbers | None] = {
            "x": distinct if flips is None else np.ascontiguousarray(distinct[:, 0]),
            "trials": None if flips is None else np.ascontiguousarray(distinct[:, 1]),
            "counts": counts.astype(np.int64) if whole else counts,
            "inverse": inverse,
        }
        self._keep(fields)

    def _keep(self, fields: Mapping[str, Numbers | None]) -> None:
        """Set the fields of this frozen record."""
        for name, field in fields.items():
            if field is not None:
                field.flags.writeable = False
            object.__setattr__(self, name, field)

    def named(self, categories: tuple[str, ...], levels: tuple[tuple[str, ...], ...] = ()) -> Self:
        """Set the names of the categories, and return the sample.

        >>> Sample([0, 1, 1]).named(("no", "yes")).categories
        ('no', 'yes')
        """
        object.__setattr__(self, "categories", categories)
        none = ((),) * (self.dimension - 1)
        object.__setattr__(self, "levels", levels or (categories, *none))
        return self

    def with_columns(self, columns: Iterable[str]) -> Self:
        """Set the names of the columns, and return the sample.

        >>> Sample([[170.0, 62.0]]).with_columns(["height", "weight"]).names["dimension"]
        ('height', 'weight')
        """
        object.__setattr__(self, "columns", tuple(columns))
        return self

    def with_rows(self, x: Array, trials: Array | None, counts: ArrayLike | None = None) -> Self:
        """Return a sample of other rows of the same kind, with the same names of categories.

        x: (n, ...); trials, counts: (n,).

        >>> Sample([[3, "no"], [4, "yes"]]).with_rows(np.array([[5.0, 1.0]]), None).levels
        ((), ('no', 'yes'))
        """
        named = bool(self.categories)
        other = type(self)(
            x,
            trials,
            counts,
            categories=self.categories if named else None,
            levels=None if named else self.levels,
        )
        return other.with_columns(self.columns)

    def coded_as(self, levels: tuple[tuple[str, ...], ...], labels: Sequence[bool]) -> Self:
        """Return the same rows with the codes that labels have among other names of categories.

        Each sample numbers the names that occur in it, so that "gold" alone is 0. Rows keep their
        places. Labels without names are codes already.

        levels: the names of the categories of each column, (d,).
        labels: whether each column is of labels; others stay as they are.

        >>> one = Sample([[50, "gold"]])
        >>> one.x, one.coded_as(((), ("basic", "gold")), [False, True]).x
        (array([[50.,  0.]]), array([[50.,  1.]]))
        """
        x, found = self.x.reshape(self.distinct, -1).copy(), list(self.levels)
        for at, (own, names) in enumerate(zip(self.levels, levels, strict=True)):
            if not labels[at]:
                continue
            seen = ~np.isnan(x[:, at])
            x[seen, at] = recoded(x[seen, at], own, names, self.called(at))
            found[at] = names
        arrays = {name: one for name, (_, one) in self.arrays().items()}
        same = type(self).from_arrays(arrays | {"x": x.reshape(self.x.shape)})
        return same.named(() if self.table else found[0], tuple(found))

    def called(self, at: int) -> str:
        """Return what a message calls a column.

        >>> Sample([1, 2]).called(0), Sample([[1, 2]]).called(1)
        ('x', 'x[:, 1]')
        """
        if self.columns:
            return f"column {self.columns[at]!r}"
        return f"x[:, {at}]" if self.table else "x"

    def column(self, at: int, flips: float | None = None) -> Self:
        """Return one column of a table where it was seen, with the rows as they were given.

        A row that was not seen stands where the row before it does.

        flips: behind each number of heads, if x is one.

        >>> Sample([[3, "no"], [4, "yes"], [4, "no"]]).column(1)
        Sample(3 labels, 2 categories)
        """
        seen = ~np.isnan(self.x[:, at])
        if not seen.any():
            raise Refusal(f"x[:, {at}] is blank in every row; leave it out")
        some = np.ascontiguousarray(self.x[seen, at])
        trials = None if flips is None else np.full(len(some), flips)
        one = self._of(some, trials, np.asarray(self.counts[seen], np.float64))
        places = np.zeros(self.distinct, np.intp)
        places[seen] = one.inverse
        known = np.where(seen[self.inverse], np.arange(len(self.inverse)), 0)
        object.__setattr__(one, "inverse", places[self.inverse][np.maximum.accumulate(known)])
        return one.named(self.levels[at]).with_columns(self.columns[at : at + 1])

    @classmethod
    def weighed(cls, x: ArrayLike, weights: ArrayLike, trials: ArrayLike | None = None) -> Self:
        """Return a sample of rows with weights: each row represents that many observations.

        x: (m,) numbers, or (m, d).
        weights: (m,) numbers above 0 with a whole sum.
        trials: as in `Sample`.

        >>> Sample.weighed([1.0, 2.0], [0.5, 2.5])
        Sample(3 observations, 2 distinct)
        """
        values, flips, _ = checked_rows(x, trials, None, blanks=True)
        given = _numbers("weights", weights)
        if given.shape != values.shape[:1]:
            raise Refusal(f"weights have shape {given.shape}; give one for each row of x")
        bad = ~((given > 0) & np.isfinite(given))
        refuse("weights", given, bad, "is not a finite number above 0; leave the row out")
        total = float(given.sum())
        if abs(total - round(total)) > ROUNDING * total or total < 1:
            raise Refusal(f"weights sum to {total:g}; give weights that sum to a whole number")
        return cls._of(values, flips, given)

    @classmethod
    def _of(cls, values: Array, flips: Array | None, times: Array) -> Self:
        """Return a sample of rows that are known to be valid."""
        self = cls.__new__(cls)
        self._fill(values, flips, times)
        return self.named(())

    @property
    def sample(self) -> Self:
        """The distinct rows: the sample itself, as its rows have no order.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.sample is sample
        True
        """
        return self

    @property
    def sizes(self) -> dict[str, int]:
        """Empty: shares have no axis but that of the components.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.sizes
        {}
        """
        return {}

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The names along axes that have some: of columns, and of the categories of each.

        >>> sample = Sample([[3, "no"], [4, "yes"], [4, None]])
        >>> sample.names
        {'category_2': ('no', 'yes')}
        """
        return along_columns(self.columns if self.table else ()) | self._categories_by_axis

    @property
    def _categories_by_axis(self) -> dict[str, tuple[str, ...]]:
        """The names of the categories: those of labels, or of each column of a table."""
        if not self.table:
            return {"category": self.categories} if self.categories else {}
        return {f"category_{at}": names for at, names in enumerate(self.levels, 1) if names}

    @property
    def unit_rows(self) -> NDArray[np.intp]:
        """The row of each unit, (m,): every distinct row is a unit.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.unit_rows
        array([0, 1])
        """
        return np.arange(self.distinct)

    @property
    def unit_counts(self) -> NDArray[np.int64] | Array:
        """How often each distinct row occurred, (m,).

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.unit_counts
        array([1, 2])
        """
        return self.counts

    def units_at(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the distinct row of the observations at some places.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.units_at(np.array([0, 1]))
        array([1, 0])
        """
        if np.array_equal(np.bincount(self.inverse, minlength=self.distinct), self.counts):
            return self.inverse[places].astype(np.intp)
        return np.searchsorted(np.cumsum(self.counts), places, side="right")

    def spelt(self, rows: str) -> str:
        """Return how Python writes such a sample.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.spelt("x")
        'Sample(x)'
        """
        return f"Sample({rows})"

    @property
    def extent(self) -> str:
        """How many rows have blanks; nothing if none has.

        >>> sample = Sample([[3, "no"], [4, "yes"], [4, None]])
        >>> sample.extent
        'with blanks in 1 of 3 rows (1 cell not seen)'
        """
        said = said_of_blanks(self.x, self.counts)
        rows = f"{self.empty:,} row{'s' * (self.empty > 1)}"
        dropped = f"{rows} dropped in which all is blank" if self.empty else ""
        return ", ".join(one for one in (said, dropped) if one)

    def titled(self, units: NDArray[np.intp]) -> list[str]:
        """Return the category or the values of some distinct rows.

        >>> sample = Sample([[3, "no"], [4, "yes"], [4, None]])
        >>> sample.titled(np.array([0, 1]))
        ['3,no', '4,yes']
        """
        if self.categories:
            return [self.categories[int(code)] for code in self.x[units]]
        rows = self.x.reshape(self.distinct, -1)[units]
        return [
            ",".join(
                names[int(value)] if names and not np.isnan(value) else f"{value:g}"
                for names, value in zip(self.levels, row, strict=True)
            )
            for row in rows
        ]

    def beside(self) -> list[str]:
        """Nothing: rows are in no sequence and in no group.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.beside()
        []
        """
        return []

    def groups(self) -> NDArray[np.intp]:
        """There is one: rows are in no groups.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.groups()
        array([0, 0])
        """
        return np.zeros(self.distinct, np.intp)

    def followers(self) -> NDArray[np.intp]:
        """There are none: rows have no order.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.followers()
        array([], dtype=int64)
        """
        return np.empty(0, np.intp)

    def spaced(self, most: int) -> Self:
        """Return at most `most` of the distinct rows, evenly spaced in their order.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.spaced(1).x
        array([1.])
        """
        return self.pick(spaced(self.distinct, most))

    @property
    def rows_in_order(self) -> NDArray[np.intp]:
        """The distinct row of each observation, (n,).

        Observations are in the order given if each was given once, otherwise by distinct row.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.rows_in_order
        array([1, 0, 1])
        """
        if len(self.inverse) == self.observations:
            return self.inverse.astype(np.intp)
        return np.repeat(np.arange(self.distinct), np.asarray(self.counts, np.int64))

    def like(self, x: Array) -> Self:
        """Return other values of as many observations, with the same trials, blank where these are.

        >>> Sample([2, 1], trials=[5, 9]).like(np.array([3.0, 0.0])).trials
        array([9., 5.])
        """
        rows = self.rows_in_order
        trials = None if self.trials is None else self.trials[rows]
        return self.with_rows(blank_as(x, self.x[rows]), trials)

    def stretches(self, n: int, rng: np.random.Generator) -> None:
        """There are none: rows have no order.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.stretches(2, np.random.default_rng(1))  # None
        """

    def blocks(self, size: int) -> Iterator[Self]:
        """Yield samples of the distinct rows, `size` rows at a time.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> [one.x for one in sample.blocks(1)]
        [array([1.]), array([2.5])]
        """
        for begin in range(0, self.distinct, size):
            yield self.pick(np.arange(begin, min(begin + size, self.distinct)))

    def representative(self, most: int) -> tuple[Self, Array]:
        """Return at most `most` rows, at quantiles of their order, and the weight of each, (u,).

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.representative(1)[1]
        array([3.])
        """
        total = np.cumsum(self.counts)
        if self.distinct <= most:
            return self.pick(np.arange(self.distinct)), self.counts.astype(np.float64)
        at = (np.arange(most) + 0.5) / most * total[-1]
        rows, times = np.unique(np.searchsorted(total, at), return_counts=True)
        return self.pick(rows), times * (total[-1] / most)

    def arrays(self) -> dict[str, tuple[tuple[str, ...], Numbers]]:
        """Return the axes and values of each field, by name.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> list(sample.arrays())
        ['x', 'counts', 'inverse']
        """
        columns = ("dimension",) if self.table else ()
        found: dict[str, tuple[tuple[str, ...], Numbers]] = {
            "x": (("row", *columns), self.x),
            "counts": (("row",), self.counts),
        }
        if self.trials is not None:
            found["trials"] = ("row",), self.trials
        if self.columns:
            found["columns"] = ("column",), np.array(self.columns)
        for axis, names in self._categories_by_axis.items():
            found[axis.replace("category", "categories")] = (axis,), np.array(names)
        found["inverse"] = ("given",), self.inverse
        if self.empty:
            found["empty"] = (), np.asarray(self.empty)
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Numbers]) -> Self:
        """Return the sample whose method `arrays` returned these values.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> arrays = {name: values for name, (_, values) in sample.arrays().items()}
        >>> Sample.from_arrays(arrays)
        Sample(3 observations, 2 distinct)
        """
        self = cls.__new__(cls)
        fields: dict[str, Numbers | None] = {"trials": None}
        fields["inverse"] = np.arange(len(arrays["counts"]))  # for files without the order
        names = {name: one for name, one in arrays.items() if name.startswith("categories")}
        apart = {*names, "empty", "columns"}
        given = {name: np.array(one) for name, one in arrays.items() if name not in apart}
        self._keep(fields | given)
        object.__setattr__(self, "empty", int(arrays.get("empty", np.zeros(()))))
        named = {name: tuple(str(one) for one in many) for name, many in names.items()}
        each = tuple(named.get(f"categories_{at + 1}", ()) for at in range(self.dimension))
        self.named(named.get("categories", ()), each if self.table else ())
        return self.with_columns(map(str, arrays.get("columns", ())))

    @property
    def observations(self) -> int:
        """The number of observations: the sum of the counts.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.observations
        3
        """
        return round(float(self.counts.sum()))

    @property
    def distinct(self) -> int:
        """The number of distinct rows.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.distinct
        2
        """
        return len(self.counts)

    @property
    def table(self) -> bool:
        """Whether x is a table, (m, d), rather than a column, (m,).

        >>> sample = Sample([[3, "no"], [4, "yes"], [4, None]])
        >>> sample.table
        True
        """
        return self.x.ndim == 2

    @property
    def dimension(self) -> int:
        """The number of columns of x.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.dimension
        1
        """
        return 1 if self.x.ndim == 1 else self.x.shape[1]

    @cached_property
    def seen_in_part(self) -> bool:
        """Whether some cells of the table were not seen.

        >>> sample = Sample([[3, "no"], [4, "yes"], [4, None]])
        >>> sample.seen_in_part
        True
        """
        return self.table and bool(np.isnan(self.x.min()))

    @property
    def _occurred(self) -> Array:
        """The (f, d) rows with a count above 0; a view of x if all are."""
        table = self.x.reshape(self.distinct, -1)
        return table if self.counts.min() > 0 else table[self.counts > 0]

    @cached_property
    def low(self) -> Array:
        """The smallest observed value of each column, (d,).

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.low
        array([1.])
        """
        smallest: Array = (np.fmin if self.seen_in_part else np.minimum).reduce(self._occurred)
        return smallest

    @cached_property
    def high(self) -> Array:
        """The largest observed value of each column, (d,).

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.high
        array([2.5])
        """
        largest: Array = (np.fmax if self.seen_in_part else np.maximum).reduce(self._occurred)
        return largest

    @cached_property
    def each_once(self) -> bool:
        """Whether every row occurred once.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.each_once
        False
        """
        return float(self.counts.min()) == float(self.counts.max()) == 1

    def part(self, rows: slice | NDArray[np.intp]) -> Part:
        """Return some of the distinct rows, by a slice or by their indices.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.part(slice(1)).x
        array([1.])
        """
        return Part(
            self.x[rows],
            None if self.trials is None else self.trials[rows],
            None if self.each_once else self.counts[rows].astype(np.float64),
        )

    def at(self, places: NDArray[np.intp]) -> Part:
        """Return the distinct rows at some indices, which may repeat.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.at(np.array([1, 1])).x
        array([2.5, 2.5])
        """
        return self.part(places)

    def total[R](self, task: Callable[[Sample], R]) -> R:
        """Return the task's result for all rows; `Scattered` rows sum it over the pieces.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.total(lambda rows: float(rows.counts.sum()))
        3.0
        """
        return task(self)

    def parts(self, size: int) -> Iterator[Part]:
        """Yield all distinct rows, `size` at a time.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> [one.x for one in sample.parts(1)]
        [array([1.]), array([2.5])]
        """
        for begin in range(0, self.distinct, size):
            yield self.part(slice(begin, begin + size))

    def expand[D: np.generic](self, values: NDArray[D]) -> NDArray[D]:
        """Return values (n, ...) in the order in which rows were given.

        values: (m, ...) of the distinct rows.

        >>> Sample([2.5, 1.0, 2.5]).expand(np.array([0.1, 0.9]))
        array([0.9, 0.1, 0.9])
        """
        expanded: NDArray[D] = values[self.inverse]
        return expanded

    def pick(self, rows: NDArray[np.intp]) -> Self:
        """Return the sample of some of the distinct rows, given by their indices.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.pick(np.array([1]))
        Sample(2 observations, 1 distinct)
        """
        flips = None if self.trials is None else self.trials[rows]
        if self.counts.dtype.kind == "f":
            some = self._of(self.x[rows], flips, np.asarray(self.counts[rows], np.float64))
            return some.named(self.categories, self.levels).with_columns(self.columns)
        return self.with_rows(self.x[rows], flips, self.counts[rows])

    def first(self, bad: NDArray[np.bool_]) -> int:
        """Return the index of the first row, as given, whose distinct row is marked in (m,) bad.

        >>> sample = Sample([2.5, 1.0, 2.5])
        >>> sample.first(np.array([True, False]))
        1
        """
        return int(np.argmax(bad[self.inverse]))

    def __repr__(self) -> str:
        columns = "" if self.x.ndim == 1 else f" of {self.dimension} columns"
        flips = "" if self.trials is None else ", with trials"
        if self.categories:
            return f"Sample({self.observations:,} labels, {len(self.categories):,} categories)"
        size = f"{self.observations:,} observations{columns}, {self.distinct:,} distinct"
        return f"Sample({size}{flips})"

    def _repr_html_(self) -> str:
        return summary(repr(self), self)


def along_columns(columns: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the names of columns along each axis that counts columns; empty without names.

    >>> along_columns(("height", "weight"))["dimension"]
    ('height', 'weight')
    """
    return dict.fromkeys(("column", "dimension", "dimension_bis"), columns) if columns else {}


def column_titles(x: object, sample: Sample) -> tuple[str, ...]:
    """Return the names of the columns of a data frame, its column or an Arrow table; empty if none.

    >>> column_titles([[1.0, 2.0]], Sample([[1.0, 2.0]]))
    ()
    """
    if not sample.table:
        name = getattr(x, "name", None)
        return (name,) if name and isinstance(name, str) else ()
    arrow = hasattr(type(x), "column_names")  # of its tables `columns` are the columns themselves
    titles = getattr(x, "column_names" if arrow else "columns", ())
    titles = getattr(getattr(x, "dtype", None), "names", None) or titles  # of a structured array
    named = tuple(one for one in titles if isinstance(one, str))
    return named if len(named) == sample.dimension else ()


def _not_empty(values: Array, times: Array | None) -> tuple[Array, Array | None, int]:
    """Return rows and counts without rows that are all blank, and how many these are."""
    empty = empty_rows(values)
    if empty.all():
        raise Refusal("x: every cell is blank; give at least one observation")
    if not empty.any():
        return values, times, 0
    dropped = np.count_nonzero(empty) if times is None else times[empty].sum()
    return values[~empty], None if times is None else times[~empty], int(dropped)


def checked_rows(
    x: ArrayLike, trials: ArrayLike | None, counts: ArrayLike | None, *, blanks: bool = False
) -> tuple[Array, Array | None, Array | None]:
    """Return x, trials and counts as doubles, or raise Refusal that names the first bad row.

    blanks: whether cells of a table may be blank; they are NaN then.

    >>> checked_rows([1, 2], trials=3, counts=None)
    (array([1., 2.]), array([3., 3.]), None)
    >>> checked_rows([1, 2], None, counts=[1])
    Traceback (most recent call last):
    models.refusal.Refusal: counts has shape (1,), x has 2 rows; give one for each row
    """
    values = _numbers("x", filled(x) if blanks and trials is None else x)
    if values.ndim not in (1, 2):
        raise Refusal(f"x has {values.ndim} dimensions; give (n,) or (n, d) numbers")
    if values.size == 0:
        raise Refusal("x is empty; give at least one observation")
    if not (values.min() >= -LARGEST and values.max() <= LARGEST):  # NaN is neither
        blank = np.isnan(values) & (blanks and values.ndim == 2)
        if blank.any():
            values = np.where(blank, np.nan, values)  # all of the same bits
        bad = ~(np.isfinite(values) | blank)
        refuse("x", values, bad, "is not finite; remove or impute such rows")
        refuse(
            "x",
            values,
            np.abs(values) > LARGEST,
            "is so large that differences may leave the range of doubles; divide by a power of ten",
        )
    flips = None if trials is None else _flips(values, trials)
    times = None if counts is None else _whole("counts", counts, len(values), 0)
    return values, flips, times


def refuse(field: str, values: Array, bad: NDArray[np.bool_], remedy: str) -> None:
    """Raise Refusal that names the field, the first bad row (from 0) and the remedy.

    >>> refuse("x", np.array([1.0, -2.0]), np.array([False, True]), "is below 0; drop it")
    Traceback (most recent call last):
    models.refusal.Refusal: x: row 1 (counted from 0) is -2, which is below 0; drop it
    """
    if bad.any():
        place = tuple(int(index) for index in np.argwhere(bad)[0])
        raise Refusal(f"{field}: {_where(place)} is {values[place]:g}, which {remedy}")


def _where(place: tuple[int, ...]) -> str:
    """Name the row, and in a table the column."""
    row = f"row {place[0]} (counted from 0)" if place else "the value"
    return row if len(place) < 2 else f"{row}, column {place[1]}"


def _numbers(field: str, given: ArrayLike) -> Array:
    """Return the values as doubles, unrounded, or raise Refusal that names the first bad row."""
    if isinstance(given, Iterator | AbstractSet | Mapping):
        raise Refusal(f"{field} is a {type(given).__name__}; give a list or an array")
    if np.ma.is_masked(given):
        row = int(np.argwhere(np.ma.getmaskarray(given))[0][0])
        raise Refusal(f"{field}: row {row} (counted from 0) is masked; remove or impute it")
    try:
        values = np.asarray(given)
    except ValueError as problem:
        raise Refusal(f"{field} is ragged: give rows of one length ({problem})") from None
    if values.dtype.kind in "OUS":
        values = _unboxed(field, np.asarray(given, dtype=object))
    if values.dtype.kind not in "fiub":
        raise Refusal(
            f"{field}: row 0 (counted from 0) is {values.ravel()[:1].tolist()}, which is of type "
            f"{values.dtype}, not a number; convert the column to numbers"
        )
    doubles = np.asarray(values, np.float64, order="C")
    if values.dtype.kind == "f" and values.dtype.itemsize > doubles.itemsize:
        refuse(field, doubles, doubles != values, "a double cannot hold exactly; round it")
    if values.dtype.kind in "iu" and values.size:
        refuse(
            field,
            doubles,
            np.abs(doubles) >= LARGEST_WHOLE,
            "a double cannot hold exactly; subtract an offset",
        )
    return doubles


def _unboxed(field: str, values: NDArray[np.object_]) -> Array:
    """Return Python objects as doubles, or raise Refusal for text and missing values."""
    for place, value in np.ndenumerate(values):
        if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
            raise Refusal(
                f"{field}: {_where(place)} is {value!r}, which is not a number; "
                "convert it to a number or remove the row"
            )
    doubles = values.astype(np.float64)
    whole = np.array([isinstance(value, int) for value in values.flat]).reshape(values.shape)
    inexact = whole & (np.abs(doubles) >= LARGEST_WHOLE)
    refuse(field, doubles, inexact, "a double cannot hold exactly; subtract an offset")
    return doubles


def _whole(field: str, given: ArrayLike, n: int, least: int) -> Array:
    """Return (n,) whole numbers from `least` up."""
    values = _numbers(field, given)
    if values.shape != (n,):
        raise Refusal(f"{field} has shape {values.shape}, x has {n} rows; give one for each row")
    refuse(field, values, ~np.isfinite(values), "is not finite; give a whole number")
    refuse(field, values, values != np.rint(values), "is not a whole number; give one")
    refuse(field, values, values >= LARGEST_WHOLE, "a double cannot count exactly; give fewer")
    refuse(field, values, values < least, f"is below {least}; give a whole number from {least} up")
    return values


def _flips(heads: Array, trials: ArrayLike) -> Array:
    """Return (n,) trials, each at least the number of heads."""
    if heads.ndim != 1:
        raise Refusal("x is a table; with trials give one column of heads")
    one_for_all = np.ndim(trials) == 0
    given = np.full(len(heads), trials) if one_for_all else trials
    flips = _whole("trials", given, len(heads), 1)
    refuse("x", heads, heads < 0, "is below 0; give the number of heads")
    refuse("x", heads, heads != np.rint(heads), "is not a whole number; give the number of heads")
    refuse("x", heads, heads > flips, "is more heads than trials; check the two columns")
    return flips


def _distinct(rows: Array) -> tuple[Array, NDArray[np.unsignedinteger]]:
    """Return the sorted distinct rows, and the index of each row among them."""
    table = rows.reshape(len(rows), -1)
    found = _by_grid(table) if len(table) > SORT_UP_TO else None
    distinct, inverse = _by_sorting(table) if found is None else found
    return distinct.reshape(-1, *rows.shape[1:]), inverse


def sorted_rows(table: Array) -> tuple[NDArray[np.intp], Array, NDArray[np.bool_]]:
    """Return the order that sorts rows (n, d), the sorted rows, and which of these are new.

    >>> sorted_rows(np.array([[2.0], [1.0], [2.0]]))[2]
    array([ True,  True, False])
    """
    order = np.argsort(table[:, 0]) if table.shape[1] == 1 else np.lexsort(table.T[::-1])
    ranked = table[order]
    new = np.ones(len(table), np.bool_)
    new[1:] = differ(ranked[1:], ranked[:-1]).any(axis=1)
    return order, ranked, new


def _by_sorting(table: Array) -> tuple[Array, NDArray[np.unsignedinteger]]:
    order, ranked, new = sorted_rows(table)
    distinct = ranked[new]
    inverse = np.empty(len(table), np.min_scalar_type(len(distinct)))
    inverse[order] = np.cumsum(new) - 1
    return distinct, inverse


def _by_grid(table: Array) -> tuple[Array, NDArray[np.unsignedinteger]] | None:
    """Return the same as `_by_sorting`, about 30 times as fast; None if rows are off a grid."""
    grid = value_grid_of(table, len(table) // ROWS_PER_CELL)
    if grid is None:
        return None
    cells = np.empty(len(table), np.min_scalar_type(grid.cells))
    seen = np.zeros(grid.cells, np.bool_)
    for part, (cell, fits) in cells_of(grid, table):
        if fits is not None:
            return None
        seen[cell] = True
        cells[part] = cell
    places = np.flatnonzero(seen)
    number = np.zeros(grid.cells, np.min_scalar_type(len(places)))
    number[places] = np.arange(len(places))
    return grid.rows(places), number[cells]
