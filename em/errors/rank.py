"""What the data leave open: directions of the parameters along which nothing changes.

The log density of every row in every group is a function of the p free parameters. Where the rank
of its derivatives is below p, other parameters give all rows the same density, and no number of
observations tells them apart. At an edge the derivatives are taken just inside.

Zeros can close such directions: where a parameter on an edge would have to leave the space to
either side, no other parameters are left that fit as well. Directions c that keep all parameters
within the space, A c >= 0, are a cone. How many zeros leave open is the dimension of its span: of
those c with a c = 0 for every row a of A that is 0 on all of the cone (Schrijver 1986, ch. 8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import logsumexp

from em.errors.edges import NEAR, off_edges
from em.errors.scores import AT_ONCE, complete_of, places_along
from em.errors.slots import reach, room_of
from em.model import densities
from models.structure import shares_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from em.model import Model
    from models.arrays import Array
    from models.structure import Structure

__all__ = ["Open", "open_of"]

STEP = 1e-3  # to either side, in standard errors of complete information
NOTHING = 1e-10  # square of a singular value, relative to the largest, that is rounding
MOVES = 1e-6  # part of a parameter's complete variance along open directions that is not rounding
MOST = 1 << 26  # derivatives, 512 MB
BLUR = 1e-2  # movement beyond an edge that may be due to taking derivatives just inside
REACH = 10.0  # of combinations: farther ones would turn that blur into movement
UNSEEN = 0.5  # of an observation, that a category stands for which was never seen
FREE = 0.5  # of the longest movement away from an edge: less is due to that blur


class Open(NamedTuple):
    """What the data leave open.

    directions: how many they are, with parameters on an edge free to leave it.
    inner: how many of them keep all parameters on their edges.
    spanned: how many of them the movements span that keep all parameters within the space.
    touched: (K, s + m) slots that move along these.
    slopes: (G m, p) derivatives of every row's log density in every group by the free coordinates.
    """

    directions: int
    inner: int
    spanned: int
    touched: NDArray[np.bool_]
    slopes: Array


def open_of[S: Structure](
    model: Model[S], parameters: S, free: Array, fixed: NDArray[np.bool_]
) -> Open | None:
    """Return what is open; None under a prior, or if units depend or are too many to look at.

    free: (K, s + m, p) map from free coordinates to slots; fixed: (K, s + m) slots on an edge.

    >>> from em import fit
    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.errors.slots import free_of
    >>> from em.model import model_of
    >>> from models import Categorical, Groups
    >>> from models.structure import coordinates
    >>> found = fit(Categorical, Groups.from_table([[9, 1, 5], [2, 6, 4]]), 2, starts=2)
    >>> with executor_for(found.question.sample, emission_of(found.family), 2) as workers:
    ...     model = model_of(found.question, workers, floor=found.floor)
    >>> free = free_of(found.inside, coordinates(found.inside), 3)
    >>> open_of(model, found.inside, free, np.zeros((2, 5), bool)).directions
    2
    """
    inside = off_edges(parameters, fixed | (room_of(parameters) < NEAR))
    here, p = _everywhere(model, inside), free.shape[2]
    bent = model.prior is not None  # what the data leave flat
    if bent or here is None or not p or here.size * p > MOST:
        return None
    flat = free.reshape(free.shape[0] * free.shape[1], p)
    complete = _bent_down(flat.T @ complete_of(model, inside, np.zeros_like(fixed)) @ flat)
    curved = np.abs(np.diagonal(complete))
    spread = 1 / np.sqrt(np.where(curved > 0, curved, 1))
    due = np.sqrt(_due(here, model.question.rows.counts.astype(np.float64)))
    room = np.where(fixed, np.minimum(room_of(inside), NEAR), room_of(inside))
    steps = np.minimum(STEP * spread, reach(free, room) / 2)
    slopes = _slopes(model, inside, here, free, steps)
    if not np.isfinite(slopes).all():  # a step has left the space: the eigenvalues have to say it
        return None
    scaled = due[:, None] * slopes * spread
    values, vectors = np.linalg.eigh(scaled.T @ scaled)
    level = spread[:, None] * vectors[:, values <= NOTHING * values[-1]]
    found = level.shape[1]
    if not found:
        return Open(0, 0, 0, np.zeros_like(fixed), slopes)
    level = np.linalg.solve(np.linalg.cholesky(level.T @ complete @ level), level.T).T
    most = (flat * np.linalg.solve(complete, flat.T).T).sum(axis=1)
    leaving = free[fixed] @ level
    leaving = leaving[_share(leaving, most[fixed.ravel()]) > MOVES]
    kept = found - (int(np.linalg.matrix_rank(leaving, rtol=BLUR)) if leaving.size else 0)
    level = level @ _spanned(leaving, found)
    touched = _share(flat @ level, most) > MOVES
    return Open(found, kept, level.shape[1], touched.reshape(fixed.shape), slopes)


def _due(here: Array, counts: Array) -> Array:
    """Return how often each distinct row is expected in each group, as parts of the group, (G m,).

    A row that was seen c times is one of c draws from the density of all groups, so that
    c p(row in group) / sum over groups p(row in group) are draws from the group's. What no
    parameter touches, such as 1 / x!, cancels, and so does the unit of x.

    here: (G m,) log p of every row in every group; counts: (m,).

    >>> _due(np.log([0.5, 0.5, 0.9, 0.1]), np.array([7.0, 3.0])).round(3)
    array([0.5, 0.5, 0.9, 0.1])
    """
    each = here.reshape(-1, len(counts))
    part = np.exp(each - logsumexp(each, axis=0)) * np.maximum(counts, UNSEEN)
    found: Array = part / part.sum(axis=1, keepdims=True)
    return found.ravel()


def _bent_down(complete: Array) -> Array:
    """Return an information with directions that curve upward, off a maximum, turned around.

    It is the metric in which directions are compared, and has to be positive definite.
    """
    values, vectors = np.linalg.eigh(complete)
    if not len(values) or values[0] > 0:
        return complete
    size = np.maximum(np.abs(values), np.finfo(float).eps * np.abs(values).max())
    found: Array = (vectors * size) @ vectors.T
    return found


def _share(moved: Array, most: Array) -> Array:
    """Return the part of each parameter's complete variance that lies along directions.

    moved: (w, f) how far directions move parameters; most: (w,) their complete variances.
    """
    part: Array = (moved**2).sum(axis=1) / np.where(most > 0, most, 1)
    return part


def _spanned(leaving: Array, found: int) -> Array:
    """Return what spans the combinations of directions that move no parameter beyond its edge.

    leaving: (e, f) how far directions move parameters from their edges. A combination c that moves
        none beyond has leaving c >= 0. Where none of them moves a parameter at all, leaving c = 0.

    >>> _spanned(np.array([[1.0, 0.0], [-1.0, 0.0]]), 2)
    array([[0.],
           [1.]])
    """
    from scipy.optimize import linprog  # at the top it would slow `import em`

    e, f = len(leaving), found
    if not e:
        return np.eye(f)
    moves = leaving / np.abs(leaving).max(axis=1, keepdims=True)
    # maximise the sum of t <= 1, t <= moves c: combinations add up, so that one has all of them
    best = linprog(
        np.repeat([0.0, -1.0], [f, e]),
        A_ub=np.hstack([-moves, np.eye(e)]),
        b_ub=np.zeros(e),
        bounds=[(-REACH, REACH)] * f + [(-BLUR, 1.0)] * e,
    )
    if not best.success:
        return np.eye(f)
    still = moves[best.x[f:] < FREE]
    if not len(still):
        return np.eye(f)
    _, sizes, turns = np.linalg.svd(still)
    rank = int((sizes > BLUR * sizes[0]).sum())
    return np.asarray(turns[rank:].T)


def _slopes[S: Structure](
    model: Model[S], inside: S, here: Array, free: Array, steps: Array
) -> Array:
    """Return the derivatives (G m, p) of every log density, by steps (p,) to both sides.

    Differences are those of the density and not of its logarithm: exact where shares and
    probabilities move. The derivatives are NaN where a step leaves the parameter space.
    """
    k, _, p = free.shape
    slopes = np.empty((len(here), p))
    size = max(1, AT_ONCE // max(2 * len(here), 2 * k * model.rows.end))
    for begin in range(0, p, size):
        some = slice(begin, begin + size)
        ways = np.moveaxis(free[:, :, some] * steps[some], 2, 0)
        each, theta = places_along(model, inside, np.concatenate([ways, -ways]))
        with np.errstate(all="ignore"):  # the logarithm of what a step has taken below 0
            try:
                log_density = densities(model.runs, model.emission, theta)
            except np.linalg.LinAlgError:
                return np.full_like(slopes, np.nan)
            found = model.grouping.everywhere(each, log_density.reshape(2 * len(ways), k, -1))
            assert found is not None
            ahead, behind = np.split(np.exp(found - here), 2)
            slopes[:, some] = (ahead - behind).T / (2 * steps[some])
    return slopes


def _everywhere[S: Structure](model: Model[S], parameters: S) -> Array | None:
    """Return log p of every row in every group without its base; None if units depend."""
    # the logarithm of a probability of 0, or of what a step has taken below
    with np.errstate(divide="ignore", invalid="ignore"):
        log_density = densities(model.runs, model.emission, parameters.theta)
        return model.grouping.everywhere(shares_of(parameters), log_density)
