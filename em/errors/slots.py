"""Slots of derivatives: for each component its entries of the shares, then its coordinates.

Not all slots are free: shares and probabilities sum to one, and a tied covariance is one for all.
The map from free coordinates to slots is linear, and so the delta method is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.family import entries, listed_entries
from models.structure import shares_of

if TYPE_CHECKING:
    from models.arrays import Array
    from models.structure import Coordinate, Structure

__all__ = ["Slots", "free_of", "reach", "room_of", "share_places", "slots_of"]


class Slots(NamedTuple):
    """What is known at one point, with w = K (s + m) slots.

    observed, complete: (w, w) information.
    score: (w,) gradient of the objective.
    entropy: sum over observations of -sum_k r_k log r_k.

    >>> Slots(observed=np.eye(4), complete=2 * np.eye(4), score=np.zeros(4), entropy=0.0).score
    array([0., 0., 0., 0.])
    """

    observed: Array
    complete: Array
    score: Array
    entropy: float


def share_places(structure: Structure) -> list[list[tuple[str, tuple[int, ...]]]]:
    """Return, component by component, the fields and places of its s entries of the shares.

    An entry belongs to the component of its last axis.

    >>> from models import Mixture, Poisson
    >>> share_places(Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 5.0]))))
    [[('weight', (0,))], [('weight', (1,))]]
    """
    shares = shares_of(structure)
    k = len(next(iter(structure.theta._asdict().values())))
    return [
        [
            (name, (*at, component))
            for name, field in shares.items()
            for at in np.ndindex(*field.shape[:-1])
        ]
        for component in range(k)
    ]


def slots_of(parameters: Structure) -> Array:
    """Return the value of each slot, (K, s + m).

    >>> from models import Mixture, Poisson
    >>> slots_of(Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 5.0]))))
    array([[0.4, 1. ],
           [0.6, 5. ]])
    """
    shares, fields = shares_of(parameters), entries(parameters.theta)
    k = len(next(iter(fields.values())))
    own = [np.moveaxis(field, -1, 0).reshape(k, -1) for field in shares.values()]
    for one in listed_entries(parameters.theta):
        at: tuple[slice | int, ...] = (slice(None), *one.place)
        own.append(fields[one.name][at].reshape(k, 1))
    return np.hstack(own)


def room_of(parameters: Structure) -> Array:
    """Return how far each slot is from 0, (K, s + m); infinitely where it is of no simplex.

    >>> from models import Mixture, Poisson
    >>> room_of(Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 5.0]))))
    array([[0.4, inf],
           [0.6, inf]])
    """
    shares, theta = shares_of(parameters), parameters.theta
    fields, layout = entries(theta), type(theta).layout()
    inner = listed_entries(theta)
    return np.array(
        [
            [*(shares[name][at] for name, at in places)]
            + [
                fields[one.name][(component, *one.place)] if layout[one.name].simplex else np.inf
                for one in inner
            ]
            for component, places in enumerate(share_places(parameters))
        ]
    )


def reach(free: Array, room: Array) -> Array:
    """Return the longest step along each free coordinate that stays within the room, (p,).

    free: (K, s + m, p) map from free coordinates to slots; room: (K, s + m).

    >>> reach(np.array([[[1.0, 0.0], [-2.0, 1.0]]]), np.array([[0.5, 0.4]]))
    array([0.2, 0.4])
    """
    ways = np.abs(free)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(ways > 0, room[:, :, None] / ways, np.inf)
    found: Array = parts.min(axis=(0, 1))
    return found


def free_of(structure: Structure, found: list[Coordinate], m: int) -> Array:
    """Return the linear map from free coordinates to the slots, (K, s + m, p).

    m: the number of coordinates of a component.

    >>> from models import Mixture, Poisson
    >>> from models.structure import coordinates
    >>> two = Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 5.0])))
    >>> free_of(two, coordinates(two), 1).reshape(4, 3).astype(int)
    array([[ 1,  0,  0],
           [ 0,  1,  0],
           [-1,  0,  0],
           [ 0,  0,  1]])
    """
    places = share_places(structure)
    k, s = len(places), len(places[0])
    slot = {
        place: (component, at)
        for component, own in enumerate(places)
        for at, place in enumerate(own)
    }
    free = np.zeros((k, s + m, len(found)))
    for column, coordinate in enumerate(found):
        if coordinate.share is not None:
            name, at = coordinate.share
            free[(*slot[name, at], column)] = 1
            free[(*slot[name, (*at[:-1], k - 1)], column)] = -1
        elif coordinate.component is None:
            free[:, s + coordinate.entry, column] = 1
        else:
            free[coordinate.component, s + coordinate.entry, column] = 1
            if coordinate.against >= 0:
                free[coordinate.component, s + coordinate.against, column] = -1
    return free
