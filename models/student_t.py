"""Measurements with heavy tails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import numpy as np
from scipy.special import betaln, stdtr

from models.checks import column, number, positive, single_fields
from models.family import Field
from models.gaussian import Gaussian, GaussianPrior
from models.refusal import Refusal
from models.student_t_given import robust_prior, student_t_with

if TYPE_CHECKING:
    from models.arrays import Array, Labels
    from models.observations import Observations
    from models.sample import Sample
    from models.student_t_given import StudentTGiven

__all__ = ["StudentT", "StudentTPrior"]


class StudentT(NamedTuple):
    """p(x) is proportional to (1 + z^2 / df)^(-(df + 1) / 2) / sd, with z = (x - mean) / sd.

    A Gaussian whose precision is Gamma(df / 2, df sd^2 / 2), so that df without bound is the
    Gaussian of this sd.

    mean, sd, df: (K,) centre, scale and degrees of freedom; the standard deviation is
        sd sqrt(df / (df - 2)).

    >>> theta = StudentT(np.array([0.0]), np.array([2.0]), np.array([1.0]))
    >>> theta.cumulative(np.zeros(1), np.array([[2.0]]), None)[0].round(3)
    array([[[[0.75]]]])
    """

    mean: Array
    sd: Array
    df: Array

    @classmethod
    def layout(cls) -> dict[str, Field]:
        """A place, a width, and how light the tails are.

        >>> list(StudentT.layout())
        ['mean', 'sd', 'df']
        """
        return {
            "mean": Field(),
            "sd": Field(
                low=0,
                remark="{sd} is the scale: the standard deviation is "
                "{sd} * sqrt({df} / ({df} - 2)).",
            ),
            "df": Field(low=0, limit="gaussian", logs=True),
        }

    @staticmethod
    def with_df(df: float) -> type[StudentTGiven]:
        """Return the family whose degrees of freedom are given.

        >>> StudentT.with_df(4).__name__
        'StudentT(df=4)'
        """
        return student_t_with(df)

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """A bell curve with heavy tails.

        >>> StudentT.plain()
        ('a bell curve with heavy tails', 'measurements')
        """
        return "a bell curve with heavy tails", "measurements"

    @classmethod
    def takes(cls) -> Literal["column"]:
        """Measurements.

        >>> StudentT.takes()
        'column'
        """
        return "column"

    @classmethod
    def observe(cls, sample: Sample) -> None:
        """Measurements are one column.

        >>> from models import Sample
        >>> StudentT.observe(Sample([1.0, 3.0, 3.0, 5.0]))
        """
        column(sample)

    @classmethod
    def weak_prior(cls, sample: Observations, k: int) -> StudentTPrior:
        """Return `robust_prior`, and df of 10 within a factor of 4.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> round(StudentT.weak_prior(sample, 2).squares, 2)
        0.55
        """
        return StudentTPrior(*robust_prior(sample, k), df=10.0, df_factor=4.0)

    @classmethod
    def common_priors(cls, sample: Observations, k: int) -> dict[str, tuple[float, StudentTPrior]]:
        """No other program's is known.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> len(StudentT.common_priors(sample, 2))
        0
        """
        return {}

    @classmethod
    def draw_prior(
        cls, prior: StudentTPrior, size: tuple[int, int], rng: np.random.Generator
    ) -> Self:
        """Draw mean and sd as a Gaussian's, then df.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = StudentT.weak_prior(sample, 2)
        >>> StudentT.draw_prior(prior, (3, 2), np.random.default_rng(1))[0].shape
        (3, 2)
        """
        bell = Gaussian.draw_prior(GaussianPrior(*prior[:4]), size, rng)
        return cls(*bell, rng.lognormal(np.log(prior.df), np.log(prior.df_factor), size))

    def checked(self, k: int, d: int) -> Self:
        """Widths and degrees of freedom are above 0.

        >>> two = StudentT(np.array([1.0, 5.0]), np.array([1.0, 2.0]), np.array([4.0, 9.0]))
        >>> two.checked(2, 1)._fields
        ('mean', 'sd', 'df')
        """
        return type(self)(*single_fields(self, k))

    def order(self) -> Labels:
        """By mean; equal means by sd.

        >>> two = StudentT(np.array([1.0, 5.0]), np.array([1.0, 2.0]), np.array([4.0, 9.0]))
        >>> two.order()
        array([0, 1])
        """
        return np.lexsort((self.sd, self.mean))

    def affine(self, scale: Array, shift: Array) -> Self:
        """Mean and sd are in the unit of x.

        >>> two = StudentT(np.array([1.0, 5.0]), np.array([1.0, 2.0]), np.array([4.0, 9.0]))
        >>> two.affine(np.array([2.0]), np.array([1.0]))[0]
        array([ 3., 11.])
        """
        return type(self)(self.mean * scale + shift, self.sd * scale, self.df)

    def draw(self, labels: Labels, rng: np.random.Generator, trials: Array | None) -> Array:
        """Draw a measurement from the component that each label names.

        >>> two = StudentT(np.array([1.0, 5.0]), np.array([1.0, 2.0]), np.array([4.0, 9.0]))
        >>> two.draw(np.array([0, 1, 1]), np.random.default_rng(1), None).round(2)
        array([1.28, 2.8 , 4.03])
        """
        return self.mean[labels] + self.sd[labels] * rng.standard_t(self.df[labels])

    def log_mass(self, x: Array, trials: Array | None) -> Array:
        """Student's density.

        >>> two = StudentT(np.array([1.0, 5.0]), np.array([1.0, 2.0]), np.array([4.0, 9.0]))
        >>> two.log_mass(np.array([2.0]), None).round(2).tolist()
        [[-1.54], [-2.76]]
        """
        mean, sd, df = (field[:, None] for field in self)
        whole = betaln(df / 2, 0.5) + np.log(df) / 2 + np.log(sd)
        found: Array = -(df + 1) / 2 * np.log1p(((x - mean) / sd) ** 2 / df) - whole
        return found

    def cumulative(self, x: Array, ends: Array, trials: Array | None) -> tuple[Array, Array]:
        """Student's distribution function.

        >>> two = StudentT(np.array([1.0, 5.0]), np.array([1.0, 2.0]), np.array([4.0, 9.0]))
        >>> two.cumulative(np.array([2.0]), np.array([[2.0]]), None)[0].round(2).tolist()
        [[[[0.81]], [[0.08]]]]
        """
        mean, sd, df = (field[:, None, None] for field in self)
        return stdtr(df, (ends - mean) / sd)[None], np.zeros((1, len(self.mean), len(x)))


class StudentTPrior(NamedTuple):
    """Mean given sd is Normal(mean, sd / sqrt(n)); sd^2 is InverseGamma(degrees, squares) / 2.

    They are written as observations not seen, as of a Gaussian; log df is Normal(log df, log
    df_factor).

    >>> from models import Sample
    >>> StudentT.weak_prior(Sample([1.0, 3.0, 3.0, 5.0]), 2)
    StudentTPrior(mean=3.0, n=0.01, squares=0.5495..., degrees=3.0, df=10.0, df_factor=4.0)
    """

    mean: float
    n: float
    squares: float
    degrees: float
    df: float
    df_factor: float

    def checked(self, sample: Observations) -> Self:
        """All but the mean are above 0, the factor above 1, which keeps the prior proper.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = StudentT.weak_prior(sample, 2)
        >>> prior.checked(sample) == prior
        True
        """
        positives = positive(self, "n", "squares", "degrees", "df", "df_factor")
        if not self.df_factor > 1:
            raise Refusal(f"prior: df_factor is {self.df_factor:g}; give a factor above 1")
        return type(self)(number("prior: mean", self.mean), *positives)

    def affine(self, scale: Array, shift: Array) -> Self:
        """The mean is in the unit of x, the squares in its square.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = StudentT.weak_prior(sample, 2)
        >>> prior.affine(np.array([2.0]), np.array([1.0])).mean
        7.0
        """
        moved = float(self.mean * scale[0] + shift[0])
        return self._replace(mean=moved, squares=float(self.squares * scale[0] * scale[0]))

    def widened(self, factor: float) -> Self:
        """The mean given sd is Normal(mean, factor sd / sqrt(n)), the sd of log df as wide.

        >>> from models import Sample
        >>> sample = Sample([1.0, 3.0, 3.0, 5.0])
        >>> prior = StudentT.weak_prior(sample, 2)
        >>> prior.widened(2.0).n
        0.0025
        """
        return self._replace(n=self.n / factor**2, df_factor=self.df_factor**factor)
