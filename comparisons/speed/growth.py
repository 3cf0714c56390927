"""How a step of EM, and its memory, grow with n, K and d."""

from __future__ import annotations

import tracemalloc
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from comparisons.speed.peers import OURS, PEERS, SCIKIT_LEARN, step
from comparisons.speed.problems import clouds, heights
from comparisons.speed.races import raced
from comparisons.speed.records import Curve, Found, Goal, Measure, Race, costlier
from em import fit
from models import Gaussian

if TYPE_CHECKING:
    from collections.abc import Callable

    from comparisons.speed.records import Say, Scale

__all__ = ["measure"]

SEED = 2
COMPONENTS, DIMENSIONS = (2, 4, 8, 16), (2, 4, 8, 16)
GROUPS = 4  # components when the dimensions grow


def measure(scale: Scale, say: Say) -> Found:
    """Grow n with all peers, then K and d with scikit-learn, then the memory."""
    rng = np.random.default_rng(SEED)
    taken = rounds_of(scale, rng, say)
    curves = tuple(
        Curve(side, tuple(found[0]), tuple(median(each[n] for each in found) for n in found[0]))
        for side, found in taken.items()
    )
    races = [flatness(taken[OURS.name], scale.flat)]
    against = {SCIKIT_LEARN: None}
    few = 1 if scale.thorough else 2  # of a quick run, every other one
    for k in COMPONENTS[::few]:
        work = f"growth: EM per step, 1-D, K = {k}, n = {scale.crowd:,}"
        races += raced(work, heights(scale.crowd, k, rng), against, scale.rounds, say)
    for d in DIMENSIONS[::few]:
        n = scale.crowd // 10
        work = f"growth: EM per step, {d}-D, K = {GROUPS}, full covariance, n = {n:,}"
        races += raced(work, clouds(n, d, GROUPS, rng), against, scale.rounds, say)
    say("memory")
    memory = tuple(one for n in (scale.rows, 10 * scale.rows) for one in megabytes(n, rng))
    return Found(tuple(races), memory, curves)


def rounds_of(
    scale: Scale, rng: np.random.Generator, say: Say
) -> dict[str, list[dict[int, float]]]:
    """Return of each side, in each round, the seconds of a step by n.

    The samples of all sizes are held at once, so that a round sees all of them: at n = 10^8 it is
    2 GB, and 6 GB as the largest is made.
    """
    problems = {}
    for n in scale.sizes:
        say(f"growth: drawing {n:,} heights")
        problems[n] = heights(n, 2, rng)
    sides = [side for side in (OURS, *PEERS) if side.found()]
    taken: dict[str, list[dict[int, float]]] = {side.name: [] for side in sides}
    for turn in range(scale.rounds):
        for side in sides:
            say(f"growth with n: {side.name}, round {turn + 1} of {scale.rounds}")
            found = {n: step(side, one) for n, one in problems.items() if 2 * n <= side.most}
            taken[side.name].append(found)
    return taken


def flatness(taken: list[dict[int, float]], least: int) -> Race:
    """Compare the time a row and step where it is longest with where it is shortest."""
    rounds = []
    for found in taken:
        rows = [seconds / n for n, seconds in found.items() if n >= least]
        rounds.append((max(rows), min(rows)))
    largest = max(taken[0])
    work = f"growth: longest time per row and step, n = {least:,} to {largest:,}, 1-D, K = 2"
    return costlier(work, "the shortest", rounds, Goal(1.3, at_most=True))


def megabytes(n: int, rng: np.random.Generator) -> tuple[Measure, ...]:
    """Return what a fit takes beyond its data, of ours and of scikit-learn."""
    problem = heights(n, 2, rng)

    def mine() -> object:
        return fit(Gaussian, problem.sample, 2, starts=6, max_steps=20)

    found = [
        Measure(f"memory beyond the data, n = {n:,}", "MB", (peak(mine),), Goal(50, at_most=True))
    ]
    if SCIKIT_LEARN.found():
        theirs = peak(lambda: SCIKIT_LEARN.climb(problem, [4]))
        found.append(Measure(f"the same of {SCIKIT_LEARN.name}", "MB", (theirs,)))
    return tuple(found)


def peak(work: Callable[[], object]) -> float:
    """Return the megabytes that some work takes beyond what was there."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (most - before) / 1e6
