"""The exact score of any structure, and its complete information, by Fisher's identity.

The score of the log-likelihood at theta is that of the expected log-likelihood of data and labels,
d Q(. | theta) / d . at theta (Fisher's identity). So a score costs one E-step, and the scores at
many places one E-step of arrays with a leading axis.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from em.by_rows import ByRows
from em.emission import Exponential
from em.errors.slots import share_places
from em.model import densities
from em.newton import Height
from em.structure import Expected
from models.family import entries, rebuilt, unflattened
from models.structure import shares_of, with_shares

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from em.model import Model, Statistics
    from models.arrays import Array
    from models.family import Theta
    from models.structure import Structure

__all__ = ["AT_ONCE", "complete_of", "moved", "places_along", "score_of", "scores_at"]

AT_ONCE = 1 << 16  # doubles of an array that is computed at once


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


def places_along[S: Structure](
    model: Model[S], parameters: S, ways: Array
) -> tuple[dict[str, Array], Theta]:
    """Return shares (N, ...) and a theta of N K components, N displacements (N, K, s + m) away.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> shares, theta = places_along(model, fit.inside, np.zeros((3, 2, 2)))
    >>> shares["weight"].shape, theta.rate.shape
    ((3, 2), (6,))
    """
    shares, used, (count, k, _) = {}, 0, ways.shape
    for name, field in shares_of(parameters).items():
        turned = np.moveaxis(field, -1, 0)  # slots begin with the component
        size = turned[0].size
        step = ways[:, :, used : used + size].reshape(count, *turned.shape)
        shares[name], used = field + np.moveaxis(step, 1, -1), used + size
    theta, chart = parameters.theta, model.emission.chart(parameters.theta)
    moves = unflattened(theta, ways[:, :, used:] @ chart.T)
    fields = [field + move for field, move in zip(entries(theta).values(), moves, strict=True)]
    flat = [field.reshape(count * k, *field.shape[2:]) for field in fields]
    return shares, rebuilt(type(theta), flat)


def _expected[S: Structure](
    model: Model[S], parameters: S, *, curved: bool
) -> tuple[Height, dict[str, Array]]:
    """Return the expected log density of data and labels by component, and the shares' own."""
    centre = model.emission.location(parameters.theta)
    _, found = model.expect_by_rows(parameters, centre)
    with np.errstate(divide="ignore", invalid="ignore"):
        height = _height(model, parameters.theta, found, curved=curved)
        return height, _with_prior(model, found.own)


def _with_prior(model: Model[Any], own: Mapping[str, Array]) -> dict[str, Array]:
    """Return the shares' statistics with the prior's added."""
    unseen = 0 if model.prior is None else model.prior.weight
    return {
        name: field + unseen if name in model.estimated else field for name, field in own.items()
    }


def _height(model: Model[Any], theta: Theta, found: Statistics, *, curved: bool) -> Height:
    """Return slope and curvature of the expected log density, in the family's coordinates.

    Its value is not looked at.

    curved: whether the curvature is wanted, which takes longest to write where labels are many.
    """
    emission = model.emission
    if isinstance(emission, ByRows):
        height = model.height(theta, found.sums)
        return emission.expected(theta, height, model.setting.prior, model.k)
    assert isinstance(emission, Exponential)
    full = model.complete(found.sums, found.sums[:, 0], found.centre)
    slope = np.einsum("kq,kqm->km", full, emission.slope(theta))
    curvature = emission.curvature(theta, full) if curved else np.empty(0)
    return Height(np.empty(0), slope, curvature)


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


def scores_at[S: Structure](
    model: Model[S], parameters: S, ways: Array, still: NDArray[np.bool_]
) -> Array:
    """Return the gradient at each of N places, (N, w), as `score_of` does.

    Where rows are few, a call takes longer than its arithmetic. So the places are taken together,
    as many as fit a cache. The gradient is NaN where a place is outside the parameter space.

    ways: (N, K, s + m) displacements in slots from the parameters to the places.
    still: (K, s + m) slots on an edge.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> none = np.zeros((2, 2), bool)
    >>> found = scores_at(model, fit.inside, np.zeros((3, 2, 2)), none)
    >>> np.allclose(found, score_of(model, fit.inside, none))
    True
    """
    count, k, _ = ways.shape
    found = np.full((count, still.size), np.nan)
    wide = max(model.rows.end, model.emission.chart(parameters.theta).size)
    size = AT_ONCE // (k * wide) if model.rows.blocks == 1 else 1
    for begin in range(0, count, max(size, 1)):
        some = slice(begin, begin + max(size, 1))
        try:
            if size < 2:
                found[some] = score_of(model, moved(model, parameters, ways[begin]), still)
            else:
                found[some] = _scores_together(model, parameters, ways[some], still)
        except np.linalg.LinAlgError:
            for at in range(begin, min(begin + size, count)) if size > 1 else ():
                with suppress(np.linalg.LinAlgError):
                    found[at] = score_of(model, moved(model, parameters, ways[at]), still)
    return found


def _scores_together[S: Structure](
    model: Model[S], parameters: S, ways: Array, still: NDArray[np.bool_]
) -> Array:
    """Return the gradients (N, w) from one E-step, whose theta has N K components."""
    shares, theta = places_along(model, parameters, ways)
    (count, k, _), centre = ways.shape, model.emission.location(theta)
    with np.errstate(all="ignore"):
        log_density = densities(model.runs, model.emission, theta)
        each = model.grouping.expect_each(shares, log_density.reshape(count, k, -1))
        occupancy = each.occupancy.reshape(count * k, -1)
        found = model.gathered(Expected(np.nan, occupancy, {}), centre, theta)
        inner = _height(model, theta, found, curved=False).slope.reshape(count, k, -1)
        own = _with_prior(model, each.own)
        outer = model.grouping.score_each(shares, own)
    by_component = [np.moveaxis(outer[name], -1, 1).reshape(count, k, -1) for name in shares]
    slopes = np.concatenate([*by_component, inner], axis=2)
    return np.where(still, 0, slopes).reshape(count, -1)


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
