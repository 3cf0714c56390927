"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Jobs", "Json", "Kept", "Seed"]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything random.")]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="How many processes; as many as processors if not given.")
]
Kept = Annotated[
    Path | None,
    typer.Option(
        help="The folder of what is done so far, from which an interrupted run goes on, and of "
        "pictures and summary.json."
    ),
]
