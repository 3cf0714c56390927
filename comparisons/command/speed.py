"""The command that measures how fast everything is, beside its peers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from comparisons.command.complete import parts
from comparisons.command.options import OUTPUT, Json
from comparisons.speed import PARTS

__all__ = ["speed"]

USUAL = "second-opinion-speed"


def speed(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help=f"Measure only this part: {', '.join(PARTS)}. For several repeat it: --only em "
            "--only small.",
            autocompletion=parts,
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Use small sizes, to see in a few minutes that it runs."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="New folder for speed.json and, of the part growth, a picture.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Time EM and MCMC, and other programs that fit the same models, if installed.

    It takes an hour, with --quick a few minutes. Without --out and --json the
    results go to a new folder here, second-opinion-speed.

    Exit status: 0 done, 1 samplers disagree, 2 bad input or usage, 70 a bug of
    this program, 130 interrupted.
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
