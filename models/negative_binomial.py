"""Counts that spread more than Poisson's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import numpy as np
from scipy.special import betainc, betaln, gammaln, xlogy

from models.checks import average, counts, positive, single_fields
from models.family import Field
from models.refusal import Refusal

if TYPE_CHECKING:
    from models.arrays import Array, Labels
    from models.observations import Observations
    from models.sample import Sample

__all__ = ["NegativeBinomial", "NegativeBinomialPrior"]

LARGE = 1e5  # sizes from which one term of Stirling's series has all digits


class NegativeBinomial(NamedTuple):
    """p(x) = Gamma(x + s) / (Gamma(s) x!) (s / (m + s))^s (m / (m + s))^x, m the mean, s the size.

    A Poisson whose rate is Gamma(size, size / mean): its variance is mean + mean^2 / size, so that
    size without bound is the Poisson.

    mean, size: (K,).

    >>> theta = NegativeBinomial(np.array([3.0]), np.array([1.5]))
    >>> below, _ = theta.cumulative(np.zeros(1), np.array([[2.0]]), None)
    >>> below.round(4)
    array([[[[0.5453]]]])
    """

    mean: Array
    size: Array

    @classmethod
    def layout(cls) -> dict[str, Field]:
        """A mean, and a size that bounds the spread.

        >>> list(NegativeBinomial.layout())
        ['mean', 'size']
        """
        return {"mean": Field(low=0), "size": Field(low=0, limit="poisson", logs=True)}

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """A rate that varies.

        >>> NegativeBinomial.plain()
        ('a rate of events that varies', 'counts of events')
        """
        return "a rate of events that varies", "counts of events"

    @classmethod
    def takes(cls) -> Literal["column"]:
        """Counts.

        >>> NegativeBinomial.takes()
        'column'
        """
        return "column"

    @classmethod
    def observe(cls, sample: Sample) -> None:
        """Counts are whole and not negative.

        >>> from models import Sample
        >>> NegativeBinomial.observe(Sample([0, 1, 4, 9]))
        """
        counts(sample)

    @classmethod
    def weak_prior(cls, sample: Observations, k: int) -> NegativeBinomialPrior:
        """Return a mean within a factor of 10 of the overall one, and a size of 3, likewise.

        >>> from models import Sample
        >>> sample = Sample([0, 1, 4, 9])
        >>> NegativeBinomial.weak_prior(sample, 2)
        NegativeBinomialPrior(mean=3.5, mean_factor=10.0, size=3.0, size_factor=10.0)
        """
        mean = float(average(sample, lambda x: x)[0])
        return NegativeBinomialPrior(mean if mean > 0 else 1.0, 10.0, 3.0, 10.0)

    @classmethod
    def common_priors(
        cls, sample: Observations, k: int
    ) -> dict[str, tuple[float, NegativeBinomialPrior]]:
        """No other program's is known.

        >>> from models import Sample
        >>> sample = Sample([0, 1, 4, 9])
        >>> len(NegativeBinomial.common_priors(sample, 2))
        0
        """
        return {}

    @classmethod
    def draw_prior(
        cls, prior: NegativeBinomialPrior, size: tuple[int, int], rng: np.random.Generator
    ) -> Self:
        """Draw means and sizes.

        >>> from models import Sample
        >>> sample = Sample([0, 1, 4, 9])
        >>> prior = NegativeBinomial.weak_prior(sample, 2)
        >>> NegativeBinomial.draw_prior(prior, (3, 2), np.random.default_rng(1))[0].shape
        (3, 2)
        """
        mean = rng.lognormal(np.log(prior.mean), np.log(prior.mean_factor), size)
        return cls(mean, rng.lognormal(np.log(prior.size), np.log(prior.size_factor), size))

    def checked(self, k: int, d: int) -> Self:
        """Both are above 0.

        >>> two = NegativeBinomial(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
        >>> two.checked(2, 1)._fields
        ('mean', 'size')
        """
        return type(self)(*single_fields(self, k))

    def order(self) -> Labels:
        """By mean; equal means by size.

        >>> two = NegativeBinomial(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
        >>> two.order()
        array([0, 1])
        """
        return np.lexsort((self.size, self.mean))

    def affine(self, scale: Array, shift: Array) -> Self:
        """Counts have no unit to change.

        >>> two = NegativeBinomial(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
        >>> two.affine(np.array([2.0]), np.array([1.0]))[0]
        array([1., 5.])
        """
        return self

    def draw(self, labels: Labels, rng: np.random.Generator, trials: Array | None) -> Array:
        """Draw a rate, then a count, from the component that each label names.

        >>> two = NegativeBinomial(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
        >>> two.draw(np.array([0, 1, 1]), np.random.default_rng(1), None).round(2)
        array([1., 4., 6.])
        """
        mean, size = self.mean[labels], self.size[labels]
        return rng.poisson(rng.gamma(size, mean / size)).astype(np.float64)

    def log_mass(self, x: Array, trials: Array | None) -> Array:
        """log C(x + size - 1, x) - (x + size) log(1 + mean / size) + x log(mean / size).

        From differences of large logarithms little would be left, so that of large sizes
        Stirling's series is taken: log Gamma(z) = (z - 1/2) log z - z + ... + 1 / (12 z).

        >>> two = NegativeBinomial(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
        >>> two.log_mass(np.array([2.0]), None).round(2).tolist()
        [[-1.91], [-2.09]]
        """
        mean, size = self.mean[:, None], self.size[:, None]
        large = np.maximum(size, LARGE)
        end = large + x
        near = -betaln(size, x + 1) - np.log(size + x) + gammaln(x + 1) - x * np.log(size)
        far = (end - 0.5) * np.log1p(x / large) - x - x / (12 * end * large)
        rising = np.where(size < LARGE, near, far)  # log(Gamma(x + size) / Gamma(size) / size^x)
        ways = rising - gammaln(x + 1)
        found: Array = ways - (x + size) * np.log1p(mean / size) + xlogy(x, mean)
        return found

    def cumulative(self, x: Array, ends: Array, trials: Array | None) -> tuple[Array, Array]:
        """P(X <= c) is a regularised incomplete beta function (Abramowitz & Stegun 26.5.26).

        >>> two = NegativeBinomial(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
        >>> two.cumulative(np.array([2.0]), np.array([[2.0]]), None)[0].round(2).tolist()
        [[[[0.89]], [[0.28]]]]
        """
        mean, size = self.mean[:, None, None], self.size[:, None, None]
        below = betainc(size, np.floor(np.maximum(ends, 0)) + 1, size / (mean + size)) * (ends >= 0)
        return below[None], np.zeros((1, len(self.mean), len(x)))


class NegativeBinomialPrior(NamedTuple):
    """log mean is Normal(log mean, log mean_factor), log size Normal(log size, log size_factor).

    mean, size: their medians; mean_factor, size_factor: above 1, by which one sd is away.

    >>> from models import Sample
    >>> NegativeBinomial.weak_prior(Sample([0, 2, 4]), 2)
    NegativeBinomialPrior(mean=2.0, mean_factor=10.0, size=3.0, size_factor=10.0)
    """

    mean: float
    mean_factor: float
    size: float
    size_factor: float

    def checked(self, sample: Observations) -> Self:
        """Medians are above 0, factors above 1.

        >>> from models import Sample
        >>> sample = Sample([0, 1, 4, 9])
        >>> prior = NegativeBinomial.weak_prior(sample, 2)
        >>> prior.checked(sample) == prior
        True
        """
        values = positive(self, *self._fields)
        for name, value in zip(self._fields, values, strict=True):
            if name.endswith("factor") and not value > 1:
                raise Refusal(f"prior: {name} is {value:g}; give a factor above 1")
        return type(self)(*values)

    def affine(self, scale: Array, shift: Array) -> Self:
        """Counts have no unit to change.

        >>> from models import Sample
        >>> sample = Sample([0, 1, 4, 9])
        >>> prior = NegativeBinomial.weak_prior(sample, 2)
        >>> prior.affine(np.array([2.0]), np.array([1.0]))
        NegativeBinomialPrior(mean=3.5, mean_factor=10.0, size=3.0, size_factor=10.0)
        """
        return self

    def widened(self, factor: float) -> Self:
        """The sd of the logarithms is `factor` times as large.

        >>> from models import Sample
        >>> sample = Sample([0, 1, 4, 9])
        >>> prior = NegativeBinomial.weak_prior(sample, 2)
        >>> prior.widened(2.0)
        NegativeBinomialPrior(mean=3.5, mean_factor=100.0, size=3.0, size_factor=100.0)
        """
        return self._replace(
            mean_factor=self.mean_factor**factor, size_factor=self.size_factor**factor
        )
