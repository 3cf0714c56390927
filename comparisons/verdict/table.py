"""One row for each parameter: the estimate, the posterior, and the causes of the gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import arviz_stats as az
import numpy as np
import xarray as xr

from comparisons.thresholds import LEVEL
from models.structure import picked

if TYPE_CHECKING:
    import pandas as pd

    from bayes.posterior.diagnose import Diagnosis
    from comparisons.verdict.measured import Measured
    from models.arrays import Array
    from models.structure import Parameter, Structure

__all__ = ["Table", "table_of", "worst_of"]


class Table(xr.Dataset):
    """A Dataset along `parameter`.

    >>> comparison.table.to_frame().index.tolist()
    ['weight[0]', 'weight[1]', 'rate[0]', 'rate[1]']
    """

    __slots__ = ()

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame, a row for each parameter."""
        return self.to_dataframe()


def table_of(measured: Measured, truth: Structure | None = None) -> Table:
    """Return the table.

    gap_in_sd = (mean - mle) / sd = prior_pull + skew. prior_pull = (MAP - mle) / sd is the shift of
    the maximum by the prior, where EM under the same prior finds the MAP. skew = (mean - MAP) / sd
    is the distance of the posterior's mean from its peak. noise = mcse / sd is that of the mean.

    >>> comparison.table["mle"].to_numpy().round(2)
    array([0.58, 0.42, 1.09, 7.34])
    """
    tail = (1 - LEVEL) / 2
    point, sampled = measured.point, measured.sampled
    parameters = point.parameters
    rows = []
    for parameter in parameters:
        draws = picked(sampled.draws, parameter)
        mle, se = float(picked(point.estimate, parameter)), picked(point.errors, parameter)
        peak = np.nan if sampled.peak is None else picked(sampled.peak.estimate, parameter)
        mean = float(
            draws.mean()
        )  # of equal draws the mean has a rounding error, which would give a spread
        sd = float(draws.std(ddof=1)) if np.ptp(draws) > 0 else 0.0
        chains = draws.reshape(sampled.sizes)
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
                    **_diagnosed(sampled.diagnosis, parameter),
                    # unknown for a parameter that was not sampled
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


def _diagnosed(diagnosis: Diagnosis, parameter: Parameter) -> dict[str, float]:
    """Return R-hat and effective sizes of a parameter."""
    field = diagnosis.parameters[parameter.name]
    at = dict(zip(parameter.axes, (one or 0 for one in parameter.at), strict=True))
    one = field.sel(at)
    return {name: float(one.sel(measure=name)) for name in ("r_hat", "ess_bulk", "ess_tail")}


def worst_of(table: Table, column: Array) -> tuple[float, str]:
    """Return the largest of (rows,) values and whose it is; NaN where there is none.

    >>> worst_of(comparison.table, comparison.table["mle"].to_numpy())[1]
    'rate[1]'
    """
    if np.isnan(column).all():
        return np.nan, "no parameter"
    at = int(np.nanargmax(column))
    return float(column[at]), str(table["parameter"].to_numpy()[at])
