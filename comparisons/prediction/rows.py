"""Rows to predict, from files and from Python: checked as the rows of the comparison were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from models.frames import taken, titles_of
from models.groups import Groups
from models.names import partly_seen, takes_blanks
from models.reading.as_given import GivenRows, Reader, refuse_rows, rows_as_given
from models.reading.column_names import column_label
from models.reading.columns import Columns
from models.reading.source import path_of
from models.reading.table import table_cells
from models.refusal import Refusal
from models.sample import Sample
from models.sequences import Sequences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from comparisons.kept.facts import Facts
    from comparisons.kept.reading import Reading
    from models.arrays import Array, Labels
    from models.family import Theta
    from models.question import Question
    from models.reading.source import Paths
    from models.structure import Units

__all__ = ["Piece", "pieces_of", "reader_of", "units_of"]


class Piece(NamedTuple):
    """Some rows of a file.

    units: the rows, in the order of the file.
    numbers: (n,) the number of each row in the file, from 1 below the line of names.
    beside: (n,) the sequence or the group of each row, empty if rows have none.
    categories: (n,) the category of each cell of a table of counts, empty without one.

    >>> Piece._fields
    ('units', 'numbers', 'beside', 'categories')
    """

    units: Units
    numbers: Labels
    beside: Sequence[str]
    categories: Sequence[str] = ()


def pieces_of(facts: Facts, reading: Reading, file: Paths) -> Iterator[Piece]:
    r"""Yield the rows of a file piece by piece; rows in time and in groups all at once.

    >>> from pathlib import Path
    >>> from comparisons.kept.reading import Reading
    >>> _ = Path("calls.csv").write_text("day,calls\nMon,3\nTue,8\nWed,3\n")
    >>> [piece] = pieces_of(comparison, Reading(("calls",)), "calls.csv")
    >>> piece.units, piece.numbers
    (Sample(3 observations, 2 distinct), array([1, 2, 3]))
    """
    question = facts.question
    if reading.table:
        yield _table(question, file, drop_missing=reading.drop_missing)
        return
    sample, d = question.rows, len(reading.columns)
    family = question.family
    grouped, ordered = "group" in question.data.sizes, isinstance(question.data, Sequences)
    levels = sample.levels if sample.table else (sample.categories,) * d
    reader = reader_of(reading, family, levels, grouped=grouped, ordered=ordered)
    titles = [column_label(name) for name in reading.columns]
    found = []
    for rows in rows_as_given(file, reader):
        refuse_rows(rows, titles, family.observe)
        if grouped or ordered:
            found.append(rows)
        else:
            yield Piece(_sample(question, rows.x, rows.trials), rows.numbers, [])
    if found:
        yield _together(question, found)


def reader_of(
    reading: Reading,
    family: type[Theta],
    levels: tuple[tuple[str, ...], ...],
    *,
    grouped: bool,
    ordered: bool,
) -> Reader:
    """Return how the rows of files are read for a comparison.

    levels: the categories of each column, empty for numbers.
    grouped, ordered: whether rows are in groups, or follow each other in time.

    >>> from comparisons.kept.reading import Reading
    >>> from models import Poisson
    >>> made = reader_of(Reading(("n",), counts="t"), Poisson, (), grouped=False, ordered=False)
    >>> made.columns.names
    ['n']
    """
    return Reader(
        Columns(reading.columns, reading.trials, reading.counts if grouped else None),
        reading.sequence or reading.group,
        levels,
        reading.drop_missing,
        _with_blanks(family),
        ordered,
    )


def _sample(question: Question[Any, Any], x: Array, trials: Array | None) -> Sample:
    """Return rows (n, d) of the kind that the comparison has."""
    like = question.rows
    return like.with_rows(x if like.table else x[:, 0], trials)


def _together(question: Question[Any, Any], found: list[GivenRows]) -> Piece:
    """Return all rows in time, or in groups, as one piece."""
    x = np.concatenate([one.x for one in found])
    numbers = np.concatenate([one.numbers for one in found])
    beside = [name for one in found for name in one.whose]
    trials = _joined([one.trials for one in found])
    counts = _joined([one.counts for one in found])
    like = question.rows
    rows = x if like.table else x[:, 0]
    names = like.categories or None
    if isinstance(question.data, Sequences):
        whose = beside or None
        start = question.data.initial
        data = Sequences(rows, trials, whose, start, categories=names)
        return Piece(data, numbers, beside)
    if counts is not None and not counts.all():
        seen = np.flatnonzero(counts)
        rows, numbers, counts = rows[seen], numbers[seen], counts[seen]
        trials = None if trials is None else trials[seen]
        beside = [beside[at] for at in seen.tolist()]
    return Piece(Groups(rows, beside, counts, trials, categories=names), numbers, beside)


def _joined(parts: list[Array | None]) -> Array | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if known else None


def _table(question: Question[Any, Any], file: Paths, *, drop_missing: bool) -> Piece:
    """Return the cells of a table of counts that occurred."""
    names, wanted = question.rows.categories, {*question.rows.categories}
    cells = table_cells(file, drop_missing=drop_missing)
    strange = [name for name in cells.categories if name not in wanted]
    if strange:
        raise Refusal(
            f"{path_of(file)} has a column {strange[0]!r}, which is none of the {len(names):,} "
            "categories of the comparison; leave it out"
        )
    place = {name: at for at, name in enumerate(names)}
    what = np.array([place[name] for name in cells.categories])[cells.what]
    beside = [cells.titles[one] for one in cells.whose.tolist()]
    data = Groups(what.astype(np.float64), beside, cells.times, categories=names)
    numbers = cells.numbers[cells.whose]
    return Piece(data, numbers, beside, [names[one] for one in what.tolist()])


def units_of(facts: Facts, data: object) -> Units:
    """Return what was given in Python as rows of the comparison's kind, or raise Refusal.

    data: a Sample, Sequences or Groups; a data frame, whose columns are found by name; or numbers,
        which are then rows in no order, or of one sequence.

    >>> units_of(comparison, [3, 8, 3])
    Sample(3 observations, 2 distinct)
    """
    question, like = facts.question, facts.question.rows
    if isinstance(data, Sample | Sequences | Groups):
        if type(data) is not type(question.data):
            raise Refusal(
                f"data is a {type(data).__name__}, the comparison is of a "
                f"{type(question.data).__name__}; give that"
            )
        units = cast("Units", data)
    else:
        x = _named(facts, data)
        names = like.categories or None
        if isinstance(question.data, Groups):
            raise Refusal("the comparison is of rows in groups; give Groups(x, group)")
        flips = None if like.trials is None else _flips(facts, data)
        if isinstance(question.data, Sequences):
            units = Sequences(x, flips, initial=question.data.initial, categories=names)
        elif flips is not None:
            units = Sample(x, flips)
        elif like.table and any(like.levels):
            units = Sample(x, levels=like.levels)
        else:
            units = Sample(x, categories=names)
    if units.sample.dimension != like.dimension or units.sample.table != like.table:
        raise Refusal(
            f"data have {units.sample.dimension} columns, the comparison {like.dimension}; give "
            "the same"
        )
    if isinstance(units, Sample):
        units = question.coded(units)
    _refuse_others(question, units.sample)
    return units


def _refuse_others(question: Question[Any, Any], sample: Sample) -> None:
    """Raise Refusal for rows that the comparison's family does not accept."""
    like = question.rows
    if sample.seen_in_part and not _with_blanks(question.family):
        raise Refusal("data have blanks, and the comparison has none; drop these rows")
    if sample.categories != like.categories or (any(like.levels) and sample.levels != like.levels):
        raise Refusal(
            "data have other categories than the comparison; give them in its order, "
            "categories=opinion.question.data.sample.categories"
        )
    question.family.observe(sample)


def _with_blanks(family: type[Theta]) -> bool:
    """Return whether a family's form is the one for rows with blanks."""
    return takes_blanks(family) and partly_seen(family) is family


def _named(facts: Facts, data: Any) -> Any:
    """Return the comparison's columns of a data frame or an Arrow table; other data as they are."""
    titles, read = titles_of(data), facts.reading  # facts.columns may have units in their names
    names = read.columns if read is not None and read.columns else facts.data_columns
    if titles is None:
        return data
    given = [str(one) for one in titles]
    if not names:
        if len(given) == facts.dimension:
            return data if facts.question.rows.table else np.asarray(data)[:, 0]
        raise Refusal(
            f"data have {len(given)} columns and the comparison does not know the names of its "
            f"{facts.dimension}; give these alone"
        )
    _refuse_without(names, given)
    return taken(data, list(names), single=len(names) == 1)


def _flips(facts: Facts, data: Any) -> Any:
    """Return the flips behind each number of heads: the column that was read, or one number.

    Raise Refusal where the comparison does not know the column, or the data have no names.
    """
    titles = titles_of(data)
    flips = None if facts.reading is None else facts.reading.trials
    if titles is None or flips is None:
        raise Refusal("the comparison is of flips; give a Sample of heads and trials")
    if isinstance(flips, int):
        return flips
    _refuse_without([flips], [str(one) for one in titles])
    return taken(data, [flips], single=True)


def _refuse_without(names: Iterable[str], given: Sequence[str]) -> None:
    """Raise Refusal unless each name is that of one column."""
    for name in names:
        often = given.count(name)
        if often != 1:
            what = f"{often} columns called" if often else "no column"
            raise Refusal(
                f"data have {what} {name!r}; the comparison needs one; they have {', '.join(given)}"
            )
