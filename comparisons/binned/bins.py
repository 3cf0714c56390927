"""Measurements in bins: rows that stand for any number of them, and what that costs at most.

A bin is replaced by the two points and weights that share its moments 0 to 3 (Gauss's rule of the
measurements in it; Golub & Welsch 1969). What a bin with n measurements x_i then misses of a sum of
g(x_i), g smooth, is g''''(y) / 24 sum_i (x_i - a)^2 (x_i - b)^2, with a and b its points and y
somewhere in it (Davis & Rabinowitz 1984, section 2.7). Here g is log p of a mixture of Gaussians.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

import numpy as np

from comparisons.binned.loss_bound import LossBound
from models.mixture import take
from models.sample import Sample

if TYPE_CHECKING:
    from models.arrays import Array, Labels
    from models.gaussian import Gaussian
    from models.mixture import Mixture
    from models.observations import Observations
    from models.storage.disk import Stream

__all__ = ["Bins", "coarsened", "finest_edges"]

FINE = 1 << 16  # bins in the beginning, each a hundredth of an sd or less
ROWS = 1 << 17  # at once; their moments fit the cache
SEEN = 1 << 17  # rows that say where the finest bins have to be
NO_WIDTH = 1e-12  # of a bin's width squared: a variance below it is rounding
ROUNDED = 16 * np.finfo(float).eps  # of a mean of powers of t, what adding may have lost
FINEST = 40  # halvings of the largest loss that a bin may have


@dataclass(frozen=True, eq=False)
class Bins:
    """How many measurements fell where, and their powers.

    edges: (m + 1,) in order; the last bin has its right edge, and bins may be of no width.
    sums: (5, m) sums of t^0 to t^4, where t = (x - centre) / width, -1/2 to 1/2.
    low, high: (m,) the least and the largest measurement of each; inf and -inf where there is none.
    """

    edges: Array
    sums: Array
    low: Array
    high: Array

    @classmethod
    def count(cls, rows: Observations, edges: Array) -> Self:
        """Read measurements, one pass, wherever they are.

        edges: (m + 1,) from `finest_edges`, from the least of all measurements to the largest.
        """
        return rows.total(partial(cls._counted, edges=edges))

    @classmethod
    def _counted(cls, rows: Sample | Stream, edges: Array) -> Self:
        m = len(edges) - 1
        sums, low, high = np.zeros((5, m)), np.full(m, np.inf), np.full(m, -np.inf)
        centre, width = _scales(edges)
        for x, _, counts in rows.parts(ROWS):
            times = np.ones(len(x)) if counts is None else counts
            if (x[1:] < x[:-1]).any():
                order = np.argsort(x)
                x, times = x[order], times[order]  # noqa: PLW2901
            places = edges[1:-1].searchsorted(x, "right")
            begins = np.flatnonzero(np.diff(places, prepend=-1))
            ends = np.append(begins[1:], len(x)) - 1
            bins = places[begins]
            low[bins] = np.minimum(low[bins], x[begins])
            high[bins] = np.maximum(high[bins], x[ends])
            t, power = (x - centre[places]) / width[places], times
            for one in sums:
                one[bins] += np.add.reduceat(power, begins)
                power = power * t
        return cls(edges, sums, low, high)

    def __add__(self, other: Self) -> Self:
        """Return what both counted together, on the same grid."""
        if not np.array_equal(self.edges, other.edges):
            raise ValueError("the bins have different edges; count both on one grid")
        return type(self)(
            self.edges,
            self.sums + other.sums,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )

    def halved(self) -> Self:
        """Return half as many bins, neighbours in pairs joined: the powers move with the centre."""
        edges = self.edges[::2]
        (centre, width), (new, wide) = _scales(self.edges), _scales(edges)
        move, shrink = (centre - np.repeat(new, 2)) / np.repeat(wide, 2), width / np.repeat(wide, 2)
        # (move + shrink t)^p, by Horner's scheme on the binomials
        s0, s1, s2, s3, s4 = (self.sums.T * shrink[:, None] ** np.arange(5)).T
        moved = np.stack(
            [
                s0,
                s1 + move * s0,
                s2 + move * (2 * s1 + move * s0),
                s3 + move * (3 * s2 + move * (3 * s1 + move * s0)),
                s4 + move * (4 * s3 + move * (6 * s2 + move * (4 * s1 + move * s0))),
            ]
        )
        return type(self)(
            edges,
            moved.reshape(5, -1, 2).sum(axis=2),
            self.low.reshape(-1, 2).min(axis=1),
            self.high.reshape(-1, 2).max(axis=1),
        )

    def rows(self) -> tuple[Array, Array]:
        """Return the points (2, f) of the bins that hold anything, in order, and their weights.

        Both are the bin's mean, and one of the weights is 0, where there is no width to speak of.
        """
        some, (n, mean, m2, m3, _) = self._moments()
        centre, width = (one[some] for one in _scales(self.edges))
        wide = m2 > NO_WIDTH
        m2 = np.where(wide, m2, 1.0)
        lean = m3 / m2
        # roots of y^2 - lean y - m2, the larger one first, or they cancel
        far = (lean + np.copysign(np.sqrt(lean**2 + 4 * m2), lean)) / 2
        both = np.where(wide, np.sort([-m2 / far, far], axis=0), 0.0)
        low, high = self.low[some], self.high[some]
        points = np.clip(centre + width * (mean + both), low, high)
        # from the points as doubles hold them, which keeps the mean to the last digit
        left, right = (points - centre) / width - mean
        apart = wide & (left < 0) & (right > 0)
        share = np.divide(right, right - left, out=np.ones_like(n), where=apart)
        points = np.where(apart, points, np.clip(centre + width * mean, low, high))
        return points, np.stack([n * share, n * (1 - share)])

    def loss_bound(self) -> LossBound:
        """Return what the rows leave out, of the bins that hold anything."""
        some, (n, mean, m2, m3, m4) = self._moments()
        centre, width = (one[some] for one in _scales(self.edges))
        points, weights = self.rows()
        left, right = (points - centre) / width - mean
        both, product, share = left + right, left * right, weights[0] / n
        # the mean of ((y - left) (y - right))^2, y about the mean of the bin
        square = m4 - 2 * both * m3 + (both**2 + 2 * product) * m2 + product**2
        low, high = self.low[some], self.high[some]
        wide = low < high
        scale = width / np.where(wide, high - low, width)

        def missed(moment: Array, power: int) -> Array:
            kept = share * left**power + (1 - share) * right**power
            return np.where(wide, n * (np.abs(moment - kept) + ROUNDED) * scale**power, 0.0)

        spread = np.where(wide, n * np.maximum(square, 0) * scale**4, 0.0)
        return LossBound(low, high, missed(m2, 2), missed(m3, 3), spread)

    def sample(self) -> Sample:
        """Return the rows as a sample."""
        points, weights = self.rows()
        kept = weights > 0
        return Sample.weighed(points[kept], weights[kept])

    def _moments(self) -> tuple[Labels, Array]:
        """Return which bins (f,) hold anything, and (5, f) of these.

        n, the mean and the second to fourth moments about it, of t.
        """
        some = np.flatnonzero(self.sums[0])
        n, *powers = self.sums[:, some]
        mean, p2, p3, p4 = np.array(powers) / n
        m2 = p2 - mean**2
        m3 = p3 - mean * (3 * p2 - 2 * mean**2)
        m4 = p4 - mean * (4 * p3 - mean * (6 * p2 - 3 * mean**2))
        return some, np.stack([n, mean, m2, m3, m4])


def finest_edges(rows: Observations) -> Array:
    """Return the edges of the finest bins: half at quantiles, half at even steps of asinh.

    Quantiles are close where measurements are, however narrow a group. Even steps of asinh((x -
    median) / quartile range) are as close around the middle, and no wider than a part of the
    distance from it however far an outlier lies.
    """
    step = -(-rows.distinct // SEEN)
    low, high = float(rows.low[0]), float(rows.high[0])
    seen = np.sort(np.concatenate(rows.total(partial(_picked, step=step))))
    quantiles = seen[np.linspace(0, len(seen) - 1, FINE // 2 - 1).astype(np.intp)]
    left, middle, right = seen[[len(seen) // 4, len(seen) // 2, 3 * len(seen) // 4]]
    unit = max(right - left, (high - low) * 1e-100) or 1.0  # which keeps the quotients finite
    start, end = np.arcsinh((np.array([low, high]) - middle) / unit)
    steps = np.clip(middle + unit * np.sinh(np.linspace(start, end, FINE // 2)), low, high)
    edges = np.unique(np.concatenate([[low], quantiles, steps, [high]]))
    return np.append(edges, np.full(FINE + 1 - len(edges), high))


def _picked(rows: Sample | Stream, step: int) -> list[Array]:
    """Return one measurement of so many."""
    return [x[::step] for x, _, _ in rows.parts(ROWS)]


def coarsened(fine: Bins, mixtures: Mixture[Gaussian], most: float) -> Bins:
    """Return bins joined as far as their rows' log-likelihood allows.

    A bin more or less changes the sum of the losses least where all bins lose alike: neighbours are
    joined in pairs, pairs of pairs, ... while what a bin loses is below a common threshold, the
    largest of FINEST tried that keeps the sum below `most`. The finest bins are kept if none does.

    mixtures: at which it counts, weight (n, K), mean and sd likewise.
    """
    levels = [fine]
    while len(levels[-1].low) > 1:
        levels.append(levels[-1].halved())
    losses = [_largest(level, mixtures) for level in levels]
    for power in range(FINEST):
        places = _coarsest(losses, most * 2.0**-power)
        if sum(loss[at].sum() for loss, at in zip(losses, places, strict=True)) <= most:
            break
    else:
        return fine
    begins = np.concatenate([at << level for level, at in enumerate(places)])
    order = np.argsort(begins)
    pairs = list(zip(levels, places, strict=True))
    return Bins(
        np.append(fine.edges[begins[order]], fine.edges[-1]),
        np.concatenate([level.sums[:, at] for level, at in pairs], axis=1)[:, order],
        np.concatenate([level.low[at] for level, at in pairs])[order],
        np.concatenate([level.high[at] for level, at in pairs])[order],
    )


def _coarsest(losses: list[Array], threshold: float) -> list[Labels]:
    """Return, of each level, the bins that lose at most a threshold and are in no larger such."""
    found: list[Labels] = []
    left = np.ones(1, np.bool_)  # bins of this level that are in no larger one
    for loss in reversed(losses):
        here = left & ((loss <= threshold) | (len(loss) == len(losses[0])))
        found.append(np.flatnonzero(here))
        left = np.repeat(left & ~here, 2)
    return found[::-1]


def _largest(bins: Bins, mixtures: Mixture[Gaussian]) -> Array:
    """Return the most that each bin loses under any of the mixtures, (m,)."""
    left = bins.loss_bound()
    most = np.zeros(len(left.low))
    for at in range(len(mixtures.weight)):
        most = np.fmax(most, left.per_bin(take(mixtures, np.array([at])))[0])
    found = np.zeros(len(bins.low))
    found[bins.sums[0] > 0] = most
    return found


def _scales(edges: Array) -> tuple[Array, Array]:
    """Return centre and width of each bin; 1 for the width of a bin that has none."""
    span = np.diff(edges)
    return edges[:-1] + span / 2, np.where(span > 0, span, 1.0)
