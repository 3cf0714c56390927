"""The folder of a comparison: report, table, pictures and the comparison itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comparisons.files import written
from comparisons.pictures import pictures_of
from comparisons.report import report

if TYPE_CHECKING:
    from pathlib import Path

    from comparisons.comparison import Comparison

__all__ = ["save_folder"]

DPI = 150


def save_folder(
    comparison: Comparison, folder: Path, command: str | None, learned: str | None = None
) -> None:
    """Write report.html, summary.csv, comparison.nc and figures/*.png and *.svg.

    command, learned: how to make it again, and what a study taught, for the report.
    """

    def write(target: Path) -> None:
        figures = target / "figures"
        figures.mkdir(parents=True)
        page = report(comparison.tree, command, learned)
        (target / "report.html").write_text(page, encoding="utf-8")
        comparison.to_frame().to_csv(target / "summary.csv")
        comparison.tree.to_netcdf(target / "comparison.nc")
        for picture in pictures_of(comparison.tree):
            figure = picture.figure()
            for ending in ("png", "svg"):
                figure.savefig(figures / f"{picture.name}.{ending}", dpi=DPI)

    written(folder, write)
