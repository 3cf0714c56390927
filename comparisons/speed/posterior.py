"""Effective draws a second: ours against the peers, on data of its own in each round.

What counts is the least bulk effective sample size a second of sampling, over every parameter that
varies, once the components of all draws are in order of mean. Tuning is sampling; compilation and
imports are not.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from arviz_stats.base import array_stats

from bayes import sample
from bayes.posterior.diagnose import measured, worst_of
from bayes.posterior.tree import drawn
from comparisons.speed.problems import flips, people, rounded_heights
from comparisons.speed.records import Chains, Found, Goal, Measure, Race, richer
from comparisons.speed.samplers import CHAINS, NUMPYRO, OURS, PYMC, STAN
from models import Binomial, Sample
from models.structure import ordered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import xarray as xr

    from comparisons.speed.records import Say, Scale
    from comparisons.speed.samplers import Drawn, Sampler
    from models.structure import Units

    type Draw = Callable[[np.random.Generator], Units]

__all__ = ["MIXED", "Judged", "duel", "gap", "judged", "measure", "worth"]

SETS = 1_000
COINS = 5  # times that the coins are sampled
K = 2
MIXED = 1.05  # R-hat, beyond which means say nothing of what was sampled


class Judged(NamedTuple):
    """What one side's chains are worth.

    rate: least bulk effective draws a second of sampling.
    r_hat: the largest; diverging: the share of draws that did.
    means, errors: of the posterior means of all parameters, and their Monte Carlo standard errors.

    >>> chains = Judged(rate=900.0, r_hat=1.0, diverging=0.0, means=(1.1, 7.3), errors=(0.01, 0.02))
    >>> chains.r_hat < MIXED
    True
    """

    rate: float
    r_hat: float
    diverging: float
    means: tuple[float, ...]
    errors: tuple[float, ...]


def measure(scale: Scale, say: Say) -> Found:
    """Let the samplers take turns on many heights and on few, and sample coins."""
    found = []
    for data, draw, rounds, goals in (
        (
            f"{scale.heights:,} heights to the millimetre",
            partial(rounded_heights, scale.heights),
            scale.duels[0],
            {PYMC: Goal(150), NUMPYRO: None, STAN: Goal(400)},
        ),
        (
            f"{scale.people:,} heights",
            partial(_exact, scale.people),
            scale.duels[1],
            {PYMC: Goal(3), NUMPYRO: None, STAN: None},
        ),
    ):
        kept = {peer: goal for peer, goal in goals.items() if scale.thorough or not peer.slow}
        found.append(duel(data, draw, rounds, kept, scale.draws, say))
    say(f"posterior: {SETS:,} sets of flips")
    races = tuple(one for each, _ in found for one in each)
    chains = tuple(one for _, each in found for one in each)
    return Found(races, (coins(scale.draws),), chains=chains)


def duel(
    data: str,
    draw: Draw,
    rounds: int,
    goals: Mapping[Sampler, Goal | None],
    draws: int,
    say: Say,
    *,
    mine: Sampler = OURS,
) -> tuple[list[Race], list[Chains]]:
    """Take turns, and see whether all drew from the same posterior; mine: our side."""
    sides = [mine, *(peer for peer in goals if peer.found())]
    taken: dict[Sampler, list[Judged]] = {side: [] for side in sides}
    mine.draw(draw(np.random.default_rng(0)), K, draws, 0)  # the first one still compiles a little
    for seed in range(rounds):
        x = draw(np.random.default_rng(seed))
        for side in sides:
            say(f"posterior of {data}: {side.name}, round {seed + 1} of {rounds}")
            taken[side].append(judged(side.draw(x, K, draws, seed)))
    first = taken[mine]
    races = []
    for peer, goal in goals.items():
        pairs = zip(first, taken.get(peer, []), strict=peer in taken)
        rates = [(our.rate, their.rate) for our, their in pairs]
        work = f"posterior of {data}, K = {K}: least bulk ESS a second"
        races.append(richer(work, peer.name, rates, goal))
    return races, [worth(data, side.name, first, each) for side, each in taken.items()]


def judged(found: Drawn) -> Judged:
    """Put every draw's components in order, and judge the chains.

    >>> from models import Gaussian, Mixture
    >>> from comparisons.speed.samplers import Drawn
    >>> rng = np.random.default_rng(0)
    >>> mean, sd = rng.normal([163.0, 175.0], 1.0, (400, 2)), rng.normal(7.0, 0.5, (400, 2))
    >>> drawn_by = Mixture(rng.dirichlet([50, 50], 400), Gaussian(mean, sd))
    >>> found = judged(Drawn(drawn_by, np.zeros((4, 100), bool), seconds=2.0))
    >>> found.diverging, found.r_hat < MIXED
    (0.0, True)
    """
    posterior = drawn(ordered(found.mixture), found.diverging.shape)
    worst = worst_of(measured(posterior))
    means, errors = zip(*(_mean(one) for one in posterior.data_vars.values()), strict=True)
    return Judged(
        worst.ess_bulk / found.seconds,
        worst.r_hat,
        float(found.diverging.mean()),
        tuple(np.concatenate(means).tolist()),
        tuple(np.concatenate(errors).tolist()),
    )


def _mean(one: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Return posterior mean and Monte Carlo error of each entry of a parameter, in one row."""
    draws = one.transpose(..., "chain", "draw").to_numpy()
    return draws.mean(axis=(-2, -1)).ravel(), array_stats.mcse(draws, method="mean").ravel()


def gap(mine: Judged, theirs: Judged) -> float:
    """Return how many Monte Carlo standard errors apart the farthest posterior means are.

    >>> mine = Judged(900.0, 1.0, 0.0, means=(1.0, 7.0), errors=(0.03, 0.03))
    >>> round(gap(mine, mine._replace(means=(1.0, 7.1), errors=(0.04, 0.04))), 3)
    2.0
    """
    apart = np.abs(np.subtract(mine.means, theirs.means))
    return float((apart / np.hypot(mine.errors, theirs.errors)).max())


def worth(data: str, who: str, mine: list[Judged], theirs: list[Judged]) -> Chains:
    """Return what the chains of a side are worth, and how far they are from ours at worst.

    >>> mine = Judged(900.0, 1.0, 0.0, means=(1.0, 7.0), errors=(0.03, 0.03))
    >>> worth("heights", "a peer", [mine], [mine._replace(r_hat=1.5)]).gap is None
    True
    """
    gaps = [
        gap(a, b)
        for a, b in zip(mine, theirs, strict=True)
        if a is not b and max(a.r_hat, b.r_hat) < MIXED
    ]
    return Chains(
        data,
        who,
        tuple(one.rate for one in theirs),
        max(one.r_hat for one in theirs),
        max(one.diverging for one in theirs),
        max(gaps, default=None),
    )


def coins(draws: int) -> Measure:
    """Sample from sets of flips, other ones each time."""

    def once(seed: int) -> float:
        x = flips(SETS, np.random.default_rng(seed))
        tree = sample(
            Binomial, x, K, draws=draws, tune=draws, chains=CHAINS, seed=seed, progress=False
        )
        return float(tree.attrs["sampling_seconds"])

    work = (
        f"posterior of {SETS:,} sets of ten flips, {CHAINS} chains of {draws:,} + {draws:,} draws"
    )
    return Measure(work, "s", tuple(once(seed) for seed in range(COINS)), Goal(0.3, at_most=True))


def _exact(n: int, rng: np.random.Generator) -> Sample:
    return Sample(people(n, rng))
