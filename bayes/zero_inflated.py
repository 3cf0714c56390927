"""Zeros in excess of what a family expects, in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes.component import Component, component_of
from models import ZeroInflated, ZeroInflatedPrior

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayes.symbols import Tensor
    from models import Sample
    from models.arrays import Array, Labels
    from models.family import ConjugatePrior

__all__ = ["ZeroInflatedComponent"]

SHARE = "excess"  # the random variable; the field of Theta repeats it for each component


class Apart(NamedTuple):
    """The arguments of the density: what the part's own reads, and the zeros' share (1, 1)."""

    own: Any
    zero: Tensor


class ZeroInflatedComponent(Component[ZeroInflated, Apart]):
    """log p = log(zero [x = 0] + (1 - zero) f(x)).

    Rows at which f is 0 for any parameters are given to the part as its smallest observation, so
    that no gradient is lost there; the density does not read it.

    >>> from models import Gamma, Sample
    >>> ZeroInflatedComponent(ZeroInflated(Gamma)).rows(Sample([0.0, 2.0]))["log_x"].round(3)
    array([0.693, 0.693])
    """

    def __init__(self, family: type[ZeroInflated]) -> None:
        super().__init__(family)
        self.part: Component[Any, Any] = component_of(family.part)

    def rows(self, sample: Sample) -> dict[str, Array]:
        """The part's, and which rows are 0."""
        zeros = (sample.x == 0).astype(np.float64)
        return {**self.part.rows(self._without_zeros(sample)), "is_zero": zeros}

    def record(self, prior: ConjugatePrior) -> dict[str, Array]:
        """The part's, and zeros and others not seen."""
        assert isinstance(prior, ZeroInflatedPrior)
        zeros, others = prior[-2:]
        return {**self.part.record(prior.parts), "prior_zeros": zeros, "prior_others": others}

    def unknowns(self, data: Mapping[str, Tensor]) -> Apart:
        """The part's, and zero ~ Beta(zeros + 1, others + 1), one for all components."""
        own = self.part.unknowns(data)
        alpha, beta = data["prior_zeros"] + 1, data["prior_others"] + 1
        share = pm.Beta(SHARE, alpha, beta, shape=1)
        leading = pm.modelcontext(None)[next(iter(self.family.layout()))]
        pm.Deterministic("zero", share + pt.zeros_like(leading), dims="component")
        return Apart(own, share[None])

    def log_density(self, theta: Apart, data: Mapping[str, Tensor]) -> Tensor:
        """A sum of both at zeros, and the part's share of what is no zero."""
        excess, other = pt.log(theta.zero), pt.log1p(-theta.zero)
        within = other + self.part.log_density(theta.own, data)
        both = pt.logaddexp(excess, within) if self.family.has_zeros() else excess
        found: Tensor = pt.switch(data["is_zero"][None], both, within)
        return found

    def values(self, theta: ZeroInflated) -> dict[str, Array]:
        """The part's, and the zeros' share, which is the same for each component."""
        return {**self.part.values(theta.parts), SHARE: theta[-1][..., :1]}

    def sizes(self, k: int, d: int) -> dict[str, tuple[int, ...]]:
        """The part's, and log-odds."""
        return {**self.part.sizes(k, d), SHARE: (1,)}

    def explored(self, values: dict[str, Array], overall: Array) -> dict[str, Array]:
        """The part's."""
        return self.part.explored(values, overall)

    def unconstrained(
        self, explored: dict[str, Tensor], overall: Tensor, k: Tensor
    ) -> tuple[dict[str, Tensor], Tensor | float]:
        """The part's."""
        return self.part.unconstrained(explored, overall, k)

    def left_out(self, k: int) -> float:
        """The part's."""
        return self.part.left_out(k)

    def start(
        self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: int
    ) -> ZeroInflated:
        """The part's, and any part of the zeros in excess."""
        own = self.part.start(self._without_zeros(sample), rows, rng, wide)
        seen = sample.counts[sample.x == 0].sum() / sample.counts.sum()
        zero = np.clip(seen * rng.uniform(size=(len(rows), 1)), 1e-6, 1 - 1e-6)
        make: Any = self.family
        found: ZeroInflated = make(*own, np.repeat(zero, rows.shape[1], axis=1))
        return found

    def _without_zeros(self, sample: Sample) -> Sample:
        """Return the rows, without zeros where the part has none."""
        if self.family.has_zeros():
            return sample
        least = sample.x[sample.x > 0].min(initial=np.inf)
        x = np.where(sample.x > 0, sample.x, least if np.isfinite(least) else 1.0)
        arrays = {name: values for name, (_, values) in sample.arrays().items()}
        return type(sample).from_arrays(arrays | {"x": x})
