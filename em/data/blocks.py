"""A run of a sample's rows, cut into blocks that fit the cache."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from models.family import Theta
from models.observations import Readable
from models.sample import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from em.data.standardise import Units
    from em.emission import Emission
    from models.arrays import Array, Labels
    from models.observations import Observations

__all__ = ["RUNS", "Rows", "default_floor", "rows_of"]

CACHE = 1 << 19  # doubles in a thread's working set, 4 MB: measured best (2 MB L2, shared L3)
RUNS = 8  # of rows, however many threads there are, so that sums are rounded alike everywhere
LEAST = 1 << 16  # rows in a block, about, if there are as many: fewer cost more than they take
MANY = 256  # rows read one after the other in the time that looking for one takes, about


@dataclass(frozen=True, eq=False)
class Rows:
    """A run of a sample's rows, block by block, in the units inside.

    size: rows in a block.
    begin, end: the run.
    first: how many blocks come before it.
    """

    sample: Observations
    units: Units
    size: int
    begin: int
    end: int
    first: int = 0

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return -(-(self.end - self.begin) // self.size)

    def block(self, index: int) -> Part:
        """Return one block in the units inside."""
        x, trials, counts = self.part(index)
        return Part(self.units.rows(x), trials, counts)

    def part(self, index: int) -> Part:
        """Return one block in the data's units."""
        begin = self.begin + index * self.size
        assert isinstance(self.sample, Readable)  # a worker of a cluster reads its own piece
        return self.sample.part(slice(begin, min(begin + self.size, self.end)))

    def at(self, index: int, places: Labels) -> Part:
        """Return some rows of one block in the data's units, by their places in it, in order."""
        if len(places) * MANY > self.size:  # reading on is faster than looking for each
            x, trials, counts = self.part(index)
            picked = None if trials is None else trials[places]
            return Part(x[places], picked, None if counts is None else counts[places])
        assert isinstance(self.sample, Readable)
        return self.sample.at(self.begin + index * self.size + places)

    def all(self) -> Iterator[Part]:
        """Yield the blocks in order."""
        return (self.block(index) for index in range(self.blocks))

    def in_blocks_of(self, size: int) -> Rows:
        """Return the same run in smaller blocks."""
        return replace(self, size=min(self.size, size))

    def cut(self, runs: int) -> list[Rows]:
        """Return so many runs of whole blocks, about as long."""
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
    """Return all rows of a sample, cut for k components."""
    fits = CACHE / (k + emission.size(sample.dimension) + 2)
    shared = max(LEAST, sample.distinct / RUNS)  # so that every thread has something to do
    blocks = -int(-sample.distinct // min(fits, shared))
    among = RUNS if blocks > RUNS else min(2, blocks)  # so that two threads get as much each
    blocks = -(-blocks // among) * among
    return Rows(sample, units, -(-sample.distinct // blocks), 0, sample.distinct)


def default_floor[T: Theta](rows: Rows, emission: Emission[T]) -> Array:
    """Return the least widths unless the user says otherwise."""
    d = rows.sample.dimension
    return emission.floor * (np.eye(d) if rows.sample.table else np.ones(d))
