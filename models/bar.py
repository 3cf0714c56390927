"""The one way to show a bar, for sampling and for everything around a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["bar"]


def bar(counted: str = "", *, left: bool = False, shown: bool = True) -> Progress:
    """Return a bar on a terminal or in a notebook, which goes when it is done; elsewhere nothing.

    counted: the format of the task's `completed` and `total`; without it nothing is counted.
    left: show the time that is left, and not the time taken.

    >>> with bar("{task.completed} rows", shown=False) as bars:
    ...     bars.add_task("reading", total=10)
    0
    """
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    bars = progress.Progress(
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}"),
        *((progress.BarColumn(bar_width=20), progress.TextColumn(counted)) if counted else ()),
        progress.TimeRemainingColumn() if left else progress.TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not (shown and (console.is_terminal or console.is_jupyter)),
    )
    if console.is_jupyter:
        from models.notebook_bar import CellDisplay

        bars.live = CellDisplay(bars.get_renderable)
    return bars
