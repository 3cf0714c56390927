"""Scores at many places at once are those of each place alone, for every pair."""

from __future__ import annotations

import numpy as np
import pytest
from families import FAMILIES, LONG_TO_COMPILE
from structures import STRUCTURES

import em
from em.data.blocks import default_floor
from em.data.threads import executor_for
from em.emission import emission_of
from em.errors.oakes import oakes
from em.errors.scores import moved, score_of, scores_at
from em.errors.slots import free_of
from em.model import model_of
from models import Admixture, Categorical, Groups
from models.family import listed_entries
from models.question import asked
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


def test_differences_of_scores_do_not_step_over_the_edge_of_a_probability():
    """Beside an edge, which is at 1e-8: -d^2 l / dp^2 = sum of n w^2 / s^2, s = w . p."""
    counts = 100 * np.array([[30, 50, 20], [10, 40, 60]])
    group, label = (one.ravel() for one in np.indices(counts.shape))
    question = asked(Categorical, Groups(label, group, counts=counts.ravel()), 2)
    near = 1.05e-8
    weight = np.array([[0.4, 0.6], [0.7, 0.3]])
    prob = np.array([[near, 0.6, 0.4 - near], [0.5, 0.3, 0.2]])
    structure, emission = Admixture(weight, Categorical(prob)), emission_of(Categorical)
    with executor_for(question.sample, emission, 2) as workers:
        model = model_of(question, workers, floor=default_floor(workers.rows, emission))
        found = coordinates(structure, question.held)
        free = free_of(structure, found, len(listed_entries(structure.theta)))
        _, observed = oakes(model, structure, free)
    at = [one.label for one in found].index("prob[0,0]")
    each = counts * (weight[:, :1] / (weight @ prob)) ** 2
    assert observed[at, at] == pytest.approx(each[:, [0, 2]].sum(), rel=1e-3)
