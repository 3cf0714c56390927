"""EM's log-likelihood at parameters that EM did not find: those of posterior draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.emission import emission_of
from em.mixture import model_of
from em.rows import crew, rows_of
from models.family import Array, Theta
from models.mixture import enough, observed, take

if TYPE_CHECKING:
    from models import Mixture, Sample

__all__ = ["log_likelihood"]

NARROWEST = 1e-150  # in units of the rows; what squares to nothing has no density


def log_likelihood[T: Theta](family: type[T], sample: Sample, mixtures: Mixture[T]) -> Array:
    """Return the log-likelihood (n,) of n mixtures, by the E-step that EM climbs with.

    mixtures: weight (n, K), and each field of theta (n, K, ...).
    """
    observed(family, sample)
    weight = np.asarray(mixtures.weight, np.float64)
    enough(sample, weight.shape[1])
    emission, d = emission_of(family), sample.dimension
    rows = rows_of(sample, emission, weight.shape[1])
    floor = NARROWEST * (np.eye(d) if sample.x.ndim == 2 else np.ones(d))
    with crew(rows) as workers:
        model = model_of(
            emission,
            rows,
            workers,
            weight.shape[1],
            hard=False,
            equal_weights=False,
            prior=None,
            floor=floor,
        )
        each = (rows.units.inside(take(mixtures, at)) for at in range(len(weight)))
        heights = [model.expect(one)[0] for one in each]
    return np.array(heights)
