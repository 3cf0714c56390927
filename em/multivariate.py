"""EM's side of measurements in several dimensions: T = (1, 1, x, x_i x_j for i <= j)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.emission import Exponential
from models import MultivariateGaussian, MultivariateGaussianPrior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["MultivariateEmission"]

WIDE = 32  # columns from which products are computed in each step: stored, they outgrow the cache
COMMON = 100  # statistics of a row, up to which their number hardly matters
CLEAR = 2.0  # times the floor's square: more than rounding takes from the least eigenvalue
FARTHEST = 30.0  # widths from zero at which x x' still leaves eps * FARTHEST^2 = 2e-13 of log p


class MultivariateEmission(Exponential[MultivariateGaussian]):
    """log p = -log |cov| / 2 - m' P m / 2 + x' P m - x' P x / 2 - d log(2 pi) / 2, P = cov^-1.

    >>> MultivariateEmission(MultivariateGaussian).size(3)
    9
    """

    ones = 2

    located = True
    floor = 1e-7  # its square is still above the rounding of 1

    @property
    def uncouples(self) -> bool:
        """Whether the form is kept when columns are mixed."""
        return self.family.form().linear

    @property
    def isotropic(self) -> bool:
        """Whether the form is round, which it would not be in other units."""
        return self.family.form().isotropic

    @property
    def pools(self) -> bool:
        """Whether all components share one covariance."""
        return self.family.form().tied

    def size(self, d: int) -> int:
        """The measurements and their products, each pair once."""
        return d + d * (d + 1) // 2

    def effort(self, d: int) -> int:
        """As long as its statistics are many."""
        return max(1, self.size(d) // COMMON)

    def fewest(self, d: int, k: int) -> int:
        """A covariance of many columns needs more rows than columns, and so does each component."""
        if not self.unwritten(d):
            return 1  # rows that belong to several components may do
        return d + k if self.pools else k * (d + 1)

    def unwritten(self, d: int) -> bool:
        """Products of many columns are many more numbers than the rows."""
        return d >= WIDE

    def heights(self, phi: Array, x: Array, trials: Array | None, out: Array) -> None:
        """x' A x + b' x + c, by products of the rows themselves where they are wide."""
        d = x.shape[1]
        if not self.unwritten(d):
            super().heights(phi, x, trials, out)
            return
        i, j = np.triu_indices(d)
        form, columns = np.zeros((d, d)), np.ascontiguousarray(x.T)
        for row, component in zip(phi, out, strict=True):
            form[j, i] = row[1 + d :]
            turned = form @ columns
            turned += row[1 : 1 + d, None]
            np.einsum("ij,ij->j", turned, columns, out=component)
        out += phi[:, :1]

    def sums(self, share: Array, x: Array, trials: Array | None, width: int) -> Array:
        """Sums of x and x x' by products of the rows themselves where they are wide."""
        d = x.shape[1]
        if not self.unwritten(d):
            return super().sums(share, x, trials, width)
        upper, found = np.triu_indices(d), np.empty((len(share), width))
        found[:, 0], found[:, 1 : 1 + d] = share.sum(axis=1), share @ x
        for row, sums in zip(share, found, strict=True):
            weighted = x.T * np.sqrt(row)
            sums[1 + d :] = (weighted @ weighted.T)[upper]  # half the work for BLAS
        return found

    def statistics(self, x: Array, trials: Array | None, out: Array) -> None:
        """T = (1, 1, x, x_i x_j), row by row of the upper triangle."""
        d = x.shape[1]
        columns, free = out[:d], d
        columns[:] = x.T
        for i in range(d):
            np.multiply(columns[i], columns[i:], out=out[free : free + d - i])
            free += d - i

    def base(self, x: Array, trials: Array | None) -> Array:
        """-d log(2 pi) / 2."""
        return np.full(len(x), -0.5 * x.shape[1] * np.log(2 * np.pi))

    def natural(self, theta: MultivariateGaussian) -> Array:
        """(-log |cov| / 2, -m' P m / 2, P m, -P with both halves on the upper triangle)."""
        half = np.linalg.inv(np.linalg.cholesky(self._unlike(theta.cov)))
        precision = half.transpose(0, 2, 1) @ half
        log_det = -np.log(np.diagonal(half, axis1=1, axis2=2)).sum(axis=1)
        scaled = (half @ theta.mean[:, :, None])[:, :, 0]
        pull = (precision @ theta.mean[:, :, None])[:, :, 0]
        k = len(theta.mean)
        ones = np.empty((k, 2))
        ones[:, 0], ones[:, 1] = -log_det, -0.5 * (scaled**2).sum(axis=1)
        bent = -0.5 * _folded(precision)
        return np.hstack([ones, pull, np.broadcast_to(bent, (k, bent.shape[1]))])

    def maximize(self, sums: Array) -> MultivariateGaussian:
        """mean = sum x / n, cov = (sum x x' - n mean mean') / n projected onto the form."""
        degrees, n, first, second = _parts(sums)
        seen = n > 0
        mean = np.divide(first, n[:, None], out=np.zeros_like(first), where=seen[:, None])
        form = self.family.form()
        scatter = form.project(second - mean[:, :, None] * first[:, None, :])
        if form.tied:
            scatter = np.broadcast_to(scatter.sum(axis=0), scatter.shape)
            degrees = np.broadcast_to(degrees.sum(), degrees.shape)
        parked = np.broadcast_to(np.eye(mean.shape[1]), scatter.shape).copy()
        cov = np.divide(
            scatter, degrees[:, None, None], out=parked, where=(degrees > 0)[:, None, None]
        )
        return self.family(mean, cov)

    def unseen(self, prior: MultivariateGaussianPrior, k: int) -> Array:
        """Normal-inverse-Wishart: |cov|^-(degrees + b + 2) / 2, b the size of a free block.

        A diagonal form has one such density for each column (b = 1). A spherical form has one for
        all d columns together, and a tied form has one for all k components together.
        """
        form, d = self.family.form(), len(prior.mean)
        share = (k if form.tied else 1) * (d if form.isotropic else 1)
        degrees = (prior.degrees + form.block(d) + 1) / share + 1
        mean = np.asarray(prior.mean)
        second = prior.n * np.outer(mean, mean) + form.project(np.asarray(prior.scatter)) / share
        upper = second[np.triu_indices(d)]
        return np.concatenate([[degrees, prior.n], prior.n * mean, upper])

    def slope(self, theta: MultivariateGaussian) -> Array:
        """Columns d mean and d c, cov = sum c B, of (-log |cov| / 2, 0, P (x - m), -P / 2)."""
        precision, basis = np.linalg.inv(theta.cov), self._basis(theta)
        k, d = theta.mean.shape
        bent = precision[:, None] @ basis @ precision[:, None]  # -dP / dc
        slope = np.zeros((k, 2 + d + d * (d + 1) // 2, d + len(basis)))
        traces = precision.reshape(k, -1) @ basis.reshape(len(basis), -1).T  # both symmetric
        slope[:, 0, d:] = -0.5 * traces
        slope[:, 2 : 2 + d, :d] = precision
        slope[:, 2 + d :, d:] = 0.5 * _folded(bent).transpose(0, 2, 1)
        return slope

    def curvature(self, theta: MultivariateGaussian, sums: Array) -> Array:
        """Second differentials of -n log |cov| / 2 - tr(P M) / 2 (Magnus & Neudecker, ch. 15)."""
        precision, basis = np.linalg.inv(theta.cov), self._basis(theta)
        degrees, n, first, second = _parts(sums)
        k, d = theta.mean.shape
        bent = precision[:, None] @ basis @ precision[:, None]  # P B P
        curvature = np.empty((k, d + len(basis), d + len(basis)))
        curvature[:, :d, :d] = n[:, None, None] * precision
        cross = np.einsum("kbij,kj->kib", bent, first)
        curvature[:, :d, d:], curvature[:, d:, :d] = cross, cross.transpose(0, 2, 1)
        # tr(P A P B P M) - n tr(P A P B) / 2 = tr(P A P B (P M - n / 2))
        rest = precision @ second - 0.5 * degrees[:, None, None] * np.eye(d)
        turned = (basis @ rest[:, None]).swapaxes(2, 3).reshape(k, len(basis), -1)
        quadratic = bent.reshape(k, len(basis), -1) @ turned.transpose(0, 2, 1)
        curvature[:, d:, d:] = 0.5 * (quadratic + quadratic.transpose(0, 2, 1))
        return curvature

    def chart(self, theta: MultivariateGaussian) -> Array:
        """The mean as it is, the covariance's entries from the form's basis."""
        basis, d = self._basis(theta), theta.mean.shape[1]
        chart = np.zeros((d + d * d, d + len(basis)))
        chart[:d, :d] = np.eye(d)
        chart[d:, d:] = basis.reshape(len(basis), -1).T
        return chart

    def location(self, theta: MultivariateGaussian) -> Array:
        """The means."""
        return theta.mean

    def far(self, theta: MultivariateGaussian, reach: float = 1.0) -> NDArray[np.bool_]:
        """Which components lie more than FARTHEST of their narrowest widths from zero."""
        least = np.linalg.eigvalsh(self._unlike(theta.cov))[:, 0]
        return self._far(theta.mean, least, reach)

    def _far(self, mean: Array, narrowest: Array, reach: float) -> NDArray[np.bool_]:
        """Return the same, given the least eigenvalues (K,)."""
        far: NDArray[np.bool_] = (mean**2).sum(axis=1) > (reach * FARTHEST) ** 2 * narrowest
        return far

    def condition(self, theta: MultivariateGaussian) -> Array:
        """The squared distance, as in one dimension, plus the covariance's condition number."""
        return self._condition(theta.mean, np.linalg.eigvalsh(self._unlike(theta.cov)))

    def _condition(self, mean: Array, values: Array) -> Array:
        """Return the same, given ascending eigenvalues (K, d)."""
        least = np.maximum(values[:, 0], np.finfo(float).eps * values[:, -1])
        distance = np.minimum((mean**2).sum(axis=1) / least, FARTHEST**2)
        condition: Array = 1 + distance + values[:, -1] / least
        return condition

    def width(self, theta: MultivariateGaussian, floor: Array) -> Array:
        """The square root of the least eigenvalue of cov in units of the floor, (d, d)."""
        values = np.linalg.eigvalsh(_in_floors(self._unlike(theta.cov), floor))[:, 0]
        return np.broadcast_to(np.sqrt(np.maximum(values, 0)), len(theta.mean))

    def wide_enough(self, theta: MultivariateGaussian, floor: Array) -> bool:
        """Whether all eigenvalues in units of the floor are above 1, which costs a tenth to ask."""
        return self._clear(theta, floor) or super().wide_enough(theta, floor)

    def on_floor(self, theta: MultivariateGaussian, floor: Array) -> NDArray[np.bool_]:
        """Whether the least eigenvalue is the one that `widen` leaves."""
        values = np.linalg.eigvalsh(_in_floors(theta.cov, floor))
        touching: NDArray[np.bool_] = values[:, 0] <= 1 + 1e-6 + 2 * _rounding(values)
        return touching

    def widen(self, theta: MultivariateGaussian, floor: Array) -> MultivariateGaussian:
        """Raise eigenvalues below the floor to it, which maximises Q above the floor."""
        if self._clear(theta, floor):
            return theta
        values, vectors = np.linalg.eigh(_in_floors(theta.cov, floor))
        if (values >= 1).all():
            return theta
        # what rounding may take from the least eigenvalue is added first
        least = 1 + _rounding(values)[:, None]
        raised = (vectors * np.maximum(values, least)[:, None]) @ vectors.transpose(0, 2, 1)
        cov = floor @ (0.5 * (raised + raised.transpose(0, 2, 1))) @ floor.T
        return theta._replace(cov=self.family.form().project(0.5 * (cov + cov.transpose(0, 2, 1))))

    def _unlike(self, cov: Array) -> Array:
        """Return the (K, d, d) covariances, or the only one if they are large and all the same."""
        return cov[:1] if self.pools and self.unwritten(cov.shape[1]) else cov

    def _clear(self, theta: MultivariateGaussian, floor: Array) -> bool:
        """Whether large covariances are above the floor: what is left without it has a root."""
        d = theta.mean.shape[1]
        if not self.unwritten(d):
            return False
        cov = self._unlike(theta.cov)
        least = floor @ floor.T
        try:
            np.linalg.cholesky(cov - CLEAR * least)
        except np.linalg.LinAlgError:
            return False
        return True

    def _basis(self, theta: MultivariateGaussian) -> Array:
        """Return the (b, d, d) matrices whose combinations are the form."""
        return self.family.form().basis(theta.mean.shape[1])


def _in_floors(cov: Array, floor: Array) -> Array:
    """Return (K, d, d) covariances in units of the floor, given as a (d, d) root."""
    unit = np.linalg.inv(floor)
    inside: Array = unit @ cov @ unit.T
    return inside


def _rounding(values: Array) -> Array:
    """Return how far rounding may move the least of (K, d) ascending eigenvalues."""
    rounding: Array = 16 * np.finfo(float).eps * values.shape[1] * values[:, -1]
    return rounding


def _folded(matrix: Array) -> Array:
    """Return (..., d (d + 1) / 2) f with sum_ij matrix_ij x_i x_j = f . (x_i x_j for i <= j)."""
    i, j = np.triu_indices(matrix.shape[-1])
    return matrix[..., i, j] * np.where(i == j, 1, 2)


def _parts(sums: Array) -> tuple[Array, Array, Array, Array]:
    """Split (K, ones + q) sums into degrees (K,), n (K,), sum x (K, d), sum x x' (K, d, d)."""
    d = round(((8 * (sums.shape[1] - 2) + 9) ** 0.5 - 3) / 2)  # d + d (d + 1) / 2 statistics
    second = np.empty((len(sums), d, d))
    i, j = np.triu_indices(d)
    second[:, i, j] = second[:, j, i] = sums[:, 2 + d :]
    return sums[:, 0], sums[:, 1], sums[:, 2 : 2 + d], second
