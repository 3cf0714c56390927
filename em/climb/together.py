"""Many climbs of small models, each step taken for all of them at once.

One step of one climb of a few hundred rows takes longer to call than to compute. So climbs of the
same kind, from many starts and on many data sets, are the leading axis of the arrays of a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from em.climb.loop import LAST_PLACES, MEMORY, PATIENCE, ROUNDING, DescentError
from em.climb.search import Climber, in_order, spikes
from em.emission import Exponential
from em.model import NOBODY
from em.sweep import folded
from models.family import entries, rebuilt
from models.structure import shares_of, uniform, with_shares

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from em.model import Model
    from models.arrays import Array, Labels
    from models.family import Theta
    from models.structure import Structure

__all__ = ["Top", "joins", "together"]

AT_ONCE = 1 << 15  # densities computed at once, so that they stay in the cache
FINISHED = 0.1  # of the climbs, from which on they are taken out of the arrays
FINE, ROUGH = 1e-4, 1e-2  # Newton decrement, in standard errors, at which a climb is over
FARTHER = 20.0  # times the usual distance from zero of rough climbs: heights then lose 1e-7
THINNED = {20: 0.5, 50: 0.25, 120: 0.12}  # steps of rough climbs, and the part that then goes on
LEAST_KEPT = 4  # climbs of a model that go on at least
RIDGE = 1e-14  # of the trace, added to the equations of the extrapolation
TINY = 1e-300  # of a sum that may be empty


class Top[S: Structure](NamedTuple):
    """Where a climb ended, in working coordinates, labels in order.

    height: the log-likelihood there.
    start: the number of its start.
    converged: whether the estimated rest of the climb is below the tolerance.

    >>> Top(fit.inside, fit.log_likelihood, 0, True).converged
    True
    """

    parameters: S
    height: float
    start: int
    converged: bool


def together[S: Structure](
    models: Sequence[Model[S]],
    starts: Sequence[Sequence[S]],
    *,
    rough: bool = False,
    max_steps: int = 10_000,
) -> list[list[Top[S]]]:
    """Climb from starts of several models, and return where each model's climbs end, best first.

    The models ask the same of different data, in the same working coordinates and with the same
    floor. Steps, extrapolation and stopping are those of `em.climb.loop.climb`, so that the
    objective never falls. What cannot be stepped together is climbed one after the other: rows
    that depend on each other or have different shares, and components so far from zero that their
    statistics have to be expanded about them.

    starts: of each model, in working coordinates.
    rough: whether heights to 1e-4 are enough, and spikes do not matter, so that climbs that become
        one end on their way. A climb that cannot go on for rounding is then left out.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> [[top]] = together([model], [[fit.inside]])
    >>> round(top.height, 6) == round(fit.log_likelihood, 6), top.converged
    (True, True)
    """
    whose = [at for at, own in enumerate(starts) for _ in own]
    tolerance, reach = (ROUGH, FARTHER) if rough else (FINE, 1.0)
    begun = [start for own in starts for start in own]
    number = [index for own in starts for index in range(len(own))]
    found: list[list[Top[S]]] = [[] for _ in models]
    left: list[tuple[int, S]] = list(enumerate(begun))
    if begun and all(joins(model) for model in models):
        steps = _Steps(models, np.array(whose), begun, reach)
        ends = steps.climb(tolerance, max_steps, THINNED if rough else {})
        left = [(at, end.parameters) for at, end in ends.items() if end.left]
        for at, end in ends.items():
            if not end.left:
                placed = in_order(models[whose[at]], end.parameters)
                found[whose[at]].append(Top(placed, end.height, number[at], end.converged))
    for at, model in enumerate(models):
        alone = [
            Top(start, -np.inf, number[one], converged=False)
            for one, start in left
            if whose[one] == at
        ]
        if alone:
            found[at] += _one_by_one(model, alone, tolerance, max_steps, rough=rough)
    return [sorted(own, key=lambda top: -top.height) for own in found]


def _one_by_one[S: Structure](
    model: Model[S], begun: Sequence[Top[S]], tolerance: float, max_steps: int, *, rough: bool
) -> list[Top[S]]:
    """Climb on from some places one after the other; rough climbs are thinned as they go."""
    run = Climber(model, accelerate=True, tolerance=tolerance, on_step=None)
    going, over, done = list(begun), list[Top[S]](), 0
    if rough:
        going = _promising(model, going, len(going))
    for steps, part in [*(THINNED.items() if rough else ()), (max_steps, 1.0)]:
        ahead = [_ahead(run, top, steps - done, rough=rough) for top in going]
        reached = [top for top in ahead if top is not None]
        over += [top for top in reached if top.converged or steps == max_steps]
        going = [top for top in reached if not top.converged]
        if rough:
            going = _promising(model, going, max(LEAST_KEPT, round(part * len(begun))))
        done = steps
    return over


def _ahead[S: Structure](run: Climber[S], top: Top[S], steps: int, *, rough: bool) -> Top[S] | None:
    """Return where some steps lead; None if a rough climb cannot go on for rounding."""
    try:
        climbed = run(top.start, top.parameters, steps)
    except DescentError:
        if rough:
            return None
        raise
    placed, height = in_order(run.model, climbed.parameters), float(climbed.trace[-1])
    return Top(placed, height, top.start, climbed.converged)


def _promising[S: Structure](model: Model[S], tops: Sequence[Top[S]], most: int) -> list[Top[S]]:
    """Return the highest places that are no spikes, at most so many."""
    kept: list[Top[S]] = []
    for top in sorted(tops, key=lambda one: -one.height):
        if len(kept) < most and not spikes(model, top.parameters, own_floor=False).any():
            kept.append(top)
    return kept


def joins(model: Model[Any]) -> bool:
    """Whether a model's steps can be taken with those of others.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     joins(model_of(fit.question, workers, floor=fit.floor))
    True
    """
    summed = isinstance(model.emission, Exponential) and not model.emission.looked_up
    plain = summed and model.prior is None and not model.hard
    return plain and model.streams and model.rows.blocks == 1 and bool(model.rows.sample.distinct)


class _End[S: Structure](NamedTuple):
    """Where a climb ended; `left` if it has to go on by itself."""

    parameters: S
    height: float
    converged: bool
    left: bool


class _Rows(NamedTuple):
    """What the climbs look at.

    known: (C, 1 + q, M) the statistics (1, T) of each climb's rows, 0 where it has fewer rows.
    counts: (C, M) how often each row occurred, 0 where there is none.
    base: (C,) the part of the log-likelihood without parameters.
    """

    known: Array
    counts: Array
    base: Array

    def at(self, places: Labels | NDArray[np.bool_]) -> _Rows:
        """Return those of some climbs."""
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
    left: whether it cannot go on here.
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
    left: NDArray[np.bool_]

    def at(self, places: NDArray[np.bool_]) -> _Climbs:
        """Return some of the climbs."""
        fields = {name: field[places] for name, field in vars(self).items() if name != "rows"}
        return _Climbs(rows=self.rows.at(places), **fields)


class _Steps[S: Structure]:
    """The steps of all climbs."""

    def __init__(
        self, models: Sequence[Model[S]], whose: Labels, starts: Sequence[S], reach: float
    ) -> None:
        self.models, self.model, self.reach = models, models[0], reach
        self.whose = whose
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
        here = np.stack([self._row(start) for start in starts])
        self.begun = self._begin(_rows_of(models).at(whose), here)

    def climb(
        self, tolerance: float, max_steps: int, thinned: Mapping[int, float]
    ) -> dict[int, _End[S]]:
        """Take steps until every climb is over, and return the ends by the climb's number.

        thinned: steps after which only a part of each model's climbs goes on, the highest.
        """
        going: _Climbs = self.begun
        ends: dict[int, _End[S]] = {}
        for step in range(max_steps + 1):
            if step in thinned:
                going = going.at(self._promising(going, thinned[step]))
            over = (going.near >= 2) | going.left
            if step == max_steps:
                over[:] = True
            if over.sum() >= max(1, FINISHED * len(over)) or over.all():
                for one in np.flatnonzero(over):
                    ends[int(going.index[one])] = self._end(going, int(one))
                if over.all():
                    break
                going = going.at(~over)
            with np.errstate(all="ignore"):  # what leaves the range of doubles is caught below
                self._step(going, tolerance)
        return dict(sorted(ends.items()))

    def _promising(self, going: _Climbs, part: float) -> NDArray[np.bool_]:
        """Return the highest climbs of each model that are no spikes, and all that are over."""
        kept = (going.near > 0) | going.left
        whose = self.whose[going.index]
        for at, model in enumerate(self.models):
            left = max(LEAST_KEPT, round(part * int((self.whose == at).sum())))
            own = np.flatnonzero(whose == at)
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
            left=~np.isfinite(value),
        )

    def _end(self, going: _Climbs, at: int) -> _End[S]:
        converged, left = bool(going.near[at] >= 2), bool(going.left[at])
        return _End(self._rebuilt(going.here[at]), float(going.value[at]), converged, left)

    def _step(self, going: _Climbs, tolerance: float) -> None:
        """Take one step of every climb: a jump if it leads up, otherwise the M-step."""
        mapped = self._maximize(going.sums)
        ahead, striding = _proposed(going, mapped)
        jumped = (going.kept > 1) & np.isfinite(ahead).all(axis=1)
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
        going.left |= lost
        taken = ~going.left
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
        value[np.isnan(value)] = -np.inf
        return value, sums

    def _valid(self, here: Array) -> NDArray[np.bool_]:
        """Return which parameters are in their space, no narrower than the floor, and near zero."""
        valid: NDArray[np.bool_] = np.isfinite(here).all(axis=1)
        weight, theta = self._parts(np.where(valid[:, None], here, here[valid.argmax()]))
        valid &= (weight >= 0).all(axis=1)
        for name, field in self.family.layout().items():
            each = entries(theta)[name].reshape(len(here), -1)
            valid &= ((each >= field.low) & (each <= field.high)).all(axis=1)
        if valid.any():
            sound = np.where(valid[:, None], here, here[valid.argmax()])
            _, theta = self._parts(sound)
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
        if self.emission.pools:
            each = [self.emission.maximize(one) for one in full]
            parts = [np.stack(field) for field in zip(*(entries(t).values() for t in each))]  # noqa: B905
            theta = rebuilt(self.family, [p.reshape(count * k, *p.shape[2:]) for p in parts])
        else:
            theta = self.emission.maximize(full.reshape(count * k, -1))
        theta = self.emission.widen(theta, self.model.floor)
        weight = observed[:, :, 0] / observed[:, :, 0].sum(axis=1, keepdims=True)
        shares = [
            np.broadcast_to(self.even[name], weight.shape) if name in self.held else weight
            for name in self.names
        ]
        return np.concatenate(
            [*shares, *(one.reshape(count, -1) for one in entries(theta).values())], axis=1
        )

    def _row(self, parameters: S) -> Array:
        """Return parameters as one row (P,)."""
        fields = [*shares_of(parameters).values(), *entries(parameters.theta).values()]
        return np.concatenate([np.ravel(field) for field in fields], dtype=np.float64)

    def _parts(self, here: Array) -> tuple[Array, Theta]:
        """Return shares (C, K), which sum to one, and theta with C K components."""
        count, k = len(here), self.k
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
