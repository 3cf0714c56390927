"""One row a structure: a row here enrols it in every contract test, with every family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from known_shares import Guessed, Known
from scipy.special import logsumexp

from models import Admixture, Groups, HiddenMarkov, Mixture, Sample, Sequences
from models.hidden_markov import walked as path
from models.structure import with_shares

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


def admixed(rng: np.random.Generator, row: Row, k: int, n: int) -> tuple[Admixture, Groups]:
    """Rows of three towns in turn."""
    theta, town = row.random(rng, k).theta, np.arange(n) % 3
    weight = rng.dirichlet(np.full(k, 4.0), 3)
    labels = np.array([rng.choice(k, p=weight[one]) for one in town])
    trials = row.trials(rng, n)
    return Admixture(weight, theta), Groups(theta.draw(labels, rng, trials), town, trials=trials)


def by_groups_weights(structure: Admixture, data: Groups, row: Row) -> float:
    """Row by row, in the order given."""
    whose = data.whose[data.lines]
    log_density = row.log_density(structure.theta, data.sample)[data.sample.inverse]
    return float(logsumexp(log_density + np.log(structure.weight[whose]), axis=1).sum())


def walked(
    rng: np.random.Generator, row: Row, k: int, n: int, initial: str
) -> tuple[HiddenMarkov, Sequences]:
    """A chain whose states stay for a while, in three sequences."""
    theta = row.random(rng, k).theta
    moves = 0.6 * np.eye(k) + 0.4 * rng.dirichlet(np.ones(k), k)
    trials, lengths = row.trials(rng, n), np.array([n // 2, n // 4, n - n // 2 - n // 4])
    data = Sequences(np.arange(n) + 0.0, sequence=lengths, initial=initial)
    kind = HiddenMarkov.asked_by(data)
    shares = {"initial": rng.dirichlet(np.full(k, 4.0)), "transition": moves}
    chain = with_shares(kind, shares, theta)
    x = theta.draw(path(chain.initial, moves, lengths, rng), rng, trials)
    return chain, Sequences(x, trials, lengths, initial)


def free_start(rng: np.random.Generator, row: Row, k: int, n: int) -> tuple[Any, Sequences]:
    return walked(rng, row, k, n, "free")


def stationary_start(rng: np.random.Generator, row: Row, k: int, n: int) -> tuple[Any, Sequences]:
    """One row of eight is not seen."""
    chain, data = walked(rng, row, k, n, "stationary")
    x = data.sample.x[data.places].copy()
    x[3::8] = np.nan
    trials = None if data.sample.trials is None else data.sample.trials[data.places]
    return chain, Sequences(x, trials, data.lengths, "stationary")


def by_steps(structure: HiddenMarkov, data: Sequences, row: Row) -> float:
    """In logarithms, from each row to the next; `test_hidden_markov` sums over all paths."""
    log_density = np.vstack(
        [row.log_density(structure.theta, data.sample), np.zeros(len(structure.initial))]
    )
    total = 0.0
    for begin, end in zip(data.begins, data.ends, strict=True):
        with np.errstate(divide="ignore"):  # a share of 0 is one
            ahead = np.log(begun(structure, data))
        for at in range(begin, end):
            here = ahead + log_density[data.places[at]]
            with np.errstate(divide="ignore"):
                ahead = logsumexp(here[:, None] + np.log(structure.transition), axis=0)
        total += float(logsumexp(here))
    return total


def begun(structure: HiddenMarkov, data: Sequences) -> np.ndarray:
    """The distribution of the first state; the stationary one as an eigenvector."""
    if data.initial != "stationary":
        return structure.initial
    values, vectors = np.linalg.eig(np.asarray(structure.transition).T)
    found = vectors[:, np.abs(values - 1).argmin()].real
    return found / found.sum()


STRUCTURES = [
    StructureRow("mixture", mixed, by_weights),
    StructureRow("known shares", guessed, by_guesses),
    StructureRow("admixture", admixed, by_groups_weights),
    StructureRow("hidden Markov", stationary_start, by_steps),
    StructureRow("hidden Markov, free start", free_start, by_steps),
]
