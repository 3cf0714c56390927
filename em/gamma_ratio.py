"""Ratios of gamma functions, without the digits that differences of their logarithms lose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, polygamma, psi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["log_rising", "log_rising_slopes"]

FEW = 5_000  # whole steps that are added one by one: 20 times as fast as digamma functions

LARGE = 20.0  # from which Stirling's series, cut after five terms, has all digits
BERNOULLI = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)  # B_2j / (2j (2j - 1))


def log_rising(start: Array, steps: Array) -> Array:
    """Return log(Gamma(start + steps) / Gamma(start)) - steps log(start).

    It is sum_(i < steps) log(1 + i / start), and goes to 0 as the start grows. Few whole steps are
    added like that. Of others, large starts take Stirling's series,
    log Gamma(z) = (z - 1/2) log z - z + log(2 pi) / 2 + sum_j b_j / z^(2j - 1)
    (Abramowitz & Stegun 1964, 6.1.40).

    start: (..., 1) for steps (m,), of which it takes few whole ones; otherwise any shape.

    >>> found = log_rising(np.array([[2.0], [1e9]]), np.array([3.0]))
    >>> bool(np.isclose(found[0, 0], np.log(1.5) + np.log(2)))  # (2 3 4) / 2^3
    True
    >>> bool(abs(found[1, 0] - 3e-9) < 1e-14)
    True
    """
    if (whole := _few(start, steps)) is not None:
        ahead = np.log1p(np.arange(whole.max()) / start)
        return _added(ahead, whole)
    large = start >= LARGE
    low = _small(start)
    near = gammaln(low + steps) - gammaln(low) - steps * np.log(low)
    s = np.where(large, start, LARGE)
    end = s + steps
    far = (end - 0.5) * np.log1p(steps / s) - steps
    for j, number in enumerate(BERNOULLI):
        far += number * (end ** -(2 * j + 1) - s ** -(2.0 * j + 1))
    found: Array = np.where(large, far, near)
    return found


def log_rising_slopes(start: Array, steps: Array) -> tuple[Array, Array]:
    """Return how log(Gamma(start + steps) / Gamma(start)) changes with the start, twice.

    The first and the second derivative are differences of digamma and of trigamma functions.

    >>> first, second = log_rising_slopes(np.array([2.0]), np.array([2.0]))
    >>> first.round(6), second.round(6)  # 1/2 + 1/3, -1/4 - 1/9
    (array([0.833333]), array([-0.361111]))
    """
    if (whole := _few(start, steps)) is not None:
        terms = 1 / (start + np.arange(whole.max()))
        return _added(terms, whole), _added(-terms * terms, whole)
    large = start >= LARGE
    low = _small(start)
    first = psi(low + steps) - psi(low)
    second = polygamma(1, low + steps) - polygamma(1, low)
    s = np.where(large, start, LARGE)
    end = s + steps
    far = np.log1p(steps / s) + 0.5 * steps / (s * end)
    bend = -steps / (s * end) - 0.5 * steps * (s + end) / (s * end) ** 2
    for j, number in enumerate(BERNOULLI):
        power = 2 * j + 1
        far -= number * power * (end ** -(power + 1) - s ** -(power + 1.0))
        bend += number * power * (power + 1) * (end ** -(power + 2) - s ** -(power + 2.0))
    return np.where(large, far, first), np.where(large, bend, second)


def _few(start: Array, steps: Array) -> NDArray[np.intp] | None:
    """Return steps (m,) of each start (..., 1), if they are whole and not large; otherwise None."""
    if start.shape[-1:] != (1,) or steps.ndim != 1 or not steps.size or steps.max() >= FEW:
        return None
    whole = steps.astype(np.intp)
    return whole if (whole == steps).all() else None


def _added(terms: Array, steps: NDArray[np.intp]) -> Array:
    """Return the sums of as many first terms (..., n) as each step says, (..., m)."""
    sums = np.zeros((*terms.shape[:-1], terms.shape[-1] + 1))
    np.cumsum(terms, axis=-1, out=sums[..., 1:])
    found: Array = sums[..., steps]
    return found


def _small(start: Array) -> Array:
    """Return the small starts, NaN for those below 0: scipy would take time as long as they are."""
    found: Array = np.where(start >= LARGE, 1.0, np.where(start > 0, start, np.nan))
    return found
