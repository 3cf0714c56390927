"""Many climbs at little cost: each start's basin is the one that a climb of its own ends in."""

from __future__ import annotations

import numpy as np
import pytest

from em import Basin, basins, fit
from em.climb.basins import same_basin
from models import Gaussian, Mixture, Sample, weak_prior
from models.family import entries, rebuilt
from models.question import asked
from models.structure import drawn_at

# three groups for two components: the likelihood has an optimum for each way to pair them
THREE = np.concatenate([np.linspace(-1, 1, 40) + at for at in (0.0, 8.0, 15.0)])


def starts(rng, n=30):
    """Means of two components anywhere among the groups."""
    mean = rng.choice(THREE, (n, 2))
    return Mixture(np.full((n, 2), 0.5), Gaussian(mean, np.full((n, 2), 1.0)))


@pytest.mark.parametrize("believed", [False, True])
def test_each_start_is_put_where_its_own_climb_ends(rng, believed):
    sample, begun = Sample(THREE), starts(rng(11))
    prior = weak_prior(Gaussian, sample, 2) if believed else None
    tops, member = basins(asked(Gaussian, sample, 2), begun, prior=prior)
    assert len(tops) > 1
    assert set(member) == set(range(len(tops)))
    for number, at in enumerate(member):
        own = fit(Gaussian, sample, 2, start=drawn_at(begun, number), prior=prior)
        assert own.trace[-1] == pytest.approx(tops[at].height, abs=2e-3)
        # ten times nearer than the standard errors of about 0.1, by which tops are told apart
        apart = np.abs(own.mixture.theta.mean - tops[at].estimate.theta.mean)
        assert (apart < 0.01).all()
    heights = [round(top.height, 2) for top in tops]
    assert len(set(heights)) > 1  # the negative control: they are not all one


def test_tops_of_one_height_are_told_apart_by_place():
    mixture = Mixture(np.array([0.5, 0.5]), Gaussian(np.array([0.0, 1.0]), np.ones(2)))
    errors = Mixture(np.full(2, 0.1), Gaussian(np.full(2, 0.1), np.full(2, 0.1)))
    top = Basin(mixture, errors, -10.0)
    assert same_basin(top, top)
    assert same_basin(top, top._replace(estimate=drawn_at(mixture, np.array([1, 0]))))
    assert not same_basin(top, top._replace(height=-11.0))
    moved = [field + 0.3 for field in entries(mixture.theta).values()]
    elsewhere = Mixture(mixture.weight, rebuilt(Gaussian, moved))
    assert not same_basin(top, top._replace(estimate=elsewhere))
