"""Letters of all scripts: an installed font that has them, or numbers in place of names."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING
from unicodedata import category, name

from matplotlib.font_manager import findfont, findSystemFonts, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.ticker import FixedFormatter, FuncFormatter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from matplotlib.axis import Axis
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.text import Text

__all__ = ["drawable", "families", "set_fonts", "undrawable", "unwritten"]

USUAL = "DejaVu Sans"  # comes with matplotlib
BOXES = ("last resort", "emoji")  # fonts of boxes, and of pictures that matplotlib cannot draw
UNWRITTEN = "?"  # in place of a letter that no font has
REGULAR = 400  # the weight of upright text
SCRIPTS = dict.fromkeys(("CJK", "FULLWIDTH"), "Chinese characters")  # others as Unicode has them


def families(text: str) -> tuple[str, ...]:
    """Return the families of fonts that together have most letters of a text, the usual one first.

    >>> families("Straße")
    ('DejaVu Sans',)
    """
    return USUAL, *_others(_beyond(text))


def drawable(names: Sequence[str], noun: str = "no.") -> tuple[str, ...]:
    """Return names, a noun and a number in place of each that no installed font can write.

    >>> drawable(["well", "Straße", chr(0x10FFFD)])
    ('well', 'Straße', 'no. 3')
    """
    bad = _lost("".join(names))
    return tuple(f"{noun} {at}" if bad & {*one} else one for at, one in enumerate(names, 1))


def undrawable(names: Iterable[str]) -> str:
    """Say which letters no installed font has; nothing if all can be drawn.

    >>> undrawable(["well", "ill"])
    ''
    """
    what = unwritten(names)
    if not what:
        return ""
    return f" No installed font has {what}: names written in them are shown by number."


def unwritten(names: Iterable[str]) -> str:
    """Return what the letters of names are called that no installed font has, "" if there are none.

    >>> unwritten(["well", chr(0x10FFFD)])
    'Unknown letters'
    """
    return " and ".join(sorted({_script(one) for one in _lost("".join(names))}))


def set_fonts(figure: Figure | SubFigure) -> None:
    """Let a figure's texts use fonts that have their letters, where the usual font has not.

    >>> from matplotlib.figure import Figure
    >>> set_fonts(Figure())  # no text, nothing to do
    """
    texts, axes = (
        [*_texts(figure)],
        [axis for one in figure.axes for axis in (one.xaxis, one.yaxis)],
    )
    for text in texts:  # names are numbers by now; what else is quoted gets no boxes either
        if bad := _lost(text.get_text()):
            text.set_text("".join(UNWRITTEN if one in bad else one for one in text.get_text()))
    ticks = {axis: "".join(_ticks(axis)) for axis in axes}
    known = families("".join([*(one.get_text() for one in texts), *ticks.values()]))
    if len(known) == 1:
        return
    for text in texts:
        text.set_fontfamily(list(known))
    for axis in axes:
        axis.set_tick_params(labelfontfamily=list(known))


def _texts(figure: Figure | SubFigure) -> Iterator[Text]:
    """Yield the texts of a figure, but for those at ticks, which are made when it is drawn."""
    yield from figure.texts
    for legend in figure.legends:
        yield from (*legend.get_texts(), legend.get_title())
    for axes in figure.axes:
        yield from (axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts)


def _ticks(axis: Axis) -> Sequence[str]:
    """Return the words at the ticks of an axis, if they are fixed."""
    found = axis.get_major_formatter()
    if isinstance(found, FixedFormatter):
        return [str(one) for one in found.seq]
    if isinstance(found, FuncFormatter):  # of ticks that were set with their labels
        return [str(found(place, None)) for place in axis.get_majorticklocs()]
    return []


def _beyond(text: str) -> frozenset[str]:
    """Return the letters that the usual font does not have, blanks and marks of no shape aside."""
    return frozenset(
        one for one in {*text} - _letters(findfont(USUAL)) if category(one)[0] not in "ZC"
    ) | frozenset(one for one in text if category(one) in ("Cn", "Co"))


def _lost(text: str) -> frozenset[str]:
    """Return the letters that no installed font has."""
    beyond = _beyond(text)
    had = {one for family in _others(beyond) for one in _letters(findfont(family))}
    return beyond - had


@cache
def _letters(path: str) -> frozenset[str]:
    """Return the letters that a font has."""
    try:
        return frozenset(map(chr, FT2Font(path).get_charmap()))
    except (OSError, RuntimeError):  # gone since matplotlib listed it, or no font at all
        return frozenset()


def _others(beyond: frozenset[str]) -> tuple[str, ...]:
    """Return installed families that have these letters, as few as it takes."""
    if not beyond:
        return ()
    chosen = _chosen(beyond, _upright())
    if beyond - {one for family in chosen for one in _letters(findfont(family))}:
        _look_again()
        chosen = _chosen(beyond, _upright())
    return chosen


def _upright() -> tuple[tuple[str, str], ...]:
    """Return the families and files of installed fonts of upright text."""
    upright = {
        (one.name, one.fname)
        for one in fontManager.ttflist
        if one.weight == REGULAR and one.style == "normal"
    }
    return tuple(sorted(upright))


@cache
def _look_again() -> None:
    """Look for fonts that were installed since matplotlib listed them, which it does once."""
    known = {one.fname for one in fontManager.ttflist}
    for path in sorted({*findSystemFonts()} - known):
        with suppress(OSError, RuntimeError, ValueError):  # no font that can be used
            fontManager.addfont(path)


@cache
def _chosen(beyond: frozenset[str], installed: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return what `_others` does, of installed fonts: their families and files."""
    known = {
        family: _letters(path)
        for family, path in installed
        if not any(word in family.lower() for word in BOXES)
    }
    found: list[str] = []
    while beyond and known:
        best = min(known, key=lambda one: (-len(beyond & known[one]), "Sans" not in one, one))
        if not beyond & known[best]:
            break
        found.append(best)
        beyond -= known.pop(best)
    return tuple(found)


def _script(letter: str) -> str:
    """Return what the letters of a script are called."""
    first = name(letter, "UNKNOWN").split()[0]
    return SCRIPTS.get(first, f"{first.capitalize()} letters")
