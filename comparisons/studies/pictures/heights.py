"""Heights: who is misassigned, and how sure one is of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comparisons.pictures.style import (
    BAND,
    EM_LINE,
    POSTERIOR_LINE,
    QUIET,
    TRUTH_LINE,
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
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from comparisons.kept.facts import Facts
    from models.arrays import Array, Labels

__all__ = ["misassigned"]

MANY = 2_000  # people who fill a bar for each centimetre


@styled
def misassigned(
    facts: Facts, heights: Array, sex: Labels, truth: Callable[[Array], Array]
) -> Figure:
    """Draw women and men, those whom EM takes for the other darker, over how sure one is.

    facts: of the comparison; heights, sex: (n,); truth: of heights to probabilities of a man.

    >>> x = comparison.rows.x  # counts in place of heights
    >>> figure = misassigned(comparison, x, x > 4, lambda rows: 1.0 * (rows > 4))
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['people', 'probability of a man']
    """
    x, _, *each = facts.memberships.ascending
    em, mean, low, high = (one[:, 1] for one in each)
    wrong = (em[np.searchsorted(x, heights)] > 0.5) != sex
    figure = blank(5.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.3, 1))
    width = 1 if len(heights) >= MANY else 3  # whole centimetres, as heights are rounded
    edges = np.arange(np.floor(heights.min()), heights.max() + width, width)
    groups = [heights[(sex == one) & (wrong == bad)] for bad in (False, True) for one in (0, 1)]
    shades = [colour(0), colour(1)]
    above.hist(groups[:2], edges, stacked=True, color=shades, alpha=0.45)
    base = np.histogram(np.concatenate(groups[:2]), edges)[0]
    for one in (0, 1):
        counts = np.histogram(groups[2 + one], edges)[0]
        look: Look = {"color": shades[one], "hatch": "////", "edgecolor": "black", "linewidth": 0.3}
        above.bar(edges[:-1], counts, np.diff(edges), base, align="edge", **look)
        base = base + counts
    above.set_ylabel("people")
    below.fill_between(x, low, high, **BAND)
    below.plot(x, truth(x), **TRUTH_LINE)
    below.plot(x, mean, **POSTERIOR_LINE)
    below.plot(x, em, **EM_LINE)
    below.axhline(0.5, color=QUIET, linewidth=0.7)
    below.set(xlabel="height in cm", ylabel="probability of a man", ylim=(-0.03, 1.03))
    for axes in (above, below):
        few_ticks(axes, 8, 4)
    entries = [
        patch({"color": colour(0), "alpha": 0.45}, "women"),
        patch({"color": colour(1), "alpha": 0.45}, "men"),
        patch({"facecolor": "white", "hatch": "////", "edgecolor": "black"}, "misassigned by EM"),
        line(EM_LINE, "by EM"),
        line(POSTERIOR_LINE, "by the posterior"),
        patch(BAND, "its 95% interval"),
        line(TRUTH_LINE, "true"),
    ]
    caption = f"EM assigns {wrong.mean():.1%} of {len(sex):,} people to the wrong group."
    title = "Heights of women and men, and who is misassigned"
    return framed(figure, title, entries, caption)
