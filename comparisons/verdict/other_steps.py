"""Slips in a step of EM: the estimate is where such a step leads from the estimate itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import em
from comparisons.verdict.seen import stepped, widths, with_fields
from models.family import entries, first, rebuilt
from models.sample import Sample
from models.structure import shares_of, uniform, with_shares

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comparisons.verdict.seen import Seen
    from models.arrays import Array
    from models.family import Theta
    from models.structure import Structure

    type Steps = Iterator[tuple[str, Structure]]

LIMITS = (0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4)
"""Memberships below which programs set them to 0."""

__all__ = [
    "diagonal",
    "divided_equally",
    "dropped",
    "floor_added",
    "floor_reached",
    "hard",
    "minus_one_each_step",
    "spherical",
    "tied",
    "weightless",
]


def _by_component(values: Array, field: Array) -> Array:
    """Return (K,) values in a shape that multiplies a field (K, ...)."""
    return values.reshape(-1, *[1] * (field.ndim - 1))


def _overall(seen: Seen, structure: Structure) -> Array:
    """Return the share of each component among all observations, (K,)."""
    found: Array = structure.overall(seen.question.data)
    return found


def tied(seen: Seen) -> Steps:
    """Yield a step that pools the widths of all components.

    >>> from comparisons.verdict.seen import Seen
    >>> list(tied(Seen(fit, fit, fit, 0.0)))  # counts have no width
    []
    """
    if seen.step is None or seen.k == 1:
        return
    after: Structure = seen.step.estimate
    share = _overall(seen, after)
    for name, power in widths(seen).items():
        value = entries(after.theta)[name]
        pooled = np.tensordot(share, value ** (2 // power), 1) ** (power / 2)
        yield (
            f"all {seen.question.noun}s share one {name}",
            with_fields(after, {name: np.broadcast_to(pooled, value.shape).copy()}),
        )


def diagonal(seen: Seen) -> Steps:
    """Yield a step that keeps only the diagonal of each covariance.

    >>> from comparisons.verdict.seen import Seen
    >>> list(diagonal(Seen(fit, fit, fit, 0.0)))
    []
    """
    for name, value in _matrices_after(seen).items():
        kept = value * np.eye(value.shape[-1])
        yield f"{name} is diagonal", _changed(seen, {name: kept})
        pooled = np.broadcast_to(np.tensordot(_shares_after(seen), kept, 1), kept.shape).copy()
        yield (
            f"{name} is diagonal and the same in all {seen.question.noun}s",
            _changed(seen, {name: pooled}),
        )


def spherical(seen: Seen) -> Steps:
    """Yield a step with one variance for all columns.

    >>> from comparisons.verdict.seen import Seen
    >>> list(spherical(Seen(fit, fit, fit, 0.0)))
    []
    """
    for name, value in _matrices_after(seen).items():
        d = value.shape[-1]
        kept = np.trace(value, axis1=1, axis2=2)[:, None, None] / d * np.eye(d)
        yield f"{name} is one variance for all columns", _changed(seen, {name: kept})
        pooled = np.broadcast_to(np.tensordot(_shares_after(seen), kept, 1), kept.shape).copy()
        yield (
            f"{name} is one variance for all columns and {seen.question.noun}s",
            _changed(seen, {name: pooled}),
        )


def _matrices_after(seen: Seen) -> dict[str, Array]:
    """Return the covariances after a step, of several columns."""
    if seen.step is None:
        return {}
    after = entries(seen.step.estimate.theta)
    powers = widths(seen)
    return {n: after[n] for n, power in powers.items() if power == 2 and after[n].shape[-1] > 1}


def _shares_after(seen: Seen) -> Array:
    """Return the overall shares after a step."""
    assert seen.step is not None
    return _overall(seen, seen.step.estimate)


def _changed(seen: Seen, fields: dict[str, Array]) -> Structure:
    """Return the step with some fields replaced."""
    assert seen.step is not None
    return with_fields(seen.step.estimate, fields)


def minus_one_each_step(seen: Seen) -> Steps:
    """Yield a step whose variances are divided by n_k - 1.

    >>> from comparisons.verdict.seen import Seen
    >>> list(minus_one_each_step(Seen(fit, fit, fit, 0.0)))
    []
    """
    if seen.step is None or (seen.numbers <= 1).any():
        return
    n = _shares_after(seen) * seen.at.observations
    for name, power in widths(seen).items():
        value = entries(seen.step.estimate.theta)[name]
        by = _by_component((n / (n - 1)) ** (power / 2), value)
        yield (
            f"{name} is divided by n - 1 instead of n in every step",
            _changed(seen, {name: value * by}),
        )


def floor_added(seen: Seen) -> Steps:
    """Yield a step that adds a constant to every variance, as scikit-learn's reg_covar does.

    >>> from comparisons.verdict.seen import Seen
    >>> list(floor_added(Seen(fit, fit, fit, 0.0)))
    []
    """
    if seen.step is None:
        return
    for name, power in widths(seen).items():
        mine, after = entries(seen.estimate.theta)[name], entries(seen.step.estimate.theta)[name]
        if power == 1:
            added = float(np.median(mine**2 - after**2))
            value = np.sqrt(np.maximum(after**2 + added, 0))
        else:
            more = np.diagonal(mine - after, axis1=1, axis2=2)
            added = float(np.median(more))
            value = after + added * np.eye(after.shape[-1])
        if added > 0:
            yield (
                f"{added:.3g} is added to every variance (scikit-learn's reg_covar?)",
                _changed(seen, {name: value}),
            )


def floor_reached(seen: Seen) -> Steps:
    """Yield a step in which no standard deviation falls below the narrowest of the estimate.

    >>> from comparisons.verdict.seen import Seen
    >>> list(floor_reached(Seen(fit, fit, fit, 0.0)))
    []
    """
    if seen.step is None:
        return
    for name, power in widths(seen).items():
        mine, after = entries(seen.estimate.theta)[name], entries(seen.step.estimate.theta)[name]
        if power == 1 and after.min() < mine.min():
            least = float(mine.min())
            yield (
                f"{name} was kept above a floor of {least:.4g}",
                _changed(seen, {name: np.maximum(after, least)}),
            )


def weightless(seen: Seen) -> Steps:
    """Yield a step whose memberships ignore the shares.

    >>> from comparisons.verdict.seen import Seen
    >>> len(list(weightless(Seen(fit, fit, fit, 0.0))))
    1
    """
    question = seen.question
    if seen.k == 1:
        return
    equal = uniform(question.structure, seen.k, question.data.sizes)
    if all(np.allclose(equal[name], one) for name, one in shares_of(seen.estimate).items()):
        return
    after = stepped(question, with_shares(question.structure, equal, seen.estimate.theta), 1)
    if after is not None:
        yield "memberships were computed without the shares", after.estimate


def divided_equally(seen: Seen) -> Steps:
    """Yield a step whose means are divided by n / K, in the data's units or EM's own.

    >>> from comparisons.verdict.seen import Seen
    >>> len(list(divided_equally(Seen(fit, fit, fit, 0.0))))
    2
    """
    if seen.step is None or seen.k == 1:
        return
    after, units = seen.step.estimate, seen.at.units
    share = _shares_after(seen) * seen.k
    name = next(iter(entries(after.theta)))
    value = first(after.theta)
    yield (
        f"{name} is divided by n / K for n_k",
        _changed(seen, {name: value * _by_component(share, value)}),
    )
    inside = units.move_in(after.theta)
    value = first(inside)
    moved = units.move_out(inside._replace(**{name: value * _by_component(share, value)}))
    yield f"{name} is divided by n / K for n_k", _changed(seen, entries(moved))


def hard(seen: Seen) -> Steps:
    """Yield a step of hard EM: each observation belongs wholly to its likeliest component.

    >>> from comparisons.verdict.seen import Seen
    >>> len(list(hard(Seen(fit, fit, fit, 0.0))))
    1
    """
    after = stepped(seen.question, seen.estimate, 1, hard=True) if seen.k > 1 else None
    if after is not None:
        kind = seen.question.noun
        yield f"each observation was assigned wholly to one {kind} (hard EM)", after.estimate


def dropped(seen: Seen) -> Steps:
    """Yield steps that set small memberships to 0, the others left as they are.

    >>> from comparisons.verdict.seen import Seen
    >>> len(list(dropped(Seen(fit, fit, fit, 0.0))))
    7
    """
    sample = seen.question.data
    if not isinstance(sample, Sample) or seen.k == 1:
        return
    every = seen.at.members(sample)
    for least in LIMITS:
        kept = np.where(every < least, 0.0, every) * sample.counts
        number = kept.sum(axis=1)
        thetas = [_weighed(seen, sample, one) for one in kept if (one > 0).any()]
        if len(thetas) == seen.k:
            rows = zip(*(entries(one).values() for one in thetas), strict=True)
            theta = rebuilt(seen.question.family, [np.concatenate(one) for one in rows])
            share = {name: number / number.sum() for name in shares_of(seen.estimate)}
            yield (
                f"memberships below {least:g} were set to 0",
                with_shares(seen.question.structure, share, theta),
            )


def _weighed(seen: Seen, sample: Sample, weights: Array) -> Theta:
    """Return the estimate of one component from weighted rows."""
    kept = weights > 0
    total = weights.sum()
    weights = weights * max(np.rint(total), 1) / total  # as a Sample wants them; no estimate moves
    trials = None if sample.trials is None else sample.trials[kept]
    rows = Sample.weighed(sample.x[kept], weights[kept], trials)
    found: Theta = em.fit(seen.question.family, rows, 1).estimate.theta
    return found
