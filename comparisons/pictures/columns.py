"""Pictures of several columns, one by one: what was seen, and the densities by both answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from comparisons.pictures.data import called, heap, histogram, unnamed
from comparisons.pictures.letters import drawable, undrawable
from comparisons.pictures.style import (
    DATA,
    EM,
    POSTERIOR,
    across,
    blank,
    colour,
    em_name,
    few_ticks,
    framed,
    line,
    patch,
    several,
    styled,
)
from comparisons.thresholds import LEVEL
from em.emission import emission_of
from models.letters import cut
from models.refusal import Refusal
from models.structure import from_fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from comparisons.kept.facts import Density, Facts
    from models.arrays import Array
    from models.family import Column, Table

__all__ = ["Apart", "columns", "farthest", "no_columns"]

ACROSS = 3  # panels
TOP = 8  # categories in a panel
LETTERS = 14  # of a category beside a panel
TITLE = 32  # letters of a column above it
LISTED = 8  # columns that a caption names


class Apart(NamedTuple):
    """The column on whose distribution both answers differ most, and by how much.

    share: half the integral of |f - g|, the probability that lies elsewhere.

    >>> Apart("age", 0.02).share
    0.02
    """

    column: str
    share: float


def no_columns(facts: Facts) -> str:
    """Say why there are no columns to draw one by one, if there are none.

    >>> no_columns(comparison)
    'there is one column only; see the data'
    """
    if facts.rows.x.ndim == 1:
        return "there is one column only; see the data"
    older = "this file has no densities of single columns; see the parameters, or compare again"
    return "" if facts.marginals else older


def farthest(facts: Facts) -> Apart | None:
    """Return where both answers differ most; None if the estimate has no density.

    >>> farthest(comparison)  # there is one column only
    """
    found = []
    for name, theta, density in zip(_titles(facts), _parts(facts), facts.marginals, strict=False):
        if density.plug_in.any():
            apart = np.abs(density.plug_in - density.predictive)
            if theta.takes() == "column" and len(apart) > 1:  # places may leave values out
                apart = apart * np.gradient(density.x)
            found.append(Apart(name, float(apart.sum()) / 2))
    return max(found, key=lambda one: one.share, default=None)


@styled
def columns(facts: Facts) -> Figure:
    """Draw each column with its densities by both answers.

    >>> try:
    ...     columns(comparison)
    ... except Refusal as refusal:
    ...     print(refusal)
    there is one column only; see the data
    """
    if why := no_columns(facts):
        raise Refusal(why)
    each, titles, kinds = facts.marginals, _titles(facts), _parts(facts)
    beside = across(len(each), ACROSS)
    down = -(-len(each) // beside)
    figure = blank(1.5 + 2.3 * down, 0.1)
    panels = list(figure.subplots(down, beside, squeeze=False).flat)
    entries: dict[str, Artist] = {}
    said = ""
    for at, (density, axes) in enumerate(zip(each, panels, strict=False)):
        seen = _seen(facts, at)
        if kinds[at].takes() in ("labels", "heads"):
            own, more = _labels(axes, seen, density, _names(facts, at), facts)
        else:
            drawn = histogram(axes, seen, density, type(kinds[at]), facts)
            own, more = drawn.entries, heap(drawn.heaped, seen)
            out = " and ".join(drawn.beyond.values())
            more += f" Outside the frame: {out}." * bool(out)
            few_ticks(axes, 4, 3)
            axes.set_ylabel("density" if _dense(kinds[at]) else "share")
        said += f" {cut(titles[at], TITLE)}:{more}" * bool(more)
        for one in own:
            entries.setdefault(str(one.get_label()), one)
        axes.set_title(cut(titles[at], TITLE), fontweight="bold")
    for axes in panels[len(each) :]:
        axes.remove()
    observed = patch({"color": DATA}, "observed")
    title = "Each column: the data, and the distribution by each of the two methods"
    return framed(figure, title, [observed, *entries.values()], _caption(facts) + said)


def _caption(facts: Facts) -> str:
    """Return what is said of all panels, and which columns have none."""
    blanks = bool(np.isnan(facts.rows.x).any())
    caption = (
        f"Every column by itself{', where it was observed' * blanks}: densities of measurements, "
    )
    caption += "shares of counts and labels."
    caption += f" {facts.noun.capitalize()}s are weighted by their shares." * (facts.k > 1)
    if (most := farthest(facts)) is not None:
        most_on, share = cut(most.column, TITLE), 100 * most.share
        caption += f" The two methods differ most on {most_on}, by {share:.2g}% of the probability."
    left = _titles(facts)[len(facts.marginals) :]
    if left:
        named, more = ", ".join(cut(one, TITLE) for one in left[:LISTED]), len(left) - LISTED
        caption += f" Not shown: {named}" + f" and {more:,} more" * (more > 0) + "."
    return caption + unnamed(facts)


def _dense(theta: Column) -> bool:
    """Whether a column has a density, and not probabilities."""
    return emission_of(type(theta)).located


def _titles(facts: Facts) -> tuple[str, ...]:
    """Return the names of the columns, or their numbers."""
    given = drawable(facts.columns, "column")
    return given or tuple(f"column {at + 1}" for at in range(facts.dimension))


def _parts(facts: Facts) -> list[Column]:
    """Return the estimate of each column alone; none if there is one column only."""
    if facts.rows.x.ndim == 1:
        return []
    structure = from_fields(facts.structure, facts.family, facts.fields)
    return cast("Table", structure.theta).columns()


def _seen(facts: Facts, at: int) -> tuple[Array, Array]:
    """Return the sorted distinct values of a column, and how often each occurred."""
    x, counts = facts.rows.x[:, at], facts.rows.counts
    seen = ~np.isnan(x)
    values, places = np.unique(x[seen], return_inverse=True)
    return values, np.bincount(places, counts[seen])


def _names(facts: Facts, at: int) -> list[str]:
    """Return the names of a column's categories; a number in place of what no font can write."""
    named = facts.named.get(f"category_{at + 1}", ())
    if named:
        return list(drawable(named))
    return [f"{code:g}" for code in range(int(facts.marginals[at].x.max()) + 1)]


def _labels(
    axes: Axes, seen: tuple[Array, Array], density: Density, names: Sequence[str], facts: Facts
) -> tuple[list[Artist], str]:
    """Draw the shares of labels; return the entries of the legend, and what is left out."""
    observed = np.zeros(len(density.x))
    kept = np.isin(density.x, seen[0])
    observed[kept] = seen[1][np.searchsorted(seen[0], density.x[kept])] / seen[1].sum()
    shown = np.arange(len(observed))
    if len(observed) > TOP:
        shown = np.argsort(-observed, kind="stable")[:TOP]
    some, y = density.at(shown), np.arange(len(shown), dtype=np.float64)
    axes.barh(y, observed[shown], 0.84, color=DATA)
    axes.hlines(y + 0.2, some.low, some.high, color=POSTERIOR, linewidth=2.2)
    axes.plot(some.predictive, y + 0.2, "o", color=POSTERIOR, markersize=4.5, clip_on=False)
    entries: list[Artist] = [
        line({"color": POSTERIOR, "linewidth": 2.2}, f"posterior mean, {LEVEL:.0%} interval", "o")
    ]
    if density.plug_in.any():
        entries += _stacked(axes, some, y - 0.2, facts)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.set_xlabel("share")
    few_ticks(axes, 4)
    axes.yaxis.set_ticks(y, [cut(names[int(code)], LETTERS) for code in some.x])
    axes.tick_params(axis="y", length=0)
    more = max(len(names), len(observed)) - len(shown)
    left = f" the {TOP} most frequent categories, without {several(more, 'other', 'others')}."
    return entries, left * (more > 0) + undrawable(names)


def _stacked(axes: Axes, density: Density, y: Array, facts: Facts) -> list[Artist]:
    """Draw what each component adds to the estimate's shares, one beside the other."""
    entries: list[Artist] = [
        line({"color": EM, "linestyle": ""}, f"share by {em_name(facts)}", "D")
    ]
    parts = density.components
    begin = np.zeros(len(y))
    for component, part in enumerate(parts if len(parts) > 1 else []):
        axes.barh(y, part, 0.24, begin, color=colour(component))
        entries.append(
            line({"color": colour(component), "linewidth": 1.3}, called(facts, component))
        )
        begin = begin + part
    axes.plot(density.plug_in, y, "D", color=EM, markersize=4.5, clip_on=False)
    return entries
