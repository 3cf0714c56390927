"""A sample cut into blocks that fit the cache."""

from __future__ import annotations

import itertools
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from em.units import Units, units_of
from models.family import Array, Theta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from em.emission import Emission
    from models import Sample

__all__ = ["Block", "Crew", "Rows", "alone", "crew", "rows_of"]

CACHE = 1 << 19  # doubles in a thread's working set, 4 MB: measured best (2 MB L2, shared L3)
MOST_THREADS = 8  # bounds the memory of all working sets at 32 MB
WORTH_THREADS = 100_000  # rows below which handing blocks to threads costs more than it saves


class Block(NamedTuple):
    """Some rows: x (B,) or (B, d) in the units inside, trials (B,), counts (B,) or None.

    Counts are None where every row occurred once, which spares a pass.
    """

    x: Array
    trials: Array | None
    counts: Array | None


@dataclass(frozen=True, eq=False)
class Rows:
    """A sample's rows, block by block, in the units inside.

    size: rows in a block.
    single: whether every row occurred once.
    """

    sample: Sample
    units: Units
    size: int
    single: bool

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return -(-self.sample.distinct // self.size)

    def block(self, index: int) -> Block:
        """Return one block."""
        part = slice(index * self.size, (index + 1) * self.size)
        sample = self.sample
        counts = None if self.single else sample.counts[part].astype(np.float64)
        trials = None if sample.trials is None else sample.trials[part]
        return Block(self.units.rows(sample.x[part]), trials, counts)


def rows_of[T: Theta](
    sample: Sample, emission: Emission[T], k: int, units: Units | None = None
) -> Rows:
    """Return the rows, cut for k components, in the given units or in the sample's own."""
    size = 1 << int(np.log2(CACHE / (k + emission.size(sample.dimension) + 2)))
    plain = Units(np.ones(1), np.zeros(1))
    single = int(sample.counts.min()) == int(sample.counts.max()) == 1
    rows = Rows(sample, plain, size, single)

    def average(among: Units, function: Callable[[Array], Array]) -> Array:
        total: Array = np.zeros(1)
        inside = replace(rows, units=among)
        for index in range(inside.blocks):
            x, _, counts = inside.block(index)
            values = function(x.reshape(len(x), -1))
            total = total + (values.sum(axis=0) if counts is None else counts @ values)
        return total / sample.observations

    return replace(rows, units=units or units_of(sample, emission, average))


class Crew(Protocol):
    """Who works on the blocks: applies a task to runs of block indices, results in order."""

    def __call__[R](self, task: Callable[[range], list[R]], blocks: int) -> list[R]:
        """Return the results of all blocks, first block first."""
        ...


def alone[R](task: Callable[[range], list[R]], blocks: int) -> list[R]:
    """Work through the blocks without threads."""
    return task(range(blocks))


def available() -> int:
    """Return how many processors this process may use."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def crew(rows: Rows) -> Iterator[Crew]:
    """Provide the threads that a sample of this size is worth.

    NumPy lets go of the interpreter inside a block. The BLAS beneath it would add threads of its
    own, and they wait for each other: it is held to one thread while ours are at work.
    """
    threads = min(available(), MOST_THREADS, rows.blocks)
    if threads == 1 or rows.sample.distinct < WORTH_THREADS:
        yield alone
        return
    from threadpoolctl import threadpool_limits  # only large samples pay for this import

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:

        def together[R](task: Callable[[range], list[R]], blocks: int) -> list[R]:
            cuts = [blocks * i // threads for i in range(threads + 1)]
            runs = [range(a, b) for a, b in itertools.pairwise(cuts)]
            return [result for results in pool.map(task, runs) for result in results]

        yield together
