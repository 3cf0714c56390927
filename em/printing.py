"""Estimates and their standard errors as a table of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.family import components, listed_entries
from models.structure import fields_of, shares_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from models.arrays import Array
    from models.structure import Structure

__all__ = ["table"]

ACROSS = 5  # components side by side
NO_SHARE = 1e-8  # a smaller one is on its edge, 0
NEXT = "component_next"  # the axis along which a share is of the component that follows


def table(estimate: Structure, errors: Structure, categories: Sequence[str] = ()) -> Iterator[str]:
    r"""Yield the lines: a row for each entry of a component, then each matrix of moves.

    categories: their names, where a field has an axis of them.

    >>> from models import Mixture, Poisson
    >>> one = Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 5.0])))
    >>> of_it = Mixture(np.array([0.1, 0.1]), Poisson(np.array([0.2, 0.5])))
    >>> print(*table(one, of_it), sep="\n")
      weight                0.4 (0.1)             0.6 (0.1)
      rate                    1 (0.2)               5 (0.5)
    """
    values, spreads = fields_of(estimate), fields_of(errors)
    for name, share in shares_of(estimate).items():
        values[name] = np.where(share < NO_SHARE, 0, share)
    k = components(estimate.theta)
    for begin in range(0, k, ACROSS):
        block = range(begin, min(begin + ACROSS, k))
        if k > ACROSS:
            yield _line("component", map(str, block))
        for name, axis, place in _entries(estimate):
            label = _label(name, place, categories)
            at = [(*place[:axis], one, *place[axis:]) for one in block]
            yield _line(label, [_cell(values[name][one], spreads[name][one]) for one in at])
    for name, axes in estimate.axes().items():
        if NEXT in axes and k > 1:
            yield from _matrix(name, values[name], spreads[name])


def _label(name: str, place: tuple[int, ...], categories: Sequence[str]) -> str:
    """Return what stands before a row: the field and its place, which may have a name."""
    if not place:
        return name
    named = categories[place[0]] if categories else ",".join(map(str, place))
    return f"{name}[{named}]"


def _entries(estimate: Structure) -> Iterator[tuple[str, int, tuple[int, ...]]]:
    """Yield each row's field, its component axis, and the place on the other axes."""
    for name, field in shares_of(estimate).items():
        axes = estimate.axes()[name]
        if NEXT not in axes:
            axis = axes.index("component")
            for place in np.ndindex(*np.delete(field.shape, axis)):
                yield name, axis, place
    for name, place, _ in listed_entries(estimate.theta):
        yield name, 0, place


def _cell(value: float, error: float) -> str:
    """Return the value and its error; the error's two digits say how many the value gets."""
    if not 0 < error < np.inf or value == 0:
        return f"{value:.6g} ({error:.2g})"
    digits = int(np.floor(np.log10(abs(value))) - np.floor(np.log10(error))) + 2
    return f"{value:.{max(digits, 2)}g} ({error:.2g})"


def _line(label: str, cells: Iterable[str]) -> str:
    """Return a line of the table."""
    return f"  {label:<9}" + "".join(f"  {cell:>20}" for cell in cells)


def _matrix(name: str, values: Array, errors: Array) -> Iterator[str]:
    """Yield the lines of probabilities (K, K) to move from each component to each."""
    k = len(values)
    for begin in range(0, k, ACROSS):
        block = slice(begin, begin + ACROSS)
        yield _line(name, [f"to {one}" for one in range(k)[block]])
        for row in range(k):
            yield _line(f"from {row}", map(_cell, values[row, block], errors[row, block]))
