"""Steps of many climbs at once, each a leading axis of the arrays of a step.

One step of one climb of a few hundred rows takes longer to call than to compute. Extrapolation,
ascent and stopping are those of `em.climb.loop.climb`, decided for each climb. That loop climbs one
model of any kind, whose parameters are no arrays of one shape; a test holds both against each
other, for every family.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from em.climb.loop import LAST_PLACES, MEMORY, PATIENCE, ROUNDING, Climb
from em.climb.spikes import spikes
from em.emission import Exponential
from em.model import NOBODY
from em.sweep import folded
from models.family import entries, rebuilt
from models.structure import shares_of, uniform, with_shares

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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


def joins(model: Model[Any]) -> bool:
    """Whether a model's steps can be taken with those of others.

    Rows have to be few, and independent with the same shares. Hard EM is left to climb alone, as it
    ends within a few steps. So are labels, whose statistics are looked up and never written, and
    families without statistics.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     joins(model_of(fit.question, workers, floor=fit.floor))
    True
    """
    summed = isinstance(model.emission, Exponential) and not model.emission.unwritten(
        model.question.width
    )
    plain = summed and not model.hard and not _heavy(model)
    return plain and model.streams and model.rows.blocks == 1 and bool(model.rows.sample.distinct)


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

    known: (C, 1 + q, M) the statistics (1, T) of each climb's rows, 0 where it has fewer rows.
    counts: (C, M) how often each row occurred, 0 where there is none.
    base: (C,) the part of the log-likelihood without parameters.

    If all climbs look at the same rows, there is one in place of C.
    """

    known: Array
    counts: Array
    base: Array

    def at(self, places: Labels | NDArray[np.bool_]) -> _Rows:
        """Return those of some climbs."""
        if len(self.base) == 1:
            return self
        return _Rows(self.known[places], self.counts[places], self.base[places])


@dataclass(eq=False)
class _Climbs:
    """Climbs under way; every array has a leading axis of climbs, C.

    index: which climb it is.
    here: (C, P) the parameters; value: the objective there; sums: (C, K, 1 + q) the statistics.
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
        shares = shares_of(starts[0])
        self.names = list(shares)
        self.held = [name for name in self.names if name not in self.model.estimated]
        self.even = uniform(self.model.question.structure, self.k, {})
        self.shapes = [field.shape for field in entries(starts[0].theta).values()]
        self.unseen = None if self.model.prior is None else self.model.unseen(None)
        varying = self.model.varying(starts[0])
        self.moving = None if varying is None else _row(varying) != 0
        here = self._moving(np.stack([_row(start) for start in starts]))
        rows = _rows_of(models)
        self.begun = self._begin(rows if len(models) == 1 else rows.at(whose), here)

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
        going, ends = self.begun, dict[int, End[S]]()
        traces = [[height] for height in going.value.tolist()]
        for step in range(max_steps + 1):
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
            with np.errstate(all="ignore"):  # what leaves the range of doubles is caught below
                self._step(going, tolerance)
            moved = ~(going.over | going.left)
            for one in np.flatnonzero(moved):
                at, height = int(going.index[one]), float(going.value[one])
                traces[at].append(height)
                if on_step is not None:
                    on_step(self.numbers[at], step + 1, self._rebuilt(going.here[one]), height)
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
            value, sums = self._expect(rows, here)
        return _Climbs(
            rows=rows,
            index=np.arange(count),
            here=here,
            value=value,
            sums=sums,
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

    def _step(self, going: _Climbs, tolerance: float) -> None:
        """Take one step of every climb: a jump if it leads up, otherwise the M-step."""
        mapped = self._maximize(going.sums)
        ahead, striding = _proposed(going, mapped)
        jumped = (going.kept > 1) & np.isfinite(ahead).all(axis=1) & self.accelerate
        ahead = np.where(jumped[:, None], ahead, mapped)
        level, sums = self._expect(going.rows, ahead)
        down = jumped & ~(level >= going.value)
        _remember(going, jumped, down, striding)
        if down.any():
            ahead[down] = mapped[down]
            level[down], sums[down] = self._expect(going.rows.at(down), mapped[down])
        plain = ~jumped | down
        fall = going.value - level
        within = fall <= ROUNDING * np.abs(going.value)
        lost = plain & ~within  # the loop of a single climb knows what to do
        going.left |= lost & ~going.over
        going.evaluations += 1 + down
        taken = ~(going.left | going.over)
        gain = np.where(taken, level - going.value, 0.0)
        going.here[taken], going.value[taken] = ahead[taken], level[taken]
        going.sums[taken] = sums[taken]
        slower = going.gain > gain
        rest = np.where(slower, gain * gain / (going.gain - gain), np.inf)
        rest[~np.isfinite(going.gain)] = np.inf
        rest[gain <= LAST_PLACES * np.abs(going.value)] = 0
        going.near = np.where(rest <= 0.5 * tolerance**2, going.near + 1, 0)
        going.gain = gain

    def _expect(self, rows: _Rows, here: Array) -> tuple[Array, Array]:
        """Return the objectives (C,) and the sums (C, K, 1 + q); -inf where there are none."""
        count, k = len(here), self.k
        value = np.full(count, -np.inf)
        sums = np.zeros((count, k, rows.known.shape[1]))
        valid = self._valid(here)
        if not valid.any():
            return value, sums
        places = np.flatnonzero(valid)
        weight, theta = self._parts(here[places])
        natural = self.emission.natural(theta).reshape(len(places), k, -1)
        phi = folded(self.emission, np.log(weight), natural)
        size = max(1, AT_ONCE // (k * rows.known.shape[2]))
        for begin in range(0, len(places), size):
            own = slice(begin, begin + size)
            some = rows.at(places[own])
            logits = phi[own] @ some.known
            highest = logits.max(axis=1)
            logits -= highest[:, None]
            np.exp(logits, out=logits)
            total = logits.sum(axis=1)
            value[places[own]] = some.base + ((highest + np.log(total)) * some.counts).sum(axis=1)
            logits *= (some.counts / total)[:, None]
            sums[places[own]] = logits @ some.known.transpose(0, 2, 1)
        if self.unseen is not None:
            value[places] += self._log_prior(weight, natural)
        value[np.isnan(value)] = -np.inf
        return value, sums

    def _log_prior(self, weight: Array, natural: Array) -> Array:
        """Return the log prior densities (C,) without their constant.

        weight: (C, K); natural: (C, K, ones + q + unread) parameters.
        """
        assert self.unseen is not None
        assert self.model.prior is not None
        found: Array = (natural * self.unseen).sum(axis=(1, 2))
        shares = self.model.prior.weight * len(self.model.estimated)
        return found + shares * np.log(weight).sum(axis=1) if shares > 0 else found

    def _valid(self, here: Array) -> NDArray[np.bool_]:
        """Return which parameters are in their space, no narrower than the floor, and near zero."""
        valid: NDArray[np.bool_] = np.isfinite(here).all(axis=1)
        sound = here if valid.all() else np.where(valid[:, None], here, here[valid.argmax()])
        weight, theta = self._parts(sound)
        valid &= (weight >= 0).all(axis=1)
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

    def _maximize(self, sums: Array) -> Array:
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
        weight = observed[:, :, 0]
        if self.model.prior is not None:
            weight = weight + self.model.prior.weight
        weight = weight / weight.sum(axis=1, keepdims=True)
        shares = [
            np.broadcast_to(self.even[name], weight.shape) if name in self.held else weight
            for name in self.names
        ]
        fields = [one.reshape(count, -1) for one in entries(theta).values()]
        return self._moving(np.concatenate([*shares, *fields], axis=1))

    def _moving(self, rows: Array) -> Array:
        """Return the numbers (C, P) that may move."""
        return rows if self.moving is None else rows[:, self.moving]

    def _parts(self, here: Array) -> tuple[Array, Theta]:
        """Return shares (C, K), which sum to one, and theta with C K components."""
        count, k = len(here), self.k
        if self.moving is not None:
            own, here = here, np.zeros((count, len(self.moving)))
            here[:, self.moving] = own
        weight = here[:, :k] / here[:, :k].sum(axis=1, keepdims=True)
        fields, begin = [], k * len(self.names)
        for shape in self.shapes:
            size = int(np.prod(shape))
            own = here[:, begin : begin + size]
            fields.append(own.reshape(count * k, *shape[1:]))
            begin += size
        return weight, rebuilt(self.family, fields)

    def _rebuilt(self, row: Array) -> S:
        """Return parameters from a row."""
        weight, theta = self._parts(row[None])
        return with_shares(self.kind, dict.fromkeys(self.names, weight[0]), theta)


def _row(parameters: Structure) -> Array:
    """Return parameters as one row."""
    fields = [*shares_of(parameters).values(), *entries(parameters.theta).values()]
    return np.concatenate([np.ravel(field) for field in fields], dtype=np.float64)


def _rows_of(models: Sequence[Model[Any]]) -> _Rows:
    """Return the rows of each model, the shorter ones filled with rows that do not occur."""
    emission = models[0].emission
    assert isinstance(emission, Exponential)
    parts = [model.rows.block(0) for model in models]
    q, most = len(models[0].total), max(len(part.x) for part in parts)
    known, counts = np.zeros((len(models), q, most)), np.zeros((len(models), most))
    for at, part in enumerate(parts):
        n = len(part.x)
        own = np.ones((q, n))
        emission.statistics(part.x, part.trials, own[1:])
        known[at, :, :n] = own
        counts[at, :n] = 1.0 if part.counts is None else part.counts
    return _Rows(known, counts, np.array([model.base for model in models]))


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
