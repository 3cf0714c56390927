"""Starts of chains: dispersed over the data, and independent of EM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes.component import spread
from bayes.standardise import standard_of
from models.structure import uniform, with_shares

if TYPE_CHECKING:
    from collections.abc import Callable

    from bayes.sampling.compiled import Engine
    from models.arrays import Array, Labels
    from models.question import Question
    from models.sample import Sample

__all__ = ["candidates_of", "start_of"]

CANDIDATES = 10  # positions from which each chain chooses its start
LEEWAY = 3.0  # nats per parameter by which a start may fit worse than the best candidate


def start_of(engine: Engine, question: Question[Any, Any]) -> Callable[[int], Array]:
    """Return a function from a seed to a position.

    Each chain starts at the first of its candidates whose likelihood is not far below the best. If
    the data say little, starts are far apart.

    >>> from bayes.sampling.compiled import engine_of
    >>> start = start_of(engine_of(fit.question), fit.question)
    >>> start(1).shape
    (3,)
    """
    candidates = candidates_of(engine, question)

    def start(seed: int) -> Array:
        positions = candidates(seed)
        height = engine.log_likelihoods(question, positions)
        likely = height >= height.max() - LEEWAY * positions.shape[1]
        first: Array = positions[int(np.argmax(likely))]
        return first

    return start


def candidates_of(engine: Engine, question: Question[Any, Any]) -> Callable[[int], Array]:
    """Return a function from a seed to CANDIDATES positions about rows that lie apart.

    >>> from bayes.sampling.compiled import engine_of
    >>> candidates_of(engine_of(fit.question), fit.question)(1).shape
    (10, 3)
    """
    standard = standard_of(question)
    sample = standard.sample(question.rows)

    def candidates(seed: int) -> Array:
        rng = np.random.default_rng(seed)
        chosen = np.array([_apart(sample, question.k, rng) for _ in range(CANDIDATES)])
        held = uniform(question.structure, question.k, question.data.sizes)
        shares = {}
        for name, field in held.items():
            sizes = (CANDIDATES, *field.shape[:-1])
            drawn = rng.dirichlet(np.full(question.k, 1.5), sizes)
            shares[name] = np.full_like(drawn, field) if name in question.held else drawn
        theta = engine.component.start(sample, chosen, rng, question.width)
        inside = with_shares(question.structure, shares, theta)
        return engine.pack(question, standard.outside(inside))

    return candidates


def _apart(sample: Sample, k: int, rng: np.random.Generator) -> Labels:
    """Return k rows of the sample; rows far from the chosen ones are likelier to be chosen next.

    Arthur & Vassilvitskii (2007), with frequency counts.
    """
    table = sample.x.reshape(sample.distinct, -1)
    if sample.trials is not None:
        table = table / sample.trials[:, None]
        table = table / np.maximum(np.ptp(table, axis=0), 1e-300)
    else:
        table = table / spread(sample)
    chance = sample.counts / sample.counts.sum()
    rows = [int(rng.choice(len(table), p=chance))]
    nearest = np.full(len(table), np.inf)
    for _ in range(k - 1):
        nearest = np.minimum(nearest, ((table - table[rows[-1]]) ** 2).sum(axis=1))
        odds = chance * nearest
        # rows that all coincide with chosen ones are as good as any other
        odds = odds / odds.sum() if odds.sum() > 0 else chance
        rows.append(int(rng.choice(len(table), p=odds)))
    return np.array(rows)
