"""Columns one by one: what is kept of each, what is drawn, and what the report says of them."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from scipy.stats import bernoulli, norm, poisson
from test_pictures import assert_readable, caption_of, changed, entries_of

import bayes
import comparisons
from comparisons.kept.facts import Facts
from comparisons.pages import report
from comparisons.pictures.catalogue import pictures_of
from comparisons.pictures.columns import columns
from comparisons.pictures.style import COMPONENTS, EM, POSTERIOR
from models import (
    Binomial,
    Categorical,
    Gaussian,
    Independent,
    MultivariateGaussian,
    Poisson,
    Sample,
)

NAMES = ("age", "a plan whose name is far longer than its panel is wide", "visits", "smokes")
PLANS = ("a basic plan with very many words", "comprehensive", "plus")
OPTIONS = {"draws": 200, "tune": 300, "chains": 2, "starts": 4, "progress": False}


def rows(n: int = 240) -> Sample:
    rng = np.random.default_rng(71)
    young = rng.random(n) < 0.4
    table = np.column_stack(
        [
            np.where(young, rng.normal(34, 6, n), rng.normal(58, 8, n)).round(1),
            np.where(
                young, rng.choice(3, n, p=[0.7, 0.1, 0.2]), rng.choice(3, n, p=[0.2, 0.5, 0.3])
            ),
            rng.poisson(np.where(young, 1.5, 6)),
            rng.random(n) < np.where(young, 0.5, 0.2),
        ]
    ).astype(np.float64)
    table[rng.random(table.shape) < 0.05] = np.nan
    table[0] = [40.0, 1, 2, 0]  # no row is all blank
    return Sample(table, levels=[(), PLANS, (), ()])


@cache
def mixed():
    family = Independent(Gaussian, Categorical, Poisson, Binomial)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bayes.ChainsWarning)
        found = comparisons.second_opinion(family, rows(), 2, **OPTIONS)
    found.name_columns(NAMES)
    return found


@cache
def wide(d: int = 14):
    x = np.random.default_rng(72).normal(size=(120, d))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bayes.ChainsWarning)
        return comparisons.second_opinion(MultivariateGaussian, Sample(x), 1, **OPTIONS)


def by_scipy(at: int, x: np.ndarray, fields: dict[str, np.ndarray]) -> np.ndarray:
    """Return share times density (K, m) of a column."""
    each = {
        0: lambda: norm.pdf(x[:, None], fields["mean_1"], fields["sd_1"]).T,
        1: lambda: fields["prob_2"][:, x.astype(int)],
        2: lambda: poisson.pmf(x[:, None], fields["rate_3"]).T,
        3: lambda: bernoulli.pmf(x[:, None], fields["prob_4"]).T,
    }[at]()
    return fields["weight"][:, None] * each


@pytest.mark.parametrize("at", range(4))
def test_kept_densities_are_scipys_at_the_estimate_and_averaged_over_draws(at):
    found, kept = mixed(), mixed().marginals[at]
    due = by_scipy(at, kept.x, found.fields)
    np.testing.assert_allclose(kept.components, due, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(kept.plug_in, due.sum(axis=0), rtol=1e-9, atol=1e-300)
    n = len(found.draws["weight"])
    every = []
    for draw in range(n):  # all of them: there are fewer than predictions use at most
        one = {name: field[draw] for name, field in found.draws.items()}
        every.append(by_scipy(at, kept.x, one).sum(axis=0))
    np.testing.assert_allclose(kept.predictive, np.mean(every, axis=0), rtol=1e-8, atol=1e-300)
    ends = np.quantile(every, [0.025, 0.975], axis=0)
    np.testing.assert_allclose([kept.low, kept.high], ends, rtol=1e-8, atol=1e-300)
    # negative controls: labels of one field swapped, one draw left out
    swapped = by_scipy(at, kept.x, found.fields | {"weight": found.fields["weight"][[1, 0]]})
    assert not np.allclose(kept.plug_in, swapped.sum(axis=0), rtol=1e-9, atol=0)
    assert not np.allclose(kept.predictive, np.mean(every[1:], axis=0), rtol=1e-8, atol=0)


def test_a_column_of_labels_or_counts_has_all_its_probability():
    kept = mixed().marginals
    assert kept[1].x.tolist() == [0, 1, 2]
    assert kept[3].x.tolist() == [0, 1]
    for at in (1, 3):
        assert kept[at].plug_in.sum() == pytest.approx(1)
        assert kept[at].predictive.sum() == pytest.approx(1)
    assert np.diff(kept[2].x).tolist() == [1] * (len(kept[2].x) - 1)


def test_a_file_gives_the_same_picture(tmp_path):
    mixed().save(tmp_path / "mixed.nc")
    loaded = comparisons.load(tmp_path / "mixed.nc")
    assert [one.x.tolist() for one in loaded.marginals] == [
        one.x.tolist() for one in mixed().marginals
    ]
    one, other = (pictures_of(found)[0] for found in (mixed(), loaded))
    assert one.name == other.name == "columns"
    assert one.alt == other.alt
    assert caption_of(one.figure()) == caption_of(other.figure())


def test_every_kind_of_column_is_drawn_and_can_be_read():
    figure = mixed().plot_data()
    assert_readable(figure)
    age, plan, visits, smokes = figure.axes
    assert age.get_title() == "age"
    assert plan.get_title().endswith("…")
    assert (age.get_ylabel(), visits.get_ylabel()) == ("density", "share")
    assert [one.get_text() for one in smokes.get_yticklabels()] == ["0", "1"]
    assert all(len(one.get_text()) <= 14 for one in plan.get_yticklabels())
    entries = entries_of(figure)
    assert {"observed", "density of EM's estimate", "group 1", "group 2"} <= set(entries)
    assert len(set(entries)) == len(entries)
    for axes in (age, visits):
        shades = [to_hex(line.get_color()).upper() for line in axes.lines]
        assert shades == [POSTERIOR, *COMPONENTS[:2], EM]
    assert "where it was observed" in caption_of(figure)
    assert "Outside" not in caption_of(figure)


def test_what_lies_outside_of_a_frame_is_said_with_its_column():
    x = mixed().rows.x.copy()
    x[0, 0] = 5000.0
    figure = columns(Facts(changed(mixed().tree, "constant_data", x=x)))
    assert_readable(figure)
    assert figure.axes[0].get_xlim()[1] < 1000
    assert "age: Outside the frame: 1 observation at 5,000." in caption_of(figure)


def test_bars_of_labels_are_the_shares_of_what_was_seen():
    plan = mixed().plot_columns().axes[1]
    observed, *stacked = [one for one in plan.containers if isinstance(one, BarContainer)]
    x = rows().x[:, 1]
    counts = rows().counts
    due = [counts[x == code].sum() / counts[~np.isnan(x)].sum() for code in range(3)]
    np.testing.assert_allclose([bar.get_width() for bar in observed], due)
    over_all = [counts[x == code].sum() / counts.sum() for code in range(3)]
    assert not np.allclose([bar.get_width() for bar in observed], over_all)  # blanks are not seen
    ends = [bar.get_x() + bar.get_width() for bar in stacked[-1]]
    np.testing.assert_allclose(ends, mixed().marginals[1].plug_in)


def test_of_very_many_columns_the_caption_names_the_others():
    figure = wide().plot_data()
    assert_readable(figure)
    assert len(figure.axes) == 12
    assert "Not shown: column 13, column 14." in caption_of(figure)
    (alt,) = [one.alt for one in pictures_of(wide()) if one.name == "columns"]
    assert alt.startswith("12 of 14 columns one by one, of 120 observations")


def test_older_files_say_what_to_look_at():
    tree = mixed().tree.copy()
    del tree["columns"]
    with pytest.raises(ValueError, match="see the parameters, or compare again"):
        columns(Facts(tree))
    assert "columns" not in [one.name for one in pictures_of(Facts(tree))]


def test_the_report_describes_groups_by_every_column():
    first, *_ = report._groups(mixed())
    assert [part.rsplit(" ", 4)[0] for part in first.split("), ")[1:3]] == [
        "mean of age",
        f"prob of {NAMES[1]} = {PLANS[int(mixed().draws['prob_2'].mean(axis=0)[0].argmax())]}",
    ]
    assert "rate of visits " in first
    assert "prob of smokes " in first
