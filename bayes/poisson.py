"""Counts of events in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pymc as pm
import pytensor.tensor as pt
from scipy.special import gammaln

from bayes.component import Component
from models import Poisson

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from bayes.symbols import Tensor
    from models import Sample
    from models.arrays import Array, Labels

__all__ = ["PoissonComponent"]


class PoissonComponent(Component[Poisson, Poisson]):
    """log p = x log rate - rate - log x!.

    >>> from models import Sample
    >>> PoissonComponent(Poisson).rows(Sample([0, 2]))["log_factorial"].round(3)
    array([0.   , 0.693])
    """

    def rows(self, sample: Sample) -> dict[str, Array]:
        """Events, and log x!, which no parameter changes."""
        return {"x": sample.x, "log_factorial": gammaln(sample.x + 1)}

    def unknowns(self, data: Mapping[str, Tensor]) -> Poisson:
        """rate ~ Gamma(events + 1, exposure)."""
        events, exposure = data["prior_events"], data["prior_exposure"]
        return Poisson(pm.Gamma("rate", events + 1, exposure, dims="component"))

    def log_density(self, theta: Poisson, data: Mapping[str, Tensor]) -> Tensor:
        """Written out, since pm.Poisson computes log x! anew at every step."""
        rate = theta.rate[:, None]
        return data["x"] * pt.log(rate) - rate - data["log_factorial"]

    def values(self, theta: Poisson) -> dict[str, Array]:
        """The fields of Theta."""
        return {"rate": theta.rate}

    def sizes(self, k: int, d: int) -> dict[str, tuple[int, ...]]:
        """One log rate a component."""
        return {"rate": (k,)}

    def start(self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: int) -> Poisson:
        """Draw rates from Gamma(x + 1, 1) of the chosen counts."""
        return Poisson(rng.gamma(sample.x[rows] + 1) + 1e-9)
