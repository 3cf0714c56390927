"""A row of both answers' numbers, for a parameter or for what the data tell instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import arviz_stats as az
import numpy as np
import xarray as xr

from comparisons.thresholds import LEVEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from models.arrays import Array

__all__ = ["Table", "row_of", "worst_of"]


class Table(xr.Dataset):
    """A Dataset along `parameter`.

    >>> comparison.table.to_frame().index.tolist()
    ['weight[0]', 'weight[1]', 'rate[0]', 'rate[1]']
    """

    __slots__ = ()

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame, a row for each parameter."""
        return self.to_dataframe()


def row_of(
    chains: Array,
    mle: float,
    se: float,
    peak: float,
    diagnosed: Mapping[str, float],
    *,
    logs: bool = False,
) -> dict[str, float]:
    """Return the numbers of a row.

    chains: (chains, draws) of a quantity; mle, se: EM's estimate of it and its standard error.
    peak: its value at the maximum under the prior, NaN where that is unknown.
    diagnosed: its R-hat and effective sizes.
    logs: whether its spreads are compared on the scale of the logarithm, where the standard error
        is se / mle.

    >>> chains = np.random.default_rng(1).normal(5.0, 0.1, (4, 500))
    >>> row = row_of(chains, 5.0, 0.1, 5.0, {"r_hat": 1.0})
    >>> abs(row["gap_in_sd"]) < 0.1, round(row["sd_ratio"], 1)
    (True, 1.0)
    """
    draws, tail = chains.ravel(), (1 - LEVEL) / 2
    # of equal draws the mean has a rounding error, which would give a spread
    mean, sd = float(draws.mean()), float(draws.std(ddof=1)) if np.ptp(draws) > 0 else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        mcse = float(az.mcse(chains, method="mean"))
        return {
            "mle": mle,
            "se": se,
            "mean": mean,
            "sd": sd,
            "low": float(np.quantile(draws, tail)),
            "high": float(np.quantile(draws, 1 - tail)),
            "gap_in_sd": float(np.divide(mean - mle, sd)),
            "sd_ratio": float(np.divide(np.log(draws).std(ddof=1) * mle if logs else sd, se)),
            "percentile": float(100 * ((draws < mle).mean() + (draws == mle).mean() / 2)),
            "mcse": mcse,
            **diagnosed,
            # unknown for a parameter that was not sampled
            "prior_pull": (peak - mle) / sd if sd > 0 else np.nan,
            "skew": (mean - peak) / sd if sd > 0 else np.nan,
            "noise": float(np.divide(mcse, sd)),
            "mcse_sd": float(az.mcse(chains, method="sd")),
        }


def worst_of(table: Table, column: Array) -> tuple[float, str]:
    """Return the largest of (rows,) values and whose it is; NaN where there is none.

    >>> worst_of(comparison.table, comparison.table["mle"].to_numpy())[1]
    'rate[1]'
    """
    if np.isnan(column).all():
        return np.nan, "no parameter"
    at = int(np.nanargmax(column))
    return float(column[at]), str(table["parameter"].to_numpy()[at])
