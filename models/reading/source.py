"""The bytes of a file, of several files, or of a pipe."""

from __future__ import annotations

import glob
import os
import stat
import sys
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, NamedTuple

from models.reading.notation import UNKNOWN, Notation
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO

    import pyarrow as pa

type Paths = str | Path | Sequence[str | Path] | Files
"""Where files are: a path, a list of paths, or these and how the files are written."""

__all__ = ["Files", "Paths", "Source", "path_of", "sources_of"]

PIPED = 1 << 26  # bytes of a pipe kept in memory; more go to a temporary file
COPIED = 1 << 22  # bytes copied at once
OTHERS = {
    b"ARROW1": "an Arrow file",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy file",
    b"BZh": "a bzip2 file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
}


class Files(NamedTuple):
    """Files, and what the user says of how they are written.

    path: a file, a list of files, a pattern, or "-"; as `open_files` takes it.
    notation: how numbers are written, as far as it is said.
    sheet: of workbooks, its name, or its position from 1; the first one if None.
    tell: called with one line about what was recognised.
    usual: the sheet of workbooks if none is said.

    >>> Files("a.csv", Notation(",")).notation.decimal
    ','
    """

    path: str | Path | Sequence[str | Path]
    notation: Notation = UNKNOWN
    sheet: str | None = None
    tell: Callable[[str], None] | None = None
    usual: str | None = None


class Source(NamedTuple):
    """The bytes of one file.

    label: the file's name in messages.
    head: the first 8 bytes.
    size: the number of bytes.
    open: () -> an Arrow file of the bytes, uncompressed, at the beginning.
    notation, tell: as `Files` has them.

    >>> import pyarrow as pa
    >>> source = Source("a.csv", b"x", 1, lambda: pa.BufferReader(b"x"))
    >>> source.packed, source.open().read()
    (False, b'x')
    """

    label: str
    head: bytes
    size: int
    open: Callable[[], pa.NativeFile]
    notation: Notation = UNKNOWN
    tell: Callable[[str], None] | None = None

    @property
    def packed(self) -> bool:
        """Whether the bytes are compressed, by gzip."""
        return self.head.startswith(b"\x1f\x8b")


def path_of(files: Paths) -> str:
    """Return the path of files, for messages.

    >>> path_of(Files("a.csv")), path_of(["a.csv", "b.csv"])
    ('a.csv', 'a.csv, b.csv')
    """
    path = files.path if isinstance(files, Files) else files
    return str(path) if isinstance(path, str | Path) else ", ".join(map(str, path))


def sources_of(path: str | Path) -> list[Source]:
    r"""Return the bytes of a file, of all files that a pattern matches, or of standard input ("-").

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile("w", suffix=".csv") as file:
    ...     file.write("x\n1\n") and file.flush()
    ...     [source.size for source in sources_of(file.name)]
    [4]
    """
    if str(path) == "-" or not glob.has_magic(str(path)) or os.path.lexists(path):
        return [_source(path)]
    matched = glob.glob(str(path), recursive=True)  # noqa: PTH207 (Path's is of one folder)
    found = sorted({one for one in matched if not Path(one).is_dir()})
    folders = [one for one in matched if Path(one).is_dir()]
    if folders and not str(path).endswith("**"):  # some programs write a table as a folder
        raise Refusal(f"{folders[0]} matches {path}, but is a folder; give {folders[0]}/* too")
    if not found:
        raise Refusal(f"no file matches {path}; check the pattern and its folder")
    same = {(Path(one).stat().st_dev, Path(one).stat().st_ino): one for one in reversed(found)}
    return [_source(one) for one in sorted(same.values())]  # a link counts no file twice


def _source(path: str | Path) -> Source:
    """Return the bytes of a file or a pipe, or raise Refusal if they cannot be read."""
    file = Path(path)
    label = "standard input" if str(path) == "-" else str(path)
    try:
        if str(path) != "-" and stat.S_ISREG(file.stat().st_mode):
            with file.open("rb") as stream:
                head = stream.read(8)
            return _checked(label, head, file, file.stat().st_size, _by_name(path))
        # a pipe can be read only once
        kept = sys.stdin.buffer if str(path) == "-" else file.open("rb")
        with kept:
            return _piped(label, kept, file)
    except FileNotFoundError:
        raise Refusal(_lost(file)) from None
    except IsADirectoryError:
        raise Refusal(f"{label} is a folder; give a file, or a pattern such as *.csv") from None
    except PermissionError:
        raise Refusal(f"{label} may not be read; ask for permission, or copy it") from None
    except OSError as problem:
        raise Refusal(f"{label} cannot be read: {problem.strerror or problem}") from None


def _by_name(path: str | Path) -> Callable[[], pa.NativeFile]:
    """Return a function that opens a file by its name, which need not be UTF-8."""
    import pyarrow as pa

    whole = os.fsencode(Path(path).absolute())  # another process may have another folder
    return lambda: pa.OSFile(whole)


def _piped(label: str, stream: IO[bytes], file: Path) -> Source:
    """Return the bytes of a pipe, from memory or, if there are many, from a temporary file."""
    import pyarrow as pa

    begin = stream.read(PIPED)
    if len(begin) < PIPED:
        return _checked(label, begin[:8], file, len(begin), lambda: pa.BufferReader(begin))
    kept = TemporaryFile()  # noqa: SIM115 (it lives as long as the source)
    kept.write(begin)
    while piece := stream.read(COPIED):
        kept.write(piece)
    size = kept.tell()
    kept.flush()

    def again() -> pa.NativeFile:
        return pa.PythonFile(os.fdopen(os.open(f"/dev/fd/{kept.fileno()}", os.O_RDONLY), "rb"))

    return _checked(label, begin[:8], file, size, again)


def _checked(
    label: str, head: bytes, file: Path, size: int, raw: Callable[[], pa.NativeFile]
) -> Source:
    """Return the source, or raise Refusal if its first bytes are neither text nor Parquet."""
    _refuse_others(label, head, file)

    def opened() -> pa.NativeFile:
        import pyarrow as pa

        return pa.CompressedInputStream(raw(), "gzip") if head.startswith(b"\x1f\x8b") else raw()

    return Source(label, head, size, opened)


def _refuse_others(label: str, head: bytes, file: Path) -> None:
    """Raise Refusal if the first bytes are neither text nor Parquet."""
    if not head:
        raise Refusal(f"{label} is empty; give a file with a line of names and rows of numbers")
    for magic, what in OTHERS.items():
        if head.startswith(magic):
            raise Refusal(f"{label} is {what}; save it as CSV in UTF-8, or as Parquet")
    if head[:4] != b"PAR1" and file.suffix.lower() in {".parquet", ".pq"}:
        raise Refusal(f"{label} is no Parquet file, or a broken one; write it again")


def _lost(file: Path) -> str:
    """Return the message that there is no such file, with the nearest names."""
    try:
        there = [one.name for one in file.parent.iterdir() if one.is_file()]
    except OSError:
        return f"there is no folder {file.parent}; check the path of {file.name}"
    # compare stems: short names with the same suffix would look alike
    stems = {_stem(name) for name in there}
    near = get_close_matches(_stem(file.name), stems, n=3, cutoff=0.75)
    meant = sorted((n for n in there if _stem(n) in near), key=lambda n: near.index(_stem(n)))
    remedy = f"did you mean {' or '.join(meant[:3])}?" if near else "check its name and folder"
    return f"there is no file {file}; {remedy}"


def _stem(name: str) -> str:
    """Return a file's name without its suffixes, in lower case."""
    return name.split(".", maxsplit=1)[0].lower()
