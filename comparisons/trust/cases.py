"""The simulation behind the thresholds: what the measures say where both answers are right.

`python -m comparisons.trust.cases` draws data sets from known mixtures, asks for a second opinion
on each, and shows the quantiles of every measure. Both codes are correct and finish, so that what
the measures say is what sampling and separation make of them. The last two rows are the lecture's
heights, which set nothing.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

import bayes
from comparisons.comparison import Comparison, second_opinion
from comparisons.studies.heights import TRUTH
from models import Binomial, Gaussian, Mixture, MultivariateGaussian, Poisson, Sample, simulate
from models.bar import bar

__all__ = ["CASES", "Case", "measured", "shown"]

REPLICATES = 40
MEASURES = (
    "other_place",
    "other_numbers",
    "other_spread",
    "other_predictions",
    "other_memberships",
    "several_modes",
    "weak_separation",
    "not_quadratic",
    "wrong_target",
)


class Case(NamedTuple):
    """What is drawn again and again.

    >>> case = Case("one coin", Mixture(np.ones(1), Binomial(np.array([0.5]))), 30, trials=10)
    >>> case.sample(np.random.default_rng(0)).observations
    30
    """

    name: str
    truth: Mixture[Any]
    n: int
    trials: int | None = None
    decimals: int | None = None

    def sample(self, rng: np.random.Generator) -> Sample:
        """Draw a data set."""
        drawn, _ = simulate(self.truth, self.n, rng, self.trials)
        if self.decimals is None:
            return drawn
        return Sample(drawn.x.round(self.decimals), counts=drawn.counts)


def line(weight: list[float], mean: list[float]) -> Mixture[Gaussian]:
    """Return Gaussians of sd 1."""
    return Mixture(np.array(weight), Gaussian(np.array(mean), np.ones(len(mean))))


def plane(gap: float) -> Mixture[MultivariateGaussian]:
    """Return two round clouds of sd 1."""
    cov = np.array([np.eye(2), np.eye(2)])
    return Mixture(
        np.array([0.5, 0.5]), MultivariateGaussian(np.array([[0.0, 0.0], [gap, 0.0]]), cov)
    )


HALVES = np.array([0.5, 0.5])
CASES = (
    Case("two Gaussians, 2.5 sd apart", line([0.5, 0.5], [0.0, 2.5]), 500),
    Case("two Gaussians, 3 sd apart", line([0.5, 0.5], [0.0, 3.0]), 500),
    Case("two Gaussians, 4 sd apart", line([0.5, 0.5], [0.0, 4.0]), 500),
    Case("two Gaussians, 3 sd apart, 70:30", line([0.7, 0.3], [0.0, 3.0]), 500),
    Case("three Gaussians, 4 sd apart", line([0.4, 0.3, 0.3], [0.0, 4.0, 8.0]), 500),
    Case("two clouds in the plane, 3 sd apart", plane(3.0), 500),
    Case("two coins, 20 flips a set", Mixture(HALVES, Binomial(np.array([0.3, 0.6]))), 500, 20),
    Case("two rates", Mixture(HALVES, Poisson(np.array([2.0, 8.0]))), 500),
    Case("10,000 heights", TRUTH, 10_000, decimals=1),
    Case("200 heights", TRUTH, 200, decimals=1),
)


def measured(case: Case, replicate: int) -> Comparison:
    """Draw a data set and ask for a second opinion on it.

    >>> rates = Case("two rates", Mixture(HALVES, Poisson(np.array([2.0, 8.0]))), 100)
    >>> measured(rates, 0).observations
    100
    """
    sample = case.sample(np.random.default_rng([replicate, case.n, len(case.name)]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bayes.ChainsWarning)  # a finding says it
        return second_opinion(
            type(case.truth.theta), sample, len(case.truth.weight), seed=replicate, progress=False
        )


def shown(found: dict[str, list[Comparison]]) -> Table:
    """Return a table of the measures: median, 95th percentile and largest of the replicates.

    >>> shown({"counts": [comparison]}).columns[1].header
    'agree'
    """
    table = Table("case", "agree", *(name.replace("_", " ") for name in MEASURES))
    for name, comparisons in found.items():
        verdicts = Counter(comparison.verdict for comparison in comparisons)
        cells = []
        for code in MEASURES:
            values = [
                abs(finding.value)
                for comparison in comparisons
                for finding in comparison.findings
                if finding.code == code and np.isfinite(finding.value)
            ]
            spread = np.quantile(values, [0.5, 0.95, 1.0]) if values else ()
            cells.append(" ".join(f"{q:.2g}" for q in spread))
        table.add_row(name, f"{verdicts['agree']} of {len(comparisons)}", *cells)
    return table


def main() -> None:
    """Run all cases and show the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    replicates = parser.parse_args().replicates
    found: dict[str, list[Comparison]] = {case.name: [] for case in CASES}
    with bar("{task.completed} of {task.total}", left=True) as bars:
        for case in CASES:
            task = bars.add_task(case.name, total=replicates)
            for one in range(replicates):
                found[case.name].append(measured(case, one))
                bars.advance(task)
    Console(width=240).print(shown(found))


if __name__ == "__main__":
    main()
