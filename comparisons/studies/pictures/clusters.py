"""Clusters: the same points cut by K-means and by EM, and how sure the memberships are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import PathPatch
from scipy.stats import multivariate_normal

from comparisons.pictures.style import (
    EM,
    EM_LINE,
    POSTERIOR,
    QUIET,
    TRUTH,
    TRUTH_LINE,
    Look,
    blank,
    colour,
    ellipse,
    few_ticks,
    framed,
    line,
    side_by_side,
    styled,
)
from models.arrays import spaced

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from comparisons.kept.facts import Facts
    from models.arrays import Array, Labels

__all__ = ["doubts", "partitions"]

FINE = 400  # places along each axis where a boundary is looked for
CUT: Look = {"color": QUIET, "linewidth": 1.1}
WRONG: Look = {"color": TRUTH, "linestyle": "", "markersize": 4, "markeredgewidth": 0.8}
MARGIN = 0.6
BARS = 90  # memberships at most


@styled
def partitions(
    facts: Facts, names: tuple[str, ...], centres: Array, found: dict[str, Labels], truth: Labels
) -> Figure:
    """Draw K-means' partition beside EM's, mistakes crossed.

    names: of the groups; centres: (3, 2) of K-means; found: labels by name.
    truth: labels (n,) of the rows.

    >>> from types import SimpleNamespace
    >>> from comparisons.kept.facts import Memberships
    >>> from comparisons.studies.clusters import NAMES, TRUTH, best_possible
    >>> from models.structure import fields_of
    >>> x, fields = np.random.default_rng(0).normal(2.0, 3.0, (50, 2)), fields_of(TRUTH)
    >>> known = Memberships(x, *np.ones((5, 50, 3)))
    >>> facts = SimpleNamespace(memberships=known, fields=fields, truth=fields)
    >>> best = best_possible(x)
    >>> found = {"K-means": best, "EM": best}
    >>> figure = partitions(facts, NAMES, TRUTH.theta.mean, found, truth=best)
    >>> [axes.get_title() for axes in figure.axes]
    ['K-means: 0.0% wrong', 'EM: 0.0% wrong']
    """
    x = facts.memberships.x
    figure = blank(5.0)
    left, right = side_by_side(figure, 2, sharex=True, sharey=True)
    ways: dict[str, tuple[Axes, Callable[[Array], Labels]]] = {
        "K-means": (left, lambda at: _nearest(at, centres)),
        "EM": (right, lambda at: _likeliest(at, facts)),
    }
    for name, (axes, cut) in ways.items():
        labels, wrong = found[name], found[name] != truth
        shades = [colour(one) for one in labels]
        axes.scatter(x[:, 0], x[:, 1], s=13, c=shades, alpha=0.75, linewidth=0, zorder=1)
        axes.plot(*x[wrong].T, "x", zorder=2, **WRONG)
        _boundaries(axes, x, cut)
        axes.set_title(f"{name}: {wrong.mean():.1%} wrong", fontweight="bold")
        axes.set(xlabel="x", xlim=_limits(x[:, 0]), ylim=_limits(x[:, 1]))
        few_ticks(axes)
    left.set_ylabel("y")
    left.plot(*centres.T, "P", color=TRUTH, markeredgecolor="white", markersize=12, zorder=4)
    _ellipses(right, facts.truth, TRUTH_LINE)
    _ellipses(right, facts.fields, EM_LINE)
    entries: list[Artist] = [
        line({"color": colour(one), "linestyle": ""}, f"assigned to the {name} group", "o")
        for one, name in enumerate(names)
    ]
    entries += [
        line(WRONG, "assigned to a wrong one", "x"),
        line({"color": TRUTH, "linestyle": "", "markersize": 9}, "K-means' centres", "P"),
        line(CUT, "boundaries"),
        line(EM_LINE, "EM: 2 sd"),
        line(TRUTH_LINE, "truth: 2 sd"),
    ]
    caption = (
        "K-means cuts halfway between centres, in straight lines. EM's boundaries bend with the "
        "groups' shapes and sizes."
    )
    return framed(figure, "The same points, cut by K-means and by EM", entries, caption)


@styled
def doubts(facts: Facts, names: tuple[str, ...], wide: float) -> Figure:
    """Draw where memberships are uncertain, and EM's with the posterior's intervals.

    names: of the groups; wide: a 95% interval that is worth a bar.

    >>> from types import SimpleNamespace
    >>> from comparisons.kept.facts import Memberships
    >>> from comparisons.studies.clusters import NAMES, TRUTH
    >>> from models.structure import fields_of
    >>> x, even = np.random.default_rng(0).normal(2.0, 3.0, (50, 2)), np.full((50, 3), 0.3)
    >>> known = Memberships(x, np.ones(50), even, even, even - 0.2, even + 0.2)
    >>> figure = doubts(SimpleNamespace(memberships=known, fields=fields_of(TRUTH)), NAMES, 0.2)
    >>> figure.axes[1].get_xlabel()
    'doubtful points, sorted by EM'
    """
    x, _, em, mean, low, high = facts.memberships
    group = em.argmax(axis=1)
    widths = (high - low).max(axis=1)
    figure = blank(4.9)
    left, right = side_by_side(figure, 2)
    sure = widths <= wide
    for one in range(em.shape[1]):
        across, up = x[sure & (group == one)].T
        left.scatter(across, up, s=9, alpha=0.45, zorder=1, color=colour(one), linewidth=0)
    left.scatter(
        x[~sure, 0],
        x[~sure, 1],
        s=8 + 160 * widths[~sure] ** 2,
        c=[colour(one) for one in group[~sure]],
        edgecolor=POSTERIOR,
        linewidth=1.1,
        zorder=3,
    )
    _boundaries(left, x, lambda at: _likeliest(at, facts))
    left.set(xlabel="x", ylabel="y", xlim=_limits(x[:, 0]), ylim=_limits(x[:, 1]))
    few_ticks(left)
    rows = np.flatnonzero(~sure)
    rows = rows[np.argsort(em[rows, group[rows]], kind="stable")]
    rows = rows[np.unique(spaced(len(rows), BARS))]
    at, own = np.arange(len(rows)), group[rows]
    right.vlines(at, low[rows, own], high[rows, own], color=POSTERIOR, alpha=0.45, linewidth=2)
    right.plot(at, mean[rows, own], "o", color=POSTERIOR, markersize=3.5)
    right.plot(at, em[rows, own], "_", color=EM, markersize=7, markeredgewidth=2)
    right.set(ylim=(-0.02, 1.02), xlabel="doubtful points, sorted by EM", xticks=[])
    right.set_ylabel("probability of EM's likeliest group")
    entries: list[Artist] = [
        line({"color": colour(one), "linestyle": ""}, f"the {name} group", "o")
        for one, name in enumerate(names)
    ]
    ring: Look = {"color": "white", "markeredgecolor": POSTERIOR, "linestyle": "", "markersize": 9}
    entries += [
        line(ring, f"95% interval wider than {wide:g}; its width is the size", "o"),
        line({"color": EM, "linestyle": "", "markeredgewidth": 2}, "by EM", "_"),
        line({"color": POSTERIOR, "alpha": 0.6, "linewidth": 2}, "by the posterior", "o"),
    ]
    caption = (
        f"{int((~sure).sum())} of {len(x)} points are ringed. EM gives each a probability. The "
        "posterior gives a mean and a 95% interval, which show how well it is known."
    )
    return framed(figure, "Doubtful points, and how well they are known", entries, caption)


def _nearest(at: Array, centres: Array) -> Labels:
    """Return the centre that is nearest to each row (n, 2)."""
    nearest: Labels = ((at[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    return nearest


def _likeliest(at: Array, facts: Facts) -> Labels:
    """Return EM's likeliest group of each row (n, 2)."""
    fields = (facts.fields[name] for name in ("weight", "mean", "cov"))
    each = [w * multivariate_normal(m, cov).pdf(at) for w, m, cov in zip(*fields, strict=True)]
    return np.argmax(each, axis=0)


def _boundaries(axes: Axes, x: Array, cut: Callable[[Array], Labels]) -> None:
    """Draw the lines between the groups into which places are cut."""
    across, up = (np.linspace(*_limits(column), FINE) for column in x.T)
    places = np.stack(np.meshgrid(across, up), axis=-1)
    labels = cut(places.reshape(-1, 2)).reshape(FINE, FINE)
    for one in range(labels.max()):  # a line about each group but the last
        axes.contour(
            across, up, labels == one, [0.5], colors=QUIET, linewidths=CUT["linewidth"], zorder=3
        )


def _ellipses(axes: Axes, fields: Mapping[str, Array], look: Look) -> None:
    """Draw each component at two sd."""
    for mean, cov in zip(fields["mean"], fields["cov"], strict=True):
        axes.add_patch(PathPatch(ellipse(mean, cov, 2), fill=False, zorder=4, **look))


def _limits(column: Array) -> tuple[float, float]:
    """Return where a panel ends."""
    return float(column.min()) - MARGIN, float(column.max()) + MARGIN
