"""Observed information of any structure: the derivative of the exact score (Oakes 1999).

The derivative of the score (`em/errors/scores.py`) along a free coordinate is a difference of two
scores. Those of all coordinates are computed together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.errors.scores import complete_of, score_of, scores_at
from em.errors.slots import Slots, reach
from em.model import densities
from models.structure import shares_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from em.model import Model
    from models.arrays import Array
    from models.structure import Structure

__all__ = ["entropy_of", "oakes"]

STEP = 1e-3  # to either side, in standard errors of complete information; Richardson halves it


def oakes[S: Structure](
    model: Model[S],
    parameters: S,
    free: Array,
    fixed: NDArray[np.bool_] | None = None,
    *,
    room: Array | None = None,
) -> tuple[Slots, Array]:
    """Return complete information and score of all slots, and observed information (p, p).

    free: (K, s + m, p) map from free coordinates to slots.
    fixed: (K, s + m) slots on an edge, which are taken as constants; `free` moves none of them.
    room: (K, s + m) how far steps may move each slot, at most by half of it; anywhere by default.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.errors.slots import free_of
    >>> from em.model import model_of
    >>> from models.structure import coordinates
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> _, observed = oakes(model, fit.inside, free_of(fit.inside, coordinates(fit.inside), 1))
    >>> np.allclose(observed, fit.information, rtol=1e-4)
    True
    """
    still = np.zeros(free.shape[:2], np.bool_) if fixed is None else fixed
    score, complete = score_of(model, parameters, still), complete_of(model, parameters, still)
    flat = free.reshape(free.shape[0] * free.shape[1], free.shape[2])
    curved = np.abs(np.diagonal(flat.T @ complete @ flat))  # below 0 it may be, off a maximum
    spread = 1 / np.sqrt(np.where(curved > 0, curved, 1))
    steps = STEP * spread
    if room is not None:
        steps = np.minimum(steps, reach(free, room) / 2)
    far, near = (_slopes(model, parameters, free, one, still) for one in (steps, steps / 2))
    observed = -flat.T @ ((4 * near - far) / 3)  # Richardson: the error is of h^4
    observed = (observed + observed.T) / 2
    return Slots(np.empty((0, 0)), complete, score, entropy_of(model, parameters)), observed


def entropy_of[S: Structure](model: Model[S], parameters: S) -> float:
    """Return the entropy of the hidden components given the data."""
    with np.errstate(divide="ignore"):  # the logarithm of a share of 0
        log_density = densities(model.runs, model.emission, parameters.theta)
        return float(model.grouping.entropy(shares_of(parameters), log_density))


def _slopes[S: Structure](
    model: Model[S], parameters: S, free: Array, steps: Array, still: NDArray[np.bool_]
) -> Array:
    """Return the derivatives of the score along all free coordinates, (w, p).

    They are NaN where a step (p,) leaves the parameter space.
    """
    ways = np.moveaxis(free * steps, 2, 0)
    ahead, behind = np.split(scores_at(model, parameters, np.concatenate([ways, -ways]), still), 2)
    slopes: Array = (ahead - behind).T / (2 * steps)
    return slopes
