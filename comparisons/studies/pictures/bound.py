"""Why EM climbs: the chord under the logarithm, and bounds under the log-likelihood."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import entr

from comparisons.pictures.style import (
    EM,
    EM_LINE,
    QUIET,
    Look,
    blank,
    few_ticks,
    framed,
    line,
    minus,
    note,
    side_by_side,
    styled,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from models.arrays import Array

__all__ = ["bounds", "jensen"]

CURVE: Look = {"color": QUIET, "linewidth": 1.8}
GAP = {"arrowstyle": "<->", "color": "black", "shrinkA": 0, "shrinkB": 0}


@styled
def jensen(
    chord: tuple[float, float], odds: Array, person: float, means: tuple[float, float]
) -> Figure:
    """Draw the chord between two numbers, and one person's bound over the shares.

    odds: (2,) log(w_k p_k) of the person, women first; means: of women and men.

    >>> from comparisons.studies.bound import joint
    >>> figure = jensen((1.0, 5.0), joint(176.0)[6], 166.0, (163.0, 176.0))
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['a number', 'assumed probability that 166 cm is a man']
    """
    figure = blank(4.6, 0.12)
    left, right = side_by_side(figure, 2)
    _chord(left, *chord)
    _person(right, odds, person)
    entries = [
        line(CURVE, "the logarithm; the log-likelihood"),
        line(EM_LINE, "the chord, mean of logs; the bound"),
    ]
    caption = (
        "Left: halfway between two numbers the chord lies below the logarithm. Right: the same for "
        f"the log-likelihood of one person of {person:.0f} cm if men average {means[1]:.1f} cm and "
        f"women {means[0]:.0f}. The E-step chooses the share at which the bound touches."
    )
    return framed(
        figure, "Jensen: the mean of logs is never above the log of the mean", entries, caption
    )


def _chord(axes: Axes, low: float, high: float) -> None:
    """Draw the logarithm, the chord, and what lies between at the middle."""
    x = np.linspace(0.4, high + 0.8, 300)
    ends, middle = np.array([low, high]), (low + high) / 2
    log, mean = np.log(middle), np.log(ends).mean()
    axes.plot(x, np.log(x), **CURVE)
    axes.plot(ends, np.log(ends), **EM_LINE, marker="o", markersize=6)
    axes.plot(middle, log, "o", color=QUIET, markersize=6)
    axes.plot(middle, mean, "o", color=EM, markersize=6)
    axes.annotate("", (middle, log), (middle, mean), arrowprops=GAP)
    upper = f"log {middle:g} = {log:.3f},\nlog of the mean"
    lower = f"(log {low:g} + log {high:g})/2 = {mean:.3f},\nmean of the logs"
    note(axes, upper, (middle, log), (-10, 10), ha="right")
    note(axes, lower, (middle, mean), (10, -4), va="top")
    axes.set(xlabel="a number", ylabel="its logarithm", ylim=(-0.95, 2.15))
    few_ticks(axes)


def _person(axes: Axes, odds: Array, person: float) -> None:
    """Draw one person's bound over the share of man."""
    r = np.linspace(0, 1, 401)
    level = float(np.logaddexp(*odds))
    best = float(np.exp(odds[1] - level))

    def bound(share: Array) -> Array:
        return (1 - share) * odds[0] + share * odds[1] + entr(share) + entr(1 - share)

    guess = 0.75 if best < 0.5 else 0.25
    below = float(bound(np.array(guess)))
    axes.axhline(level, **CURVE)
    axes.plot(r, bound(r), **EM_LINE)
    axes.plot(best, level, "o", color=EM, markersize=7)
    axes.plot(guess, below, "o", color=EM, markersize=5)
    axes.annotate("", (guess, level), (guess, below), arrowprops=GAP)
    side, shift = ("left", 6) if guess > 0.5 else ("right", -6)
    lost = f"{level - below:.2f} lost\nby this\nguess"
    note(axes, lost, (guess, level), (shift, -8), ha=side, va="top")
    touches = f"touches at {best:.3f},\nthe responsibility"
    note(axes, touches, (best, level), (0, 8), ha="center")
    axes.set(xlim=(0, 1), xlabel=f"assumed probability that {person:.0f} cm is a man")
    lowest = float(bound(r).min())
    axes.set(ylabel="log-likelihood", ylim=(lowest - 0.05, level + 0.35 * (level - lowest)))
    few_ticks(axes)


@styled
def bounds(
    grid: Array,
    height: Callable[[Array], Array],
    bound: Callable[[Array, float], Array],
    paths: Sequence[Array],
) -> Figure:
    """Draw l over men's mean, and the first bounds of each climb.

    height: of theta to l; bound: of theta and where it touches; paths: theta step by step.

    >>> from comparisons.studies.bound import GRID, bound, height, path, shares
    >>> figure = bounds(GRID, height, lambda at, here: bound(at, shares(here)), [path(166.0)])
    >>> figure.axes[0].get_xlabel()
    "men's mean, in cm"
    """
    figure = blank(5.4)
    axes = figure.add_subplot()
    level = height(grid)
    floor, ceiling = level.min() - 0.35 * np.ptp(level), level.max() + 0.24 * np.ptp(level)
    axes.plot(grid, level, **(CURVE | {"linewidth": 2.4}), zorder=3)
    for found in paths:
        for step, (here, after) in enumerate(pairwise(found[:4])):
            under = bound(grid, float(here))
            shown = under > floor
            axes.plot(grid[shown], under[shown], **(EM_LINE | {"linewidth": 1.4}))
            top = float(bound(np.array(after), float(here)))
            axes.plot(here, height(here), "o", color=EM, markersize=7, zorder=4)
            axes.plot(after, top, "^", color=EM, markerfacecolor="white", markersize=8, zorder=5)
            axes.plot(
                [after, after], [top, float(height(after))], color=EM, linewidth=1, linestyle=":"
            )
            note(axes, str(step), (here, float(height(here))), (-9, 6), ha="center")
        end = (found[-1], float(height(found[-1])))
        ends = minus(f"ends at {end[0]:.1f} cm,\nl = {end[1]:.2f}")
        note(axes, ends, end, (0, 28), ha="center")
    axes.set(xlim=(grid[0], grid[-1]), ylim=(floor, ceiling))
    axes.set(xlabel="men's mean, in cm", ylabel="log-likelihood")
    few_ticks(axes, 9)
    dot: Look = {"color": EM, "linestyle": "none", "markersize": 7}
    entries = [
        line(CURVE, "log-likelihood"),
        line(EM_LINE, "bounds, touching where EM stands"),
        line(dot, "EM, with its step", "o"),
        line(dot | {"markerfacecolor": "white"}, "top of a bound: the next step", "^"),
    ]
    caption = (
        "The E-step lifts the bound until it touches; the M-step goes to its top. The "
        "log-likelihood there is higher still, by the dotted line. Each start climbs its own hill."
    )
    return framed(figure, "EM climbs from bound to bound", entries, caption)
