"""Maxima on the edge of the parameter space, such as a rate of 0.

There the likelihood falls away from the edge at a slope, and has no curvature that errors could
come from. The other parameters are judged with that one fixed: what is left of the information is
that of the directions along which no parameter on an edge moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.linalg import null_space

from em.edges import Edge
from em.errors.slots import share_places
from models.family import bounds, entries, listed_entries, rebuilt
from models.structure import shares_of, with_shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from em.model import Model
    from models.arrays import Array
    from models.structure import Structure

__all__ = [
    "NEAR",
    "NO_SHARE",
    "Profiled",
    "directions",
    "edge_slots",
    "edges_of",
    "off_edges",
    "once",
    "profiled",
]

NO_SHARE = 1e-8  # a share below it is 0: nobody in a hundred million is expected there
STEP = 1e-6  # away from the edge, over which the slope is taken,
NEAR = 1e-4  # and at which the curvature is: nearer, 1 / NEAR^2 would leave no digits of it


def edge_slots[S: Structure](model: Model[S], parameters: S) -> NDArray[np.bool_]:
    """Return which slots (K, s + m) are of parameters on an edge.

    Where all rows have the same shares, a component with a share of 0 is empty, which is no edge.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     edge_slots(model_of(fit.question, workers, floor=fit.floor), fit.inside)
    array([[False, False],
           [False, False]])
    """
    own = model.emission.edges(parameters.theta)
    places, shares = share_places(parameters), shares_of(parameters)
    several = model.grouping.common(shares) is None
    found = [
        [several and name in model.estimated and shares[name][at] < NO_SHARE for name, at in row]
        for row in places
    ]
    return np.concatenate([np.array(found, np.bool_).reshape(len(own), -1), own], axis=1)


def once[S: Structure](parameters: S, fixed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the fixed slots (K, s + m) with what all components share in the first one only.

    >>> once(fit.inside, np.ones((2, 2), bool))
    array([[ True,  True],
           [ True,  True]])
    """
    shared = [one.shared for one in listed_entries(parameters.theta)]
    found = fixed.copy()
    found[1:, fixed.shape[1] - len(shared) :] &= ~np.array(shared, np.bool_)
    return found


def directions(free: Array, fixed: NDArray[np.bool_]) -> Array | None:
    """Return orthonormal directions (p, q) of the free coordinates that move no fixed slot.

    free: (K, s + m, p) map from free coordinates to slots; fixed: (K, s + m).
    Returns None if nothing is fixed.

    >>> directions(np.eye(3)[None], np.array([[False, True, False]])).shape
    (3, 2)
    """
    if not fixed.any():
        return None
    rows, p = free[fixed], free.shape[2]
    touched = np.abs(rows).any(axis=0)
    inner = np.asarray(null_space(rows[:, touched]))
    found = np.zeros((p, p - len(inner) + inner.shape[1]))
    found[~touched, : p - len(inner)] = np.eye(p - len(inner))  # coordinates that stay themselves
    found[touched, p - len(inner) :] = inner
    return found


def edges_of[S: Structure](
    model: Model[S], parameters: S, fixed: NDArray[np.bool_]
) -> tuple[Edge, ...]:
    """Return the parameters on an edge, with the slope of the objective away from each.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> none = np.zeros((2, 2), bool)
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     edges_of(model_of(fit.question, workers, floor=fit.floor), fit.inside, none)
    ()
    """
    if not fixed.any():
        return ()
    here, found = model.expect(parameters)[0], []
    for component, slot in np.argwhere(once(parameters, fixed)):
        moved = _moved(parameters, int(component), int(slot), STEP)
        if np.isinf(moved.bound):
            found.append(Edge(moved.label, moved.bound, 0.0))
            continue
        slope = (here - model.expect(moved.parameters)[0]) / moved.step
        found.append(Edge(moved.label, moved.bound, float(slope)))
    return tuple(found)


def off_edges[S: Structure](parameters: S, fixed: NDArray[np.bool_], step: float = NEAR) -> S:
    """Return the parameters with each that is on an edge moved inside by a step.

    >>> off_edges(fit.inside, np.zeros((2, 2), bool)) is fit.inside
    True
    """
    for component, slot in np.argwhere(once(parameters, fixed)):
        parameters = _moved(parameters, int(component), int(slot), step).parameters
    return parameters


class Profiled(NamedTuple):
    """Edges with the curvature of the likelihood's fall, given the best of the others.

    shift: (p,) by how much the free coordinates are expected to lie off the estimate, since edges
        that are left take others with them; None if it is not known.

    >>> Profiled((), None).edges
    ()
    """

    edges: tuple[Edge, ...]
    shift: Array | None


def profiled(
    edges: tuple[Edge, ...],
    names: tuple[str, ...],
    slots: Array,
    inside: Array | None,
    inverse: Array,
) -> Profiled:
    """Return the edges with the fall of the likelihood away from them.

    For its curvature each is moved off its edge with the others on theirs. The last entry of a
    simplex is no free coordinate, and moves all those that are.

    slots: (e, p) map from free coordinates to the parameters on an edge.
    inside: (p, p) information just inside the edges, in the coordinates `names`, if it is known.
    inverse: (p, p) inverse information on the edges, zero along what moves off them.

    >>> both, other = np.array([[4.0, 2.0], [2.0, 2.0]]), np.diag([0.0, 0.5])
    >>> found = profiled((Edge("a", 0.0, 1.0),), ("a", "b"), np.array([[1.0, 0.0]]), both, other)
    >>> found.edges[0].curvature, (found.shift / found.edges[0].distance).round(6)
    (2.0, array([ 1., -1.]))
    """
    if inside is None or not np.isfinite(inside).all():
        return Profiled(edges, None)
    rows = np.array(slots)
    for at, edge in enumerate(edges):
        if edge.label in names:  # in the data's units
            rows[at] = np.arange(len(names)) == names.index(edge.label)
    off = np.linalg.pinv(rows)
    ways = off - inverse @ inside @ off
    best = off.T @ inside @ ways
    able = np.abs(np.diagonal(rows @ off) - 1) < STEP
    fall = np.where(able, np.maximum(np.diagonal(best), 0), 0)
    found = tuple(
        edge._replace(curvature=float(one)) for edge, one in zip(edges, fall, strict=True)
    )
    away = np.array([edge.distance for edge in found])
    return Profiled(found, ways @ np.where(able & np.isfinite(away), away, 0))


class Moved[S: Structure](NamedTuple):
    """Parameters with one that was on an edge moved off it by a step.

    Where the parameter grows without bound, it stays.
    """

    parameters: S
    step: float
    bound: float
    label: str


def _moved[S: Structure](parameters: S, component: int, slot: int, step: float) -> Moved[S]:
    """Return the parameters with the one of a slot moved off its edge."""
    places, own = share_places(parameters)[component], listed_entries(parameters.theta)
    s = len(places)
    if slot < s:
        name, at = places[slot]
        label = f"{name}[{','.join(map(str, at))}]"
        return Moved(_with_share(parameters, name, at, step), step, 0.0, label)
    name, at = own[slot - s].name, (component, *own[slot - s].place)
    shared = own[slot - s].shared
    theta: Any = parameters.theta
    fields = {one: np.array(field) for one, field in entries(theta).items()}
    low, high = bounds(type(theta), name, at[1:])
    value = float(fields[name][at])
    label = f"{name}[{','.join(map(str, ('*', *at[1:]) if shared else at))}]"
    if np.isinf(high) and value - low > 1:
        return Moved(parameters, 0.0, float(high), label)
    bound, way = (low, 1) if value - low < high - value else (high, -1)
    if type(theta).layout()[name].simplex:
        row = fields[name][at[:-1]]
        row[row.argmax()] -= way * step
    every = np.arange(len(fields[name])) if shared else component
    fields[name][(every, *at[1:])] = bound + way * step
    found = rebuilt(type(theta), list(fields.values()))
    moved = with_shares(type(parameters), shares_of(parameters), found)
    return Moved(moved, abs(bound + way * step - value), float(bound), label)


def _with_share[S: Structure](parameters: S, name: str, at: tuple[int, ...], step: float) -> S:
    """Return the parameters with a share of a step, taken from the largest of its simplex."""
    shares = {one: field.copy() for one, field in shares_of(parameters).items()}
    row = shares[name][at[:-1]]
    row[row.argmax()] -= step
    row[at[-1]] += step
    return with_shares(type(parameters), shares, parameters.theta)
