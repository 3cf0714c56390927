"""A dish between two plates: what lies on each, and how fast the surplus goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter

from comparisons.pictures.style import (
    EM_LINE,
    QUIET,
    TRUTH_LINE,
    blank,
    colour,
    few_ticks,
    framed,
    line,
    minus,
    note,
    patch,
    side_by_side,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from models.arrays import Array

__all__ = ["plates"]

SHOWN = 14  # steps that find room
NAMED = 0.2  # grams of surplus at which a line is named, where all lie well apart


@styled
def plates(paths: dict[float, Array], eye: float, close: float) -> Figure:
    """Draw both plates step by step, and the surplus under every eye.

    paths: (steps + 1, 2) grams on each plate, by the share of the surplus that the eye sees; eye:
    the one whose plates are drawn; close: the surplus that does not matter.

    >>> from comparisons.studies.dish import split
    >>> [axes.get_ylabel() for axes in plates({0.7: split(0.7)[0]}, 0.7, 1.0).axes]
    ['grams on a plate', 'surplus, in grams']
    """
    figure = blank(4.1, 0.12)
    left, right = side_by_side(figure, 2)
    _both(left, paths[eye])
    for seen, path in paths.items():
        _surplus(right, path, seen, own=seen == eye)
    right.axhline(close, color=QUIET, linewidth=1)
    right.text(9.5, 0.84 * close, "does not matter", ha="center", va="top", color=QUIET, fontsize=9)
    right.set(yscale="log", ylim=(0.09 * close, 900), xlim=(-0.3, SHOWN + 0.3))
    right.set(xlabel="step", ylabel="surplus, in grams")
    right.yaxis.set_major_formatter(FuncFormatter(lambda grams, _: f"{grams:g}"))
    entries = [
        patch({"color": colour(0)}, "left plate"),
        patch({"color": colour(1)}, "right plate"),
        line(TRUTH_LINE, "half the dish"),
        line(EM_LINE, f"a cook who sees {eye:.0%}", "o"),
        line({"color": QUIET, "linewidth": 1.2}, "other eyes", "o"),
    ]
    caption = (
        "Each step moves half of the surplus that is seen. The rest remains, so the surplus "
        "shrinks by the same factor every time."
    )
    return framed(
        figure, "Look, carry some over, look again: even without scales", entries, caption
    )


def _both(axes: Axes, path: Array) -> None:
    """Draw the plates as pairs of bars, with the surplus above."""
    steps = np.arange(len(path))
    for plate in (0, 1):
        axes.bar(steps + 0.4 * (plate - 0.5), path[:, plate], 0.38, color=colour(plate))
    axes.axhline(path[0].sum() / 2, **TRUTH_LINE)
    for step, (one, other) in enumerate(path):
        what = minus(f"{one - other:+.{0 if abs(one - other) > 10 else 1}f}")
        axes.text(step, max(one, other) + 8, what, ha="center", va="bottom", fontsize=9)
    axes.set(xlabel="step; above it the left plate's surplus", ylabel="grams on a plate")
    axes.set(ylim=(0, 1.1 * path.max()))
    few_ticks(axes, 8)


def _surplus(axes: Axes, path: Array, seen: float, *, own: bool) -> None:
    """Draw how the surplus of one eye goes."""
    surplus = np.abs(path[:, 0] - path[:, 1])
    look = EM_LINE if own else {"color": QUIET, "linewidth": 1.2}
    axes.plot(surplus, **look, marker="o", markersize=4.5 if own else 3.5)
    speed = np.log(surplus[0] / surplus[1])
    at = min(float(np.log(surplus[0] / NAMED) / speed), SHOWN - 3.2)
    place = (at, surplus[0] * np.exp(-at * speed))
    note(axes, f"sees {seen:.0%}", place, (5, 2), fontsize=9)
