"""Which rows of a long table are worth reading: the largest entries, and some of the groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.groups import Groups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comparisons.kept.facts import Facts, Row
    from models.arrays import Labels

__all__ = ["Largest", "groups_shown", "largest", "of_components", "size_of"]

FEW = 30  # rows of a field: as many are all shown
ENTRIES = 10  # of a component, in a table
GROUPS = 10  # in a table


class Largest(NamedTuple):
    """Rows to show, and which are not, such as "100 of weight"; empty if all are shown.

    >>> largest(comparison).hidden
    ''
    """

    rows: tuple[Row, ...]
    hidden: str


def largest(facts: Facts) -> Largest:
    """Return the rows of a table to read: all of them, unless a field has very many.

    Of a distribution over many categories each component's largest entries are shown, largest
    first; of shares of many groups, those of the groups with the most observations.

    >>> [row.label for row in largest(comparison).rows]
    ['weight[0]', 'weight[1]', 'rate[0]', 'rate[1]']
    """
    every, found, hidden = facts.parameters, [], []
    layout, sizes = facts.family.layout(), facts.question.data.sizes
    for name in dict.fromkeys(row.parameter.name for row in every):
        own = [row for row in every if row.parameter.name == name]
        shown: list[Row] = own
        axes = own[0].parameter.axes
        if len(own) > FEW and {*sizes} & {*axes}:
            at = axes.index(next(axis for axis in axes if axis in sizes))
            kept = {*groups_shown(facts, GROUPS).tolist()}
            shown = [row for row in own if row.parameter.at[at] in kept]
        elif len(own) > FEW and name in layout and layout[name].simplex:
            shown = [row for part in of_components(own) for row in _first(part, ENTRIES)]
        if len(shown) < len(own):
            hidden.append(f"{len(own) - len(shown):,} of {name}")
        found += shown
    return Largest(tuple(found), " and ".join(hidden))


def of_components(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the rows of each component.

    >>> [len(part) for part in of_components(comparison.parameters)]
    [2, 2]
    """
    parts: dict[int | None, list[Row]] = {}
    for row in rows:
        parts.setdefault(row.parameter.component, []).append(row)
    return list(parts.values())


def _first(rows: Sequence[Row], most: int) -> list[Row]:
    """Return the largest rows, largest first."""
    return sorted(rows, key=size_of, reverse=True)[:most]


def size_of(row: Row) -> float:
    """Return how large a number is by the answer that makes it larger.

    >>> size_of(comparison.parameters[0]) >= comparison.parameters[0].estimate
    True
    """
    return float(np.nanmax([row.estimate, row.numbers["mean"]]))


def groups_shown(facts: Facts, most: int) -> Labels:
    """Return the groups with the most observations, at most so many, in the order of the data.

    >>> from models import Categorical, Groups
    >>> from types import SimpleNamespace
    >>> data = Groups(["a", "b", "a", "b", "b"], [1, 1, 2, 3, 3])
    >>> groups_shown(SimpleNamespace(question=SimpleNamespace(data=data)), 2)
    array([0, 2])
    """
    data = facts.question.data
    assert isinstance(data, Groups)
    return np.sort(np.argsort(-data.totals, kind="stable")[:most])
