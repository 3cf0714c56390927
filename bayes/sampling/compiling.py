"""Whether anything compiles: numba says so, and is silent about what it finds on disk."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from numba.core.event import Listener, install_listener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numba.core.event import Event

__all__ = ["COMPILING", "ONCE", "when_compiling"]

COMPILING, ONCE = "compiling", "up to a minute, once"
"""What is said then."""


class First(Listener):
    """Calls a function at the first event, and never again."""

    def __init__(self, tell: Callable[[], object]) -> None:
        self.tell: Callable[[], object] | None = tell

    def on_start(self, event: Event) -> None:
        """Call it: a function begins to compile."""
        tell, self.tell = self.tell, None
        if tell is not None:
            tell()

    def on_end(self, event: Event) -> None:
        """Do nothing."""


@contextmanager
def when_compiling(tell: Callable[[], object]) -> Iterator[None]:
    """Call a function as soon as anything compiles in the block, in any thread; once at most.

    >>> import numba
    >>> with when_compiling(lambda: print("compiling")):
    ...     numba.njit(lambda x: x + 1)(1)
    compiling
    2
    """
    with install_listener("numba:compile", First(tell)):
        yield
