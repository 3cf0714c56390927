"""How pictures look: EM, posterior and truth drawn alike in all of them, one colour a component."""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from io import BytesIO, StringIO
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from comparisons.pictures.letters import set_fonts
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axis import Axis

    from comparisons.kept.facts import Facts
    from models.arrays import Array

__all__ = [
    "BAND",
    "DATA",
    "EM",
    "EM_LINE",
    "NIGHT",
    "PALE",
    "POSTERIOR",
    "POSTERIOR_LINE",
    "QUIET",
    "TRUTH",
    "TRUTH_LINE",
    "Look",
    "above",
    "across",
    "as_given",
    "blank",
    "colour",
    "drawn_on",
    "ellipse",
    "em_name",
    "few_ticks",
    "fitting",
    "for_phones",
    "framed",
    "label_outside",
    "line",
    "minus",
    "note",
    "number",
    "panel",
    "patch",
    "room",
    "several",
    "side_by_side",
    "styled",
    "svg",
    "triangle",
]

type Look = dict[str, Any]
"""Keyword arguments of matplotlib, whose types hang on the artist."""

# Okabe & Ito (2008), safe for the colour-blind: three colours for the sides, the rest for groups
EM, POSTERIOR, TRUTH = "#D55E00", "#0072B2", "#000000"
COMPONENTS = (
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#882255",  # the last four are of Tol (2021)
    "#999933",
    "#332288",
    "#777777",
)
DATA, QUIET = "#D5D5D5", "#666666"  # bars of observations; captions and background lines
PALE = "#E4E4E4"  # areas behind all that is drawn
NIGHT = {  # each colour on a dark page: the same hue, light enough to be seen
    "#FFFFFF": "#1E2125",
    TRUTH: "#F2F0EB",
    EM: "#F47B3A",
    POSTERIOR: "#4C9FE6",
    DATA: "#4C525B",
    PALE: "#3A3F47",
    QUIET: "#A9ABB2",
    "#009E73": "#2CBF92",
    "#CC79A7": "#DB8FBA",
    "#E69F00": "#F0B429",
    "#56B4E9": "#8AD4F5",
    "#882255": "#C9588A",
    "#999933": "#B5B54A",
    "#332288": "#9A8FF0",
    "#777777": "#9A9A9A",
}

EM_LINE: Look = {"color": EM, "linestyle": (0, (5, 2)), "linewidth": 1.8}
POSTERIOR_LINE: Look = {"color": POSTERIOR, "linestyle": "-", "linewidth": 1.6}
TRUTH_LINE: Look = {"color": TRUTH, "linestyle": (0, (1, 1.5)), "linewidth": 1.8}
BAND: Look = {"color": POSTERIOR, "alpha": 0.22, "linewidth": 0}

WIDTH, PHONE = 9.0, 4.0  # inches: 900 pixels of a screen; a phone held upright
SHORTER = 0.85  # panels on a phone, as they are less wide
LETTERS = 118  # that fit in one line of a legend
HEADINGS = 95, 37  # letters in a line of the title; on a phone
SMALL = 112  # letters in a line of a caption
ALONG, UP = 90, 22  # letters of a label along all panels; up one panel
LINE, SMALL_LINE = 0.2, 0.16  # inches: the height of a line of the legend, of the caption
HANDLE = 10  # letters as wide as the line before an entry
RASTER = 130  # dots an inch of layers with thousands of points, which are too many for an SVG
SHARP = 2  # dots of a picture in a notebook for each of its screen
TALL = 2.5  # a curve is cut off if it is this many times as high as the bars
PLACES = re.compile(r' (?:d|x|y)="[^"]*"')  # of lines and marks in an SVG
DIGITS = re.compile(r"(\.\d\d)\d+")
LOOK = {
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.labelsize": 10,
    "axes.titlesize": 10,
    "axes.edgecolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.limits": (-3, 6),
    "legend.frameon": False,
}

ACROSS: ContextVar[float] = ContextVar("width", default=WIDTH)


@contextmanager
def for_phones() -> Iterator[None]:
    """Draw pictures as wide as a phone, in letters of the usual size.

    >>> with for_phones():
    ...     blank(4.0).get_size_inches().round(2).tolist()
    [4.0, 3.4]
    """
    token = ACROSS.set(PHONE)
    try:
        yield
    finally:
        ACROSS.reset(token)


def room() -> float:
    """Return how wide pictures are drawn at the moment, in inches.

    >>> room()
    9.0
    """
    return ACROSS.get()


def fitting[T](desk: T, phone: T) -> T:
    """Return what is right for the width at which pictures are drawn.

    >>> fitting(6, 3)
    6
    """
    return desk if room() > (WIDTH + PHONE) / 2 else phone


def styled[**P](draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw with this look whatever the user's settings are, and leave those alone.

    >>> figure = styled(lambda: blank(3.0))()
    >>> import matplotlib.pyplot as plt
    >>> plt.rcParams["axes.spines.top"]
    True
    """

    @wraps(draw)
    def within(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with style.context(["default", LOOK]):
            return draw(*args, **kwargs)

    return within


CANVAS: ContextVar[Figure | SubFigure | Axes | None] = ContextVar("canvas", default=None)
"""Where to draw: into an empty figure of the user's, or on axes; None for a new figure."""


@contextmanager
def drawn_on(figure: Figure | SubFigure | None = None, ax: Axes | None = None) -> Iterator[None]:
    """Draw the pictures of the block into an empty figure of the user's, or on axes.

    Axes have no room for title and caption, and get the legend alone.

    >>> mine = Figure()
    >>> with drawn_on(mine):
    ...     blank(3.0) is mine
    True
    """
    if figure is not None and ax is not None:
        raise Refusal("figure and ax are given; give one of them")
    if ax is not None and not isinstance(ax, Axes):
        raise Refusal(f"ax is a {type(ax).__name__}; give the Axes of matplotlib")
    if figure is not None and not isinstance(figure, Figure | SubFigure):
        raise Refusal(f"figure is a {type(figure).__name__}; give a Figure of matplotlib")
    if figure is not None and figure.axes:
        raise Refusal("the figure has axes already; give an empty Figure or SubFigure")
    if figure is not None and figure.figure.get_layout_engine() is None:
        figure.figure.set_layout_engine("constrained")  # it keeps room for legend and caption
    wide = room() if figure is None else figure.bbox.width / figure.dpi
    tokens = CANVAS.set(figure if ax is None else ax), ACROSS.set(wide)
    try:
        yield
    finally:
        CANVAS.reset(tokens[0])
        ACROSS.reset(tokens[1])


class Shown(Figure):
    """A figure that a notebook shows, also where nobody imported pyplot.

    >>> picture, size = Shown(figsize=(9, 4))._repr_png_()
    >>> picture[1:4], size
    (b'PNG', {'width': 900, 'height': 400})
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        written = BytesIO()
        self.savefig(written, format="png", dpi=SHARP * self.dpi)
        width, height = self.bbox.size
        return written.getvalue(), {"width": round(width), "height": round(height)}


def blank(height: float, beside: float = 0.04) -> Figure | SubFigure:
    """Return an empty figure, as wide as all of them, with room (inches) beside its panels.

    Or the one that `drawn_on` gives, which keeps its size.

    >>> blank(4.0).bbox.size.tolist()  # in dots, a hundred an inch
    [900.0, 400.0]
    """
    canvas = CANVAS.get()
    if isinstance(canvas, Axes):
        raise Refusal("this picture has several panels; give figure= in place of ax=")
    if canvas is not None:
        return canvas
    size = room(), height * fitting(1.0, SHORTER)
    return Shown(figsize=size, layout=ConstrainedLayoutEngine(w_pad=beside))


def side_by_side(figure: Figure | SubFigure, count: int, **shared: Any) -> list[Axes]:
    """Return panels side by side; on a phone one below the other.

    shared: what `Figure.subplots` takes.

    >>> len(side_by_side(blank(3.0), 2, sharex=True))
    2
    """
    if fitting(desk=True, phone=False):
        return [*figure.subplots(1, count, squeeze=False, **shared).flat]
    if isinstance(figure, Figure) and CANVAS.get() is None:
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height * count * SHORTER)
    shared.pop("width_ratios", None)
    return [*figure.subplots(count, 1, squeeze=False, **shared).flat]


def panel(height: float) -> Axes:
    """Return the only panel of a figure as `blank` returns it, or the axes that `drawn_on` gives.

    >>> panel(4.0).figure.bbox.size.tolist()
    [900.0, 400.0]
    """
    canvas = CANVAS.get()
    return canvas if isinstance(canvas, Axes) else blank(height).add_subplot()


def framed(
    drawn: Figure | SubFigure | Axes, title: str, entries: Sequence[Artist], caption: str
) -> Figure:
    """Put title and legend above the panels, the caption below, and return the whole figure.

    The title is the legend's, as the layout keeps room for one of the two only.

    drawn: what `blank` or `panel` returned.

    >>> figure = framed(blank(3.0), "Heights", [line(EM_LINE, "EM")], "Ten people.")
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['EM']
    """
    figure = drawn.figure if isinstance(drawn, Axes) else drawn
    assert figure is not None
    for axes in [drawn] if isinstance(drawn, Axes) else figure.axes:
        _units_in_label(axes.xaxis)
        _units_in_label(axes.yaxis)
    if isinstance(drawn, Axes) and drawn is CANVAS.get():
        drawn.legend(handles=entries, fontsize=8, frameon=True, framealpha=0.8, edgecolor="none")
    else:
        _surrounded(figure, title, entries, caption)
    set_fonts(figure)
    return figure.figure


def _surrounded(
    figure: Figure | SubFigure, title: str, entries: Sequence[Artist], caption: str
) -> None:
    """Put title and legend above all panels, and the caption below."""
    for entry in entries:
        entry.set_label(fill(str(entry.get_label()), _letters(LETTERS) - HANDLE))
    labels = [str(one.get_label()) for one in entries]
    line = fitting(HEADINGS[0] / WIDTH, HEADINGS[1] / PHONE)  # letters an inch
    title, caption = fill(title, int(line * room())), fill(caption, _letters(SMALL))
    _make_room(figure, title, labels, caption)
    figure.legend(
        handles=entries,
        title=title,
        title_fontproperties={"weight": "bold", "size": fitting(12, 11)},
        loc="outside upper left",
        alignment="left",
        ncols=_columns(labels),
        handlelength=2.6,
        borderaxespad=0.2,
    )
    for axes in figure.axes:
        _wrapped(axes)
    figure.supxlabel(caption, x=0.01, ha="left", fontsize=9, color=QUIET)


def _units_in_label(axis: Axis) -> None:
    """Put what all numbers of an axis share into its label, where it overlaps nothing."""
    axis.get_major_formatter().set_locs(axis.get_majorticklocs().tolist())
    shared = minus(str(axis.get_major_formatter().get_offset()))
    if shared and axis.get_label_text():
        times = "" if shared[0] == "+" else "\N{MULTIPLICATION SIGN}"
        axis.set_label_text(f"{axis.get_label_text()}\n({times}{shared})")
    axis.get_offset_text().set_visible(False)


def _letters(desk: int) -> int:
    """Return how many letters fit in a line that takes so many at the usual width."""
    return max(20, int(desk * room() / WIDTH))


def _columns(labels: Sequence[str]) -> int:
    """Return how many labels, filled column by column, fit side by side."""
    for columns in range(len(labels), 1, -1):
        blocks = np.array_split([_longest(label) for label in labels], columns)
        if sum(block.max() + HANDLE for block in blocks) <= _letters(LETTERS):
            return columns
    return 1


def _longest(text: str) -> int:
    """Return how many letters the longest line of a text has."""
    return max(map(len, text.splitlines()), default=0)


def _make_room(figure: Figure | SubFigure, title: str, labels: Sequence[str], caption: str) -> None:
    """Make a figure for phones higher by the lines that it has more than the usual one."""
    if room() == WIDTH or CANVAS.get() is not None or not isinstance(figure, Figure):
        return
    rows = -(-len(labels) // _columns(labels)) + sum(label.count("\n") for label in labels)
    width, height = figure.get_size_inches()
    more = LINE * (title.count("\n") + rows - 1) + SMALL_LINE * caption.count("\n")
    figure.set_size_inches(width, height + more)


def _wrapped(axes: Axes) -> None:
    """Break the labels of a panel for phones into lines that fit."""
    place = axes.get_subplotspec()
    if room() == WIDTH or place is None:
        return
    letters = _letters(ALONG) // place.get_gridspec().ncols
    axes.set_xlabel(
        fill(axes.get_xlabel(), letters, break_long_words=False, break_on_hyphens=False)
    )
    axes.set_ylabel(fill(axes.get_ylabel(), UP, break_long_words=False, break_on_hyphens=False))
    axes.title.set_text(
        fill(axes.title.get_text(), letters, break_long_words=False, break_on_hyphens=False)
    )


def line(look: Look, label: str, marker: str = "") -> Line2D:
    """Return a line for the legend.

    >>> line({"color": EM}, "EM").get_label()
    'EM'
    """
    return Line2D([], [], label=label, marker=marker, **look)


def patch(look: Look, label: str) -> Patch:
    """Return an area for the legend.

    >>> patch(BAND, "95% interval").get_label()
    '95% interval'
    """
    return Patch(label=label, **look)


def note(
    axes: Axes, text: str, at: tuple[float, float], shift: tuple[float, float], **look: Any
) -> None:
    """Write beside a place, shifted by some points.

    >>> axes = blank(3.0).subplots()
    >>> note(axes, "here", (0.5, 0.5), (5, 0))
    >>> axes.texts[0].get_text()
    'here'
    """
    axes.annotate(text, at, shift, textcoords="offset points", **look)


def colour(component: int) -> str:
    """Return a component's colour; with more components than colours some share one.

    >>> colour(0) == colour(8)
    True
    """
    return COMPONENTS[component % len(COMPONENTS)]


def em_name(facts: Facts) -> str:
    """Return whose estimate it is: EM's, unless another was brought along.

    >>> em_name(comparison)
    "EM's estimate"
    """
    source = facts.estimate.name
    return "EM's estimate" if source == "EM" else f"the estimate ({source[-40:]})"


def few_ticks(axes: Axes, x: int = 5, y: int = 5) -> None:
    """Allow at most x and y intervals between ticks, and make their labels small.

    >>> axes = blank(3.0).subplots()
    >>> few_ticks(axes, 3)
    >>> axes.get_xticks().round(3).tolist()
    [0.0, 0.5, 1.0]
    """
    x = fitting(x, min(x, 4))
    axes.xaxis.set_major_locator(MaxNLocator(x, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(y, steps=[1, 2, 2.5, 5, 10]))
    # set on the axes, as ticks may be made after the style is left
    axes.tick_params(labelsize=9, labelcolor="black", color=QUIET)


def across(panels: int, most: int) -> int:
    """Return how many panels to put side by side, so that rows are about equally long.

    most: at the usual width; half as many fit on a phone.

    >>> across(5, most=4)
    3
    """
    rows = -(-panels // fitting(most, max(most // 2, 1)))
    return -(-panels // rows)


def triangle(figure: Figure | SubFigure, names: Sequence[str]) -> dict[tuple[int, int], Axes]:
    """Return panels for all pairs (column, row) of names, below the diagonal, axes shared.

    >>> sorted(triangle(blank(6.0), ["a", "b", "c"]))
    [(0, 1), (0, 2), (1, 2)]
    """
    n = len(names) - 1
    grid = figure.add_gridspec(n, n)
    panels: dict[tuple[int, int], Axes] = {}
    for row in range(n):
        for column in range(row + 1):
            # the first panel of a column lies on the diagonal, the first of a row at the left
            below = panels.get((column, column + 1))
            beside = panels.get((0, row + 1))
            axes = figure.add_subplot(grid[row, column], sharex=below, sharey=beside)
            panels[column, row + 1] = axes
    for (column, row), axes in panels.items():
        few_ticks(axes, *((3, 3) if n > 2 else (5, 5)))
        label_outside(axes, names[column], names[row], bottom=row == n, left=column == 0)
    return panels


def label_outside(axes: Axes, x: str, y: str, *, bottom: bool, left: bool) -> None:
    """Label the panels at the bottom and at the left only.

    >>> axes = blank(3.0).subplots()
    >>> label_outside(axes, "height", "people", bottom=True, left=False)
    >>> axes.get_xlabel(), axes.get_ylabel()
    ('height', '')
    """
    axes.tick_params(labelbottom=bottom, labelleft=left)
    axes.set_xlabel(x if bottom else "")
    axes.set_ylabel(y if left else "")


def ellipse(centre: Array, cov: Array, radius: float) -> Path:
    """Return a (2, 2) covariance's ellipse at a number of standard deviations.

    >>> ellipse(np.zeros(2), np.diag([1.0, 4.0]), 2).get_extents().height.round(2)
    np.float64(8.0)
    """
    values, vectors = np.linalg.eigh(cov)
    axes = vectors * (radius * np.sqrt(np.maximum(values, 0)))
    circle = Path.arc(0, 360, 6)  # six cubic arcs, within 0.02% of the circle
    return Path(centre + np.asarray(circle.vertices, float) @ axes.T, circle.codes)


def above(bars: float, other: float) -> float:
    """Return how high to draw: over both, unless the other would squash the bars.

    >>> above(1.0, 2.0), above(1.0, 50.0)
    (2.16, 1.4)
    """
    return 1.08 * max(bars, other) if other <= TALL * bars else 1.4 * bars


def minus(text: str) -> str:
    """Return numbers with a minus sign in place of the hyphen.

    >>> minus("-1.5") == "\N{MINUS SIGN}1.5"
    True
    """
    return text.replace("-", "\N{MINUS SIGN}")


def number(value: float) -> str:
    """Return a number with three digits, or with all before the point if these are more.

    >>> number(0.12345), number(12345.6)
    ('0.123', '12,346')
    """
    return minus(f"{value:,.0f}" if 1e3 <= abs(value) < 1e7 else f"{value:.3g}")


def as_given(value: float) -> str:
    """Return a number with the digits that it has in its file.

    >>> as_given(1234.5)
    '1,234.5'
    """
    return minus(f"{value:,.10g}")


def several(count: int, one: str, more: str) -> str:
    """Return a count with its noun.

    >>> several(1, "start", "starts"), several(2_000, "start", "starts")
    ('1 start', '2,000 starts')
    """
    return f"{count:,} {one if count == 1 else more}"


def svg(figure: Figure) -> str:
    """Return a figure as SVG, its text as text, the same for the same figure.

    Places are given to a hundredth of a point, which saves half of the file.

    >>> "</svg>" in svg(blank(1.0))
    True
    """
    with style.context({"svg.fonttype": "none", "svg.hashsalt": "second opinion"}):
        written = StringIO()
        figure.savefig(written, format="svg", dpi=RASTER, metadata={"Date": None})
    figure.set_layout_engine("none")  # what saving worked out stays: it takes as long
    return PLACES.sub(lambda found: DIGITS.sub(r"\1", found[0]), written.getvalue())
