"""Counts that spread more than Poisson's, in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy.special import gammaln

from bayes.component import Component
from models import NegativeBinomial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayes.symbols import Tensor
    from models import Sample
    from models.arrays import Array, Labels

__all__ = ["NegativeBinomialComponent"]

LARGE = 1e3  # sizes from which two terms of Stirling's series have all digits


class NegativeBinomialComponent(Component[NegativeBinomial, NegativeBinomial]):
    """log p = log(Gamma(x + s) / Gamma(s) / s^x) - log x! - (x + s) log(1 + m / s) + x log m.

    m is the mean, s the size.

    >>> from models import Sample
    >>> NegativeBinomialComponent(NegativeBinomial).rows(Sample([0, 2]))["log_factorial"].round(3)
    array([0.   , 0.693])
    """

    def rows(self, sample: Sample) -> dict[str, Array]:
        """Events, and log x!, which no parameter changes."""
        return {"x": sample.x, "log_factorial": gammaln(sample.x + 1)}

    def unknowns(self, data: Mapping[str, Tensor]) -> NegativeBinomial:
        """The logarithms of mean and size are normal."""
        fields = []
        for name in ("mean", "size"):
            middle, factor = data[f"prior_{name}"], data[f"prior_{name}_factor"]
            log = pm.Normal(f"log_{name}", pt.log(middle), pt.log(factor), dims="component")
            fields.append(pm.Deterministic(name, pt.exp(log), dims="component"))
        return NegativeBinomial(*fields)

    def log_density(self, theta: NegativeBinomial, data: Mapping[str, Tensor]) -> Tensor:
        """Written out, since pm.NegativeBinomial computes log x! anew at every step."""
        mean, size, x = theta.mean[:, None], theta.size[:, None], data["x"]
        ways = _ways(size, x) - data["log_factorial"]
        found: Tensor = ways - (x + size) * pt.log1p(mean / size) + x * pt.log(mean)
        return found

    def values(self, theta: NegativeBinomial) -> dict[str, Array]:
        """Logarithms, on whose scale the prior density is stated."""
        return {"log_mean": np.log(theta.mean), "log_size": np.log(theta.size)}

    def sizes(self, k: int, d: int) -> dict[str, tuple[int, ...]]:
        """One log mean and one log size a component."""
        return {"log_mean": (k,), "log_size": (k,)}

    def start(
        self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: int
    ) -> NegativeBinomial:
        """Draw means from Gamma(x + 1, 1) of the chosen counts, sizes from 0.3 to 30."""
        return NegativeBinomial(
            rng.gamma(sample.x[rows] + 1) + 1e-9, 10 ** rng.uniform(-0.5, 1.5, rows.shape)
        )


def _ways(size: Tensor | Array, x: Tensor) -> Tensor:
    """Return log(Gamma(x + size) / Gamma(size) / size^x).

    Of a size of 1e12 the difference of the logarithms would be wrong by 0.01. Where it is large,
    Stirling's formula log Gamma(z) = (z - 1/2) log z - z + log(2 pi) / 2 + 1 / (12 z) - ... is
    subtracted term by term. Each branch sees only sizes that it is meant for, so that neither has
    slopes without end.
    """
    small, large = pt.minimum(size, LARGE), pt.maximum(size, LARGE)
    near = pt.gammaln(x + small) - pt.gammaln(small) - x * pt.log(small)
    end = large + x
    rest = _rest(end) - _rest(large)
    far = (end - 0.5) * pt.log1p(x / large) - x + rest
    found: Tensor = pt.switch(size < LARGE, near, far)
    return found


def _rest(z: Tensor) -> Tensor:
    """Return what Stirling's formula adds to (z - 1/2) log z - z + log(2 pi) / 2."""
    found: Tensor = (1 / 12 - 1 / (360 * z**2)) / z
    return found
