"""Pictures of the observations: their density, their plane, and whom they belong to."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import PathPatch

from comparisons.kept.facts import columns_of
from comparisons.pictures.style import (
    BAND,
    DATA,
    EM_LINE,
    POSTERIOR,
    POSTERIOR_LINE,
    QUIET,
    TRUTH_LINE,
    above,
    across,
    as_given,
    blank,
    colour,
    ellipse,
    em_name,
    few_ticks,
    framed,
    label_outside,
    line,
    number,
    patch,
    several,
    styled,
    triangle,
)
from em.emission import emission_of
from models.names import family_called

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from models.arrays import Array

__all__ = [
    "bars_of",
    "data",
    "frame_of",
    "memberships",
    "moved",
    "no_data",
    "no_memberships",
    "no_plane",
    "plane",
]

SINGLE = 60  # whole numbers that get a bar, and a mark, each
MARKED = 100  # places on a curve that get a mark
POINTS = 2_000  # of a cloud
SPREAD = 2_100  # of clouds over several panels
COLUMNS = 4  # of a table that are drawn
ELLIPSES = 240  # of draws, over all panels
BULK = 0.95  # of the observations, which a frame has to hold
CROWDED = 0.1  # of the range, below which the bulk gets a frame of its own
MARGIN = 0.08  # of a frame, on either side


class Bars(NamedTuple):
    """A histogram: edges (m + 1,) and heights (m,), whose area is one."""

    edges: Array
    heights: Array

    @property
    def width(self) -> float:
        """Of one bar."""
        return float(self.edges[1] - self.edges[0])


def _counted(tree: xr.DataTree) -> bool:
    """Whether observations are whole numbers by their family."""
    return not emission_of(family_called(tree.attrs["family"])).located


def _what(tree: xr.DataTree) -> str:
    """Return what an observation is."""
    if names := columns_of(tree):
        return names[0]
    if "trials" in tree["constant_data"]:
        return "heads"
    return "count" if _counted(tree) else "observation"


def bars_of(x: Array, counts: Array, density: tuple[Array, Array], *, whole: bool) -> Bars:
    """Return a histogram of values with counts, drawn from about the density (places, heights).

    The width is (6 / (n int f'^2))^(1/3), the best for a density f (Freedman & Diaconis 1981), and
    a multiple of the step to which values are rounded, or bars would hold one and two by turns.
    """
    n, span = counts.sum(), float(np.ptp(x))
    rough = float((np.diff(density[1]) ** 2 / np.diff(density[0])).sum()) if span else 0.0
    best = np.cbrt(6 / (n * rough)) if rough > 0 else span
    width = float(np.clip(best, span / 100, span / 5)) or 1.0
    step = 1.0 if whole else _step(x)
    if whole and span < SINGLE:
        width = 1.0
    elif step > 0:
        width = max(1, round(width / step)) * step
    first = float(x.min()) - (step or width) / 2
    edges = first + width * np.arange(int(np.ceil((x.max() - first) / width + 1e-9)) + 1)
    return Bars(edges, np.histogram(x, edges, weights=counts)[0] / (n * width))


def _step(x: Array) -> float:
    """Return the step to which sorted distinct values are rounded, 0 if to none."""
    if len(x) < 2:
        return 0.0
    step = float(np.diff(x).min())
    steps = (x - x[0]) / step
    rounded = steps[-1] < 1e6 and np.abs(steps - np.rint(steps)).max() < 1e-3
    return step if rounded else 0.0


def _column(tree: xr.DataTree) -> tuple[Array, Array]:
    """Return sorted distinct values, flips disregarded, and how often each occurred."""
    # rows of a posterior of bins are too few, and too uneven, to be looked at
    rows = tree["histogram" if "histogram" in tree.children else "constant_data"]
    x, places = np.unique(rows["x"].to_numpy(), return_inverse=True)
    return x, np.bincount(places, rows["counts"].to_numpy())


def frame_of(x: Array, counts: Array) -> tuple[float, float]:
    """Return the range of sorted values to show: all of it, or the bulk if most of it is empty.

    The bulk is the shortest stretch that holds BULK of the observations, and as much to either side
    of it; a range of which it fills less than CROWDED would squash it.
    """
    below = np.concatenate([[0], np.cumsum(counts)])
    ends = np.searchsorted(below, below[:-1] + BULK * below[-1])
    starts = np.flatnonzero(ends <= len(x))
    widths = x[ends[starts] - 1] - x[starts]
    at = int(widths.argmin())
    width, low = float(widths[at]), float(x[starts[at]])
    inside = x[(x >= low - width) & (x <= low + 2 * width)]
    if width > 0 and np.ptp(inside) < CROWDED * np.ptp(x):
        return float(inside[0]), float(inside[-1])
    return float(x[0]), float(x[-1])


def _beyond(x: Array, counts: Array, frame: tuple[float, float]) -> dict[int, str]:
    """Say what lies beyond the frame, by its edge: 0 for the left one, 1 for the right one."""
    found = {}
    for edge, beyond in enumerate((x < frame[0], x > frame[1])):
        if beyond.any():
            n, low, high = int(counts[beyond].sum()), x[beyond].min(), x[beyond].max()
            where = f"from {as_given(low)} to {as_given(high)}"
            where = where if low < high else f"at {as_given(low)}"
            found[edge] = f"{several(n, 'observation', 'observations')} {where}"
    return found


def _point_beyond(axes: Axes, beyond: dict[int, str]) -> None:
    """Point with arrows at what lies beyond the frame."""
    for edge, what in beyond.items():
        axes.annotate(
            what.replace(" at ", "\nat ").replace(" from ", "\nfrom "),
            (edge, 0.6),
            (30 - 60 * edge, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right" if edge else "left",
            va="center",
            fontsize=9,
            arrowprops={"arrowstyle": "->", "color": QUIET},
        )


def _left_out(beyond: dict[int, str]) -> str:
    """Return what a caption says of what lies beyond the frame."""
    return f" Outside of the frame: {' and '.join(beyond.values())}." if beyond else ""


def no_data(tree: xr.DataTree) -> str:
    """Say why there is no density to draw, if there is none."""
    return "" if "density" in tree.children else "a table has no density to draw; see the plane"


@styled
def data(tree: xr.DataTree) -> Figure:
    """Draw the observations with EM's density and the posterior predictive one."""
    if why := no_data(tree):
        raise ValueError(why)
    density, whole = tree["density"].to_dataset(), _counted(tree)
    x, counts = _column(tree)
    frame = frame_of(x, counts)
    beyond = _beyond(x, counts, frame)
    shown = (x >= frame[0]) & (x <= frame[1])
    share = counts[shown].sum() / counts.sum()
    near = density
    if beyond:
        room = MARGIN * (frame[1] - frame[0])
        inside = (density["x"] >= frame[0] - room) & (density["x"] <= frame[1] + room)
        near = density.isel(x=np.flatnonzero(inside))
    predictive = (near["x"].to_numpy(), near["predictive"].to_numpy())
    bars = bars_of(x[shown], counts[shown], predictive, whole=whole)
    bars = bars._replace(heights=bars.heights * share)
    figure = blank(5.0)
    axes = figure.add_subplot()
    gap = 0.86 if whole and bars.width == 1 else 1.0
    axes.bar(
        bars.edges[:-1] + bars.width / 2,
        bars.heights,
        gap * bars.width,
        color=DATA,
        edgecolor="white",
        linewidth=0.5,
    )
    mark = "o" if whole and near.sizes["x"] <= SINGLE else ""
    entries = _densities(axes, near, mark, em_name(tree))
    highest = max(bars.heights.max(), float(near["predictive"].max()))
    rest = max(float(near["plug_in"].max()), float(near["high"].max()))
    axes.set_ylim(0, above(highest, rest))
    few_ticks(axes, 8)
    axes.set_xlabel(_what(tree))
    axes.set_ylabel("share of observations" if whole else "density")
    label = f"{int(tree.attrs['observations']):,} observations"
    caption = _data_caption(tree, axes.get_ylim()[1]) + _left_out(beyond)
    _point_beyond(axes, beyond)
    title = "The data, the estimate's density, and the one that the posterior predicts"
    return framed(figure, title, [patch({"color": DATA}, label), *entries], caption)


def _densities(axes: Axes, density: xr.Dataset, mark: str, name: str) -> list[Artist]:
    """Draw the densities and return their entries in the legend."""
    x = density["x"].to_numpy()
    axes.fill_between(x, density["low"], density["high"], **BAND)
    axes.plot(*_broken(x, density["predictive"]), **POSTERIOR_LINE, marker=mark, markersize=4)
    entries: list[Artist] = [
        line(POSTERIOR_LINE, "posterior predictive mean", mark),
        patch(BAND, "its 95% band"),
    ]
    if not density["plug_in"].any():
        return entries
    parts = density["components"].to_numpy()
    for component, part in enumerate(parts if len(parts) > 1 else []):
        look = {"color": colour(component), "linewidth": 1.3}
        axes.plot(*_broken(x, part), **look)
        entries.append(line(look, f"component {component}"))
    axes.plot(*_broken(x, density["plug_in"]), **EM_LINE, marker=mark, markersize=4)
    return [line(EM_LINE, f"density of {name}", mark), *entries]


def _broken(x: Array, y: Array) -> tuple[Array, Array]:
    """Return a curve with a break where the places leave out much of their range.

    They do where the estimate lies far from the data: nothing is known in between.
    """
    much = 0.1 * np.ptp(x) if len(x) > SINGLE else np.inf
    after = np.flatnonzero(np.diff(x) > much) + 1
    return np.insert(x, after, np.nan), np.insert(np.asarray(y), after, np.nan)


def _data_caption(tree: xr.DataTree, top: float) -> str:
    """Return what the picture cannot show."""
    x, plug_in = (tree["density"][name].to_numpy() for name in ("x", "plug_in"))
    most = float(plug_in.max())
    if most == 0:
        return "The estimate gives some observation no probability at all: it has no density here."
    caption = f"Hellinger distance between the two densities: {float(tree.attrs['hellinger']):.2g}"
    caption += " (0: the same, 1: nothing in common)."
    if most > top:
        where = float(x[plug_in.argmax()])
        caption += (
            f" The estimate's density goes on to {number(most)} at {number(where)}, far beyond the "
            "frame: a component is far narrower than the data."
        )
    return caption


def no_plane(tree: xr.DataTree) -> str:
    """Say why there is no plane to draw, if there is none."""
    columns = tree["constant_data"].sizes.get("dimension", 1)
    return "" if columns > 1 else "one column has no plane to draw; see the data"


class Cloud(NamedTuple):
    """Rows (m, d), their likeliest component, how certain that is (0 to 1), and their counts."""

    x: Array
    likeliest: Array
    certainty: Array
    counts: Array


def _cloud(tree: xr.DataTree, panels: int) -> Cloud:
    """Return rows at even distances, fewer for many panels, with EM's components."""
    known = "memberships" in tree.children
    rows = tree["memberships" if known else "constant_data"].to_dataset()
    chosen = _spread(rows.sizes["row"], POINTS if panels == 1 else SPREAD // panels)
    x, counts = rows["x"].to_numpy()[chosen], rows["counts"].to_numpy()[chosen]
    if not known:
        return Cloud(x, np.zeros(len(x), int), np.ones(len(x)), counts)
    share = rows["em"].to_numpy()[chosen]
    even = 1 / share.shape[1]
    return Cloud(x, share.argmax(axis=1), (share.max(axis=1) - even) / (1 - even), counts)


def _spread(n: int, most: int) -> Array:
    """Return so many of n places at even distances, or all."""
    return np.linspace(0, n - 1, min(n, most)).astype(int)


def _sizes(counts: Array, least: float) -> Array:
    """Return areas of marks that grow with the counts, within reason."""
    return least * np.clip(counts / np.median(counts), 0.5, 12)


@styled
def plane(tree: xr.DataTree) -> Figure:
    """Draw columns two at a time, with EM's ellipses over those of posterior draws."""
    if why := no_plane(tree):
        raise ValueError(why)
    d, k = tree["constant_data"].sizes["dimension"], int(tree.attrs["components"])
    columns = min(d, COLUMNS)
    figure = blank({2: 6.0, 3: 7.0}.get(columns, 8.5))
    names = columns_of(tree) or [f"column {one}" for one in range(columns)]
    panels = triangle(figure, names[:columns])
    cloud = _cloud(tree, len(panels))
    draws = int(np.clip(ELLIPSES // (k * len(panels)), 12, 40))
    for pair, axes in panels.items():
        _points(axes, cloud, list(pair), 14 if len(panels) == 1 else 8)
        _draws(axes, tree, list(pair), draws)
        _ellipses(axes, tree, list(pair))
    entries: list[Artist] = [
        line({"color": colour(one), "linestyle": ""}, f"component {one}", "o") for one in range(k)
    ]
    entries.append(line(EM_LINE, f"{em_name(tree)}: 1 and 2 sd"))
    entries.append(line({"color": POSTERIOR, "linewidth": 0.8}, "posterior draws: 2 sd"))
    if "truth" in tree.children:
        entries.append(line(TRUTH_LINE, "truth: 1 and 2 sd"))
    rows = tree["constant_data"].sizes["row"]
    caption = f"Faint points are those that could be another component's. {len(cloud.x):,} "
    caption += f"of {rows:,} distinct rows" + f", {columns} of {d} columns" * (columns < d)
    title = "The data, and the groups that the estimate and the posterior see"
    return framed(figure, title, entries, f"{caption}, {draws} draws.")


def _points(axes: Axes, cloud: Cloud, pair: list[int], dot: float) -> None:
    """Draw two columns of the data, as dots of such an area."""
    shades = np.array([[*to_rgb(colour(one)), 1.0] for one in range(cloud.likeliest.max() + 1)])
    colours = shades[cloud.likeliest]
    colours[:, 3] = 0.2 + 0.6 * np.round(cloud.certainty, 1)
    x, y = cloud.x[:, pair].T
    axes.scatter(
        x, y, s=_sizes(cloud.counts, dot), c=colours, linewidth=0, zorder=1, rasterized=True
    )


def _draws(axes: Axes, tree: xr.DataTree, pair: list[int], draws: int) -> None:
    """Draw the components' ellipses in two columns, of draws spread over the chains."""
    drawn = tree["posterior"].to_dataset()
    means, covs = (drawn[name].to_numpy() for name in ("mean", "cov"))
    means, covs = (one.reshape(-1, *one.shape[2:]) for one in (means, covs))
    chosen = np.linspace(0, len(means) - 1, draws).astype(int)
    around = [
        ellipse(mean[pair], cov[np.ix_(pair, pair)], 2)
        for draw in chosen
        for mean, cov in zip(means[draw], covs[draw], strict=True)
    ]
    thin = {"facecolor": "none", "edgecolor": POSTERIOR, "alpha": 0.35, "linewidth": 0.6}
    axes.add_collection(PathCollection(around, **thin, zorder=2))


def _ellipses(axes: Axes, tree: xr.DataTree, pair: list[int]) -> None:
    """Draw the truth's ellipses and EM's, and make room for data and ellipses."""
    x = tree["constant_data"]["x"].to_numpy()[:, pair]
    low, high = x.min(axis=0), x.max(axis=0)
    room = 0.3 * (high - low)  # for ellipses; they may be very large
    ends = [low, high]
    for name, look in (("truth", TRUTH_LINE), ("em", EM_LINE)):
        if name not in tree.children:
            continue
        means, covs = (tree[name][field].to_numpy() for field in ("mean", "cov"))
        for (mean, cov), radius in product(zip(means, covs, strict=True), (1, 2)):
            around = ellipse(mean[pair], cov[np.ix_(pair, pair)], radius)
            thin = look | {"linewidth": 1.4}
            axes.add_patch(PathPatch(around, fill=False, **thin, zorder=3))
            ends.append(np.clip(around.vertices, low - room, high + room))
    reached = np.vstack(ends)
    margin = 0.04 * np.ptp(reached, axis=0)
    limits = np.stack([reached.min(axis=0) - margin, reached.max(axis=0) + margin])
    axes.set(xlim=limits[:, 0], ylim=limits[:, 1])


def no_memberships(tree: xr.DataTree) -> str:
    """Say why there are no memberships to draw, if there are none."""
    known = "memberships" in tree.children
    return "" if known else "a single component has all the members; there is nothing to draw"


def moved(tree: xr.DataTree) -> str:
    """Return by how many points of a hundred a membership differs on average."""
    both = tree["memberships"]
    apart = np.abs(both["em"].to_numpy() - both["posterior"].to_numpy()).sum(axis=1) / 2
    points = 100 * float(np.average(apart, weights=both["counts"].to_numpy()))
    return f"{points:.2g} points" if points >= 0.01 else "less than 0.01 points"


@styled
def memberships(tree: xr.DataTree) -> Figure:
    """Draw EM's memberships beside the posterior's."""
    if why := no_memberships(tree):
        raise ValueError(why)
    rows = tree["constant_data"]
    flips = rows["trials"].to_numpy() if "trials" in rows else np.ones(1)
    caption = f"An observation's membership differs by {moved(tree)} of a hundred on average."
    if rows["x"].ndim > 1 or np.ptp(flips) > 0:
        return _membership_cloud(tree, caption)
    return _membership_curves(tree, caption)


def _membership_curves(tree: xr.DataTree, caption: str) -> Figure:
    """Draw the memberships over x, a panel for each component."""
    both, k = tree["memberships"].to_dataset(), int(tree.attrs["components"])
    both = both.isel(row=np.argsort(both["x"].to_numpy(), kind="stable"))
    x = both["x"].to_numpy()
    frame = frame_of(*_column(tree))
    beyond = _beyond(*_column(tree), frame)
    columns = across(k, 4)
    figure = blank(1.2 + 2.7 * -(-k // columns))
    panels = figure.subplots(-(-k // columns), columns, sharex=True, sharey=True, squeeze=False)
    mark, size = "o" if len(x) <= MARKED else "", 3.5 if len(x) <= SINGLE else 2
    for component, axes in enumerate(panels.flat):
        if component >= k:
            axes.remove()
            continue
        em, drawn = (both[name].to_numpy()[:, component] for name in ("em", "posterior"))
        axes.fill_between(x, em, drawn, color=QUIET, alpha=0.25, linewidth=0)
        axes.plot(x, drawn, **POSTERIOR_LINE, marker=mark, markersize=size)
        axes.plot(x, em, **EM_LINE, marker=mark, markersize=size)
        axes.set_title(f"component {component}", color=colour(component), fontweight="bold")
        axes.set_ylim(-0.03, 1.03)
        if beyond:
            axes.set_xlim(frame)
        few_ticks(axes, 4)
        bottom, left = component + columns >= k, component % columns == 0
        what = _what(tree)
        label_outside(axes, what, "probability of membership", bottom=bottom, left=left)
    entries = [
        line(EM_LINE, f"by {em_name(tree)}", mark),
        line(POSTERIOR_LINE, "by the posterior", mark),
        patch({"color": QUIET, "alpha": 0.25, "linewidth": 0}, "difference"),
    ]
    return framed(
        figure, "Which component an observation belongs to", entries, caption + _left_out(beyond)
    )


def _membership_cloud(tree: xr.DataTree, caption: str) -> Figure:
    """Draw the memberships by one against those by the other."""
    both = tree["memberships"].to_dataset()
    both = both.isel(row=_spread(both.sizes["row"], POINTS))
    figure = blank(5.6)
    axes = figure.add_subplot()
    axes.set_aspect("equal")
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.9, zorder=1)
    sizes = _sizes(both["counts"].to_numpy(), 22)
    for component in range(both.sizes["component"]):
        em, drawn = (both[name].to_numpy()[:, component] for name in ("em", "posterior"))
        axes.scatter(
            em, drawn, s=sizes, color=colour(component), alpha=0.55, lw=0, rasterized=True, zorder=2
        )
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    few_ticks(axes)
    axes.set_xlabel(f"probability by {em_name(tree)}")
    axes.set_ylabel("probability by the posterior")
    entries: list[Artist] = [
        line({"color": colour(one), "linestyle": ""}, f"membership in component {one}", "o")
        for one in range(both.sizes["component"])
    ]
    entries.append(line({"color": QUIET, "linewidth": 0.9}, "both alike"))
    title = "Which component an observation belongs to: the two answers"
    return framed(figure, title, entries, caption)
