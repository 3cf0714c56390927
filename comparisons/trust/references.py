"""Published numbers beside ours: each is computed anew and compared to its last printed digit."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct

from comparisons.pages.steps import Steps
from comparisons.pages.terminal import printed, said, stepped
from comparisons.progress import waiting
from comparisons.thresholds import FORMAT
from comparisons.trust.published import Case, Number, half_a_digit, value_of
from comparisons.trust.published.coins import CASES as COINS
from comparisons.trust.published.counts import CASES as COUNTS
from comparisons.trust.published.measurements import CASES as MEASUREMENTS
from comparisons.trust.published.plants import CASES as PLANTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "CASES",
    "DIFFERS",
    "FAILED",
    "PASSED",
    "SKIPPED",
    "Outcome",
    "Row",
    "footnotes",
    "json_of",
    "recount",
    "remedies",
    "replayed",
    "row_of",
    "summed",
    "table_of",
    "tally",
]

type Outcome = Literal["passed", "failed", "skipped", "erratum"]

PASSED: Outcome = "passed"  # ours is what was printed, to its last digit
FAILED: Outcome = "failed"  # it is not
SKIPPED: Outcome = "skipped"  # its data are not installed
DIFFERS: Outcome = "erratum"  # ours is what should have been printed

CASES = (*COINS, *COUNTS, *MEASUREMENTS, *PLANTS)
SHOWN = {PASSED: "ok", FAILED: "FAILS", SKIPPED: "skipped", DIFFERS: "differs"}
HEADS = ("number", "published", "ours", "off by", "allowed", "outcome")
REMEDY = "uv sync --extra datasets"


class Row(NamedTuple):
    """A published number beside ours.

    ours, tolerance: None where it was skipped.

    >>> row = row_of(Number("heads", "0.7", lambda: 0.71))
    >>> row.outcome, round(row.difference, 3)
    ('passed', 0.01)
    """

    number: Number
    ours: float | None
    tolerance: float | None
    outcome: Outcome

    @property
    def difference(self) -> float | None:
        """Ours less what was printed."""
        return None if self.ours is None else self.ours - value_of(self.number.published)


def replayed(cases: Sequence[Case]) -> Iterator[tuple[Case, list[Row]]]:
    """Yield each case with its rows, computed anew.

    >>> case = Case("ten flips", "the lecture", (Number("heads", "7/10", lambda: 0.7),))
    >>> [(one.name, [row.outcome for row in rows]) for one, rows in replayed([case])]
    [('ten flips', ['passed'])]
    """
    for at, case in enumerate(cases, 1):
        with waiting(f"{at} of {len(cases)}, {case.name}"):
            if case.needs and not find_spec(case.needs):
                rows = [Row(number, None, None, SKIPPED) for number in case.numbers]
            else:
                rows = [row_of(number) for number in case.numbers]
        yield case, rows


def row_of(number: Number) -> Row:
    """Compute a number and compare it with what was printed.

    >>> row_of(Number("heads", "0.70", lambda: 0.8)).outcome
    'failed'
    """
    ours, room = float(number.ours()), number.room()

    def as_printed(text: str) -> bool:
        apart = ours - value_of(text)
        allowed = half_a_digit(text) + room
        return apart <= allowed if number.at_most else abs(apart) <= allowed

    outcome = FAILED
    if as_printed(number.published):
        outcome = PASSED
    elif number.erratum is not None and as_printed(number.erratum.exact):
        outcome = DIFFERS
    return Row(number, ours, half_a_digit(number.published) + room, outcome)


def table_of(case: Case, rows: Iterable[Row]) -> Steps:
    """Return a case as a table.

    >>> case = Case("ten flips", "the lecture", (Number("heads", "0.70", lambda: 0.7),))
    >>> table_of(case, map(row_of, case.numbers)).words()
    [['heads', '0.70', '0.700', '+0.0e+00', '5.0e-03', 'ok']]
    """
    return Steps(f"{case.name}\n{case.source}", dict.fromkeys(HEADS, ""), list(map(_words, rows)))


def _words(row: Row) -> tuple[str | None, ...]:
    """Return a row as it is read."""
    what, published = row.number.what, row.number.published
    end = SHOWN[row.outcome]
    if row.ours is None:
        return what, published, None, None, None, end
    more = len(published.partition(".")[2]) + 1  # one digit beyond the printed ones
    whole = row.ours.is_integer() and "." not in published and "/" not in published
    ours = f"{row.ours:,.0f}" if whole else f"{row.ours:.{9 if '/' in published else more}f}"
    allowed = "at most" if row.number.at_most else f"{row.tolerance:.1e}"
    return what, published, ours, f"{row.difference:+.1e}", allowed, end


def footnotes(rows: Iterable[Row]) -> list[str]:
    """Return what is known of numbers that were printed wrongly, a paragraph for each reason.

    >>> footnotes([])
    []
    """
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.outcome == DIFFERS and row.number.erratum is not None:
            exact, why = row.number.erratum
            reasons.setdefault(why, []).append(f"{row.number.what} {exact}")
    return [f"Known errata: {'; '.join(which)}. {why}" for why, which in reasons.items()]


def recount(case: Case, rows: Sequence[Row]) -> None:
    """Print a case: its table, and what is known to differ.

    >>> case = Case("ten flips", "the lecture", (Number("heads", "0.70", lambda: 0.7),))
    >>> recount(case, [row_of(number) for number in case.numbers])
    ten flips
    the lecture
    number  published   ours    off by  allowed  outcome
    heads        0.70  0.700  +0.0e+00  5.0e-03       ok
    <BLANKLINE>
    """
    stepped([table_of(case, rows)])
    for note in footnotes(rows):
        said(note)
        printed("")


def tally(rows: Iterable[Row]) -> dict[Outcome, int]:
    """Return how many rows came out, and how many did not.

    >>> tally([row_of(Number("heads", "0.70", lambda: 0.7))])
    {'passed': 1, 'failed': 0, 'skipped': 0, 'erratum': 0}
    """
    outcomes = [row.outcome for row in rows]
    return {outcome: outcomes.count(outcome) for outcome in SHOWN}


def summed(counted: dict[Outcome, int]) -> str:
    """Return the tally as a line.

    >>> summed(tally([]))
    '0 published numbers: 0 reproduced, 0 skipped, 0 known errata, 0 not reproduced'
    """
    return (
        f"{sum(counted.values())} published numbers: {counted[PASSED]} reproduced, "
        f"{counted[SKIPPED]} skipped, {counted[DIFFERS]} known errata, "
        f"{counted[FAILED]} not reproduced"
    )


def remedies(found: Iterable[tuple[Case, list[Row]]]) -> list[str]:
    """Return what to install so that nothing is skipped, a line for each package.

    >>> remedies([])
    []
    """
    lacking: dict[str, int] = {}
    for case, rows in found:
        if skipped := tally(rows)[SKIPPED]:
            lacking[case.needs] = lacking.get(case.needs, 0) + skipped
    return [
        f"{skipped} skipped numbers need {package}; install it with: {REMEDY}"
        for package, skipped in lacking.items()
    ]


class Printed(Struct):
    """What is written of a number."""

    case: str
    source: str
    what: str
    published: str
    ours: float | None
    difference: float | None
    tolerance: float | None
    at_most: bool
    outcome: Outcome
    erratum: dict[str, str] | None


class References(Struct):
    """What is written of all numbers."""

    format: int
    rows: list[Printed]
    passed: int
    failed: int
    skipped: int
    errata: int


def json_of(found: Sequence[tuple[Case, list[Row]]]) -> References:
    """Return everything as one JSON object.

    >>> case = Case("ten flips", "the lecture", (Number("heads", "0.70", lambda: 0.7),))
    >>> json_of([(case, [row_of(number) for number in case.numbers])]).passed
    1
    """
    counted = tally(row for _, rows in found for row in rows)
    outcomes = (counted[one] for one in (PASSED, FAILED, SKIPPED, DIFFERS))
    every = [_printed(case, row) for case, rows in found for row in rows]
    return References(FORMAT, every, *outcomes)


def _printed(case: Case, row: Row) -> Printed:
    """Return what is written of a row."""
    number = row.number
    return Printed(
        case.name,
        case.source,
        number.what,
        number.published,
        row.ours,
        row.difference,
        row.tolerance,
        number.at_most,
        row.outcome,
        None if number.erratum is None else number.erratum._asdict(),
    )
