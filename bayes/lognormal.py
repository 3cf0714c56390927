"""Log-normal measurements in PyMC: a Gaussian of log x."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes.component import Component
from bayes.gaussian import GaussianComponent
from models import Gaussian, LogNormal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayes.symbols import Tensor
    from models import Sample
    from models.arrays import Array, Labels
    from models.family import ConjugatePrior

__all__ = ["LogNormalComponent"]

OF_LOG = GaussianComponent(Gaussian)


class LogNormalComponent(Component[LogNormal, Gaussian]):
    """log p = -log x - log spread - log(x / median)^2 / (2 spread^2) - log(2 pi) / 2.

    The random variables are the mean and the variance of log x.

    >>> LogNormalComponent(LogNormal).values(LogNormal(np.array([1.0]), np.array([5.0])))
    {'variance': array([25.]), 'mean': array([0.])}
    """

    def rows(self, sample: Sample) -> dict[str, Array]:
        """The measurements, and their logarithms, which no parameter changes."""
        return {"x": sample.x, "log_x": np.log(sample.x)}

    def record(self, prior: ConjugatePrior) -> dict[str, Array]:
        """The prior of log x."""
        found = super().record(prior)
        return {"prior_mean": np.log(found.pop("prior_median")), **found}

    def unknowns(self, data: Mapping[str, Tensor]) -> Gaussian:
        """The mean and sd of log x, as of measurements; median and spread follow."""
        of_log = OF_LOG.unknowns(data)
        pm.Deterministic("median", pt.exp(of_log.mean), dims="component")
        pm.Deterministic("spread", of_log.sd, dims="component")
        return of_log

    def log_density(self, theta: Gaussian, data: Mapping[str, Tensor]) -> Tensor:
        """That of log x, less log x."""
        found: Tensor = OF_LOG.log_density(theta, {"x": data["log_x"]}) - data["log_x"]
        return found

    def values(self, theta: LogNormal) -> dict[str, Array]:
        """The variance of log x, on whose scale the prior density is stated, and its mean."""
        return OF_LOG.values(Gaussian(np.log(theta.median), theta.spread))

    def sizes(self, k: int, d: int) -> dict[str, tuple[int, ...]]:
        """One log variance and one mean a component."""
        return OF_LOG.sizes(k, d)

    def explored(self, values: dict[str, Array], overall: Array) -> dict[str, Array]:
        """Overall mean and log sd of log x, then centres and widths relative to them."""
        return OF_LOG.explored(values, overall)

    def unconstrained(
        self, explored: dict[str, Tensor], overall: Tensor, k: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        """As of measurements."""
        return OF_LOG.unconstrained(explored, overall, k)

    def left_out(self, k: int) -> float:
        """As of measurements."""
        return OF_LOG.left_out(k)

    def start(self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: int) -> LogNormal:
        """Medians at the chosen rows, spreads from a tenth of the overall one to all of it."""
        arrays = {name: values for name, (_, values) in sample.arrays().items()}
        logs = type(sample).from_arrays(arrays | {"x": np.log(sample.x)})
        mean, sd = OF_LOG.start(logs, rows, rng, wide)
        return LogNormal(np.exp(mean), sd)
