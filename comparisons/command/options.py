"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

if TYPE_CHECKING:
    from typer._click.core import Context
    from typer._click.formatting import HelpFormatter

__all__ = ["Jobs", "Json", "Kept", "Naming", "Seed"]

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


class Naming(TyperCommand):
    """A command whose help names FAMILIES and COVARIANCES, which are loaded for the help alone.

    >>> from typer.testing import CliRunner
    >>> from comparisons.command.main import app
    >>> "poisson" in CliRunner().invoke(app, ["fit", "-h"]).output
    True
    """

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the help, the names in their places."""
        from comparisons.command.inputs import forms
        from models.names import FAMILIES

        names = {
            "COVARIANCES[0]": forms()[0],
            "COVARIANCES": ", ".join(forms()),
            "FAMILIES": ", ".join(FAMILIES),
        }
        for option in self.params:
            if isinstance(option, TyperOption | TyperArgument) and option.help is not None:
                for place, name in names.items():
                    option.help = option.help.replace(place, name)
        super().format_help(ctx, formatter)
