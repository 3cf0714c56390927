"""A Gaussian mixture asked about whole numbers: the probability of what rounds to each.

A density is no probability: it has a unit, and no bound. The probability that a Gaussian gives a
whole number x is that of its cell, from x - 1/2 to x + 1/2; only this is comparable with what a
family of counts gives it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.special import ndtr

import bayes
import em
from bayes.posterior.pointwise import OURS_ALONE
from comparisons.studies.calculations.boundary import both
from models import Gaussian, Mixture

if TYPE_CHECKING:
    from arviz_stats.utils import ELPDData

    from comparisons.kept.facts import Facts
    from models import Sample
    from models.arrays import Array

__all__ = ["beyond", "bic_of_cells", "cells", "loo_of_cells", "spiked"]


def beyond(mixture: Mixture[Gaussian], flips: int) -> dict[str, Array]:
    """Return the probabilities (...) of numbers of heads that cannot be, of fields (..., K).

    >>> two = Mixture(np.full(2, 0.5), Gaussian(np.array([0.0, 10.0]), np.ones(2)))
    >>> {name: float(one.round(2)) for name, one in beyond(two, 10).items()}
    {'below 0': 0.25, 'above 10': 0.25, 'beyond, when rounded': 0.31}
    """
    ends = np.array([-0.5, 0, flips, flips + 0.5])
    weight, mean, sd = (field[..., None] for field in (mixture.weight, *mixture.theta))
    less = (weight * ndtr((ends - mean) / sd)).sum(axis=-2)
    more = (weight * ndtr((mean - ends) / sd)).sum(axis=-2)
    return {
        "below 0": less[..., 1],
        f"above {flips}": more[..., 2],
        "beyond, when rounded": less[..., 0] + more[..., 3],
    }


def cells(mixture: Mixture[Gaussian], x: Array) -> Array:
    """Return the probability of rounding to each whole number x, (..., n).

    sum_k weight_k (Phi((x + 1/2 - mean_k) / sd_k) - Phi((x - 1/2 - mean_k) / sd_k)), of the two
    tails the smaller, which does not cancel.

    >>> one = Mixture(np.ones(1), Gaussian(np.zeros(1), np.ones(1)))
    >>> cells(one, np.array([0.0])).round(4)
    array([0.3829])
    """
    weight, mean, sd = (field[..., None] for field in (mixture.weight, *mixture.theta))
    from_middle = np.abs(x - mean)
    near, far = ((from_middle + half) / sd for half in (-0.5, 0.5))
    return (weight * (ndtr(-near) - ndtr(-far))).sum(axis=-2)


def loo_of_cells(facts: Facts) -> ELPDData:
    """Return `bayes.loo` of a Gaussian mixture on whole numbers, by probabilities of cells.

    >>> from types import SimpleNamespace
    >>> rate, (rows, tree) = comparison.draws["rate"], (comparison.rows, comparison.tree)
    >>> draws = {"weight": comparison.draws["weight"], "mean": rate, "sd": np.sqrt(rate)}
    >>> known = {"fields": draws, "draws": draws, "deviance": comparison.deviance}
    >>> found = loo_of_cells(SimpleNamespace(tree=tree, rows=rows, **known))
    >>> bool(found.elpd < bayes.loo(tree).elpd)  # Gaussians with the same moments predict worse
    True
    """
    (_, draws), rows = both(facts), facts.rows
    log = np.log(cells(draws, rows.x)).reshape(*facts.deviance.shape, -1)
    distinct = xr.Dataset({"x": (("chain", "draw", "row"), log)}, {"counts": ("row", rows.counts)})
    groups = {"posterior": facts.tree["posterior"].to_dataset(), OURS_ALONE: distinct}
    return bayes.loo(xr.DataTree.from_dict(groups))


def bic_of_cells(fit: em.Fit[Mixture[Gaussian]], sample: Sample) -> float:
    """Return a fit's BIC by the probabilities of its cells in place of its densities.

    >>> from models import Sample
    >>> heads = Sample([2, 3, 4, 7, 8, 9])
    >>> found = em.fit(Gaussian, heads, 1)
    >>> bool(np.isclose(bic_of_cells(found, heads), found.bic, rtol=0.01))
    True
    """
    height = sample.counts @ np.log(cells(fit.mixture, sample.x))
    return float(-2 * height + len(fit.coordinates) * np.log(sample.observations))


def spiked(sample: Sample, sd: float) -> em.Fit[Mixture[Gaussian]]:
    """Return EM's fit of two Gaussians and a third that starts narrow, on the commonest count.

    >>> from models import Sample
    >>> heads = Sample([2, 3, 4, 7, 8, 9], counts=[5, 9, 5, 6, 10, 6])
    >>> float(spiked(heads, 0.01).mixture.theta.sd.min().round(3))
    0.01
    """
    two: em.Fit[Mixture[Gaussian]] = em.fit(Gaussian, sample, 2)
    weight, (mean, width) = two.mixture
    top = int(sample.counts.argmax())
    share = sample.counts[top] / sample.observations
    theta = Gaussian(np.append(mean, sample.x[top]), np.append(width, 2 * sd))
    start = Mixture(np.append((1 - share) * weight, share), theta)
    return em.fit(Gaussian, sample, 3, start=start, floor=sd)
