"""How often the verdict says that a model does not fit: where it does, and where it does not.

`python -m comparisons.trust.fits` draws data sets of every family with one to three groups and 50
to 50,000 observations, and data sets of five kinds whose model is wrong. It asks for a second
opinion on each, and counts the doubts `misfit` and the verdicts.
"""

from __future__ import annotations

import argparse
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

import bayes
from comparisons.comparison import second_opinion
from comparisons.replicates import run
from comparisons.trust.alarms import FARTHEST, FLIPS, GROUPS, NEAREST, NUMBERED, SMALLEST
from comparisons.trust.judged import judgement
from em.data.threads import available
from models import Binomial, Gaussian, Mixture, MultivariateGaussian, Poisson, Sample, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from comparisons.replicates import Record
    from models.arrays import Array
    from models.family import Theta

__all__ = ["WRONG", "Wrong", "drawn_right", "right", "shown", "wrong"]

FEWEST, MOST = 50, 50_000  # observations, spread evenly in their logarithm
MOST_TABLES = 2_000  # of rows of several columns, which the sampler sees one by one
DRAWS = 500  # of each chain


class Wrong(NamedTuple):
    """Data that a model does not fit.

    >>> WRONG[0].draw(np.random.default_rng(1)).shape
    (300,)
    """

    name: str
    family: type[Theta]
    k: int
    draw: Callable[[np.random.Generator], Array]


def _three(rng: np.random.Generator) -> Array:
    x: Array = rng.normal(4.0 * rng.integers(3, size=300), 1)
    return x


def _banana(rng: np.random.Generator) -> Array:
    x = rng.normal(size=(500, 2))
    x[:, 1] += 0.7 * x[:, 0] ** 2
    return x


WRONG = (
    Wrong("exponential as Gaussian, n = 300", Gaussian, 1, lambda rng: rng.exponential(1, 300)),
    Wrong("t with 3 degrees as Gaussian, n = 1,000", Gaussian, 1, lambda r: r.standard_t(3, 1_000)),
    Wrong(
        "negative binomial, twice the variance, as Poisson, n = 500",
        Poisson,
        1,
        lambda rng: rng.negative_binomial(5, 0.5, 500).astype(np.float64),
    ),
    Wrong("three groups 4 sd apart called two, n = 300", Gaussian, 2, _three),
    Wrong("a banana called an ellipse, n = 500", MultivariateGaussian, 1, _banana),
)


def drawn_right(number: int) -> tuple[Mixture[Any], Sample]:
    """Draw a mixture of the families in turn, and observations of it.

    >>> truth, sample = drawn_right(0)
    >>> type(truth.theta).__name__, len(truth.weight)
    ('Binomial', 1)
    """
    rng = np.random.default_rng([number, 3])
    family, k = NUMBERED[number % len(NUMBERED)], 1 + number // len(NUMBERED) % 3
    most = MOST_TABLES if family.takes() == "table" else MOST
    n = round(float(np.exp(rng.uniform(np.log(FEWEST), np.log(most)))))
    weight = rng.dirichlet(np.full(k, 5.0))
    while weight.min() < SMALLEST:
        weight = rng.dirichlet(np.full(k, 5.0))
    truth = Mixture(weight, GROUPS[family](rng.uniform(NEAREST, FARTHEST, k - 1), rng))
    trials = FLIPS if issubclass(family, Binomial) else None
    return truth, simulate(truth, n, rng, trials)[0]


def right(number: int) -> Record:
    """Return the verdict where the model is right.

    >>> right(3)["verdict"]
    'agree'
    """
    truth, sample = drawn_right(number)
    kind = type(truth.theta)
    found = _opinion(kind, sample, len(truth.weight), number)
    return {"family": kind.__name__, "observations": sample.observations, **found}


def wrong(kind: int, number: int) -> Record:
    """Return the verdict where the model is wrong, of one of the kinds.

    >>> wrong(2, 0)["findings"]["misfit"][0]
    'doubt'
    """
    one = WRONG[kind]
    sample = Sample(one.draw(np.random.default_rng([number, kind, 4])))
    return _opinion(one.family, sample, one.k, number)


def _opinion(family: type[Theta], sample: Sample, k: int, seed: int) -> Record:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bayes.ChainsWarning)  # a finding says it
        found = second_opinion(family, sample, k, draws=DRAWS, seed=seed, progress=False)
    return judgement(found)


def shown(found: dict[str, Sequence[Record]]) -> Table:
    """Return a table: of each kind the data sets, doubts `misfit`, and verdicts.

    >>> record = {"verdict": "agree", "findings": {"misfit": ["ok", 0.01]}}
    >>> shown({"Poisson": [record]}).row_count
    1
    """
    table = Table("data", "data sets", "misfit", "agree", "inconclusive", "disagree")
    for name, records in found.items():
        doubts = sum(_doubted(one) for one in records)
        verdicts = [one.get("verdict") for one in records]
        each = (verdicts.count(one) for one in ("agree", "inconclusive", "disagree"))
        table.add_row(name, *map(str, (len(records), doubts, *each)))
    return table


def _doubted(record: Record) -> bool:
    findings = record.get("findings")
    return isinstance(findings, dict) and findings["misfit"][0] == "doubt"  # type: ignore[index]


def main() -> None:
    """Run all data sets and show the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--right", type=int, default=500, help="data sets whose model is right")
    parser.add_argument("--wrong", type=int, default=100, help="of each kind whose model is wrong")
    parser.add_argument("--jobs", type=int, default=available())
    parser.add_argument("--out", type=Path, help="folder from which an interrupted run goes on")
    asked = parser.parse_args()
    if asked.out is not None:
        asked.out.mkdir(parents=True, exist_ok=True)
    done = partial(run, jobs=asked.jobs)
    records = done(right, asked.right, folder=asked.out and asked.out / "right", name="right")
    families = [one.__name__ for one in NUMBERED]
    found: dict[str, Sequence[Record]] = {
        name: [one for one in records if one.get("family") == name] for name in families
    }
    for at, kind in enumerate(WRONG):
        folder = asked.out and asked.out / f"wrong-{at}"
        found[kind.name] = done(partial(wrong, at), asked.wrong, folder=folder, name=kind.name)
    Console(width=120).print(shown(found))


if __name__ == "__main__":
    main()
