"""Data drawn from an estimate, for the parametric bootstrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.emission import emission_of
from models.value_grid import step_of

if TYPE_CHECKING:
    from models.arrays import Array
    from models.structure import Structure, Units

__all__ = ["redrawn"]


def redrawn(estimate: Structure, data: Units, rng: np.random.Generator) -> Units:
    """Draw data of an estimate, laid out as those observed and recorded as finely.

    Measurements are rounded to the step to which the observed ones are, column by column: heights
    to the tenth of an inch have values in common, and a component on one value is a spike.

    >>> data = redrawn(fit.estimate, fit.question.data, np.random.default_rng(1))
    >>> data.sample.observations == fit.observations
    True
    """
    sample = data.sample
    rows = sample.rows_in_order
    trials = None if sample.trials is None else sample.trials[rows]
    labels = estimate.labels(data, np.arange(len(rows)), rng)
    x = estimate.theta.draw(labels, rng, trials)
    emission, d = emission_of(type(estimate.theta)), sample.dimension
    columns, seen = x.reshape(len(x), -1).copy(), sample.x.reshape(sample.distinct, -1)
    kept, kinds = emission.masses(x), zip(emission.placed(d), emission.scaled(d), strict=True)
    for own, observed, (placed, scaled) in zip(columns.T, seen.T, kinds, strict=True):
        if placed:
            least = float(observed[observed > 0].min()) if scaled else -np.inf
            own[~kept] = _rounded(own[~kept], observed, least=least)
    return data.like(columns.reshape(x.shape))


def _rounded(own: Array, observed: Array, least: float) -> Array:
    """Return the values (n,) of a column on the grid of those observed.

    least: what values that would be 0 or below on the grid become; -inf where they may be.
    """
    distinct = np.unique(observed[~np.isnan(observed)])
    step = step_of(distinct)
    if step == 0:
        return own
    found = distinct[0] + step * np.rint((own - distinct[0]) / step)
    return np.where(found > 0, found, least) if np.isfinite(least) else np.asarray(found)
