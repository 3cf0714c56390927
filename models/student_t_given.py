"""Measurements with heavy tails, of degrees of freedom that are given."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Self

import numpy as np
from scipy.special import betaln, stdtr

from models.checks import column, moments, number, single_fields
from models.digits import refuse_lost_digits
from models.gaussian import Gaussian, GaussianPrior
from models.names import Made, Titled, titled
from models.quartiles import quartiles, robust_spread
from models.refusal import Refusal

if TYPE_CHECKING:
    from models.arrays import Array, Labels
    from models.family import Field
    from models.observations import Observations
    from models.sample import Sample

__all__ = ["MADE_WITH_DF", "StudentTGiven", "robust_prior", "student_t_with"]


class _Fields(NamedTuple):
    mean: Array
    sd: Array


class StudentTGiven(_Fields, metaclass=Titled):
    """p(x) is proportional to (1 + z^2 / df)^(-(df + 1) / 2) / sd, with z = (x - mean) / sd.

    mean, sd: (K,) centre and scale; the standard deviation is sd sqrt(df / (df - 2)).

    >>> from models import StudentT
    >>> theta = StudentT.with_df(1)(np.array([0.0]), np.array([2.0]))
    >>> theta, theta.cumulative(np.zeros(1), np.array([[2.0]]), None)[0].round(3)
    (StudentT(df=1)(mean=array([0.]), sd=array([2.])), array([[[[0.75]]]]))
    """

    __slots__ = ()
    df: ClassVar[float]

    @classmethod
    def layout(cls) -> dict[str, Field]:
        """A place and a width."""
        fields, df = Gaussian.layout(), cls.df
        remark = f"{{sd}} is the scale: {df:g} degrees of freedom have no standard deviation."
        if df > 2:
            wider = np.sqrt(df / (df - 2))
            remark = f"{{sd}} is the scale: the standard deviation is {wider:.4g} * {{sd}}."
        return fields | {"sd": fields["sd"]._replace(remark=remark)}

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """A bell curve with heavy tails."""
        return f"a bell curve with the tails of {cls.df:g} degrees of freedom", "measurements"

    @classmethod
    def takes(cls) -> Literal["column"]:
        """Measurements."""
        return "column"

    @classmethod
    def observe(cls, sample: Sample) -> None:
        """Measurements are one column."""
        column(sample)

    @classmethod
    def weak_prior(cls, sample: Observations, k: int) -> GaussianPrior:
        """Return `robust_prior`."""
        return robust_prior(sample, k)

    @classmethod
    def common_priors(cls, sample: Observations, k: int) -> dict[str, tuple[float, GaussianPrior]]:
        """No other program's is known."""
        return {}

    @classmethod
    def draw_prior(
        cls, prior: GaussianPrior, size: tuple[int, int], rng: np.random.Generator
    ) -> Self:
        """Draw sd and mean as a Gaussian's."""
        return cls(*Gaussian.draw_prior(prior, size, rng))

    def checked(self, k: int, d: int) -> Self:
        """Widths are above 0."""
        return type(self)(*single_fields(self, k))

    def order(self) -> Labels:
        """By mean; equal means by sd."""
        return np.lexsort((self.sd, self.mean))

    def affine(self, scale: Array, shift: Array) -> Self:
        """Mean and sd are in the unit of x."""
        return type(self)(self.mean * scale + shift, self.sd * scale)

    def draw(self, labels: Labels, rng: np.random.Generator, trials: Array | None) -> Array:
        """Draw a measurement from the component that each label names."""
        return self.mean[labels] + self.sd[labels] * rng.standard_t(self.df, len(labels))

    def log_mass(self, x: Array, trials: Array | None) -> Array:
        """Student's density."""
        z, df = (x - self.mean[:, None]) / self.sd[:, None], self.df
        whole = betaln(df / 2, 0.5) + np.log(df) / 2 + np.log(self.sd[:, None])
        found: Array = -(df + 1) / 2 * np.log1p(z**2 / df) - whole
        return found

    def cumulative(self, x: Array, ends: Array, trials: Array | None) -> tuple[Array, Array]:
        """Student's distribution function."""
        mean, sd = self.mean[:, None, None], self.sd[:, None, None]
        return stdtr(self.df, (ends - mean) / sd)[None], np.zeros((1, len(self.mean), len(x)))


def robust_prior(sample: Observations, k: int) -> GaussianPrior:
    """Return a Gaussian's (Fraley & Raftery 2007) about the median, of the interquartile range.

    An outlier or heavy tails widen the variance without bound, and the prior's squares with it:
    they would decide the width that these families keep clear of both. The variance is taken if
    half of the observations are the same number.

    >>> from models import Sample
    >>> near = robust_prior(Sample([1.0, 2.0, 3.0, 4.0, 5.0]), 1)
    >>> near == robust_prior(Sample([1.0, 2.0, 3.0, 4.0, 5000.0]), 1), round(near.squares, 3)
    (True, 2.198)
    """
    refuse_lost_digits(sample)
    quarters = quartiles(sample)
    variance, middle = float(robust_spread(quarters)) ** 2, float(quarters[1])
    if not 0 < variance < np.inf:
        mean, cov = moments(sample)
        variance, middle = float(cov[0, 0]), float(mean[0])
    return GaussianPrior(middle, 0.01, variance / k**2, 3.0)


def student_t_with(df: float) -> type[StudentTGiven]:
    """Return the family of so many degrees of freedom, always the same for the same number.

    >>> student_t_with(2.5).__name__
    'StudentT(df=2.5)'
    """
    given = number("df", df)
    if not 0 < given < np.inf:
        raise Refusal(f"df is {given:g}; give a number above 0")
    return _with(given)


@cache
def _with(df: float) -> type[StudentTGiven]:
    """Return the family, made once."""
    return titled(StudentTGiven, f"StudentT(df={_short(df)})", df=df)


def _short(df: float) -> str:
    """Return a number with the fewest digits that restore it."""
    return f"{df:g}" if float(f"{df:g}") == df else repr(df)


def _read(text: str) -> type[StudentTGiven]:
    """Return the family of the number after df=."""
    name, _, df = text.partition("=")
    if name != "df":
        raise ValueError(text)
    return student_t_with(float(df))


MADE_WITH_DF = Made(
    "StudentT",
    StudentTGiven,
    _read,
    lambda family: GaussianPrior,
    lambda family: (f"StudentT.with_df({_short(family.df)})", frozenset({"StudentT"})),
    number="df",
)
