"""How fast EM converges: what is left of the way, problem by problem, and the posterior."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter
from scipy.stats import norm

from comparisons.pictures.style import (
    EM,
    EM_LINE,
    POSTERIOR_LINE,
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
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from models.arrays import Array

__all__ = ["linkage", "speed"]

SLOPE: Look = {"color": QUIET, "linewidth": 3.5, "alpha": 0.35}
FAST: Look = {"color": EM, "linestyle": "-", "linewidth": 1.4}
LAST = 1e-15  # least distance that doubles resolve


@styled
def speed(
    paths: Sequence[Array], limit: float, races: Mapping[str, tuple[float, float, int, int]]
) -> Figure:
    """Draw the distance to the limit by step, and the evaluations of every problem.

    paths: t after each step, plain and accelerated; races: missing information, rate, and
    evaluations, plain and accelerated, by problem.

    >>> path = 0.6 - 0.1 ** np.arange(1.0, 6.0)
    >>> figure = speed([path, path[::2]], 0.6, {"plants": (0.1, 0.1, 5, 3)})
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['step', 'evaluations of the log-likelihood']
    """
    figure = blank(4.6, 0.12)
    left, right = side_by_side(figure, 2, width_ratios=(1, 1.15))
    missing = next(iter(races.values()))[0]
    _distance(left, paths, limit, missing)
    _evaluations(right, races)
    entries = [
        line(EM_LINE, "plain EM", "o"),
        line(FAST | {"markerfacecolor": "white"}, "the same, accelerated", "o"),
        line(SLOPE, f"leaving {missing:.4f} each step"),
    ]
    caption = (
        "Left: each step leaves the share of missing information, shown far beyond the usual stop. "
        "Right: the more information is missing, the more steps plain EM needs."
    )
    return framed(figure, "The more information is missing, the slower EM is", entries, caption)


def _distance(axes: Axes, paths: Sequence[Array], limit: float, missing: float) -> None:
    """Draw how far each step is from the limit."""
    steps = np.arange(len(paths[0]) + 1)
    first = abs(paths[0][2] - limit) / missing**2
    axes.plot(steps, np.log10(first * missing**steps), **SLOPE)
    for path, look, fill in zip(paths, (EM_LINE, FAST), (EM, "white"), strict=True):
        away = np.abs(path - limit)
        told = np.flatnonzero(away > LAST)
        axes.plot(
            told, np.log10(away[told]), **look, marker="o", markerfacecolor=fill, markersize=5
        )
    axes.set(ylim=(np.log10(LAST) + 0.5, 0), xlim=(-0.4, None), xlabel="step")
    axes.set(ylabel="log10 of the distance to the limit", title="Rao's plants")
    few_ticks(axes)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda power, _: minus(f"{power:g}")))


def _evaluations(axes: Axes, races: Mapping[str, tuple[float, float, int, int]]) -> None:
    """Draw two points a problem: evaluations plain and accelerated."""
    for row, (name, (missing, _, slow, fast)) in enumerate(races.items()):
        axes.plot([fast, slow], [row, row], color=QUIET, linewidth=0.8)
        axes.plot(slow, row, "o", color=EM, markersize=8)
        axes.plot(fast, row, "o", color=EM, markerfacecolor="white", markersize=8)
        note(axes, f"{name}: {missing:.2%} missing", (3.4, row), (0, 14))
        for count, side in ((slow, "left"), (fast, "right")):
            shift = 8 if side == "left" else -8
            note(axes, f"{count:,}", (count, row), (shift, 0), ha=side, va="center", fontsize=9)
    axes.set(xscale="log", xlim=(3, 2.2e4), ylim=(len(races) - 0.6, -0.7), yticks=[])
    axes.set(xlabel="evaluations of the log-likelihood", title="how much work")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.spines["left"].set_visible(False)
    axes.tick_params(labelsize=9, color=QUIET)


@styled
def linkage(
    expect: Callable[[float], tuple[float, Array]],
    estimate: tuple[float, float],
    moments: tuple[float, float],
) -> Figure:
    """Draw the posterior beside the estimate's normal curve.

    expect: gives l at t first; estimate: with its standard error; moments: mean and sd.

    >>> from comparisons.studies.linkage import Plants
    >>> linkage(Plants().expect, (0.6268, 0.0515), (0.6228, 0.0509)).axes[0].get_xlabel()
    't'
    """
    centre, error = estimate
    t = np.linspace(centre - 4.2 * error, centre + 4.2 * error, 601)
    level = np.array([expect(float(one))[0] for one in t])
    density = np.exp(level - level.max())
    density /= np.trapezoid(density, t)
    figure = blank(4.2)
    axes = figure.add_subplot()
    axes.plot(t, density, **POSTERIOR_LINE)
    axes.plot(t, norm(centre, error).pdf(t), **EM_LINE)
    axes.axvline(centre, **(EM_LINE | {"linewidth": 1.1}))
    axes.axvline(moments[0], **(POSTERIOR_LINE | {"linewidth": 1.1}))
    axes.set(xlim=(t[0], t[-1]), ylim=(0, None), xlabel="t", ylabel="density")
    few_ticks(axes, 8)
    entries = [
        line(EM_LINE, f"EM's estimate {centre:.4f}, standard error {error:.4f}"),
        line(POSTERIOR_LINE, f"exact posterior, mean {moments[0]:.4f}, sd {moments[1]:.4f}"),
    ]
    side = "left" if moments[0] < centre else "right"
    caption = f"Both have their peak at the estimate; the posterior leans a little to the {side}."
    return framed(
        figure, "The observed information determines the standard error", entries, caption
    )
