"""Starts: the lecture's climbs, maps of starts to ends, and what the ends look like."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import ListedColormap
from scipy.stats import norm

from comparisons.pictures.catalogue import Picture
from comparisons.pictures.data import bars_of
from comparisons.pictures.style import (
    DATA,
    EM_LINE,
    POSTERIOR_LINE,
    QUIET,
    TRUTH,
    TRUTH_LINE,
    Look,
    blank,
    colour,
    few_ticks,
    fitting,
    framed,
    line,
    minus,
    note,
    patch,
    side_by_side,
    styled,
)
from comparisons.studies.calculations.ends import (
    BEST,
    CLUMP,
    EMPTY,
    KINDS,
    LOCAL,
    SADDLE,
    SPIKE,
    Atlas,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

    from comparisons.kept.facts import Facts
    from comparisons.studies.calculations.ends import End, Path
    from models.arrays import Array

__all__ = ["pictures"]

LOOKS = {
    BEST: colour(0),
    LOCAL: colour(3),
    CLUMP: colour(2),
    SPIKE: colour(4),
    EMPTY: "#F0F0F0",
    SADDLE: colour(7),
}
SHADES = (QUIET, colour(3), colour(2), colour(4))  # of first sds
TITLES = ("EM", "EM under the posterior's prior", "K-means")


def pictures(
    paths: list[Path], grid: Array, maps: tuple[Atlas, ...], facts: Facts
) -> tuple[Picture, ...]:
    """Return the study's pictures with their words.

    >>> from types import SimpleNamespace
    >>> from comparisons.studies.calculations.ends import End, Path
    >>> means = np.array([163.0, 175.0])
    >>> end, sds = End(BEST, -60.1, np.full(2, 0.5), means, np.full(2, 7.0)), np.full((3, 2), 7.0)
    >>> path = Path(10.0, BEST, False, np.ones(3), sds, sds)
    >>> found = Atlas((end,), np.zeros((2, 2), int))
    >>> told = pictures([path], means, (found,) * 3, SimpleNamespace(truth={"mean": means}))
    >>> [picture.name for picture in told]
    ['extreme', 'map', 'ends']
    """
    slow = [path for path in paths if not path.fast]
    ways = "; ".join(f"sd {path.sd:,g} cm: {path.name}" for path in slow)
    found = [
        f"{title}: "
        + ", ".join(
            f"{(one.kinds() == place).mean():.0%} {name}"
            for place, name in enumerate(KINDS)
            if (one.kinds() == place).any()
        )
        for title, one in zip(TITLES, maps, strict=True)
    ]
    return (
        Picture(
            "extreme",
            "The lecture's start",
            f"Log-likelihood and means over the steps of EM from men of 1 cm and women of 10 m. "
            f"{ways}.",
            partial(extreme, slow, facts.truth["mean"]),
        ),
        Picture(
            "map",
            "Where each start leads",
            f"Maps of both first means to where they lead. {'; '.join(found)}.",
            partial(atlases, grid, maps),
        ),
        Picture(
            "ends",
            "What the ends look like",
            "The heights, the posterior predictive density and EM's curve at several ends: "
            f"{', '.join(maps[0].ends[place].name for place in _chosen(maps[0]))}.",
            partial(portraits, maps[0], facts),
        ),
    )


@styled
def extreme(paths: list[Path], truth: Array) -> Figure:
    """Draw log-likelihood and means over steps, for each first sd."""
    figure = blank(4.2)
    left, right = side_by_side(figure, 2)
    top = max(path.trace[-1] for path in paths)
    one = min(path.trace[1:].min() for path in paths)
    for path, shade in zip(paths, SHADES, strict=True):
        steps = np.arange(1, path.steps + 1)
        look: Look = {"color": shade, "linewidth": 2.2}
        left.plot(steps, path.trace[1:], **look)
        left.plot(steps[-1], path.trace[-1], "o", color=shade, markersize=6)
        if path.name != EMPTY:
            right.plot(steps, path.means[1:], **look)
    left.set_ylim(one - 0.08 * (top - one), top + 0.08 * (top - one))
    left.set_ylabel("log-likelihood")
    right.set_ylabel("means in cm")
    for axes in (left, right):
        axes.set(xscale="log", xlabel="step")
        axes.xaxis.set_major_formatter("{x:,.0f}")
    for mean in truth:
        right.axhline(mean, **TRUTH_LINE)
    longest = max(paths, key=lambda path: path.steps)
    if longest.name == BEST:
        for mean, name in zip(longest.means[-1], ('"men"', '"women"'), strict=True):
            at = (longest.steps, mean)
            note(right, name, at, (0, 9), ha="right")
    entries = [
        line({"color": shade, "linewidth": 2.2}, f"first sd {path.sd:,g} cm: {path.name}", "o")
        for path, shade in zip(paths, SHADES, strict=True)
    ]
    entries.append(line(TRUTH_LINE, "true means"))
    caption = (
        "Before the first step the men's mean is 1 cm, the women's 1,000 cm. Groups are named by "
        "the order of their means. An empty group has no mean."
    )
    title = "Men of 1 cm, women of 10 m: where EM goes from there"
    return framed(figure, title, entries, caption)


@styled
def atlases(grid: Array, maps: tuple[Atlas, ...]) -> Figure:
    """Draw the kind of end that each pair of first means leads to."""
    figure = blank(4.6)
    panels = side_by_side(figure, len(maps), sharex=True, sharey=True)
    half = (grid[1] - grid[0]) / 2
    around = (grid[0] - half, grid[-1] + half) * 2
    for at, (axes, found, title) in enumerate(zip(panels, maps, TITLES, strict=True)):
        axes.imshow(
            found.kinds(),
            ListedColormap(list(LOOKS.values())),
            vmin=-0.5,
            vmax=len(KINDS) - 0.5,
            origin="lower",
            extent=around,
            interpolation="nearest",
            aspect="auto",
            gid=f"photo-{at}",
        )
        best = found.ends[0].mean
        for pair in (best, best[::-1]):
            axes.plot(*pair, "*", color=TRUTH, markersize=10)
        axes.set_title(title, fontweight="bold")
        axes.set(xlabel="first mean of one group, cm")
        few_ticks(axes, 4, 4)
    panels[0].set_ylabel("first mean of the other, cm")
    seen = {end.name for found in maps for end in found.ends}
    entries: list[Artist] = [
        patch({"facecolor": LOOKS[name], "edgecolor": QUIET, "linewidth": 0.5}, name)
        for name in KINDS
        if name in seen
    ]
    entries.append(line({"color": TRUTH, "linestyle": ""}, "means of the best optimum", "*"))
    caption = (
        "Each square is a pair of first means. Groups start with half the people each and an sd of "
        "1 cm. K-means depends only on the midpoint of the means. Empty: at the start nobody is "
        "nearest to one of them."
    )
    return framed(figure, "Where each start leads", entries, caption)


def _chosen(found: Atlas) -> list[int]:
    """Return up to six ends: of each kind the one that most starts reach, then the next."""
    share = [found.share(place) for place in range(len(found.ends))]
    names = [end.name for end in found.ends]
    ranked = sorted(range(len(names)), key=lambda place: -share[place])
    firsts = [
        next(place for place in ranked if names[place] == name) for name in dict.fromkeys(names)
    ]
    others = [place for place in ranked if place not in firsts]
    return sorted((firsts + others)[:6])


@styled
def portraits(found: Atlas, facts: Facts) -> Figure:
    """Draw the data, EM's curve at an end, and the posterior predictive one."""
    figure = blank(fitting(5.4, 7.6))
    down, beside = fitting((2, 3), (3, 2))
    panels = figure.subplots(down, beside, sharex=True, sharey=True)
    rows, density = facts.rows, facts.density
    assert density is not None
    predictive = density.x, density.predictive
    bars = bars_of(rows.x, rows.counts, predictive, whole=False)
    x = np.linspace(bars.edges[0] - 5, bars.edges[-1] + 5, 4_000)
    chosen = _chosen(found)
    for axes in panels.flat[len(chosen) :]:
        axes.remove()
    for axes, place in zip(panels.flat, chosen, strict=False):
        end: End = found.ends[place]
        axes.stairs(bars.heights, bars.edges, fill=True, color=DATA)
        axes.plot(*predictive, **POSTERIOR_LINE)
        near = end.mean[:, None] + end.sd[:, None] * np.linspace(-5, 5, 101)
        places = np.union1d(x, near.ravel())
        each = end.weight * norm.pdf(places[:, None], end.mean, np.maximum(end.sd, 1e-3))
        axes.plot(places, each.sum(axis=1), **EM_LINE)
        axes.set_title(
            f"{end.name}, {found.share(place):.0%} of starts\n"
            f"log-likelihood {minus(f'{end.height:.2f}')}",
            fontsize=10,
            color="black" if end.name == EMPTY else LOOKS[end.name],
            fontweight="bold",
        )
        axes.set(xlim=(x[0], x[-1]), ylim=(0, 1.5 * bars.heights.max()))
        few_ticks(axes, 4, 4)
    for axes in panels[:, 0]:
        axes.set_ylabel("density")
    for axes in panels.flat[max(0, len(chosen) - beside) : len(chosen)]:
        axes.set_xlabel("height in cm")
        axes.tick_params(labelbottom=True)
    entries: list[Artist] = [
        patch({"color": DATA}, "200 heights"),
        line(EM_LINE, "EM's curve there"),
        line(POSTERIOR_LINE, "posterior predictive"),
    ]
    title = "The same heights, fitted by EM from different starts"
    caption = (
        "Shown: the ends that most starts lead to. Narrow peaks are cut off. The posterior "
        "averages over all plausible values."
    )
    return framed(figure, title, entries, caption)
