"""The data that all sides fit, and where they start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from models import Binomial, Gaussian, Mixture, MultivariateGaussian, Sample, simulate

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = [
    "MEN",
    "Problem",
    "clouds",
    "diagonal",
    "flips",
    "heights",
    "line",
    "people",
    "rounded_heights",
    "three_groups",
]

CHUNK = 1_000_000  # rows drawn at once, which bounds the memory of what is drawn
MEN = 0.4


class Problem(NamedTuple):
    """Rows to be fitted, and the mixture to start from.

    x: (n,) or (n, d) rows as they were drawn.
    sample: of the same rows.

    >>> problem = clouds(20, 3, 2, np.random.default_rng(0))
    >>> problem.table.shape, problem.means.shape, problem.covariances.shape
    ((20, 3), (2, 3), (2, 3, 3))
    """

    x: Array
    sample: Sample
    start: Mixture[Any]

    @property
    def table(self) -> Array:
        """Rows (n, d)."""
        return self.x.reshape(len(self.x), -1)

    @property
    def means(self) -> Array:
        """Means (K, d) of the start."""
        return np.reshape(self.start.theta.mean, (len(self.start.weight), -1))

    @property
    def covariances(self) -> Array:
        """Covariances (K, d, d) of the start."""
        theta = self.start.theta
        found: Array = theta.sd[:, None, None] ** 2 if hasattr(theta, "sd") else theta.cov
        return found


def people(n: int, rng: np.random.Generator) -> Array:
    """Draw n heights: 0.4 men of mean 175 and sd 7, the others of mean 163 and sd 6.

    >>> round(float(people(1_000, np.random.default_rng(0)).mean()))
    167
    """
    x = np.empty(n)
    for begin in range(0, n, CHUNK):
        part = x[begin : begin + CHUNK]
        man = rng.random(len(part)) < MEN
        part[:] = np.where(man, 175.0, 163.0) + np.where(man, 7.0, 6.0) * rng.normal(size=len(part))
    return x


def heights(n: int, k: int, rng: np.random.Generator) -> Problem:
    """Draw n heights, with a start of k components along them.

    >>> heights(50, 2, np.random.default_rng(0)).start.theta.mean.tolist()
    [155.0, 185.0]
    """
    x = people(n, rng)
    return Problem(x, Sample(x), line(k))


def rounded_heights(n: int, rng: np.random.Generator) -> Sample:
    """Draw n heights to the millimetre, in cm.

    >>> rounded_heights(5, np.random.default_rng(1)).observations
    5
    """
    return Sample(np.round(people(n, rng), 1))


def clouds(n: int, d: int, k: int, rng: np.random.Generator) -> Problem:
    """Draw n points from k overlapping clouds of unit covariance along a diagonal.

    >>> clouds(20, 3, 2, np.random.default_rng(0)).x.shape
    (20, 3)
    """
    x = rng.normal(size=(n, d)) + rng.integers(0, k, n)[:, None]
    return Problem(x, Sample(x), diagonal(k, d))


def line(k: int) -> Mixture[Gaussian]:
    """Start k components along the heights.

    >>> line(2).weight
    array([0.5, 0.5])
    """
    return Mixture(np.full(k, 1 / k), Gaussian(np.linspace(155.0, 185.0, k), np.full(k, 5.0)))


def diagonal(k: int, d: int) -> Mixture[MultivariateGaussian]:
    """Start k components along the clouds.

    >>> diagonal(2, 3).theta.mean.tolist()
    [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    mean = np.arange(k)[:, None] + np.zeros(d)
    return Mixture(np.full(k, 1 / k), MultivariateGaussian(mean, np.tile(2 * np.eye(d), (k, 1, 1))))


def three_groups(n: int, d: int, rng: np.random.Generator) -> Sample:
    """Draw n rows of d columns from groups of unit covariance, at 0, 3 and 6 in every column.

    >>> three_groups(20, 4, np.random.default_rng(0)).x.shape
    (20, 4)
    """
    group = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    rows = rng.normal(3 * group[:, None], 1, (n, d))
    return Sample(rows if d > 1 else rows[:, 0])


def flips(n: int, rng: np.random.Generator) -> Sample:
    """Draw n sets of ten flips of two coins.

    >>> flips(5, np.random.default_rng(1)).observations
    5
    """
    truth = Mixture(np.array([0.6, 0.4]), Binomial(np.array([0.45, 0.70])))
    return simulate(truth, n, rng, trials=10)[0]
