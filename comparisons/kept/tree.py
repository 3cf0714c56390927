"""Where a comparison is kept: the posterior's tree, with groups for all that EM says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from bayes.sampling.compiled import engine_of
from comparisons.finding import verdict_of
from comparisons.thresholds import FORMAT, LEVEL, STOPPED
from comparisons.verdict.evidence import matched
from comparisons.verdict.judge import judged
from comparisons.verdict.table import table_of
from em.emission import emission_of
from models import Sample
from models.family import entries
from models.mixture import checked, ordered, take

if TYPE_CHECKING:
    from bayes.sampling.compiled import Engine
    from comparisons.verdict.evidence import Evidence
    from models import Mixture
    from models.arrays import Array

__all__ = ["laid_out"]

FINE = 400  # places at which a density is drawn
MARGIN = 0.08  # of the data's range, beyond it
INNER = ("dimension", "dimension_bis")
GROUPS = (
    *("em", "ascent", "optima", "deviance", "modes", "memberships", "density", "truth"),
    "comparison",
)


def laid_out(tree: xr.DataTree, evidence: Evidence, truth: Mixture | None) -> xr.DataTree:
    """Return the tree with the groups of a comparison.

    em: estimate, standard errors (`_se`), MAP (`_map`) and the covariance of the table's rows;
    ascent: every start's heights; optima: where they ended; deviance: D_s and EM's log-likelihood
    of every draw; modes: of the posterior; memberships: of the distinct rows, by both, with the
    posterior's interval; density: of one column, plugged in and predicted; truth: where it is
    known; comparison: the table.
    """
    if truth is not None:
        family, d = evidence.question.component.family, evidence.question.sample.dimension
        truth = ordered(checked(truth, family, d))
        if tree.attrs["labels"] == "assignment":
            truth = take(truth, matched(truth, evidence.draws))
    table = table_of(evidence, truth)
    findings = judged(evidence, table)
    found = tree.filter(lambda group: group.name not in GROUPS)  # of a comparison before
    groups = {
        "em": _em(evidence, list(table["parameter"].to_numpy())),
        "ascent": xr.Dataset(
            {"height": (("start", "step"), evidence.search.traces)},
            attrs={"starts": evidence.search.fit.starts},
        ),
        "optima": _optima(evidence),
        "deviance": _deviance(evidence),
        "modes": _modes(evidence),
        "comparison": table,
    }
    if evidence.memberships is not None:
        groups["memberships"] = _memberships(evidence)
    if evidence.question.sample.x.ndim == 1:
        groups["density"] = _density(evidence)
    if truth is not None:
        groups["truth"] = _fields(truth)
    for name, group in groups.items():
        found[name] = xr.DataTree(group)
    found.attrs = {
        **tree.attrs,
        "format": FORMAT,
        "verdict": verdict_of(findings),
        "findings": json.dumps([finding._asdict() for finding in findings]),
        "deviance_mean": float(evidence.deviance.mean()),
        "deviance_df": evidence.free,
        "hellinger": evidence.hellinger,
    }
    if evidence.stand is not None:
        found.attrs["shift"] = evidence.shift
    return found


def _fields(mixture: Mixture, suffix: str = "") -> xr.Dataset:
    """Return a mixture's fields along component, dimension, dimension_bis."""
    fields = {"weight": mixture.weight, **entries(mixture.theta)}
    found = {
        name + suffix: (("component", *INNER[: np.ndim(field) - 1]), np.asarray(field))
        for name, field in fields.items()
    }
    return xr.Dataset(found, {"component": np.arange(len(mixture.weight))})


def _em(evidence: Evidence, labels: list[str]) -> xr.Dataset:
    """Return the estimate and what is known about it."""
    at, made = evidence.at, evidence.made
    parts = [_fields(evidence.estimate), _fields(evidence.errors, "_se")]
    if evidence.peak is not None:
        parts.append(_fields(evidence.peak.mixture, "_map"))
    found = xr.merge(parts)
    square = (("parameter", "parameter_bis"), evidence.covariance)
    found = found.assign(covariance=square)
    found = found.assign_coords(parameter=labels, parameter_bis=labels)
    found.attrs = {
        "source": evidence.source,
        "log_likelihood": at.log_likelihood,
        "decrement": at.decrement,
        "missing": at.missing,
        "bic": at.bic,
        "steps": made.steps,
        "converged": int(
            made.converged if evidence.claimed is not None else at.decrement <= STOPPED
        ),
        "starts": made.starts,
        "optima": len(made.optima),
        "notes": json.dumps(made.notes),
    }
    return found


def _optima(evidence: Evidence) -> xr.Dataset:
    """Return where EM's own starts ended."""
    optima = evidence.search.fit.optima
    columns = {
        "log_likelihood": [one.log_likelihood for one in optima],
        "starts": [one.starts for one in optima],
        "spike": [int(one.spike) for one in optima],
        "empty": [int(one.empty) for one in optima],
    }
    return xr.Dataset({name: ("optimum", np.array(values)) for name, values in columns.items()})


def _deviance(evidence: Evidence) -> xr.Dataset:
    each = ("chain", "draw")
    sizes = evidence.sizes
    coords = {"chain": np.arange(sizes[0]), "draw": np.arange(sizes[1])}
    return xr.Dataset(
        {
            "deviance": (each, evidence.deviance.reshape(sizes)),
            "log_likelihood": (each, evidence.heights.reshape(sizes)),
        },
        coords,
    )


def _modes(evidence: Evidence) -> xr.Dataset:
    return xr.Dataset(
        {
            "log_posterior": ("mode", np.array([mode.height for mode in evidence.modes], float)),
            "share": ("mode", np.array([mode.share for mode in evidence.modes], float)),
        }
    )


def _memberships(evidence: Evidence) -> xr.Dataset:
    both = evidence.memberships
    assert both is not None
    each = ("row", "component")
    return xr.Dataset(
        {
            "em": (each, both.em),
            "posterior": (each, both.posterior),
            "low": (each, both.low),
            "high": (each, both.high),
            "x": (("row", *INNER[: both.rows.x.ndim - 1]), both.rows.x),
            "counts": ("row", both.rows.counts),
        }
    )


def _density(evidence: Evidence) -> xr.Dataset:
    """Return densities (probabilities, of counts) over a grid.

    plug_in, components: of the estimate; predictive, low, high: of the posterior, its mean and the
    interval of the density at each x.
    """
    question, at = evidence.question, evidence.at
    x = _grid(evidence)
    engine: Engine = engine_of(question)
    positions = engine.pack(question, evidence.few)
    flips, share = np.array([np.nan]), np.ones(1)
    if question.sample.trials is not None:
        flips, places = np.unique(question.sample.trials, return_inverse=True)
        share = np.bincount(places, question.sample.counts) / question.sample.observations
    plug_in, parts = np.zeros(len(x)), np.zeros((question.k, len(x)))
    each = np.zeros((len(positions), len(x)))

    for trials, part in zip(flips, share, strict=True):
        inside = np.ones(len(x), bool) if np.isnan(trials) else x <= trials
        points = Sample(x[inside], None if np.isnan(trials) else trials)
        asked = question._replace(sample=points)
        each[:, inside] += part * np.exp(engine.log_rows(asked, positions))
        if np.isfinite(at.log_likelihood):
            here = at.density(points)
            plug_in[inside] += part * here
            shares = at.responsibilities(points)[:, evidence.places]
            parts[:, inside] += part * here * shares.T
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(each, [tail, 1 - tail], axis=0)
    return xr.Dataset(
        {
            "plug_in": ("x", plug_in),
            "components": (("component", "x"), parts),
            "predictive": ("x", each.mean(axis=0)),
            "low": ("x", low),
            "high": ("x", high),
        },
        {"x": x, "component": np.arange(question.k)},
    )


def _grid(evidence: Evidence) -> Array:
    """Return where to draw a density: whole numbers for counts, a fine grid otherwise.

    Finer about each component of the estimate, or a narrow one would fall between two places.
    """
    sample, family = evidence.question.sample, evidence.question.component.family
    low, high = float(sample.x.min()), float(sample.x.max())
    if sample.trials is not None:
        low, high = 0.0, float(sample.trials.max())
    if not emission_of(family).located:
        return np.unique(np.rint(np.linspace(low, high, int(min(high - low, FINE)) + 1)))
    reach = MARGIN * (high - low)
    wide = np.linspace(low - reach, high + reach, FINE)
    near = np.linspace(-5, 5, 101)
    mean, sd = entries(evidence.estimate.theta).values()
    return np.union1d(wide, (mean[:, None] + sd[:, None] * near).ravel())
