"""The forms a covariance can take: linear patterns, closed under inversion.

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
    """A form of covariance.

    name: as users write it.
    tied: whether all components share one.
    linear: whether it stays of the form when columns are mixed.
    isotropic: whether all columns must be measured in one unit.
    project: (..., d, d) symmetric matrices to their nearest ones of the form.
    places: d to the m entries that are free.
    basis: d to (m, d, d), the matrices that these entries multiply.
    block: d to the size of the smallest free diagonal block.
    draw: (scatter, degrees, (n, K), rng) to inverse Wishart matrices of the form, (n, K, d, d).
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


def _free(matrix: Array) -> Array:
    return matrix


def _upper(d: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(d) for j in range(i, d)]


def _symmetric(d: int) -> Array:
    """Return (d (d + 1) / 2, d, d): ones at i, j and j, i, row by row of the upper triangle."""
    i, j = np.triu_indices(d)
    basis = np.zeros((len(i), d, d))
    m = np.arange(len(i))
    basis[m, i, j] = basis[m, j, i] = 1
    return basis


def _separate(matrix: Array) -> Array:
    return matrix * np.eye(matrix.shape[-1]) + 0.0  # no negative zeros


def _along(d: int) -> list[tuple[int, int]]:
    return [(j, j) for j in range(d)]


def _axes(d: int) -> Array:
    """Return (d, d, d): a one at j, j."""
    return np.eye(d)[:, :, None] * np.eye(d)[:, None, :]


def _round(matrix: Array) -> Array:
    d = matrix.shape[-1]
    mean: Array = np.trace(matrix, axis1=-2, axis2=-1)[..., None, None] / d
    return mean * np.eye(d)


def _first(d: int) -> list[tuple[int, int]]:
    return [(0, 0)][:d]


def _ball(d: int) -> Array:
    """Return (1, d, d): the identity."""
    return np.eye(d)[None]


def _wishart(
    scatter: Array, degrees: float, size: tuple[int, int], rng: np.random.Generator
) -> Array:
    """Draw (n, K, d, d) inverse Wishart matrices by Bartlett's (1933) triangular factor.

    With A lower triangular, A_ii^2 chi-squared on degrees - i, i = 0, ..., d - 1, and standard
    normals below, A A' is Wishart(degrees, 1); so is its inverse mapped by chol(scatter).
    """
    d = len(scatter)
    factor = np.tril(rng.normal(size=(*size, d, d)), -1)
    factor[..., range(d), range(d)] = np.sqrt(rng.chisquare(degrees - np.arange(d), (*size, d)))
    half = np.linalg.solve(factor, np.linalg.cholesky(scatter).T)
    cov: Array = np.swapaxes(half, -1, -2) @ half
    return cov


def _apart(
    scatter: Array, degrees: float, size: tuple[int, int], rng: np.random.Generator
) -> Array:
    """Draw each column's variance from InverseGamma(degrees / 2, scatter_jj / 2)."""
    d = len(scatter)
    variance = np.diagonal(scatter) / rng.chisquare(degrees, (*size, d))
    spread: Array = variance[..., None] * np.eye(d)
    return spread


def _single(
    scatter: Array, degrees: float, size: tuple[int, int], rng: np.random.Generator
) -> Array:
    """Draw the one variance from InverseGamma(degrees / 2, trace(scatter) / (2 d))."""
    d = len(scatter)
    variance = np.trace(scatter) / d / rng.chisquare(degrees, size)
    spread: Array = variance[..., None, None] * np.eye(d)
    return spread


def _shared(draw: Draw) -> Draw:
    """Draw one matrix for all K components."""

    def shared(
        scatter: Array, degrees: float, size: tuple[int, int], rng: np.random.Generator
    ) -> Array:
        return np.repeat(draw(scatter, degrees, (size[0], 1), rng), size[1], axis=1)

    return shared


FULL = Covariance("full", False, True, False, _free, _upper, _symmetric, lambda d: d, _wishart)
TIED = Covariance(
    "tied", True, True, False, _free, _upper, _symmetric, lambda d: d, _shared(_wishart)
)
DIAGONAL = Covariance(
    "diagonal", False, False, False, _separate, _along, _axes, lambda d: 1, _apart
)
SPHERICAL = Covariance("spherical", False, False, True, _round, _first, _ball, lambda d: 1, _single)
TIED_SPHERICAL = Covariance(
    "tied-spherical", True, False, True, _round, _first, _ball, lambda d: 1, _shared(_single)
)
