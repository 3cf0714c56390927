"""What families say beside their numbers, and where it is read."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from em import fit
from models import Gamma, Gaussian, Independent, Poisson, Sample, StudentT, ZeroInflated
from models.family import remarks, shares_parameters

ROWS = np.round(stats.t(5).rvs(80, random_state=21) * 3, 2)


def test_the_scale_of_heavy_tails_is_said_not_to_be_the_standard_deviation():
    said = "sd is the scale: the standard deviation is sd * sqrt(df / (df - 2))."
    assert remarks(StudentT) == [said]
    found = fit(StudentT, Sample(ROWS), 1, starts=1)
    assert said in str(found).splitlines()
    assert remarks(Independent(Poisson, StudentT)) == [
        "sd_2 is the scale: the standard deviation is sd_2 * sqrt(df_2 / (df_2 - 2))."
    ]
    # negative controls: a Gaussian's is the standard deviation
    assert remarks(Gaussian) == []
    assert "scale" not in str(fit(Gaussian, Sample(ROWS), 1))


@pytest.mark.parametrize("df", [2.5, 4, 30])
def test_the_factor_of_given_degrees_of_freedom_is_right(df):
    (said,) = remarks(StudentT.with_df(df))
    factor = float(said.removesuffix(" * sd.").rpartition(" ")[2])
    assert factor == pytest.approx(stats.t(df).std(), rel=5e-4)


def test_tails_too_heavy_for_a_standard_deviation_are_said_to_have_none():
    assert remarks(StudentT.with_df(2)) == [
        "sd is the scale: 2 degrees of freedom have no standard deviation."
    ]


def test_zeros_are_no_positive_measurements():
    assert ZeroInflated(Gamma).plain()[1] == "measurements from 0 up"
    assert ZeroInflated(Poisson).plain()[1] == Poisson.plain()[1]
    assert shares_parameters(ZeroInflated(Gamma))
    assert not shares_parameters(Gamma)  # negative control
