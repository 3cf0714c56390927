"""A summary of observations for notebooks: what each column has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from models.as_html import framed, heading, paragraph, table

if TYPE_CHECKING:
    from models.arrays import Array, Numbers

__all__ = ["summary"]

MOST = 12  # columns in the tables


class Distinct(Protocol):
    """Distinct rows, as a Sample has them."""

    @property
    def x(self) -> Array:
        """The rows, (m,) or (m, d)."""
        ...

    @property
    def counts(self) -> Numbers:
        """How often each occurred, (m,)."""
        ...

    @property
    def trials(self) -> Array | None:
        """The flips behind each number of heads."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, if they have some."""
        ...

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the categories, if rows are labels."""
        ...

    @property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """The names of the categories of each column."""
        ...


def summary(text: str, rows: Distinct) -> str:
    """Return what was observed, column by column, as HTML.

    text: the observations as Python shows them, such as Sample(3 observations, 2 distinct).

    >>> from models import Sample
    >>> sample = Sample([2.5, 1.0, 2.5])
    >>> "<td>3</td><td>1</td><td>2</td><td>2.5</td>" in summary(repr(sample), sample)
    True
    """
    kind, _, size = text.removesuffix(")").partition("(")
    x = rows.x.reshape(len(rows.counts), -1)
    names = rows.columns or tuple(f"column {at}" for at in range(1, x.shape[1] + 1))
    if x.shape[1] == 1 and not rows.columns:
        names = ("x" if rows.trials is None else "heads",)
    each = (rows.categories,) if rows.categories else rows.levels
    numbers, labels = [], []
    for at, name in enumerate(names[:MOST]):
        column, counts = _seen(x[:, at], np.asarray(rows.counts, np.float64))
        if len(each) > at and each[at]:
            labels.append([name, *_labels(column, counts, each[at])])
        else:
            numbers.append([name, *_numbers(column, counts)])
    if rows.trials is not None:
        numbers.append(["flips", *_numbers(rows.trials, np.asarray(rows.counts, np.float64))])
    parts = [heading(kind, f": {size}")]
    if numbers:
        parts.append(table(["column", "seen", "smallest", "mean", "largest"], numbers))
    if labels:
        heads = ["column", "seen", "categories", "most frequent"]
        parts.append(table(heads, labels, words=[3]))
    if more := len(names) - MOST:
        parts.append(paragraph(f"Not shown: {more:,} more columns.", soft=True) * (more > 0))
    return framed(*parts)


def _seen(column: Array, counts: Array) -> tuple[Array, Array]:
    """Return the values that were seen, and how often each occurred."""
    seen = ~np.isnan(column) & (counts > 0)
    return column[seen], counts[seen]


def _numbers(column: Array, counts: Array) -> list[str]:
    """Return how many were seen, and the smallest, the mean and the largest."""
    if not len(column):
        return ["0", "–", "–", "–"]
    mean = float(column @ counts / counts.sum())
    return [f"{counts.sum():,.0f}", *(f"{one:,.6g}" for one in (column.min(), mean, column.max()))]


def _labels(column: Array, counts: Array, names: tuple[str, ...]) -> list[str]:
    """Return how many were seen, how many categories there are, and the most frequent one."""
    total = np.bincount(column.astype(np.intp), counts, minlength=len(names))
    most = int(total.argmax())
    share = total[most] / max(total.sum(), 1)
    return [f"{total.sum():,.0f}", f"{len(names):,}", f"{names[most]} ({share:.0%})"]
