"""What caused the verdict, and what merely follows from it: one ranking for all pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comparisons.finding import DOUBT, FAULT, NOTE, OK, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["HOPELESS", "by_importance", "follows", "headline"]

HOPELESS = "hopeless_chains"
SEVERITIES = (FAULT, DOUBT, NOTE, OK)
CONSEQUENCE = "other_"  # begins codes that say that the answers differ, but not why
OF_HOPELESS = frozenset(
    {
        "boundary",
        "deep_trees",
        "divergences",
        "few_draws",
        "few_tail_draws",
        "label_switching",
        "low_energy",
        "monte_carlo_noise",
        "not_quadratic",
        "several_modes",
        "skewness",
        "unmixed_chains",
        "weak_separation",
        "wrong_target",
    }
)
"""What chains show that no number of draws would mend. A fault among them is a cause of its own."""


def follows(findings: Iterable[Finding]) -> list[Finding]:
    """Return what follows from chains that are hopeless; nothing if they are not.

    >>> cause = Finding(HOPELESS, "doubt", 1.4, 1.2, "The posterior has several modes.", "")
    >>> few = cause._replace(code="few_draws")
    >>> [one.code for one in follows([few, cause])], follows([few])
    (['few_draws'], [])
    """
    every = list(findings)
    if not any(one.code == HOPELESS and one.stands for one in every):
        return []
    return [one for one in every if one.severity in (DOUBT, NOTE) and _effect(one, OF_HOPELESS)]


def by_importance(findings: Iterable[Finding]) -> list[Finding]:
    """Return what is not ok: the worst first, and causes before consequences.

    >>> other = Finding("other_place", "fault", 9.0, 1.0, "They lie apart.", "")
    >>> cause = other._replace(code="local_optimum")
    >>> [one.code for one in by_importance([other, cause])]
    ['local_optimum', 'other_place']
    """
    every = list(findings)
    after = {one.code for one in follows(every)}

    def order(finding: Finding) -> tuple[int, bool, bool]:
        effect = _effect(finding, after)
        return SEVERITIES.index(finding.severity), effect, finding.code != HOPELESS

    return sorted((one for one in every if one.severity != OK), key=order)


def headline(findings: Iterable[Finding]) -> Finding | None:
    """Return the first cause of a verdict that is not agree; None where nothing prevents it.

    >>> other = Finding("other_place", "doubt", 9.0, 1.0, "They lie apart.", "")
    >>> headline([other, other._replace(code="spike")]).code
    'spike'
    >>> headline([other._replace(severity="note")])
    """
    first = next(iter(by_importance(findings)), None)
    return first if first is not None and first.stands else None


def _effect(finding: Finding, codes: Iterable[str]) -> bool:
    return finding.code.startswith(CONSEQUENCE) or finding.code in codes
