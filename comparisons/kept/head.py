"""What the file of a comparison says of itself, read without PyMC, for refusals at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from comparisons.kept.atomic import COMPARISON, OF_CHOICE
from comparisons.kept.reading import Reading, reading_from
from models.names import family_called
from models.refusal import Refusal
from models.structure import structure_called

if TYPE_CHECKING:
    from models.family import Theta
    from models.structure import Structure

__all__ = ["Head", "comparison_at", "head_of"]


class Head(NamedTuple):
    """What is asked by the comparison in a file, and how its rows were read.

    reading: None if it was not of files.

    >>> comparison.save("counts.nc")
    >>> head = head_of(Path("counts.nc"))
    >>> head.family.__name__, head.structure.__name__, head.reading
    ('Poisson', 'Mixture', None)
    """

    family: type[Theta]
    structure: type[Structure]
    reading: Reading | None


def comparison_at(path: str | Path) -> Path:
    """Return the file of a comparison, or raise Refusal if there is none.

    path: the file, or the folder that it is in.

    >>> comparison_at("lost")
    Traceback (most recent call last):
    models.refusal.Refusal: lost does not exist; give the folder that fit --out wrote, or a file ...
    """
    path = Path(path)
    if not path.exists():
        raise Refusal(
            f"{path} does not exist; give the folder that fit --out wrote, or a file of "
            "Comparison.save"
        )
    file = path / COMPARISON if path.is_dir() else path
    if not file.is_file():
        several = sorted((path / OF_CHOICE).glob("*.nc"))
        if several:
            raise Refusal(
                f"{path} has comparisons of several numbers of groups; give the file of one, such "
                f"as {several[len(several) > 1]}"
            )
        raise Refusal(f"{path} has no {COMPARISON}; give a folder that --out wrote, or a file")
    return file


def head_of(file: Path) -> Head | None:
    """Return what the file of a comparison says; None if only who reads all of it can tell.

    >>> _ = Path("notes.nc").write_text("no comparison")
    >>> head_of(Path("notes.nc"))
    Traceback (most recent call last):
    models.refusal.Refusal: notes.nc is no comparison: it cannot be read as netCDF
    """
    from netCDF4 import Dataset  # `comparison_at` is for all, and it takes a while

    try:
        with Dataset(file) as stored:
            said = {name: str(stored.getncattr(name)) for name in stored.ncattrs()}
    except OSError:
        raise Refusal(f"{file} is no comparison: it cannot be read as netCDF") from None
    try:
        reading = reading_from(said["reading"]) if "reading" in said else None
        return Head(family_called(said["family"]), structure_called(said["structure"]), reading)
    except (KeyError, TypeError, ValueError):  # an older one, a later one, or damaged
        return None
