"""Positive measurements whose logarithms are bell-shaped, such as incomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import numpy as np
from scipy.special import ndtr

from models.checks import positive, single_fields
from models.family import Field
from models.positive import log_moments, positive_column

if TYPE_CHECKING:
    from models.arrays import Array, Labels
    from models.observations import Observations
    from models.sample import Sample

__all__ = ["LogNormal", "LogNormalPrior"]


class LogNormal(NamedTuple):
    """p(x | median, spread) = exp(-log(x / median)^2 / (2 spread^2)) / (x spread sqrt(2 pi)).

    median: (K,) in the unit of x; spread: (K,) the standard deviation of log x.

    >>> in_cents, no_shift = np.array(100.0), np.array(0.0)
    >>> LogNormal(np.array([20.0]), np.array([0.5])).affine(in_cents, no_shift)
    LogNormal(median=array([2000.]), spread=array([0.5]))
    """

    median: Array
    spread: Array

    @classmethod
    def layout(cls) -> dict[str, Field]:
        """A place above 0 and a width.

        >>> list(LogNormal.layout())
        ['median', 'spread']
        """
        return {"median": Field(low=0), "spread": Field(low=0)}

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """A bell curve of logarithms.

        >>> LogNormal.plain()
        ('a bell curve of logarithms', 'positive measurements')
        """
        return "a bell curve of logarithms", "positive measurements"

    @classmethod
    def takes(cls) -> Literal["column"]:
        """Measurements.

        >>> LogNormal.takes()
        'column'
        """
        return "column"

    @classmethod
    def observe(cls, sample: Sample) -> None:
        """Measurements are above 0.

        >>> from models import Sample
        >>> LogNormal.observe(Sample([1.0, 3.0, 3.0, 5.0]))
        """
        positive_column(sample, cls)

    @classmethod
    def weak_prior(cls, sample: Observations, k: int) -> LogNormalPrior:
        """Return the default of Fraley & Raftery (2007), of log x.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> round(LogNormal.weak_prior(sample, 2).median, 2)
        2.59
        """
        mean, variance = log_moments(sample)
        return LogNormalPrior(float(np.exp(mean)), 0.01, variance / k**2, 3.0)

    @classmethod
    def common_priors(cls, sample: Observations, k: int) -> dict[str, tuple[float, LogNormalPrior]]:
        """None.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> len(LogNormal.common_priors(sample, 2))
        0
        """
        return {}

    @classmethod
    def draw_prior(
        cls, prior: LogNormalPrior, size: tuple[int, int], rng: np.random.Generator
    ) -> Self:
        """Draw spread^2 from squares / chi-squared(degrees), then the log median given it.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = LogNormal.weak_prior(sample, 2)
        >>> LogNormal.draw_prior(prior, (3, 2), np.random.default_rng(1))[0].shape
        (3, 2)
        """
        spread = np.sqrt(prior.squares / rng.chisquare(prior.degrees, size))
        return cls(prior.median * np.exp(rng.normal(0, spread / np.sqrt(prior.n))), spread)

    def checked(self, k: int, d: int) -> Self:
        """Medians and spreads are above 0.

        >>> two = LogNormal(np.array([1.0, 5.0]), np.array([0.5, 0.5]))
        >>> two.checked(2, 1)._fields
        ('median', 'spread')
        """
        return type(self)(*single_fields(self, k))

    def order(self) -> Labels:
        """By median; equal medians by spread.

        >>> two = LogNormal(np.array([1.0, 5.0]), np.array([0.5, 0.5]))
        >>> two.order()
        array([0, 1])
        """
        return np.lexsort((self.spread, self.median))

    def affine(self, scale: Array, shift: Array) -> Self:
        """The median is in the unit of x, which cannot be shifted.

        >>> two = LogNormal(np.array([1.0, 5.0]), np.array([0.5, 0.5]))
        >>> two.affine(np.array([2.0]), np.array([1.0]))[0]
        array([ 2., 10.])
        """
        return type(self)(self.median * scale, self.spread)

    def draw(self, labels: Labels, rng: np.random.Generator, trials: Array | None) -> Array:
        """Draw a measurement from the component that each label names.

        >>> two = LogNormal(np.array([1.0, 5.0]), np.array([0.5, 0.5]))
        >>> two.draw(np.array([0, 1, 1]), np.random.default_rng(1), None).round(2)
        array([1.19, 7.54, 5.9 ])
        """
        return self.median[labels] * np.exp(rng.normal(0, self.spread[labels]))

    def log_mass(self, x: Array, trials: Array | None) -> Array:
        """Normal in log x, less log x.

        >>> two = LogNormal(np.array([1.0, 5.0]), np.array([0.5, 0.5]))
        >>> two.log_mass(np.array([2.0]), None).round(2).tolist()
        [[-1.88], [-2.6]]
        """
        z = np.log(x / self.median[:, None]) / self.spread[:, None]
        found: Array = -(z**2 + np.log(2 * np.pi)) / 2 - np.log(self.spread[:, None]) - np.log(x)
        return found

    def cumulative(self, x: Array, ends: Array, trials: Array | None) -> tuple[Array, Array]:
        """The normal distribution function of log x; nothing lies below 0.

        >>> two = LogNormal(np.array([1.0, 5.0]), np.array([0.5, 0.5]))
        >>> two.cumulative(np.array([2.0]), np.array([[2.0]]), None)[0].round(2).tolist()
        [[[[0.92]], [[0.03]]]]
        """
        with np.errstate(divide="ignore"):
            log = np.log(np.maximum(ends, 0))
        z = (log - np.log(self.median)[:, None, None]) / self.spread[:, None, None]
        return ndtr(z)[None], np.zeros((1, len(self.median), len(x)))


class LogNormalPrior(NamedTuple):
    """Log median given spread is Normal(log(median), spread / sqrt(n)).

    Written as observations of log x not seen: `n` of them at log(median), and a sum of squares
    `squares` on `degrees` degrees of freedom: spread^2 ~ InverseGamma(degrees, squares) / 2.

    >>> from models import Sample
    >>> LogNormal.weak_prior(Sample([1.0, np.e**2]), 2)
    LogNormalPrior(median=2.718281828459045, n=0.01, squares=0.25, degrees=3.0)
    """

    median: float
    n: float
    squares: float
    degrees: float

    def checked(self, sample: Observations) -> Self:
        """All are above 0, which keeps the prior proper.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = LogNormal.weak_prior(sample, 2)
        >>> prior.checked(sample) == prior
        True
        """
        return type(self)(*positive(self, *self._fields))

    def affine(self, scale: Array, shift: Array) -> Self:
        """The median is in the unit of x.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = LogNormal.weak_prior(sample, 2)
        >>> round(prior.affine(np.array([2.0]), np.array([0.0])).median, 2)
        5.18
        """
        return self._replace(median=float(self.median * scale[0]))

    def widened(self, factor: float) -> Self:
        """The log median given spread is Normal(log(median), factor spread / sqrt(n)).

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = LogNormal.weak_prior(sample, 2)
        >>> prior.widened(2.0).n
        0.0025
        """
        return self._replace(n=self.n / factor**2)
