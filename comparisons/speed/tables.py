"""What was measured as tables, and as one JSON object."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import asdict, astuple

from bayes.posterior.diagnose import DIVERGING, R_HAT
from comparisons.pages.steps import Steps
from comparisons.speed import r
from comparisons.speed.records import Chains, Curve, Spread, spread
from comparisons.thresholds import FORMAT
from em.data.threads import available

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comparisons.pages.steps import Cells
    from comparisons.speed.records import Found, Goal, Measure, Race

__all__ = ["GAP", "json_of", "machine", "tables_of"]

GAP = 5.0  # Monte Carlo errors; of a hundred means, one is as far apart once in 17,000 runs
PACKAGES = (
    "numpy",
    "scipy",
    "pyarrow",
    "pymc",
    "pytensor",
    "nutpie",
    "scikit-learn",
    "stepmix",
    "hmmlearn",
    "pomegranate",
    "numpyro",
    "jax",
)
NOT_THERE = "not found"


def tables_of(found: Found) -> tuple[Steps, ...]:
    """Return the tables in reading order; those that would be empty are left out.

    >>> from comparisons.speed.records import Found, Measure
    >>> [len(table.rows) for table in tables_of(Found(measures=(Measure("--help", "s", (0.2,)),)))]
    [1]
    """
    tables = (
        _races("Races with a goal", [one for one in found.races if one.goal is not None]),
        _races("Other races", [one for one in found.races if one.goal is None]),
        _measures(found.measures),
        _chains(found.chains),
    )
    return tuple(table for table in tables if table.rows)


def _races(title: str, races: Sequence[Race]) -> Steps:
    rows: list[Cells] = []
    for one in races:
        if not one.ratios:
            rows.append([one.work, one.peer, NOT_THERE, None, None, _goal(one.goal), None])
            continue
        rows.append(
            [
                one.work,
                one.peer,
                quantity(median(one.ours), one.unit),
                quantity(median(one.theirs), one.unit),
                f"{spread(one.ratios):.3g}",
                _goal(one.goal),
                _yes(one.reached),
            ]
        )
    heads = ("work", "against", "ours", "theirs", "ratio", "goal", "reached")
    return Steps(title, dict.fromkeys(heads, ""), rows)


def _measures(measures: Sequence[Measure]) -> Steps:
    rows: list[Cells] = []
    for one in measures:
        values = Spread(*(round(value, 3) for value in astuple(spread(one.values))))
        said = (
            f"{values:.3g} {one.unit}" if len(one.values) > 1 else f"{values.median:.3g} {one.unit}"
        )
        rows.append([one.work, said, _goal(one.goal), _yes(one.reached)])
    return Steps(
        "Other measurements", dict.fromkeys(("what", "measured", "goal", "reached"), ""), rows
    )


def _chains(chains: Sequence[Chains]) -> Steps:
    rows = [
        [one.data, one.who, f"{spread(one.rates):,.0f}", one.r_hat, f"{one.diverging:.2%}", one.gap]
        for one in chains
    ]
    columns = {
        "data": "",
        "sampler": "",
        "smallest bulk ESS per second": "",
        f"worst R-hat (limit {R_HAT:g})": ".3f",
        f"divergences (limit {DIVERGING:.1%})": "",
        f"largest distance of a mean from ours, in MCSE (limit {GAP:g})": ".1f",
    }
    return Steps("Chains behind these rates", columns, rows)


def quantity(value: float, unit: str) -> str:
    """Return seconds in the unit that suits them, and anything else as it is.

    >>> quantity(0.0021, "s"), quantity(1234.5, "ESS/s")
    ('2.1 ms', '1,234 ESS/s')
    """
    if unit != "s":
        return f"{value:,.3g} {unit}" if value < 1e3 else f"{value:,.0f} {unit}"
    for scale, name in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= scale:
            return f"{value / scale:.3g} {name}"
    return f"{value / 1e-9:.3g} ns"


def _goal(goal: Goal | None) -> str | None:
    if goal is None:
        return None
    return f"at {'most' if goal.at_most else 'least'} {goal.bound:g}"


def _yes(reached: bool | None) -> str | None:
    return None if reached is None else "yes" if reached else "no"


class Machine(Struct):
    """What was measured on: memory in bytes, the versions of packages, of Python's and of R's."""

    processor: str
    processors: int
    memory: int
    system: str
    python: str
    packages: dict[str, str]
    r: dict[str, str]


class Speed(Struct):
    """What is written of a run."""

    format: int
    machine: Machine
    quick: bool
    parts: list[str]
    left_out: list[str]
    races: list[dict[str, object]]
    measures: list[dict[str, object]]
    curves: tuple[Curve, ...]
    chains: tuple[Chains, ...]


def json_of(found: Found, parts: Sequence[str], left_out: Sequence[str], *, quick: bool) -> Speed:
    """Return one JSON object; keys may be added to it as long as `format` is the same.

    >>> from comparisons.speed.records import Found
    >>> json_of(Found(), ["em"], ["R is not found"], quick=True).parts
    ['em']
    """
    return Speed(
        FORMAT,
        machine(),
        quick,
        list(parts),
        list(left_out),
        [
            {
                **asdict(one),
                "ratio": spread(one.ratios) if one.ratios else None,
                "reached": one.reached,
            }
            for one in found.races
        ],
        [{**asdict(one), "reached": one.reached} for one in found.measures],
        found.curves,
        found.chains,
    )


@cache
def machine() -> Machine:
    """Return what was measured on.

    >>> machine().processors > 0
    True
    """
    return Machine(
        _processor(),
        available(),
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        platform.platform(),
        platform.python_version(),
        {name: found for name in PACKAGES if (found := _version(name))},
        dict(r.packages()),
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """Return the processor's name, if the system knows it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
