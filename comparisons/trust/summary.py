"""What replicates show together: uniform ranks, coverage of the truth, bias, verdicts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from arviz_stats.ecdf_utils import ecdf_pit
from msgspec import Struct
from msgspec.structs import replace
from scipy import stats

from comparisons.finding import DOUBT, FAULT, NOTE
from comparisons.trust.judged import Calibrated, read
from models.family import bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from comparisons.finding import Severity
    from comparisons.replicates import Record
    from comparisons.trust.judged import Replicate
    from models.arrays import Array
    from models.family import Theta

__all__ = [
    "INTERVALS",
    "LEVELS",
    "Accuracy",
    "Coverage",
    "Frequency",
    "Ranks",
    "Summary",
    "findings_of",
    "frequency",
    "summary",
    "verdicts_of",
]

LEVELS = (0.5, 0.8, 0.9, 0.95)
INTERVALS = ("EM", "EM transformed", "EM profile", "posterior")
JOINT = "log-likelihood"
BAND = 0.95  # level of the simultaneous band of the ranks' ECDF
SURE = 0.99  # level of the many binomial bands around promised coverages
SIMULATIONS = 1_000  # that the band is computed from


class Ranks(NamedTuple):
    """Ranks of the truth among draws, as numbers that are uniform if the posterior is right.

    pit: (n,) in order of the replicates, (rank + u) / (draws + 1) with u uniform.
    x, ecdf, low, high: the empirical distribution function and its simultaneous 95% band.
    distance, p: of Kolmogorov's and Smirnov's test.

    >>> from models import Poisson
    >>> record = {"replicate": 0, "seconds": 1.5, "verdict": "agree", "among": 100}
    >>> every = [{**record, "joint": {"pit": one / 20, "rank": 5 * one}} for one in range(20)]
    >>> summary(every, Poisson).ranks[0].inside
    True
    """

    parameter: str
    pit: Array
    x: Array
    ecdf: Array
    low: Array
    high: Array
    distance: float
    p: float

    @property
    def inside(self) -> bool:
        """Whether all of the function lies within the band."""
        return bool(((self.low <= self.ecdf) & (self.ecdf <= self.high)).all())


class Coverage(Struct, frozen=True):
    """How often an interval contained the truth.

    interval: EM, EM transformed (symmetric on the scale of logarithms or log odds), EM profile, or
        posterior.
    held, of: counts; where there are no standard errors, or a profile does not close, there is no
        interval.
    low, high: the band in which `held` lies with 99% if the interval keeps its promise.
    share: held / of; NaN of none.

    >>> Coverage("rate", "EM", 0.95, held=80, of=100, low=89, high=100, share=0.8).kept
    False
    """

    parameter: str
    interval: str
    level: float
    held: int
    of: int
    low: int
    high: int
    share: float

    @property
    def kept(self) -> bool:
        """Whether the promise was kept, as far as this number of replicates can show."""
        return self.low <= self.held <= self.high


class Accuracy(Struct, frozen=True):
    """Bias and root mean square error of both estimators, and the bias's own errors.

    >>> Accuracy("rate", 0.02, 0.01, 0.01, 0.01, rmse_em=0.3, rmse_posterior=0.2).rmse_posterior
    0.2
    """

    parameter: str
    bias_em: float
    bias_em_error: float
    bias_posterior: float
    bias_posterior_error: float
    rmse_em: float
    rmse_posterior: float


class Frequency(Struct, frozen=True):
    """How often something was seen, with its exact 95% interval (Clopper & Pearson 1934).

    >>> found = frequency(3, 100)
    >>> found.seen, found.of, round(found.high, 3)
    (3, 100, 0.085)
    """

    seen: int
    of: int
    low: float
    high: float


class Summary(NamedTuple):
    """All that replicates show together.

    findings: by code, how often each severity but ok was found.
    refused, failed: replicates without two answers, and why.
    seconds: all replicates' own, added up.

    >>> from models import Poisson
    >>> record = {"replicate": 0, "seconds": 1.5, "verdict": "agree", "among": 100}
    >>> every = [{**record, "joint": {"pit": 0.0, "rank": 0}}] * 20
    >>> summary(every, Poisson).uniform
    False
    """

    replicates: int
    ranks: tuple[Ranks, ...]
    coverage: tuple[Coverage, ...]
    accuracy: tuple[Accuracy, ...]
    verdicts: dict[str, Frequency]
    findings: dict[str, dict[Severity, int]]
    refused: int
    failed: tuple[str, ...]
    seconds: float

    @property
    def uniform(self) -> bool:
        """Whether no ranks speak against the posterior beyond chance (one in a million)."""
        return all(one.p > 1e-6 / len(self.ranks) for one in self.ranks)

    def called(self, titles: Mapping[str, str]) -> Summary:
        """The same with parameters as people read them.

        titles: by label; a label that is none of them stays.

        >>> from models import Poisson
        >>> record = {"replicate": 0, "seconds": 1.5, "verdict": "agree", "among": 100}
        >>> found = summary([{**record, "joint": {"pit": 0.5, "rank": 50}}] * 20, Poisson)
        >>> found.called({"log-likelihood": "joint"}).ranks[0].parameter
        'joint'
        """

        def title(label: str) -> str:
            return titles.get(label, label)

        return self._replace(
            ranks=tuple(one._replace(parameter=title(one.parameter)) for one in self.ranks),
            coverage=tuple(replace(one, parameter=title(one.parameter)) for one in self.coverage),
            accuracy=tuple(replace(one, parameter=title(one.parameter)) for one in self.accuracy),
        )


def frequency(seen: int, of: int) -> Frequency:
    """Return a frequency with its interval.

    >>> frequency(0, 100).high < 0.04
    True
    """
    interval = stats.binomtest(seen, of).proportion_ci() if of else (0.0, 1.0)
    return Frequency(seen, of, float(interval[0]), float(interval[1]))


def verdicts_of(records: Iterable[Replicate]) -> dict[str, Frequency]:
    """Return how often each verdict was reached; one that failed is none of them.

    >>> verdicts_of([])["disagree"].seen
    0
    """
    each = list(records)
    counts = Counter(one.verdict for one in each)
    return {
        name: frequency(counts[name], len(each)) for name in ("agree", "inconclusive", "disagree")
    }


def summary(records: Sequence[Record], family: type[Theta]) -> Summary:
    """Return what the records of `calibration.replicate` show together.

    family: whose bounds transformed intervals keep.

    >>> from models import Poisson
    >>> record = {"replicate": 0, "seconds": 1.5, "verdict": "agree", "among": 100}
    >>> found = summary([{**record, "joint": {"pit": 0.5, "rank": 50}}] * 20, Poisson)
    >>> found.replicates, found.verdicts["agree"].seen, found.refused
    (20, 20, 0)
    """
    every = read(records, Calibrated)
    fitted = [one for one in every if one.verdict is not None]
    columns = _columns(fitted)
    return Summary(
        replicates=len(every),
        ranks=tuple(_ranks(name, one) for name, one in columns.items()),
        coverage=tuple(
            found
            for name, one in columns.items()
            if name != JOINT
            for found in _covered(name, one, family)
        ),
        accuracy=tuple(_accuracy(name, one) for name, one in columns.items() if name != JOINT),
        verdicts=verdicts_of(fitted),
        findings=findings_of(fitted),
        refused=sum(one.refused is not None for one in every),
        failed=tuple(one.failed for one in every if one.failed is not None),
        seconds=float(sum(one.seconds for one in every)),
    )


def _columns(fitted: Sequence[Calibrated]) -> dict[str, dict[str, Array]]:
    """Return the numbers of each parameter, and of the joint log-likelihood, over replicates."""
    found: dict[str, dict[str, list[object]]] = {}
    for one in fitted:
        rows = [(row.parameter, row) for row in one.parameters]
        for label, row in [*rows, (JOINT, one.joint)]:
            kept = found.setdefault(label, {})
            for name in ("truth", "mle", "se", "mean", "pit", "rank"):
                kept.setdefault(name, []).append(getattr(row, name, None))
            ends = getattr(row, "profile", None) or [(None, None)] * len(LEVELS)
            kept.setdefault("profile", []).append(ends)
            kept.setdefault("among", []).append(one.among)
            kept.setdefault("replicate", []).append(one.replicate)
            kept.setdefault("estimated", []).append(getattr(row, "estimated", False))
    return {
        name: {key: np.asarray(values, np.float64) for key, values in columns.items()}
        for name, columns in found.items()
    }


def _ranks(name: str, columns: dict[str, Array]) -> Ranks:
    """Return a parameter's ranks, ties with nothing broken by lot."""
    lots = [np.random.default_rng([int(one), 1]).random() for one in columns["replicate"]]
    pit = (columns["rank"] + np.array(lots)) / (columns["among"] + 1)
    if len(pit) < 2:
        nothing = np.array([0.0, 1.0])
        return Ranks(name, pit, nothing, nothing, nothing, nothing, np.nan, 1.0)
    x, ecdf, low, high = ecdf_pit(pit, BAND, SIMULATIONS, rng=np.random.default_rng(0))
    test = stats.kstest(pit, "uniform")
    return Ranks(name, pit, x, ecdf, low, high, float(test.statistic), float(test.pvalue))


def _covered(name: str, columns: dict[str, Array], family: type[Theta]) -> list[Coverage]:
    """Return how often each interval of each level held the truth."""
    truth, mle, se, pit = (columns[key] for key in ("truth", "mle", "se", "pit"))
    known = np.isfinite(se)
    low, high = _bounds(name, family)
    away = np.abs(_stretched(truth, low, high) - _stretched(mle, low, high))
    error = se * _slope(mle, low, high)
    found = []
    for at, level in enumerate(LEVELS):
        z, tail = stats.norm.isf((1 - level) / 2), (1 - level) / 2
        least, most = columns["profile"][:, at].T
        held = {
            "EM": (np.abs(truth - mle) <= z * se)[known],
            "EM transformed": (away <= z * error)[known],
            "EM profile": ((least <= truth) & (truth <= most))[np.isfinite(least + most)],
            "posterior": (tail <= pit) & (pit <= 1 - tail),
        }
        if not columns["estimated"].all():
            held = {"posterior": held["posterior"]}
        for interval, each in held.items():
            n = len(each)
            edges = stats.binom.ppf([(1 - SURE) / 2, (1 + SURE) / 2], n, level) if n else (0, 0)
            share = float(each.mean()) if n else np.nan
            count, low_edge, high_edge = int(each.sum()), int(edges[0]), int(edges[1])
            found.append(Coverage(name, interval, level, count, n, low_edge, high_edge, share))
    return found


def _bounds(label: str, family: type[Theta]) -> tuple[float, float]:
    """Return between what a parameter lies, by its label: a share, or the family's."""
    field = label.split("[", maxsplit=1)[0]
    return bounds(family, field, _place(label)) if field in family.layout() else (0.0, 1.0)


def _place(label: str) -> tuple[int, ...]:
    """Return the place within a component's field that a label such as cov[1,0,2] names."""
    _, *place = label[label.index("[") + 1 : -1].split(",")
    return tuple(map(int, place))


def _stretched(value: Array, low: float, high: float) -> Array:
    """Return log odds between two bounds, the logarithm above one, or the value itself."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if np.isfinite(high):
            return np.log(value - low) - np.log(high - value)
        return np.log(value - low) if np.isfinite(low) else value


def _slope(value: Array, low: float, high: float) -> Array:
    """Return the derivative of `_stretched`, for the delta method."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if np.isfinite(high):
            return 1 / (value - low) + 1 / (high - value)
        return 1 / (value - low) if np.isfinite(low) else np.ones_like(value)


def _accuracy(name: str, columns: dict[str, Array]) -> Accuracy:
    """Return bias and error of both estimators."""
    away = [columns[key] - columns["truth"] for key in ("mle", "mean")]
    (em, em_error), (mean, mean_error) = ((float(one.mean()), _error(one)) for one in away)
    roots = [float(np.sqrt((one**2).mean())) for one in away]
    return Accuracy(name, em, em_error, mean, mean_error, *roots)


def _error(values: Array) -> float:
    """Return the standard error of a mean."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan


def findings_of(fitted: Iterable[Replicate]) -> dict[str, dict[Severity, int]]:
    """Return how often each finding was not ok, the most frequent first.

    >>> findings_of([])
    {}
    """
    found: dict[str, Counter[Severity]] = {}
    for one in fitted:
        for code, (severity, _) in one.findings.items():
            found.setdefault(code, Counter())[severity] += 1
    shown = {
        code: {severity: counts[severity] for severity in (FAULT, DOUBT, NOTE)}
        for code, counts in found.items()
    }

    def weight(code: str) -> tuple[int, int, int]:
        return shown[code][FAULT] + shown[code][DOUBT], shown[code][NOTE], -len(code)

    return {
        code: shown[code]
        for code in sorted(shown, key=weight, reverse=True)
        if any(weight(code)[:2])
    }
