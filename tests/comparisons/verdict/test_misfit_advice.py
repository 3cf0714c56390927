"""What to do about a misfit: of every family and every cause, and never in a circle."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import em
from comparisons.verdict.judge_em import _beside_spike, spiked
from comparisons.verdict.judge_fit import CAUSES, fits
from comparisons.verdict.misfit import Cause, _unmeasured
from comparisons.verdict.neighbours import Neighbours
from models import (
    Binomial,
    Gamma,
    Gaussian,
    Independent,
    LogNormal,
    Mixture,
    MultivariateGaussian,
    NegativeBinomial,
    Poisson,
    Sample,
    StudentT,
    ZeroInflated,
)
from models.names import family_called
from models.question import asked

COLUMNS = [Gaussian, StudentT, StudentT.with_df(4), Gamma, LogNormal, Poisson, NegativeBinomial]
ZEROS = [ZeroInflated(one) for one in (Poisson, NegativeBinomial, Gamma, LogNormal)]
SKEWED = {"right skewness": 1.0, "left skewness": -1.0}
CASES = [
    (family, kind)
    for family in [*COLUMNS, *ZEROS, Binomial, MultivariateGaussian]
    for kind in (*SKEWED, *(one for one in CAUSES if one != "skewness"))
]


def advice(family, kind, sample=None):
    """Return the remedy of a misfit with a cause."""
    if sample is None:
        sample = {
            "table": Sample([[1.0, 2.0], [2.0, 1.0], [4.0, 4.0]]),
            "heads": Sample([1, 2, 5], 6),
        }.get(family.takes(), Sample([0.0, 1, 2, 5] if family in ZEROS else [1.0, 2, 3, 5]))
    cause = Cause(kind.split()[-1], SKEWED.get(kind, 2.0), 0.5)
    found = _unmeasured(sample.dimension)._replace(chance=0.0, size=0.2, cause=cause)
    return fits(found, Neighbours(asked(family, sample, 1), 0.0)).remedy


def named(text):
    """Return the families that an advice names with their options."""
    return [family_called(one) for one in re.findall(r"(\S+) \(--", text)]


@pytest.mark.parametrize(("family", "kind"), CASES)
def test_no_advice_names_what_the_family_is_or_leads_in_a_circle(family, kind):
    text = advice(family, kind)
    assert text
    assert text.endswith(".")
    seen, ahead = set(), named(text)
    while ahead:
        one = ahead.pop()
        assert one is not family
        if one not in seen:
            seen.add(one)
            ahead += named(advice(one, kind, None))
    told = text.lower()
    if family.__name__.startswith("StudentT"):
        assert "heavy tails" not in told
    if kind == "right skewness" and family.__name__ in ("Gamma", "LogNormal"):
        assert "skewed family" not in told
        assert "logarithms" not in told
    if kind == "left skewness":
        assert not told.startswith("take logarithms")
        assert "LogNormal (" not in text
    if kind in ("zeros", "spread"):
        assert named(text) or text == "Fit more groups."


@pytest.mark.parametrize(
    ("family", "kind", "words"),
    [
        (Gaussian, "left skewness", "Reflect the values (maximum + 1 - x) and use a skewed fam"),
        (Gaussian, "right skewness", "LogNormal (--family lognormal) or Gamma (--family gamma)."),
        (Gaussian, "tails", "Use a family that allows for it: StudentT (--family student-t)."),
        (Gamma, "right skewness", "Use a family that allows for it: LogNormal (--family lognorm"),
        (Gamma, "left skewness", "Gaussian (--family gaussian). If the values themselves are sk"),
        (LogNormal, "left skewness", "Gaussian (--family gaussian) or Gamma (--family gamma). If"),
        (LogNormal, "right skewness", "Look for recording errors, or fit more groups."),
        (LogNormal, "tails", "Take logarithms and use a family with heavy tails, or check for"),
        (StudentT, "tails", "Look for recording errors, or fit more groups."),
        (StudentT.with_df(4), "tails", "it: StudentT (--family student-t)."),
        (Poisson, "spread", "NegativeBinomial (--family negative-binomial)."),
        (NegativeBinomial, "spread", "Fit more groups."),
        (ZeroInflated(Poisson), "zeros", "Fit more groups."),
        (ZeroInflated(LogNormal), "left skewness", "ZeroInflated(Gamma) (--family gamma --zeros)"),
        (MultivariateGaussian, "left skewness", "Reflect the column (maximum + 1 - x) and take l"),
        (Gaussian, "heaping", "Round all values to 2, or accept the misfit."),
    ],
)
def test_the_advice_is_what_a_statistician_says(family, kind, words):
    assert words in advice(family, kind)


def test_values_below_zero_are_shifted_before_a_skewed_family():
    found = advice(Gaussian, "right skewness", Sample([-1.0, 2.0, 9.0]))
    assert found == "Shift the values above 0 and use a skewed family, or fit more groups."


def test_a_column_of_several_is_advised_by_its_own_family():
    family = Independent(Poisson, StudentT.with_df(4), Poisson)
    frame = pd.DataFrame(np.arange(12.0).reshape(4, 3), columns=["visits", "age", "claims"])
    found = _unmeasured(3)._replace(chance=0.0, size=0.2, stretch=(0.0, 0.5))
    near = Neighbours(asked(family, Sample(frame), 1), 0.0)
    for column, kind, words in (
        (0, "spread", "in column 'visits': NegativeBinomial (--column visits:negative-binomial)."),
        (1, "tails", "in column 'age': StudentT (--column age:student-t)."),
        (2, "zeros", "Fit more groups."),  # zeros in excess are of one family
    ):
        one = found._replace(column=column, cause=Cause(kind, 2.0, 1.0))
        assert fits(one, near).remedy.endswith(words)


def test_a_spike_on_an_outlier_is_advised_heavy_tails_in_place_of_a_group(rng):
    x = np.append(rng(1).normal(170, 7, 199), 1700.0)
    found = em.fit(Gaussian, Sample(x), 2)
    (spike, *_) = spiked(found, found)
    assert spike.severity == "doubt"
    said = "fit 1 group of a family with heavier tails: StudentT (--family student-t)."
    assert spike.remedy.endswith(said)
    # negative controls: a spike among the others, on more rows, or under tails that are heavy
    theta = Gaussian(np.array([170.0, 172.0]), np.array([7.0, 1e-7]))
    for weight, mean, named in ((0.005, 1700, True), (0.005, 172, False), (0.05, 1700, False)):
        shares = np.array([1 - weight, weight])
        structure = Mixture(shares, theta._replace(mean=np.array([170.0, mean])))
        remedy = _beside_spike(structure, 1, found)
        assert ("StudentT" in remedy) is named
        assert named or remedy.endswith("use the posterior: its prior rules spikes out.")
    heavy = em.fit(StudentT, Sample(x), 2, starts=2)
    mean = np.array([170.0, 1700.0])
    away = Mixture(np.array([0.995, 0.005]), StudentT(mean, theta.sd, theta.sd))
    assert "StudentT" not in _beside_spike(away, 1, heavy)
