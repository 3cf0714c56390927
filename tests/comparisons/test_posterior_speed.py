"""The benchmark's models ask one question: their densities are the same, and so are their starts."""

from __future__ import annotations

import numpy as np
from typer.testing import CliRunner

from comparisons.cli import app
from comparisons.posterior_speed import (
    exchangeable,
    in_order,
    rounded_heights,
    stock,
    unconstrained,
)
from models import Gaussian, Mixture

K = 3


def at(model, position):
    """Return log density (of weight, variance, mean), weight, mean and sd at a position."""
    outputs = [model.logp(jacobian=False)]
    outputs += model.replace_rvs_by_values([model[name] for name in ("weight", "mean", "sd")])
    names = [model.rvs_to_values[variable].name for variable in model.free_RVs]
    sizes = [K - (variable.name == "weight") for variable in model.free_RVs]
    point = dict(zip(names, np.split(position, np.cumsum(sizes)[:-1]), strict=True))
    function = model.compile_fn(outputs, inputs=model.value_vars, mode="FAST_COMPILE")
    height, weight, mean, sd = function(point)
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


def test_command_line_offers_the_posterior():
    assert "--posterior" in CliRunner().invoke(app, ["speed", "-h"]).output
