"""Two coins: EM's climbs over the likelihood, among the posterior's draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom

from comparisons.pictures.style import (
    EM_LINE,
    POSTERIOR,
    QUIET,
    TRUTH,
    Look,
    blank,
    colour,
    few_ticks,
    framed,
    line,
    side_by_side,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from comparisons.kept.facts import Facts
    from models.arrays import Array

__all__ = ["climbs"]

BELOW = (0.5, 1, 2, 4, 7, 11, 16)  # log-likelihood below the highest, of the contours
DRAWS = 1_500
HARD: Look = {"color": colour(1), "linestyle": "-", "linewidth": 1.4}
CLOUD: Look = {"color": POSTERIOR, "linestyle": ""}


@styled
def climbs(facts: Facts, known: Array, hard: list[Array], soft: list[Array]) -> Figure:
    """Draw the climbs over the likelihood, and whose each set is.

    facts: of the comparison; known: the coins (2,) had labels been known; hard, soft: paths.

    >>> from types import SimpleNamespace
    >>> from comparisons.kept.facts import Memberships, Rows
    >>> from comparisons.studies.coins import BIASES, FLIPS, climb
    >>> rows = Rows(FLIPS.x, FLIPS.counts, FLIPS.trials)
    >>> draws = {"prob": np.full((9, 2), [0.5, 0.8])}
    >>> known = Memberships(rows.x, rows.counts, *np.full((4, len(rows.x), 2), 0.5))
    >>> paths = [climb((0.5, 0.9), hard=True), climb((0.5, 0.6), hard=False)]
    >>> figure = climbs(SimpleNamespace(rows=rows, draws=draws, memberships=known), BIASES, *paths)
    >>> figure.axes[0].get_xlabel()
    'coin A: probability of heads'
    """
    figure = blank(4.9)
    left, right = side_by_side(figure, 2, width_ratios=(1.25, 1))
    _surface(left, facts)
    left.plot(*np.array(hard).T, marker="s", markersize=5, **HARD)
    left.plot(*np.array(soft).T, marker="o", markersize=4, **EM_LINE)
    left.plot(*known, "*", color=TRUTH, markersize=13)
    left.set(xlabel="coin A: probability of heads", ylabel="coin B: probability of heads")
    _shares(right, facts)
    entries = [
        line(EM_LINE, "soft EM from 0.50, 0.60", "o"),
        line(HARD, "hard EM from 0.50, 0.90", "s"),
        line({"color": TRUTH, "linestyle": ""}, "labels known: 0.45, 0.80", "*"),
        line(CLOUD, "posterior: draws; mean and 95%", "o"),
        line({"color": QUIET, "linewidth": 0.8}, "equal log-likelihood"),
    ]
    caption = (
        f"Contours lie {', '.join(f'{one:g}' for one in BELOW)} below the highest log-likelihood. "
        "On the right, the probability that coin B tossed a set."
    )
    return framed(
        figure,
        "Five sets of ten flips: where EM ends, and what else is plausible",
        entries,
        caption,
    )


def _surface(axes: Axes, facts: Facts) -> None:
    """Draw the log-likelihood's contours and the posterior's draws."""
    heads, counts, trials = facts.rows
    assert trials is not None
    p = np.linspace(0.005, 0.995, 199)
    each = binom.pmf(heads[:, None], trials[:, None], p)
    height = np.tensordot(counts, np.log((each[:, :, None] + each[:, None, :]) / 2), 1)
    draws = facts.draws["prob"]
    few = draws[np.linspace(0, len(draws) - 1, DRAWS).astype(int)]
    axes.scatter(few[:, 0], few[:, 1], s=5, color=POSTERIOR, alpha=0.25, lw=0, rasterized=True)
    levels = height.max() - np.array(BELOW)[::-1]
    axes.contour(p, p, height.T, levels, colors=QUIET, linewidths=0.8, linestyles="-")
    axes.set(xlim=(0.05, 0.9), ylim=(0.3, 1))
    few_ticks(axes)


def _shares(axes: Axes, facts: Facts) -> None:
    """Draw the probability that each set is coin B's, by EM and by the posterior."""
    x, _, *each = facts.memberships.ascending
    em, mean, low, high = (one[:, 1] for one in each)
    axes.errorbar(x, mean, (mean - low, high - mean), color=POSTERIOR, fmt="o", ms=5, capsize=3)
    axes.plot(x, em, marker="o", markersize=4, **EM_LINE)
    axes.set(xlabel="heads in a set", ylabel="probability of coin B", ylim=(-0.03, 1.03))
    few_ticks(axes)
