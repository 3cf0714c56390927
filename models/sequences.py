"""Rows in time: one sequence or several, with the places of rows that were not seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import numpy as np

from models.arrays import spaced
from models.blanks import absent, blank_as
from models.categories import coded, coded_table, refuse_codes
from models.refusal import Refusal, both
from models.sample import Sample, checked_rows, column_titles
from models.summary import summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import ArrayLike, NDArray

    from models.arrays import Array, Numbers

__all__ = ["INITIALS", "Initial", "Sequences"]

type Initial = Literal["stationary", "free", "uniform"]

INITIALS: tuple[str, ...] = get_args(Initial.__value__)
MANY = 10  # sequences from which their first states tell of a distribution
STRETCH = 64  # rows of a stretch that represents a long sequence
UNSURE = 16  # rows at its beginning whose states depend on rows that were left out
WHOLE_UP_TO = 1_024  # rows that represent themselves
FAR_APART = 4_096  # distinct rows from which numbers of each, in any order, no longer fit a cache


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Sequences:
    """Observations in time, in one sequence or several; some of them may not have been seen.

    sample: the distinct rows that were seen.
    places: (n,) index in the sample of each row in time; the number of distinct rows where nothing
        was seen.
    ends: (S,) where each sequence ends; the next one begins there.
    titles: (S,) the name of each sequence, empty if sequences have no names.
    initial: how the hidden states of a sequence begin. "stationary": it was under way when the
        first row was seen, so the first state is distributed as all later ones. "free": all
        sequences begin at the same kind of moment, so the first state has a distribution of its
        own. "uniform": each state is as likely.

    >>> quakes = Sequences([13, 14, None, 10])
    >>> quakes
    Sequences(4 rows in 1 sequence, 1 not seen, 3 distinct)
    >>> quakes.places, quakes.ends, quakes.initial
    (array([1, 2, 3, 0]), array([4]), 'stationary')
    """

    sample: Sample
    places: NDArray[np.intp]
    ends: NDArray[np.intp]
    titles: tuple[str, ...]
    initial: Initial

    def __init__(
        self,
        x: ArrayLike,
        trials: ArrayLike | None = None,
        sequence: ArrayLike | None = None,
        initial: Initial | None = None,
        *,
        categories: Iterable[object] | None = None,
    ) -> None:
        """Check rows in time, and count the distinct ones among those that were seen.

        x: (n,) numbers or (n, d), as `Sample` takes them. NaN, None or a masked value was not
            seen. A row of which nothing was seen keeps its place.
        trials: the number of flips for each x: one number for all rows, or (n,).
        sequence: (n,) the name of each row's sequence, whose rows follow one another; or the
            lengths of the sequences, which sum to n. By default all rows are one sequence.
        initial: by default "free" with ten sequences or more, otherwise "stationary", as one
            sequence says almost nothing about the first state of others.
        categories: the names of all categories, as `Sample` takes them, if x is labels.
        """
        values, seen = _seen(x)
        if not seen.any():
            raise Refusal("x: no row was seen; give at least one observation")
        n = len(values)
        flips = None if trials is None else _flips(trials, n)
        filled = values
        if not seen.all():  # check all rows under their own numbers
            filled = values.copy()
            filled[~seen] = values[seen.argmax()]
            if flips is not None:
                flips = np.where(seen, flips, flips[seen.argmax()])
        labels, names = (filled, ()) if trials is not None else coded(filled, categories)
        table, levels = coded_table(labels)
        rows, flips, _ = checked_rows(table, flips, None, blanks=True)
        if names:
            refuse_codes(rows, names)
        ends, titles = (np.array([n]), ()) if sequence is None else _ends(sequence, n)
        _refuse_unseen(seen, ends, titles)
        if len(ends) == n:
            raise Refusal(
                "every sequence has one row, so none follows another; give the column of longer "
                "sequences, one sequence of all rows "
                f"{both('Sequences(x)', '--in-order alone')}, or rows in no order "
                f"{both('Sample(x)', 'neither of the two')}"
            )
        if initial is None:
            initial = "free" if len(ends) >= MANY else "stationary"
        if initial not in INITIALS:
            raise Refusal(f"initial is {initial!r}; give one of {', '.join(INITIALS)}")
        sample = _sampled(rows[seen], None if flips is None else flips[seen], names, levels)
        sample.with_columns(column_titles(x, sample))
        places = np.full(n, sample.distinct)
        places[seen] = sample.inverse
        self._keep(sample, places, ends, titles, initial)

    def _keep(
        self,
        sample: Sample,
        places: NDArray[np.intp],
        ends: NDArray[np.intp],
        titles: tuple[str, ...],
        initial: Initial,
    ) -> None:
        """Set the fields of this frozen record."""
        places.flags.writeable = ends.flags.writeable = False
        fields = {"sample": sample, "places": places, "ends": ends}
        for name, field in (fields | {"titles": titles, "initial": initial}).items():
            object.__setattr__(self, name, field)

    @classmethod
    def _of(
        cls,
        sample: Sample,
        places: NDArray[np.intp],
        ends: NDArray[np.intp],
        titles: tuple[str, ...],
        initial: Initial,
    ) -> Self:
        """Return sequences of rows that are known to be valid."""
        self = cls.__new__(cls)
        self._keep(sample, places, ends, titles, initial)
        return self

    @cached_property
    def begins(self) -> NDArray[np.intp]:
        """Where each sequence begins, (S,).

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.begins
        array([0, 3])
        """
        return np.concatenate([[0], self.ends[:-1]])

    @cached_property
    def lengths(self) -> NDArray[np.intp]:
        """The number of rows of each sequence, (S,).

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.lengths
        array([3, 2])
        """
        return np.diff(self.ends, prepend=0)

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """Which rows were seen, (n,).

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.seen
        array([ True,  True,  True, False,  True])
        """
        return self.places < self.sample.distinct

    @property
    def sizes(self) -> dict[str, int]:
        """Empty: shares have no axes but those of the components.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.sizes
        {}
        """
        return {}

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The names of the categories, if rows are labels with names.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.names
        {}
        """
        return self.sample.names

    @cached_property
    def unit_rows(self) -> NDArray[np.intp]:
        """The distinct row of each row in time, (n,); 0 where nothing was seen.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.unit_rows
        array([0, 1, 1, 0, 2])
        """
        return np.where(self.seen, self.places, 0)

    @cached_property
    def unit_counts(self) -> NDArray[np.int64]:
        """1 for each row that was seen and 0 for the others, (n,).

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.unit_counts
        array([1, 1, 1, 0, 1])
        """
        return self.seen.astype(np.int64)

    def units_at(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the place in time of the observations at some places: rows not seen are none.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.units_at(np.array([0, 3]))
        array([0, 4])
        """
        return np.flatnonzero(self.seen)[places]

    def spelt(self, rows: str) -> str:
        """Return how Python writes such sequences.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.spelt("x")
        'Sequences(x, sequence=sequence)'
        """
        named = ", sequence=sequence" * (len(self.ends) > 1)
        usual = "free" if len(self.ends) >= MANY else "stationary"
        start = f', initial="{self.initial}"' * (self.initial != usual)
        return f"Sequences({rows}{named}{start})"

    @property
    def extent(self) -> str:
        """The number of sequences, and of rows that were not seen.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.extent
        'in 2 sequences, 1 row not seen'
        """
        several, unseen = len(self.ends), int((~self.seen).sum())
        missing = f", {unseen:,} row{'s' * (unseen > 1)} not seen" if unseen else ""
        blanks = self.sample.extent
        said = f"{missing}{', ' * bool(blanks)}{blanks}"
        return f"in {several:,} sequence{'s' * (several > 1)}{said}"

    def titled(self, units: NDArray[np.intp]) -> list[str]:
        """Return the places of some rows in time.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.titled(np.array([0, 4]))
        ['0', '4']
        """
        return [str(one) for one in units]

    def beside(self) -> list[str]:
        """The name of the sequence of each row; empty if sequences have no names.

        >>> days = Sequences([1, 2, 8], sequence=["a", "a", "b"])
        >>> days.beside()
        ['a', 'a', 'b']
        """
        return (
            np.repeat(np.array(self.titles, object), self.lengths).tolist() if self.titles else []
        )

    def groups(self) -> NDArray[np.intp]:
        """There is one: rows are in no groups.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.groups()
        array([0, 0, 0, 0, 0])
        """
        return np.zeros(len(self.places), np.intp)

    def followers(self) -> NDArray[np.intp]:
        """All rows but the first of each sequence.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.followers()
        array([1, 2, 4])
        """
        return np.delete(np.arange(len(self.places)), self.begins)

    def spaced(self, most: int) -> Self:
        """Return all rows: a state depends on the rows around it.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.spaced(2) is days
        True
        """
        return self

    def blocks(self, size: int) -> Iterator[Self]:
        """Yield all rows at once: a state depends on the rows around it.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> [len(one.places) for one in days.blocks(2)]
        [5]
        """
        yield self

    def expand[D: np.generic](self, values: NDArray[D]) -> NDArray[D]:
        """Return the values (n, ...): each row is a unit of its own.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.expand(np.arange(5.0))
        array([0., 1., 2., 3., 4.])
        """
        return values

    def representative(self, most: int) -> tuple[Self, Array]:
        """Return all rows of short data, otherwise stretches of them, and each row's weight.

        The first rows of a stretch have no weight, since rows before them were left out.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> days.representative(100)[1]
        array([1., 1., 1., 0., 1.])
        """
        n = len(self.places)
        if n <= max(most, WHOLE_UP_TO):
            return self, self.unit_counts.astype(np.float64)
        rows, weights, ends = [], [], []
        for at in np.unique(spaced(n - STRETCH, max(1, WHOLE_UP_TO // STRETCH))):
            inside = self.ends[np.searchsorted(self.ends, at, side="right")]
            own = np.arange(at, min(at + STRETCH, inside))
            known = at in self.begins
            weights.append(self.seen[own] * (known | (own >= at + min(UNSURE, len(own) - 1))))
            rows.append(own)
            ends.append(len(own))
        weight = np.concatenate(weights).astype(np.float64)
        if not weight.any():  # in these stretches hardly a row was seen
            return self, self.unit_counts.astype(np.float64)
        few = self._part(np.concatenate(rows), np.cumsum(ends))
        return few, weight * (self.sample.observations / weight.sum())

    def like(self, x: Array) -> Self:
        """Return other values of the rows that were seen, in the same sequences.

        >>> Sequences([5, None, 7]).like(np.array([1.0, 2.0])).places
        array([0, 2, 1])
        """
        trials = None if self.sample.trials is None else self.sample.trials[self.places[self.seen]]
        x = blank_as(x, self.sample.x[self.places[self.seen]])
        sample = _sampled(x, trials, self.sample.categories, self.sample.levels)
        places = np.full(len(self.places), sample.distinct)
        places[self.seen] = sample.inverse
        return self._of(sample, places, self.ends, self.titles, self.initial)

    def stretches(self, n: int, rng: np.random.Generator) -> Self:
        """Return whole sequences in random order, n rows or a few more; of a longer one a stretch.

        With a distribution of the first state of its own a stretch has to be the beginning.

        >>> Sequences(range(100)).stretches(10, np.random.default_rng(1))
        Sequences(10 rows in 1 sequence, 10 distinct)
        """
        rows: list[NDArray[np.intp]] = []
        left = n
        for at in rng.permutation(len(self.ends)):
            begin, length = int(self.begins[at]), int(self.lengths[at])
            taken = min(length, left) if length > n else length
            if self.initial != "free":
                begin += int(rng.integers(length - taken + 1))
            if self.seen[begin : begin + taken].any():
                rows.append(np.arange(begin, begin + taken))
                left -= taken
            if left <= 0:
                break
        if not rows:  # hardly a row was seen
            return self
        rows.sort(key=lambda one: int(one[0]))
        return self._part(np.concatenate(rows), np.cumsum([len(one) for one in rows]))

    def beginning(self, n: int) -> Self:
        """Return the first n rows of a single sequence.

        >>> Sequences(range(100)).beginning(10)
        Sequences(10 rows in 1 sequence, 10 distinct)
        """
        return self._part(np.arange(n), np.array([n]))

    def _part(self, rows: NDArray[np.intp], ends: NDArray[np.intp]) -> Self:
        """Return the sequences of some rows, given where each of them ends."""
        seen = self.seen[rows]
        at = self.places[rows[seen]]
        trials = None if self.sample.trials is None else self.sample.trials[at]
        sample = _sampled(self.sample.x[at], trials, self.sample.categories, self.sample.levels)
        places = np.full(len(rows), sample.distinct)
        places[seen] = sample.inverse
        return self._of(sample, places, ends, (), self.initial)

    def arrays(self) -> dict[str, tuple[tuple[str, ...], Numbers]]:
        """Return the axes and values of each field, by name.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> list(days.arrays())[-3:]
        ['places', 'ends', 'initial_kind']
        """
        found = self.sample.arrays() | {
            "places": (("time",), self.places),
            "ends": (("sequence",), self.ends),
            "initial_kind": ((), np.asarray(INITIALS.index(self.initial))),
        }
        if self.titles:
            found["titles"] = ("sequence",), np.array(self.titles)
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Numbers]) -> Self:
        """Return the sequences whose method `arrays` returned these values.

        >>> days = Sequences([1, 2, 2, np.nan, 8], sequence=[3, 2])
        >>> arrays = {name: values for name, (_, values) in days.arrays().items()}
        >>> Sequences.from_arrays(arrays)
        Sequences(5 rows in 2 sequences, 1 not seen, 3 distinct)
        """
        own = {"places", "ends", "initial_kind", "titles"}
        initial: Initial = INITIALS[int(arrays["initial_kind"])]  # type: ignore[assignment]
        return cls._of(
            Sample.from_arrays({name: one for name, one in arrays.items() if name not in own}),
            np.array(arrays["places"], np.intp),
            np.array(arrays["ends"], np.intp),
            tuple(str(one) for one in arrays.get("titles", ())),
            initial,
        )

    def __repr__(self) -> str:
        n, several = len(self.places), len(self.ends)
        d = self.sample.dimension
        columns = f" of {d} column{'s' * (d > 1)}" if self.sample.table else ""
        named = len(self.sample.categories)
        kinds = f"{named:,} categories" if named else f"{self.sample.distinct:,} distinct"
        missing = n - self.sample.observations
        unseen = f", {missing:,} not seen" if missing else ""
        what = f"{n:,} rows{columns} in {several:,} sequence{'s' * (several > 1)}"
        flips = "" if self.sample.trials is None else ", with trials"
        return f"Sequences({what}{unseen}, {kinds}{flips})"

    def _repr_html_(self) -> str:
        return summary(repr(self), self.sample)


def _sampled(
    x: Array,
    trials: Array | None,
    names: tuple[str, ...],
    levels: tuple[tuple[str, ...], ...],
) -> Sample:
    """Return the distinct rows; many of them in the order in which they first occur.

    A walk through time then finds what belongs to its rows one after the other, which is several
    times as fast as anywhere in memory.
    """
    sample = Sample(x, trials, categories=names or None, levels=None if names else levels)
    if sample.distinct < FAR_APART:
        return sample
    inverse = sample.inverse.astype(np.intp)
    first = np.empty(sample.distinct, np.intp)
    first[inverse[::-1]] = np.arange(len(inverse))[::-1]  # of several the first one stays
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    fields = {"x": sample.x[order], "counts": sample.counts[order], "inverse": rank[inverse]}
    if sample.trials is not None:
        fields["trials"] = sample.trials[order]
    arrays = {name: one for name, (_, one) in sample.arrays().items()}
    return Sample.from_arrays(arrays | fields)


def _seen(x: ArrayLike) -> tuple[Array | NDArray[np.object_], NDArray[np.bool_]]:
    """Return the values as an array, and which rows were seen, (n,)."""
    if isinstance(x, Sample):
        raise Refusal(
            "x is a Sample, whose rows have counts and no order in time; give the rows one by one"
        )
    try:
        values = np.asarray(x)
    except ValueError as problem:
        raise Refusal(f"x is ragged: give rows of one length ({problem})") from None
    if values.dtype.kind in "US":  # numbers beside text became text
        values = np.asarray(x, dtype=object)
    if values.ndim not in (1, 2):
        raise Refusal(f"x has {values.ndim} dimensions; give (n,) or (n, d) numbers")
    if values.size == 0:
        raise Refusal("x is empty; give at least one observation")
    missing = _missing(values)
    if np.ma.is_masked(x):
        missing = missing | np.ma.getmaskarray(x)
    if values.ndim == 1:
        return values, ~missing
    blank = np.where(missing, np.nan, values) if missing.any() else values
    return blank, ~missing.all(axis=1)


def _missing(values: Array | NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which values mean that nothing was seen."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind == "O":
        found = np.array([absent(one) for one in values.flat], np.bool_)
        return found.reshape(values.shape)
    return np.zeros(values.shape, np.bool_)


def _flips(trials: ArrayLike, n: int) -> NDArray[Any]:
    """Return the flips of each row, (n,), from one number for all or one for each."""
    given = _one_column("trials", trials)
    if given.shape not in ((), (1,), (n,)):
        raise Refusal(
            f"trials has shape {given.shape}, x has {n} rows; give one number, or one for each "
            "row (lengths of sequences are sequence=)"
        )
    return np.broadcast_to(given, (n,))


def _one_column(name: str, given: ArrayLike) -> NDArray[Any]:
    """Return an argument as an array, or raise Refusal if its entries have no one length."""
    try:
        return np.asarray(given)
    except ValueError:
        raise Refusal(f"{name} is ragged; give one entry for each row") from None


def _ends(sequence: ArrayLike, n: int) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Return where each sequence ends, and the sequences' names, from names or lengths."""
    given = _one_column("sequence", sequence)
    if given.ndim != 1:
        raise Refusal(
            f"sequence has {given.ndim} dimensions; one column names the sequence of each row"
        )
    if len(given) != n:
        if given.dtype.kind not in "iu":
            raise Refusal(
                f"sequence has {len(given)} entries, x has {n} rows; give one for each row, or "
                "whole numbers: the lengths of the sequences"
            )
        if given.sum() != n:
            raise Refusal(
                f"sequence has {len(given)} entries, which sum to {given.sum()}, x has {n} rows; "
                "give one entry for each row, or lengths that sum to the number of rows"
            )
        if (given < 1).any():
            raise Refusal(f"sequence: length {int(given.min())} is below 1; leave it out")
        return np.cumsum(given), ()
    starts = np.flatnonzero(np.concatenate([[True], given[1:] != given[:-1]]))
    names = []
    for start, one in zip(starts.tolist(), given[starts].tolist(), strict=True):
        if absent(one):
            raise Refusal(f"sequence: row {start} (counted from 0) has no name; give one")
        names.append(str(one))
    first: dict[str, int] = {}
    for name, start in zip(names, starts.tolist(), strict=True):
        if name in first:
            raise Refusal(
                f"sequence: {name!r} begins at row {first[name]} and again at row {start} (counted "
                "from 0); sort the rows by sequence, and within each by time"
            )
        first[name] = start
    return np.append(starts[1:], n), tuple(names)


def _refuse_unseen(
    seen: NDArray[np.bool_], ends: NDArray[np.intp], titles: tuple[str, ...]
) -> None:
    """Raise Refusal for a sequence of which no row was seen."""
    begins = np.concatenate([[0], ends[:-1]])
    empty = np.flatnonzero(np.add.reduceat(seen, begins, dtype=np.int64) == 0)
    if len(empty):
        at = int(empty[0])
        name = repr(titles[at]) if titles else f"{at} (counted from 0)"
        raise Refusal(f"sequence {name}: none of its rows was seen; leave it out")
