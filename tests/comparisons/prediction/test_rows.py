"""What is given in Python are rows of the comparison's kind, or it is refused by name."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from comparisons.prediction.rows import units_of
from models import (
    Binomial,
    Categorical,
    Groups,
    Independent,
    MultivariateGaussian,
    Poisson,
    Sample,
    Sequences,
)
from models.question import asked
from models.refusal import Refusal


def of(family, data, columns=()):
    question = asked(family, data, 2)
    return SimpleNamespace(
        reading=None, question=question, data_columns=columns, dimension=question.sample.dimension
    )


TABLE = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [4.0, 4.0], [9.0, 6.0], [8.0, 7.5]])


@pytest.mark.parametrize("kind", ["pandas", "arrow"])
def test_columns_of_a_frame_are_found_by_name(kind):
    facts = of(MultivariateGaussian, Sample(TABLE), ("height", "weight"))
    frame = pd.DataFrame({"weight": TABLE[:, 1], "id": 7.0, "height": TABLE[:, 0]})
    given = frame if kind == "pandas" else pa.Table.from_pandas(frame)
    units = units_of(facts, given)
    np.testing.assert_array_equal(units.expand(units.x), TABLE)
    # negative control: in the frame's own order the columns are others
    assert not np.array_equal(frame.to_numpy()[:, :2], TABLE)
    lacking = given.drop(columns="weight") if kind == "pandas" else given.drop(["weight"])
    with pytest.raises(Refusal, match="no column 'weight'; the comparison needs one; they have id"):
        units_of(facts, lacking)


def test_frames_without_known_names_have_to_have_the_same_columns():
    facts = of(MultivariateGaussian, Sample(TABLE))
    assert units_of(facts, pd.DataFrame(TABLE)).dimension == 2
    with pytest.raises(Refusal, match="3 columns and the comparison does not know the names"):
        units_of(facts, pd.DataFrame(np.column_stack([TABLE, TABLE[:, 0]])))
    one = of(Poisson, Sample([1, 2, 9]))
    assert units_of(one, pd.DataFrame({"n": [3, 4]})).x.tolist() == [3, 4]


def test_labels_are_those_of_the_comparison():
    facts = of(Categorical, Groups(["a", "b", "c", "a"], [1, 1, 2, 2]))
    new = Groups(["c", "c"], ["x", "x"], categories=["a", "b", "c"])
    assert units_of(facts, new) is new
    with pytest.raises(Refusal, match="other categories than the comparison"):
        units_of(facts, Groups(["c", "c"], ["x", "x"]))
    with pytest.raises(Refusal, match=r"give Groups\(x, group\)"):
        units_of(facts, ["a", "b"])
    mixed = [[1, "no"], [8, "yes"], [2, "no"], [9, "no"]]
    both = of(Independent(Poisson, Categorical), Sample(mixed))
    assert units_of(both, [[3, "yes"], [4, "yes"]]).x.tolist() == [[3, 1], [4, 1]]
    # a Sample numbers the labels that occur in it: "yes" alone is 0 there
    assert units_of(both, Sample([[3, "yes"], [4, "yes"]])).x.tolist() == [[3, 1], [4, 1]]
    with pytest.raises(Refusal, match="'perhaps' is none of the categories of the fit"):
        units_of(both, Sample([[3, "yes"], [4, "perhaps"]]))
    with pytest.raises(Refusal, match="'perhaps', which is none of the categories"):
        units_of(both, [[3, "yes"], [4, "perhaps"]])


def test_other_kinds_are_refused_by_name():
    coins = of(Binomial, Sample([1, 9, 5], 10))
    with pytest.raises(Refusal, match="give a Sample of heads and trials"):
        units_of(coins, [1, 2])
    assert units_of(coins, Sample([3], 7)).trials.tolist() == [7]
    chain = of(Poisson, Sequences([1, 9, 2, 8]))
    assert units_of(chain, [1, None, 9]).seen.tolist() == [True, False, True]
    with pytest.raises(Refusal, match="data is a Sample, the comparison is of a Sequences"):
        units_of(chain, Sample([1]))
    with pytest.raises(Refusal, match="which is not a whole number"):
        units_of(of(Poisson, Sample([1, 2, 9])), [1.5])
    plain = of(MultivariateGaussian, Sample(TABLE))
    with pytest.raises(Refusal, match="data have blanks, and the comparison has none"):
        units_of(plain, [[1.0, np.nan], [2.0, 3.0]])
    holed = np.where(TABLE == 9, np.nan, TABLE)
    assert units_of(of(MultivariateGaussian, Sample(holed)), holed).seen_in_part
