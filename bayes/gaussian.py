"""Measurements in one dimension in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pymc as pm
import pytensor.tensor as pt

from bayes.component import Component, spread
from models import Gaussian, GaussianPrior

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from pytensor.tensor import TensorVariable

    from models import Sample
    from models.family import Array, Labels

__all__ = ["GaussianComponent"]


class GaussianComponent(Component[Gaussian, Gaussian]):
    """log p = -log sd - (x - mean)^2 / (2 sd^2) - log(2 pi) / 2."""

    prior = GaussianPrior

    def rows(self, sample: Sample) -> dict[str, Array]:
        """The measurements."""
        return {"x": sample.x}

    def unknowns(self, data: Mapping[str, TensorVariable]) -> Gaussian:
        """sd^2 ~ InverseGamma(degrees / 2, squares / 2), mean ~ Normal(prior mean, sd / sqrt n)."""
        degrees, squares = data["prior_degrees"], data["prior_squares"]
        variance = pm.InverseGamma("variance", degrees / 2, squares / 2, dims="component")
        sd = pm.Deterministic("sd", pt.sqrt(variance), dims="component")
        width = sd / pt.sqrt(data["prior_n"])
        return Gaussian(pm.Normal("mean", data["prior_mean"], width, dims="component"), sd)

    def log_density(self, theta: Gaussian, data: Mapping[str, TensorVariable]) -> TensorVariable:
        """PyMC's own."""
        return pm.logp(pm.Normal.dist(theta.mean[:, None], theta.sd[:, None]), data["x"])

    def values(self, theta: Gaussian) -> dict[str, Array]:
        """The variance, on whose scale the prior density is stated, and the mean."""
        return {"variance": theta.sd**2, "mean": theta.mean}

    def sizes(self, k: int, d: int) -> dict[str, tuple[int, ...]]:
        """One log variance and one mean a component."""
        return {"variance": (k,), "mean": (k,)}

    def start(self, sample: Sample, rows: Labels, rng: np.random.Generator) -> Gaussian:
        """Centres at the chosen rows, widths from a tenth of the overall sd to all of it."""
        sd = spread(sample)[0] * 10 ** rng.uniform(-1, 0, rows.shape)
        return Gaussian(rng.normal(sample.x[rows], sd / 2), sd)
