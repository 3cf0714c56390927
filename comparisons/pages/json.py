"""A comparison as one JSON object: the format that `second-opinion --json` prints.

{
  "format": 1,
  "family", "components", "observations", "distinct",      the question
  "whole": 10000000,                                       of which observations were drawn, or null
  "bins": {"rows", "shift"},                               null where the posterior saw all rows
  "verdict": "agree" | "disagree" | "inconclusive" | null  null where only EM was run
  "findings": [{"code", "severity", "value", "threshold", "message", "remedy"}, ...],
  "em": {"log_likelihood", "steps", "converged", "starts", "optima"},
  "sampler": {"draws", "chains", "max_r_hat", "min_ess_bulk", "min_ess_tail", "divergences",
              "seconds"},                                  null where only EM was run
  "parameters": [{"name", "component", "dimension", "mle", "se", "mean", "sd", "low", "high",
                  "gap_in_sd", "sd_ratio", "percentile", "mcse", "r_hat", "ess_bulk",
                  "prior_pull", "skew", "noise"}, ...],
  "deviance": {"mean", "df"},
  "predictive": {"hellinger"}
}

A study's object has three keys more, and these alone (with "format") where it has no posterior;
`study --all` prints {"format": 1, "studies": {name: object, ...}}:

  "study", "learned",                                      its name, and what it teaches
  "steps": [{"title", "columns": [...], "rows": [[...], ...]}, ...]

em: log-likelihood of the estimate and whether it is at its maximum; steps, starts and optima are of
the em.Fit that was handed in, or else of EM's own search. component counts from 0, null where all
components share the parameter; dimension is null, a column or a pair of columns; low and high are
the 95% equal-tailed interval; draws are a chain's, divergences their number in all chains.
Infinities and NaN are null. A reader may rely on these keys for as long as `format` is 1; keys may
be added in it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from comparisons.finding import Finding
from comparisons.thresholds import FORMAT
from comparisons.verdict.judge_em import em_finished, spiked
from comparisons.verdict.parameters import parameters_of, picked

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr

    import em
    from comparisons.json_values import Json
    from comparisons.pages.story import Story
    from comparisons.verdict.parameters import Parameter
    from models import Sample

__all__ = ["of_fit", "of_story", "of_tree"]

COLUMNS = (
    "mle",
    "se",
    "mean",
    "sd",
    "low",
    "high",
    "gap_in_sd",
    "sd_ratio",
    "percentile",
    "mcse",
    "r_hat",
    "ess_bulk",
    "prior_pull",
    "skew",
    "noise",
)


def of_tree(tree: xr.DataTree) -> dict[str, Json]:
    """Return a comparison's object."""
    attrs, em_attrs, table = tree.attrs, tree["em"].attrs, tree["comparison"].to_dataset()
    aligned = tree["diagnostics"].to_dataset().sel(labels="aligned")
    worst = {
        name: np.concatenate([one.sel(measure=name).to_numpy().ravel() for one in aligned.values()])
        for name in ("r_hat", "ess_bulk", "ess_tail")
    }
    statistics = tree["sample_stats"]
    diverging = int(statistics["diverging"].sum()) if "diverging" in statistics else None
    rows: list[Json] = []
    for at in range(table.sizes["parameter"]):
        row = table.isel(parameter=at)
        places = [int(place) for place in str(row["dimension"].item()).split(",") if place]
        numbers = {name: _number(row[name].item()) for name in COLUMNS}
        component = int(row["component"])
        rows.append(
            {
                "name": str(row["name"].item()),
                "component": None if component < 0 else component,
                "dimension": _dimension(places),
                **numbers,
            }
        )
    return {
        "format": FORMAT,
        "family": attrs["family"],
        "components": int(attrs["components"]),
        "observations": int(attrs["observations"]),
        "distinct": int(attrs.get("distinct", tree["constant_data"].sizes["row"])),
        "whole": json.loads(tree.attrs.get("whole", "{}")).get("observations"),
        "bins": _bins(tree),
        "verdict": attrs["verdict"],
        "findings": [_finding(Finding(**one)) for one in json.loads(attrs["findings"])],
        "em": {
            "log_likelihood": _number(em_attrs["log_likelihood"]),
            "steps": int(em_attrs["steps"]),
            "converged": bool(em_attrs["converged"]),
            "starts": int(em_attrs["starts"]),
            "optima": int(em_attrs["optima"]),
        },
        "sampler": {
            "draws": int(tree["posterior"].sizes["draw"]),
            "chains": int(tree["posterior"].sizes["chain"]),
            "max_r_hat": _number(np.nanmax(worst["r_hat"])),
            "min_ess_bulk": _number(np.nanmin(worst["ess_bulk"])),
            "min_ess_tail": _number(np.nanmin(worst["ess_tail"])),
            "divergences": diverging,
            "seconds": _number(attrs.get("sampling_seconds", np.nan)),
        },
        "parameters": rows,
        "deviance": {
            "mean": _number(attrs["deviance_mean"]),
            "df": int(attrs["deviance_df"]),
        },
        "predictive": {"hellinger": _number(attrs["hellinger"])},
    }


def of_story(name: str, story: Story) -> dict[str, Json]:
    """Return a study's object."""
    steps: list[Json] = []
    for table in story.steps:
        rows: list[Json] = [
            [cell if cell is None or isinstance(cell, str) else _number(cell) for cell in row]
            for row in table.rows
        ]
        steps.append({"title": table.title, "columns": list(table.columns), "rows": rows})
    found: dict[str, Json] = {"format": FORMAT}
    found |= {"study": name, "learned": story.learned, "steps": steps}
    return found if story.comparison is None else found | of_tree(story.comparison.tree)


def of_fit(fit: em.Fit, sample: Sample, *, equal_weights: bool) -> dict[str, Json]:
    """Return the same object for EM alone: what needs a posterior is null."""
    rows: list[Json] = []
    for parameter in parameters_of(fit.mixture, equal_weights=equal_weights):
        known = {
            "mle": _number(picked(fit.mixture, parameter)),
            "se": _number(picked(fit.standard_errors, parameter)),
        }
        rows.append({**_named(parameter), **dict.fromkeys(COLUMNS), **known})
    return {
        "format": FORMAT,
        "family": fit.family.__name__,
        "components": len(fit.mixture.weight),
        "observations": sample.observations,
        "distinct": sample.distinct,
        "whole": None,
        "bins": None,
        "verdict": None,
        "findings": [_finding(one) for one in [*em_finished(fit, fit, fit), *spiked(fit, fit)]],
        "em": {
            "log_likelihood": _number(fit.log_likelihood),
            "steps": fit.steps,
            "converged": bool(fit.converged),
            "starts": fit.starts,
            "optima": len(fit.optima),
        },
        "sampler": None,
        "parameters": rows,
        "deviance": {"mean": None, "df": len(fit.coordinates)},
        "predictive": {"hellinger": None},
    }


def _bins(tree: xr.DataTree) -> Json:
    """Return how many rows the posterior saw, and what that can have moved, if not all."""
    if "bins" not in tree.children:
        return None
    rows = tree["constant_data"].sizes["row"]
    return {"rows": rows, "shift": _number(tree.attrs["shift"])}


def _named(parameter: Parameter) -> dict[str, Json]:
    """Return what a parameter is called."""
    return {
        "name": parameter.name,
        "component": parameter.component,
        "dimension": _dimension(parameter.place),
    }


def _dimension(place: Iterable[int]) -> Json:
    """Return no column, a column, or a pair of them."""
    columns = list(place)
    return None if not columns else columns[0] if len(columns) == 1 else list(columns)


def _finding(finding: Finding) -> dict[str, Json]:
    """Return a finding, its numbers cleaned."""
    return {
        **finding._asdict(),
        "value": _number(finding.value),
        "threshold": _number(finding.threshold),
    }


def _number(value: object) -> float | None:
    """Return a number, or None for what JSON cannot say."""
    number = float(np.asarray(value))
    return number if np.isfinite(number) else None
