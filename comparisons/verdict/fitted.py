"""What the data tell where they leave parameters open: the density of every unit.

Where the likelihood is flat in some directions, parameters along them are one of a set, and the
answers may differ in them. What does not change along the set is what both have to agree on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

import em
from bayes.posterior.diagnose import MEASURES, measured
from bayes.sampling.compiled import engine_of
from comparisons.thresholds import LEVEL
from comparisons.verdict.rows import Table, row_of
from models.arrays import spaced
from models.structure import drawn_at

if TYPE_CHECKING:
    from bayes.posterior.tree import Posterior
    from comparisons.verdict.point import Point
    from models.arrays import Array, Labels
    from models.question import Question
    from models.structure import Structure

__all__ = ["Fitted", "fitted_of", "table_of_fit"]

CELLS = 500  # units that are compared, at most, at even distances


class Fitted(NamedTuple):
    """The density of units of the data by both answers.

    units: (u,) the units that are compared.
    errors: (u,) EM's standard errors of the densities.
    draws: (chains, draws, u) densities; estimate: (u,) EM's.
    diagnosis: R-hat and effective sizes of each.
    elsewhere: how many parameters the data can tell at a draw.

    >>> Fitted._fields
    ('units', 'estimate', 'errors', 'draws', 'diagnosis', 'elsewhere')
    """

    units: Labels
    estimate: Array
    errors: Array
    draws: Array
    diagnosis: xr.Dataset
    elsewhere: int


def fitted_of(posterior: Posterior, point: Point) -> Fitted | None:
    """Return the densities; None where the data tell every parameter.

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.point import point_of
    >>> kept = posterior_of(posterior)
    >>> fitted_of(kept, point_of(fit, kept, None, kept.heights, None)) is None
    True
    """
    at, question = point.at, posterior.question
    if at.told is None:
        return None
    engine = engine_of(question)
    units = spaced(len(question.units.unit_counts), CELLS)
    few = question.of(question.units.spaced(CELLS))
    logs = engine.pointwise(few, engine.pack(few, posterior.draws))
    draws = np.exp(logs).reshape(*posterior.sizes, -1)
    estimate = _densities(question, at.estimate)[units]
    found = xr.Dataset({"fitted": (("chain", "draw", "unit"), draws)})
    coords = {"chain": np.arange(draws.shape[0]), "draw": np.arange(draws.shape[1])}
    diagnosis = measured(found.assign_coords(coords))
    middle = drawn_at(posterior.draws, draws.shape[0] * draws.shape[1] // 2)
    elsewhere = em.fitted(question, start=middle, max_steps=0).rank
    return Fitted(units, estimate, estimate * at.told[units], draws, diagnosis, elsewhere)


def table_of_fit(fitted: Fitted, question: Question[Any, Any], peak: Structure | None) -> Table:
    """Return a table like that of the parameters, a row for each unit.

    peak: the maximum under the prior, None where that is unknown.

    >>> table_of_fit.__name__  # its rows are called fitted[group,category]
    'table_of_fit'
    """
    top = np.full(len(fitted.units), np.nan)
    if peak is not None:
        top = _densities(question, peak)[fitted.units]
    told = {name: fitted.diagnosis["fitted"].sel(measure=name).to_numpy() for name in MEASURES}
    rows = [
        row_of(
            fitted.draws[..., at],
            float(fitted.estimate[at]),
            float(fitted.errors[at]),
            float(top[at]),
            {name: float(values[at]) for name, values in told.items()},
        )
        for at in range(len(fitted.units))
    ]
    labels = [f"fitted[{one}]" for one in question.units.titled(fitted.units)]
    found = {name: ("parameter", np.array([row[name] for row in rows])) for name in rows[0]}
    return Table(found, {"parameter": labels}, {"interval": f"{LEVEL:.0%} equal-tailed"})


def _densities(question: Question[Any, Any], structure: Structure) -> Array:
    """Return the density of each unit by EM's formulas, (u,)."""
    found: Array = np.exp(next(em.unit_densities(question, [structure])))
    return found
