"""One column of a table alone: EM's density and PyMC's are those of scipy, each by its own way."""

from __future__ import annotations

import numpy as np
import pytest
from families import FAMILIES
from scipy.stats import norm, poisson

import em
from bayes.posterior.columns import column_densities
from bayes.sampling.compiled import engine_of
from bayes.standardise import standard_of
from models import Gaussian, Independent, Mixture, Poisson, Sample
from models.family import entries, rebuilt
from models.question import asked
from models.structure import fields_of

COLUMNS = [
    row
    for row in FAMILIES
    if row.family.takes() != "table"
    and not any(field.shared for field in row.family.layout().values())
]
GAUSSIANS = [row for row in FAMILIES if row.name.startswith("multivariate")]
NAMED = {row.name: row for row in FAMILIES}


def both(sample: Sample, family: type, mixture: Mixture, at: int, x: np.ndarray):
    """Return the densities (m,) of one column by EM and by PyMC."""
    k = len(mixture.weight)
    fit = em.fit(family, sample, k, start=mixture, max_steps=0)
    question = asked(family, sample, k)
    stacked = {name: field[None] for name, field in fields_of(mixture).items()}
    weight = stacked.pop("weight")
    draw = Mixture(weight, rebuilt(family, list(stacked.values())))
    positions = engine_of(question).pack(question, draw)
    return fit.column_density(at, x).sum(axis=0), column_densities(question, positions, at, x)[0]


@pytest.mark.parametrize("row", COLUMNS, ids=lambda row: row.name)
def test_a_column_of_several_has_the_density_of_its_own_family(row, rng):
    generator = rng(31)
    first, second = row.random(generator, 3), NAMED["gaussian"].random(generator, 3)
    family = Independent(row.family, Gaussian)
    theta = rebuilt(family, [*entries(first.theta).values(), *entries(second.theta).values()])
    flips = np.ones(60) if row.family.takes() == "heads" else None
    labels = generator.choice(3, 60, p=first.weight)
    x = first.theta.draw(labels, generator, flips)
    sample = Sample(np.column_stack([x, second.theta.draw(labels, generator, None)]))
    places = np.unique(x)
    alone = Sample(places, None if flips is None else 1)
    due = np.exp(row.log_density(first.theta, alone)) @ first.weight
    wrong = np.exp(row.log_density(first.theta, alone)) @ first.weight[[1, 2, 0]]
    for found in both(sample, family, Mixture(first.weight, theta), 0, places):
        np.testing.assert_allclose(found, due, rtol=1e-9)
        assert not np.allclose(found, wrong, rtol=1e-9, atol=0)  # other shares are noticed


@pytest.mark.parametrize("row", GAUSSIANS, ids=lambda row: row.name)
def test_a_column_of_a_gaussian_mixture_is_one(row, rng):
    generator = rng(32)
    mixture, sample = row.random(generator, 2), row.sample(generator, 2, 80)
    x, at = np.linspace(-20, 20, 41), 1
    means, variances = mixture.theta.mean[:, at], mixture.theta.cov[:, at, at]
    due = norm.pdf(x[:, None], means, np.sqrt(variances)) @ mixture.weight
    wrong = norm.pdf(x[:, None], means, 1.001 * np.sqrt(variances)) @ mixture.weight
    for found in both(sample, row.family, mixture, at, x):
        np.testing.assert_allclose(found, due, rtol=1e-9)
        assert not np.allclose(found, wrong, rtol=1e-9, atol=0)


def test_a_column_far_from_zero_keeps_its_unit_and_the_others_have_none(rng):
    generator, family = rng(33), Independent(Gaussian, Poisson)
    x = np.column_stack([1e10 + 8 * generator.normal(size=50), generator.poisson(4, 50)])
    sample = Sample(x)
    mixture = Mixture(np.ones(1), family(np.array([1e10]), np.array([8.0]), np.array([4.0])))
    standard = standard_of(asked(family, sample, 1))
    assert abs(standard.log_volume) > 1  # by which the column without a unit must not be moved
    near, counts = np.linspace(1e10 - 20, 1e10 + 20, 9), np.arange(9.0)
    for at, places, due in (
        (0, near, norm.pdf(near, 1e10, 8.0)),
        (1, counts, poisson.pmf(counts, 4.0)),
    ):
        for found in both(sample, family, mixture, at, places):
            np.testing.assert_allclose(found, due, rtol=1e-6)
