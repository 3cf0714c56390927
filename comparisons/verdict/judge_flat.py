"""Directions that the data leave open: how many, and how far solutions that fit alike lie apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from comparisons.finding import DOUBT, NOTE, OK, Finding
from em.solutions import solutions_of
from models.groups import Groups
from models.structure import parameters, picked

if TYPE_CHECKING:
    from comparisons.verdict.fitted import Fitted
    from comparisons.verdict.point import Point
    from models.question import Question

__all__ = ["drawn_in", "flat"]

PULLED = 0.02  # of the way to where all groups are alike: less needs no sentence
ROUNDING = 1e-6  # by which the ends of solutions may differ where there is but one


def flat(point: Point, fitted: Fitted | None) -> list[Finding]:
    """How many directions are flat, and whether the estimate has fewer to tell than draws have.

    Flat directions are a note: both answers agree on the fit, and the components are one of a set.

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.point import point_of
    >>> kept = posterior_of(posterior)
    >>> flat(point_of(fit, kept, None, kept.heights, None), None)
    []
    """
    count, rank = point.at.open, point.at.rank
    if count and point.at.closed == count:
        return [_closed(count)]
    if fitted is None:
        return []
    found = [_open(point, count - point.at.closed)]
    few = rank < fitted.elsewhere
    message = f"{rank} of {rank + count} parameters are identified, here and at other draws."
    if few:
        message = (
            f"{rank} of {rank + count} parameters are identified at the estimate, but "
            f"{fitted.elsewhere} at other draws. Components of the estimate coincide."
        )
    remedy = "Fit fewer components." if few else ""
    found.append(
        Finding("rank_deficient", DOUBT if few else OK, rank, fitted.elsewhere, message, remedy)
    )
    return found


def drawn_in(found: Finding, fitted: Fitted, question: Question[Any, Any]) -> Finding:
    """Add to a finding of other fitted values how much closer together the posterior's groups lie.

    Its share 1 - b has b = sum n (m - a)(e - a) / sum n (e - a)^2 over cells of n rows, with the
    posterior mean m, the estimate e and the share a of the category in all groups. Where components
    are free within what is identified, uniform shares of I groups have a density in proportion to
    L^-I for fitted values that span L. It is largest for groups that are alike.

    found: how far fitted values lie apart.

    >>> drawn_in.__name__  # where "Posterior mean and estimate differ" and rows are in groups
    'drawn_in'
    """
    data = question.data
    if not found.stands or not isinstance(data, Groups):
        return found
    rows, times = data.places[fitted.units], data.times[fitted.units]
    shares = data.sample.counts[rows] / data.sample.counts.sum()
    far = fitted.estimate - shares
    near = fitted.draws.mean(axis=(0, 1)) - shares
    inwards = 1 - float((times * near * far).sum() / (times * far**2).sum())
    if not PULLED < inwards < 1 - PULLED:
        return found
    return found._replace(
        message=f"{found.message} The posterior's fitted values lie {inwards:.0%} closer to those "
        "of all groups together than EM's. Uniform shares of many groups with few rows each have "
        "that effect.",
        remedy="Report the posterior's fitted values, or use more rows for each group.",
    )


def _closed(count: int) -> Finding:
    """That zeros of the estimate leave no other solution."""
    message = (
        "No other shares and components fit as well. Elsewhere the likelihood is flat in "
        f"{count} direction{'s' * (count > 1)}; zeros of the estimate rule them out."
    )
    return Finding("flat_directions", OK, 0.0, 0.0, message, "")


def _open(point: Point, count: int) -> Finding:
    """How many directions are flat, and how far that lets an entry go."""
    message = (
        f"The likelihood is flat in {count} direction{'s' * (count > 1)}: other shares and "
        "components fit exactly as well. The components shown are one solution of many."
    )
    if closed := point.at.closed:
        message += f" Zeros of the estimate rule out {closed} more direction{'s' * (closed > 1)}."
    remedy = "Rely on fitted values and predictions. Do not interpret single components."
    return Finding("flat_directions", NOTE, float(count), 0.0, message + _worst(point), remedy)


def _worst(point: Point) -> str:
    """Return a sentence about the entry that solutions leave open most."""
    ends = solutions_of(point.estimate)
    if ends is None:
        return ""
    rows = parameters(point.estimate, point.at.question.held)
    low, high = (np.array([float(picked(one, row)) for row in rows]) for one in ends[:2])
    at = int((high - low).argmax())
    if high[at] - low[at] <= ROUNDING:  # entries of 0 let components be mixed in one way only
        return ""
    how = "Over all solutions" if ends.exact else "Over the solutions that were visited"
    return f" {how}, {rows[at].label} goes from {low[at]:.3g} to {high[at]:.3g}."
