"""Admixtures in PyMC: each group of rows has shares of its own, and components are summed out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes.cell_op import cell_sum
from bayes.cell_sums import cell_members, cell_sums
from bayes.structure import Grouping

if TYPE_CHECKING:
    from bayes.structure import Shares, Symbols
    from bayes.symbols import Tensor
    from models.arrays import Array, Numbers
    from models.question import Question

__all__ = ["AdmixtureGrouping"]


class AdmixtureGrouping(Grouping):
    """log_likelihood = sum over cells of times log sum_k weight_gk p(x | theta_k).

    >>> from models import Admixture, Groups, Poisson
    >>> from models.question import asked
    >>> data = Groups([5, 3, 5, 5], ["a", "b", "b", "b"])
    >>> AdmixtureGrouping(Admixture).rows(asked(Poisson, data, 2))
    {'cell_rows': array([1, 0, 1]), 'cell_times': array([1, 1, 2]), 'group_ends': array([1, 3])}
    """

    def rows(self, question: Question[Any, Any]) -> dict[str, Numbers]:
        """The row of each cell, how often it occurred, and where each group's cells end."""
        data: Any = question.data
        return {"cell_rows": data.places, "cell_times": data.times, "group_ends": data.ends}

    def sizes(self, data: Symbols) -> dict[str, Tensor]:
        """As many groups as have an end."""
        return {"group": data["group_ends"].shape[0]}

    def log_likelihood(self, shares: Symbols, log_density: Tensor, data: Symbols) -> Tensor:
        """By `cell_sum`, which reads no length from the graph."""
        cells = (data[name] for name in ("cell_rows", "cell_times", "group_ends"))
        return cell_sum(shares["weight"], log_density, *cells)

    def pointwise(self, question: Question[Any, Any], shares: Shares, log_density: Array) -> Array:
        """The log density of each cell's row in its group, once."""
        found: Array = cell_sums(*self._given(question, shares, log_density))
        return found

    def members(self, question: Question[Any, Any], shares: Shares, log_density: Array) -> Array:
        """The softmax of each cell."""
        found: Array = cell_members(*self._given(question, shares, log_density))
        return found

    def remixes(self, question: Question[Any, Any]) -> bool:
        """Components that are distributions over categories can be mixed into others."""
        return question.k > 1 and question.family.takes() == "labels"

    def fewer(self, question: Question[Any, Any], share: float) -> Question[Any, Any]:
        """The question with all counts multiplied by the share."""
        data: Any = question.data
        return question.of(data.weighed(share))

    def _given(
        self, question: Question[Any, Any], shares: Shares, log_density: Array
    ) -> tuple[Array, ...]:
        """Return what the sums of draws read."""
        data: Any = question.data
        own = (shares["weight"], log_density)
        return *(np.ascontiguousarray(one) for one in own), data.places, data.ends
