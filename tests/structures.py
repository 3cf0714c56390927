"""One row a structure: a row here enrols it in every contract test, with every family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from known_shares import Guessed, Known
from scipy.special import logsumexp
from shares_by_town import ByTown, Towns

from models import Mixture, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from families import Row


class StructureRow(NamedTuple):
    """What the contract tests need to know of a structure.

    random: parameters and data of n observations, drawn for a family of k components.
    log_likelihood: from parameters, data and the family's log p by scipy, one row at a time.
    """

    name: str
    random: Callable[[np.random.Generator, Row, int, int], tuple[Any, Any]]
    log_likelihood: Callable[[Any, Any, Row], float]


def mixed(rng: np.random.Generator, row: Row, k: int, n: int) -> tuple[Mixture, Sample]:
    return row.random(rng, k), row.sample(rng, k, n)


def by_weights(structure: Mixture, data: Sample, row: Row) -> float:
    joint = row.log_density(structure.theta, data) + np.log(structure.weight)
    return float(data.counts @ logsumexp(joint, axis=1))


def guessed(rng: np.random.Generator, row: Row, k: int, n: int) -> tuple[Known, Guessed]:
    theta = row.random(rng, k).theta
    shares = rng.dirichlet(np.full(k, 0.7), n)
    labels = np.array([rng.choice(k, p=share) for share in shares])
    trials = row.trials(rng, n)
    return Known(theta), Guessed(Sample(theta.draw(labels, rng, trials), trials), shares)


def by_guesses(structure: Known, data: Guessed, row: Row) -> float:
    log_density = row.log_density(structure.theta, data.sample)[data.sample.inverse]
    return float(logsumexp(log_density + np.log(data.shares), axis=1).sum())


def by_town(rng: np.random.Generator, row: Row, k: int, n: int) -> tuple[ByTown, Towns]:
    theta, towns = row.random(rng, k).theta, 2
    weight, town = rng.dirichlet(np.full(k, 4.0), towns), np.arange(n) % towns
    labels = np.array([rng.choice(k, p=weight[one]) for one in town])
    trials = row.trials(rng, n)
    return ByTown(weight, theta), Towns(
        Sample(theta.draw(labels, rng, trials), trials), town, towns
    )


def by_towns_weights(structure: ByTown, data: Towns, row: Row) -> float:
    log_density = row.log_density(structure.theta, data.sample)[data.sample.inverse]
    return float(logsumexp(log_density + np.log(structure.weight[data.town]), axis=1).sum())


STRUCTURES = [
    StructureRow("mixture", mixed, by_weights),
    StructureRow("known shares", guessed, by_guesses),
    StructureRow("shares by town", by_town, by_towns_weights),
]
