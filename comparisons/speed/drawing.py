"""One picture: the time of a step of EM over n, of all who are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comparisons.pictures.style import EM_LINE, QUIET, blank, colour, framed, line, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from comparisons.speed.records import Curve

__all__ = ["over_n"]

MARKERS = "osD^vP"


@styled
def over_n(curves: Sequence[Curve], machine: str) -> Figure:
    """Draw the seconds of a step over n, both logarithmic; ours as EM is drawn everywhere.

    >>> from comparisons.speed.records import Curve
    >>> figure = over_n([Curve("ours", (1_000, 10_000), (1e-5, 1e-4))], "A machine")
    >>> figure.axes[0].get_xscale(), figure.axes[0].get_xlabel()
    ('log', 'observations')
    """
    figure = blank(4.8)
    axes = figure.subplots()
    entries = []
    for place, one in enumerate(curves):
        look = EM_LINE if place == 0 else {"color": colour(place - 1), "linewidth": 1.6}
        marker = MARKERS[place % len(MARKERS)]
        axes.plot(one.n, one.seconds, marker=marker, markersize=5, **look)
        entries.append(line(look, one.who, marker))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(visible=True, which="major", color=QUIET, alpha=0.25, linewidth=0.6)
    axes.tick_params(labelsize=9, color=QUIET)
    axes.tick_params(which="minor", left=False, bottom=False)
    axes.set_xlabel("observations")
    axes.set_ylabel("seconds of one step of EM")
    title = "One step of EM, two Gaussians in one dimension, continuous heights"
    caption = f"Medians of the rounds, all sides in turn and from the same start. {machine}."
    return framed(figure, title, entries, caption)
