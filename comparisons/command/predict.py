"""The command that says which rows of another file are in which group."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from comparisons.command.complete import halves
from comparisons.command.finish import shown
from comparisons.command.options import Decimal, Thousands
from comparisons.progress import loaded, waiting

if TYPE_CHECKING:
    from comparisons.kept.facts import Facts
    from comparisons.kept.reading import Reading
    from comparisons.prediction.table import Table
    from models.reading.source import Files

__all__ = ["predict"]


def predict(
    comparison: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="The folder that fit --out wrote, or the comparison.nc in it."
        ),
    ],
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A CSV, Parquet or Excel file with the columns that fit read. - reads a pipe.",
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The CSV file to write. Default: standard output."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it exists.")
    ] = False,
    shares: Annotated[
        bool,
        typer.Option(
            "--shares",
            help="After a fit with --group: write a line for each document or village, with its "
            "shares, in place of one for each row.",
        ),
    ] = False,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="em",
            help="em: write EM's answer alone, which takes far less time.",
            autocompletion=halves,
        ),
    ] = None,
    drop_missing: Annotated[
        bool, typer.Option("--drop-missing", help="Leave out rows with blanks in these columns.")
    ] = False,
    decimal: Decimal = None,
    thousands: Thousands = None,
    sheet: Annotated[
        str | None,
        typer.Option(
            metavar="SHEET",
            help="Sheet of a workbook, by name or position. Default: the one that fit read.",
        ),
    ] = None,
) -> None:
    """Say which group each row of another file belongs to.

    Example: second-opinion predict heights new.csv --out labelled.csv

    Columns are found by their names; other columns are ignored. Each row becomes
    one line of CSV with these cells:

    row_in_file: its number in the file, from 1, the line of names not counted.

    group_by_em: its group by EM, counted from 1, or the group's name if fit had
    --names. For rows in time state_by_em: the state on the most likely path.
    After a fit with --group or --table component_by_em, as the groups are the
    villages or documents there.

    em_1, em_2, ...: the probability of each group by EM. posterior_1, ...: the
    posterior means. low_1, ... and high_1, ...: the ends of the 95% intervals.

    log_density_by_em, log_density_by_posterior: low where the row is unusual.

    Documents and the like count as new. Their shares are estimated with the
    components held fixed.

    Exit status: 0 done, 2 bad input or usage, 70 a bug of this program,
    130 interrupted.
    """
    from comparisons.command.inputs import one_of
    from comparisons.kept.atomic import written
    from comparisons.kept.head import comparison_at, head_of
    from comparisons.prediction.ahead import refuse_ahead

    if only is not None:
        one_of("--only", only, ("em",))
    _refuse_out(out, overwrite=overwrite)
    place = comparison_at(comparison)
    head = head_of(place)
    if head is not None:
        reading = _reading(comparison, head.reading, drop_missing=drop_missing)
        files = _files(file, reading, decimal, thousands, sheet)
        refuse_ahead(head, reading, files, shares=shares)
    with waiting("loading PyMC"):
        opinions = loaded("comparisons.comparison")
        from comparisons.prediction.table import write_csv
    facts: Facts = opinions.load(place)
    reading = _reading(comparison, facts.reading, drop_missing=drop_missing)
    files = _files(file, reading, decimal, thousands, sheet)
    table = _table(facts, reading, files, shares=shares, posterior=only is None)
    if out is None:
        write_csv(table, sys.stdout)
        return
    with waiting("memberships"):
        written(out, lambda target: _write(table, target), replace=overwrite)
    shown(f"{'shares' if shares else 'memberships'}: {out}", err=True)


def _reading(folder: Path, known: Reading | None, *, drop_missing: bool) -> Reading:
    """Return how the rows of a comparison were read, or refuse one that does not say it."""
    if known is None:
        from models.refusal import Refusal

        raise Refusal(
            f"{folder} does not say from which columns it was read; predict in Python: "
            "comparisons.load(path).predict(data)"
        )
    return known._replace(drop_missing=True) if drop_missing else known


def _files(
    file: str, reading: Reading, decimal: str | None, thousands: str | None, sheet: str | None
) -> Files:
    """Return files as they were typed; what was not typed is as in the files of the comparison."""
    from comparisons.command.files import files_of

    found = files_of(file, decimal or reading.decimal, thousands or reading.thousands, sheet)
    return found._replace(usual=reading.sheet or None)


def _refuse_out(out: Path | None, *, overwrite: bool) -> None:
    """Refuse a file that cannot be written, or must not be lost, before any work."""
    from comparisons.kept.atomic import refuse_name
    from models.refusal import Refusal

    if out is None:
        return
    refuse_name(out)
    if out.is_dir():
        raise Refusal(f"--out {out} is a folder; give a file")
    if not out.parent.is_dir():
        raise Refusal(f"--out {out}: there is no folder {out.parent}; make it first")
    if out.exists() and not overwrite:
        raise Refusal(
            f"--out {out} exists already; give another name, or add --overwrite to replace it"
        )


def _table(facts: Facts, reading: Reading, file: Files, *, shares: bool, posterior: bool) -> Table:
    """Return the table of memberships, or of shares."""
    from comparisons.prediction.table import memberships_of, shares_of_groups

    made = shares_of_groups if shares else memberships_of
    return made(facts, reading, file, posterior=posterior)


def _write(table: Table, target: Path) -> None:
    """Write a table to a file."""
    from comparisons.prediction.table import write_csv

    with target.open("w", encoding="utf-8", newline="") as stream:
        write_csv(table, stream)
