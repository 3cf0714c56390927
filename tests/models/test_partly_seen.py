"""Blank cells of a table: what a sample, its summaries and files make of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from models import Gaussian, Groups, MultivariateGaussian, Sample, Sequences, weak_prior
from models.checks import moments
from models.dependence import dependence
from models.names import takes_blanks
from models.question import asked
from models.reading.columns import Columns
from models.reading.in_groups import scan_in_groups
from models.reading.in_order import scan_in_order
from models.reading.scan import scan, scan_columns
from models.refusal import Refusal
from models.value_grid import value_grid_of

NAN = np.nan


def holed(x: np.ndarray, part: float, rng: np.random.Generator) -> np.ndarray:
    """Return the same rows with some cells blank, no row all of them."""
    blank = rng.random(x.shape) < part
    blank[blank.all(axis=1), 0] = False
    return np.where(blank, NAN, x)


@pytest.mark.parametrize(
    "x",
    [
        [[1, None], [2, 3], [1, None]],
        np.array([[1, NAN], [2, 3], [1, NAN]]),
        np.ma.array([[1, 9], [2, 3], [1, 8]], mask=[[0, 1], [0, 0], [0, 1]]),
        pd.DataFrame({"a": pd.array([1, 2, 1], "Int64"), "b": pd.array([None, 3, None], "Int64")}),
        pa.table({"a": [1.0, 2.0, 1.0], "b": [None, 3.0, None]}),
    ],
    ids=["None", "NaN", "masked", "pandas NA", "Arrow null"],
)
def test_blanks_of_every_kind_are_cells_that_were_not_seen(x):
    sample = Sample(x)
    np.testing.assert_array_equal(sample.x, [[1, NAN], [2, 3]])
    assert sample.counts.tolist() == [2, 1]
    assert sample.extent == "with blanks in 2 of 3 rows (2 cells not seen)"


@pytest.mark.parametrize("n", [200, 20_000])  # few rows are sorted, many are put on a grid
def test_distinct_rows_with_blanks_are_counted(n, rng):
    generator = rng(1)
    x = holed(generator.integers(0, 4, (n, 3)).astype(float), 0.3, generator)
    sample = Sample(x)
    np.testing.assert_array_equal(sample.x[sample.inverse], x)
    again, counts = np.unique(np.nan_to_num(x, nan=9), axis=0, return_counts=True)
    np.testing.assert_array_equal(np.nan_to_num(sample.x, nan=9), again)
    assert sample.counts.tolist() == counts.tolist()


def test_a_single_blank_that_the_grid_did_not_expect_is_counted(rng):
    x = rng(2).integers(0, 4, (50_000, 2)).astype(float)
    assert value_grid_of(x, 12_500) is not None
    x[40_001, 1] = NAN
    sample = Sample(x)
    np.testing.assert_array_equal(sample.x[sample.inverse], x)
    assert np.isnan(sample.x).sum() == 1


def test_rows_that_are_all_blank_are_dropped_and_counted():
    x = [[1, NAN], [NAN, NAN], [2, 3], [NAN, NAN]]
    sample = Sample(x, counts=[1, 5, 1, 2])
    assert (sample.observations, sample.empty) == (2, 7)
    assert sample.extent.endswith("7 rows dropped in which all is blank")
    again = Sample.from_arrays({name: one for name, (_, one) in sample.arrays().items()})
    np.testing.assert_array_equal(again.x, sample.x)
    assert again.extent == sample.extent
    towns = Groups(x, ["a", "a", "b", "b"])
    assert towns.totals.tolist() == [1, 1]
    assert towns.extent.endswith("2 rows dropped in which all is blank")
    days = Sequences(x)  # in time they keep their place
    assert days.seen.tolist() == [True, False, True, False]
    with pytest.raises(Refusal, match="every cell is blank"):
        Sample([[NAN, NAN]])


def test_other_values_are_blank_where_the_data_are(rng):
    x = holed(rng(3).normal(size=(30, 2)), 0.3, rng(4))
    new = rng(5).normal(size=(30, 2))
    for data in (Sample(x), Groups(x, np.arange(30) % 3), Sequences(x, initial="stationary")):
        again = data.like(new)
        blank = np.isnan(again.sample.x[again.sample.inverse])
        assert blank.sum() == np.isnan(x).sum()


def test_families_without_blanks_name_the_cell_and_what_takes_it():
    assert takes_blanks(MultivariateGaussian)
    assert not takes_blanks(Gaussian)
    holes = Sample([[1.0, 2.0], [3.0, NAN], [4.0, 1.0]])
    with pytest.raises(Refusal, match=r"row 1 .*, column 1 is blank; .* MultivariateGaussian"):
        asked(Gaussian, holes, 1)
    with pytest.raises(Refusal, match=r"row 1 .* is nan, which is not finite; remove or impute"):
        Sample([1.0, NAN])
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [NAN, NAN]})
    with pytest.raises(Refusal, match="column 'b' is blank in every row; leave it out"):
        asked(MultivariateGaussian, Sample(frame), 1)


def test_a_question_of_partly_seen_rows_keeps_title_form_and_layout():
    holes = Sample([[1.0, 2.0], [3.0, NAN], [4.0, 1.0]])
    for form in ("full", "tied", "diagonal", "spherical", "tied-spherical"):
        family = MultivariateGaussian.with_covariance(form)
        own = asked(family, holes, 1).family
        assert own is not family
        assert issubclass(own, family)
        assert own.__name__ == family.__name__
        assert own.form() is family.form()
        assert asked(own, holes, 1).family is own
        assert asked(family, Sample([[1, 2], [3, 4]]), 1).family is family


def test_moments_are_those_of_what_was_seen(rng):
    x = holed(rng(6).multivariate_normal([1, 2], [[2, 1], [1, 3]], 5_000), 0.2, rng(7))
    mean, cov = moments(Sample(x))
    np.testing.assert_allclose(mean, np.nanmean(x, axis=0))
    np.testing.assert_allclose(np.diagonal(cov), np.nanvar(x, axis=0))
    assert 0.5 < cov[0, 1] < 1.1
    # correlations of pairs seen together can be those of no distribution; these are not
    pairs = {(0, 1): 1.0, (0, 2): 1.0, (1, 2): -1.0}
    rows = []
    for (one, other), sign in pairs.items():
        for value in rng(8).normal(size=40):
            row = np.full(3, NAN)
            row[one], row[other] = value, sign * value
            rows.append(row)
    found = moments(Sample(rows))[1]
    assert np.linalg.eigvalsh(found)[0] > 0
    assert np.linalg.eigvalsh(pd.DataFrame(rows).corr())[0] < -0.9


def test_a_weak_prior_looks_at_what_was_seen(rng):
    x = rng(9).normal([0, 50, 100], [1, 2, 3], (400, 3))
    some = holed(x, 0.1, rng(10))
    for k in (1, 2):
        whole, part = (weak_prior(MultivariateGaussian, Sample(one), k) for one in (x, some))
        np.testing.assert_allclose(part.theta.mean, whole.theta.mean, atol=0.5)
        np.testing.assert_allclose(
            np.diagonal(part.theta.scatter), np.diagonal(whole.theta.scatter), rtol=0.5
        )


def test_columns_that_depend_on_each_other_are_named_where_both_are_seen(rng):
    x = rng(11).normal(size=(60, 2))
    x = holed(np.column_stack([x, x.sum(axis=1)]), 0.1, rng(12))
    assert dependence(Sample(x), ["a", "b", "total"]).startswith("column 'total' is the sum of 'a'")
    x[:, 2] += rng(13).normal(size=60)
    assert dependence(Sample(x)) == ""


TABLE = "town,a,b,n\nA,1,2,1\nA,3,,2\nB,NA,NA,1\nB,4,1,1\nB,3,,1\n"


def test_files_keep_blanks_drop_rows_or_refuse(tmp_path):
    file = tmp_path / "holes.csv"
    file.write_text(TABLE)
    asked_for = Columns(("a", "b"), counts="n")
    found = scan_columns(file, asked_for, blanks=True)
    np.testing.assert_array_equal(found.sample.x, [[1, 2], [3, NAN], [4, 1]])
    assert found.sample.counts.tolist() == [1, 3, 1]
    assert found.dropped == 1
    assert scan_columns(file, asked_for, blanks=True, drop_missing=True).dropped == 3
    with pytest.raises(Refusal, match=r"a: 1 of 5 rows, b: 3 of 5 rows without a value"):
        scan(file, columns=["a", "b"])
    towns = scan_in_groups(file, Columns(("a", "b")), "town", blanks=True)
    assert towns.data.totals.tolist() == [2, 2]
    np.testing.assert_array_equal(towns.data.sample.x, [[1, 2], [3, NAN], [4, 1]])
    days = scan_in_order(file, Columns(("a", "b")), blanks=True).data
    assert days.seen.tolist() == [True, True, False, True, True]
    with pytest.raises(Refusal, match="b: line 3 is blank, but the other columns are not"):
        scan_in_order(file, Columns(("a", "b")))


def test_files_refuse_counts_and_columns_without_a_value(tmp_path):
    file = tmp_path / "holes.csv"
    file.write_text("a,b,n\n1,,1\n2,,\n")
    with pytest.raises(Refusal, match="b: none of 2 rows has a value; leave the column out"):
        scan(file, columns=["a", "b"], blanks=True)
    file.write_text("a,b,n\n1,3,1\n2,,\n")
    with pytest.raises(Refusal, match=r"n: 1 of 2 rows without a value .* first in line 3"):
        scan(file, columns=["a", "b"], counts="n", blanks=True)


def test_rows_on_disk_take_no_blanks(tmp_path, rng, monkeypatch):
    monkeypatch.setattr("models.reading.scan.MAX_IN_MEMORY", 100)
    frame = pd.DataFrame(holed(rng(14).normal(size=(400, 2)), 0.2, rng(15)), columns=["a", "b"])
    frame.to_csv(tmp_path / "long.csv", index=False)
    with pytest.raises(Refusal, match=r"line \d+ is blank; the rows are too many for memory"):
        scan(tmp_path / "long.csv", columns=["a", "b"], blanks=True)
