"""Leave-one-out cross-validation of a sample that was compressed to distinct rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import arviz_stats as az
import numpy as np
from scipy.special import logsumexp

from models.refusal import Refusal

if TYPE_CHECKING:
    import xarray as xr
    from arviz_stats.utils import ELPDData

__all__ = ["loo"]


def loo(tree: xr.DataTree) -> ELPDData:
    """Return the result of ArviZ's `loo` for all observations, repeated ones included.

    Equal rows have equal terms (Vehtari, Gelman & Gabry 2017). So the term of each distinct row is
    computed once and multiplied by the row's count. `arviz.compare` takes the results.

    tree: as `sample` returns it.

    >>> posterior["log_likelihood"].sizes["row"] < 100, loo(posterior).n_data_points
    (True, 100)
    """
    pointwise = tree["log_likelihood"]["x"]
    counts = pointwise["counts"].to_numpy()
    if counts.dtype.kind == "f":
        raise Refusal(
            "the posterior's rows stand for others, of which none can be left out alone; sample "
            "fewer observations"
        )
    distinct: ELPDData = az.loo(tree, pointwise=True)
    rows = np.repeat(np.arange(len(counts)), counts)
    each = distinct.elpd_i.to_numpy()
    plain = logsumexp(pointwise.to_numpy(), axis=(0, 1)) - np.log(distinct.n_samples)

    def repeated(values: xr.DataArray) -> xr.DataArray:
        return values.drop_vars(["row", "counts"], errors="ignore").isel(row=rows)

    return replace(
        distinct,
        elpd=float(counts @ each),
        se=float(np.sqrt(len(rows) * np.var(each[rows], ddof=1))),
        p=float(counts @ (plain - each)),
        n_data_points=len(rows),
        elpd_i=repeated(distinct.elpd_i),
        pareto_k=repeated(distinct.pareto_k),
    )
