"""Where climbs from many mixtures end: the basin of each, and the optimum at its top."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from em.emission import emission_of
from em.fit import default_floor, refined
from em.mixture import model_of
from em.rows import crew, rows_of
from em.search import SAME_HEIGHT, Climber, ended, in_order, near
from models import Mixture, Prior
from models.family import Array, Labels, Theta, entries
from models.mixture import checked_prior, enough, observed, take

if TYPE_CHECKING:
    from models import Sample

__all__ = ["Basin", "basins", "same_basin"]

SAME_TOP = 1e-2  # of the objective: a climb that has converged is nearer than that
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
    rows = rows_of(sample, emission, k)
    if prior is not None:
        prior = checked_prior(prior, emission.prior, sample)
        prior = Prior(prior.weight, rows.units.move_in(prior.theta))
    tops: list[Basin[T]] = []
    inside: list[tuple[Mixture[T], float]] = []
    member = np.empty(n, np.intp)
    with crew(rows) as workers:
        model = model_of(
            emission,
            rows,
            workers,
            k,
            hard=False,
            equal_weights=equal_weights,
            prior=prior,
            floor=default_floor(rows, emission),
        )
        run = Climber(model, accelerate=True, tolerance=TOLERANCE, on_step=None)

        def known(mixture: Mixture[T], height: float) -> int | None:
            for number, (top, highest) in enumerate(inside):
                if 0 <= highest - height <= SAME_HEIGHT and near(top, mixture):
                    return number
            return None

        def arrived(mixture: Mixture[T], height: float) -> bool:
            return known(mixture, height) is not None

        for number in range(n):
            first = rows.units.inside(take(starts, number))
            climbed = run(number, first, MAX_STEPS, arrived=arrived)
            at = known(climbed.parameters, float(climbed.trace[-1]))
            if at is None:
                placed = climbed._replace(parameters=in_order(model, climbed.parameters))
                end, information = refined(run, ended(model, number, placed), MAX_STEPS)
                outside = rows.units.outside(end.mixture)
                top = Basin(outside, information.standard_errors, end.height)
                same = [old for old, one in enumerate(tops) if same_basin(one, top)]
                at = same[0] if same else len(tops)
                if not same:
                    tops.append(top)
                    inside.append((end.mixture, end.height))
            member[number] = at
    return tuple(tops), member


def same_basin[T: Theta](one: Basin[T], other: Basin[T]) -> bool:
    """Whether two tops are the same place: as high, and within a standard error of it."""
    if abs(one.height - other.height) > SAME_TOP:
        return False
    k = len(one.mixture.weight)
    distance = np.zeros((k, k))
    errors = _fields(one.standard_errors)
    for a, b, se in zip(_fields(one.mixture), _fields(other.mixture), errors, strict=True):
        unit = np.where(se > 0, se, np.inf).reshape(1, k, -1)  # unknown errors tell nothing
        apart = np.abs(b.reshape(k, 1, -1) - a.reshape(1, k, -1)) / unit
        distance = np.maximum(distance, apart.max(axis=2))
    return bool(distance[linear_sum_assignment(distance)].max() <= 1)


def _fields[T: Theta](mixture: Mixture[T]) -> list[Array]:
    return [mixture.weight, *entries(mixture.theta).values()]
