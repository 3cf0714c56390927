"""CSV files, read in batches of rows; numbers are parsed from text, so that none is rounded."""

from __future__ import annotations

import csv
from io import StringIO, TextIOWrapper
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from models.reading.batch import Batch, FileTable
from models.reading.column_names import column_label, column_places, position
from models.reading.encodings import ANY_BYTES, UTF_8, encoding_of, in_utf_8, undecodable
from models.reading.messages import one_line
from models.reading.notation import UNKNOWN, Notation, of_columns, recognised, unsure
from models.reading.number_parser import NumberParser, cells
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from models.reading.labels import ColumnParser
    from models.reading.source import Source

__all__ = ["text_names", "text_table"]

HEAD = 1 << 20  # bytes from which names and delimiter are guessed
BLOCK = 1 << 23  # bytes parsed at once; more than HEAD, so that a short file is one batch
MOST_COLUMNS = 100  # that are looked at to learn how a file writes numbers
TITLES = 20  # lines in which the names of the columns are looked for
RECORDS = 10  # from which the delimiter is guessed
TOTALS = {
    *("total", "totals", "grand total", "sum", "mean", "average"),
    *("summe", "gesamt", "insgesamt", "gesamtsumme", "mittelwert", "durchschnitt"),
    *("somme", "moyenne", "totale", "suma", "media", "итого"),
    *("合计", "合計", "总计", "總計", "总和", "平均", "平均值", "합계"),
}  # what rows below a table are called
MARKS = "\t;|,"  # the comma is last because it may be a decimal comma


class Layout(NamedTuple):
    """The layout of a text file.

    first: the fields of the first line, trimmed.
    delimiter, encoding: of all lines.
    headless: whether the first line looks like data.
    whole: whether the file is no longer than HEAD.
    width: the mean length of a line, in bytes.

    >>> Layout(["sex", "height"], ";", "utf-8-sig", headless=False, whole=True, width=8.0).delimiter
    ';'
    """

    first: list[str]
    delimiter: str
    encoding: str
    headless: bool
    whole: bool
    width: float


def text_table(
    source: Source,
    names: Sequence[str],
    prefix: str,
    labels: Mapping[str, ColumnParser],
    *,
    in_order: bool = False,
) -> FileTable:
    r"""Return the columns of a CSV file; only its beginning is read.

    names: of columns, or their positions from 1.
    prefix: of places in messages, to name the file if there are several.
    labels: what numbers the labels of columns that hold no numbers.
    in_order: as `open_files` takes it.

    >>> import pyarrow as pa
    >>> from models.reading.source import Source
    >>> text = b"sex;height\nf;162,5\nm;NA\n"
    >>> source = Source("a.csv", text[:8], len(text), lambda: pa.BufferReader(text))
    >>> table = text_table(source, ["height"], prefix="", labels={})
    >>> [batch.values["height"] for piece in table.pieces for batch in piece()]
    [array([162.5,   nan])]
    """
    source, layout = _understood(source, names)
    if not in_order and not labels:
        source = _without_bare_lines(source, layout)
    places = _places(source, layout, names)
    headed = 0 if layout.headless and not _named(layout, names) else 1
    titles = {name: layout.first[place] if headed else name for name, place in places.items()}
    total = None if source.packed else max(1, round(source.size / layout.width) - headed)

    blanks = in_order and len(layout.first) == 1  # empty lines are rows
    numbers = {name: place for name, place in places.items() if name not in labels}
    written = _notations(source, layout, numbers, headed)
    if source.tell is not None and layout.whole:
        _tell_total(source, layout)
    source = source._replace(tell=None)  # it has been told

    def where(row: int) -> str:
        line = row + headed + 1 if blanks else _line_number(source, layout, row + headed)
        return f"{prefix}row {row + 1:,}" if line is None else f"{prefix}line {line:,}"

    def batches() -> Iterator[Batch]:
        parsers: dict[str, ColumnParser] = {**labels}
        for name, (notation, elsewhere) in written.items():
            parsers[name] = NumberParser(
                name, layout.delimiter, layout.whole, source.notation, elsewhere, notation
            )
        begin, skipped = 0, headed
        for read in _read(source, layout, places, blanks=blanks):
            batch = read.slice(skipped) if skipped else read
            skipped = max(0, skipped - read.num_rows)
            if batch.num_rows == 0:
                continue
            here = _from(where, begin)
            values = {
                name: parsers[name](batch.column(str(place)), here)
                for name, place in places.items()
            }
            yield Batch(values, here)
            begin += batch.num_rows
        if begin == 0:
            raise Refusal(f"{source.label} has a line of names and no rows; give at least one")

    return FileTable(source.label, titles, dict.fromkeys(titles, ""), total, (batches,))


def text_names(source: Source) -> list[str]:
    r"""Return the fields of the first line of a CSV file.

    >>> import pyarrow as pa
    >>> from models.reading.source import Source
    >>> text = b"sex;height\nf;162,5\n"
    >>> text_names(Source("a.csv", text[:8], len(text), lambda: pa.BufferReader(text)))
    ['sex', 'height']
    """
    return _understood(source, [])[1].first


def _from(where: Callable[[int], str], begin: int) -> Callable[[int], str]:
    return lambda row: where(begin + row)


def _read(
    source: Source, layout: Layout, places: dict[str, int], *, blanks: bool
) -> Iterator[pa.RecordBatch]:
    """Yield batches of columns as bytes in any encoding, each named by its index.

    blanks: an empty line is a row.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow

    wanted = list(dict.fromkeys(str(place) for place in places.values()))
    try:
        yield from arrow.open_csv(
            source.open(),
            read_options=arrow.ReadOptions(
                column_names=[str(i) for i in range(len(layout.first))], block_size=BLOCK
            ),
            parse_options=arrow.ParseOptions(
                delimiter=layout.delimiter, newlines_in_values=True, ignore_empty_lines=not blanks
            ),
            convert_options=arrow.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.binary())
            ),
        )
    except UnicodeDecodeError as problem:
        raise undecodable(source.label, problem) from None
    except (pa.ArrowException, OSError) as problem:
        raise Refusal(_uneven(source, layout) or f"{source.label}: {one_line(problem)}") from None


def _notations(
    source: Source, layout: Layout, places: dict[str, int], headed: int
) -> dict[str, tuple[Notation, Notation]]:
    """Return how numbers are written in columns, and elsewhere in the file, and tell it.

    Only the beginning of the file is read; what it does not show is not known.
    """
    if not places:
        return {}
    try:
        texts = _beginning_of(source, layout, list(places.values()), headed)
        elsewhere = UNKNOWN
        if any(unsure(one) for one in texts.values()):
            columns = range(min(len(layout.first), MOST_COLUMNS))
            others = _beginning_of(source, layout, columns, headed)
            elsewhere = of_columns(list(others.values()), source.notation)
    except Refusal:  # which reading will raise
        return dict.fromkeys(places, (UNKNOWN, UNKNOWN))
    found = {
        name: recognised(texts[place], source.notation, elsewhere, layout.delimiter)
        for name, place in places.items()
    }
    known = {name: one for name, one in found.items() if isinstance(one, Notation)}
    if source.tell is not None:
        for notation in dict.fromkeys(known.values()):
            names = [name for name, one in known.items() if one == notation]
            said = notation.told(texts[places[names[0]]], source.notation)
            if said:
                source.tell(f"{', '.join(map(column_label, names))}: {said}")
    return {name: (known.get(name, UNKNOWN), elsewhere) for name in places}


def _without_bare_lines(source: Source, layout: Layout) -> Source:
    """Return a small file whose lines of separators alone are blank lines, and tell how many.

    Spreadsheet programs write such lines below a table. Files with quotes stay: a line may be a
    part of a quoted value.
    """
    if not layout.whole or len(layout.first) == 1:
        return source
    import pyarrow as pa

    with source.open() as stream:
        raw: bytes = stream.read()
    mark = layout.delimiter.encode()
    lines = [] if b'"' in raw else raw.splitlines(keepends=True)
    bare = [at for at, line in enumerate(lines) if mark in line and not line.strip(mark + b" \r\n")]
    if not bare:
        return source
    for at in bare:
        lines[at] = b"\n"
    text = b"".join(lines)
    if source.tell is not None:
        what = "has no value and counts as a blank line"
        if len(bare) > 1:
            what = f"and {len(bare) - 1:,} more have no value and count as blank lines"
        source.tell(f"{source.label}: line {bare[0] + 1:,} {what}")
    return source._replace(size=len(text), open=lambda: pa.BufferReader(text))


def _tell_total(source: Source, layout: Layout) -> None:
    """Tell if the last row seems to be a total, which would count as an observation."""
    assert source.tell is not None
    try:
        last = [(line, record) for line, record in _records(source, layout) if any(record)][-1]
    except (csv.Error, OSError, UnicodeDecodeError):
        return  # which reading will tell
    words = [field for field in last[1] if field.strip().rstrip(":").casefold() in TOTALS]
    if words:
        source.tell(
            f"{source.label}: line {last[0]:,}, the last one, is called {words[0]!r}; if it is a "
            "total, delete it: it is read as a row like the others"
        )


def _beginning_of(
    source: Source, layout: Layout, places: Sequence[int], headed: int
) -> dict[int, pa.Array]:
    """Return the text of columns in the first rows, as numbers are written, without blanks."""
    import pyarrow as pa

    with source.open() as stream:
        head = stream.read(HEAD)
    if not layout.whole:
        head = head[: max(head.rfind(b"\n"), head.rfind(b"\r")) + 1]
    short = source._replace(open=lambda: pa.BufferReader(head))
    wanted = {str(place): place for place in places}
    read = [one.slice(headed) for one in _read(short, layout, wanted, blanks=False)]
    return {
        place: cells(pa.concat_arrays([one.column(name) for one in read]))
        for name, place in wanted.items()
    }


def _line_number(source: Source, layout: Layout, record: int) -> int | None:
    """Return the line, from 1, at which a record begins; None if quotes are read differently.

    Without quotes every line that is not blank is a record, and counting lines is fast.
    """
    number, rest, left = 0, b"", record
    with source.open() as stream:
        while piece := stream.read(BLOCK):
            if piece.endswith(b"\r"):
                piece += stream.read(1)
            if b'"' in piece:
                break
            lines = (rest + piece).splitlines(keepends=True)
            rest = b"" if lines[-1].endswith((b"\n", b"\r")) else lines.pop()
            full = [at for at, line in enumerate(lines) if line.strip(b"\r\n")]
            if left < len(full):
                return number + full[left] + 1
            left, number = left - len(full), number + len(lines)
        else:
            return number + 1 if rest and left == 0 else None
    try:
        begins = (line for line, fields in _records(source, layout) if fields)
        return next(islice(begins, record, None))
    except (csv.Error, StopIteration):  # Arrow reads these quotes differently
        return None


def _understood(source: Source, names: Sequence[str]) -> tuple[Source, Layout]:
    """Return a text file in UTF-8, or in an encoding whose numbers are the same, and its layout.

    names: of columns that are asked for, by which encodings are told apart.
    """
    layout = _layout(source, names)
    if layout.encoding in {UTF_8, ANY_BYTES}:
        return source, layout
    return in_utf_8(source, layout.encoding), layout._replace(encoding=UTF_8)


def _layout(source: Source, names: Sequence[str]) -> Layout:
    """Guess the layout of a text file from its beginning."""
    try:
        with source.open() as stream:
            raw = stream.read(HEAD)
    except UnicodeDecodeError as problem:
        raise undecodable(source.label, problem) from None
    except OSError as problem:
        raise Refusal(f"{source.label} is a broken gzip file ({one_line(problem)})") from None
    if b"\0" in raw:
        raise Refusal(f"{source.label} is not text; save it as CSV in UTF-8, or as Parquet")
    cut = len(raw) == HEAD
    lines = raw.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)
    lines = lines[:-1] if cut and len(lines) > 1 else lines
    encoding = encoding_of(b"".join(lines), names)
    text = b"".join(lines).decode(encoding)
    if not text.strip():
        raise Refusal(f"{source.label} is empty; give a line of names and rows of numbers")
    try:
        delimiter = _delimiter(text)
        first = [field.strip() for field in _beginning(text, delimiter)[0]]
    except csv.Error as problem:
        raise Refusal(
            f"{source.label} is no CSV ({problem}); is a quotation mark left open?"
        ) from None
    width = sum(map(len, lines)) / len(lines)
    return Layout(first, delimiter, encoding, _looks_like_data(first), not cut, width)


def _beginning(text: str, delimiter: str) -> list[list[str]]:
    """Return the first RECORDS records that are not blank."""
    found = []
    for record in csv.reader(StringIO(text, newline=""), delimiter=delimiter):
        if record:
            found.append(record)
        if len(found) == RECORDS:
            break
    return found


def _delimiter(text: str) -> str:
    """Return the delimiter that gives several columns, as many in the next lines if possible."""
    widths = {mark: [len(one) for one in _beginning(text, mark)] for mark in MARKS}
    several = [mark for mark in MARKS if widths[mark][0] > 1]
    even = [mark for mark in several if len(set(widths[mark])) == 1]
    if even:
        return even[0]
    if not several and _splits(text):  # a column alone, with decimal commas and no quotes
        return ";"
    return max(several, key=lambda mark: widths[mark][0], default=",")


def _splits(text: str) -> bool:
    """Return whether commas would split some records of a file whose first line has none."""
    return "," in text and any(len(one) > 1 for one in csv.reader(StringIO(text, newline="")))


def _looks_like_data(first: list[str]) -> bool:
    """Return whether all fields of the first line are numbers."""
    try:
        numbers = [float(field.replace(",", ".")) for field in first if field]
    except ValueError:
        return False
    return len(numbers) > 0


def _named(layout: Layout, names: Sequence[str]) -> bool:
    """Return whether a column is asked for by its name in the first line."""
    return any(name.strip() in layout.first for name in names)


def _places(source: Source, layout: Layout, names: Sequence[str]) -> dict[str, int]:
    """Return the index of each column, or raise Refusal if the first line may have no names."""
    columns, count = layout.first, len(layout.first)
    if layout.headless:
        for name in names:
            known, place = name.strip() in columns, position(name.strip(), count)
            if known and place is not None:
                raise Refusal(
                    f"{source.label}: the first line looks like data, so {name!r} may be a name "
                    "or a position; put a line of names above it"
                )
            if not known and place is None:
                raise Refusal(
                    f"{source.label} has no column {name!r}; the first line looks like data "
                    f"({', '.join(columns[:3])}{', ...' * (count > 3)}): put a line of names above "
                    f"it, or ask for columns by position, 1 to {count}"
                )
        if not _named(layout, names):
            return {name: int(name) - 1 for name in names}
    try:
        return column_places(source.label, columns, names)
    except Refusal:
        strange = [name for name in names if name.strip() not in columns]
        line = _named_below(source, layout, [n for n in strange if position(n, count) is None])
        if line is None:
            raise
        raise Refusal(
            f"{source.label}: the names of the columns stand in line {line:,}; delete the lines "
            "above it"
        ) from None


def _named_below(source: Source, layout: Layout, names: Sequence[str]) -> int | None:
    """Return the line, from 1, that names columns below a title; None if there is none."""
    with source.open() as stream:
        head = stream.read(HEAD).decode(layout.encoding, errors="replace")
    for line, text in enumerate(head.splitlines()[:TITLES], 1):
        for mark in MARKS:
            fields = [field.strip(' "') for field in text.split(mark)]
            if line > 1 and names and all(name.strip() in fields for name in names):
                return line
    return None


def _records(source: Source, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield the line, from 1, at which each record begins, and the record; blank ones are empty."""
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
    """Return the message about the first line of another length than line 1; None if none is."""
    width = len(layout.first)
    try:
        for line, record in _records(source, layout):
            if record and len(record) != width:
                values = f"{len(record)} value{'s' * (len(record) != 1)}"
                remedy = (
                    "; write decimals with a point, or name each column"
                    if width == 1
                    else "; is a value missing, or a quotation mark around one with a delimiter?"
                )
                return (
                    f"{source.label}: line {line:,} has {values}, "
                    f"the first line has {width}{remedy}"
                )
    except (csv.Error, OSError, UnicodeDecodeError):
        return None
    return None
