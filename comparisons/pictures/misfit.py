"""Pictures of the model's fit: a rootogram of counts, the distribution of transforms otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator
from scipy.stats import binom, norm

from comparisons.pictures.data import SINGLE, counted, name_categories, unnamed, what
from comparisons.pictures.letters import drawable
from comparisons.pictures.style import (
    BAND,
    DATA,
    POSTERIOR_LINE,
    colour,
    few_ticks,
    framed,
    line,
    panel,
    patch,
    styled,
)
from comparisons.thresholds import LEVEL
from models.refusal import Refusal

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

    from comparisons.kept.facts import Facts

__all__ = ["misfit", "no_misfit"]

TITLE = "Does the model fit? Observed against fitted distribution"


def no_misfit(facts: Facts) -> str:
    """Say why there is no fit to draw, if there is none.

    >>> no_misfit(comparison)
    ''
    """
    return "" if facts.fitted is not None else "the file was written before the fit was measured"


@styled
def misfit(facts: Facts) -> Figure:
    """Draw a rootogram of few different counts in no order, otherwise that of the transforms.

    >>> misfit(comparison).axes[0].get_ylabel()
    '√ number of observations'
    """
    if why := no_misfit(facts):
        raise Refusal(why)
    few = facts.density is not None and len(facts.density.x) <= SINGLE
    few = few and facts.states is None  # the band is of rows that do not depend on each other
    return _rootogram(facts) if few and counted(facts) else _transforms(facts)


def _rootogram(facts: Facts) -> Figure:
    """Draw bars of square-root frequencies that hang from those expected (Tukey 1977)."""
    density, rows, n = facts.density, facts.histogram, facts.observations
    assert density is not None
    x = density.x
    seen = np.sqrt([rows.counts[rows.x == one].sum() for one in x])
    due = np.sqrt(n * density.predictive)
    tail = (1 - LEVEL) / 2
    low, high = np.sqrt(binom.ppf([[tail], [1 - tail]], n, density.predictive))
    axes = panel(4.2)
    axes.bar(x, -seen, 0.8, due, color=DATA)
    axes.plot(x, due, **POSTERIOR_LINE, marker="o", markersize=3)
    axes.fill_between(x, due - high, due - low, **BAND, step="mid")
    axes.axhline(0, color="black", linewidth=0.9)
    axes.set(xlabel=what(facts), ylabel="√ number of observations")
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    name_categories(axes.xaxis, facts)
    entries: list[Artist] = [
        patch({"color": DATA}, "observed, hanging from the expected number"),
        line(POSTERIOR_LINE, "expected by the posterior"),
        patch(BAND, f"{LEVEL:.0%} of the bars end here if the model is right"),
    ]
    caption = f"{_size(facts)} A bar that ends outside the band differs by more than chance."
    caption += unnamed(facts, "category")
    return framed(axes, TITLE, entries, caption)


def _transforms(facts: Facts) -> Figure:
    """Draw observed less fitted distribution function, a line for each column."""
    found, n = facts.fitted, _seen(facts)
    assert found is not None
    t = found.probability
    band = norm.ppf((1 + LEVEL) / 2) * np.sqrt(t * (1 - t) / n)
    axes = panel(4.2)
    axes.fill_between(100 * t, -100 * band, 100 * band, **BAND)
    axes.axhline(0, color="black", linewidth=0.9)
    entries: list[Artist] = [patch(BAND, f"{LEVEL:.0%} of the differences if the model is right")]
    names = drawable(facts.columns, "column")
    for at, curve in enumerate(found.curve):
        look = {**POSTERIOR_LINE, "color": colour(at)} if len(found.curve) > 1 else POSTERIOR_LINE
        axes.plot(100 * t, 100 * (curve - t), **look)
        name = names[at] if at < len(names) else f"column {at + 1}"
        given = "" if at == 0 else ", given the columns before it"
        label = f"{name}{given}" if len(found.curve) > 1 else "observed minus fitted"
        entries.append(line(look, label))
    axes.set(xlim=(0, 100))
    axes.set_xlabel("percentile of the fitted distribution")
    axes.set_ylabel("difference, percentage points")
    few_ticks(axes, 10)
    return framed(axes, TITLE, entries, _size(facts) + unnamed(facts))


def _seen(facts: Facts) -> float:
    """Return the number of observations; of a table with blanks, of the column seen least."""
    x, counts = facts.rows.x, facts.rows.counts
    if x.ndim == 1 or not np.isnan(x).any():
        return facts.observations
    return float((counts @ ~np.isnan(x)).min())


def _size(facts: Facts) -> str:
    """Return the size of the misfit in a sentence."""
    assert facts.fitted is not None
    return f"The largest difference is {100 * facts.fitted.size:.2g} percentage points."
