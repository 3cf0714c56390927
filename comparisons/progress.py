"""Bars on a terminal or in a notebook, a line for each long phase anywhere else."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Thread, Timer
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from rich.progress import Progress

__all__ = [
    "announce",
    "lasting",
    "loaded",
    "rows_bar",
    "saying_what_compiles",
    "starts_bar",
    "waiting",
]

SOON = 0.5  # seconds without a bar
LONG = 2.0  # seconds after which work that is mostly short is named


def announce(phase: str) -> None:
    """Write the name of a phase to stderr, unless there are bars.

    >>> announce("reading")  # writes "reading ..." to stderr if that is no terminal
    """
    from rich.console import Console

    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        print(f"{phase} ...", file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def waiting(reason: str) -> Iterator[None]:
    """Show a reason to wait during the block.

    >>> with waiting("adding"):
    ...     2 + 2
    4
    """
    from rich.console import Console

    console = Console(stderr=True)
    announce(reason)
    if not console.is_terminal:
        yield
        return
    with console.status(reason):
        yield


@contextmanager
def saying_what_compiles() -> Iterator[None]:
    """Announce it if the sampler compiles during the block; bars say it on a terminal.

    >>> with saying_what_compiles():  # nothing compiles here
    ...     2 + 2
    4
    """
    from bayes.sampling.compiling import COMPILING, ONCE, when_compiling

    with when_compiling(lambda: announce(f"{COMPILING}, {ONCE}")):
        yield


@contextmanager
def lasting(phase: str) -> Iterator[None]:
    """Name a phase, and how long it has taken, once that is LONG.

    >>> with lasting("adding"):
    ...     2 + 2
    4
    """
    shown: list[Progress] = []

    def show() -> None:
        from models.bar import bar

        announce(phase)
        shown.append(bar())
        shown[0].add_task(phase)
        shown[0].start()

    timer = Timer(LONG, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        for one in shown:
            one.stop()


def loaded(name: str) -> ModuleType:
    """Return a module that takes seconds to import.

    >>> loaded("math").sqrt(4.0)
    2.0

    Another thread imports it first, as Ctrl-C in the middle of an import is lost or breaks it.
    """
    worker = Thread(target=_attempted, args=(name,), daemon=True)
    worker.start()
    while worker.is_alive():
        worker.join(0.05)
    return import_module(name)


def _attempted(name: str) -> None:
    """Import a module; what goes wrong is raised where it is imported again."""
    with suppress(Exception):
        import_module(name)


@contextmanager
def rows_bar() -> Iterator[Callable[[int, int | None], None]]:
    """Yield a function of the rows read and their total, which shows a bar if reading takes long.

    >>> with rows_bar() as tell:  # shows nothing for a short file
    ...     tell(1_000, None)
    """
    from models.bar import bar  # with it comes NumPy, which `--help` does not pay for

    begun = monotonic()
    bars: Progress | None = None

    def tell(read: int, total: int | None) -> None:
        nonlocal bars
        if bars is None:
            if monotonic() - begun < SOON:
                return
            announce("reading")
            bars = bar("{task.completed:,.0f} rows", left=True)
            bars.add_task("reading", total=None)
            bars.start()
        most = None if total is None else max(read, total)
        bars.update(bars.task_ids[0], completed=read, total=most)

    try:
        yield tell
    finally:
        if bars is not None:
            bars.stop()


@contextmanager
def starts_bar(starts: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Yield a function of the index of EM's current start, which shows a bar.

    >>> with starts_bar(20, shown=False) as tell:
    ...     tell(0)
    """
    from models.bar import bar

    with bar("{task.completed} of {task.total} starts", shown=shown) as bars:
        task = bars.add_task("EM", total=starts)  # EM may take more
        yield lambda start: bars.update(task, completed=start + 1, total=max(starts, start + 1))
