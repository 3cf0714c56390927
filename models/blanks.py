"""Blank cells of a table: NaN where a value was not seen, missing at random (Rubin 1976)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from models.arrays import Array

__all__ = ["absent", "blank_as", "differ", "empty_rows", "filled", "patterns_of", "said_of_blanks"]


def absent(value: object) -> bool:
    """Return whether an object means that nothing was seen: None, NaN, pandas' NA.

    >>> absent(None), absent(float("nan")), absent(0.0)
    (True, True, False)
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and bool(np.isnan(value))


def filled(x: ArrayLike) -> ArrayLike:
    """Return a table with NaN for None, NA and masked cells; anything else as it is.

    >>> filled([[1, None], [2, 3]])
    array([[1, nan],
           [2, 3]], dtype=object)
    >>> filled(np.ma.array([[1.5, 2.5]], mask=[[True, False]]))
    array([[nan, 2.5]])
    """
    if isinstance(x, np.ma.MaskedArray):
        masked = np.ma.is_masked(x) and x.ndim == 2 and x.dtype.kind in "fiub"
        return np.where(np.ma.getmaskarray(x), np.nan, np.ma.getdata(x)) if masked else x
    try:
        values: NDArray[Any] = np.asarray(x)
    except ValueError:  # ragged, which is refused in its own words
        return x
    if values.dtype.kind != "O" or values.ndim != 2:
        return x
    blank = np.array([absent(one) for one in values.flat], np.bool_).reshape(values.shape)
    return np.where(blank, np.nan, values) if blank.any() else x


def differ[D: np.generic](one: NDArray[D], other: NDArray[D]) -> NDArray[np.bool_]:
    """Return where values differ; two blanks do not.

    >>> differ(np.array([1.0, np.nan, np.nan]), np.array([2.0, np.nan, 3.0]))
    array([ True, False,  True])
    """
    found: NDArray[np.bool_] = one != other
    if one.dtype.kind == "f" and found.any():
        found &= ~(np.isnan(one) & np.isnan(other))
    return found


def patterns_of(x: Array) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Return which columns were seen in each pattern of blanks, (P, d), and each row's, (m,).

    >>> seen, which = patterns_of(np.array([[1.0, 2.0], [np.nan, 3.0], [4.0, 5.0]]))
    >>> seen, which
    (array([[False,  True],
           [ True,  True]]), array([1, 0, 1]))
    """
    seen, which = np.unique(~np.isnan(x), axis=0, return_inverse=True)
    return seen, which.reshape(-1)


def said_of_blanks(x: Array, counts: NDArray[Any]) -> str:
    """Return how many rows have blanks, and how many cells are blank; empty if none is.

    >>> said_of_blanks(np.array([[1.0, np.nan], [2.0, 3.0]]), np.array([2, 1]))
    'with blanks in 2 of 3 rows (2 cells not seen)'
    """
    blank = np.isnan(x)
    if x.ndim != 2 or not blank.any():
        return ""
    cells = round(float(blank.sum(axis=1) @ counts))
    rows, n = round(float(blank.any(axis=1) @ counts)), round(float(counts.sum()))
    return f"with blanks in {rows:,} of {n:,} rows ({cells:,} cell{'s' * (cells > 1)} not seen)"


def blank_as(x: Array, seen: Array) -> Array:
    """Return other values of some rows, blank where these are.

    >>> blank_as(np.array([[1.0, 2.0]]), np.array([[np.nan, 5.0]]))
    array([[nan,  2.]])
    """
    if seen.ndim != 2 or not np.isnan(seen).any():
        return x
    return np.where(np.isnan(seen), np.nan, x)


def empty_rows(x: Array) -> NDArray[np.bool_]:
    """Return which rows of a table are all blank, (n,); none of a column.

    >>> empty_rows(np.array([[np.nan, np.nan], [1.0, np.nan]]))
    array([ True, False])
    """
    if x.ndim != 2 or not np.isnan(x.min()):
        return np.zeros(len(x), np.bool_)
    found: NDArray[np.bool_] = np.isnan(x).all(axis=1)
    return found
