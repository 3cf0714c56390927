"""What families of positive columns share: checks, and moments that have no unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.checks import average, column, refuse_row
from models.digits import columns_called
from models.names import mends, option_of, spelt
from models.refusal import Refusal, both

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.family import Theta
    from models.observations import Observations
    from models.sample import Sample

__all__ = ["ZEROS_BESIDE", "log_moments", "positive_column", "refuse_narrow", "relative_spread"]

ZEROS_BESIDE = ", or allow for zeros beside the others"  # where a family can be one with zeros
NARROWEST = 1e-6  # range of x, of its largest value: with less, starts lose the digits of log x


def positive_column(sample: Sample, family: type[Theta]) -> None:
    """Refuse anything but one column of numbers above 0; say how many are not, and name the first.

    family: which the column is to be of.

    >>> from models import Gamma, Sample
    >>> positive_column(Sample([3.0, 0.0, 0.0, 2.0]), Gamma)
    Traceback (most recent call last):
    models.refusal.Refusal: x: row 1 (counted from 0) is 0, which is not above 0 (2 of 4 ...
    """
    column(sample)
    bad = ~(sample.x > 0)
    many = int(sample.counts[bad].sum())
    remedy = "drop them, or take a family that may have such values"
    if not (sample.x < 0).any():
        others = mends("zeros", family)
        python = " or ".join(spelt(one)[0] for one in others)
        typed = " or ".join(map(option_of, others))
        remedy = f"drop them{ZEROS_BESIDE} {both(python, typed)}"
    refuse_row(
        sample,
        bad,
        f"is not above 0 ({many:,} of {sample.observations:,} values); {remedy}",
    )


def refuse_narrow(family: object, sample: Observations, names: Sequence[str] = ()) -> None:
    """Raise Refusal if a column is so narrow, so far from 0, that logs lose its digits.

    names: of the columns, for the message.

    >>> from models import Sample
    >>> refuse_narrow(None, Sample([1e9, 1e9 + 1]), ["mass"])
    Traceback (most recent call last):
    models.refusal.Refusal: 'mass' lies between 1000000000 and 1000000001: logarithms would ...
    """
    low, high = float(sample.low[0]), float(sample.high[0])
    if 0 < high - low < NARROWEST * high:
        (name,) = columns_called(sample, names)
        raise Refusal(
            f"{name} lies between {low:.15g} and {high:.15g}: logarithms would lose its digits; "
            "fit a bell curve, which is as good for so narrow a column"
        )


def log_moments(sample: Observations) -> tuple[float, float]:
    """Return the mean and the variance of log x, or raise Refusal if it has no spread.

    >>> from models import Sample
    >>> log_moments(Sample([np.e, np.e**3]))
    (2.0, 1.0)
    """
    _refuse_no_spread(sample)
    refuse_narrow(None, sample)
    mean = float(average(sample, np.log)[0])
    variance = float(average(sample, lambda x: (np.log(x) - mean) ** 2)[0])
    return mean, variance


def relative_spread(sample: Observations) -> tuple[float, float]:
    """Return the mean of x and its squared relative spread, or raise Refusal if it has none.

    That is the squared ratio of sd and mean, or the variance of log x if that is smaller: it is
    where few values are very large.

    >>> from models import Sample
    >>> relative_spread(Sample([1.0, 3.0]))
    (2.0, 0.25)
    """
    _, variance = log_moments(sample)
    unit = float(sample.high[0])  # squares of 1e200 are no doubles
    mean = float(average(sample, lambda x: x / unit)[0])
    square = float(average(sample, lambda x: (x / unit / mean - 1) ** 2)[0])
    return mean * unit, min(square, variance)


def _refuse_no_spread(sample: Observations) -> None:
    """Refuse a column in which all values are one."""
    if sample.low[0] == sample.high[0]:
        raise Refusal("x is constant, and the weak prior needs its spread; give a prior")
