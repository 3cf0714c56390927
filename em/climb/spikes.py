"""Which components are spikes: narrow by accident, so that their likelihood means nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtr, gammaln, pdtrc

from em.sweep import logits
from models.sample import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from em.model import Model
    from models.structure import Structure

__all__ = ["spikes"]

NARROW = 0.1  # of the widest component's width: a spike is narrower
BY_CHANCE = 1e-3  # if more clumps are expected by chance, a clump is no evidence of a component


def spikes[S: Structure](model: Model[S], parameters: S, own_floor: bool) -> NDArray[np.bool_]:
    """Return which components are narrow by accident, (K,).

    A component on the floor is a spike: only the floor keeps the likelihood finite there. So is one
    under a tenth of the widest if chance explains its observations. The other components put m
    observations within two sd of its mean, and it adds c of its own. Among n places
    n P(Poisson(m) >= m + c) clumps as dense are expected by chance. A narrow component on at most
    d + 1 observations is also a spike, because any such few have a mean and a width, unless the
    user gave the floor.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> spikes(model, fit.inside, own_floor=False)
    array([False, False])
    """
    theta, overall = parameters.theta, parameters.overall(model.question.data)
    width = model.emission.width(theta, model.floor)
    on_floor = model.emission.on_floor(theta, model.floor)
    location = model.emission.location(theta)
    if location is None or model.k == 1:
        return on_floor
    d, n = model.rows.sample.dimension, float(model.total[0])
    means = Part(location, None, None)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # of empty components
        joint = logits(model.emission, means, np.log(overall), theta)
        logs = joint + model.emission.base(means.x, None)
        own = np.diagonal(logs) - np.log(overall)  # log density of a component at its mean
        np.fill_diagonal(logs, -np.inf)
        others = np.logaddexp.reduce(logs, axis=0)
        ball = d * np.log(2) + 0.5 * d * np.log(np.pi) - gammaln(0.5 * d + 1)
        volume = ball - 0.5 * d * np.log(2 * np.pi) - own
        there = n * np.exp(np.minimum(others + volume, 0))
    held = n * overall
    expected = n * pdtrc(np.ceil(there + chdtr(d, 4.0) * held) - 1, there)
    narrow = width < NARROW * width.max()
    few = (held < d + 1.5) & (not own_floor)
    spike: NDArray[np.bool_] = on_floor | (narrow & (few | (expected > BY_CHANCE)))
    return spike
