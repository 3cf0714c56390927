"""The tree of a comparison: the posterior's tree with groups for EM's results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import numpy as np
import xarray as xr

from bayes.posterior.columns import column_densities
from bayes.posterior.older import FORMAT
from bayes.sampling.compiled import engine_of
from comparisons.finding import verdict_of
from comparisons.thresholds import LEVEL, STOPPED, WITHIN
from comparisons.verdict.fitted import table_of_fit
from comparisons.verdict.judge import judged
from comparisons.verdict.matching import matched
from comparisons.verdict.table import table_of
from comparisons.verdict.transforms import places
from em.emission import emission_of
from em.solutions import solutions_of
from models.sample import Sample
from models.structure import axes_of, by_name, checked, fields_of, ordered, permuted

if TYPE_CHECKING:
    from typing import Any

    from comparisons.verdict.cross_checks import CrossChecks
    from comparisons.verdict.fitted import Fitted
    from comparisons.verdict.judge_order import Order
    from comparisons.verdict.measured import Measured
    from comparisons.verdict.misfit import Misfit
    from comparisons.verdict.point import Point
    from comparisons.verdict.predictions import Memberships, Predictions
    from comparisons.verdict.sampled import Sampled
    from models.arrays import Array
    from models.family import Table, Theta
    from models.question import Question
    from models.structure import Structure

__all__ = ["laid_out"]

FINE = 400  # places at which a density is drawn
COARSE = 160  # of each of several columns
COLUMNS = 12  # of a table whose densities are kept, and drawn
LABELS = 24  # of a column, the most frequent ones
MARGIN = 0.08  # of the data's range, beyond it
GROUPS = (
    *("em", "ascent", "optima", "deviance", "modes", "misfit", "states", "memberships", "density"),
    *("truth", "comparison", "fitted", "solutions", "columns"),
)


def laid_out(
    tree: xr.DataTree,
    measured: Measured,
    truth: Structure | None,
    within: float = WITHIN,
    *,
    accept_misfit: bool = False,
) -> xr.DataTree:
    """Return the tree with the groups of a comparison.

    within: standard errors up to which a distance from the maximum is a note only.

    em: estimate, standard errors (`_se`), MAP (`_map`) and the covariance of the table's rows;
    ascent: every start's heights; optima: where they ended; deviance: D_s and EM's log-likelihood
    of every draw; modes: of the posterior; memberships: of the units, by both, with the posterior's
    interval; misfit: the distribution functions of the transforms; states: of rows in order, the
    likeliest path and the residuals; fitted: the densities of units, and solutions: the ends of
    parameters that fit alike, where the data leave some open; density: of one column, plugged
    in and predicted; columns: that of each of several; truth: where it is known; comparison: the
    table.

    >>> sorted(set(comparison.tree.children) - set(posterior.children))[:4]
    ['ascent', 'comparison', 'density', 'deviance']
    """
    point, sampled, checks, predictions, misfit, _, order, fitted = measured
    question = sampled.question
    if truth is not None:
        d, sizes = question.width, question.data.sizes
        truth = ordered(checked(truth, question.structure, question.family, d, sizes))
        if tree.attrs["labels"] == "assignment":
            truth = permuted(truth, matched(truth, sampled.draws))
    table = table_of(measured, truth)
    names = question.names
    findings = [
        one._replace(
            message=by_name(one.message, point.parameters, names),
            remedy=by_name(one.remedy, point.parameters, names),
        )
        for one in judged(measured, table, within, accept_misfit=accept_misfit)
    ]
    found = tree.filter(lambda group: group.name not in GROUPS)  # of a comparison before
    groups = {
        "em": _em(point, sampled, list(table["parameter"].to_numpy())),
        "ascent": xr.Dataset(
            {"height": (("start", "step"), point.search.traces)},
            attrs={"starts": point.search.fit.starts},
        ),
        "optima": _optima(point),
        "deviance": _deviance(sampled, checks),
        "modes": _modes(sampled),
        "misfit": _misfit(misfit),
        "comparison": table,
    }
    if predictions.memberships is not None:
        groups["memberships"] = _memberships(predictions.memberships)
    if fitted is not None:
        groups |= _open(fitted, measured)
    if order is not None:
        groups["states"] = _states(question, order, misfit)
    if question.sample.table:
        groups["columns"] = _columns(question, point, predictions)
    else:
        groups["density"] = _density(question, point, predictions)
    if truth is not None:
        groups["truth"] = _fields(truth)
    for name, group in groups.items():
        found[name] = xr.DataTree(group)
    found.attrs = {
        **tree.attrs,
        "format": FORMAT,  # of a posterior that says none
        "verdict": verdict_of(findings),
        "findings": json.dumps([finding._asdict() for finding in findings]),
        "deviance_mean": float(checks.deviance.mean()),
        "deviance_df": point.free,
        "deviance_expected": point.degrees,
        "hellinger": predictions.hellinger,
    }
    if sampled.binning is not None:
        found.attrs["shift"] = sampled.shift
    return found


def _fields(structure: Structure, suffix: str = "") -> xr.Dataset:
    """Return a structure's fields along the posterior's dimensions, with its coordinates."""
    axes = axes_of(type(structure), type(structure.theta))
    fields = {name: np.asarray(field) for name, field in fields_of(structure).items()}
    found = {name + suffix: (axes[name], field) for name, field in fields.items()}
    lengths = {
        axis: n
        for name, field in fields.items()
        for axis, n in zip(axes[name], field.shape, strict=True)
    }
    return xr.Dataset(found, {axis: np.arange(n) for axis, n in lengths.items()})


def _open(fitted: Fitted, measured: Measured) -> dict[str, xr.Dataset]:
    """Return the densities of units, and the ends of parameters that fit alike, if known."""
    peak = measured.sampled.peak
    top = None if peak is None else peak.estimate
    found: dict[str, xr.Dataset] = {"fitted": table_of_fit(fitted, measured.sampled.question, top)}
    ends = solutions_of(measured.point.estimate)
    if ends is not None:
        found["solutions"] = xr.merge([_fields(ends.low, "_low"), _fields(ends.high, "_high")])
        found["solutions"].attrs = {"exact": int(ends.exact)}
    return found


def _em(point: Point, sampled: Sampled, labels: list[str]) -> xr.Dataset:
    """Return the estimate and what is known about it."""
    at, made = point.at, point.made
    parts = [_fields(point.estimate), _fields(point.errors, "_se")]
    if sampled.peak is not None:
        parts.append(_fields(sampled.peak.estimate, "_map"))
    found = xr.merge(parts)
    square = (("parameter", "parameter_bis"), point.covariance)
    found = found.assign(covariance=square)
    found = found.assign_coords(parameter=labels, parameter_bis=labels)
    found.attrs = {
        "source": point.source,
        "log_likelihood": at.log_likelihood,
        "decrement": at.decrement,
        "missing": at.missing,
        "bic": at.bic,
        "steps": made.steps,
        "converged": int(made.converged if point.claimed is not None else at.decrement <= STOPPED),
        "starts": made.starts,
        "optima": len(made.optima),
        "notes": json.dumps(made.notes),
    }
    return found


def _optima(point: Point) -> xr.Dataset:
    """Return where EM's own starts ended."""
    optima = point.search.fit.optima
    columns = {
        "log_likelihood": [one.log_likelihood for one in optima],
        "starts": [one.starts for one in optima],
        "spike": [int(one.spike) for one in optima],
        "empty": [int(one.empty) for one in optima],
    }
    return xr.Dataset({name: ("optimum", np.array(values)) for name, values in columns.items()})


def _deviance(sampled: Sampled, checks: CrossChecks) -> xr.Dataset:
    each = ("chain", "draw")
    sizes = sampled.sizes
    coords = {"chain": np.arange(sizes[0]), "draw": np.arange(sizes[1])}
    return xr.Dataset(
        {
            "deviance": (each, checks.deviance.reshape(sizes)),
            "log_likelihood": (each, checks.heights.reshape(sizes)),
        },
        coords,
    )


def _modes(sampled: Sampled) -> xr.Dataset:
    return xr.Dataset(
        {
            "log_posterior": ("mode", np.array([mode.height for mode in sampled.modes], float)),
            "share": ("mode", np.array([mode.share for mode in sampled.modes], float)),
        }
    )


def _misfit(misfit: Misfit) -> xr.Dataset:
    curves = (("column", "probability"), misfit.curves)
    attrs = {"chance": misfit.chance, "size": misfit.size, "plugged": misfit.plugged}
    return xr.Dataset({"curve": curves}, {"probability": places()}, attrs)


def _states(question: Question[Any, Any], order: Order, misfit: Misfit) -> xr.Dataset:
    """Return the likeliest path, which rows follow the one before, and the residuals."""
    units = question.units
    goes_on = np.zeros(len(units.unit_counts), np.int8)
    goes_on[units.followers()] = 1
    found = xr.Dataset(
        {
            "path": ("row", order.path),
            "goes_on": ("row", goes_on),
            "seen": ("row", (units.unit_counts > 0).astype(np.int8)),
        }
    )
    if misfit.residuals is not None:
        found["residual"] = (("column", "row"), misfit.residuals)
    return found


def _memberships(both: Memberships) -> xr.Dataset:
    each, units = ("row", "component"), both.units
    x = units.sample.x[units.unit_rows]
    return xr.Dataset(
        {
            "em": (each, both.em),
            "posterior": (each, both.posterior),
            "low": (each, both.low),
            "high": (each, both.high),
            "x": (("row", "dimension")[: x.ndim], x),
            "counts": ("row", units.unit_counts),
        }
    )


def _density(question: Question[Any, Any], point: Point, predictions: Predictions) -> xr.Dataset:
    """Return densities (probabilities, of counts) over a grid.

    plug_in, components: of the estimate; predictive, low, high: of the posterior, its mean and the
    interval of the density at each x.
    """
    at, sample, positions = point.at, question.rows, predictions.positions
    x = _grid(sample, point.estimate.theta, FINE)
    engine = engine_of(question)
    flips, share = np.array([np.nan]), np.ones(1)
    if sample.trials is not None:
        flips, places = np.unique(sample.trials, return_inverse=True)
        share = np.bincount(places, sample.counts) / sample.observations
    plug_in, parts = np.zeros(len(x)), np.zeros((question.k, len(x)))
    each = np.zeros((len(positions), len(x)))

    for trials, part in zip(flips, share, strict=True):
        inside = np.ones(len(x), bool) if np.isnan(trials) else x <= trials
        points = Sample(x[inside], None if np.isnan(trials) else trials)
        each[:, inside] += part * np.exp(engine.log_marginals(question, positions, points))
        if np.isfinite(at.log_likelihood):
            here = at.density(points)
            plug_in[inside] += part * here
            shares = at.marginal_members(points)[:, point.places]
            parts[:, inside] += part * here * shares.T
    found = {"plug_in": ("x", plug_in), "components": (("component", "x"), parts)}
    found |= {name: ("x", one) for name, one in _predicted(each).items()}
    return xr.Dataset(found, {"x": x, "component": np.arange(question.k)})


def _predicted(each: Array) -> dict[str, Array]:
    """Return the mean of the draws' densities (n, m), and their interval at each place."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(each, [tail, 1 - tail], axis=0)
    return {"predictive": each.mean(axis=0), "low": low, "high": high}


def _columns(question: Question[Any, Any], point: Point, predictions: Predictions) -> xr.Dataset:
    """Return the densities of each column alone, one column after the other.

    place: of a column's values, of which there are fewer than for a single column; column: which
    one a place is of, counted from 0; the rest is as in `_density`.
    """
    columns = cast("Table", point.estimate.theta).columns()
    known = np.isfinite(point.at.log_likelihood)
    found = []
    for at, theta in enumerate(columns[:COLUMNS]):
        x = _places(question.rows.column(at), theta)
        parts = np.zeros((question.k, len(x)))
        if known:
            parts = point.at.column_density(at, x)[point.places]
        each = column_densities(question, predictions.positions, at, x)
        one = {"column": np.full(len(x), at), "x": x, "plug_in": parts.sum(axis=0)}
        of_place = {name: ("place", values) for name, values in (one | _predicted(each)).items()}
        found.append(xr.Dataset({**of_place, "components": (("component", "place"), parts)}))
    return xr.concat(found, "place").assign_coords(component=np.arange(question.k))


def _places(column: Sample, theta: Theta) -> Array:
    """Return where to draw the density of a column: of labels, the most frequent ones."""
    if theta.takes() != "labels":
        return _grid(column, theta, COARSE)
    often = np.bincount(column.x.astype(np.intp), column.counts)
    return np.sort(np.argsort(-often, kind="stable")[:LABELS]).astype(np.float64)


def _grid(sample: Sample, theta: Theta, fine: int) -> Array:
    """Return where to draw a density: whole numbers for counts, a fine grid otherwise.

    It is finer about each component of the estimate, so that it shows narrow ones.
    """
    low, high = float(sample.x.min()), float(sample.x.max())
    if sample.trials is not None:
        low, high = 0.0, float(sample.trials.max())
    emission = emission_of(type(theta))
    mean = emission.location(theta)
    if mean is None:
        return np.unique(np.rint(np.linspace(low, high, int(min(high - low, fine)) + 1)))
    reach = MARGIN * (high - low)
    wide = np.linspace(low - reach, high + reach, fine)
    near = np.linspace(-5, 5, fine // 4 + 1)
    sd = emission.width(theta, np.ones(1))
    if not emission.relative:
        return np.union1d(wide, (mean[:, None] + sd[:, None] * near).ravel())
    every = np.union1d(wide, (mean[:, None] * np.exp(sd[:, None] * near)).ravel())
    return np.asarray(every[(every > 0) & (every <= wide[-1])])
