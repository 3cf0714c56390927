"""Measurements with heavy tails in PyMC, of degrees of freedom that are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm

from bayes.component import Component
from bayes.gaussian import GaussianComponent
from models import Gaussian
from models.student_t_given import StudentTGiven

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayes.symbols import Tensor
    from models import Sample
    from models.arrays import Array, Labels

__all__ = ["StudentTGivenComponent"]

BELL = GaussianComponent(Gaussian)


class StudentTGivenComponent(Component[StudentTGiven, Gaussian]):
    """log p is PyMC's; mean and sd, and their prior, are those of a Gaussian.

    >>> from models import StudentT
    >>> family = StudentT.with_df(4)
    >>> StudentTGivenComponent(family).values(family(np.array([170.0]), np.array([5.0])))
    {'variance': array([25.]), 'mean': array([170.])}
    """

    located = True

    def rows(self, sample: Sample) -> dict[str, Array]:
        """The measurements."""
        return BELL.rows(sample)

    def unknowns(self, data: Mapping[str, Tensor]) -> Gaussian:
        """sd^2 ~ InverseGamma, mean ~ Normal(prior mean, sd / sqrt n)."""
        return BELL.unknowns(data)

    def log_density(self, theta: Gaussian, data: Mapping[str, Tensor]) -> Tensor:
        """PyMC's own."""
        mean, sd = (field[:, None] for field in theta)
        df = np.float64(self.family.df)  # PyTensor would take a Python number for one of 32 bits
        found: Tensor = pm.logp(pm.StudentT.dist(nu=df, mu=mean, sigma=sd), data["x"])
        return found

    def values(self, theta: StudentTGiven) -> dict[str, Array]:
        """The variance, on whose scale the prior density is stated, and the mean."""
        return BELL.values(Gaussian(*theta))

    def sizes(self, k: int, d: int) -> dict[str, tuple[int, ...]]:
        """One log variance and one mean a component."""
        return BELL.sizes(k, d)

    def start(
        self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: int
    ) -> StudentTGiven:
        """Centres at the chosen rows, widths from a tenth of the overall sd to all."""
        return self.family(*BELL.start(sample, rows, rng, wide))
