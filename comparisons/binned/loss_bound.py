"""A bound of the log-likelihood that is lost by binning."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.structure import drawn_at

if TYPE_CHECKING:
    from models.arrays import Array
    from models.gaussian import Gaussian
    from models.mixture import Mixture

__all__ = ["LossBound"]

AT_ONCE = 1 << 17  # doubles in each array of a working set, 1 MB
LARGEST = 600.0  # of log odds, so that sums of their exponentials do not overflow


class LossBound(NamedTuple):
    """What bounds the difference between the log-likelihoods of measurements and of binned rows.

    low, high: (m,) the smallest and the largest measurement of each bin.
    second, third: (m,) bounds of the rounding errors of sum_i (x_i - mean)^2 and ^3, divided by
        (high - low)^2 and ^3.
    spread: (m,) sum_i (x_i - a)^2 (x_i - b)^2 for the bin's two points a and b, divided by
        (high - low)^4.

    >>> from models import Gaussian, Mixture
    >>> zero = np.zeros(1)
    >>> bound = LossBound(low=zero, high=zero + 1, second=zero, third=zero, spread=zero + 0.5)
    >>> two = Gaussian(mean=np.array([[0.0, 1.0]]), sd=np.array([[1.0, 1.0]]))
    >>> bound.total(Mixture(np.array([[0.5, 0.5]]), two)).round(4)
    array([0.0074])
    """

    low: Array
    high: Array
    second: Array
    third: Array
    spread: Array

    def total(self, mixtures: Mixture[Gaussian]) -> Array:
        """Return (n,) bounds of the error of the log-likelihood of the binned rows.

        mixtures: weight (n, K), mean and sd likewise.
        """
        step, n = max(1, AT_ONCE // max(1, len(self.low))), len(mixtures.weight)
        parts = [
            self.per_bin(drawn_at(mixtures, slice(begin, begin + step)))
            for begin in range(0, n, step)
        ]
        return np.concatenate([part.sum(axis=1) for part in parts])

    def per_bin(self, mixtures: Mixture[Gaussian]) -> Array:
        """Return (n, m) the same bounds for each bin.

        Let q be the cubic with the values and slopes of g = log p at a and b. Two errors add up:
        replacing g by q costs at most spread / 24 max |g''''|; and rounding changes the sum of
        q = ... + q2 (x - mean)^2 + q3 (x - mean)^3 by at most second |q2| + third |q3|, where |q3|
        is |g'''| / 6 somewhere in the bin, and |q2| <= max |g''| / 2 + (high - low) max |g'''| / 2.
        """
        found = np.zeros((len(mixtures.weight), len(self.low)))
        uncertain = np.flatnonzero(self.high > self.low)
        step = max(1, AT_ONCE // len(found))
        for begin in range(0, len(uncertain), step):
            some = uncertain[begin : begin + step]
            with np.errstate(over="ignore", invalid="ignore"):  # an overflow means no bound: inf
                two, three, four = _bends(self.low[some], self.high[some], mixtures)
                lost = self.spread[some] / 24 * four
                lost += self.second[some] * (two + three) / 2 + self.third[some] * three / 6
            found[:, some] = np.where(np.isnan(lost), np.inf, lost)
        return found


def _bends(low: Array, high: Array, mixtures: Mixture[Gaussian]) -> tuple[Array, Array, Array]:
    """Return (n, m) bounds of |g''|, |g'''| and |g''''|, times powers of high - low, in each bin.

    Let a_k = log weight_k + log p_k, with slope u_k = a_k' and curvature c_k = a_k''. Under the
    membership probabilities r_k the derivatives are, in cumulants kappa,

        g''   = kappa2(u) + E c
        g'''  = kappa3(u) + 3 kappa(u, c)
        g'''' = kappa4(u) + 6 kappa(u, u, c) + 3 kappa2(c).

    Let M2 and M4 be the central moments of u, and V the variance of c. Then kappa4 = M4 - 3 M2^2
    lies between -2 M2^2 and M4, |kappa3| <= M4^(3/4), and by Cauchy and Schwarz |kappa(u, u, c)| <=
    sqrt(M4 V) and |kappa(u, c)| <= sqrt(M2 V).

    Let R_k >= r_k be the largest memberships in the bin, and b any number. Then

        V <= sum R (c - b)^2,    M2 <= sum R (u - b)^2,    |E c| <= sum R |c|.

    For b the mean of u under R, the mean under r differs from b by at most sum (R - min r) |u - b|,
    so M4^(1/4) <= (sum R (u - b)^4)^(1/4) + sum (R - min r) |u - b|. All of these are convex in x,
    because u and b are linear, so the larger of the two ends is the maximum.
    """
    weight, mean, sd = (one[:, :, None, None] for one in (mixtures.weight, *mixtures.theta))
    span, ends = high - low, np.stack([low, high])
    z = (ends - mean) / sd
    with np.errstate(divide="ignore"):
        joint = np.log(weight) - np.log(sd) - z**2 / 2
    bend = -((span / sd[..., 0]) ** 2)
    top, bottom = _memberships(joint, bend)
    slope = -z * (span / sd)
    share, total = top[:, :, None], top.sum(axis=1, keepdims=True)
    about = slope - (share * slope).sum(axis=1, keepdims=True) / total[:, :, None]
    m2 = (share * about**2).sum(axis=1).max(axis=1)
    fourth = np.sqrt(np.sqrt((share * about**4).sum(axis=1)))
    off = ((top - bottom)[:, :, None] * np.abs(about)).sum(axis=1)
    m4 = ((fourth + off) ** 4).max(axis=1)
    v = (top * (bend - (top * bend).sum(axis=1, keepdims=True) / total) ** 2).sum(axis=1)
    level = (top * np.abs(bend)).sum(axis=1)
    return (
        m2 + level,
        m4**0.75 + 3 * np.sqrt(m2 * v),
        np.maximum(m4, 2 * m2**2) + 6 * np.sqrt(m4 * v) + 3 * v,
    )


def _memberships(joint: Array, bend: Array) -> tuple[Array, Array]:
    """Return upper and lower bounds (n, K, m) of the membership probabilities in each bin.

    The log odds of two components are a parabola. Between the ends of the bin it lies on one side
    of its chord, at most |bend| / 8 away, where bend is the second derivative times the width^2.

    joint: (n, K, 2, m) log weight + log p at the ends.
    bend: (n, K, m) second derivatives of log p, times the width^2.
    """
    first = joint.sum(axis=2).argmax(axis=1)[:, None]
    odds = joint - np.take_along_axis(joint, first[:, :, None], axis=1)
    bulge = (bend - np.take_along_axis(bend, first, axis=1)) / 8
    most = np.exp(np.minimum(odds.max(axis=2) + np.maximum(-bulge, 0), LARGEST))
    least = np.exp(np.minimum(odds.min(axis=2) - np.maximum(bulge, 0), LARGEST))
    others = 1 - np.eye(
        joint.shape[1]
    )  # leaves one component out of a sum; subtracting it would cancel
    above, below = most / (most + others @ least), least / (least + others @ most)
    return above, below
