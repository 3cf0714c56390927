"""A comparison on a terminal, or in a pipe."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from comparisons.finding import DOUBT, FAULT, NOTE, OK, Finding
from comparisons.kept.largest import largest
from comparisons.verdict.alone import findings_of
from comparisons.verdict.headline import HOPELESS, by_importance, follows, headline
from em.printing import rounded
from models.family import remarks, shares_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    import em
    from comparisons.kept.facts import Facts, Row
    from comparisons.pages.steps import Steps

__all__ = [
    "FLAT",
    "Pipe",
    "among",
    "console_of",
    "inner_places",
    "laid",
    "meaning",
    "meant",
    "printed",
    "said",
    "spoken",
    "starred",
    "stepped",
    "told",
    "told_alone",
    "unsaid",
]

COLOUR = {"agree": "green", "disagree": "red", "inconclusive": "yellow"}
MARK = {FAULT: "✗", DOUBT: "?", NOTE: "·"}
SHADE = {FAULT: "red", DOUBT: "yellow", NOTE: "dim"}
FLAT = "flat_directions"  # the code of directions that the data leave open
MISFIT = "misfit"  # the code of a model that does not fit
BESIDE = ("binned", "other_rows")  # said even if ok: the posterior did not see all rows
CARRYING = ("other_place", "other_numbers", "other_spread", "other_predictions")
REPEATED = {  # by the code of a finding, the notes of EM that say the same
    "stopped_early": "^stopped ",
    "spike": "spike",
    "empty_component": " is empty: ",
    "boundary": "at the edge of|^also at an edge|is 0 with probability|is almost always 0",
}
OBSERVATIONS = re.compile(r"\d observations?\b")  # in a heading; what of stands behind it
PROSE = 100  # most columns of a line of prose
PARAMETER = "parameter"  # a head that stacked rows leave out: their names say it
ENDLESS = 10_000  # columns of a pipe


class Pipe(Console):
    """A console whose reader may leave early without that being a verdict.

    >>> Pipe(width=40).width
    40
    """

    def on_broken_pipe(self) -> None:
        """Discard the rest of the output."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def console_of() -> Pipe:
    """Return a console; in a pipe, which has no edge, it cuts no line.

    >>> console_of().width
    10000
    """
    console = Pipe(highlight=False, force_jupyter=False)  # text in a notebook, too
    if not console.is_terminal:
        console.width = ENDLESS
    return console


def printed(text: str) -> None:
    """Print a text as it is.

    >>> printed("two groups")
    two groups
    """
    console = console_of()
    console.print(Text(text), soft_wrap=True)


def meaning(facts: Facts) -> str:
    """Return what the verdict means, in a sentence.

    >>> meaning(comparison)
    'EM and the posterior agree.'
    """
    name = facts.estimate.name
    who = name if name == "EM" or name.endswith(".json") else "The estimate"
    if {one.code for one in facts.findings if one.stands} == {MISFIT}:
        return (
            f"{who} and the posterior agree with each other, but the model does not fit the data."
        )
    if facts.verdict == "agree" and any(
        one.code == FLAT and one.severity != OK for one in facts.findings
    ):
        return (
            f"{who} and the posterior agree on the fit. Its {facts.noun}s are one solution of many."
        )
    first = headline(facts.findings)
    if first is not None and first.code == HOPELESS:
        return "More draws would not help. The cause:"
    return {
        "agree": f"{who} and the posterior agree.",
        "disagree": f"{who} and the posterior disagree: one of them is wrong.",
        "inconclusive": "The question is still open. The causes:",
    }[facts.verdict]


def meant(facts: Facts) -> str:
    """Return what agreement means and what it does not mean, in a sentence.

    >>> meant(comparison).endswith("This does not prove that the groups are real.")
    True
    """
    fits = not any(one.code == MISFIT and one.severity != OK for one in facts.findings)
    return (
        "Two independent methods give the same answer"
        f"{', and the model fits the data' * fits}. This does not prove that "
        f"{'' if fits else 'the model fits or that '}the {facts.noun}s are real."
    )


def stepped(steps: Iterable[Steps]) -> None:
    """Print a study's tables.

    >>> from comparisons.pages.steps import Steps
    >>> stepped([Steps("Flips", {"heads": "d", "p": ".2f"}, [(7, 0.7)])])
    Flips
    heads     p
    7      0.70
    <BLANKLINE>
    """
    console = console_of()
    for table in steps:
        spoken(console, Text(table.title, "bold"))
        laid(console, list(table.columns), table.words())
        console.print()


def said(text: str) -> None:
    """Print a paragraph.

    >>> said("Two groups were found.")
    Two groups were found.
    """
    spoken(console_of(), Text(text))


def told(facts: Facts) -> None:
    """Print the table, the verdict and whatever is not ok.

    >>> told(comparison)
    Poisson, 2 groups, 100 observations, 13 distinct; EM beside 4 chains of 500 draws
    ...
    AGREE EM and the posterior agree.
    ...
    """
    console = console_of()
    spoken(console, Text(_headline(facts)))
    _tabulate(console, facts)
    for line in (_legend(facts), *remarks(facts.family)):
        if line:
            spoken(console, Text(line, style="dim"))
    verdict = facts.verdict
    spoken(
        console, Text.assemble((verdict.upper(), f"bold {COLOUR[verdict]}"), " ", meaning(facts))
    )
    findings = facts.findings
    if verdict == "agree":
        for finding in findings:
            if finding.code in CARRYING or (finding.code == MISFIT and finding.severity == OK):
                spoken(console, Text(finding.message), 2)
        spoken(console, Text(meant(facts)), 2)
    for finding in findings:
        if finding.code in BESIDE and finding.severity == OK:
            spoken(console, Text(finding.message), 2)
    after = follows(findings)
    causes = [one for one in by_importance(findings) if one not in after]
    for at, finding in enumerate(causes):
        last = all(finding.remedy != later.remedy for later in causes[at + 1 :])
        spoken(console, _cause(finding, remedy=last), 2)
        if finding.code == HOPELESS and after:
            spoken(
                console, Text(f"Consequences: {', '.join(one.code for one in after)}.", "dim"), 4
            )
    passed = sum(finding.severity == OK for finding in findings)
    spoken(console, Text(f"{passed} of {len(findings)} checks passed."), 2)


def unsaid(notes: Iterable[str], findings: Iterable[Finding]) -> list[str]:
    """Return EM's notes without those on what a finding that is not ok says as well.

    >>> spike = Finding("spike", DOUBT, 1.0, 0.0, "The estimate is a spike.", "")
    >>> unsaid(["every start ended on a spike", "20 starts were given up"], [spike])
    ['20 starts were given up']
    """
    codes = {one.code for one in findings if one.severity != OK}
    again = [pattern for code, pattern in REPEATED.items() if code in codes]
    return [one for one in notes if not any(re.search(pattern, one) for pattern in again)]


def told_alone(fit: em.Fit[Any], measured: Sequence[str] = ()) -> None:
    """Print what EM found by itself, and which of its own measures are not ok.

    measured: what the columns are, with their units, if these are known.

    >>> told_alone(fit, ["calls in a day"])
    Poisson, 2 groups, 100 observations of calls in a day
    ...
    """
    console = console_of()
    found = by_importance(findings_of(fit))
    kept = {f"note: {one}" for one in unsaid(fit.notes, found)}
    heading, *lines = fit.lines(console.width)
    lines = [one for one in lines if not one.startswith("note: ") or one in kept]
    if measured:
        of = f" of {', '.join(measured)}"
        heading = OBSERVATIONS.sub(lambda found: found[0] + of, heading, count=1)
    for line in (heading, *lines):
        for part in Text(line).wrap(console, console.width):
            part.rstrip()
            console.print(part, soft_wrap=True)
    for finding in found:
        spoken(console, _cause(finding, remedy=True))


def _headline(facts: Facts) -> str:
    """Return what was asked of whom."""
    k, n, sampling = facts.k, facts.observations, facts.sampling
    of = f" of {', '.join(facts.columns)}{facts.out_of}" if facts.columns else ""
    return (
        f"{facts.title}, {k} {facts.noun}{'s' * (k > 1)}, {n:,} observations{among(facts)}{of}"
        f"{_extent(facts)}, "
        f"{facts.distinct:,} distinct; {facts.estimate.source} beside "
        f"{sampling.chains} chains of {sampling.draws:,} draws"
    )


def _extent(facts: Facts) -> str:
    """Return what the number of observations does not say of the data."""
    extent = facts.question.units.extent
    return f" {extent}" if extent else ""


def _legend(facts: Facts) -> str:
    """Return what stands in brackets, where columns have names or a star occurs."""
    star = f"* means all {facts.noun}s." * starred(facts)
    return " ".join(one for one in (_brackets(facts), star) if one)


def starred(facts: Facts) -> bool:
    """Return whether the name of some parameter has a star for all components.

    >>> starred(comparison)
    False
    """
    return shares_parameters(facts.family)


def _brackets(facts: Facts) -> str:
    """Return what stands in brackets; nothing if that is the component alone."""
    where = inner_places(facts)
    if facts.noun == "state":
        others = f"; of others, {where}" * bool(where)
        return f"In brackets: the state; of a transition, then the next state{others}."
    if "group" in facts.named and facts.k > 1:
        others = f"the component{', then ' * bool(where)}{where}"
        return f"In brackets: the group, then the component; of other parameters, {others}."
    return f"In brackets: the {facts.noun}, then {where}." * bool(where)


def inner_places(facts: Facts) -> str:
    """Return what stands in brackets behind the component, nothing if that stands alone.

    >>> inner_places(comparison)
    ''
    """
    if facts.categories:
        return "the category" if "category" in facts.named else "the code of the category"
    rows = [row.parameter for row in facts.parameters]
    if not any(one.part or "dimension" in one.axes for one in rows):
        return ""
    if facts.question.sample.columns:
        return "the column"
    told = ", ".join(f"{at} is {name}" for at, name in enumerate(facts.columns, 1))
    return f"the column, where {told}" if told else "the column"


def among(facts: Facts) -> str:
    """Say of how many observations those of a comparison were drawn, if not all are in it.

    >>> among(comparison)
    ''
    """
    how = "in whole stretches" if facts.noun == "state" else "drawn at random"
    if facts.question.data.sizes:
        how = f"{how} in whole groups"
    return "" if facts.whole is None else f" (of {facts.whole:,}, {how})"


def _cause(finding: Finding, *, remedy: bool) -> Text:
    """Return a finding, with its remedy or without."""
    cause = Text(f"{MARK[finding.severity]} ")
    cause.append(finding.code, SHADE[finding.severity])
    cause.append(f": {finding.message}")
    if remedy and finding.remedy:
        cause.append(f" {finding.remedy}", "italic")
    return cause


def spoken(console: Console, text: Text, indent: int = 0) -> None:
    """Print a paragraph in lines without blanks at their ends.

    >>> spoken(Pipe(width=24), Text("Two groups were found in the data."))
    Two groups were found in
    the data.
    """
    for line in text.wrap(console, max(20, min(console.width, PROSE) - indent)):
        line.rstrip()
        console.print(Text(" " * indent) + line, soft_wrap=True)


def _tabulate(console: Console, facts: Facts) -> None:
    """Print the parameters, estimate beside posterior."""
    source = "EM" if facts.estimate.source == "EM" else "estimate"
    names = [PARAMETER, f"{source} (se)", "posterior (sd)", "95% interval", "gap/sd"]
    rows, hidden = largest(facts)
    laid(console, names, [_cells(row) for row in rows])
    if hidden:
        spoken(console, Text(f"Not shown: {hidden}. summary.csv (in --out FOLDER) has all."))


def laid(console: Console, names: list[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, stacked where a row finds no room.

    >>> laid(Pipe(width=24), ["K", "BIC"], [["1", "517.2"]])
    K    BIC
    1  517.2
    """
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


def _cells(row: Row) -> list[str]:
    """Return a row of the table."""
    of = row.numbers
    return [
        row.title,
        _pair(row.estimate, of["se"]),
        _pair(of["mean"], of["sd"]),
        f"{rounded(of['low'], of['sd'])} to {rounded(of['high'], of['sd'])}",
        f"{of['gap_in_sd']:+.2f}" if np.isfinite(of["gap_in_sd"]) else "–",
    ]


def _pair(value: float, error: float) -> str:
    """Return a value and its error, both to the error's second digit."""
    return f"{rounded(value, error)} ({rounded(error, error) if error > 0 else '–'})"
