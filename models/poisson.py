"""Counts of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import numpy as np
from scipy.special import gammaln, pdtr, xlogy

from models.checks import average, counts, fields, positive
from models.family import Field
from models.refusal import Refusal

if TYPE_CHECKING:
    from models.arrays import Array, Labels
    from models.observations import Observations
    from models.sample import Sample

__all__ = ["Poisson", "PoissonPrior"]


class Poisson(NamedTuple):
    """p(x | rate) = rate^x exp(-rate) / x!, where rate (K,) is the mean number of events.

    >>> from models import Sample
    >>> Poisson.observe(Sample([3, -1]))
    Traceback (most recent call last):
    models.refusal.Refusal: x: row 1 (counted from 0) is -1, which is below 0; counts start at 0
    """

    rate: Array

    @classmethod
    def layout(cls) -> dict[str, Field]:
        """A rate.

        >>> list(Poisson.layout())
        ['rate']
        """
        return {"rate": Field(low=0)}

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """A rate.

        >>> Poisson.plain()
        ('a rate of events', 'counts of events')
        """
        return "a rate of events", "counts of events"

    @classmethod
    def takes(cls) -> Literal["column"]:
        """Counts.

        >>> Poisson.takes()
        'column'
        """
        return "column"

    @classmethod
    def observe(cls, sample: Sample) -> None:
        """Counts are whole and not negative.

        >>> from models import Sample
        >>> Poisson.observe(Sample([0, 1, 4, 9]))
        """
        counts(sample)

    @classmethod
    def weak_prior(cls, sample: Observations, k: int) -> PoissonPrior:
        """Return the exponential prior whose mean is the mean count (1 if all are 0).

        >>> from models import Sample
        >>> sample = Sample([0, 2, 2, 4])
        >>> Poisson.weak_prior(sample, 4)
        PoissonPrior(events=0.0, exposure=0.5)
        """
        mean = float(average(sample, lambda x: x)[0])
        return PoissonPrior(events=0.0, exposure=1.0 / mean if mean > 0 else 1.0)

    @classmethod
    def common_priors(cls, sample: Observations, k: int) -> dict[str, tuple[float, PoissonPrior]]:
        """Return one event in one interval more.

        >>> from models import Sample
        >>> sample = Sample([0, 1, 4, 9])
        >>> len(Poisson.common_priors(sample, 2))
        1
        """
        return {"one event in one interval more": (0.0, PoissonPrior(1.0, 1.0))}

    @classmethod
    def draw_prior(
        cls, prior: PoissonPrior, size: tuple[int, int], rng: np.random.Generator
    ) -> Self:
        """Draw rates from Gamma(events + 1, exposure).

        >>> from models import Sample
        >>> sample = Sample([0, 1, 4, 9])
        >>> prior = Poisson.weak_prior(sample, 2)
        >>> Poisson.draw_prior(prior, (3, 2), np.random.default_rng(1))[0].shape
        (3, 2)
        """
        return cls(rng.gamma(prior.events + 1, 1 / prior.exposure, size))

    def checked(self, k: int, d: int) -> Self:
        """Rates are not negative.

        >>> two = Poisson(np.array([1.0, 5.0]))
        >>> two.checked(2, 1)._fields
        ('rate',)
        """
        (rate,) = fields(self, {"rate": (k,)})
        if (rate < 0).any():
            raise Refusal(f"rate is {rate.tolist()}; give rates from 0 up")
        return type(self)(rate)

    def order(self) -> Labels:
        """By rate.

        >>> two = Poisson(np.array([1.0, 5.0]))
        >>> two.order()
        array([0, 1])
        """
        return np.argsort(self.rate, kind="stable")

    def affine(self, scale: Array, shift: Array) -> Self:
        """Counts have no unit to change.

        >>> two = Poisson(np.array([1.0, 5.0]))
        >>> two.affine(np.array([2.0]), np.array([1.0]))[0]
        array([1., 5.])
        """
        return self

    def draw(self, labels: Labels, rng: np.random.Generator, trials: Array | None) -> Array:
        """Draw a count from the component that each label names.

        >>> two = Poisson(np.array([1.0, 5.0]))
        >>> two.draw(np.array([0, 1, 1]), np.random.default_rng(1), None).round(2)
        array([2., 6., 6.])
        """
        return rng.poisson(self.rate[labels]).astype(np.float64)

    def log_mass(self, x: Array, trials: Array | None) -> Array:
        """x log rate - rate - log x!.

        >>> two = Poisson(np.array([1.0, 5.0]))
        >>> two.log_mass(np.array([2.0]), None).round(2).tolist()
        [[-1.69], [-2.47]]
        """
        rate = self.rate[:, None]
        found: Array = xlogy(x, rate) - rate - gammaln(x + 1)
        return found

    def cumulative(self, x: Array, ends: Array, trials: Array | None) -> tuple[Array, Array]:
        """P(X <= c) of one column.

        >>> two = Poisson(np.array([1.0, 5.0]))
        >>> two.cumulative(np.array([2.0]), np.array([[2.0]]), None)[0].round(2).tolist()
        [[[[0.92]], [[0.12]]]]
        """
        below = pdtr(np.maximum(ends, 0), self.rate[:, None, None]) * (ends >= 0)
        return below[None], np.zeros((1, len(self.rate), len(x)))


class PoissonPrior(NamedTuple):
    """Gamma(shape events + 1, rate exposure): a prior written as observations not seen.

    events: their sum, from 0 up; exposure: their number, above 0.

    >>> from models import Sample
    >>> Poisson.weak_prior(Sample([0, 2, 4]), 2)
    PoissonPrior(events=0.0, exposure=0.5)
    """

    events: float
    exposure: float

    def checked(self, sample: Observations) -> Self:
        """The events are not negative; an exposure above 0 keeps the prior proper.

        >>> from models import Sample
        >>> sample = Sample([0, 1, 4, 9])
        >>> prior = Poisson.weak_prior(sample, 2)
        >>> prior.checked(sample) == prior
        True
        """
        return type(self)(*positive(self, "events", zero=True), *positive(self, "exposure"))

    def affine(self, scale: Array, shift: Array) -> Self:
        """Counts have no unit to change.

        >>> prior = PoissonPrior(2.0, 1.0)
        >>> prior.affine(np.array([1.0]), np.array([0.0]))
        PoissonPrior(events=2.0, exposure=1.0)
        """
        return self

    def widened(self, factor: float) -> Self:
        """Gamma(shape events + 1, rate exposure / factor).

        >>> prior = PoissonPrior(2.0, 1.0)
        >>> prior.widened(2.0)
        PoissonPrior(events=2.0, exposure=0.5)
        """
        return self._replace(exposure=self.exposure / factor)
