"""Rows on the workers of a cluster, and sums of what is found there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.observations import OutOfCore

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Client, Future

    from models.storage.disk import Stream

__all__ = ["FAN_IN", "Scattered", "result_of", "summed"]

FAN_IN = 8  # results that are added at once, on the way up the tree


@dataclass(frozen=True, eq=False, repr=False)
class Scattered(OutOfCore):
    """Rows on the workers of a cluster.

    pieces: a Stream each, on the worker that read it; if that dies, another reads it again.
    lengths: rows in each.
    """

    client: Client
    pieces: tuple[Future[Stream | None], ...]
    lengths: tuple[int, ...]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.lengths)

    @property
    def distinct(self) -> int:
        """How many rows are read; equal ones are not looked for."""
        return self.rows

    def total[R](self, task: Callable[[Stream], R]) -> R:
        """Return the sum of what a task finds in each piece."""
        found: R = summed(self.client, self.client.map(task, self.pieces, pure=False))
        return found

    def __repr__(self) -> str:
        workers = len(self.client.scheduler_info()["workers"])
        return self._summary(f"{workers} workers")


def summed(client: Client, futures: list[Future[Any]]) -> Any:
    """Return the sum of results: added on the workers, as a tree, whose shape is always the same.

    Results are arrays, numbers, whatever can be added, or tuples of these.
    """
    while len(futures) > 1:
        cut = [futures[begin : begin + FAN_IN] for begin in range(0, len(futures), FAN_IN)]
        futures = [client.submit(_added, some, pure=False) for some in cut]
    return result_of(futures[0])


def result_of(future: Future[Any]) -> Any:
    """Return what a future holds; workers that die over it are a want of memory."""
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker:
        raise MemoryError(
            "workers died over the same rows again and again, for want of memory most likely; "
            "give them more, or read smaller files"
        ) from None


def _added(parts: list[Any]) -> Any:
    """Return a sum of whatever can be added, of tuples one by one."""
    one, *others = parts
    for other in others:
        if isinstance(one, tuple) and isinstance(other, tuple):
            one = tuple(a + b for a, b in zip(one, other, strict=True))
        else:
            one = one + other
    return one
