"""What replicates show, as tables and as one JSON object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import asdict

from comparisons.finding import DOUBT, FAULT, NOTE, Severity
from comparisons.pages.steps import Steps
from comparisons.pictures.style import several
from comparisons.thresholds import FORMAT
from comparisons.trust.quantities import explained
from comparisons.trust.summary import INTERVALS, LEVELS, Accuracy, Coverage, Frequency

if TYPE_CHECKING:
    from comparisons.pages.steps import Cells
    from comparisons.trust.calibration import Design
    from comparisons.trust.summary import Summary

__all__ = ["findings_table", "json_of", "sentence", "tables_of", "verdict_table"]

ENOUGH = 100  # with fewer replicates the bands are too wide to judge by


def tables_of(found: Summary) -> tuple[Steps, ...]:
    """Return the tables of a calibration, in reading order.

    >>> from comparisons.trust.summary import summary
    >>> from models import Poisson
    >>> record = {"replicate": 0, "seconds": 1.5, "verdict": "agree", "among": 100}
    >>> found = summary([{**record, "joint": {"pit": 0.5, "rank": 50}}] * 20, Poisson)
    >>> [len(one.rows) for one in tables_of(found)]
    [1, 0, 0, 0, 0, 0, 1, 0]
    """
    return (
        _ranks(found),
        *(_coverage(found, interval) for interval in INTERVALS),
        _accuracy(found),
        verdict_table({"": found.verdicts})._replace(
            title="Verdicts, with 95% intervals (`fit` draws longer chains)"
        ),
        findings_table(found.findings),
    )


def sentence(found: Summary) -> str:
    """Say in a few sentences what came out.

    >>> from comparisons.trust.summary import summary
    >>> from models import Poisson
    >>> record = {"replicate": 0, "seconds": 1.5, "verdict": "agree", "among": 100}
    >>> found = summary([{**record, "joint": {"pit": 0.5, "rank": 50}}] * 20, Poisson)
    >>> sentence(found).split(". ")[-1]
    '20 replicates are too few to judge by; take 100 or more.'
    """
    left = [one.parameter for one in found.ranks if not one.inside]
    ranks = "All ranks stay within their 95% band, as uniform ranks do."
    if left:
        n = len(found.ranks)
        ranks = (
            f"Ranks outside their 95% band: {', '.join(left)} ({len(left)} of {n}; about "
            f"{0.05 * n:.2g} are expected by chance)."
        )
    if not found.uniform:
        ranks += " This is more than chance: the draws are not from the posterior."
    kept = {
        name: [one for one in found.coverage if one.interval == name and one.of]
        for name in INTERVALS
    }
    held = "; ".join(
        f"{name} {sum(one.kept for one in each)} of {len(each)}" for name, each in kept.items()
    )
    lacking = [one for one in found.coverage if one.of < found.replicates - found.refused]
    without = ""
    if lacking:
        share = f"{1 - min(one.of for one in lacking) / (found.replicates - found.refused):.1%}"
        without = f" EM has no standard errors, and so no interval, in up to {share} of data sets."
    refused = ""
    if found.refused:
        refused = f" {several(found.refused, 'data set', 'data sets')} could not be fitted."
    if found.replicates < ENOUGH:
        few = several(found.replicates, "replicate is", "replicates are")
        refused += f" {few} too few to judge by; take {ENOUGH} or more."
    failed = f" {len(found.failed)} failed: {found.failed[0]}." if found.failed else ""
    meant = explained(one.parameter for one in found.ranks)
    said = f"{ranks} Coverages within their 99% band: {held}.{without}{refused}{failed}"
    return f"{meant} {said}".lstrip()


def _ranks(found: Summary) -> Steps:
    rows: list[Cells] = [
        [
            one.parameter,
            one.distance,
            ("within" if one.inside else "outside") if len(one.pit) > 1 else None,
            one.p if len(one.pit) > 1 else None,
        ]
        for one in found.ranks
    ]
    title = f"Ranks of the truth among the posterior's draws, {found.replicates:,} replicates"
    columns = {"parameter": "", "distance from uniform": ".3f", "95% band": "", "p (KS)": ".2g"}
    return Steps(title, columns, rows)


def _coverage(found: Summary, interval: str) -> Steps:
    each = [one for one in found.coverage if one.interval == interval]
    names = list(dict.fromkeys(one.parameter for one in each))
    rows: list[Cells] = []
    for name in names:
        own = {one.level: one for one in each if one.parameter == name}
        rows.append([name, *(_held(own[level]) for level in LEVELS), float(own[LEVELS[0]].of)])
    whose = {
        INTERVALS[0]: "EM's intervals by standard errors",
        INTERVALS[1]: "EM's intervals, symmetric in logarithms or log odds (EM transformed)",
        INTERVALS[2]: "EM's profile likelihood intervals",
        INTERVALS[3]: "The posterior's equal-tailed intervals",
    }[interval]
    levels = {f"{level:.0%} interval": "" for level in LEVELS}
    title = f"{whose}: how often they covered the truth (* outside the 99% band)"
    return Steps(title, {"parameter": "", **levels, "data sets": ",.0f"}, rows)


def _held(one: Coverage) -> str | None:
    return f"{one.share:.1%}{' ' if one.kept else '*'}" if one.of else None


def _accuracy(found: Summary) -> Steps:
    columns = {
        "parameter": "",
        "bias of EM": "",
        "bias of posterior mean": "",
        "RMSE of EM": ".3g",
        "RMSE of posterior mean": ".3g",
    }
    rows: list[Cells] = [
        [
            one.parameter,
            f"{one.bias_em:+.2g} ({one.bias_em_error:.1g})",
            f"{one.bias_posterior:+.2g} ({one.bias_posterior_error:.1g})",
            one.rmse_em,
            one.rmse_posterior,
        ]
        for one in found.accuracy
    ]
    return Steps("Bias (standard error) and root mean square error (RMSE)", columns, rows)


def verdict_table(verdicts: dict[str, dict[str, Frequency]], head: str = "data") -> Steps:
    """Return how often each verdict was reached; a row for each kind of data, if they have one.

    >>> from comparisons.trust.summary import verdicts_of
    >>> verdict_table({"poisson": verdicts_of([])}).words()
    [['poisson', '0 (0.0% to 100.0%)', '0 (0.0% to 100.0%)', '0 (0.0% to 100.0%)', '0']]
    """
    named = any(verdicts)
    rows: list[Cells] = []
    for kind, found in verdicts.items():
        cells = [f"{one.seen:,} ({one.low:.1%} to {one.high:.1%})" for one in found.values()]
        of = float(next(iter(found.values())).of)
        rows.append([*([kind] if named else []), *cells, of])
    columns = {**({head: ""} if named else {}), "agree": "", "inconclusive": "", "disagree": ""}
    return Steps("Verdicts, with 95% intervals", {**columns, "data sets": ",.0f"}, rows)


def findings_table(findings: dict[str, dict[Severity, int]]) -> Steps:
    """Return how often each finding was not ok.

    >>> findings_table({"spike": {"fault": 0, "doubt": 2, "note": 0}}).words()
    [['spike', '0', '2', '0']]
    """
    rows: list[Cells] = [
        [code, *(float(counts[severity]) for severity in (FAULT, DOUBT, NOTE))]
        for code, counts in findings.items()
    ]
    columns = {"finding": "", "fault": ",.0f", "doubt": ",.0f", "note": ",.0f"}
    return Steps("Findings that were not ok: in how many data sets", columns, rows)


class Rank(Struct):
    """What is written of a parameter's ranks."""

    parameter: str
    p: float
    inside: bool


class Calibration(Struct):
    """What is written of a calibration, after its design."""

    replicates: int
    refused: int
    failed: tuple[str, ...]
    ranks: list[Rank]
    coverage: tuple[Coverage, ...]
    accuracy: tuple[Accuracy, ...]
    verdicts: dict[str, Frequency]
    findings: dict[str, dict[Severity, int]]
    seconds: float


def json_of(design: Design, found: Summary) -> dict[str, object]:
    """Return one JSON object; keys may be added to it as long as `format` is the same.

    >>> from comparisons.trust.calibration import Design
    >>> from comparisons.trust.summary import summary
    >>> from models import Poisson
    >>> record = {"replicate": 0, "seconds": 1.5, "verdict": "agree", "among": 100}
    >>> found = summary([{**record, "joint": {"pit": 0.5, "rank": 50}}] * 20, Poisson)
    >>> json_of(Design("poisson", 2, 50), found)["replicates"]
    20
    """
    shown = Calibration(
        found.replicates,
        found.refused,
        found.failed,
        [Rank(one.parameter, one.p, one.inside) for one in found.ranks],
        found.coverage,
        found.accuracy,
        found.verdicts,
        found.findings,
        found.seconds,
    )
    return {"format": FORMAT, **design._asdict(), **asdict(shown)}
