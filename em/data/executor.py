"""Runs of rows, prepared once and held where they are worked on.

Whoever works on the rows (this thread, several, the workers of a cluster) applies the same function
to each run. What the function returns adds up, and adding it is all that is done with it.
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
    """Runs of rows, as they were prepared, where they are worked on."""

    def each[R](self, task: Callable[[P], list[R]]) -> list[R]:
        """Return what a task finds in all runs, in the order of the rows."""
        ...

    def total(self, task: Callable[[P], Sums]) -> Sums:
        """Return the sums of what a task finds in all runs."""
        ...


class Executor(Protocol):
    """Who works on the rows."""

    @property
    def rows(self) -> Rows:
        """All of them, in the units inside."""
        ...

    def prepare[P](self, task: Callable[[Rows], P]) -> PreparedRuns[P]:
        """Prepare every run of rows, and keep it where it is."""
        ...


def add_sums(parts: Iterable[Sums]) -> Sums:
    """Return the sums of tuples, one after the other."""
    return reduce(lambda one, other: tuple(a + b for a, b in zip(one, other, strict=True)), parts)
