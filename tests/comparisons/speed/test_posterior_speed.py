"""The benchmark's models ask one question: same densities, same starts, same posterior."""

from __future__ import annotations

import numpy as np
import plainly
import pytest

from comparisons.speed.coordinates import exchangeable, in_order, unconstrained
from comparisons.speed.posterior import MIXED, gap, judged
from comparisons.speed.problems import rounded_heights
from comparisons.speed.samplers import NUMPYRO, OURS, PYMC, STAN, stock
from comparisons.speed.tables import GAP
from models import Gaussian, Mixture, Sample

K = 3
DRAWS = 1_000
SLOW = {side.name: [pytest.mark.slow] for side in (STAN, PYMC)}  # they compile for a minute
SIDES = [
    pytest.param(side, id=side.name, marks=SLOW.get(side.name, []))
    for side in (PYMC, NUMPYRO, STAN)
    if side.found()  # R is not everywhere
]


def at(model, position):
    """Return log density (of weight, variance, mean), weight, mean and sd at a position."""
    outputs = [model.logp(jacobian=False)]
    outputs += model.replace_rvs_by_values([model[name] for name in ("weight", "mean", "sd")])
    names = [model.rvs_to_values[variable].name for variable in model.free_RVs]
    sizes = [K - (variable.name == "weight") for variable in model.free_RVs]
    point = dict(zip(names, np.split(position, np.cumsum(sizes)[:-1]), strict=True))
    function = plainly.function(model.value_vars, outputs)
    height, weight, mean, sd = function(*(point[value.name] for value in model.value_vars))
    return float(height), Mixture(weight, Gaussian(mean, sd))


def test_models_have_the_same_density_and_starts(rng):
    x = rounded_heights(300, rng(91))
    assert x.distinct < x.observations
    weight, variance, mean = np.zeros(K - 1), np.full(K, 3.0), np.array([160.0, 2.0, 2.0])
    position = np.hstack([weight, variance, mean]) + rng(92).normal(size=3 * K - 1)
    theirs, mixture = at(stock(x, K), position)
    for make in (exchangeable, in_order):
        model = make(x, K)
        height, found = at(model, unconstrained(model, mixture))
        np.testing.assert_allclose(np.vstack(found), np.vstack(mixture), rtol=1e-12)
        np.testing.assert_allclose(height, theirs, rtol=1e-10)
        # negative control: of other data it is another
        model = make(rounded_heights(300, rng(93)), K)
        assert abs(at(model, unconstrained(model, mixture))[0] - theirs) > 0.1


def apart(seed, rng):
    """Return two groups that no chain mistakes for each other."""
    return Sample(np.append(rng(seed).normal(0, 1, 200), rng(seed + 1).normal(8, 1, 100)))


@pytest.mark.slow
@pytest.mark.parametrize("side", SIDES)
def test_samplers_draw_from_the_same_posterior(side, rng):
    x = apart(94, rng)
    mine, theirs = (judged(one.draw(x, 2, DRAWS, 1)) for one in (OURS, side))
    assert max(mine.r_hat, theirs.r_hat) < MIXED
    assert gap(mine, theirs) < GAP
    # negative control: of other data it is another posterior
    assert gap(mine, judged(side.draw(apart(96, rng), 2, DRAWS, 1))) > GAP
