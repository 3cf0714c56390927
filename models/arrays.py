"""The types of arrays, and the largest integer that a double counts exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST_WHOLE", "Array", "Labels", "Numbers"]

Array = NDArray[np.float64]
Labels = NDArray[np.intp]
Numbers = NDArray[np.generic]

LARGEST_WHOLE = 2.0**53
"""From this number on, neighbouring integers are the same double."""
