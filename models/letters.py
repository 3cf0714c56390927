"""How wide letters are, so that names line up and fit."""

from __future__ import annotations

from unicodedata import category, east_asian_width

__all__ = ["cut", "padded", "wide"]

UNSEEN = ("Mn", "Me", "Cf")  # marks on other letters, and what only directs them


def wide(text: str) -> int:
    """Return how many columns of a terminal a text takes: a Chinese character takes two.

    >>> wide("to"), wide("人民"), wide("e\u0301")
    (2, 4, 1)
    """
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if category(letter) in UNSEEN:
        return 0
    return 2 if east_asian_width(letter) in "WF" else 1


def padded(text: str, columns: int) -> str:
    """Return a text with blanks behind it, so that it takes so many columns.

    >>> padded("人", 4) + "|"
    '人  |'
    """
    return text + " " * (columns - wide(text))


def cut(text: str, columns: int) -> str:
    """Return a text that takes no more than so many columns, with dots where it is cut.

    >>> cut("to", 5), cut("disproportionately", 5), cut("人民日报", 5)
    ('to', 'disp…', '人民…')
    """
    if wide(text) <= columns:
        return text
    kept, taken = "", 1
    for letter in text:
        taken += _columns(letter)
        if taken > columns:
            break
        kept += letter
    return f"{kept}…"
