"""Components of counts that are all but always 0: zeros in excess, which one parameter says."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from models.names import mends

if TYPE_CHECKING:
    from models.family import Column, Theta

__all__ = ["said_of_silent", "silent"]

SILENT = 0.95  # probability of a 0 from which a component of counts is called zeros in excess


def silent(theta: Theta) -> dict[int, float]:
    """Return the components that are all but always 0, and how likely they are 0.

    One such component beside others is what a family with zeros in excess says with one parameter.
    Families without such a one have none.

    >>> from models import Gamma, Poisson
    >>> {one: round(p, 3) for one, p in silent(Poisson(np.array([0.02, 9.0]))).items()}
    {0: 0.98}
    >>> silent(Gamma(np.array([0.02, 9.0]), np.array([1.0, 1.0])))
    {}
    """
    if theta.takes() != "column" or not mends("zeros", type(theta)):
        return {}
    none = np.zeros(1)
    sure = cast("Column", theta).cumulative(none, none, None)[0].ravel()  # P(x <= 0)
    found = {int(one): float(sure[one]) for one in np.flatnonzero(sure >= SILENT)}
    return found if len(found) < len(sure) else {}


def said_of_silent(edge: str, theta: Theta) -> bool:
    """Return whether a parameter on an edge has no meaning, as its component is silent.

    edge: the parameter's label.

    >>> from models import NegativeBinomial
    >>> theta = NegativeBinomial(np.array([0.002, 9.0]), np.array([1e6, 7.0]))
    >>> said_of_silent("size[0]", theta), said_of_silent("mean[0]", theta)
    (True, False)
    """
    field, _, place = edge.rstrip("]").partition("[")
    known = theta.layout().get(field)
    return known is not None and bool(known.limit) and place in map(str, silent(theta))
