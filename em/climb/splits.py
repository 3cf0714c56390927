"""Starts with one component more: each component of an optimum divided in two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.model import densities
from em.structure import Expected
from models.family import entries, rebuilt
from models.structure import shares_of, with_shares

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

    from em.model import Model
    from models.arrays import Array
    from models.structure import Structure

__all__ = ["splits", "twinned"]

CUTS = (0.5, 0.1, 0.9)  # parts of a component's observations below the cut
FEWEST = 0.5  # expected observations of a part
SHRINK = 1.0  # observations of average data added to each part, so that none is a point


def splits[S: Structure](fewer: Model[S], parameters: S, more: Model[S]) -> Iterator[S]:
    """Yield starts of K + 1 components, each with one of K components divided in two.

    A component's observations, as many as it is expected to have of each row, are cut along its
    longest axis: in the middle, and near either end, as a group that was not seen may be small.
    Where components have a width, its inner half is also parted from its outer one. Either part
    gets the shares of the whole in proportion to its size, and parameters by the M-step.

    fewer, more: the models of K and of K + 1 components, for the same rows in the same coordinates.
    parameters: K components, in working coordinates.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> from models.question import asked
    >>> few, many = fit.question, asked(fit.family, fit.question.data, 3)
    >>> with executor_for(few.sample, emission_of(fit.family), 3) as workers:
    ...     models = [model_of(one, workers, floor=fit.floor) for one in (few, many)]
    >>> starts = list(splits(models[0], fit.inside, models[1]))
    >>> len(starts), starts[0].weight.round(2), starts[0].theta.rate.round(1)
    (6, array([0.43, 0.15, 0.42]), array([0.7, 2.5, 7.3]))
    """
    blocks = list(fewer.rows.all())
    places = [fewer.emission.place(one.x, one.trials).reshape(len(one.x), -1) for one in blocks]
    each = [np.ones(len(one.x)) if one.counts is None else one.counts for one in blocks]
    place, counts = np.concatenate(places), np.concatenate(each)
    with np.errstate(all="ignore"):
        heights = densities(fewer.runs, fewer.emission, parameters.theta)
        found = fewer.grouping.expect(shares_of(parameters), heights, hard=False)
    occupancy = np.array(found.occupancy)
    average = SHRINK * counts / counts.sum()
    for component, own in enumerate(occupancy):
        for inside in _cuts(place, own, located=fewer.emission.located):
            part, rest = own * inside, own * ~inside
            sizes = np.array([part.sum(), rest.sum()])
            if sizes.min() < FEWEST:
                continue
            divided = np.insert(occupancy, component, 0.0, axis=0)
            divided[component], divided[component + 1] = part + average, rest + average
            begin = more.grouping.begin(divided.sum(axis=1))
            theta = more.begin_from(Expected(np.nan, divided, begin)).theta
            shares = _divided(parameters, component, sizes / sizes.sum())
            even = {name: field for name, field in more.even.items() if name in shares}
            yield with_shares(type(parameters), shares | even, theta)


def twinned[S: Structure](parameters: S, held: Collection[str]) -> S:
    """Return K + 1 components, the first two of which are alike and share what the first one had.

    Where K components are a special case of K + 1, this is the same model.

    held: the fields of shares that are fixed at 1 / K.

    >>> two = twinned(fit.estimate, held=())
    >>> two.weight.round(2), two.theta.rate.round(1)
    (array([0.29, 0.29, 0.42]), array([1.1, 1.1, 7.3]))
    """
    shares = _divided(parameters, 0, np.array([0.5, 0.5]))
    for name in held:
        shares[name] = np.full_like(shares[name], 1 / shares[name].shape[-1])
    fields = [np.concatenate([field[:1], field]) for field in entries(parameters.theta).values()]
    return with_shares(type(parameters), shares, rebuilt(type(parameters.theta), fields))


def _cuts(place: Array, own: Array, *, located: bool) -> Iterator[NDArray[np.bool_]]:
    """Yield which rows (m,) are in the first part of a component.

    place: (m, d) where each row lies; own: (m,) how often it is expected in the component.
    """
    if not own.sum() > 0:
        return
    centred = place - own @ place / own.sum()
    axis = np.linalg.eigh((centred * own[:, None]).T @ centred)[1][:, -1]
    along = centred @ (axis if axis[np.abs(axis).argmax()] > 0 else -axis)
    for cut in CUTS:
        yield along <= _quantile(along, own, cut)
    if located:
        away = np.abs(along)
        yield away <= _quantile(away, own, 0.5)


def _quantile(values: Array, weights: Array, part: float) -> float:
    """Return the value below or at which a part of the weight lies."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    at = min(int(np.searchsorted(reached, part * reached[-1])), len(order) - 1)
    return float(values[order[at]])


def _divided(parameters: Structure, component: int, sizes: Array) -> dict[str, Array]:
    """Return shares of K + 1 components: the two parts share what the whole had.

    Along the last axis, a simplex over components, it is divided; along others it is repeated.
    """
    found = {}
    for name, axes in type(parameters).axes().items():
        field = np.asarray(shares_of(parameters)[name], np.float64)
        for axis, kind in enumerate(axes):
            if not kind.startswith("component"):
                continue
            field = np.insert(field, component, np.take(field, component, axis), axis)
            if axis == len(axes) - 1:
                field[..., component] *= sizes[0]
                field[..., component + 1] *= sizes[1]
        found[name] = field
    return found
