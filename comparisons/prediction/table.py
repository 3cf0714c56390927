"""The tables of memberships and of shares, line by line, and how they are written as CSV."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from comparisons.kept.reading import Reading
from comparisons.prediction.ahead import refuse_ungrouped
from comparisons.prediction.predictor import predictor_of
from comparisons.prediction.rows import Piece, pieces_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import IO

    from comparisons.kept.facts import Facts
    from comparisons.prediction.predictor import Predictor, Shares
    from models.arrays import Array
    from models.reading.source import Paths

__all__ = [
    "Table",
    "memberships_of",
    "memberships_of_own",
    "shares_of_groups",
    "shares_of_own",
    "write_csv",
]

DIGITS = 6  # behind the point: probabilities are not known better from 500 draws
NUMBER = "row_in_file"


class Table(NamedTuple):
    """A table: the names of its columns, and its lines in pieces.

    >>> list(Table(("a",), iter([[(1,), (2,)]])).lines)
    [(1,), (2,)]
    """

    names: tuple[str, ...]
    pieces: Iterable[Sequence[tuple[object, ...]]]

    @property
    def lines(self) -> Iterator[tuple[object, ...]]:
        """All lines."""
        return (line for piece in self.pieces for line in piece)


def memberships_of(
    facts: Facts, reading: Reading, file: Paths, *, own: bool = False, posterior: bool = True
) -> Table:
    r"""Return the table of the memberships of a file's rows, a line a row.

    row_in_file: the number of the row, from 1 below the line of names. Rows that were dropped
        count. Rows of several files are counted through.
    The name of the column beside it, if there is one: the sequence or the group of the row.
    group_by_em: its name, or its number from 1. Of rows in time, state_by_em: the state on the most
        likely path. Of rows in groups of their own, component_by_em.
    em_1, ...: the probability of each group by EM; posterior_1, ...: its posterior mean; low_1,
        ... and high_1, ...: the ends of its 95% interval.
    log_density_by_em, log_density_by_posterior: of the row; empty where nothing was seen.

    own: whether rows in groups are those of the comparison, whose groups keep their shares.
    posterior: whether to ask the posterior too, which takes far longer.

    >>> from pathlib import Path
    >>> from comparisons.kept.reading import Reading
    >>> _ = Path("calls.csv").write_text("day,calls\nMon,0\nTue,9\n")
    >>> table = memberships_of(comparison, Reading(("calls",)), "calls.csv", posterior=False)
    >>> table.names
    ('row_in_file', 'group_by_em', 'em_1', 'em_2', 'log_density_by_em')
    >>> [line[:2] for line in table.lines]
    [(1, 1), (2, 2)]
    """
    pieces = pieces_of(facts, reading, file)
    return _memberships(facts, reading, pieces, NUMBER, own=own, posterior=posterior)


def memberships_of_own(facts: Facts) -> Table:
    """Return the same of the rows that the comparison was of, as they were given.

    Its first column is called row.

    >>> memberships_of_own(comparison).names[:2]
    ('row', 'group_by_em')
    """
    reading, piece = _own(facts)
    return _memberships(facts, reading, [piece], "row", own=True, posterior=True)


def _own(facts: Facts) -> tuple[Reading, Piece]:
    """Return the comparison's own rows, and what names their sequences or groups."""
    units = facts.question.units
    beside = units.beside()
    reading = Reading(facts.data_columns)
    if "group" in units.sizes:
        reading = reading._replace(group="group")
    elif beside:
        reading = reading._replace(sequence="sequence")
    n = len(units.expand(np.zeros(len(units.unit_counts))))
    return reading, Piece(units, np.arange(1, n + 1), beside)


def _memberships(
    facts: Facts,
    reading: Reading,
    pieces: Iterable[Piece],
    number: str,
    *,
    own: bool,
    posterior: bool,
) -> Table:
    """Return the table of the memberships of pieces; number: the name of the first column."""
    predictor = predictor_of(facts)
    each = _groups(predictor)
    label = f"{predictor.question.noun}_by_em"
    beside = reading.sequence or reading.group or ("row" if reading.table else None)
    names = [
        number,
        *([] if beside is None else [beside]),
        *(["category"] if reading.table else []),
        label,
        *(f"em_{k}" for k in each),
    ]
    if posterior:
        names += [f"{what}_{k}" for what in ("posterior", "low", "high") for k in each]
    names.append("log_density_by_em")
    if posterior:
        names.append("log_density_by_posterior")
    lines = (
        _lines(predictor, piece, own=own and predictor.knows(piece.units), posterior=posterior)
        for piece in pieces
    )
    return Table(tuple(names), lines)


def _lines(
    predictor: Predictor, piece: Piece, *, own: bool, posterior: bool
) -> list[tuple[object, ...]]:
    """Return the lines of some rows."""
    units, by_em = piece.units, predictor.by_em(piece.units, own=own)
    columns: list[list[object]] = [piece.numbers.tolist()]
    columns += [list(one) for one in (piece.beside, piece.categories) if len(one)]
    groups = _groups(predictor)
    columns.append([groups[label] for label in units.expand(by_em.labels).tolist()])
    numbers = [by_em.members]
    ends = [by_em.scores]
    if posterior:
        found = predictor.by_posterior(units, own=own)
        numbers += [found.members, found.low, found.high]
        ends.append(found.scores)
    for matrix in numbers:
        columns += [_written(one) for one in units.expand(matrix).T]
    columns += [_written(units.expand(one)) for one in ends]
    return list(zip(*columns, strict=True))


def _groups(predictor: Predictor) -> Sequence[object]:
    """Return what the groups are called: their names, or numbers from 1."""
    return predictor.question.titles or range(1, predictor.question.k + 1)


def _written(values: Array) -> list[object]:
    """Return numbers as they are written; empty where there is none."""
    rounded = (np.round(values, DIGITS) + 0.0).tolist()  # no -0.0
    return ["" if one != one else one for one in rounded]  # noqa: PLR0124 (NaN is not itself)


def shares_of_groups(
    facts: Facts, reading: Reading, file: Paths, *, own: bool = False, posterior: bool = True
) -> Table:
    r"""Return the table of the shares of a file's groups, a line a group.

    Its columns: the group; observations, how many it has; its shares by EM, their posterior means,
    and 95% intervals. The arguments are those of `memberships_of`.

    >>> from comparisons.kept.reading import Reading
    >>> shares_of_groups(comparison, Reading(("calls",)), "calls.csv")
    Traceback (most recent call last):
    models.refusal.Refusal: the rows of the comparison are in no groups; --shares needs a fit ...
    """
    pieces = pieces_of(facts, reading, file)
    return _shares(facts, reading, pieces, own=own, posterior=posterior)


def shares_of_own(facts: Facts) -> Table:
    """Return the same of the groups that the comparison was of.

    >>> shares_of_own.__name__  # its first column is called group
    'shares_of_own'
    """
    reading, piece = _own(facts)
    return _shares(facts, reading, [piece], own=True, posterior=True)


def _shares(
    facts: Facts, reading: Reading, pieces: Iterable[Piece], *, own: bool, posterior: bool
) -> Table:
    """Return the table of the shares of the groups of pieces."""
    refuse_ungrouped(grouped="group" in facts.question.data.sizes)
    predictor = predictor_of(facts)
    each = _groups(predictor)
    names = [reading.group or "row", "observations", *(f"em_{k}" for k in each)]
    if posterior:
        names += [f"{what}_{k}" for what in ("posterior", "low", "high") for k in each]
    lines = (
        _share_lines(
            predictor.shares(
                piece.units, own=own and predictor.knows(piece.units), posterior=posterior
            )
        )
        for piece in pieces
    )
    return Table(tuple(names), lines)


def _share_lines(shares: Shares) -> list[tuple[object, ...]]:
    """Return the lines of some groups."""
    columns: list[list[object]] = [list(shares.titles), [round(one) for one in shares.totals]]
    for matrix in (shares.em, shares.posterior, shares.low, shares.high):
        if matrix is not None:
            columns += [_written(one) for one in matrix.T]
    return list(zip(*columns, strict=True))


def write_csv(table: Table, stream: IO[str]) -> None:
    r"""Write a table as CSV; names and values with commas are quoted.

    >>> import sys
    >>> write_csv(Table(("town", "share"), [[("Eton, Berks", 0.5)]]), sys.stdout)
    town,share
    "Eton, Berks",0.5
    """
    lines, pieces = csv.writer(stream, lineterminator="\n"), iter(table.pieces)
    first = next(pieces, [])  # what is wrong with it is said before anything is written
    lines.writerow(table.names)
    lines.writerows(first)
    for piece in pieces:
        lines.writerows(piece)
