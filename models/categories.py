"""Labels, such as words, as whole numbers: the names of categories and the code of each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.blanks import absent
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from models.arrays import Array

__all__ = ["coded", "coded_table", "in_natural_order", "recoded", "refuse_codes"]


def coded(
    x: ArrayLike, categories: Iterable[object] | None = None
) -> tuple[ArrayLike, tuple[str, ...]]:
    """Return labels (n,) as codes, and the names of the categories in the order of the codes.

    Anything but one column of text is returned as it is, and without names.

    categories: the names of all categories, also of those that do not occur; x is then of these
        names, or of codes 0, 1, ... of them. By default the names that occur, in natural order.

    >>> coded(["to", "be", "or", "not", "to", "be"])
    (array([3., 0., 2., 1., 3., 0.]), ('be', 'not', 'or', 'to'))
    >>> coded([1, 0, 1], ["no", "yes"])
    ([1, 0, 1], ('no', 'yes'))
    """
    names = None if categories is None else _named(categories)
    text = _text(x)
    if text is None:
        return x, names or ()
    known, places = np.unique(text, return_inverse=True)
    found = known.tolist()
    names = in_natural_order(found) if names is None else names
    code = {name: at for at, name in enumerate(names)}
    strange = [name for name in found if name not in code]
    if strange:
        row = int(np.flatnonzero(np.isin(text, strange))[0])
        raise Refusal(
            f"x: row {row} (counted from 0) is {str(text[row])!r}, which is none of the categories "
            f"{', '.join(names[:5])}{', ...' * (len(names) > 5)}; add it to them, or remove "
            "the row"
        )
    return np.array([code[name] for name in found], np.float64)[places], names


def coded_table(
    x: ArrayLike, levels: Iterable[Iterable[object]] | None = None
) -> tuple[ArrayLike, tuple[tuple[str, ...], ...]]:
    """Return a table (n, d) with codes in columns of text, and each column's names of categories.

    Anything but a table with such a column is returned as it is, without names unless given.

    levels: the names of all categories of each column, empty for a column of numbers.

    >>> coded_table([[1.5, "no"], [2.5, "yes"]])
    (array([[1.5, 0. ],
           [2.5, 1. ]]), ((), ('no', 'yes')))
    """
    given = None if levels is None else tuple(tuple(map(str, one)) for one in levels)
    columns = _columns(x)
    if columns is None:
        return x, given if given is not None and any(given) else ()
    found, names = [], []
    for at, column in enumerate(columns.T):
        own = (given[at] or None) if given is not None and at < len(given) else None
        seen = np.array([not absent(one) for one in column])
        codes, named = coded(column[seen], own) if seen.any() else (column[seen], own or ())
        numbers = {type(one) for one in column} <= {int, float, bool, np.float64, np.int64}
        if named or numbers:
            column = np.full(len(column), np.nan)  # noqa: PLW2901 (the same one, in numbers)
            column[seen] = codes
        found.append(column)
        names.append(named)
    return np.column_stack(found), tuple(names)


def _columns(x: object) -> NDArray[np.object_] | None:
    """Return a table with text as objects (n, d), None if x is anything else."""
    fields = getattr(getattr(x, "dtype", None), "names", None)
    if fields:
        return np.array([list(row) for row in np.asarray(x)], object)
    if isinstance(x, np.ndarray) and x.dtype.kind not in "OUT":
        return None
    if isinstance(x, list | tuple) and not (
        x
        and isinstance(x[0], list | tuple)
        and any(isinstance(one, str) for row in x for one in row)
    ):
        return None
    try:
        values = np.asarray(x)
        if values.dtype.kind not in "OUT" or values.ndim != 2 or not values.size:
            return None
        values = np.asarray(x, dtype=object)  # numbers beside text became text
    except ValueError:  # ragged rows
        return None
    return values if any(isinstance(one, str) for one in values.flat) else None


def in_natural_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return names in the order of the alphabet, or by size if all of them are numbers.

    >>> in_natural_order(["b", "a"]), in_natural_order(["10", "9"])
    (('a', 'b'), ('9', '10'))
    """
    found = sorted(names)
    try:
        sizes = [float(name) for name in found]
    except ValueError:
        return tuple(found)
    order = sorted(range(len(found)), key=lambda at: sizes[at])
    return tuple(found[at] for at in order)


def recoded(codes: Array, own: tuple[str, ...], names: tuple[str, ...], called: str = "x") -> Array:
    """Return the codes among other names of categories, or raise Refusal for a label without one.

    codes: (n,) of these rows' own names; without such names they stay as they are.
    called: the column in messages.

    >>> recoded(np.array([0.0, 1.0]), ("gold", "plus"), ("basic", "gold", "plus"))
    array([1., 2.])
    >>> recoded(np.array([0.0]), ("platin",), ("basic", "gold"))
    Traceback (most recent call last):
    models.refusal.Refusal: x: 'platin' is none of the categories of the fit, basic, gold; leave ...
    """
    if not own or own == names:
        return codes
    place = {name: at for at, name in enumerate(names)}
    for code in np.unique(codes).astype(np.intp):
        if own[code] in place:
            continue
        if not names:
            raise Refusal(
                f"{called}: {own[code]!r} is text, but the fit has codes; give codes from 0"
            )
        listed = ", ".join(names[:5]) + ", ..." * (len(names) > 5)
        raise Refusal(
            f"{called}: {own[code]!r} is none of the categories of the fit, {listed}; leave such "
            "rows out, or fit all rows"
        )
    ranks = np.array([place.get(name, -1) for name in own], np.float64)
    return ranks[codes.astype(np.intp)]


def refuse_codes(codes: Array, names: tuple[str, ...]) -> None:
    """Raise Refusal for the first row that is no code of these categories.

    >>> refuse_codes(np.array([0.0, 2.0]), ("no", "yes"))
    Traceback (most recent call last):
    models.refusal.Refusal: x: row 1 (counted from 0) is 2, which is no code of 2 categories; ...
    """
    if codes.ndim != 1:
        raise Refusal(
            "categories are given, but x is a table; give levels, the names of the categories of "
            "each column, () for a column of numbers"
        )
    bad = (codes < 0) | (codes >= len(names)) | (codes != np.rint(codes))
    if bad.any():
        row = int(bad.argmax())
        raise Refusal(
            f"x: row {row} (counted from 0) is {codes[row]:g}, which is no code of {len(names)} "
            f"categories; give names, or codes from 0 to {len(names) - 1}"
        )


def _named(categories: Iterable[object]) -> tuple[str, ...]:
    """Return the names of categories, or raise Refusal if one occurs twice."""
    if isinstance(categories, str):
        raise Refusal(f"categories is {categories!r}; give a list of names")
    names = tuple(str(one) for one in categories)
    if not names:
        raise Refusal("categories is empty; give the names of all, or levels of a table")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Refusal(f"categories name {twice!r} twice; give each once")
    return names


def _text(x: ArrayLike) -> NDArray[np.str_] | None:
    """Return one column of text as an array, None if x is anything else."""
    if isinstance(x, list | tuple) and not (x and isinstance(x[0], str)):
        return None
    try:
        values = np.asarray(x)
        if values.dtype.kind not in "OUT":
            return None
        values = np.asarray(x, dtype=object)  # numbers beside text became text
    except ValueError:  # ragged rows
        return None
    if values.ndim != 1 or not values.size or not all(isinstance(one, str) for one in values):
        return None
    return values.astype(str)
