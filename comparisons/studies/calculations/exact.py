"""Posteriors of coins that need no sampling: polynomials, integrated without error.

The likelihood of sets of flips is a polynomial in the coins' chances of heads, and under uniform
priors so is the posterior. Gauss-Legendre quadrature with n nodes integrates polynomials of degree
2 n - 1 exactly (Abramowitz & Stegun 1972, 25.4.30), but for rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import comb

if TYPE_CHECKING:
    from models import Sample
    from models.arrays import Array

__all__ = ["Exact", "two_coins"]


class Exact(NamedTuple):
    """What the posterior says, exactly.

    log_evidence: of the data, binomial coefficients included.
    mean, sd: (3,) of both coins' chances of heads, in order, then of the first one's share.

    >>> from models import Sample
    >>> two_coins(Sample([5, 9, 8, 4, 7], 10), equal_weights=True).sd.shape
    (3,)
    """

    log_evidence: float
    mean: Array
    sd: Array


def two_coins(sample: Sample, *, equal_weights: bool) -> Exact:
    """Return the posterior of two coins under uniform priors, the first showing fewer heads.

    Over p_0 < p_1, with p_0 = u p_1 and Jacobian p_1; both orders of labels make twice of it.

    >>> from models import Sample
    >>> two_coins(Sample([7], 10), equal_weights=True).mean.round(3)
    array([0.436, 0.731, 0.5  ])
    """
    assert sample.trials is not None
    upper, by_upper = _nodes(int(sample.trials @ sample.counts) + 4)
    share, by_share = _nodes(sample.observations + 3)
    if equal_weights:
        share, by_share = np.array([0.5]), np.ones(1)
    high, part, weight = np.meshgrid(upper, upper, share, indexing="ij")
    low = part * high
    mass = 2 * high * np.einsum("i,j,k->ijk", by_upper, by_upper, by_share)
    for heads, trials, count in zip(sample.x, sample.trials, sample.counts, strict=True):
        mixed = weight * _binomial(heads, trials, low) + (1 - weight) * _binomial(
            heads, trials, high
        )
        mass = mass * mixed**count
    mean, sd = np.array([_moments(value, mass) for value in (low, high, weight)]).T
    return Exact(float(np.log(mass.sum())), mean, sd)


def _nodes(degree: int) -> tuple[Array, Array]:
    """Return places and weights on [0, 1] that integrate polynomials of this degree exactly."""
    places, weights = np.polynomial.legendre.leggauss(degree // 2 + 1)
    return (places + 1) / 2, weights / 2


def _binomial(heads: float, trials: float, prob: Array) -> Array:
    return comb(trials, heads) * prob**heads * (1 - prob) ** (trials - heads)


def _moments(value: Array, mass: Array) -> tuple[float, float]:
    """Return mean and sd of values with such masses."""
    mean = float((value * mass).sum() / mass.sum())
    return mean, float(np.sqrt(((value - mean) ** 2 * mass).sum() / mass.sum()))
