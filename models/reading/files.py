"""Files of any kind, as columns that can be read in batches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.reading.batch import OpenFiles
from models.reading.encodings import UTF_16, in_utf_8
from models.reading.parquet import parquet_names, parquet_table
from models.reading.source import Files, sources_of
from models.reading.text import text_names, text_table
from models.reading.workbook import is_workbook, sheet_as_text
from models.refusal import Refusal, both

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.reading.batch import FileTable
    from models.reading.labels import ColumnParser
    from models.reading.source import Paths, Source

__all__ = ["column_names", "open_files", "open_sources", "sources_at"]


def open_files(
    path: Paths,
    names: Sequence[str],
    *,
    drop_missing: bool = False,
    labels: Mapping[str, ColumnParser] | None = None,
    in_order: bool = False,
    partly_seen: Sequence[str] = (),
) -> OpenFiles:
    r"""Return the columns of files; only the beginnings of the files are read.

    path: one file or a list of them: CSV (also with semicolons, tabs or bars, also gzipped),
        Parquet, or with the extra `excel` a workbook; a pattern such as "2026-*.parquet"; or "-"
        for standard input. `Files` are these and what is known of how they are written.
    names: of columns, or their positions from 1 where no column has that name.
    drop_missing: drop rows with a missing value in one of these columns.
    labels: what numbers the labels of columns that hold no numbers.
    in_order: an empty line of a file of one column is a row without a value, not a line to skip.
    partly_seen: columns whose values may be missing, unless rows with any are dropped.

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile("w", suffix=".csv") as file:
    ...     file.write("sex,height\nf,162.5\nm,NA\n") and file.flush()
    ...     files = open_files(file.name, ["height"], drop_missing=True)
    ...     [batch.values for batch, _ in files.batches()]
    [{'height': array([162.5])}]
    """
    return open_sources(
        sources_at(path),
        names,
        drop_missing=drop_missing,
        labels=labels,
        in_order=in_order,
        partly_seen=partly_seen,
    )


def sources_at(path: Paths) -> list[Source]:
    r"""Return the bytes of files, which `open_files` explains.

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile("w", suffix=".csv") as file:
    ...     file.write("sex,height\nf,162.5\n") and file.flush()
    ...     column_names(sources_at(file.name)[0])
    ['sex', 'height']
    """
    files = path if isinstance(path, Files) else Files(path)
    given = [files.path] if isinstance(files.path, str | Path) else list(files.path)
    if not given:
        raise Refusal("the list of files is empty; give at least one")
    return [_as_said(source, files) for one in given for source in sources_of(one)]


def _as_said(source: Source, files: Files) -> Source:
    """Return a source that is read as the user says; a sheet of a workbook is text."""
    source = source._replace(notation=files.notation, tell=files.tell)
    if is_workbook(source.head):
        return sheet_as_text(source, files.sheet or files.usual)
    if source.head.startswith(UTF_16):
        source = in_utf_8(source, "utf-16")._replace(size=max(1, source.size // 2))
    if files.sheet is not None:
        raise Refusal(
            f"{source.label} is not a workbook, so it has no sheet {files.sheet!r}; leave the "
            f"sheet out {both('sheet=', '--sheet')}"
        )
    return source


def column_names(source: Source) -> list[str]:
    """Return the names of all columns of a file; `sources_at` has an example."""
    return parquet_names(source) if _is_parquet(source) else text_names(source)


def open_sources(
    sources: Sequence[Source],
    names: Sequence[str],
    *,
    drop_missing: bool = False,
    labels: Mapping[str, ColumnParser] | None = None,
    in_order: bool = False,
    partly_seen: Sequence[str] = (),
) -> OpenFiles:
    r"""Return the columns of files, of which the bytes are known; else as `open_files`.

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile("w", suffix=".csv") as file:
    ...     file.write("sex,height\nf,162.5\n") and file.flush()
    ...     open_sources(sources_at(file.name), ["height"]).tables[0].titles
    {'height': 'height'}
    """
    if isinstance(names, str) or not names:
        raise Refusal(f"names is {names!r}; give a list of columns")
    tables = []
    for source in sources:
        kind = parquet_table if _is_parquet(source) else text_table
        prefix = f"{source.label}, " if len(sources) > 1 else ""
        tables.append(kind(source, names, prefix, labels or {}, in_order=in_order))
        _refuse_unlike(tables[0], tables[-1])
    blank = () if drop_missing else tuple(partly_seen)
    return OpenFiles(tuple(tables), tuple(names), drop_missing, blank)


def _is_parquet(source: Source) -> bool:
    return source.head[:4] == b"PAR1"


def _refuse_unlike(first: FileTable, other: FileTable) -> None:
    """Raise Refusal if the columns of two files differ in name or type."""
    for name, title in other.titles.items():
        if title != first.titles[name]:
            raise Refusal(
                f"{other.label} calls column {name} {title!r}, {first.label} "
                f"{first.titles[name]!r}; ask for it by name"
            )
        kinds = first.kinds[name], other.kinds[name]
        if all(kinds) and kinds[0] != kinds[1]:
            raise Refusal(
                f"{name} is of type {kinds[1]} in {other.label}, of type {kinds[0]} in "
                f"{first.label}; give files of one kind"
            )
