"""Pictures of data in groups: what components consist of, how groups mix them, how cells fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter

from comparisons.kept.largest import groups_shown
from comparisons.pictures.data import called, drawn_names, unnamed
from comparisons.pictures.style import (
    EM,
    PALE,
    POSTERIOR,
    QUIET,
    TRUTH,
    Look,
    across,
    blank,
    colour,
    em_name,
    few_ticks,
    framed,
    line,
    panel,
    patch,
    several,
    styled,
)
from comparisons.thresholds import LEVEL
from models.arrays import spaced
from models.groups import Groups
from models.letters import cut
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from comparisons.kept.facts import Facts, Solutions
    from models.arrays import Array, Labels

__all__ = [
    "categories",
    "cells",
    "in_groups",
    "mixed",
    "no_categories",
    "no_cells",
    "no_shares",
    "open_ends",
    "shares",
]

TOP = 10  # categories of a component
GROUPS = 20
PANELS = 12  # components
CELLS = 600  # of a table
DRAWS = 2_000  # of the posterior, for intervals of cells
SMALL = 0.02  # a share: if all are larger, the picture need not begin at 0
APART = 1e-4  # solutions that differ by less do not show
LETTERS = 24  # of a name beside a panel
TICKS = (0, 0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1)  # of shares on a scale of roots
OPEN_AREA: Look = {"color": PALE, "linewidth": 0}
OPEN = "all solutions that fit equally well"
SOME = "solutions that fit equally well (those visited)"


class Beside(NamedTuple):
    """Numbers (n,) of both answers, with the posterior's interval.

    ends: (2, n) of all solutions that fit as well, None where the data leave nothing open.
    truth: (n,), None where it is not known.

    >>> Beside(*np.zeros((4, 3)), None, None).at(np.array([0, 2])).em
    array([0., 0.])
    """

    em: Array
    mean: Array
    low: Array
    high: Array
    ends: Array | None
    truth: Array | None

    def at(self, places: Labels) -> Beside:
        """Return some of the numbers."""
        ends = None if self.ends is None else self.ends[:, places]
        truth = None if self.truth is None else self.truth[places]
        em, mean, low, high = (one[places] for one in (self.em, self.mean, self.low, self.high))
        return Beside(em, mean, low, high, ends, truth)


def beside(facts: Facts, name: str, at: tuple[slice | int, ...]) -> Beside:
    """Return a part (n,) of a field by both answers.

    >>> beside(comparison, "rate", (slice(None),)).em.round(2)
    array([1.09, 7.34])
    """
    drawn, tail = facts.draws[name][:, *at], (1 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    ends, truth = open_ends(facts), facts.truth
    return Beside(
        facts.fields[name][at],
        drawn.mean(axis=0),
        low,
        high,
        None if ends is None else np.stack([ends.low[name][at], ends.high[name][at]]),
        truth[name][at] if truth else None,
    )


def open_ends(facts: Facts) -> Solutions | None:
    """Return the ends of solutions that fit as well; None if these differ by no more than rounding.

    >>> open_ends(comparison)
    """
    ends = facts.solutions
    if ends is None:
        return None
    widths = [float((ends.high[name] - ends.low[name]).max()) for name in ends.low]
    return ends if max(widths) > APART else None


def in_groups(facts: Facts) -> str:
    """Return the shares that every group has of its own; empty if rows are in no groups.

    >>> in_groups(comparison)
    ''
    """
    sizes = facts.question.data.sizes
    return next((name for name, axes in facts.structure.axes().items() if {*axes} & {*sizes}), "")


def _over_categories(facts: Facts) -> str:
    """Return the field that is a distribution over categories; empty if rows are no labels."""
    if facts.family.takes() != "labels":
        return ""
    return next((name for name, one in facts.family.layout().items() if one.simplex), "")


def no_categories(facts: Facts) -> str:
    """Say why there are no categories to draw, if there are none.

    >>> no_categories(comparison)
    'observations are no labels; see the data'
    """
    return "" if _over_categories(facts) else "observations are no labels; see the data"


@styled
def categories(facts: Facts) -> Figure:
    """Draw the largest probabilities of each component by both answers.

    >>> try:
    ...     categories(comparison)
    ... except Refusal as refusal:
    ...     print(refusal)
    observations are no labels; see the data
    """
    if why := no_categories(facts):
        raise Refusal(why)
    name = _over_categories(facts)
    names = drawn_names(facts).get("category", facts.categories)
    each = []
    for component in range(min(facts.k, PANELS)):
        found = beside(facts, name, (component, slice(None)))
        order = np.argsort(-np.maximum(found.em, found.mean), kind="stable")[:TOP]
        each.append((called(facts, component), found.at(order), [names[at] for at in order]))
    figure = _panelled(each, across(len(each), 3), "probability", own=True)
    more = len(names) - TOP
    caption = f"Each panel has its own {TOP} largest of {len(names):,} categories." * (more > 0)
    caption += _left_out(facts, table=more > 0) + unnamed(facts, "category")
    title = f"What each {facts.noun} consists of, by both methods"
    return framed(figure, title, _entries(facts, each), caption.strip())


def no_shares(facts: Facts) -> str:
    """Say why there are no groups' shares to draw, if there are none.

    >>> no_shares(comparison)
    'rows are in no groups; there is nothing to draw'
    """
    if not in_groups(facts):
        return "rows are in no groups; there is nothing to draw"
    alone = facts.k == 1 or in_groups(facts) in facts.question.held
    return "the groups' shares were not estimated; there is nothing to draw" if alone else ""


@styled
def shares(facts: Facts) -> Figure:
    """Draw the shares of each group by both answers.

    >>> try:
    ...     shares(comparison)
    ... except Refusal as refusal:
    ...     print(refusal)
    rows are in no groups; there is nothing to draw
    """
    if why := no_shares(facts):
        raise Refusal(why)
    name, kept = in_groups(facts), groups_shown(facts, GROUPS)
    titles = drawn_names(facts)["group"]
    each = [
        (
            called(facts, component),
            beside(facts, name, (slice(None), component)).at(kept),
            [titles[group] for group in kept],
        )
        for component in range(min(facts.k, PANELS))
    ]
    figure = _panelled(each, across(len(each), 4), "share of the group", own=False)
    more = len(titles) - len(kept)
    caption = (
        f"The {len(kept)} groups with the most observations; {more:,} "
        f"{'is' if more == 1 else 'are'} not shown."
    ) * (more > 0)
    caption += _left_out(facts, table=more > 0) + unnamed(facts, "group")
    title = "How each group mixes the components, by both methods"
    return framed(figure, title, _entries(facts, each), caption.strip())


def _left_out(facts: Facts, *, table: bool) -> str:
    """Return what a caption says of components without a panel, and of where the rest is."""
    more = facts.k - PANELS
    caption = f" The first {PANELS} of {facts.k} {facts.noun}s are shown." * (more > 0)
    return caption + " The file summary.csv has all of them." * (table or more > 0)


def _panelled(
    each: Sequence[tuple[str, Beside, list[str]]], columns: int, label: str, *, own: bool
) -> Figure | SubFigure:
    """Draw a panel for each component; own: whether its names are its own."""
    lines = max(len(names) for _, _, names in each)
    down = -(-len(each) // columns)
    figure = blank(1.3 + down * (0.75 + 0.24 * lines))
    panels = figure.subplots(down, columns, sharex=True, sharey=not own, squeeze=False)
    top = max(_reach(found) for _, found, _ in each)
    for at, axes in enumerate(panels.flat):
        if at >= len(each):
            axes.remove()
            continue
        title, found, names = each[at]
        _lines(axes, found)
        axes.set_title(title, color=colour(at), fontweight="bold")
        axes.set_xlim(-0.02 * top, 1.02 * top)
        axes.set_ylim(len(names) - 0.3, -0.6)
        few_ticks(axes, 4)
        axes.yaxis.set_ticks(range(len(names)), [_clipped(one) for one in names])
        axes.tick_params(axis="y", length=0, labelleft=own or at % columns == 0)
        bottom = at + columns >= len(each)
        axes.tick_params(labelbottom=bottom)
        axes.set_xlabel(label if bottom else "")
    return figure


def _clipped(name: str) -> str:
    """Return a name that fits beside a panel."""
    return cut(name, LETTERS)


def _reach(found: Beside) -> float:
    """Return the largest of all numbers."""
    return float(max(one.max() for one in found if one is not None))


def _lines(axes: Axes, found: Beside) -> None:
    """Draw a line for each number: solutions, interval and mean, estimate, truth."""
    y = np.arange(len(found.em))
    if found.ends is not None:
        low, high = found.ends
        axes.barh(y, high - low, 0.78, low, **OPEN_AREA, zorder=1)
    axes.hlines(y + 0.14, found.low, found.high, color=POSTERIOR, linewidth=2.2, zorder=2)
    axes.plot(found.mean, y + 0.14, "o", color=POSTERIOR, markersize=5, zorder=3, clip_on=False)
    axes.plot(found.em, y - 0.16, "D", color=EM, markersize=4.5, zorder=3, clip_on=False)
    if found.truth is not None:
        axes.plot(found.truth, y, "*", color=TRUTH, markersize=7, zorder=4, clip_on=False)


def _entries(facts: Facts, each: Sequence[tuple[str, Beside, list[str]]]) -> list[Artist]:
    """Return the legend of such panels."""
    entries: list[Artist] = [
        line({"color": EM, "linestyle": ""}, em_name(facts), "D"),
        line({"color": POSTERIOR, "linewidth": 2.2}, f"posterior mean, {LEVEL:.0%} interval", "o"),
    ]
    if (ends := open_ends(facts)) is not None:
        entries.append(patch(OPEN_AREA, OPEN if ends.exact else SOME))
    if each[0][1].truth is not None:
        entries.append(line({"color": TRUTH, "linestyle": ""}, "truth", "*"))
    return entries


def no_cells(facts: Facts) -> str:
    """Say why there are no cells to draw, if there are none.

    >>> no_cells(comparison)
    'rows are in no groups; there is nothing to draw'
    """
    if not in_groups(facts):
        return "rows are in no groups; there is nothing to draw"
    return no_categories(facts)


class Cells(NamedTuple):
    """Cells (c,) of the table of groups and categories, or some of them, at even distances.

    observed: a cell's share of its group; em, low, high: its probability by both answers.
    every: how many cells the table has.

    >>> Cells(*np.zeros((4, 3)), 3).every
    3
    """

    observed: Array
    em: Array
    low: Array
    high: Array
    every: int


def mixed(facts: Facts) -> Cells:
    """Return observed and fitted shares of cells, empty ones too.

    >>> mixed.__name__  # of a comparison whose rows are labels in groups
    'mixed'
    """
    data, v = facts.question.data, facts.width
    assert isinstance(data, Groups)
    table = np.zeros((len(data.ends), v))
    table[data.whose, data.sample.x[data.places].astype(int)] = data.times
    group, kind = np.divmod(spaced(table.size, CELLS), v)
    name, inner = in_groups(facts), _over_categories(facts)
    parts = {**facts.fields}
    drawn = {one: field[spaced(len(field), DRAWS)] for one, field in facts.draws.items()}
    for one in (parts, drawn):  # with a single component all shares are 1, and may be held
        one[name], one[inner] = one[name][..., group, :], one[inner][..., kind]
    em = np.einsum("ck,kc->c", parts[name], parts[inner])
    each = np.einsum("sck,skc->sc", drawn[name], drawn[inner])
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(each, [tail, 1 - tail], axis=0)
    return Cells(table[group, kind] / data.totals[group], em, low, high, table.size)


@styled
def cells(facts: Facts) -> Figure:
    """Draw observed shares of cells against fitted ones, on a scale of square roots.

    >>> try:
    ...     cells(comparison)
    ... except Refusal as refusal:
    ...     print(refusal)
    rows are in no groups; there is nothing to draw
    """
    if why := no_cells(facts):
        raise Refusal(why)
    found = mixed(facts)
    axes = panel(5.6)
    thin = 1.6 if len(found.em) <= 100 else 0.8
    axes.vlines(found.observed, found.low, found.high, color=POSTERIOR, linewidth=thin, alpha=0.6)
    size = 5.0 if len(found.em) <= 100 else 3.0
    axes.plot(found.observed, found.em, "D", color=EM, markersize=size, zorder=3, clip_on=False)
    top = 1.05 * max(one.max() for one in (found.observed, found.em, found.high))
    axes.plot([0, top], [0, top], color=QUIET, linewidth=0.9, zorder=1)
    least = min(float(one.min()) for one in (found.observed, found.em, found.low))
    _rooted(axes, 0.8 * least if least > SMALL else 0, top)
    axes.set_xlabel("observed share of the group")
    axes.set_ylabel("fitted share")
    entries: list[Artist] = [
        line({"color": EM, "linestyle": ""}, f"by {em_name(facts)}", "D"),
        line({"color": POSTERIOR, "linewidth": thin}, f"posterior, {LEVEL:.0%} interval"),
        line({"color": QUIET, "linewidth": 0.9}, "both equal"),
    ]
    return framed(axes, "Does the model fit the table?", entries, _scatter(facts, found))


def _rooted(axes: Axes, least: float, top: float) -> None:
    """Give both axes of shares a scale of square roots, so that small ones are seen."""
    roots = (lambda share: np.sqrt(np.maximum(share, 0)), np.square)
    axes.set_xscale("function", functions=roots)
    axes.set_yscale("function", functions=roots)
    few_ticks(axes)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator([one for one in TICKS if least <= one <= top]))
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:g}"))
    axes.set(xlim=(least, top), ylim=(least, top))


def _scatter(facts: Facts, found: Cells) -> str:
    """Say how far observed shares scatter by chance, and how many cells are shown."""
    data = facts.question.data
    assert isinstance(data, Groups)
    typical = float(np.median(data.totals))
    share = float(np.median(found.em[found.em > 0]))
    error = np.sqrt(share * (1 - share) / typical)
    caption = (
        f"Observed shares vary by chance: a share of {share:.2g} has a standard error of "
        f"{error:.1g} in a group of {typical:,.0f} observations."
    )
    shown = len(found.em)
    if shown < found.every:
        caption = (
            f"Shown: {shown:,} of {several(found.every, 'cell', 'cells')}, evenly spaced. {caption}"
        )
    return caption
