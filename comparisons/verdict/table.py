"""One row for each parameter: the estimate, the posterior, and the causes of the gap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comparisons.thresholds import LEVEL
from comparisons.verdict.profiled import profiles
from comparisons.verdict.rows import Table, row_of
from em.intervals import cheap
from models.structure import picked

if TYPE_CHECKING:
    from bayes.posterior.diagnose import Diagnosis
    from comparisons.verdict.measured import Measured
    from models.structure import Parameter, Structure

__all__ = ["table_of"]

MOST_PROFILED = 12  # rows whose profile intervals are looked for


def table_of(measured: Measured, truth: Structure | None = None) -> Table:
    """Return the table.

    gap_in_sd = (mean - mle) / sd = prior_pull + skew. prior_pull = (MAP - mle) / sd is the shift of
    the maximum by the prior, where EM under the same prior finds the MAP. skew = (mean - MAP) / sd
    is the distance of the posterior's mean from its peak. noise = mcse / sd is that of the mean.
    sd_ratio = sd / se, of logarithms where the field declares so. What grows without bound has no
    gap. mle_low and mle_high are EM's profile interval; NaN where an end was not found, and where
    profiles would cost much: many rows or parameters, rows in time or in groups, families without
    statistics.

    >>> comparison.table["mle"].to_numpy().round(2)
    array([0.58, 0.42, 1.09, 7.34])
    """
    point, sampled = measured.point, measured.sampled
    parameters, layout = point.parameters, point.at.family.layout()
    few = len(parameters) <= MOST_PROFILED and cheap(point.at.question)
    ends = profiles(point, range(len(parameters)) if few else ())
    rows = []
    for at, parameter in enumerate(parameters):
        draws = picked(sampled.draws, parameter)
        mle, se = float(picked(point.estimate, parameter)), picked(point.errors, parameter)
        peak = np.nan if sampled.peak is None else picked(sampled.peak.estimate, parameter)
        told = _diagnosed(sampled.diagnosis, parameter)
        logs = parameter.name in layout and layout[parameter.name].logs
        chains = draws.reshape(sampled.sizes)
        row = row_of(chains, mle, float(se), float(peak), told, logs=logs)
        if at in point.unbounded:
            row |= {"gap_in_sd": np.nan, "prior_pull": np.nan}
        row |= dict(zip(("mle_low", "mle_high"), ends[at].tolist(), strict=True))
        rows.append(row | ({} if truth is None else {"truth": picked(truth, parameter)}))
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
