"""EM's work on the threads of this process, and the choice of what works on a sample."""

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
from models.family import Theta, width
from models.storage.on_dask import Scattered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from em.data.executor import Executor, Sums
    from em.emission import Emission
    from models.arrays import Array
    from models.observations import Observations

__all__ = ["Threads", "available", "executor_for"]

WORTH_LIMITS = 10_000  # rows or parameters: from here BLAS would start threads of its own
WORTH_THREADS = 200_000  # rows: with fewer, several threads are slower than one


@dataclass(frozen=True, eq=False)
class ThreadRuns[P]:
    """Prepared runs of rows, for this thread and the others of a pool.

    threads: the number of threads, this one included.

    >>> ThreadRuns([1, 2, 3], pool=None, threads=1).total(lambda run: (run, 1.0))
    (6, 3.0)
    """

    runs: list[P]
    pool: ThreadPoolExecutor | None
    threads: int

    def each[R](self, task: Callable[[P], list[R]]) -> list[R]:
        """Return the results of a task for all runs, in the order of the rows."""
        return [result for results in self._map(task) for result in results]

    def total(self, task: Callable[[P], Sums]) -> Sums:
        """Return the sums of a task's results for all runs."""
        return add_sums(self._map(task))

    def _map[R](self, task: Callable[[P], R]) -> list[R]:
        """Map the runs, several per thread, as every hand-over takes time."""
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
    """This thread, or this one and those of a pool, as executor of the work on rows.

    >>> from em.data.blocks import Rows
    >>> from models import Sample
    >>> rows = Rows(Sample([1.0, 2.0, 4.0]), Units(np.ones(1), np.zeros(1)), 2, 0, 3)
    >>> Threads(rows).prepare(lambda run: run.end - run.begin).each(lambda length: [length])
    [2, 1]
    """

    rows: Rows
    pool: ThreadPoolExecutor | None = None
    threads: int = 1

    def prepare[P](self, task: Callable[[Rows], P]) -> ThreadRuns[P]:
        """Apply a function to every run of rows, and keep the results."""
        cut = ThreadRuns(self.rows.cut(min(RUNS, self.rows.blocks)), self.pool, self.threads)
        return ThreadRuns(cut.each(lambda run: [task(run)]), self.pool, self.threads)


def available() -> int:
    """Return the number of processors that this process may use.

    >>> available() >= 1
    True
    """
    if sys.version_info >= (3, 13):
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def executor_for[T: Theta](
    sample: Observations, emission: Emission[T], k: int
) -> Iterator[Executor]:
    """Provide what works best on a sample of this kind and size, for k components.

    Several threads gain because NumPy releases the interpreter's lock inside a block. Meanwhile
    BLAS is limited to one thread, as its own threads and ours would wait for each other.

    >>> from em.emission import emission_of
    >>> from models import Gaussian, Sample
    >>> with executor_for(Sample([1.0, 2.0, 4.0]), emission_of(Gaussian), 1) as executor:
    ...     executor.prepare(lambda rows: rows.part(0).x.sum()).total(lambda run: (run,))
    (np.float64(7.0),)
    """
    rows = rows_of(sample, emission, k, Units(np.ones(1), np.zeros(1)))
    if isinstance(sample, Scattered):
        yield _standardised(DaskWorkers(rows, sample), emission)
        return
    parameters = k * emission.size(width(emission.family, sample))
    if max(sample.distinct, parameters) < WORTH_LIMITS:
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
    """Return the executor with its rows in working coordinates."""
    runs = plain.prepare(_same)

    def average(among: Units, function: Callable[[Array, Array], Array]) -> Array:
        (total,) = runs.total(partial(_total, units=among, function=function))
        return np.asarray(total) / plain.rows.sample.observations

    units = units_of(plain.rows.sample, emission, average)
    return replace(plain, rows=replace(plain.rows, units=units))


def _same(run: Rows) -> Rows:
    return run


def _total(run: Rows, units: Units, function: Callable[[Array, Array], Array]) -> Sums:
    """Return what a function of (B, d) rows and their (B,) counts adds up to in a run."""
    total: Array = np.zeros(1)
    for x, _, counts in replace(run, units=units).all():
        often = np.ones(len(x)) if counts is None else counts
        total = total + function(x.reshape(len(x), -1), often)
    return (total,)
