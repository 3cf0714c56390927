"""Match the components of one answer to those of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

from models.structure import by_component

if TYPE_CHECKING:
    from models.arrays import Labels
    from models.structure import Structure

__all__ = ["matched"]


def matched(structure: Structure, draws: Structure, reference: Structure | None = None) -> Labels:
    """Return the (K,) components of a structure that match the posterior's first, second, ...

    The matching has the least sum of squared distances to the draws' means (or to a reference), in
    sds of the draws.

    >>> from bayes.posterior.tree import posterior_of
    >>> from models import Mixture, Poisson
    >>> turned = Mixture(np.array([0.4, 0.6]), Poisson(np.array([7.0, 1.0])))
    >>> matched(turned, posterior_of(posterior).draws)
    array([1, 0])
    """
    own, drawn = by_component(structure), by_component(draws, leading=1)
    k = len(own[-1])
    goals = [each.mean(axis=0) for each in drawn]
    if reference is not None:
        goals = by_component(reference)
    distance = np.zeros((k, k))
    for one, each, goal in zip(own, drawn, goals, strict=True):
        sd = each.std(axis=0).reshape(k, -1)
        unit = np.where(sd > 0, sd, 1.0)
        distance += (((one.reshape(k, 1, -1) - goal.reshape(k, -1)) / unit) ** 2).sum(axis=2)
    order: Labels = linear_sum_assignment(distance.T)[1]
    return order
