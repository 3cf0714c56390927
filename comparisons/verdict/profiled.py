"""EM's profile intervals, beside the posterior's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comparisons.thresholds import LEVEL
from models.family import bounds
from models.refusal import Refusal
from models.structure import parameters, picked

if TYPE_CHECKING:
    from collections.abc import Collection

    from comparisons.verdict.point import Point
    from models.arrays import Array
    from models.family import Theta
    from models.structure import Parameter

__all__ = ["profiles", "widths_apart"]

AWAY = 0.1  # standard errors


def profiles(point: Point, rows: Collection[int], replicates: int = 0) -> Array:
    """Return the ends (rows, 2) of EM's profile intervals; NaN for rows that are not asked for.

    Where a profile does not close its end is the bootstrap's, or NaN without replicates. Where the
    estimate is not at the maximum it is NaN too: the intervals there are of other parameters, maybe
    of another group.

    replicates: of the bootstrap.

    >>> from comparisons.verdict.point import point_of
    >>> from bayes.posterior.tree import posterior_of
    >>> kept = posterior_of(posterior)
    >>> profiles(point_of(fit, kept, None, kept.heights, None), [2]).round(2)[2]
    array([0.79, 1.45])
    """
    every = point.parameters
    found = np.full((len(every), 2), np.nan)
    if not rows or not _at_maximum(point):
        return found
    labels = {at: every[at].relabelled(point.places).label for at in rows}
    try:
        intervals = point.reached.intervals(LEVEL, only=set(labels.values()), replicates=replicates)
    except Refusal:  # it is no maximum: another finding says so
        return found
    for at, label in labels.items():
        one = intervals.of(label)
        found[at] = one.low, one.high
    return found


def _at_maximum(point: Point) -> bool:
    """Whether EM stays at the estimate, to a small part of a standard error."""
    for row in parameters(point.at.estimate):
        here, there = (float(picked(one.estimate, row)) for one in (point.at, point.reached))
        error = float(picked(point.reached.standard_errors, row))
        if abs(here - there) > AWAY * (error if error > 0 else 1 + abs(there)):
            return False
    return True


def widths_apart(parameter: Parameter, family: type[Theta], ours: Array, theirs: Array) -> float:
    """Return the ratio of the widths of two intervals, at least 1; NaN if an end is missing.

    On the scale of the logarithm of what is above 0, of the logit of what is between 0 and 1, so
    that the parts of a skewed interval count alike. If an end is at a bound, as they are.

    ours, theirs: (2,) ends.

    >>> from models import Poisson
    >>> from models.structure import Parameter
    >>> rate = Parameter("rate", ("component",), (0,))
    >>> round(widths_apart(rate, Poisson, np.array([1.0, 4.0]), np.array([2.0, 4.0])), 6)
    2.0
    """
    low, high = 0.0, 1.0
    if parameter.name in family.layout():
        low, high = bounds(family, parameter.name, parameter.place)
        if family.layout()[parameter.name].simplex:
            high = 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = [
            np.log(ends - low if np.isfinite(low) else np.ones(2)) * np.isfinite(low)
            - np.log(high - ends if np.isfinite(high) else np.ones(2)) * np.isfinite(high)
            for ends in (ours, theirs)
        ]
    if not np.isfinite(low) or not np.isfinite(scaled).all():
        scaled = [ours, theirs]
    mine, other = (float(ends[1] - ends[0]) for ends in scaled)
    if not (mine > 0 and other > 0):
        return np.nan
    return max(mine / other, other / mine)
