"""Bars on a terminal, a line for each long phase anywhere else."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["announce", "starts_bar", "waiting"]


def announce(phase: str) -> None:
    """Say what comes next, where no bar will."""
    if not Console(stderr=True).is_terminal:
        print(f"{phase} ...", file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def waiting(reason: str) -> Iterator[None]:
    """Say what takes its time."""
    console = Console(stderr=True)
    announce(reason)
    if not console.is_terminal:
        yield
        return
    with console.status(reason):
        yield


@contextmanager
def starts_bar(starts: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Show which of EM's starts is climbing; yield what is to be told the start's number."""
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
