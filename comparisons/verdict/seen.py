"""What the hypotheses about a slip look at: an estimate away from the maximum, and EM's steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

import em
from models.structure import fields_of, from_fields, joined

if TYPE_CHECKING:
    from models.arrays import Array
    from models.prior import Prior
    from models.question import Question
    from models.structure import Structure

__all__ = ["BROKEN", "Looked", "Seen", "apart", "stacked", "stepped", "widths", "with_fields"]

BROKEN = (ValueError, em.DescentError, np.linalg.LinAlgError, FloatingPointError)
"""How EM refuses a candidate that makes no sense."""


class Looked(Protocol):
    """What a change of fields needs: an estimate, or draws with a leading axis.

    >>> one: Looked = Seen(fit, fit, fit, 0.0)
    >>> one.k
    2
    """

    @property
    def question(self) -> Question[Any, Any]:
        """What was asked."""
        ...

    @property
    def estimate(self) -> Structure:
        """The estimate, or the draws."""
        ...

    @property
    def k(self) -> int:
        """How many components there are."""
        ...


@dataclass(frozen=True, eq=False)
class Seen:
    """An estimate that is not at a maximum.

    at: EM at the estimate; reached: where it climbs to from there; best: the highest known optimum.
    distance: of the estimate from the maximum, in standard errors.

    >>> Seen(fit, fit, fit, 0.0).k
    2
    """

    at: em.Fit[Any]
    reached: em.Fit[Any]
    best: em.Fit[Any]
    distance: float

    @property
    def question(self) -> Question[Any, Any]:
        """What was asked."""
        return self.at.question

    @property
    def estimate(self) -> Structure:
        """The estimate."""
        found: Structure = self.at.estimate
        return found

    @property
    def k(self) -> int:
        """How many components there are."""
        return self.question.k

    @property
    def numbers(self) -> Array:
        """The expected observations of each component, (K,)."""
        share: Array = self.estimate.overall(self.question.data)
        return share * self.at.observations

    @cached_property
    def step(self) -> em.Fit[Any] | None:
        """EM after one step from the estimate; None if it takes none."""
        return stepped(self.question, self.estimate, 1)

    @cached_property
    def metric(self) -> Array | None:
        """An information matrix (p, p): at the estimate if it is at a hill, else at its top."""
        for one in (self.at, self.reached, self.best):
            if one.information is not None and np.isfinite(one.decrement):
                return one.information
        return None


def stepped(
    question: Question[Any, Any],
    start: Structure,
    steps: int,
    *,
    prior: Prior | None = None,
    hard: bool = False,
) -> em.Fit[Any] | None:
    """Return plain EM after some steps from a start, None if EM refuses it.

    >>> stepped(fit.question, fit.estimate, 0).steps
    0
    """
    try:
        return em.fitted(
            question,
            start=start,
            prior=prior,
            hard=hard,
            accelerate=False,
            tolerance=0,
            max_steps=steps,
        )
    except BROKEN:
        return None


def apart(seen: Seen, one: Structure, other: Structure) -> float:
    """Return sqrt(d' I d), the distance of two structures in standard errors; inf without I.

    >>> apart(Seen(fit, fit, fit, 0.0), fit.estimate, fit.estimate)
    0.0
    """
    if seen.metric is None:
        return np.inf
    both = stacked([one, other])
    here, there = em.coordinates_of(both, seen.question.held)
    square = float((here - there) @ seen.metric @ (here - there))
    return float(np.sqrt(square)) if square >= 0 else np.inf


def stacked(structures: list[Structure]) -> Structure:
    """Return structures as one with a leading axis.

    >>> stacked([fit.estimate, fit.estimate]).weight.shape
    (2, 2)
    """
    many = [with_fields(one, {n: f[None] for n, f in fields_of(one).items()}) for one in structures]
    found = many[0]
    for one in many[1:]:
        found = joined(found, one)
    return found


def with_fields(structure: Structure, fields: dict[str, Array]) -> Structure:
    """Return a structure with some of its fields replaced.

    >>> with_fields(fit.estimate, {"rate": np.array([1.0, 2.0])}).theta.rate
    array([1., 2.])
    """
    kind, family = type(structure), type(structure.theta)
    found: Structure = from_fields(kind, family, fields_of(structure) | fields)
    return found


def widths(seen: Looked) -> dict[str, int]:
    """Return the fields that are widths: 1 for standard deviations, 2 for (co)variances.

    A width is positive and in the unit of the data, or declared to have variances. The first field
    is where components are.

    >>> widths(Seen(fit, fit, fit, 0.0))  # counts have no unit
    {}
    """
    theta, d = seen.estimate.theta, seen.question.sample.dimension
    doubled = theta.affine(np.full(d, 2.0), np.zeros(d))._asdict()
    found = {}
    _, *others = type(theta).layout().items()
    for name, field in others:
        value = theta._asdict()[name]
        if field.variances:
            found[name] = 2
        elif field.low == 0 and np.allclose(doubled[name], 2 * value):
            found[name] = 1
    return found
