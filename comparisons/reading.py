"""Columns of numbers, read from CSV and Parquet files."""

from __future__ import annotations

import csv
import os
import stat
import sys
from difflib import get_close_matches
from io import StringIO, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.sample import LARGEST_WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from models.family import Array

__all__ = ["Columns", "InputError", "read_columns"]

HEAD = 1 << 20  # bytes from which header and delimiter are told
RECORDS = 10  # of them
MARKS = "\t;|,"  # the comma last: it may be a decimal one beside any of the others
NAMED = 8  # columns that a message lists
SHOWN = 40  # characters of a bad value, or of a name, that a message shows
BATCH = 1 << 20  # rows of Parquet held at once beside the result
MISSING = ("", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none")
LOGICAL = ("false", "true")
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(?i:inf|infinity)$"
WHOLE = r"^[+-]?[0-9]+$"
COMMA = r"^[+-]?[0-9]+,[0-9]+([eE][+-]?[0-9]+)?$"
THOUSANDS = r"^[+-]?[1-9][0-9]{0,2},[0-9]{3}$"
OTHERS = {
    b"PK\x03\x04": "an Excel workbook or another zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"ARROW1": "an Arrow file",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy file",
    b"BZh": "a bzip2 file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


class InputError(ValueError):
    """What is wrong with a file that was given, in one line."""

    def __init__(self, said: str) -> None:
        """Keep a sentence, its line breaks and control characters spelt out.

        said: may quote a file, which must neither break the line nor command the terminal.
        """
        plain = (one if one.isprintable() else repr(one)[1:-1] for one in said)
        super().__init__("".join(plain))


class Source(NamedTuple):
    """Where bytes come from.

    label: for messages.
    head: the first few bytes.
    open: return an Arrow file at its beginning.
    """

    label: str
    head: bytes
    open: Callable[[], pa.NativeFile]


class Layout(NamedTuple):
    """How a text file is laid out.

    first: the fields of its first line, trimmed.
    delimiter, encoding: of its lines.
    headless: whether the first line looks like data.
    """

    first: list[str]
    delimiter: str
    encoding: str
    headless: bool


class Found(NamedTuple):
    """Columns as they were read.

    values: (n,) by name, NaN where there is none.
    where: says where a row, counted from 0, is in the file.
    """

    values: dict[str, Array]
    where: Callable[[int], str]


class Columns(NamedTuple):
    """Columns of numbers without blanks.

    values: (n,) by name.
    dropped: how many rows were.
    where: says where a row, counted from 0, is in the file.
    """

    values: dict[str, Array]
    dropped: int
    where: Callable[[int], str]


def read_columns(path: str | Path, names: Sequence[str], *, drop_missing: bool = False) -> Columns:
    """Return columns of numbers by name.

    path: a CSV file (also with semicolons, tabs or bars, also gzipped), a Parquet file, or "-" for
        standard input.
    names: of the columns, or their positions counted from 1 where no column is so called.
    drop_missing: drop the rows where one of these columns has no value.
    """
    if isinstance(names, str) or not names:
        raise InputError(f"names is {names!r}; give a list of columns")
    source = _source(path)
    found = _parquet(source, names) if source.head[:4] == b"PAR1" else _csv(source, names)
    for name, values in found.values.items():
        endless = np.isinf(values)
        if endless.any():
            row = int(np.argmax(endless))
            raise InputError(
                f"{name}: {found.where(row)} is {values[row]:g}, which is not finite; "
                "remove or impute such rows"
            )
    return _present(found, drop_missing)


def _present(found: Found, drop: bool) -> Columns:
    """Return the rows that have a value in every column."""
    columns = found.values
    blank = {name: np.isnan(values) for name, values in columns.items()}
    missing = np.logical_or.reduce(list(blank.values()))
    dropped = int(missing.sum())
    if dropped == 0:
        return Columns(columns, 0, found.where)
    rows = f"{len(missing):,} row{'s' * (len(missing) > 1)}"
    if dropped == len(missing):
        which = next(iter(blank)) if len(blank) == 1 else f"each of {', '.join(blank)}"
        raise InputError(f"none of {rows} has a value of {which}; give other columns")
    if not drop:
        told = ", ".join(
            f"{name}: {bad.sum():,} of {rows}" for name, bad in blank.items() if bad.any()
        )
        raise InputError(f"{told} without a value (blank, NA or NaN); --drop-missing drops them")
    kept = np.flatnonzero(~missing)
    return Columns(
        {name: values[kept] for name, values in columns.items()},
        dropped,
        lambda row: found.where(int(kept[row])),
    )


def _source(path: str | Path) -> Source:
    """Return a file's bytes, or raise InputError if there are none to be had."""
    import pyarrow as pa

    file = Path(path)
    label = "standard input" if str(path) == "-" else str(path)
    try:
        if str(path) != "-" and stat.S_ISREG(file.stat().st_mode):
            with file.open("rb") as stream:
                head = stream.read(8)
            whole = None
        else:  # a pipe can be read only once
            whole = sys.stdin.buffer.read() if str(path) == "-" else file.read_bytes()
            head = whole[:8]
    except FileNotFoundError:
        raise InputError(_lost(file)) from None
    except IsADirectoryError:
        raise InputError(f"{label} is a folder; give a file") from None
    except PermissionError:
        raise InputError(f"{label} may not be read; ask for permission, or copy it") from None
    except OSError as problem:
        raise InputError(f"{label} cannot be read: {problem.strerror or problem}") from None
    _refuse_others(label, head, file)

    def opened() -> pa.NativeFile:
        raw = pa.OSFile(os.fsencode(path)) if whole is None else pa.BufferReader(whole)
        return pa.CompressedInputStream(raw, "gzip") if head.startswith(b"\x1f\x8b") else raw

    return Source(label, head, opened)


def _refuse_others(label: str, head: bytes, file: Path) -> None:
    """Raise InputError if the first bytes are neither text nor Parquet."""
    if not head:
        raise InputError(f"{label} is empty; give a file with a line of names and rows of numbers")
    for magic, what in OTHERS.items():
        if head.startswith(magic):
            raise InputError(f"{label} is {what}; save it as CSV in UTF-8, or as Parquet")
    if head[:4] != b"PAR1" and file.suffix.lower() in {".parquet", ".pq"}:
        raise InputError(f"{label} is no Parquet file, or a broken one; write it anew")


def _lost(file: Path) -> str:
    """Say that there is no such file, and which one may be meant."""
    try:
        there = [one.name for one in file.parent.iterdir() if one.is_file()]
    except OSError:
        return f"there is no folder {file.parent}; check the path of {file.name}"
    # by the stem alone: else every short name with the same suffix looks near
    stems = {_stem(name) for name in there}
    near = get_close_matches(_stem(file.name), stems, n=3, cutoff=0.75)
    meant = sorted((n for n in there if _stem(n) in near), key=lambda n: near.index(_stem(n)))
    remedy = f"did you mean {' or '.join(meant[:3])}?" if near else "check its name and folder"
    return f"there is no file {file}; {remedy}"


def _stem(name: str) -> str:
    """Return a file's name without its suffixes, in small letters."""
    return name.split(".", maxsplit=1)[0].lower()


def _chosen(label: str, columns: list[str], names: Sequence[str]) -> dict[str, int]:
    """Return the place, from 0, of each column asked for by name or by position."""
    places = {}
    for name in names:
        wanted = name.strip()
        times = columns.count(wanted)
        if times > 1:
            raise InputError(f"{label} has {times} columns called {wanted!r}; rename all but one")
        if times == 1:
            places[name] = columns.index(wanted)
        elif (place := _position(wanted, len(columns))) is not None:
            places[name] = place
        else:
            raise InputError(_unknown(label, columns, wanted))
    taken: dict[int, str] = {}
    for name, place in places.items():
        if place in taken:
            raise InputError(f"{taken[place]} and {name} are the same column; give each once")
        taken[place] = name
    return places


def _position(name: str, columns: int) -> int | None:
    """Return the place, from 0, of a column asked for by position, from 1; None if it is none."""
    number = int(name) if name.isascii() and name.isdigit() else 0
    return number - 1 if 1 <= number <= columns else None


def _unknown(label: str, columns: list[str], name: str) -> str:
    """Say that there is no such column, which one may be meant, and which there are."""
    lowered = {column.lower(): column for column in reversed(columns)}
    near = get_close_matches(name.lower(), lowered, n=1)
    guess = f"did you mean {lowered[near[0]]!r}? " if near else ""
    listed = ", ".join(map(_short, columns[:NAMED])) + ", ..." * (len(columns) > NAMED)
    count = f"{len(columns):,} column{'s' * (len(columns) > 1)}"
    return f"{label} has no column {name!r}; {guess}it has {count}: {listed}"


def _not_a_number(name: str, place: str, value: str, remedy: str = "") -> InputError:
    """Return the error for a value that is no number."""
    return InputError(f"{name}: {place} is {_short(value)!r}, which is not a number{remedy}")


def _short(text: str) -> str:
    """Return as much of a text as a message shows."""
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


# Parquet


def _parquet(source: Source, names: Sequence[str]) -> Found:
    """Read columns of a Parquet file, a batch of rows at a time."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(source.open()) as file:
            columns, n = file.schema_arrow.names, file.metadata.num_rows
            if n == 0:
                raise InputError(f"{source.label} has no rows; give at least one")
            places = _chosen(source.label, [column.strip() for column in columns], names)
            values, begin = {name: np.empty(n) for name in places}, 0
            wanted = list(dict.fromkeys(columns[place] for place in places.values()))
            for batch in file.iter_batches(batch_size=BATCH, columns=wanted):
                for name, place in places.items():
                    part = _doubles(name, batch.column(columns[place]), begin)
                    values[name][begin : begin + len(part)] = part
                begin += batch.num_rows
    except (pa.ArrowException, OSError) as problem:
        raise InputError(
            f"{source.label} is a broken Parquet file ({_line(problem)}); write it anew"
        ) from None
    return Found(values, _row)


def _row(row: int) -> str:
    """Say where a row, counted from 0, is."""
    return f"row {row + 1:,}"


def _doubles(name: str, column: pa.Array, begin: int) -> Array:
    """Return rows of Parquet, from one on, as doubles, NaN where there is no value."""
    import pyarrow as pa
    from pyarrow import compute, types

    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if types.is_integer(kind):
        # the cast of a number that no double holds would fail without saying where it is
        low, high = (bound.as_py() for bound in compute.min_max(column).values())
        if low is not None and max(-low, high) >= LARGEST_WHOLE:
            every = column.to_pylist()
            row = next(i for i, one in enumerate(every) if abs(one or 0) >= LARGEST_WHOLE)
            raise _too_large(name, _row(begin + row), str(every[row]))
    elif not (types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)):
        there = column.is_valid().to_numpy(zero_copy_only=False)
        if there.any():
            row = int(np.argmax(there))
            remedy = f"; the column is of type {kind}"
            raise _not_a_number(name, _row(begin + row), str(column[row].as_py()), remedy)
        return np.full(len(column), np.nan)
    found: Array = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _too_large(name: str, place: str, value: str) -> InputError:
    """Return the error for a whole number that a double would round."""
    return InputError(
        f"{name}: {place} is {value}, which a double cannot hold exactly; subtract an offset"
    )


def _line(problem: Exception) -> str:
    """Return what an error of Arrow says, in one line."""
    return " ".join(str(problem).split())[:200].rstrip(".")


# CSV


def _csv(source: Source, names: Sequence[str]) -> Found:
    """Read columns of a CSV file, all as text first, so that nothing is rounded unseen."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    layout = _layout(source)
    places = _places(source, layout, names)
    skipped = 0 if layout.headless and not _named(layout, names) else 1

    def where(row: int) -> str:
        try:
            lines = (line for line, record in _records(source, layout) if record)
            return f"line {next(islice(lines, row + skipped, None)):,}"
        except (csv.Error, StopIteration):  # quotes that Arrow takes otherwise
            return _row(row)

    wanted = list(dict.fromkeys(str(place) for place in places.values()))
    try:
        table = arrow.read_csv(
            source.open(),
            read_options=arrow.ReadOptions(column_names=[str(i) for i in range(len(layout.first))]),
            parse_options=arrow.ParseOptions(delimiter=layout.delimiter, newlines_in_values=True),
            convert_options=arrow.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.binary()),  # of any encoding
            ),
        ).slice(skipped)
    except (pa.ArrowException, OSError) as problem:
        raise InputError(_uneven(source, layout) or f"{source.label}: {_line(problem)}") from None
    if table.num_rows == 0:
        raise InputError(f"{source.label} has a line of names and no rows; give at least one")
    values = {
        name: _parsed(name, _text(table.column(str(place))), layout.delimiter, where)
        for name, place in places.items()
    }
    return Found(values, where)


def _layout(source: Source) -> Layout:
    """Tell encoding, delimiter and first line of a text file from its beginning."""
    try:
        with source.open() as stream:
            raw = stream.read(HEAD)
    except OSError as problem:
        raise InputError(f"{source.label} is a broken gzip file ({_line(problem)})") from None
    if b"\0" in raw:
        raise InputError(f"{source.label} is not text; save it as CSV in UTF-8, or as Parquet")
    cut = len(raw) == HEAD
    lines = raw.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)
    lines = lines[:-1] if cut and len(lines) > 1 else lines
    encoding = "utf-8-sig"
    try:
        text = b"".join(lines).decode("utf-8")
    except UnicodeDecodeError:  # what is neither is of no account in names and numbers
        encoding = "latin-1"
        text = b"".join(lines).decode(encoding)
    if not text.strip():
        raise InputError(f"{source.label} is empty; give a line of names and rows of numbers")
    try:
        delimiter = _delimiter(text)
        first = [field.strip() for field in _beginning(text, delimiter)[0]]
    except csv.Error as problem:
        raise InputError(
            f"{source.label} is no CSV ({problem}); is a quotation mark left open?"
        ) from None
    return Layout(first, delimiter, encoding, _looks_like_data(first))


def _beginning(text: str, delimiter: str) -> list[list[str]]:
    """Return the first few records that are not blank."""
    found = []
    for record in csv.reader(StringIO(text, newline=""), delimiter=delimiter):
        if record:
            found.append(record)
        if len(found) == RECORDS:
            break
    return found


def _delimiter(text: str) -> str:
    """Return the delimiter of the first line, if need be the one that fits the next lines too."""
    widths = {mark: [len(one) for one in _beginning(text, mark)] for mark in MARKS}
    several = [mark for mark in MARKS if widths[mark][0] > 1]
    even = [mark for mark in several if len(set(widths[mark])) == 1]
    if even:
        return even[0]
    return max(several, key=lambda mark: widths[mark][0], default=",")


def _looks_like_data(first: list[str]) -> bool:
    """Return whether the first line has numbers where names are due."""
    try:
        numbers = [float(field.replace(",", ".")) for field in first if field]
    except ValueError:
        return False
    return len(numbers) > 0


def _named(layout: Layout, names: Sequence[str]) -> bool:
    """Return whether a column is asked for by what the first line calls it."""
    return any(name.strip() in layout.first for name in names)


def _places(source: Source, layout: Layout, names: Sequence[str]) -> dict[str, int]:
    """Return the places of columns, after a look at whether the first line has names at all."""
    columns, count = layout.first, len(layout.first)
    if layout.headless:
        for name in names:
            known, place = name.strip() in columns, _position(name.strip(), count)
            if known and place is not None:
                raise InputError(
                    f"{source.label}: the first line looks like data, so {name!r} may be a name "
                    "or a position; put a line of names above it"
                )
            if not known and place is None:
                raise InputError(
                    f"{source.label} has no column {name!r}; the first line looks like data "
                    f"({', '.join(columns[:3])}{', ...' * (count > 3)}): put a line of names above "
                    f"it, or ask for columns by position, 1 to {count}"
                )
        if not _named(layout, names):
            return {name: int(name) - 1 for name in names}
    return _chosen(source.label, columns, names)


def _records(source: Source, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield the line, from 1, at which a record begins, and the record; blank ones are empty."""
    with (
        source.open() as stream,
        TextIOWrapper(
            stream, encoding=layout.encoding, errors="backslashreplace", newline=""
        ) as text,
    ):
        reader, begin = csv.reader(text, delimiter=layout.delimiter), 1
        for record in reader:
            yield begin, record
            begin = reader.line_num + 1


def _uneven(source: Source, layout: Layout) -> str | None:
    """Say which line is longer or shorter than the first; None if none is."""
    width = len(layout.first)
    try:
        for line, record in _records(source, layout):
            if record and len(record) != width:
                values = f"{len(record)} value{'s' * (len(record) != 1)}"
                remedy = (
                    "; write decimals with a point, or name each column"
                    if width == 1
                    else "; is a value missing, or one with a delimiter in it not quoted?"
                )
                return (
                    f"{source.label}: line {line:,} has {values}, "
                    f"the first line has {width}{remedy}"
                )
    except (csv.Error, OSError):
        return None
    return None


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return bytes as trimmed text; numbers are the same in Latin-1."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        text = column.cast(pa.string())
    except pa.ArrowInvalid:
        text = pa.chunked_array([[one.decode("latin-1") for one in column.to_pylist()]])
    return compute.utf8_trim_whitespace(text)


def _parsed(name: str, text: pa.ChunkedArray, delimiter: str, where: Callable[[int], str]) -> Array:
    """Return a column of text as doubles, NaN where there is no value."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        values = text.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        values = _cleaned(name, text, delimiter, where).to_numpy()
    # a double from 2**53 on was rounded if it was written as a whole number
    large = np.flatnonzero(np.isfinite(values) & (np.abs(values) >= LARGEST_WHOLE))
    if len(large):
        written = text.take(pa.array(large))
        whole = compute.match_substring_regex(written, WHOLE).to_numpy()
        if whole.any():
            row = int(np.argmax(whole))
            raise _too_large(name, where(int(large[row])), written[row].as_py())
    return values


def _much_text(number: pa.ChunkedArray, blank: pa.ChunkedArray) -> str:
    """Say how many rows are text, and what to do about it."""
    text = ~(number.to_numpy() | blank.to_numpy())
    rows = f"{text.sum():,} of {len(text):,} row{'s' * (len(text) > 1)}"
    if text.sum() + blank.to_numpy().sum() == len(text):
        return f"; no row of {len(text):,} is one: give a column of numbers"
    verb, them = ("are", "them") if text.sum() > 1 else ("is", "it")
    return f"; {rows} {verb} text: mend {them}, or blank {them} and --drop-missing"


def _cleaned(
    name: str, text: pa.ChunkedArray, delimiter: str, where: Callable[[int], str]
) -> pa.ChunkedArray:
    """Return numbers from text with blanks, signs, logical values or decimal commas."""
    import pyarrow as pa
    from pyarrow import compute

    lower = compute.utf8_lower(text)
    blank = compute.is_in(lower, value_set=pa.array(MISSING))
    there = compute.if_else(blank, pa.scalar(None, pa.string()), text)

    def every(fits: pa.ChunkedArray) -> bool:
        return compute.all(compute.or_(fits, blank), min_count=0).as_py()

    def matches(pattern: str) -> pa.ChunkedArray:
        return compute.match_substring_regex(text, pattern)

    number = matches(NUMBER)
    if every(compute.is_in(lower, value_set=pa.array(LOGICAL))):
        truth = compute.equal(compute.if_else(blank, None, lower), "true")
        return truth.cast(pa.float64())
    if not every(number):
        comma = matches(COMMA)
        some = compute.any(comma, min_count=0).as_py()
        row = int(np.argmin(compute.or_(number, blank).to_numpy()))
        if not some or not every(compute.or_(comma, matches(WHOLE))):
            hint = (
                "; write decimals with a point" if comma[row].as_py() else _much_text(number, blank)
            )
            raise _not_a_number(name, where(row), text[row].as_py(), hint)
        if delimiter == "," or every(compute.or_(matches(THOUSANDS), matches(WHOLE))):
            remedy = ", or one with a decimal comma or a thousands separator; write it with neither"
            raise _not_a_number(name, where(row), text[row].as_py(), remedy)
        there = compute.replace_substring(there, ",", ".")
    return there.cast(pa.float64())
