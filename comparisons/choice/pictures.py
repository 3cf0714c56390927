"""Pictures of a choice: criteria over K, the densities, and how groups split."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from comparisons.choice.elect import CRITERIA, LEVEL, counting, elected
from comparisons.choice.predicted import difference
from comparisons.pictures.catalogue import Picture
from comparisons.pictures.data import Bars, bars_of, counted, no_plane, what
from comparisons.pictures.style import (
    DATA,
    EM,
    POSTERIOR,
    QUIET,
    Look,
    across,
    blank,
    colour,
    ellipse,
    few_ticks,
    framed,
    line,
    note,
    panel,
    patch,
    styled,
)
from models.arrays import spaced
from models.family import one_dimensional
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    import em
    from comparisons.choice.candidates import Candidates
    from comparisons.choice.rows import Row
    from models.arrays import Array

__all__ = ["criteria", "densities", "flows", "pictures_of_choice", "splits"]

NEAR = 10.0  # of a criterion's distance: up to here the scale is linear, beyond it logarithmic
POINTS = 2_000  # of a cloud
MARGIN = 0.15  # of the range of a column, on either side
BAR = 0.16  # width of a column of groups, where neighbours are 1 apart
GAP = 0.03  # between two groups of a column
FAINT = 0.002  # of all observations: thinner flows are not drawn
LETTER = 0.065  # height of a letter of a name that is turned upright, in inches
ROOM = 0.5  # for names below a panel, in inches


def pictures_of_choice(choice: Candidates) -> list[Picture]:
    """Return the pictures that apply to a choice, in reading order.

    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> [one.name for one in pictures_of_choice(Candidates((Row(fit.family, 2, fit),)))]
    ['criteria']
    """
    found = [
        Picture(
            "criteria",
            "The criteria",
            choice.sentences[1],
            lambda: criteria(choice),
        )
    ]
    if not no_densities(choice):
        drawn = _drawn(choice)
        listed = ", ".join(row.title for row in drawn)
        listed = "; ".join(row.heading for row in drawn) if drawn[0].named else f"K = {listed}"
        found.append(
            Picture(
                "densities",
                "The fits side by side",
                f"The data and the fitted {choice.noun}s, for {listed}.",
                lambda: densities(choice),
            )
        )
    if not no_splits(choice):
        found.append(
            Picture("splits", f"How {choice.noun}s split", _told(choice), lambda: splits(choice))
        )
    return found


def _drawn(choice: Candidates) -> list[Row]:
    """Return the rows whose fits can be drawn beside the data."""
    return [row for row in choice.rows if row.comparison is not None and not row.spiked]


def no_densities(choice: Candidates) -> str:
    """Say why there are no fits to draw beside the data, if there are none.

    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> no_densities(Candidates((Row(fit.family, 2, fit),)))
    'no candidate has a posterior; there is nothing to draw'
    """
    drawn = _drawn(choice)
    if not drawn:
        return "no candidate has a posterior; there is nothing to draw"
    first = drawn[0].comparison
    assert first is not None
    if first.density is not None and not first.categories:
        return ""
    return no_plane(first)


def no_splits(choice: Candidates) -> str:
    """Say why no groups are seen to split, if none are.

    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> no_splits(Candidates((Row(fit.family, 2, fit),)))
    'fewer than two numbers of groups were fitted; there is nothing to draw'
    """
    few = "fewer than two numbers of groups were fitted; there is nothing to draw"
    return few if len(_column(choice)) < 2 else ""


def _column(choice: Candidates) -> list[Row]:
    """Return the rows of the recommended row's family whose groups are known, by K."""
    best = choice.recommended
    family = choice.rows[0].family if best is None else best.family
    rows = [row for row in choice.rows if row.family is family and row.fit is not None]
    return sorted((row for row in rows if not row.spiked), key=lambda row: row.k)


@styled
def criteria(choice: Candidates) -> Figure:
    """Draw each criterion over K as its distance from the best, and the bootstrap's p.

    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> len(criteria(Candidates((Row(fit.family, 2, fit),))).axes)
    3
    """
    known = [name for name in CRITERIA if name in elected(choice.rows)]
    tests = any(row.step is not None and np.isfinite(row.step.p) for row in choice.rows)
    panels = len(known) + tests
    columns = across(panels, 3)
    titles = [row.title for row in choice.rows]
    upright = 0.0 if _plain(titles) else LETTER * max(map(len, titles))
    figure = blank(1.0 + (2.1 + max(upright - ROOM, 0)) * -(-panels // columns))
    grid = figure.subplots(-(-panels // columns), columns, squeeze=False)
    for axes, name in zip(grid.flat, known, strict=False):
        _criterion(axes, choice, name, titles)
    if tests:
        _chances(grid.flat[len(known)], choice, titles)
    for axes in grid.flat[panels:]:
        axes.remove()
    entries = [
        line({"color": EM, "linewidth": 1.4}, "distance from the best", "o"),
        line({"color": POSTERIOR, "linestyle": "none"}, "chosen", "D"),
    ]
    return framed(
        figure,
        "Which number each criterion chooses",
        entries,
        "Distances are in units of -2 log-likelihood; 10 is large. Bars: two standard errors. "
        "The axis is linear up to 10, and logarithmic beyond.",
    )


def _criterion(axes: Axes, choice: Candidates, name: str, titles: Sequence[str]) -> None:
    """Draw the distances of one criterion."""
    values = np.array([counting(CRITERIA[name], row) for row in choice.rows])
    places = np.arange(len(values))
    gaps, errors = values - np.nanmin(values), _errors(choice, name)
    for own in _forms(choice):
        axes.errorbar(
            places[own],
            gaps[own],
            2 * errors[own],
            color=EM,
            linewidth=1.4,
            marker="o",
            markersize=4,
            capsize=2,
        )
    found = elected(choice.rows)
    at = next(at for at, row in enumerate(choice.rows) if row is found[name].row)
    axes.plot(at, gaps[at], "D", color=POSTERIOR, markersize=7, zorder=3)
    axes.set_yscale("symlog", linthresh=NEAR)
    top = float(np.nanmax(gaps + 2 * np.nan_to_num(errors)))
    axes.set_ylim(-1.2, max(1.3 * top, 3.0))
    ticks = [0, 5, 10, *(10.0**power for power in range(2, 9) if 10.0**power <= 1.3 * top)]
    axes.set_yticks(ticks, [f"{tick:,.0f}" for tick in ticks], minor=False)
    axes.minorticks_off()
    _label(axes, titles)
    axes.set_title(name[:1].upper() + name[1:], loc="left", fontsize=10)


def _forms(choice: Candidates) -> list[list[int]]:
    """Return the places of each form's rows: a line joins numbers of groups, not forms."""
    found: dict[type, list[int]] = {}
    for at, row in enumerate(choice.rows):
        found.setdefault(row.family, []).append(at)
    return list(found.values())


def _errors(choice: Candidates, name: str) -> Array:
    """Return standard errors of a criterion's distances, 0 where it has none."""
    if name == "LOO":
        known = [row for row in choice.rows if row.predicts]
        best = max(known, key=lambda row: row.elpd).predicted
        assert best is not None
        return np.array(
            [
                np.nan if row.predicted is None else 2 * difference(row.predicted, best)[1]
                for row in choice.rows
            ]
        )
    if name == "evidence":
        errors = [np.nan if one.evidence is None else 2 * one.evidence.error for one in choice.rows]
        return np.array(errors)
    return np.zeros(len(choice.rows))


def _chances(axes: Axes, choice: Candidates, titles: Sequence[str]) -> None:
    """Draw the p-values of the bootstrap tests."""
    chances = np.array([np.nan if row.step is None else row.step.p for row in choice.rows])
    places = np.arange(len(chances))
    for own in _forms(choice):
        axes.plot(places[own], chances[own], color=EM, linewidth=1.4, marker="o", markersize=4)
    axes.axhline(LEVEL, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
    look: Look = {"color": QUIET, "fontsize": 8, "ha": "right"}
    note(axes, f"{LEVEL:g}", (len(titles) - 0.6, LEVEL), (-2, 3), **look)
    test = elected(choice.rows).get("bootstrap")
    if test is not None:
        at = next(at for at, row in enumerate(choice.rows) if row is test.row)
        axes.plot(at, chances[at], "D", color=POSTERIOR, markersize=7, zorder=3)
    axes.set_ylim(-0.05, 1.05)
    _label(axes, titles)
    axes.set_title("Bootstrap p, K against K + 1", loc="left", fontsize=10)


def _plain(titles: Sequence[str]) -> bool:
    """Whether candidates are called by their numbers alone."""
    return all(title.isdecimal() for title in titles)


def _label(axes: Axes, titles: Sequence[str]) -> None:
    """Name the candidates below."""
    plain = _plain(titles)
    axes.set_xticks(range(len(titles)), titles, rotation=0 if plain else 90)
    axes.set_xlim(-0.4, len(titles) - 0.6)
    axes.tick_params(labelsize=9 if plain else 7, labelcolor="black", color=QUIET)


@styled
def densities(choice: Candidates) -> Figure:
    """Draw the data with the fitted groups, a panel for each candidate.

    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> len(densities(Candidates((Row(fit.family, 2, fit, comparison),))).axes)
    1
    """
    if why := no_densities(choice):
        raise Refusal(why)
    rows = _drawn(choice)
    columns = across(len(rows), 3)
    figure = blank(1.0 + 2.3 * -(-len(rows) // columns))
    grid = figure.subplots(
        -(-len(rows) // columns), columns, squeeze=False, sharex=True, sharey=True
    )
    plain = one_dimensional(rows[0].family)
    best = next((row for row in rows if row is choice.recommended), rows[0])
    for axes, row in zip(grid.flat, rows, strict=False):
        if plain:
            _density(axes, row, _bars(best))
        else:
            _plane(axes, row)
        axes.set_title(row.heading, loc="left", fontsize=10)
        few_ticks(axes, 4, 3)
    for axes in grid.flat[len(rows) :]:
        axes.remove()
    first = rows[0].comparison
    assert first is not None
    if plain:
        figure.supylabel("density", fontsize=10)
        caption = f"Horizontally: {what(first)}. Colours are {choice.noun}s, ordered by location."
        entries = [patch({"color": DATA}, "data"), line({"color": EM}, "EM's density")]
    else:
        names = first.columns or ("column 1", "column 2")
        caption = (
            f"Horizontally: {names[0]}; vertically: {names[1]}. The ellipses contain 39% and 86% "
            f"of a normal {choice.noun}. Ellipses wider than the data are cut off."
        )
        entries = [
            line({"color": QUIET, "linestyle": "none"}, "data", "."),
            line({"color": EM}, f"EM's {choice.noun}s"),
        ]
    return framed(figure, "The fits side by side", entries, caption)


def _bars(row: Row) -> Bars:
    """Return the histogram that all panels share: as one fit asks for."""
    facts = row.comparison
    assert facts is not None
    density = facts.density
    assert density is not None
    order = np.argsort(density.x)
    about = density.x[order], density.plug_in[order]
    return bars_of(facts.rows.x, facts.rows.counts, about, whole=counted(facts))


def _density(axes: Axes, row: Row, bars: Bars) -> None:
    """Draw the histogram, and the density of every group."""
    facts = row.comparison
    assert facts is not None
    density = facts.density
    assert density is not None
    order = np.argsort(density.x)
    places = density.x[order]
    axes.bar(bars.edges[:-1], bars.heights, bars.width, align="edge", color=DATA)
    for component, own in enumerate(density.components):
        axes.plot(places, own[order], color=colour(component), linewidth=1.2)
    axes.plot(places, density.plug_in[order], color=EM, linewidth=1.2, linestyle=(0, (5, 2)))


def _plane(axes: Axes, row: Row) -> None:
    """Draw the first two columns, and the ellipses of every group."""
    facts, fit = row.comparison, row.fit
    assert facts is not None
    assert fit is not None
    x = facts.rows.x
    few = spaced(len(x), POINTS)
    axes.plot(x[few, 0], x[few, 1], ".", color=DATA, markersize=3)
    theta = fit.estimate.theta
    for component, (mean, cov) in enumerate(zip(theta.mean, theta.cov, strict=True)):
        for radius in (1, 2):
            path = ellipse(mean[:2], cov[:2, :2], radius)
            axes.add_patch(PathPatch(path, fill=False, edgecolor=colour(component), linewidth=1.4))
    for limit, column in ((axes.set_xlim, x[:, 0]), (axes.set_ylim, x[:, 1])):
        low, high = np.nanmin(column), np.nanmax(column)  # blanks are not drawn
        beyond = MARGIN * float(high - low)
        limit(low - beyond, high + beyond)


def flows(fewer: em.Fit[Any], more: em.Fit[Any]) -> Array:
    """Return the share of observations in group i of one fit and j of another, (K, K').

    sum_n r_ni r'_nj / N: the probabilities of membership are taken as independent.

    >>> flows(fit, fit).sum().round(6)
    np.float64(1.0)
    """
    units, counts = fewer.question.units, fewer.question.units.unit_counts
    found: Array = (fewer.members(units) * counts) @ more.members(more.question.units).T
    return found / counts.sum()


@styled
def splits(choice: Candidates) -> Figure:
    """Draw which groups of K + 1 come from which of K.

    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> rows = Row(fit.family, 2, fit), Row(fit.family, 2, fit)
    >>> len(splits(Candidates(rows)).axes)
    1
    """
    if why := no_splits(choice):
        raise Refusal(why)
    rows = _column(choice)
    axes = panel(4.6)
    fits = [row.fit for row in rows if row.fit is not None]
    orders = _untangled(fits)
    tops = []
    for at, (fit, order) in enumerate(zip(fits, orders, strict=True)):
        shares = flows(fit, fit).sum(axis=1)
        top = _stacked(shares, order)
        tops.append(top)
        for component, share in enumerate(shares):
            axes.add_patch(
                Rectangle(
                    (at - BAR / 2, top[component] - share), BAR, share, color=colour(component)
                )
            )
            if share > 0.04:
                axes.text(
                    at,
                    top[component] - share / 2,
                    f"{share:.0%}",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white",
                )
    for at, (one, other) in enumerate(pairwise(fits)):
        _flow(axes, at, flows(one, other), tops[at], tops[at + 1], orders[at], orders[at + 1])
    axes.set_xticks(range(len(rows)), ["\n".join(row.heading.rsplit(", ", 1)) for row in rows])
    axes.set_xlim(-0.3, len(rows) - 0.7)
    axes.set_ylim(1 - max(_height(len(order)) for order in orders) - 0.02, 1.02)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.tick_params(labelcolor="black", color=QUIET)
    return framed(
        axes,
        f"How {choice.noun}s split from one number to the next",
        [patch({"color": colour(0), "alpha": 0.35}, f"observations that two {choice.noun}s share")],
        "Heights are shares of all observations, by EM's memberships; colours follow the order of "
        "the labels at each K.",
    )


def _height(k: int) -> float:
    return 1 + GAP * (k - 1)


def _stacked(shares: Array, order: Sequence[int]) -> Array:
    """Return the upper end of each group's bar, (K,), stacked from 1 downwards."""
    found, top = np.empty(len(shares)), 1.0
    for component in order:
        found[component] = top
        top -= shares[component] + GAP
    return found


def _untangled(fits: Sequence[em.Fit[Any]]) -> list[list[int]]:
    """Return orders of groups in which few flows cross: each by where its members were before."""
    orders = [list(range(fits[0].question.k))]
    for one, other in pairwise(fits):
        shared = flows(one, other)
        place = np.empty(len(shared))
        place[orders[-1]] = np.arange(len(shared))
        centre = (place @ shared) / np.maximum(shared.sum(axis=0), 1e-12)
        orders.append([int(at) for at in np.argsort(centre, kind="stable")])
    return orders


def _flow(
    axes: Axes,
    at: int,
    shared: Array,
    left: Array,
    right: Array,
    before: Sequence[int],
    after: Sequence[int],
) -> None:
    """Draw the bands between two columns of groups."""
    begin, end = left.copy(), right.copy()
    for one in before:
        for other in after:
            thick = shared[one, other]
            if thick > FAINT:
                band = _band(at + BAR / 2, at + 1 - BAR / 2, begin[one], end[other], thick)
                axes.add_patch(PathPatch(band, color=colour(other), alpha=0.35, linewidth=0))
            begin[one] -= thick
            end[other] -= thick


def _band(x: float, to: float, y: float, other: float, thick: float) -> Path:
    """Return a curved band from (x, y) to (to, other), downwards as thick as given."""
    middle = (x + to) / 2
    places = [
        (x, y),
        (middle, y),
        (middle, other),
        (to, other),
        (to, other - thick),
        (middle, other - thick),
        (middle, y - thick),
        (x, y - thick),
        (x, y),
    ]
    curve = [Path.CURVE4] * 3
    return Path(places, [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY])


def _told(choice: Candidates) -> str:
    """Return the splits in words: where most members of each new group were before."""
    rows, said = _column(choice), []
    for one, other in pairwise(rows):
        assert one.fit is not None
        assert other.fit is not None
        shared = flows(one.fit, other.fit)
        parent = shared.argmax(axis=0)
        split = np.flatnonzero(np.bincount(parent, minlength=one.k) > 1)
        if len(split):
            said.append(f"{choice.noun} {int(split[0]) + 1} of {one.k} divides at {other.heading}")
    return f"The {choice.noun}s at each K, from left to right: {'; '.join(said) or 'none divides'}."
