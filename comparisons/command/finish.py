"""How a command ends: what it prints, the folder that it leaves, its exit status."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import typer
from msgspec.structs import asdict

from comparisons.progress import waiting
from comparisons.studies import STUDIES

if TYPE_CHECKING:
    from pathlib import Path

    from comparisons.choice.choose import Choice
    from comparisons.kept.facts import Facts
    from comparisons.pages.story import Story
    from models.reading.source import Files

__all__ = [
    "EXIT",
    "INTERRUPTED",
    "finish",
    "print_json",
    "recount",
    "refuse_out",
    "shown",
    "tell_dropped",
    "typed",
]

EXIT = {"agree": 0, "disagree": 1, "inconclusive": 3}
"""The exit status of each verdict."""

INTERRUPTED = 130  # what typer makes of Ctrl-C


def refuse_out(out: Path | None, *, overwrite: bool) -> None:
    """Refuse a folder that cannot be written, or must not be lost, before any work."""
    if out is not None:
        from comparisons.kept.atomic import CONTENTS, refuse_folder

        refuse_folder(out, overwrite=overwrite, ours={*CONTENTS, *STUDIES})


def finish(
    comparison: Facts | None,
    out: Path | None,
    *,
    as_json: bool,
    overwrite: bool,
    study: tuple[str, Story] | None = None,
    choice: Choice | None = None,
    made: bool = False,
    file: Files | None = None,
) -> None:
    """Print the verdict, write the folder, and leave with the verdict's exit status.

    overwrite: whether what another run has written there meanwhile may be lost.
    study: its name and what it found, if it was one.
    choice: of the number of groups, if the comparison is of the one that it recommends.
    made: whether the folder was made without being asked for.
    file: whose rows were read, for their memberships.
    """
    from comparisons.choice.json import of_choice
    from comparisons.pages.json import of_comparison, of_story
    from comparisons.pages.terminal import told

    if study is not None:  # printed before anything is written: the disk may be full
        print_json(of_story(*study)) if as_json else recount(study[1])
    elif comparison is not None and as_json:
        chosen = {} if choice is None else {"choice": of_choice(choice)}
        print_json({**asdict(of_comparison(comparison)), **chosen})
    elif comparison is not None:
        told(comparison)
    if out is not None:
        from comparisons.choice.folder import write_choice
        from comparisons.pages.folder import save_folder
        from comparisons.prediction.beside import write_memberships

        command, missing = typed(), list[str]()

        def beside(target: Path) -> None:
            if comparison is not None:
                missing.append(write_memberships(comparison, target, file))
            if choice is not None:
                write_choice(choice, target, command=command)

        with waiting("pictures and report"):
            save_folder(
                comparison,
                out,
                command,
                None if study is None else study[1],
                beside,
                replace=overwrite,
            )
        for reason in filter(None, missing):
            shown(reason, err=True)
        if comparison is not None:
            _tell_letters(comparison)
        what = f"report: {out / 'report.html'}" if comparison else f"pictures: {out / 'figures'}"
        shown(f"{what}{', in a new folder' * made}", err=as_json)
    raise typer.Exit(0 if comparison is None else EXIT[comparison.verdict])


def _tell_letters(comparison: Facts) -> None:
    """Say on standard error which names no font can write in the pictures, if any."""
    from comparisons.pictures.letters import unwritten

    every = [name for names in comparison.named.values() for name in names]
    what = unwritten([*comparison.columns, *comparison.question.titles, *every])
    if what:
        shown(
            f"pictures: no installed font has {what}; names written in them are shown by number; "
            "install a font that has them, such as Noto Sans CJK for Chinese, Japanese and Korean",
            err=True,
        )


def typed() -> str:
    """Return the command as it was typed, for a report to show."""
    return shlex.join(["second-opinion", *sys.argv[1:]])


def tell_dropped(dropped: int, *, drop_missing: bool) -> None:
    """Say on standard error how many rows were dropped, if any.

    drop_missing: whether all rows with blanks were, and not only those in which all is blank.
    """
    if dropped:
        lost = f"{dropped:,} row{'s' * (dropped > 1)}"
        what = "blanks" if drop_missing else "nothing in these columns"
        typer.echo(f"{lost} with {what} dropped", err=True)


def recount(story: Story) -> None:
    """Print a study: its steps, the comparison, and what was learned."""
    from comparisons.pages.terminal import said, stepped, told

    stepped(story.steps)
    if story.comparison is not None:
        told(story.comparison)
        shown("")
    said(story.learned)


def print_json(found: object) -> None:
    """Print one JSON object."""
    from comparisons.json_values import json_text

    shown(json_text(found))


def shown(text: str, *, err: bool = False) -> None:
    """Print a text; a reader that leaves early is no verdict."""
    if err:
        typer.echo(text, err=True)
        return
    from comparisons.pages.terminal import printed

    printed(text)
