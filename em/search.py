"""Many starts: where each climb ended, and which of those ends are spikes or hold nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import chdtr, gammaln, pdtrc

from em.loop import climb
from em.mixture import logits, summing_to_one
from em.result import Step
from em.rows import Block
from models.family import Theta, entries
from models.mixture import Mixture, take

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from em.loop import Climb
    from em.mixture import MixtureModel

__all__ = [
    "CHEAP",
    "SAME_HEIGHT",
    "Climber",
    "End",
    "ended",
    "in_order",
    "joined",
    "near",
    "search",
    "spikes",
]

CHEAP = 50_000  # distinct rows times components up to which every start is climbed to the end
SHORT = 15  # steps after which starts are compared where that would be too dear
FINALISTS = 5  # of them that are then climbed to the end
SAME_HEIGHT = 1e-3  # of the objective: within 0.05 standard errors of an end is that end
SAME_PLACE = 0.05  # and of the parameters, in the units of the rows, about one sd
NOBODY = 0.5  # expected observations below which a component is empty
NARROW = 0.1  # of the widest component: a spike is narrower
BY_CHANCE = 1e-3  # clumps expected by chance above which one is no evidence of a component


class End[T: Theta](NamedTuple):
    """A distinct place where climbs ended, in the units of the rows, labels in order.

    number: which start came highest.
    starts: how many reached it.
    spike: (K,) which components are spikes.
    empty: (K,) which components hold less than half an observation.
    """

    climb: Climb[Mixture[T]]
    number: int
    starts: int
    spike: NDArray[np.bool_]
    empty: NDArray[np.bool_]

    @property
    def mixture(self) -> Mixture[T]:
        """The parameters there."""
        return self.climb.parameters

    @property
    def steps(self) -> int:
        """How many steps the climb took."""
        return len(self.climb.trace) - 1

    @property
    def height(self) -> float:
        """The objective there."""
        return float(self.climb.trace[-1])


@dataclass(frozen=True, eq=False)
class Climber[T: Theta]:
    """Climbs one model as the caller of `fit` wants it."""

    model: MixtureModel[T]
    accelerate: bool
    tolerance: float
    on_step: Callable[[Step[T]], None] | None

    def __call__(
        self,
        number: int,
        first: Mixture[T],
        steps: int,
        done: int = 0,
        finer: float = 1.0,
        arrived: Callable[[Mixture[T], float], bool] | None = None,
    ) -> Climb[Mixture[T]]:
        """Climb from a mixture.

        number: of the start.
        steps: most steps to take, `done` have been taken before.
        finer: by how much to divide the tolerance.
        arrived: whether a known end is so near that the climb may stop.
        """

        def observe(step: int, mixture: Mixture[T], objective: float) -> None:
            if self.on_step is not None:
                outside = self.model.rows.units.outside(summing_to_one(mixture))
                self.on_step(Step(number, done + step, outside, objective))

        return climb(
            self.model,
            first,
            accelerate=self.accelerate,
            max_steps=steps,
            tolerance=self.tolerance / finer,
            rounding=self.model.rounding,
            arrived=arrived if self.tolerance > 0 else None,
            on_step=None if self.on_step is None else observe,
        )


def search[T: Theta](
    model: MixtureModel[T],
    starts: Sequence[Mixture[T]],
    run: Climber[T],
    max_steps: int,
    own_floor: bool,
) -> tuple[list[End[T]], int]:
    """Return the distinct ends, best first but spikes last, and how many starts were given up.

    A climb that comes near the end of an earlier one stops there.

    own_floor: whether the user said how narrow is too narrow.
    """
    finished: list[tuple[int, Climb[Mixture[T]]]] = []

    def arrived(mixture: Mixture[T], height: float) -> bool:
        return any(
            end.converged
            and 0 <= end.trace[-1] - height <= SAME_HEIGHT
            and near(end.parameters, mixture)
            for _, end in finished
        )

    if model.rows.sample.distinct * model.k <= CHEAP or len(starts) == 1:
        for number, start in enumerate(starts):
            finished.append((number, run(number, start, max_steps, arrived=arrived)))
        return _distinct(model, finished, own_floor), 0
    short = min(SHORT, max_steps)
    begun = [(number, run(number, start, short)) for number, start in enumerate(starts)]
    finished += [pair for pair in begun if pair[1].converged]
    going = sorted((pair for pair in begun if not pair[1].converged), key=_depth)
    for number, first in going[:FINALISTS]:
        rest = run(number, first.parameters, max_steps - short, short, arrived=arrived)
        finished.append((number, joined(first, rest)))
    return _distinct(model, finished, own_floor), len(going[FINALISTS:])


def _depth[T: Theta](pair: tuple[int, Climb[Mixture[T]]]) -> float:
    return -float(pair[1].trace[-1])


def joined[T: Theta](first: Climb[Mixture[T]], rest: Climb[Mixture[T]]) -> Climb[Mixture[T]]:
    """Return two climbs, the second from where the first ended, as one."""
    trace = np.concatenate([first.trace, rest.trace[1:]])
    return rest._replace(trace=trace, evaluations=first.evaluations + rest.evaluations)


def _distinct[T: Theta](
    model: MixtureModel[T], climbs: Sequence[tuple[int, Climb[Mixture[T]]]], own_floor: bool
) -> list[End[T]]:
    """Return one end for each optimum that was reached."""
    ends: list[End[T]] = []
    for number, one in sorted(climbs, key=_depth):
        mixture = in_order(model, one.parameters)
        for place, end in enumerate(ends):
            if end.height - one.trace[-1] <= SAME_HEIGHT and near(end.mixture, mixture):
                ends[place] = end._replace(starts=end.starts + 1)
                break
        else:
            ends.append(ended(model, number, one._replace(parameters=mixture), own_floor))
    return sorted(ends, key=lambda end: _rank(end, model.hard))


def ended[T: Theta](
    model: MixtureModel[T], number: int, climb: Climb[Mixture[T]], own_floor: bool = False
) -> End[T]:
    """Return the end of one start's climb, whose labels are in order or need not be."""
    spike = spikes(model, climb.parameters, own_floor)
    empty = climb.parameters.weight * model.totals[:, 0].sum() < NOBODY
    return End(climb, number, 1, spike, empty & ~spike)


def _rank[T: Theta](end: End[T], hard: bool) -> tuple[bool, bool, float]:
    """Return what sorts the best end first.

    An empty component gives way to a full mixture as high. Under hard EM it always does: the
    classification likelihood favours few groups, and one for all is often its maximum.
    """
    empty = bool(end.empty.any())
    return bool(end.spike.any()), hard and empty, SAME_HEIGHT * empty - end.height


def in_order[T: Theta](model: MixtureModel[T], mixture: Mixture[T]) -> Mixture[T]:
    """Return the mixture inside in the label order that it has outside."""
    return take(summing_to_one(mixture), model.rows.units.outside(mixture).theta.order())


def near[T: Theta](one: Mixture[T], other: Mixture[T]) -> bool:
    """Whether two mixtures are the same, but for their labels, to within SAME_PLACE."""
    pairs = [(one.weight, other.weight)]
    pairs += zip(entries(one.theta).values(), entries(other.theta).values(), strict=True)
    k = len(one.weight)
    apart = np.zeros((k, k))
    for a, b in pairs:
        left, right = a.reshape(k, 1, -1), b.reshape(1, k, -1)
        apart = np.maximum(apart, (np.abs(left - right) / (1 + np.abs(right))).max(axis=2))
    nearest = apart.argmin(axis=1)
    same = len(set(nearest.tolist())) == k or bool((apart <= SAME_PLACE).all())
    return same and bool((apart.min(axis=1) <= SAME_PLACE).all())


def spikes[T: Theta](
    model: MixtureModel[T], mixture: Mixture[T], own_floor: bool
) -> NDArray[np.bool_]:
    """Return which components are narrow by accident, (K,).

    A component on the floor is: there the likelihood has no maximum but the one that the floor
    makes. So is one under a tenth of the widest if chance explains its observations: the others
    put m within two sd of its mean, it adds c, and among n places n P(Poisson(m) >= m + c) clumps
    as dense are to be expected. And so is a narrow one on no more than the d + 1 observations
    that any mean and width can fit, unless a floor of the user's says how narrow is too narrow.
    """
    width = model.emission.width(mixture.theta, model.floor)
    on_floor = model.emission.on_floor(mixture.theta, model.floor)
    location = model.emission.location(mixture.theta)
    if location is None or model.k == 1:
        return on_floor
    d, n = model.rows.sample.dimension, float(model.totals[:, 0].sum())
    means = Block(location, None, None)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # of empty components
        logs = logits(model.emission, means, mixture) + model.emission.base(means.x, None)
        own = np.diagonal(logs) - np.log(mixture.weight)  # log density of a component at its mean
        np.fill_diagonal(logs, -np.inf)
        others = np.logaddexp.reduce(logs, axis=0)
        ball = d * np.log(2) + 0.5 * d * np.log(np.pi) - gammaln(0.5 * d + 1)
        volume = ball - 0.5 * d * np.log(2 * np.pi) - own
        there = n * np.exp(np.minimum(others + volume, 0))
    held = n * mixture.weight
    expected = n * pdtrc(np.ceil(there + chdtr(d, 4.0) * held) - 1, there)
    narrow = width < NARROW * width.max()
    few = (held < d + 1.5) & (not own_floor)
    spike: NDArray[np.bool_] = on_floor | (narrow & (few | (expected > BY_CHANCE)))
    return spike
