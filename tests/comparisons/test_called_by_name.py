"""Columns and groups are called by their names wherever people read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from comparisons import load, second_opinion
from em import fit
from models import Categorical, Gaussian, Independent, MultivariateGaussian, Sample


@pytest.fixture(scope="module")
def people():
    rng = np.random.default_rng(7)
    tall = np.repeat([0, 1], 60)
    return pd.DataFrame(
        {
            "height": rng.normal([160, 182], 5, (60, 2)).T.ravel(),
            "weight": rng.normal(50 + 25 * tall, 6),
            "plan": np.where(rng.random(120) < 0.2 + 0.6 * tall, "gold", "basic"),
        }
    )


def titles(facts):
    return [row.title for row in facts.parameters]


def test_a_fit_of_a_frame_prints_the_names_of_its_columns(people):
    shown = str(fit(MultivariateGaussian, people[["height", "weight"]], 2))
    assert "cov[height,weight]" in shown
    assert "cov[0,1]" in shown.replace("[height,weight]", "[0,1]")
    plain = str(fit(MultivariateGaussian, Sample(people[["height", "weight"]].to_numpy()), 2))
    assert "cov[0,1]" in plain
    assert "height" not in plain


def test_columns_of_several_kinds_have_their_names_and_not_their_numbers(people):
    both = fit(Independent(Gaussian, Categorical), people[["height", "plan"]], 2)
    assert "mean[height]" in str(both)
    assert "prob[plan,gold]" in str(both)
    assert "mean_1" not in str(both)


def test_a_comparison_calls_groups_and_columns_by_their_names_and_so_does_its_file(
    people, tmp_path
):
    made = second_opinion(
        MultivariateGaussian,
        people[["height", "weight"]],
        2,
        group_names=["short", "tall"],
        draws=500,
        tune=500,
        progress=False,
    )
    assert "mean[tall,height]" in titles(made)
    assert "cov[short,height,weight]" in titles(made)
    assert made.called(1) == "tall"
    assert "mean[tall,height]" in str(made)
    made.save(tmp_path / "made.nc")
    again = load(tmp_path / "made.nc")
    assert titles(again) == titles(made)
    assert again.columns == ("height", "weight")
    assert [row.label for row in again.parameters][2] == "mean[0,0]"  # programs go on by numbers
