"""A comparison on a terminal, or in a pipe."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from comparisons.finding import DOUBT, FAULT, NOTE, OK, Finding

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["told"]

COLOUR = {"agree": "green", "disagree": "red", "inconclusive": "yellow"}
MARK = {FAULT: "✗", DOUBT: "?", NOTE: "·"}
SHADE = {FAULT: "red", DOUBT: "yellow", NOTE: "dim"}
CARRYING = ("other_place", "other_numbers", "other_spread", "other_predictions")
MEANING = {
    "agree": "EM and the posterior agree.",
    "disagree": "EM and the posterior disagree: one of them is wrong.",
    "inconclusive": "Nothing can be concluded yet.",
}


class Pipe(Console):
    """A console whose reader may leave early without that being a verdict."""

    def on_broken_pipe(self) -> None:
        """Write the rest to nowhere."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def told(tree: xr.DataTree, learned: str | None) -> None:
    """Print the table, the verdict and whatever is not ok.

    learned: what a study taught.
    """
    console = Pipe(highlight=False)
    attrs, em = tree.attrs, tree["em"].attrs
    k, n = int(attrs["components"]), attrs["observations"]
    distinct = tree["constant_data"].sizes["row"]
    console.print(
        f"{attrs['family']}, {k} component{'s' * (k > 1)}, {n:,} observations, "
        f"{distinct:,} distinct; {em['source']} beside {attrs['chains']} chains of "
        f"{attrs['draws']:,} draws"
    )
    console.print(_table(tree))
    verdict = attrs["verdict"]
    console.print(Text(verdict.upper(), style=f"bold {COLOUR[verdict]}"), MEANING[verdict])
    findings = [Finding(**one) for one in json.loads(attrs["findings"])]
    if verdict == "agree":
        for finding in findings:
            if finding.code in CARRYING:
                console.print(Padding(finding.message, (0, 0, 0, 2)))
    for severity in (FAULT, DOUBT, NOTE):
        for finding in findings:
            if finding.severity == severity:
                mark = f"{MARK[severity]} [{SHADE[severity]}]{finding.code}[/]: "
                remedy = f" [italic]{finding.remedy}[/]" if finding.remedy else ""
                console.print(Padding(mark + finding.message + remedy, (0, 0, 0, 2)))
    passed = sum(finding.severity == OK for finding in findings)
    console.print(f"  {passed} of {len(findings)} measures are ok.")
    if learned:
        console.print(f"\n{learned}")


def _table(tree: xr.DataTree) -> Table:
    """Return the parameters, estimate beside posterior."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    source = "EM" if tree["em"].attrs["source"] == "EM" else "estimate"
    for name in ("parameter", f"{source} (se)", "posterior (sd)", "95% interval", "gap/sd"):
        table.add_column(name, justify="left" if name == "parameter" else "right", no_wrap=True)
    frame = tree["comparison"].to_dataset().to_dataframe()
    for label, row in frame.iterrows():
        table.add_row(
            str(label).replace("[", r"\["),
            _pair(row["mle"], row["se"]),
            _pair(row["mean"], row["sd"]),
            f"{_rounded(row['low'], row['sd'])} to {_rounded(row['high'], row['sd'])}",
            f"{row['gap_in_sd']:+.2f}" if np.isfinite(row["gap_in_sd"]) else "–",
        )
    return table


def _pair(value: float, error: float) -> str:
    """Return a value and its error, both to the error's second digit."""
    return f"{_rounded(value, error)} ({_rounded(error, error) if error > 0 else '–'})"


def _rounded(value: float, error: float) -> str:
    """Return a value to the second digit of its error."""
    if not (np.isfinite(error) and error > 0 and np.isfinite(value)):
        return f"{value:.4g}"
    decimals = max(0, 1 - int(np.floor(np.log10(error))))
    if decimals > 8 or abs(value) >= 1e9:
        return f"{value:.4g}"
    return f"{value:.{decimals}f}"
