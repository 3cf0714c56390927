"""The estimate: EM at the estimate, EM's climb from there, and EM's other optima."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import em
from comparisons.thresholds import MISSED
from comparisons.verdict.estimates import estimate_of
from comparisons.verdict.matching import matched
from comparisons.verdict.peers import program_of
from comparisons.verdict.rivals import Rival, ends_of, other_seed, rivals_of
from comparisons.verdict.search import Search, search
from em.edges import Edge
from models.family import components
from models.refusal import Refusal
from models.structure import fields_of, parameters, permuted, picked

if TYPE_CHECKING:
    from bayes.posterior.tree import Posterior
    from comparisons.binned.posterior import Binning
    from models.arrays import Array, Labels
    from models.structure import Parameter, Structure

__all__ = ["Point", "chart_of", "point_of"]


@dataclass(frozen=True, eq=False)
class Point:
    """The estimate.

    source: where it comes from.
    estimate, errors: with the posterior's labels; covariance: of the table's rows.
    places: (K,) which component of `at` each of the posterior's is.
    at: EM at the estimate itself (likelihood, information), without a step.
    reached: where EM climbs to from there.
    search: EM from its own starts; climbs: from the likeliest draws; rivals: from elsewhere.
    made: the estimate if it is an em.Fit, otherwise EM's search.
    claimed: the log-likelihood of a given em.Fit, None for other estimates.
    renewed: whether EM reached its estimate from elsewhere and not from its own starts.
    meant: what the estimate is if it is not meant to be a maximum, otherwise empty.
    lost: a bound of the error of the rows' log-likelihood by binning.

    >>> from bayes.posterior.tree import posterior_of
    >>> kept = posterior_of(posterior)
    >>> point = point_of(fit, kept, None, kept.heights, None)
    >>> point.free, [row.label for row in point.parameters]
    (3, ['weight[0]', 'weight[1]', 'rate[0]', 'rate[1]'])
    """

    source: str
    estimate: Structure
    errors: Structure
    covariance: Array
    places: Labels
    at: em.Fit[Any]
    reached: em.Fit[Any]
    search: Search
    climbs: tuple[em.Fit[Any], ...]
    rivals: tuple[Rival, ...]
    made: em.Fit[Any]
    claimed: float | None
    renewed: bool
    meant: str
    lost: float

    @property
    def parameters(self) -> list[Parameter]:
        """The parameters of the table's rows."""
        return parameters(self.estimate, self.at.question.held)

    @property
    def free(self) -> int:
        """How many parameters the data can tell: the free ones less the open directions."""
        return self.at.rank

    @property
    def degrees(self) -> float:
        """The expected mean of D_s: one for each parameter, one to two for one on an edge.

        `em.edges.Edge.degrees` derives the latter.
        """
        return self.free + sum(edge.degrees - 1 for edge in self.edges.values())

    @property
    def edges(self) -> dict[int, Edge]:
        """The table's rows whose parameters are on an edge that is a maximum."""
        if self.at.covariance is None:
            return {}
        # where directions are open, an edge against which nothing pushes is a solution like others
        pushed = [edge for edge in self.at.edges if self.at.told is None or edge.distance < 1]
        known = {edge.label: edge for edge in pushed}
        labels = [row.relabelled(self.places).label for row in self.parameters]
        return {at: known[label] for at, label in enumerate(labels) if label in known}

    @property
    def unbounded(self) -> list[int]:
        """The table's rows whose parameters grow without bound, and have no number to compare."""
        return [at for at, edge in self.edges.items() if edge.unbounded]

    @property
    def shifts(self) -> Array:
        """How far the table's rows are expected off the estimate by what lies on an edge, (rows,).

        `em.errors.edges.profiled` derives it; 0 without edges.
        """
        rows, shift = self.parameters, self.at.shift
        if shift is None:
            return np.zeros(len(rows))
        found: Array = chart_of(self.at, rows, self.places) @ shift
        return found

    @property
    def pinned(self) -> dict[int, Edge]:
        """The same, and rows of shares that are 1 because all others of their simplex are 0.

        Such a share is as far from 1 as the others together are from 0.
        """
        edges, rows = self.edges, self.parameters
        simplex: dict[tuple[object, ...], list[int]] = {}
        for at, row in enumerate(rows):
            if row.name in type(self.estimate).axes():
                simplex.setdefault((row.name, *row.at[:-1]), []).append(at)
        found = dict(edges)
        for every in simplex.values():
            rest = [at for at in every if at not in edges]
            if len(rest) == 1 and len(every) > 1:
                away = sum(edges[at].distance for at in every if at in edges)
                slope = 1 / away if away > 0 else np.inf
                found[rest[0]] = Edge(rows[rest[0]].label, 1.0, slope)
        return found


def point_of(
    given: object,
    posterior: Posterior,
    found: Search | None,
    heights: Array,
    binning: Binning | None,
) -> Point:
    """Return the estimate beside a posterior.

    given: as `measured_of` takes it; found: EM's search, if there is one.
    heights: EM's log-likelihood (n,) of every draw.
    binning: how the posterior's rows were binned, None if they were not.

    >>> from bayes.posterior.tree import posterior_of
    >>> kept = posterior_of(posterior)
    >>> point_of(fit, kept, None, kept.heights, None).source
    'EM'
    """
    question, draws = posterior.question, posterior.draws
    own = found is not None
    found = search(question, seed=other_seed(posterior)) if found is None else found
    climbed = partial(em.fitted, question)
    ends = ends_of(posterior, heights)
    led = ends.member[: ends.likeliest].tolist()
    reached = {at: climbed(start=ends.tops[at].estimate) for at in set(led)}
    climbs = tuple(reached[at] for at in led)
    rivals = rivals_of(posterior, ends, found, again=own)
    renewed = False
    if given is None:
        lost = 0.0 if binning is None else binning.loss(found.fit.estimate)
        given, renewed = _best(found.fit, (*climbs, *(one.fit for one in rivals)), lost)
    structure, source = estimate_of(given, question)
    program = program_of(given)
    k = components(structure.theta)
    if k != question.k:
        raise Refusal(
            f"the estimate has {k} components, the posterior {question.k}; compare equals"
        )
    at = climbed(start=structure, max_steps=0)
    places = np.arange(question.k)
    if posterior.by_assignment:
        places = matched(at.estimate, draws)
    estimate = permuted(at.estimate, places)
    return Point(
        source=source,
        estimate=estimate,
        errors=permuted(at.standard_errors, places),
        covariance=covariance_of(at, parameters(estimate, question.held), places),
        places=places,
        at=at,
        reached=climbed(start=at.estimate),
        search=found,
        climbs=climbs,
        rivals=rivals,
        made=given if isinstance(given, em.Fit) and not renewed else found.fit,
        claimed=given.log_likelihood if isinstance(given, em.Fit) else None,
        renewed=renewed,
        meant="" if program is None else program.meant(given),
        lost=0.0 if binning is None else binning.loss(at.estimate),
    )


def _best(
    own: em.Fit[Any], climbs: tuple[em.Fit[Any], ...], lost: float
) -> tuple[em.Fit[Any], bool]:
    """Return EM's best optimum that is no spike, and whether it was reached from elsewhere.

    If a likelihood has many optima, no number of starts is sure to find the best one, so draws of
    the posterior, its means and the starts of another seed are used as well.

    lost: a bound of the error of the climbs' log-likelihoods by binning.
    """
    highest = max(climbs, key=lambda climb: (not climb.optima[0].spike, climb.log_likelihood))
    if highest.optima[0].spike:
        return own, False
    better = highest.log_likelihood - own.log_likelihood > MISSED + lost
    return (highest, True) if better or own.optima[0].spike else (own, False)


def covariance_of(at: em.Fit[Any], rows: list[Parameter], places: Labels) -> Array:
    """Return the covariance (rows, rows) of a table's rows; NaN for parameters on an edge.

    at: EM at the estimate; places: (K,) which component of `at` each of the table's is.
    """
    unknown = np.full((len(rows), len(rows)), np.nan)
    errors = [float(picked(at.standard_errors, row.relabelled(places))) for row in rows]
    edge = ~np.isfinite(errors)
    if at.information is None or at.covariance is None:
        return unknown
    chart = chart_of(at, rows, places)
    if not edge.any():
        covariance: Array = chart @ np.linalg.solve(at.information, chart.T)
        return covariance
    return np.where(edge | edge[:, None], np.nan, chart @ at.covariance @ chart.T)


def chart_of(at: em.Fit[Any], rows: list[Parameter], places: Labels) -> Array:
    """Return the linear map (rows, p) from the free coordinates to a table's rows.

    at: EM at the estimate; places: (K,) which component of `at` each of the table's is.

    >>> from models.structure import parameters
    >>> chart_of(fit, parameters(fit.estimate), np.arange(2)).astype(int)
    array([[ 1,  0,  0],
           [-1,  0,  0],
           [ 0,  1,  0],
           [ 0,  0,  1]])
    """
    names, fields = {name: at for at, name in enumerate(at.coordinates)}, fields_of(at.estimate)
    chart = np.zeros((len(rows), len(names)))
    for line, row in enumerate(rows):
        own = row.relabelled(places)
        if own.label in names:
            chart[line, names[own.label]] = 1
        else:  # the last entry of a simplex is one minus the others
            last = fields[own.name].shape[-1] - 1
            others = [own._replace(at=(*own.at[:-1], one)).label for one in range(last)]
            chart[line, [names[label] for label in others]] = -1
    return chart
