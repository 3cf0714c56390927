"""Many starts: where each climb ended, and which of those ends are spikes or hold nobody."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import chdtr, gammaln, pdtrc

from em.climb.loop import climb
from em.data.blocks import rows_of
from em.data.subsample import observations_at
from em.data.threads import Threads
from em.model import model_of
from em.result import Step
from em.sweep import logits
from models import Sample
from models.sample import Part
from models.structure import by_component, label_order, permuted, summing_to_one

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from em.climb.loop import Climb
    from em.model import Model
    from models.structure import Structure

    type Numbered[S: Structure] = tuple[int, Climb[S]]

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
MANY = 1 << 20  # distinct rows beyond which starts are compared on some of them
SCREEN = 1 << 17  # observations: a thirtieth of a standard error is what these take for one
SAME_HEIGHT = 1e-3  # of the objective: within 0.05 standard errors of an end is that end
SAME_PLACE = 0.05  # and of the parameters, in the units of the rows, about one sd
NOBODY = 0.5  # expected observations below which a component is empty
NARROW = 0.1  # of the widest component: a spike is narrower
BY_CHANCE = 1e-3  # clumps expected by chance above which one is no evidence of a component


class End[S: Structure](NamedTuple):
    """A distinct place where climbs ended, in the units of the rows, labels in order.

    number: which start came highest.
    starts: how many reached it.
    spike: (K,) which components are spikes.
    empty: (K,) which components hold less than half an observation.
    """

    climb: Climb[S]
    number: int
    starts: int
    spike: NDArray[np.bool_]
    empty: NDArray[np.bool_]

    @property
    def parameters(self) -> S:
        """Where it is."""
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
class Climber[S: Structure]:
    """Climbs one model as the caller of `fit` wants it."""

    model: Model[S]
    accelerate: bool
    tolerance: float
    on_step: Callable[[Step[S]], None] | None

    def __call__(
        self,
        number: int,
        first: S,
        steps: int,
        done: int = 0,
        finer: float = 1.0,
        arrived: Callable[[S, float], bool] | None = None,
    ) -> Climb[S]:
        """Climb from some parameters.

        number: of the start.
        steps: most steps to take, `done` have been taken before.
        finer: by how much to divide the tolerance.
        arrived: whether a known end is so near that the climb may stop.
        """

        def observe(step: int, parameters: S, objective: float) -> None:
            if self.on_step is not None:
                outside = self.model.outside(summing_to_one(parameters))
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


class Found[S: Structure](NamedTuple):
    """What a search came to.

    ends: distinct ones, best first but spikes last.
    abandoned: how many starts were given up on lower ground.
    screened: observations on which starts were compared before all were looked at, 0 if all were.
    """

    ends: list[End[S]]
    abandoned: int
    screened: int


def search[S: Structure](
    model: Model[S],
    starts: Sequence[S],
    run: Climber[S],
    max_steps: int,
    own_floor: bool,
    seed: int,
) -> Found[S]:
    """Climb from every start, as far as it is worth it.

    A climb that comes near the end of an earlier one stops there.

    own_floor: whether the user said how narrow is too narrow.
    seed: of the rows on which starts are compared, where there are very many.
    """
    rows = model.rows.sample.distinct
    if rows * model.k <= CHEAP or len(starts) == 1:
        finished = _climbed(run, list(enumerate(starts)), max_steps)
        return Found(_distinct(model, finished, own_floor), 0, 0)
    if rows > MANY and run.tolerance > 0 and model.streams:
        return _screened(model, starts, run, max_steps, own_floor, seed)
    short = min(SHORT, max_steps)
    begun = [(number, run(number, start, short)) for number, start in enumerate(starts)]
    finished = [pair for pair in begun if pair[1].converged]
    going = sorted((pair for pair in begun if not pair[1].converged), key=_depth)
    finished = _climbed(
        run,
        [(number, first.parameters) for number, first in going[:FINALISTS]],
        max_steps - short,
        finished,
        dict(going),
    )
    return Found(_distinct(model, finished, own_floor), len(going[FINALISTS:]), 0)


def _climbed[S: Structure](
    run: Climber[S],
    starts: Sequence[tuple[int, S]],
    max_steps: int,
    finished: Sequence[Numbered[S]] = (),
    begun: Mapping[int, Climb[S]] = MappingProxyType({}),
) -> list[Numbered[S]]:
    """Return finished climbs and those from more starts, which stop where one has ended.

    begun: the first steps of some, which led to where they start now.
    """
    done = list(finished)

    def arrived(parameters: S, height: float) -> bool:
        return any(
            end.converged
            and 0 <= end.trace[-1] - height <= SAME_HEIGHT
            and near(end.parameters, parameters)
            for _, end in done
        )

    for number, start in starts:
        before = begun.get(number)
        taken = 0 if before is None else len(before.trace) - 1
        climbed = run(number, start, max_steps, taken, arrived=arrived)
        done.append((number, climbed if before is None else joined(before, climbed)))
    return done


def _screened[S: Structure](
    model: Model[S],
    starts: Sequence[S],
    run: Climber[S],
    max_steps: int,
    own_floor: bool,
    seed: int,
) -> Found[S]:
    """Climb from every start on some of the rows, and on all from where that led.

    A hill of all the rows is one of enough of them, nearly in its place.
    """
    fewer = _of_some(model, SCREEN, np.random.default_rng([seed, 1]))  # not of the starts
    quiet = replace(run, model=fewer, on_step=None)
    some = search(fewer, starts, quiet, max_steps, own_floor, seed)
    finalists = some.ends[:FINALISTS]
    begin = [(end.number, end.parameters) for end in finalists]
    reached = {end.number: end.starts for end in finalists}
    ends = _distinct(model, _climbed(run, begin, max_steps), own_floor, reached)
    abandoned = len(starts) - sum(reached.values())
    return Found(ends, abandoned, fewer.rows.sample.observations)


def _of_some[S: Structure](model: Model[S], n: int, rng: np.random.Generator) -> Model[S]:
    """Return the model of n of the observations, drawn at random, in the same units."""
    ranks = np.sort(rng.integers(int(model.counted.sum()), size=n))
    x, trials = observations_at(model.runs, model.counted, ranks)
    fewer = replace(model.question, data=Sample(x, trials))
    rows = rows_of(fewer.sample, model.emission, model.k, model.rows.units)
    return model_of(fewer, Threads(rows), hard=model.hard, prior=model.prior, floor=model.floor)


def _depth[S: Structure](pair: Numbered[S]) -> float:
    return -float(pair[1].trace[-1])


def joined[S: Structure](first: Climb[S], rest: Climb[S]) -> Climb[S]:
    """Return two climbs, the second from where the first ended, as one."""
    trace = np.concatenate([first.trace, rest.trace[1:]])
    return rest._replace(trace=trace, evaluations=first.evaluations + rest.evaluations)


def _distinct[S: Structure](
    model: Model[S],
    climbs: Sequence[Numbered[S]],
    own_floor: bool,
    reached: Mapping[int, int] = MappingProxyType({}),
) -> list[End[S]]:
    """Return one end for each optimum that was reached.

    reached: for how many starts a climb stands, where that is more than its own.
    """
    ends: list[End[S]] = []
    for number, one in sorted(climbs, key=_depth):
        parameters = in_order(model, one.parameters)
        for place, end in enumerate(ends):
            if end.height - one.trace[-1] <= SAME_HEIGHT and near(end.parameters, parameters):
                ends[place] = end._replace(starts=end.starts + reached.get(number, 1))
                break
        else:
            fresh = ended(model, number, one._replace(parameters=parameters), own_floor)
            ends.append(fresh._replace(starts=reached.get(number, 1)))
    return sorted(ends, key=lambda end: _rank(end, model.hard))


def ended[S: Structure](
    model: Model[S], number: int, climb: Climb[S], own_floor: bool = False
) -> End[S]:
    """Return the end of one start's climb, whose labels are in order or need not be."""
    spike = spikes(model, climb.parameters, own_floor)
    empty = model.observations_of(climb.parameters) < NOBODY
    return End(climb, number, 1, spike, empty & ~spike)


def _rank[S: Structure](end: End[S], hard: bool) -> tuple[bool, bool, float]:
    """Return what sorts the best end first.

    An empty component gives way to a full mixture as high. Under hard EM it always does: the
    classification likelihood favours few groups, and one for all is often its maximum.
    """
    empty = bool(end.empty.any())
    return bool(end.spike.any()), hard and empty, SAME_HEIGHT * empty - end.height


def in_order[S: Structure](model: Model[S], parameters: S) -> S:
    """Return parameters inside in the label order that they have outside."""
    return permuted(summing_to_one(parameters), label_order(model.outside(parameters)))


def near[S: Structure](one: S, other: S) -> bool:
    """Whether two places are the same, but for their labels, to within SAME_PLACE."""
    mine, theirs = by_component(one), by_component(other)
    k = len(mine[-1])
    apart = np.zeros((k, k))
    for a, b in zip(mine, theirs, strict=True):
        left, right = a.reshape(k, 1, -1), b.reshape(1, k, -1)
        apart = np.maximum(apart, (np.abs(left - right) / (1 + np.abs(right))).max(axis=2))
    if not one.exchangeable():
        return bool((np.diagonal(apart) <= SAME_PLACE).all())
    nearest = apart.argmin(axis=1)
    same = len(set(nearest.tolist())) == k or bool((apart <= SAME_PLACE).all())
    return same and bool((apart.min(axis=1) <= SAME_PLACE).all())


def spikes[S: Structure](model: Model[S], parameters: S, own_floor: bool) -> NDArray[np.bool_]:
    """Return which components are narrow by accident, (K,).

    A component on the floor is: there the likelihood has no maximum but the one that the floor
    makes. So is one under a tenth of the widest if chance explains its observations: the others
    put m within two sd of its mean, it adds c, and among n places n P(Poisson(m) >= m + c) clumps
    as dense are to be expected. And so is a narrow one on no more than the d + 1 observations
    that any mean and width can fit, unless a floor of the user's says how narrow is too narrow.
    """
    theta, overall = parameters.theta, parameters.overall(model.question.data)
    width = model.emission.width(theta, model.floor)
    on_floor = model.emission.on_floor(theta, model.floor)
    location = model.emission.location(theta)
    if location is None or model.k == 1:
        return on_floor
    d, n = model.rows.sample.dimension, float(model.total[0])
    means = Part(location, None, None)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # of empty components
        joint = logits(model.emission, means, np.log(overall), theta)
        logs = joint + model.emission.base(means.x, None)
        own = np.diagonal(logs) - np.log(overall)  # log density of a component at its mean
        np.fill_diagonal(logs, -np.inf)
        others = np.logaddexp.reduce(logs, axis=0)
        ball = d * np.log(2) + 0.5 * d * np.log(np.pi) - gammaln(0.5 * d + 1)
        volume = ball - 0.5 * d * np.log(2 * np.pi) - own
        there = n * np.exp(np.minimum(others + volume, 0))
    held = n * overall
    expected = n * pdtrc(np.ceil(there + chdtr(d, 4.0) * held) - 1, there)
    narrow = width < NARROW * width.max()
    few = (held < d + 1.5) & (not own_floor)
    spike: NDArray[np.bool_] = on_floor | (narrow & (few | (expected > BY_CHANCE)))
    return spike
