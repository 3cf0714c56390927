"""Pictures of log-likelihoods: how EM climbed, and where the draws lie below the estimate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from scipy.stats import chi2

from comparisons.pictures.style import (
    BAND,
    EM,
    EM_LINE,
    POSTERIOR,
    POSTERIOR_LINE,
    QUIET,
    Look,
    above,
    colour,
    em_name,
    few_ticks,
    framed,
    line,
    minus,
    note,
    number,
    panel,
    patch,
    several,
    styled,
)
from comparisons.thresholds import MISSED
from models.refusal import Refusal

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from comparisons.kept.facts import Facts, Optima
    from models.arrays import Array, Labels

__all__ = [
    "ascent",
    "beating",
    "deviance",
    "no_ascent",
    "no_deviance",
    "reached",
    "reached_from",
]

INCH = 1e-3  # of log-likelihood: EM takes nearer ends for one; the axis is linear there
NAMED = 3  # optima below the best with an entry each
VERTICES = 400  # of a line


def no_ascent(facts: Facts) -> str:
    """Say why there is no climb to draw, if there is none.

    >>> no_ascent(comparison)
    ''
    """
    single = f"a single {facts.noun} is found in one step; there is no climb to draw"
    return single if facts.k == 1 else ""


def reached(facts: Facts) -> Labels:
    """Return which optimum each start reached, -1 where that is not clear.

    Climbs end within INCH below an optimum; heights cannot say which of two optima that close.

    >>> set(reached(comparison).tolist())
    {0}
    """
    optima = facts.optima.log_likelihood
    ends = _ends(facts.ascent.heights)
    slack = INCH + 1e-9 * np.abs(optima)
    below = optima - ends[:, None]
    near = (below >= -slack) & (below <= 1.1 * slack)
    return np.where(near.sum(axis=1) == 1, near.argmax(axis=1), -1)


def _ends(heights: Array) -> Array:
    """Return the last height of each climb, (starts,)."""
    return np.array([row[np.isfinite(row)][-1] for row in heights])


@styled
def ascent(facts: Facts) -> Figure:
    """Draw the log-likelihood of every start of EM against the step.

    >>> ascent(comparison).axes[0].get_ylabel()
    'log-likelihood minus the best one'
    """
    if why := no_ascent(facts):
        raise Refusal(why)
    optima, climbs = facts.optima, facts.ascent
    best = float(optima.log_likelihood[0])
    heights = climbs.heights - best
    ended = reached(facts)
    looks = _looks(optima)
    axes = panel(5.2)
    for start, end in sorted(enumerate(ended), key=lambda pair: -pair[1]):
        steps, y = _path(heights[start])
        axes.plot(steps, y, **looks[end], zorder=2)
    winner = int(np.argmax(np.where(ended == 0, _ends(heights), -np.inf)))
    axes.plot(*_path(heights[winner]), **(EM_LINE | {"linewidth": 2.4}), zorder=3)
    _spikes(axes, optima, heights, ended)
    entries = _ascent_entries(optima, climbs.begun, looks)
    own = facts.estimate.log_likelihood - best
    apart = bool(np.isfinite(own) and abs(own) > INCH)
    if apart:
        axes.axhline(own, color=QUIET, linewidth=1, linestyle=":")
        entries.append(line({"color": QUIET, "linestyle": ":"}, em_name(facts)))
    _leaps(axes, np.append(heights.ravel(), own))
    axes.set_xlim(0.5, heights.shape[1] + 0.5)
    axes.set_xlabel("step")
    axes.set_ylabel("log-likelihood minus the best one")
    title = "How EM climbed from each of its starts"
    caption = (
        f"0 is the log-likelihood of the best optimum of these starts, {minus(f'{best:,.6g}')}. "
        "The scale is logarithmic on either side of it, so that the first and the last steps are "
        "both visible."
    )
    if apart:
        caption += f" {_beside_starts(facts, own)}"
    return framed(axes, title, entries, caption)


def _beside_starts(facts: Facts, own: float) -> str:
    """Say how far the estimate is from the best optimum of the starts, and where it came from."""
    side = f"{abs(own):.3g} {'higher' if own > 0 else 'lower'}"
    if facts.estimate.name != "EM":
        return f"The estimate is {side}."
    return f"EM's estimate is {side}: EM reached it later, from {reached_from(facts)}."


def reached_from(facts: Facts) -> str:
    """Return from where EM reached an estimate that none of its own starts led to.

    >>> reached_from(comparison)
    'the posterior or other starts'
    """
    said = (one.message for one in facts.findings if one.code == "local_optimum")
    whence = re.search(r"reached the estimate from (.*)\.$", next(said, ""))
    return whence[1] if whence else "the posterior or other starts"


def _path(heights: Array) -> tuple[Labels, Array]:
    """Return steps, from 1, and heights of a climb, thinned where it is long."""
    steps = np.flatnonzero(np.isfinite(heights))
    if len(steps) > VERTICES:
        steps = steps[np.unique(np.geomspace(1, len(steps), VERTICES).astype(int)) - 1]
    return steps + 1, heights[steps]


def _looks(optima: Optima) -> list[Look]:
    """Return the line of starts that reached each optimum, and last, of those that did not."""
    looks: list[Look] = [{"color": EM, "linewidth": 0.9, "alpha": 0.7}]
    for optimum in range(1, len(optima.spike)):
        shade = "black" if optima.spike[optimum] else colour(optimum)
        looks.append({"color": shade, "linewidth": 0.9, "alpha": 0.7})
    return [*looks, {"color": QUIET, "linewidth": 0.9, "alpha": 0.4}]


def _spikes(axes: Axes, optima: Optima, heights: Array, ended: Labels) -> None:
    """Mark the ends of climbs that ran into a spike; of several only the legend says what.

    Their words would lie on each other.
    """
    reached = [one for one in np.flatnonzero(optima.spike) if (ended == one).any()]
    for optimum in reached:
        steps, y = _path(heights[np.flatnonzero(ended == optimum)[0]])
        end = (steps[-1], y[-1])
        axes.plot(*end, "^", color="black", markersize=6, zorder=4)
        if len(reached) == 1:
            note(axes, "spike", end, (6, 3), fontsize=9)


def _ascent_entries(optima: Optima, begun: int, looks: list[Look]) -> list[Artist]:
    """Return the legend: how many of the starts reached which optimum.

    begun: all starts. Those that climbed a part of very many observations only are not drawn.
    """

    def starts(*at: int) -> str:
        return several(int(each[list(at)].sum()), "start", "starts")

    spike, each = optima.spike.astype(bool), optima.starts
    depth = optima.log_likelihood - optima.log_likelihood[0]
    first = "best optimum of these starts" + ", a spike" * bool(spike[0])
    entries: list[Artist] = [line(EM_LINE, f"{first}: {starts(0)}", "^" if spike[0] else "")]
    lower = [one for one in range(1, len(each)) if not spike[one]]
    entries += [
        line(looks[one], f"optimum at {number(depth[one])}: {starts(one)}") for one in lower[:NAMED]
    ]
    if rest := lower[NAMED:]:
        more = several(len(rest), "other optimum", "other optima")
        entries.append(line(looks[rest[0]], f"{more}: {starts(*rest)}"))
    aside = [one for one in range(1, len(each)) if spike[one]]
    if aside:
        what = f"{several(len(aside), 'spike', 'spikes')}, set aside"
        entries.append(line(looks[aside[0]], f"{what}: {starts(*aside)}", "^"))
    if lost := begun - int(each.sum()):
        entries.append(
            line(looks[-1], f"abandoned, or at no optimum: {several(lost, 'start', 'starts')}")
        )
    return entries


def _leaps(axes: Axes, heights: Array) -> None:
    """Give every power of ten the same room on the height's axis, on either side of the best."""
    finite = heights[np.isfinite(heights)]
    low, high = float(finite.min()), float(finite.max())
    axes.set_yscale("symlog", linthresh=INCH, linscale=0.6)
    axes.set_ylim(min(1.8 * low, -3 * INCH), max(2.5 * high, 0.6 * INCH))
    down = range(-3, int(np.floor(np.log10(max(-low, INCH)) + 1e-9)) + 1)
    up = range(-3, int(np.floor(np.log10(max(high, INCH)) + 1e-9)) + 1) if high > INCH else range(0)
    every = 2 if len(down) + len(up) > 8 else 1
    ticks = [-(10.0**power) for power in down[::-every]] + [0.0]
    ticks += [10.0**power for power in up[::-every]]
    few_ticks(axes)
    axes.xaxis.set_major_locator(MaxNLocator(9, integer=True, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(FixedLocator(sorted(ticks)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(_signed))


def _signed(value: float, _: int | None) -> str:
    return minus(f"{value:+,g}") if value else "0"


def no_deviance(facts: Facts) -> str:
    """Say why there is no deviance to draw, if there is none.

    >>> no_deviance(comparison)
    ''
    """
    finite = np.isfinite(facts.deviance).all()
    return "" if finite else "the estimate's log-likelihood is not finite; no deviance can be drawn"


def beating(facts: Facts) -> tuple[int, int]:
    """Return how many draws have a higher log-likelihood than the estimate, and of how many.

    >>> beating(comparison)
    (0, 2000)
    """
    found = facts.deviance
    return int((found < -2 * MISSED).sum()), found.size


@styled
def deviance(facts: Facts) -> Figure:
    """Draw how far below the estimate the draws lie, beside chi-squared, which theory expects.

    >>> deviance(comparison).axes[0].get_xlabel()
    "deviance: how far a draw's log-likelihood lies below the estimate's, times 2"
    """
    if why := no_deviance(facts):
        raise Refusal(why)
    found = facts.deviance.ravel()
    p, mean = facts.deviance_expected, float(found.mean())
    tail = np.quantile(found, [0.001, 0.999])
    low, high = min(0.0, float(tail[0])), max(float(tail[1]), float(chi2.ppf(0.999, p)))
    margin = 0.03 * (high - low)
    axes = panel(4.6)
    bars = _histogram(axes, found[(found >= tail[0]) & (found <= tail[1])], found.size)
    x = np.union1d(np.linspace(low, high, 500), chi2.ppf(np.linspace(0.001, 0.999, 400), p))
    expected = chi2.pdf(x[x > 0], p)
    axes.plot(x[x > 0], expected, **EM_LINE)
    top = above(bars, float(expected.max()))
    axes.axvline(mean, **POSTERIOR_LINE)
    axes.axvline(p, **(EM_LINE | {"linewidth": 1.2}))
    axes.axvline(0, color="black", linewidth=0.9)
    axes.set(xlim=(low - margin, high + margin), ylim=(0, top), ylabel="density")
    axes.set_xlabel("deviance: how far a draw's log-likelihood lies below the estimate's, times 2")
    few_ticks(axes, 8)
    better, n = beating(facts)
    lie = f"{better:,} of {n:,} draws lie" if better else "No draw lies"
    caption = f"{lie} left of 0, where draws have a higher likelihood than the estimate."
    if float(expected.max()) > top:
        caption += " The peak of the expected curve is cut off."
    entries: list[Artist] = [
        patch(BAND | {"alpha": 0.4}, "posterior draws"),
        line(POSTERIOR_LINE, f"their mean, {number(mean)}"),
        line(EM_LINE, f"expected: chi-squared with mean {p:.4g}"),
    ]
    side = "below or above" if 0 < better < n else "above" if better else "below"
    should = "how far below they should" if better else "how far they should"
    title = f"How far the draws lie {side} {em_name(facts)}, and {should}"
    return framed(axes, title, entries, caption)


def _histogram(axes: Axes, values: Array, n: int) -> float:
    """Draw a histogram of most of n values, and return its greatest height."""
    edges = np.histogram_bin_edges(values, "fd" if np.ptp(values) > 0 else 1)
    if len(edges) > 120:
        edges = np.linspace(edges[0], edges[-1], 121)
    heights = np.histogram(values, edges)[0] / (n * np.diff(edges))
    axes.stairs(heights, edges, fill=True, color=POSTERIOR, alpha=0.4)
    return float(heights.max())
