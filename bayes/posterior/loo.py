"""Leave-one-out cross-validation, of rows that were compressed to distinct ones or of sequences."""

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

    Of several sequences each is left out as a whole; of a single one the rows depend on each other,
    and nothing can be left out.

    Equal rows have equal terms (Vehtari, Gelman & Gabry 2017). So the term of each distinct row is
    computed once and multiplied by the row's count. `arviz.compare` takes the results.

    tree: as `sample` returns it.

    >>> posterior["log_likelihood"].sizes["row"] < 100, loo(posterior).n_data_points
    (True, 100)
    """
    pointwise = tree["log_likelihood"]["x"]
    of_what = str(pointwise.dims[-1])
    if of_what == "time":
        raise Refusal(
            "the rows of one sequence depend on each other: a row that is left out is still known "
            "from its neighbours. Compare models by em.fit(...).bic, or by "
            'tree["log_likelihood"]["x"], the log density of each row given the rows before it; '
            "of several sequences whole ones are left out"
        )
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
        return values.drop_vars([of_what, "counts"], errors="ignore").isel({of_what: rows})

    return replace(
        distinct,
        elpd=float(counts @ each),
        se=float(np.sqrt(len(rows) * np.var(each[rows], ddof=1))),
        p=float(counts @ (plain - each)),
        n_data_points=len(rows),
        elpd_i=repeated(distinct.elpd_i),
        pareto_k=repeated(distinct.pareto_k),
    )
