"""EM's side of an admixture: rows are independent, with the shares of their group."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp, softmax

from em.structure import LEAST, Each, Expected, Grouping, at_least
from em.walks import both, worth_threads
from models.groups import Groups

if TYPE_CHECKING:
    from em.cells import Blocks
    from em.structure import Shares
    from models.arrays import Array

__all__ = ["AdmixtureGrouping"]

SURE = 0.8  # part of a group's observations that begin in one component
APART = 0.01  # added to the distances, so that equal groups can be drawn
REACH = 20.0  # shape of the random reach of a first group: the larger, the more alike


class AdmixtureGrouping(Grouping[Groups]):
    """p(k | x in group g) is the softmax over components of log weight_gk + log p(x | theta_k).

    >>> data, even = Groups([0, 3, 3], ["a", "a", "b"]), np.full((2, 2), 0.5)
    >>> grouping = AdmixtureGrouping(data, 2)
    >>> grouping.expect({"weight": even}, np.log([[0.9, 0.2], [0.1, 0.8]]), hard=False).own
    {'weight': array([[1.1, 0.9],
           [0.2, 0.8]])}
    """

    def begin(self, counted: Array) -> dict[str, Array]:
        """The sizes of the first groups, the same shares in all groups of the data."""
        return {"weight": self.data.totals[:, None] * (counted / counted.sum())}

    def first(self, rng: np.random.Generator) -> Expected:
        """Groups gathered about K of them that differ, by the overlap of their shares of rows.

        The overlap is sum_x sqrt(p_gx p_hx), for the share p_gx of row x in group g.
        """
        data, k = self.data, self.k
        g, m = len(data.ends), data.sample.distinct
        root = np.sqrt(data.times / data.totals[data.whose])
        chosen, alike = [int(rng.integers(g))], np.zeros((k, g))
        for seed in range(k):
            if seed:  # the less a group is like those before, the likelier it is next
                apart = np.maximum(1 - alike[:seed].max(axis=0), 0) + APART
                chosen.append(int(rng.choice(g, p=apart / apart.sum())))
            cells = slice(data.begins[chosen[seed]], data.ends[chosen[seed]])
            own = np.zeros(m)
            own[data.places[cells]] = root[cells]
            alike[seed] = np.bincount(data.whose, root * own[data.places], minlength=g)
        reach = rng.gamma(REACH, size=(k, 1)) / REACH
        member = np.eye(k)[:, (alike * reach).argmax(axis=0)] * SURE + (1 - SURE) / k
        counted = member[:, data.whose] * data.times
        occupancy = np.stack([np.bincount(data.places, one, minlength=m) for one in counted])
        return Expected(np.nan, occupancy, {"weight": (member * data.totals).T})

    def expect(self, shares: Shares, log_density: Array, *, hard: bool) -> Expected:
        """The softmax, or the most likely component, of each cell, times its count."""
        if hard:
            return self._sure(shares, log_density)
        weight, k = shares["weight"], self.k
        density, padded = self._room
        high = log_density.max(axis=0)
        density[:, :k] = np.exp(log_density - high).T
        padded[:, :k] = weight
        value, occupancy, own = self._cells(density, padded)
        value += float(self.data.sample.counts @ high)
        if np.isnan(high).any():  # an extrapolation has left the parameter space
            return Expected(np.nan, log_density, {"weight": weight})
        if not np.isfinite(value):
            return self._in_logs(shares, log_density)
        occupancy = (occupancy * density)[:, :k].T
        return Expected(value, occupancy, {"weight": np.ascontiguousarray(own[:, :k])})

    def expect_each(self, shares: Shares, log_density: Array) -> Each:
        """The softmax of each cell for many climbs, whose densities are scaled at once."""
        weight, (count, k, m), wide = shares["weight"], log_density.shape, self._room[0].shape[1]
        density, padded = np.zeros((count, m, wide)), np.zeros((count, weight.shape[1], wide))
        high = log_density.max(axis=1)
        density[:, :, :k] = np.exp(log_density - high[:, None]).transpose(0, 2, 1)
        padded[:, :, :k] = weight
        value, occupancy = high @ self.data.sample.counts, np.empty_like(log_density)
        own = np.empty_like(weight)
        for at in range(count):
            height, rows, groups = self._cells(density[at], padded[at])
            value[at] += height
            occupancy[at], own[at] = (rows * density[at])[:, :k].T, groups[:, :k]
            if not (np.isfinite(value[at]) or np.isnan(high[at]).any()):
                found = self._in_logs({"weight": weight[at]}, log_density[at])
                value[at], occupancy[at] = found.log_likelihood, found.occupancy
                own[at] = found.own["weight"]
        return Each(value, occupancy, {"weight": own})

    def _cells(self, density: Array, weight: Array) -> tuple[float, Array, Array]:
        """Return the sum over cells of count log s, and the sums of `em.cells.expected`.

        density: (m, W). weight: (G, W).
        """
        from em.cells import expected  # numba takes long to load

        own, blocks = np.empty(weight.shape), self._blocks
        found = [np.zeros_like(density) for _ in self._halves]

        def part(begin: int, end: int, occupancy: Array) -> float:
            return float(expected(density, weight, blocks, begin, end, occupancy, own))

        ways = [(*half, one) for half, one in zip(self._halves, found, strict=True)]
        threads = len(ways) > 1 and worth_threads(len(blocks.places) * weight.shape[1])
        heights = both(threads, part, *ways) if len(ways) > 1 else [part(*ways[0])]
        return sum(heights), sum(found[1:], start=found[0]), own

    def maximize(self, own: Shares, unseen: float) -> dict[str, Array]:
        """The expected counts over their sums, none of the shares below LEAST."""
        return {name: at_least(one, LEAST) for name, one in super().maximize(own, unseen).items()}

    def members(self, shares: Shares, log_density: Array) -> Array:
        """The softmax of each cell."""
        found: Array = softmax(self._joint(shares, log_density), axis=0)
        return found

    def heights(self, shares: Shares, log_density: Array) -> Array:
        """The log of a sum of exponentials of each cell."""
        found: Array = logsumexp(self._joint(shares, log_density), axis=0)
        return found

    def everywhere(self, shares: Shares, log_density: Array) -> Array:
        """The log of a sum of exponentials of each distinct row in each group, group by group."""
        with np.errstate(divide="ignore"):  # the logarithm of a share of 0
            logs = np.log(shares["weight"])
        joint = logs[..., None] + log_density[..., None, :, :]
        highest = joint.max(axis=-2)
        highest[~np.isfinite(highest)] = 0
        with np.errstate(divide="ignore", over="ignore"):
            found: Array = highest + np.log(np.exp(joint - highest[..., None, :]).sum(axis=-2))
        return found.reshape(*log_density.shape[:-2], -1)

    def _joint(self, shares: Shares, log_density: Array) -> Array:
        """Return log share + log p of each cell, (K, c)."""
        with np.errstate(divide="ignore"):  # the logarithm of a share of 0
            logs = np.log(shares["weight"])
        found: Array = logs.T[:, self.data.whose] + log_density[:, self.data.places]
        return found

    def _in_logs(self, shares: Shares, log_density: Array) -> Expected:
        """Return the E-step where densities leave the range of doubles."""
        joint = self._joint(shares, log_density)
        heights = logsumexp(joint, axis=0)
        return self._summed(float(self.data.times @ heights), np.exp(joint - heights))

    def _sure(self, shares: Shares, log_density: Array) -> Expected:
        """Return the E-step of hard EM."""
        joint = self._joint(shares, log_density)
        sure = np.eye(self.k)[:, joint.argmax(axis=0)]
        return self._summed(float(self.data.times @ joint.max(axis=0)), sure)

    def _summed(self, value: float, members: Array) -> Expected:
        """Return the sums of the memberships (K, c) of cells, times their counts."""
        data, counted = self.data, members * self.data.times
        m, g = data.sample.distinct, len(data.ends)
        occupancy = np.stack([np.bincount(data.places, one, minlength=m) for one in counted])
        own = np.stack([np.bincount(data.whose, one, minlength=g) for one in counted], axis=1)
        return Expected(value, occupancy, {"weight": own})

    @cached_property
    def _room(self) -> tuple[Array, Array]:
        """Where densities (m, W) and shares (G, W) are written; padding stays 0."""
        from em.cells import padded

        wide = padded(self.k)
        return np.zeros((self.data.sample.distinct, wide)), np.zeros((len(self.data.ends), wide))

    @cached_property
    def _blocks(self) -> Blocks:
        """The cells by group and by row."""
        from em.cells import blocks_of

        return blocks_of(self.data)

    @cached_property
    def _halves(self) -> list[tuple[int, int]]:
        """The first half of the blocks and the other one, or all if there is one only."""
        several = len(self._blocks.groups) - 1
        if several == 1:
            return [(0, 1)]
        return [(0, several // 2), (several // 2, several)]
