"""Text that is not in UTF-8, as spreadsheet programs of several countries save it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models.reading.messages import one_line
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.reading.source import Source

__all__ = ["ANY_BYTES", "UTF_8", "UTF_16", "decoded", "encoding_of", "in_utf_8", "undecodable"]

UTF_8 = "utf-8-sig"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # how such text begins
ANY_BYTES = "latin-1"  # has a letter for every byte
USUAL = ("cp1252", "gb18030", "big5hkscs", "cp932", "cp949", "cp1251", "cp1250", "cp1253", "cp1254")
ALONE = re.compile(r"[A-Za-z][^\x00-\x7f][A-Za-z]")  # a letter within a word: not Chinese


def encoding_of(raw: bytes, names: Sequence[str]) -> str:
    r"""Return the encoding of text: the one in which columns have the names that are asked for.

    raw: whole lines, of which the first has the names.
    names: of columns.

    >>> encoding_of("身高\n170\n".encode("gb18030"), ["身高"])
    'gb18030'
    >>> encoding_of("Größe\n170\n".encode("latin-1"), ["Größe"])
    'cp1252'
    """
    try:
        raw.decode()
    except UnicodeDecodeError:
        pass
    else:
        return UTF_8
    wanted = [name.strip() for name in names if not name.isascii()]
    for encoding in USUAL if wanted else ():
        text = _decoded(raw, encoding)
        first = next(iter(text.lstrip("\r\n").splitlines()), "")
        if first and all(name in first for name in wanted):
            return encoding
    chinese = _decoded(raw, "gb2312")  # it has common characters alone, so that little else is it
    return "gb18030" if chinese and not ALONE.search(chinese) else ANY_BYTES


def _decoded(raw: bytes, encoding: str) -> str:
    """Return text, empty if it is not in this encoding."""
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return ""


def decoded(raw: bytes) -> str:
    r"""Return the text of bytes in an unknown encoding, different for different bytes.

    >>> decoded(b"gr\xf6\xdfe"), decoded(b"5 \x80"), decoded(b"\x81")
    ('größe', '5 €', '\\x81')
    """
    return raw.decode("cp1252", "backslashreplace")


def in_utf_8(source: Source, encoding: str) -> Source:
    """Return a source whose bytes are UTF-8 when they are read.

    >>> import pyarrow as pa
    >>> from models.reading.source import Source
    >>> text = "身高".encode("utf-16")
    >>> source = Source("a.csv", text[:8], len(text), lambda: pa.BufferReader(text))
    >>> in_utf_8(source, "utf-16").open().read().decode()
    '身高'
    """
    import pyarrow as pa

    return source._replace(
        open=lambda: pa.transcoding_input_stream(source.open(), encoding, "utf-8")
    )


def undecodable(label: str, problem: UnicodeDecodeError) -> Refusal:
    r"""Return the error for bytes that are no text.

    >>> try:
    ...     b"\xff".decode()
    ... except UnicodeDecodeError as problem:
    ...     print(undecodable("a.csv", problem))
    a.csv is not all in one encoding ('utf-8' codec can't decode byte 0xff in position 0: ...
    """
    return Refusal(
        f"{label} is not all in one encoding ({one_line(problem)}); save it as CSV in UTF-8"
    )
