"""The parameters that are worth a row, and how to read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from em.emission import emission_of
from models.family import entries

if TYPE_CHECKING:
    import em
    from models import Mixture
    from models.arrays import Array, Labels
    from models.family import Theta

__all__ = ["Parameter", "bounds_of", "covariance_of", "parameters_of", "picked"]

BOUNDS = {"weight": (0.0, 1.0), "prob": (0.0, 1.0), "rate": (0.0, np.inf), "sd": (0.0, np.inf)}


class Parameter(NamedTuple):
    """A number of a mixture.

    component: None where all components share it.
    place: within the component's field: () or (column,) or (column, column).
    """

    name: str
    component: int | None
    place: tuple[int, ...]

    @property
    def label(self) -> str:
        """Such as mean[0] or cov[1,0,2]; a star stands for all components."""
        component = "*" if self.component is None else str(self.component)
        return f"{self.name}[{','.join([component, *map(str, self.place)])}]"


def bounds_of(name: str, place: tuple[int, ...]) -> tuple[float, float]:
    """Return between what a parameter can lie."""
    if len(place) == 2 and place[0] == place[1]:  # a variance
        return 0.0, np.inf
    return BOUNDS.get(name, (-np.inf, np.inf))


def parameters_of[T: Theta](mixture: Mixture[T], *, equal_weights: bool) -> list[Parameter]:
    """Return the numbers worth a row: all shares, and every free entry of theta."""
    k = len(mixture.weight)
    free = emission_of(type(mixture.theta)).coordinates(mixture.theta)
    shares = [] if equal_weights or k == 1 else [Parameter("weight", one, ()) for one in range(k)]
    return shares + [
        Parameter(name, None if shared else component, place)
        for name, place, shared in free
        for component in range(1 if shared else k)
    ]


def picked[T: Theta](mixture: Mixture[T], parameter: Parameter) -> Array:
    """Return a parameter of a mixture, or of (n,) mixtures with a leading axis."""
    fields = {"weight": mixture.weight, **entries(mixture.theta)}
    at = (..., parameter.component or 0, *parameter.place)
    return np.asarray(fields[parameter.name])[at]


def covariance_of(at: em.Fit, estimate: Mixture, places: Labels, *, equal_weights: bool) -> Array:
    """Return the covariance (rows, rows) of a table's rows, the inverse information.

    at: EM's view of the estimate; places: (K,) which component of `at` each of the table's is.
    """
    rows = parameters_of(estimate, equal_weights=equal_weights)
    errors = [picked(at.standard_errors, row) for row in rows]
    if at.information is None or not np.isfinite(errors).all():
        return np.full((len(rows), len(rows)), np.nan)
    names = list(at.coordinates)
    chart = np.zeros((len(rows), len(names)))
    for line, parameter in enumerate(rows):
        component = None if parameter.component is None else int(places[parameter.component])
        own = parameter._replace(component=component).label
        if own in names:
            chart[line, names.index(own)] = 1
        else:  # the last share is one less the others
            last = [names.index(f"weight[{one}]") for one in range(len(places) - 1)]
            chart[line, last] = -1
    covariance: Array = chart @ np.linalg.solve(at.information, chart.T)
    return covariance
