"""The M-step of transitions whose stationary distribution counts, in machine code.

The formulas are those of `em/stationary.py`. Newton's method is a few steps on K^2 numbers, which
take longer to call one by one than to compute. Loops are written out, as numba takes seconds to
compile what is said of whole arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["highest_moves", "tilted"]

STEPS = 200  # of Newton's method at most; five are usual
REACH = 4.0  # by which a step changes the logarithm of a probability at most
DONE = 1e-13  # gain of Q still expected, relative, at which it is done
HALVINGS = 40
SWEEPS = 60  # of Jacobi's method at most; eight are usual
EPSILON = 2.0**-52

# as in em/paths.py; numba watches a function's own file alone, so that files share nothing
compiled = njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")


@compiled
def tilted(
    moves: Array, first: Array, delta: Array, spread: Array, slope: Array, curvature: Array
) -> None:
    """Write d phi / d g_ij, (K, K), and d^2 phi / d g_ij d g_kl, (K K, K K).

    moves: (K, K) g. first: (K,) u. delta: (K,) the stationary distribution.
    spread: (K, K) Z = (I - G + 1 delta')^-1.

    >>> even, slope, curvature = np.full((2, 2), 0.5), np.empty((2, 2)), np.empty((4, 4))
    >>> tilted(even, np.array([1.0, 0.0]), even[0], np.eye(2), slope, curvature)
    >>> slope
    array([[1., 0.],
           [1., 0.]])
    """
    k = len(moves)
    square, change = np.zeros(k), np.zeros(k)
    _changed(first, delta, spread, square, change)
    for j in range(k):
        for n in range(k):
            ahead = 0.0
            for m in range(k):
                ahead += spread[j, m] * square[m] * spread[n, m]
            slope[n, j] = delta[n] * change[j]
            for i in range(k):
                for m in range(k):
                    one = delta[i] * spread[j, m] * change[n]
                    other = delta[m] * spread[n, i] * change[j]
                    curvature[i * k + j, m * k + n] = one + other - delta[i] * delta[m] * ahead


@compiled
def _changed(first: Array, delta: Array, spread: Array, square: Array, change: Array) -> None:
    """Add u / delta^2 to `square` (K,), and v = Z (u / delta) to `change` (K,)."""
    for i in range(len(first)):
        if first[i] > 0:
            weight = first[i] / delta[i]
            square[i] += weight / delta[i]
            for j in range(len(first)):
                change[j] += spread[j, i] * weight


@compiled
def highest_moves(counts: Array, first: Array, begins: Array, found: Array) -> None:
    """Write the transitions (K, K) that maximise Q, by Newton's method in log g.

    Where Q is not concave, the step follows the absolute values of its curvatures; a step that does
    not raise Q is halved.

    counts: (K, K) n. first: (K,) u.
    begins: (B, K, K) logarithms of transitions to begin at, of which the highest is taken; rows
        need not sum to one.

    >>> counts, found = np.array([[8.0, 2.0], [1.0, 4.0]]), np.empty((2, 2))
    >>> highest_moves(counts, np.array([0.0, 1.0]), np.log(counts)[None], found)
    >>> found.round(4)
    array([[0.7713, 0.2287],
           [0.1356, 0.8644]])
    """
    k, here = len(counts), -np.inf
    log, delta, ahead = np.zeros((k, k)), np.zeros(k), np.empty((k, k))
    step, spread = np.zeros((k, k)), np.empty((k, k))
    slope, curvature = np.empty((k, k)), np.empty((k * k, k * k))
    for b in range(len(begins)):
        here = _raised(counts, first, begins[b], step, 1.0, here, log, ahead, found, delta)
    if here == -np.inf:  # no number
        return
    for _ in range(STEPS):
        if not _inverted(found, delta, spread):  # states that are never left
            return
        tilted(found, first, delta, spread, slope, curvature)
        _derived(counts, found, slope, curvature)
        _solved(curvature, slope, step)
        gain, longest = _sizes(slope, step)
        if not gain > DONE * (1 + abs(here)):
            return
        part, before = min(1.0, REACH / longest), here
        for _ in range(HALVINGS):
            here = _raised(counts, first, log, step, part, before, log, ahead, found, delta)
            if here > before:
                break
            part /= 2
        if not here > before:
            return


@compiled
def _sizes(slope: Array, step: Array) -> tuple[float, float]:
    """Return slope . step, and the largest absolute value of the step."""
    gain, longest = 0.0, 0.0
    for i in range(len(step)):
        for j in range(len(step)):
            gain += slope[i, j] * step[i, j]
            longest = max(longest, abs(step[i, j]))
    return gain, longest


@compiled
def _raised(
    counts: Array,
    first: Array,
    begin: Array,
    step: Array,
    part: float,
    before: float,
    log: Array,
    ahead: Array,
    moves: Array,
    delta: Array,
) -> float:
    """Return Q at a part of a step from `begin` if it is higher than before, otherwise that.

    If it is, the logarithms of the transitions are written to `log`, they to `moves`, and their
    stationary distribution to `delta`.

    ahead: (K, K) room.
    """
    k = len(delta)
    there, other = np.empty((k, k)), np.empty(k)
    for i in range(k):
        for j in range(k):
            ahead[i, j] = begin[i, j] + part * step[i, j]
    height = _height(counts, first, ahead, there, other)
    if not height > before:
        return before
    for i in range(k):
        delta[i] = other[i]
        for j in range(k):
            log[i, j], moves[i, j] = ahead[i, j], there[i, j]
    return height


@compiled
def _height(counts: Array, first: Array, log: Array, moves: Array, delta: Array) -> float:
    """Return Q; minus infinity if a sequence begins where the chain never is.

    log: (K, K) logarithms of transitions up to a constant in each row, which is taken off.
    moves, delta: where transitions and their stationary distribution are written.
    """
    k, value = len(counts), 0.0
    for i in range(k):
        high, total = log[i, 0], 0.0
        for j in range(k):
            high = max(high, log[i, j])
        for j in range(k):
            total += np.exp(log[i, j] - high)
        high += np.log(total)
        for j in range(k):
            log[i, j] -= high
            moves[i, j] = np.exp(log[i, j])
            value += counts[i, j] * log[i, j]
    _stationary(moves, delta)
    for i in range(k):
        if first[i] > 0:
            if not delta[i] > 0:  # NaN too, where several distributions stay as they are
                return -np.inf
            value += first[i] * np.log(delta[i])
    return value


@compiled
def _stationary(transition: Array, delta: Array) -> None:
    """Write the stationary distribution (Grassmann, Taksar & Heyman 1985), NaN if there are more.

    As `models.hidden_markov.stationary`.
    """
    k, total, moves = len(delta), 1.0, transition.copy()
    for state in range(k - 1, 0, -1):
        back = 0.0
        for i in range(state):
            back += moves[state, i]
        for i in range(state):
            moves[i, state] /= back
        for i in range(state):
            for j in range(state):
                moves[i, j] += moves[i, state] * moves[state, j]
    delta[0] = 1.0
    for state in range(1, k):
        delta[state] = 0.0
        for i in range(state):
            delta[state] += delta[i] * moves[i, state]
        total += delta[state]
    for state in range(k):
        delta[state] /= total


@compiled
def _inverted(moves: Array, delta: Array, spread: Array) -> bool:
    """Write (I - moves + 1 delta')^-1 by Gauss & Jordan; return whether there is one."""
    k = len(moves)
    system = np.zeros((k, 2 * k))
    for i in range(k):
        system[i, i] = system[i, k + i] = 1.0
        for j in range(k):
            system[i, j] += delta[j] - moves[i, j]
    for column in range(k):
        if not _pivoted(system, column):
            return False
        for i in range(k):
            factor = system[i, column]
            for j in range(2 * k):
                if i != column:
                    system[i, j] -= factor * system[column, j]
    for i in range(k):
        for j in range(k):
            spread[i, j] = system[i, k + j]
    return True


@compiled
def _pivoted(system: Array, column: int) -> bool:
    """Bring the row that is largest in a column to its place, as 1; False if all are 0."""
    pivot = column
    for i in range(column, len(system)):
        if abs(system[i, column]) > abs(system[pivot, column]):
            pivot = i
    if not abs(system[pivot, column]) > 0:
        return False
    unit = 1 / system[pivot, column]
    for j in range(system.shape[1]):
        one = system[pivot, j] * unit
        system[pivot, j] = system[column, j]
        system[column, j] = one
    return True


@compiled
def _derived(counts: Array, moves: Array, slope: Array, curvature: Array) -> None:
    """Write the gradient (K, K) of Q in log g, rows of g kept at 1, and minus its Hessian.

    slope, curvature: of phi in g, over which these are written. A factor that a whole row has in
        common changes nothing; there the second is made to be positive.
    """
    k = len(counts)
    _pulled(moves, curvature)
    for i in range(k):
        pulled = total = 0.0
        for j in range(k):
            pulled += moves[i, j] * slope[i, j]
            total += counts[i, j]
        total += pulled
        for j in range(k):
            own, row = moves[i, j] * (slope[i, j] - total), i * k + j
            curvature[row, row] -= own
            for n in range(k):
                less = moves[i, j] * moves[i, n] * (slope[i, n] - pulled)
                curvature[row, i * k + n] += own * moves[i, n] + less + total
        for j in range(k):
            slope[i, j] = counts[i, j] + moves[i, j] * (slope[i, j] - total)


@compiled
def _pulled(moves: Array, curvature: Array) -> None:
    """Write -J' C J over C, where J = d g_ij / d log g_il = g_ij (1{j = l} - g_il)."""
    k = len(moves)
    for i in range(k):
        for m in range(k * k):
            mean = 0.0
            for j in range(k):
                mean += moves[i, j] * curvature[i * k + j, m]
            for j in range(k):
                row = i * k + j
                curvature[row, m] = moves[i, j] * (mean - curvature[row, m])
    for i in range(k * k):
        for m in range(k):
            mean = 0.0
            for n in range(k):
                mean += moves[m, n] * curvature[i, m * k + n]
            for n in range(k):
                column = m * k + n
                curvature[i, column] = moves[m, n] * (curvature[i, column] - mean)


@compiled
def _solved(fall: Array, slope: Array, step: Array) -> None:
    """Write Newton's step (K, K); where Q is not concave, by the absolute values of its curvatures.

    fall: minus the Hessian, which is lost.
    """
    k = len(slope)
    size = k * k
    low, found = np.zeros((size, size)), np.empty(size)
    if _factored(fall, low):
        for i in range(size):
            found[i] = slope[i // k, i % k]
            for m in range(i):
                found[i] -= low[i, m] * found[m]
            found[i] /= low[i, i]
        for i in range(size - 1, -1, -1):
            for m in range(i + 1, size):
                found[i] -= low[m, i] * found[m]
            found[i] /= low[i, i]
    else:
        _by_values(fall, slope, low, found)
    for i in range(size):
        step[i // k, i % k] = found[i]


@compiled
def _factored(fall: Array, low: Array) -> bool:
    """Write the Cholesky factor; return whether the matrix is positive definite."""
    for i in range(len(fall)):
        for j in range(i + 1):
            rest = fall[i, j]
            for m in range(j):
                rest -= low[i, m] * low[j, m]
            if j < i:
                low[i, j] = rest / low[j, j]
            elif rest > 0:
                low[i, i] = np.sqrt(rest)
            else:
                return False
    return True


@compiled
def _by_values(fall: Array, slope: Array, vectors: Array, found: Array) -> None:
    """Write the step (K K,) that follows the absolute values of the eigenvalues."""
    size, k, high = len(fall), len(slope), 0.0
    _diagonalised(fall, vectors)
    for i in range(size):
        high = max(high, abs(fall[i, i]))
        found[i] = 0.0
    for j in range(size):
        along = 0.0
        for i in range(size):
            along += vectors[i, j] * slope[i // k, i % k]
        along /= max(abs(fall[j, j]), EPSILON * high)
        for i in range(size):
            found[i] += vectors[i, j] * along


@compiled
def _diagonalised(matrix: Array, vectors: Array) -> None:
    """Turn a symmetric matrix until it is diagonal, by Jacobi's method, and write its vectors."""
    size = len(matrix)
    for i in range(size):
        for j in range(size):
            vectors[i, j] = 1.0 if i == j else 0.0
    for _ in range(SWEEPS):
        turned = False
        for p in range(size):
            for q in range(p + 1, size):
                off = matrix[p, q]
                if not abs(off) > EPSILON * np.sqrt(abs(matrix[p, p] * matrix[q, q])):
                    continue
                turned = True
                ratio = (matrix[q, q] - matrix[p, p]) / (2 * off)
                tangent = 1 / (abs(ratio) + np.hypot(ratio, 1.0))
                if ratio < 0:
                    tangent = -tangent
                cosine = 1 / np.hypot(tangent, 1.0)
                _turned(matrix, vectors, p, q, cosine, tangent * cosine)
        if not turned:
            return


@compiled
def _turned(matrix: Array, vectors: Array, p: int, q: int, cosine: float, sine: float) -> None:
    """Turn rows and columns p and q of a matrix, and its vectors."""
    for i in range(len(matrix)):
        one, other = matrix[i, p], matrix[i, q]
        matrix[i, p], matrix[i, q] = cosine * one - sine * other, sine * one + cosine * other
    for i in range(len(matrix)):
        one, other = matrix[p, i], matrix[q, i]
        matrix[p, i], matrix[q, i] = cosine * one - sine * other, sine * one + cosine * other
        one, other = vectors[i, p], vectors[i, q]
        vectors[i, p], vectors[i, q] = cosine * one - sine * other, sine * one + cosine * other
