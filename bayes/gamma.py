"""Gamma distributed measurements in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes.component import Component
from models import Gamma

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayes.symbols import Tensor
    from models import Sample
    from models.arrays import Array, Labels

__all__ = ["GammaComponent"]

LARGE = 30.0  # shape from which Stirling's series is used, as shape log shape and log Gamma cancel


class GammaComponent(Component[Gamma, Gamma]):
    """log p = shape (log u - u + 1) + s(shape) - log x, u = x / mean, s the rest of log Gamma.

    >>> from models import Sample
    >>> GammaComponent(Gamma).rows(Sample([1.0, 2.0]))["log_x"].round(3)
    array([0.   , 0.693])
    """

    def rows(self, sample: Sample) -> dict[str, Array]:
        """The measurements, and their logarithms, which no parameter changes."""
        return {"x": sample.x, "log_x": np.log(sample.x)}

    def unknowns(self, data: Mapping[str, Tensor]) -> Gamma:
        """log mean ~ Normal(log(prior mean), log(factor)), shape ~ Gamma about the prior shape."""
        centre, width = pt.log(data["prior_mean"]), pt.log(data["prior_factor"])
        half = data["prior_degrees"] / 2
        mean = pt.exp(pm.Normal("log_mean", centre, width, dims="component"))
        pm.Deterministic("mean", mean, dims="component")
        return Gamma(mean, pm.Gamma("shape", half, half / data["prior_shape"], dims="component"))

    def log_density(self, theta: Gamma, data: Mapping[str, Tensor]) -> Tensor:
        """Written out, since pm.Gamma's terms cancel where the shape is large."""
        shape = theta.shape
        log = data["log_x"] - pt.log(theta.mean)[:, None]
        stirling = shape * pt.log(shape) - shape - pt.gammaln(shape)
        y = 1 / pt.maximum(shape, LARGE)
        series = y / 12 - y**3 / 360 + y**5 / 1260 - y**7 / 1680
        rest = pt.switch(shape < LARGE, stirling, pt.log(shape / (2 * np.pi)) / 2 - series)
        found: Tensor = shape[:, None] * (log - pt.expm1(log)) + rest[:, None] - data["log_x"]
        return found

    def values(self, theta: Gamma) -> dict[str, Array]:
        """The log mean, of which the prior is a density, and the shape."""
        return {"log_mean": np.log(theta.mean), "shape": theta.shape}

    def sizes(self, k: int, d: int) -> dict[str, tuple[int, ...]]:
        """One log mean and one log shape a component."""
        return {"log_mean": (k,), "shape": (k,)}

    def start(self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: int) -> Gamma:
        """Means about the chosen rows, and shapes from that of all rows to a hundred times it."""
        x, counts = sample.x / sample.x.max(), sample.counts
        mean = np.average(x, weights=counts)
        square = np.average((x - mean) ** 2, weights=counts) / mean**2
        shape = 10 ** rng.uniform(0, 2, rows.shape) / (square if square > 0 else 1.0)
        return Gamma(sample.x[rows] * np.exp(rng.normal(0, 0.5 / np.sqrt(shape))), shape)
