"""Bars on a terminal, a line for each long phase anywhere else."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from rich.progress import Progress

__all__ = ["announce", "loaded", "rows_bar", "starts_bar", "waiting"]

SOON = 0.5  # seconds that nobody needs a bar for


def announce(phase: str) -> None:
    """Say what comes next, where no bar will."""
    from rich.console import Console

    if not Console(stderr=True).is_terminal:
        print(f"{phase} ...", file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def waiting(reason: str) -> Iterator[None]:
    """Say what takes its time."""
    from rich.console import Console

    console = Console(stderr=True)
    announce(reason)
    if not console.is_terminal:
        yield
        return
    with console.status(reason):
        yield


def loaded(name: str) -> ModuleType:
    """Return a module that takes seconds to import.

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
    """Show how many rows have been read, once that takes its time; yield what is to be told."""
    begun = monotonic()
    bars: Progress | None = None

    def tell(read: int, total: int | None) -> None:
        nonlocal bars
        if bars is None:
            if monotonic() - begun < SOON:
                return
            bars = _rows_read()
        bars.update(
            bars.task_ids[0], completed=read, total=None if total is None else max(read, total)
        )

    try:
        yield tell
    finally:
        if bars is not None:
            bars.stop()


def _rows_read() -> Progress:
    """Return a bar of rows, which has begun."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    announce("reading")
    console = Console(stderr=True)
    bars = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.completed:,.0f} rows"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    bars.add_task("reading", total=None)
    bars.start()
    return bars


@contextmanager
def starts_bar(starts: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Show which of EM's starts is climbing; yield what is to be told the start's number."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.completed} of {task.total} starts"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not (shown and console.is_terminal),
    ) as bars:
        task = bars.add_task("EM", total=starts)

        def tell(start: int) -> None:
            bars.update(task, completed=start + 1)

        yield tell
