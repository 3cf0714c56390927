"""How fast is EM here? Everything that the README claims, measured in one run.

    uv run python -m comparisons.speed

(`--posterior` measures how fast the posterior is drawn instead: see `posterior_speed.py`.)

Ours and the peer's take turns on the same data from the same start, and each pair gives a ratio:
on a noisy machine ratios hold where seconds do not. Both must arrive at the same parameters.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
import tracemalloc
import warnings
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from em import fit
from em.rows import available
from models import Gaussian, Mixture, MultivariateGaussian, Sample, simulate

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.family import Array

__all__ = ["main"]

PAIRS = 5  # turns that ours and the peer's take
SHORT, LONG = 4, 24  # a step's time is that of LONG less SHORT steps, which cancels set-up
PEER_LONG = 9  # the peer's steps are long enough for fewer


class Spread(NamedTuple):
    """Median, least and largest of what was measured."""

    median: float
    least: float
    most: float

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} ({self.least:{spec}} to {self.most:{spec}})"


class Race(NamedTuple):
    """A step of ours against a step of the peer's, in seconds, and theirs / ours pair by pair."""

    name: str
    ours: Spread
    theirs: Spread
    ratio: Spread
    goal: float


def spread(values: list[float]) -> Spread:
    """Return the median and the range."""
    return Spread(median(values), min(values), max(values))


def seconds(work: Callable[[], object]) -> float:
    """Return how long the work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def heights(n: int, rng: np.random.Generator) -> Sample:
    """Draw n heights: 0.4 men of mean 175 and sd 7, the others of mean 163 and sd 6."""
    truth = Mixture(np.array([0.6, 0.4]), Gaussian(np.array([163.0, 175.0]), np.array([6.0, 7.0])))
    return simulate(truth, n, rng)[0]


def clouds(n: int, d: int, k: int, rng: np.random.Generator) -> Sample:
    """Draw n points from k overlapping clouds of unit covariance along a diagonal."""
    rows = rng.normal(size=(n, d)) + rng.integers(0, k, n)[:, None]
    return Sample(rows)


def line(k: int) -> Mixture[Gaussian]:
    """Start k components along the heights."""
    return Mixture(np.full(k, 1 / k), Gaussian(np.linspace(155.0, 185.0, k), np.full(k, 5.0)))


def diagonal(k: int, d: int) -> Mixture[MultivariateGaussian]:
    """Start k components along the clouds."""
    mean = np.arange(k)[:, None] + np.zeros(d)
    return Mixture(np.full(k, 1 / k), MultivariateGaussian(mean, np.tile(2 * np.eye(d), (k, 1, 1))))


def ours(sample: Sample, start: Mixture, steps: int) -> Array:
    """Take exactly so many plain steps and return the means."""
    family, k = type(start.theta), len(start.weight)
    found = fit(family, sample, k, start=start, accelerate=False, tolerance=0, max_steps=steps)
    return found.mixture.theta.mean.reshape(k, -1)


def peers(sample: Sample, start: Mixture, steps: int) -> Array:
    """Take the same steps with scikit-learn and return the means."""
    from sklearn.mixture import GaussianMixture

    k = len(start.weight)
    mean = np.reshape(start.theta.mean, (k, -1))
    cov = start.theta.cov if hasattr(start.theta, "cov") else start.theta.sd[:, None, None] ** 2
    model = GaussianMixture(
        k,
        max_iter=steps,
        tol=0,
        reg_covar=0,
        weights_init=start.weight,
        means_init=mean,
        precisions_init=np.linalg.inv(cov),
        init_params="random_from_data",  # its default, k-means, would be thrown away
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        model.fit(sample.x.reshape(sample.distinct, -1))
    return model.means_[np.lexsort(model.means_.T[::-1])]


def race(name: str, sample: Sample, start: Mixture, goal: float) -> Race:
    """Take turns, a step at a time."""
    mine, theirs = ours(sample, start, SHORT), peers(sample, start, SHORT)
    np.testing.assert_allclose(mine, theirs, rtol=1e-6)
    pairs = []
    for _ in range(PAIRS):
        a = (
            seconds(lambda: ours(sample, start, LONG)) - seconds(lambda: ours(sample, start, SHORT))
        ) / (LONG - SHORT)
        b = (
            seconds(lambda: peers(sample, start, PEER_LONG))
            - seconds(lambda: peers(sample, start, SHORT))
        ) / (PEER_LONG - SHORT)
        pairs.append((a, b))
    return Race(
        name,
        spread([a for a, _ in pairs]),
        spread([b for _, b in pairs]),
        spread([b / a for a, b in pairs]),
        goal,
    )


def peak_memory(sample: Sample) -> float:
    """Return the megabytes that a fit takes beyond its data."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    fit(Gaussian, sample, 2, starts=6, max_steps=20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (peak - before) / 1e6


def python(code: str, **environment: str) -> str:
    """Run code in a fresh Python and return what it prints."""
    command = [sys.executable, "-c", code]
    everything = os.environ | environment
    done = subprocess.run(command, env=everything, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def import_times() -> Spread:
    """Return by how much importing models and em is slower than numpy and scipy.special."""

    def start(code: str) -> float:
        return seconds(lambda: python(code))

    start("import models, em")
    return spread(
        [start("import models, em") - start("import numpy, scipy.special") for _ in range(9)]
    )


def spinner(console: Console) -> Progress:
    """Return what says on a terminal how far the benchmark is."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def main() -> None:
    """Measure and print everything."""
    console = Console()
    rng = np.random.default_rng(0)
    n = 1_000_000
    console.print(
        f"Python {platform.python_version()}, NumPy {version('numpy')}, scikit-learn "
        f"{version('scikit-learn')}, {available()} processors, {platform.machine()}"
    )
    with spinner(console) as progress:
        task = progress.add_task("drawing samples")
        large, tall = heights(n, rng), clouds(200_000, 8, 8, rng)
        races = []
        for name, sample, start, goal in (
            ("1 dimension, K = 2, n = 1,000,000", large, line(2), 30),
            ("1 dimension, K = 8, n = 1,000,000", large, line(8), 20),
            ("8 dimensions, K = 8, full, n = 200,000", tall, diagonal(8, 8), 10),
        ):
            progress.update(task, description=name)
            races.append(race(name, sample, start, goal))
        progress.update(task, description="whole fits")
        rounded = Sample(np.round(large.x[large.inverse], 1))
        fit(Gaussian, rounded, 2)
        whole = spread([seconds(lambda: fit(Gaussian, rounded, 2)) for _ in range(9)])
        progress.update(task, description="memory")
        memory = {size: peak_memory(heights(size, rng)) for size in (n, 10 * n)}
        progress.update(task, description="start-up")
        start_up = import_times()
        progress.update(task, description="done")
    table = Table("one step of EM", "ours, ms", "scikit-learn, ms", "ratio", "goal")
    for one in races:
        table.add_row(
            one.name,
            f"{one.ours.median * 1e3:.1f}",
            f"{one.theirs.median * 1e3:.0f}",
            f"{one.ratio:.0f}",
            f"{one.goal:.0f}",
        )
    console.print(table)
    table = Table("the rest", "measured", "goal")
    table.add_row(
        f"whole fit of 1,000,000 heights to the millimetre ({rounded.distinct} distinct), "
        "20 starts, errors",
        f"{whole:.3f} s",
        "0.1 s",
    )
    for size, megabytes in memory.items():
        table.add_row(f"peak memory beyond the data, n = {size:,}", f"{megabytes:.0f} MB", "50 MB")
    table.add_row("import models, em beyond numpy, scipy.special", f"{start_up:.3f} s", "0.15 s")
    console.print(table)


if __name__ == "__main__":
    from comparisons.cli import app

    app(["speed", *sys.argv[1:]], prog_name="second-opinion")
