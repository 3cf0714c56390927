"""What was measured: races against peers, measures without one, and curves over n."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

    type Say = Callable[[str], None]

__all__ = [
    "Chains",
    "Curve",
    "Found",
    "Goal",
    "Measure",
    "Race",
    "Scale",
    "Spread",
    "costlier",
    "faster",
    "joined",
    "richer",
    "seconds",
    "spread",
    "timed",
]


class Scale(NamedTuple):
    """How much is measured.

    rounds: turns that ours and the peers take.
    rows: of the one-dimensional races; of the clouds; of the climb to the limit; of the whole fit;
        of the Parquet file, in row groups of `group`.
    sizes: over which n grows; flat: the least of them from which a step's time a row is judged.
    crowd: rows when K grows; the dimensions grow on a tenth.
    heights, people: observations of the posteriors; duels: rounds of each.
    small: observations of a whole fit; replicates: how many are timed, few and more.
    draws: of a chain, after as many of tuning.
    thorough: whether what takes minutes is measured too: Stan, the cold start, compilation.

    >>> from comparisons.speed.run import FULL, QUICK
    >>> FULL.thorough, QUICK.thorough
    (True, False)
    """

    rounds: int
    rows: int
    clouds: int
    limit: int
    whole: int
    file: int
    group: int
    sizes: tuple[int, ...]
    flat: int
    crowd: int
    heights: int
    people: int
    small: int
    replicates: tuple[int, int]
    duels: tuple[int, int]
    draws: int
    thorough: bool


class Spread(Struct, frozen=True):
    """Median, least and largest of what was measured.

    >>> f"{Spread(2.0, 1.0, 4.0):.1f}"
    '2.0 (1.0 to 4.0)'
    """

    median: float
    least: float
    most: float

    def __format__(self, spec: str) -> str:
        return f"{self.median:{spec}} ({self.least:{spec}} to {self.most:{spec}})"


class Goal(Struct, frozen=True):
    """What a ratio or a measure should be: at least the bound, or at most.

    >>> Goal(1.3, at_most=True).reached(1.2)
    True
    """

    bound: float
    at_most: bool = False

    def reached(self, value: float) -> bool:
        """Whether a value is on the good side."""
        return value <= self.bound if self.at_most else value >= self.bound


class Race(Struct, frozen=True):
    """The same work by two sides, turn by turn; all empty where the peer is not there.

    ours, theirs: seconds, or whatever the unit says, of each round.
    ratios: of each round; a larger one is better unless the goal says at most.

    >>> Race("EM", "s", "a peer", (1.0, 1.0), (9.0, 11.0), (9.0, 11.0), Goal(8)).reached
    True
    """

    work: str
    unit: str
    peer: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    ratios: tuple[float, ...]
    goal: Goal | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the median of the ratios reaches the goal; None without either."""
        if self.goal is None or not self.ratios:
            return None
        return self.goal.reached(median(self.ratios))


class Measure(Struct, frozen=True):
    """What was measured alone, round by round.

    >>> Measure("--help", "s", (0.2, 0.25, 0.6), Goal(0.3, at_most=True)).reached
    True
    """

    work: str
    unit: str
    values: tuple[float, ...]
    goal: Goal | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the median of the values reaches the goal; None without one."""
        return None if self.goal is None else self.goal.reached(median(self.values))


class Curve(Struct, frozen=True):
    """Seconds of one step of EM of one side, over n.

    >>> Curve("ours", n=(1_000, 10_000), seconds=(1e-5, 1e-4)).who
    'ours'
    """

    who: str
    n: tuple[int, ...]
    seconds: tuple[float, ...]


class Chains(Struct, frozen=True):
    """What the chains of one side are worth.

    rates: the least bulk effective draws a second, of each round.
    r_hat: the largest; diverging: the largest share of draws.
    gap: the largest difference of a posterior mean from ours, in its Monte Carlo standard errors,
        among the rounds in which both sides mixed; None where there is none.

    >>> Chains("heights", "a peer", rates=(900.0,), r_hat=1.5, diverging=0.0, gap=None).gap is None
    True
    """

    data: str
    who: str
    rates: tuple[float, ...]
    r_hat: float
    diverging: float
    gap: float | None


class Found(NamedTuple):
    """What a part of the run has found.

    >>> help_taken = Measure("--help", "s", (0.2,))
    >>> len(joined([Found(measures=(help_taken,)), Found(measures=(help_taken,))]).measures)
    2
    """

    races: tuple[Race, ...] = ()
    measures: tuple[Measure, ...] = ()
    curves: tuple[Curve, ...] = ()
    chains: tuple[Chains, ...] = ()


def joined(parts: list[Found]) -> Found:
    """Return all that was found, part after part.

    >>> joined([Found(), Found()]).races
    ()
    """
    return Found(
        *(tuple(one for each in field for one in each) for field in zip(*parts, strict=True))
    )


def spread(values: tuple[float, ...]) -> Spread:
    """Return the median and the range.

    >>> spread((3.0, 1.0, 2.0))
    Spread(median=2.0, least=1.0, most=3.0)
    """
    return Spread(median(values), min(values), max(values))


def seconds(work: Callable[[], object]) -> float:
    """Return how long the work takes.

    >>> seconds(lambda: None) < 1
    True
    """
    return timed(work)[1]


def timed[T](work: Callable[[], T]) -> tuple[T, float]:
    """Return what the work returns, and how long it takes.

    >>> timed(lambda: "done")[0]
    'done'
    """
    begun = time.perf_counter()
    found = work()
    return found, time.perf_counter() - begun


def faster(
    work: str, peer: str, rounds: list[tuple[float, float]], goal: Goal | None = None
) -> Race:
    """Return a race of seconds, rounds of (ours, theirs): how many times faster ours is.

    >>> faster("a step", "theirs", [(1.0, 3.0)]).ratios
    (3.0,)
    """
    return _race(work, "s", peer, rounds, [theirs / ours for ours, theirs in rounds], goal)


def costlier(work: str, peer: str, rounds: list[tuple[float, float]], goal: Goal) -> Race:
    """Return a race of seconds that ours may lose by the goal: how many times longer it takes.

    >>> costlier("a step", "theirs", [(1.0, 4.0)], Goal(1.3, at_most=True)).reached
    True
    """
    return _race(work, "s", peer, rounds, [ours / theirs for ours, theirs in rounds], goal)


def richer(
    work: str, peer: str, rounds: list[tuple[float, float]], goal: Goal | None = None
) -> Race:
    """Return a race of effective draws a second: how many times more ours are.

    >>> richer("a posterior", "theirs", [(900.0, 3.0)]).ratios
    (300.0,)
    """
    return _race(work, "ESS/s", peer, rounds, [ours / theirs for ours, theirs in rounds], goal)


def _race(
    work: str,
    unit: str,
    peer: str,
    rounds: list[tuple[float, float]],
    ratios: list[float],
    goal: Goal | None,
) -> Race:
    ours, theirs = tuple(a for a, _ in rounds), tuple(b for _, b in rounds)
    return Race(work, unit, peer, ours, theirs, tuple(ratios), goal)
