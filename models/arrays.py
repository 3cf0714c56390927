"""The types of arrays, the largest integer that a double counts exactly, and even distances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST_WHOLE", "Array", "Labels", "Numbers", "spaced"]

Array = NDArray[np.float64]
Labels = NDArray[np.intp]
Numbers = NDArray[np.generic]

LARGEST_WHOLE = 2.0**53
"""From this number on, neighbouring integers are the same double."""


def spaced(n: int, most: int) -> Labels:
    """Return places among n at even distances, all of them or as many as `most`.

    >>> spaced(10, 4)
    array([0, 3, 6, 9])
    """
    return np.linspace(0, n - 1, min(n, most)).astype(np.intp)
