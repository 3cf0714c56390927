"""Positive measurements of one skewed shape, such as waiting times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import numpy as np
from scipy.special import gammainc, gammaln

from models.checks import positive, single_fields
from models.family import Field
from models.positive import positive_column, relative_spread
from models.refusal import Refusal

if TYPE_CHECKING:
    from models.arrays import Array, Labels
    from models.observations import Observations
    from models.sample import Sample

__all__ = ["Gamma", "GammaPrior"]


class Gamma(NamedTuple):
    """p(x | mean, shape) = x^(a - 1) (a / mean)^a exp(-a x / mean) / Gamma(a), where a = shape.

    mean: (K,) in the unit of x; shape: (K,) over 1 / (sd / mean)^2; 1 is exponential.

    >>> in_minutes, no_shift = np.array(60.0), np.array(0.0)
    >>> Gamma(np.array([2.0]), np.array([3.0])).affine(in_minutes, no_shift)
    Gamma(mean=array([120.]), shape=array([3.]))
    """

    mean: Array
    shape: Array

    @classmethod
    def layout(cls) -> dict[str, Field]:
        """A place above 0 and a shape, which is large where the component is narrow.

        >>> list(Gamma.layout())
        ['mean', 'shape']
        """
        return {"mean": Field(low=0), "shape": Field(low=0, logs=True)}

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """A skewed curve.

        >>> Gamma.plain()
        ('a curve above 0, skewed to the right', 'positive measurements')
        """
        return "a curve above 0, skewed to the right", "positive measurements"

    @classmethod
    def takes(cls) -> Literal["column"]:
        """Measurements.

        >>> Gamma.takes()
        'column'
        """
        return "column"

    @classmethod
    def observe(cls, sample: Sample) -> None:
        """Measurements are above 0.

        >>> from models import Sample
        >>> Gamma.observe(Sample([1.0, 3.0, 3.0, 5.0]))
        """
        positive_column(sample, cls)

    @classmethod
    def weak_prior(cls, sample: Observations, k: int) -> GammaPrior:
        """Return a prior about the overall mean, for groups narrower than the whole.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> Gamma.weak_prior(sample, 2).mean
        3.0
        """
        mean, v = relative_spread(sample)
        factor = float(np.exp(5 * np.sqrt(np.log1p(v))))
        return GammaPrior(mean, factor, 3.0, 10 * k**2 / v)

    @classmethod
    def common_priors(cls, sample: Observations, k: int) -> dict[str, tuple[float, GammaPrior]]:
        """None.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> len(Gamma.common_priors(sample, 2))
        0
        """
        return {}

    @classmethod
    def draw_prior(cls, prior: GammaPrior, size: tuple[int, int], rng: np.random.Generator) -> Self:
        """Draw log means from a normal, and shapes from chi-squared(degrees).

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = Gamma.weak_prior(sample, 2)
        >>> Gamma.draw_prior(prior, (3, 2), np.random.default_rng(1))[0].shape
        (3, 2)
        """
        mean = prior.mean * np.exp(np.log(prior.factor) * rng.normal(size=size))
        return cls(mean, prior.shape * rng.chisquare(prior.degrees, size) / prior.degrees)

    def checked(self, k: int, d: int) -> Self:
        """Means and shapes are above 0.

        >>> two = Gamma(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
        >>> two.checked(2, 1)._fields
        ('mean', 'shape')
        """
        return type(self)(*single_fields(self, k))

    def order(self) -> Labels:
        """By mean; equal means by shape.

        >>> two = Gamma(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
        >>> two.order()
        array([0, 1])
        """
        return np.lexsort((self.shape, self.mean))

    def affine(self, scale: Array, shift: Array) -> Self:
        """The mean is in the unit of x, which cannot be shifted.

        >>> two = Gamma(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
        >>> two.affine(np.array([2.0]), np.array([1.0]))[0]
        array([ 2., 10.])
        """
        return type(self)(self.mean * scale, self.shape)

    def draw(self, labels: Labels, rng: np.random.Generator, trials: Array | None) -> Array:
        """Draw a measurement from the component that each label names; none underflows to 0.

        >>> two = Gamma(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
        >>> two.draw(np.array([0, 1, 1]), np.random.default_rng(1), None).round(2)
        array([1.08, 5.41, 7.39])
        """
        shape = self.shape[labels]
        return np.maximum(rng.gamma(shape) / shape * self.mean[labels], np.finfo(float).tiny)

    def log_mass(self, x: Array, trials: Array | None) -> Array:
        """shape log(shape x / mean) - shape x / mean - log x - log Gamma(shape).

        >>> two = Gamma(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
        >>> two.log_mass(np.array([2.0]), None).round(2).tolist()
        [[-1.92], [-2.04]]
        """
        shape = self.shape[:, None]
        ratio = x / self.mean[:, None]
        found: Array = shape * (np.log(shape * ratio) - ratio) - np.log(x) - gammaln(shape)
        return found

    def cumulative(self, x: Array, ends: Array, trials: Array | None) -> tuple[Array, Array]:
        """The incomplete gamma function; nothing lies below 0.

        >>> two = Gamma(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
        >>> two.cumulative(np.array([2.0]), np.array([[2.0]]), None)[0].round(2).tolist()
        [[[[0.91]], [[0.12]]]]
        """
        mean, shape = self.mean[:, None, None], self.shape[:, None, None]
        below = gammainc(shape, shape * np.maximum(ends, 0) / mean)
        return below[None], np.zeros((1, len(self.mean), len(x)))


class GammaPrior(NamedTuple):
    """Log mean is Normal(log(mean), log(factor)), shape is shape chi-squared(degrees) / degrees.

    >>> from models import Sample
    >>> [round(float(one), 2) for one in Gamma.weak_prior(Sample([1.0, 3.0]), 1)]
    [2.0, 10.61, 3.0, 40.0]
    """

    mean: float
    factor: float
    degrees: float
    shape: float

    def checked(self, sample: Observations) -> Self:
        """A factor above 1 keeps the prior proper; with degrees above 2 shapes have a mode.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = Gamma.weak_prior(sample, 2)
        >>> prior.checked(sample) == prior
        True
        """
        found = type(self)(*positive(self, *self._fields))
        for name, least in (("factor", 1), ("degrees", 2)):
            if not getattr(found, name) > least:
                raise Refusal(f"prior: {name} is {getattr(found, name):g}; give one above {least}")
        return found

    def affine(self, scale: Array, shift: Array) -> Self:
        """The mean is in the unit of x.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = Gamma.weak_prior(sample, 2)
        >>> prior.affine(np.array([2.0]), np.array([0.0])).mean
        6.0
        """
        return self._replace(mean=float(self.mean * scale[0]))

    def widened(self, factor: float) -> Self:
        """Log mean is Normal(log(mean), factor log(self.factor)).

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = Gamma.weak_prior(sample, 2)
        >>> bool(prior.widened(2.0).factor > prior.factor)
        True
        """
        return self._replace(factor=float(self.factor**factor))
