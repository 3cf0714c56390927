"""Quartiles: exact, of counts and weights, of rows on disk, of what was seen."""

from __future__ import annotations

import numpy as np
import pytest

from models import Sample
from models.quartiles import quartiles, robust_spread
from models.storage.disk import StreamWriter

QUARTERS = [0.25, 0.5, 0.75]


@pytest.mark.parametrize("unit", [1.0, 1e5, -1e-300, 1e300])
def test_they_are_those_of_the_sorted_observations(unit, rng):
    draw = rng(1)
    for n in (1, 2, 3, 4, 5, 8, 10, 101):
        x, counts = unit * np.round(3 * draw.normal(size=n), 1), draw.integers(1, 4, n)
        each = np.repeat(x, counts)
        known = np.quantile(each, QUARTERS, method="averaged_inverted_cdf")
        for sample in (Sample(x, counts=counts), Sample(each)):
            np.testing.assert_allclose(quartiles(sample), known, rtol=1e-15, atol=1e-15 * abs(unit))
        np.testing.assert_array_equal(quartiles(Sample(-each)), -quartiles(Sample(each))[::-1])


def test_rows_may_have_weights_zero_counts_and_blanks(rng):
    x = rng(2).normal(size=40)
    weights = rng(3).uniform(0.1, 3, 40)
    weights *= 60 / weights.sum()
    found = quartiles(Sample.weighed(x, weights))
    known = np.quantile(x, QUARTERS, weights=weights, method="inverted_cdf")
    np.testing.assert_array_equal(found, known)
    blank = np.column_stack([x, rng(4).normal(size=40)])
    blank[::3, 0] = np.nan
    known = quartiles(Sample(blank[~np.isnan(blank[:, 0]), 0]))
    np.testing.assert_array_equal(quartiles(Sample(blank), 0), known)
    counts = np.arange(40) % 2
    np.testing.assert_array_equal(quartiles(Sample(x, counts=counts)), quartiles(Sample(x[1::2])))


def test_rows_on_disk_have_the_same(rng):
    x = rng(5).standard_t(1, 200_000).round(2)
    writer = StreamWriter(1, table=False, counted=False)
    writer.add(x[:, None], None)
    np.testing.assert_array_equal(quartiles(writer.done()), quartiles(Sample(x)))


def test_the_spread_of_a_gaussian_is_its_sd_and_outliers_do_not_move_it(rng):
    x = rng(6).normal(170, 7, 20_000)
    clean = robust_spread(quartiles(Sample(x)))
    assert clean == pytest.approx(7, rel=0.03)  # 4 / sqrt(n) is that of four standard errors
    x[:100] = 1e12
    assert robust_spread(quartiles(Sample(x))) == pytest.approx(clean, rel=0.02)
    # negative control: the sd is moved
    assert x.std() > 1e9
