"""A comparison on a terminal, or in a pipe."""

from __future__ import annotations

import json
import os
import sys
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from comparisons.finding import DOUBT, FAULT, NOTE, OK, Finding
from comparisons.kept.facts import among, columns_of, distinct_of, numbered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import xarray as xr

    from comparisons.pages.steps import Steps

__all__ = ["by_importance", "meaning", "printed", "said", "stepped", "told"]

COLOUR = {"agree": "green", "disagree": "red", "inconclusive": "yellow"}
MARK = {FAULT: "✗", DOUBT: "?", NOTE: "·"}
SHADE = {FAULT: "red", DOUBT: "yellow", NOTE: "dim"}
SEVERITIES = (FAULT, DOUBT, NOTE, OK)
CONSEQUENCE = "other_"  # codes that say that the answers lie apart, and not why
BESIDE = ("binned", "other_rows")  # what rows that the posterior did not see are worth saying
CARRYING = ("other_place", "other_numbers", "other_spread", "other_predictions")
PROSE = 100  # columns of a line of prose, on a wide terminal or in a pipe
PARAMETER = "parameter"  # the head of names that need none
ENDLESS = 10_000  # columns of a pipe, which has no edge that could cut a number


class Pipe(Console):
    """A console whose reader may leave early without that being a verdict."""

    def on_broken_pipe(self) -> None:
        """Write the rest to nowhere."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _console() -> Pipe:
    """Return a console that cuts no line short but at a terminal's edge."""
    console = Pipe(highlight=False)
    if not console.is_terminal:
        console.width = ENDLESS
    return console


def printed(text: str) -> None:
    """Print a text as it is."""
    console = _console()
    console.print(Text(text), soft_wrap=True)


def meaning(tree: xr.DataTree) -> str:
    """Return what the verdict means, in a sentence."""
    source = str(tree["em"].attrs["source"])
    known = source == "EM" or source.endswith(".json")
    who = PurePath(source).name if known else "The estimate"
    return {
        "agree": f"{who} and the posterior agree.",
        "disagree": f"{who} and the posterior disagree: one of them is wrong.",
        "inconclusive": "The data or the chains cannot tell yet; the causes:",
    }[tree.attrs["verdict"]]


def by_importance(findings: Iterable[Finding]) -> list[Finding]:
    """Return what is not ok: the worst first, and causes before consequences."""

    def order(finding: Finding) -> tuple[int, bool]:
        return SEVERITIES.index(finding.severity), finding.code.startswith(CONSEQUENCE)

    return sorted((one for one in findings if one.severity != OK), key=order)


def stepped(steps: Iterable[Steps]) -> None:
    """Print a study's tables."""
    console = _console()
    for table in steps:
        _say(console, Text(table.title, "bold"))
        _lay(console, list(table.columns), table.words())
        console.print()


def said(text: str) -> None:
    """Print a paragraph."""
    _say(_console(), Text(text))


def told(tree: xr.DataTree) -> None:
    """Print the table, the verdict and whatever is not ok."""
    console = _console()
    _say(console, Text(_headline(tree)))
    _tabulate(console, tree)
    if legend := _legend(tree):
        _say(console, Text(legend, style="dim"))
    verdict = tree.attrs["verdict"]
    _say(
        console,
        Text.assemble((verdict.upper(), f"bold {COLOUR[verdict]}"), " ", meaning(tree)),
    )
    findings = [Finding(**one) for one in json.loads(tree.attrs["findings"])]
    if verdict == "agree":
        for finding in findings:
            if finding.code in CARRYING:
                _say(console, Text(finding.message), 2)
    for finding in findings:
        if finding.code in BESIDE and finding.severity == OK:
            _say(console, Text(finding.message), 2)
    causes = by_importance(findings)
    for at, finding in enumerate(causes):
        last = all(finding.remedy != later.remedy for later in causes[at + 1 :])
        _say(console, _cause(finding, remedy=last), 2)
    passed = sum(finding.severity == OK for finding in findings)
    _say(console, Text(f"{passed} of {len(findings)} measures are ok."), 2)


def _headline(tree: xr.DataTree) -> str:
    """Return what was asked of whom."""
    attrs, em = tree.attrs, tree["em"].attrs
    k, n, names = int(attrs["components"]), attrs["observations"], columns_of(tree)
    of = f" of {', '.join(names)}" if names else ""
    return (
        f"{attrs['family']}, {k} component{'s' * (k > 1)}, {n:,} observations{among(tree)}{of}, "
        f"{distinct_of(tree):,} distinct; {em['source']} beside "
        f"{attrs['chains']} chains of {attrs['draws']:,} draws"
    )


def _legend(tree: xr.DataTree) -> str:
    """Return what the numbers in brackets mean, where columns have names."""
    names = columns_of(tree)
    if len(names) < 2:
        return ""
    return f"In brackets: the component, then the column(s), where {numbered(names)}."


def _cause(finding: Finding, *, remedy: bool) -> Text:
    """Return a finding, with its remedy or without."""
    cause = Text(f"{MARK[finding.severity]} ")
    cause.append(finding.code, SHADE[finding.severity])
    cause.append(f": {finding.message}")
    if remedy and finding.remedy:
        cause.append(f" {finding.remedy}", "italic")
    return cause


def _say(console: Console, text: Text, indent: int = 0) -> None:
    """Print a paragraph in lines without blanks at their ends."""
    for line in text.wrap(console, max(20, min(console.width, PROSE) - indent)):
        line.rstrip()
        console.print(Text(" " * indent) + line, soft_wrap=True)


def _tabulate(console: Console, tree: xr.DataTree) -> None:
    """Print the parameters, estimate beside posterior."""
    frame = tree["comparison"].to_dataset().to_dataframe()
    _lay(console, _names(tree), [_cells(str(label), row) for label, row in frame.iterrows()])


def _lay(console: Console, names: list[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, stacked where a row finds no room."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, justify="left" if name == names[0] else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    room = console.options.update(width=ENDLESS)
    if Measurement.get(console, room, table).maximum <= console.width:
        console.print(table)
        return
    width = max(map(len, names))
    kind = "" if names[0] == PARAMETER else names[0]
    for label, *cells in rows:
        console.print(Text(f"{kind}: {label}" if kind else label, "bold"), soft_wrap=True)
        for name, cell in zip(names[1:], cells, strict=True):
            console.print(Text(f"  {name:<{width}}  {cell}"), soft_wrap=True)


def _names(tree: xr.DataTree) -> list[str]:
    """Return the heads of the table."""
    source = "EM" if tree["em"].attrs["source"] == "EM" else "estimate"
    return [PARAMETER, f"{source} (se)", "posterior (sd)", "95% interval", "gap/sd"]


def _cells(label: str, row: Mapping[str, float]) -> list[str]:
    """Return a row of the table."""
    return [
        label,
        _pair(row["mle"], row["se"]),
        _pair(row["mean"], row["sd"]),
        f"{_rounded(row['low'], row['sd'])} to {_rounded(row['high'], row['sd'])}",
        f"{row['gap_in_sd']:+.2f}" if np.isfinite(row["gap_in_sd"]) else "–",
    ]


def _pair(value: float, error: float) -> str:
    """Return a value and its error, both to the error's second digit."""
    return f"{_rounded(value, error)} ({_rounded(error, error) if error > 0 else '–'})"


def _rounded(value: float, error: float) -> str:
    """Return a value to the second digit of its error."""
    if not (np.isfinite(error) and error > 0 and np.isfinite(value)):
        return f"{value:.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"
    decimals = max(0, 1 - int(np.floor(np.log10(error))))
    if decimals > 8 or abs(value) >= 1e9:
        return f"{value:.4g}"
    return f"{value:.{decimals}f}"
