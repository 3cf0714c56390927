"""Pictures of the parameters: one by one, and two by two."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import arviz_stats as az
import numpy as np
from matplotlib.patches import PathPatch
from scipy.stats import norm

from comparisons.kept.largest import size_of
from comparisons.pictures.data import drawn_names, shortened, unnamed
from comparisons.pictures.groups import in_groups
from comparisons.pictures.style import (
    BAND,
    EM,
    EM_LINE,
    POSTERIOR,
    POSTERIOR_LINE,
    TRUTH,
    TRUTH_LINE,
    above,
    across,
    blank,
    ellipse,
    em_name,
    few_ticks,
    fitting,
    framed,
    line,
    patch,
    styled,
    triangle,
)
from models.arrays import spaced
from models.letters import wide
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from comparisons.kept.facts import Facts, Row
    from models.arrays import Array

__all__ = ["Marginal", "no_pairs", "paired", "pairs", "posterior", "rows_of"]

PANELS = 24  # what fits a page
LISTED = 12  # parameters that a caption names
PAIRED = 6  # parameters: they make fifteen panels
POINTS = 1_500  # draws of a cloud
ROOM = 26  # columns of letters below one of four panels
APART = 0.14  # inches on either side of a panel, so that end ticks of neighbours do not meet
REACH = 0.6  # widths of the 95% interval shown on either side of it


class Marginal(NamedTuple):
    """A parameter: EM's estimate and standard error, the posterior's interval and draws.

    title: the label, with the names of groups and categories.
    group: what shares a row of panels, such as the first column's means.
    truth: NaN where it is unknown.

    >>> Marginal("mean", "mean", "mean,()", 2.0, 0.1, 1.8, 2.2, np.nan, np.full(500, 2.0)).moves
    False
    """

    label: str
    title: str
    group: str
    mle: float
    se: float
    low: float
    high: float
    truth: float
    draws: Array

    @property
    def moves(self) -> bool:
        """Whether the draws differ by more than rounding."""
        return bool(np.ptp(self.draws) > 1e-12 * np.abs(self.draws).max())


def rows_of(facts: Facts, rows: Sequence[Row] | None = None) -> list[Marginal]:
    """Return rows of the table, by default all, with their draws.

    >>> [row.label for row in rows_of(comparison)]
    ['weight[0]', 'weight[1]', 'rate[0]', 'rate[1]']
    """
    drawn, found = facts.draws, []
    named = {axis: list(map(shortened, names)) for axis, names in drawn_names(facts).items()}
    for row in facts.parameters if rows is None else rows:
        label, parameter, numbers, _ = row
        name, place = parameter.name, parameter.place
        at: tuple[slice | int, ...] = (slice(None), *(one or 0 for one in parameter.at))
        mle, se, low, high = (numbers[column] for column in ("mle", "se", "low", "high"))
        truth = numbers.get("truth", np.nan)
        draws, title = drawn[name][at], parameter.titled(named)
        found.append(Marginal(label, title, f"{name},{place}", mle, se, low, high, truth, draws))
    return found


@styled
def posterior(facts: Facts) -> Figure:
    """Draw each parameter's posterior density, with EM's estimate and its standard-error curve.

    >>> from comparisons.pictures.parameters import posterior as draw
    >>> [axes.get_ylabel() for axes in draw(comparison).axes]
    ['density', '', 'density', '']
    """
    rows = rows_of(facts, _own(facts))
    shown, left_out = rows[:PANELS], rows[PANELS:]
    places, columns = _places(shown)
    height = places[-1][0] + 1
    figure = blank(0.95 + (1.55 if height > 3 else 1.9) * height, APART)
    grid = figure.add_gridspec(height, columns)
    for row, (down, right) in zip(shown, places, strict=True):
        axes = figure.add_subplot(grid[down, right])
        _marginal(axes, row)
        few_ticks(axes, fitting(max(3, 10 // columns), 3))
        axes.set_yticks([])
        axes.set_ylabel("density" if right == 0 else "")
    caption = (
        f"{facts.sampling.chains} chains of {facts.sampling.draws:,} draws. Where the two "
        "methods agree, their curves and lines coincide."
    )
    if left_out:
        caption += f" Not shown: {_listed(left_out)}."
    if in_groups(facts) and facts.k > 1:
        caption += " The shares of groups have a picture of their own."
    caption += unnamed(facts, *facts.named)
    title = f"The posterior of each parameter, beside {em_name(facts)}"
    return framed(figure, title, _parameter_entries(facts, shown), caption)


def _own(facts: Facts) -> list[Row]:
    """Return the rows to draw: not the shares of groups; of many categories the largest first."""
    own = [row for row in facts.parameters if row.parameter.name != in_groups(facts)]
    if len(own) <= PANELS or facts.family.takes() != "labels":
        return own
    size: dict[tuple[int, ...], float] = {}  # shares, which have other places, stay in front
    inner = [row for row in own if row.parameter.name in facts.family.layout()]
    for row in inner:
        size[row.parameter.place] = max(size.get(row.parameter.place, 0), size_of(row))
    inner.sort(key=lambda row: -size[row.parameter.place])
    return [row for row in own if row.parameter.name in facts.shares] + inner


def _listed(rows: Sequence[Marginal]) -> str:
    """Return the names of some rows; of many, how many they are."""
    if len(rows) <= LISTED:
        return ", ".join(row.title for row in rows)
    counted = Counter(row.label.partition("[")[0] for row in rows)
    return " and ".join(f"{count:,} of {name}" for name, count in counted.items())


def _places(rows: list[Marginal]) -> tuple[list[tuple[int, int]], int]:
    """Return the panel (row, column) of each parameter: a new row for each name and entry."""
    sizes = Counter(row.group for row in rows).values()
    largest = max(sizes)
    if largest == 1 or (largest == 2 and len(rows) > 8):
        columns = min(len(rows), fitting(4, 2))
        return [divmod(number, columns) for number in range(len(rows))], columns
    columns = across(largest, 5)
    places, down = [], 0
    for size in sizes:
        places += [(down + number // columns, number % columns) for number in range(size)]
        down += -(-size // columns)
    return places, columns


def _marginal(axes: Axes, row: Marginal) -> None:
    """Draw one parameter."""
    low, high = extent(row)
    peak = 0.0
    if row.moves:
        x, y = _density(row)
        axes.plot(x, y, **POSTERIOR_LINE)
        axes.fill_between(x, y, where=(x >= row.low) & (x <= row.high), **BAND)
        peak = float(y.max())
    else:
        axes.axvline(row.low, **POSTERIOR_LINE)
    if row.se > 0 and row.moves:
        curve = np.linspace(low, high, 161)
        y = norm.pdf(curve, row.mle, row.se)
        axes.plot(curve, y, **(EM_LINE | {"linewidth": 1.2}))
        axes.set_ylim(0, above(peak, float(y.max())))
    else:
        axes.set_ylim(0, above(peak or 1.0, 0))
    axes.axvline(row.mle, **EM_LINE)
    if np.isfinite(row.truth):
        axes.axvline(row.truth, **TRUTH_LINE)
    axes.set_xlim(low, high)
    axes.set_xlabel(row.title, fontsize=min(10, 10 * ROOM / max(1, wide(row.title))))


def extent(row: Marginal) -> tuple[float, float]:
    """Return the range to show: the bulk of the draws, the estimate, its curve and the truth.

    A curve that is much wider than the posterior is cut off.
    """
    low, high = _bulk(row)
    ends = [low, high, row.mle, *([row.truth] if np.isfinite(row.truth) else [])]
    if row.se > 0:
        room = high - low
        ends += [max(row.mle - 3.2 * row.se, low - room), min(row.mle + 3.2 * row.se, high + room)]
    margin = 0.03 * (max(ends) - min(ends)) or 0.05 * abs(ends[0]) or 1.0
    return min(ends) - margin, max(ends) + margin


def _bulk(row: Marginal) -> tuple[float, float]:
    """Return the range of the draws without far tails."""
    reach = REACH * (row.high - row.low)
    low, high = float(row.draws.min()), float(row.draws.max())
    return max(low, row.low - reach), min(high, row.high + reach)


def _density(row: Marginal) -> tuple[Array, Array]:
    """Return ArviZ's kernel density of the draws in the range shown, whose area is their share."""
    low, high = _bulk(row)
    inside = row.draws[(row.draws >= low) & (row.draws <= high)]
    x, y, _ = az.kde(inside)
    return x[::2], y[::2] * (len(inside) / len(row.draws))


def _parameter_entries(facts: Facts, rows: list[Marginal]) -> list[Artist]:
    errors = any(row.se > 0 for row in rows)
    curve = "its standard-error curve" if errors else "no standard errors"
    entries: list[Artist] = [
        line(POSTERIOR_LINE, "posterior density"),
        patch(BAND, f"{facts.interval} interval"),
        line(EM_LINE, f"{em_name(facts)} and {curve}" if errors else f"{em_name(facts)}, {curve}"),
    ]
    if any(np.isfinite(row.truth) for row in rows):
        entries.append(line(TRUTH_LINE, "truth"))
    return entries


def paired(facts: Facts) -> list[Marginal]:
    """Return the parameters that have pairs: free ones whose draws move.

    >>> [row.label for row in paired(comparison)]
    ['weight[0]', 'rate[0]', 'rate[1]']
    """
    groups = in_groups(facts)  # shares of groups, which may be very many, have their own picture
    free = [row for row in facts.free if row.parameter.name != groups]
    if facts.family.takes() == "labels":
        free.sort(
            key=lambda row: -size_of(row) if row.parameter.name in facts.family.layout() else -1
        )
    return [row for row in rows_of(facts, free) if row.moves]


def no_pairs(facts: Facts) -> str:
    """Say why there are no pairs to draw, if there are none.

    >>> no_pairs(comparison)
    ''
    """
    return "" if len(paired(facts)) > 1 else "a single parameter has no pairs; see the posterior"


@styled
def pairs(facts: Facts) -> Figure:
    """Draw the posterior two parameters at a time, with EM's standard-error ellipses.

    >>> [axes.get_ylabel() for axes in pairs(comparison).axes]
    ['rate[1]', 'rate[2]', '']
    """
    if why := no_pairs(facts):
        raise Refusal(why)
    free = paired(facts)
    rows = free[: fitting(PAIRED, 3)]
    figure = blank({2: 5.0, 3: 6.5}.get(len(rows), 8.0))
    covariance = facts.covariance([row.label for row in rows])
    panels = triangle(figure, [row.title for row in rows])
    known = [
        _cloud(axes, rows[column], rows[row], covariance[np.ix_([column, row], [column, row])])
        for (column, row), axes in panels.items()
    ]
    caption = "A slanted cloud: the data determine a combination of the two better than each alone."
    if len(free) > len(rows):
        which = "largest" if facts.family.takes() == "labels" else "first"
        caption += f" The {which} {len(rows)} of {len(free)} free parameters are shown."
    caption += unnamed(facts, *facts.named)
    entries: list[Artist] = [
        line({"color": POSTERIOR, "linestyle": ""}, "posterior draws", "."),
        _em_entry(facts, errors=any(known)),
    ]
    if np.isfinite([row.truth for row in rows]).all():
        entries.append(line({"color": TRUTH, "linestyle": ""}, "truth", "*"))
    return framed(figure, "Parameters two at a time: which depend on each other", entries, caption)


def _em_entry(facts: Facts, *, errors: bool) -> Artist:
    label = "1 and 2 standard errors" if errors else "no standard errors"
    look = EM_LINE if errors else {"color": EM, "linestyle": ""}
    return line(look, f"{em_name(facts)}, {label}", "P")


def _cloud(axes: Axes, x: Marginal, y: Marginal, covariance: Array) -> bool:
    """Draw one pair, and return whether there were standard errors to draw."""
    chosen = spaced(len(x.draws), POINTS)
    axes.scatter(
        x.draws[chosen], y.draws[chosen], s=4, color=POSTERIOR, alpha=0.3, lw=0, rasterized=True
    )
    errors = bool(np.isfinite(covariance).all() and (np.diagonal(covariance) > 0).all())
    centre = np.array([x.mle, y.mle])
    if errors:
        for radius in (1, 2):
            around = ellipse(centre, covariance, radius)
            axes.add_patch(PathPatch(around, fill=False, **(EM_LINE | {"linewidth": 1.3})))
    axes.plot(*centre, "P", color=EM, markersize=7, markeredgecolor="white")
    if np.isfinite(x.truth + y.truth):
        axes.plot(x.truth, y.truth, "*", color=TRUTH, markersize=8)
    axes.set_xlim(extent(x))
    axes.set_ylim(extent(y))
    return errors
