"""Sums over all paths of a hidden Markov chain, in logarithms, from right to left.

With b_t(j) = log p(x_t | state j), 0 where nothing was seen, a message says how well a state
explains what is seen from its row on:

    here_t(j) = b_t(j) + beyond_t(j),                    beyond_n(j) = 0
    beyond_t(i) = log sum_j transition_ij exp here_t+1(j)
    log-likelihood = log sum_j initial_j exp here_1(j)

Its adjoint runs from left to right. occupied_t(j) is the derivative by b_t(j), which is the
probability of the state given everything that is seen:

    slope_1(j) = exp(here_1(j) - log-likelihood),           the derivative by initial_j
    slope_t(i, j) = occupied_t-1(i) exp(here_t(j) - beyond_t-1(i)), of which the sum over t is the
                                                            derivative by transition_ij
    occupied_1(j) = initial_j slope_1(j)
    occupied_t(j) = sum_i transition_ij slope_t(i, j)

The sums behind `beyond` share their exponentials, one for each state and not for each pair of them,
relative to one state. If all that a state can reach is far below, it takes out its own largest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes.machine_code import inner, kept, version_of

if TYPE_CHECKING:
    from models.arrays import Array, Labels

__all__ = ["VERSION", "forecasts", "memberships", "value_and_slopes"]

FAINT = 1e-200  # sums below it are taken again, relative to their own largest term
GREAT = 1e100  # shares up to it, or that of `top` down to its inverse, keep all their digits
VERSION = version_of(__file__)


@inner
def _stacked(initial: Array, transition: Array) -> Array:
    """Return transition and below it initial, (K + 1, K), as if the K-th state came before all."""
    k = len(initial)
    chance = np.empty((k + 1, k))
    for j in range(k):
        chance[k, j] = initial[j]
        for i in range(k):
            chance[i, j] = transition[i, j]
    return chance


@inner
def _by_itself(chance: Array, i: int, here: Array, t: int) -> float:
    """Return log sum_j chance_ij exp here_tj, relative to the largest that i can reach."""
    peak = -np.inf
    for j in range(here.shape[1]):
        if chance[i, j] > 0 and here[t, j] > peak:
            peak = here[t, j]
    if peak == -np.inf:
        return peak
    total = 0.0
    for j in range(here.shape[1]):
        if chance[i, j] > 0:
            total += chance[i, j] * np.exp(here[t, j] - peak)
    found: float = np.log(total) + peak
    return found


@inner
def _steep(
    weight: float, chance: Array, i: int, here: Array, t: int, slope: Array, occupied: Array
) -> None:
    """Do what `_rightwards` does for one state whose sum is faint."""
    height = _by_itself(chance, i, here, t)
    if weight > 0 and height > -np.inf:
        for j in range(here.shape[1]):
            each = weight * np.exp(here[t, j] - height)
            slope[i, j] += each
            if chance[i, j] > 0:
                occupied[t, j] += chance[i, j] * each


@inner
def _shared(here: Array, t: int, share: Array) -> int:
    """Set share_tj = exp(here_tj - peak), and return the state of the peak."""
    top = 0
    for j in range(here.shape[1]):
        if here[t, j] > here[t, top]:
            top = j
    peak = here[t, top]
    for j in range(here.shape[1]):
        share[t, j] = np.exp(here[t, j] - peak) if peak > -np.inf else 0.0
    return top


@inner
def _leftwards(
    chance: Array,
    log_density: Array,
    places: Array | Labels,
    ends: Array | Labels,
    here: Array,
    share: Array,
    inverse: Array,
) -> float:
    """Return the log-likelihood, and fill three arrays (n, K) for the way back.

    `share` is exp(here - base). It is taken from the sums of the row after it, as exp and log
    cancel, until it leaves the range of doubles. Then it is computed from the messages again, and
    base is the largest of them, that of `top`.

    here: messages; share: the same without logarithms, up to a factor of the row.
    inverse: of sum_j chance_ij share_tj for each state i of the row before t, or once for the first
        row; 0 if that sum is faint.
    """
    k, m = log_density.shape
    beyond, total, top = np.empty(k + 1), np.empty(k + 1), 0
    value: float = 0.0
    for s in range(len(ends) - 1, -1, -1):
        begin = int(ends[s - 1]) if s > 0 else 0
        beyond[:], total[:], base, faint = 0.0, 1.0, 0.0, False
        for t in range(int(ends[s]) - 1, begin - 1, -1):
            row, most = int(places[t]), 0.0
            lift = log_density[top, row] if row < m else 0.0
            base += lift
            for j in range(k):
                own = log_density[j, row] if row < m else 0.0
                here[t, j] = beyond[j] + own
                one = total[j] * np.exp(own - lift) if j != top else total[j]
                share[t, j] = one
                most = max(most, one)
            if faint or not (most < GREAT and share[t, top] > 1 / GREAT):
                top = _shared(here, t, share)
                base, faint = here[t, top], False
            first, last = (0, k) if t > begin else (k, k + 1)
            for i in range(first, last):
                part = 0.0
                for j in range(k):
                    part += chance[i, j] * share[t, j]
                total[i], faint = part, faint or part < FAINT
                inverse[t, i - first] = 0.0 if part < FAINT else 1.0 / part
                beyond[i] = _by_itself(chance, i, here, t) if part < FAINT else np.log(part) + base
        value += float(beyond[k])
    return value


@inner
def _rightwards(
    chance: Array,
    ends: Array | Labels,
    here: Array,
    share: Array,
    inverse: Array,
    occupied: Array,
    slope: Array,
) -> None:
    """Fill occupied (n, K), and add the derivatives by chance to slope (K + 1, K)."""
    k = here.shape[1]
    occupied[:] = 0.0
    for s in range(len(ends)):
        begin = int(ends[s - 1]) if s > 0 else 0
        for t in range(begin, int(ends[s])):
            first, last = (0, k) if t > begin else (k, k + 1)
            for i in range(first, last):
                weight, part = occupied[t - 1, i] if i < k else 1.0, inverse[t, i - first]
                if part == 0.0:
                    _steep(weight, chance, i, here, t, slope, occupied)
                    continue
                weight *= part
                for j in range(k):
                    each = weight * share[t, j]
                    slope[i, j] += each
                    occupied[t, j] += chance[i, j] * each


@kept
def value_and_slopes(
    initial: Array,
    transition: Array,
    log_density: Array,
    places: Array | Labels,
    ends: Array | Labels,
) -> tuple[float, Array, Array, Array]:
    """Return the log-likelihood, its derivatives by initial and transition, and roots.

    roots: (K, m) square roots of the derivatives by log_density, the expected numbers of rows.
    initial: (K,); transition: (K, K); log_density: (K, m).
    places: (n,) column of each row in time, m where nothing was seen; ends: (S,) of sequences.

    >>> even, moves = np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> log_density, places = np.log([[0.3, 0.1], [0.2, 0.6]]), np.array([0, 1, 0])
    >>> value, _, _, roots = value_and_slopes(even, moves, log_density, places, np.array([3]))
    >>> round(float(np.exp(value)), 7), (roots**2).round(3)  # the first value occurs twice
    (0.017035, array([[0.792, 0.264],
           [1.208, 0.736]]))
    """
    (k, m), n = log_density.shape, len(places)
    here, share, inverse = np.empty((n, k)), np.empty((n, k)), np.empty((n, k))
    chance = _stacked(initial, transition)
    value = _leftwards(chance, log_density, places, ends, here, share, inverse)
    occupied, slope, roots = np.empty((n, k)), np.zeros((k + 1, k)), np.zeros((k, m))
    _rightwards(chance, ends, here, share, inverse, occupied, slope)
    for t in range(n):
        row = int(places[t])
        if row < m:
            for j in range(k):
                roots[j, row] += occupied[t, j]
    for j in range(k):
        for row in range(m):
            roots[j, row] = np.sqrt(roots[j, row])
    return value, slope[k], slope[:k], roots


@kept
def memberships(
    initial: Array,
    transition: Array,
    log_density: Array,
    places: Array | Labels,
    ends: Array | Labels,
) -> Array:
    """Return the probability of each state at each row given all rows, (draws, K, n).

    initial: (draws, K); transition: (draws, K, K); log_density: (draws, K, m).
    places, ends: as `value_and_slopes` takes them.

    >>> even, moves = np.array([[0.5, 0.5]]), np.array([[[0.9, 0.1], [0.2, 0.8]]])
    >>> log_density, places = np.log([[[0.3, 0.1], [0.2, 0.6]]]), np.array([0, 1, 0])
    >>> memberships(even, moves, log_density, places, np.array([3])).round(3)
    array([[[0.346, 0.264, 0.446],
            [0.654, 0.736, 0.554]]])
    """
    draws, k, _ = log_density.shape
    n = len(places)
    here, share, inverse = np.empty((n, k)), np.empty((n, k)), np.empty((n, k))
    occupied, slope, found = np.empty((n, k)), np.zeros((k + 1, k)), np.empty((draws, k, n))
    for draw in range(draws):
        chance = _stacked(initial[draw], transition[draw])
        _leftwards(chance, log_density[draw], places, ends, here, share, inverse)
        _rightwards(chance, ends, here, share, inverse, occupied, slope)
        for t in range(n):
            for j in range(k):
                found[draw, j, t] = occupied[t, j]
    return found


@inner
def _foreseen(
    initial: Array,
    into: Array,
    log_density: Array,
    places: Array | Labels,
    begin: int,
    end: int,
    found: Array,
) -> None:
    """Do what `forecasts` does for one draw and one sequence.

    into: (K + 1, K) the transposed transition matrix, and ones below it.
    """
    k, m = log_density.shape
    here, share, height = np.empty((1, k)), np.empty((1, k)), np.empty(k + 1)
    for j in range(k):
        height[j] = np.log(initial[j])
    height[k] = 0.0
    for t in range(begin, end):
        row = int(places[t])
        for j in range(k):
            ahead = height[j] - height[k]
            here[0, j] = ahead + log_density[j, row] if row < m else ahead
        peak = here[0, _shared(here, 0, share)]
        for i in range(k + 1):
            part = 0.0
            for j in range(k):
                part += into[i, j] * share[0, j]
            height[i] = _by_itself(into, i, here, 0) if part < FAINT else np.log(part) + peak
        if row < m:
            found[t] = height[k]
        if height[k] == -np.inf:  # no state explains the row: what follows does not matter
            return


@kept
def forecasts(
    initial: Array,
    transition: Array,
    log_density: Array,
    places: Array | Labels,
    ends: Array | Labels,
) -> Array:
    """Return log p(x_t | all rows before t in its sequence), 0 where nothing was seen, (draws, n).

    From left to right, in logarithms too, with ahead_t(j) = log p(state j at t | x_1 .. x_t-1):

        log p(x_t | x_1 .. x_t-1) = log sum_j exp(ahead_t(j) + b_t(j))
        ahead_t+1(j) = log sum_i transition_ij exp(ahead_t(i) + b_t(i)) - log p(x_t | x_1 .. x_t-1)

    initial: (draws, K); transition: (draws, K, K); log_density: (draws, K, m).
    places, ends: as `value_and_slopes` takes them.

    >>> even, moves = np.array([[0.5, 0.5]]), np.array([[[0.9, 0.1], [0.2, 0.8]]])
    >>> log_density, places = np.log([[[0.3, 0.1], [0.2, 0.6]]]), np.array([0, 1, 0])
    >>> each = forecasts(even, moves, log_density, places, np.array([3]))
    >>> np.exp(each).round(4), round(float(np.exp(each.sum())), 7)
    (array([[0.25 , 0.29 , 0.235]]), 0.017035)
    """
    draws, k, _ = log_density.shape
    found, into = np.zeros((draws, len(places))), np.ones((k + 1, k))
    for draw in range(draws):
        for i in range(k):
            for j in range(k):
                into[j, i] = transition[draw, i, j]
        for s in range(len(ends)):
            begin, end = int(ends[s - 1]) if s > 0 else 0, int(ends[s])
            _foreseen(initial[draw], into, log_density[draw], places, begin, end, found[draw])
    return found
