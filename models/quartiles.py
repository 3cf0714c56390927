"""Quartiles of observations, wherever their rows are: a place and a width that no outlier moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.checks import AT_ONCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array
    from models.observations import Observations, Readable

    type Keys = NDArray[np.uint64]

__all__ = ["NORMAL", "quartiles", "robust_spread"]

NORMAL = 1.3489795003921634  # the interquartile range of a Gaussian, in sds
DIGIT = 16  # bits of a double that one pass over the rows settles
SIGN = np.uint64(1 << 63)


def quartiles(sample: Observations, at: int = 0) -> Array:
    """Return the three quartiles of a column, of what was seen of it.

    A quartile that falls between two observations is their mean. Four passes over the rows find
    it exactly, 16 bits of its double each, so that rows need neither be sorted nor in memory.

    at: the column.

    >>> from models import Sample
    >>> quartiles(Sample([1, 2, 3, 1000]))
    array([  1.5,   2.5, 501.5])
    >>> quartiles(Sample([1, 2, 7], counts=[4, 3, 1]))
    array([1. , 1.5, 2. ])
    """
    known, rest = np.zeros(6, np.uint64), np.zeros(6)
    # the observation in which a rank ends, and that in which the next one begins
    after = np.repeat([False, True], 3)
    for digit in range(64 // DIGIT):
        prefixes, own = np.unique(known, return_inverse=True)
        below = _histogram(sample, at, digit, prefixes).cumsum(axis=1)
        if digit == 0:
            rest = below[0, -1] * np.array([1, 2, 3, 1, 2, 3]) / 4
        for one, row in enumerate(own):
            cells = below[row]
            found = np.searchsorted(cells, rest[one], "right" if after[one] else "left")
            cell = int(min(found, np.searchsorted(cells, cells[-1])))  # rounding of weights
            rest[one] -= cells[cell - 1] if cell else 0.0
            known[one] = (known[one] << np.uint64(DIGIT)) | np.uint64(cell)
    lower, upper = _values(known).reshape(2, 3)
    middle: Array = lower / 2 + upper / 2
    return middle


def robust_spread(quarters: Array) -> float:
    """Return the interquartile range as the sd of a Gaussian that has it.

    quarters: (3,) quartiles.

    >>> round(robust_spread(np.array([-0.6745, 0.0, 0.6745])), 4)
    1.0
    """
    return float((quarters[2] - quarters[0]) / NORMAL)


def _histogram(sample: Observations, at: int, digit: int, prefixes: Keys) -> Array:
    """Return how many observations have each value of a digit behind each prefix, (p, 2^16).

    prefixes: (p,) the digits before it.
    """
    width = 1 << DIGIT
    shift = np.uint64(64 - DIGIT * (digit + 1))

    def total(some: Readable) -> Array:
        found = np.zeros((len(prefixes), width))
        for x, _, counts in some.parts(AT_ONCE):
            column = x.reshape(len(x), -1)[:, at]
            seen = ~np.isnan(column)
            keys = _keys(column[seen]) >> shift
            times = np.ones(len(keys)) if counts is None else counts[seen]
            for row, prefix in enumerate(prefixes):
                mine = keys >> np.uint64(DIGIT) == prefix
                cells = (keys[mine] & np.uint64(width - 1)).astype(np.intp)
                found[row] += np.bincount(cells, times[mine], minlength=width)
        return found

    return np.asarray(sample.total(total))


def _keys(x: Array) -> Keys:
    """Return whole numbers that are in the order of doubles."""
    bits = np.ascontiguousarray(x + 0.0).view(np.uint64)  # -0 is 0
    return np.where(bits & SIGN, ~bits, bits | SIGN)


def _values(keys: Keys) -> Array:
    """Return the doubles of such numbers."""
    return np.where(keys & SIGN, keys ^ SIGN, ~keys).view(np.float64)
