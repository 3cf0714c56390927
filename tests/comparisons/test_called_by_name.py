"""Columns and groups are called by their names wherever people read."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from comparisons import load, second_opinion
from comparisons.prediction.table import memberships_of_own
from comparisons.verdict.judge_em import spiked
from em import fit
from models import Categorical, Gaussian, Independent, MultivariateGaussian, Poisson, Sample


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
    assert "cov[height, weight]" in shown
    assert "cov[1, 2]" not in shown
    plain = str(fit(MultivariateGaussian, Sample(people[["height", "weight"]].to_numpy()), 2))
    assert "cov[1, 2]" in plain
    assert "height" not in plain


def test_columns_of_several_kinds_have_their_names_and_not_their_numbers(people):
    both = fit(Independent(Gaussian, Categorical), people[["height", "plan"]], 2)
    assert "mean[height]" in str(both)
    assert "prob[plan, gold]" in str(both)
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
    numbers = {row.title: row.numbers for row in made.parameters}
    for column, short, tall in (("height", 160, 182), ("weight", 50, 75)):  # and not swapped
        for who, truth in (("short", short), ("tall", tall)):
            for answer in ("mle", "mean"):
                assert numbers[f"mean[{who}, {column}]"][answer] == pytest.approx(truth, abs=4)
    assert "mean[tall, height]" in titles(made)
    assert "cov[short, height, weight]" in titles(made)
    assert made.called(1) == "tall"
    assert "mean[tall, height]" in str(made)
    made.save(tmp_path / "made.nc")
    again = load(tmp_path / "made.nc")
    assert titles(again) == titles(made)
    assert again.columns == ("height", "weight")
    assert [row.label for row in again.parameters][2] == "mean[0,0]"  # programs go on by numbers
    again.report(tmp_path / "made.html")
    page = (tmp_path / "made.html").read_text()
    assert re.search(r"group_names=\[.{1,8}short.{1,12}tall.{1,8}\]", page)  # to make it again
    lines = [*memberships_of_own(again).lines]
    names = memberships_of_own(again).names
    assert names[:4] == ("row", "group_by_em", "em_short", "em_tall")
    assert [line[1] for line in lines[:3]] + [lines[-1][1]] == ["short"] * 3 + ["tall"]


def test_notes_and_findings_call_components_by_their_names(rng):
    draw = rng(0)
    x = np.where(draw.random(400) < 0.4, 0, draw.negative_binomial(6, 0.4, 400))
    named = fit(Poisson, Sample(x), 2, starts=5, group_names=["none", "some"])
    assert any(note.startswith("none is 0 with probability") for note in named.notes)
    [found] = [one for one in spiked(named, named) if one.code == "boundary"]
    assert "Zeros in excess: none is 0 with probability" in found.message
    # negative control: without names it is a number
    plain = fit(Poisson, Sample(x), 2, starts=5)
    assert any(note.startswith("group 1 is 0 with probability") for note in plain.notes)
