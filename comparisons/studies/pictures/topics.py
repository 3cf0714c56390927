"""What a table is made of: components that may lie anywhere on a stretch, and topics' words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from comparisons.pictures.style import (
    DATA,
    EM,
    QUIET,
    TRUTH,
    blank,
    colour,
    few_ticks,
    framed,
    line,
    note,
    patch,
    styled,
)
from comparisons.studies.calculations.corpus import TOPICS, matched
from em.solutions import solutions_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from comparisons.studies.calculations.corpus import Corpus
    from em import Fit
    from models.arrays import Array

__all__ = ["anchors", "solutions"]


@styled
def solutions(two: Fit[Any], observed: Array) -> Figure:
    """Draw two categories' shares: groups, the line that fits, and where components may lie.

    observed: (groups, categories); the first and the last category are drawn.

    >>> from comparisons.studies.topics import COUNTS, MENTAL
    >>> from em import fit
    >>> from models import Categorical
    >>> two = fit(Categorical, MENTAL, 2)
    >>> solutions(two, COUNTS / COUNTS.sum(axis=1, keepdims=True)).axes[0].get_xlabel()
    'share that is Well'
    """
    names = two.question.data.names
    categories, groups = names["category"], names["group"]
    prob = two.estimate.theta.prob
    fitted = two.estimate.weight @ prob
    ends = solutions_of(two.estimate)
    assert ends is not None
    figure = blank(5.2)
    axes = figure.add_subplot()
    for component in range(2):
        low, high = (one.theta.prob[component] for one in ends[:2])
        rising = (prob[1 - component, 0] - prob[component, 0]) * (
            prob[1 - component, -1] - prob[component, -1]
        )
        y = (low[-1], high[-1]) if rising > 0 else (high[-1], low[-1])
        axes.plot((low[0], high[0]), y, color=colour(component), alpha=0.35, linewidth=9, zorder=1)
    axes.plot(*prob[:, [0, -1]].T, color=QUIET, linewidth=1, zorder=2)
    axes.plot(*fitted[:, [0, -1]].T, "x", color=EM, markersize=7, zorder=4)
    axes.plot(*observed[:, [0, -1]].T, "o", color="black", markersize=5, zorder=3)
    axes.plot(*prob[:, [0, -1]].T, "D", color=EM, markersize=8, zorder=5, clip_on=False)
    for name, (x, y), on_line in zip(groups, observed[:, [0, -1]], fitted[:, -1], strict=True):
        above = y > on_line
        note(axes, name, (x, y), (6, 5) if above else (-6, -12), ha="left" if above else "right")
    axes.set_xlabel(f"share that is {categories[0]}")
    axes.set_ylabel(f"share that is {categories[-1]}")
    axes.set(xlim=(-0.005, None), ylim=(-0.005, None))
    few_ticks(axes, 8)
    entries = [
        line({"color": "black", "linestyle": ""}, "observed", "o"),
        line({"color": EM, "linestyle": ""}, "fitted", "x"),
        line({"color": EM, "linestyle": ""}, "components of EM's estimate", "D"),
        *(
            patch({"color": colour(one), "alpha": 0.35}, f"where component {one + 1} may lie")
            for one in range(2)
        ),
    ]
    caption = (
        "The fitted groups are points on one line. Any two components on this line that "
        "enclose the points, and have no negative share, fit equally well."
    )
    return framed(figure, "One fit, many pairs of components", entries, caption)


@styled
def anchors(found: list[Fit[Any]], known: tuple[Corpus, ...]) -> Figure:
    """Draw the words of each topic: truth, estimate, and solutions that fit as well.

    found, known: with anchor words, and without.

    >>> from comparisons.studies.calculations.corpus import corpus
    >>> from em import fit
    >>> from models import Categorical
    >>> one = corpus(0)
    >>> figure = anchors([fit(Categorical, one.groups, 3, starts=2)], (one,))
    >>> [axes.get_title() for axes in figure.axes]
    ['cooking', 'sailing', 'music']
    """
    figure = blank(1.1 + sum(0.55 + 0.2 * len(one.words) for one in known))
    panels = figure.subplots(
        len(known),
        len(TOPICS),
        sharex=True,
        sharey="row",
        squeeze=False,
        height_ratios=[2 + len(one.words) for one in known],
    )
    every = [one.estimate.theta.prob for one in found] + [one.topics for one in known]
    top = max(float(one.max()) for one in every)
    for row, (one, corpus) in enumerate(zip(found, known, strict=True)):
        ends, order = solutions_of(one.estimate), matched(one, corpus)
        assert ends is not None
        for topic, component in enumerate(order):
            axes = panels[row, topic]
            low, high = (end.theta.prob[component] for end in ends[:2])
            _words(axes, corpus.topics[topic], one.estimate.theta.prob[component], low, high)
            axes.set_xlim(-0.02 * top, 1.03 * top)
            axes.set_title(TOPICS[topic] if row == 0 else "")
            few_ticks(axes, 4)
            axes.yaxis.set_ticks(range(len(corpus.words)), corpus.words)
            axes.set_ylim(len(corpus.words) - 0.4, -0.6)
            axes.tick_params(axis="y", length=0, labelleft=topic == 0)
            axes.set_xlabel("probability" if row == len(known) - 1 else "")
        panels[row, 0].set_ylabel(("with anchor words", "without them")[row], fontweight="bold")
    entries = [
        line({"color": TRUTH, "linestyle": ""}, "truth", "*"),
        line({"color": EM, "linestyle": ""}, "EM's estimate", "D"),
        patch({"color": DATA}, "solutions that fit equally well"),
    ]
    caption = (
        "An anchor word occurs in one topic only (recipe, keel, chord). Below, the same documents "
        "without these words. Shown are the solutions that were visited."
    )
    return framed(figure, "Topics are found where words anchor them", entries, caption)


def _words(axes: Axes, truth: Array, estimate: Array, low: Array, high: Array) -> None:
    """Draw the probabilities of a topic's words, a line for each."""
    y = np.arange(len(truth))
    axes.barh(y, high - low, 0.8, low, color=DATA, zorder=1)
    axes.plot(estimate, y, "D", color=EM, markersize=4.5, zorder=2, clip_on=False)
    axes.plot(truth, y, "*", color=TRUTH, markersize=6, zorder=3, clip_on=False)
