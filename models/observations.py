"""Observations, wherever their rows are: in memory, on disk, or on the workers of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

import numpy as np

from models.sample import Sample, along_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from models.arrays import Array, Labels
    from models.sample import Part

__all__ = ["Observations", "OutOfCore", "Readable"]


class Observations(Protocol):
    """What EM needs of observations: a `Sample`, a `Stream` and `Scattered` rows provide it.

    >>> from models import Sample
    >>> rows: Observations = Sample([[1, 2], [3, 4]])
    >>> rows.dimension, rows.table, rows.each_once, rows.high
    (2, True, True, array([3., 4.]))
    """

    @property
    def dimension(self) -> int:
        """The number of columns of x."""
        ...

    @property
    def table(self) -> bool:
        """Whether x is a table, (n, d), rather than a column, (n,)."""
        ...

    @property
    def each_once(self) -> bool:
        """Whether every count is 1."""
        ...

    @property
    def seen_in_part(self) -> bool:
        """Whether some cells of a table were not seen: they are NaN."""
        ...

    @property
    def low(self) -> Array:
        """The smallest value of each column, (d,)."""
        ...

    @property
    def high(self) -> Array:
        """The largest value of each column, (d,)."""
        ...

    @property
    def observations(self) -> int:
        """The number of observations: the sum of the counts."""
        ...

    @property
    def distinct(self) -> int:
        """The number of rows read; of a `Sample`, the number of distinct rows."""
        ...

    @property
    def trials(self) -> Array | None:
        """The number of flips for each number of heads, None where rows are not heads."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, if they have some."""
        ...

    def with_columns(self, columns: Iterable[str]) -> Self:
        """Set the names of the columns, and return the rows."""
        ...

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the categories, if rows are labels with names."""
        ...

    @property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """The names of the categories of each column, (d,); empty for a column of numbers."""
        ...

    def total[R](self, task: Callable[[Readable], R]) -> R:
        """Return a task's result for all rows, summed over the places where rows are."""
        ...


@runtime_checkable
class Readable(Protocol):
    """Rows that this process can read: in memory or on its disk.

    >>> from models import Sample
    >>> rows: Readable = Sample([1, 2, 2])
    >>> rows.part(slice(1))
    Part(x=array([1.]), trials=None, counts=array([1.]))
    """

    def part(self, rows: slice) -> Part:
        """Return the rows of a slice."""
        ...

    def at(self, places: Labels) -> Part:
        """Return the rows at some indices, which may repeat."""
        ...

    def parts(self, size: int) -> Iterator[Part]:
        """Yield all rows, `size` at a time."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class OutOfCore:
    """A summary of rows that are not in memory; `em.fit` takes them as it takes a Sample.

    dimension: the number of columns.
    table: whether x is a table, (n, d), rather than a column, (n,).
    counted: whether each row has a count.
    low, high: (d,) the smallest and the largest value of each column.
    observations: the sum of the counts; without counts, the number of rows.
    fractional: (d,) a row with a number that is not whole, None if there is none.

    >>> one = np.ones(1)
    >>> OutOfCore(1, False, False, 0 * one, 9 * one, 10**6, 1.5 * one).extremes.x
    array([0. , 1.5, 9. ])
    """

    dimension: int
    table: bool
    counted: bool
    low: Array
    high: Array
    observations: int
    fractional: Array | None

    trials = None
    columns = ()  # their names, once they are said

    def with_columns(self, columns: Iterable[str]) -> Self:
        """Set the names of the columns, and return the rows."""
        object.__setattr__(self, "columns", tuple(columns))
        return self

    @property
    def categories(self) -> tuple[str, ...]:
        """Rows on disk are numbers."""
        return ()

    @property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """Rows on disk are numbers."""
        return ((),) * self.dimension

    @property
    def sample(self) -> Self:
        """The rows themselves, as they have no order."""
        return self

    @property
    def sizes(self) -> dict[str, int]:
        """Empty: shares have no axis but that of the components."""
        return {}

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The names of the columns of a table."""
        return along_columns(self.columns if self.table else ())

    @property
    def each_once(self) -> bool:
        """Whether every count is 1."""
        return not self.counted

    @property
    def seen_in_part(self) -> bool:
        """Rows that are not in memory have no blanks."""
        return False

    @property
    def extremes(self) -> Sample:
        """A few rows with the extreme values: a family that accepts these accepts all."""
        rows = np.array(
            [self.low, self.high, *([] if self.fractional is None else [self.fractional])]
        )
        return Sample(rows if self.table else rows[:, 0])

    def _summary(self, place: str) -> str:
        columns = "" if self.dimension == 1 else f" of {self.dimension} columns"
        return f"{type(self).__name__}({self.observations:,} observations{columns}, on {place})"
