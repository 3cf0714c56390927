"""Atomic writes: files are written under another name, then renamed."""

from __future__ import annotations

import errno
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from platform import node
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = [
    "COMPARISON",
    "CONTENTS",
    "MEMBERSHIPS",
    "SHARES",
    "free",
    "refuse_folder",
    "refuse_name",
    "written",
]

COMPARISON = "comparison.nc"
"""The file of a comparison in its folder."""

MEMBERSHIPS, SHARES = "memberships.csv", "shares.csv"
"""Which row is in which group, and the shares of groups of rows."""

OF_CHOICE = "comparisons"
"""The folder, in that of a choice, of the comparisons of its candidates."""

CONTENTS = (
    "report.html",
    "summary.csv",
    MEMBERSHIPS,
    SHARES,
    COMPARISON,
    "figures",
    "choice.html",
    "choice.csv",
    OF_CHOICE,
)
"""The contents of the folder of a comparison, and of a choice."""

TRIES = 100  # renames that other runs may come before


def written(path: Path, write: Callable[[Path], object], *, replace: bool = True) -> None:
    """Let `write` fill a path beside the wanted one, and rename it once it is whole.

    path: of a file or a folder; what was there before is replaced at the very end.
    replace: False where nothing was there, so that the answer of a run at the same time is not
        lost: ours gets the next free name, and Refusal says which.

    >>> written(Path("note.txt"), lambda target: target.write_text("whole"))
    >>> Path("note.txt").read_text()
    'whole'
    """
    beside = _folder_beside(path)
    try:
        write(beside / path.name)
        _placed(beside / path.name, path, replace=replace)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    for left in _left_beside(path):  # only now: what was there before a killed run may be in one
        shutil.rmtree(left, ignore_errors=True)


def _placed(made: Path, path: Path, *, replace: bool) -> None:
    """Rename what was made to the wanted path; runs at the same time each do so whole.

    replace: False to leave what is there, and take the next free name.
    """
    for attempt in range(TRIES):
        there = path.is_dir() and not path.is_symlink()
        if there and replace:
            with suppress(FileNotFoundError):  # another run has taken it away just now
                path.replace(made.parent / f"old-{attempt}")
        try:
            if replace or there or not path.exists():
                made.replace(path)  # a folder, only to where there is none, or an empty one
                return
        except OSError as problem:
            if problem.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
        if not replace:
            other = free(str(path))
            made.replace(other)
            raise Refusal(
                f"--out {path} was written by another run at the same time; this answer is in "
                f"{other}"
            )
    raise Refusal(f"--out {path} is written by other runs all the time; give another one")


def _folder_beside(path: Path) -> Path:
    """Return a new folder beside a path, whose name says which process of which machine made it."""
    return Path(mkdtemp(prefix=f".{path.name}.{node()}.{os.getpid()}.", dir=path.parent))


def _left_beside(path: Path) -> list[Path]:
    """Return the folders beside a path that ended processes of this machine left behind."""
    made = re.compile(rf"\.{re.escape(f'{path.name}.{node()}')}\.([0-9]+)\.[a-z0-9_]+")
    found = ((one, made.fullmatch(one.name)) for one in path.parent.iterdir())
    return [one for one, name in found if name is not None and not _lives(int(name[1]))]


def _lives(process: int) -> bool:
    """Return whether a process exists, whoever owns it."""
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def refuse_name(path: Path) -> None:
    """Raise Refusal if nothing can have the name, because it is too long for one.

    >>> refuse_name(Path("a" * 300))
    Traceback (most recent call last):
    models.refusal.Refusal: --out aaa...: File name too long; give another name
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    except OSError as problem:
        raise Refusal(f"--out {path}: {problem.strerror}; give another name") from None


def refuse_folder(path: Path, *, overwrite: bool | None, ours: Collection[str] = ()) -> None:
    """Raise Refusal if a folder cannot be written, or must not be lost, before any work.

    overwrite: None of a command that never does.
    ours: the names that a folder may contain and still be overwritten.

    >>> refuse_folder(Path("nowhere/report"), overwrite=None)
    Traceback (most recent call last):
    models.refusal.Refusal: --out nowhere/report: there is no folder nowhere; make it first
    """
    refuse_name(path)
    if not path.parent.is_dir():
        raise Refusal(f"--out {path}: there is no folder {path.parent}; make it first")
    if path.exists() and not path.is_dir():
        raise Refusal(f"--out {path} is a file; give a folder")
    there = sorted(one.name for one in path.iterdir()) if path.is_dir() else []
    if there and not overwrite:
        way = "" if overwrite is None else ", or add --overwrite to replace it"
        raise Refusal(f"--out {path} exists already; give another name{way}")
    if others := [name for name in there if name not in ours]:
        raise Refusal(f"--out {path} holds {others[0]}, which is not ours; give another folder")
    if path.resolve() == Path.cwd():
        raise Refusal(f"--out {path} is the folder that you are in; give another one")
    try:  # permissions are not enough: the disk may be read-only
        _folder_beside(path).rmdir()
    except OSError as problem:
        reason = problem.strerror or problem
        raise Refusal(
            f"--out {path}: nothing can be written in {path.parent} ({reason}); give a folder "
            "elsewhere"
        ) from None


def free(name: str) -> Path:
    """Return the first of name, name-2, name-3, ... that does not exist.

    >>> Path("report").mkdir()
    >>> free("report").name
    'report-2'
    """
    path, number = Path(name), 1
    while path.exists():
        number += 1
        path = Path(f"{name}-{number}")
    return path
