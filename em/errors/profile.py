"""Profile likelihood intervals: how far a parameter can go with all others at their best.

An end of the interval of psi is where the profile, the largest l with psi held, has fallen by half
a quantile of chi-squared: l = top - r^2 / 2, and the gradient of l is a multiple of that of psi.
Newton's method solves both at once from the exact score and information (Venzon & Moolgavkar 1988).
It walks there in steps of r, each from the last, so that it stays on the branch of the estimate and
never comes to another optimum, such as the same one with its labels exchanged. Over a dip of the
profile it walks in steps of psi.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import ndtri

from em.errors.edges import NEAR, directions, edge_slots, off_edges, once
from em.errors.information import outward_of, slots_in_data
from em.errors.louis import louis
from em.errors.scores import complete_of, moved, score_of, scores_at
from em.errors.slots import free_of, share_places, slots_of
from models.family import bounds, entries, listed_entries, rebuilt
from models.structure import coordinates, picked, shares_of, summing_to_one, with_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from em.model import Model
    from models.arrays import Array
    from models.structure import Parameter, Structure

__all__ = ["BOUND", "End", "Surface", "at_value", "endless"]

TURNS = 40  # Newton steps for one step of r
HALVINGS = 12  # of a Newton step that leaves the parameter space
WAYPOINTS = tuple(ndtri((1 + np.array([0.5, 0.8, 0.95, 0.99])) / 2).tolist())  # of r
NEXT = 1e-6  # of r, by which a point is another one
LEAST = 32  # a step of r is at least this part of the way
ASIDE = 1e-3  # for differences, in standard errors of complete information
EXACT = 1e-9  # of the height, and of what the other parameters could still gain
FASTER = 0.2  # part of the error that a step may leave before the information is computed anew
NO_GAIN = 8  # Newton steps that have to halve the error
FLAT = 1e-10  # least eigenvalue of an information, relative to its largest, that is not rounding
BOUND = "the bound of its possible values"
ENDLESS = "the estimate grows without bound"
BACK = "the estimate grows without bound, and the profile is not followed back from there"
BETTER = "the profile needs {} finite, and is not followed there"
FINITE = 1e3  # of what grows without bound: the likelihood rises to there if it rises at all
ROUGH = 1e-3  # least eigenvalue of a step upwards, relative to the largest
STILL = 1e-9  # part of a parameter's slope that rounding leaves where edges keep it
AWAY = 1e-6  # off an edge, over which it is looked whether the likelihood rises
RISES = 1e-3  # slope off an edge that is not rounding
MOST_CROSSED = 3  # dips of a profile
PARTS, MOST_OVER = 8, 64  # of the way to a dip is a step over it; such steps
MOST_RELEASED = 8  # parameters that may leave an edge on one walk


class End(NamedTuple):
    """Where a profile ends on one side.

    value: of the parameter, in the data's units; NaN if the profile does not close.
    parameters: all of them at their best there, in working coordinates; None without an end.
    fixed: (K, s + m) slots on an edge there.
    reason: why there is no end, or why it is no usual one; empty otherwise.
    reached: parameters up to which a profile without an end was followed; inside the interval.
    local: score and information at an end inside the space, from which a walk can go on.

    >>> End(np.nan, None, None, "the profile does not close").reason
    'the profile does not close'
    """

    value: float
    parameters: Structure | None
    fixed: NDArray[np.bool_] | None
    reason: str
    reached: Structure | None = None
    local: Local | None = None


class Place[S: Structure](NamedTuple):
    """A point on the way.

    fixed: (K, s + m) slots that are held on their edges.
    """

    parameters: S
    height: float
    fixed: NDArray[np.bool_]


class Local(NamedTuple):
    """Score (q,) and information (q, q) along directions (p, q) that move nothing fixed."""

    slope: Array
    matrix: Array
    inner: Array


class Split(NamedTuple):
    """Newton's step with psi held, and the tangent of the profile: s = still + delta * along.

    base, rise, bend: the height after it is base + rise delta - bend delta^2 / 2.
    gain: what the others can gain with psi held, in units of log-likelihood.
    """

    still: Array
    along: Array
    base: float
    rise: float
    bend: float
    gain: float


@dataclass(frozen=True, eq=False)
class Surface[S: Structure]:
    """The objective about its maximum.

    top: the estimate, in working coordinates.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> from models.structure import parameters
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     surface = Surface(model_of(fit.question, workers, floor=fit.floor), fit.inside)
    >>> rate = parameters(fit.estimate)[2]
    >>> [round(one.value, 2) for one in surface.ends(rate, 1, [1.64, 3.84])]
    [1.32, 1.45]
    """

    model: Model[S]
    top: S

    @cached_property
    def height(self) -> float:
        """The objective at the estimate."""
        return float(self.model.expect(self.top)[0])

    @cached_property
    def free(self) -> Array:
        """Map from free coordinates to slots, (K, s + m, p)."""
        found = coordinates(self.top, self.model.question.held)
        return free_of(self.top, found, len(listed_entries(self.top.theta)))

    @cached_property
    def fixed(self) -> NDArray[np.bool_]:
        """Slots on an edge at the estimate, (K, s + m)."""
        return edge_slots(self.model, self.top)

    @cached_property
    def local(self) -> Local:
        """Score and information at the estimate."""
        return self.local_at(Place(self.top, self.height, self.fixed))

    @cached_property
    def ways(self) -> Array:
        """Map from free coordinates to the slots in the data's units, (K, s + m, p)."""
        outward = outward_of(self.model, self.top.theta)
        return slots_in_data(self.top, self.free, outward)

    def slot_of(self, parameter: Parameter) -> tuple[int, int]:
        """Return the component and the slot of a parameter."""
        places = share_places(self.top)
        for component, own in enumerate(places):
            for at, place in enumerate(own):
                if place == (parameter.name, parameter.at):
                    return component, at
        inner = [(one.name, one.place) for one in listed_entries(self.top.theta)]
        at = inner.index((parameter.name, parameter.place))
        return parameter.component or 0, len(places[0]) + at

    def inner(self, fixed: NDArray[np.bool_]) -> Array:
        """Return directions (p, q) of the free coordinates that move no fixed slot."""
        found = directions(self.free, fixed)
        return np.eye(self.free.shape[2]) if found is None else found

    def local_at(self, place: Place[S], matrix: Array | None = None) -> Local:
        """Return score and information at a point; the information may be given.

        Where one pass gives both it is never kept.
        """
        inner = self.inner(place.fixed)
        along = self.free @ inner
        along[place.fixed] = 0
        flat = along.reshape(-1, inner.shape[1])
        at, fixed = place.parameters, place.fixed
        common = self.model.one_pass(at)
        if common is not None:
            slots = louis(self.model, at, common, fixed)
            return Local(flat.T @ slots.score, flat.T @ slots.observed @ flat, inner)
        if matrix is not None:
            return Local(flat.T @ score_of(self.model, at, fixed), matrix, inner)
        slope = flat.T @ score_of(self.model, at, fixed)
        return Local(slope, self.differences(place, along, slope), inner)

    def differences(self, place: Place[S], along: Array, slope: Array) -> Array:
        """Return the information (q, q) by differences of the score, to one side next to a bound.

        Newton's steps need no more digits than that: where they end only the score decides.

        along: (K, s + m, q) directions; slope: (q,) the score along them.
        """
        at, fixed = place.parameters, place.fixed
        flat, limits = along.reshape(-1, along.shape[2]), self.limits(at)
        curved = np.abs(np.diagonal(flat.T @ complete_of(self.model, at, fixed) @ flat))
        ways, steps, ends = [], ASIDE / np.sqrt(np.where(curved > 0, curved, 1)), []
        for column, step in enumerate(steps):
            way = along[:, :, column]
            ahead, behind = (float(_parts(limits, sign * way).min()) for sign in (1, -1))
            if min(ahead, behind) > step:
                ways += [-step * way, step * way]
            else:
                steps[column] = min(step, max(ahead, behind) / 2) * (1 if ahead >= behind else -1)
                ways.append(steps[column] * way)
            ends.append(len(ways))
        scores = scores_at(self.model, at, np.array(ways).reshape(-1, *fixed.shape), fixed) @ flat
        found = np.empty((len(slope), len(slope)))
        for column, (begin, end) in enumerate(pairwise([0, *ends])):
            near, far = (slope, scores[begin]) if end == begin + 1 else scores[begin:end]
            found[:, column] = (near - far) / (steps[column] * (end - begin))
        return np.asarray((found + found.T) / 2)

    def limits(self, parameters: S) -> tuple[Array, Array, Array]:
        """Return the lower and upper bounds of all slots and their values, each (K, s + m)."""
        return (*self.ranges, slots_of(parameters))

    @cached_property
    def ranges(self) -> tuple[Array, Array]:
        """The lower and upper bounds of all slots, each (K, s + m)."""
        return _ranges(self.top)

    def ends(self, parameter: Parameter, sign: int, quantiles: Sequence[float]) -> list[End]:
        """Return the ends on one side of intervals of several levels, each wider than the last.

        A profile passes the narrower ends on its way, so that each walk goes on where the last one
        ended. A walk that finds nothing from there is begun anew.

        sign: -1 for the lower end, 1 for the upper one.
        quantiles: of chi-squared with one degree of freedom, rising.
        """
        found: list[End] = []
        for quantile in quantiles:
            walk, before = Walk(self, parameter, sign, quantile**0.5), found[-1:]
            if before and before[0].parameters is not None and before[0].reason:
                found += before  # the bound, where the profile is above all lower levels
                continue
            end = walk.end_beyond(before[0]) if before else None
            found.append(walk.end() if end is None else end)
        return found


@dataclass(frozen=True, eq=False)
class Walk[S: Structure]:
    """The way along a profile from the estimate to one end.

    goal: the r at the end.
    """

    surface: Surface[S]
    parameter: Parameter
    sign: int
    goal: float

    @cached_property
    def way(self) -> Array:
        """Slope of the parameter by the free coordinates, (p,), its largest entry of size 1."""
        way = self.surface.ways[self.surface.slot_of(self.parameter)]
        found: Array = way / np.abs(way).max()
        return found

    @property
    def bottom(self) -> float:
        """The height at the end."""
        return self.surface.height - self.goal**2 / 2

    def value(self, parameters: S) -> float:
        """Return the parameter in the data's units."""
        return float(picked(self.surface.model.outside(parameters), self.parameter))

    def end(self) -> End:
        """Return the end."""
        surface = self.surface
        place = Place(surface.top, surface.height, surface.fixed)
        if self.held(place.fixed):
            begun = self.lifted(place)
            if begun is None:
                return self.at_bound(place)
            place = begun
        return self.end_from(place, 0.0)

    def end_beyond(self, before: End) -> End | None:
        """Return the end, followed on from that of a narrower interval; None if there is none.

        before: an end inside the space.
        """
        if before.parameters is None or before.fixed is None:
            return None
        surface: Surface[Any] = self.surface
        height = float(surface.model.expect(before.parameters)[0])
        done = math.sqrt(2 * max(surface.height - height, 0))
        place = Place(before.parameters, height, before.fixed)
        found = self.end_from(place, done, before.local)
        return None if found.parameters is None else found

    def end_from(self, place: Place[Any], done: float, local: Local | None = None) -> End:
        """Return the end, followed from a place on the profile where r is `done`.

        local: score and information there, if they are known.
        """
        surface: Surface[Any] = self.surface
        aim = self.aim(done)
        step, released, crossed = aim - done, 0, 0
        while done < self.goal:
            nearer = aim if done + step > aim - NEXT else done + step
            found = self.solved(place, surface.height - nearer**2 / 2, local)
            if isinstance(found, End):
                return found
            if found is None or not self.onside(found[0].parameters):
                step /= 2
                if step >= self.goal / LEAST:
                    continue
                beyond = self.over(place) if crossed < MOST_CROSSED else None
                if beyond is None:
                    return self.open(place)
                place, local, crossed = beyond, None, crossed + 1
                fallen = math.sqrt(2 * (surface.height - place.height))
                done = fallen if fallen < self.goal else done
                aim = self.aim(done) if fallen < self.goal else self.goal
                step = aim - done
                continue
            rising = self.rising(found[0], found[1]) if nearer == self.goal else None
            if rising is not None and released < MOST_RELEASED:
                place, released, local = rising, released + 1, None
                continue
            (place, _, local), done = found, nearer
            if done == aim:
                aim = self.aim(done)
                step = aim - done
        if name := self.better_finite(place):
            return End(np.nan, None, None, BETTER.format(name))
        return End(self.value(place.parameters), place.parameters, place.fixed, "", local=local)

    def aim(self, done: float) -> float:
        """Return the r to which the walk goes next.

        It goes through those of usual levels, so that an end does not depend on which narrower
        intervals were asked for as well.
        """
        ahead = next((one for one in WAYPOINTS if one > done + NEXT), done + 1)
        return ahead if ahead < self.goal - NEXT else self.goal

    def better_finite(self, place: Place[S]) -> str:
        """Return which parameter without bound had better be finite there; empty if none.

        All others are stationary at an end, so that the first step back decides.
        """
        model, names = self.surface.model, listed_entries(place.parameters.theta)
        least = place.height + EXACT + model.rounding(place.parameters)
        for component, at in np.argwhere(endless(place.parameters, place.fixed)):
            back = at_value(place.parameters, (int(component), int(at)), FINITE)
            if float(model.expect(back)[0]) > least:
                return str(names[at - len(share_places(place.parameters)[0])].name)
        return ""

    def held(self, fixed: NDArray[np.bool_]) -> bool:
        """Whether the parameter cannot move while some slots are held."""
        inner = self.surface.inner(fixed)
        return bool(np.abs(self.way @ inner).max(initial=0) < STILL)

    def lifted(self, place: Place[S]) -> Place[S] | None:
        """Return the place with the parameter let off its edge; None on the edge's own side."""
        model, fixed = self.surface.model, place.fixed
        lifted = np.zeros_like(fixed)
        for slot in np.argwhere(once(place.parameters, fixed)):
            without = fixed.copy()
            without[_every(self.surface.top, slot)] = False
            if not self.held(without):
                lifted[_every(self.surface.top, slot)] = True
        for step in (NEAR, NEAR / 100):
            at = off_edges(place.parameters, lifted, step)
            found = Place(at, float(model.expect(at)[0]), fixed & ~lifted)
            way = (self.value(at) - self.value(place.parameters)) * self.sign
            if not way > 0:
                return None
            if found.height > self.bottom:
                return found
        return None

    def at_bound(self, place: Place[S]) -> End:
        """Return an end on the edge of what is possible."""
        value = self.value(place.parameters)
        low, high = self.surface.ranges
        slot = self.surface.slot_of(self.parameter)
        if endless(place.parameters, place.fixed)[slot]:
            if self.sign < 0:
                return End(np.nan, None, None, BACK)
            return End(np.inf, place.parameters, place.fixed, ENDLESS)
        least, most = low[slot], high[slot]
        if np.isposinf(most) and least == 0:  # of a simplex
            most = 1.0
        value = float(least if abs(value - least) <= abs(most - value) else most)
        return End(value, place.parameters, place.fixed, BOUND)

    def open(self, place: Place[S]) -> End:
        """Return that there is no end."""
        fallen, needed = self.surface.height - place.height, self.goal**2 / 2
        said = (
            f"the profile could be followed only to a fall of {fallen:.2f} in log-likelihood, "
            f"{needed:.2f} are needed"
        )
        if fallen > needed - EXACT:
            said = "another parameter leaves its edge there, and the profile is not followed on"
        return End(np.nan, None, None, said, place.parameters)

    def solved(
        self, begin: Place[S], level: float, local: Local | None = None
    ) -> tuple[Place[S], float, Local] | End | None:
        """Return the place of a height on the profile, the profile's slope, and `Local` there.

        An End if a bound comes first; None if Newton's method finds neither.

        local: score and information where the way begins, if they are known.
        """
        place, errors, matrix = begin, [], None
        at_top = begin.parameters is self.surface.top
        if local is None:
            local = self.surface.local if at_top else self.surface.local_at(begin)
        exact = EXACT + self.surface.model.rounding(begin.parameters)
        for _ in range(TURNS):
            split = _split(local, self.way @ local.inner)
            if split is None:
                return None
            error = abs(place.height - level) + split.gain
            if error <= exact and split.rise * self.sign < 0:
                return place, split.rise, local
            errors.append(error)
            if len(errors) > NO_GAIN and error > errors[-NO_GAIN] / 2:
                return None
            delta = _root(split, level - place.height, self.sign)
            if delta is None:
                return None
            step = local.inner @ (split.still + delta * split.along)
            next_one = self.stepped(place, step, level)
            if next_one is None or isinstance(next_one, End):
                return next_one
            slow = len(errors) > 1 and error > FASTER * errors[-2]
            changed = (next_one.fixed != place.fixed).any()
            matrix = None if slow or changed else local.matrix
            place, local = next_one, self.surface.local_at(next_one, matrix)
        return None

    def stepped(self, place: Place[S], step: Array, level: float) -> Place[S] | End | None:
        """Return the place after a step (p,), shortened to stay where the height is near `level`.

        What comes to its bound first is held there. An End if it is the parameter itself.
        """
        surface, model = self.surface, self.surface.model
        way = surface.free @ step
        way[place.fixed] = 0
        part, slot, bound = _first_bound(surface.limits(place.parameters), way)
        length = 1.0
        if part <= 1:
            there = at_value(moved(model, place.parameters, part * way), slot, bound)
            pinned = place.fixed.copy()
            pinned[_every(there, np.array(slot))] = True
            edge = bool(edge_slots(model, there)[slot])
            if self.held(pinned):
                onside = self.onside(there)
                end = self.closed_at(there, pinned, edge=edge) if onside else None
                if end is not None:
                    return end
            elif edge:
                height = float(model.expect(there)[0])
                if self.near(height, place.height, level):
                    return Place(there, height, pinned)
            length = part / 2
        for _ in range(HALVINGS):
            there = summing_to_one(moved(model, place.parameters, length * way))
            height = float(model.expect(there)[0])
            if self.near(height, place.height, level):
                return Place(there, height, place.fixed)
            length /= 2
        return None

    def near(self, height: float, before: float, level: float) -> bool:
        """Whether a height is as a step from `before` to `level` can find it, and no spike's."""
        off = max(2 * abs(before - level), self.goal**2 / 8)
        return bool(np.isfinite(height) and abs(height - level) <= off)

    def onside(self, parameters: S) -> bool:
        """Whether the parameter is where the end is looked for, and not beyond the estimate."""
        return (self.value(parameters) - self.value(self.surface.top)) * self.sign >= 0

    def closed_at(self, there: S, pinned: NDArray[np.bool_], *, edge: bool) -> End | None:
        """Return the bound as the end if the profile is above the level there, otherwise None."""
        place = Place(there, float(self.surface.model.expect(there)[0]), pinned)
        if place.height >= self.bottom:
            return self.at_bound(place)
        if not edge or not np.isfinite(place.height) or not self.surface.inner(pinned).size:
            return None
        for _ in range(NO_GAIN):
            local = self.surface.local_at(place)
            split = _split(local, np.zeros(local.inner.shape[1]))
            if split is None or split.gain < EXACT:
                return None
            found = self.stepped_still(place, local.inner @ split.still)
            if found is None:
                return None
            place = found
            if place.height >= self.bottom:
                return self.at_bound(place)
        return None

    def stepped_still(self, place: Place[S], step: Array) -> Place[S] | None:
        """Return the place after a step that climbs with the parameter held."""
        way = self.surface.free @ step
        way[place.fixed] = 0
        length = min(1.0, _first_bound(self.surface.limits(place.parameters), way)[0] / 2)
        for _ in range(HALVINGS):
            there = summing_to_one(moved(self.surface.model, place.parameters, length * way))
            height = float(self.surface.model.expect(there)[0])
            if place.height < height < self.surface.height:
                return Place(there, height, place.fixed)
            length /= 2
        return None

    def over(self, begin: Place[S]) -> Place[S] | None:
        """Return a place beyond the dips of the profile, near the end; None if there is none.

        Between two optima a profile falls and rises again, so that no step of r leads on. Steps of
        psi do, with the others at their best after each, until one passes the end: the place before
        it is returned. A profile that rises by half of its fall is another optimum's, maybe that of
        the same groups with their labels exchanged.
        """
        size = (self.value(begin.parameters) - self.value(self.surface.top)) / self.unit
        place, least = begin, begin.height
        for _ in range(MOST_OVER if size else 0):
            local = self.surface.local_at(place)
            split = _split(local, self.way @ local.inner)
            if split is None:
                return None
            way = self.surface.free @ (local.inner @ (split.still + size / PARTS * split.along))
            way[place.fixed] = 0
            if _first_bound(self.surface.limits(place.parameters), way)[0] <= 1:
                return None
            there = summing_to_one(moved(self.surface.model, place.parameters, way))
            height = float(self.surface.model.expect(there)[0])
            best = self.settled(Place(there, height, place.fixed))
            if best is None or best.height > (self.surface.height + least) / 2:
                return None
            if best.height <= self.bottom:
                return best if place is begin else place
            place, least = best, min(least, best.height)
        return None

    def settled(self, place: Place[S]) -> Place[S] | None:
        """Return where the others are at their best with psi held; None if that is not reached.

        Where a branch of the profile has ended they climb to another one, below the estimate.
        """
        exact = EXACT + self.surface.model.rounding(place.parameters)
        for _ in range(TURNS):
            local = self.surface.local_at(place)
            way = self.way @ local.inner
            split = _split(local, way)
            if split is not None and split.gain <= exact:
                return place
            upward = _upward(local, way) if split is None else split.still
            found = None if upward is None else self.stepped_still(place, local.inner @ upward)
            if found is None:
                return None
            place = found
        return None

    def rising(self, place: Place[S], slope: float) -> Place[S] | None:
        """Return the place with a parameter let off its edge if the height rises away from there.

        With psi held, the height less slope * psi is stationary in all that is not on an edge.
        """
        here, unit = self.value(place.parameters), self.unit
        for slot in np.argwhere(once(place.parameters, place.fixed)):
            one = np.zeros_like(place.fixed)
            one[_every(place.parameters, slot)] = True
            if self.held(place.fixed & ~one) or not one.any():
                continue
            there = off_edges(place.parameters, one, AWAY)
            height = float(self.surface.model.expect(there)[0])
            rise = height - place.height - slope * (self.value(there) - here) / unit
            if rise > RISES * AWAY + self.surface.model.rounding(place.parameters):
                off = off_edges(place.parameters, one, NEAR)
                height = float(self.surface.model.expect(off)[0])
                return Place(off, height, place.fixed & ~one)
        return None

    @cached_property
    def unit(self) -> float:
        """The largest slope of the parameter, by which `way` was divided."""
        way = self.surface.ways[self.surface.slot_of(self.parameter)]
        return float(np.abs(way).max())


def _every(like: Structure, slot: NDArray[np.intp]) -> tuple[slice | int, int]:
    """Return the index of a slot, in all components if they share it."""
    component, at = int(slot[0]), int(slot[1])
    s, inner = len(share_places(like)[0]), listed_entries(like.theta)
    return (slice(None), at) if at >= s and inner[at - s].shared else (component, at)


def _split(local: Local, way: Array) -> Split | None:
    """Return the step with psi held and the tangent; None where the others are at no maximum.

    way: (q,) slope of psi; zeros if no direction moves it.
    """
    held = _held(local, way)
    if held is None:
        return None
    unit, scaled, score, across, basis, values, vectors = held
    if len(values) and values[0] < -FLAT * max(values[-1], 1):
        return None
    told = values > FLAT * values.max(initial=0)
    root = basis @ vectors[:, told]
    inverse = (root / values[told]) @ root.T
    size = float(across @ across)
    still = inverse @ score
    straight = across / size if size > 0 else np.zeros_like(across)
    along = straight - inverse @ (scaled @ straight)
    return Split(
        still=unit * still,
        along=unit * along,
        base=float(score @ still - still @ scaled @ still / 2),
        rise=float(score @ along - still @ scaled @ along),
        bend=float(along @ scaled @ along),
        gain=float(score @ still) / 2,
    )


def _upward(local: Local, way: Array) -> Array | None:
    """Return a step upwards with psi held, (q,), where the information is not positive definite.

    Newton's step with the absolute values of its eigenvalues; None where there is no number.
    """
    held = _held(local, way)
    if held is None or not len(held.values):
        return None
    sizes = np.abs(held.values)
    root = held.basis @ held.vectors
    step: Array = held.unit * (
        (root / np.maximum(sizes, ROUGH * sizes.max())) @ (root.T @ held.score)
    )
    return step


class Held(NamedTuple):
    """Score and information scaled to a diagonal of ones, and their parts with psi held.

    unit: (q,) the scale. scaled: (q, q); score, across: (q,) scaled score and slope of psi.
    basis: (q, r) what holds psi; values (r,), vectors (r, r): of the information along it.
    """

    unit: Array
    scaled: Array
    score: Array
    across: Array
    basis: Array
    values: Array
    vectors: Array


def _held(local: Local, way: Array) -> Held | None:
    """Return score and information with psi held; None where there is no number.

    way: (q,) slope of psi; zeros if no direction moves it.
    """
    slope, matrix, _ = local
    if not (np.isfinite(slope).all() and np.isfinite(matrix).all()) or not len(slope):
        return None
    curved = np.abs(np.diagonal(matrix))
    unit = 1 / np.sqrt(np.where(curved > 0, curved, 1))
    scaled, score, across = unit[:, None] * matrix * unit, unit * slope, unit * way
    basis = np.eye(len(across))
    if float(across @ across) > 0:
        basis = np.linalg.svd(across[None])[2][1:].T
    values, vectors = np.linalg.eigh(basis.T @ scaled @ basis)
    return Held(unit, scaled, score, across, basis, values, vectors)


def _root(split: Split, fall: float, sign: int) -> float | None:
    """Return the delta at which the model of the height falls through a level; None if nowhere.

    fall: the level less the present height.

    >>> flat = Split(np.zeros(1), np.ones(1), 0.0, 0.0, 4.0, 0.0)
    >>> _root(flat, -2.0, 1), _root(flat, -2.0, -1), _root(flat, 1.0, 1)
    (1.0, -1.0, None)
    """
    _, _, base, rise, bend, _ = split
    above = base - fall
    under = rise**2 + 2 * bend * above
    if not under > 0:
        return None
    root = float(np.sqrt(under))
    if rise * sign > 0:
        return (rise + sign * root) / bend if bend else None
    return -2 * above / (rise - sign * root)


def _first_bound(
    limits: tuple[Array, Array, Array], way: Array
) -> tuple[float, tuple[int, int], float]:
    """Return the part of a step at which the first slot comes to its bound, that slot, the bound.

    limits: of `Surface.limits`; way: (K, s + m) the step in slots.
    """
    (low, high, _), parts = limits, _parts(limits, way)
    component, slot = np.unravel_index(int(parts.argmin()), parts.shape)
    at = int(component), int(slot)
    return float(parts[at]), at, float(low[at] if way[at] < 0 else high[at])


def _parts(limits: tuple[Array, Array, Array], way: Array) -> Array:
    """Return the part of a step at which each slot comes to its bound, (K, s + m)."""
    low, high, here = limits
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(
            way < 0, (low - here) / way, np.where(way > 0, (high - here) / way, np.inf)
        )
    return np.where(np.isnan(parts), np.inf, np.maximum(parts, 0))


def _ranges(parameters: Structure) -> tuple[Array, Array]:
    """Return the lower and upper bounds of all slots, each (K, s + m)."""
    theta, places = parameters.theta, share_places(parameters)
    inner = [bounds(type(theta), one.name, (*one.place,)) for one in listed_entries(theta)]
    low = [0.0] * len(places[0]) + [float(one) for one, _ in inner]
    high = [np.inf] * len(places[0]) + [float(one) for _, one in inner]
    return np.array([low] * len(places)), np.array([high] * len(places))


def endless(parameters: Structure, fixed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which fixed slots grow without bound, (K, s + m); a share is at most 1.

    >>> bool(endless(fit.inside, np.ones((2, 2), bool))[:, 0].any())  # shares are bounded
    False
    """
    (low, high), here = _ranges(parameters), slots_of(parameters)
    with np.errstate(invalid="ignore"):
        found: NDArray[np.bool_] = fixed & np.isinf(high) & (here - low > 1)
    return found


def at_value[S: Structure](parameters: S, slot: tuple[int, int], value: float) -> S:
    """Return the parameters with a slot at a value, such as its bound without rounding.

    >>> at_value(fit.inside, (1, 1), 9.0).theta.rate[1]
    np.float64(9.0)
    """
    component, at = slot
    places, inner = share_places(parameters)[component], listed_entries(parameters.theta)
    shares = {name: np.array(field) for name, field in shares_of(parameters).items()}
    fields = {name: np.array(field) for name, field in entries(parameters.theta).items()}
    if at < len(places):
        name, place = places[at]
        shares[name][place] = value
    else:
        one = inner[at - len(places)]
        fields[one.name][(slice(None) if one.shared else component, *one.place)] = value
    theta = rebuilt(type(parameters.theta), list(fields.values()))
    return summing_to_one(with_shares(type(parameters), shares, theta))
