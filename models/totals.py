"""A row or column of a table of counts that is the sum of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.arrays import Array, Labels

__all__ = ["refuse_sums"]

CALLED = frozenset({"all", "margin", "sum", "total", "totals"})  # in small letters
BY_CHANCE = 1e-6  # probability of equal sums below which they are not accidental


def refuse_sums(
    axis: str, names: Sequence[str], at: Labels, across: Labels, counted: Array | NDArray[np.int64]
) -> None:
    """Raise Refusal if a row or column is the sum of all others: it would be counted twice.

    Two counts with the same mean c are equal with probability 1 / sqrt(4 pi c), about, by which
    sums that are equal by chance are known. One whose name says so is believed.

    names: of the rows or columns. at, across: the row and the column of each cell, or the reverse.

    >>> at, across = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1] * 3)
    >>> refuse_sums("row", ["a", "b", "c"], at, across, np.array([9.0, 3, 2, 5, 12, 8]))
    >>> refuse_sums("row", ["a", "b", "Total"], at, across, np.array([9.0, 3, 2, 5, 11, 8]))
    Traceback (most recent call last):
    models.refusal.Refusal: row 'Total' of the table is the sum of the others; leave it out
    """
    sums = np.bincount(at, counted, minlength=len(names))
    if len(names) < 3:  # two equal rows are no sum
        return
    for half in np.flatnonzero(2 * sums == sums.sum()).tolist():
        own = at == half
        mine = np.bincount(across[own], counted[own], minlength=across.max() + 1)
        if (2 * mine != np.bincount(across, counted)).any():
            continue
        chance = -0.5 * np.log(4 * np.pi * mine[mine > 0]).sum()
        if names[half].strip().lower() in CALLED or chance < np.log(BY_CHANCE):
            raise Refusal(
                f"{axis} {names[half]!r} of the table is the sum of the others; leave it out"
            )
