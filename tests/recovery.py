"""Whether EM finds the truth that rows were drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import em
from models import Mixture, simulate

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEDS = range(10)


def fits_to(truth: Mixture) -> Iterator[em.Fit[Any]]:
    """Fit 2,000 rows drawn from the truth, ten times; such groups need few starts."""
    for seed in SEEDS:
        sample, _ = simulate(truth, 2_000, np.random.default_rng(seed))
        yield em.fit(type(truth.theta), sample, 2, starts=3)


def recovered(found: em.Fit[Any], truth: Mixture) -> bool:
    """Return whether the truth lies within four standard errors of every parameter."""
    pairs = [(found.estimate.weight, truth.weight, found.standard_errors.weight)]
    pairs += zip(found.estimate.theta, truth.theta, found.standard_errors.theta, strict=True)
    return all((np.abs(mine - true) < 4 * error).all() for mine, true, error in pairs)
