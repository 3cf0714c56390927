"""The probability of each component at each unit of the data before the unit is seen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from em.data.threads import executor_for
from em.emission import emission_of
from em.model import densities
from em.structure import grouping_of
from em.sweep import known_of
from models.family import components
from models.refusal import Refusal
from models.structure import shares_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.arrays import Array
    from models.family import Theta
    from models.question import Question
    from models.sample import Sample
    from models.structure import Structure

__all__ = ["ahead", "log_components", "unit_densities"]


def ahead(question: Question[Any, Any], structures: Sequence[Structure]) -> Iterator[Array]:
    """Yield the probabilities (K, u) under each structure; (K, 1) if all units have the same.

    Where units depend on each other, they are one step ahead: given all units before.

    >>> [one.round(2).tolist() for one in ahead(fit.question, [fit.estimate])]
    [[[0.58], [0.42]]]
    """
    emission = emission_of(question.family)
    grouping = grouping_of(question.structure, question.data, question.k)
    common = [grouping.common(shares_of(one)) for one in structures]
    if all(one is not None for one in common):
        yield from (np.asarray(one)[:, None] for one in common)
        return
    with executor_for(question.sample, emission, question.k) as workers:
        runs = workers.prepare(partial(known_of, emission=emission, keep=False))
        for one in structures:
            theta = workers.rows.units.move_in(one.theta)
            yield grouping.ahead(shares_of(one), densities(runs, emission, theta))


def unit_densities(
    question: Question[Any, Any], structures: Sequence[Structure]
) -> Iterator[Array]:
    """Yield the log density of each unit of the data, (u,), under each structure.

    Refusal if units depend on each other.

    >>> [one.shape for one in unit_densities(fit.question, [fit.estimate])]
    [(13,)]
    """
    grouping = grouping_of(question.structure, question.data, question.k)
    for one in structures:
        each = log_components(question.rows, one.theta)
        found = grouping.heights(shares_of(one), each)
        if found is None:
            raise Refusal("rows in time depend on each other, and have no density of their own")
        yield found


def log_components(sample: Sample, theta: Theta) -> Array:
    """Return log p of each distinct row under each component, (K, m).

    >>> log_components(fit.question.sample, fit.estimate.theta).shape
    (2, 13)
    """
    emission, k = emission_of(type(theta)), components(theta)
    with executor_for(sample, emission, k) as workers:
        rows, units = workers.rows, workers.rows.units
        runs = workers.prepare(partial(known_of, emission=emission, keep=False))
        found = densities(runs, emission, units.move_in(theta))
        blocks = [rows.block(index) for index in range(rows.blocks)]
        bases = [
            emission.base(one.x, one.trials) - units.log_volume_of(one.x) * ~emission.masses(one.x)
            for one in blocks
        ]
    return found + np.concatenate(bases)
