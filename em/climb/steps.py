"""Steps of many climbs at once, each a leading axis of the arrays of a step.

One step of one climb of a few hundred rows takes longer to call than to compute. Extrapolation,
ascent and stopping are those of `em.climb.loop.climb`, decided for each climb. That loop climbs one
model of any kind, whose parameters are no arrays of one shape; a test holds both against each
other, for every family. Families of few numbers go on in machine code, in `em/climb/compiled.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from em.climb.loop import LAST_PLACES, MEMORY, PATIENCE, ROUNDING, Climb
from em.climb.spikes import spikes
from em.emission import Exponential
from em.model import KEPT_SHARE, NOBODY
from em.sweep import folded
from models.family import entries, rebuilt, summing_to_one
from models.structure import normalised, shares_of, uniform, with_shares

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from em.model import Model
    from models.arrays import Array, Labels
    from models.family import Theta
    from models.structure import Structure

__all__ = ["LEAST_KEPT", "End", "Steps", "Watch", "joins"]

AT_ONCE = 1 << 15  # densities computed at once, so that they stay in the cache
FINISHED = 0.1  # of the climbs, from which on they are taken out of the arrays
LEAST_KEPT = 4  # climbs of a model that go on at least
HEAVY = 1_000.0  # times as large as the data's sums those of a prior may be: it costs digits
RIDGE = 1e-14  # of the trace, added to the equations of the extrapolation
TINY = 1e-300  # of a sum that may be empty
SOON = 16  # steps after which climbs go on in machine code: it takes a quarter of a second to load
AHEAD = 16  # steps in machine code between two looks at what climbs have reached


def joins(model: Model[Any]) -> bool:
    """Whether a model's steps can be taken with those of others.

    Rows have to be few. Hard EM is left to climb alone, as it ends within a few steps. So are
    mixtures of labels, whose statistics are looked up and never written, and families without
    statistics.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     joins(model_of(fit.question, workers, floor=fit.floor))
    True
    """
    if model.hard or not isinstance(model.emission, Exponential):
        return False
    if model.rows.blocks > 1 or not model.rows.sample.distinct or _heavy(model):
        return False
    return not (model.streams and model.emission.unwritten(model.question.width))


def _heavy(model: Model[Any]) -> bool:
    """Whether a prior lies so far away that its sums about zero would lose digits."""
    return model.prior is not None and bool(
        np.abs(model.unseen(None)).max() > HEAVY * np.abs(model.total).max()
    )


class End[S: Structure](NamedTuple):
    """Where a climb ended; `left` if it has to go on by itself.

    >>> End._fields
    ('climb', 'left')
    """

    climb: Climb[S]
    left: bool


class Watch[S: Structure](Protocol):
    """What looks at climbs on their way, and may end them near the end of an earlier one.

    below: of the objective: a climb that is farther below all known ends has not arrived.

    >>> Watch.__name__
    'Watch'
    """

    below: float

    def heights(self) -> list[float]:
        """Return the heights of all known ends."""
        ...

    def arrived(self, parameters: S, height: float) -> bool:
        """Return whether a known end is so near that a climb may stop."""
        ...

    def over(self, number: int, climb: Climb[S]) -> None:
        """Note that the climb of a start is over."""
        ...


class _Rows(NamedTuple):
    """What the climbs look at.

    whose: (C,) which model they are of.
    base: (C,) the part of the log-likelihood without parameters.
    known: (C, 1 + q, M) the statistics (1, T) of each climb's rows, 0 where it has fewer rows.
    counts: (C, M) how often each row occurred, 0 where there is none.

    If all climbs look at the same rows, there is one in place of C.
    """

    whose: Labels
    base: Array
    known: Array
    counts: Array

    def at(self, places: Labels | NDArray[np.bool_]) -> _Rows:
        """Return those of some climbs."""
        if len(self.base) == 1:
            return self
        known, counts = self.known[places], self.counts[places]
        return _Rows(self.whose[places], self.base[places], known, counts)


@dataclass(eq=False)
class _Climbs:
    """Climbs under way; every array has a leading axis of climbs, C.

    index: which climb it is.
    here: (C, P) the parameters; value: the objective there; sums: (C, K, 1 + q) the statistics.
    own: (C, O) statistics of the structure's own; none if rows are independent.
    gain: of the last step; near: for how many steps the rest has been below the tolerance.
    steps, images: (C, MEMORY + 1, P) the last M-steps, the newest last, and where they led.
    kept: how many of these there are.
    stride, failures: as in `em.climb.loop.Memory`.
    left: whether it cannot go on here; over: whether it has ended.
    evaluations: the number of E-steps.
    """

    rows: _Rows
    index: Labels
    here: Array
    value: Array
    sums: Array
    own: Array
    gain: Array
    near: Labels
    steps: Array
    images: Array
    kept: Labels
    stride: Array
    failures: Labels
    evaluations: Labels
    left: NDArray[np.bool_]
    over: NDArray[np.bool_]

    def at(self, places: NDArray[np.bool_]) -> _Climbs:
        """Return some of the climbs."""
        fields = {name: field[places] for name, field in vars(self).items() if name != "rows"}
        return _Climbs(rows=self.rows.at(places), **fields)


class Steps[S: Structure]:
    """The steps of all climbs.

    models: they ask the same of different data, in the same coordinates and with the same floor.
    whose: (C,) which model each climb is of; starts: where they begin, in working coordinates.
    numbers: of the starts, as observers see them; by default 0, 1, 2, ...
    reach: how much farther from zero than usual components may lie (`Emission.far`).

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> ends = Steps([model], np.zeros(1, int), [fit.inside]).climb(1e-4, 100)
    >>> ends[0].climb.converged, ends[0].left
    (True, False)
    """

    def __init__(
        self,
        models: Sequence[Model[S]],
        whose: Labels,
        starts: Sequence[S],
        *,
        numbers: Sequence[int] | None = None,
        reach: float = 1.0,
        accelerate: bool = True,
    ) -> None:
        self.models, self.model, self.reach = models, models[0], reach
        self.whose, self.accelerate = whose, accelerate
        self.numbers = range(len(starts)) if numbers is None else numbers
        assert isinstance(self.model.emission, Exponential)  # see `joins`
        self.emission: Exponential[Any] = self.model.emission
        self.k = self.model.k
        self.kind: type[S] = type(starts[0])
        self.family: type[Theta] = type(starts[0].theta)
        self.shares = {name: field.shape for name, field in shares_of(starts[0]).items()}
        self.alike, sizes = self.model.streams, self.model.question.data.sizes
        even = uniform(self.model.question.structure, self.k, sizes)
        self.held = {name: even[name] for name in self.shares if name not in self.model.estimated}
        self.shapes = [field.shape for field in entries(starts[0].theta).values()]
        self.unseen = None if self.model.prior is None else self.model.unseen(None)
        varying = self.model.varying(starts[0])
        self.moving = None if varying is None else _row(varying) != 0
        self.guarded = _guarded(starts[0]) if sizes else None
        self.own: dict[str, tuple[int, ...]] = {}  # what the first E-step finds
        here = self._moving(np.stack([_row(start) for start in starts]))
        rows = _rows_of(models)
        self.begun = self._begin(rows if len(models) == 1 else rows.at(whose), here)

    @property
    def compiles(self) -> bool:
        """Whether there are formulas in machine code, and all parameters may move."""
        simple = self.alike and self.unseen is None and self.moving is None and not self.held
        return simple and self.emission.formulas is not None

    def climb(
        self,
        tolerance: float,
        max_steps: int,
        *,
        thinned: Mapping[int, float] | None = None,
        watch: Watch[S] | None = None,
        on_step: Callable[[int, int, S, float], None] | None = None,
    ) -> dict[int, End[S]]:
        """Take steps until every climb is over, and return the ends by each climb's place.

        tolerance: as in `em.climb.loop.climb`; zero takes all steps.
        thinned: steps after which only a part of each model's climbs goes on, the highest.
        on_step: called with start, step, parameters and objective after each step of each climb.
        """
        going, ends, step = self.begun, dict[int, End[S]](), 0
        traces = [[height] for height in going.value.tolist()]
        while True:
            if thinned and step in thinned:
                going = going.at(self._promising(going, thinned[step], list(ends)))
            fresh = going.left | (tolerance > 0) & (going.near >= 2) | (step == max_steps)
            if watch is not None and tolerance > 0 and step:
                fresh |= self._arrived(going, watch)
            fresh &= ~going.over
            for one in np.flatnonzero(fresh):
                at = int(going.index[one])
                ends[at] = end = self._end(going, int(one), traces[at], tolerance)
                if watch is not None and not end.left:
                    watch.over(self.numbers[at], end.climb)
            going.over |= fresh
            if going.over.all():
                break
            if going.over.sum() >= max(1, FINISHED * len(going.over)):
                going = going.at(~going.over)
            compiled = self.compiles and on_step is None and step >= SOON
            most = min(end for end in (*(thinned or ()), max_steps) if end > step) - step
            many = min(AHEAD, most) if compiled else 1
            heights, taken = self._steps(going, tolerance, many, compiled=compiled)
            step += many
            for one in np.flatnonzero(taken):
                at = int(going.index[one])
                traces[at] += heights[one, : taken[one]].tolist()
                if on_step is not None:
                    there = self._rebuilt(going.here[one])
                    on_step(self.numbers[at], step, there, traces[at][-1])
        return dict(sorted(ends.items()))

    def _arrived(self, going: _Climbs, watch: Watch[S]) -> NDArray[np.bool_]:
        """Return which climbs have come near a known end."""
        below = np.array(watch.heights())[None, :] - going.value[:, None]
        found = ((below >= 0) & (below <= watch.below)).any(axis=1) & ~going.over
        for one in np.flatnonzero(found):
            found[one] = watch.arrived(self._rebuilt(going.here[one]), float(going.value[one]))
        return found

    def _promising(self, going: _Climbs, part: float, ended: list[int]) -> NDArray[np.bool_]:
        """Return the highest climbs of each model that are no spikes, and all that are over.

        part: of each model's climbs, those that have ended before among them.
        """
        kept = (going.near > 0) | going.left | going.over
        whose, done = self.whose[going.index], self.whose[np.array(ended, np.intp)]
        for at, model in enumerate(self.models):
            wanted = round(part * int((self.whose == at).sum())) - int((done == at).sum())
            left = max(LEAST_KEPT, wanted)
            own = np.flatnonzero((whose == at) & ~going.over)
            for one in own[np.argsort(-going.value[own])]:
                if not left:
                    break
                if kept[one]:
                    left -= 1
                elif not spikes(model, self._rebuilt(going.here[one]), own_floor=False).any():
                    kept[one], left = True, left - 1
        return kept

    def _begin(self, rows: _Rows, here: Array) -> _Climbs:
        count, wide = here.shape
        with np.errstate(all="ignore"):
            value, sums, own = self._expect(rows, here)
        return _Climbs(
            rows=rows,
            index=np.arange(count),
            here=here,
            value=value,
            sums=sums,
            own=own,
            gain=np.full(count, np.inf),
            near=np.zeros(count, np.intp),
            steps=np.zeros((count, MEMORY + 1, wide)),
            images=np.zeros((count, MEMORY + 1, wide)),
            kept=np.zeros(count, np.intp),
            stride=np.ones(count),
            failures=np.zeros(count, np.intp),
            evaluations=np.ones(count, np.intp),
            left=~np.isfinite(value),
            over=np.zeros(count, np.bool_),
        )

    def _end(self, going: _Climbs, at: int, trace: list[float], tolerance: float) -> End[S]:
        """Return the end of a climb.

        trace: its heights on the way.
        """
        converged = bool(tolerance > 0 and going.near[at] >= 2)
        place, evaluations = self._rebuilt(going.here[at]), int(going.evaluations[at])
        return End(Climb(place, np.array(trace), evaluations, converged), bool(going.left[at]))

    def _steps(
        self, going: _Climbs, tolerance: float, many: int, *, compiled: bool
    ) -> tuple[Array, Labels]:
        """Take steps of every climb; return the heights (C, many), and how many each has taken.

        compiled: in machine code; otherwise it is one step.
        """
        if not compiled:
            with np.errstate(all="ignore"):  # what leaves the range of doubles is caught below
                self._step(going, tolerance)
            return going.value[:, None], (~(going.over | going.left)).astype(np.intp)
        from em.climb.compiled import Limits, Rows, State, advance  # numba takes long to load

        count, floor = len(going.index), float(self.model.floor.max(initial=0))
        heights, taken = np.empty((count, many)), np.empty(count, np.intp)
        rows = Rows(going.rows.known, going.rows.counts, going.rows.base)
        limits = Limits(float(tolerance), floor, float(self.reach), bool(self.accelerate))
        state = State(*(getattr(going, name) for name in State._fields))
        assert self.emission.formulas is not None
        advance(int(self.emission.formulas), rows, state, limits, heights, taken)
        return heights, taken

    def _step(self, going: _Climbs, tolerance: float) -> None:
        """Take one step of every climb: a jump if it leads up, otherwise the M-step."""
        mapped = self._maximize(going.sums, going.own)
        ahead, striding = _proposed(going, mapped)
        ahead = self._bounded(ahead, mapped)
        jumped = (going.kept > 1) & np.isfinite(ahead).all(axis=1) & self.accelerate
        ahead = np.where(jumped[:, None], ahead, mapped)
        level, sums, own = self._expect(going.rows, ahead)
        down = jumped & ~(level >= going.value)
        _remember(going, jumped, down, striding)
        if down.any():
            ahead[down] = mapped[down]
            level[down], sums[down], own[down] = self._expect(going.rows.at(down), mapped[down])
        plain = ~jumped | down
        fall = going.value - level
        within = fall <= ROUNDING * np.abs(going.value)
        lost = plain & ~within  # the loop of a single climb knows what to do
        going.left |= lost & ~going.over
        going.evaluations += 1 + down
        taken = ~(going.left | going.over)
        gain = np.where(taken, level - going.value, 0.0)
        going.here[taken], going.value[taken] = ahead[taken], level[taken]
        going.sums[taken], going.own[taken] = sums[taken], own[taken]
        slower = going.gain > gain
        rest = np.where(slower, gain * gain / (going.gain - gain), np.inf)
        rest[~np.isfinite(going.gain)] = np.inf
        rest[gain <= LAST_PLACES * np.abs(going.value)] = 0
        going.near = np.where(rest <= 0.5 * tolerance**2, going.near + 1, 0)
        going.gain = gain

    def _expect(self, rows: _Rows, here: Array) -> tuple[Array, Array, Array]:
        """Return the objectives (C,), -inf where there are none, the sums (C, K, 1 + q) and own."""
        count, k = len(here), self.k
        value = np.full(count, -np.inf)
        sums = np.zeros((count, k, len(self.model.total)))
        valid = self._valid(here)
        if not valid.any():
            return value, sums, np.zeros((count, _numbers(self.own)))
        places = np.flatnonzero(valid)
        shares, theta = self._parts(here[places])
        natural = self.emission.natural(theta).reshape(len(places), k, -1)
        expect = self._expect_alike if self.alike else self._expect_by_rows
        value[places], sums[places], some = expect(rows.at(places), shares, natural)
        own = np.zeros((count, some.shape[1]))
        own[places] = some
        if self.unseen is not None:
            value[places] += self._log_prior(shares, natural)
        value[np.isnan(value)] = -np.inf
        return value, sums, own

    def _expect_alike(
        self, rows: _Rows, shares: Mapping[str, Array], natural: Array
    ) -> tuple[Array, Array, Array]:
        """Return what rows expect that are independent and have the same shares."""
        common = self.model.grouping.common(shares)
        assert common is not None
        count, k = common.shape
        value, sums = np.empty(count), np.empty((count, k, len(self.model.total)))
        phi = folded(self.emission, np.log(common), natural)
        size = max(1, AT_ONCE // (k * rows.known.shape[2]))
        for begin in range(0, count, size):
            own = slice(begin, begin + size)
            some = rows.at(np.arange(count)[own])
            logits = phi[own] @ some.known
            highest = logits.max(axis=1)
            logits -= highest[:, None]
            np.exp(logits, out=logits)
            total = logits.sum(axis=1)
            value[own] = some.base + ((highest + np.log(total)) * some.counts).sum(axis=1)
            logits *= (some.counts / total)[:, None]
            sums[own] = logits @ some.known.transpose(0, 2, 1)
        return value, sums, np.empty((count, 0))

    def _expect_by_rows(
        self, rows: _Rows, shares: Mapping[str, Array], natural: Array
    ) -> tuple[Array, Array, Array]:
        """Return what the structure expects, from log p (K, m) of the rows of each climb."""
        count, k, _ = natural.shape
        value, sums = np.empty(count), np.empty((count, k, len(self.model.total)))
        phi = folded(self.emission, np.zeros((count, k)), natural)
        own: list[Array] = []
        whose = np.broadcast_to(rows.whose, count)
        value[:] = rows.base
        for begin, end in self._parts_of(whose):
            model, some = self.models[whose[begin]], slice(begin, end)
            x, trials, _ = model.seen
            log_density = np.empty(((end - begin) * k, len(x)))
            self.emission.heights(phi[some].reshape(len(log_density), -1), x, trials, log_density)
            found = model.grouping.expect_each(
                {name: field[some] for name, field in shares.items()},
                log_density.reshape(end - begin, k, -1),
            )
            value[some] += found.log_likelihood
            occupancy = found.occupancy.reshape(log_density.shape)
            sums[some] = self.emission.sums(occupancy, x, trials, sums.shape[2]).reshape(
                end - begin, k, -1
            )
            self.own = {name: field.shape[1:] for name, field in found.own.items()}
            fields = [field.reshape(end - begin, -1) for field in found.own.values()]
            own.append(np.concatenate([np.empty((end - begin, 0)), *fields], axis=1))
        return value, sums, np.concatenate(own)

    def _parts_of(self, whose: Labels) -> Iterator[tuple[int, int]]:
        """Yield where climbs begin and end that are of one model, and not too many at once."""
        changes = np.flatnonzero(np.diff(whose)) + 1
        for first, last in pairwise([0, *changes.tolist(), len(whose)]):
            rows = len(self.models[whose[first]].seen.x)
            size = max(1, AT_ONCE // (self.k * rows))
            for begin in range(first, last, size):
                yield begin, min(begin + size, last)

    def _log_prior(self, shares: Mapping[str, Array], natural: Array) -> Array:
        """Return the log prior densities (C,) without their constant.

        shares: (C, ...); natural: (C, K, ones + q + unread) parameters.
        """
        assert self.unseen is not None
        assert self.model.prior is not None
        found: Array = (natural * self.unseen).sum(axis=(1, 2))
        if self.model.prior.weight > 0:
            for name in self.model.estimated:
                logs = np.log(shares[name]).reshape(len(found), -1)
                found += self.model.prior.weight * logs.sum(axis=1)
        return found

    def _valid(self, here: Array) -> NDArray[np.bool_]:
        """Return which parameters are in their space, no narrower than the floor, and near zero."""
        valid: NDArray[np.bool_] = np.isfinite(here).all(axis=1)
        sound = here if valid.all() else np.where(valid[:, None], here, here[valid.argmax()])
        shares, theta = self._parts(sound)
        for share in shares.values():
            valid &= (share.reshape(len(here), -1) >= 0).all(axis=1)
        for name, field in self.family.layout().items():
            if np.isfinite(field.low) or np.isfinite(field.high):
                each = entries(theta)[name].reshape(len(here), -1)
                valid &= ((each >= field.low) & (each <= field.high)).all(axis=1)
        if valid.any():
            if not valid.all():
                _, theta = self._parts(np.where(valid[:, None], here, here[valid.argmax()]))
            wide = self.emission.width(theta, self.model.floor).reshape(len(here), self.k)
            valid &= (wide >= 1 - 1e-14).all(axis=1)
            valid &= ~self.emission.far(theta, self.reach).reshape(len(here), self.k).any(axis=1)
        return valid

    def _bounded(self, ahead: Array, mapped: Array) -> Array:
        """Return extrapolated points (C, P) as `Model.bounded` does."""
        if self.guarded is None:
            return ahead
        guarded = self.guarded if self.moving is None else self.guarded[self.moving]
        shares, theta = self._parts(
            np.where(guarded, np.maximum(ahead, KEPT_SHARE * mapped), ahead)
        )
        fields = [*shares.values(), *entries(theta).values()]
        return self._moving(
            np.concatenate([field.reshape(len(ahead), -1) for field in fields], axis=1)
        )

    def _maximize(self, sums: Array, own: Array) -> Array:
        """Return the parameters (C, P) that maximise the expected log-likelihood."""
        count, k, _ = sums.shape
        ones = self.emission.ones
        observed = np.where(sums[:, :, :1] > NOBODY, sums[:, :, :1], 0)
        rest = np.where(observed > 0, sums[:, :, 1:], 0)
        unread = np.zeros((count, k, self.emission.unread))
        full = np.concatenate([np.repeat(observed, ones, axis=2), rest, unread], axis=2)
        if self.unseen is not None:
            full += self.unseen
        if self.emission.pools:
            each = [self.emission.maximize(one) for one in full]
            parts = [np.stack(field) for field in zip(*(entries(t).values() for t in each))]  # noqa: B905
            theta = rebuilt(self.family, [p.reshape(count * k, *p.shape[2:]) for p in parts])
        else:
            theta = self.emission.maximize(full.reshape(count * k, -1))
        theta = self.emission.widen(theta, self.model.floor)
        counted = {"weight": observed[:, :, 0]} if self.alike else self._own(own)
        best = self._shares(counted)
        shares = [
            np.broadcast_to(self.held[name], (count, *shape)) if name in self.held else best[name]
            for name, shape in self.shares.items()
        ]
        fields = [*shares, *entries(theta).values()]
        return self._moving(np.concatenate([one.reshape(count, -1) for one in fields], axis=1))

    def _own(self, own: Array) -> dict[str, Array]:
        """Return the statistics (C, O) of the structure's own by name, each (C, ...)."""
        found, begin = {}, 0
        for name, shape in self.own.items():
            end = begin + math.prod(shape)
            found[name] = own[:, begin:end].reshape(len(own), *shape)
            begin = end
        return found

    def _shares(self, counted: Mapping[str, Array]) -> dict[str, Array]:
        """Return the shares (C, ...) that maximise the expected log-likelihood."""
        unseen = 0.0 if self.model.prior is None else self.model.prior.weight
        some = {
            name: np.where(field > NOBODY, field, 0)
            for name, field in counted.items()
            if name not in self.held
        }
        return self.model.grouping.maximize_each(some, unseen)

    def _moving(self, rows: Array) -> Array:
        """Return the numbers (C, P) that may move."""
        return rows if self.moving is None else rows[:, self.moving]

    def _parts(self, here: Array) -> tuple[dict[str, Array], Theta]:
        """Return shares (C, ...), which sum to one, and theta with C K components."""
        count, k = len(here), self.k
        if self.moving is not None:
            own, here = here, np.zeros((count, len(self.moving)))
            here[:, self.moving] = own
        shares, fields, begin = {}, [], 0
        for name, shape in self.shares.items():
            end = begin + math.prod(shape)
            shares[name] = here[:, begin:end].reshape(count, *shape)
            begin = end
        for shape in self.shapes:
            end = begin + math.prod(shape)
            fields.append(here[:, begin:end].reshape(count * k, *shape[1:]))
            begin = end
        return normalised(shares), summing_to_one(rebuilt(self.family, fields))

    def _rebuilt(self, row: Array) -> S:
        """Return parameters from a row."""
        shares, theta = self._parts(row[None])
        return with_shares(self.kind, {name: field[0] for name, field in shares.items()}, theta)


def _numbers(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Return how many numbers arrays of some shapes have."""
    return sum(math.prod(shape) for shape in shapes.values())


def _guarded(parameters: Structure) -> NDArray[np.bool_]:
    """Return which numbers of a row are shares, or probabilities that sum to one."""
    layout = type(parameters.theta).layout()
    fields = [np.ones(field.shape, np.bool_) for field in shares_of(parameters).values()]
    for name, field in entries(parameters.theta).items():
        fields.append(np.full(field.shape, layout[name].simplex))
    return np.concatenate(fields, axis=None)


def _row(parameters: Structure) -> Array:
    """Return parameters as one row."""
    fields = [*shares_of(parameters).values(), *entries(parameters.theta).values()]
    return np.concatenate([np.ravel(field) for field in fields], dtype=np.float64)


def _rows_of(models: Sequence[Model[Any]]) -> _Rows:
    """Return the rows of each model, the shorter ones filled with rows that do not occur."""
    emission = models[0].emission
    assert isinstance(emission, Exponential)
    whose, base = np.arange(len(models)), np.array([model.base for model in models])
    if not models[0].streams:  # each looks at its own
        return _Rows(whose, base, *np.empty((2, len(models), 0)))
    parts = [model.rows.block(0) for model in models]
    q, most = len(models[0].total), max(len(part.x) for part in parts)
    known, counts = np.zeros((len(models), q, most)), np.zeros((len(models), most))
    for at, part in enumerate(parts):
        n = len(part.x)
        own = np.ones((q, n))
        emission.statistics(part.x, part.trials, own[1:])
        known[at, :, :n] = own
        counts[at, :n] = 1.0 if part.counts is None else part.counts
    return _Rows(whose, base, known, counts)


def _proposed(going: _Climbs, image: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return where to jump (C, P), and which climbs lengthen the M-step instead.

    As in `em.climb.loop`: Anderson's method where steps shrink, a longer step where they grow.
    """
    for kept, new in ((going.steps, image - going.here), (going.images, image)):
        kept[:, :-1] = kept[:, 1:]
        kept[:, -1] = new
    going.kept = np.minimum(going.kept + 1, MEMORY + 1)
    last, before = going.steps[:, -1], going.steps[:, -2]
    growing = (last * last).sum(axis=1) > (before * before).sum(axis=1)
    striding = (going.kept > 1) & (growing | (going.failures >= PATIENCE))
    going.stride[striding] *= 2
    there = np.arange(MEMORY)[None, :] >= MEMORY + 1 - going.kept[:, None]
    moves = np.where(there[:, :, None], going.steps[:, 1:] - going.steps[:, :-1], 0)
    ends = np.where(there[:, :, None], going.images[:, 1:] - going.images[:, :-1], 0)
    system = moves @ moves.transpose(0, 2, 1)
    trace = np.trace(system, axis1=1, axis2=2)
    system += (RIDGE * trace + TINY)[:, None, None] * np.eye(MEMORY)
    mix = np.linalg.solve(system, moves @ last[:, :, None])
    jump = image - (mix.transpose(0, 2, 1) @ ends)[:, 0]
    longer = image + (going.stride - 1)[:, None] * last
    return np.where(striding[:, None], longer, jump), striding


def _remember(
    going: _Climbs,
    jumped: NDArray[np.bool_],
    down: NDArray[np.bool_],
    striding: NDArray[np.bool_],
) -> None:
    """Adapt the memory to which jumps led up, as `em.climb.loop` does."""
    up = jumped & ~down
    going.failures[up & ~striding] = 0
    shorter, anew = down & striding, down & ~striding
    going.stride[shorter] = np.maximum(1.0, going.stride[shorter] / 8)
    going.failures[shorter] = 0
    going.kept[anew] = 1
    going.failures[anew] += 1
