"""Runs of consecutive rows, cut into blocks that fit the cache."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from models.family import Theta, width
from models.observations import Readable
from models.sample import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from em.data.standardise import Units
    from em.emission import Emission
    from models.arrays import Array, Labels
    from models.observations import Observations

__all__ = ["RUNS", "Rows", "default_floor", "rows_of"]

CACHE = 1 << 19  # doubles in a thread's working set (4 MB): fastest with 2 MB of L2, shared L3
RUNS = 8  # whatever the number of threads, so that sums are rounded in the same way everywhere
LEAST = 1 << 16  # rows in a block, about: in smaller ones the overhead of calls dominates
SEEK = 256  # sequentially read rows that cost about as much as one random read


@dataclass(frozen=True, eq=False)
class Rows:
    """A run of a sample's rows, read block by block, in working coordinates.

    units: the working coordinates.
    size: the number of rows in a block.
    begin, end: the first row of the run, and the row after the last.
    first: the number of blocks of the sample before this run.

    >>> from em.data.standardise import Units
    >>> from models import Sample
    >>> rows = Rows(Sample([10.0, 12, 14, 16]), Units(np.array([2.0]), np.array([10.0])), 3, 0, 4)
    >>> rows.blocks, rows.block(1).x, rows.part(1).x
    (2, array([3.]), array([16.]))
    """

    sample: Observations
    units: Units
    size: int
    begin: int
    end: int
    first: int = 0

    @property
    def blocks(self) -> int:
        """The number of blocks."""
        return -(-(self.end - self.begin) // self.size)

    def block(self, index: int) -> Part:
        """Return one block in working coordinates."""
        x, trials, counts = self.part(index)
        return Part(self.units.rows(x), trials, counts)

    def part(self, index: int) -> Part:
        """Return one block in the data's units."""
        begin = self.begin + index * self.size
        assert isinstance(self.sample, Readable)  # each dask worker reads its own piece
        return self.sample.part(slice(begin, min(begin + self.size, self.end)))

    def at(self, index: int, places: Labels) -> Part:
        """Return rows of one block in the data's units, by their sorted indices in the block."""
        if len(places) * SEEK > self.size:  # reading the whole block is faster
            x, trials, counts = self.part(index)
            picked = None if trials is None else trials[places]
            return Part(x[places], picked, None if counts is None else counts[places])
        assert isinstance(self.sample, Readable)
        return self.sample.at(self.begin + index * self.size + places)

    def all(self) -> Iterator[Part]:
        """Yield the blocks in order, in working coordinates."""
        return (self.block(index) for index in range(self.blocks))

    def in_blocks_of(self, size: int) -> Rows:
        """Return the same run in blocks of at most `size` rows."""
        return replace(self, size=min(self.size, size))

    def cut(self, runs: int) -> list[Rows]:
        """Return the run as `runs` shorter runs of whole blocks, about equally long."""
        ends = [self.blocks * i // runs for i in range(runs + 1)]
        return [
            replace(
                self,
                begin=self.begin + a * self.size,
                end=min(self.begin + b * self.size, self.end),
                first=self.first + a,
            )
            for a, b in itertools.pairwise(ends)
        ]


def rows_of[T: Theta](sample: Observations, emission: Emission[T], k: int, units: Units) -> Rows:
    """Return all rows of a sample, in blocks whose size suits k components.

    >>> from em.data.standardise import Units
    >>> from em.emission import emission_of
    >>> from models import Gaussian, Sample
    >>> units = Units(np.ones(1), np.zeros(1))
    >>> rows = rows_of(Sample(range(1_000)), emission_of(Gaussian), 2, units)
    >>> rows.size, rows.blocks
    (1000, 1)
    """
    wide = width(emission.family, sample)
    written = emission.size(wide)
    if emission.unwritten(wide):
        written = sample.dimension
    fits = CACHE / (k + written + 2)
    shared = max(LEAST, sample.distinct / RUNS)  # so that every thread gets a run
    blocks = -int(-sample.distinct // min(fits, shared))
    among = RUNS if blocks > RUNS else min(2, blocks)  # so that two threads get equally many
    blocks = -(-blocks // among) * among
    return Rows(sample, units, -(-sample.distinct // blocks), 0, sample.distinct)


def default_floor[T: Theta](rows: Rows, emission: Emission[T]) -> Array:
    """Return the default least widths, (d,), or of a table the (d, d) diagonal matrix of them.

    >>> from em.data.standardise import Units
    >>> from em.emission import emission_of
    >>> from models import Gaussian, Sample
    >>> rows = Rows(Sample([1.0, 2.0]), Units(np.ones(1), np.zeros(1)), 2, 0, 2)
    >>> default_floor(rows, emission_of(Gaussian))
    array([1.e-09])
    """
    d = rows.sample.dimension
    return emission.floor * (np.eye(d) if rows.sample.table else np.ones(d))
