"""How far apart both answers' predictions of the next row are, where rows depend on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import em
from models.family import entries, rebuilt
from models.sample import Sample
from models.structure import (
    drawn_at,
    fields_of,
    normalised,
    parameters,
    shares_of,
    with_shares,
)

if TYPE_CHECKING:
    from bayes.sampling.compiled import Engine
    from models.arrays import Array, Labels
    from models.question import Question
    from models.structure import Structure

__all__ = ["hellinger_ahead"]

POINTS = 2_048  # from each density at which their distance is measured
FAR = 0.2  # from an edge: a share that is expected there is not near it


def hellinger_ahead(
    engine: Engine, question: Question[Any, Any], at: em.Fit[Any], few: Structure, positions: Array
) -> float:
    """Return the Hellinger distance between plug-in and predictive density, averaged over units.

    Both are densities of a unit given all before it: sum_k ahead_k(unit) p(x | theta_k). H^2 is the
    mean of (sqrt f - sqrt g)^2 / (f + g) over as many points drawn from f as from g, each of a unit
    that is drawn at random.

    A share on an edge is plugged in at its expected distance from it: a transition that is 0 would
    exclude what the posterior expects once in a while.

    few: draws; positions: the same in working coordinates.
    """
    if not np.isfinite(at.log_likelihood):
        return np.nan
    rng, units, sample = np.random.default_rng(0), question.units, question.rows
    chosen = rng.choice(np.flatnonzero(units.unit_counts), POINTS)
    trials = None if sample.trials is None else sample.trials[units.unit_rows[chosen]]
    n = len(next(iter(fields_of(few).values())))
    every = [drawn_at(few, draw) for draw in range(n)]
    plugged = next(em.ahead(question, [_off_edges(at)]))[:, chosen]  # (K, points)
    imagined = np.stack([one[:, chosen] for one in em.ahead(question, every)])  # (n, K, points)
    x = at.estimate.theta.draw(_drawn(plugged, rng), rng, trials)
    draw = rng.integers(n, size=POINTS)
    picked = _drawn(imagined[draw, :, np.arange(POINTS)].T, rng)
    theta = rebuilt(question.family, [one[draw, picked] for one in entries(few.theta).values()])
    y = theta.draw(np.arange(POINTS), rng, trials)
    total = 0.0
    for values in (x, y):
        points = Sample(values, trials)
        under = em.log_components(points, at.estimate.theta)[:, points.inverse]
        each = engine.log_components(question, positions, points)[:, :, points.inverse]
        with np.errstate(divide="ignore"):  # a state that cannot follow
            log_f = np.logaddexp.reduce(np.log(plugged) + under, axis=0)
            log_g = np.logaddexp.reduce(np.log(imagined) + each, axis=(0, 1)) - np.log(n)
        ratio = np.abs(log_g - log_f) / 2
        # (sqrt f - sqrt g)^2 / (f + g) = 1 - 1 / cosh(log (g / f) / 2), free of units
        total += float((1 - 1 / np.cosh(np.minimum(ratio, 700))).mean()) / 2
    return float(np.sqrt(total))


def _off_edges(at: em.Fit[Any]) -> Structure:
    """Return the estimate with its shares on an edge at their expected distance from it."""
    edges = {edge.label: edge.distance for edge in at.edges if edge.distance < FAR}
    estimate: Structure = at.estimate
    shares = {name: field.copy() for name, field in shares_of(estimate).items()}
    moved = {name: np.zeros_like(field) for name, field in shares.items()}
    for row in parameters(estimate, at.question.held):
        if row.name in shares and row.label in edges:
            moved[row.name][row.at] = edges[row.label]
    for name, field in shares.items():
        rest = 1 - moved[name].sum(axis=-1, keepdims=True)
        shares[name] = np.where(moved[name] > 0, moved[name], field * rest)
    return with_shares(type(estimate), normalised(shares), estimate.theta)


def _drawn(shares: Array, rng: np.random.Generator) -> Labels:
    """Draw a component for each column of shares (K, points)."""
    edges = np.cumsum(shares, axis=0)
    found: Labels = (rng.random(shares.shape[1]) * edges[-1] > edges[:-1]).sum(axis=0)
    return found
