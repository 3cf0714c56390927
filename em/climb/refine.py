"""The last part of a climb: on until the Newton decrement is below the tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from em.climb.search import in_order, joined
from em.errors.information import information_of, unavailable

if TYPE_CHECKING:
    from em.climb.search import Climber, End
    from em.errors.information import Information
    from em.model import Model
    from models.structure import Structure

__all__ = ["information_at", "refined"]

REFINE = 3  # times a climb is taken further when the Newton decrement says that it stopped early


def refined[S: Structure](
    run: Climber[S], best: End[S], max_steps: int
) -> tuple[End[S], Information[S]]:
    """Climb on from an end for as long as its Newton decrement is above the tolerance.

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
    for more in range(1, REFINE + 1):
        if not (best.climb.converged and known.decrement > run.tolerance):
            break
        rest = run(best.number, best.parameters, max_steps - best.steps, best.steps, 10.0**more)
        placed = rest._replace(parameters=in_order(run.model, rest.parameters))
        best = best._replace(climb=joined(best.climb, placed))
        known = information_at(run.model, best)
    if known.decrement > run.tolerance > 0:  # the rest is below the objective's rounding
        best = best._replace(climb=best.climb._replace(converged=False))
    return best, known


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
    'a component is a spike, where the likelihood has no maximum'
    """
    parameters, reason = end.parameters, None
    if model.hard:
        reason = "hard EM does not maximise the likelihood, so that no information belongs to it"
    elif end.spike.any():
        reason = "a component is a spike, where the likelihood has no maximum"
    elif end.empty.any() or (parameters.overall(model.question.data) == 0).any():
        reason = "a component is empty, so that its parameters mean nothing"
    if reason:
        return unavailable(model, parameters, reason)
    return information_of(model, parameters)
