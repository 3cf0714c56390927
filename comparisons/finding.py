"""One measurement, and the verdict from all of them."""

from __future__ import annotations

import re
from math import isfinite, nan
from typing import TYPE_CHECKING, Literal, NamedTuple

from comparisons.measures import EITHER, LEAST, MOST, measure_of
from models.as_html import card, folded, framed, paragraph, table

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "DOUBT",
    "FAULT",
    "NOTE",
    "OK",
    "Finding",
    "Findings",
    "Severity",
    "Verdict",
    "allowed",
    "beyond",
    "cards",
    "number_said",
    "plain",
    "verdict_of",
]

type Severity = Literal["ok", "note", "doubt", "fault"]
type Verdict = Literal["agree", "disagree", "inconclusive"]

OK: Severity = "ok"  # the measure is on the good side of its threshold
NOTE: Severity = "note"  # worth knowing, but the verdict does not depend on it
DOUBT: Severity = "doubt"  # nothing can be concluded
FAULT: Severity = "fault"  # one of the two answers is wrong

NUMBER = re.compile(r"(?<![\w.\[])(-?\d[\d,]*\.?\d*(?:e[-+]\d+)?)(%| percentage points)?")
MOST_DIGITS = 6  # of a number near its threshold
CLOSE = 0.05  # relative difference of a number and its first digit, from 1 up


class Finding(NamedTuple):
    """One thing that was measured.

    code: stable name of the problem that the measure detects, such as local_optimum.
    severity: ok, note, doubt or fault.
    value, threshold: the number, and where it stops being ok; NaN where there is none.
    message: one plain sentence.
    remedy: what to do about it; empty where there is nothing to do.

    >>> Finding("spike", DOUBT, 1.0, 0.0, "The estimate is a spike.", "").stands
    True
    """

    code: str
    severity: Severity
    value: float
    threshold: float
    message: str
    remedy: str

    @property
    def stands(self) -> bool:
        """Whether it prevents agreement: a doubt or a fault.

        >>> Finding("spike", NOTE, 1.0, 0.0, "One optimum is a spike.", "").stands
        False
        """
        return self.severity in (DOUBT, FAULT)

    def _repr_html_(self) -> str:
        return framed(cards([self]))


class Findings(tuple[Finding, ...]):
    """All that was measured; a notebook shows as cards what is not ok, and the rest in a table.

    >>> spike = Finding("spike", DOUBT, 1.0, 0.0, "The estimate is a spike.", "")
    >>> every = Findings([spike, spike._replace(code="saddle", severity=OK)])
    >>> len(every), every[0].code
    (2, 'spike')
    """

    __slots__ = ()

    def _repr_html_(self) -> str:
        passed = sum(one.severity == OK for one in self)
        rows = [
            [
                measure_of(one.code).title,
                one.code,
                one.severity,
                _number(one.value),
                f"{allowed(one)} {_number(one.threshold)}".replace("± ", "±")
                if isfinite(one.threshold) and not (one.severity == OK and beyond(one))
                else "–",
            ]
            for one in self
        ]
        every = table(["measure", "code", "result", "value", "ok"], rows, words=[1, 2])
        standing = [one for worst in (FAULT, DOUBT, NOTE) for one in self if one.severity == worst]
        said = paragraph(f"{passed} of {len(self)} checks passed.")
        return framed(cards(standing), said, folded("All checks", every))


def cards(findings: Iterable[Finding]) -> str:
    """Return findings as HTML: what each one says, and what to do about it.

    >>> spike = Finding("spike", DOUBT, 1.0, 0.0, "The estimate is a spike.", "Give a prior.")
    >>> "<p>What to do: Give a prior.</p>" in cards([spike])
    True
    """
    return "".join(
        card(
            measure_of(one.code).title,
            one.severity,
            one.message,
            f"What to do: {one.remedy}" if one.remedy else "",
        )
        for one in findings
    )


def allowed(finding: Finding) -> str:
    """Return on which side of its threshold a finding's number is ok: at most, or at least.

    >>> allowed(Finding("few_draws", "doubt", 80.0, 400.0, "Bulk ESS 80.", ""))
    'at least'
    """
    side = measure_of(finding.code).side
    if side:
        return side
    stands = finding.severity != OK
    return MOST if (finding.value > finding.threshold) == stands else LEAST


def beyond(finding: Finding) -> bool:
    """Whether a finding's number is on the wrong side of its threshold.

    It may be ok even so, where a second condition has to be met for a doubt.

    >>> beyond(Finding("few_draws", "doubt", 80.0, 400.0, "Bulk ESS 80.", ""))
    True
    """
    side, value = allowed(finding), finding.value
    if side == LEAST:
        return value < finding.threshold
    return (abs(value) if side == EITHER else value) > finding.threshold


def number_said(finding: Finding) -> bool:
    """Whether a finding's number stands in its message: rounded, in percent, or 0 as "no".

    >>> found = Finding("misfit", "doubt", 0.0713, 0.03, "By 7.1 percentage points.", "")
    >>> number_said(found), number_said(found._replace(value=0.0813))
    (True, False)
    >>> number_said(Finding("spike", "ok", 0.0, 0.0, "None of the climbs ended on one.", ""))
    True
    """
    if not isfinite(finding.value) or not measure_of(finding.code).single:
        return False
    if finding.value == 0 and re.search(r"\b[Nn]o(ne)?\b", finding.message):
        return True
    return any(
        _reads(abs(finding.value) * (100 if unit else 1), number.replace(",", "").lstrip("-"))
        for number, unit in NUMBER.findall(finding.message)
    )


def _reads(value: float, number: str) -> bool:
    """Whether a value, rounded as a number is, is that number."""
    told = float(number)
    digits = len(number.partition("e")[0].replace(".", "").lstrip("0"))
    if digits <= 1 and told >= 1:  # 2 is not said of 2.4
        return abs(value - told) <= CLOSE * told
    places = len(number.partition(".")[2]) if "." in number and "e" not in number else 0
    return f"{value:.{max(digits, 1)}g}" == f"{told:.{max(digits, 1)}g}" or (
        places > 0 and f"{value:.{places}f}" == f"{told:.{places}f}"
    )


def _number(value: float) -> str:
    return f"{value:.4g}" if isfinite(value) else "–"


def plain(number: float, digits: int = 3, limit: float = nan) -> str:
    """Return a number to some significant digits, without an exponent below a thousand million.

    limit: a threshold; a number beyond it does not read like it.

    >>> plain(187.3, 2), plain(0.01234), plain(12345.6)
    ('190', '0.0123', '12,300')
    >>> plain(0.0502, 2), plain(0.0502, 2, limit=0.05)
    ('0.05', '0.0502')
    """
    if number != limit:
        digits = next(
            (more for more in range(digits, MOST_DIGITS) if float(f"{number:.{more}g}") != limit),
            MOST_DIGITS,
        )
    text = f"{number:.{digits}g}"
    return f"{float(text):,.0f}" if "e+" in text and abs(number) < 1e9 else text


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Return disagree if anything is at fault, inconclusive if in doubt, otherwise agree.

    >>> spike = Finding("spike", DOUBT, 1.0, 0.0, "The estimate is a spike.", "")
    >>> verdict_of([spike]), verdict_of([spike, spike._replace(severity=FAULT)]), verdict_of([])
    ('inconclusive', 'disagree', 'agree')
    """
    severities = {finding.severity for finding in findings}
    if FAULT in severities:
        return "disagree"
    return "inconclusive" if DOUBT in severities else "agree"
