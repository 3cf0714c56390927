"""Louis's identity (1982) for rows that are independent, with the same shares: one pass over them.

With u_k = d log(share_k p_k) / d coordinates at one observation and r_k its responsibility, the
observed information is the complete information less the missing,

    I = sum_k curvature_k(sums) - sum_n [ sum_k r_k u_k u_k' - (sum_k r_k u_k)(sum_k r_k u_k)' ].

It is exact at any parameters, not only at the maximum.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import xlogy

from em.emission import Exponential
from em.errors.slots import Slots
from em.sweep import folded, logits, responsibilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from em.data.executor import Sums
    from em.model import Model
    from em.sweep import Known
    from models.arrays import Array
    from models.family import Theta
    from models.structure import Structure

__all__ = ["louis"]

BUFFER = 1 << 18  # doubles of scores in a thread at once, 2 MB


def louis[S: Structure](
    model: Model[S], parameters: S, shares: Array, fixed: NDArray[np.bool_] | None = None
) -> Slots:
    """Return observed and complete information and score of all slots, and the entropy.

    shares: (K,) of every row.
    fixed: (K, 1 + m) slots on an edge, which are taken as constants.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> louis(model, fit.inside, fit.inside.weight).observed.shape
    (4, 4)
    """
    k, emission, theta = model.k, model.emission, parameters.theta
    assert isinstance(emission, Exponential)
    centre = emission.location(theta)
    still = np.zeros((k, 0), np.bool_) if fixed is None else fixed[:, 1:]
    with np.errstate(divide="ignore", invalid="ignore"):  # on an edge
        slope = emission.slope(theta)
        if still.any():
            slope = np.where(still[:, None], 0, slope)
    m = slope.shape[2]
    turned = np.moveaxis(slope, 2, 1)
    slopes = np.moveaxis(folded(emission, np.zeros((k, m)), turned), 1, 2)
    wide = k * (1 + m)
    task = partial(
        _missing,
        emission=emission,
        shares=shares,
        theta=theta,
        slopes=slopes,
        centre=centre,
        size=max(64, BUFFER // wide),
    )
    found = model.runs.total(task)
    missing, sums, entropy = np.asarray(found[0]), np.asarray(found[1]), float(found[2])
    full = model.complete(sums, sums[:, 0], centre)
    counted = sums[:, 0] + (0 if model.prior is None else model.prior.weight)
    complete, score = np.zeros((wide, wide)), np.empty((k, 1 + m))
    with np.errstate(divide="ignore", invalid="ignore"):
        curvature = emission.curvature(theta, full)
        if still.any():
            curvature = np.where(still[:, None] | still[:, :, None], 0, curvature)
    for component in range(k):
        start = component * (1 + m)
        complete[start, start] = counted[component] / shares[component] ** 2
        inner = slice(start + 1, start + 1 + m)
        complete[inner, inner] = curvature[component]
        score[component, 0] = counted[component] / shares[component]
        score[component, 1:] = full[component] @ slope[component]
    return Slots(complete - missing, complete, score.ravel(), entropy)


def _missing(
    known: Known,
    emission: Exponential[Any],
    shares: Array,
    theta: Theta,
    slopes: Array,
    centre: Array | None,
    size: int,
) -> Sums:
    """Return a run's missing information, sums of T, and entropy.

    slopes: (K, 1 + q, m), with those of the ones added up.
    size: the number of rows of a block.
    """
    k, width, m = slopes.shape
    log_shares = np.log(shares)
    wide = k * (1 + m)
    missing, sums, entropy = np.zeros((wide, wide)), np.zeros((k, width)), 0.0
    for block in known.rows.in_blocks_of(size).all():
        counts = np.ones(len(block.x)) if block.counts is None else block.counts
        share = logits(emission, block, log_shares, theta)
        responsibilities(share, None, hard=False)
        entropy -= float(counts @ xlogy(share, share).sum(axis=0))
        scores = np.empty((k, 1 + m, len(block.x)))
        each = np.ones((width, len(block.x)))
        for component in range(k):
            if component == 0 or centre is not None:
                if centre is None:
                    emission.statistics(block.x, block.trials, each[1:])
                else:
                    point = centre[component]
                    emission.statistics_about(block.x, point, block.trials, each[1:])
            scores[component, 0] = 1 / shares[component]
            np.matmul(slopes[component].T, each, out=scores[component, 1:])
            weighted = scores[component] * (share[component] * counts)
            own = slice(component * (1 + m), (component + 1) * (1 + m))
            missing[own, own] += weighted @ scores[component].T
            sums[component] += each @ (share[component] * counts)
            scores[component] *= share[component]
        mean = scores.reshape(wide, -1)
        missing -= (mean * counts) @ mean.T
    return missing, sums, entropy
