"""A mixture in PyMC: rows are independent, with the same shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import zero_grad

from bayes.structure import Grouping
from models.sample import Sample
from models.structure import shares_of

if TYPE_CHECKING:
    from bayes.structure import Shares, Symbols
    from bayes.symbols import Tensor
    from models.arrays import Array, Numbers
    from models.question import Question
    from models.structure import Structure

__all__ = ["MixtureGrouping"]


class MixtureGrouping(Grouping):
    """log_likelihood = counts . log sum_k weight_k p(x | theta_k).

    >>> from models import Mixture, Poisson
    >>> from models.question import asked
    >>> MixtureGrouping(Mixture).rows(asked(Poisson, Sample([1, 1, 4]), 2))
    {'counts': array([2, 1])}
    """

    joins = True

    def rows(self, question: Question[Any, Any]) -> dict[str, Numbers]:
        """How often each distinct row occurred."""
        return {"counts": question.units.unit_counts}

    def log_likelihood(self, shares: Symbols, log_density: Tensor, data: Symbols) -> Tensor:
        """The log of a sum of exponentials, after the largest log density is taken out."""
        peak = zero_grad(log_density.max(axis=0))  # any peak gives the same sum
        total = (shares["weight"][:, None] * pt.exp(log_density - peak)).sum(axis=0)
        return (data["counts"] * (pt.log(total) + peak)).sum()

    def weights(self, shares: Symbols, data: Symbols) -> Tensor:
        """The shares themselves."""
        return shares["weight"]

    def weights_of(self, question: Question[Any, Any], structures: Structure) -> Array:
        """The shares themselves."""
        return shares_of(structures)["weight"]

    def pointwise(self, question: Question[Any, Any], shares: Shares, log_density: Array) -> Array:
        """The log density of each distinct row, once."""
        peak = log_density.max(axis=1, keepdims=True)
        peak[np.isneginf(peak)] = 0
        with np.errstate(divide="ignore"):  # a row that is impossible under every component
            found: Array = np.log(np.exp(log_density - peak).sum(axis=1))
        return found + peak[:, 0]

    def members(self, question: Question[Any, Any], shares: Shares, log_density: Array) -> Array:
        """The softmax of each distinct row."""
        share: Array = np.exp(log_density - log_density.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        return share

    def fewer(self, question: Question[Any, Any], share: float) -> Question[Any, Any]:
        """The question with all counts multiplied by the share."""
        sample = question.rows
        seen = sample.pick(np.flatnonzero(sample.counts))
        data = Sample.weighed(seen.x, seen.counts * share, seen.trials)
        return question.of(data)
