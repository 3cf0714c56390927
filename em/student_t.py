"""EM's side of measurements with heavy tails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.curved import Curved, log_normal
from em.gamma_ratio import log_rising, log_rising_slopes
from em.newton import Height
from models import StudentT, StudentTPrior

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["StudentTEmission"]

LEAST, LARGEST = 0.1, 1e6  # degrees of freedom that are looked at: beyond them it is a Gaussian
NARROWEST = 1e-12  # of a working unit, which is about one sd of all: below any floor
FIRST = 4.0  # degrees of freedom at which a climb begins
HALF = np.array(0.5)


class StudentTEmission(Curved[StudentT]):
    """log p = R(df / 2) - log sd - (df + 1) / 2 log(1 + z^2 / df) - log(2 pi) / 2.

    R(h) = log(Gamma(h + 1/2) / Gamma(h)) - log(h) / 2, and z = (x - mean) / sd.

    >>> emission = StudentTEmission(StudentT)
    >>> x = np.array([-9.0, -1.0, 0.0, 1.0, 9.0])
    >>> emission.best(np.ones((1, 5)), x, None, floor=np.full(1, 1e-9)).sd.round(2)
    array([5.73])
    """

    located = True
    floor = 1e-9

    def base(self, x: Array, trials: Array | None) -> Array:
        """-log(2 pi) / 2."""
        return np.full(len(x), -0.5 * np.log(2 * np.pi))

    def log_density(self, theta: StudentT, x: Array, trials: Array | None) -> Array:
        """Without -log(2 pi) / 2."""
        mean, sd, df = (field[:, None] for field in theta)
        z = (x - mean) / sd
        found: Array = np.log1p(z * z / df)
        found *= -0.5 * (df + 1)
        found += log_rising(0.5 * df, HALF) - np.log(sd)
        return found

    def height(self, theta: StudentT, occupancy: Array, x: Array, trials: Array | None) -> Height:
        """With d = df + z^2 and w = (df + 1) / d the derivatives of log p are, in mean, sd and df,

        w z / sd,  (w z^2 - 1) / sd,
        (psi((df + 1) / 2) - psi(df / 2) - 1 / df - log(1 + z^2 / df) + w z^2 / df) / 2,

        and from these the second ones (Lange, Little & Taylor 1989 have them for known labels).
        """
        mean, sd, df = (field[:, None] for field in theta)
        z = (x - mean) / sd
        square = z * z
        d = df + square
        w, logs = (df + 1) / d, np.log1p(square / df)
        first, second = log_rising_slopes(0.5 * df, HALF)
        rising = 0.5 * (first - 1 / df - logs + w * square / df)
        turned = (df - square) * w / d  # d (w z) / d z
        lighter = (square - 1) / d**2  # d w / d df
        bend = square * ((1 - (df**2 + 2 * df + square) / (df * d)) / (df * d))
        each = {
            (0, 0): turned / sd**2,
            (0, 1): z * (turned + w) / sd**2,
            (1, 1): (w * square - 1 + 2 * square * df * w / d) / sd**2,
            (0, 2): -z * lighter / sd,
            (1, 2): -square * lighter / sd,
            (2, 2): -0.5 * (0.5 * second + 1 / df**2 + bend),
        }
        slopes = (w * z / sd, (w * square - 1) / sd, rising)
        curvature = np.empty((len(theta.mean), 3, 3))
        for (i, j), one in each.items():
            curvature[:, i, j] = curvature[:, j, i] = (occupancy * one).sum(axis=1)
        value = log_rising(0.5 * df, HALF) - np.log(sd) - 0.5 * (df + 1) * logs
        return Height(
            (occupancy * value).sum(axis=1),
            np.stack([(occupancy * one).sum(axis=1) for one in slopes], axis=1),
            curvature,
        )

    def believed(self, theta: StudentT, prior: StudentTPrior) -> Height:
        """Normal-inverse-gamma of mean and sd^2, sd^-(degrees + 3) exp(-s / (2 sd^2)).

        s = squares + n (mean - m)^2; the logarithm of df is normal.
        """
        mean, sd, df = theta
        away, degrees = mean - prior.mean, prior.degrees + 3
        s = prior.squares + prior.n * away**2
        tails = log_normal(df, prior.df, prior.df_factor)
        value = -degrees * np.log(sd) - s / (2 * sd**2) + tails[0]
        slope = np.stack([-prior.n * away / sd**2, s / sd**3 - degrees / sd, tails[1]], axis=1)
        curvature = np.zeros((len(mean), 3, 3))
        curvature[:, 0, 0] = prior.n / sd**2
        curvature[:, 0, 1] = curvature[:, 1, 0] = -2 * prior.n * away / sd**3
        curvature[:, 1, 1] = 3 * s / sd**4 - degrees / sd**2
        curvature[:, 2, 2] = tails[2]
        return Height(value, slope, curvature)

    def log_measure(self, theta: StudentT) -> Array:
        """log sd - log df, because the prior is a density of sd^2 and of log df."""
        found: Array = np.log(theta.sd) - np.log(theta.df)
        return found

    def guess(self, occupancy: Array, x: Array, trials: Array | None) -> StudentT:
        """The moments, and heavy tails."""
        n = occupancy.sum(axis=1)
        each = np.where(n > 0, n, 1)
        mean = occupancy @ x / each
        square = (occupancy * (x - mean[:, None]) ** 2).sum(axis=1) / each
        sd = np.sqrt(np.where(square > 0, square / 2, 1))
        return StudentT(mean, sd, np.full_like(mean, FIRST))

    def limits(self) -> tuple[Array, Array]:
        """Any mean, any width; degrees of freedom beyond which nothing changes."""
        return np.array([-np.inf, NARROWEST, LEAST]), np.array([np.inf, np.inf, LARGEST])

    def location(self, theta: StudentT) -> Array:
        """The means."""
        return theta.mean

    def width(self, theta: StudentT, floor: Array) -> Array:
        """sd / floor."""
        return theta.sd / floor

    def widen(self, theta: StudentT, floor: Array) -> StudentT:
        """Raise sd to the floor."""
        return StudentT(theta.mean, np.maximum(theta.sd, floor), theta.df)
