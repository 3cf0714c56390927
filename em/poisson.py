"""EM's side of counts: T = (1, x), natural = (-rate, log rate)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from em.emission import Exponential, Formulas
from models import Poisson, PoissonPrior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["PoissonEmission"]

EDGE = 1e-8  # rates this near to 0 are on their way there
SQUARED = 1e-100  # least rate whose square divides without overflow
LOG_ZERO = -1e8  # finite, so that 0 events times log(0) is 0; exp of it is 0


class PoissonEmission(Exponential[Poisson]):
    """log p = x log rate - rate - log x!.

    >>> PoissonEmission(Poisson).maximize(np.array([[4.0, 10.0]]))
    Poisson(rate=array([2.5]))
    """

    ones = 1
    formulas = Formulas.POISSON

    def size(self, d: int) -> int:
        """The count."""
        return 1

    def statistics(self, x: Array, trials: Array | None, out: Array) -> None:
        """T = (1, x)."""
        out[0] = x

    def place(self, x: Array, trials: Array | None) -> Array:
        """The square root, which has the same spread at any rate."""
        return np.sqrt(x)

    def base(self, x: Array, trials: Array | None) -> Array:
        """-log x!."""
        return np.asarray(-gammaln(x + 1))

    def natural(self, theta: Poisson) -> Array:
        """(-rate, log rate)."""
        with np.errstate(divide="ignore"):
            log_rate = np.log(theta.rate).clip(LOG_ZERO)
        return np.stack([-theta.rate, log_rate], axis=1)

    def maximize(self, sums: Array) -> Poisson:
        """rate = events / exposure."""
        exposure, events = sums.clip(0).T  # a difference may have left less than nothing
        rate = np.divide(events, exposure, out=np.ones_like(events), where=exposure > 0)
        return Poisson(rate)

    def unseen(self, prior: PoissonPrior, k: int) -> Array:
        """Gamma(events + 1, exposure) counts as events in an exposure not seen."""
        return np.array([prior.exposure, prior.events])

    def slope(self, theta: Poisson) -> Array:
        """(-1, 1 / rate)."""
        return np.stack([-np.ones_like(theta.rate), 1 / theta.rate], axis=1)[:, :, None]

    def curvature(self, theta: Poisson, sums: Array) -> Array:
        """events / rate^2."""
        rate: Array = np.maximum(theta.rate, SQUARED)
        return (sums[:, 1] / rate**2)[:, None, None]

    def edges(self, theta: Poisson) -> NDArray[np.bool_]:
        """A rate at which nothing happens, to the digits that EM gives."""
        low: NDArray[np.bool_] = theta.rate <= EDGE
        return low[:, None]
