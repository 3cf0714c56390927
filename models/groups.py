"""Rows, each in a group of its own kind: the words of documents, the heights of villages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from models.arrays import spaced
from models.blanks import absent, blank_as, empty_rows
from models.categories import coded, coded_table, refuse_codes
from models.refusal import Refusal, both
from models.sample import Sample, checked_rows, column_titles, refuse
from models.summary import summary
from models.totals import refuse_sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array

    from models.arrays import Array, Labels, Numbers

__all__ = ["Groups"]

MOST_GROUPS = 500_000  # more of them are a column that numbers the rows
OWN = ("places", "times", "ends", "titles", "lines")  # names of arrays that are not the sample's


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Groups:
    """Observations in groups, such as words in documents; a cell is a distinct row of a group.

    sample: the distinct rows of all groups together.
    places: (c,) index in the sample of each cell; the cells of a group follow one another.
    times: (c,) how often each cell occurred, at least once; whole unless weighed.
    ends: (G,) where the cells of each group end; those of the next one begin there.
    titles: (G,) the names of the groups.
    lines: (n,) the cell of each row, in the order in which rows were given.

    >>> words = Groups(["to", "be", "or", "to", "be"], ["a", "a", "a", "b", "b"])
    >>> words
    Groups(5 rows in 2 groups, 3 categories)
    >>> words.titles, words.ends, words.times
    (('a', 'b'), array([3, 5]), array([1, 1, 1, 1, 1]))
    """

    sample: Sample
    places: NDArray[np.intp]
    times: Array | NDArray[np.int64]
    ends: NDArray[np.intp]
    titles: tuple[str, ...]
    lines: NDArray[np.intp]

    def __init__(
        self,
        x: ArrayLike,
        group: ArrayLike,
        counts: ArrayLike | None = None,
        trials: ArrayLike | None = None,
        *,
        categories: Iterable[object] | None = None,
    ) -> None:
        """Check rows and their groups, and count the distinct rows of each group.

        x: (n,) numbers, (n, d), or labels, as `Sample` takes them.
        group: (n,) the name of the group of each row, text or whole numbers. Groups keep the order
            in which they first occur.
        counts: (n,) how often each row occurred; 1 by default. Rows that did not occur are left
            out, and so are rows that are all blank.
        trials: the number of flips for each x: one number for all rows, or (n,).
        categories: the names of all categories, as `Sample` takes them, if x is labels.
        """
        if isinstance(x, Sample):
            raise Refusal("x is a Sample, whose rows have no groups; give the rows one by one")
        labels, names = (x, ()) if trials is not None else coded(x, categories)
        table, levels = coded_table(labels)
        rows, flips, counted = checked_rows(table, trials, counts, blanks=True)
        if names:
            refuse_codes(rows, names)
        codes, titles = _named_groups(group, len(rows))
        if counted is None:
            counted = np.ones(len(rows))
        dropped = empty_rows(rows)
        empty = int(counted[dropped].sum())
        counted = np.where(dropped, 0, counted)
        _refuse_titles(titles, np.bincount(codes, counted, minlength=len(titles)))
        seen = np.flatnonzero(counted)
        self._fill(rows, flips, counted, codes, seen, titles, names, levels)
        object.__setattr__(self.sample, "empty", empty)
        self.sample.with_columns(column_titles(x, self.sample))

    def _fill(
        self,
        rows: Array,
        flips: Array | None,
        counted: Array,
        codes: Labels,
        seen: Labels,
        titles: tuple[str, ...],
        names: tuple[str, ...],
        levels: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        """Count the cells among the rows that were seen."""
        own, each = None if flips is None else flips[seen], None if names else levels
        sample = Sample(rows[seen], own, counted[seen], categories=names or None, levels=each)
        keys = codes[seen] * sample.distinct + sample.inverse.astype(np.int64)
        cells, lines = np.unique(keys, return_inverse=True)
        times = np.bincount(lines, counted[seen], minlength=len(cells)).astype(np.int64)
        whose, places = np.divmod(cells, sample.distinct)
        ends = np.searchsorted(whose, np.arange(len(titles)), side="right")
        self._keep(sample, places, times, ends, titles, lines)

    @classmethod
    def _counted(
        cls,
        rows: Array,
        flips: Array | None,
        codes: Labels,
        titles: tuple[str, ...],
        names: tuple[str, ...],
        levels: tuple[tuple[str, ...], ...],
    ) -> Self:
        """Return groups of rows that are known to be valid, each of which occurred once."""
        self, n = cls.__new__(cls), len(rows)
        self._fill(rows, flips, np.ones(n), codes, np.arange(n), titles, names, levels)
        return self

    @classmethod
    def _of(
        cls,
        sample: Sample,
        places: Labels,
        times: Array | NDArray[np.int64],
        ends: Labels,
        titles: tuple[str, ...],
        lines: Labels,
    ) -> Self:
        """Return groups of cells that are known to be valid."""
        self = cls.__new__(cls)
        self._keep(sample, places, times, ends, titles, lines)
        return self

    def _keep(
        self,
        sample: Sample,
        places: Labels,
        times: Array | NDArray[np.int64],
        ends: Labels,
        titles: tuple[str, ...],
        lines: Labels,
    ) -> None:
        """Set the fields of this frozen record."""
        fields: dict[str, Any] = {
            "places": np.asarray(places, np.intp),
            "times": times,
            "ends": np.asarray(ends, np.intp),
            "lines": np.asarray(lines, np.intp),
        }
        for field in fields.values():
            field.flags.writeable = False
        for name, field in (fields | {"sample": sample, "titles": titles}).items():
            object.__setattr__(self, name, field)

    @classmethod
    def from_table(
        cls,
        table: Any,
        *,
        groups: Sequence[object] | None = None,
        categories: Sequence[object] | None = None,
    ) -> Self:
        """Return the groups of a table of counts: a row a group, a column a category.

        table: a pandas data frame, such as a crosstab, a matrix of `scipy.sparse`, or (G, V)
            numbers. Cells of 0 cost nothing.
        groups: the names of the rows; by default those of a data frame, otherwise numbers from 0.
        categories: the names of the columns, likewise. They may name categories that do not occur,
            such as words of a fit that new texts lack: columns of a data frame are found by name
            if all of them are named.

        >>> Groups.from_table([[3, 0], [1, 2]], categories=["well", "ill"])
        Groups(6 rows in 2 groups, 2 categories)
        """
        g, v, whose, what, counted = _cells_of(table)
        framed = hasattr(table, "columns")
        titles = _titles("groups", table.index if framed and groups is None else groups, g)
        v, what, names = _columns_of(table.columns if framed else None, categories, v, what)
        for axis, size, at, called in (
            ("row", g, whose, titles),
            ("column", v, what, names),
        ):
            sums = np.bincount(at, counted, minlength=size)
            if (sums == 0).any() and (axis == "row" or categories is None):
                name = called[int(sums.argmin())]
                raise Refusal(f"{axis} {name!r} of the table is empty; leave it out")
            refuse_sums(axis, called, at, what if axis == "row" else whose, counted)
        _refuse_titles(titles, np.bincount(whose, counted, minlength=g))
        self = cls.__new__(cls)
        order = np.lexsort([what, whose])
        whose, what, counted = whose[order], what[order], counted[order]
        self._fill(
            what.astype(np.float64), None, counted, whose, np.arange(len(what)), titles, names
        )
        return self

    @classmethod
    def from_cells(
        cls,
        x: Array,
        places: NDArray[np.signedinteger],
        whose: NDArray[np.signedinteger],
        times: NDArray[np.int64],
        titles: Sequence[str],
        *,
        trials: Array | None = None,
        categories: Sequence[str] = (),
    ) -> Self:
        """Return groups of cells that have been counted, such as those of a long file.

        x: (m,) or (m, d) distinct rows; for labels the codes of their categories.
        places, whose: (c,) the row and the group of each cell; no cell occurs twice.
        times: (c,) how often each cell occurred; those that did not are left out.
        titles: (G,) the names of the groups.
        trials: (m,) the number of flips for each row of x.
        categories: the names of all categories, if x is labels.

        >>> cells = {"places": [1, 0, 1], "whose": [0, 1, 1], "times": [3, 1, 2]}
        >>> arrays = {name: np.array(one) for name, one in cells.items()}
        >>> Groups.from_cells(np.array([4.0, 5.0]), **arrays, titles=["a", "b"])
        Groups(6 rows in 2 groups, 2 distinct)
        """
        totals, often = np.zeros(len(titles), np.int64), np.zeros(len(x), np.int64)
        np.add.at(totals, whose, times)  # np.bincount would copy the cells, which may be many
        np.add.at(often, places, times)
        _refuse_titles(titles, totals)
        _refuse_strangers(titles, totals)
        if not times.all():
            seen = np.flatnonzero(times)
            places, whose, times = places[seen], whose[seen], times[seen]
        used = np.flatnonzero(often)
        flips = None if trials is None else trials[used]
        few = Sample(x[used], flips, often[used], categories=categories or None)
        rank = np.zeros(len(x), few.inverse.dtype)
        rank[used] = few.inverse
        given = rank[places]
        arrays = {name: one for name, (_, one) in few.arrays().items()}
        sample = Sample.from_arrays(arrays | {"inverse": given})
        order = _sorting(whose, given, sample.distinct)
        lines = np.empty(len(order), np.intp)
        lines[order] = np.arange(len(order), dtype=np.int32)
        ends = np.cumsum(np.bincount(whose, minlength=len(titles)))
        return cls._of(
            sample, given[order].astype(np.intp), times[order], ends, tuple(titles), lines
        )

    def refuse_inestimable(self) -> None:
        """Raise Refusal if components cannot be estimated from these groups alone.

        Groups that are folded into a fit may be one only, or of one row each.

        >>> Groups(["to", "be", "or"], [1, 1, 2]).refuse_inestimable()  # two groups can be
        """
        _refuse_strangers(self.titles, self.totals)

    @classmethod
    def alone(cls, sample: Sample, title: str = "new") -> Self:
        """Return all rows of a sample as one group; a fit needs two, new rows may be one.

        >>> Groups.alone(Sample([5, 3, 5]))
        Groups(3 rows in 1 group, 2 distinct)
        """
        cells, end = np.arange(sample.distinct), np.array([sample.distinct])
        lines = sample.inverse.astype(np.intp)
        return cls._of(sample, cells, sample.counts.copy(), end, (title,), lines)

    def to_table(self) -> csr_array:
        """Return the table of counts of labels, a row a group and a column a category, sparse.

        >>> Groups.from_table([[3, 0], [1, 2]]).to_table().toarray()
        array([[3, 0],
               [1, 2]])
        """
        from scipy.sparse import csr_array  # at the top it would slow `import em`

        codes = self.sample.x[self.places].astype(np.int32)
        wide = len(self.sample.categories) or int(codes.max()) + 1
        ends = np.concatenate([[0], self.ends]).astype(np.int32)
        return csr_array((self.times, codes, ends), shape=(len(self.ends), wide))

    @property
    def sizes(self) -> dict[str, int]:
        """The number of groups.

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.sizes
        {'group': 2}
        """
        return {"group": len(self.ends)}

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The names of the groups, and of the categories if rows are labels with names.

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.names
        {'group': ('a', 'b')}
        """
        return {"group": self.titles} | self.sample.names

    @cached_property
    def begins(self) -> NDArray[np.intp]:
        """Where the cells of each group begin, (G,).

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.begins
        array([0, 1])
        """
        return np.concatenate([[0], self.ends[:-1]])

    @cached_property
    def whose(self) -> NDArray[np.intp]:
        """The group of each cell, (c,).

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.whose
        array([0, 1, 1])
        """
        return np.repeat(np.arange(len(self.ends)), np.diff(self.ends, prepend=0))

    @cached_property
    def totals(self) -> Array:
        """The number of observations of each group, (G,).

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.totals
        array([1., 3.])
        """
        return np.bincount(self.whose, self.times, minlength=len(self.ends)).astype(np.float64)

    @property
    def unit_rows(self) -> NDArray[np.intp]:
        """The distinct row of each cell, (c,).

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.unit_rows
        array([1, 0, 1])
        """
        return self.places

    @property
    def unit_counts(self) -> Array | NDArray[np.int64]:
        """How often each cell occurred, (c,).

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.unit_counts
        array([1, 1, 2])
        """
        return self.times

    def units_at(self, places: Labels) -> NDArray[np.intp]:
        """Return the cell of the observations at some places.

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.units_at(np.array([0, 3]))
        array([0, 2])
        """
        if len(self.lines) == self.sample.observations:
            return self.lines[places]
        cells = np.argsort(self.places, kind="stable")
        return cells[np.searchsorted(np.cumsum(self.times[cells]), places, side="right")]

    def groups_at(self, places: Labels) -> NDArray[np.intp]:
        """Return the group of the observations at some places.

        Observations are in the order given if each was given once, otherwise by distinct row.

        >>> Groups([5, 3, 5], ["a", "b", "b"]).groups_at(np.array([0, 1]))
        array([0, 1])
        >>> Groups([5, 3], ["a", "b"], counts=[2, 2]).groups_at(np.array([0, 2]))
        array([1, 0])
        """
        return self.whose[self.units_at(places)]

    def spelt(self, rows: str) -> str:
        """Return how Python writes such groups.

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.spelt("x")
        'Groups(x, group)'
        """
        return f"Groups({rows}, group)"

    @property
    def extent(self) -> str:
        """The number of groups, and of rows with blanks.

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.extent
        'in 2 groups'
        """
        blanks = self.sample.extent
        return f"in {len(self.ends):,} groups{', ' * bool(blanks)}{blanks}"

    def titled(self, units: Labels) -> list[str]:
        """Return group and row of some cells.

        >>> Groups(["to", "be", "be"], ["a", "a", "b"]).titled(np.array([0, 2]))
        ['a, be', 'b, be']
        """
        rows = self.sample.titled(self.places[units])
        groups = (self.titles[one] for one in self.whose[units])
        return [f"{group}, {row}" for group, row in zip(groups, rows, strict=True)]

    def beside(self) -> list[str]:
        """The name of the group of each row, as rows were given.

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.beside()
        ['a', 'b', 'b', 'b']
        """
        return [self.titles[one] for one in self.whose[self.lines].tolist()]

    def groups(self) -> NDArray[np.intp]:
        """The group of each cell.

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.groups()
        array([0, 1, 1])
        """
        return self.whose

    def followers(self) -> NDArray[np.intp]:
        """There are none: rows have no order.

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.followers()
        array([], dtype=int64)
        """
        return np.empty(0, np.intp)

    def spaced(self, most: int) -> Self:
        """Return at most `most` of the cells, evenly spaced; no group is left out of the count.

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.spaced(2)
        Groups(3 rows in 2 groups, 1 distinct)
        """
        return self.pick(spaced(len(self.places), most))

    def like(self, x: Array) -> Self:
        """Return other values, as many in each group.

        >>> Groups([5, 3, 5], ["a", "b", "b"]).like(np.array([1.0, 2.0, 2.0])).times
        array([1, 2])
        """
        sample, rows = self.sample, self.sample.rows_in_order
        trials = None if sample.trials is None else sample.trials[rows]
        codes = self.groups_at(np.arange(len(x)))
        x = blank_as(x, sample.x[rows])
        return self._counted(x, trials, codes, self.titles, sample.categories, sample.levels)

    def blocks(self, size: int) -> Iterator[Self]:
        """Yield `size` cells at a time, with all groups.

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> [len(one.times) for one in pages.blocks(2)]
        [2, 1]
        """
        for begin in range(0, len(self.places), size):
            yield self.pick(np.arange(begin, min(begin + size, len(self.places))))

    def expand[D: np.generic](self, values: NDArray[D]) -> NDArray[D]:
        """Return values (n, ...) for the rows as given from values (c, ...) for the cells.

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.expand(np.array([0.1, 0.2, 0.3]))
        array([0.1, 0.2, 0.3, 0.3])
        """
        expanded: NDArray[D] = values[self.lines]
        return expanded

    def representative(self, most: int) -> tuple[Self, Array]:
        """Return at most `most` cells, at quantiles of their order, and their weights, (c,).

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> pages.representative(2)[1]
        array([2., 2.])
        """
        if len(self.places) <= most:
            return self, self.times.astype(np.float64)
        total = np.cumsum(self.times)
        at = (np.arange(most) + 0.5) / most * total[-1]
        cells, often = np.unique(np.searchsorted(total, at), return_counts=True)
        return self.pick(cells), often * (total[-1] / most)

    def stretches(self, n: int, rng: np.random.Generator) -> Self:
        """Return whole groups in random order, n rows or a few more, and at least two groups.

        >>> words = Groups(np.arange(100) % 7, np.arange(100) // 10)
        >>> words.stretches(25, np.random.default_rng(1))
        Groups(30 rows in 3 groups, 7 distinct)
        """
        order = rng.permutation(len(self.ends))
        enough = int(np.searchsorted(np.cumsum(self.totals[order]), n)) + 1
        return self.only(np.sort(order[: max(enough, 2)]))

    def pick(self, cells: Labels) -> Self:
        """Return some of the cells, by their sorted indices, in the same groups.

        >>> words = Groups(["to", "be", "or", "to", "be"], ["a", "a", "a", "b", "b"])
        >>> words.pick(np.array([0, 1])).ends
        array([2, 2])
        """
        picked = self.sample.pick(np.unique(self.places[cells]))
        return self._some(picked, cells, np.searchsorted(cells, self.ends), self.titles)

    def only(self, groups: Labels) -> Self:
        """Return some of the groups, by their sorted indices, with all of their rows.

        >>> words = Groups(["to", "be", "or", "to", "be"], ["a", "a", "a", "b", "b"])
        >>> words.only(np.array([1]))
        Groups(2 rows in 1 group, 3 categories)
        """
        cells = np.flatnonzero(np.isin(self.whose, groups))
        sample, places = self.sample, self.places[cells]
        rows = np.unique(places)
        counts = np.bincount(places, self.times[cells], minlength=sample.distinct)[rows]
        flips = None if sample.trials is None else sample.trials[rows]
        few = sample.with_rows(sample.x[rows], flips, counts)
        ends = np.cumsum(np.diff(self.ends, prepend=0)[groups])
        return self._some(few, cells, ends, tuple(self.titles[one] for one in groups))

    def weighed(self, share: float) -> Self:
        """Return the same cells, each counted a share of its times.

        share: times the number of observations, a whole number.

        >>> Groups([5, 3, 5, 5], ["a", "b", "b", "b"]).weighed(0.5).times
        array([0.5, 0.5, 1. ])
        """
        whole = self.sample
        counts = np.bincount(self.places, self.times, minlength=whole.distinct)
        seen = Sample.weighed(whole.x, counts * share, whole.trials)
        times = self.times.astype(np.float64) * share
        return self._of(seen, self.places, times, self.ends, self.titles, self.lines)

    def _some(self, sample: Sample, cells: Labels, ends: Labels, titles: tuple[str, ...]) -> Self:
        """Return groups of some cells, given the sample of their distinct rows, sorted."""
        places = np.searchsorted(np.unique(self.places[cells]), self.places[cells])
        times, lines = self.times[cells].copy(), np.arange(len(cells))
        return self._of(sample, places, times, ends, titles, lines)

    def arrays(self) -> dict[str, tuple[tuple[str, ...], Numbers]]:
        """Return the axes and values of each field, by name.

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> list(pages.arrays())[-5:]
        ['places', 'times', 'ends', 'titles', 'lines']
        """
        return self.sample.arrays() | {
            "places": (("cell",), self.places),
            "times": (("cell",), self.times),
            "ends": (("group",), self.ends),
            "titles": (("group",), np.array(self.titles)),
            "lines": (("given_row",), self.lines),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Numbers]) -> Self:
        """Return the groups whose method `arrays` returned these values.

        >>> pages = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
        >>> arrays = {name: values for name, (_, values) in pages.arrays().items()}
        >>> Groups.from_arrays(arrays)
        Groups(4 rows in 2 groups, 2 distinct)
        """
        return cls._of(
            Sample.from_arrays({name: one for name, one in arrays.items() if name not in OWN}),
            np.array(arrays["places"], np.intp),
            np.array(arrays["times"], np.int64),
            np.array(arrays["ends"], np.intp),
            tuple(str(one) for one in arrays["titles"]),
            np.array(arrays["lines"], np.intp),
        )

    def __repr__(self) -> str:
        n, several, d = self.sample.observations, len(self.ends), self.sample.dimension
        columns = f" of {d} column{'s' * (d > 1)}" if self.sample.table else ""
        named = len(self.sample.categories)
        kinds = f"{named:,} categories" if named else f"{self.sample.distinct:,} distinct"
        flips = "" if self.sample.trials is None else ", with trials"
        return (
            f"Groups({n:,} rows{columns} in {several:,} group{'s' * (several > 1)}, {kinds}{flips})"
        )

    def _repr_html_(self) -> str:
        return summary(repr(self), self.sample)


def _refuse_titles(titles: Sequence[str], totals: Array | NDArray[np.int64]) -> None:
    """Raise Refusal for groups without rows, and for too many groups.

    totals: (G,) the number of rows of each group.
    """
    if (totals == 0).any():
        name = titles[int(totals.argmin())]
        raise Refusal(f"group {name!r} has no rows: all of its counts are 0; leave it out")
    if len(titles) > MOST_GROUPS:
        raise Refusal(
            f"group names {len(titles):,} groups, more than {MOST_GROUPS:,}; give a column with "
            "fewer, or leave groups out"
        )


def _refuse_strangers(titles: Sequence[str], totals: Array | NDArray[np.int64]) -> None:
    """Raise Refusal if no two groups could share components, or no row has company in its group.

    totals: (G,) the number of rows of each group.
    """
    if len(titles) < 2:
        raise Refusal(
            f"all rows are in one group, {titles[0]!r}; give a column with several, or rows in no "
            f"groups {both('Sample(x)', 'without --group')}"
        )
    if totals.sum() == len(titles):
        raise Refusal(
            "every row is in a group of its own; give groups of several rows, or rows in no groups "
            f"{both('Sample(x)', 'without --group')}"
        )


def _sorting(whose: NDArray[np.signedinteger], rows: NDArray[np.unsignedinteger], m: int) -> Labels:
    """Return what sorts cells by group, then by row, of which there are m."""
    keys = whose.astype(np.int64)
    keys *= m
    keys += rows
    return np.argsort(keys)


def _named_groups(group: ArrayLike, n: int) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return the code of each row's group, (n,), and the groups' names as they first occur."""
    given = np.asarray(group)
    if given.ndim != 1 or len(given) != n:
        raise Refusal(f"group has shape {given.shape}, x has {n} rows; name the group of each row")
    if given.dtype.kind == "f":
        refuse("group", given, np.isnan(given), "names no group; name it, or remove the row")
        what = "is not a whole number; give names, or whole numbers"
        refuse("group", given, given != np.rint(given), what)
        given = given.astype(np.int64)
    if given.dtype.kind == "O":
        nameless = np.array([absent(one) or one == "" for one in given.tolist()], np.bool_)
        if nameless.any():
            row = int(nameless.argmax())
            raise Refusal(
                f"group: row {row} (counted from 0) has no name; name it, or remove the row"
            )
        given = given.astype(str)
    known, first, codes = np.unique(given, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[codes], tuple(str(one) for one in known[order].tolist())


def _first_absent(values: Any) -> tuple[int, int] | None:
    """Return the row and the column of the first cell that is NaN, None if there is none."""
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind != "f":
        return None
    blank = np.argwhere(np.isnan(values)).tolist()
    return (blank[0][0], blank[0][1]) if blank else None


def _cells_of(table: Any) -> tuple[int, int, Labels, Labels, Array]:
    """Return the numbers of rows and columns, and row, column and count of the cells above 0."""
    if hasattr(table, "tocoo"):
        sparse = table.tocoo()
        sparse.sum_duplicates()
        whose, what = (np.asarray(one, np.int64) for one in sparse.coords)
        counted, (g, v) = np.asarray(sparse.data, np.float64), sparse.shape
    else:
        values = table.to_numpy() if hasattr(table, "to_numpy") else table
        if (blank := _first_absent(values)) is not None:
            raise Refusal(
                f"row {blank[0]}, column {blank[1]} of the table (counted from 0) is blank; "
                "write 0 if there were none, as frame.fillna(0) does"
            )
        cells, _, _ = checked_rows(values, None, None)
        if cells.ndim != 2:
            raise Refusal(
                "the table has one column; give one row per group and one column per category"
            )
        (g, v), (whose, what) = cells.shape, np.nonzero(cells)
        counted = cells[whose, what]
    bad = ~((counted >= 0) & (counted == np.rint(counted)))
    if bad.any():
        at = int(bad.argmax())
        why = "below 0" if counted[at] < 0 else "not a whole number"
        raise Refusal(
            f"row {whose[at]}, column {what[at]} of the table (counted from 0) is {counted[at]:g}, "
            f"which is {why}; give counts"
        )
    kept = counted > 0
    return g, v, whose[kept], what[kept], counted[kept]


def _columns_of(
    columns: Any, categories: Sequence[object] | None, v: int, what: Labels
) -> tuple[int, Labels, tuple[str, ...]]:
    """Return the number of categories, the category of each cell, and the categories' names.

    columns: the names of a data frame's v columns, None without. what: the column of each cell.
    """
    if categories is None or columns is None:
        names = _titles("categories", columns if categories is None else categories, v)
        return v, what, names
    own, names = _titles("columns", columns, v), _titles("categories", categories, len(categories))
    place = {name: at for at, name in enumerate(names)}
    if all(name in place for name in own):
        return len(names), np.array([place[name] for name in own])[what], names
    if len(names) != v:
        strange = next(name for name in own if name not in place)
        raise Refusal(f"column {strange!r} of the table is none of the categories; leave it out")
    return v, what, names


def _titles(field: str, given: Any, size: int) -> tuple[str, ...]:
    """Return the names of rows or columns, by default numbers from 0."""
    titles = tuple(str(one) for one in (range(size) if given is None else given))
    if len(titles) != size:
        raise Refusal(f"{field} has {len(titles)} names, the table has {size}; name each")
    if len(set(titles)) < size:
        twice = next(one for one in titles if titles.count(one) > 1)
        raise Refusal(f"{field} names {twice!r} twice; give each once")
    return titles
