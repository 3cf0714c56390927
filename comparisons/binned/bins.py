"""Measurements in bins: few weighted rows in place of many measurements.

Each bin becomes two points with weights that have the same moments 0 to 3 as the bin's measurements
(their Gauss quadrature rule; Golub & Welsch 1969). For measurements x_i, points a and b, and a
smooth g, the error of sum_i g(x_i) is

    g''''(y) / 24  sum_i (x_i - a)^2 (x_i - b)^2    for some y in the bin

(Davis & Rabinowitz 1984, section 2.7). Here g is log p of a mixture of Gaussians.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

import numpy as np

from comparisons.binned.loss_bound import LossBound
from models.refusal import Refusal
from models.sample import Sample
from models.structure import drawn_at

if TYPE_CHECKING:
    from models.arrays import Array, Labels
    from models.gaussian import Gaussian
    from models.mixture import Mixture
    from models.observations import Observations
    from models.storage.disk import Stream

__all__ = ["Bins", "coarsened", "finest_edges"]

FINE = 1 << 16  # finest bins, each at most a hundredth of an sd wide
ROWS = 1 << 17  # rows in a working set that fits the cache
SEEN = 1 << 17  # rows, about, from which the finest edges are chosen
NO_WIDTH = 1e-12  # of a bin's width squared: a variance below this is rounding
ROUNDED = 16 * np.finfo(float).eps  # error of a mean of powers of t by rounding, at most
FINEST = 40  # halvings of the bound of the loss of one bin, at most


@dataclass(frozen=True, eq=False)
class Bins:
    """The number of measurements in each bin, and the sums of their powers.

    edges: (m + 1,), sorted; a bin includes its left edge, the last one both; widths may be 0.
    sums: (5, m) the sums of t^0 to t^4, where t = (x - centre) / width lies in [-1/2, 1/2].
    low, high: (m,) the smallest and the largest measurement; inf and -inf in an empty bin.

    >>> bins = Bins.count(Sample([1.0, 2.0, 3.0, 7.0]), np.array([0.0, 4.0, 8.0]))
    >>> bins.sums[0], bins.low, bins.high
    (array([3., 1.]), array([1., 7.]), array([3., 7.]))
    >>> points, weights = bins.rows()
    >>> points.round(3).tolist(), weights.round(3).tolist()
    ([[1.184, 7.0], [2.816, 7.0]], [[1.5, 1.0], [1.5, 0.0]])
    """

    edges: Array
    sums: Array
    low: Array
    high: Array

    @classmethod
    def count(cls, rows: Observations, edges: Array) -> Self:
        """Return the bins of measurements, counted in one pass, wherever these are.

        edges: (m + 1,), from the smallest measurement or below to the largest or above.
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
        """Return the bins of both sets of measurements, which have the same edges."""
        if not np.array_equal(self.edges, other.edges):
            raise Refusal("the bins have different edges; count both on one grid")
        return type(self)(
            self.edges,
            self.sums + other.sums,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )

    def halved(self) -> Self:
        """Return half as many bins: pairs of neighbours, with powers about the new centres."""
        edges = self.edges[::2]
        (centre, width), (new, wide) = _scales(self.edges), _scales(edges)
        move, shrink = (centre - np.repeat(new, 2)) / np.repeat(wide, 2), width / np.repeat(wide, 2)
        # the sums of (move + shrink t)^p, expanded by the binomial theorem
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
        """Return the two points (2, f) of the bins that are not empty, and their weights (2, f).

        If all measurements of a bin are equal, both points are their mean and one weight is 0.
        """
        some, (n, mean, m2, m3, _) = self._moments()
        centre, width = (one[some] for one in _scales(self.edges))
        wide = m2 > NO_WIDTH
        m2 = np.where(wide, m2, 1.0)
        lean = m3 / m2
        # roots of y^2 - lean y - m2: first the one larger in size, which does not cancel
        far = (lean + np.copysign(np.sqrt(lean**2 + 4 * m2), lean)) / 2
        both = np.where(wide, np.sort([-m2 / far, far], axis=0), 0.0)
        low, high = self.low[some], self.high[some]
        points = np.clip(centre + width * (mean + both), low, high)
        # weights from the rounded points, so that the mean is kept to the last digit
        left, right = (points - centre) / width - mean
        apart = wide & (left < 0) & (right > 0)
        share = np.divide(right, right - left, out=np.ones_like(n), where=apart)
        points = np.where(apart, points, np.clip(centre + width * mean, low, high))
        return points, np.stack([n * share, n * (1 - share)])

    def ends(self) -> tuple[Array, Array]:
        """Return the lower and the upper ends (f,) of the bins that are not empty."""
        some = np.flatnonzero(self.sums[0])
        return self.edges[some], self.edges[some + 1]

    def loss_bound(self) -> LossBound:
        """Return what bounds the loss of log-likelihood by the bins that are not empty."""
        some, (n, mean, m2, m3, m4) = self._moments()
        centre, width = (one[some] for one in _scales(self.edges))
        points, weights = self.rows()
        left, right = (points - centre) / width - mean
        both, product, share = left + right, left * right, weights[0] / n
        # the mean of ((y - left) (y - right))^2, where y = t - mean
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
        """Return the points and weights as a sample."""
        points, weights = self.rows()
        kept = weights > 0
        return Sample.weighed(points[kept], weights[kept])

    def _moments(self) -> tuple[Labels, Array]:
        """Return the indices (f,) of the bins that are not empty, and moments (5, f) of t in them.

        The moments are n, the mean, and the second, third and fourth central moments.
        """
        some = np.flatnonzero(self.sums[0])
        n, *powers = self.sums[:, some]
        mean, p2, p3, p4 = np.array(powers) / n
        m2 = p2 - mean**2
        m3 = p3 - mean * (3 * p2 - 2 * mean**2)
        m4 = p4 - mean * (4 * p3 - mean * (6 * p2 - 3 * mean**2))
        return some, np.stack([n, mean, m2, m3, m4])


def finest_edges(rows: Observations) -> Array:
    """Return the FINE + 1 edges of the finest bins: half at quantiles, half at even steps of asinh.

    Quantiles are dense where measurements are, however narrow a group is. Even steps of
    asinh((x - median) / interquartile range) are dense around the middle, and farther out in
    proportion to the distance from it, however far an outlier lies.

    >>> edges = finest_edges(Sample(range(101)))
    >>> len(edges), edges[[0, -1]].tolist()
    (65537, [0.0, 100.0])
    """
    step = -(-rows.distinct // SEEN)
    low, high = float(rows.low[0]), float(rows.high[0])
    seen = np.sort(np.concatenate(rows.total(partial(_picked, step=step))))
    quantiles = seen[np.linspace(0, len(seen) - 1, FINE // 2 - 1).astype(np.intp)]
    left, middle, right = seen[[len(seen) // 4, len(seen) // 2, 3 * len(seen) // 4]]
    unit = max(right - left, (high - low) * 1e-100) or 1.0  # keeps the quotients finite
    start, end = np.arcsinh((np.array([low, high]) - middle) / unit)
    steps = np.clip(middle + unit * np.sinh(np.linspace(start, end, FINE // 2)), low, high)
    edges = np.unique(np.concatenate([[low], quantiles, steps, [high]]))
    return np.append(edges, np.full(FINE + 1 - len(edges), high))


def _picked(rows: Sample | Stream, step: int) -> list[Array]:
    """Return every step-th measurement."""
    return [x[::step] for x, _, _ in rows.parts(ROWS)]


def coarsened(fine: Bins, mixtures: Mixture[Gaussian], most: float) -> Bins:
    """Return bins merged as far as a bound of the lost log-likelihood allows.

    The sum of the losses is smallest, for a number of bins, if all bins lose about equally. So
    neighbours are merged in pairs, pairs of pairs and so on while each bin's bound is below a
    common threshold: the largest of FINEST, each half the one before, that keeps the sum below
    `most`. If none does, the finest bins are returned.

    mixtures: under which the bound is taken, weight (n, K), mean and sd likewise.
    most: loss in all, in units of log-likelihood.

    >>> from models import Gaussian, Mixture
    >>> x = Sample(np.linspace(0, 10, 1_000))
    >>> mixtures = Mixture(np.ones((1, 1)), Gaussian(np.array([[5.0]]), np.array([[3.0]])))
    >>> len(coarsened(Bins.count(x, np.linspace(0, 10, 65)), mixtures, most=0.01).low)
    1
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
    """Return, for each level, the bins below a threshold of loss that are in no larger such bin."""
    found: list[Labels] = []
    left = np.ones(1, np.bool_)  # bins of this level that are in no chosen larger one
    for loss in reversed(losses):
        here = left & ((loss <= threshold) | (len(loss) == len(losses[0])))
        found.append(np.flatnonzero(here))
        left = np.repeat(left & ~here, 2)
    return found[::-1]


def _largest(bins: Bins, mixtures: Mixture[Gaussian]) -> Array:
    """Return the largest bound of each bin's loss under any of the mixtures, (m,)."""
    left = bins.loss_bound()
    most = np.zeros(len(left.low))
    for at in range(len(mixtures.weight)):
        most = np.fmax(most, left.per_bin(drawn_at(mixtures, np.array([at])))[0])
    found = np.zeros(len(bins.low))
    found[bins.sums[0] > 0] = most
    return found


def _scales(edges: Array) -> tuple[Array, Array]:
    """Return the centre and the width of each bin, with 1 for a width of 0."""
    span = np.diff(edges)
    return edges[:-1] + span / 2, np.where(span > 0, span, 1.0)
