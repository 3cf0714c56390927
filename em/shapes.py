"""Shapes of gamma distributions: what log Gamma adds to Stirling's formula, and which are best."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from em.newton import Height, highest_of

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["Stirling", "most_probable", "shape_of", "stirling"]

LARGE = 10.0  # above it the series have all digits, and the functions themselves cancel
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
MOST_STEPS = 20
FARTHEST = 300.0  # logarithm of means and shapes, either way
TINY = 1e-300
LEAST = 1e-100  # of a gap, which is 0 where all values are one; 1 / LEAST is the most
ENOUGH = 4 * np.finfo(float).eps


class Stirling(NamedTuple):
    """s(a) = a log a - a - log Gamma(a), s' = log a - digamma a and s'' = 1 / a - trigamma a.

    >>> Stirling(np.zeros(2), np.zeros(2), np.zeros(2)).slope
    array([0., 0.])
    """

    value: Array
    slope: Array
    bend: Array


def stirling(a: Array) -> Stirling:
    """Return s(a) and its derivatives, for a above 0.

    From LARGE on by log Gamma's asymptotic series (Abramowitz & Stegun 1964, 6.1.41).

    >>> [round(float(one), 6) for one in stirling(np.array(1.0))]
    [-1.0, 0.577216, -0.644934]
    >>> stirling(np.array(1e20)).slope * 2e20
    np.float64(1.0)
    """
    large = np.maximum(a, LARGE)
    y = 1 / large
    value, slope = 0.5 * np.log(large / (2 * np.pi)), 0.5 * y
    bend, power = -0.5 * y**2, y
    for n, bernoulli in enumerate(BERNOULLI, 1):
        value = value - bernoulli / (2 * n * (2 * n - 1)) * power
        slope = slope + bernoulli / (2 * n) * power * y
        bend = bend - bernoulli * power * y * y
        power = power * y * y
    small = np.minimum(a, LARGE)
    near = a < LARGE
    log = np.log(small)
    return Stirling(
        np.where(near, small * log - small - gammaln(small), value),
        np.where(near, log - digamma(small), slope),
        np.where(near, 1 / small - polygamma(1, small), bend),
    )


def shape_of(gap: Array) -> Array:
    """Return the a at which log a - digamma a is the gap, which is above 0.

    From the closed approximation of Minka (2002), right to 1.5%, Newton's steps of the logarithm of
    both sides over log a, in which they are nearly a line.

    >>> shape_of(np.array([np.euler_gamma, 0.5e-20]))
    array([1.e+00, 1.e+20])
    """
    gap = np.clip(gap, LEAST, 1 / LEAST)
    less = gap - 3
    root = np.sqrt(less**2 + 24 * gap)
    a = np.where(less < 0, (root - less) / (12 * gap), 2 / (root + np.abs(less)))  # no difference
    for _ in range(MOST_STEPS):
        _, slope, bend = stirling(a)
        step = np.log1p((slope - gap) / gap) * slope / (a * bend)
        a = a * np.exp(-step)
        if (np.abs(step) <= ENOUGH).all():
            break
    return a


def most_probable(sums: Array, mean: Array, shape: Array) -> Array:
    """Return the means and shapes (2, K) of the maximum of the natural parameters times the sums.

    By Newton's steps of the logarithms, from those without a prior.

    sums: (K, 7) of T of a gamma distribution and of its prior's row.

    >>> of_prior = np.array([[0.0, -2.0, 0.0, 0.0, 0.0, -0.5, 6.0]])
    >>> most_probable(of_prior, np.ones(1), np.ones(1)).round(6)
    array([[1.],
           [3.]])
    """
    n, bent, away, _, log, square, log_shape = sums.T

    def height(at: Array) -> Height:
        u, a = at[:, 0], np.exp(at[:, 1])
        r = np.exp(-u)
        value, slope, bend = stirling(a)
        rest = n * (1 - r - u) + bent + (1 - r) * away
        push = a * (n * (r - 1) + r * away)
        q = n * value + a * rest + log * u + square * u**2 + log_shape * at[:, 1]
        up = a * (n * slope + rest)
        curvature = np.empty((len(a), 2, 2))
        curvature[:, 0, 0] = a * r * (n + away) - 2 * square
        curvature[:, 0, 1] = curvature[:, 1, 0] = -push
        curvature[:, 1, 1] = -up - a**2 * n * bend
        return Height(q, np.stack([push + log + 2 * square * u, up + log_shape], 1), curvature)

    none = n < 1  # the prior speaks louder
    first = np.where(none, -log / (2 * square), np.log(mean))
    second = np.where(none, np.log(log_shape / np.maximum(-bent, TINY)), np.log(shape))
    found: Array = np.exp(highest_of(height, np.stack([first, second], 1), -FARTHEST, FARTHEST)).T
    return found
