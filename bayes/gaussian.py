"""Measurements in one dimension in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes.component import Component, spread
from models import Gaussian

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayes.symbols import Tensor
    from models import Sample
    from models.arrays import Array, Labels

__all__ = ["GaussianComponent"]


class GaussianComponent(Component[Gaussian, Gaussian]):
    """log p = -log sd - (x - mean)^2 / (2 sd^2) - log(2 pi) / 2.

    >>> GaussianComponent(Gaussian).values(Gaussian(np.array([170.0]), np.array([5.0])))
    {'variance': array([25.]), 'mean': array([170.])}
    """

    located = True

    def rows(self, sample: Sample) -> dict[str, Array]:
        """The measurements."""
        return {"x": sample.x}

    def unknowns(self, data: Mapping[str, Tensor]) -> Gaussian:
        """sd^2 ~ InverseGamma(degrees / 2, squares / 2), mean ~ Normal(prior mean, sd / sqrt n)."""
        degrees, squares = data["prior_degrees"], data["prior_squares"]
        variance = pm.InverseGamma("variance", degrees / 2, squares / 2, dims="component")
        sd = pm.Deterministic("sd", pt.sqrt(variance), dims="component")
        width = sd / pt.sqrt(data["prior_n"])
        return Gaussian(pm.Normal("mean", data["prior_mean"], width, dims="component"), sd)

    def log_density(self, theta: Gaussian, data: Mapping[str, Tensor]) -> Tensor:
        """PyMC's own."""
        return pm.logp(pm.Normal.dist(theta.mean[:, None], theta.sd[:, None]), data["x"])

    def values(self, theta: Gaussian) -> dict[str, Array]:
        """The variance, on whose scale the prior density is stated, and the mean."""
        return {"variance": theta.sd**2, "mean": theta.mean}

    def sizes(self, k: int, d: int) -> dict[str, tuple[int, ...]]:
        """One log variance and one mean a component."""
        return {"variance": (k,), "mean": (k,)}

    def explored(self, values: dict[str, Array], overall: Array) -> dict[str, Array]:
        """Overall mean and log sd, then centres and widths relative to them.

        Data determine the overall moments far better than the moments of any component. In these
        coordinates the posterior of overlapping groups is nearly Gaussian (Mengersen & Robert
        1996; Kamary, Lee & Robert 2018).
        """
        mean, log_variance = values["mean"], values["variance"]
        log_width = log_variance.mean(axis=1, keepdims=True) / 2
        centre = (overall * mean).sum(axis=1, keepdims=True)
        square = (overall * (np.exp(log_variance) + (mean - centre) ** 2)).sum(1, keepdims=True)
        offset = (mean - mean[:, -1:]) / np.exp(log_width)
        wider = log_variance - 2 * log_width
        return {
            **values,
            "mean": np.concatenate([centre, offset[:, :-1]], axis=1),
            "variance": np.concatenate([0.5 * np.log(square), wider[:, :-1]], axis=1),
        }

    def unconstrained(
        self, explored: dict[str, Tensor], overall: Tensor, k: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        """mean = overall + width (offset - average offset), log variance = wider + 2 log width.

        The last offset is 0, the values of `wider` sum to 0, and the width gives the overall sd.
        The determinant of the Jacobian is width^(K - 1), up to a constant.
        """
        last = pt.eq(pt.arange(k), k - 1)
        each = pt.eye(k - 1, k)
        offset = (explored["mean"][1:, None] * each).sum(axis=0)
        wider = (explored["variance"][1:, None] * (each - last)).sum(axis=0)
        away = offset - (overall * offset).sum()
        relative = (overall * (pt.exp(wider) + away**2)).sum()
        log_width = explored["variance"][0] - 0.5 * pt.log(relative)
        values = {
            **explored,
            "mean": explored["mean"][0] + pt.exp(log_width) * away,
            "variance": wider + 2 * log_width,
        }
        return values, (k - 1) * log_width

    def left_out(self, k: int) -> float:
        """Log 2 K: the K log variances are `wider`, which sum to 0, and twice the log width."""
        return float(np.log(2 * k))

    def start(self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: int) -> Gaussian:
        """Centres at the chosen rows, widths from a tenth of the overall sd to all of it."""
        sd = spread(sample)[0] * 10 ** rng.uniform(-1, 0, rows.shape)
        return Gaussian(rng.normal(sample.x[rows], sd / 2), sd)
