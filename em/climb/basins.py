"""Where climbs from many places end: the basin of each, and the optimum at its top."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from em.climb.refine import refined
from em.climb.search import SAME_HEIGHT, Climber, ended, in_order, near
from em.data.blocks import default_floor
from em.data.threads import executor_for
from em.emission import emission_of
from em.model import model_of
from models.family import first
from models.prior import Prior
from models.structure import by_component, drawn_at, summing_to_one

if TYPE_CHECKING:
    from em.climb.loop import Climb
    from em.model import Model
    from models.arrays import Labels
    from models.family import Theta
    from models.question import Question
    from models.structure import Structure

__all__ = ["Basin", "basins", "same_basin"]

SAME_TOP = 1e-2  # of the objective: climbs that converged to one top differ by less
HILL = 0.05  # of the objective: so far below a top a parabola is 0.3 standard errors from it
HILLSIDE = 0.3  # standard errors: a climb within HILL and HILLSIDE of a top has no other to go to
MAX_STEPS = 10_000
TOLERANCE = 1e-4  # standard errors


class Basin[S: Structure](NamedTuple):
    """The top of a basin: where it is, its errors, and the objective there.

    >>> top = Basin(fit.estimate, fit.standard_errors, fit.log_likelihood)
    >>> same_basin(top, top._replace(height=top.height - 1))
    False
    """

    estimate: S
    standard_errors: S
    height: float


def basins[S: Structure, T: Theta](
    question: Question[S, T], starts: S, *, prior: Prior | None = None
) -> tuple[tuple[Basin[S], ...], Labels]:
    """Return the distinct tops that EM reaches, in the order found, and each start's index, (n,).

    A climb ends as soon as it comes near a known top, so that many climbs cost little.

    starts: each field with a leading axis (n, ...), in the data's units.
    prior: climb the posterior density under this prior instead of the likelihood.

    >>> from models import Mixture, Poisson
    >>> starts = Mixture(np.full((2, 2), 0.5), Poisson(np.array([[1.0, 9.0], [7.0, 2.0]])))
    >>> tops, member = basins(fit.question, starts)
    >>> len(tops), member
    (1, array([0, 0]))
    """
    n, sample = len(first(starts.theta)), question.sample
    emission, member = emission_of(question.family), np.empty(n, np.intp)
    with executor_for(sample, emission, question.k) as workers:
        units = workers.rows.units
        if prior is not None:
            prior = Prior(prior.weight, units.move_in(prior.theta))
        floor = default_floor(workers.rows, emission)
        model = model_of(question, workers, floor=floor, prior=prior)
        known: Known[S] = Known(model)
        begun = [(number, model.inside(drawn_at(starts, number))) for number in range(n)]
        known.climb.all(begun, MAX_STEPS, known)
        for number, at in known.member.items():
            member[number] = at
    return tuple(known.tops), member


class Known[S: Structure]:
    """The tops that climbs have reached so far, and the index of the one that each start reached.

    A climb that comes near a known top, so that it has no other to go to, has arrived there.
    """

    below = HILL

    def __init__(self, model: Model[S]) -> None:
        self.model = model
        self.member: dict[int, int] = {}
        self.climb = Climber(model, accelerate=True, tolerance=TOLERANCE, on_step=None)
        self.tops: list[Basin[S]] = []
        self.inside: list[tuple[S, float]] = []

    def heights(self) -> list[float]:
        """Return the heights of the tops."""
        return [height for _, height in self.inside]

    def arrived(self, parameters: S, height: float) -> bool:
        """Return whether there is a known top to which a climb must lead from here."""
        return self._near(parameters, height) is not None

    def over(self, number: int, climb: Climb[S]) -> None:
        """Note which top a start's climb has reached; a new top is added."""
        at = self._near(climb.parameters, float(climb.trace[-1]))
        self.member[number] = self._new(number, climb) if at is None else at

    def _new(self, number: int, climb: Climb[S]) -> int:
        """Return the index of the top of a climb's end, which is added unless it is a known one."""
        placed = climb._replace(parameters=in_order(self.model, climb.parameters))
        end, known = refined(self.climb, ended(self.model, number, placed), MAX_STEPS)
        top = Basin(self.model.outside(end.parameters), known.standard_errors, end.height)
        for at, one in enumerate(self.tops):
            if same_basin(one, top):
                return at
        self.tops.append(top)
        self.inside.append((end.parameters, end.height))
        return len(self.tops) - 1

    def _near(self, parameters: S, height: float) -> int | None:
        """Return the index of the known top to which a climb must lead from here, or None."""
        for number, (top, highest) in enumerate(self.inside):
            below = highest - height
            if 0 <= below <= SAME_HEIGHT and near(top, parameters):
                return number
            if 0 <= below <= HILL:
                outside = self.model.outside(summing_to_one(parameters))
                if _apart(self.tops[number], outside) <= HILLSIDE:
                    return number
        return None


def same_basin[S: Structure](one: Basin[S], other: Basin[S]) -> bool:
    """Whether two tops are the same: equally high, and at most one standard error apart.

    >>> from models.structure import permuted
    >>> top = Basin(fit.estimate, fit.standard_errors, fit.log_likelihood)
    >>> same_basin(top, top._replace(estimate=permuted(fit.estimate, np.array([1, 0]))))
    True
    """
    if abs(one.height - other.height) > SAME_TOP:
        return False
    apart = _apart(one, other.estimate)
    return apart <= 1 or np.isnan(apart)  # without errors the height decides


def _apart[S: Structure](top: Basin[S], place: S) -> float:
    """Return the distance from a top in standard errors, whatever the labels; NaN without them."""
    from scipy.optimize import linear_sum_assignment  # at the top it would slow `import em`

    tops, errors = by_component(top.estimate), by_component(top.standard_errors)
    k = len(tops[-1])
    distance = np.zeros((k, k))
    for a, b, se in zip(tops, by_component(place), errors, strict=True):
        if not np.isfinite(se).all():
            return np.nan
        unit = np.where(se > 0, se, np.inf).reshape(1, k, -1)  # parameters held fixed are equal
        apart = np.abs(b.reshape(k, 1, -1) - a.reshape(1, k, -1)) / unit
        distance = np.maximum(distance, apart.max(axis=2))
    if not place.exchangeable():
        return float(np.diagonal(distance).max())
    return float(distance[linear_sum_assignment(distance)].max())
