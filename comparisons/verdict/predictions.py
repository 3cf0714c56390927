"""Predictions of both answers: the density of an observation, and memberships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import em
from bayes.sampling.compiled import engine_of
from comparisons.thresholds import LEVEL
from comparisons.verdict.cross_checks import off_edges
from comparisons.verdict.one_ahead import hellinger_ahead
from comparisons.verdict.seen import stacked
from models.arrays import spaced
from models.family import entries, rebuilt
from models.sample import Sample
from models.structure import drawn_at, fields_of, permuted

if TYPE_CHECKING:
    from bayes.sampling.compiled import Engine
    from comparisons.verdict.point import Point
    from models.arrays import Array
    from models.question import Question
    from models.structure import Structure, Units

__all__ = ["Memberships", "Predictions", "few_of", "predictions_of"]

THINNED = 500  # draws that predictions use, at most; their noise is small enough
POINTS = 2_048  # points from each density at which their distance is measured
UNITS = 10_000  # units whose memberships are compared, at most
BLOCK = 1_000  # units at once


class Memberships(NamedTuple):
    """Probabilities (u, K) of the components for some units of the data.

    posterior: their posterior means; low, high: their posterior intervals.

    >>> Memberships._fields
    ('units', 'em', 'posterior', 'low', 'high')
    """

    units: Units
    em: Array
    posterior: Array
    low: Array
    high: Array


class Predictions(NamedTuple):
    """The predictions of both answers.

    positions: of the draws that predictions use, in working coordinates.
    hellinger: between plug-in and posterior predictive density.
    memberships: of both, None for a single component.
    by_both: largest difference of a membership at the estimate, by EM and by PyMC; NaN where it
        cannot be computed, or there is a single component.

    >>> Predictions._fields
    ('positions', 'hellinger', 'memberships', 'by_both')
    """

    positions: Array
    hellinger: float
    memberships: Memberships | None
    by_both: float


def few_of(draws: Structure) -> Structure:
    """Return at most THINNED draws at even distances.

    >>> from bayes.posterior.tree import posterior_of
    >>> kept = posterior_of(posterior)
    >>> len(few_of(kept.draws).weight)
    500
    """
    n = len(next(iter(fields_of(draws).values())))
    return drawn_at(draws, spaced(n, THINNED))


def predictions_of(question: Question[Any, Any], point: Point, few: Structure) -> Predictions:
    """Return the predictions of an estimate and of draws.

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.point import point_of
    >>> kept = posterior_of(posterior)
    >>> point = point_of(fit, kept, None, kept.heights, None)
    >>> found = predictions_of(kept.question, point, few_of(kept.draws))
    >>> found.hellinger < 0.05
    True
    """
    engine = engine_of(question)
    positions = engine.pack(question, few)
    distance = hellinger_ahead if len(question.units.followers()) else _hellinger
    hellinger = distance(engine, question, point.at, few, positions)
    if question.k == 1:
        return Predictions(positions, hellinger, None, np.nan)
    both, apart = _memberships(engine, question, point, positions)
    return Predictions(positions, hellinger, both, apart)


def _hellinger(
    engine: Engine, question: Question[Any, Any], at: em.Fit[Any], few: Structure, positions: Array
) -> float:
    """Return the Hellinger distance between the plug-in density f and the predictive g.

    H^2 = int (sqrt f - sqrt g)^2 / 2, the mean of (sqrt f - sqrt g)^2 / (f + g) over as many points
    drawn from f as from g. Of coins it is the mean over the numbers of flips.
    """
    if not np.isfinite(at.log_likelihood):
        return np.nan
    rng, sample = np.random.default_rng(0), question.rows
    share = sample.counts / sample.counts.sum()
    trials = None
    if sample.trials is not None:
        trials = sample.trials[rng.choice(sample.distinct, POINTS, p=share)]
    shares = at.estimate.overall(question.data)
    labels = rng.choice(question.k, POINTS, p=shares / shares.sum())
    plugged = Sample(at.estimate.theta.draw(labels, rng, trials), trials)
    overall = few.overall(question.data)
    chosen = rng.integers(len(overall), size=POINTS)
    picked = np.array([rng.choice(question.k, p=overall[draw]) for draw in chosen])
    theta = rebuilt(
        question.family, [field[chosen, picked] for field in entries(few.theta).values()]
    )
    predicted = Sample(theta.draw(np.arange(POINTS), rng, trials), trials)
    total = 0.0
    for points in (plugged, predicted):
        distinct = Sample(points.x, points.trials)
        each = engine.log_marginals(question, positions, distinct)
        log_g = np.logaddexp.reduce(each, axis=0) - np.log(len(each))
        ratio = np.abs(log_g - at.log_density(distinct)) / 2
        # (sqrt f - sqrt g)^2 / (f + g) = 1 - 1 / cosh(log (g / f) / 2), free of units
        total += float((1 - 1 / np.cosh(np.minimum(ratio, 700))) @ points.counts) / (2 * POINTS)
    return float(np.sqrt(total))


def _memberships(
    engine: Engine, question: Question[Any, Any], point: Point, positions: Array
) -> tuple[Memberships, float]:
    """Return the memberships by both, of all units or of UNITS at even distances.

    The number is the largest difference of those that both compute at the estimate itself.
    """
    tail = (1 - LEVEL) / 2
    some, inside = question.units.spaced(UNITS), _inside(question, point.at)
    with np.errstate(all="ignore"):  # what grows without bound may have no position
        here = engine.pack(question, stacked([permuted(inside.estimate, point.places)]))
    parts, there = [], []
    for block in some.blocks(BLOCK):  # quantiles need all draws of a unit at once
        of_block = question.of(block)
        for begin in range(0, len(block.unit_counts), UNITS):  # of rows that cannot be taken apart
            kept = np.arange(begin, min(begin + UNITS, len(block.unit_counts)))
            each = engine.members(of_block, positions, kept)
            both = np.quantile(each, [tail, 1 - tail], axis=0)
            parts.append(np.stack([each.mean(axis=0), *both]))
            if np.isfinite(here).all():
                there.append(engine.members(of_block, here, kept)[0])
    posterior, low, high = np.concatenate(parts, axis=2).transpose(0, 2, 1)
    ours, same = (one.members(some).T[:, point.places] for one in (point.at, inside))
    apart = float(np.abs(np.concatenate(there, axis=1).T - same).max()) if there else np.nan
    return Memberships(some, ours, posterior, low, high), apart


def _inside(question: Question[Any, Any], at: em.Fit[Any]) -> em.Fit[Any]:
    """Return EM at the estimate, or just inside its edges, on which PyMC has no position."""
    if not at.edges:
        return at
    start = drawn_at(off_edges(at, stacked([at.estimate])), 0)
    return em.fitted(question, start=start, max_steps=0)
