"""Coins in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy.special import betaln

from bayes.component import Component
from models import Binomial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayes.symbols import Tensor
    from models import Sample
    from models.arrays import Array, Labels

__all__ = ["BinomialComponent"]


class BinomialComponent(Component[Binomial, Binomial]):
    """log p = log C(trials, x) + x log prob + (trials - x) log (1 - prob).

    >>> from models import Sample
    >>> BinomialComponent(Binomial).rows(Sample([3, 5], trials=10))["log_ways"].round(3)
    array([4.787, 5.529])
    """

    def rows(self, sample: Sample) -> dict[str, Array]:
        """Heads, flips, and log C(trials, x), which no parameter changes."""
        heads, trials = sample.x, sample.trials
        assert trials is not None
        ways = -np.log1p(trials) - betaln(heads + 1, trials - heads + 1)
        return {"x": heads, "trials": trials, "log_ways": ways}

    def unknowns(self, data: Mapping[str, Tensor]) -> Binomial:
        """prob ~ Beta(heads + 1, tails + 1)."""
        heads, tails = data["prior_heads"], data["prior_tails"]
        return Binomial(pm.Beta("prob", heads + 1, tails + 1, dims="component"))

    def log_density(self, theta: Binomial, data: Mapping[str, Tensor]) -> Tensor:
        """Written out, since pm.Binomial computes log C(trials, x) anew at every step."""
        prob = theta.prob[:, None]
        tails = data["trials"] - data["x"]
        return data["log_ways"] + data["x"] * pt.log(prob) + tails * pt.log1p(-prob)

    def values(self, theta: Binomial) -> dict[str, Array]:
        """The fields of Theta."""
        return {"prob": theta.prob}

    def sizes(self, k: int, d: int) -> dict[str, tuple[int, ...]]:
        """One log-odds a coin."""
        return {"prob": (k,)}

    def start(self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: int) -> Binomial:
        """Draw from Beta(heads + 1, tails + 1) of the chosen sets."""
        assert sample.trials is not None
        heads, trials = sample.x[rows], sample.trials[rows]
        return Binomial(np.clip(rng.beta(heads + 1, trials - heads + 1), 1e-9, 1 - 1e-9))
