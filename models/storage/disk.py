"""Rows that do not fit in memory: a temporary copy on disk, read part by part."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from tempfile import TemporaryFile, gettempdir
from typing import TYPE_CHECKING
from weakref import finalize

import numpy as np

from models.arrays import LARGEST_WHOLE
from models.observations import OutOfCore
from models.refusal import Refusal
from models.sample import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["Stream", "StreamWriter"]

DOUBLE = 8  # bytes


class ScratchFile:
    """A temporary file without a name, which is gone when this object is.

    >>> file = ScratchFile()
    >>> file.write(np.arange(3, dtype=np.uint8))
    >>> list(file.read(2, 1))
    [1, 2]
    """

    def __init__(self) -> None:
        """Make an empty file in the folder of temporary files."""
        with TemporaryFile(buffering=0) as made:
            self._descriptor = os.dup(made.fileno())
        finalize(self, os.close, self._descriptor)

    def __getstate__(self) -> bytes:
        """Return the file's bytes, to be sent to another process."""
        return self.read(os.fstat(self._descriptor).st_size, 0)

    def __setstate__(self, content: bytes) -> None:
        """Write the bytes to a new file in this process."""
        ScratchFile.__init__(self)
        self.write(np.frombuffer(content, np.uint8))

    def __sizeof__(self) -> int:
        """Return the size in bytes, because of which dask moves tasks to the rows."""
        return os.fstat(self._descriptor).st_size

    def read(self, size: int, begin: int) -> bytes:
        """Return `size` bytes from an offset; several threads may read at once."""
        return os.pread(self._descriptor, size, begin)

    def write(self, numbers: NDArray[np.generic]) -> None:
        """Append numbers."""
        left = memoryview(np.ascontiguousarray(numbers)).cast("B")
        while left:
            left = left[os.write(self._descriptor, left) :]


@dataclass(frozen=True, eq=False, repr=False)
class Stream(OutOfCore):
    """Rows of numbers on disk.

    file: doubles, row after row, each row's count last if rows have counts.
    rows: the number of rows.

    >>> writer = StreamWriter(1, table=False, counted=False)
    >>> writer.add(np.array([[1.5], [0.5], [2.5]]), None)
    >>> writer.done()
    Stream(3 observations, on disk)
    >>> writer.done().part(slice(1, 3)).x
    array([0.5, 2.5])
    """

    file: ScratchFile
    rows: int

    @property
    def distinct(self) -> int:
        """The number of rows; equal rows are not merged."""
        return self.rows

    def part(self, rows: slice) -> Part:
        """Return the rows of a slice."""
        begin, end, _ = rows.indices(self.rows)
        width = self.dimension + self.counted
        raw = self.file.read((end - begin) * width * DOUBLE, begin * width * DOUBLE)
        numbers = np.frombuffer(raw, np.float64).reshape(end - begin, width)
        x = numbers[:, : self.dimension]
        counts = np.ascontiguousarray(numbers[:, -1]) if self.counted else None
        return Part(x if self.table else x[:, 0], None, counts)

    def at(self, places: NDArray[np.intp]) -> Part:
        """Return the rows at some indices, with one read per row."""
        each = [self.part(slice(place, place + 1)) for place in places.tolist()]
        counts = [one.counts for one in each if one.counts is not None]
        x = np.concatenate([one.x for one in each])
        return Part(x, None, np.concatenate(counts) if counts else None)

    def parts(self, size: int) -> Iterator[Part]:
        """Yield all rows, `size` at a time."""
        for begin in range(0, self.rows, size):
            yield self.part(slice(begin, begin + size))

    def total[R](self, task: Callable[[Stream], R]) -> R:
        """Return the task's result for all rows; `Scattered` rows sum it over the pieces."""
        return task(self)

    def without_rows(self) -> Stream:
        """Return the same summary with an empty file."""
        return replace(self, file=ScratchFile())

    def __repr__(self) -> str:
        return self._summary("disk")


class StreamWriter:
    """Writes the rows of a stream to disk.

    dimension: the number of columns.
    table: whether x is a table, (n, d), rather than a column, (n,).
    counted: whether each row has a count.

    >>> writer = StreamWriter(2, table=True, counted=True)
    >>> writer.add(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 0.0]))
    >>> writer.done()
    Stream(10 observations of 2 columns, on disk)
    """

    def __init__(self, dimension: int, *, table: bool, counted: bool) -> None:
        """Make an empty file."""
        self.file = ScratchFile()
        self.dimension, self.table, self.counted = dimension, table, counted
        self.low, self.high = np.full(dimension, np.inf), np.full(dimension, -np.inf)
        self.rows, self.observations = 0, 0
        self.fractional: Array | None = None

    def add(self, table: Array, counts: Array | None) -> None:
        """Append rows (n, d) with counts (n,); rows with a count of 0 are left out."""
        if counts is not None:
            table, counts = table[counts > 0], counts[counts > 0]
        if len(table) == 0:
            return
        self.low = np.minimum(self.low, table.min(axis=0))
        self.high = np.maximum(self.high, table.max(axis=0))
        if self.fractional is None:
            fractional = (table != np.rint(table)).any(axis=1)
            self.fractional = table[np.argmax(fractional)] if fractional.any() else None
        self.rows += len(table)
        self.observations += len(table) if counts is None else int(counts.sum())
        if self.observations >= LARGEST_WHOLE:
            raise Refusal(f"counts sum to {self.observations:g}, beyond what a double counts")
        numbers = table if counts is None else np.column_stack([table, counts])
        try:
            self.file.write(numbers)
        except OSError as problem:
            raise Refusal(
                f"{problem.strerror}: the rows do not compress, and their working copy takes "
                f"{numbers.shape[1] * DOUBLE} bytes a row in {gettempdir()}; set TMPDIR to a "
                "folder on a larger disk"
            ) from None

    def done(self) -> Stream:
        """Return the stream of the rows that were written."""
        return Stream(
            self.dimension,
            self.table,
            self.counted,
            self.low,
            self.high,
            self.observations,
            self.fractional,
            self.file,
            self.rows,
        )
