"""EM's side of measurements with heavy tails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.curved import Curved, log_normal
from em.gamma_ratio import log_rising, log_rising_slopes
from em.newton import Height
from models import StudentT, StudentTPrior
from models.quartiles import NORMAL

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["StudentTEmission"]

LEAST, LARGEST = 0.1, 1e6  # degrees of freedom that are looked at: beyond them it is a Gaussian
NARROWEST = 1e-12  # of a working unit, which is about the width of all: below any floor
FIRST = 4.0  # degrees of freedom at which a climb begins
HALF = np.array(0.5)
MANY = 20_000  # rows in a block from which machine code is loaded: it saves more than that takes


class StudentTEmission(Curved[StudentT]):
    """log p = R(df / 2) - log sd - (df + 1) / 2 log(1 + z^2 / df) - log(2 pi) / 2.

    R(h) = log(Gamma(h + 1/2) / Gamma(h)) - log(h) / 2, and z = (x - mean) / sd.

    >>> from em.by_rows import Setting
    >>> from models import Sample
    >>> emission = StudentTEmission(StudentT)
    >>> rows = Sample([-9, -1, 0, 1, 9]).part(slice(5))
    >>> emission.best(np.ones((1, 5)), rows, Setting(floor=1e-9, k=1)).sd.round(2)
    array([1.33])
    """

    located = True
    heavy = True
    floor = 1e-9

    def base(self, x: Array, trials: Array | None) -> Array:
        """-log(2 pi) / 2."""
        return np.full(len(x), -0.5 * np.log(2 * np.pi))

    def log_density(self, theta: StudentT, x: Array, trials: Array | None) -> Array:
        """Without -log(2 pi) / 2."""
        mean, sd, df = (field[:, None] for field in theta)
        z = (x - mean) / sd
        z *= z
        z /= df
        found = _log_one_more(z)
        found *= -0.5 * (df + 1)
        found += log_rising(0.5 * df, HALF) - np.log(sd)
        return found

    def height(self, theta: StudentT, occupancy: Array, x: Array, trials: Array | None) -> Height:
        """With r = 1 / (df + z^2) and u = r z^2 the derivatives of log p are, in mean, sd and df,

        (df + 1) z r / sd,  ((df + 1) u - 1) / sd,
        (psi((df + 1) / 2) - psi(df / 2) - 1 / df - log(1 + z^2 / df) + (df + 1) u / df) / 2,

        and d r = -2 z r^2 dz - r^2 d df, d u = 2 z (1 - u) r dz - u r d df give the second ones
        (Lange, Little & Taylor 1989 have them for known labels). All are sums of nine products.
        """
        each = zip(occupancy, *map(np.ndarray.tolist, theta), strict=True)
        if len(x) < MANY:
            sums = np.array([_products(share, x, *one) for share, *one in each]).T
        else:
            from em.tails import products  # numba takes long to load

            sums = np.array([products(share, x, *one) for share, *one in each]).T
        n, logs, u, uu, zr, zru, r, ru, zrr = sums
        _, sd, df = theta
        first, second = log_rising_slopes(0.5 * df, HALF)
        rising = 0.5 * (n * (first - 1 / df) - logs + (df + 1) * u / df)
        bend = (uu * (1 - 1 / df) - 2 * ru) / df
        curved = {
            (0, 0): (df + 1) * (r - 2 * ru) / sd**2,
            (0, 1): 2 * (df + 1) * (zr - zru) / sd**2,
            (1, 1): ((df + 1) * (3 * u - 2 * uu) - n) / sd**2,
            (0, 2): (zrr - zru) / sd,
            (1, 2): (ru - uu) / sd,
            (2, 2): -0.5 * (n * (0.5 * second + 1 / df**2) + bend),
        }
        slopes = ((df + 1) * zr / sd, ((df + 1) * u - n) / sd, rising)
        curvature = np.empty((len(sd), 3, 3))
        for (i, j), one in curved.items():
            curvature[:, i, j] = curvature[:, j, i] = one
        value = n * (log_rising(0.5 * df, HALF) - np.log(sd)) - 0.5 * (df + 1) * logs
        return Height(value, np.stack(slopes, axis=1), curvature)

    def believed(self, theta: StudentT, prior: StudentTPrior, k: int) -> Height:
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
        """Median, interquartile range and heavy tails; moments may lie beyond any Newton's step."""
        order = np.argsort(x)
        below, n = occupancy[:, order].cumsum(axis=1), occupancy.sum(axis=1)
        ends = n[:, None] * np.array([0.25, 0.5, 0.75])
        at = (below[:, None, :] < ends[:, :, None]).sum(axis=2).clip(max=len(x) - 1)
        first, mean, last = np.where(n > 0, x[order][at].T, 0)
        square = (occupancy * (x - mean[:, None]) ** 2).sum(axis=1) / np.where(n > 0, n, 1)
        plain = np.sqrt(np.where(square > 0, square / 2, 1))
        sd = np.where(last > first, (last - first) / NORMAL, plain)
        return StudentT(mean, sd, np.full_like(mean, FIRST))

    def limits(self, theta: StudentT) -> tuple[Array, Array]:
        """Any mean, any width; degrees of freedom beyond which nothing changes."""
        low, high = [-np.inf, NARROWEST, LEAST], [np.inf, np.inf, LARGEST]
        each = (len(theta.mean), 1)
        return np.tile(low, each), np.tile(high, each)

    def location(self, theta: StudentT) -> Array:
        """The means."""
        return theta.mean

    def width(self, theta: StudentT, floor: Array) -> Array:
        """sd / floor."""
        return theta.sd / floor

    def widen(self, theta: StudentT, floor: Array) -> StudentT:
        """Raise sd to the floor."""
        return StudentT(theta.mean, np.maximum(theta.sd, floor), theta.df)


def _log_one_more(y: Array) -> Array:
    """Return log(1 + y), y from 0 up, with all digits, in less than half of log1p's time.

    What 1 + y loses of y by rounding is added to its logarithm.
    """
    more = 1 + y
    lost = y - (more - 1)
    lost /= more
    found: Array = np.log(more)
    found += lost
    return found


def _products(share: Array, x: Array, mean: float, sd: float, df: float) -> list[float]:
    """Return the sums over rows of `em.tails.products`."""
    z = (x - mean) / sd
    square = z * z
    r = 1 / (square + df)
    u = square * r
    by_u, by_r, by_z = share * u, share * r, share * z * r
    pairs = (by_u, u), (by_z, u), (by_r, u), (by_z, r)
    uu, zru, ru, zrr = (float(np.dot(*pair)) for pair in pairs)
    logs = float(np.dot(share, _log_one_more(square / df)))
    n, all_u, zr, all_r = (float(one.sum()) for one in (share, by_u, by_z, by_r))
    return [n, logs, all_u, uu, zr, zru, all_r, ru, zrr]
