"""The forms a covariance can take: linear patterns, closed under inversion.

For such a pattern the maximum-likelihood covariance is the orthogonal projection of the scatter
onto it (Jensen 1988, Ann. Statist. 16, 302), so a form is a projection and a basis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.family import Array

__all__ = ["DIAGONAL", "FULL", "SPHERICAL", "TIED", "Covariance"]


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
    """

    name: str
    tied: bool
    linear: bool
    isotropic: bool
    project: Callable[[Array], Array]
    places: Callable[[int], list[tuple[int, int]]]
    basis: Callable[[int], Array]
    block: Callable[[int], int]


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


FULL = Covariance("full", False, True, False, _free, _upper, _symmetric, lambda d: d)
TIED = Covariance("tied", True, True, False, _free, _upper, _symmetric, lambda d: d)
DIAGONAL = Covariance("diagonal", False, False, False, _separate, _along, _axes, lambda d: 1)
SPHERICAL = Covariance("spherical", False, False, True, _round, _first, _ball, lambda d: 1)
