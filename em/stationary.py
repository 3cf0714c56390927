"""The transition matrix of chains that begin in their stationary distribution.

With n_ij expected moves and u_i sequences that begin in i, the M-step maximises

    Q(G) = sum_ij n_ij log g_ij + sum_i u_i log delta_i(G),    delta = delta G.

With Z = (I - G + 1 delta')^-1 the first two derivatives of delta are

    d delta = delta dG Z,    d^2 delta [D, E] = delta (E Z D + D Z E) Z,

so that of phi = sum_i u_i log delta_i, with w = u / delta and v = Z w, they are

    d phi / d g_ij = delta_i v_j,
    d^2 phi / d g_ij d g_kl = delta_i Z_jk v_l + delta_k Z_li v_j
                              - delta_i delta_k sum_m Z_jm Z_lm u_m / delta_m^2

(Schweitzer 1968, Journal of Applied Probability 5, for the first).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import xlogy

from models.hidden_markov import stationary

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["Tilt", "best_moves", "tilt"]

TRACE = 1e-13  # moves added to every entry, so that none is quite 0 and Q is smooth
STEPS = 200  # of Newton's method at most; five are usual
REACH = 4.0  # by which a step changes the logarithm of a probability at most
DONE = 1e-13  # gain of Q still expected, relative, at which it is done
HALVINGS = 40


class Tilt(NamedTuple):
    """The derivatives of phi = sum_i u_i log delta_i.

    slope: (K, K), d phi / d g_ij.
    curvature: (K, K, K, K), d^2 phi / d g_ij d g_kl.

    >>> tilt(np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([1.0, 0.0])).slope
    array([[1., 0.],
           [1., 0.]])
    """

    slope: Array
    curvature: Array


def tilt(moves: Array, first: Array) -> Tilt:
    """Return the derivatives at a transition matrix, along changes that keep the sums of its rows.

    first: (K,) u, the expected number of sequences that begin in each state.

    >>> g = np.array([[0.9, 0.1], [0.3, 0.7]])
    >>> step = 1e-6 * np.array([[-1.0, 1.0], [0.0, 0.0]])
    >>> u = np.array([2.0, 1.0])
    >>> gain = u @ np.log(stationary(g + step)) - u @ np.log(stationary(g - step))
    >>> bool(np.isclose(gain, 2 * (tilt(g, u).slope * step).sum()))
    True
    """
    return _tilt(moves, first, stationary(moves))


def _tilt(moves: Array, first: Array, delta: Array) -> Tilt:
    k = len(moves)
    try:
        spread = np.linalg.inv(np.eye(k) - moves + delta)
    except np.linalg.LinAlgError:  # states that are never left
        spread = np.linalg.pinv(np.eye(k) - moves + delta)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(first > 0, first / delta, 0)
        square = np.where(first > 0, weight / delta, 0)
    change = spread @ weight
    mixed = np.einsum("i,jk,l->ijkl", delta, spread, change)
    ahead = (spread * square) @ spread.T
    curvature = mixed + mixed.transpose(2, 3, 0, 1)
    curvature -= np.einsum("i,k,jl->ijkl", delta, delta, ahead)
    return Tilt(delta[:, None] * change, curvature)


def best_moves(counts: Array, first: Array, present: Array | None = None) -> Array:
    """Return the transition matrix (K, K) that maximises Q, by Newton's method in log g.

    Where Q is not concave, the step follows the absolute values of its curvatures; a step that does
    not raise Q is halved. It begins at n_ij / n_i. or at the present transitions, wherever Q is
    higher, so that it cannot end below either.

    counts: (K, K) n, with the prior's.
    first: (K,) u.
    present: (K, K) transitions of the E-step, if there was one.

    >>> g = best_moves(np.array([[8.0, 2.0], [1.0, 4.0]]), np.array([0.0, 1.0]))
    >>> g.round(4)
    array([[0.7713, 0.2287],
           [0.1356, 0.8644]])
    >>> every = np.array([[8.0, 2.0], [1.0, 4.0]]) / g + tilt(g, np.array([0.0, 1.0])).slope
    >>> bool(np.allclose(every[:, 0], every[:, 1]))  # no change that keeps the sums gains anything
    True
    """
    counts = counts + TRACE
    begins = [counts] if present is None else [counts, present + TRACE * counts.sum()]
    tried = []
    for one in begins:
        log = np.log(one) - np.log(one.sum(axis=1, keepdims=True))
        moves = np.exp(log)
        delta = stationary(moves)
        tried.append((_height(counts, first, log, delta), log, moves, delta))
    here, log, moves, delta = max(tried, key=lambda one: one[0])
    for _ in range(STEPS):
        slope, fall = _derivatives(counts, moves, _tilt(moves, first, delta))
        step = _solved(fall, slope.ravel()).reshape(slope.shape)
        if not (slope * step).sum() > DONE * (1 + abs(here)):
            return moves
        step *= min(1.0, REACH / np.abs(step).max())
        for _ in range(HALVINGS):
            moved = log + step
            moved -= np.log(np.exp(moved).sum(axis=1, keepdims=True))
            moves = np.exp(moved)
            delta = stationary(moves)
            there = _height(counts, first, moved, delta)
            if there > here:
                break
            step /= 2
        else:
            return np.exp(log)
        log, here = moved, there
    return moves


def _height(counts: Array, first: Array, log: Array, delta: Array) -> float:
    """Return Q; minus infinity if a sequence begins where the chain never is."""
    if ((delta <= 0) & (first > 0)).any():
        return -np.inf
    return float((counts * log).sum() + xlogy(first, delta).sum())


def _derivatives(counts: Array, moves: Array, tilted: Tilt) -> tuple[Array, Array]:
    """Return the gradient (K, K) of Q in log g, rows of g kept at 1, and minus its Hessian.

    A factor that a whole row has in common changes nothing; there the second is made to be
    positive.
    """
    k, (slope, curvature) = len(moves), tilted
    pulled = moves * slope
    total = counts.sum(axis=1) + pulled.sum(axis=1)
    gradient = counts + pulled - moves * total[:, None]
    # d g_ij / d log g_il = g_ij (1{j = l} - g_il)
    jacobian = moves[:, :, None] * (np.eye(k) - moves[:, None, :])
    half = np.matmul(jacobian.transpose(0, 2, 1), curvature.reshape(k, k, k * k))
    second = np.matmul(half.reshape(k * k, k, 1, k), jacobian).reshape(k, k, k, k)
    own = jacobian * (slope - total[:, None])[:, :, None]
    own -= moves[:, :, None] * np.matmul(slope[:, None, :], jacobian)
    rows = np.arange(k)
    second[rows, :, rows] += own - total[:, None, None]
    return gradient, -second.reshape(k * k, k * k)


def _solved(fall: Array, slope: Array) -> Array:
    """Return Newton's step; where Q is not concave, by the absolute values of its curvatures."""
    try:
        np.linalg.cholesky(fall)
        return np.linalg.solve(fall, slope)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(fall)
        size = np.abs(values).clip(np.finfo(float).eps * np.abs(values).max())
        step: Array = vectors @ (vectors.T @ slope / size)
        return step
