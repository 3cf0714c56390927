"""The files of memberships in a comparison's folder, or why there are none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from comparisons.kept.atomic import MEMBERSHIPS, SHARES
from comparisons.prediction.predictor import refuse_many_together
from comparisons.prediction.table import (
    memberships_of,
    memberships_of_own,
    shares_of_groups,
    shares_of_own,
    write_csv,
)
from models.reading.source import Files, path_of
from models.refusal import Refusal

if TYPE_CHECKING:
    from comparisons.kept.facts import Facts
    from comparisons.prediction.table import Table
    from models.reading.source import Paths

__all__ = ["write_memberships"]

MOST_ROWS, MOST_DISTINCT = 2_000_000, 200_000  # as many distinct rows take a minute


def write_memberships(facts: Facts, folder: Path, file: Paths | None = None) -> str:
    """Write memberships.csv, and of rows in groups shares.csv, into a folder that is there.

    Return why they are left out, empty if they are not: a report shall not be lost with them.

    file: that was read, since the rows of a comparison may be counted or binned; None if none was.

    >>> write_memberships(comparison, Path())
    ''
    >>> Path("memberships.csv").read_text().splitlines()[0][:16]
    'row,group_by_em,'
    """
    try:
        _refuse(facts, file)
        for name, table in _tables(facts, file).items():
            with (folder / name).open("w", encoding="utf-8", newline="") as stream:
                write_csv(table, stream)
    except Refusal as problem:
        for name in (MEMBERSHIPS, SHARES):
            (folder / name).unlink(missing_ok=True)
        return f"{MEMBERSHIPS} is left out: {problem}"
    return ""


def _tables(facts: Facts, file: Paths | None) -> dict[str, Table]:
    """Return the tables by the names of their files."""
    reading = facts.reading
    if isinstance(file, Files):  # what is recognised has been told
        file = file._replace(tell=None)
    if file is None or reading is None:
        found = {MEMBERSHIPS: memberships_of_own(facts)}
        if "group" in facts.question.data.sizes:
            found[SHARES] = shares_of_own(facts)
        return found
    found = {MEMBERSHIPS: memberships_of(facts, reading, file, own=True)}
    if "group" in facts.question.data.sizes:
        found[SHARES] = shares_of_groups(facts, reading, file, own=True)
    return found


def _refuse(facts: Facts, file: Paths | None) -> None:
    """Raise Refusal if the rows cannot be read again, or are very many."""
    rows, distinct = facts.observations, facts.distinct
    if facts.whole is not None:  # these rows are some of very many
        rows = distinct = facts.whole
    elif facts.reading is not None and facts.reading.counts is not None:
        rows = distinct
    if file is None and facts.bins is not None:
        raise Refusal("the comparison is of bins, and does not have the rows")
    if file is None and facts.question.rows.empty:
        raise Refusal("rows that are all blank were dropped, so that the others have no numbers")
    path = None if file is None else path_of(file)
    if path is not None and (path == "-" or (Path(path).exists() and not Path(path).is_file())):
        raise Refusal("a pipe can be read only once; save its rows and run second-opinion predict")
    for number, most, what in (
        (rows, MOST_ROWS, "rows"),
        (distinct, MOST_DISTINCT, "distinct rows"),
    ):
        if number > most:
            raise Refusal(
                f"there are {number:,} {what}, and at most {most:,} are labelled unasked; "
                "second-opinion predict labels any number"
            )
    refuse_many_together(facts.question, rows)
