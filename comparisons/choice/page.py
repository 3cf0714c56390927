"""A choice on one page: the table, the pictures, a section for each candidate."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from comparisons.choice.pictures import pictures_of_choice
from comparisons.choice.printed import cells, heads
from comparisons.choice.reasons import called, listed
from comparisons.finding import DOUBT, FAULT
from comparisons.kept.largest import largest
from comparisons.pages.embedded import inlined
from comparisons.pages.opening import LISTED, numeral, subject
from comparisons.pages.page import rendered
from comparisons.pages.report import card_of, line_of
from comparisons.pages.terminal import meaning
from comparisons.pictures.catalogue import KINDS, Picture
from comparisons.thresholds import LEVEL
from comparisons.verdict.headline import by_importance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from comparisons.choice.candidates import Candidates
    from comparisons.choice.rows import Row
    from comparisons.pages.report import Card, Line

__all__ = ["page"]

HOME = "comparisons.choice"
SHOWN = ("data", "plane", "series", "categories")  # pictures of a candidate's own section


class Section(NamedTuple):
    """A candidate's part of the page.

    pictures: title, words and SVG of each.
    """

    title: str
    best: bool
    verdict: str
    lead: str
    table: list[Line]
    hidden: str
    causes: list[Card]
    pictures: list[Markup]


def page(
    choice: Candidates, command: str | None = None, pictures: Sequence[Picture] | None = None
) -> str:
    """Return a choice as one HTML page that needs nothing else.

    command: by which it was made, to be shown.
    pictures: of the choice, by default `pictures_of_choice`.

    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> "how many groups?" in page(Candidates((Row(fit.family, 2, fit, comparison),)), pictures=[])
    True
    """
    best = choice.recommended
    fit = next(row.fit for row in choice.rows if row.fit is not None)
    compared = [row for row in choice.rows if row.comparison is not None]
    names = compared[0].comparison.columns if compared and compared[0].comparison else ()
    about = subject(names, choice.rows[0].family.plain()[1])
    drawn = pictures_of_choice(choice) if pictures is None else pictures
    advice, elections, *reasons = choice.sentences
    return rendered(
        "choice.html.j2",
        HOME,
        title=f"{about}: how many {choice.noun}s? EM and MCMC compared (n = {fit.observations:,})",
        opening=_opening(choice, names, fit.observations),
        family=choice.family,
        noun=choice.noun,
        headline=called(best, choice.noun) if best else "Nothing to recommend",
        advice=advice,
        elections=elections,
        reasons=reasons,
        about="What else to know" if choice.agree else "Why they differ",
        missing=choice.missing,
        interrupted=choice.interrupted,
        heads=list(heads(choice).values()),
        rows=[(row is best, one) for row, one in zip(choice.rows, cells(choice), strict=True)],
        legend=choice.legend,
        pictures=inlined(drawn),
        sections=[_section(row, best=row is best) for row in compared],
        command=command,
        level=f"{LEVEL:.0%}",
        versions=compared[0].comparison.versions if compared and compared[0].comparison else {},
    )


def _opening(choice: Candidates, names: Sequence[str], n: int) -> str:
    """Return what was asked, what was done and what came out, for readers without statistics."""
    tried = sorted({row.k for row in choice.rows})
    words = [numeral(k) for k in tried]
    row = tried == [*range(tried[0], tried[-1] + 1)] and len(tried) > 2
    numbers = f"{words[0]} to {words[-1]}" if row else listed(words)
    of = f" ({', '.join(names)})" if 0 < len(names) <= LISTED else ""
    best = choice.recommended
    came = "No number can be recommended."
    if best is not None:
        came = f"Recommended: {called(best, choice.noun)}."
        came += "" if choice.agree else " The criteria differ; the reasons are listed below."
    return (
        f"How many hidden {choice.noun}s are in {n:,} {choice.rows[0].family.plain()[1]}{of}? "
        f"Tried: {numbers}. For each number two independent methods, EM and "
        f"MCMC, described the data, and several criteria weighed fit against simplicity. {came}"
    )


def _section(row: Row, *, best: bool) -> Section:
    """Return a candidate's part of the page."""
    facts = row.comparison
    assert facts is not None
    rows, hidden = largest(facts)
    standing = [one for one in by_importance(facts.findings) if one.severity in (FAULT, DOUBT)]
    drawn = [
        Picture(
            f"{name}-{row.title.replace(' ', '-')}",
            kind.title,
            kind.alt(facts),
            partial(kind.draw, facts),
        )
        for name, kind in KINDS.items()
        if name in SHOWN and not kind.refusal(facts)
    ]
    return Section(
        row.heading,
        best,
        facts.verdict,
        meaning(facts),
        [line_of(one) for one in rows],
        hidden,
        [card_of(one) for one in standing],
        [*inlined(drawn)],
    )
