"""Many climbs of small models, each step taken for all of them at once.

One step of one climb of a few hundred rows takes longer to call than to compute. So climbs of the
same kind, from many starts and on many data sets, are the leading axis of the arrays of a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from em.climb.loop import DescentError
from em.climb.search import Climber, in_order
from em.climb.spikes import spikes
from em.climb.steps import LEAST_KEPT, Steps, joins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from em.model import Model
    from models.structure import Structure

__all__ = ["Top", "together"]

FINE, ROUGH = 1e-4, 1e-2  # Newton decrement, in standard errors, at which a climb is over
FARTHER = 20.0  # times the usual distance from zero of rough climbs: heights then lose 1e-7
THINNED = {20: 0.5, 50: 0.25, 120: 0.12}  # steps of rough climbs, and the part that then goes on


class Top[S: Structure](NamedTuple):
    """Where a climb ended, in working coordinates, labels in order.

    height: the log-likelihood there.
    start: the number of its start.
    converged: whether the estimated rest of the climb is below the tolerance.

    >>> Top(fit.inside, fit.log_likelihood, 0, True).converged
    True
    """

    parameters: S
    height: float
    start: int
    converged: bool


def together[S: Structure](
    models: Sequence[Model[S]],
    starts: Sequence[Sequence[S]],
    *,
    rough: bool = False,
    max_steps: int = 10_000,
) -> list[list[Top[S]]]:
    """Climb from starts of several models, and return where each model's climbs end, best first.

    The models ask the same of different data, in the same working coordinates and with the same
    floor. Steps, extrapolation and stopping are those of `em.climb.loop.climb`, so that the
    objective never falls. What cannot be stepped together is climbed one after the other: rows
    that depend on each other or have different shares, and components so far from zero that their
    statistics have to be expanded about them.

    starts: of each model, in working coordinates.
    rough: whether heights to 1e-4 are enough, and spikes do not matter, so that climbs that become
        one end on their way. A climb that cannot go on for rounding is then left out.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> [[top]] = together([model], [[fit.inside]])
    >>> round(top.height, 6) == round(fit.log_likelihood, 6), top.converged
    (True, True)
    """
    whose = [at for at, own in enumerate(starts) for _ in own]
    tolerance, reach = (ROUGH, FARTHER) if rough else (FINE, 1.0)
    begun = [start for own in starts for start in own]
    number = [index for own in starts for index in range(len(own))]
    found: list[list[Top[S]]] = [[] for _ in models]
    left: list[tuple[int, S]] = list(enumerate(begun))
    if begun and all(joins(model) for model in models):
        steps = Steps(models, np.array(whose), begun, reach=reach)
        ends = steps.climb(tolerance, max_steps, thinned=THINNED if rough else None)
        left = [(at, end.climb.parameters) for at, end in ends.items() if end.left]
        for at, (climb, alone) in ends.items():
            if not alone:
                placed, height = in_order(models[whose[at]], climb.parameters), climb.trace[-1]
                found[whose[at]].append(Top(placed, float(height), number[at], climb.converged))
    for at, model in enumerate(models):
        others = [
            Top(start, -np.inf, number[one], converged=False)
            for one, start in left
            if whose[one] == at
        ]
        if others:
            found[at] += _one_by_one(model, others, tolerance, max_steps, rough=rough)
    return [sorted(own, key=lambda top: -top.height) for own in found]


def _one_by_one[S: Structure](
    model: Model[S], begun: Sequence[Top[S]], tolerance: float, max_steps: int, *, rough: bool
) -> list[Top[S]]:
    """Climb on from some places one after the other; rough climbs are thinned as they go."""
    run = Climber(model, accelerate=True, tolerance=tolerance, on_step=None)
    going, over, done = list(begun), list[Top[S]](), 0
    if rough:
        going = _promising(model, going, len(going))
    for steps, part in [*(THINNED.items() if rough else ()), (max_steps, 1.0)]:
        ahead = [_ahead(run, top, steps - done, rough=rough) for top in going]
        reached = [top for top in ahead if top is not None]
        over += [top for top in reached if top.converged or steps == max_steps]
        going = [top for top in reached if not top.converged]
        if rough:
            going = _promising(model, going, max(LEAST_KEPT, round(part * len(begun))))
        done = steps
    return over


def _ahead[S: Structure](run: Climber[S], top: Top[S], steps: int, *, rough: bool) -> Top[S] | None:
    """Return where some steps lead; None if a rough climb cannot go on for rounding."""
    try:
        climbed = run(top.start, top.parameters, steps)
    except DescentError:
        if rough:
            return None
        raise
    placed, height = in_order(run.model, climbed.parameters), float(climbed.trace[-1])
    return Top(placed, height, top.start, climbed.converged)


def _promising[S: Structure](model: Model[S], tops: Sequence[Top[S]], most: int) -> list[Top[S]]:
    """Return the highest places that are no spikes, at most so many."""
    kept: list[Top[S]] = []
    for top in sorted(tops, key=lambda one: -one.height):
        if len(kept) < most and not spikes(model, top.parameters, own_floor=False).any():
            kept.append(top)
    return kept
