"""How many directions of the parameters the data can tell.

The log density of every unit is a function of the p free parameters. Where the rank of its
derivatives, (u, p), is below p, other parameters give all units the same density, and no number of
observations tells them apart. At an edge the derivatives are taken just inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.errors.edges import off_edges
from em.errors.oakes import complete_of, moved
from em.model import densities
from models.structure import shares_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from em.model import Model
    from models.arrays import Array
    from models.structure import Structure

__all__ = ["rank_of"]

STEP = 1e-3  # to either side, in standard errors of complete information
NOTHING = 1e-10  # square of a singular value, relative to the largest, that is rounding
MOST = 1 << 26  # derivatives, 512 MB


def rank_of[S: Structure](
    model: Model[S], parameters: S, free: Array, fixed: NDArray[np.bool_]
) -> int | None:
    """Return the rank of the derivatives; None if units depend on each other, or are too many.

    free: (K, s + m, p) map from free coordinates to slots; fixed: (K, s + m) slots on an edge.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.errors.slots import free_of
    >>> from em.model import model_of
    >>> from models.structure import coordinates
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> free = free_of(fit.inside, coordinates(fit.inside), 1)
    >>> rank_of(model, fit.inside, free, np.zeros((2, 2), bool))
    3
    """
    inside = off_edges(parameters, fixed)
    here = _heights(model, inside)
    if here is None or here.size * free.shape[2] > MOST:
        return None
    flat, none = free.reshape(-1, free.shape[2]), np.zeros_like(fixed)
    curved = np.abs(np.diagonal(flat.T @ complete_of(model, inside, none) @ flat))
    spread = 1 / np.sqrt(np.where(curved > 0, curved, 1))
    counts = np.sqrt(model.question.units.unit_counts)
    slopes = np.empty((len(here), len(spread)))
    for column, width in enumerate(spread):
        step = STEP * width * free[:, :, column]
        ahead, behind = (_heights(model, moved(model, inside, sign * step)) for sign in (1, -1))
        assert ahead is not None
        assert behind is not None
        slopes[:, column] = counts * (ahead - behind) / (2 * STEP)
    values = np.linalg.eigvalsh(slopes.T @ slopes)
    return int((values > NOTHING * values[-1]).sum())


def _heights[S: Structure](model: Model[S], parameters: S) -> Array | None:
    """Return the log density of each unit without its base, (u,); None if units depend."""
    with np.errstate(divide="ignore"):  # the logarithm of a probability of 0
        log_density = densities(model.runs, model.emission, parameters.theta)
        return model.grouping.heights(shares_of(parameters), log_density)
