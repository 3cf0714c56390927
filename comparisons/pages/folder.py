"""The folder of a comparison or a study: report, table, pictures and the comparison itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comparisons.kept.atomic import COMPARISON, written
from comparisons.pages.report import report
from comparisons.pictures.catalogue import pictures_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from matplotlib.figure import Figure

    from comparisons.kept.facts import Facts
    from comparisons.pages.story import Story
    from comparisons.pictures.catalogue import Picture

__all__ = ["save_figure", "save_folder"]

DPI = 150


def save_folder(
    comparison: Facts | None,
    folder: Path,
    command: str | None,
    story: Story | None = None,
    beside: Callable[[Path], object] | None = None,
    *,
    replace: bool = True,
) -> None:
    """Write report.html, summary.csv, comparison.nc and figures/*.png and *.svg.

    comparison: None for a study without a posterior, of which there are only figures.
    command: how to make it again, for the report.
    story: of a study, for the report.
    beside: writes more into the folder.
    replace: what another run has written there meanwhile.

    >>> from pathlib import Path
    >>> from comparisons.pages.story import Story
    >>> from comparisons.pictures.catalogue import Picture
    >>> from comparisons.pictures.style import blank
    >>> empty = Picture("empty", "Nothing", "An empty picture.", lambda: blank(2.0))
    >>> save_folder(None, Path("empty"), None, Story((), "Nothing.", (empty,)))
    >>> sorted(one.name for one in Path("empty/figures").iterdir())
    ['empty.png', 'empty.svg']
    """
    told = _drawn_once([] if story is None else story.pictures)
    compared = _drawn_once([] if comparison is None else pictures_of(comparison))
    if story is not None:
        story = story._replace(pictures=told)

    def write(target: Path) -> None:
        figures = target / "figures"
        figures.mkdir(parents=True)
        if comparison is not None:
            page = report(comparison, command, story, compared)
            # the command may name a file whose name is not UTF-8
            (target / "report.html").write_text(page, "utf-8", errors="backslashreplace")
            comparison.table.to_frame().to_csv(target / "summary.csv")
            comparison.tree.to_netcdf(target / COMPARISON)
        for picture in (*told, *compared):
            save_figure(picture.figure(), figures, picture.name)
        if beside is not None:
            beside(target)

    written(folder, write, replace=replace)


def _drawn_once(pictures: Iterable[Picture]) -> tuple[Picture, ...]:
    """Return pictures that keep their figures, so that page and files share them."""
    return tuple(one.drawn_once() for one in pictures)


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as PNG and as SVG.

    >>> from pathlib import Path
    >>> from comparisons.pictures.style import blank
    >>> save_figure(blank(2.0), Path(), "empty")
    >>> sorted(one.name for one in Path().glob("empty.*"))
    ['empty.png', 'empty.svg']
    """
    for ending in ("png", "svg"):
        figure.savefig(folder / f"{name}.{ending}", dpi=DPI)
        figure.set_layout_engine("none")  # what saving worked out stays: it takes as long
