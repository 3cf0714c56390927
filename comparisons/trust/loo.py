"""Whether leave-one-out cross-validation is right: small problems whose exact value is known.

`python -m comparisons.trust.loo` takes the small problems of `comparisons.trust.evidence`. What a
row is worth given the others is a ratio of exact evidences, log p(x) - log p(x without it), so that
Pareto-smoothed importance sampling is compared with leaving out itself. For coins and counts the
expected log density of new rows is exact as well, which two standard errors should cover.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table
from scipy.stats import binomtest

from bayes import ChainsWarning, sampled
from comparisons.choice.predicted import left_out
from comparisons.trust.campaign import campaign
from comparisons.trust.evidence import FLIPS, drawn_small
from comparisons.trust.exact_evidence import exact_evidence
from models import Binomial, Gaussian, Poisson, Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comparisons.replicates import Record
    from models import Mixture
    from models.arrays import Array
    from models.question import Question

__all__ = ["exact_each", "exact_new", "predicted", "shown"]

DRAWS = 500  # of each chain, and as many to tune
HIGHEST = 60  # counts above it are too rare to matter
MOST_GROUPS = 2  # with more, exact values of new counts take minutes


def exact_each(question: Question[Any, Any]) -> Array:
    """Return the exact log density of each distinct row given all other rows, (m,).

    >>> from comparisons.trust.evidence import posed
    >>> exact_each(posed(0)).shape == posed(0).rows.x.shape
    True
    """
    sample, whole = question.rows, exact_evidence(question)
    found = []
    for at in range(sample.distinct):
        counts = sample.counts - (np.arange(sample.distinct) == at)
        found.append(whole - exact_evidence(_with(question, sample.x, counts)))
    return np.array(found)


def exact_new(question: Question[Any, Any], truth: Mixture[Any]) -> float | None:
    """Return the exact expected log density of as many new rows, n E log p(x_new | x).

    None for measurements, and for counts of three groups.

    truth: from which new rows are.

    >>> truth, question = drawn_small(0)
    >>> exact_new(question, truth) < 0
    True
    """
    sample, family = question.rows, question.family
    if family is Gaussian or (family is Poisson and question.k > MOST_GROUPS):
        return None
    values = np.arange(1.0 + (FLIPS if family is Binomial else HIGHEST))
    trials = None if family is not Binomial else np.full(len(values), float(FLIPS))
    chance = truth.weight @ np.exp(truth.theta.log_mass(values, trials))
    known = chance > 1e-9  # others do not change the sum
    before = exact_evidence(question)
    each = [
        exact_evidence(_with(question, np.append(sample.x, one), np.append(sample.counts, 1)))
        for one in values[known]
    ]
    return float(sample.observations * (chance[known] @ (np.array(each) - before)))


def _with(question: Question[Any, Any], x: Array, counts: Array) -> Question[Any, Any]:
    """Return the same question, under the same prior, of other rows."""
    kept = counts > 0
    trials = None if question.rows.trials is None else FLIPS
    return question.of(Sample(x[kept], trials, counts[kept]))


def predicted(number: int) -> Record:
    """Return the elpd of a problem, ours and the exact one.

    >>> found = predicted(0)
    >>> abs(found["elpd"] - found["exact"]) < 0.1
    True
    """
    truth, question = drawn_small(number)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ChainsWarning)
        warnings.filterwarnings("ignore", "Estimated shape parameter", UserWarning)  # counted
        tree = sampled(question, draws=DRAWS, tune=DRAWS, seed=number, progress=False)
        found = left_out(tree)
    return {
        "family": question.family.__name__,
        "k": question.k,
        "elpd": found.elpd,
        "error": found.error,
        "unstable": found.failed,
        "exact": float(question.rows.counts @ exact_each(question)),
        "new": exact_new(question, truth),
    }


def shown(records: Sequence[Record]) -> Table:
    """Return a table: how far estimates are off, and how often two errors cover new rows' value.

    >>> one = {"elpd": -20.0, "error": 2.0, "unstable": 0, "exact": -20.1, "new": -22.0}
    >>> shown([{"family": "Poisson", "k": 1, **one}]).row_count
    2
    """
    columns = ("bias against exact", "largest", "k > 0.7", "new rows within 2 errors")
    table = Table("problems", "number", *columns)
    told = [one for one in records if "exact" in one]
    for family, k in sorted({(str(one["family"]), int(str(one["k"]))) for one in told}):
        own = [one for one in told if (one["family"], one["k"]) == (family, k)]
        table.add_row(f"{family}, K = {k}", *_row(own))
    table.add_section()
    table.add_row("all", *_row(told))
    return table


def _row(records: Sequence[Record]) -> list[str]:
    """Return how many there are, their bias with its error, and how many are covered."""
    every: list[Any] = list(records)
    off = np.array([one["elpd"] - one["exact"] for one in every])
    error = off.std(ddof=1) / np.sqrt(len(off)) if len(off) > 1 else np.nan
    new = [one for one in every if one["new"] is not None]
    held = sum(abs(one["elpd"] - one["new"]) <= 2 * one["error"] for one in new)
    said = "–"
    if new:
        low, high = binomtest(held, len(new)).proportion_ci()
        said = f"{held} of {len(new)} ({low:.0%} to {high:.0%})"
    return [
        str(len(every)),
        f"{off.mean():+.3f} ({error:.1g})",
        f"{np.abs(off).max():.3f}",
        str(sum(one["unstable"] > 0 for one in every)),
        said,
    ]


if __name__ == "__main__":
    campaign(__doc__ or "", predicted, shown, replicates=200, name="problems")
