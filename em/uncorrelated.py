"""EM's side of measurements in several columns that are uncorrelated within a component.

No products of columns are needed: T = (1, 1, x, squares), with a square for each column if each has
a variance of its own, and their sum if all have one. So d columns cost d, and not d (d + 1) / 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.multivariate import MultivariateEmission

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models import MultivariateGaussian, MultivariateGaussianPrior
    from models.arrays import Array

__all__ = ["UncorrelatedEmission"]


class UncorrelatedEmission(MultivariateEmission):
    """log p = sum_j (-log v_j - m_j^2 / v_j + 2 x_j m_j / v_j - x_j^2 / v_j - log(2 pi)) / 2.

    A form has b variances, each of d / b columns: d of them, or one.

    >>> from models import MultivariateGaussian
    >>> sizes = {}
    >>> for form in ("diagonal", "spherical"):
    ...     family = MultivariateGaussian.with_covariance(form)
    ...     sizes[form] = UncorrelatedEmission(family).size(300)
    >>> sizes
    {'diagonal': 600, 'spherical': 301}
    """

    def size(self, d: int) -> int:
        """The measurements and the squares."""
        return d + self._free(d)

    def unwritten(self, d: int) -> bool:
        """T is short enough to be written."""
        return False

    def statistics(self, x: Array, trials: Array | None, out: Array) -> None:
        """T = (1, 1, x, squares)."""
        d = x.shape[1]
        out[:d] = x.T
        if len(out) == 2 * d:
            np.multiply(out[:d], out[:d], out=out[d:])
        else:
            np.einsum("ij,ij->j", out[:d], out[:d], out=out[d])

    def natural(self, theta: MultivariateGaussian) -> Array:
        """(-sum log v / 2, -sum m^2 / v / 2, m / v, -1 / (2 v))."""
        variance = _variances(theta)
        pull = theta.mean / variance
        logs = -0.5 * np.log(variance).sum(axis=1)
        ones = np.stack([logs, -0.5 * (pull * theta.mean).sum(axis=1)], axis=1)
        return np.hstack([ones, pull, -0.5 / variance[:, : self._free(theta.mean.shape[1])]])

    def maximize(self, sums: Array) -> MultivariateGaussian:
        """mean = sum x / n, variance = (sum x^2 - n mean^2) / n, over the columns that share it."""
        degrees, n, first, second = self._parts(sums)
        d, b = first.shape[1], second.shape[1]
        seen = n > 0
        mean = np.divide(first, n[:, None], out=np.zeros_like(first), where=seen[:, None])
        scatter = (second - _added(mean * first, b)) * b / d
        if self.family.form().tied:
            scatter = np.broadcast_to(scatter.sum(axis=0), scatter.shape)
            degrees = np.broadcast_to(degrees.sum(), degrees.shape)
        variance = np.divide(
            scatter, degrees[:, None], out=np.ones_like(scatter), where=(degrees > 0)[:, None]
        )
        return self.family(mean, _on_diagonal(variance, d))

    def unseen(self, prior: MultivariateGaussianPrior, k: int) -> Array:
        """One inverse gamma density for each variance, as in full covariances of one column."""
        form, mean = self.family.form(), np.asarray(prior.mean)
        d = len(mean)
        share = (k if form.tied else 1) * (d if form.isotropic else 1)
        degrees = (prior.degrees + form.block(d) + 1) / share + 1
        scatter = np.diagonal(form.project(np.asarray(prior.scatter)))
        second = _added(prior.n * mean**2 + scatter / share, self._free(d))
        return np.concatenate([[degrees, prior.n], prior.n * mean, second])

    def slope(self, theta: MultivariateGaussian) -> Array:
        """Columns d m and d v of (-sum log v / 2, 0, (x - m) / v, -1 / (2 v))."""
        k, d = theta.mean.shape
        variance, b = _variances(theta), self._free(d)
        own, columns, squares = variance[:, :b], np.arange(d), np.arange(b)
        slope = np.zeros((k, 2 + d + b, d + b))
        slope[:, 0, d:] = -0.5 * (d // b) / own
        slope[:, 2 + columns, columns] = 1 / variance
        slope[:, 2 + d + squares, d + squares] = 0.5 / own**2
        return slope

    def curvature(self, theta: MultivariateGaussian, sums: Array) -> Array:
        """Second derivatives of -n sum log v / 2 - sum of squares / (2 v), turned down."""
        degrees, n, first, second = self._parts(sums)
        k, d = theta.mean.shape
        variance, b = _variances(theta), self._free(d)
        own, columns, squares = variance[:, :b], np.arange(d), np.arange(b)
        whose = d + columns * b // d  # the variance of each column
        curvature = np.zeros((k, d + b, d + b))
        curvature[:, columns, columns] = n[:, None] / variance
        cross = first / variance**2
        curvature[:, columns, whose] = curvature[:, whose, columns] = cross
        bent = second / own**3 - 0.5 * (d // b) * degrees[:, None] / own**2
        curvature[:, d + squares, d + squares] = bent
        return curvature

    def chart(self, theta: MultivariateGaussian) -> Array:
        """The mean as it is, and each variance in its places on the diagonal."""
        d = theta.mean.shape[1]
        b, columns = self._free(d), np.arange(d)
        chart = np.zeros((d + d * d, d + b))
        chart[columns, columns] = 1
        chart[d + columns * (d + 1), d + columns * b // d] = 1
        return chart

    def varying(self, theta: MultivariateGaussian) -> MultivariateGaussian:
        """The means and the diagonals."""
        mean = np.ones_like(theta.mean)
        return theta._replace(mean=mean, cov=_on_diagonal(mean, mean.shape[1]))

    def edges(self, theta: MultivariateGaussian) -> NDArray[np.bool_]:
        """None."""
        k, d = theta.mean.shape
        return np.zeros((k, d + self._free(d)), np.bool_)

    def far(self, theta: MultivariateGaussian, reach: float = 1.0) -> NDArray[np.bool_]:
        """Which components lie more than FARTHEST of their narrowest widths from zero."""
        return self._far(theta.mean, _variances(theta).min(axis=1), reach)

    def condition(self, theta: MultivariateGaussian) -> Array:
        """As for full covariances, whose eigenvalues are the variances."""
        return self._condition(theta.mean, np.sort(_variances(theta), axis=1))

    def width(self, theta: MultivariateGaussian, floor: Array) -> Array:
        """The smallest sd in units of the floor, whose root is diagonal as well."""
        inside = _variances(theta) / np.diagonal(floor) ** 2
        return np.sqrt(np.maximum(inside.min(axis=1), 0))

    def on_floor(self, theta: MultivariateGaussian, floor: Array) -> NDArray[np.bool_]:
        """Whether the smallest sd is the one that `widen` leaves."""
        touching: NDArray[np.bool_] = self.width(theta, floor) <= 1 + 1e-6
        return touching

    def widen(self, theta: MultivariateGaussian, floor: Array) -> MultivariateGaussian:
        """Raise variances below the floor to it, which maximises Q above the floor."""
        variance, least = _variances(theta), np.diagonal(floor) ** 2
        if (variance >= least).all():
            return theta
        return theta._replace(cov=_on_diagonal(np.maximum(variance, least), variance.shape[1]))

    def _free(self, d: int) -> int:
        """Return b, the number of variances."""
        return len(self.family.form().places(d))

    def _parts(self, sums: Array) -> tuple[Array, Array, Array, Array]:
        """Split (K, ones + q) sums into degrees (K,), n (K,), sum x (K, d), squares (K, b)."""
        wide = sums.shape[1] - 2
        d = wide - 1 if self.family.form().isotropic else wide // 2
        return sums[:, 0], sums[:, 1], sums[:, 2 : 2 + d], sums[:, 2 + d :]


def _variances(theta: MultivariateGaussian) -> Array:
    """Return the (K, d) variances."""
    return np.diagonal(theta.cov, axis1=1, axis2=2)


def _added(squares: Array, b: int) -> Array:
    """Return (..., b) sums of (..., d) over the columns of one variance."""
    found: Array = squares if b == squares.shape[-1] else squares.sum(axis=-1, keepdims=True)
    return found


def _on_diagonal(variance: Array, d: int) -> Array:
    """Return (K, d, d) diagonal matrices of (K, d) or (K, 1) variances."""
    matrix = np.zeros((len(variance), d, d))
    matrix[:, np.arange(d), np.arange(d)] = variance
    return matrix
