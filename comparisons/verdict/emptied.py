"""Starts of EM in which a group is empty, to see whether a prior prefers it so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.structure import axes_of, fields_of, from_fields

if TYPE_CHECKING:
    from models.arrays import Array
    from models.structure import Structure

__all__ = ["emptied"]


def emptied[S: Structure](estimate: S, n: int) -> S | None:
    """Return K starts, in each of which another group is left with half an observation.

    The group becomes a copy of the one before it. The others take over its observations as EM
    climbs, and the copy goes to the top of the prior, if it does not find a group of its own again.

    n: the number of observations.

    >>> from models import Mixture, Poisson
    >>> starts = emptied(Mixture(np.array([0.4, 0.6]), Poisson(np.array([1.0, 5.0]))), n=5)
    >>> starts.theta.rate
    array([[5., 5.],
           [1., 1.]])
    >>> starts.weight.round(1)
    array([[0.1, 0.9],
           [0.8, 0.2]])
    """
    kind, family = type(estimate), type(estimate.theta)
    shares, own = kind.axes(), axes_of(kind, family)
    fields = fields_of(estimate)
    k = len(fields[next(iter(family.layout()))])
    if k == 1:
        return None

    def without(gone: int) -> dict[str, Array]:
        found = {}
        for name, field in fields.items():
            new = field.copy()
            if name in shares:
                new[..., gone] = np.minimum(new[..., gone], 0.5 / n)
                new = new / new.sum(axis=-1, keepdims=True)
            elif own[name][0] == "component":
                new[gone] = field[gone - 1]
            found[name] = new
        return found

    each = [without(gone) for gone in range(k)]
    return from_fields(kind, family, {name: np.stack([one[name] for one in each]) for name in own})
