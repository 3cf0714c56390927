"""The command of a long simulation: its options, what is kept of it, and its table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from comparisons.replicates import of_this_code, run
from em.data.threads import available
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType

    from comparisons.replicates import Record, Task

__all__ = ["campaign"]


def campaign(
    about: str,
    task: Task,
    shown: Callable[[Sequence[Record]], RenderableType],
    *,
    replicates: int,
    name: str,
    width: int = 120,
) -> None:
    """Run replicates as the command line asks, and print their table.

    What --out keeps is taken up again by the same simulation of the same code alone.

    about: the docstring of the simulation; its first line stands in the help.
    replicates: how many by default; name: what they are called.
    width: of the table, in columns.

    >>> sys.argv = ["squares", "--replicates", "3", "--jobs", "1"]
    >>> campaign("Squares.", lambda n: {"n": n * n}, lambda all: str(len(all)), replicates=9,
    ...     name="numbers")
    3
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=replicates, help=f"number of {name}")
    parser.add_argument("--jobs", type=int, default=available(), help="processes")
    parser.add_argument("--out", type=Path, help="folder from which an interrupted run goes on")
    asked = parser.parse_args()
    settings = of_this_code({"simulation": Path(sys.argv[0]).stem})
    try:
        records = run(
            task, asked.replicates, jobs=asked.jobs, folder=asked.out, settings=settings, name=name
        )
    except Refusal as why:
        parser.error(str(why))
    Console(width=width).print(shown(records))
