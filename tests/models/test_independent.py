"""Families of several columns: how they are made, what they refuse, what they identify."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from models import (
    Binomial,
    Categorical,
    Gamma,
    Gaussian,
    Independent,
    MultivariateGaussian,
    Poisson,
    Sample,
    ZeroInflated,
)
from models.estimable import refuse_inestimable
from models.names import family_called, name_of, record_of, spelt, why_unidentified
from models.question import asked
from models.refusal import Refusal

MIXED = Independent(Gaussian, Poisson, Categorical)


def test_the_same_parts_make_the_same_class_which_files_and_processes_find_again():
    assert Independent(Gaussian, Poisson, Categorical) is MIXED
    assert MIXED.__name__ == "Independent(Gaussian, Poisson, Categorical)"
    assert family_called(MIXED.__name__) is MIXED
    assert name_of(MIXED) == "independent"
    assert spelt(MIXED)[0] == MIXED.__name__
    theta = MIXED(*(np.ones(2) for _ in range(3)), np.full((2, 3), 1 / 3))
    again = pickle.loads(pickle.dumps(theta))
    assert type(again) is MIXED
    assert type(copy.deepcopy(theta)) is MIXED
    prior = MIXED.weak_prior(Sample([[1.0, 2, "a"], [2.0, 0, "b"]]), 2)
    assert type(pickle.loads(pickle.dumps(prior))) is record_of(MIXED)
    assert Independent(Gaussian, Gaussian) is not MIXED  # negative control


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((), "Independent has no columns; give two families or more"),
        ((Poisson,), "Independent has one column; give two families or more, or Poisson itself"),
        ((Poisson, MultivariateGaussian), "part 2 of Independent is MultivariateGaussian, which"),
        ((Poisson, MIXED), r"part 2 of Independent is Independent\(.*, which takes several"),
        ((ZeroInflated(Poisson), Poisson), "part 1 .* whose components share a parameter"),
        ((Poisson, "gaussian"), "part 2 of Independent is 'gaussian'; give a family"),
    ],
)
def test_parts_that_are_no_families_of_one_column_are_refused(parts, message):
    with pytest.raises(Refusal, match=message):
        Independent(*parts)


def test_text_is_coded_column_by_column():
    sample = Sample([[1.5, 2, "b"], [2.5, 0, "a"], [2.5, 0, "a"]])
    assert sample.levels == ((), (), ("a", "b"))
    assert sample.names == {"category_3": ("a", "b")}
    np.testing.assert_array_equal(sample.x[sample.inverse][:, 2], [1, 0, 0])
    again = Sample.from_arrays({name: one for name, (_, one) in sample.arrays().items()})
    assert again.levels == sample.levels
    assert sample.pick(np.array([0])).levels == sample.levels
    assert sample.like(sample.x[sample.inverse]).levels == sample.levels
    named = Sample(np.array([(1.0, "x"), (2.0, "y")], [("age", "f8"), ("plan", "U1")]))
    assert named.columns == ("age", "plan")
    assert named.levels == ((), ("x", "y"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["tall", 2, "a"], ["low", 0, "b"]], "row 0 .*, column 0 is 'tall', which is not a num"),
        ([[1.0, 2, "a"], [1.5, -2, "b"]], "row 1 .*, column 1 is -2, which is below 0"),
        ([[1.0, 2, "a"], ["x", 2, "b"]], "row 1 .*, column 0 is 'x', which is not a number"),
        ([[1.0, 2], [2.0, 3]], "x has 2 columns, Independent.* needs 3; give a column for each"),
    ],
)
def test_what_is_wrong_with_a_column_is_said_with_its_place(rows, message):
    with pytest.raises(Refusal, match=message) as caught:
        MIXED.observe(Sample(rows))
    assert "\n" not in str(caught.value)


def test_a_column_of_one_category_is_refused_where_it_would_be_estimated():
    with pytest.raises(Refusal, match=r"x\[:, 2\] has one category only; .* leave it out"):
        asked(MIXED, Sample([[1.0, 2, "a"], [1.5, 2, "a"]]), 1)
    MIXED.observe(Sample([[1.0, 2, 0], [1.5, 2, 0]]))  # new rows of a fit may be of one


def test_remedies_in_python_are_python_and_zeros_are_allowed_for_where_they_can_be():
    with pytest.raises(
        Refusal, match=r"allow for zeros beside the others \(ZeroInflated\(Gamma\)\)$"
    ):
        Gamma.observe(Sample([0.0, 1.0, 2.0]))
    with pytest.raises(Refusal, match="zeros in excess cannot be combined with columns") as said:
        Independent(Gaussian, Gamma).observe(Sample([[1.0, 0.0], [2.0, 1.0]]))
    assert "ZeroInflated" not in str(said.value)
    Independent(Gaussian, Gamma).observe(Sample([[1.0, 3.0], [2.0, 1.0]]))  # negative control


def test_a_column_of_a_data_frame_is_named():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": [1.0, 2.0], "visits": [1, -1], "plan": ["a", "b"]})
    with pytest.raises(Refusal, match=r"column 'visits': row 1 \(counted from 0\) is -1, which"):
        MIXED.observe(Sample(frame))


def test_yes_and_no_are_0_and_1():
    with pytest.raises(Refusal, match=r"row 1 .*, column 0 is 2, which is neither"):
        Independent(Binomial, Poisson).observe(Sample([[0, 1], [2, 3]]))
    Independent(Binomial, Poisson).observe(Sample([[0, 1], [1, 3]]))


def test_labels_that_number_the_rows_are_refused_before_any_work():
    family = Independent(Categorical, Gaussian)
    rows = [[f"r{at}", float(at)] for at in range(40)]
    question = asked(family, Sample(rows), 2)
    with pytest.raises(Refusal, match=r"x\[:, 0\] has 40 different labels in 40 rows"):
        refuse_inestimable(question)
    with pytest.raises(Refusal, match=r"^id has 40 different labels .* leave it out; --force goes"):
        refuse_inestimable(question, ["id", "age"], typed=True)
    refuse_inestimable(question, force=True)
    refuse_inestimable(asked(family, Sample(rows), 1))
    # negative controls: labels that occur twice, and a few rows
    twice = [[f"r{at // 2}", float(at)] for at in range(40)]
    refuse_inestimable(asked(family, Sample(twice), 2))
    refuse_inestimable(asked(family, Sample(rows[:8]), 2))


def cells(columns: int, categories: int) -> Sample:
    """Return rows in which every category of each column occurs."""
    rows = np.arange(categories, dtype=float)
    return Sample(np.column_stack([rows] * columns))


@pytest.mark.parametrize(
    ("part", "columns", "categories", "most"),
    [
        (Binomial, 2, 2, 1),  # three columns are needed (Allman, Matias & Rhodes 2009)
        (Categorical, 2, 9, 1),
        (Binomial, 3, 2, 2),  # 3 k + k - 1 parameters, 7 shares of cells: Goodman (1974)
        (Binomial, 4, 2, 3),
        (Categorical, 3, 3, 3),
    ],
)
def test_columns_of_labels_identify_few_classes(part, columns, categories, most):
    family, sample = Independent(*[part] * columns), cells(columns, categories)
    said = [why_unidentified(family, sample, k) for k in range(1, most + 2)]
    assert not any(said[:-1])
    assert "columns of labels do not identify" in said[-1]
    # a column of numbers identifies by itself
    with_numbers = Independent(*[part] * columns, Poisson)
    wider = Sample(np.column_stack([sample.x, np.arange(len(sample.x))]))
    assert not why_unidentified(with_numbers, wider, most + 1)


def test_columns_before_say_which_component_it_may_be():
    """What is known of a column before it is seen, against sums over the components by hand."""
    theta = MIXED(
        np.array([1.0, 5.0]),
        np.array([1.0, 2.0]),
        np.array([2.0, 9.0]),
        np.array([[0.2, 0.3, 0.5], [0.5, 0.2, 0.3]]),
    )
    x = np.array([[1.5, 3.0, 2.0], [4.0, 8.0, 0.0]])
    below, before = theta.cumulative(x, np.stack([x - [0, 1, 1], x]), None)
    assert below.shape == (3, 2, 2, 2)
    assert not before[0].any()
    from scipy import stats

    first = stats.norm.logpdf(x[:, 0], theta.mean_1[:, None], theta.sd_1[:, None])
    second = first + stats.poisson.logpmf(x[:, 1], theta.rate_2[:, None])
    np.testing.assert_allclose(before[1], first, rtol=1e-12)
    np.testing.assert_allclose(before[2], second, rtol=1e-12)
