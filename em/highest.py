"""The best optimum that many starts find, where small climbs can be stepped together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from em.climb.search import CHEAP
from em.climb.spikes import spikes
from em.climb.starts import starting_points
from em.climb.steps import joins
from em.climb.together import together
from em.data.blocks import default_floor
from em.data.threads import executor_for
from em.emission import emission_of
from em.errors.information import SADDLE
from em.fit import fitted
from em.model import model_of

if TYPE_CHECKING:
    from em.result import Fit
    from models.question import Question

__all__ = ["highest"]


def highest(question: Question[Any, Any], *, starts: int, seed: int) -> Fit[Any] | None:
    """Return EM's fit from the best of many starts, spikes aside; None where that is no faster.

    Nor is there one where the best end that is no spike is a saddle.

    The climbs of a small mixture are stepped together to within 1e-4 of their ends, which takes a
    tenth of the time; the best one is then climbed to the end. Heights on the way are not kept.

    >>> found = highest(fit.question, starts=20, seed=1)
    >>> round(found.log_likelihood, 6) == round(fit.log_likelihood, 6), found.starts
    (True, 20)
    """
    emission = emission_of(question.family)
    with executor_for(question.sample, emission, question.k) as workers:
        model = model_of(question, workers, floor=default_floor(workers.rows, emission))
        if question.k == 1 or model.size > CHEAP or not (model.streams and joins(model)):
            return None
        points = list(starting_points(model, starts, np.random.default_rng(seed)))
        [tops] = together([model], [points], rough=True)
        proper = (top for top in tops if not spikes(model, top.parameters, own_floor=False).any())
        best = next(proper, None)
        if best is None or not np.isfinite(best.height):
            return None
        start = model.outside(best.parameters)
    found = fitted(question, start=start)
    if found.missing > SADDLE:  # where all maxima are spikes, a climb may end between groups
        return None
    # on its last steps a climb may still end on a spike, whose height is none
    return None if found.optima[0].spike else replace(found, starts=starts)
