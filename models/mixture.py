"""A mixture, its label order, its prior, and samples drawn from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.checks import number, numbers, whole
from models.family import ConjugatePrior, Theta, entries, first, rebuilt
from models.observations import OutOfCore
from models.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from models.arrays import Array, Labels
    from models.observations import Observations

__all__ = [
    "Mixture",
    "Prior",
    "checked",
    "checked_prior",
    "draw_prior",
    "enough",
    "observed",
    "ordered",
    "simulate",
    "take",
    "weak_prior",
]


class Mixture[T: Theta](NamedTuple):
    """Shares of the population and the parameters of each group.

    weight: (K,) shares that sum to one.
    theta: the family's parameters, each field (K, ...).
    """

    weight: Array
    theta: T


class Prior(NamedTuple):
    """A conjugate prior, written as observations not seen; one object read by both sides.

    weight: observations not seen of every component: the shares follow Dirichlet(1 + weight).
    theta: the family's own record, the same for every component.
    """

    weight: float
    theta: ConjugatePrior


def weak_prior[T: Theta](family: type[T], sample: Observations, k: int) -> Prior:
    """Return the weak, proper default: uniform shares and the family's own weak record."""
    observed(family, sample)
    k = whole("k", k, 1)
    return Prior(0.0, family.weak_prior(sample, k))


def checked[T: Theta](mixture: Mixture[T], family: type[T], d: int) -> Mixture[T]:
    """Return the mixture as float arrays, or raise ValueError that names the bad field.

    d: columns of x.
    """
    if not isinstance(mixture, Mixture):
        raise ValueError(f"{mixture!r} is no mixture; give Mixture(weight, {family.__name__}(...))")
    weight = numbers("weight", mixture.weight)
    if weight.ndim != 1 or weight.size == 0:
        raise ValueError(f"weight has shape {weight.shape}; give one share for each component")
    if not np.isfinite(weight).all() or (weight < 0).any():
        bad = int(np.argmax(~(np.isfinite(weight) & (weight >= 0))))
        raise ValueError(
            f"weight: component {bad} has share {weight[bad]:g}; give shares from 0 to 1"
        )
    if abs(weight.sum() - 1) > 1e-8:
        raise ValueError(f"weight sums to {weight.sum():.10g}; divide the shares by their sum")
    given = type(mixture.theta)
    if not hasattr(given, "_fields") or not (
        issubclass(family, given) or issubclass(given, family)
    ):
        raise ValueError(f"theta is a {type(mixture.theta).__name__}; give a {family.__name__}")
    theta = rebuilt(family, list(entries(mixture.theta).values()))
    return Mixture(weight / weight.sum(), theta.checked(len(weight), d))


def observed[T: Theta](family: type[T], sample: Observations) -> None:
    """Raise ValueError unless the sample is one, and one of the family's."""
    if isinstance(sample, Sample):
        family.observe(sample)
    elif isinstance(sample, OutOfCore):
        family.observe(sample.extremes)
    else:
        raise ValueError(f"sample is a {type(sample).__name__}; give Sample(x)")


def enough(sample: Observations, k: int) -> None:
    """Raise ValueError unless there are as many distinct rows as components."""
    seen = np.count_nonzero(sample.counts) if isinstance(sample, Sample) else sample.distinct
    if k > seen:
        raise ValueError(
            f"k is {k}, but x has {seen} distinct values; give at most as many components"
        )


def checked_prior(prior: Prior, record: type, sample: Observations) -> Prior:
    """Return the prior as floats, or raise ValueError that names the bad field.

    record: the conjugate record that the family takes.
    """
    if not isinstance(prior, Prior) or not isinstance(prior.theta, record):
        name = type(prior.theta if isinstance(prior, Prior) else prior).__name__
        raise ValueError(f"prior holds a {name}; give Prior(weight, {record.__name__}(...))")
    weight = number("prior: weight", prior.weight)
    if weight < 0:
        raise ValueError(f"prior: weight is {weight:g}; give a number from 0 up")
    return Prior(weight, prior.theta.checked(sample))


def ordered[T: Theta](mixture: Mixture[T]) -> Mixture[T]:
    """Return the mixture with its components in the family's label order."""
    order = mixture.theta.order()
    return take(mixture, order)


def take[T: Theta](mixture: Mixture[T], places: Labels | int) -> Mixture[T]:
    """Return what stands at places along the leading axis of every field.

    Of a mixture these are its components; of many with an axis of draws before, some of them.
    """
    theta = rebuilt(
        type(mixture.theta), [field[places] for field in entries(mixture.theta).values()]
    )
    return Mixture(mixture.weight[places], theta)


def simulate[T: Theta](
    mixture: Mixture[T], n: int, rng: np.random.Generator, trials: ArrayLike | None = None
) -> tuple[Sample, Labels]:
    """Draw n observations and return them with the (n,) hidden labels, in the same order.

    trials: for coins, the flips of each set: one number, or (n,).
    """
    if n < 1:
        raise ValueError(f"n is {n}; draw at least one observation")
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng is {rng!r}; give numpy.random.default_rng(seed)")
    shape = np.shape(first(mixture.theta))
    weight, theta = checked(mixture, type(mixture.theta), shape[1] if len(shape) > 1 else 1)
    labels = rng.choice(len(weight), n, p=weight)
    flips = None if trials is None else np.broadcast_to(np.asarray(trials, np.float64), (n,))
    return Sample(theta.draw(labels, rng, flips), flips), labels


def draw_prior[T: Theta](
    family: type[T],
    prior: Prior,
    k: int,
    n: int,
    rng: np.random.Generator,
    *,
    equal_weights: bool = False,
) -> Mixture[T]:
    """Draw n mixtures of k components from a prior: weight (n, K), fields (n, K, ...)."""
    shares = np.full(k, 1 + prior.weight)
    weight = np.full((n, k), 1 / k) if equal_weights else rng.dirichlet(shares, n)
    return Mixture(weight, family.draw_prior(prior.theta, (n, k), rng))
