"""Pictures are drawn into figures and on axes of the user's, with the names that are asked for."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

import em
from comparisons import second_opinion
from comparisons.choice.choose import Choice
from comparisons.choice.rows import Row
from comparisons.pictures.catalogue import KINDS
from models import Poisson, Sample
from models.refusal import Refusal

COUNTS = np.random.default_rng(1).poisson([1.0] * 60 + [8.0] * 40)
ALONE = ["data", "ascent", "deviance", "misfit"]  # pictures of one panel
SEVERAL = ["posterior", "pairs", "memberships"]


@pytest.fixture(scope="module")
def opinion():
    return second_opinion(Poisson, Sample(COUNTS), 2, draws=500, seed=1, progress=False)


def words(figure):
    """Return all words of a figure or a part of one, but those at ticks."""
    found = [one.get_text() for one in figure.texts]
    for axes in figure.axes:
        legend = axes.get_legend()
        texts = [
            axes.title,
            axes.xaxis.label,
            axes.yaxis.label,
            *(legend.get_texts() if legend else []),
        ]
        found += [one.get_text() for one in texts]
    found += [one.get_text() for legend in figure.legends for one in legend.get_texts()]
    return [one for one in found if one]


@pytest.mark.parametrize("name", ALONE)
def test_axes_get_the_drawing_and_the_legend_alone(name, opinion):
    figure = Figure(layout="constrained")
    mine, other = figure.subplots(1, 2)
    draw = getattr(opinion, f"plot_{name}")
    assert draw(ax=mine) is figure
    assert mine.has_data()
    assert not other.has_data()
    assert len(figure.axes) == 2
    assert not figure.legends
    assert figure.get_supxlabel() == figure.get_suptitle() == mine.get_title() == ""
    theirs = draw()
    assert [one.get_text() for one in mine.get_legend().get_texts()] == [
        one.get_text() for one in theirs.legends[0].get_texts()
    ]
    assert mine.get_xlabel() == theirs.axes[0].get_xlabel()
    figure.draw_without_rendering()


@pytest.mark.parametrize("name", [*ALONE, *SEVERAL])
def test_a_part_of_a_figure_gets_all_that_a_figure_of_its_own_gets(name, opinion):
    whole = plt.figure(figsize=(18, 5))  # each half as wide as a figure of its own
    left, right = whole.subfigures(1, 2)
    draw = getattr(opinion, f"plot_{name}")
    assert draw(figure=left) is whole
    assert words(left) == words(draw())
    assert not right.axes
    whole.draw_without_rendering()
    plt.close(whole)


def test_lines_are_as_long_as_a_small_figure_is_wide(opinion):
    small = Figure(figsize=(4, 4))
    opinion.plot_data(figure=small)
    assert max(map(len, small.get_supxlabel().splitlines())) <= 50
    # negative control: the usual figure has longer ones
    assert max(map(len, opinion.plot_data().get_supxlabel().splitlines())) > 50
    small.draw_without_rendering()


@pytest.mark.parametrize("name", ["data", "posterior", "pairs", "memberships"])
def test_components_are_called_as_is_asked_in_this_picture(name, opinion):
    draw = getattr(opinion, f"plot_{name}")
    shown = " ".join(words(draw(labels=["quiet", "busy"])))
    assert "quiet" in shown
    assert "busy" in shown
    assert "quiet" not in " ".join(words(draw()))
    assert opinion.called(0) == "group 1"


def test_every_picture_has_a_method(opinion):
    methods = {one.removeprefix("plot_") for one in dir(opinion) if one.startswith("plot_")}
    assert methods == {*KINDS}


def test_what_cannot_be_drawn_on_is_refused_in_one_line(opinion):
    figure = Figure()
    axes = figure.add_subplot()
    refused = [
        ({"ax": figure}, "ax is a Figure; give the Axes of matplotlib"),
        ({"figure": axes}, "figure is a Axes; give a Figure of matplotlib"),
        ({"figure": figure}, "the figure has axes already; give an empty Figure or SubFigure"),
        ({"figure": Figure(), "ax": axes}, "figure and ax are given; give one of them"),
        ({"labels": ["one"]}, "1 name is given for 2 groups; give one for each"),
    ]
    for given, said in refused:
        with pytest.raises(Refusal, match=said):
            opinion.plot_data(**given)
    with pytest.raises(Refusal, match="has several panels; give figure= in place of ax="):
        opinion.plot_memberships(ax=axes)
    # what follows is not drawn on them
    assert opinion.plot_memberships() is not figure
    assert not axes.has_data()


def test_a_choice_is_drawn_where_it_is_asked(opinion):
    fits = [em.fit(Poisson, Sample(COUNTS), k) for k in (1, 2)]
    choice = Choice((Row(Poisson, 1, fits[0]), Row(Poisson, 2, fits[1], opinion)))
    whole = Figure(figsize=(18, 10))
    parts = whole.subfigures(2, 2).flat
    for part, draw in zip(
        parts, (choice.plot_criteria, choice.plot_densities, choice.plot_splits), strict=False
    ):
        assert draw(figure=part) is whole
        assert words(part) == words(draw())
    whole.draw_without_rendering()
    axes = Figure().add_subplot()
    assert choice.plot_splits(ax=axes).axes == [axes]
    few = Choice((Row(Poisson, 2, fits[1]),))
    with pytest.raises(Refusal, match="no candidate has a posterior; there is nothing to draw"):
        few.plot_densities()
    with pytest.raises(Refusal, match="fewer than two numbers of groups were fitted"):
        few.plot_splits()


def test_a_narrow_figure_has_fewer_panels_side_by_side(opinion):
    def across(width):
        figure = Figure(figsize=(width, 5))
        opinion.plot_memberships(figure=figure)
        return figure.axes[0].get_subplotspec().get_gridspec().ncols

    assert across(9) == across(14) == 2
    table = {width: Figure(figsize=(width, 8)) for width in (4, 9)}
    for figure in table.values():
        opinion.plot_posterior(figure=figure)
        assert figure.get_size_inches()[1] == 8  # it stays as high as it was made
        figure.draw_without_rendering()
    ticks = [len(figure.axes[0].get_xticks()) for figure in table.values()]
    assert ticks[0] <= ticks[1]
