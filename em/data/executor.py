"""The contract of what runs EM's work on the rows: this thread, several threads, dask workers.

Rows are cut into runs. Each run is prepared once, and the result stays where the run is worked on.
Then one function after the other is applied to all prepared runs, and its results are added.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from em.data.blocks import Rows
    from models.arrays import Array


type Sums = tuple[Array | float, ...]

__all__ = ["Executor", "PreparedRuns", "Sums", "add_sums"]


class PreparedRuns[P](Protocol):
    """Prepared runs of rows, each in the thread or on the worker that works on it.

    >>> from em.data.threads import ThreadRuns
    >>> runs: PreparedRuns[int] = ThreadRuns([1, 2], pool=None, threads=1)
    >>> runs.each(lambda run: [run, 10 * run]), runs.total(lambda run: (run, 1.0))
    ([1, 10, 2, 20], (3, 2.0))
    """

    def each[R](self, task: Callable[[P], list[R]]) -> list[R]:
        """Return the results of a task for all runs, in the order of the rows."""
        ...

    def total(self, task: Callable[[P], Sums]) -> Sums:
        """Return the sums of a task's results for all runs."""
        ...


class Executor(Protocol):
    """What works on the rows of a sample.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from models import Poisson, Sample
    >>> with executor_for(Sample([0, 3, 3]), emission_of(Poisson), 2) as executor:
    ...     type(executor).__name__, executor.rows.end
    ('Threads', 2)
    """

    @property
    def rows(self) -> Rows:
        """All rows, in working coordinates."""
        ...

    def prepare[P](self, task: Callable[[Rows], P]) -> PreparedRuns[P]:
        """Apply a function to every run of rows, and keep the results where the runs are."""
        ...


def add_sums(parts: Iterable[Sums]) -> Sums:
    """Return the sums of tuples, entry by entry, added in order.

    >>> add_sums([(1.0, 2.0), (10.0, 20.0)])
    (11.0, 22.0)
    """
    return reduce(lambda one, other: tuple(a + b for a, b in zip(one, other, strict=True)), parts)
