"""What surrounds the walks over a chain: their choice, their densities, and two threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from em.data.threads import available

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["both", "scaled", "walks_of", "worth_threads"]

BLOCK = 4_096  # rows whose exponentials are taken at once
WORTH_THREADS = 100_000  # rows times components: with fewer, two threads are slower than one


def walks_of(k: int) -> tuple[Callable[..., float], Callable[..., float]]:
    """Return the machine code of the walks inwards and outwards for K components.

    >>> [one.__name__ for one in walks_of(3)]
    ['inward', 'outward']
    """
    from em import paths, paths_of_two  # numba takes long to load

    if k == 2:
        return paths_of_two.inward, paths_of_two.outward
    return paths.inward, paths.outward


def worth_threads(size: int) -> bool:
    """Whether two threads are faster than one on so many rows times components.

    >>> worth_threads(20)
    False
    """
    return size >= WORTH_THREADS and available() > 1


def both[*P](threads: bool, walk: Callable[[*P], float], *ways: tuple[*P]) -> list[float]:
    """Return the results of a walk both ways, on two threads where that is faster.

    >>> both(True, lambda one, other: one + other, (1.0, 2.0), (3.0, 4.0))
    [3.0, 7.0]
    """
    if not threads:
        return [walk(*way) for way in ways]
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(walk, *ways[1])
        return [walk(*ways[0]), other.result()]


def scaled(log_density: Array, counts: Array | NDArray[np.int64], density: Array) -> float:
    """Write p over the largest of each row to `density`, and return the sum of what that hides.

    log_density: (K, m). counts: (m,), by which the logarithms of the largest are multiplied.
    density: (m + 1, W), whose last row and further columns stay as they are.

    >>> density = np.empty((2, 4))
    >>> scaled(np.array([[-1.0], [-3.0], [-1.0]]), np.array([2.0]), density)
    -2.0
    >>> density[0, :3].round(3)
    array([1.   , 0.135, 1.   ])
    """
    k, m = log_density.shape

    def part(begin: int, end: int) -> float:
        if k == 2:
            from em import paths_of_two

            return float(paths_of_two.scaled(log_density, counts, begin, end, density))
        logs = 0.0
        for first in range(begin, end, BLOCK):
            block = slice(first, min(first + BLOCK, end))
            rows = log_density[:, block]
            high = rows.max(axis=0)
            density[block, :k] = np.exp(rows - high).T
            logs += float(counts[block] @ high)
        return logs

    half = m // (2 * BLOCK) * BLOCK
    return sum(both(worth_threads(density.size), part, (0, half), (half, m)))
