"""Mixtures as points: their free coordinates, in the order of a Fit's information, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.emission import emission_of
from models import Mixture, Prior
from models.family import Theta, entries, rebuilt
from models.mixture import take

if TYPE_CHECKING:
    from em.emission import Emission
    from em.result import Fit
    from models.arrays import Array

__all__ = ["coordinates_of", "displaced", "log_prior"]

type Moves = list[tuple[slice, int]]


def coordinates_of[T: Theta](mixtures: Mixture[T], *, equal_weights: bool) -> Array:
    """Return the free coordinates (n, p) of mixtures with a leading axis: all shares but the last,
    each component's free entries, then those that components share.
    """
    n, k = mixtures.weight.shape
    one = take(mixtures, 0).theta
    emission = emission_of(type(one))
    fields = entries(mixtures.theta)
    inner = emission.coordinates(one)
    columns = [] if equal_weights else [mixtures.weight[:, at] for at in range(k - 1)]
    for component, at in _places(emission, one, k):
        name, place, _ = inner[at]
        columns.append(fields[name][(slice(None), component.start, *place)])
    return np.stack(columns, axis=1) if columns else np.empty((n, 0))


def displaced[T: Theta](fit: Fit[T], steps: Array) -> Mixture[T]:
    """Return the mixtures (n, K) that lie steps (n, p) of its coordinates away from an estimate.

    They may lie outside the parameter space.
    """
    theta, n = fit.mixture.theta, len(steps)
    emission, k = emission_of(type(theta)), len(fit.mixture.weight)
    chart = emission.chart(theta)
    shares = k - 1 if any(name.startswith("weight") for name in fit.coordinates) else 0
    weight = np.tile(fit.mixture.weight, (n, 1))
    weight[:, :shares] += steps[:, :shares]
    weight[:, -1] -= steps[:, :shares].sum(axis=1)
    fields = list(entries(theta).values())
    flat = np.concatenate([field.reshape(k, -1) for field in fields], axis=1)
    moved = np.tile(flat, (n, 1, 1))
    for column, (which, at) in enumerate(_places(emission, theta, k), start=shares):
        moved[:, which] += steps[:, column, None, None] * chart[:, at]
    cuts = np.cumsum([field[0].size for field in fields])[:-1]
    parts = np.split(moved, cuts, axis=2)
    back = [part.reshape(n, *field.shape) for part, field in zip(parts, fields, strict=True)]
    return Mixture(weight, rebuilt(type(theta), back))


def log_prior[T: Theta](prior: Prior, mixtures: Mixture[T], *, equal_weights: bool) -> Array:
    """Return the log prior density (n,) of mixtures over `coordinates_of`, up to a constant.

    prior: as it was given, in the data's units.
    """
    n, k = mixtures.weight.shape
    emission = emission_of(type(mixtures.theta))
    fields = [field.reshape(-1, *field.shape[2:]) for field in entries(mixtures.theta).values()]
    theta, believed = rebuilt(type(mixtures.theta), fields), prior.theta
    places = emission.location(theta)
    if places is not None:  # squares of a large offset would cancel
        centre = np.atleast_1d(places.mean(axis=0))
        one = np.ones(len(centre))
        theta, believed = theta.affine(one, -centre), believed.affine(one, -centre)
    each = emission.natural(theta) @ emission.unseen(believed, k) + emission.log_measure(theta)
    shares = 0.0 if equal_weights else prior.weight * np.log(mixtures.weight).sum(axis=1)
    density: Array = each.reshape(n, k).sum(axis=1) + shares
    return density


def _places[T: Theta](emission: Emission[T], theta: T, k: int) -> Moves:
    """Return, coordinate by coordinate, whose it is and which of a component's."""
    inner = list(enumerate(emission.coordinates(theta)))
    own = [
        (slice(component, component + 1), at)
        for component in range(k)
        for at, (_, _, shared) in inner
        if not shared
    ]
    return own + [(slice(0, k), at) for at, (_, _, shared) in inner if shared]
