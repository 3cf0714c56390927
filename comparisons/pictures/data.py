"""Pictures of the observations: their density, their plane, and whom they belong to."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import PathPatch

from comparisons.pictures.letters import drawable, undrawable
from comparisons.pictures.style import (
    BAND,
    DATA,
    EM_LINE,
    POSTERIOR,
    POSTERIOR_LINE,
    QUIET,
    TRUTH_LINE,
    Look,
    above,
    across,
    as_given,
    blank,
    colour,
    ellipse,
    em_name,
    few_ticks,
    fitting,
    framed,
    label_outside,
    line,
    number,
    panel,
    patch,
    several,
    styled,
    triangle,
)
from em.emission import emission_of
from models.arrays import spaced
from models.family import by_column
from models.letters import cut
from models.refusal import Refusal
from models.value_grid import step_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from comparisons.kept.facts import Density, Facts, Memberships
    from models.arrays import Array, Labels
    from models.family import Theta

__all__ = [
    "SINGLE",
    "Bars",
    "Histogram",
    "bars_of",
    "called",
    "counted",
    "data",
    "drawn_names",
    "frame_of",
    "heap",
    "histogram",
    "memberships",
    "moved",
    "name_categories",
    "no_data",
    "no_memberships",
    "no_plane",
    "plane",
    "shortened",
    "unnamed",
    "what",
]

SINGLE = 60  # whole numbers: as many get a bar and a mark each
MARKED = 100  # places on a curve: as many get a mark each
POINTS = 2_000  # of a cloud in one panel
SPREAD = 2_100  # points of all clouds, if there are several panels
COLUMNS = 4  # of a table: more are not drawn
ELLIPSES = 240  # of posterior draws, in all panels together
BULK = 0.95  # of the observations: a frame shows at least as many
CROWDED = 0.1  # of the range: a bulk narrower than that gets a frame of its own
MARGIN = 0.08  # of a frame, on either side
NAMED = 10  # categories along an axis: more names would run into each other
LETTERS = 11  # of a name there
LETTERED = 65  # of all names side by side


class Bars(NamedTuple):
    """A histogram: edges (m + 1,) and heights (m,), whose area is one.

    >>> Bars(np.array([0.0, 2.0, 4.0]), np.array([0.3, 0.2])).width
    2.0
    """

    edges: Array
    heights: Array

    @property
    def width(self) -> float:
        """Of one bar."""
        return float(self.edges[1] - self.edges[0])


def counted(facts: Facts) -> bool:
    """Whether observations are whole numbers by their family.

    >>> counted(comparison)
    True
    """
    return not emission_of(facts.family).located


def what(facts: Facts) -> str:
    """Return what an observation is.

    >>> what(comparison)
    'count'
    """
    if facts.columns:
        return drawable(facts.columns, "column")[0]
    if facts.family.takes() == "heads":
        return "heads"
    if facts.categories:
        return "label"
    return "count" if counted(facts) else "observation"


def bars_of(x: Array, counts: Array, density: tuple[Array, Array], *, whole: bool) -> Bars:
    """Return a histogram of values with counts, drawn from about the density (places, heights).

    The width is (6 / (n int f'^2))^(1/3), the best for a density f (Freedman & Diaconis 1981), and
    a multiple of the step to which values are rounded: otherwise neighbouring bars would cover
    different numbers of possible values.

    >>> flat = (np.arange(4.0), np.full(4, 0.25))
    >>> bars_of(np.arange(4.0), np.ones(4), flat, whole=True).width
    1.0
    """
    n, span = counts.sum(), float(np.ptp(x))
    rough = float((np.diff(density[1]) ** 2 / np.diff(density[0])).sum()) if span else 0.0
    best = np.cbrt(6 / (n * rough)) if rough > 0 else span
    width = float(np.clip(best, span / 100, span / 5)) or 1.0
    step = 1.0 if whole else step_of(x)
    if whole and span < SINGLE:
        width = 1.0
    elif step > 0:
        width = max(1, round(width / step)) * step
    first = float(x.min()) - (step or width) / 2
    bars = int(np.ceil((x.max() - first) / width + 1e-9)) + 1
    edges = first + width * np.arange(bars, dtype=np.float64)
    return Bars(edges, np.histogram(x, edges, weights=counts)[0] / (n * width))


def _column(facts: Facts) -> tuple[Array, Array]:
    """Return sorted distinct values, whatever their trials, and how often each occurred."""
    rows = facts.histogram
    x, places = np.unique(rows.x, return_inverse=True)
    return x, np.bincount(places, rows.counts)


def frame_of(x: Array, counts: Array) -> tuple[float, float]:
    """Return the range of sorted values to show: all of it, or the bulk if most of it is empty.

    The bulk is the shortest stretch with BULK of the observations, and as much to either side.
    It is shown alone if it would fill less than CROWDED of the whole range.

    >>> frame_of(np.array([1.0, 2.0, 3.0]), np.array([1, 1, 1]))
    (1.0, 3.0)
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
    return f" Outside the frame: {' and '.join(beyond.values())}." if beyond else ""


def name_categories(axis: Axis, facts: Facts) -> None:
    """Write the names of categories along an axis of their codes, some of them if they are many.

    >>> from matplotlib.figure import Figure
    >>> name_categories(Figure().add_subplot().xaxis, comparison)  # counts have no names
    """
    names = drawable(facts.categories)
    if not names:
        return
    at = spaced(len(names), fitting(NAMED, NAMED // 2))
    lettered = fitting(LETTERED, LETTERED // 2)
    room = min(LETTERS, lettered // len(at)) if axis.get_label_position() == "bottom" else LETTERS
    axis.set_ticks(at, [cut(names[place], room) for place in at])


def shortened(name: str) -> str:
    """Return a name that fits under a bar.

    >>> shortened("to"), shortened("disproportionately")
    ('to', 'disproport…')
    """
    return cut(name, LETTERS)


def drawn_names(facts: Facts) -> dict[str, tuple[str, ...]]:
    """Return the names along axes, a number in place of those that no font can write.

    >>> drawn_names(comparison)  # counts have no names
    {}
    """
    return {axis: drawable(names) for axis, names in facts.named.items()}


def called(facts: Facts, component: int) -> str:
    """Return what a component is called in a picture: its name, if a font can write it.

    >>> called(comparison, 0)
    'group 1'
    """
    titles = drawable(facts.question.titles)
    return titles[component] if titles else facts.called(component)


def unnamed(facts: Facts, *axes: str) -> str:
    """Return what a caption says of names that no font can write.

    axes: along which a picture shows names, beside those of the columns and components.

    >>> unnamed(comparison, "category")
    ''
    """
    shown = [one for axis in axes for one in facts.named.get(axis, ())]
    return undrawable([*facts.columns, *facts.question.titles, *shown])


def no_data(facts: Facts) -> str:
    """Say why there is no density to draw, if there is none.

    >>> no_data(comparison)
    ''
    """
    alone = "several columns are drawn one by one; see the columns"
    return alone if facts.density is None else ""


@styled
def data(facts: Facts) -> Figure:
    """Draw the observations with EM's density and the posterior predictive one.

    >>> data(comparison).axes[0].get_ylabel()
    'share of observations'
    """
    if (density := facts.density) is None:
        raise Refusal(no_data(facts))
    axes = panel(5.0)
    seen = _column(facts)
    drawn = histogram(axes, seen, density, facts.family, facts)
    few_ticks(axes, 8)
    name_categories(axes.xaxis, facts)
    axes.set_xlabel(what(facts))
    axes.set_ylabel("share of observations" if counted(facts) else "density")
    label = f"{facts.observations:,} observations"
    caption = _data_caption(density, facts.hellinger, axes.get_ylim()[1], facts.noun)
    caption += _left_out(drawn.beyond) + unnamed(facts, "category") + heap(drawn.heaped, seen)
    _point_beyond(axes, drawn.beyond)
    title = "The data, with the density by each of the two methods"
    return framed(axes, title, [patch({"color": DATA}, label), *drawn.entries], caption)


class Histogram(NamedTuple):
    """What was drawn of a column beside its bars.

    entries: of the legend.
    beyond: what lies beyond the frame, by its edge.
    heaped: values that no density shows, as they have a probability.

    >>> Histogram._fields
    ('entries', 'beyond', 'heaped')
    """

    entries: list[Artist]
    beyond: dict[int, str]
    heaped: Array


def histogram(
    axes: Axes, seen: tuple[Array, Array], density: Density, family: type[Theta], facts: Facts
) -> Histogram:
    """Draw a column's bars with the densities by both answers.

    seen: sorted distinct values, and how often each occurred; family: of the column.

    >>> from matplotlib.figure import Figure
    >>> seen = comparison.rows.x, comparison.rows.counts
    >>> figure = Figure().add_subplot(), seen, comparison.density, comparison.family, comparison
    >>> histogram(*figure).beyond
    {}
    """
    every, occurred = seen
    emission = emission_of(family)
    heaped, whole = emission.masses(every), not emission.located
    x, counts = every[~heaped], occurred[~heaped]
    frame = frame_of(x, counts)
    beyond = _beyond(x, counts, frame)
    shown = (x >= frame[0]) & (x <= frame[1])
    share = counts[shown].sum() / occurred.sum()
    near = density
    if beyond:
        room = MARGIN * (frame[1] - frame[0])
        inside = (density.x >= frame[0] - room) & (density.x <= frame[1] + room)
        near = density.at(np.flatnonzero(inside))
    bars = bars_of(x[shown], counts[shown], (near.x, near.predictive), whole=whole)
    bars = bars._replace(heights=bars.heights * share)
    gap = 0.86 if whole and bars.width == 1 else 1.0
    axes.bar(
        bars.edges[:-1] + bars.width / 2,
        bars.heights,
        gap * bars.width,
        color=DATA,
        edgecolor="white",
        linewidth=0.5,
    )
    mark = "o" if whole and len(near.x) <= SINGLE else ""
    entries = _densities(axes, near, mark, facts)
    highest = max(bars.heights.max(), near.predictive.max())
    axes.set_ylim(0, above(highest, max(near.plug_in.max(), near.high.max())))
    return Histogram(entries, beyond, every[heaped])


def heap(heaped: Array, seen: tuple[Array, Array]) -> str:
    """Return what a caption says of a value that no density shows.

    >>> heap(np.array([0.0]), (np.array([0.0, 2.5]), np.array([1, 3])))
    ' Not drawn: 25% of the observations are 0.'
    """
    if not len(heaped):
        return ""
    part = seen[1][np.isin(seen[0], heaped)].sum() / seen[1].sum()
    return f" Not drawn: {part:.0%} of the observations are {as_given(heaped[0])}."


def _densities(axes: Axes, density: Density, mark: str, facts: Facts) -> list[Artist]:
    """Draw the densities and return their entries in the legend."""
    x = density.x
    axes.fill_between(x, density.low, density.high, **BAND)
    axes.plot(*_broken(x, density.predictive), **POSTERIOR_LINE, marker=mark, markersize=4)
    entries: list[Artist] = [
        line(POSTERIOR_LINE, "posterior predictive mean", mark),
        patch(BAND, "its 95% band"),
    ]
    if not density.plug_in.any():
        return entries
    parts = density.components
    for component, part in enumerate(parts if len(parts) > 1 else []):
        look: Look = {"color": colour(component), "linewidth": 1.3}
        axes.plot(*_broken(x, part), **look)
        entries.append(line(look, called(facts, component)))
    axes.plot(*_broken(x, density.plug_in), **EM_LINE, marker=mark, markersize=4)
    return [line(EM_LINE, f"density of {em_name(facts)}", mark), *entries]


def _broken(x: Array, y: Array) -> tuple[Array, Array]:
    """Return a curve with a break where the places leave out much of their range.

    There are such gaps if the estimate lies far from the data: nothing was computed in between.
    """
    much = 0.1 * np.ptp(x) if len(x) > SINGLE else np.inf
    after = np.flatnonzero(np.diff(x) > much) + 1
    return np.insert(x, after, np.nan), np.insert(y, after, np.nan)


def _data_caption(density: Density, hellinger: float, top: float, noun: str) -> str:
    """Return what the picture cannot show; top: where it is cut off; noun: of a component."""
    most = float(density.plug_in.max())
    if most == 0:
        return "The estimate gives some observations probability 0, so there is no density to draw."
    caption = f"Hellinger distance between the two densities: {hellinger:.2g}"
    caption += " (0: the same, 1: nothing in common)."
    if most > top:
        where = float(density.x[density.plug_in.argmax()])
        caption += (
            f" The estimate's density reaches {number(most)} at {number(where)}, far outside the "
            f"frame: one {noun} is much narrower than the data."
        )
    return caption


def no_plane(facts: Facts) -> str:
    """Say why there is no plane to draw, if there is none.

    >>> no_plane(comparison)
    'one column has no plane to draw; see the data'
    """
    if facts.dimension == 1:
        return "one column has no plane to draw; see the data"
    apart = by_column(facts.family)
    return "columns have families of their own; see the columns" if apart else ""


class Cloud(NamedTuple):
    """Rows (m, d), their likeliest component, how certain that is (0 to 1), and their counts."""

    x: Array
    likeliest: Labels
    certainty: Array
    counts: Array


def _cloud(facts: Facts, panels: int) -> Cloud:
    """Return rows at even distances, fewer for many panels, with EM's components."""
    both = facts.memberships
    most = POINTS if panels == 1 else SPREAD // panels
    x, counts, share, *_ = both.at(spaced(len(both.x), most))
    even = 1 / facts.k
    certainty = np.ones(len(x)) if facts.k == 1 else (share.max(axis=1) - even) / (1 - even)
    return Cloud(x, share.argmax(axis=1), certainty, counts)


def _sizes(counts: Array, least: float) -> Array:
    """Return areas of marks that grow with the counts, within reason."""
    return least * np.clip(counts / np.median(counts), 0.5, 12)


@styled
def plane(facts: Facts) -> Figure:
    """Draw columns two at a time, with EM's ellipses over those of posterior draws.

    >>> try:
    ...     plane(comparison)
    ... except Refusal as refusal:
    ...     print(refusal)
    one column has no plane to draw; see the data
    """
    if why := no_plane(facts):
        raise Refusal(why)
    d, k = facts.dimension, facts.k
    columns = min(d, fitting(COLUMNS, 3))
    figure = blank({2: 6.0, 3: 7.0}.get(columns, 8.5))
    names = drawable(facts.columns, "column") or tuple(
        f"column {one + 1}" for one in range(columns)
    )
    panels = triangle(figure, names[:columns])
    cloud = _cloud(facts, len(panels))
    draws = int(np.clip(ELLIPSES // (k * len(panels)), 12, 40))
    for pair, axes in panels.items():
        _points(axes, cloud, list(pair), 14 if len(panels) == 1 else 8)
        _draws(axes, facts.draws, list(pair), draws)
        _ellipses(axes, facts, list(pair))
    entries: list[Artist] = [
        line({"color": colour(one), "linestyle": ""}, called(facts, one), "o") for one in range(k)
    ]
    entries.append(line(EM_LINE, f"{em_name(facts)}: 1 and 2 sd"))
    entries.append(line({"color": POSTERIOR, "linewidth": 0.8}, "posterior draws: 2 sd"))
    if facts.truth:
        entries.append(line(TRUTH_LINE, "truth: 1 and 2 sd"))
    caption = f"Faint points may belong to another {facts.noun}. Shown: {len(cloud.x):,} "
    rows = "rows" if facts.states is not None else "distinct rows"
    caption += f"of {len(facts.memberships.x):,} {rows}" + f", {columns} of {d} columns" * (
        columns < d
    )
    title = "The data, and the groups by each of the two methods"
    blanks = " A row is drawn where both columns were seen." * bool(np.isnan(cloud.x).any())
    return framed(figure, title, entries, f"{caption}, {draws} draws.{blanks}{unnamed(facts)}")


def _points(axes: Axes, cloud: Cloud, pair: list[int], dot: float) -> None:
    """Draw two columns of the data, as dots of such an area."""
    shades = np.array([[*to_rgb(colour(one)), 1.0] for one in range(cloud.likeliest.max() + 1)])
    colours = shades[cloud.likeliest]
    colours[:, 3] = 0.2 + 0.6 * np.round(cloud.certainty, 1)
    x, y = cloud.x[:, pair].T
    axes.scatter(
        x, y, s=_sizes(cloud.counts, dot), c=colours, linewidth=0, zorder=1, rasterized=True
    )


def _draws(axes: Axes, drawn: Mapping[str, Array], pair: list[int], draws: int) -> None:
    """Draw the components' ellipses in two columns, of draws spread over the chains."""
    means, covs = drawn["mean"], drawn["cov"]
    chosen = np.linspace(0, len(means) - 1, draws).astype(int)
    around = [
        ellipse(mean[pair], cov[np.ix_(pair, pair)], 2)
        for draw in chosen
        for mean, cov in zip(means[draw], covs[draw], strict=True)
    ]
    thin: Look = {"facecolor": "none", "edgecolor": POSTERIOR, "alpha": 0.35, "linewidth": 0.6}
    axes.add_collection(PathCollection(around, **thin, zorder=2))


def _ellipses(axes: Axes, facts: Facts, pair: list[int]) -> None:
    """Draw the truth's ellipses and EM's, and make room for data and ellipses."""
    x = facts.rows.x[:, pair]
    low, high = np.nanmin(x, axis=0), np.nanmax(x, axis=0)
    room = 0.3 * (high - low)  # for ellipses; they may be very large
    ends = [low, high]
    for fields, look in ((facts.truth, TRUTH_LINE), (facts.fields, EM_LINE)):
        components = zip(fields.get("mean", ()), fields.get("cov", ()), strict=True)
        for (mean, cov), radius in product(components, (1, 2)):
            around = ellipse(mean[pair], cov[np.ix_(pair, pair)], radius)
            thin = look | {"linewidth": 1.4}
            axes.add_patch(PathPatch(around, fill=False, **thin, zorder=3))
            ends.append(np.clip(around.vertices, low - room, high + room))
    reached = np.vstack(ends)
    margin = 0.04 * np.ptp(reached, axis=0)
    limits = np.stack([reached.min(axis=0) - margin, reached.max(axis=0) + margin])
    axes.set(xlim=limits[:, 0], ylim=limits[:, 1])


def no_memberships(facts: Facts) -> str:
    """Say why there are no memberships to draw, if there are none.

    >>> no_memberships(comparison)
    ''
    """
    if facts.states is not None:
        return "memberships of rows in time are drawn over time; see the series"
    alone = f"a single {facts.noun} has all the members; there is nothing to draw"
    return alone if facts.k == 1 else ""


def moved(both: Memberships) -> str:
    """Return by how many percentage points a membership differs on average.

    >>> moved(comparison.memberships).endswith("points")
    True
    """
    apart = np.abs(both.em - both.posterior).sum(axis=1) / 2
    points = 100 * float(np.average(apart, weights=both.counts))
    return f"{points:.2g} percentage points" if points >= 0.01 else "less than 0.01 points"


@styled
def memberships(facts: Facts) -> Figure:
    """Draw EM's memberships beside the posterior's.

    >>> memberships(comparison).axes[0].get_ylabel()
    'probability of membership'
    """
    if why := no_memberships(facts):
        raise Refusal(why)
    both, trials = facts.memberships, facts.rows.trials
    caption = f"The two probabilities differ by {moved(both)} on average."
    caption += unnamed(facts)
    alone = not facts.question.data.sizes  # otherwise a row's membership depends on its group
    if not alone or facts.family.takes() == "table" or (trials is not None and np.ptp(trials) > 0):
        return _membership_cloud(facts, both, caption)
    return _membership_curves(facts, both.ascending, caption)


def _membership_curves(facts: Facts, both: Memberships, caption: str) -> Figure:
    """Draw the memberships over x, in order, a panel for each component."""
    x, k = both.x, facts.k
    frame = frame_of(*_column(facts))
    beyond = _beyond(*_column(facts), frame)
    columns = across(k, 4)
    figure = blank(1.2 + 2.7 * -(-k // columns))
    panels = figure.subplots(-(-k // columns), columns, sharex=True, sharey=True, squeeze=False)
    mark, size = "o" if len(x) <= MARKED else "", 3.5 if len(x) <= SINGLE else 2
    for component, axes in enumerate(panels.flat):
        if component >= k:
            axes.remove()
            continue
        em, drawn = both.em[:, component], both.posterior[:, component]
        axes.fill_between(x, em, drawn, color=QUIET, alpha=0.25, linewidth=0)
        axes.plot(x, drawn, **POSTERIOR_LINE, marker=mark, markersize=size)
        axes.plot(x, em, **EM_LINE, marker=mark, markersize=size)
        axes.set_title(called(facts, component), color=colour(component), fontweight="bold")
        axes.set_ylim(-0.03, 1.03)
        if beyond:
            axes.set_xlim(frame)
        few_ticks(axes, 4)
        bottom, left = component + columns >= k, component % columns == 0
        label_outside(axes, what(facts), "probability of membership", bottom=bottom, left=left)
    entries: list[Artist] = [
        line(EM_LINE, f"by {em_name(facts)}", mark),
        line(POSTERIOR_LINE, "by the posterior", mark),
        patch({"color": QUIET, "alpha": 0.25, "linewidth": 0}, "difference"),
    ]
    return framed(
        figure,
        f"Which {facts.noun} each observation belongs to",
        entries,
        caption + _left_out(beyond),
    )


def _membership_cloud(facts: Facts, both: Memberships, caption: str) -> Figure:
    """Draw the memberships by one against those by the other."""
    both = both.at(spaced(len(both.x), POINTS))
    axes = panel(5.6)
    axes.set_aspect("equal")
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.9, zorder=1)
    sizes = _sizes(both.counts, 22)
    for component in range(facts.k):
        em, drawn = both.em[:, component], both.posterior[:, component]
        axes.scatter(
            em, drawn, s=sizes, color=colour(component), alpha=0.55, lw=0, rasterized=True, zorder=2
        )
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    few_ticks(axes)
    axes.set_xlabel(f"probability by {em_name(facts)}")
    axes.set_ylabel("probability by the posterior")
    entries: list[Artist] = [
        line({"color": colour(one), "linestyle": ""}, f"membership in {called(facts, one)}", "o")
        for one in range(facts.k)
    ]
    entries.append(line({"color": QUIET, "linewidth": 0.9}, "both equal"))
    title = f"Which {facts.noun} each observation belongs to, by both methods"
    return framed(axes, title, entries, caption)
