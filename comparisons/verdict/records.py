"""Read the numbers of an estimate or a prior by name, from JSON or name=number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.arrays import Array

__all__ = ["names_in", "numbers_in", "pairs_in"]

PLAIN = {
    "Object missing required": "there is no",
    "Object contains unknown": "there is an unknown",
    "float | array": "numbers",
    "Expected": "expected",
    "Number": "number",
}
"""Phrases of msgspec, and plain words for them."""

type Numbers = float | list[float | list[float | list[float]]]


def names_in(path: str | Path) -> set[str]:
    """Return the names of a JSON file's fields, or raise Refusal that names the file.

    >>> _ = Path("mine.json").write_text('{"mean": [163, 175]}')
    >>> names_in("mine.json")
    {'mean'}
    """
    try:
        return set(msgspec.json.decode(_text(path), type=dict[str, object]))
    except msgspec.MsgspecError as problem:
        raise _refusal(str(path), problem) from None


def numbers_in(
    path: str | Path, names: Sequence[str], remedy: str, optional: Sequence[str] = ()
) -> dict[str, Array]:
    """Return the fields of a JSON file, or raise Refusal that names file and field.

    names: of fields that have to be there; optional: of fields that may be.
    remedy: for the message, which fields it takes.

    >>> _ = Path("mine.json").write_text('{"mean": [163, 175]}')
    >>> numbers_in("mine.json", ["mean"], "it takes mean")
    {'mean': array([163., 175.])}
    """
    try:
        record = msgspec.json.decode(_text(path), type=_shape(names, optional))
    except msgspec.MsgspecError as problem:
        raise _refusal(str(path), problem, remedy) from None
    return _arrays(str(path), record)


def pairs_in(
    source: str, text: str, names: Sequence[str], remedy: str, optional: Sequence[str] = ()
) -> dict[str, Array]:
    """Return numbers that are written as name=number, ..., or raise Refusal as `numbers_in`.

    source: where the text comes from, for the message.

    >>> pairs_in("--prior", "mean=170, n=1", ["mean", "n"], "it takes mean, n")
    {'mean': array(170.), 'n': array(1.)}
    """
    given = {}
    for pair in text.split(","):
        name, equals, number = (part.strip() for part in pair.partition("="))
        if not equals:
            raise Refusal(f"{source}: {pair.strip()!r} is not name=number")
        given[name] = number
    try:
        record = msgspec.convert(given, _shape(names, optional), strict=False)
    except msgspec.MsgspecError as problem:
        raise _refusal(source, problem, remedy) from None
    return _arrays(source, record)


def _shape(names: Sequence[str], optional: Sequence[str]) -> type[msgspec.Struct]:
    """Return a type with these fields and no others."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [(name, Numbers) for name in names]
    fields += [(name, Numbers | msgspec.UnsetType, msgspec.UNSET) for name in optional]
    return msgspec.defstruct("Record", fields, forbid_unknown_fields=True)


def _text(path: str | Path) -> str:
    """Return a file's text, or raise Refusal that names it."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Refusal(f"there is no file {path}; give the path of a JSON file") from None
    except OSError as problem:
        raise Refusal(f"{path} cannot be read: {problem.strerror or problem}") from None
    except UnicodeDecodeError:
        raise Refusal(f"{path} is not UTF-8 text; give a JSON file") from None


def _refusal(source: str, problem: msgspec.MsgspecError, remedy: str = "") -> Refusal:
    """Return a Refusal that names the place of what cannot be read."""
    said, _, where = str(problem).replace("`", "").partition(" - at $.")
    if not isinstance(problem, msgspec.ValidationError):
        return Refusal(f"{source} is not JSON: {said.removeprefix('JSON is malformed: ')}")
    for theirs, ours in PLAIN.items():
        said = said.replace(theirs, ours)
    return Refusal(f"{source}: {where}{where and ': '}{said}{remedy and '; '}{remedy}")


def _arrays(source: str, record: msgspec.Struct) -> dict[str, Array]:
    """Return a record's fields as arrays, or refuse lists of different lengths."""
    found = {}
    for name, value in msgspec.structs.asdict(record).items():
        if value is msgspec.UNSET:
            continue
        try:
            found[name] = np.array(value, np.float64)
        except ValueError:
            raise Refusal(
                f"{source}: {name} has lists of different lengths; give lists of one length"
            ) from None
    return found
