"""Samples keep everything, exactly, and refuse what is not an observation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from models import Sample


def test_heights_to_the_millimetre_are_few_rows(rng):
    heights = np.round(rng(1).normal(170, 9, 10_000), 1)
    sample = Sample(heights)
    assert sample.distinct < 700
    assert sample.observations == 10_000
    np.testing.assert_array_equal(sample.x[sample.inverse], heights)


def test_a_million_sets_of_ten_flips_are_eleven_rows(rng):
    sample = Sample(rng(2).binomial(10, 0.5, 1_000_000), 10)
    assert sample.distinct == 11
    assert sample.counts.sum() == 1_000_000


def test_trials_may_differ_and_keep_rows_apart():
    sample = Sample([1, 1, 2, 1], [3, 4, 4, 3])
    assert sample.x.tolist() == [1, 1, 2]
    assert sample.trials.tolist() == [3, 4, 4]
    assert sample.counts.tolist() == [2, 1, 1]


def test_rows_of_a_table_are_distinct_as_rows():
    sample = Sample([[1, 2], [0, 5], [1, 2], [1, 3]])
    assert sample.x.tolist() == [[0, 5], [1, 2], [1, 3]]
    assert sample.counts.tolist() == [1, 2, 1]
    assert sample.inverse.tolist() == [1, 0, 1, 2]


def test_given_counts_add_up_and_rows_that_never_occurred_keep_their_place():
    sample = Sample([5, 3, 5, 9], counts=[2, 1, 4, 0])
    assert sample.x.tolist() == [3, 5, 9]
    assert sample.counts.tolist() == [1, 6, 0]
    assert sample.inverse.tolist() == [1, 0, 1, 2]


COLUMN = [3.5, 1.0, 3.5, 2.0]


@pytest.mark.parametrize(
    "column",
    [
        COLUMN,
        tuple(COLUMN),
        np.array(COLUMN),
        np.array(COLUMN, np.float32),
        pd.Series(COLUMN),
        pd.Series(COLUMN, dtype="Float64"),
        pl.Series(COLUMN),
        pa.array(COLUMN),
        pa.chunked_array([COLUMN[:2], COLUMN[2:]]),
        [np.float64(value) for value in COLUMN],
    ],
    ids=lambda column: type(column).__module__ + "." + type(column).__name__,
)
def test_columns_of_all_makes(column):
    assert Sample(column).x.tolist() == [1.0, 2.0, 3.5]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}),
        pl.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}),
        pa.table({"a": [1.0, 2.0], "b": [3.0, 4.0]}),
    ],
    ids=["pandas", "polars", "arrow"],
)
def test_tables_of_all_makes(table):
    assert Sample(table).x.tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_what_was_given_is_not_touched_and_what_is_kept_cannot_be():
    given = np.array([2.0, 1.0])
    sample = Sample(given)
    given[0] = 9.0
    assert sample.x.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        sample.x[0] = 5.0


BAD = {
    "nan": ({"x": [1.0, np.nan, np.inf]}, "x: row 1 .*nan.*remove or impute"),
    "infinity": ({"x": [[1, 2], [3, np.inf]]}, "x: row 1 .*inf.*remove or impute"),
    "none": ({"x": [1.0, None]}, "x: row 1 .*None.*remove"),
    "missing in pandas": ({"x": pd.Series([1, None, 2], dtype="Int64")}, "x: row 1 .*remove"),
    "missing in polars": ({"x": pl.Series([1.0, None])}, "x: row 1 .*remove"),
    "missing in arrow": ({"x": pa.array([1, None, 2])}, "x: row 1 .*remove"),
    "masked": ({"x": np.ma.array([1.0, 2.0], mask=[0, 1])}, "x: row 1 .*masked.*remove"),
    "empty": ({"x": []}, "x is empty; give at least one"),
    "empty table": ({"x": np.empty((0, 3))}, "x is empty"),
    "text with trials": ({"x": ["1.70", "tall"], "trials": 3}, "x: row 0 .*'1.70'.*convert"),
    "text among numbers": ({"x": np.array([1.7, "tall"], object)}, "x: row 1 .*'tall'.*convert"),
    "dates": ({"x": np.array(["2020-01-01"], "M8[D]")}, "x: row 0 .*convert"),
    "complex": ({"x": [1 + 2j]}, "x: row 0 .*convert"),
    "ragged": ({"x": [[1, 2], [3]]}, "x is ragged"),
    "a number": ({"x": 3.0}, "x has 0 dimensions"),
    "a cube": ({"x": np.zeros((2, 2, 2))}, "x has 3 dimensions"),
    "beyond doubles": ({"x": [1, 2**53 + 1]}, "x: row 1 .*exactly; subtract"),
    "heads over trials": ({"x": [3, 11], "trials": 10}, "x: row 1 .*11.*more heads than trials"),
    "negative heads": ({"x": [3, -1], "trials": 10}, "x: row 1 .*-1.*below 0"),
    "fractional heads": ({"x": [0.5, 2], "trials": 10}, "x: row 0 .*0.5.*whole"),
    "no trials": ({"x": [0, 2], "trials": [4, 0]}, "trials: row 1 .*0.*below 1"),
    "fractional trials": ({"x": [0, 2], "trials": [4, 2.5]}, "trials: row 1 .*2.5.*whole"),
    "trials too short": ({"x": [0, 2, 3], "trials": [4, 4]}, r"trials has shape \(2,\), x has 3"),
    "trials nan": ({"x": [0, 2], "trials": [4, np.nan]}, "trials: row 1 .*nan"),
    "trials of a table": (
        {"x": [[1, 2]], "trials": 5},
        "x is a table; with trials give one column",
    ),
    "negative counts": ({"x": [1, 2], "counts": [1, -1]}, "counts: row 1 .*-1.*below 0"),
    "fractional counts": ({"x": [1, 2], "counts": [1.5, 1]}, "counts: row 0 .*1.5.*whole"),
    "counts too long": ({"x": [1, 2], "counts": [1, 1, 1]}, r"counts has shape \(3,\), x has 2"),
    "counts beyond doubles": ({"x": [1, 2], "counts": [1e300, 1]}, "counts: row 0 .*exactly"),
    "counts too many": ({"x": [1, 2], "counts": [2**52, 2**52]}, "counts sum to .*exactly"),
    "big integers": ({"x": [1, 2**70 + 1]}, "x: row 1 .*exactly; subtract"),
    "text among many": ({"x": [1.7, 2.0, "tall"]}, "x: row 2 .*'tall'.*convert"),
    "a generator": ({"x": (value for value in [1, 2])}, "x is a generator; give a list"),
    "counts zero": ({"x": [1, 2], "counts": [0, 0]}, "counts are all zero"),
}


@pytest.mark.parametrize(("given", "message"), BAD.values(), ids=BAD)
def test_bad_input_names_field_row_and_remedy(given, message):
    with pytest.raises(ValueError, match=message):
        Sample(**given)


def test_rows_that_stand_for_others_stand_for_whole_observations():
    found = Sample.weighed([3.0, 1.0], [1.25, 2.75])
    assert found.x.tolist() == [1, 3]
    assert found.counts.tolist() == [2.75, 1.25]
    assert found.observations == 4
    assert not found.each_once
    for weights in ([0.26, 0.26], [0.2, 0.2], [0, 1], [1, np.inf], [1, 2, 3]):
        with pytest.raises(ValueError, match="weights"):
            Sample.weighed([3.0, 1.0], weights)
    part = found.pick(np.array([1]))
    assert part.counts.tolist() == [1.25]
