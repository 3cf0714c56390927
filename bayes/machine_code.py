"""Functions as machine code that is kept on disk, beside PyTensor's own."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["inner", "kept", "version_of"]


def inner[F: Callable[..., object]](function: F) -> F:
    """Return a function as machine code for others of its file.

    >>> inner(lambda x: 2 * x)(3)
    6
    """
    compiled: Any = numba.njit(error_model="numpy")(function)
    found: F = compiled
    return found


def kept[F: Callable[..., object]](function: F) -> F:
    """Return a function as machine code that is compiled once and then read from disk.

    >>> from bayes.balance import balance
    >>> balance(np.array([[0.0, 1.0], [1.0, 0.0]]))[0]
    array([0.5, 0.5])
    """
    CACHED_SRC_FUNCTIONS[function] = (
        f"{function.__name__}_{version_of(function.__code__.co_filename)}"
    )
    compiled: Any = numba.njit(error_model="numpy", nogil=True, cache=True)(function)
    found: F = compiled
    return found


def version_of(file: str) -> int:
    """Return a number that changes with a file, by which its code is found on disk.

    >>> import models, bayes
    >>> version_of(models.__file__) == version_of(bayes.__file__)
    False
    """
    return int(sha256(Path(file).read_bytes()).hexdigest()[:12], 16)
