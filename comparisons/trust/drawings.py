"""Pictures of replicates: ranks, coverage, and the verdicts over a grid of weak data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comparisons.pictures.style import (
    BAND,
    DATA,
    EM,
    POSTERIOR,
    QUIET,
    Look,
    across,
    blank,
    colour,
    few_ticks,
    framed,
    label_outside,
    line,
    patch,
    styled,
)
from comparisons.trust.quantities import explained
from comparisons.trust.summary import INTERVALS, LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from comparisons.trust.summary import Coverage, Frequency, Ranks, Summary

__all__ = ["coverage", "ranks", "weak_verdicts"]

MOST = 4  # panels side by side
LOOKS: dict[str, Look] = {
    INTERVALS[0]: {"color": EM, "linestyle": (0, (5, 2)), "linewidth": 1.4},
    INTERVALS[1]: {"color": colour(2), "linestyle": (0, (1, 1.5)), "linewidth": 1.4},
    INTERVALS[2]: {"color": colour(3), "linestyle": (0, (5, 1.5, 1, 1.5)), "linewidth": 1.4},
    INTERVALS[3]: {"color": POSTERIOR, "linestyle": "-", "linewidth": 1.4},
}
MARKERS = dict(zip(INTERVALS, "os^D", strict=True))
CHANCE: Look = {"color": DATA, "linewidth": 0}
EDGES = ("low", "high")
VERDICTS = {"agree": colour(0), "inconclusive": colour(2), "disagree": EM}


@styled
def ranks(found: Summary, title: str) -> Figure:
    """Draw each parameter's ranks: their distribution function less the uniform one.

    >>> from comparisons.trust.summary import summary
    >>> from models import Poisson
    >>> placed = {"pit": 0.5, "rank": 50}
    >>> record = {"replicate": 0, "seconds": 1.5, "verdict": "agree", "joint": placed, "among": 100}
    >>> figure = ranks(summary([record] * 20, Poisson), "Ranks")
    >>> figure.axes[0].get_xlabel()
    'rank of the truth, from 0 to 1'
    """
    names = [one.parameter for one in found.ranks]
    figure, panels = _panels(names, "rank of the truth, from 0 to 1", "ECDF minus uniform")
    for axes, one in zip(panels, found.ranks, strict=True):
        _ranked(axes, one)
    entries = [
        line(
            {"color": POSTERIOR, "linewidth": 1.6},
            "distribution of the ranks (ECDF), minus the uniform one",
        ),
        patch(BAND, "95% band of uniform ranks"),
    ]
    caption = (
        "If the posterior is right, the ranks are uniform and the line stays in the band. If it is "
        "too wide, the line falls first, then rises; if too narrow, it rises first. If it is too "
        "low or too high, the line is a single arch."
    )
    return framed(figure, title, entries, f"{caption} {explained(names)}".rstrip())


def _panels(names: Sequence[str], x: str, y: str) -> tuple[Figure | SubFigure, list[Axes]]:
    """Return a figure and its panels, one for each name, labelled at the bottom and at the left."""
    columns = across(len(names), MOST)
    rows = -(-len(names) // columns)
    figure = blank(1.3 + 1.75 * rows)
    panels = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
    for place, (axes, name) in enumerate(zip(panels, names, strict=False)):
        axes.set_title(name)
        bottom, left = place + columns >= len(names), place % columns == 0
        label_outside(axes, x, y, bottom=bottom, left=left)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    return figure, panels[: len(names)]


def _ranked(axes: Axes, one: Ranks) -> None:
    axes.fill_between(one.x, one.low - one.x, one.high - one.x, step="post", **BAND)
    axes.step(one.x, one.ecdf - one.x, where="post", color=POSTERIOR, linewidth=1.4)
    axes.axhline(0, color=QUIET, linewidth=0.6)
    few_ticks(axes, 4, 4)


@styled
def coverage(found: Summary, title: str) -> Figure:
    """Draw how often each interval contained the truth, less its level.

    >>> from comparisons.trust.summary import summary
    >>> from models import Poisson
    >>> placed = {"pit": 0.5, "rank": 50}
    >>> rate = {"parameter": "rate[0]", "truth": 3, "mle": 3.1, "se": 0.2, "mean": 3.0, **placed}
    >>> record = {"replicate": 0, "seconds": 1.5, "verdict": "agree", "joint": placed, "among": 100}
    >>> found = summary([{**record, "parameters": [rate]}] * 20, Poisson)
    >>> coverage(found, "Coverage").axes[0].get_title()
    'rate[0]'
    """
    names = list(dict.fromkeys(one.parameter for one in found.coverage))
    figure, panels = _panels(names, "level of the interval", "coverage minus level")
    for axes, name in zip(panels, names, strict=True):
        _covered(axes, [one for one in found.coverage if one.parameter == name])
    entries = [
        *(line(look, name, MARKERS[name]) for name, look in LOOKS.items()),
        patch(CHANCE, "99% band if coverage is right"),
    ]
    caption = (
        "Points above zero: the interval covers the truth more often than its level; below zero: "
        "less often. The band is the posterior's. EM's is wider if some data sets have no standard "
        "errors."
    )
    return framed(figure, title, entries, f"{caption} {explained(names)}".rstrip())


def _covered(axes: Axes, each: Sequence[Coverage]) -> None:
    levels, places = np.array(LEVELS), np.arange(len(LEVELS))
    for interval, look in LOOKS.items():
        own = [one for one in each if one.interval == interval]
        if not own:  # EM has no errors of what follows from parameters
            continue
        share = np.array([one.share for one in own])
        axes.plot(places, share - levels, marker=MARKERS[interval], markersize=4, **look)
    own = [one for one in each if one.interval == INTERVALS[3]]
    low, high = (np.array([getattr(one, edge) / max(one.of, 1) for one in own]) for edge in EDGES)
    axes.fill_between(places, low - levels, high - levels, **CHANCE)
    axes.axhline(0, color=QUIET, linewidth=0.6)
    few_ticks(axes, 4, 4)
    axes.set_xticks(places, [f"{level:.0%}" for level in levels])


@styled
def weak_verdicts(
    shares: Mapping[tuple[float, int], Mapping[str, Frequency]], title: str, caption: str
) -> Figure:
    """Draw the verdict's shares over a grid of separations and sizes, a bar in each cell.

    >>> from comparisons.trust.summary import verdicts_of
    >>> figure = weak_verdicts({(0.5, 50): verdicts_of([])}, "Weak data", "No data sets.")
    >>> figure.axes[0].get_ylabel()
    'separation, in sds'
    """
    separations = sorted({separation for separation, _ in shares})
    sizes = sorted({n for _, n in shares})
    figure = blank(4.6)
    axes = figure.subplots()
    for (separation, n), verdicts in shares.items():
        x, y, begin = sizes.index(n), separations.index(separation), 0.0
        for verdict, shade in VERDICTS.items():
            one = verdicts[verdict]
            width = 0.9 * one.seen / max(one.of, 1)
            axes.barh(y, width, 0.62, left=x - 0.45 + begin, color=shade, linewidth=0)
            begin += width
        said = f"{verdicts['disagree'].seen / max(verdicts['disagree'].of, 1):.1%} disagree"
        axes.text(x, y + 0.36, said, ha="center", va="bottom", fontsize=8, color=QUIET)
    axes.set_xticks(range(len(sizes)), [f"{n:,}" for n in sizes])
    axes.set_yticks(range(len(separations)), [f"{one:g}" for one in separations])
    axes.set_ylim(-0.5, len(separations) - 0.3)
    axes.set_xlabel("observations")
    axes.set_ylabel("separation, in sds")
    axes.tick_params(length=0, labelsize=9)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    entries = [patch({"color": shade}, verdict) for verdict, shade in VERDICTS.items()]
    return framed(figure, title, entries, caption)
