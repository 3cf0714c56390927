"""Whether draws are those of the posterior: two identities that hold for no other density."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import arviz as az
import numpy as np

from bayes.engine import engine_of
from bayes.tree import mixture_of, question_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Target", "target"]

MOST = 2_000  # draws at which the gradient is taken, at even distances


class Target(NamedTuple):
    """How far draws are from being those of the posterior, in Monte Carlo standard errors.

    place: the largest of E[d_j log p] = 0; large if the draws sit elsewhere.
    width: the largest of E[(z_j - c_j) d_j log p] = -1; large if they are too narrow or too wide.
    """

    place: float
    width: float


def target(tree: xr.DataTree) -> Target:
    """Return how far a tree's draws are from being those of its likelihood and prior.

    With p the density of the explored coordinates z, which have no bounds, integration by parts
    says E[d_j log p] = 0 and E[(z_j - c) d_j log p] = -1 for any c, whatever the posterior looks
    like (Stein 1972; Gorham & Mackey 2015).

    Labels are those of the sampler: sorting draws would cut the
    density off where components meet.

    tree: of `bayes.sample`, or of `bayes.adopt` with its prior.
    """
    question = question_of(tree)
    engine = engine_of(question)
    mixture = mixture_of(tree, question.component.family)
    chains, draws = (tree["posterior"].sizes[dim] for dim in ("chain", "draw"))
    step = -(-chains * draws // MOST)
    positions = engine.pack(question, mixture).reshape(chains, draws, -1)[:, ::step]
    slopes = engine.slopes(question, positions.reshape(-1, positions.shape[2]))
    slopes = slopes.reshape(positions.shape)
    centred = positions - positions.mean(axis=1, keepdims=True)
    return Target(_worst(slopes), _worst(centred * slopes + 1))


def _worst(each: np.ndarray) -> float:
    """Return the largest mean of (chains, draws, p) numbers in its Monte Carlo standard errors."""
    if not np.isfinite(each).all():
        return np.inf
    found = []
    for column in np.moveaxis(each, 2, 0):
        error = float(az.mcse(column, method="mean")) if np.ptp(column) > 0 else 0.0
        found.append(abs(float(column.mean())) / error if error > 0 else np.inf)
    return max(found)
