"""A data frame and the name of a family give the opinion that a sample and a family do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bayes
from comparisons import choose, second_opinion
from models import Poisson, Sample
from models.refusal import Refusal

BRIEF = {"draws": 300, "tune": 300, "chains": 2, "seed": 1, "progress": False}


@pytest.fixture
def visits(rng):
    counts = rng(1).poisson([1.0] * 60 + [8.0] * 40)
    return pd.DataFrame({"visits": counts, "age": rng(2).normal(40, 9, 100)})


def test_an_opinion_of_a_column_is_that_of_its_sample(visits):
    mine = second_opinion("count", visits, k=2, columns=["visits"], **BRIEF)
    same = second_opinion(Poisson, Sample(visits["visits"].to_numpy()), 2, **BRIEF)
    assert mine.columns == ("visits",)
    assert same.columns == ()  # negative control: an array has no name
    assert mine.to_frame()["mean"].tolist() == same.to_frame()["mean"].tolist()
    assert mine.verdict == same.verdict
    drawn = bayes.sample("poisson", visits, 2, columns="visits", **BRIEF)
    mean = drawn["posterior"]["rate"].mean(("chain", "draw"))
    assert np.array_equal(mean, mine.tree["posterior"]["rate"].mean(("chain", "draw")))


def test_a_choice_takes_names_of_families_and_a_frame(visits):
    given = ["poisson", "negbin"]
    found = choose(given, visits, [1], columns="visits", replicates=0, **BRIEF)
    assert [row.family.__name__ for row in found.rows] == ["Poisson", "NegativeBinomial"]
    assert {row.comparison.columns for row in found.rows} == {("visits",)}
    with pytest.raises(Refusal, match="did you mean poisson"):
        choose("poison", visits, [1], columns="visits")
