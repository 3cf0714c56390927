"""Whether the error of the evidence keeps its word: small problems whose exact evidence is known.

`python -m comparisons.trust.evidence` draws components from a prior and a few observations from
these, samples the posterior with short chains, and counts how often the log evidence is within two
of its errors of the exact one; likewise under a prior of half and of twice the width.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.table import Table
from scipy import stats

from bayes import sampled
from bayes.posterior.evidence import HALF, TWICE, Estimate, evidence
from comparisons.trust.calibration import believed
from comparisons.trust.campaign import campaign
from comparisons.trust.exact_evidence import exact_evidence
from models import Binomial, Gaussian, Mixture, Poisson, simulate
from models.prior import draw_prior
from models.question import asked
from models.structure import drawn_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comparisons.replicates import Record
    from models.family import Theta
    from models.question import Question

__all__ = ["FEW", "Few", "drawn_small", "errors_off", "posed", "shown", "weighed"]

FLIPS = 10  # of a set of coins
HIGH = 30  # counts below this keep the tables of exact evidence small
DRAWS = 500  # of each chain, and as many to tune
WIDTHS = {"own": 1.0, "half": HALF, "twice": TWICE}


class Few(NamedTuple):
    """A family, and how many observations are few enough, by the number of components.

    >>> FEW[2].observations[1]
    12
    """

    family: type[Theta]
    observations: tuple[int, int, int]


FEW = (
    Few(Binomial, (20, 40, 12)),
    Few(Poisson, (20, 40, 12)),
    Few(Gaussian, (12, 12, 8)),
)


def posed(number: int) -> Question[Any, Any]:
    """Return a small problem: the families in turn, with one to three groups.

    >>> question = posed(4)
    >>> question.family.__name__, question.k, question.rows.observations
    ('Poisson', 2, 40)
    """
    return drawn_small(number)[1]


def drawn_small(number: int) -> tuple[Mixture[Any], Question[Any, Any]]:
    """Return a small problem, behind the parameters that its data are from.

    >>> len(drawn_small(4)[0].weight)
    2
    """
    family, observations = FEW[number % len(FEW)]
    k = 1 + number // len(FEW) % 3
    equal = bool(number // (3 * len(FEW)) % 2)
    rng = np.random.default_rng([number, 5])
    prior = believed(family, k)
    held = Mixture.axes() if equal else ()
    trials = FLIPS if family is Binomial else None
    while True:
        many = draw_prior(Mixture, family, prior, k, 1, rng, sizes={}, held=held)
        truth = drawn_at(many, 0)
        sample, _ = simulate(truth, observations[k - 1], rng, trials)
        if sample.distinct >= k and (family is Gaussian or sample.x.max() < HIGH):
            return truth, asked(family, sample, k, prior=prior, equal_weights=equal)


def weighed(number: int) -> Record:
    """Return the exact log evidence of a problem, and ours with its error, for each width.

    >>> found = weighed(0)
    >>> abs(found["own"]["log"] - found["own"]["exact"]) < 5 * found["own"]["error"]
    True
    """
    question = posed(number)
    tree = sampled(question, draws=DRAWS, tune=DRAWS, seed=number, progress=False)
    found = evidence(tree, seed=number)
    own = Estimate(found.log, found.error)
    each = {"own": own, "half": found.half, "twice": found.twice}
    record: Record = {"family": question.family.__name__, "k": question.k, "reason": found.reason}
    for name, factor in WIDTHS.items():
        widened = question.prior._replace(theta=question.prior.theta.widened(factor))
        record[name] = {
            "exact": exact_evidence(replace(question, given=widened)),
            "log": _known(each[name].log),
            "error": _known(each[name].error),
        }
    return record


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def errors_off(records: Sequence[Record], width: str = "own") -> list[float]:
    """Return by how many of its errors each log evidence is off; those that were refused are out.

    width: "own", "half" or "twice" that of the prior.

    >>> errors_off([{"own": {"exact": -12.0, "log": -12.02, "error": 0.01}}])
    [-2.0]
    """
    every: list[Any] = [one[width] for one in records if width in one]
    told = [one for one in every if one["log"] is not None]
    return [round((one["log"] - one["exact"]) / one["error"], 6) for one in told]


def shown(records: Sequence[Record]) -> Table:
    """Return a table: how often two errors were enough, by problem and by the prior's width.

    >>> own = {"exact": -12.0, "log": -12.01, "error": 0.01}
    >>> shown([{"family": "Poisson", "k": 1, "own": own, "half": own, "twice": own}]).row_count
    4
    """
    table = Table("problems", "number", "told", "within 2 errors", "median error", "largest")
    kinds = sorted({(str(one["family"]), str(one["k"])) for one in records if "family" in one})
    for family, k in kinds:
        some = [one for one in records if (one.get("family"), str(one.get("k"))) == (family, k)]
        table.add_row(f"{family}, K = {k}", *_row(some, "own"))
    table.add_section()
    for width in WIDTHS:
        table.add_row(f"all, {width} width of the prior", *_row(records, width))
    return table


def _row(records: Sequence[Record], width: str) -> list[str]:
    """Return how many there are, how many were told and are right, and by how much others miss."""
    off = np.abs(errors_off(records, width))
    every: list[Any] = [one[width] for one in records if width in one]
    errors = [one["error"] for one in every if one["error"] is not None]
    if not errors:
        return [f"{len(records)}", "0", "", "", ""]
    held, band = int((off <= 2).sum()), stats.binomtest(int((off <= 2).sum()), len(off))
    low, high = band.proportion_ci(0.95)
    said = f"{held} ({held / len(off):.1%}; {low:.1%} to {high:.1%})"
    return [
        f"{len(records)}",
        f"{len(off)}",
        said,
        f"{np.median(errors):.4f}",
        f"{off.max():.1f}",
    ]


if __name__ == "__main__":
    campaign(__doc__ or "", weighed, shown, replicates=200, name="problems")
