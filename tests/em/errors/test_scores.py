"""Scores at many places at once are those of each place alone, for every pair."""

from __future__ import annotations

import numpy as np
import pytest
from families import FAMILIES, LONG_TO_COMPILE
from structures import STRUCTURES

import em
from em.data.threads import executor_for
from em.emission import emission_of
from em.errors.scores import moved, score_of, scores_at
from em.errors.slots import free_of
from em.model import model_of
from models.family import listed_entries
from models.structure import coordinates

PAIRS = [
    pytest.param(
        structure,
        row,
        id=f"{structure.name}, {row.name}",
        marks=[pytest.mark.slow] if row.name in LONG_TO_COMPILE else [],
    )
    for structure in STRUCTURES
    for row in FAMILIES
]


@pytest.mark.parametrize(("structure", "row"), PAIRS)
def test_scores_at_many_places_are_those_of_each(structure, row):
    _, data = structure.random(np.random.default_rng(11), row, 2, 60)
    fit = em.fit(row.family, data, 2, starts=1, max_steps=3)
    with executor_for(fit.question.sample, emission_of(row.family), 2) as workers:
        floor = workers.rows.units.floor_in(fit.floor)
        floor = np.diag(floor) if workers.rows.sample.table and floor.ndim == 1 else floor
        model = model_of(fit.question, workers, floor=floor)
    free = free_of(fit.inside, coordinates(fit.inside), len(listed_entries(fit.inside.theta)))
    ways = 1e-4 * np.moveaxis(free, 2, 0)
    still = np.zeros(free.shape[:2], np.bool_)
    together = scores_at(model, fit.inside, ways, still)
    alone = np.stack([score_of(model, moved(model, fit.inside, way), still) for way in ways])
    size = np.abs(alone).max(axis=0)
    assert (np.abs(together - alone) <= 1e-9 * (1 + size)).all()
    assert (np.abs(together - np.roll(alone, 1, axis=0)) > 1e-9 * (1 + size)).any()


def test_places_outside_the_space_are_not_numbers(rng):
    """The others keep their scores."""
    from models import MultivariateGaussian, Sample

    fit = em.fit(MultivariateGaussian, Sample(rng(1).normal(size=(40, 2))), 1)
    with executor_for(fit.question.sample, emission_of(MultivariateGaussian), 1) as workers:
        floor = np.diag(workers.rows.units.floor_in(np.diag(fit.floor)))
        model = model_of(fit.question, workers, floor=floor)
    ways = np.zeros((2, 1, 6))
    ways[1] = np.nan
    found = scores_at(model, fit.inside, ways, np.zeros((1, 6), np.bool_))
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).any()
