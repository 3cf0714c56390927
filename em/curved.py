"""Families without few sufficient statistics: their M-step takes the occupancies of the rows.

A structure's E-step says how often each component is expected at each distinct row. The M-step
maximises sum_i occupancy_i log p(x_i | theta) + log prior(theta) by Newton's method, from its
derivatives by hand. The same derivatives give the exact score and the complete information, so
that standard errors need nothing more.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from em.emission import Emission
from em.newton import Height, highest_of
from models.family import Theta, entries, rebuilt

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["Curved", "log_normal"]


class Curved[T: Theta](Emission[T]):
    """A family of which each field has one number a component, and no statistics.

    >>> from em.emission import emission_of
    >>> from models import NegativeBinomial
    >>> emission, x = emission_of(NegativeBinomial), np.array([0.0, 1.0, 2.0, 9.0])
    >>> emission.best(np.ones((1, 4)), x, None, floor=np.zeros(1)).mean
    array([3.])
    """

    @abstractmethod
    def log_density(self, theta: T, x: Array, trials: Array | None) -> Array:
        """Return log p without its base of every row under every component, (K, B)."""

    @abstractmethod
    def height(self, theta: T, occupancy: Array, x: Array, trials: Array | None) -> Height:
        """Return the sum over rows of occupancy times log p, and its derivatives in the fields.

        occupancy: (K, m); x: (m,).
        """

    @abstractmethod
    def believed(self, theta: T, prior: Any) -> Height:
        """Return the log prior up to a constant, and its derivatives in the fields.

        Its density is that of the coordinates of `log_measure`.
        """

    @abstractmethod
    def guess(self, occupancy: Array, x: Array, trials: Array | None) -> T:
        """Return parameters near the maximum, from which Newton's steps lead to it."""

    @abstractmethod
    def limits(self) -> tuple[Array, Array]:
        """Return the least and the greatest value of each field that is looked at, (m,) each."""

    def log_prior(self, theta: T, prior: Any, k: int) -> Array:
        """The value of `believed`."""
        return self.believed(theta, prior).value

    def expected(
        self, theta: T, occupancy: Array, x: Array, trials: Array | None, prior: Any | None
    ) -> Height:
        """Return the expected log density of data and labels, with the prior's, in the fields."""
        found = self.height(theta, occupancy, x, trials)
        if prior is None:
            return found
        return Height(*(a + b for a, b in zip(found, self.believed(theta, prior), strict=True)))

    def best(
        self,
        occupancy: Array,
        x: Array,
        trials: Array | None,
        floor: Array,
        prior: Any | None = None,
        near: T | None = None,
    ) -> T:
        """Return the theta (K,) that maximises the same, for occupancies (K, m).

        floor: least widths, (d,): to raise a width afterwards could lower what was maximised.
        near: where to begin, so that the maximum is no lower than there; by default a guess.
        """
        guess = self.guess(occupancy, x, trials) if near is None else self.looked_at(near)
        low, high = self.limits()
        least = self.widen(rebuilt(self.family, list(low[:, None])), floor)
        low, logs = np.concatenate(list(entries(least).values())), low > 0
        height = partial(
            self._in_logs, logs=logs, occupancy=occupancy, x=x, trials=trials, prior=prior
        )
        begin = np.stack(list(entries(guess).values()), axis=1)
        begin, low, high = (
            np.where(logs, np.log(np.where(logs, one, 1)), one) for one in (begin, low, high)
        )
        noise = ROUNDING * occupancy.sum(axis=1)
        return self._theta(highest_of(height, begin, low, high, noise), logs)

    def edges(self, theta: T) -> NDArray[np.bool_]:
        """A field that has run to the end of what is looked at."""
        at = np.stack(list(entries(theta).values()), axis=-1)
        low, high = self.limits()
        found: NDArray[np.bool_] = (at <= low * (1 + NEAR)) | (at >= high * (1 - NEAR))
        return found

    def looked_at(self, theta: T) -> T:
        """Return components with each field in the range that is looked at."""
        ends = zip(*self.limits(), strict=True)
        pairs = zip(entries(theta).values(), ends, strict=True)
        return rebuilt(self.family, [np.clip(field, *end) for field, end in pairs])

    def _theta(self, at: Array, logs: NDArray[np.bool_]) -> T:
        """Return the parameters at Newton's coordinates (K, m)."""
        return rebuilt(self.family, list(np.where(logs, np.exp(np.where(logs, at, 0)), at).T))

    def _in_logs(
        self,
        at: Array,
        logs: NDArray[np.bool_],
        occupancy: Array,
        x: Array,
        trials: Array | None,
        prior: Any | None,
    ) -> Height:
        """Return the same in the logarithms of the positive fields."""
        found = self.expected(self._theta(at, logs), occupancy, x, trials, prior)
        stretch = np.where(logs, np.exp(np.where(logs, at, 0)), 1.0)
        slope = found.slope * stretch
        curvature = found.curvature * stretch[:, :, None] * stretch[:, None, :]
        curvature -= np.where(logs, slope, 0)[:, :, None] * np.eye(at.shape[1])
        return Height(found.value, slope, curvature)


ROUNDING = 1e-13  # of a row's log density, in a sum of them
NEAR = 1e-6  # of the greatest or the least value, at which a field has run to it


def log_normal(value: Array, middle: float, factor: float) -> tuple[Array, Array, Array]:
    """Return -log(value / middle)^2 / (2 log(factor)^2), its slope and its curvature, in value.

    >>> log_normal(np.array([np.e]), 1.0, np.e)
    (array([-0.5]), array([-0.36787944]), array([0.]))
    """
    away, precision = np.log(value / middle), np.log(factor) ** -2
    return -0.5 * precision * away**2, -precision * away / value, precision * (1 - away) / value**2
