"""One E-step over the cells of groups, in machine code.

A cell is a distinct row x of a group g, with its count. With shares w_gk and densities p_xk,

    s = sum_k w_gk p_xk,                 log-likelihood = sum over cells of count log s,
    expected of component k in g:        w_gk sum over g's cells of p_xk count / s,
    expected of component k at x:        p_xk sum over x's cells of w_gk count / s,

so that each cell costs three walks over K numbers, whatever the number of empty cells. Rows have
K numbers, padded with zeros to a multiple of WIDE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["expected", "padded"]

WIDE = 4  # numbers that the loops take at once
FAINT = 1e-290  # a sum below it has lost its digits: the caller takes logarithms
LOW, HIGH = 1e-100, 1e100  # bounds of a product whose logarithm is not taken yet
U0, U1, U2, U3, U4 = (np.uint64(one) for one in range(5))

# Divisions are not checked: the caller looks at a sum that is not finite.
compiled = njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")


def padded(k: int) -> int:
    """Return the length of rows for K components.

    >>> [padded(k) for k in (2, 4, 5)]
    [4, 4, 8]
    """
    return -(-k // WIDE) * WIDE


@compiled
def expected(
    density: Array,
    weight: Array,
    places: NDArray[np.intp],
    times: Array | NDArray[np.int64],
    begins: NDArray[np.intp],
    ends: NDArray[np.intp],
    occupancy: Array,
    own: Array,
) -> float:
    """Return the log-likelihood of some groups, NaN where a sum is too faint.

    density: (m, W) of each distinct row. weight: (G, W).
    places, times: (c,) distinct row and count of each cell.
    begins, ends: (G,) the cells of each group.
    occupancy: (m, W), to which the sum of w_gk count / s of each distinct row is added.
    own: (G, W), where the expected number of each component in each group is written.

    >>> density, own, occupancy = np.array([[0.5, 0.1, 0, 0]]), np.empty((1, 4)), np.zeros((1, 4))
    >>> cell, even = (np.array([0]), np.array([3])), np.array([[0.5, 0.5, 0, 0]])
    >>> ends = np.array([0]), np.array([1])
    >>> round(expected(density, even, *cell, *ends, occupancy, own), 4), own.round(3)
    (-3.6119, array([[2.5, 0.5, 0. , 0. ]]))
    """
    k, logs, product = np.uint64(weight.shape[1]), 0.0, 1.0
    share, total = np.empty(weight.shape[1]), np.empty(weight.shape[1])
    for g in range(len(ends)):
        for j in range(U0, k):
            share[j] = weight[g, j]
            total[j] = 0.0
        for cell in range(begins[g], ends[g]):
            x, count = np.uint64(places[cell]), float(times[cell])
            a = b = c = d = 0.0
            for j in range(U0, k, U4):
                a += share[j] * density[x, j]
                b += share[j + U1] * density[x, j + U1]
                c += share[j + U2] * density[x, j + U2]
                d += share[j + U3] * density[x, j + U3]
            height = (a + b) + (c + d)
            if not height > FAINT:
                return np.nan
            if count == 1.0:  # a logarithm takes as long as many products
                product *= height
                if not LOW < product < HIGH:
                    logs += np.log(product)
                    product = 1.0
            else:
                logs += count * np.log(height)
            unit = count / height
            for j in range(U0, k):
                total[j] += density[x, j] * unit
                occupancy[x, j] += share[j] * unit
        for j in range(U0, k):
            own[g, j] = share[j] * total[j]
    found: float = logs + np.log(product)
    return found
