"""Rows that do not fit in memory: a working copy on disk, read a part at a time."""

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
    """A file without a name, of which nothing is left when nobody holds it any more."""

    def __init__(self) -> None:
        """Make it where temporary files go."""
        with TemporaryFile(buffering=0) as made:
            self._descriptor = os.dup(made.fileno())
        finalize(self, os.close, self._descriptor)

    def __getstate__(self) -> bytes:
        """Return what it holds, for another process."""
        return self.read(os.fstat(self._descriptor).st_size, 0)

    def __setstate__(self, held: bytes) -> None:
        """Hold it there in a file of its own."""
        ScratchFile.__init__(self)
        self.write(np.frombuffer(held, np.uint8))

    def __sizeof__(self) -> int:
        """Return what it costs to send, so that a scheduler sends the work instead."""
        return os.fstat(self._descriptor).st_size

    def read(self, size: int, begin: int) -> bytes:
        """Return bytes from a place; threads may read at once."""
        return os.pread(self._descriptor, size, begin)

    def write(self, numbers: NDArray[np.generic]) -> None:
        """Add numbers at the end."""
        left = memoryview(np.ascontiguousarray(numbers)).cast("B")
        while left:
            left = left[os.write(self._descriptor, left) :]


@dataclass(frozen=True, eq=False, repr=False)
class Stream(OutOfCore):
    """Rows of numbers on disk.

    file: doubles, row after row, counts last; it vanishes with the stream.
    rows: how many there are.
    """

    file: ScratchFile
    rows: int

    @property
    def distinct(self) -> int:
        """How many rows are read; equal ones are not looked for."""
        return self.rows

    def part(self, rows: slice) -> Part:
        """Return some of the rows, by their places."""
        begin, end, _ = rows.indices(self.rows)
        width = self.dimension + self.counted
        raw = self.file.read((end - begin) * width * DOUBLE, begin * width * DOUBLE)
        numbers = np.frombuffer(raw, np.float64).reshape(end - begin, width)
        x = numbers[:, : self.dimension]
        counts = np.ascontiguousarray(numbers[:, -1]) if self.counted else None
        return Part(x if self.table else x[:, 0], None, counts)

    def at(self, places: NDArray[np.intp]) -> Part:
        """Return the rows at places, one read for each."""
        each = [self.part(slice(place, place + 1)) for place in places.tolist()]
        counts = [one.counts for one in each if one.counts is not None]
        return Part(
            np.concatenate([one.x for one in each]),
            None,
            np.concatenate(counts) if counts else None,
        )

    def parts(self, size: int) -> Iterator[Part]:
        """Yield all rows, so many at a time."""
        for begin in range(0, self.rows, size):
            yield self.part(slice(begin, begin + size))

    def total[R](self, task: Callable[[Stream], R]) -> R:
        """Return what a task finds in all rows; of rows in several places it would be the sum."""
        return task(self)

    def without_rows(self) -> Stream:
        """Return all that is known of the rows, without them."""
        return replace(self, file=ScratchFile())

    def __repr__(self) -> str:
        return self._summary("disk")


class StreamWriter:
    """Writes the working copy of a stream."""

    def __init__(self, dimension: int, *, table: bool, counted: bool) -> None:
        """Make an empty file."""
        self.file = ScratchFile()
        self.dimension, self.table, self.counted = dimension, table, counted
        self.low, self.high = np.full(dimension, np.inf), np.full(dimension, -np.inf)
        self.rows, self.observations, self.fractional = 0, 0, None

    def add(self, table: Array, times: Array | None) -> None:
        """Write rows (n, d), but for those that never occurred."""
        if times is not None:
            table, times = table[times > 0], times[times > 0]
        if len(table) == 0:
            return
        self.low = np.minimum(self.low, table.min(axis=0))
        self.high = np.maximum(self.high, table.max(axis=0))
        if self.fractional is None:
            fractional = (table != np.rint(table)).any(axis=1)
            self.fractional = table[np.argmax(fractional)] if fractional.any() else None
        self.rows += len(table)
        self.observations += len(table) if times is None else int(times.sum())
        if self.observations >= LARGEST_WHOLE:
            raise ValueError(f"counts sum to {self.observations:g}, beyond what a double counts")
        numbers = table if times is None else np.column_stack([table, times])
        try:
            self.file.write(numbers)
        except OSError as problem:
            raise Refusal(
                f"{problem.strerror}: the rows do not compress, and their working copy takes "
                f"{numbers.shape[1] * DOUBLE} bytes a row in {gettempdir()}; let TMPDIR name a "
                "larger disk"
            ) from None

    def done(self) -> Stream:
        """Return the stream of what was written."""
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
