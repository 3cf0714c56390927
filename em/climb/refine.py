"""The last part of a climb: on until the Newton decrement is below the tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.climb.search import in_order, joined
from em.errors.edges import edge_slots, off_edges
from em.errors.information import information_of, unavailable

if TYPE_CHECKING:
    from em.climb.search import Climber, End
    from em.errors.information import Information
    from em.model import Model
    from models.structure import Structure

__all__ = ["information_at", "refined"]

STEPS = (0.1, 0.03, 0.01, 0.001, 0.0001)  # off an edge from which the likelihood rises
REFINE = 3  # times a climb is taken further when the Newton decrement says that it stopped early


def refined[S: Structure](
    run: Climber[S], best: End[S], max_steps: int
) -> tuple[End[S], Information[S]]:
    """Climb on from an end for as long as its Newton decrement is above the tolerance.

    So does a climb whose likelihood rises away from an edge: next to it steps are so short that
    they look like the last ones.

    >>> from em.climb.search import Climber, ended
    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> run = Climber(model, accelerate=True, tolerance=1e-8, on_step=None)
    >>> _, known = refined(run, ended(model, 0, run(0, fit.inside, 5)), 100)
    >>> known.decrement < 1e-8
    True
    """
    known = information_at(run.model, best)
    finer = lifts = 0
    while lifts <= REFINE:
        lifted = _lifted(run.model, best, known) if run.tolerance > 0 else None
        early = best.climb.converged and known.decrement > run.tolerance
        if lifted is None and (not early or finer == REFINE):
            break
        finer, lifts = finer + (lifted is None), lifts + (lifted is not None)
        begin = best.parameters if lifted is None else lifted
        rest = run(best.number, begin, max_steps - best.steps, best.steps, 10.0**finer)
        placed = rest._replace(parameters=in_order(run.model, rest.parameters))
        best = best._replace(climb=joined(best.climb, placed))
        known = information_at(run.model, best)
    if known.decrement > run.tolerance > 0:  # the rest is below the objective's rounding
        best = best._replace(climb=best.climb._replace(converged=False))
    return best, known


def _lifted[S: Structure](model: Model[S], end: End[S], known: Information[S]) -> S | None:
    """Return an end moved off edges from which the likelihood rises; None if nothing is higher."""
    rising = [at for at, edge in enumerate(known.edges) if edge.slope < 0]
    if not rising or not end.climb.converged:
        return None
    fixed = edge_slots(model, end.parameters)
    lifted = np.zeros_like(fixed)
    lifted[tuple(np.argwhere(fixed)[rising].T)] = True
    tried = [off_edges(end.parameters, lifted, step) for step in STEPS]
    heights = [model.expect(one)[0] for one in tried]
    best = int(np.argmax(heights))
    return tried[best] if heights[best] > end.height else None


def information_at[S: Structure](model: Model[S], end: End[S]) -> Information[S]:
    """Return the information at an end, or the reason why there is none.

    >>> from em.climb.search import Climber, ended
    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> run = Climber(model, accelerate=True, tolerance=1e-4, on_step=None)
    >>> end = ended(model, 0, run(0, fit.inside, 5))._replace(spike=np.array([True, False]))
    >>> information_at(model, end).reason
    'a group is a spike, where the likelihood has no maximum'
    """
    parameters, noun, reason = end.parameters, model.question.noun, None
    if model.hard:
        reason = "hard EM does not maximise the likelihood"
    elif end.spike.any():
        reason = f"a {noun} is a spike, where the likelihood has no maximum"
    elif end.empty.any() or (parameters.overall(model.question.data) == 0).any():
        reason = f"a {noun} is empty, so its parameters are not determined"
    if reason:
        return unavailable(model, parameters, reason)
    return information_of(model, parameters)
