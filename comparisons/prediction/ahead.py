"""What a prediction refuses before PyMC is loaded: files without its columns, or other rows."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from comparisons.prediction.rows import reader_of
from models.family import labelled
from models.reading.as_given import refuse_rows, rows_as_given
from models.reading.column_names import column_label
from models.reading.files import open_files, sources_at
from models.reading.table import table_cells
from models.refusal import Refusal
from models.structure import in_time

if TYPE_CHECKING:
    from comparisons.kept.head import Head
    from comparisons.kept.reading import Reading
    from models.reading.source import Files

__all__ = ["refuse_ahead", "refuse_ungrouped"]

SMALL = 1 << 24  # bytes of files that are read twice; of larger ones the first rows are


def refuse_ahead(head: Head, reading: Reading, files: Files, *, shares: bool) -> None:
    r"""Raise Refusal for files that cannot be predicted, as far as can be told without PyMC.

    head: of the comparison; reading: how the files are to be read.

    >>> from comparisons.kept.head import Head
    >>> from comparisons.kept.reading import Reading
    >>> from models import Mixture, Poisson
    >>> from models.reading.source import Files
    >>> _ = Path("new.csv").write_text("day,call\nMon,3\n")
    >>> head, reading = Head(Poisson, Mixture, None), Reading(("calls",))
    >>> refuse_ahead(head, reading, Files("new.csv"), shares=False)
    Traceback (most recent call last):
    models.refusal.Refusal: new.csv has no column 'calls'; did you mean 'call'? ...
    """
    grouped = any("group" in axes for axes in head.structure.axes().values())
    if shares:
        refuse_ungrouped(grouped=grouped)
    path, silent = str(files.path), files._replace(tell=None)
    if path == "-" or (Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir())):
        return  # a pipe can be read only once
    if reading.table:
        table_cells(silent, drop_missing=reading.drop_missing)
        return
    family = head.family
    reader = reader_of(reading, family, (), grouped=grouped, ordered=in_time(head.structure))
    if any(labelled(family, at) for at in range(len(reading.columns))):
        beside = [] if reader.beside is None else [reader.beside]
        open_files(silent, [*reader.columns.names, *beside])
        return
    size = sum(source.size for source in sources_at(silent))
    titles = [column_label(name) for name in reading.columns]
    for rows in islice(rows_as_given(silent, reader), None if size <= SMALL else 1):
        refuse_rows(rows, titles, family.observe)


def refuse_ungrouped(*, grouped: bool) -> None:
    """Raise Refusal for shares of groups of a comparison whose rows are in no groups.

    >>> refuse_ungrouped(grouped=False)
    Traceback (most recent call last):
    models.refusal.Refusal: the rows of the comparison are in no groups; --shares needs ...
    """
    if not grouped:
        raise Refusal(
            "the rows of the comparison are in no groups; --shares needs a fit with --group"
        )
