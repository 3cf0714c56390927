"""What the data say about the parameters at one point: information, standard errors, decrement."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import xlogy

from em.errors.edges import NEAR, directions, edge_slots, edges_of, off_edges, once, profiled
from em.errors.louis import louis
from em.errors.oakes import entropy_of, oakes
from em.errors.rank import open_of
from em.errors.slots import free_of, room_of, share_places
from em.sweep import logits, responsibilities
from models.family import entries, listed_entries, rebuilt, unflattened
from models.structure import coordinates, shares_of, with_shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from em.data.executor import Sums
    from em.edges import Edge
    from em.emission import Emission
    from em.errors.rank import Open
    from em.model import Model
    from em.sweep import Known
    from models.arrays import Array, Labels
    from models.family import Theta
    from models.structure import Coordinate, Structure

__all__ = [
    "SADDLE",
    "Information",
    "Outward",
    "information_of",
    "outward_of",
    "slots_in_data",
    "unavailable",
]

MOST_COORDINATES = 2_000  # with more, the matrix alone is over 32 MB and its inverse takes minutes
SADDLE = 1 + 1e-6  # missing information beyond which a stationary point is no maximum
RISES = 1e-3  # slope off an edge, where the likelihood is flat along it: over all shares no gain
STILL = 1e-12  # part of a unit step by which rounding moves what an edge keeps still
SINGULAR = 1e-9  # least eigenvalue, relative to complete information, that is not rounding
MOVES = 1e-6  # part of a parameter's complete variance along flat directions that is not rounding


class Information[S: Structure](NamedTuple):
    """What the data say about the parameters at one point.

    matrix: (p, p) observed information in the coordinates `names`, in the data's units; None if it
        was not computed.
    standard_errors: a structure of errors, NaN if there are none; `reason` says why.
    decrement: Newton decrement sqrt(s' I^-1 s), the distance to the maximum in standard errors.
    missing: the fraction of information missing in the worst direction, EM's rate (Dempster,
        Laird & Rubin 1977).
    entropy: sum over observations of -sum_k r_k log r_k.
    edges: the parameters on an edge, which the matrix leaves out: its rows are zero along them.
    inside: the matrix just inside the edges, which leaves nothing out; None without edges.
    shift: (p,) how far the parameters are expected off the estimate, since those on an edge can
        only leave it and take others with them; None without edges.
    open: how many directions the data leave open: the likelihood is flat along them.
    closed: how many of them zeros close; if all, no other parameters fit as well.
    told: (u,) standard errors of the log density of every unit, if directions stay open.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     known = information_of(model_of(fit.question, workers, floor=fit.floor), fit.inside)
    >>> known.names, known.decrement < 1e-4, 0 < known.missing < 1
    (('weight[0]', 'rate[0]', 'rate[1]'), True, True)
    """

    matrix: Array | None
    names: tuple[str, ...]
    standard_errors: S
    decrement: float
    missing: float
    entropy: float
    reason: str | None
    edges: tuple[Edge, ...] = ()
    inside: Array | None = None
    shift: Array | None = None
    open: int = 0
    closed: int = 0
    told: Array | None = None


def information_of[S: Structure](
    model: Model[S], parameters: S, *, general: bool = False
) -> Information[S]:
    """Return the information at some parameters.

    general: take the derivative of the score (`oakes`) even if one pass (`louis`) would do.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     known = information_of(model_of(fit.question, workers, floor=fit.floor), fit.inside)
    >>> np.allclose(known.standard_errors.theta.rate, fit.standard_errors.theta.rate)
    True
    """
    found = coordinates(parameters, model.question.held)
    p = len(found)
    if p > MOST_COORDINATES:
        too_many = f"{p:,} free parameters are too many (at most {MOST_COORDINATES:,})"
        return unavailable(model, parameters, too_many)
    free = free_of(parameters, found, len(listed_entries(parameters.theta)))
    fixed = edge_slots(model, parameters)
    edges, inner = edges_of(model, parameters, fixed), directions(free, fixed)
    along = free if inner is None else free @ inner
    if inner is not None:  # rounding would move what is fixed, beyond an edge if it lies on it
        along[fixed] = 0
    flat = along.reshape(-1, along.shape[2]) if along.size else np.zeros((fixed.size, 0))
    common = None if general else model.one_pass(parameters)
    if common is None:
        slots, matrix = oakes(model, parameters, along, fixed)
    else:
        slots = louis(model, parameters, common, fixed)
        matrix = flat.T @ slots.observed @ flat
    opened = open_of(model, parameters, free, fixed) if common is None else None
    inner_open = None if opened is None else opened.inner
    solved = _inverted(flat.T @ slots.complete @ flat, matrix, flat.T @ slots.score, inner_open)
    slack = RISES if opened is not None and opened.spanned else 0.0
    rising = [edge.said for edge in edges if edge.slope < -slack]
    if rising:
        said = f"{rising[0]}, but the likelihood rises away from that edge"
        solved = Inverted(np.full_like(matrix, np.nan), np.nan, np.nan, said, NONE)
    inverse, decrement, missing, reason, level, whiten = solved
    bare, count = _touched(flat, level, whiten).reshape(free.shape[:2]), level.shape[1]
    if opened is not None:
        bare, count = opened.touched, opened.directions
    spanned = count if opened is None else opened.spanned
    if spanned and reason is None:
        reason = (
            f"the likelihood is flat in {spanned} direction{'s' * (spanned > 1)}, so the data do "
            "not determine all parameters"
        )
    if inner is not None:
        matrix, inverse = inner @ matrix @ inner.T, inner @ inverse @ inner.T
    outward = outward_of(model, parameters.theta)
    step = _in_data(parameters, found, free, outward)
    in_data = _stretched(matrix, step)
    still = np.zeros(free.shape[:2], np.bool_)
    if inner is not None:  # what could move, and cannot
        still = np.abs(free).any(axis=2) & (np.abs(along) < STILL).all(axis=2)
    still |= bare
    errors = _errors(parameters, free, outward, inverse, still)
    inside, names, shift = None, _labels(found), None
    if edges and reason is None:
        near, inside = _nearby(model, parameters, free, fixed, step)
        moving = free[once(parameters, fixed)]
        edges, shift = profiled(edges, names, moving, near, step @ inverse @ step.T)
    return Information(
        matrix=in_data,
        names=names,
        standard_errors=errors,
        decrement=decrement,
        missing=missing,
        entropy=slots.entropy,
        reason=reason,
        edges=edges,
        inside=inside,
        shift=shift,
        open=count,
        closed=count - spanned,
        told=_told(model, opened, inverse) if spanned else None,
    )


def _nearby[S: Structure](
    model: Model[S], parameters: S, free: Array, fixed: NDArray[np.bool_], step: Array
) -> tuple[Array | None, Array | None]:
    """Return information just inside the edges, in the data's units, for edges and for errors.

    Where one pass gives it, it serves both. Otherwise the steps of its derivative have to stay
    within the space. So small, they tell how fast the likelihood falls away from an edge; errors
    would have lost their digits.
    """
    if model.one_pass(parameters) is not None:
        one = information_of(model, off_edges(parameters, fixed)).matrix
        return one, one
    nearby = off_edges(parameters, fixed | (room_of(parameters) < NEAR))
    with np.errstate(divide="ignore", invalid="ignore"):  # beyond an edge of no simplex
        return _stretched(oakes(model, nearby, free, room=room_of(nearby))[1], step), None


def _stretched(matrix: Array, step: Array) -> Array:
    """Return an information in the data's units.

    step: (p, p) d (free coordinates in the data's units) / d (those in working units).
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # units near 1e300
        found: Array = np.linalg.solve(step.T, np.linalg.solve(step.T, matrix).T)
    return found


def _told[S: Structure](model: Model[S], opened: Open | None, inverse: Array) -> Array | None:
    """Return the standard error of each unit's log density, (u,), by the delta method."""
    if opened is None:
        return None
    units = model.question.units
    slopes = opened.slopes[units.groups() * units.sample.distinct + units.unit_rows]
    variance: Array = ((slopes @ inverse) * slopes).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(variance, 0)))


NONE = np.empty((0, 0))


class Inverted(NamedTuple):
    """An inverse information, the decrement and the missing part, or the reason for none.

    level: (q, f) directions along which the likelihood is flat, in which the inverse is zero.
    whiten: (q, q) to the metric of complete information, in which they are orthonormal.
    """

    inverse: Array
    decrement: float
    missing: float
    reason: str | None
    level: Array
    whiten: Array = NONE


def _inverted(complete: Array, matrix: Array, score: Array, inner: int | None) -> Inverted:
    """Return the inverse of an observed information (q, q), along directions that it has.

    inner: how many directions are open; None if the eigenvalues have to say it.
    """
    none = np.full_like(matrix, np.nan)
    try:
        whiten = np.linalg.inv(np.linalg.cholesky(complete))
    except np.linalg.LinAlgError:
        why = "the information would not be positive definite even if the groups were known"
        return Inverted(none, np.nan, np.nan, why, NONE)
    relative = whiten @ matrix @ whiten.T
    if not np.isfinite(relative).all():
        why = "a parameter is so near an edge that numerical derivatives would step over it"
        return Inverted(none, np.nan, np.nan, why, NONE)
    values, vectors = np.linalg.eigh(relative)
    least = float(values[0]) if len(values) else 1.0
    if 1 - least > SADDLE:
        why = f"this is a saddle (the least relative eigenvalue is {least:.2g})"
        return Inverted(none, np.nan, 1 - least, why, NONE)
    told = values > SINGULAR if inner is None else np.arange(len(values)) >= inner
    told &= values > 0
    root = vectors[:, told].T @ whiten
    inverse = (root.T / values[told]) @ root
    decrement = max(float(score @ inverse @ score), 0.0) ** 0.5
    worst = float(1 - values[told][0]) if told.any() else 1 - least
    return Inverted(inverse, decrement, worst, None, whiten.T @ vectors[:, ~told], whiten)


def _touched(flat: Array, level: Array, whiten: Array) -> NDArray[np.bool_]:
    """Return which slots (w,) move along flat directions.

    Relative to complete information, in whose metric these directions are orthonormal. It may be
    singular but for rounding, so that it is not inverted once more.

    flat: (w, q) map from coordinates to slots; level: (q, f); whiten: (q, q) to that metric.
    """
    if not level.size:
        return np.zeros(len(flat), np.bool_)
    most = ((flat @ whiten.T) ** 2).sum(axis=1)
    found: NDArray[np.bool_] = ((flat @ level) ** 2).sum(axis=1) > MOVES * most
    return found


def unavailable[S: Structure](model: Model[S], parameters: S, reason: str) -> Information[S]:
    """Return an Information that has only a reason and the entropy.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> unavailable(model, fit.inside, "a component is empty").standard_errors.theta.rate
    array([nan, nan])
    """
    found = coordinates(parameters, model.question.held)
    theta = parameters.theta
    none = rebuilt(type(theta), [np.full_like(field, np.nan) for field in entries(theta).values()])
    shares = {name: np.full_like(field, np.nan) for name, field in shares_of(parameters).items()}
    errors = with_shares(type(parameters), shares, none)
    return Information(
        None, _labels(found), errors, np.nan, np.nan, _entropy(model, parameters), reason
    )


def _labels(found: list[Coordinate]) -> tuple[str, ...]:
    return tuple(coordinate.label for coordinate in found)


def _entropy[S: Structure](model: Model[S], parameters: S) -> float:
    """Return the sum over observations of -sum_k r_k log r_k."""
    if model.k == 1 or model.hard:
        return 0.0
    common = model.grouping.common(shares_of(parameters))
    if common is None:
        return entropy_of(model, parameters)
    with np.errstate(divide="ignore"):  # the logarithm of an empty component's share
        log_shares = np.log(common)
    task = partial(
        _uncertain, emission=model.emission, log_shares=log_shares, theta=parameters.theta
    )
    (found,) = model.runs.total(task)
    return float(found)


def _uncertain(known: Known, emission: Emission[Any], log_shares: Array, theta: Theta) -> Sums:
    """Return a run's entropy."""
    found = 0.0
    for block in known.rows.all():
        share = logits(emission, block, log_shares, theta)
        responsibilities(share, None, hard=False)
        each = -xlogy(share, share).sum(axis=0)
        found += float(each.sum() if block.counts is None else block.counts @ each)
    return (found,)


class Outward(NamedTuple):
    """What moves a component's entries in the data's units.

    rows: (R,) the entries, field by field, that any working coordinate moves.
    slopes: (R, m) d (these entries) / d (working coordinates).

    >>> Outward(np.array([0]), np.array([[2.0]])).slopes
    array([[2.]])
    """

    rows: Labels
    slopes: Array


def outward_of[S: Structure](model: Model[S], theta: Theta) -> Outward:
    """Return what moves the entries; off the diagonals of many columns may be none that move.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> outward_of(model, fit.inside.theta).slopes
    array([[1.]])
    """
    moved = []
    for column in model.emission.chart(theta).T:
        direction = rebuilt(type(theta), unflattened(theta, column[None]))
        fields = entries(model.rows.units.stretch_out(direction)).values()
        every = np.concatenate([field.ravel() for field in fields])
        at = np.flatnonzero(every)
        moved.append((at, every[at]))
    rows = np.unique(np.concatenate([at for at, _ in moved]))
    slopes = np.zeros((len(rows), len(moved)))
    for column, (at, values) in enumerate(moved):
        slopes[np.searchsorted(rows, at), column] = values
    return Outward(rows, slopes)


def slots_in_data[S: Structure](parameters: S, free: Array, outward: Outward) -> Array:
    """Return d (slots in the data's units) / d (free coordinates in working units), (K, s + m, p).

    free: (K, s + m, p) map from free coordinates to slots.

    >>> none = Outward(np.array([0]), np.array([[2.0]]))
    >>> slots_in_data(fit.inside, np.eye(4).reshape(2, 2, 4), none)[1, 1]
    array([0., 0., 0., 2.])
    """
    fields = entries(parameters.theta)
    places = [(name, at) for name in fields for at in np.ndindex(fields[name].shape[1:])]
    order = {place: index for index, place in enumerate(places)}
    s, inner = len(share_places(parameters)[0]), listed_entries(parameters.theta)
    change = np.eye(s + len(inner))
    for slot, (name, place, _) in enumerate(inner, s):
        change[slot, s:] = outward.slopes[outward.rows == order[name, place]].sum(axis=0)
    found: Array = change @ free
    return found


def _in_data[S: Structure](
    parameters: S, found: list[Coordinate], free: Array, outward: Outward
) -> Array:
    """Return d (free coordinates in the data's units) / d (those in working units), (p, p)."""
    own, moved = share_places(parameters), slots_in_data(parameters, free, outward)
    s, rows = len(own[0]), []
    for coordinate in found:
        if coordinate.share is not None:
            component = coordinate.share[1][-1]
            at = own[component].index(coordinate.share)
        else:
            component, at = coordinate.component or 0, s + coordinate.entry
        rows.append(moved[component, at])
    return np.array(rows).reshape(len(found), -1)


def _errors[S: Structure](
    parameters: S, free: Array, outward: Outward, inverse: Array, still: NDArray[np.bool_]
) -> S:
    """Return the standard error of every share and entry, in the data's units.

    still: (K, s + m) slots that cannot move, which have none.
    """

    def spread(directions: Array) -> Array:
        variance = ((directions @ inverse) * directions).sum(axis=1)
        return np.sqrt(np.maximum(variance, 0))

    own, theta = share_places(parameters), parameters.theta
    s, k = len(own[0]), len(own)
    rows, slopes = outward
    every = np.zeros((k, sum(field[0].size for field in entries(theta).values())))
    with np.errstate(over="ignore", invalid="ignore"):
        shares = {name: np.empty_like(field) for name, field in shares_of(parameters).items()}
        for at in range(s):
            each = spread(free[:, at])
            for component in range(k):
                name, place = own[component][at]
                shares[name][place] = np.nan if still[component, at] else each[component]
        # multiply by the unit last, or its square would leave the range of doubles
        unit = np.abs(slopes).max(axis=1, keepdims=True)
        each = np.stack([spread(slopes / unit @ free[component, s:]) for component in range(k)])
        each[(still[:, s:] @ (slopes != 0).T) > 0] = np.nan
    every[:, rows] = each * unit[:, 0]
    return with_shares(type(parameters), shares, rebuilt(type(theta), unflattened(theta, every)))
