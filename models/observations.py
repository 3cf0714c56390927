"""What was observed, wherever its rows are: in memory, on disk, on the workers of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from models.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.arrays import Array, Labels
    from models.sample import Part

__all__ = ["Observations", "OutOfCore", "Readable"]


class Observations(Protocol):
    """What EM needs to know of the rows: a `Sample`, a `Stream` or `Scattered` ones."""

    @property
    def dimension(self) -> int:
        """Columns of x."""
        ...

    @property
    def table(self) -> bool:
        """Whether a row is a row of a table, rather than one number."""
        ...

    @property
    def unit_counts(self) -> bool:
        """Whether every row occurred once."""
        ...

    @property
    def low(self) -> Array:
        """The least number of each column, (d,)."""
        ...

    @property
    def high(self) -> Array:
        """The largest number of each column, (d,)."""
        ...

    @property
    def observations(self) -> int:
        """How many observations there are, repeated rows included."""
        ...

    @property
    def distinct(self) -> int:
        """How many rows are read; where they are in memory, how many distinct ones there are."""
        ...

    @property
    def trials(self) -> Array | None:
        """The flips behind each number of heads, None where rows are not heads."""
        ...

    def total[R](self, task: Callable[[Readable], R]) -> R:
        """Return what a task finds in all rows; of rows in several places, the sum of it."""
        ...


@runtime_checkable
class Readable(Protocol):
    """Rows that this process can read: in memory or on its disk."""

    def part(self, rows: slice) -> Part:
        """Return some of the rows, by their places."""
        ...

    def at(self, places: Labels) -> Part:
        """Return the rows at places."""
        ...

    def parts(self, size: int) -> Iterator[Part]:
        """Yield all rows, so many at a time."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class OutOfCore:
    """What is known of rows that are not in memory; `em.fit` takes them as it takes a Sample.

    dimension: measurements in a row.
    table: whether a row of the data is a row of a table, rather than one number.
    counted: whether each row says how often it occurred.
    low, high: (d,) the least and the largest number of each column.
    observations: rows, each as often as it occurred.
    fractional: (d,) a row with a number that is not whole, None if there is none.
    """

    dimension: int
    table: bool
    counted: bool
    low: Array
    high: Array
    observations: int
    fractional: Array | None

    trials = None

    @property
    def unit_counts(self) -> bool:
        """Whether every row occurred once."""
        return not self.counted

    @property
    def extremes(self) -> Sample:
        """A few rows in which whatever a family would refuse shows."""
        rows = np.array(
            [self.low, self.high, *([] if self.fractional is None else [self.fractional])]
        )
        return Sample(rows if self.table else rows[:, 0])

    def _summary(self, place: str) -> str:
        columns = "" if self.dimension == 1 else f" of {self.dimension} columns"
        return f"{type(self).__name__}({self.observations:,} observations{columns}, on {place})"
