"""Free coordinates of parameters, in the order of a Fit's information, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from em.emission import emission_of
from models.family import components, entries, first, listed_entries, rebuilt, unflattened
from models.structure import coordinates, drawn_at, fields_of, free, shares_of, with_shares

if TYPE_CHECKING:
    from collections.abc import Collection

    from models.arrays import Array
    from models.family import Theta
    from models.prior import Prior
    from models.question import Question
    from models.structure import Structure

__all__ = ["coordinates_of", "displaced", "log_prior"]


def coordinates_of(structures: Structure, held: Collection[str] = ()) -> Array:
    """Return the free coordinates (n, p) of structures with a leading axis.

    held: fields of shares that are not estimated.

    >>> from models import Mixture, Poisson
    >>> draws = Mixture(np.array([[0.4, 0.6]]), Poisson(np.array([[1.0, 5.0]])))
    >>> coordinates_of(draws)
    array([[0.4, 1. , 5. ]])
    """
    one, fields = drawn_at(structures, 0), fields_of(structures)
    entry = listed_entries(one.theta)
    columns = []
    for coordinate in coordinates(one, held):
        if coordinate.share is not None:
            name, at = coordinate.share
        else:
            name, place, _ = entry[coordinate.entry]
            at = (coordinate.component or 0, *place)
        columns.append(_each(fields[name], at))
    n = len(first(structures.theta))
    return np.stack(columns, axis=1) if columns else np.empty((n, 0))


class Estimated[S: Structure](Protocol):
    """What was estimated, such as a Fit."""

    @property
    def question(self) -> Question[S, Any]:
        """What was asked."""
        ...

    @property
    def estimate(self) -> S:
        """The parameters."""
        ...

    @property
    def family(self) -> type[Theta]:
        """The family of the components."""
        ...


def displaced[S: Structure](fit: Estimated[S], steps: Array) -> S:
    """Return the structures (n, ...) at displacements (n, p) from an estimate, in its coordinates.

    They may lie outside the parameter space.

    >>> moved = displaced(fit, np.array([[0.0, 1.0, 0.0]]))
    >>> (moved.theta.rate - fit.estimate.theta.rate).round(6)
    array([[1., 0.]])
    """
    estimate, theta, n = fit.estimate, fit.estimate.theta, len(steps)
    k, chart = components(theta), emission_of(fit.family).chart(fit.estimate.theta)
    found = coordinates(estimate, fit.question.held)
    moved = np.tile(_flat(estimate), (n, 1, 1))
    shares = {
        name: np.repeat(field[None], n, axis=0) for name, field in shares_of(estimate).items()
    }
    for column, coordinate in zip(steps.T, found, strict=True):
        if coordinate.share is not None:
            name, at = coordinate.share
            _each(shares[name], at)[:] += column
            _each(shares[name], (*at[:-1], k - 1))[:] -= column
        else:
            who = coordinate.component
            which = slice(0, k) if who is None else slice(who, who + 1)
            way = chart[:, coordinate.entry]
            if coordinate.against >= 0:
                way = way - chart[:, coordinate.against]
            moved[:, which] += column[:, None, None] * way
    back = rebuilt(type(theta), unflattened(theta, moved))
    return with_shares(type(estimate), shares, back)


def log_prior(prior: Prior, structures: Structure, held: Collection[str] = ()) -> Array:
    """Return the log prior density (n,) of structures over `coordinates_of`, up to a constant.

    prior: as it was given, in the data's units.
    held: fields of shares that are not estimated.

    >>> from models import Mixture, Poisson, PoissonPrior, Prior
    >>> two = Mixture(np.ones((2, 1)), Poisson(np.array([[1.0], [3.0]])))
    >>> log_prior(Prior(0.0, PoissonPrior(events=0.0, exposure=0.5)), two).round(3)
    array([-0.5, -1.5])
    """
    theta, believed = structures.theta, prior.theta
    n, k = np.shape(first(theta))[:2]
    emission = emission_of(type(theta))
    flat = [field.reshape(-1, *field.shape[2:]) for field in entries(theta).values()]
    every = rebuilt(type(theta), flat)
    places = emission.location(every)
    if places is not None:  # squares of a large offset would cancel
        centre = np.atleast_1d(places.mean(axis=0))
        every, believed = emission.about(every, centre), emission.about(believed, centre)
    each = emission.log_prior(every, believed, k) + emission.log_measure(every)
    density: Array = each.reshape(n, k).sum(axis=1)
    shares = shares_of(structures)
    for name in free(type(structures), held):
        density = density + prior.weight * np.log(shares[name]).reshape(n, -1).sum(axis=1)
    return density


def _flat(structure: Structure) -> Array:
    """Return each component's entries, field by field, (K, M)."""
    fields = entries(structure.theta).values()
    k = components(structure.theta)
    return np.concatenate([field.reshape(k, -1) for field in fields], axis=1)


def _each(field: Array, at: tuple[int, ...]) -> Array:
    """Return a view of the entries at one place, for each index along the leading axis."""
    view: Array = np.moveaxis(field, 0, -1)[at]
    return view
