"""What a cell is that is no number: a date, a time, or a number with something beside it."""

from __future__ import annotations

import re
from unicodedata import category

from models.refusal import both

__all__ = ["dated", "hint"]

MONTH = r"[^\W\d_]{3,9}\.?"  # written out, in any language
DAY = re.compile(
    r"\d{4}(?P<a>[-/.])\d{1,2}(?P=a)\d{1,2}"  # 2020-01-31
    r"|\d{1,2}(?P<b>[-/.])\d{1,2}(?P=b)(\d{4}|\d{2})"  # 31.01.2020
    rf"|\d{{1,2}}(-|\.? ){MONTH}[- ](\d{{4}}|\d{{2}})"  # 31 January 2020
    rf"|{MONTH}[- ]\d{{1,2}}(, ?| )\d{{4}}"  # January 31, 2020
    r"|\d{4}\s?[年년]\s?\d{1,2}\s?[月월](\s?\d{1,2}\s?[日일])?"
)
CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp]\.?[Mm]\.?)?")
ZONE = re.compile(r" ?(Z|UTC|GMT|[+-]\d{2}:?\d{2})$")
NUMBER = r"[+-]?\d[\d., '\u2019\xa0\u202f]*"
BEFORE = re.compile(rf"(?P<extra>[^\W\d_]{{1,3}}\.?|[^\w\s.,+'-])\s*(?P<number>{NUMBER})")
AFTER = re.compile(rf"(?P<number>{NUMBER}?)\s*(?P<extra>[^\s\d_.,'+-][^\s\d_]{{0,8}}[23]?)")
PERCENT, BOUNDS = "%\uff05‰٪", "<>≤≥~≈"
MULTIPLES = {"k", "K", "M", "Mio", "Mio.", "B", "bn", "千", "万", "萬", "亿", "億"}
CURRENCIES = {"chf", "eur", "fr.", "gbp", "kr", "kr.", "rmb", "sfr.", "usd", "zł", "元", "万元"}


def hint(text: str) -> str:
    """Return what goes on after "is not a number": what else it is, and what to do about it.

    >>> hint("12 %")
    ' because of its percent sign; write 12 in place of 12 %, in all rows'
    >>> hint("tall")
    ''
    """
    text = text.strip()
    if _day(text) or CLOCK.fullmatch(text):
        return dated("date" if _day(text) else "time")
    before, after = BEFORE.fullmatch(text), AFTER.fullmatch(text)
    found = after or before
    if found is None:
        return ""
    extra, number = found["extra"], found["number"].strip()
    what = _called(extra)
    if extra in BOUNDS:
        return f" because of its {extra!r}; blank such cells, or write a number in them"
    if extra in MULTIPLES:
        return f" because of its {extra!r}; write such numbers out"
    if before is not None and after is None and what.startswith("unit"):  # a name such as A12
        return ""
    return f" because of its {what}; write {number} in place of {text}, in all rows"


def dated(what: str) -> str:
    """Return what goes on after "is not a number" of a date or a time.

    >>> dated("date")[:50]
    ' but a date; give the column of what was measured,'
    """
    return (
        f" but a {what}; give the column of what was measured, or turn {what}s into numbers; rows "
        f"in time need no {what}s {both('Sequences(x)', '--in-order')}"
    )


def _day(text: str) -> bool:
    """Return whether a text is a day, perhaps with a time of day."""
    if DAY.fullmatch(text):
        return True
    day, _, clock = ZONE.sub("", text).replace("T", " ").partition(" ")
    return DAY.fullmatch(day.rstrip(",")) is not None and CLOCK.fullmatch(clock) is not None


def _called(extra: str) -> str:
    """Return what stands beside a number."""
    if extra in PERCENT:
        return "percent sign"
    if any(category(one) == "Sc" for one in extra) or extra.lower() in CURRENCIES:
        return "currency sign"
    return f"unit {extra!r}"
