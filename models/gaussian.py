"""Measurements in one dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import numpy as np
from scipy.special import ndtr

from models.checks import column, fields, moments, number, positive
from models.digits import refuse_lost_digits
from models.family import Field
from models.refusal import Refusal

if TYPE_CHECKING:
    from models.arrays import Array, Labels
    from models.observations import Observations
    from models.sample import Sample

__all__ = ["Gaussian", "GaussianPrior"]


class Gaussian(NamedTuple):
    """p(x | mean, sd) = exp(-(x - mean)^2 / (2 sd^2)) / (sd sqrt(2 pi)).

    mean, sd: (K,) centre and standard deviation.

    >>> in_metres, no_shift = np.array(0.01), np.array(0.0)
    >>> Gaussian(np.array([170.0]), np.array([10.0])).affine(in_metres, no_shift)
    Gaussian(mean=array([1.7]), sd=array([0.1]))
    """

    mean: Array
    sd: Array

    @classmethod
    def layout(cls) -> dict[str, Field]:
        """A place and a width.

        >>> list(Gaussian.layout())
        ['mean', 'sd']
        """
        return {"mean": Field(), "sd": Field(low=0)}

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """A bell curve.

        >>> Gaussian.plain()
        ('a bell curve', 'measurements')
        """
        return "a bell curve", "measurements"

    @classmethod
    def takes(cls) -> Literal["column"]:
        """Measurements.

        >>> Gaussian.takes()
        'column'
        """
        return "column"

    @classmethod
    def observe(cls, sample: Sample) -> None:
        """Measurements are one column.

        >>> from models import Sample
        >>> Gaussian.observe(Sample([1.0, 3.0, 3.0, 5.0]))
        """
        column(sample)

    @classmethod
    def weak_prior(cls, sample: Observations, k: int) -> GaussianPrior:
        """Return the default of Fraley & Raftery (2007, section 2.2).

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> Gaussian.weak_prior(sample, 2)
        GaussianPrior(mean=3.0, n=0.01, squares=0.5, degrees=3.0)
        """
        refuse_lost_digits(sample)
        mean, cov = moments(sample)
        return GaussianPrior(float(mean[0]), 0.01, float(cov[0, 0]) / k**2, 3.0)

    @classmethod
    def common_priors(cls, sample: Observations, k: int) -> dict[str, tuple[float, GaussianPrior]]:
        """Return the prior of Fraley & Raftery (2007) in mclust, and scikit-learn's.

        scikit-learn's BayesianGaussianMixture divides W0 + S_k by 1 + n_k, ours by
        n_k + 3 + degrees; W0 is the variance over n - 1.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> len(Gaussian.common_priors(sample, 2))
        2
        """
        mean, cov = moments(sample)
        centre, variance, n = float(mean[0]), float(cov[0, 0]), sample.observations
        wide = variance * n / max(n - 1, 1)
        return {
            "mclust's prior (Fraley and Raftery 2007)": (
                0.0,
                GaussianPrior(centre, 0.01, variance / k**2, 3.0),
            ),
            "the prior of scikit-learn's BayesianGaussianMixture": (
                0.0,
                GaussianPrior(centre, 1.0, wide, -2.0),
            ),
        }

    @classmethod
    def draw_prior(
        cls, prior: GaussianPrior, size: tuple[int, int], rng: np.random.Generator
    ) -> Self:
        """Draw sd^2 from squares / chi-squared(degrees), then the mean given it.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = Gaussian.weak_prior(sample, 2)
        >>> Gaussian.draw_prior(prior, (3, 2), np.random.default_rng(1))[0].shape
        (3, 2)
        """
        sd = np.sqrt(prior.squares / rng.chisquare(prior.degrees, size))
        return cls(rng.normal(prior.mean, sd / np.sqrt(prior.n)), sd)

    def checked(self, k: int, d: int) -> Self:
        """Standard deviations are above 0.

        >>> two = Gaussian(np.array([1.0, 5.0]), np.array([1.0, 2.0]))
        >>> two.checked(2, 1)._fields
        ('mean', 'sd')
        """
        mean, sd = fields(self, {"mean": (k,), "sd": (k,)})
        if (sd <= 0).any():
            raise Refusal(f"sd is {sd.tolist()}; give standard deviations above 0")
        return type(self)(mean, sd)

    def order(self) -> Labels:
        """By mean; equal means by sd.

        >>> two = Gaussian(np.array([1.0, 5.0]), np.array([1.0, 2.0]))
        >>> two.order()
        array([0, 1])
        """
        return np.lexsort((self.sd, self.mean))

    def affine(self, scale: Array, shift: Array) -> Self:
        """Mean and sd are in the unit of x.

        >>> two = Gaussian(np.array([1.0, 5.0]), np.array([1.0, 2.0]))
        >>> two.affine(np.array([2.0]), np.array([1.0]))[0]
        array([ 3., 11.])
        """
        return type(self)(self.mean * scale + shift, self.sd * scale)

    def draw(self, labels: Labels, rng: np.random.Generator, trials: Array | None) -> Array:
        """Draw a measurement from the component that each label names.

        >>> two = Gaussian(np.array([1.0, 5.0]), np.array([1.0, 2.0]))
        >>> two.draw(np.array([0, 1, 1]), np.random.default_rng(1), None).round(2)
        array([1.35, 6.64, 5.66])
        """
        return rng.normal(self.mean[labels], self.sd[labels])

    def log_mass(self, x: Array, trials: Array | None) -> Array:
        """-log sd - (x - mean)^2 / (2 sd^2) - log(2 pi) / 2.

        >>> two = Gaussian(np.array([1.0, 5.0]), np.array([1.0, 2.0]))
        >>> two.log_mass(np.array([2.0]), None).round(2).tolist()
        [[-1.42], [-2.74]]
        """
        z = (x - self.mean[:, None]) / self.sd[:, None]
        found: Array = -(z**2 + np.log(2 * np.pi)) / 2 - np.log(self.sd[:, None])
        return found

    def cumulative(self, x: Array, ends: Array, trials: Array | None) -> tuple[Array, Array]:
        """The normal distribution function.

        >>> two = Gaussian(np.array([1.0, 5.0]), np.array([1.0, 2.0]))
        >>> two.cumulative(np.array([2.0]), np.array([[2.0]]), None)[0].round(2).tolist()
        [[[[0.84]], [[0.07]]]]
        """
        z = (ends - self.mean[:, None, None]) / self.sd[:, None, None]
        return ndtr(z)[None], np.zeros((1, len(self.mean), len(x)))


class GaussianPrior(NamedTuple):
    """Mean given sd is Normal(mean, sd / sqrt(n)); sd^2 is InverseGamma(degrees, squares) / 2.

    Written as observations not seen: `n` of them at `mean`, and a sum of squares `squares`
    on `degrees` degrees of freedom: sd^2 ~ InverseGamma(degrees / 2, squares / 2).

    >>> from models import Sample
    >>> Gaussian.weak_prior(Sample([1.0, 3.0, 3.0, 5.0]), 2)
    GaussianPrior(mean=3.0, n=0.01, squares=0.5, degrees=3.0)
    """

    mean: float
    n: float
    squares: float
    degrees: float

    def checked(self, sample: Observations) -> Self:
        """All but the mean are above 0, which keeps the prior proper.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = Gaussian.weak_prior(sample, 2)
        >>> prior.checked(sample) == prior
        True
        """
        return type(self)(
            number("prior: mean", self.mean), *positive(self, "n", "squares", "degrees")
        )

    def affine(self, scale: Array, shift: Array) -> Self:
        """The mean is in the unit of x, the squares in its square.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = Gaussian.weak_prior(sample, 2)
        >>> prior.affine(np.array([2.0]), np.array([1.0]))
        GaussianPrior(mean=7.0, n=0.01, squares=2.0, degrees=3.0)
        """
        moved = float(self.mean * scale[0] + shift[0])
        return self._replace(mean=moved, squares=float(self.squares * scale[0] * scale[0]))

    def widened(self, factor: float) -> Self:
        """The mean given sd is Normal(mean, factor sd / sqrt(n)).

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = Gaussian.weak_prior(sample, 2)
        >>> prior.widened(2.0)
        GaussianPrior(mean=3.0, n=0.0025, squares=0.5, degrees=3.0)
        """
        return self._replace(n=self.n / factor**2)
