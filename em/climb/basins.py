"""Where climbs from many mixtures end: the basin of each, and the optimum at its top."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from em.climb.refine import refined
from em.climb.search import SAME_HEIGHT, Climber, ended, in_order, near
from em.data.blocks import default_floor
from em.data.threads import executor_for
from em.emission import emission_of
from em.mixture import model_of, summing_to_one
from models import Mixture, Prior
from models.family import Theta, entries
from models.mixture import checked_prior, enough, observed, take

if TYPE_CHECKING:
    from em.mixture import MixtureModel
    from models import Sample
    from models.arrays import Array, Labels

__all__ = ["Basin", "basins", "same_basin"]

SAME_TOP = 1e-2  # of the objective: a climb that has converged is nearer than that
HILL = 0.05  # of the objective below a top, where a parabola lies 0.3 standard errors from it,
HILLSIDE = 0.3  # and those: a climb that is both near and high has no other top to go to
MAX_STEPS = 10_000
TOLERANCE = 1e-4  # standard errors


class Basin[T: Theta](NamedTuple):
    """The top of a basin: the mixture there, its errors, and the objective."""

    mixture: Mixture[T]
    standard_errors: Mixture[T]
    height: float


def basins[T: Theta](
    family: type[T],
    sample: Sample,
    starts: Mixture[T],
    *,
    prior: Prior | None = None,
    equal_weights: bool = False,
) -> tuple[tuple[Basin[T], ...], Labels]:
    """Return the distinct tops that EM reaches, in the order found, and each start's, (n,).

    A climb that comes near a top which is known is over, so that many climbs cost little.

    starts: weight (n, K), and each field of theta (n, K, ...), in the data's units.
    prior: climb the posterior density under this prior instead of the likelihood.
    """
    observed(family, sample)
    n, k = np.shape(starts.weight)
    enough(sample, k)
    emission = emission_of(family)
    if prior is not None:
        prior = checked_prior(prior, emission.prior, sample)
    member = np.empty(n, np.intp)
    with executor_for(sample, emission, k) as workers:
        rows = workers.rows
        if prior is not None:
            prior = Prior(prior.weight, rows.units.move_in(prior.theta))
        model = model_of(
            emission,
            workers,
            k,
            hard=False,
            equal_weights=equal_weights,
            prior=prior,
            floor=default_floor(rows, emission),
        )
        known: Known[T] = Known(model)
        for number in range(n):
            member[number] = known.reached(number, rows.units.inside(take(starts, number)))
    return tuple(known.tops), member


class Known[T: Theta]:
    """The tops that climbs have reached so far, and who stands near one of them."""

    def __init__(self, model: MixtureModel[T]) -> None:
        self.model = model
        self.climb = Climber(model, accelerate=True, tolerance=TOLERANCE, on_step=None)
        self.tops: list[Basin[T]] = []
        self.inside: list[tuple[Mixture[T], float]] = []

    def reached(self, number: int, first: Mixture[T]) -> int:
        """Return which top a climb comes to, whose start has a number; a new one is added."""
        climbed = self.climb(number, first, MAX_STEPS, arrived=self._arrived)
        at = self._near(climbed.parameters, float(climbed.trace[-1]))
        if at is not None:
            return at
        placed = climbed._replace(parameters=in_order(self.model, climbed.parameters))
        end, known = refined(self.climb, ended(self.model, number, placed), MAX_STEPS)
        outside = self.model.rows.units.outside(end.mixture)
        top = Basin(outside, known.standard_errors, end.height)
        for at, one in enumerate(self.tops):
            if same_basin(one, top):
                return at
        self.tops.append(top)
        self.inside.append((end.mixture, end.height))
        return len(self.tops) - 1

    def _arrived(self, mixture: Mixture[T], height: float) -> bool:
        return self._near(mixture, height) is not None

    def _near(self, mixture: Mixture[T], height: float) -> int | None:
        """Return the top that a mixture at a height has no way past, if there is one."""
        for number, (top, highest) in enumerate(self.inside):
            below = highest - height
            if 0 <= below <= SAME_HEIGHT and near(top, mixture):
                return number
            if 0 <= below <= HILL:
                outside = self.model.rows.units.outside(summing_to_one(mixture))
                if _apart(self.tops[number], outside) <= HILLSIDE:
                    return number
        return None


def same_basin[T: Theta](one: Basin[T], other: Basin[T]) -> bool:
    """Whether two tops are the same place: as high, and within a standard error of it."""
    if abs(one.height - other.height) > SAME_TOP:
        return False
    apart = _apart(one, other.mixture)
    return apart <= 1 or np.isnan(apart)  # unknown errors tell nothing


def _apart[T: Theta](top: Basin[T], mixture: Mixture[T]) -> float:
    """Return how many standard errors a mixture is from a top, whatever its labels; NaN without."""
    from scipy.optimize import linear_sum_assignment  # at the top it would slow `import em`

    k = len(top.mixture.weight)
    distance = np.zeros((k, k))
    errors = _fields(top.standard_errors)
    for a, b, se in zip(_fields(top.mixture), _fields(mixture), errors, strict=True):
        if not np.isfinite(se).all():
            return np.nan
        unit = np.where(se > 0, se, np.inf).reshape(1, k, -1)  # what is held does not move
        apart = np.abs(b.reshape(k, 1, -1) - a.reshape(1, k, -1)) / unit
        distance = np.maximum(distance, apart.max(axis=2))
    return float(distance[linear_sum_assignment(distance)].max())


def _fields[T: Theta](mixture: Mixture[T]) -> list[Array]:
    return [mixture.weight, *entries(mixture.theta).values()]
