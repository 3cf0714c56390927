"""The numbers whose ranks are taken: parameters, shares of components, and fitted cells."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from comparisons.trust.layouts import FLIPS
from models.family import first, width_of
from models.structure import drawn_at, in_time, parameters, picked, shares_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from models.arrays import Array
    from models.structure import Parameter, Structure, Units

__all__ = ["Quantity", "explained", "identifies_components", "quantities"]

PLACES = 2  # along an axis of the data: its places have the same distribution
CUTS = (2.0, 6.0)  # where cells end, on the scale of `layouts.SCALE`
FIRST = (0.0, 1.0)  # the same of labels: their first two categories


EXPLAINED = {
    "share": "share[k]: the share of component or state k among all rows.",
    "cell": "cell[i, j]: the probability of value range or category j in group i of rows.",
}
"""What is no parameter, in words."""


class Quantity(NamedTuple):
    """A number that follows from a structure's parameters.

    label, title: its name for programs, and for people.
    of: structure -> the number, or (n,) of n structures with a leading axis.
    estimated: whether it is a parameter, of which EM has a standard error.

    >>> from models import Mixture, Poisson, Sample
    >>> two = Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 9.0])))
    >>> weight, *others = quantities(two, Sample([1, 9]))
    >>> weight.title, float(weight.of(two)), len(others)
    ('weight[1]', 0.4, 3)
    """

    label: str
    title: str
    of: Callable[[Structure], Array]
    estimated: bool


def explained(labels: Iterable[str]) -> str:
    """Return what the quantities are that are no parameters; empty without such.

    >>> explained(["weight[1]", "share[1]"])
    'share[k]: the share of component or state k among all rows.'
    """
    names = {one.partition("[")[0] for one in labels}
    return " ".join(said for name, said in EXPLAINED.items() if name in names)


def identifies_components(structure: Structure) -> bool:
    """Return whether data can tell what a component is.

    One label a row does not, unless rows follow each other: in groups only the fitted shares of
    categories are identified.

    >>> from models import Admixture, Categorical
    >>> words = Categorical(np.array([[0.9, 0.1], [0.2, 0.8]]))
    >>> identifies_components(Admixture(np.array([[0.5, 0.5]]), words))
    False
    """
    return type(structure.theta).takes() != "labels" or in_time(type(structure))


def quantities(structure: Structure, data: Units) -> list[Quantity]:
    """Return what is ranked, from what the structure and the family declare.

    Parameters, where they are identified; of those along an axis of the data, such as groups, the
    first few. Shares of the components among all rows, where shares depend on something. Cells,
    the chance of a value in a fixed range, where shares are along an axis of the data.

    >>> from models import HiddenMarkov, Poisson, Sequences
    >>> sticky = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> two = HiddenMarkov(np.array([0.5, 0.5]), sticky, Poisson(np.array([1.0, 9.0])))
    >>> [one.label for one in quantities(two, Sequences([1, 2, 9]))][-3:]
    ['rate[1]', 'share[0]', 'share[1]']
    """
    kind = type(structure)
    identified = identifies_components(structure)
    found = [
        Quantity(one.label, one.titled({}), partial(picked, parameter=one), estimated=True)
        for one in parameters(structure)
        if identified and _early(one, data)
    ]
    k = len(first(structure.theta))
    if identified and k > 1 and any(len(axes) > 1 for axes in kind.axes().values()):
        found += [
            Quantity(
                f"share[{at}]",
                f"share[{at + 1}]",
                partial(_share, data=data, component=at),
                estimated=False,
            )
            for at in range(k)
        ]
    return found + [
        Quantity(
            f"cell[{at},{cell}]",
            f"cell[{at + 1}, {cell + 1}]",
            partial(_cell, name=name, at=at, cell=cell),
            estimated=False,
        )
        for name, axes in kind.axes().items()
        if axes[0] in data.sizes
        for at in range(min(PLACES, data.sizes[axes[0]]))
        for cell in range(len(CUTS))
    ]


def _early(parameter: Parameter, data: Units) -> bool:
    """Return whether a parameter is among the first ones along an axis of the data."""
    places = zip(parameter.axes, parameter.at, strict=True)
    return all(axis not in data.sizes or at is None or at < PLACES for axis, at in places)


def _share(structure: Structure, data: Units, component: int) -> Array:
    """Return the share of a component among all rows."""
    return np.asarray(structure.overall(data)[..., component])


def _cell(structure: Structure, name: str, at: int, cell: int) -> Array:
    """Return the chance that a value of the first column lies in a cell, at a place of a share."""
    own = structure.axes()[name]
    shares = shares_of(structure)[name]
    if shares.ndim == len(own):
        return np.asarray(_inside(structure, cell) @ shares[at])
    draws = range(len(shares))
    return np.array([_inside(drawn_at(structure, one), cell) @ shares[one, at] for one in draws])


def _inside(structure: Structure, cell: int) -> Array:
    """Return each component's chance of a value in a cell, (K,)."""
    theta, takes = structure.theta, type(structure.theta).takes()
    cuts = np.array(FIRST if takes == "labels" else CUTS)
    flips = np.full(len(cuts), FLIPS) if takes == "heads" else None
    if takes == "table":
        cuts = np.repeat(cuts[:, None], width_of(theta), axis=1)
    below = theta.cumulative(cuts, cuts[None], flips)[0][0, :, 0]
    return np.diff(below, axis=1, prepend=0.0)[:, cell]
