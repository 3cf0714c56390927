"""The sums of `em/paths.py` in logarithms, for paths whose densities doubles cannot hold.

Where a move is impossible, a row may be only in states under which it is e^-1000 times as likely
as under another. Divided by the largest of the row, that is 0. The walks of `em/paths.py` then meet
a sum of 0, and this slower walk, over time and back, finds the likelihood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["filtered", "summed"]

# as in em/paths.py; numba watches a function's own file alone, so that files share nothing
compiled = njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")


@compiled
def _log_sum(logs: Array) -> float:
    """Return the logarithm of a sum, given those of its terms."""
    high = logs.max()
    if high == -np.inf:
        return -np.inf
    found: float = high + np.log(np.exp(logs - high).sum())
    return found


@compiled
def summed(
    log_density: Array,
    places: NDArray[np.intp],
    log_start: Array,
    log_moves: Array,
    begins: NDArray[np.intp],
    ends: NDArray[np.intp],
    members: Array,
    moves: Array,
) -> float:
    """Return the log-likelihood, and write the sums over all paths.

    log_density: (m + 1, K), zeros for what was not seen.
    log_start, log_moves: (K,) and (K, K).
    members: (n, K), where the probability of each state at each row is written.
    moves: (K, K), to which expected moves are added.

    >>> members, moves = np.empty((2, 2)), np.zeros((2, 2))
    >>> rows, half = np.array([[0.0, -2_000.0], [0.0, 0.0]]), np.log([0.5, 0.5])
    >>> stay = np.array([[-np.inf, 0.0], [-np.inf, 0.0]])  # the second state follows, come what may
    >>> row = np.array([0, 0]), half, stay, np.array([0]), np.array([2])
    >>> round(float(summed(rows, *row, members, moves)), 3), members
    (-2000.693, array([[1., 0.],
           [0., 1.]]))
    """
    k, total = len(log_start), 0.0
    now, after = np.empty(k), np.empty((k, k))
    for s in range(len(begins)):
        first, last = begins[s], ends[s] - 1
        members[first] = log_start + log_density[places[first]]
        for t in range(first + 1, last + 1):
            for j in range(k):
                members[t, j] = (
                    _log_sum(members[t - 1] + log_moves[:, j]) + log_density[places[t], j]
                )
        height = _log_sum(members[last])
        if not height > -np.inf:
            return -np.inf
        total += height
        now[:] = 0.0  # log p(rows after t | state at t)
        for t in range(last, first - 1, -1):
            if t < last:
                for i in range(k):
                    after[i] = log_moves[i] + log_density[places[t + 1]] + now
                for i in range(k):
                    now[i] = _log_sum(after[i])
                    moves[i] += np.exp(members[t, i] + after[i] - height)
            members[t] = np.exp(members[t] + now - height)
    return total


@compiled
def filtered(
    log_density: Array,
    places: NDArray[np.intp],
    log_start: Array,
    log_moves: Array,
    begins: NDArray[np.intp],
    ends: NDArray[np.intp],
    now: Array,
) -> None:
    """Write the probability of each state at each row given that row and those before it.

    now: (n, K), to be written; the others are those of `summed`. Rows that no path can have made
    leave all states as likely.

    >>> now, half = np.empty((2, 2)), np.log([0.5, 0.5])
    >>> stay = np.array([[-np.inf, 0.0], [-np.inf, 0.0]])  # the second state follows, come what may
    >>> rows, both = np.array([[0.0, -2_000.0], [0.0, 0.0]]), np.array([0, 0])
    >>> filtered(rows, both, half, stay, np.array([0]), np.array([2]), now)
    >>> now
    array([[1., 0.],
           [0., 1.]])
    """
    k = len(log_start)
    here, before, terms = np.empty(k), np.empty(k), np.empty(k)
    for sequence in range(len(begins)):
        for t in range(begins[sequence], ends[sequence]):
            for j in range(k):
                if t == begins[sequence]:
                    here[j] = log_start[j]
                else:
                    for i in range(k):
                        terms[i] = before[i] + log_moves[i, j]
                    here[j] = _log_sum(terms)
                here[j] += log_density[places[t], j]
            total = _log_sum(here)
            for j in range(k):
                now[t, j] = np.exp(here[j] - total) if total > -np.inf else 1 / k
                before[j] = here[j] - total if total > -np.inf else -np.log(k)
