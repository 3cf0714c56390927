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

from models.hidden_markov import stationary

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["Tilt", "best_moves", "tilt"]

TRACE = 1e-13  # moves added to every entry, so that none is quite 0 and Q is smooth


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
    from em.best_moves import tilted  # numba takes long to load

    delta = stationary(moves)
    try:
        spread = np.linalg.inv(np.eye(len(moves)) - moves + delta)
    except np.linalg.LinAlgError:  # states that are never left
        spread = np.linalg.pinv(np.eye(len(moves)) - moves + delta)
    k = len(moves)
    slope, curvature = np.empty((k, k)), np.empty((k * k, k * k))
    # copies, as numba would compile once more for arrays that are laid out otherwise
    tilted(moves.copy(), first.copy(), delta, spread.copy(), slope, curvature)
    return Tilt(slope, curvature.reshape(k, k, k, k))


def best_moves(counts: Array, first: Array, present: Array | None = None) -> Array:
    """Return the transition matrix (K, K) that maximises Q, by Newton's method in log g.

    It begins at n_ij / n_i. or at the present transitions, wherever Q is higher, so that it cannot
    end below either.

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
    from em.best_moves import highest_moves  # numba takes long to load

    counts = counts + TRACE
    begins, found = counts[None], counts / counts.sum(axis=1, keepdims=True)
    if present is not None:
        begins = np.stack([counts, present + TRACE * counts.sum()])
    highest_moves(counts, first, np.log(begins), found)
    return found
