"""The folder of a choice: the report, the table and the pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comparisons.choice.page import page
from comparisons.choice.pictures import pictures_of_choice
from comparisons.kept.atomic import OF_CHOICE, written
from comparisons.pages.folder import save_figure

if TYPE_CHECKING:
    from pathlib import Path

    from comparisons.choice.candidates import Candidates

__all__ = ["save_choice", "write_choice"]


def save_choice(
    choice: Candidates, folder: Path, command: str | None, *, replace: bool = True
) -> None:
    """Write report.html, choice.csv, figures, and a comparison of each candidate.

    command: how to make it again, for the report.
    replace: what another run has written there meanwhile.

    >>> from pathlib import Path
    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> save_choice(Candidates((Row(fit.family, 2, fit),)), Path("chosen"), None)
    >>> sorted(one.name for one in Path("chosen").iterdir())
    ['choice.csv', 'comparisons', 'figures', 'report.html']
    """

    def write(target: Path) -> None:
        target.mkdir()
        write_choice(choice, target, "report.html", command=command)
        whole = target / OF_CHOICE
        whole.mkdir()
        for row in choice.rows:
            if row.comparison is not None:
                name = row.title.replace(" ", "-")
                row.comparison.tree.to_netcdf(whole / f"{name}.nc")

    written(folder, write, replace=replace)


def write_choice(
    choice: Candidates, target: Path, name: str = "choice.html", *, command: str | None = None
) -> None:
    """Write the page of a choice under a name, choice.csv and figures, into a folder that is there.

    >>> from pathlib import Path
    >>> from comparisons.choice.candidates import Candidates
    >>> from comparisons.choice.rows import Row
    >>> write_choice(Candidates((Row(fit.family, 2, fit),)), Path())
    >>> Path("choice.html").exists()
    True
    """
    pictures = [one.drawn_once() for one in pictures_of_choice(choice)]
    (target / name).write_text(page(choice, command, pictures), "utf-8", errors="backslashreplace")
    choice.to_frame().to_csv(target / "choice.csv")
    figures = target / "figures"
    figures.mkdir(exist_ok=True)
    for picture in pictures:
        save_figure(picture.figure(), figures, picture.name)
