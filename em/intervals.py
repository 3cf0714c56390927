"""Intervals of an estimate: by its profile likelihood, by the bootstrap, by standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import chdtri, ndtri

from em.climb.loop import DescentError
from em.climb.search import Climber
from em.climb.spikes import spikes
from em.climb.steps import Steps, joins
from em.data.blocks import default_floor, rows_of
from em.data.threads import Threads, executor_for
from em.emission import emission_of
from em.errors.edges import edge_slots
from em.errors.profile import BOUND, End, Surface, at_value, endless
from em.fewer import own, question_without_one, without
from em.model import densities, model_of
from em.redrawn import redrawn
from models.checks import number, whole
from models.prior import Prior
from models.refusal import Refusal
from models.structure import Structure, parameters, picked, shares_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from em.data.executor import Executor
    from em.model import Model
    from models.arrays import Array
    from models.question import Question
    from models.structure import Data, Parameter, Units

__all__ = ["KINDS", "Interval", "Intervals", "Maximum", "cheap", "intervals_of", "profiles_of"]

KINDS = ("profile", "bootstrap", "wald")
NAMED = {
    "profile": "profile likelihood intervals",
    "bootstrap": "bootstrap intervals",
    "wald": "intervals by standard errors",
}
BOOTSTRAP = "by the bootstrap"
NEARER = "; the bootstrap's end is nearer than that"
NO_ERROR = "it has no standard error"
PAIR = 2  # groups, of which one has what the other has not
OPEN = "the data leave it open"
FREE = "without this {} the log-likelihood is only {:.2f} lower, so that any value is possible"
NO_SPREAD = "the estimate is on an edge, as in all replicates; take the profile"
LEAST_SPREAD = 1e-9  # of replicates, relative to the largest of such parameters
HIGHEST = 1e-6  # relative difference of a log-likelihood from the one that was maximised
STEPS = 2_000  # of a climb on a replicate
AT_ONCE = 100  # replicates whose climbs are stepped together
TOLERANCE = 1e-3  # of it, in standard errors
MOST_LOST = 0.1  # part of the replicates that may end on a spike
DIGITS = 12  # of a direction, by which two parameters that move together are recognised


class Interval(NamedTuple):
    """The interval of a parameter.

    label, title: its name for programs and for people.
    low, high: NaN where there is no end.
    why_low, why_high: why an end is missing or is the bootstrap's, or that it is the bound of the
        possible values; empty otherwise.

    >>> Interval("rate[0]", "rate[1]", 0.8, 1.5).low
    0.8
    """

    label: str
    title: str
    low: float
    high: float
    why_low: str = ""
    why_high: str = ""


@dataclass(frozen=True)
class Intervals:
    """Intervals of all parameters, in their order.

    prior: whether the density under a prior was maximised, so that a profile is that density's.

    >>> both = Intervals(0.95, "profile", (Interval("rate[0]", "rate[1]", 0.8, 1.5),))
    >>> both.of("rate[0]").high, both.low, len(both)
    (1.5, array([0.8]), 1)
    """

    level: float
    kind: str
    rows: tuple[Interval, ...]
    prior: bool = False

    def of(self, label: str) -> Interval:
        """Return the interval of a parameter, by its label for programs, such as rate[0]."""
        for row in self.rows:
            if row.label == label:
                return row
        known = ", ".join(row.label for row in self.rows[:8])
        raise Refusal(f"no interval is of {label!r}; give one of {known}")

    @property
    def low(self) -> Array:
        """The lower ends."""
        return np.array([row.low for row in self.rows])

    @property
    def high(self) -> Array:
        """The upper ends."""
        return np.array([row.high for row in self.rows])

    def __len__(self) -> int:
        """Return the number of parameters."""
        return len(self.rows)

    def __iter__(self) -> Iterator[Interval]:
        """Yield the intervals."""
        return iter(self.rows)

    def __str__(self) -> str:
        """Return a line for each parameter, and why an end is missing."""
        wide = max((len(row.title) for row in self.rows), default=0)
        named = NAMED[self.kind]
        if self.prior and self.kind == "profile":
            named = "profile intervals of the posterior density"
        lines = [f"{100 * self.level:.10g}% {named}"]
        for row in self.rows:
            lines.append(f"  {row.title:<{wide}}  {row.low:>8.3g} {row.high:>8.3g}")
            both = {"lower": row.why_low, "upper": row.why_high}
            lines += [f"    {side} end: {why}" for side, why in both.items() if why]
        return "\n".join(lines)


class Maximum[S: Structure](NamedTuple):
    """An estimate, as far as its intervals need it.

    estimate, inside: in the data's units and in working coordinates.
    errors: standard errors in the shape of the estimate.
    floor: least widths in the data's units, (d,).
    prior: under which the density was maximised; None for the likelihood.
    objective: at the estimate.
    reason: why there are no standard errors, None if there are some.
    open: whether the likelihood is flat along some directions.

    >>> made = Maximum(
    ...     fit.question, fit.estimate, fit.inside, fit.standard_errors, fit.floor, None,
    ...     fit.trace[-1], fit.converged, fit.reason, False,
    ... )
    >>> round(intervals_of(made, kind="wald").of("rate[0]").high, 2)
    1.42
    """

    question: Question[S, Any]
    estimate: S
    inside: S
    errors: S
    floor: Array
    prior: Prior | None
    objective: float
    converged: bool
    reason: str | None
    open: bool


def intervals_of(
    found: Maximum[Any],
    level: float = 0.95,
    kind: str = "profile",
    *,
    only: Collection[str] | str | None = None,
    replicates: int = 400,
    seed: int = 0,
) -> Intervals:
    """Return an interval for each parameter.

    Profile: values whose profile, the largest log-likelihood with the parameter held, is at most
    half a quantile of chi-squared with one degree of freedom below the maximum (Venzon & Moolgavkar
    1988). It is followed from the estimate; other optima that are as high have values of their own.
    Under a prior it is the log posterior density that falls so, and the interval has no promise to
    cover. Where the bound of the possible values comes first, it is the end.
    Where a profile cannot be followed to its end, the end is the bootstrap's, if that is at least
    as far as the profile was followed; the interval says so.
    Bootstrap: quantiles of the estimates of data that were drawn from the estimate; each climb
    starts from it, so that labels stay.
    Wald: estimate -/+ z standard errors.

    level: the probability with which intervals cover in large samples.
    only: labels of the parameters to look at; all by default.
    replicates, seed: of the bootstrap; with 0 replicates a profile that does not close stays open.

    >>> made = Maximum(
    ...     fit.question, fit.estimate, fit.inside, fit.standard_errors, fit.floor, None,
    ...     fit.trace[-1], fit.converged, fit.reason, False,
    ... )
    >>> [round(one, 2) for one in intervals_of(made).of("rate[0]")[2:4]]
    [0.79, 1.45]
    """
    level = _level(level)
    if kind not in KINDS:
        raise Refusal(f"kind is {kind!r}; give one of {', '.join(KINDS)}")
    rows = _rows(found, only)
    _refuse_no_maximum(found)
    without = kind == "profile" and replicates == 0
    replicates = 0 if without else whole("replicates", replicates, 2)
    seed = whole("seed", seed, 0)
    if kind == "profile":
        followed = next(_profiles(found, rows, [level]))
        profiles = tuple(one.interval for one in followed)
        if replicates:
            profiles = _closed(found, followed, level, replicates, seed)
        return Intervals(level, kind, profiles, prior=found.prior is not None)
    mle, se = (
        np.array([float(picked(one, row)) for row in rows])
        for one in (found.estimate, found.errors)
    )
    reasons = [NO_ERROR] * len(rows)
    if kind == "bootstrap":
        drawn = _estimates(found, rows, replicates, seed)
        tails = [(1 - level) / 2, (1 + level) / 2]
        ends = np.quantile(drawn, tails, axis=0, method="inverted_cdf").T  # some may be infinite
        largest = np.abs(np.where(np.isinf(drawn), 0, drawn)).max(axis=0)
        size = [max(largest[[one.name == row.name for one in rows]]) for row in rows]
        with np.errstate(invalid="ignore"):  # both ends may be infinite
            still = np.ptp(ends, axis=1) <= LEAST_SPREAD * np.array(size)
        opened = found.open & np.isnan(se) & ~still  # each climb begins at the estimate
        reasons = [NO_SPREAD if one else OPEN for one in still]
        ends[still | opened] = np.nan
    else:
        half = ndtri((1 + level) / 2) * se
        ends = np.stack([mle - half, mle + half], axis=1)
    names = found.question.names
    return Intervals(
        level,
        kind,
        tuple(
            Interval(row.label, row.titled(names), float(low), float(high))
            if not np.isnan(low)
            else Interval(row.label, row.titled(names), np.nan, np.nan, why, why)
            for row, (low, high), why in zip(rows, ends, reasons, strict=True)
        ),
    )


def profiles_of(
    found: Maximum[Any], levels: Sequence[float], *, only: Collection[str] | str | None = None
) -> list[Intervals]:
    """Return profile intervals of several levels, whose profiles are followed once.

    They are those of `intervals_of` with 0 replicates, unless a profile has dips, over which there
    may be two ways.

    levels: rising.

    >>> made = Maximum(
    ...     fit.question, fit.estimate, fit.inside, fit.standard_errors, fit.floor, None,
    ...     fit.trace[-1], fit.converged, fit.reason, False,
    ... )
    >>> [round(one.of("rate[0]").high, 2) for one in profiles_of(made, [0.8, 0.95])]
    [1.32, 1.45]
    """
    levels = [_level(one) for one in levels]
    if any(high <= low for low, high in pairwise(levels)):
        raise Refusal(f"levels are {', '.join(map(str, levels))}; give rising ones")
    rows = _rows(found, only)
    _refuse_no_maximum(found)
    return [
        Intervals(level, "profile", tuple(one.interval for one in each), found.prior is not None)
        for level, each in zip(levels, _profiles(found, rows, levels), strict=True)
    ]


def _level(given: float) -> float:
    """Return a level, or raise Refusal if it is none."""
    level = number("level", given)
    if not 0 < level < 1:
        raise Refusal(f"level is {level:g}; give a number between 0 and 1, such as 0.95")
    return level


def _rows(found: Maximum[Any], only: Collection[str] | str | None) -> list[Parameter]:
    """Return the parameters of some labels, by default all."""
    rows = parameters(found.estimate, found.question.held)
    if only is None:
        return rows
    only = {only} if isinstance(only, str) else set(only)
    unknown = sorted(only - {row.label for row in rows})
    if unknown:
        raise Refusal(f"no parameter is called {unknown[0]!r}; labels are as in to_frame()")
    return [row for row in rows if row.label in only]


class Followed(NamedTuple):
    """A profile interval, and the values to which sides without an end were followed, else NaN."""

    interval: Interval
    low: float
    high: float


def _closed(
    found: Maximum[Any], profiles: Sequence[Followed], level: float, replicates: int, seed: int
) -> tuple[Interval, ...]:
    """Return profile intervals with the bootstrap's ends where profiles could not be followed.

    What was reached is inside the interval: an end is at least as far.
    """
    missing = {
        one.interval.label for one in profiles if np.isfinite(one.low) or np.isfinite(one.high)
    }
    if not missing:
        return tuple(one.interval for one in profiles)
    others, lost = dict[str, Interval](), ""
    try:
        made = intervals_of(
            found, level, "bootstrap", only=missing, replicates=replicates, seed=seed
        )
        others = {one.label: one for one in made}
    except Refusal as why:
        lost = f"; {why}"
    return tuple(_filled(one, others.get(one.interval.label), lost) for one in profiles)


def _filled(one: Followed, other: Interval | None, lost: str) -> Interval:
    """Return an interval with ends of the bootstrap where they are farther than what was reached.

    lost: why the bootstrap has no ends.
    """
    made = one.interval
    if np.isfinite(one.low):
        farther = other is not None and other.low <= one.low
        made = made._replace(
            low=other.low if other is not None and farther else np.nan,
            why_low=f"{BOOTSTRAP}: {made.why_low}" if farther else made.why_low + (lost or NEARER),
        )
    if np.isfinite(one.high):
        farther = other is not None and other.high >= one.high
        made = made._replace(
            high=other.high if other is not None and farther else np.nan,
            why_high=f"{BOOTSTRAP}: {made.why_high}"
            if farther
            else made.why_high + (lost or NEARER),
        )
    return made


def _on_edge(surface: Surface[Any], row: Parameter) -> bool:
    """Whether a parameter is on an edge of what is possible."""
    return bool(surface.fixed[surface.slot_of(row)])


def cheap(question: Question[Any, Any]) -> bool:
    """Whether one pass over few rows gives score and information, so that profiles cost little.

    >>> cheap(fit.question)
    True
    """
    with executor_for(question.sample, emission_of(question.family), question.k) as workers:
        floor = default_floor(workers.rows, emission_of(question.family))
        model = model_of(question, workers, floor=floor)
        return model.streams and joins(model)


def _refuse_no_maximum(found: Maximum[Any]) -> None:
    """Raise Refusal where the estimate is no maximum, so that nothing falls away from it."""
    if found.reason is not None and not found.open:
        raise Refusal(f"there are no intervals: {found.reason}")
    if not found.converged:
        raise Refusal("there are no intervals, as EM has not converged; give it more max_steps")


def _model(found: Maximum[Any], data: Data, workers: Executor) -> Model[Any]:
    """Return the model of an estimate for data of its kind."""
    units, question = workers.rows.units, found.question
    if data is not question.data:
        question = question.of(data)
    floor, sample = units.floor_in(found.floor), workers.rows.sample
    floor = np.diag(floor) if sample.table and floor.ndim == 1 else floor
    prior = found.prior
    if prior is not None:
        prior = Prior(prior.weight, units.move_in(prior.theta))
    return model_of(question, workers, floor=floor, prior=prior)


def _profiles(
    found: Maximum[Any], rows: Sequence[Parameter], levels: Sequence[float]
) -> Iterator[list[Followed]]:
    """Yield the profile likelihood intervals of each level; levels rise."""
    question, quantiles = found.question, [float(chdtri(1, 1 - level)) for level in levels]
    with executor_for(question.sample, emission_of(question.family), question.k) as workers:
        model = _model(found, question.data, workers)
        surface = Surface(model, found.inside)
        height = surface.height
        if not abs(height - found.objective) <= HIGHEST * (1 + abs(height)):
            raise Refusal("there are no intervals: the estimate is not the maximum of these data")
        known: dict[tuple[float, ...], list[End]] = {}
        sides: list[list[list[End]]] = []
        empty = _empty(found, model)
        for row in rows:
            if found.open and np.isnan(picked(found.errors, row)) and not _on_edge(surface, row):
                sides.append([[End(np.nan, None, None, OPEN)] * len(levels)] * 2)
            else:
                sides.append([_ends(surface, row, sign, quantiles, known) for sign in (-1, 1)])
    for at, quantile in enumerate(quantiles):
        yield [
            _followed(model, row, *empty.ends(row, low[at], high[at], quantile / 2))
            for row, (low, high) in zip(rows, sides, strict=True)
        ]


class Empty(NamedTuple):
    """What fits where one group is empty.

    falls: (K,) of the log-likelihood without each of the groups; none where that is another
        question.
    """

    question: Question[Any, Any]
    falls: tuple[float, ...] = ()

    def ends(self, row: Parameter, low: End, high: End, needed: float) -> tuple[End, End]:
        """Return the ends of an interval, where it may have its empty group inside.

        That group's own parameters are then free. A share in all rows that has no other end goes
        down to 0, and of two up to 1.

        needed: the fall of the log-likelihood at an end.
        """
        if not self.falls or row.component is None:
            return low, high
        inside = [fall < needed for fall in self.falls]
        if own(row, self.question.structure):
            if not inside[row.component]:
                return low, high
            said = FREE.format(self.question.noun, self.falls[row.component])
            return (End(np.nan, None, None, said),) * 2
        if row.axes == ("component",):
            if np.isnan(low.value) and inside[row.component]:
                low = End(0.0, None, None, BOUND)
            if np.isnan(high.value) and len(inside) == PAIR and inside[1 - row.component]:
                high = End(1.0, None, None, BOUND)
        return low, high


def _empty(found: Maximum[Any], model: Model[Any]) -> Empty:
    """Climb from the estimate without each of its groups in turn.

    The others have to keep half of what they have: where one of them takes the place of the group
    that is left out, labels have been exchanged. Only where the rows are few.

    model: of the question itself.
    """
    fewer = question_without_one(found.question)
    if fewer is None or found.prior is not None or model.rows.blocks > 1:
        return Empty(found.question)
    held, falls = _occupancy(model, found.inside), []
    with executor_for(fewer.sample, emission_of(fewer.family), fewer.k) as workers:
        other = _model(found._replace(question=fewer), fewer.data, workers)
        for component in range(found.question.k):
            start = other.inside(without(found.estimate, component))
            there = _proper(other, start, alone=True)
            fall = np.inf
            if there is not None:
                before = np.delete(held, component, axis=0)
                kept = np.minimum(_occupancy(other, there), before).sum(axis=1)
                if (kept >= before.sum(axis=1) / 2).all():
                    fall = found.objective - float(other.expect(there)[0])
            falls.append(fall)
    return Empty(found.question, tuple(falls))


def _occupancy(model: Model[Any], parameters: Structure) -> Array:
    """Return how many of each distinct row each component has, (K, m)."""
    log_density = densities(model.runs, model.emission, parameters.theta)
    return model.grouping.expect(shares_of(parameters), log_density, hard=False).occupancy


def _followed(model: Model[Any], row: Parameter, low: End, high: End) -> Followed:
    """Return the interval between two ends, and what was reached where there is none."""
    made = Interval(
        row.label,
        row.titled(model.question.names),
        low.value,
        high.value,
        low.reason,
        high.reason,
    )
    reached = (
        np.nan if end.reached is None else float(picked(model.outside(end.reached), row))
        for end in (low, high)
    )
    return Followed(made, *reached)


def _ends(
    surface: Surface[Any],
    row: Parameter,
    sign: int,
    quantiles: Sequence[float],
    known: dict[tuple[float, ...], list[End]],
) -> list[End]:
    """Return ends on one side; what falls as another parameter rises has its ends from that one.

    known: the ends that were found, by the direction in which the parameter goes.
    """
    way = surface.ways[surface.slot_of(row)]
    largest = np.abs(way).max(initial=0)
    if not largest > 0:
        return [End(np.nan, None, None, OPEN)] * len(quantiles)
    place = tuple(np.round(sign * way / largest, DIGITS) + 0.0)
    if place not in known:
        known[place] = surface.ends(row, sign, quantiles)
        return known[place]
    return [_other_end(surface, row, end) for end in known[place]]


def _other_end(surface: Surface[Any], row: Parameter, end: End) -> End:
    """Return the end of a parameter that moves together with another one, from that one's."""
    if end.parameters is None:
        return end
    value = picked(surface.model.outside(end.parameters), row)
    return end._replace(value=float(np.round(value) if end.reason else value))


def _estimates(found: Maximum[Any], rows: Sequence[Parameter], replicates: int, seed: int) -> Array:
    """Return the estimates (replicates, rows) of data that were drawn from the estimate."""
    drawn, lost = list[list[float]](), 0
    rngs = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(2 * replicates))
    while len(drawn) < replicates and lost <= MOST_LOST * replicates:
        wanted = min(replicates - len(drawn), AT_ONCE)
        data = [redrawn(found.estimate, found.question.units, rng) for rng in islice(rngs, wanted)]
        ends = _ends_together(found, data) or [_end_alone(found, one) for one in data]
        proper = [one for one in ends if one is not None]
        lost += len(ends) - len(proper)
        drawn += [[float(picked(one, row)) for row in rows] for one in proper]
    if len(drawn) == replicates:
        return np.array(drawn)
    raise Refusal(
        f"there are no bootstrap intervals: {lost} of {len(drawn) + lost} replicates ended on a "
        "spike"
    )


def _ends_together(found: Maximum[Any], data: Sequence[Units]) -> list[Structure | None]:
    """Return where climbs end that are stepped together; none where they cannot be.

    Each begins at the estimate, so that labels stay; the working coordinates are those of the data
    that were observed. None in place of a spike.
    """
    question, emission = found.question, emission_of(found.question.family)
    with executor_for(question.sample, emission, question.k) as workers:
        if not joins(_model(found, question.data, workers)):
            return []
        units = workers.rows.units
        each = [rows_of(one.sample, emission, question.k, units) for one in data]
        models = [_model(found, one, Threads(rows)) for one, rows in zip(data, each, strict=True)]
    if not all(joins(model) for model in models):
        return []
    steps = Steps(models, np.arange(len(models)), [found.inside] * len(models))
    ends = steps.climb(TOLERANCE, STEPS)
    return [
        _estimate(models[at], _proper(models[at], end.climb.parameters, alone=end.left))
        for at, end in ends.items()
    ]


def _end_alone(found: Maximum[Any], data: Units) -> Structure | None:
    """Return where a climb from the estimate ends; None on a spike."""
    question = found.question
    with executor_for(data.sample, emission_of(question.family), question.k) as workers:
        model = _model(found, data, workers)
        return _estimate(model, _proper(model, model.inside(found.estimate), alone=True))


def _proper[S: Structure](model: Model[S], parameters: S, *, alone: bool) -> S | None:
    """Return the end of a climb in working coordinates; None on a spike.

    alone: whether it has to be climbed from here.
    """
    if alone:
        run = Climber(model, accelerate=True, tolerance=TOLERANCE, on_step=None)
        try:
            parameters = run(0, parameters, STEPS).parameters
        except DescentError:
            return None
    return None if spikes(model, parameters, own_floor=False).any() else parameters


def _estimate[S: Structure](model: Model[S], parameters: S | None) -> S | None:
    """Return the end of a climb in the data's units; None if there is none.

    What grows without bound is infinite, not what the climb takes for that.
    """
    if parameters is None:
        return None
    found = model.outside(parameters)
    for component, at in np.argwhere(endless(parameters, edge_slots(model, parameters))).tolist():
        found = at_value(found, (component, at), np.inf)
    return found
