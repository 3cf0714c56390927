"""The records of replicates: what is written of each, and how they are read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct, convert

from comparisons.finding import Severity, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from comparisons.comparison import Comparison
    from comparisons.replicates import Record

__all__ = ["Calibrated", "Placed", "Ranked", "RegularProblem", "Replicate", "judgement", "read"]


class Replicate(Struct, kw_only=True):
    """A verdict and every finding's severity and value, or why there are none.

    >>> Replicate(replicate=0, seconds=0.1, refused="one distinct value").verdict is None
    True
    """

    replicate: int
    seconds: float
    failed: str | None = None
    refused: str | None = None
    verdict: Verdict | None = None
    findings: dict[str, tuple[Severity, float | None]] = {}


class RegularProblem(Replicate, kw_only=True):
    """A record of a problem with k groups; nearest: the least distance of two groups, in sds.

    >>> record = {"replicate": 0, "seconds": 1.5, "k": 2, "nearest": 2.7}
    >>> read([record], RegularProblem)[0].nearest
    2.7
    """

    k: int = 0
    nearest: float = np.nan


class Placed(Struct):
    """Where the truth lies: the share of all draws below it, and how many independent ones are.

    >>> Placed(pit=0.25, rank=24)
    Placed(pit=0.25, rank=24)
    """

    pit: float
    rank: int


class Ranked(Struct):
    """A quantity: the truth, both estimates, and the truth's place among the draws.

    profile: ends of EM's profile intervals, one of each of `summary.LEVELS`; None where there is
        no end, empty in records of before.
    estimated: whether EM has errors of it; not of what follows from parameters, such as shares.

    >>> Ranked("rate", truth=3.0, mle=3.1, se=None, mean=3.0, pit=0.5, rank=50).se is None
    True
    """

    parameter: str
    truth: float
    mle: float
    se: float | None
    mean: float
    pit: float
    rank: int
    profile: list[tuple[float | None, float | None]] = []
    estimated: bool = True


class Calibrated(Replicate, kw_only=True):
    """A record of a data set from the prior.

    joint: the truth's place by log-likelihood; among: how many independent draws there were.

    >>> record = {"replicate": 0, "seconds": 1.5, "joint": {"pit": 0.25, "rank": 24}, "among": 100}
    >>> read([record], Calibrated)[0].joint
    Placed(pit=0.25, rank=24)
    """

    parameters: list[Ranked] = []
    joint: Placed | None = None
    among: int = 0


def read[R: Replicate](records: Iterable[Record], kind: type[R]) -> list[R]:
    """Return records with their types.

    >>> read([{"replicate": 0, "seconds": 1.5, "verdict": "agree"}], Replicate)[0].verdict
    'agree'
    """
    return convert(list(records), list[kind])  # type: ignore[valid-type]


def judgement(comparison: Comparison) -> Record:
    """Return the verdict, and of every finding its severity and value; None where it has none.

    >>> found = judgement(comparison)
    >>> found["verdict"], found["findings"]["divergences"]
    ('agree', ['ok', 0.0])
    """
    findings: Record = {
        one.code: [one.severity, one.value if np.isfinite(one.value) else None]
        for one in comparison.findings
    }
    return {"verdict": comparison.verdict, "findings": findings}
