"""Some of the observations, drawn at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.crew import crew
from em.emission import emission_of
from em.fit import default_floor
from em.mixture import model_of
from em.starts import observations_at
from models import Sample
from models.mixture import observed

if TYPE_CHECKING:
    from models.family import Theta
    from models.stream import Observations

__all__ = ["some"]


def some(family: type[Theta], sample: Observations, n: int, seed: int) -> Sample:
    """Return n of the observations of a sample, each at most once, wherever its rows are."""
    observed(family, sample)
    emission = emission_of(family)
    rng = np.random.default_rng(seed)
    ranks = np.zeros(0, np.int64)
    while len(ranks) < min(n, sample.observations):
        more = rng.integers(sample.observations, size=n)
        ranks = np.unique(np.concatenate([ranks, more]))
    ranks = np.sort(rng.choice(ranks, min(n, sample.observations), replace=False))
    with crew(sample, emission, 1) as workers:
        model = model_of(
            emission,
            workers,
            1,
            hard=False,
            equal_weights=False,
            prior=None,
            floor=default_floor(workers.rows, emission),
        )
        return Sample(*observations_at(model, ranks))
