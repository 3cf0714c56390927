"""Many starts: where each climb ended, and which ends have a spike or an empty component."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from em.climb.loop import climb
from em.climb.spikes import spikes
from em.climb.steps import Steps, joins
from em.data.blocks import rows_of
from em.data.subsample import observations_at
from em.data.threads import Threads
from em.model import model_of
from em.step import Step
from models import Sample
from models.structure import by_component, label_order, permuted, summing_to_one

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from em.climb.loop import Climb
    from em.climb.steps import Watch
    from em.model import Model
    from models.structure import Structure

    type Numbered[S: Structure] = tuple[int, Climb[S]]

__all__ = [
    "CHEAP",
    "SAME_HEIGHT",
    "Climber",
    "End",
    "Ends",
    "ended",
    "in_order",
    "joined",
    "near",
    "search",
]

FEWEST = 4  # climbs that are stepped together, at least
CHEAP = 50_000
"""Distinct rows times components up to which every start is climbed to the end, many stepped
together. 20 starts of Gaussians then took 1.3 to 7 times as long one by one, several columns 1.3 to
3 times, but for a case in which a single slow climb took longer than all others (1.2 times)."""
BATCH = 5  # further starts between two looks at the ends
MORE = 40  # the same where one product steps them together, which then takes hardly longer
SHORT = 15  # steps after which starts are compared if that would take too long
FINALISTS = 5  # of them that are then climbed to the end
MANY = 1 << 20  # distinct rows beyond which starts are compared on some of them
SCREEN = 1 << 17  # observations on which starts are compared if there are MANY
SAME_HEIGHT = 1e-3  # of the objective: two ends within 0.05 standard errors are one
SAME_PLACE = 0.05  # of the parameters, in working coordinates, whose unit is about one sd
NOBODY = 0.5  # expected observations below which a component is empty


class End[S: Structure](NamedTuple):
    """A distinct place where climbs ended, in working coordinates, labels in order.

    number: of the start that came highest.
    starts: the number of starts that reached it.
    spike: (K,) which components are spikes.
    empty: (K,) which components have less than half an observation.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> run = Climber(model, accelerate=True, tolerance=1e-4, on_step=None)
    >>> end = ended(model, 0, run(0, fit.inside, 5))
    >>> end.starts, end.spike, round(end.height, 3) == round(fit.log_likelihood, 3)
    (1, array([False, False]), True)
    """

    climb: Climb[S]
    number: int
    starts: int
    spike: NDArray[np.bool_]
    empty: NDArray[np.bool_]

    @property
    def parameters(self) -> S:
        """The parameters there."""
        return self.climb.parameters

    @property
    def steps(self) -> int:
        """The number of steps of the climb."""
        return len(self.climb.trace) - 1

    @property
    def height(self) -> float:
        """The objective there."""
        return float(self.climb.trace[-1])


@dataclass(frozen=True, eq=False)
class Climber[S: Structure]:
    """Climbs one model, with the options of `fit`.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> run = Climber(model, accelerate=True, tolerance=1e-4, on_step=None)
    >>> run(number=0, first=fit.inside, steps=5).converged
    True
    """

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
        steps: the largest number of steps.
        done: the number of steps taken before.
        finer: divides the tolerance.
        arrived: whether a known end is so near that the climb may stop.
        """

        def observe(step: int, parameters: S, objective: float) -> None:
            self._observe(done, number, step, parameters, objective)

        return climb(
            self.model,
            first,
            accelerate=self.accelerate,
            max_steps=steps,
            tolerance=self.tolerance / finer,
            rounding=self.model.rounding,
            bounded=self.model.bounded,
            varying=self.model.varying(first),
            arrived=arrived if self.tolerance > 0 else None,
            on_step=None if self.on_step is None else observe,
        )

    @property
    def joins(self) -> bool:
        """Whether climbs are stepped together, because rows are so few that this is faster."""
        return self.model.size <= CHEAP and joins(self.model)

    def all(self, starts: Sequence[tuple[int, S]], steps: int, watch: Watch[S]) -> None:
        """Climb from numbered starts, and tell `watch` where each climb ends."""
        if len(starts) < FEWEST or not self.joins:
            for number, start in starts:
                watch.over(number, self(number, start, steps, arrived=watch.arrived))
            return
        for number, before in self._together(starts, steps, watch):
            taken = len(before.trace) - 1
            rest = self(number, before.parameters, steps - taken, taken, arrived=watch.arrived)
            watch.over(number, joined(before, rest))

    def _together(
        self, starts: Sequence[tuple[int, S]], steps: int, watch: Watch[S]
    ) -> list[Numbered[S]]:
        """Step climbs together; return those that have to go on alone."""
        numbers = [number for number, _ in starts]
        ends = Steps(
            [self.model],
            np.zeros(len(starts), np.intp),
            [start for _, start in starts],
            numbers=numbers,
            accelerate=self.accelerate,
        ).climb(
            self.tolerance,
            steps,
            watch=watch,
            on_step=None if self.on_step is None else partial(self._observe, 0),
        )
        return [(numbers[at], end.climb) for at, end in ends.items() if end.left]

    def _observe(self, done: int, number: int, step: int, parameters: S, objective: float) -> None:
        """Show a step."""
        assert self.on_step is not None
        outside = self.model.outside(summing_to_one(parameters))
        self.on_step(Step(number, done + step, outside, objective))


class Found[S: Structure](NamedTuple):
    """The result of a search.

    ends: the distinct ends, best first, spikes last.
    begun: the number of starts.
    abandoned: the number of them that were given up because others were higher.
    screened: the number of observations on which starts were compared first; 0 if on all.
    """

    ends: list[End[S]]
    begun: int
    abandoned: int
    screened: int


def search[S: Structure](
    model: Model[S],
    starts: Sequence[S],
    run: Climber[S],
    max_steps: int,
    own_floor: bool,
    seed: int,
    more: Iterable[S] = (),
    enough: Callable[[Sequence[End[S]]], bool] = bool,
) -> Found[S]:
    """Climb from every start; if that takes too long, only the best starts to the end.

    A climb that comes near the end of an earlier one stops there.

    own_floor: whether the user gave the floor.
    seed: of the drawn rows on which starts are compared if there are MANY.
    more: further starts, taken where every start is climbed to the end.
    enough: whether no more of them are needed, given the ends so far.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> run = Climber(model, accelerate=True, tolerance=1e-4, on_step=None)
    >>> found = search(model, [fit.inside, fit.inside], run, 100, own_floor=False, seed=1)
    >>> [end.starts for end in found.ends], found.abandoned
    ([2], 0)
    """
    if model.size <= CHEAP or len(starts) == 1:
        seen = Ends[S]()
        run.all(list(enumerate(starts)), max_steps, seen)
        ends = _distinct(model, seen.finished, own_floor)
        further = enumerate(more, len(starts))
        size = MORE if run.joins and model.streams else BATCH
        while not enough(ends) and (batch := list(islice(further, size))):
            run.all(batch, max_steps, seen)
            ends = _distinct(model, seen.finished, own_floor)
        return Found(ends, len(seen.finished), 0, 0)
    if model.rows.sample.distinct > MANY and run.tolerance > 0 and model.streams:
        return _screened(model, starts, run, max_steps, own_floor, seed)
    short = min(SHORT, max_steps)
    begun = [(number, run(number, start, short)) for number, start in enumerate(starts)]
    seen = Ends([pair for pair in begun if pair[1].converged])
    going = sorted((pair for pair in begun if not pair[1].converged), key=_depth)
    for number, first in going[:FINALISTS]:
        rest = run(number, first.parameters, max_steps - short, short, arrived=seen.arrived)
        seen.over(number, joined(first, rest))
    ends = _distinct(model, seen.finished, own_floor)
    return Found(ends, len(starts), len(going[FINALISTS:]), 0)


class Ends[S: Structure]:
    """The climbs that are over; another one that comes near the end of one of them stops there.

    >>> seen = Ends()
    >>> seen.arrived(fit.inside, fit.log_likelihood)
    False
    """

    below = SAME_HEIGHT

    def __init__(self, finished: Sequence[Numbered[S]] = ()) -> None:
        self.finished = list(finished)

    def heights(self) -> list[float]:
        """Return the heights of the ends that are optima."""
        return [float(end.trace[-1]) for _, end in self.finished if end.converged]

    def arrived(self, parameters: S, height: float) -> bool:
        """Return whether an end is so near that it is the same optimum."""
        return any(
            end.converged
            and 0 <= end.trace[-1] - height <= self.below
            and near(end.parameters, parameters)
            for _, end in self.finished
        )

    def over(self, number: int, climb: Climb[S]) -> None:
        """Note one more climb that is over."""
        self.finished.append((number, climb))


def _screened[S: Structure](
    model: Model[S],
    starts: Sequence[S],
    run: Climber[S],
    max_steps: int,
    own_floor: bool,
    seed: int,
) -> Found[S]:
    """Climb from every start on some of the rows, then from the ends of these climbs on all.

    An optimum of all the rows is nearly one of enough of them.
    """
    fewer = _of_some(model, SCREEN, np.random.default_rng([seed, 1]))  # not the starts' own seed
    quiet = replace(run, model=fewer, on_step=None)
    some = search(fewer, starts, quiet, max_steps, own_floor, seed)
    finalists = some.ends[:FINALISTS]
    begin = [(end.number, end.parameters) for end in finalists]
    reached = {end.number: end.starts for end in finalists}
    seen = Ends[S]()
    run.all(begin, max_steps, seen)
    ends = _distinct(model, seen.finished, own_floor, reached)
    abandoned = len(starts) - sum(reached.values())
    return Found(ends, len(starts), abandoned, fewer.rows.sample.observations)


def _of_some[S: Structure](model: Model[S], n: int, rng: np.random.Generator) -> Model[S]:
    """Return the model of n of the observations, drawn at random, in the same coordinates."""
    ranks = np.sort(rng.integers(int(model.counted.sum()), size=n))
    x, trials = observations_at(model.runs, model.counted, ranks)
    fewer = replace(model.question, data=Sample(x, trials))
    rows = rows_of(fewer.sample, model.emission, model.k, model.rows.units)
    return model_of(fewer, Threads(rows), hard=model.hard, prior=model.prior, floor=model.floor)


def _depth[S: Structure](pair: Numbered[S]) -> float:
    return -float(pair[1].trace[-1])


def joined[S: Structure](first: Climb[S], rest: Climb[S]) -> Climb[S]:
    """Return two climbs, the second from where the first ended, as one.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> run = Climber(model, accelerate=True, tolerance=0.0, on_step=None)
    >>> one = run(0, fit.inside, 2)
    >>> len(joined(one, run(0, one.parameters, 3)).trace)
    6
    """
    trace = np.concatenate([first.trace, rest.trace[1:]])
    return rest._replace(trace=trace, evaluations=first.evaluations + rest.evaluations)


def _distinct[S: Structure](
    model: Model[S],
    climbs: Sequence[Numbered[S]],
    own_floor: bool,
    reached: Mapping[int, int] = MappingProxyType({}),
) -> list[End[S]]:
    """Return one end for each optimum that was reached.

    reached: the number of starts that a climb represents, by its number; 1 if not given.
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
    """Return the end of one start's climb; labels stay as they are.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> run = Climber(model, accelerate=True, tolerance=1e-4, on_step=None)
    >>> ended(model, 3, run(3, fit.inside, 5)).empty
    array([False, False])
    """
    spike = spikes(model, climb.parameters, own_floor)
    empty = model.observations_of(climb.parameters) < NOBODY
    return End(climb, number, 1, spike, empty & ~spike)


def _rank[S: Structure](end: End[S], hard: bool) -> tuple[bool, bool, float]:
    """Return the key that sorts the best end first.

    An end with an empty component comes after an equally high one without. Under hard EM it comes
    after all: the maximum of the classification likelihood often has only one group.
    """
    empty = bool(end.empty.any())
    return bool(end.spike.any()), hard and empty, SAME_HEIGHT * empty - end.height


def in_order[S: Structure](model: Model[S], parameters: S) -> S:
    """Return working parameters in the label order that they have in the data's units.

    >>> from models.structure import permuted
    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> swapped = permuted(fit.inside, np.array([1, 0]))
    >>> in_order(model, swapped).theta.rate.round(1)
    array([1.1, 7.3])
    """
    whole = summing_to_one(parameters)
    return permuted(whole, label_order(model.outside(whole)))


def near[S: Structure](one: S, other: S) -> bool:
    """Whether two places are the same to within SAME_PLACE, whatever their labels.

    >>> from models import Mixture, Poisson
    >>> one = Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 5.0])))
    >>> near(one, Mixture(np.array([0.6, 0.4]), Poisson(np.array([5.01, 1.0]))))
    True
    """
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
