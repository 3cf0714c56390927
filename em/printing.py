"""Estimates and their standard errors as tables: what stands in them, and as lines of text."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.family import components, listed_entries
from models.letters import cut, padded, wide
from models.structure import axes_of, fields_of, of_column, place_called, shares_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from models.arrays import Array
    from models.structure import Structure

    type Row = tuple[str, int, tuple[int, ...]]  # field, its component axis, place on the others

__all__ = ["ENDLESS", "Grid", "grids", "rounded", "table"]

ACROSS = 5  # components side by side, at most
ENDLESS = 10_000  # columns of a page without an edge
MOST = 30  # rows of a field
LABEL = 9  # columns of a row's label, at least
CELL = 20  # of an estimate with its error
COMPONENT = "component"
LEAST, MOST_PLAIN = 1e-4, 1e7  # between them a number without an error has no power of ten
ENORMOUS = 1e9  # nor has one with an error below this
DECIMALS = 8  # of an error, at most
NO_SHARE = 1e-8  # a smaller one is on its edge, 0
NEXT = "component_next"  # the axis along which a share is of the component that follows


class Grid(NamedTuple):
    """A table, or the part of one that has its components side by side.

    heads: of the columns, the first one for the labels.
    rows: a label and the cells behind it.
    after: what is not shown, in words.

    >>> Grid(["component", "1"], [["rate", "1.00 (0.20)"]]).rows[0][1]
    '1.00 (0.20)'
    """

    heads: list[str]
    rows: list[list[str]]
    after: tuple[str, ...] = ()


def table(
    estimate: Structure,
    errors: Structure,
    names: Mapping[str, Sequence[str]] = MappingProxyType({}),
    noun: str = COMPONENT,
    width: int = ENDLESS,
) -> Iterator[str]:
    r"""Yield the lines of the tables that `grids` returns.

    width: columns of the page; where they are few, fewer components stand side by side.

    >>> from models import Mixture, Poisson
    >>> one = Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 5.0])))
    >>> of_it = Mixture(np.array([0.1, 0.1]), Poisson(np.array([0.2, 0.5])))
    >>> print(*table(one, of_it), sep="\n")
      component                     1                     2
      weight              0.40 (0.10)           0.60 (0.10)
      rate                1.00 (0.20)           5.00 (0.50)
    """
    each = grids(estimate, errors, names, noun)
    columns = max(LABEL, *(wide(row[0]) for grid in each for row in grid.rows))
    across = max(1, (width - columns - 2) // (CELL + 2))
    several = components(estimate.theta) > 1  # a single one needs no head
    for heads, rows, after in each:
        for begin in range(1, len(rows[0]), across):
            block = slice(begin, begin + across)
            if several:
                yield _line(heads[0], [cut(one, CELL) for one in heads[block]], columns)
            for row in rows:
                yield _line(row[0], row[block], columns)
        yield from (f"  {one}" for one in after)


def grids(
    estimate: Structure,
    errors: Structure,
    names: Mapping[str, Sequence[str]] = MappingProxyType({}),
    noun: str = COMPONENT,
) -> list[Grid]:
    """Return tables: a row for each entry of a component, then each matrix of moves.

    Of a field with more than MOST entries a component, those that are largest in some component
    are shown, or the first ones if they are shares.

    names: of the places along an axis, such as those of categories. noun: heads the components.

    >>> from models import Mixture, Poisson
    >>> one = Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 5.0])))
    >>> of_it = Mixture(np.array([0.1, 0.1]), Poisson(np.array([0.2, 0.5])))
    >>> grids(one, of_it)[0].rows
    [['weight', '0.40 (0.10)', '0.60 (0.10)'], ['rate', '1.00 (0.20)', '5.00 (0.50)']]
    """
    values, spreads = fields_of(estimate), fields_of(errors)
    inner = type(estimate.theta).layout()
    for name, value in values.items():
        if name in estimate.axes() or inner[name].simplex:
            values[name] = np.where(value < NO_SHARE, 0, value)
    k, every = components(estimate.theta), axes_of(type(estimate), type(estimate.theta))
    shown, hidden = _shown(estimate)
    parts = {name: field.part for name, field in inner.items()}
    labels = [
        _label(name, [one for one in every[name] if one != COMPONENT], place, names, parts)
        for name, _, place in shown
    ]
    titles = [place_called(COMPONENT, one, names) for one in range(k)]
    found = []
    for begin in range(0, k, ACROSS):
        block = range(begin, min(begin + ACROSS, k))
        rows = []
        for label, (name, axis, place) in zip(labels, shown, strict=True):
            at = [(*place[:axis], one, *place[axis:]) for one in block]
            rows.append([label, *(_cell(values[name][one], spreads[name][one]) for one in at)])
        found.append(Grid([noun, *(titles[one] for one in block)], rows))
    more = tuple(f"and {more:,} more of {name}" for name, more in hidden.items())
    found[-1] = found[-1]._replace(after=more)
    for name, axes in estimate.axes().items():
        if NEXT in axes and k > 1:
            found += _matrix(name, values[name], spreads[name], titles)
    return found


def _label(
    name: str,
    axes: Sequence[str],
    place: tuple[int, ...],
    names: Mapping[str, Sequence[str]],
    parts: Mapping[str, int],
) -> str:
    """Return what stands before a row: the field and its place, whose parts may have names.

    parts: the column of each field, as `Field` has it.
    """
    found = [place_called(axis, at, names) for axis, at in zip(axes, place, strict=True)]
    field, columns = of_column(name, parts.get(name, 0), names)
    within = [*columns, *found]
    return f"{field}[{', '.join(within)}]" if within else field


def _shown(estimate: Structure) -> tuple[list[Row], dict[str, int]]:
    """Return the rows to show, and how many rows of each field are not."""
    rows: dict[str, list[Row]] = {}
    for row in _entries(estimate):
        rows.setdefault(row[0], []).append(row)
    fields, hidden = fields_of(estimate), {}
    for name, own in rows.items():
        if len(own) <= MOST:
            continue
        hidden[name] = len(own) - MOST
        kept = np.arange(MOST)
        if name not in estimate.axes():
            size = [np.moveaxis(fields[name], axis, -1)[place].max() for _, axis, place in own]
            kept = np.sort(np.argsort(size, kind="stable")[-MOST:])
        rows[name] = [own[at] for at in kept]
    return [row for own in rows.values() for row in own], hidden


def _entries(estimate: Structure) -> Iterator[Row]:
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
    if np.isnan(error):
        return f"{rounded(value)} (–)"
    return f"{rounded(value, error)} ({rounded(error, error)})"


def rounded(value: float, error: float = np.nan) -> str:
    """Return a value to the second digit of its error; without one to four digits.

    There is no power of ten between 1e-4 and 1e7.

    >>> rounded(84921.4, 0.183), rounded(0.8, 0.1), rounded(84921.4), rounded(0.000123456)
    ('84921.40', '0.80', '84920', '0.0001235')
    """
    if not 0 < error < np.inf or not np.isfinite(value):
        if not LEAST <= abs(value) < MOST_PLAIN:
            return f"{value:.4g}"
        return np.format_float_positional(float(f"{value:.4g}"), trim="-")
    place = int(np.floor(np.log10(error)))
    if place > -DECIMALS and abs(value) < ENORMOUS:
        return f"{value:.{max(0, 1 - place)}f}"
    digits = int(np.floor(np.log10(abs(value)))) - place + 2 if value else 1
    return f"{value:.{max(digits, 2)}g}"


def _line(label: str, cells: Iterable[str], columns: int = LABEL) -> str:
    """Return a line of the table, whose label takes so many columns."""
    shown = (f"  {' ' * (CELL - wide(cell))}{cell}" for cell in cells)
    return f"  {padded(label, columns)}{''.join(shown)}"


def _matrix(name: str, values: Array, errors: Array, titles: Sequence[str]) -> Iterator[Grid]:
    """Yield tables of probabilities (K, K) to move from each component to each."""
    k = len(values)
    for begin in range(0, k, ACROSS):
        block = slice(begin, begin + ACROSS)
        rows = [
            [f"from {title}", *map(_cell, values[row, block], errors[row, block])]
            for row, title in enumerate(titles)
        ]
        yield Grid([name, *(f"to {one}" for one in titles[block])], rows)
