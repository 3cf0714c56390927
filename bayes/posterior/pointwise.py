"""Log-likelihoods of what is independent given the parameters: rows, or whole sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from bayes.sampling.compiled import Engine
    from models.arrays import Array
    from models.question import Question

__all__ = ["pointwise_of"]

MOST_POINTWISE = 1 << 24  # doubles of pointwise log-likelihood, 128 MB; more rows mean fewer draws


def pointwise_of(
    engine: Engine, question: Question[Any, Any], positions: Array
) -> tuple[xr.Dataset, Array]:
    """Return pointwise log-likelihoods, with counts, and every draw's log-likelihood.

    The dimension says what they belong to: "row" is a distinct row, which is independent of the
    others; "sequence" one of several sequences; "time" a row of a single sequence, given the rows
    before it. If they would be too large, they have fewer draws than the second result, which is
    (chains, draws).

    positions: (chains, draws, p).

    >>> from bayes.posterior.tree import posterior_of
    >>> from bayes.sampling.compiled import engine_of
    >>> kept = posterior_of(posterior)
    >>> engine = engine_of(kept.question)
    >>> at = engine.pack(kept.question, kept.draws).reshape(4, 500, -1)
    >>> pointwise, height = pointwise_of(engine, kept.question, at)
    >>> pointwise["x"].dims, height.shape
    (('chain', 'draw', 'row'), (4, 500))
    """
    units = question.units
    counts, later = units.unit_counts, units.followers()
    begins, of_what = None, "time" if len(later) else "row"
    if 0 < len(later) < len(counts) - 1:
        begins, of_what = np.delete(np.arange(len(counts)), later), "sequence"
        counts = np.ones(len(begins), np.int64)
    step = -(-positions.shape[0] * positions.shape[1] * len(counts) // MOST_POINTWISE)
    kept = positions[:, ::step]
    flat = kept.reshape(-1, positions.shape[2])
    pointwise = engine.pointwise(question, flat, begins).reshape(*kept.shape[:2], -1)
    if step == 1:
        height = pointwise @ counts
    else:
        every = positions.reshape(-1, positions.shape[2])
        height = engine.log_likelihoods(question, every).reshape(positions.shape[:2])
    found = xr.Dataset(
        {"x": (("chain", "draw", of_what), pointwise)},
        {
            "chain": np.arange(len(positions)),
            "draw": np.arange(positions.shape[1])[::step],
            of_what: np.arange(len(counts)),
            "counts": (of_what, counts),
        },
    )
    return found, height
