"""What EM's families of positive columns share: x over a point in place of x less a point."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from em.emission import Exponential
from models.family import Movable, Theta, first

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["PositiveEmission", "log_ratio"]

NEAR = 0.5  # of the point: nearer, x less the point has digits that x over the point has lost


def log_ratio(x: Array, point: Array) -> Array:
    """Return log(x / point), with all its digits where x is near the point.

    >>> log_ratio(np.array([1e9 + 1, 2e9]), np.array(1e9))
    array([9.99999999e-10, 6.93147181e-01])
    """
    away = (x - point) / point
    with np.errstate(divide="ignore"):
        return np.where(np.abs(away) < NEAR, np.log1p(away), np.log(x / point))


class PositiveEmission[T: Theta](Exponential[T]):
    """A family of one positive column, whose first field is its location, in the unit of x.

    About a point c, T is of x / c.
    """

    located = True
    relative = True
    floor = 1e-9

    def about[R: Movable](self, record: R, points: Array) -> R:
        """Divide the location; a Theta's is 1 exactly if the point is its own."""
        moved = record.affine(1 / points, np.zeros(1))
        if isinstance(moved, self.family):
            own = first(moved)
            own[...] = first(cast("Theta", record)) / points
        return moved

    def back(self, theta: T, points: Array) -> T:
        """Multiply the location."""
        return theta.affine(points, np.zeros(1))

    def place(self, x: Array, trials: Array | None) -> Array:
        """The logarithm: groups differ by factors."""
        return np.log(x)

    def location(self, theta: T) -> Array:
        """The first field."""
        return first(theta)
