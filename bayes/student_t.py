"""Measurements with heavy tails in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes.component import Component
from bayes.gaussian import GaussianComponent
from models import Gaussian, StudentT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayes.symbols import Tensor
    from models import Sample
    from models.arrays import Array, Labels

__all__ = ["StudentTComponent"]

BELL = GaussianComponent(Gaussian)


class StudentTComponent(Component[StudentT, StudentT]):
    """log p is PyMC's.

    >>> component = StudentTComponent(StudentT)
    >>> component.values(StudentT(np.array([170.0]), np.array([5.0]), np.array([1.0])))
    {'variance': array([25.]), 'mean': array([170.]), 'log_df': array([0.])}
    """

    located = True

    def rows(self, sample: Sample) -> dict[str, Array]:
        """The measurements."""
        return BELL.rows(sample)

    def unknowns(self, data: Mapping[str, Tensor]) -> StudentT:
        """Mean and sd as a Gaussian's, log df ~ Normal."""
        mean, sd = BELL.unknowns(data)
        middle, factor = pt.log(data["prior_df"]), pt.log(data["prior_df_factor"])
        log_df = pm.Normal("log_df", middle, factor, dims="component")
        return StudentT(mean, sd, pm.Deterministic("df", pt.exp(log_df), dims="component"))

    def log_density(self, theta: StudentT, data: Mapping[str, Tensor]) -> Tensor:
        """PyMC's own."""
        mean, sd, df = (field[:, None] for field in theta)
        found: Tensor = pm.logp(pm.StudentT.dist(nu=df, mu=mean, sigma=sd), data["x"])
        return found

    def values(self, theta: StudentT) -> dict[str, Array]:
        """The variance and log df, on whose scales the prior density is stated, and the mean."""
        return BELL.values(Gaussian(*theta[:2])) | {"log_df": np.log(theta.df)}

    def sizes(self, k: int, d: int) -> dict[str, tuple[int, ...]]:
        """One log variance, one mean and one log df a component."""
        return BELL.sizes(k, d) | {"log_df": (k,)}

    def start(self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: int) -> StudentT:
        """Centres at the chosen rows, widths from a tenth of the overall sd to all, df 2 to 30."""
        mean, sd = BELL.start(sample, rows, rng, wide)
        return StudentT(mean, sd, 10 ** rng.uniform(0.3, 1.5, rows.shape))
