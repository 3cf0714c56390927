"""The weather: the probability of high pressure on each day, without order and with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from comparisons.pictures.style import (
    EM_LINE,
    QUIET,
    Look,
    blank,
    colour,
    few_ticks,
    framed,
    line,
    patch,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from em import Fit
    from models import Sequences
    from models.arrays import Labels

__all__ = ["days"]

SHOWN = 200  # days
HIGH: Look = {"color": colour(0), "alpha": 0.2, "linewidth": 0}
ALONE: Look = {"color": colour(1), "linewidth": 1.0}


@styled
def days(data: Sequences, path: Labels, chain: Fit[Any], alone: Fit[Any]) -> Figure:
    """Draw the first days, the true weather behind, and both probabilities of high pressure.

    >>> from comparisons.studies.weather import simulated, unordered
    >>> from em import fit
    >>> from models import Gaussian
    >>> data, _, path = simulated(2.0, seed=1)
    >>> both = (fit(Gaussian, one, 2, starts=2) for one in (data, unordered(data)))
    >>> len(days(data, path, *both).axes)
    2
    """
    shown = np.arange(min(SHOWN, len(path)))
    x = data.sample.x[data.unit_rows]
    figure = blank(4.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.2))
    above.plot(shown + 1, x[shown], color=QUIET, linewidth=0.8, marker="o", markersize=2.5)
    above.set_ylabel("pressure (hPa)")
    below.plot(shown + 1, alone.responsibilities(alone.question.units)[shown, 1], **ALONE)
    below.plot(shown + 1, chain.responsibilities(data)[shown, 1], **EM_LINE)
    below.set(xlabel="day", ylabel="P(high pressure)", ylim=(-0.03, 1.03))
    for axes in (above, below):
        low, high = axes.get_ylim()
        axes.fill_between(
            shown + 1, low, high, where=path[shown] == 1, step="mid", **HIGH, zorder=0
        )
        axes.set_ylim(low, high)
        few_ticks(axes, 10, 4)
    entries = [
        patch(HIGH, "days of high pressure (truth)"),
        line(ALONE, "mixture: each day by itself"),
        line(EM_LINE, "hidden Markov model: days in order"),
    ]
    caption = f"The first {len(shown)} of {len(path)} simulated days."
    return framed(figure, "What order adds: the same days, fitted twice", entries, caption)
