"""The command that measures how fast everything is, beside its peers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from comparisons.command.options import Json
from comparisons.speed import PARTS

__all__ = ["speed"]

USUAL = "second-opinion-speed"


def speed(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(help=f"Measure this part alone; may be repeated: {', '.join(PARTS)}."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small sizes, a few minutes: to see that it runs.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="A new folder for speed.json and, where n grows, the picture."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure EM and the posterior side by side with all peers that are found.

    An hour in all; a few minutes with --quick. Without --out and --json it makes a new folder here.
    Exit status 1 if samplers disagree.
    \f

    >>> speed(only=["growht"])
    Traceback (most recent call last):
    models.refusal.Refusal: there is no part 'growht'; did you mean growth? there are em, ...
    """  # noqa: D301 (what follows \f is not for -h)
    from comparisons.command.inputs import known
    from comparisons.kept.atomic import free, refuse_folder
    from comparisons.progress import waiting

    parts = [known("part", part, PARTS) for part in dict.fromkeys(only or PARTS)]
    folder = free(USUAL) if out is None and not as_json else out
    if folder is not None:
        refuse_folder(folder, overwrite=None)
    with waiting("loading PyMC"):
        from comparisons.speed.run import main
    agreed = main(parts, quick=quick, folder=folder, as_json=as_json)
    raise typer.Exit(int(not agreed))
