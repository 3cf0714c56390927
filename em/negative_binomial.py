"""EM's side of counts that spread more than Poisson's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, xlogy

from em.curved import NEAR, Curved, log_normal
from em.gamma_ratio import log_rising, log_rising_slopes
from em.newton import Height
from models import NegativeBinomial, NegativeBinomialPrior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["NegativeBinomialEmission"]

LEAST, LARGEST = 1e-8, 1e6  # sizes that are looked at, the largest for each unit of the mean:
# the variance is mean (1 + mean / size), and a millionth more than Poisson's is none
NEARLY = 0.5  # of the largest size, from which on it is Poisson's
LEAST_MEAN, EDGE = 1e-12, 1e-8  # means that are looked at; such ones are on their way to 0


class NegativeBinomialEmission(Curved[NegativeBinomial]):
    """log p = log(Gamma(x + s) / Gamma(s)) - x log s - (x + s) log(1 + m / s) + x log m - log x!.

    m is the mean, s the size.

    >>> from em.by_rows import Setting
    >>> from models import Sample
    >>> emission = NegativeBinomialEmission(NegativeBinomial)
    >>> rows = Sample([1, 2, 3]).part(slice(3))  # which spread less than Poisson's
    >>> emission.best(np.ones((1, 3)), rows, Setting(floor=0.0, k=1))
    NegativeBinomial(mean=array([2.]), size=array([2000000.]))
    """

    def place(self, x: Array, trials: Array | None) -> Array:
        """The square root."""
        return np.sqrt(x)

    def base(self, x: Array, trials: Array | None) -> Array:
        """-log x!."""
        return np.asarray(-gammaln(x + 1))

    def log_density(self, theta: NegativeBinomial, x: Array, trials: Array | None) -> Array:
        """Without -log x!."""
        m, s = theta.mean[:, None], theta.size[:, None]
        found: Array = log_rising(s, x) - (x + s) * np.log1p(m / s) + xlogy(x, m)
        return found

    def height(
        self, theta: NegativeBinomial, occupancy: Array, x: Array, trials: Array | None
    ) -> Height:
        """With w = 1 / (m + s) the derivatives of log p in m, and in s, are

        x / m - (x + s) w,                  in m m: -x / m^2 + (x + s) w^2,   in m s: (x - m) w^2,
        psi(x + s) - psi(s) - log(1 + m / s) + (m - x) w,
                                in s s: psi'(x + s) - psi'(s) + m w / s - (m - x) w^2.
        """
        m, s = theta.mean, theta.size
        n, events = occupancy.sum(axis=1), occupancy @ x
        w, less = 1 / (m + s), n * m - events
        rising, bending = log_rising_slopes(s[:, None], x)
        value = (occupancy * self.log_density(theta, x, trials)).sum(axis=1)
        first = -less * s * w / m
        second = (occupancy * rising).sum(axis=1) - n * np.log1p(m / s) + less * w
        curvature = np.empty((len(m), 2, 2))
        curvature[:, 0, 0] = events / m**2 - (events + n * s) * w**2
        curvature[:, 0, 1] = curvature[:, 1, 0] = less * w**2
        bent = (occupancy * bending).sum(axis=1)
        curvature[:, 1, 1] = -bent - n * m * w / s + less * w**2
        return Height(value, np.stack([first, second], axis=1), curvature)

    def believed(self, theta: NegativeBinomial, prior: NegativeBinomialPrior, k: int) -> Height:
        """The logarithms of both are normal."""
        mean = log_normal(theta.mean, prior.mean, prior.mean_factor)
        size = log_normal(theta.size, prior.size, prior.size_factor)
        curvature = np.stack([mean[2], size[2]], axis=1)[:, :, None] * np.eye(2)
        return Height(mean[0] + size[0], np.stack([mean[1], size[1]], axis=1), curvature)

    def log_measure(self, theta: NegativeBinomial) -> Array:
        """-log mean - log size, because the prior is a density of the logarithms."""
        found: Array = -np.log(theta.mean) - np.log(theta.size)
        return found

    def guess(self, occupancy: Array, x: Array, trials: Array | None) -> NegativeBinomial:
        """By moments: variance = mean + mean^2 / size, which has a size if it is above the mean."""
        n = occupancy.sum(axis=1)
        seen = n > 0
        mean = np.divide(occupancy @ x, n, out=np.ones_like(n), where=seen).clip(LEAST_MEAN)
        square = (occupancy * (x - mean[:, None]) ** 2).sum(axis=1)
        excess = np.divide(square, n, out=2 * mean, where=seen) - mean
        most = _largest(mean)
        size = np.divide(mean**2, excess, out=most.copy(), where=excess > 0)
        return NegativeBinomial(mean, size.clip(LEAST, most))

    def limits(self, theta: NegativeBinomial) -> tuple[Array, Array]:
        """A mean above 0; sizes beyond which nothing changes."""
        most = _largest(theta.mean)
        low = np.tile([LEAST_MEAN, LEAST], (len(most), 1))
        return low, np.stack([np.full_like(most, np.inf), most], axis=1)

    def edges(self, theta: NegativeBinomial) -> NDArray[np.bool_]:
        """Means on their way to 0, where any size is the same, and sizes on their way to an end."""
        nothing = theta.mean <= EDGE
        size = (theta.size >= NEARLY * _largest(theta.mean)) | (theta.size <= LEAST * (1 + NEAR))
        return np.stack([nothing, size | nothing], axis=1)


def _largest(mean: Array) -> Array:
    """Return the sizes beyond which nothing changes, (K,)."""
    found: Array = LARGEST * np.maximum(mean, 1)
    return found
