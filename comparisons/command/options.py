"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

if TYPE_CHECKING:
    from typer._click.core import Context
    from typer._click.formatting import HelpFormatter

__all__ = ["Df", "Jobs", "Json", "Kept", "Naming", "Seed"]

SEEDS = 2**64 - 1  # the sampler takes no larger one
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Seed = Annotated[int, typer.Option(min=0, max=SEEDS, help="Seed of everything random.")]
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

File = Annotated[
    str,
    typer.Argument(help="A CSV or Parquet file, or in quotes a pattern of files; - reads a pipe."),
]
Family = Annotated[
    str | None, typer.Option("--family", "-f", help="What a group looks like: FAMILIES.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        "-c",
        help="The column of what was measured; several make a table. With a family behind each, "
        "such as -c age:gaussian -c visits:poisson, columns are independent within a group.",
    ),
]
Heads = Annotated[str | None, typer.Option(help="The column of heads.")]
Trials = Annotated[
    str | None, typer.Option(help="The column of flips, or one number for all rows.")
]
Counts = Annotated[
    str | None, typer.Option(help="The column that says how often each row occurred.")
]
InOrder = Annotated[
    bool,
    typer.Option(
        "--in-order",
        help="Rows follow each other in time: fit a hidden Markov model. Blank rows stay.",
    ),
]
Sequence = Annotated[
    list[str] | None,
    typer.Option(help="The column that names the sequence of each row; implies --in-order."),
]
Initial = Annotated[
    str | None,
    typer.Option(
        help="How a sequence begins: stationary (under way when first seen), free (a "
        "distribution of its own) or uniform; free from ten sequences on if not given."
    ),
]
Group = Annotated[
    list[str] | None,
    typer.Option(
        help="The column that names what each row belongs to, such as a document or a village: "
        "each has shares of its own."
    ),
]
AsTable = Annotated[
    bool,
    typer.Option(
        "--table",
        help="The file is a table of counts of labels: the first column names what --group "
        "would, all others are categories; without --column.",
    ),
]
Covariance = Annotated[
    str | None,
    typer.Option(
        help="What a multivariate family's covariances look like: COVARIANCES; "
        "COVARIANCES[0] if not given."
    ),
]
Df = Annotated[
    float | None,
    typer.Option(
        help="Hold the degrees of freedom at this number, in every column of heavy tails."
    ),
]
Zeros = Annotated[
    bool,
    typer.Option("--zeros", help="Allow for zeros in excess, beside counts or positive numbers."),
]
Names = Annotated[
    str | None,
    typer.Option(
        help="What to call the groups, in the order of their labels (by mean, rate, ..., the "
        "smallest first), such as women,men."
    ),
]
UnitsText = Annotated[
    str | None,
    typer.Option(
        "--units",
        metavar="TEXT",
        help="The unit of each column, such as cm, or cm,kg for two columns; it stands in titles "
        "and pictures.",
    ),
]
EqualWeights = Annotated[bool, typer.Option("--equal-weights", help="Hold all shares at 1 / k.")]
PriorText = Annotated[
    str | None,
    typer.Option(
        help="The prior, as observations not seen: a JSON file, or in quotes "
        '"mean=170, n=1, squares=50, degrees=3"; weak if not given.'
    ),
]
Draws = Annotated[str, typer.Option(help="How many draws a chain, or auto: as many as it takes.")]
Chains = Annotated[int, typer.Option(min=1, help="How many chains.")]
Starts = Annotated[
    int | None,
    typer.Option(
        min=1, help="How many starts of EM: 20, and more where optima are many, if not given."
    ),
]
DropMissing = Annotated[
    bool, typer.Option("--drop-missing", help="Drop rows with blanks in these columns.")
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Go on where the data cannot identify so many groups."),
]

Out = Annotated[
    Path | None,
    typer.Option(
        help="A new folder for report.html, summary.csv, memberships.csv (which row is in which "
        "group), comparison.nc and figures."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the folder if it is there.")]


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
