"""The earthquakes: yearly numbers, and the rate of each year's state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comparisons.pictures.style import QUIET, blank, colour, few_ticks, framed, line, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from em import Fit
    from models import HiddenMarkov, Poisson

__all__ = ["moods"]


@styled
def moods(found: Fit[HiddenMarkov[Poisson]], first: int) -> Figure:
    """Draw the series over the rates of the likeliest path.

    first: the year of the first row.

    >>> from comparisons.studies.earthquakes import FIRST, QUAKES
    >>> from em import fit
    >>> from models import Poisson
    >>> moods(fit(Poisson, QUAKES, 2), FIRST).axes[0].get_xlabel()
    'year'
    """
    data = found.question.units
    counts, path = data.sample.x[data.unit_rows], found.decode()
    years, rates = first + np.arange(len(path)), found.estimate.theta.rate
    figure = blank(4.2)
    axes = figure.add_subplot()
    axes.plot(years, counts, color=QUIET, linewidth=0.8, zorder=1)
    for state, rate in enumerate(rates):
        own = path == state
        axes.scatter(years[own], counts[own], s=22, color=colour(state), lw=0, zorder=3)
        axes.plot(years, np.where(own, rate, np.nan), color=colour(state), linewidth=2.5, zorder=2)
    axes.set(xlabel="year", ylabel="earthquakes in the year", ylim=(0, None))
    few_ticks(axes, 11)
    entries = [
        line({"color": colour(state), "linewidth": 2.5}, f"state {state}: {rate:.1f} a year", "o")
        for state, rate in enumerate(rates)
    ]
    caption = "Colours are the states of the likeliest path; lines lie at their rates."
    title = f"Large earthquakes, {years[0]} to {years[-1]}, and {len(rates)} hidden moods"
    return framed(figure, title, entries, caption)
