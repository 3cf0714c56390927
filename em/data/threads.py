"""Who works on the rows: this thread, several, or the workers of a cluster.

Whoever it is holds runs of rows, prepared once, and applies the same function to each of them.
What the function returns adds up, and adding it is all that is done with it.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from em.data.blocks import RUNS, Rows, rows_of
from em.data.executor import add_sums
from em.data.on_dask import DaskWorkers
from em.data.standardise import Units, units_of
from models.family import Theta
from models.storage.on_dask import Scattered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from em.data.executor import Executor, Sums
    from em.emission import Emission
    from models.arrays import Array
    from models.observations import Observations

__all__ = ["available", "executor_for", "this_thread"]

WORTH_LIMITS = 10_000  # rows from which BLAS would start threads of its own
WORTH_THREADS = 200_000  # rows below which handing runs to threads costs more than it saves


@dataclass(frozen=True, eq=False)
class ThreadRuns[P]:
    """Runs that this thread holds, and those of a pool, threads in all."""

    runs: list[P]
    pool: ThreadPoolExecutor | None
    threads: int

    def each[R](self, task: Callable[[P], list[R]]) -> list[R]:
        """Return what a task finds in all runs, in the order of the rows."""
        return [result for results in self._map(task) for result in results]

    def total(self, task: Callable[[P], Sums]) -> Sums:
        """Return the sums of what a task finds in all runs."""
        return add_sums(self._map(task))

    def _map[R](self, task: Callable[[P], R]) -> list[R]:
        """Map runs in shares, as to hand one over takes its time; the first is this thread's."""
        if self.pool is None:
            return [task(run) for run in self.runs]
        ends = [len(self.runs) * i // self.threads for i in range(self.threads + 1)]
        own, *others = [self.runs[a:b] for a, b in pairwise(ends)]

        def work(share: list[P]) -> list[R]:
            return [task(run) for run in share]

        handed = [self.pool.submit(work, share) for share in others]
        found = work(own)
        return found + [result for share in handed for result in share.result()]


@dataclass(frozen=True, eq=False)
class Threads:
    """Threads of this process, or this thread alone."""

    rows: Rows
    pool: ThreadPoolExecutor | None = None
    threads: int = 1

    def prepare[P](self, task: Callable[[Rows], P]) -> ThreadRuns[P]:
        """Prepare the runs of rows."""
        cut = ThreadRuns(self.rows.cut(min(RUNS, self.rows.blocks)), self.pool, self.threads)
        return ThreadRuns(cut.each(lambda run: [task(run)]), self.pool, self.threads)


def this_thread(rows: Rows) -> Threads:
    """Return this thread."""
    return Threads(rows)


def available() -> int:
    """Return how many processors this process may use."""
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def executor_for[T: Theta](
    sample: Observations, emission: Emission[T], k: int
) -> Iterator[Executor]:
    """Provide who works on a sample of this kind and size, its rows cut for k components.

    NumPy lets go of the interpreter inside a block. The BLAS beneath it would add threads of its
    own, and they wait for each other: it is held to one thread while ours are at work.
    """
    rows = rows_of(sample, emission, k, Units(np.ones(1), np.zeros(1)))
    if isinstance(sample, Scattered):
        yield _standardised(DaskWorkers(rows, sample), emission)
        return
    if sample.distinct < WORTH_LIMITS:
        yield _standardised(Threads(rows), emission)
        return
    from threadpoolctl import threadpool_limits  # only large samples pay for this import

    threads = min(available(), RUNS, rows.blocks)
    with threadpool_limits(1, user_api="blas"), ExitStack() as held:
        pool = None
        if threads > 1 and sample.distinct >= WORTH_THREADS:
            pool = held.enter_context(ThreadPoolExecutor(threads - 1))
        yield _standardised(Threads(rows, pool, threads), emission)


def _standardised[C: Threads | DaskWorkers, T: Theta](plain: C, emission: Emission[T]) -> C:
    """Return the executor, its rows in units in which squares neither overflow nor cancel."""
    runs = plain.prepare(_same)

    def average(among: Units, function: Callable[[Array], Array]) -> Array:
        (total,) = runs.total(partial(_total, units=among, function=function))
        return np.asarray(total) / plain.rows.sample.observations

    units = units_of(plain.rows.sample, emission, average)
    return replace(plain, rows=replace(plain.rows, units=units))


def _same(run: Rows) -> Rows:
    return run


def _total(run: Rows, units: Units, function: Callable[[Array], Array]) -> Sums:
    """Return the sum over the observations of a function of a run's rows."""
    total: Array = np.zeros(1)
    for x, _, counts in replace(run, units=units).all():
        values = function(x.reshape(len(x), -1))
        total = total + (values.sum(axis=0) if counts is None else counts @ values)
    return (total,)
