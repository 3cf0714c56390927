"""One measurement, and the verdict from all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "DOUBT",
    "FAULT",
    "NOTE",
    "OK",
    "Finding",
    "Severity",
    "Verdict",
    "plain",
    "verdict_of",
]

type Severity = Literal["ok", "note", "doubt", "fault"]
type Verdict = Literal["agree", "disagree", "inconclusive"]

OK: Severity = "ok"  # the measure is on the good side of its threshold
NOTE: Severity = "note"  # worth knowing, but the verdict does not depend on it
DOUBT: Severity = "doubt"  # nothing can be concluded
FAULT: Severity = "fault"  # one of the two answers is wrong


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
        """Whether it prevents agreement: a doubt or a fault."""
        return self.severity in (DOUBT, FAULT)


def plain(number: float, digits: int = 3) -> str:
    """Return a number to some significant digits, without an exponent below a thousand million.

    >>> plain(187.3, 2), plain(0.01234), plain(12345.6)
    ('190', '0.0123', '12,300')
    """
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
