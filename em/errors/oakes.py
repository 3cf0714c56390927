"""Observed information of any structure: the derivative of the exact score (Oakes 1999).

By Fisher's identity the score of the log-likelihood at theta is that of the expected
log-likelihood of data and labels, d Q(. | theta) / d . at theta. So a score costs one E-step. The
derivative of the score along a free coordinate is a difference of two scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.by_rows import ByRows
from em.emission import Exponential
from em.errors.slots import Slots, share_places
from em.model import densities
from em.newton import Height
from models.family import entries, rebuilt, unflattened
from models.structure import shares_of, with_shares

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from em.model import Model
    from models.arrays import Array
    from models.structure import Structure

__all__ = ["complete_of", "moved", "oakes", "score_of"]

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
    observed = np.empty((flat.shape[1], flat.shape[1]))
    for column, width in enumerate(spread):
        step = STEP * width
        if room is not None:
            way = np.abs(free[:, :, column])
            step = min(step, float(np.min(room[way > 0] / way[way > 0])) / 2)
        far, near = (
            _difference(model, parameters, free[:, :, column], size, still)
            for size in (step, step / 2)
        )
        observed[:, column] = -flat.T @ ((4 * near - far) / 3)  # Richardson: the error is of h^4
    observed = (observed + observed.T) / 2
    return Slots(np.empty((0, 0)), complete, score, entropy_of(model, parameters)), observed


def entropy_of[S: Structure](model: Model[S], parameters: S) -> float:
    """Return the entropy of the hidden components given the data."""
    with np.errstate(divide="ignore"):  # the logarithm of a share of 0
        log_density = densities(model.runs, model.emission, parameters.theta)
        return float(model.grouping.entropy(shares_of(parameters), log_density))


def _difference[S: Structure](
    model: Model[S], parameters: S, way: Array, step: float, still: NDArray[np.bool_]
) -> Array:
    """Return the derivative of the score along a direction in slots (K, s + m).

    It is NaN where a step leaves the parameter space.
    """
    try:
        ahead, behind = (
            score_of(model, moved(model, parameters, sign * step * way), still) for sign in (1, -1)
        )
    except np.linalg.LinAlgError:
        return np.full(way.size, np.nan)
    return (ahead - behind) / (2 * step)


def moved[S: Structure](model: Model[S], parameters: S, way: Array) -> S:
    """Return the parameters that lie a displacement in slots, (K, s + m), away.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> there = moved(model, fit.inside, np.array([[0.1, 0.0], [-0.1, 0.0]]))
    >>> (there.weight - fit.inside.weight).round(6)
    array([ 0.1, -0.1])
    """
    shares, used = {}, 0
    for name, field in shares_of(parameters).items():
        turned = np.moveaxis(field, -1, 0)  # slots begin with the component
        size = turned[0].size
        step = way[:, used : used + size].reshape(turned.shape)
        shares[name], used = field + np.moveaxis(step, 0, -1), used + size
    theta, chart = parameters.theta, model.emission.chart(parameters.theta)
    moves = unflattened(theta, way[:, used:] @ chart.T)
    fields = [field + move for field, move in zip(entries(theta).values(), moves, strict=True)]
    return with_shares(type(parameters), shares, rebuilt(type(theta), fields))


def _expected[S: Structure](
    model: Model[S], parameters: S, *, curved: bool
) -> tuple[Height, dict[str, Array]]:
    """Return the expected log density of data and labels by component, and the shares' own.

    Its slope and curvature are in the family's coordinates; its value is not looked at.

    curved: whether the curvature is wanted, which takes longest to write where labels are many.
    """
    theta, emission = parameters.theta, model.emission
    centre = emission.location(theta)
    _, found = model.expect_by_rows(parameters, centre)
    unseen = 0 if model.prior is None else model.prior.weight
    own = {
        name: field + unseen if name in model.estimated else field
        for name, field in found.own.items()
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        if isinstance(emission, ByRows):
            height = model.height(theta, found.sums)
            return emission.expected(theta, height, model.setting.prior, model.k), own
        assert isinstance(emission, Exponential)
        full = model.complete(found.sums, found.sums[:, 0], centre)
        slope = np.einsum("kq,kqm->km", full, emission.slope(theta))
        curvature = emission.curvature(theta, full) if curved else np.empty(0)
        return Height(np.empty(0), slope, curvature), own


def score_of[S: Structure](model: Model[S], parameters: S, still: NDArray[np.bool_]) -> Array:
    """Return the gradient of the objective in slots, (w,), by Fisher's identity; 0 on an edge.

    still: (K, s + m) slots on an edge.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> slopes = score_of(model, fit.inside, np.zeros((2, 2), bool))
    >>> bool(abs(slopes[0] - slopes[2]) < 0.01)  # one share rises as the other falls
    True
    """
    (_, inner, _), own = _expected(model, parameters, curved=False)
    with np.errstate(divide="ignore", invalid="ignore"):
        outer = model.grouping.score(shares_of(parameters), own)
    by_component = [
        np.moveaxis(outer[name], -1, 0).reshape(len(inner), -1) for name in shares_of(parameters)
    ]
    return np.where(still, 0, np.hstack([*by_component, inner])).ravel()


def complete_of[S: Structure](model: Model[S], parameters: S, still: NDArray[np.bool_]) -> Array:
    """Return the complete information of all slots, (w, w); 0 on an edge.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> complete_of(model, fit.inside, np.zeros((2, 2), bool)).shape
    (4, 4)
    """
    (_, _, curvature), own = _expected(model, parameters, curved=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        among = model.grouping.curvature(shares_of(parameters), own)
    places, m = share_places(parameters), curvature.shape[1]
    s, index = len(places[0]), _indices(shares_of(parameters))
    complete = np.zeros((len(places) * (s + m),) * 2)
    for component, block in enumerate(curvature):
        inner = slice(component * (s + m) + s, (component + 1) * (s + m))
        complete[inner, inner] = block
    slots = [component * (s + m) + at for component in range(len(places)) for at in range(s)]
    entries = [index[name][place] for row in places for name, place in row]
    complete[np.ix_(slots, slots)] = among[np.ix_(entries, entries)]
    fixed = still.ravel()
    return np.where(fixed | fixed[:, None], 0, complete)


def _indices(shares: Mapping[str, Array]) -> dict[str, NDArray[np.intp]]:
    """Return the index of every entry among those of all fields, field by field."""
    found, start = {}, 0
    for name, field in shares.items():
        found[name] = start + np.arange(field.size).reshape(field.shape)
        start += field.size
    return found
