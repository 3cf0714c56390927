"""Pictures of data in groups: names, numbers, and what is left out."""

from __future__ import annotations

import warnings
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

import bayes
import comparisons
from comparisons.kept.largest import groups_shown, largest
from comparisons.pages.json import of_comparison
from comparisons.pages.report import report
from comparisons.pages.terminal import told
from comparisons.pictures.catalogue import KINDS, pictures_of
from comparisons.pictures.groups import GROUPS, TOP, beside, mixed, open_ends
from comparisons.pictures.style import EM, svg
from comparisons.studies.topics import HEALTH, MENTAL, STATUS
from models import Categorical, Gaussian, Groups, Poisson, Sample

SHORT = {"draws": 200, "tune": 300, "chains": 2, "starts": 4, "progress": False}


@cache
def opinion(case):
    family, data, k = CASES[case]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bayes.ChainsWarning)
        return comparisons.second_opinion(family, data, k, **SHORT)


def villages():
    rng = np.random.default_rng(5)
    village = np.repeat([f"village {one}" for one in range(4)], 40)
    tall = rng.random(160) < np.repeat([0.2, 0.4, 0.6, 0.8], 40)
    x = np.where(tall, rng.normal(182, 5, 160), rng.normal(160, 5, 160)).round(1)
    return Gaussian, Groups(x, village), 2


def many():
    """30 groups of growing size, of 25 categories."""
    rng = np.random.default_rng(6)
    prob, share = rng.dirichlet(np.full(25, 0.5), 2), rng.dirichlet(np.full(2, 0.5), 30)
    rows = zip(30 + 5 * np.arange(30), share @ prob, strict=True)
    counts = np.array([rng.multinomial(n, each) for n, each in rows])
    words, names = [f"word {v}" for v in range(25)], [f"page {g}" for g in range(30)]
    return Categorical, Groups.from_table(counts, groups=names, categories=words), 2


CASES = {
    "mental": lambda: (Categorical, MENTAL, 2),
    "one component": lambda: (Categorical, MENTAL, 1),
    "villages": villages,
    "many": many,
    "alone": lambda: (Poisson, Sample(np.random.default_rng(7).poisson([1.0, 9.0] * 60)), 2),
}
OF_GROUPS = {
    "mental": {"categories", "shares", "cells"},
    "one component": {"categories", "cells"},
    "villages": {"shares"},
    "many": {"categories", "shares", "cells"},
    "alone": set(),
}


@pytest.mark.parametrize("case", CASES)
def test_each_picture_is_drawn_where_it_applies(case):
    names = {one.name for one in pictures_of(opinion(case))}
    assert names & {"categories", "shares", "cells"} == OF_GROUPS[case]
    for picture in pictures_of(opinion(case)):
        assert picture.alt.endswith(".")
        assert svg(picture.figure()) == svg(picture.figure())


def ticks(axes):
    return [one.get_text() for one in axes.get_yticklabels()]


def marks(axes, colour):
    return next(one for one in axes.lines if one.get_color() == colour).get_xdata()


def test_categories_are_named_and_the_largest_come_first():
    found = opinion("mental")
    figure, orders = KINDS["categories"].draw(found), []
    for component, axes in enumerate(figure.axes):
        names, shown = ticks(axes), marks(axes, EM)
        prob = found.fields["prob"][component]
        assert set(names) == set(HEALTH)
        np.testing.assert_allclose(shown, [prob[HEALTH.index(one)] for one in names])
        size = np.maximum(prob, found.draws["prob"][:, component].mean(axis=0))
        assert names == [HEALTH[at] for at in np.argsort(-size)]
        orders.append(names)
    assert orders[0] != orders[1]  # negative control: each component has its own order


def test_solutions_are_drawn_where_data_leave_them_open():
    found = opinion("mental")
    ends = open_ends(found)
    assert ends is not None
    for component, axes in enumerate(KINDS["shares"].draw(found).axes):
        bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches]
        low, high = (one["weight"][:, component] for one in ends[:2])
        np.testing.assert_allclose(bars, np.stack([low, high], axis=1))
    assert open_ends(opinion("villages")) is None
    assert not KINDS["shares"].draw(opinion("villages")).axes[0].patches


def test_groups_are_named_and_those_left_out_are_counted():
    assert ticks(KINDS["shares"].draw(opinion("mental")).axes[0]) == list(STATUS)
    figure = KINDS["shares"].draw(opinion("many"))
    assert ticks(figure.axes[0]) == [f"page {one}" for one in range(10, 30)]  # the largest
    caption = figure._supxlabel.get_text().replace("\n", " ")
    assert "10 are not shown" in caption
    assert "summary.csv" in caption
    whole = KINDS["shares"].draw(opinion("mental"))._supxlabel
    assert "not shown" not in (whole.get_text() if whole else "")  # negative control
    assert len(groups_shown(opinion("many"), GROUPS)) == GROUPS
    assert len(ticks(KINDS["categories"].draw(opinion("many")).axes[0])) == TOP


def test_intervals_are_the_posteriors():
    found = opinion("mental")
    one = beside(found, "weight", (slice(None), 0))
    drawn = found.draws["weight"][:, :, 0]
    np.testing.assert_allclose(one.low, np.quantile(drawn, 0.025, axis=0))
    np.testing.assert_allclose(one.mean, drawn.mean(axis=0))
    assert not np.allclose(one.low, np.quantile(drawn, 0.05, axis=0))  # negative control


def test_cells_are_counted_and_fitted_by_the_model():
    found = opinion("mental")
    cells = mixed(found)
    table = np.zeros((6, 4))
    table[MENTAL.whose, MENTAL.sample.x[MENTAL.places].astype(int)] = MENTAL.times
    observed = table / table.sum(axis=1, keepdims=True)
    fitted = found.fields["weight"] @ found.fields["prob"]
    np.testing.assert_allclose(cells.observed, observed.ravel())
    np.testing.assert_allclose(cells.em, fitted.ravel())
    assert ((cells.low < fitted.ravel()) & (fitted.ravel() < cells.high)).mean() > 0.8
    assert not np.allclose(cells.em, observed.ravel(), atol=1e-3)  # negative control
    assert mixed(opinion("many")).observed.min() == 0  # empty cells are shown
    alone = mixed(opinion("one component"))
    np.testing.assert_allclose(alone.em, np.tile(table.sum(axis=0) / table.sum(), 6))


def test_memberships_of_groups_are_no_curve_over_x():
    """A row's membership depends on its group, so that equal rows may differ."""
    axes = KINDS["memberships"].draw(opinion("villages")).axes[0]
    assert axes.get_xlabel() == "probability by EM's estimate"
    other = KINDS["memberships"].draw(opinion("alone")).axes[0]
    assert other.get_xlabel() == "count"  # negative control


def test_long_tables_are_cut_and_say_so(capsys):
    rows, hidden = largest(opinion("many"))
    assert hidden == "40 of weight and 30 of prob"
    assert len(rows) == 2 * (10 + 10)
    told(opinion("many"))
    said = " ".join(capsys.readouterr().out.split())
    assert f"Not shown: {hidden}. summary.csv" in said
    assert "prob[1; word " in said
    assert "weight[page 29, 2]" in said
    assert "weight[page 0, 2]" not in said
    assert f"Not shown: {hidden}." in report(opinion("many"), pictures=[])
    assert largest(opinion("mental")).hidden == ""  # negative control
    assert "Not shown" not in report(opinion("mental"), pictures=[])


def test_names_are_in_json_and_in_sentences():
    found = of_comparison(opinion("mental"))
    shares = [one for one in found.parameters if one.name == "weight"]
    assert [one.group for one in shares[::2]] == list(STATUS)
    assert {one.category for one in found.parameters if one.name == "prob"} == set(HEALTH)
    assert all(one.category is None for one in shares)  # negative control
    assert of_comparison(opinion("alone")).parameters[0].group is None
    said = " ".join(one.message for one in opinion("mental").findings)
    assert "weight[status " in said
    assert "weight[0,0]" not in said


def test_names_side_by_side_do_not_run_into_each_other():
    """Ten long names in wide letters have less room each than three."""
    names = [f"{one}оммуникация" for one in "АБВГДЕЖЗИК"]
    rng = np.random.default_rng(7)
    table = rng.multinomial(300, rng.dirichlet(np.ones(10), 3)) + 1
    data = Groups.from_table(table, categories=names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bayes.ChainsWarning)
        figure = comparisons.second_opinion(Categorical, data, 2, **SHORT).plot_data()
    figure.canvas.draw()
    boxes = [one.get_window_extent() for one in figure.axes[0].get_xticklabels()]
    assert len(boxes) == len(names)
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
