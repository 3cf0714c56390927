"""One row for each parameter: the estimate beside the posterior, and what makes the gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import arviz_stats as az
import numpy as np
import xarray as xr

from comparisons.thresholds import LEVEL
from em.emission import emission_of
from models.family import entries

if TYPE_CHECKING:
    import pandas as pd

    import em
    from comparisons.evidence import Evidence
    from models import Mixture
    from models.family import Array, Labels, Theta

__all__ = [
    "Parameter",
    "Table",
    "bounds_of",
    "covariance_of",
    "of_estimate",
    "parameters_of",
    "picked",
    "table_of",
]


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


class Table(xr.Dataset):
    """A Dataset along `parameter`."""

    __slots__ = ()

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame, a row for each parameter."""
        return self.to_dataframe()


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


def of_estimate(evidence: Evidence) -> list[Parameter]:
    """Return the parameters of a comparison."""
    return parameters_of(evidence.estimate, equal_weights=evidence.question.equal_weights)


def table_of(evidence: Evidence, truth: Mixture | None = None) -> Table:
    """Return the table.

    gap_in_sd = (mean - mle) / sd = prior_pull + skew, where prior_pull = (MAP - mle) / sd is what
    the prior moves the maximum, MAP by EM under the same prior, and skew = (mean - MAP) / sd what
    lies between the posterior's peak and its mean. noise = mcse / sd is that of the mean.
    """
    tail = (1 - LEVEL) / 2
    parameters = of_estimate(evidence)
    rows = []
    for parameter in parameters:
        draws = picked(evidence.draws, parameter)
        mle, se = float(picked(evidence.estimate, parameter)), picked(evidence.errors, parameter)
        peak = np.nan if evidence.peak is None else picked(evidence.peak.mixture, parameter)
        mean = float(draws.mean())  # of equal draws it is off by rounding, which is no spread
        sd = float(draws.std(ddof=1)) if np.ptp(draws) > 0 else 0.0
        chains = draws.reshape(evidence.sizes)
        with np.errstate(divide="ignore", invalid="ignore"):
            mcse = float(az.mcse(chains, method="mean"))
            rows.append(
                {
                    "mle": mle,
                    "se": se,
                    "mean": mean,
                    "sd": sd,
                    "low": np.quantile(draws, tail),
                    "high": np.quantile(draws, 1 - tail),
                    "gap_in_sd": np.divide(mean - mle, sd),
                    "sd_ratio": np.divide(sd, se),
                    "percentile": 100 * ((draws < mle).mean() + (draws == mle).mean() / 2),
                    "mcse": mcse,
                    **_diagnosed(evidence, parameter),
                    # of a parameter that was not sampled there is no telling
                    "prior_pull": (peak - mle) / sd if sd > 0 else np.nan,
                    "skew": (mean - peak) / sd if sd > 0 else np.nan,
                    "noise": np.divide(mcse, sd),
                    "mcse_sd": float(az.mcse(chains, method="sd")),
                    **({} if truth is None else {"truth": picked(truth, parameter)}),
                }
            )
    columns = rows[0].keys()
    labels = [parameter.label for parameter in parameters]
    coords = {
        "parameter": labels,
        "name": ("parameter", [parameter.name for parameter in parameters]),
        "component": (
            "parameter",
            [-1 if one.component is None else one.component for one in parameters],
        ),
        "dimension": ("parameter", [",".join(map(str, one.place)) for one in parameters]),
    }
    found = {name: ("parameter", np.array([row[name] for row in rows], float)) for name in columns}
    return Table(found, coords, {"interval": f"{LEVEL:.0%} equal-tailed"})


def _diagnosed(evidence: Evidence, parameter: Parameter) -> dict[str, float]:
    """Return R-hat and effective sizes of a parameter."""
    field = evidence.diagnosis.parameters[parameter.name]
    inner = dict(zip(("dimension", "dimension_bis"), parameter.place, strict=False))
    one = field.sel(component=parameter.component or 0, **inner)
    return {name: float(one.sel(measure=name)) for name in ("r_hat", "ess_bulk", "ess_tail")}
