"""EM's log-likelihood at parameters that EM did not find: those of posterior draws."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from em.data.threads import executor_for
from em.emission import Exponential, emission_of
from em.model import densities, model_of
from em.sweep import coefficients
from models.family import entries, first, rebuilt, summing_to_one, width_of, within
from models.question import asked
from models.structure import drawn_at, normalised, shares_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from em.data.executor import Sums
    from em.model import Model
    from em.sweep import Known
    from models.arrays import Array
    from models.family import Theta
    from models.structure import Data, Structure

__all__ = ["log_likelihood"]

NARROWEST = 1e-150  # in working coordinates; the square of a smaller width is 0
AT_ONCE = 1 << 17  # doubles of log densities at once, 1 MB, which fits a cache
EACH = 1 << 15  # the same where every structure has an E-step of its own


def log_likelihood[T: Theta](family: type[T], data: Data, structures: Structure) -> Array:
    """Return the log-likelihood (n,) of n structures, from the same coefficients as EM's own.

    structures: each field with a leading axis (n, ...).

    >>> from models import Mixture, Poisson, Sample
    >>> calls = Mixture(np.array([[0.4, 0.6]]), Poisson(np.array([[1.0, 5.0]])))
    >>> log_likelihood(Poisson, Sample([0, 3, 6]), calls).round(6)
    array([-6.539017])
    """
    n, k = np.shape(first(structures.theta))[:2]
    wide = width_of(drawn_at(structures, 0).theta)
    question, emission = replace(asked(family, data, k), wide=wide), emission_of(family)
    d = question.sample.dimension
    floor = NARROWEST * (np.eye(d) if question.sample.table else np.ones(d))
    with executor_for(question.sample, emission, k) as workers:
        model = model_of(question, workers, floor=floor)
        heights = np.empty(n)
        plain, phi = _flat(model, structures)
        if plain.any():
            heights[plain] = _at_once(model, phi)
        elif model.rows.blocks == 1:
            heights = _together(model, structures)
            plain = np.isfinite(heights)
        for at in np.flatnonzero(~plain):
            heights[at] = model.expect(model.inside(drawn_at(structures, int(at))))[0]
    return heights


def _together[S: Structure](model: Model[S], structures: S) -> Array:
    """Return the log-likelihood (n,) from E-steps of many; NaN where one needs more care.

    That is where one of those that are taken together lies outside the parameter space.
    """
    n, k = np.shape(first(structures.theta))[:2]
    heights = np.full(n, np.nan)
    size = max(1, EACH // (k * model.rows.end))
    for begin in range(0, n, size):
        some = slice(begin, begin + size)
        shares = {name: field[some] for name, field in shares_of(structures).items()}
        fields = [field[some] for field in entries(structures.theta).values()]
        flat = [field.reshape(-1, *field.shape[2:]) for field in fields]
        with np.errstate(all="ignore"):
            try:
                theta = model.rows.units.move_in(rebuilt(model.question.family, flat))
                theta, shares = summing_to_one(theta), normalised(shares)
                sound = within(theta) and model.wide_enough(theta)
                if not sound or any((field < 0).any() for field in shares.values()):
                    continue
                log_density = densities(model.runs, model.emission, theta)
                each = log_density.reshape(-1, k, log_density.shape[1])
                found = model.grouping.expect_each(shares, each)
            except np.linalg.LinAlgError:
                continue
        heights[some] = model.base + found.log_likelihood
    return heights


def _flat[S: Structure](model: Model[S], structures: S) -> tuple[NDArray[np.bool_], Array]:
    """Return for which structures (n,) coefficients are enough, and theirs (m, K, 1 + q).

    Others need more care: families without statistics, and those whose rows have different shares,
    whose squares would cancel, or which lie outside the parameter space.
    """
    shares, emission = model.grouping.common(shares_of(structures)), model.emission
    n, k = np.shape(first(structures.theta))[:2]
    none = np.zeros(n, np.bool_), np.empty((0, k, len(model.total)))
    if shares is None or not isinstance(emission, Exponential):
        return none
    plain: NDArray[np.bool_] = (shares > 0).all(axis=1)
    shares = shares / shares.sum(axis=1, keepdims=True)
    fields = [np.asarray(field, np.float64) for field in entries(structures.theta).values()]
    flat = [field.reshape(-1, *field.shape[2:]) for field in fields]
    theta = model.rows.units.move_in(rebuilt(model.question.family, flat))
    with np.errstate(all="ignore"):
        try:
            narrow = ~(emission.width(theta, model.floor) >= 1)
            phi = coefficients(emission, np.log(shares.ravel()), theta, None)
        except np.linalg.LinAlgError:
            return none
        plain &= ~(narrow | emission.far(theta)).reshape(n, k).any(axis=1)
    phi = phi.reshape(n, k, -1)
    plain &= np.isfinite(phi).all(axis=(1, 2))
    return plain, phi[plain]


def _at_once[S: Structure](model: Model[S], phi: Array) -> Array:
    """Return the log-likelihood (n,) of mixtures with coefficients phi (n, K, 1 + q).

    With r the most likely component of a block of rows, it is
    phi_r . total + sum log sum_k exp (phi_k - phi_r) . (1, T). If that overflows, each row has an r
    of its own.
    """
    assert isinstance(model.emission, Exponential)  # see `_flat`
    (found,) = model.runs.total(partial(_heights, emission=model.emission, phi=phi))
    heights: Array = model.base + np.asarray(found)
    return heights


def _heights(known: Known, emission: Exponential[Any], phi: Array) -> Sums:
    """Return a run's part of the log-likelihood (n,) of mixtures, without base."""
    n, k = phi.shape[:2]
    found: Array = np.zeros(n)
    every = np.arange(n)
    for index, total in enumerate(known.totals):
        block = known.rows.block(index)
        rows = np.ones((phi.shape[2], len(block.x)))
        emission.statistics(block.x, block.trials, rows[1:])
        likeliest = phi[every, (phi @ total).argmax(axis=1)]
        counts = np.ones(len(block.x)) if block.counts is None else block.counts
        heights: Array = likeliest @ total
        step = max(1, AT_ONCE // (k * len(block.x)))
        for begin in range(0, n, step):
            part = slice(begin, begin + step)
            odds = (phi[part] - likeliest[part, None]) @ rows
            with np.errstate(over="ignore"):
                sums = np.exp(odds).sum(axis=1)
            if np.isfinite(sums).all():
                heights[part] += np.log(sums) @ counts
            else:
                highest = odds.max(axis=1)
                rest = np.exp(odds - highest[:, None]).sum(axis=1)
                heights[part] += (highest + np.log(rest)) @ counts
        found += heights
    return (found,)
