"""EM's side of a mixture: rows are independent, with the same shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp, softmax

from em.structure import Expected, Grouping
from models.sample import Sample

if TYPE_CHECKING:
    from em.structure import Shares
    from models.arrays import Array

__all__ = ["MixtureGrouping"]


class MixtureGrouping(Grouping[Sample]):
    """p(k | x) is the softmax over components of log weight_k + log p(x | theta_k).

    >>> grouping, log_density = MixtureGrouping(Sample([0, 3]), 2), np.log([[0.9, 0.2], [0.1, 0.8]])
    >>> grouping.members({"weight": np.array([0.5, 0.5])}, log_density).round(3)
    array([[0.9, 0.2],
           [0.1, 0.8]])
    """

    def begin(self, counted: Array) -> dict[str, Array]:
        """The sizes of the groups."""
        return {"weight": counted}

    def expect(self, shares: Shares, log_density: Array, *, hard: bool) -> Expected:
        """The softmax, or the most likely component, of each distinct row, times its count."""
        joint = np.log(shares["weight"])[:, None] + log_density
        counts, highest = self.data.unit_counts, joint.max(axis=0)
        if hard:
            each, logs = np.eye(self.k)[:, joint.argmax(axis=0)], highest
        else:
            each = np.exp(joint - highest)
            logs = highest + np.log(each.sum(axis=0))
            each /= each.sum(axis=0)
        occupancy = each * counts
        return Expected(float(counts @ logs), occupancy, {"weight": occupancy.sum(axis=1)})

    def members(self, shares: Shares, log_density: Array) -> Array:
        """The softmax of each distinct row."""
        found: Array = softmax(np.log(shares["weight"])[:, None] + log_density, axis=0)
        return found

    def heights(self, shares: Shares, log_density: Array) -> Array:
        """The log of a sum of exponentials of each distinct row."""
        found: Array = logsumexp(np.log(shares["weight"])[:, None] + log_density, axis=0)
        return found

    def maximize(self, own: Shares, unseen: float) -> dict[str, Array]:
        """The expected counts over their sum, which is above 0: someone was observed."""
        if "weight" not in own:  # held
            return {}
        counts = own["weight"] + unseen
        return {"weight": counts / counts.sum(axis=-1, keepdims=True)}

    def common(self, shares: Shares) -> Array:
        """The same for all rows."""
        return shares["weight"]
