"""EM against its peers: a step, the climb to the limit, and whole fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comparisons.speed.peers import (
    MCLUST,
    MIXTOOLS,
    OURS,
    POMEGRANATE,
    SCIKIT_LEARN,
    STEPMIX,
    check,
    plain,
    step,
)
from comparisons.speed.problems import Problem, clouds, heights, line, people
from comparisons.speed.records import Found, Goal, Measure, Race, faster, seconds
from em import fit
from models import Gaussian, Mixture, Sample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from comparisons.speed.peers import Peer
    from comparisons.speed.records import Say, Scale
    from em import Fit

__all__ = ["measure", "raced"]

DECREMENT = 1e-4  # in standard errors, at which a climb is over; half its square is left to gain
LONGEST = 100_000  # steps of the plain climb, before which the limit is reached
SEED = 0


def measure(scale: Scale, say: Say) -> Found:
    """Let all sides take turns, step by step and whole."""
    rng = np.random.default_rng(SEED)
    n = scale.rows
    races: list[Race] = []
    pair = {SCIKIT_LEARN: Goal(30), MCLUST: Goal(8), STEPMIX: None, POMEGRANATE: None}
    crowd = {SCIKIT_LEARN: Goal(20), MCLUST: None}
    cloud = {SCIKIT_LEARN: Goal(10), MCLUST: None, STEPMIX: None, POMEGRANATE: None}
    for work, problem, goals in (
        (f"EM per step, 1-D, K = 2, n = {n:,}", heights(n, 2, rng), pair | {MIXTOOLS: None}),
        (f"EM per step, 1-D, K = 8, n = {n:,}", heights(n, 8, rng), crowd),
        (
            f"EM per step, 8-D, K = 8, full covariance, n = {scale.clouds:,}",
            clouds(scale.clouds, 8, 8, rng),
            cloud,
        ),
    ):
        races += raced(work, problem, goals, scale.rounds, say)
    say("EM to the limit")
    races.append(limit(scale.limit, scale.rounds, rng))
    say("whole fits")
    races.append(whole(scale.whole, scale.rounds, rng))
    return Found(tuple(races), (millimetres(n, scale.rounds, rng),))


def raced(
    work: str, problem: Problem, goals: Mapping[Peer, Goal | None], rounds: int, say: Say
) -> list[Race]:
    """Take turns, a step at a time, all those that are there; each must do the same work.

    >>> from comparisons.speed.peers import OURS
    >>> problem, peer = heights(50, 2, np.random.default_rng(0)), OURS._replace(name="a peer")
    >>> (race,) = raced("a step", problem, {peer: Goal(1)}, 3, lambda what: None)
    >>> race.peer, len(race.ratios)
    ('a peer', 3)
    """
    sides = [peer for peer in goals if peer.found()]
    for peer in sides:
        say(f"{work}: does {peer.name} do the same?")
        check(peer, problem)
    taken: list[dict[str, float]] = []
    for turn in range(rounds):
        say(f"{work}, round {turn + 1} of {rounds}")
        taken.append({side.name: step(side, problem) for side in (OURS, *sides)})

    def of(peer: Peer) -> list[tuple[float, float]]:
        return [(each[OURS.name], each[peer.name]) for each in taken if peer in sides]

    return [faster(work, peer.name, of(peer), goal) for peer, goal in goals.items()]


def limit(n: int, rounds: int, rng: np.random.Generator) -> Race:
    """Climb to a Newton decrement of 1e-4, and let scikit-learn climb as high.

    Ours begins with the array, compresses, accelerates and ends with standard errors. What lacks
    of the maximum is half the squared decrement; scikit-learn takes the plain steps that it needs
    to lack no more. They are counted with ours, whose plain steps are the same, and not timed.
    """
    problem = heights(n, 2, rng)
    work = f"EM to a Newton decrement of {DECREMENT:g}, overlapping heights, 1-D, K = 2, n = {n:,}"
    if not SCIKIT_LEARN.found():
        return faster(work, SCIKIT_LEARN.name, [], Goal(100))
    lacking = 0.5 * DECREMENT**2

    def mine() -> Fit[Mixture[Gaussian]]:
        return fit(Gaussian, Sample(problem.x), 2, start=problem.start, tolerance=DECREMENT)

    top = fit(Gaussian, problem.sample, 2, start=problem.start, tolerance=DECREMENT / 100)
    steps = needed(problem, top.log_likelihood - lacking)
    (theirs,) = SCIKIT_LEARN.climb(problem, [steps])
    np.testing.assert_allclose(np.sort(theirs.mean.ravel()), top.mixture.theta.mean, rtol=1e-5)
    found = mine()
    assert found.decrement <= DECREMENT, f"ours ended at a decrement of {found.decrement:g}"
    taken = [
        (seconds(mine), SCIKIT_LEARN.climb(problem, [steps])[0].seconds) for _ in range(rounds)
    ]
    return faster(f"{work} ({steps:,} plain steps)", SCIKIT_LEARN.name, taken, Goal(100))


def needed(problem: Problem, height: float) -> int:
    """Return after how many plain steps the log-likelihood is as high as that."""
    steps = 64
    while steps < LONGEST:
        trace = plain(problem, steps).trace
        if trace[-1] >= height:
            return int(np.argmax(trace >= height))
        steps *= 4
    raise RuntimeError(f"plain EM is not at its limit after {steps:,} steps")


def whole(n: int, rounds: int, rng: np.random.Generator) -> Race:
    """Fit rounded heights from 20 starts, errors and compression included; theirs 50 steps."""
    x = np.round(people(n, rng), 1)
    work = f"whole fit with 20 starts and standard errors, 1-D, K = 2, n = {n:,} rounded heights"
    name = f"{SCIKIT_LEARN.name}, one start, 50 steps"
    if not SCIKIT_LEARN.found():
        return faster(work, name, [], Goal(100))
    problem = Problem(x, Sample(x), line(2))
    check(SCIKIT_LEARN, problem)
    fit(Gaussian, Sample(x), 2)
    taken = [
        (seconds(lambda: fit(Gaussian, Sample(x), 2)), SCIKIT_LEARN.climb(problem, [50])[0].seconds)
        for _ in range(rounds)
    ]
    return faster(work, name, taken, Goal(100))


def millimetres(n: int, rounds: int, rng: np.random.Generator) -> Measure:
    """Fit rounded heights from 20 starts, errors included, once they are compressed."""
    sample = Sample(np.round(people(n, rng), 1))
    fit(Gaussian, sample, 2)
    work = f"whole fit of {n:,} compressed heights ({sample.distinct} distinct), 20 starts, errors"
    taken = tuple(seconds(lambda: fit(Gaussian, sample, 2)) for _ in range(2 * rounds - 1))
    return Measure(work, "s", taken, Goal(0.1, at_most=True))
