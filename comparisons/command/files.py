"""The files that a command reads, and what is typed of how they are written."""

from __future__ import annotations

import typer

from models.reading.notation import checked_notation
from models.reading.source import Files

__all__ = ["files_of"]


def files_of(path: str, decimal: str | None, thousands: str | None, sheet: str | None) -> Files:
    """Return files as they were typed; what is recognised in them is printed to standard error.

    decimal, thousands: the marks of numbers; None if they shall be recognised.
    sheet: of a workbook; None for the first.

    >>> files_of("heights.csv", ",", None, None).notation
    Notation(decimal=',', thousands='')
    """
    return Files(path, checked_notation(decimal, thousands), sheet, tell=_printed)


def _printed(line: str) -> None:
    typer.echo(line, err=True)
