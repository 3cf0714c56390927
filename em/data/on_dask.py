"""EM's work on the workers of a dask cluster, each with its own runs of rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from models.storage.on_dask import result_of, summed

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Client, Future

    from em.data.blocks import Rows
    from em.data.executor import Sums
    from models.storage.disk import Stream
    from models.storage.on_dask import Scattered

__all__ = ["DaskWorkers"]


@dataclass(frozen=True, eq=False)
class WorkerRuns[P]:
    """Prepared runs on dask workers; if one dies, another prepares its runs again."""

    client: Client
    runs: list[Future[P]]

    def each[R](self, task: Callable[[P], list[R]]) -> list[R]:
        """Return the results of a task for all runs, in the order of the rows."""
        found = self.client.map(task, self.runs, pure=False)
        return [result for one in found for result in result_of(one)]

    def total(self, task: Callable[[P], Sums]) -> Sums:
        """Return the sums of a task's results for all runs."""
        found: Sums = summed(self.client, self.client.map(task, self.runs, pure=False))
        return found


@dataclass(frozen=True, eq=False)
class DaskWorkers:
    """The dask workers that have the rows of a scattered sample.

    >>> from types import SimpleNamespace
    >>> from distributed import Client
    >>> from em.data.blocks import Rows
    >>> from em.data.standardise import Units
    >>> from models import Sample
    >>> parts, places = [Sample([1.0, 2.0]), Sample([30.0])], {"lengths": (2, 1), "extremes": None}
    >>> rows = Rows(parts[0], Units(np.ones(1), np.zeros(1)), 2, 0, 3)
    >>> with Client(processes=False, dashboard_address=None) as client:
    ...     there = SimpleNamespace(client=client, pieces=client.scatter(parts), **places)
    ...     runs = DaskWorkers(rows, there).prepare(lambda run: run.block(0).x)
    ...     runs.total(lambda x: (len(x), float(x.sum())))
    (3, 33.0)
    """

    rows: Rows
    sample: Scattered

    def prepare[P](self, task: Callable[[Rows], P]) -> WorkerRuns[P]:
        """Apply a function to every piece of the rows, on the worker that has it."""
        runs, first = [], 0
        bare = replace(
            self.rows, sample=self.sample.extremes
        )  # `_prepared` puts the piece in place of these
        for piece, length in zip(self.sample.pieces, self.sample.lengths, strict=True):
            run = replace(bare, end=length, first=first)
            runs.append(self.sample.client.submit(_prepared, task, run, piece, pure=False))
            first += run.blocks
        return WorkerRuns(self.sample.client, runs)


def _prepared[P](task: Callable[[Rows], P], run: Rows, piece: Stream) -> P:
    return task(replace(run, sample=piece))
