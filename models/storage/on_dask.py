"""Rows on the workers of a dask cluster, and sums of the workers' results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.observations import OutOfCore

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Client, Future

    from models.storage.disk import Stream

__all__ = ["FAN_IN", "Scattered", "result_of", "summed"]

FAN_IN = 8  # results that one task adds, in a tree of sums


@dataclass(frozen=True, eq=False, repr=False)
class Scattered(OutOfCore):
    """Rows on the workers of a dask cluster.

    pieces: a Stream each, on the worker that read it; if that worker dies, another reads it again.
    lengths: the number of rows of each piece.

    >>> from distributed import Client
    >>> from models import Sample
    >>> known = (1, False, False, np.array([1.0]), np.array([7.5]), 3, 7.5)
    >>> with Client(processes=False, dashboard_address=None) as client:
    ...     pieces = tuple(client.scatter([Sample([1.0, 2.0]), Sample([7.5])]))
    ...     rows = Scattered(*known, client=client, pieces=pieces, lengths=(2, 1))
    ...     rows.rows, float(rows.total(lambda piece: piece.x.sum()))
    (3, 10.5)
    """

    client: Client
    pieces: tuple[Future[Stream | None], ...]
    lengths: tuple[int, ...]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(self.lengths)

    @property
    def distinct(self) -> int:
        """The number of rows; equal rows are not merged."""
        return self.rows

    def total[R](self, task: Callable[[Stream], R]) -> R:
        """Return the sum of the task's results for the pieces."""
        found: R = summed(self.client, self.client.map(task, self.pieces, pure=False))
        return found

    def __repr__(self) -> str:
        workers = len(self.client.scheduler_info()["workers"])
        return self._summary(f"{workers} workers")


def summed(client: Client, futures: list[Future[Any]]) -> Any:
    """Return the sum of results, added on the workers in a tree.

    The tree depends on the number of results only, so that sums are rounded in the same way
    whichever worker comes first. Results are arrays, numbers, anything that can be added, or tuples
    of these.

    >>> from distributed import Client
    >>> with Client(processes=False, dashboard_address=None) as client:
    ...     summed(client, client.map(lambda n: (n, 10 * n), range(20)))
    (190, 1900)
    """
    while len(futures) > 1:
        cut = [futures[begin : begin + FAN_IN] for begin in range(0, len(futures), FAN_IN)]
        futures = [client.submit(_sum, some, pure=False) for some in cut]
    return result_of(futures[0])


def result_of(future: Future[Any]) -> Any:
    """Return the result of a future; raise MemoryError if workers died while computing it.

    >>> from concurrent.futures import Future
    >>> from distributed import KilledWorker
    >>> lost = Future()
    >>> lost.set_exception(KilledWorker("a task", None, 3))
    >>> result_of(lost)
    Traceback (most recent call last):
    MemoryError: workers died repeatedly on the same rows, ...
    """
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker:
        raise MemoryError(
            "workers died repeatedly on the same rows, probably because memory ran out; "
            "give them more memory, or read smaller files"
        ) from None


def _sum(parts: list[Any]) -> Any:
    """Return the sum of results; tuples are added entry by entry."""
    one, *others = parts
    for other in others:
        if isinstance(one, tuple) and isinstance(other, tuple):
            one = tuple(a + b for a, b in zip(one, other, strict=True))
        else:
            one = one + other
    return one
