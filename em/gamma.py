"""EM's side of gamma distributed measurements: T = (1, log x - (x - 1), x - 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.positive import PositiveEmission, log1p_less, log_ratio_less
from em.shapes import most_probable, shape_of, stirling
from models import Gamma, GammaPrior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["GammaEmission"]

FARTHEST = 900.0  # shape, and mean times shape, at which T about 1 leaves eps * FARTHEST of log p
TINY = 1e-300  # a mean, where a difference has left nothing or less


class GammaEmission(PositiveEmission[Gamma]):
    """log p = s(shape) + shape (log r - r + 1) + shape T_1 + shape (1 - r) T_2 - log x, r = 1/mean.

    s is the rest of log Gamma (`em/shapes.py`); a prior reads (1, log mean, log^2 mean, log shape).

    >>> GammaEmission(Gamma).maximize(np.array([[2.0, -2 * np.euler_gamma, *[0.0] * 5]]))
    Gamma(mean=array([1.]), shape=array([1.]))
    """

    ones = 1
    unread = 4

    def size(self, d: int) -> int:
        """What log x is below its tangent at 1, and x less 1."""
        return 2

    def statistics(self, x: Array, trials: Array | None, out: Array) -> None:
        """T = (1, log x - (x - 1), x - 1)."""
        np.log(x, out=out[0])
        np.subtract(x, 1, out=out[1])
        out[0] -= out[1]

    def statistics_about(self, x: Array, point: Array, trials: Array | None, out: Array) -> None:
        """T of x / point."""
        out[0], out[1] = log_ratio_less(x, point), (x - point) / point

    def place(self, x: Array, trials: Array | None) -> Array:
        """The cube root, in which any shape is nearly symmetric (Wilson & Hilferty 1931)."""
        return np.cbrt(x)

    def base(self, x: Array, trials: Array | None) -> Array:
        """-log x."""
        return np.asarray(-np.log(x))

    def natural(self, theta: Gamma) -> Array:
        """The factors of T, and of a prior."""
        mean, shape = theta
        r, log = 1 / mean, np.log(mean)
        first = stirling(shape).value + shape * (1 - r - log)
        read = [first, shape, shape * (1 - r)]
        return np.stack([*read, np.ones_like(mean), log, log**2, np.log(shape)], axis=1)

    def maximize(self, sums: Array) -> Gamma:
        """mean = sum x / n, and log shape - digamma shape = log mean - sum log x / n."""
        n, bent, away = sums[:, :3].T
        some = n > 0
        each = np.where(some, n, 1)
        less = np.where(some, np.maximum(away / each, TINY - 1), 0)
        gap = np.where(some, log1p_less(less) - bent / each, np.euler_gamma)
        theta = Gamma(np.maximum(1 + less, TINY), shape_of(gap))
        return Gamma(*most_probable(sums, *theta)) if sums[:, 3:].any() else theta

    def unseen(self, prior: GammaPrior, k: int) -> Array:
        """log mean ~ Normal; shape^(degrees / 2 - 1) exp(-degrees shape / (2 prior shape))."""
        m, precision, half = np.log(prior.mean), np.log(prior.factor) ** -2.0, prior.degrees / 2
        own = [-precision * m**2 / 2, precision * m, -precision / 2, half - 1]
        return np.array([0.0, -half / prior.shape, 0.0, *own], np.float64)

    def log_measure(self, theta: Gamma) -> Array:
        """The prior is a density of (log mean, shape)."""
        return np.asarray(-np.log(theta.mean))

    def slope(self, theta: Gamma) -> Array:
        """Columns d mean, d shape, where the mean is the point about which T is: r = 1."""
        mean, shape = theta
        slope = np.zeros((len(mean), 7, 2))
        slope[:, 2, 0], slope[:, 4, 0] = shape / mean, 1 / mean
        slope[:, 0, 1], slope[:, 1, 1] = stirling(shape).slope, 1
        slope[:, 6, 1] = 1 / shape
        return slope

    def curvature(self, theta: Gamma, sums: Array) -> Array:
        """From d^2 (log r - r) = -1 / mean^2 and d^2 r = 2 / mean^2 at r = 1."""
        n, _, away, _, log, square, log_shape = sums.T
        mean, shape = theta
        curvature = np.empty((len(mean), 2, 2))
        curvature[:, 0, 0] = (shape * (n + 2 * away) + log - 2 * square) / mean**2
        curvature[:, 0, 1] = curvature[:, 1, 0] = -away / mean
        curvature[:, 1, 1] = -n * stirling(shape).bend + log_shape / shape**2
        return curvature

    def far(self, theta: Gamma, reach: float = 1.0) -> NDArray[np.bool_]:
        """Of which components T about 1 has terms that cancel."""
        return np.asarray(_size(theta) > reach**2 * FARTHEST)

    def condition(self, theta: Gamma) -> Array:
        """1 + the size of the terms, as far as `cancels` allows."""
        return 1 + np.minimum(_size(theta), FARTHEST)

    def width(self, theta: Gamma, floor: Array) -> Array:
        """sd over mean, 1 / sqrt(shape), over the floor."""
        return 1 / (np.sqrt(theta.shape) * floor)

    def widen(self, theta: Gamma, floor: Array) -> Gamma:
        """Lower the shape to where sd over mean is the floor."""
        return Gamma(theta.mean, np.minimum(theta.shape, floor**-2.0))


def _size(theta: Gamma) -> Array:
    """Return the size of the terms of log p that cancel, (K,)."""
    return theta.shape * np.maximum(theta.mean, 1 / theta.mean)
