"""Shares of groups that a posterior has not seen: draws of them, the components held.

Given a draw of the components, the shares w of a new group have the posterior

    p(w | x) ~ Dirichlet(w; concentration) prod_cells (sum_k w_k p(x_cell | theta_k))^times,

from which Gibbs' sampler draws by turns: how many rows of each cell belong to each component, and
shares given these numbers. It starts at the mode, and its last draw is kept. Over all draws of the
components these are draws from the posterior of the new group's shares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes.sampling.compiled import engine_of
from models.family import first
from models.structure import uniform, with_shares

if TYPE_CHECKING:
    from models.arrays import Array, Labels
    from models.question import Question
    from models.structure import Structure

__all__ = ["folded_in"]

CLIMBED = 30  # steps towards the mode, from which it is not far
SWEEPS = 50  # of the sampler: where 9 tenths of the information are missing, 0.9^50 = 0.5% remain
AT_ONCE = 1 << 21  # doubles of memberships at once, 16 MB


def folded_in(question: Question[Any, Any], draws: Structure, seed: int = 0) -> Structure:
    """Return draws of the components (n, ...) with shares (n, G, K) of the question's groups.

    question: of groups that were not seen before; draws: of other groups.

    >>> from models import Admixture, Groups, Poisson
    >>> from models.question import asked
    >>> seen = asked(Poisson, Groups([0, 9, 0, 9], ["a", "a", "b", "b"]), 2)
    >>> draws = Admixture(np.full((400, 2, 2), 0.5), Poisson(np.tile([0.1, 9.0], (400, 1))))
    >>> new = seen.of(Groups([0, 0, 0, 9], ["c", "c", "c", "c"]))
    >>> folded_in(new, draws).weight.mean(axis=0).round(1)  # Beta(1 + 3, 1 + 1)
    array([[0.7, 0.3]])
    """
    kind, n, data = question.structure, len(first(draws.theta)), question.units
    flat = uniform(kind, question.k, data.sizes)
    every = {name: np.tile(one, (n,) + (1,) * one.ndim) for name, one in flat.items()}
    even: Structure = with_shares(kind, every, draws.theta)
    if question.held:
        return even
    engine = engine_of(question)
    logs = engine.by_block(question, engine.pack(question, even), lambda _, found: found)
    peak = logs.max(axis=1, keepdims=True)
    peak[np.isneginf(peak)] = 0  # a row that no component can have made
    density = np.exp(logs - peak)
    whose = data.groups()
    concentration = 1 + question.prior.weight
    rng = np.random.default_rng(seed)
    [(name, shares)] = every.items()
    weight = np.empty_like(shares)
    for group in range(weight.shape[1]):
        cells = np.flatnonzero(whose == group)
        rows, times = data.unit_rows[cells], np.asarray(data.unit_counts[cells], np.int64)
        step = max(1, AT_ONCE // (len(cells) * question.k))
        for begin in range(0, n, step):
            own = density[begin : begin + step][:, :, rows].transpose(0, 2, 1)
            weight[begin : begin + step, group] = _drawn(own, times, concentration, rng)
    found: Structure = with_shares(kind, {name: weight}, draws.theta)
    return found


def _drawn(density: Array, times: Labels, concentration: float, rng: np.random.Generator) -> Array:
    """Return a draw of the shares of one group under each of some components, (n, K).

    density: (n, c, K), up to a factor of each row; times: (c,).
    """
    n, _, k = density.shape
    weight = np.full((n, k), 1 / k)
    for _ in range(CLIMBED):
        counted = np.einsum("c,nck->nk", times, _members(weight, density))
        weight = concentration - 1 + counted
        weight /= weight.sum(axis=1, keepdims=True)
    for _ in range(SWEEPS):
        belong = rng.multinomial(times, _members(weight, density)).sum(axis=1)
        weight = rng.standard_gamma(concentration + belong)
        weight /= weight.sum(axis=1, keepdims=True)
    return weight


def _members(weight: Array, density: Array) -> Array:
    """Return the probability of each component at each cell, (n, c, K)."""
    joint = np.maximum(weight[:, None] * density, np.finfo(float).tiny)
    found: Array = joint / joint.sum(axis=2, keepdims=True)
    return found
