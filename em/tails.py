"""Sums over rows that Student's M-step needs, in machine code: one pass for all of them.

`em.student_t` has the same sums by NumPy, for few rows: numba takes longer to load than they do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["products"]

BLOCK = 4096  # rows whose numbers stay in the nearest cache
ROOT_HALF = 0x3FE6A09E667F3BCD  # the bits of sqrt(1/2)
EXPONENT = 52  # bits below the exponent of a number
LOG_2 = float(np.log(2))

# as in em/cells.py; numba watches a function's own file alone, so that files share nothing
compiled = njit(
    cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy"
)


@compiled
def products(
    share: Array, x: Array, mean: float, sd: float, df: float
) -> tuple[float, float, float, float, float, float, float, float, float]:
    """Return sums over rows of share times 1, log(1 + y), u, u^2, z r, z r u, r, r u, z r^2.

    z = (x - mean) / sd, y = z^2 / df, r = 1 / (df + z^2), u = r z^2. The logarithm is
    e log 2 + 2 w (1 + w^2 / 3 + w^4 / 5 + ...), with 1 + y = m 2^e, w = (m - 1) / (m + 1), and m
    from sqrt(1/2) to sqrt(2). Where e is 0, w is y / (2 + y), so that 1 + y has lost nothing.

    >>> [round(one, 3) for one in products(np.ones(2), np.array([0.0, 2.0]), 0.0, 1.0, 4.0)[:4]]
    [2.0, 0.693, 0.5, 0.25]
    """
    n = logs = all_u = uu = zr = zru = all_r = ru = zrr = 0.0
    near, ratio = 1 / sd, 1 / df
    mantissas, exponents = np.empty(BLOCK), np.empty(BLOCK, np.int64)
    excess = np.empty(BLOCK)
    bits = mantissas.view(np.int64)
    for first in range(0, len(x), BLOCK):
        size = min(BLOCK, len(x) - first)
        for i in range(size):
            z, w = (x[first + i] - mean) * near, share[first + i]
            square = z * z
            r = 1 / (square + df)
            u = square * r
            by_u, by_r, by_z = w * u, w * r, w * z * r
            n, all_u, all_r, zr = n + w, all_u + by_u, all_r + by_r, zr + by_z
            uu, ru, zru, zrr = uu + by_u * u, ru + by_r * u, zru + by_z * u, zrr + by_z * r
            excess[i] = square * ratio
            mantissas[i] = 1 + excess[i]
        for i in range(size):
            exponents[i] = (bits[i] - ROOT_HALF) >> EXPONENT
            bits[i] -= exponents[i] << EXPONENT
        for i in range(size):
            over = excess[i] if exponents[i] == 0 else mantissas[i] - 1
            w = over / (2 + over)
            q = w * w
            low = 1 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q / 11))))
            high = 1 / 13 + q * (1 / 15 + q * (1 / 17 + q * (1 / 19 + q / 21)))
            logs += share[first + i] * (exponents[i] * LOG_2 + 2 * w * (low + q**6 * high))
    return n, logs, all_u, uu, zr, zru, all_r, ru, zrr
