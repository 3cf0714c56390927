"""Pictures of rows in time: the series and its states, how long they last, the residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import beta, norm

from comparisons.pictures.data import called, name_categories, unnamed, what
from comparisons.pictures.style import (
    BAND,
    DATA,
    EM_LINE,
    POSTERIOR,
    POSTERIOR_LINE,
    QUIET,
    Look,
    across,
    blank,
    colour,
    em_name,
    few_ticks,
    fitting,
    framed,
    line,
    patch,
    several,
    side_by_side,
    styled,
)
from comparisons.thresholds import LEVEL
from models.refusal import Refusal

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from comparisons.kept.facts import Facts, Memberships, States
    from models.arrays import Array, Labels

__all__ = ["dwell", "no_residuals", "no_series", "residuals", "series"]

SHOWN = 500  # rows of a series: more would be a blot
MOST = 6  # states that get a panel of their own
LAGS = 20  # at which the residuals' autocorrelation is drawn
DRAWS = 400  # of the posterior, for a band
LONGEST = 40  # bars of a histogram of stays
THIN: Look = {"color": QUIET, "linewidth": 0.7, "alpha": 0.7}


def no_series(facts: Facts) -> str:
    """Say why there is no series to draw, if there is none.

    >>> no_series(comparison)
    'rows have no order; there is nothing to draw'
    """
    return "rows have no order; there is nothing to draw" if facts.states is None else ""


def _states(facts: Facts) -> States:
    found = facts.states
    if found is None:
        raise Refusal(no_series(facts))
    return found


@styled
def series(facts: Facts) -> Figure:
    """Draw the series coloured by state, over the probability of each state in time.

    >>> try:
    ...     series(comparison)
    ... except Refusal as refusal:
    ...     print(refusal)
    rows have no order; there is nothing to draw
    """
    states, both = _states(facts), facts.memberships
    rows = np.arange(min(len(states.path), fitting(SHOWN, SHOWN // 2)))
    k = min(facts.k, MOST)
    figure = blank(2.9 + 1.05 * k)
    panels = figure.subplots(1 + k, 1, sharex=True, height_ratios=[2.2, *[1] * k])
    _coloured(panels[0], facts, states, rows)
    for state, axes in enumerate(panels[1:]):
        _chances(axes, both, rows, state, called(facts, state))
    for axes in panels:
        for begin in rows[1:][~states.goes_on[rows[1:]]]:
            axes.axvline(begin + 0.5, color="black", linewidth=0.8, linestyle=":")
    panels[-1].set_xlabel("row")
    entries: list[Artist] = [
        line({"color": colour(one), "linestyle": ""}, f"{called(facts, one)}, likeliest path", "o")
        for one in range(facts.k)
    ]
    entries += [
        line(EM_LINE, f"probability by {em_name(facts)}"),
        line(POSTERIOR_LINE, "by the posterior"),
        patch(BAND, f"its {LEVEL:.0%} band"),
    ]
    n = several(len(states.path), "row", "rows")
    caption = n if len(rows) == len(states.path) else f"The first {len(rows):,} of {n}"
    begins = int((~states.goes_on).sum())
    caption += f" in {several(begins, 'sequence', 'sequences')}" * (begins > 1) + "."
    if begins > 1:
        caption += " Dotted lines separate sequences."
    unseen = int((~states.seen).sum())
    if unseen:
        caption += f" {several(unseen, 'row is', 'rows are')} missing."
    caption += unnamed(facts, "category")
    title = "The series, its likeliest states, and their probabilities by both methods"
    return framed(figure, title, entries, caption)


def _coloured(axes: Axes, facts: Facts, states: States, rows: Labels) -> None:
    """Draw the first column over time, each row in the colour of its state."""
    x = facts.memberships.x
    column = x if x.ndim == 1 else x[:, 0]
    y = np.where(states.seen, column, np.nan)[rows]
    joined = np.insert(y, np.flatnonzero(~states.goes_on[rows])[1:], np.nan)
    at = np.insert(rows + 1.0, np.flatnonzero(~states.goes_on[rows])[1:], np.nan)
    axes.plot(at, joined, **THIN, zorder=1)
    level = _levels(facts.memberships, column, states.seen)
    for state in range(facts.k):
        own = states.path[rows] == state
        size = 14 if len(rows) <= 200 else 6
        axes.scatter(rows[own] + 1, y[own], s=size, color=colour(state), lw=0, zorder=3)
    begin = 0
    for state, length in states.stays:
        end = min(begin + length, len(rows))
        if begin < end and not facts.categories:  # the mean of codes is no label
            ends = (begin + 0.6, end + 0.4)
            axes.hlines(
                level[state], *ends, color=colour(state), linewidth=2.2, alpha=0.8, zorder=2
            )
        begin += length
    axes.set_ylabel(what(facts))
    few_ticks(axes, 10, 4)
    name_categories(axes.yaxis, facts)


def _levels(both: Memberships, column: Array, seen: Labels) -> Array:
    """Return the mean observation of each state, (K,), each row in its share of the state."""
    share = both.em * seen[:, None]
    total = share.sum(axis=0)
    found: Array = share.T @ np.where(seen, column, 0) / np.where(total > 0, total, 1)
    return found


def _chances(axes: Axes, both: Memberships, rows: Labels, state: int, title: str) -> None:
    """Draw the probability of a state over time, by both answers."""
    at = rows + 1
    axes.fill_between(at, both.low[rows, state], both.high[rows, state], **BAND)
    axes.plot(at, both.posterior[rows, state], **POSTERIOR_LINE | {"linewidth": 1.2})
    axes.plot(at, both.em[rows, state], **EM_LINE | {"linewidth": 1.2})
    axes.set_ylim(-0.04, 1.04)
    axes.set_ylabel(title, color=colour(state), fontweight="bold")
    few_ticks(axes, 10, 2)


@styled
def dwell(facts: Facts) -> Figure:
    """Draw how long the path stays in each state, against what the transitions say.

    >>> try:
    ...     dwell(comparison)
    ... except Refusal as refusal:
    ...     print(refusal)
    rows have no order; there is nothing to draw
    """
    states, k = _states(facts), facts.k
    moves = next(name for name in facts.shares if facts.fields[name].ndim == 2)
    stay = np.diagonal(facts.fields[moves])
    drawn = facts.draws[moves]
    chosen = np.linspace(0, len(drawn) - 1, min(DRAWS, len(drawn))).astype(int)
    kept = np.diagonal(drawn[chosen], axis1=1, axis2=2)
    columns = across(k, 3)
    figure = blank(1.2 + 2.5 * -(-k // columns))
    panels = figure.subplots(-(-k // columns), columns, squeeze=False)
    for state, axes in enumerate(panels.flat):
        if state >= k:
            axes.remove()
            continue
        stays = np.array([length for one, length in states.stays if one == state])
        _stays(axes, stays, float(stay[state]), kept[:, state])
        axes.set_title(called(facts, state), color=colour(state), fontweight="bold")
        bottom, left = state + columns >= k, state % columns == 0
        axes.set_xlabel("rows in a stretch" if bottom else "")
        axes.set_ylabel("share of stretches" if left else "")
        few_ticks(axes, 5, 4)
    entries: list[Artist] = [
        patch({"color": DATA}, "stretches of the likeliest path"),
        line(EM_LINE, f"geometric, by {em_name(facts)}"),
        line(POSTERIOR_LINE, "by the posterior"),
        patch(BAND, f"its {LEVEL:.0%} band"),
    ]
    caption = (
        "The likeliest path leaves out short visits, so its stretches are longer than those of "
        "the hidden states."
    )
    return framed(figure, "How long a state lasts", entries, caption)


def _stays(axes: Axes, stays: Array, stay: float, kept: Array) -> None:
    """Draw a histogram of stays, and geometric distributions of the same cells."""
    longest = max(float(stays.max(initial=1)), float(np.ceil(3 / max(1 - stay, 1e-3))))
    width = max(1, int(np.ceil(min(longest, 1e4) / LONGEST)))
    edges = np.arange(0, min(longest, 1e4) + width, width)  # (edge, next]: lengths 1 .. width, ..
    middle = edges[:-1] + (width + 1) / 2
    if len(stays):
        counts = np.histogram(np.minimum(stays, edges[-1]), edges + 0.5)[0]
        axes.bar(middle, counts / len(stays), 0.9 * width, color=DATA)

    def geometric(g: Array) -> Array:
        found: Array = g[..., None] ** edges[:-1] - g[..., None] ** edges[1:]
        return found

    tail = (1 - LEVEL) / 2
    each = geometric(kept)
    axes.fill_between(middle, *np.quantile(each, [tail, 1 - tail], axis=0), **BAND)
    axes.plot(middle, each.mean(axis=0), **POSTERIOR_LINE, marker="o", markersize=2.5)
    axes.plot(middle, geometric(np.array(stay)), **EM_LINE)
    axes.set_ylim(0)


def no_residuals(facts: Facts) -> str:
    """Say why there are no residuals to draw, if there are none.

    >>> no_residuals(comparison)
    'rows have no order; there is nothing to draw'
    """
    if facts.states is not None and facts.states.residual.size == 0:
        return "the residuals were not measured; there is nothing to draw"
    return no_series(facts)


@styled
def residuals(facts: Facts) -> Figure:
    """Draw the residuals against normal quantiles, and their autocorrelation.

    >>> try:
    ...     residuals(comparison)
    ... except Refusal as refusal:
    ...     print(refusal)
    rows have no order; there is nothing to draw
    """
    if why := no_residuals(facts):
        raise Refusal(why)
    states = _states(facts)
    figure = blank(4.0)
    left, right = side_by_side(figure, 2)
    several_columns = len(states.residual) > 1
    entries: list[Artist] = []
    for at, z in enumerate(states.residual):
        look: Look = {"color": colour(at) if several_columns else POSTERIOR}
        _quantiles(left, z[np.isfinite(z)], look)
        _autocorrelations(right, z, states.goes_on, look, (at + 0.5) / len(states.residual) - 0.5)
        if several_columns:
            name = facts.columns[at] if at < len(facts.columns) else f"column {at + 1}"
            entries.append(line(look | {"linestyle": ""}, name, "o"))
    n = int(np.isfinite(states.residual[0]).sum())
    within = norm.ppf((1 + LEVEL) / 2) / np.sqrt(n)
    right.axhspan(-within, within, **BAND)
    right.axhline(0, color="black", linewidth=0.9)
    right.set(xlabel="rows between", ylabel="autocorrelation", ylim=(-1, 1))
    few_ticks(right, 8)
    entries.append(patch(BAND, f"{LEVEL:.0%} of independent residuals"))
    entries.append(line({"color": QUIET, "linewidth": 0.9}, "normal"))
    caption = (
        "A residual is the normal quantile of a row's probability, given the estimate and all rows "
        "before it. If the model is right, residuals are standard normal and independent."
    )
    return framed(figure, "Does the model predict the next row?", entries, caption)


def _quantiles(axes: Axes, z: Array, look: Look) -> None:
    """Draw sorted residuals against normal quantiles, with the band of each of them."""
    n = len(z)
    due = norm.ppf((np.arange(n) + 0.5) / n)
    axes.plot(due, due, color=QUIET, linewidth=0.9, zorder=1)
    rank, tail = np.arange(1, n + 1), (1 - LEVEL) / 2
    low, high = (norm.ppf(beta.ppf(chance, rank, n + 1 - rank)) for chance in (tail, 1 - tail))
    axes.fill_between(due, low, high, **BAND)
    at = np.unique(np.linspace(0, n - 1, min(n, 600)).astype(int))
    axes.plot(due[at], np.sort(z)[at], "o", markersize=3, zorder=3, **look)
    axes.set(xlabel="normal quantile", ylabel="residual")
    few_ticks(axes)


def _autocorrelations(axes: Axes, z: Array, goes_on: Labels, look: Look, shift: float) -> None:
    """Draw the correlation of residuals some rows apart in the same sequence."""
    centred = z - np.nanmean(z)
    own = np.cumsum(~goes_on)
    lags = np.arange(1, min(LAGS, len(z) - 1) + 1)
    found = []
    for lag in lags:
        pairs = centred[lag:] * centred[:-lag]
        found.append(np.nansum(pairs[own[lag:] == own[:-lag]]))
    heights = np.array(found) / np.nansum(centred**2)
    axes.vlines(lags + 0.5 * shift, 0, heights, linewidth=2, **look)
