"""Labels in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes.component import Component
from bayes.simplex import WideSimplex
from bayes.structure import CONCENTRATION
from models import Categorical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayes.symbols import Tensor
    from models import Sample
    from models.arrays import Array, Labels

__all__ = ["CategoricalComponent"]

LEAST = 1e-9  # probability of a category where chains start
AXES = ("component", "category")


class CategoricalComponent(Component[Categorical, Categorical]):
    """log p = log prob_x.

    >>> CategoricalComponent(Categorical).sizes(k=2, d=5)
    {'prob': (2, 4)}
    """

    def rows(self, sample: Sample) -> dict[str, Array]:
        """The codes of the labels."""
        return {"x": sample.x}

    def width(self, data: Mapping[str, Tensor]) -> Tensor:
        """As many categories as the prior has."""
        found: Tensor = data["prior_unseen"].shape[0]
        return found

    def unknowns(self, data: Mapping[str, Tensor]) -> Categorical:
        """prob ~ Dirichlet(1 + unseen)."""
        unseen, k = data["prior_unseen"], data[CONCENTRATION].shape[0]
        pm.modelcontext(None).add_coord(AXES[1], length=unseen.shape[0])
        alpha = pt.broadcast_to(1 + unseen, (k, unseen.shape[0]))
        return Categorical(pm.Dirichlet("prob", alpha, dims=AXES, default_transform=WideSimplex()))

    def log_density(self, theta: Categorical, data: Mapping[str, Tensor]) -> Tensor:
        """The logarithm of the label's probability."""
        found: Tensor = pt.log(theta.prob)[:, data["x"].astype("int64")]
        return found

    def values(self, theta: Categorical) -> dict[str, Array]:
        """The fields of Theta."""
        return {"prob": theta.prob}

    def sizes(self, k: int, d: int) -> dict[str, tuple[int, ...]]:
        """V - 1 coordinates a component."""
        return {"prob": (k, d - 1)}

    def start(
        self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: int
    ) -> Categorical:
        """Draw from Dirichlet(1 + 1 at the label of the chosen row)."""
        seen = sample.x[rows][..., None] == np.arange(wide)
        drawn = rng.gamma(1.0 + seen) + LEAST
        return Categorical(drawn / drawn.sum(axis=-1, keepdims=True))
