"""Options that several commands take."""

from __future__ import annotations

from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from comparisons.command.complete import beginnings, columns, draws, families, forms, structures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typer._click.core import Context
    from typer._click.formatting import HelpFormatter

__all__ = ["Command", "Commands", "Df", "Jobs", "Json", "Kept", "Seed"]

ROWS, MODEL, SIDES = "What to read", "What to fit", "EM and the posterior"
OUTPUT, MACHINES = "What to write", "Several processes or machines"
"""The headings under which a help lists options."""

SEEDS = 1 << 64  # the sampler takes no larger one


def _below(seed: int) -> int:
    """Return a seed, or refuse one that the sampler does not take, before any work."""
    if seed >= SEEDS:
        from models.refusal import Refusal

        raise Refusal(f"--seed is {seed}; give a whole number below 2**64")
    return seed


Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON object on standard output.",
        rich_help_panel=OUTPUT,
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        min=0,
        callback=_below,
        metavar="N",
        help="Seed of all random numbers.",
        rich_help_panel=SIDES,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Number of processes. Default: one for each processor.",
        rich_help_panel=MACHINES,
    ),
]
Kept = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder for progress, summary.json and pictures. Run the command again to resume.",
        rich_help_panel=OUTPUT,
    ),
]

File = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="A CSV, Parquet or Excel file. For several a pattern in quotes, such as '2026-*.csv'. "
        "- reads a pipe.",
    ),
]
Family = Annotated[
    str | None,
    typer.Option(
        "--family",
        "-f",
        metavar="FAMILY",
        help="Distribution of one group: FAMILIES.",
        rich_help_panel=MODEL,
        autocompletion=families,
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        "-c",
        metavar="COLUMN",
        help="Column with the measurements. Repeat it for several columns. Columns of several "
        "kinds each name a family: -c age:gaussian -c visits:poisson.",
        rich_help_panel=ROWS,
        autocompletion=columns,
    ),
]
Heads = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Column with the number of heads (successes), in place of --column.",
        rich_help_panel=ROWS,
        autocompletion=columns,
    ),
]
Trials = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN|N",
        help="Column with the number of flips (trials), or one number for all rows.",
        rich_help_panel=ROWS,
        autocompletion=columns,
    ),
]
Counts = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Column that says how often each row occurred.",
        rich_help_panel=ROWS,
        autocompletion=columns,
    ),
]
InOrder = Annotated[
    bool,
    typer.Option(
        "--in-order",
        help="Rows follow each other in time: fit a hidden Markov model. Blank rows keep their "
        "place.",
        rich_help_panel=ROWS,
    ),
]
Sequence = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="Column that names the sequence of each row. Implies --in-order.",
        rich_help_panel=ROWS,
        autocompletion=columns,
    ),
]
Initial = Annotated[
    str | None,
    typer.Option(
        metavar="HOW",
        help="First state of a sequence: stationary (the sequence was already running), free "
        "(probabilities of its own) or uniform. Default: free with ten sequences or more, "
        "otherwise stationary.",
        rich_help_panel=MODEL,
        autocompletion=beginnings,
    ),
]
Group = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="Column with the village, document or person of each row, such as --group village. "
        "The components are the same for all of them; the shares differ.",
        rich_help_panel=ROWS,
        autocompletion=columns,
    ),
]
AsTable = Annotated[
    bool,
    typer.Option(
        "--table",
        help="The file is a table of counts. Its first column names the documents, villages or "
        "the like; every other column is a category. Leave out --column.",
        rich_help_panel=ROWS,
    ),
]
Covariance = Annotated[
    str | None,
    typer.Option(
        metavar="FORM",
        help="Form of the covariances of multivariate: COVARIANCES. Default: COVARIANCES[0].",
        rich_help_panel=MODEL,
        autocompletion=forms,
    ),
]
Df = Annotated[
    float | None,
    typer.Option(
        metavar="NUMBER",
        help="Fix the degrees of freedom of student-t, such as --df 4, in every column that has "
        "it. Default: they are estimated.",
        rich_help_panel=MODEL,
    ),
]
Structure = Annotated[
    str,
    typer.Option(
        metavar="STRUCTURE",
        help="How simulated rows belong together: mixture (in no way), hidden-markov (in time, in "
        "five sequences) or admixture (in ten groups).",
        rich_help_panel=MODEL,
        autocompletion=structures,
    ),
]
Zeros = Annotated[
    bool,
    typer.Option(
        "--zeros",
        help="Allow for more zeros than the family has: in counts, or among positive numbers.",
        rich_help_panel=MODEL,
    ),
]
Names = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Names of the groups with commas between, the group with the smallest mean (rate, "
        "...) first: women,men.",
        rich_help_panel=MODEL,
    ),
]
UnitsText = Annotated[
    str | None,
    typer.Option(
        "--units",
        metavar="UNITS",
        help="Unit of each column, with commas between, for titles and pictures: cm,kg.",
        rich_help_panel=MODEL,
    ),
]
EqualWeights = Annotated[
    bool,
    typer.Option(
        "--equal-weights",
        help="Fix the share of every group at 1 / k: with two groups, half each.",
        rich_help_panel=MODEL,
    ),
]
PriorText = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT|FILE",
        help="Prior, as if some observations had been seen before. For gaussian: "
        '"mean=170, n=1, squares=50, degrees=3" in quotes: n observations with that mean, and a '
        "sum of squares with its degrees of freedom. Or a JSON file with these names. Default: a "
        "weak prior.",
        rich_help_panel=MODEL,
    ),
]
Draws = Annotated[
    str,
    typer.Option(
        metavar="N|auto",
        help="Draws of each chain. auto: as many as are needed.",
        rich_help_panel=SIDES,
        autocompletion=draws,
    ),
]
Chains = Annotated[
    int,
    typer.Option(min=1, metavar="N", help="Number of chains.", rich_help_panel=SIDES),
]
Starts = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Starts of EM. Default: 20, and more where there are many optima.",
        rich_help_panel=SIDES,
    ),
]
Decimal = Annotated[
    str | None,
    typer.Option(
        metavar="MARK",
        help="Mark before decimals, . or a comma. Default: it is recognised.",
        rich_help_panel=ROWS,
    ),
]
Thousands = Annotated[
    str | None,
    typer.Option(
        metavar="MARK",
        help="Mark between thousands, such as a comma or a blank. Default: it is recognised.",
        rich_help_panel=ROWS,
    ),
]
Sheet = Annotated[
    str | None,
    typer.Option(
        metavar="SHEET",
        help="Sheet of a workbook, by name or position, such as --sheet 2. Default: the first.",
        rich_help_panel=ROWS,
    ),
]
DropMissing = Annotated[
    bool,
    typer.Option(
        "--drop-missing",
        help="Leave out rows with blanks in these columns.",
        rich_help_panel=ROWS,
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Continue although the data cannot identify so many groups.",
        rich_help_panel=SIDES,
    ),
]

Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="New folder for report.html, summary.csv, memberships.csv (the group of each row), "
        "comparison.nc and pictures.",
        rich_help_panel=OUTPUT,
    ),
]
OutOfChoice = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FOLDER",
        help="New folder for report.html, choice.csv, pictures, and a comparison for each number "
        "of groups, which predict can read.",
        rich_help_panel=OUTPUT,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option("--overwrite", help="Replace the folder if it exists.", rich_help_panel=OUTPUT),
]


class Command(TyperCommand):
    """A command whose help names FAMILIES and COVARIANCES, which are loaded for the help alone.

    >>> from typer.testing import CliRunner
    >>> from comparisons.command.main import app
    >>> "poisson" in CliRunner().invoke(app, ["fit", "-h"]).output
    True
    """

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the help, the names in their places."""
        self.help = _flowing(self.help)
        _prepare(self.get_params(ctx))
        super().format_help(ctx, formatter)


class Commands(TyperGroup):
    """All commands, and their common help.

    >>> from typer.testing import CliRunner
    >>> from comparisons.command.main import app
    >>> "predict" in CliRunner().invoke(app, ["-h"]).output
    True
    """

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the help."""
        self.help = _flowing(self.help)
        _prepare(self.get_params(ctx))
        super().format_help(ctx, formatter)


def _flowing(text: str | None) -> str:
    r"""Return a docstring for -h, its paragraphs without the ends of lines.

    typer keeps those ends: on a terminal of fewer columns every second line would be a short one.

    >>> _flowing("Fit.\n\n    Rows and\n    columns.\n    \f\n    >>> fit()")
    'Fit.\n\nRows and columns.'
    """
    shown = cleandoc((text or "").partition("\f")[0])
    return "\n\n".join(" ".join(one.split()) for one in shown.split("\n\n"))


def _prepare(options: Iterable[object]) -> None:
    """Put names into the texts of options, and leave out that a flag is a bool."""
    for option in options:
        if isinstance(option, TyperOption) and option.is_flag:
            option.metavar = ""
        if isinstance(option, TyperOption | TyperArgument) and option.help is not None:
            for place in PLACES:
                if place in option.help:
                    option.help = option.help.replace(place, _named(place))


PLACES = ("COVARIANCES[0]", "COVARIANCES", "FAMILIES")
"""What stands in the texts for names; the longer place first."""


def _named(place: str) -> str:
    """Return the names that a place stands for."""
    known = families("") if place == "FAMILIES" else forms("")
    return known[0] if place.endswith("[0]") else ", ".join(known)
