"""What EM's families of positive columns share: x over a point in place of x less a point."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from em.emission import Exponential
from models.family import Movable, Theta, first

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["PositiveEmission", "log1p_less", "log_ratio", "log_ratio_less"]

SMALL = 0.1  # below it the series of log1p has all digits after these terms
TERMS = (1 / 13, 1 / 11, 1 / 9, 1 / 7, 1 / 5, 1 / 3)
NEAR = 0.5  # of the point: nearer, x less the point has digits that x over the point has lost


def log_ratio(x: Array, point: Array) -> Array:
    """Return log(x / point), with all its digits where x is near the point.

    >>> log_ratio(np.array([1e9 + 1, 2e9]), np.array(1e9))
    array([9.99999999e-10, 6.93147181e-01])
    """
    away = (x - point) / point
    with np.errstate(divide="ignore"):
        return np.where(np.abs(away) < NEAR, np.log1p(away), np.log(x / point))


def log1p_less(away: Array) -> Array:
    """Return log(1 + away) - away, with all its digits where that is small.

    With s = away / (2 + away) it is -s away + 2 (s^3 / 3 + s^5 / 5 + ...).

    >>> log1p_less(np.array([1e-9, 1.0])).round(21)
    array([-5.00000000e-19, -3.06852819e-01])
    """
    s = away / (2 + away)
    square, series = s * s, np.zeros_like(s)
    for term in TERMS:
        series = series * square + term
    small = 2 * s * square * series - s * away
    with np.errstate(divide="ignore"):
        return np.where(np.abs(away) < SMALL, small, np.log1p(away) - away)


def log_ratio_less(x: Array, point: Array) -> Array:
    """Return log(x / point) - (x - point) / point, with all its digits.

    >>> log_ratio_less(np.array([1e9 + 1, 2e9]), np.array(1e9)).round(21)
    array([-5.00000000e-19, -3.06852819e-01])
    """
    away = (x - point) / point
    return np.where(np.abs(away) < SMALL, log1p_less(away), log_ratio(x, point) - away)


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
