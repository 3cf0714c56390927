"""Gaussian densities of rows of which some columns were not seen, and their derivatives.

Of component k and a pattern of blanks that leaves the columns o, let W be the inverse of the
Cholesky factor of cov_oo, and z = W (x_o - mean_o). Then

    log p = log |W| - |z|^2 / 2 - o log(2 pi) / 2,

d log p / d mean_o = W' z and d log p / d cov_oo = W' (z z' - 1) W / 2. The covariance is given by a
lower triangular root of its inverse: cov = A A' with A the inverse of the root, so that a slope Q
by cov, summed over patterns, is -2 A' Q cov by the root. Blanks are rows and columns of 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes.machine_code import inner, kept, version_of

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["VERSION", "log_densities", "slopes"]

VERSION = version_of(__file__)


@inner
def _inverted(root: Array, found: Array) -> None:
    """Fill in the inverse of a lower triangular matrix, in its columns where the diagonal is not 0.

    Rows and columns with 0 on the diagonal stay 0.
    """
    d = len(root)
    found[:] = 0.0
    for j in range(d):
        if root[j, j] == 0:
            continue
        found[j, j] = 1 / root[j, j]
        for i in range(j + 1, d):
            if root[i, i] == 0:
                continue
            total = 0.0
            for at in range(j, i):
                total += root[i, at] * found[at, j]
            found[i, j] = -total / root[i, i]


@inner
def _squared(root: Array, found: Array) -> None:
    """Fill in root root'."""
    d = len(root)
    for i in range(d):
        for j in range(d):
            total = 0.0
            for at in range(min(i, j) + 1):
                total += root[i, at] * root[j, at]
            found[i, j] = total


@inner
def _factored(cov: Array, seen: Array, found: Array) -> None:
    """Fill in the Cholesky factor of the columns that were seen; NaN if there is none."""
    d = len(cov)
    found[:] = 0.0
    for j in range(d):
        if seen[j] == 0:
            continue
        total = cov[j, j]
        for at in range(j):
            total -= found[j, at] ** 2
        found[j, j] = np.sqrt(total) if total > 0 else np.nan
        for i in range(j + 1, d):
            if seen[i] == 0:
                continue
            total = cov[i, j]
            for at in range(j):
                total -= found[i, at] * found[j, at]
            found[i, j] = total / found[j, j]


@inner
def _whitening(root: Array, patterns: Array) -> Array:
    """Return W of every component and pattern, (K, P, d, d).

    root: (K, d, d); patterns: (d, P).
    """
    k, d, _ = root.shape
    found = np.empty((k, patterns.shape[1], d, d))
    inverse, cov, factor = np.empty((d, d)), np.empty((d, d)), np.empty((d, d))
    for j in range(k):
        _inverted(root[j], inverse)
        _squared(inverse, cov)
        for pattern in range(patterns.shape[1]):
            _factored(cov, patterns[:, pattern], factor)
            _inverted(factor, found[j, pattern])
    return found


@inner
def _whitened(white: Array, x: Array, mean: Array, row: int, z: Array) -> None:
    """Fill in z of a row."""
    d = len(z)
    for i in range(d):
        total = 0.0
        if white[i, i] != 0:
            for at in range(i + 1):
                total += white[i, at] * (x[at, row] - mean[at])
        z[i] = total


@kept
def log_densities(mean: Array, root: Array, x: Array, of_row: Array, patterns: Array) -> Array:
    """Return log p of every row under every component, (K, m).

    mean: (K, d); root: (K, d, d); x: (d, m), anything for blanks but NaN.
    of_row: (m,) the pattern of each row; patterns: (d, P) 1 for columns that were seen, 0 for
        blanks.

    >>> mean, root = np.zeros((1, 2)), np.array([[[0.5, 0.0], [0.0, 1.0]]])
    >>> x, patterns = np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> log_densities(mean, root, x, np.array([0.0, 1.0]), patterns).round(3)
    array([[-2.112, -0.919]])
    """
    (k, d), m = mean.shape, x.shape[1]
    white, z, found = _whitening(root, patterns), np.empty(d), np.empty((k, m))
    constant = np.zeros((k, patterns.shape[1]))
    for j in range(k):
        for pattern in range(patterns.shape[1]):
            for i in range(d):
                if patterns[i, pattern] != 0:
                    constant[j, pattern] += np.log(white[j, pattern, i, i])
                    constant[j, pattern] -= 0.5 * np.log(2 * np.pi)
    for j in range(k):
        for row in range(m):
            pattern = int(of_row[row])
            _whitened(white[j, pattern], x, mean[j], row, z)
            total = 0.0
            for i in range(d):
                total += z[i] * z[i]
            found[j, row] = constant[j, pattern] - 0.5 * total
    return found


@kept
def slopes(
    weight: Array, mean: Array, root: Array, x: Array, of_row: Array, patterns: Array
) -> tuple[Array, Array]:
    """Return the derivatives of the sum of weight times log p by mean and root.

    weight: (K, m). The other arguments are those of `log_densities`.

    >>> mean, root = np.zeros((1, 1)), np.full((1, 1, 1), 0.5)
    >>> row = np.full((1, 1), 4.0), np.zeros(1), np.ones((1, 1))
    >>> [one.ravel() for one in slopes(np.ones((1, 1)), mean, root, *row)]
    [array([1.]), array([-6.])]
    """
    (k, d), m, many = mean.shape, x.shape[1], patterns.shape[1]
    white, z = _whitening(root, patterns), np.empty(d)
    by_mean, by_root = np.zeros((k, d)), np.zeros((k, d, d))
    inverse, cov, by_cov = np.empty((d, d)), np.empty((d, d)), np.empty((d, d))
    for j in range(k):
        square = np.zeros((many, d, d))
        for row in range(m):
            pattern, often = int(of_row[row]), weight[j, row]
            _whitened(white[j, pattern], x, mean[j], row, z)
            for i in range(d):
                for at in range(i + 1):
                    by_mean[j, at] += often * white[j, pattern, i, at] * z[i]
                    square[pattern, i, at] += often * z[i] * z[at]
                if patterns[i, pattern] != 0:
                    square[pattern, i, i] -= often
        by_cov[:] = 0.0
        for pattern in range(many):
            for i in range(d):
                for at in range(i):
                    square[pattern, at, i] = square[pattern, i, at]
            by_cov += white[j, pattern].T @ (square[pattern] @ white[j, pattern])
        _inverted(root[j], inverse)
        _squared(inverse, cov)
        by_root[j] = -(inverse.T @ (by_cov @ cov))
    return by_mean, by_root
