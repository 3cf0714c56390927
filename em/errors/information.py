"""Standard errors by Louis's identity (1982): complete information less the missing.

With u_k = d log(weight_k p_k) / d coordinates at one observation and r_k its responsibility, the
information that is observed is

    I = sum_k curvature_k(sums) - sum_n [ sum_k r_k u_k u_k' - (sum_k r_k u_k)(sum_k r_k u_k)' ]

on the natural scale; it holds at any parameters, not at the maximum only. What is not free
(shares sum to one, a tied covariance) is a linear constraint, and so the delta method is exact.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import xlogy

from em.mixture import logits, responsibilities
from models.family import Theta, entries, rebuilt
from models.mixture import Mixture

if TYPE_CHECKING:
    from em.data.executor import Sums
    from em.emission import Emission
    from em.mixture import Known, MixtureModel
    from models.arrays import Array

__all__ = ["SADDLE", "Information", "information_of", "unavailable"]

MOST_COORDINATES = 2_000  # beyond this the matrix alone is over 32 MB and its inverse takes minutes
BUFFER = 1 << 18  # doubles of scores held at once by a thread, 2 MB
SADDLE = 1 + 1e-6  # missing information beyond which a stationary point is no maximum
SINGULAR = 1e-10  # least eigenvalue, relative to complete information, that is not rounding


class Information[T: Theta](NamedTuple):
    """What the data say about the parameters at one point.

    matrix: (p, p) observed information in `names`, on the natural scale and in the data's units;
        None where it was not computed.
    standard_errors: a Mixture of errors, NaN where `reason` says why there are none.
    decrement: Newton decrement sqrt(s' I^-1 s), the distance to the maximum in standard errors.
    missing: the fraction of information missing in the worst direction, EM's rate (Dempster,
        Laird & Rubin 1977).
    entropy: sum over observations of -sum_k r_k log r_k.
    """

    matrix: Array | None
    names: tuple[str, ...]
    standard_errors: Mixture[T]
    decrement: float
    missing: float
    entropy: float
    reason: str | None


def information_of[T: Theta](model: MixtureModel[T], mixture: Mixture[T]) -> Information[T]:
    """Return the information at a mixture, in one pass over the rows."""
    coordinates = _coordinates(model, mixture)
    p = len(coordinates)
    if p > MOST_COORDINATES:
        too_many = f"of {p} free parameters; past {MOST_COORDINATES} no information is computed"
        return unavailable(model, mixture, too_many)
    full, full_complete, full_score, entropy = _louis(model, mixture)
    free = _free(coordinates, model.k, len(full) // model.k - 1)
    flat = free.reshape(-1, p)
    matrix, complete = flat.T @ full @ flat, flat.T @ full_complete @ flat
    score = flat.T @ full_score
    decrement = missing = np.nan
    inverse = np.full_like(matrix, np.nan)
    reason: str | None = None
    try:
        whiten = np.linalg.inv(np.linalg.cholesky(complete))
    except np.linalg.LinAlgError:
        reason = "even the complete information is not positive definite"
    else:
        relative = whiten @ matrix @ whiten.T
        least = float(np.linalg.eigvalsh(relative)[0])
        missing = 1 - least
        if least > SINGULAR:
            inverse = whiten.T @ np.linalg.inv(relative) @ whiten
            decrement = max(float(score @ inverse @ score), 0.0) ** 0.5
        elif missing > SADDLE:
            reason = f"this is a saddle, not a maximum (least relative eigenvalue {least:.1e})"
        else:
            reason = (
                "the information is not positive definite (least relative eigenvalue "
                f"{least:.1e}): the data leave a direction open"
            )
    outward = _outward(model, mixture)
    step = _in_data(model, mixture, coordinates, free, outward)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # units near 1e300
        in_data = np.linalg.solve(step.T, np.linalg.solve(step.T, matrix).T)
    errors = _errors(model, mixture, free, outward, inverse)
    return Information(in_data, _names(coordinates), errors, decrement, missing, entropy, reason)


def unavailable[T: Theta](
    model: MixtureModel[T], mixture: Mixture[T], reason: str
) -> Information[T]:
    """Return no information, for a reason; the entropy does not depend on it."""
    names = _names(_coordinates(model, mixture))
    fields = entries(mixture.theta).values()
    none = rebuilt(type(mixture.theta), [np.full_like(field, np.nan) for field in fields])
    errors = Mixture(np.full(model.k, np.nan), none)
    return Information(None, names, errors, np.nan, np.nan, _entropy(model, mixture), reason)


def _entropy[T: Theta](model: MixtureModel[T], mixture: Mixture[T]) -> float:
    """Return the sum over observations of -sum_k r_k log r_k."""
    if model.k == 1 or model.hard:
        return 0.0

    (found,) = model.held.total(partial(_uncertain, emission=model.emission, mixture=mixture))
    return float(found)


def _uncertain[T: Theta](known: Known, emission: Emission[T], mixture: Mixture[T]) -> Sums:
    """Return a run's entropy."""
    found = 0.0
    for block in known.rows.all():
        share = logits(emission, block, mixture)
        responsibilities(share, None, hard=False)
        each = -xlogy(share, share).sum(axis=0)
        found += float(each.sum() if block.counts is None else block.counts @ each)
    return (found,)


class Coordinate(NamedTuple):
    """A free direction.

    name: such as mean[0] or cov[1,0,2]; a star stands for all components.
    moves: (component, place among its weight and coordinates, by how much).
    """

    name: str
    moves: tuple[tuple[int, int, float], ...]


def _coordinates[T: Theta](model: MixtureModel[T], mixture: Mixture[T]) -> list[Coordinate]:
    """Return the free directions: shares that sum to one, then every component's parameters."""
    k = model.k
    found = [
        Coordinate(f"weight[{component}]", ((component, 0, 1.0), (k - 1, 0, -1.0)))
        for component in range(0 if model.equal_weights else k - 1)
    ]
    places = list(enumerate(model.emission.coordinates(mixture.theta), start=1))

    def named(field: str, *place: object) -> str:
        return f"{field}[{','.join(map(str, place))}]"

    for component in range(k):
        for at, (field, place, shared) in places:
            if not shared:
                move = ((component, at, 1.0),)
                found.append(Coordinate(named(field, component, *place), move))
    for at, (field, place, shared) in places:
        if shared:
            moves = tuple((component, at, 1.0) for component in range(k))
            found.append(Coordinate(named(field, "*", *place), moves))
    return found


def _names(coordinates: list[Coordinate]) -> tuple[str, ...]:
    return tuple(coordinate.name for coordinate in coordinates)


def _free(coordinates: list[Coordinate], k: int, m: int) -> Array:
    """Return the linear map from the free directions to weights and coordinates, (K, 1 + m, p)."""
    free = np.zeros((k, 1 + m, len(coordinates)))
    for column, coordinate in enumerate(coordinates):
        for component, place, amount in coordinate.moves:
            free[component, place, column] = amount
    return free


def _louis[T: Theta](
    model: MixtureModel[T], mixture: Mixture[T]
) -> tuple[Array, Array, Array, float]:
    """Return observed and complete information, score, all (K (1 + m), ...), and the entropy."""
    k, emission, weight = model.k, model.emission, mixture.weight
    centre = emission.location(mixture.theta)
    slope = emission.slope(mixture.theta)
    folded = np.concatenate(
        [slope[:, : emission.ones].sum(axis=1, keepdims=True), slope[:, emission.ones :]], axis=1
    )
    m = slope.shape[2]
    wide = k * (1 + m)
    size = max(64, BUFFER // wide)
    task = partial(
        _missing, emission=emission, mixture=mixture, folded=folded, centre=centre, size=size
    )
    found = model.held.total(task)
    missing, sums, entropy = np.asarray(found[0]), np.asarray(found[1]), float(found[2])
    full = model.complete(sums, sums[:, 0], centre)
    counted = sums[:, 0] + (0 if model.prior is None else model.prior.weight)
    complete, score = np.zeros((wide, wide)), np.empty((k, 1 + m))
    curvature = emission.curvature(mixture.theta, full)
    for component in range(k):
        start = component * (1 + m)
        complete[start, start] = counted[component] / weight[component] ** 2
        inner = slice(start + 1, start + 1 + m)
        complete[inner, inner] = curvature[component]
        score[component, 0] = counted[component] / weight[component]
        score[component, 1:] = full[component] @ slope[component]
    return complete - missing, complete, score.ravel(), entropy


def _missing[T: Theta](
    known: Known,
    emission: Emission[T],
    mixture: Mixture[T],
    folded: Array,
    centre: Array | None,
    size: int,
) -> Sums:
    """Return a run's missing information, sums of T, and entropy.

    folded: (K, 1 + q, m) slopes, with all the ones as one.
    size: rows of a block.
    """
    k, width, m = folded.shape
    wide = k * (1 + m)
    missing, sums, entropy = np.zeros((wide, wide)), np.zeros((k, width)), 0.0
    for block in known.rows.in_blocks_of(size).all():
        counts = np.ones(len(block.x)) if block.counts is None else block.counts
        share = logits(emission, block, mixture)
        responsibilities(share, None, hard=False)
        entropy -= float(counts @ xlogy(share, share).sum(axis=0))
        scores = np.empty((k, 1 + m, len(block.x)))
        each = np.ones((width, len(block.x)))
        for component in range(k):
            if component == 0 or centre is not None:
                x = block.x if centre is None else block.x - centre[component]
                emission.statistics(x, block.trials, each[1:])
            scores[component, 0] = 1 / mixture.weight[component]
            np.matmul(folded[component].T, each, out=scores[component, 1:])
            weighted = scores[component] * (share[component] * counts)
            own = slice(component * (1 + m), (component + 1) * (1 + m))
            missing[own, own] += weighted @ scores[component].T
            sums[component] += each @ (share[component] * counts)
            scores[component] *= share[component]
        mean = scores.reshape(wide, -1)
        missing -= (mean * counts) @ mean.T
    return missing, sums, entropy


def _outward[T: Theta](model: MixtureModel[T], mixture: Mixture[T]) -> Array:
    """Return d (a component's entries in the data's units) / d (coordinates inside), (M, m)."""
    family, columns = type(mixture.theta), []
    fields = [field[:1] for field in entries(mixture.theta).values()]
    for column in model.emission.chart(mixture.theta).T:
        cuts = np.cumsum([field.size for field in fields])[:-1]
        pieces = np.split(column, cuts)
        direction = [
            piece.reshape(field.shape) for piece, field in zip(pieces, fields, strict=True)
        ]
        moved = model.rows.units.stretch_out(rebuilt(family, direction))
        columns.append(np.concatenate([field.ravel() for field in entries(moved).values()]))
    return np.array(columns).T


def _in_data[T: Theta](
    model: MixtureModel[T],
    mixture: Mixture[T],
    coordinates: list[Coordinate],
    free: Array,
    outward: Array,
) -> Array:
    """Return d (free coordinates in the data's units) / d (those inside), (p, p)."""
    fields = entries(mixture.theta)
    order = [(name, place) for name in fields for place in np.ndindex(fields[name].shape[1:])]
    places = [(name, place) for name, place, _ in model.emission.coordinates(mixture.theta)]
    change = np.eye(1 + len(places))
    change[1:, 1:] = outward[[order.index(place) for place in places]]
    moves = [coordinate.moves[0] for coordinate in coordinates]
    rows = [change[place] @ free[component] for component, place, _ in moves]
    return np.array(rows).reshape(len(moves), -1)


def _errors[T: Theta](
    model: MixtureModel[T], mixture: Mixture[T], free: Array, outward: Array, inverse: Array
) -> Mixture[T]:
    """Return the standard error of every weight and entry, in the data's units."""

    def spread(directions: Array) -> Array:
        variance = ((directions @ inverse) * directions).sum(axis=1)
        return np.sqrt(np.maximum(variance, 0))

    with np.errstate(over="ignore", invalid="ignore"):
        weight = spread(free[:, 0])
        # the unit comes last, or its square would leave the range of doubles
        size = np.abs(outward).max(axis=1, keepdims=True)
        unit = np.where(size > 0, size, 1.0)
        each = [spread(outward / unit @ free[component, 1:]) for component in range(model.k)]
    rows = np.stack(each) * unit[:, 0]
    fields, used = [], 0
    for field in entries(mixture.theta).values():
        size_of = field[0].size
        fields.append(rows[:, used : used + size_of].reshape(field.shape))
        used += size_of
    return Mixture(weight, rebuilt(type(mixture.theta), fields))
