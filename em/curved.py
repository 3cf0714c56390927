"""Families with one number a field and a component: their M-step takes Newton's steps."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from em.by_rows import ByRows, Setting
from em.newton import Height, highest_of
from models.family import Theta, entries, rebuilt

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.arrays import Array
    from models.sample import Part

__all__ = ["Curved", "log_normal"]


class Curved[T: Theta](ByRows[T]):
    """A family of which each field has one number a component, and no statistics.

    Its coordinates are the fields.

    >>> from em.emission import emission_of
    >>> from models import NegativeBinomial, Sample
    >>> emission, rows = emission_of(NegativeBinomial), Sample([0, 1, 2, 9]).part(slice(4))
    >>> emission.best(np.ones((1, 4)), rows, Setting(floor=0.0, k=1)).mean
    array([3.])
    """

    @abstractmethod
    def guess(self, occupancy: Array, x: Array, trials: Array | None) -> T:
        """Return parameters near the maximum, from which Newton's steps lead to it."""

    @abstractmethod
    def limits(self, theta: T) -> tuple[Array, Array]:
        """Return the least and the greatest value of each field that is looked at, (K, m) each.

        theta: components nearby, as a limit may depend on another field.
        """

    def best(
        self,
        occupancy: Array,
        rows: Part,
        setting: Setting,
        near: T | None = None,
        height: Callable[[T], Height] | None = None,
    ) -> T:
        """Take Newton's steps: from a guess to the top, from `near` part of the way."""
        guess = self.guess(occupancy, *rows[:2]) if near is None else near
        low, high = self.limits(guess)
        least = self.widen(rebuilt(self.family, list(low.T)), np.asarray(setting.floor))
        low, logs = np.stack(list(entries(least).values()), axis=1), low > 0
        known = height or partial(self.height, occupancy=occupancy, x=rows.x, trials=rows.trials)
        begin = np.stack(list(entries(guess).values()), axis=1)
        if near is not None:  # a start may lie beyond: to be pulled inside could lower it
            low, high = np.minimum(low, begin), np.maximum(high, begin)
        begin, low, high = (
            np.where(logs, np.log(np.where(logs, one, 1)), one) for one in (begin, low, high)
        )
        within = partial(self._in_logs, logs, known, setting)
        noise, enough = ROUNDING * occupancy.sum(axis=1), 0.0 if near is None else NEARER
        return self._theta(highest_of(within, begin, low, high, noise, enough), logs)

    def edges(self, theta: T) -> NDArray[np.bool_]:
        """A field that has run to the end of what is looked at."""
        at = np.stack(list(entries(theta).values()), axis=-1)
        low, high = self.limits(theta)
        found: NDArray[np.bool_] = (at <= low * (1 + NEAR)) | (at >= high * (1 - NEAR))
        return found

    def looked_at(self, theta: T) -> T:
        """Return components with each field between its limits."""
        ends = zip(*(one.T for one in self.limits(theta)), strict=True)
        pairs = zip(entries(theta).values(), ends, strict=True)
        return rebuilt(self.family, [np.clip(field, *end) for field, end in pairs])

    def _theta(self, at: Array, logs: NDArray[np.bool_]) -> T:
        """Return the parameters at Newton's coordinates (K, m)."""
        return rebuilt(self.family, list(np.where(logs, np.exp(np.where(logs, at, 0)), at).T))

    def _in_logs(
        self,
        logs: NDArray[np.bool_],
        height: Callable[[T], Height],
        setting: Setting,
        at: Array,
    ) -> Height:
        """Return the same in the logarithms of the positive fields."""
        theta = self._theta(at, logs)
        found = self.expected(theta, height(theta), setting.prior, setting.k)
        stretch = np.where(logs, np.exp(np.where(logs, at, 0)), 1.0)
        slope = found.slope * stretch
        curvature = found.curvature * stretch[:, :, None] * stretch[:, None, :]
        curvature -= np.where(logs, slope, 0)[:, :, None] * np.eye(at.shape[1])
        return Height(found.value, slope, curvature)


NEARER = 1e-3  # of the first step, squared, after which the next M-step goes on
ROUNDING = 1e-13  # of a row's log density, in a sum of them
NEAR = 1e-6  # of the greatest or the least value, at which a field has run to it


def log_normal(value: Array, middle: float, factor: float) -> tuple[Array, Array, Array]:
    """Return -log(value / middle)^2 / (2 log(factor)^2), its slope and its curvature, in value.

    >>> log_normal(np.array([np.e]), 1.0, np.e)
    (array([-0.5]), array([-0.36787944]), array([0.]))
    """
    away, precision = np.log(value / middle), np.log(factor) ** -2
    return -0.5 * precision * away**2, -precision * away / value, precision * (1 - away) / value**2
