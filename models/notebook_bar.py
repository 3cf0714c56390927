"""Bars in the cell of a notebook: one text that is replaced in place, and gone when it is done.

All bars of a cell take the same place, one after the other, or each would leave a blank line.

Rich's own bars need another package there, and without it print a warning.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING
from uuid import uuid4

from rich.console import Console
from rich.live import Live

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

__all__ = ["CellDisplay"]

WIDTH = 88  # letters of a line
A_SECOND = 4  # texts at most, each of which is a message to the notebook

PLACES: dict[int, str] = {}
"""What the last cell with a bar calls the place of its bars, by the number of the cell."""


class CellDisplay(Live):
    """A live display of rich's that the running cell shows.

    >>> display = CellDisplay(lambda: "fitting")  # shown from display.start() to display.stop()
    """

    def __init__(self, renderable: Callable[[], RenderableType]) -> None:
        super().__init__(
            console=Console(file=StringIO(), width=WIDTH, color_system=None, force_jupyter=False),
            refresh_per_second=A_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            get_renderable=renderable,
        )
        self._shown = ""

    def refresh(self) -> None:
        """Show how far it is now."""
        with self._lock:
            with self.console.capture() as written:
                self.console.print(self.get_renderable())
            self._show(written.get().rstrip())

    def stop(self) -> None:
        """Take the text away."""
        super().stop()
        with self._lock:
            self._show("")

    def _show(self, text: str) -> None:
        """Put a text in place of the one that is shown."""
        from IPython.core.getipython import get_ipython
        from IPython.display import display, update_display

        if text == self._shown:
            return
        content, self._shown = {"text/plain": text}, text
        shell = get_ipython()
        cell = 0 if shell is None else shell.execution_count
        if cell in PLACES:
            update_display(content, raw=True, display_id=PLACES[cell])
        else:
            PLACES.clear()
            PLACES[cell] = uuid4().hex
            display(content, raw=True, display_id=PLACES[cell])
