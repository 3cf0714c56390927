"""EM's side of log-normal measurements: a Gaussian's T of log x."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.emission import Formulas
from em.gaussian import GaussianEmission
from em.positive import PositiveEmission, log_ratio
from models import Gaussian, GaussianPrior, LogNormal, LogNormalPrior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["LogNormalEmission"]

OF_LOG = GaussianEmission(Gaussian)


def of_log(theta: LogNormal) -> Gaussian:
    """Return the distribution of log x.

    >>> of_log(LogNormal(np.array([1.0]), np.array([0.5])))
    Gaussian(mean=array([0.]), sd=array([0.5]))
    """
    return Gaussian(np.log(theta.median), theta.spread)


class LogNormalEmission(PositiveEmission[LogNormal]):
    """log p(x) = log p(log x | log median, spread) of a Gaussian, less log x.

    >>> LogNormalEmission(LogNormal).maximize(np.array([[2.0, 2.0, 0.0, 2.0]]))
    LogNormal(median=array([1.]), spread=array([1.]))
    """

    ones = 2
    formulas = Formulas.LOG_NORMAL

    def size(self, d: int) -> int:
        """The logarithm and its square."""
        return 2

    def statistics(self, x: Array, trials: Array | None, out: Array) -> None:
        """T = (1, 1, log x, (log x)^2)."""
        np.log(x, out=out[0])
        np.multiply(out[0], out[0], out=out[1])

    def statistics_about(self, x: Array, point: Array, trials: Array | None, out: Array) -> None:
        """T of x / point."""
        out[0] = log_ratio(x, point)
        np.multiply(out[0], out[0], out=out[1])

    def base(self, x: Array, trials: Array | None) -> Array:
        """-log(2 pi) / 2 - log x."""
        base: Array = -0.5 * np.log(2 * np.pi) - np.log(x)
        return base

    def natural(self, theta: LogNormal) -> Array:
        """Those of log x."""
        return OF_LOG.natural(of_log(theta))

    def maximize(self, sums: Array) -> LogNormal:
        """The mean and sd of log x, the mean as a median of x."""
        mean, sd = OF_LOG.maximize(sums)
        return LogNormal(np.exp(mean), sd)

    def unseen(self, prior: LogNormalPrior, k: int) -> Array:
        """Observations of log x."""
        median, *rest = prior
        return OF_LOG.unseen(GaussianPrior(float(np.log(median)), *rest), k)

    def log_measure(self, theta: LogNormal) -> Array:
        """The prior is a density of (log median, spread^2)."""
        measure: Array = np.log(theta.spread) - np.log(theta.median)
        return measure

    def slope(self, theta: LogNormal) -> Array:
        """That of log x, with d log median = d median / median."""
        slope = OF_LOG.slope(of_log(theta))
        slope[:, :, 0] /= theta.median[:, None]
        return slope

    def curvature(self, theta: LogNormal, sums: Array) -> Array:
        """That of log x; -d^2 log median / d median^2 = 1 / median^2 adds its slope."""
        curvature = OF_LOG.curvature(of_log(theta), sums)
        curvature[:, 0, 0] += sums[:, 2] / theta.spread**2
        curvature[:, 0] /= theta.median[:, None]
        curvature[:, :, 0] /= theta.median[:, None]
        return curvature

    def far(self, theta: LogNormal, reach: float = 1.0) -> NDArray[np.bool_]:
        """Of which components log x is far from 0 for its spread."""
        return OF_LOG.far(of_log(theta), reach)

    def condition(self, theta: LogNormal) -> Array:
        """That of log x, whose median is rounded before its logarithm is taken."""
        return OF_LOG.condition(of_log(theta))

    def width(self, theta: LogNormal, floor: Array) -> Array:
        """spread / floor."""
        return theta.spread / floor

    def widen(self, theta: LogNormal, floor: Array) -> LogNormal:
        """Raise the spread to the floor: Q falls on either side of its best spread."""
        return LogNormal(theta.median, np.maximum(theta.spread, floor))
