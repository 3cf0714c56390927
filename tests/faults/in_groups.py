"""Admixtures in which faults are planted, and a textbook program that makes them.

`resting` is the EM of probabilistic latent semantic analysis in NumPy, as users write it, for words
and for counts, without a line of ours. Each of its parts can be replaced by one with a slip.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

from faults.fault import flat
from models import Admixture, Categorical, Gaussian, Groups, Poisson

if TYPE_CHECKING:
    from collections.abc import Callable

    from faults.fault import Case
    from models.arrays import Array
    from models.family import Theta
    from models.structure import Structure

STEPS = 300  # of a textbook EM from the maximum, after which it rests at where its slip leads
DRAWS = 400  # of each chain


@dataclass(frozen=True, eq=False)
class InGroups:
    """Groups of rows.

    sizes: (G,) the number of rows of each group.
    step: to which measurements are rounded.
    """

    name: str
    truth: Admixture
    sizes: Array
    step: float | None = None
    draws: int = DRAWS

    def sample(self, seed: int) -> Groups:
        """Draw a data set."""
        rng = np.random.default_rng([seed, len(self.sizes), len(self.name)])
        group = np.repeat(np.arange(len(self.sizes)), self.sizes)
        first = rng.random(len(group)) < self.truth.weight[group, 0]
        x = self.truth.theta.draw(np.where(first, 0, 1), rng, None).ravel()
        if self.step is not None:
            x = (x / self.step).round() * self.step
        return Groups(x, group)

    def judged(self, structures: Structure) -> Array:
        """Return what the data tell of an answer, (n, numbers).

        Of words it is the probability of each in each group: other shares and components fit as
        well. Otherwise it is all parameters.
        """
        if isinstance(structures.theta, Categorical):
            cells = structures.weight @ structures.theta.prob
            return cells.reshape(len(cells), -1)
        return flat(structures)


def shares(first: Array) -> Array:
    return np.stack([first, 1 - first], axis=1)


WORDS = InGroups(
    "words in documents",
    Admixture(
        shares(np.linspace(0.05, 0.95, 8)),
        Categorical(np.array([[0.4, 0.3, 0.2, 0.1], [0.05, 0.15, 0.3, 0.5]])),
    ),
    np.array([60, 180] * 4),
)
VISITS = InGroups(
    "counts in groups",
    Admixture(shares(np.linspace(0.2, 0.8, 5)), Poisson(np.array([2.0, 8.0]))),
    np.array([50, 100, 60, 110, 80]),
)
VILLAGES = InGroups(
    "measurements in groups",
    Admixture(
        shares(np.linspace(0.25, 0.75, 5)), Gaussian(np.array([0.0, 7.0]), np.array([1.5, 2.0]))
    ),
    np.array([50, 100, 60, 110, 80]),
    step=1.0,
)
IN_GROUPS = (WORDS, VISITS, VILLAGES)


class Cells(NamedTuple):
    """A table: the value and the group of each cell, and how often it occurred, (c,) each."""

    x: Array
    group: Array
    times: Array


class Program(NamedTuple):
    """A program's parts.

    density: of cells under each component, (K, c).
    members: from shares and densities to memberships (K, c).
    counted: how often each cell counts.
    weight: from memberships times counts, and the cells, to shares (G, K).
    theta: from the same to the components.
    """

    density: Callable[[Cells, Theta], Array]
    members: Callable[[Cells, Array, Array], Array]
    counted: Callable[[Cells], Array]
    weight: Callable[[Array, Cells], Array]
    theta: Callable[[Array, Cells, Theta], Theta]


def cells_of(data: Groups) -> Cells:
    return Cells(data.sample.x[data.places], data.whose, data.times.astype(np.float64))


def densities(cells: Cells, theta: Theta) -> Array:
    if isinstance(theta, Categorical):
        found = theta.prob[:, cells.x.astype(int)]
    elif isinstance(theta, Poisson):
        found = stats.poisson.pmf(cells.x, theta.rate[:, None])
    else:
        assert isinstance(theta, Gaussian)
        found = stats.norm.pdf(cells.x, theta.mean[:, None], theta.sd[:, None])
    return found


def memberships(cells: Cells, weight: Array, density: Array) -> Array:
    joint = weight[cells.group].T * density
    return joint / joint.sum(axis=0)


def by_group(expected: Array, cells: Cells) -> Array:
    """Return expected counts of each component in each group, (G, K)."""
    found = np.zeros((int(cells.group.max()) + 1, len(expected)))
    np.add.at(found, cells.group, expected.T)
    return found


def over_groups(expected: Array, cells: Cells) -> Array:
    counts = by_group(expected, cells)
    return counts / counts.sum(axis=1, keepdims=True)


def by_word(expected: Array, cells: Cells) -> Array:
    """Return expected counts of each word in each component, (K, V)."""
    found = np.zeros((int(cells.x.max()) + 1, len(expected)))
    np.add.at(found, cells.x.astype(int), expected.T)
    return found.T


def next_theta(expected: Array, cells: Cells, theta: Theta) -> Theta:
    n = expected.sum(axis=1)
    if isinstance(theta, Categorical):
        return Categorical(by_word(expected, cells) / n[:, None])
    mean = expected @ cells.x / n
    if isinstance(theta, Poisson):
        return Poisson(mean)
    square = (expected * (cells.x - mean[:, None]) ** 2).sum(axis=1) / n
    return Gaussian(mean, np.sqrt(square))


RIGHT = Program(densities, memberships, lambda cells: cells.times, over_groups, next_theta)


def resting(case: Case, steps: int = STEPS, **parts: Callable) -> Admixture:
    """Return where a program comes to rest that starts from the maximum, some parts replaced."""
    program, cells = RIGHT._replace(**parts), cells_of(case.sample)
    weight, theta = case.fit.estimate
    counts = program.counted(cells)
    for _ in range(steps):
        member = program.members(cells, weight, program.density(cells, theta))
        expected = member * counts
        weight = program.weight(expected, cells)
        theta = program.theta(expected, cells, theta)
    return Admixture(weight, theta)
