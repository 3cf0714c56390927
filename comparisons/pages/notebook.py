"""A comparison in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comparisons.finding import OK, cards
from comparisons.kept.largest import largest
from comparisons.pages.report import line_of
from comparisons.pages.terminal import among, meaning
from comparisons.thresholds import LEVEL
from comparisons.verdict.headline import by_importance, follows
from models.as_html import framed, heading, paragraph, table

if TYPE_CHECKING:
    from comparisons.kept.facts import Facts

__all__ = ["shown"]

TONES = {"agree": "ok", "disagree": "fault", "inconclusive": "doubt"}


def shown(facts: Facts) -> str:
    """Return verdict, table and whatever is not ok as HTML.

    >>> "EM and the posterior agree." in shown(comparison)
    True
    """
    k, findings = facts.k, facts.findings
    rows, hidden = largest(facts)
    heads = [
        "parameter",
        "estimate ± standard error",
        "posterior mean ± sd",
        f"{LEVEL:.0%} interval",
        "gap in sd",
    ]
    lines = [line_of(row) for row in rows]
    after = follows(findings)
    passed = sum(one.severity == OK for one in findings)
    asked = (
        f"{facts.title}, {k} {facts.noun}{'s' * (k > 1)}, {facts.observations:,} observations"
        f"{among(facts)}"
    )
    return framed(
        heading(facts.verdict.capitalize(), f": {meaning(facts)}", TONES[facts.verdict]),
        paragraph(asked, soft=True),
        table(
            heads,
            [[one.label, one.estimate, one.posterior, one.interval, one.gap] for one in lines],
        ),
        paragraph(f"Not shown: {hidden}; to_frame() has all.", soft=True) if hidden else "",
        cards(one for one in by_importance(findings) if one not in after),
        paragraph(f"{passed} of {len(findings)} checks passed.", soft=True),
    )
