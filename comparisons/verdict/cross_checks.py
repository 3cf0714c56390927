"""Cross-checks: each side's results, computed again with the other side's code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import em
from bayes.sampling.compiled import engine_of
from bayes.standardise import standard_of
from comparisons import thresholds as limit
from comparisons.verdict.density_slips import Terms, slip_of_density, slip_of_heights
from models.arrays import spaced
from models.family import first
from models.structure import drawn_at, fields_of, from_fields, picked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes.posterior.tree import Posterior
    from bayes.sampling.compiled import Engine
    from comparisons.verdict.point import Point
    from comparisons.verdict.slips import Slip
    from models.arrays import Array
    from models.question import Question
    from models.structure import Structure

__all__ = [
    "EXACT",
    "CrossChecks",
    "Rounding",
    "copied",
    "cross_checks_of",
    "curvature",
    "density_gap",
    "density_terms",
    "off_edges",
]

STEP = 1e-3  # in explored coordinates, whose scale is about one
POSITIONS = 8_000  # positions of finite differences, at most; more parameters mean fewer draws
FEWEST, MOST = 10, 200  # draws at which the density is compared
STEADY = 1e-4  # nats by which two extrapolations may differ; near an edge rounding eats differences
RUN = 10  # consecutive draws that two chains share only if one is a copy
BEND = 0.004  # smallest step, in standard errors, whose quartic error is negligible;
DIGITS = 1e-4  # longer where rounding would be more than this part of the squared step
STEEP = 1e12  # condition of the covariance from which its inverse has too few digits
WORST = 20  # draws at which the rounding is bounded: those that differ most
INSIDE = 1e-12  # from an edge, where the likelihood is that of the edge
STRAIGHT = 0.02  # share by which the falls of two steps may differ


class Rounding(NamedTuple):
    """Bounds of the rounding of parameters that are kept in the data's units.

    draws: of the log-likelihood of a draw, relative.
    apart: the relative difference between EM and PyMC at that draw, the one most above its bound.
    density: of the log density of the draws, in nats.
    estimate: of the log-likelihood of the estimate, in nats.

    >>> EXACT.draws
    0.0
    """

    draws: float
    apart: float
    density: float
    estimate: float


EXACT = Rounding(0.0, 0.0, 0.0, 0.0)


class CrossChecks(NamedTuple):
    """The results of both sides on the same draws and the same estimate.

    heights, theirs: log-likelihood (n,) of every draw, by EM and by PyMC.
    stepped: largest relative difference of the E-step's log-likelihood from those heights.
    deviance: D_s = 2 (l(t^) - l(t_s)) of every draw, (n,).
    bend: mean |D_s - q_s| / p, where q_s = (t_s - t^)' I (t_s - t^) is D_s of a parabola.
    ours: whether `bayes.sample` drew the posterior, so that what it explored is known.
    density: sd over draws of PyMC's log posterior less EM's; NaN where it is not known.
    curvature: factor between the curvature that EM's errors imply and that of the likelihood.
    copied: share of runs of draws that another chain contains as well.
    rounding: what the rounding of parameters can do, where anything differs by more than it should.
    heights_slip, density_slip: what explains different log-likelihoods, different densities.

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.point import point_of
    >>> kept = posterior_of(posterior)
    >>> point = point_of(fit, kept, None, kept.heights, None)
    >>> checks = cross_checks_of(kept, point, kept.heights)
    >>> checks.ours, checks.copied, bool(np.allclose(checks.heights, checks.theirs))
    (True, 0.0, True)
    """

    heights: Array
    theirs: Array
    stepped: float
    deviance: Array
    bend: float
    ours: bool
    density: float
    curvature: float
    copied: float
    heights_slip: Slip | None
    density_slip: Slip | None
    rounding: Rounding = EXACT


def cross_checks_of(posterior: Posterior, point: Point, heights: Array) -> CrossChecks:
    """Return the cross-checks of a posterior and an estimate.

    heights: EM's log-likelihood (n,) of every draw.

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.point import point_of
    >>> kept = posterior_of(posterior)
    >>> point = point_of(fit, kept, None, kept.heights, None)
    >>> cross_checks_of(kept, point, kept.heights).deviance.shape
    (2000,)
    """
    question = posterior.question
    engine = engine_of(question)
    likeliest = np.argsort(-heights)[: len(point.climbs)]
    begun = np.array([_stepped(question, posterior.draws, int(one)) for one in likeliest])
    deviance = 2 * (point.at.log_likelihood - heights)
    terms, theirs = density_terms(posterior, question, engine, heights), posterior.heights
    density = np.nan if terms is None else terms.gap
    stepped = float((np.abs(begun - heights[likeliest]) / (1 + np.abs(begun))).max())
    known = _rounding(
        posterior, point, heights, max(stepped, density / limit.DENSITY * limit.QUESTION)
    )
    differ = not (np.abs(heights - theirs) <= limit.QUESTION * (1 + np.abs(theirs))).all()
    slip = slip_of_heights(engine, question, posterior.draws, heights, theirs) if differ else None
    return CrossChecks(
        heights=heights,
        theirs=posterior.heights,
        stepped=stepped,
        deviance=deviance,
        bend=_bend(point, posterior.draws, deviance),
        ours=posterior.ours,
        density=density,
        curvature=curvature(engine, question, point.at, known.estimate),
        copied=copied(posterior.draws, posterior.sizes),
        heights_slip=slip,
        density_slip=None if terms is None else slip_of_density(question, terms),
        rounding=known,
    )


def _stepped(question: Question[Any, Any], draws: Structure, one: int) -> float:
    """Return the log-likelihood of a draw as EM's own E-step has it."""
    return em.fitted(question, start=drawn_at(draws, one), max_steps=0).log_likelihood


def _rounding(posterior: Posterior, point: Point, heights: Array, most: float) -> Rounding:
    """Return the bounds of rounding, at the draws that differ most; zero if nothing differs.

    most: how far other comparisons differ, in the unit of QUESTION.
    """
    question, theirs = posterior.question, posterior.heights
    each = np.abs(heights - theirs) / (1 + np.abs(theirs))
    here = point.at.log_likelihood
    claimed = 0.0 if point.claimed is None else abs(point.claimed - here) / (1 + abs(here))
    plain = standard_of(question).plain
    if plain and np.nanmax([each.max(), claimed, most]) <= limit.QUESTION:
        return EXACT
    worst = np.argsort(-each)[:WORST]
    nats = em.rounding(question, drawn_at(posterior.draws, worst))
    bound = nats / (1 + np.abs(theirs[worst]))
    at = int(np.argmax(each[worst] - bound))
    one = {name: field[None] for name, field in fields_of(point.at.estimate).items()}
    alone = from_fields(question.structure, question.family, one)
    own = em.rounding(question, alone)[0] if np.isfinite(here) else 0.0
    return Rounding(float(bound[at]), float(each[worst][at]), float(nats.mean()), float(own))


def _bend(point: Point, draws: Structure, deviance: Array) -> float:
    """Return the mean difference of the deviance from its parabola, per parameter.

    From an edge the deviance rises along a line: 2 slope distance is added to the parabola, whose
    curvature is then that just inside. Where a field declares so, the parabola is one in its
    logarithm, which lies at estimate log(draw / estimate).
    """
    rows, edges = point.parameters, point.edges
    curved, fields = point.at.information_inside, fields_of(point.estimate)
    layout = point.at.family.layout()
    simplex = {*type(point.estimate).axes(), *(one for one in layout if layout[one].simplex)}
    # the last entry of a simplex follows from the others
    kept = [
        at
        for at, row in enumerate(rows)
        if row.name not in simplex or row.at[-1] != fields[row.name].shape[-1] - 1
    ]
    away = np.array([picked(draws, row) - picked(point.estimate, row) for row in rows])
    for at, row in enumerate(rows):
        if row.name in layout and layout[row.name].logs and at not in point.unbounded:
            centre = float(picked(point.estimate, row))
            away[at] = centre * np.log1p(away[at] / centre)
    if edges and curved is not None and np.isfinite(curved).all():
        names = [row.relabelled(point.places).label for row in rows]
        there = away[[names.index(label) for label in point.at.coordinates]]
        parabola = (there * (curved @ there)).sum(axis=0)
        for at, edge in edges.items():
            parabola += 2 * edge.slope * np.abs(away[at])
    elif np.isfinite(point.covariance).all():
        inside = point.covariance[np.ix_(kept, kept)]
        size = np.sqrt(np.abs(np.diagonal(inside)))
        if not np.linalg.cond(inside / size / size[:, None]) < STEEP:
            return np.nan
        parabola = (away[kept] * np.linalg.solve(inside, away[kept])).sum(axis=0)
    else:
        return np.nan
    return float(np.abs(deviance - parabola).mean() / point.free)


def density_gap(
    posterior: Posterior, question: Question[Any, Any], engine: Engine, heights: Array
) -> float:
    """Return the sd over draws of PyMC's log density less EM's, NaN where it cannot be compared.

    PyMC's is the density that the sampler explored, in coordinates z. EM's is the sum of its
    log-likelihood and log prior at x, and log |dx / dz| by differences. If the log of the ratio of
    two densities has sd s, reweighting by it moves no mean by more than s of its sds.

    question: the posterior's.
    heights: EM's log-likelihood (n,) of every draw.

    >>> from bayes.posterior.tree import posterior_of
    >>> kept = posterior_of(posterior)
    >>> density_gap(kept, kept.question, engine_of(kept.question), kept.heights) < 1e-3
    True
    """
    terms = density_terms(posterior, question, engine, heights)
    return np.nan if terms is None else terms.gap


def density_terms(
    posterior: Posterior, question: Question[Any, Any], engine: Engine, heights: Array
) -> Terms | None:
    """Return PyMC's log density of some draws and EM's parts of it, None if it is not known.

    question: the posterior's.
    heights: EM's log-likelihood (n,) of every draw.

    >>> from bayes.posterior.tree import posterior_of
    >>> kept = posterior_of(posterior)
    >>> density_terms(kept, kept.question, engine_of(kept.question), kept.heights).gap < 1e-3
    True
    """
    if not posterior.ours:
        return None
    raw = posterior.as_drawn
    p = engine.pack(question, drawn_at(raw, np.zeros(1, np.intp))).shape[1]
    wanted = int(np.clip(POSITIONS // (4 * p), FEWEST, MOST))
    some = spaced(len(heights), wanted)
    draws = drawn_at(raw, some)
    z = engine.pack(question, draws)
    near, far, farther = (_slopes(engine, question, z, STEP * one) for one in (1, 2, 4))
    with np.errstate(all="ignore"):  # Richardson: the error is of h^4, however many parameters
        volume, coarse = (
            np.linalg.slogdet((4 * a - b) / 3)[1] for a, b in ((near, far), (far, farther))
        )
        steady = np.abs(volume - coarse) < STEADY
    if steady.sum() < FEWEST:
        return None
    log_prior = em.log_prior(question.prior, draws, question.held)
    every = (posterior.explored[some], heights[some], log_prior, volume)
    return Terms(drawn_at(draws, np.flatnonzero(steady)), *(one[steady] for one in every))


def _slopes(engine: Engine, question: Question[Any, Any], z: Array, step: float) -> Array:
    """Return dx / dz (n, p, p) at positions (n, p), by central differences."""
    n, p = z.shape
    moves = step * np.stack([np.eye(p), -np.eye(p)], axis=1)  # (p, 2, p)
    around = (z[None, None] + moves[:, :, None]).reshape(-1, p)
    structures = engine.working(question, around)  # a constant volume away from the data's units
    x = em.coordinates_of(structures, question.held).reshape(p, 2, n, -1)
    slopes: Array = ((x[:, 0] - x[:, 1]) / (2 * step)).transpose(1, 2, 0)
    return slopes


def curvature(
    engine: Engine, question: Question[Any, Any], at: em.Fit[Any], rounded: float = 0.0
) -> float:
    """Return the factor between PyMC's curvature and the one that EM's standard errors imply.

    Let C be the covariance of the errors. At small steps e C_j / sqrt(C_jj) to either side of the
    maximum the log-likelihood falls by e^2 / 2, so 2 l(0) - l(+) - l(-) = e^2. The factor is the
    largest quotient of the two sides, or the inverse of the least. Steps that leave the parameter
    space are left out. It is NaN without errors, and if
    two step sizes disagree because the likelihood is far from a parabola.

    rounded: nats by which the rounding of parameters can move the log-likelihood.

    >>> f"{curvature(engine_of(fit.question), fit.question, fit):.3f}"
    '1.000'
    """
    covariance = at.covariance
    if covariance is None:
        return np.nan
    moving = np.diagonal(covariance) > 0  # all but what is on an edge
    with np.errstate(all="ignore"):
        unit = (covariance / np.sqrt(np.diagonal(covariance))).T[moving]
    if not moving.any():
        return np.nan
    rounding = np.finfo(float).eps * (1 + abs(at.log_likelihood)) + rounded
    step = max(BEND, float(np.sqrt(rounding / DIGITS)))
    far, near = (_fall(engine, question, at, unit, one) for one in (step, step / 2))
    with np.errstate(all="ignore"):
        steady = np.abs(far - near) <= STRAIGHT * np.abs(near)
        fall = (4 * near - far)[steady] / 3  # Richardson: the fourth power goes
    if len(fall) == 0:
        return np.nan
    return float(max(fall.max(), 1 / fall.min())) if fall.min() > 0 else np.inf


def _fall(
    engine: Engine, question: Question[Any, Any], at: em.Fit[Any], unit: Array, step: float
) -> Array:
    """Return (2 l(0) - l(+) - l(-)) / step^2 of PyMC's log-likelihood along (p, p) directions."""
    moves = np.concatenate([0 * unit[:1], step * unit, -step * unit])
    with np.errstate(all="ignore"):  # a step may leave the parameter space
        try:
            moved = em.displaced(at, moves)
            positions = engine.pack(question, off_edges(at, moved))
        except np.linalg.LinAlgError:
            return np.full(len(unit), np.nan)
        middle, *sides = engine.log_likelihoods(question, positions)
        plus, minus = np.split(np.where(_beyond(at, moved)[1:], np.nan, sides), 2)
        fall: Array = (2 * middle - plus - minus) / step**2
        return fall


def _beyond(at: em.Fit[Any], structures: Structure) -> NDArray[np.bool_]:
    """Return which structures, (n,), lie beyond an edge by more than rounding.

    `off_edges` would bring them back, by a step that nobody asked for.
    """
    fields, found = fields_of(structures), np.zeros(len(first(structures.theta)), np.bool_)
    for name, (low, high) in _edged(at).items():
        field = fields[name].reshape(len(found), -1)
        found |= ((field < low - INSIDE) | (field > high + INSIDE)).any(axis=1)
    return found


def _edged(at: em.Fit[Any]) -> dict[str, tuple[float, float]]:
    """Return the bounds of each field of which a parameter is on an edge."""
    layout, names = at.family.layout(), {edge.label.partition("[")[0] for edge in at.edges}
    return {
        name: (layout[name].low, layout[name].high) if name in layout else (0.0, 1.0)
        for name in names
    }


def off_edges(at: em.Fit[Any], structures: Structure) -> Structure:
    """Return structures (n, ...) with parameters on an edge moved inside by INSIDE.

    PyMC's coordinates are infinite on an edge.

    >>> off_edges(fit, fit.estimate) is fit.estimate  # none of it is on an edge
    True
    """
    edged = _edged(at)
    if not edged:
        return structures
    layout, fields = at.family.layout(), fields_of(structures)
    moved = dict(fields)
    for name, (low, high) in edged.items():
        own = layout.get(name)
        moved[name] = np.clip(fields[name], low + INSIDE, high - INSIDE)
        if own is None or own.simplex:
            moved[name] = moved[name] / moved[name].sum(axis=-1, keepdims=True)
    found: Structure = from_fields(type(structures), at.family, moved)
    return found


def copied(draws: Structure, sizes: tuple[int, int]) -> float:
    """Return the share of runs of draws that an earlier chain contains as well.

    >>> from models import Mixture, Poisson
    >>> twice = Mixture(np.ones((40, 1)), Poisson(np.tile(np.arange(20.0), 2)[:, None]))
    >>> copied(twice, (2, 20))
    0.5
    """
    fields = fields_of(draws).values()
    rows = np.concatenate([field.reshape(len(field), -1) for field in fields], axis=1)
    seen: set[bytes] = set()
    again = runs = 0
    for chain in np.ascontiguousarray(rows.reshape(*sizes, -1)):
        own = [chain[at : at + RUN].tobytes() for at in range(len(chain) - RUN + 1)]
        again += sum(one in seen for one in own)
        runs += len(own)
        seen.update(own)
    return again / runs
