"""Whether draws come from the posterior: a test by identities of its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bayes.posterior.effective import mean_errors
from bayes.posterior.labels import align_by_assignment, members_of
from bayes.posterior.tree import Posterior, posterior_of
from bayes.sampling.compiled import engine_of
from models.structure import drawn_at, permuted

if TYPE_CHECKING:
    import xarray as xr

    from bayes.sampling.compiled import Engine
    from models.arrays import Array
    from models.question import Question
    from models.structure import Structure

__all__ = [
    "Probed",
    "Target",
    "identities",
    "probed_of",
    "target",
    "target_of",
    "worst_violations",
]

MOST = 2_000  # draws at which the gradient is taken, at even distances
PAIRED = 30  # coordinates of which every pair is looked at


class Target(NamedTuple):
    """The largest violations of the posterior's identities, in Monte Carlo standard errors.

    place: the largest of E[d_j log p] = 0; large if the draws have another location.
    shape: the largest of E[(z_i - c_i) d_j log p] = -delta_ij; large if the draws are too narrow or
        too wide, or have other correlations.

    >>> place, shape = target(posterior)
    >>> place < 5, shape < 5
    (True, True)
    """

    place: float
    shape: float


def target(tree: xr.DataTree) -> Target:
    """Test whether a tree's draws come from its likelihood and prior.

    Let p be the density of the working coordinates z, which have no bounds. Integration by parts
    gives E[d_j log p] = 0 and E[(z_i - c_i) d_j log p] = -delta_ij for any c and any posterior
    (Stein 1972; Gorham & Mackey 2015).

    tree: of `bayes.sample`, or of `bayes.adopt` with its prior.

    >>> max(target(posterior)) < 5
    True
    """
    return target_of(posterior_of(tree))


def target_of(posterior: Posterior) -> Target:
    """Test whether draws come from their likelihood and prior.

    >>> max(target_of(posterior_of(posterior))) < 5
    True
    """
    probed = probed_of(posterior, MOST)
    terms = identities(probed.positions, probed.slopes)
    return Target(*worst_violations(terms))


class Probed(NamedTuple):
    """Draws at even distances: as structures, as positions, and the gradient there.

    structures: each field (n, ...), under labels that cut off no part of the density.
    positions, slopes: (chains, draws, p).

    >>> probed_of(posterior_of(posterior), 100).slopes.shape
    (4, 25, 3)
    """

    structures: Structure
    positions: Array
    slopes: Array


def probed_of(posterior: Posterior, most: int) -> Probed:
    """Return at most so many draws of all chains, with the gradient of their log density.

    >>> probed_of(posterior_of(posterior), 100).positions.shape
    (4, 25, 3)
    """
    question, (chains, draws) = posterior.question, posterior.sizes
    step = -(-chains * draws // most)
    kept = np.arange(chains * draws).reshape(chains, draws)[:, ::step]
    engine = engine_of(question)
    free = _free_of_edges(engine, question, drawn_at(posterior.as_drawn, kept.ravel()))
    slopes = engine.slopes(question, free)
    positions, slopes = (one.reshape(*kept.shape, -1) for one in (free, slopes))
    return Probed(engine.structures(question, free), positions, slopes)


def identities(positions: Array, slopes: Array) -> tuple[Array, Array]:
    """Return what has the mean 0 over draws, (chains, draws, m) of place and of shape.

    positions, slopes: (chains, draws, p) coordinates and gradients of the log density.

    >>> place, shape = identities(*probed_of(posterior_of(posterior), 100)[1:])
    >>> place.shape, shape.shape
    ((4, 25, 3), (4, 25, 9))
    """
    centred = (positions - positions.mean(axis=(0, 1)))[..., :PAIRED, None]
    p = centred.shape[2]
    products = centred * slopes[..., None, :PAIRED] + np.eye(p)
    rest = (positions - positions.mean(axis=(0, 1)))[..., PAIRED:] * slopes[..., PAIRED:] + 1
    both = [products.reshape(*positions.shape[:2], -1), rest]
    return slopes, np.concatenate(both, axis=2)


def worst_violations(terms: tuple[Array, Array]) -> tuple[float, float]:
    """Return the largest means of both kinds of terms, in their Monte Carlo standard errors.

    >>> max(worst_violations(identities(*probed_of(posterior_of(posterior), 2_000)[1:]))) < 5
    True
    """
    place, shape = terms
    return _worst(place), _worst(shape)


def _free_of_edges(engine: Engine, question: Question[Any, Any], structures: Structure) -> Array:
    """Return positions of draws under labels that cut off no part of the density.

    Sorted draws have a density that ends where two components are equal. So labels are matched by
    memberships instead. If some labels are still ambiguous, they are drawn at random, because the
    density is the same under any labelling.
    """
    positions = engine.pack(question, structures)
    if question.k == 1 or not question.structure.exchangeable():
        return positions
    shares, counts = members_of(engine, question, positions)
    found = align_by_assignment(shares, counts, pivot=0)
    order = found.permutation
    if found.ambiguous.any():
        order = np.random.default_rng(0).random(order.shape).argsort(axis=1)
    return engine.pack(question, permuted(structures, order))


def _worst(each: np.ndarray) -> float:
    """Return the largest mean of (chains, draws, m) numbers in its Monte Carlo standard errors."""
    if each.shape[2] == 0:
        return 0.0
    if not np.isfinite(each).all():
        return np.inf
    constant = np.ptp(each, axis=(0, 1)) == 0
    if constant.any():
        return np.inf
    errors = mean_errors(np.moveaxis(each, 2, 0))
    return float((np.abs(each.mean(axis=(0, 1))) / errors).max())
