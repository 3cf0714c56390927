"""Families by name and data frames of all makes are the family and the data that are meant."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import em
from models import Categorical, Gaussian, MultivariateGaussian, Poisson, Sample, Sequences
from models.frames import understood
from models.refusal import Refusal

COLUMNS = {
    "sex": ["f", "m", "f", "m", "f", "m"],
    "height": [162.5, 181.0, 158.2, 177.4, 166.0, 175.5],
    "weight": [55.0, 82.5, 51.0, 78.0, 63.5, 70.0],
    "visits": [0, 3, 1, 0, 2, 9],
}
FRAMES = {
    "pandas": pd.DataFrame(COLUMNS),
    "polars": pl.DataFrame(COLUMNS),
    "arrow": pa.table(COLUMNS),
    "batch": pa.record_batch(COLUMNS),
}


@pytest.fixture(params=FRAMES)
def frame(request):
    return FRAMES[request.param]


def test_one_column_of_a_frame(frame):
    family, sample = understood("normal", frame, "height")
    assert family is Gaussian
    assert sample.expand(sample.x).tolist() == COLUMNS["height"]
    assert sample.columns == ("height",)
    assert understood(Poisson, frame, ["visits"])[1].columns == ("visits",)


def test_several_columns_come_in_the_order_wanted(frame):
    family, sample = understood("normal", frame, ["weight", "height"])
    assert family is MultivariateGaussian
    assert sample.columns == ("weight", "height")
    assert sample.expand(sample.x)[0].tolist() == [55.0, 162.5]
    mixed, sample = understood("independent(normal, labels)", frame, ["height", "sex"])
    assert mixed.__name__ == "Independent(Gaussian, Categorical)"
    assert sample.levels == ((), ("f", "m"))


def test_all_columns_are_taken_where_none_is_named():
    few = pd.DataFrame(COLUMNS)[["height", "weight"]]
    assert understood("multivariate", few)[1].columns == ("height", "weight")
    single = few[["height"]]
    assert not understood("gaussian", single)[1].table
    assert understood(MultivariateGaussian, single)[1].table


@pytest.mark.parametrize(
    "column", [pd.Series([1, 4], name="n"), pl.Series("n", [1, 4]), pa.chunked_array([[1], [4]])]
)
def test_one_column_alone_is_a_sample(column):
    family, sample = understood("poisson", column)
    assert family is Poisson
    assert sample.x.tolist() == [1.0, 4.0]
    assert sample.columns in {("n",), ()}


def test_data_stay_what_they_are():
    for data in (Sample([1, 2]), Sequences([1, 2])):
        assert understood(Poisson, data) == (Poisson, data)
    table = Sample([[1.0, 2.0], [3.0, 5.0]])
    assert understood("gmm", table) == (MultivariateGaussian, table)


BAD = {
    "no such column": (("poisson", "visit"), "the data frame has no column 'visit'; did you mean"),
    "which": (
        ("gaussian", None),
        "which column[?] Gaussian takes one; give columns=, one of sex, ",
    ),
    "two for one": (("poisson", ["visits", "height"]), "Poisson takes one column, columns= names"),
    "twice": (("mvn", ["height", "height"]), "columns name 'height' twice"),
    "none": (("mvn", []), "columns is empty"),
    "text": (("gaussian", "sex"), "is .f., which is not a number"),
    "family": (("gausian", "height"), "did you mean gaussian"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_meant_is_refused_in_one_line(case, frame):
    (family, columns), said = BAD[case]
    with pytest.raises(Refusal, match=said) as refused:
        em.fit(family, frame, 2, columns=columns)
    assert "\n" not in str(refused.value)


def test_columns_need_a_frame():
    for data in (Sample([1, 2]), [1, 2], np.array([1, 2]), pd.Series([1, 2])):
        with pytest.raises(Refusal, match="columns are given, but sample is a"):
            understood("poisson", data, ["n"])


def test_two_columns_of_one_name_are_refused_and_methods_are_no_columns():
    twice = pd.DataFrame([[1, 2], [3, 4]], columns=["n", "n"])
    with pytest.raises(Refusal, match="2 columns called 'n'"):
        understood("poisson", twice, "n")
    # names that are attributes of other makes of frames
    odd = pd.DataFrame({"select": [1, 2], "column_names": [3, 4]})
    assert understood("poisson", odd, "select")[1].x.tolist() == [1.0, 2.0]
    assert understood("mvn", odd)[1].x.tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_lists_and_arrays_are_rows_in_no_order():
    same = em.fit("poisson", Sample([1, 2, 2]), 1).log_likelihood
    for data in ([1, 2, 2], (1, 2, 2), np.array([1, 2, 2])):
        assert em.fit("poisson", data, 1).log_likelihood == same
    assert em.fit("poisson", [1, 2, 3], 1).log_likelihood != same  # negative control
    assert em.fit("poisson", np.array([[1], [2], [2]]), 1).log_likelihood == same
    several = np.array([[1.0, 5.0], [2.0, 4.0], [4.0, 4.0]])
    assert em.fit("mvn", several, 1).family.__name__ == "MultivariateGaussian"


def test_other_objects_and_tables_of_counts_are_refused_with_what_to_give():
    for data in ("heights.csv", {"x": [1, 2]}, None):
        with pytest.raises(Refusal, match=r"give Sample\(x\)"):
            em.fit("poisson", data, 1)
    with pytest.raises(Refusal, match=r"Groups\.from_table"):
        em.fit(Categorical, pd.DataFrame({"well": [3, 1], "ill": [0, 2]}), 2)


def test_a_fit_of_a_frame_is_that_of_its_sample(frame):
    mine = em.fit("poisson", frame, 2, columns="visits")
    same = em.fit(Poisson, Sample(COLUMNS["visits"]), 2)
    assert mine.log_likelihood == same.log_likelihood
    # negative control: another column
    other = em.fit("gaussian", frame, 1, columns="height")
    assert other.log_likelihood != same.log_likelihood


def test_a_frame_that_is_not_read_yet_is_refused_with_how_to_read_it():
    with pytest.raises(Refusal, match=r"sample is a LazyFrame; give its rows, sample\.collect\(\)"):
        understood("poisson", pl.LazyFrame(COLUMNS), "visits")
