"""The forms of a covariance matrix: linear patterns that are closed under inversion.

For such a pattern the maximum-likelihood covariance is the orthogonal projection of the scatter
onto it (Jensen 1988, Ann. Statist. 16, 302), so a form is a projection and a basis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.arrays import Array

    type Draw = Callable[[Array, float, tuple[int, int], np.random.Generator], Array]

__all__ = ["DIAGONAL", "FULL", "SPHERICAL", "TIED", "TIED_SPHERICAL", "Covariance"]


class Covariance(NamedTuple):
    """A form of covariance matrix.

    name: as users write it.
    tied: whether all components share one matrix.
    linear: whether matrices keep the form under every linear map of the columns.
    isotropic: whether all columns have one variance, so that they must be in one unit.
    project: (..., d, d) symmetric matrices -> the nearest matrices of the form.
    places: d -> the (row, column) of the m free entries.
    basis: d -> (m, d, d); a matrix of the form is the sum of free entry times basis matrix.
    block: d -> the size of the smallest free diagonal block.
    draw: (scatter, degrees, (n, K), rng) -> (n, K, d, d) inverse Wishart matrices of the form.

    >>> SPHERICAL.project(np.diag([1.0, 3.0]))
    array([[2., 0.],
           [0., 2.]])
    >>> FULL.places(2)
    [(0, 0), (0, 1), (1, 1)]
    """

    name: str
    tied: bool
    linear: bool
    isotropic: bool
    project: Callable[[Array], Array]
    places: Callable[[int], list[tuple[int, int]]]
    basis: Callable[[int], Array]
    block: Callable[[int], int]
    draw: Draw


def _upper_triangle(d: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(d) for j in range(i, d)]


def _symmetric_basis(d: int) -> Array:
    """Return (d (d + 1) / 2, d, d): a 1 at (i, j) and (j, i), in the order of `_upper_triangle`."""
    i, j = np.triu_indices(d)
    basis = np.zeros((len(i), d, d))
    m = np.arange(len(i))
    basis[m, i, j] = basis[m, j, i] = 1
    return basis


def _diagonal_part(matrix: Array) -> Array:
    return matrix * np.eye(matrix.shape[-1]) + 0.0  # no negative zeros


def _diagonal_basis(d: int) -> Array:
    """Return (d, d, d): a 1 at (j, j)."""
    return np.eye(d)[:, :, None] * np.eye(d)[:, None, :]


def _mean_variance(matrix: Array) -> Array:
    d = matrix.shape[-1]
    mean: Array = np.trace(matrix, axis1=-2, axis2=-1)[..., None, None] / d
    return mean * np.eye(d)


def _draw_full(
    scatter: Array, degrees: float, size: tuple[int, int], rng: np.random.Generator
) -> Array:
    """Draw (n, K, d, d) inverse Wishart matrices by the Bartlett (1933) decomposition.

    Let A be lower triangular, A_ii^2 chi-squared with degrees - i degrees of freedom (i from 0),
    and A_ij standard normal below. Then A A' is Wishart(degrees, I), and with L = chol(scatter)
    L (A A')^-1 L' is inverse Wishart(degrees, scatter).
    """
    d = len(scatter)
    factor = np.tril(rng.normal(size=(*size, d, d)), -1)
    factor[..., range(d), range(d)] = np.sqrt(rng.chisquare(degrees - np.arange(d), (*size, d)))
    half = np.linalg.solve(factor, np.linalg.cholesky(scatter).T)
    cov: Array = np.swapaxes(half, -1, -2) @ half
    return cov


def _draw_diagonal(
    scatter: Array, degrees: float, size: tuple[int, int], rng: np.random.Generator
) -> Array:
    """Draw (n, K, d, d): variances InverseGamma(degrees / 2, scatter_jj / 2) in column j."""
    d = len(scatter)
    variance = np.diagonal(scatter) / rng.chisquare(degrees, (*size, d))
    spread: Array = variance[..., None] * np.eye(d)
    return spread


def _draw_spherical(
    scatter: Array, degrees: float, size: tuple[int, int], rng: np.random.Generator
) -> Array:
    """Draw (n, K, d, d): one variance, InverseGamma(degrees / 2, trace(scatter) / (2 d))."""
    d = len(scatter)
    variance = np.trace(scatter) / d / rng.chisquare(degrees, size)
    spread: Array = variance[..., None, None] * np.eye(d)
    return spread


def _tied(draw: Draw) -> Draw:
    """Return a function that draws one matrix and repeats it for all K components."""

    def shared(
        scatter: Array, degrees: float, size: tuple[int, int], rng: np.random.Generator
    ) -> Array:
        return np.repeat(draw(scatter, degrees, (size[0], 1), rng), size[1], axis=1)

    return shared


FULL = Covariance(
    name="full",
    tied=False,
    linear=True,
    isotropic=False,
    project=lambda matrix: matrix,
    places=_upper_triangle,
    basis=_symmetric_basis,
    block=lambda d: d,
    draw=_draw_full,
)
DIAGONAL = Covariance(
    name="diagonal",
    tied=False,
    linear=False,
    isotropic=False,
    project=_diagonal_part,
    places=lambda d: [(j, j) for j in range(d)],
    basis=_diagonal_basis,
    block=lambda d: 1,
    draw=_draw_diagonal,
)
SPHERICAL = Covariance(
    name="spherical",
    tied=False,
    linear=False,
    isotropic=True,
    project=_mean_variance,
    places=lambda d: [(0, 0)][:d],
    basis=lambda d: np.eye(d)[None],
    block=lambda d: 1,
    draw=_draw_spherical,
)
TIED = FULL._replace(name="tied", tied=True, draw=_tied(_draw_full))
TIED_SPHERICAL = SPHERICAL._replace(name="tied-spherical", tied=True, draw=_tied(_draw_spherical))
