"""EM's side of measurements: T = (1, 1, x, x^2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.emission import Exponential, Formulas
from models import Gaussian, GaussianPrior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["GaussianEmission"]

FARTHEST = 30.0  # widths from zero at which x^2 still leaves eps * FARTHEST^2 = 2e-13 of log p


class GaussianEmission(Exponential[Gaussian]):
    """log p = -log sd - mean^2 / (2 sd^2) + x mean / sd^2 - x^2 / (2 sd^2) - log(2 pi) / 2.

    >>> GaussianEmission(Gaussian).maximize(np.array([[2.0, 2.0, 4.0, 10.0]]))
    Gaussian(mean=array([2.]), sd=array([1.]))
    """

    ones = 2
    formulas = Formulas.GAUSSIAN

    located = True
    floor = 1e-9

    def size(self, d: int) -> int:
        """The measurement and its square."""
        return 2

    def statistics(self, x: Array, trials: Array | None, out: Array) -> None:
        """T = (1, 1, x, x^2)."""
        out[0] = x
        np.multiply(x, x, out=out[1])

    def base(self, x: Array, trials: Array | None) -> Array:
        """-log(2 pi) / 2."""
        return np.full(len(x), -0.5 * np.log(2 * np.pi))

    def natural(self, theta: Gaussian) -> Array:
        """(-log sd, -mean^2 / (2 sd^2), mean / sd^2, -1 / (2 sd^2))."""
        mean, sd = theta
        precision = sd**-2.0
        natural = np.empty((len(sd), 4))
        natural[:, 0] = -np.log(sd)
        natural[:, 2] = mean * precision
        natural[:, 1] = -0.5 * mean * natural[:, 2]
        natural[:, 3] = -0.5 * precision
        return natural

    def maximize(self, sums: Array) -> Gaussian:
        """mean = sum x / n, sd^2 = (sum x^2 - n mean^2) / n; under a prior the two n differ."""
        degrees, n, first, second = sums.T
        mean = np.divide(first, n, out=np.zeros_like(first), where=n > 0)
        square = np.maximum(second - mean * first, 0)
        return Gaussian(mean, np.sqrt(np.divide(square, degrees, out=np.ones_like(n), where=n > 0)))

    def unseen(self, prior: GaussianPrior, k: int) -> Array:
        """Normal-inverse-gamma: sd^-(degrees + 3) exp(-(squares + n (mean - m)^2) / 2 sd^2)."""
        mean, n, squares, degrees = prior
        return np.array([degrees + 3, n, n * mean, n * mean**2 + squares])

    def log_measure(self, theta: Gaussian) -> Array:
        """log sd, up to a constant, because the prior is a density of sd^2."""
        return np.log(theta.sd)

    def slope(self, theta: Gaussian) -> Array:
        """Columns d mean, d sd of (-log sd, 0, (x - mean) / sd^2, -(x - mean)^2 / (2 sd^2))."""
        slope = np.zeros((len(theta.sd), 4, 2))
        slope[:, 0, 1] = -1 / theta.sd
        slope[:, 2, 0] = 1 / theta.sd**2
        slope[:, 3, 1] = 1 / theta.sd**3
        return slope

    def curvature(self, theta: Gaussian, sums: Array) -> Array:
        """[[n / sd^2, 2 s1 / sd^3], [2 s1 / sd^3, 3 s2 / sd^4 - degrees / sd^2]]."""
        degrees, n, first, second = sums.T
        sd = theta.sd
        curvature = np.empty((len(sd), 2, 2))
        curvature[:, 0, 0] = n / sd**2
        curvature[:, 0, 1] = curvature[:, 1, 0] = 2 * first / sd**3
        curvature[:, 1, 1] = 3 * second / sd**4 - degrees / sd**2
        return curvature

    def location(self, theta: Gaussian) -> Array:
        """The means."""
        return theta.mean

    def far(self, theta: Gaussian, reach: float = 1.0) -> NDArray[np.bool_]:
        """Which components lie more than FARTHEST of their widths from zero."""
        far: NDArray[np.bool_] = np.abs(theta.mean) > reach * FARTHEST * theta.sd
        return far

    def condition(self, theta: Gaussian) -> Array:
        """1 + the squared distance from zero in widths, as far as `cancels` allows."""
        return 1 + np.minimum((theta.mean / theta.sd) ** 2, FARTHEST**2)

    def width(self, theta: Gaussian, floor: Array) -> Array:
        """sd / floor."""
        return theta.sd / floor

    def widen(self, theta: Gaussian, floor: Array) -> Gaussian:
        """Raise sd to the floor: Q falls on either side of its best sd."""
        return Gaussian(theta.mean, np.maximum(theta.sd, floor))
