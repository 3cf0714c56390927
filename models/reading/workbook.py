"""Sheets of Excel and OpenDocument workbooks, as the text that a spreadsheet program would save."""

from __future__ import annotations

import csv
from datetime import date, datetime, time, timedelta
from io import BytesIO, StringIO
from typing import TYPE_CHECKING

from models.reading.messages import nearest, one_line, shortened
from models.refusal import Refusal, both

if TYPE_CHECKING:
    from collections.abc import Sequence

    from python_calamine import CalamineWorkbook

    from models.reading.notation import Notation
    from models.reading.source import Source

    type Cell = float | str | bool | date | time | timedelta

__all__ = ["is_workbook", "sheet_as_text"]

ZIPPED, OLD = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"  # how .xlsx and .ods begin, and .xls
EXACT = 2.0**53  # up to here whole numbers are written as such


def is_workbook(head: bytes) -> bool:
    r"""Return whether a file begins as workbooks do, and some other files.

    >>> is_workbook(b"PK\x03\x04"), is_workbook(b"a,b\n")
    (True, False)
    """
    return head.startswith((ZIPPED, OLD))


def sheet_as_text(source: Source, sheet: str | None) -> Source:
    """Return a sheet of a workbook as CSV, of which each row stands in its own line.

    sheet: its name, or its position from 1; the first one if None, which is told if there are more.
    """
    import pyarrow as pa

    with source.open() as stream:
        content = stream.read()
    book = _opened(source.label, content)
    name = _chosen(source, book.sheet_names, sheet)
    rows: list[list[Cell]] = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    text = _text(_trimmed(rows), source.notation).encode()
    if not text:
        others = ", ".join(map(shortened, (one for one in book.sheet_names if one != name)))
        remedy = f"give another {both('sheet=', '--sheet')}: {others}" if others else "fill it"
        raise Refusal(f"{source.label}: the sheet {name!r} is empty; {remedy}")
    return source._replace(head=text[:8], size=len(text), open=lambda: pa.BufferReader(text))


def _opened(label: str, content: bytes) -> CalamineWorkbook:
    """Return a workbook, or raise Refusal for what cannot be read."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError
    except ModuleNotFoundError:
        raise Refusal(
            f"{label} is an Excel workbook or another zip file; to read workbooks install "
            "python-calamine: uv sync --extra excel; or save the sheet as CSV in UTF-8"
        ) from None
    try:
        return CalamineWorkbook.from_filelike(BytesIO(content))
    except PasswordError:
        raise Refusal(f"{label} is protected by a password; save it without one") from None
    except CalamineError as problem:
        raise Refusal(
            f"{label} cannot be read as a workbook ({one_line(problem)}); save the sheet as CSV "
            "in UTF-8"
        ) from None


def _chosen(source: Source, names: Sequence[str], sheet: str | None) -> str:
    """Return the name of the sheet to read, or raise Refusal if there is none like it."""
    if not names:
        raise Refusal(f"{source.label} has no sheets; give another file")
    listed = ", ".join(map(shortened, names))
    if sheet is None:
        if len(names) > 1 and source.tell is not None:
            source.tell(
                f"{source.label}: the sheet {shortened(names[0])!r} is read, the first of "
                f"{len(names)} ({listed}); --sheet takes another"
            )
        return names[0]
    if sheet in names:
        return sheet
    if sheet.isdecimal() and 1 <= int(sheet) <= len(names):
        return names[int(sheet) - 1]
    near = nearest(sheet, names)
    guess = f"did you mean {near!r}? " if near else ""
    many = f"{len(names)} sheet{'s' * (len(names) > 1)}"
    raise Refusal(f"{source.label} has no sheet {sheet!r}; {guess}it has {many}: {listed}")


def _trimmed(rows: list[list[Cell]]) -> list[list[Cell]]:
    """Return rows without the blank ones at the end, and without blank columns at the right."""
    filled = [at for at, row in enumerate(rows) if any(cell != "" for cell in row)]
    rows = rows[: filled[-1] + 1] if filled else []
    width = max((at + 1 for row in rows for at, cell in enumerate(row) if cell != ""), default=0)
    return [row[:width] for row in rows]


def _text(rows: list[list[Cell]], notation: Notation) -> str:
    """Return rows as CSV; blank ones above the first are empty lines."""
    written = StringIO()
    writer, begun = csv.writer(written, lineterminator="\n"), False
    comma = notation.decimal == "," or (not notation.decimal and notation.thousands == ".")
    for row in rows:
        begun = begun or any(cell != "" for cell in row)
        writer.writerow([_cell(one, "," if comma else ".") for one in row] if begun else [])
    return written.getvalue()


def _cell(value: Cell, decimal: str) -> str:
    """Return a cell as text, numbers exactly, without line breaks."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        whole = float(value).is_integer() and abs(value) < EXACT
        return str(int(value)) if whole else repr(float(value)).replace(".", decimal)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return " ".join(str(value).split())
