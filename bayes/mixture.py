"""A mixture's likelihood as a PyMC graph, components integrated out, counts honoured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from models.family import Array, Theta, entries, rebuilt

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytensor.tensor import TensorVariable

    from models import Mixture, Sample

__all__ = ["DENSITIES", "log_likelihood"]

DENSITIES: dict[type, Callable[..., TensorVariable]] = {}
"""log p of each row under each component, by family."""


def log_likelihood[T: Theta](
    family: type[T], sample: Sample, mixture: Mixture[T]
) -> Callable[[Mixture[T]], float]:
    """Return the compiled log-likelihood of a sample as a function of the mixture.

    mixture: any one; its shapes are those of the function's argument.
    """
    family.observe(sample)
    weight = pt.vector("weight", shape=(len(mixture.weight),))
    fields = {
        name: pt.tensor(name, shape=np.shape(field), dtype="float64")
        for name, field in entries(mixture.theta).items()
    }
    total = integrated(family, sample, weight, rebuilt(family, fields.values()))
    run = pytensor.function([weight, *fields.values()], total, mode="FAST_COMPILE")

    def evaluate(at: Mixture[T]) -> float:
        arrays: list[Array] = [at.weight, *entries(at.theta).values()]
        return float(run(*(np.asarray(array, np.float64) for array in arrays)))

    return evaluate


def integrated[T: Theta](
    family: type[T], sample: Sample, weight: TensorVariable, theta: T
) -> TensorVariable:
    """Return sum over rows of counts log sum_k weight_k p(x | theta_k), a scalar."""
    density = next(DENSITIES[base] for base in family.__mro__ if base in DENSITIES)
    joint = pt.log(weight) + density(theta, sample)
    return (sample.counts * pm.math.logsumexp(joint, axis=1, keepdims=False)).sum()
