"""The EM loop: it uses only `expect` and `maximize` of a model, and checks that EM ascends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import numpy as np

from models.refusal import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from models.arrays import Array

__all__ = ["Climb", "DescentError", "Model", "climb"]

MANY = 10_000  # parameters from which a mix of steps is found from a triangle
PATIENCE = 3  # failures of the extrapolation after which M-steps are lengthened instead
MEMORY = 5  # steps that the extrapolation uses; more gained nothing on the published cases
# Newton steps at the end of a climb were tried and are no gain: see comparisons/speed/README.md
LAST_PLACES = 1e-15  # a smaller relative gain is rounding
ROUNDING = 1e-12  # a smaller relative fall of the objective is rounding


class Model[P, S](Protocol):
    """What can be climbed: anything with an E-step and an M-step.

    P: parameters, an array or (nested) NamedTuples of arrays.
    S: what `maximize` needs, such as expected sufficient statistics.

    >>> from types import SimpleNamespace
    >>> halfway = SimpleNamespace(expect=lambda x: (-(x**2), x), maximize=lambda x: x / 2)
    >>> f"{climb(halfway, 8.0, accelerate=False).parameters:.3f}"
    '0.000'
    """

    def expect(self, parameters: P) -> tuple[float, S]:
        """Return the objective and the expected statistics; -inf outside the parameter space."""
        ...

    def maximize(self, statistics: S) -> P:
        """Return the parameters that maximise the expected objective under the statistics."""
        ...


class DescentError(Stopped, ArithmeticError):
    """The objective fell or is no longer a number: the model is no EM.

    >>> from types import SimpleNamespace
    >>> climb(SimpleNamespace(expect=lambda x: (-(x**2), x), maximize=lambda x: 2 * x), 1.0)
    Traceback (most recent call last):
    em.climb.loop.DescentError: step 1: the objective fell from -1.0 to -4.0
    """


class Climb[P](NamedTuple):
    """Where a climb ended.

    trace: (steps + 1,) the objective at the start and after each step.
    evaluations: the number of E-steps, those of rejected extrapolations included.
    converged: whether the estimated rest of the climb is below the tolerance.

    >>> from types import SimpleNamespace
    >>> halfway = SimpleNamespace(expect=lambda x: (-(x**2), x), maximize=lambda x: x / 2)
    >>> climb(halfway, 8.0, accelerate=False, max_steps=2).trace
    array([-64., -16.,  -4.])
    """

    parameters: P
    trace: Array
    evaluations: int
    converged: bool


def climb[P, S](
    model: Model[P, S],
    start: P,
    *,
    accelerate: bool = True,
    max_steps: int = 10_000,
    tolerance: float = 1e-4,
    rounding: Callable[[P], float] | None = None,
    bounded: Callable[[P, P], P] = lambda ahead, _: ahead,
    varying: P | None = None,
    arrived: Callable[[P, float], bool] | None = None,
    on_step: Callable[[int, P, float], None] | None = None,
) -> Climb[P]:
    """Climb from the start: E, then (M, E) again and again.

    With acceleration the parameters after the M-step are extrapolated by Anderson's method
    (Walker & Ni 2011; for EM: Henderson & Varadhan 2019). The extrapolated point is taken only if
    its objective is not lower than the present one; otherwise the M-step's is taken.

    tolerance: on the Newton decrement; half its square is the objective still to gain. That rest
        is estimated from the last two gains (Aitken) and has to be small in two successive steps.
        Zero takes exactly `max_steps` steps.
    rounding: how far rounding can move the objective at some parameters, in addition to the
        relative ROUNDING.
    bounded: brings an extrapolated point back into the parameter space, given the M-step's.
    varying: parameters with 0 in place of each number that never moves, as it need not be looked
        at; by default all may move.
    arrived: whether parameters and objective are so near to a known end that the climb may stop.

    >>> from types import SimpleNamespace
    >>> halfway = SimpleNamespace(expect=lambda x: (-(x**2), x), maximize=lambda x: x / 2)
    >>> plain, fast = climb(halfway, 8.0, accelerate=False), climb(halfway, 8.0)
    >>> len(plain.trace) > len(fast.trace), fast.converged
    (True, True)
    """
    present = start
    value, statistics = model.expect(present)
    if not np.isfinite(value):
        raise DescentError(f"the objective at the start is {value}")
    trace, evaluations, near = [value], 1, 0
    moving = None if varying is None else _flat(varying) != 0
    memory, here = Memory(), _flat(start, moving)
    while len(trace) <= max_steps and not (tolerance > 0 and near == 2):
        mapped = model.maximize(statistics)
        ahead, level = mapped, -np.inf
        if accelerate:
            image = _flat(mapped, moving)
            memory, point = _propose(memory, here, image)
            here = image if point is None else point
            if point is not None:
                ahead = bounded(_rebuilt(present, point, moving), mapped)
                here = _flat(ahead, moving)
                level, found = model.expect(ahead)
                evaluations += 1
                if level >= value:
                    memory, statistics = _accepted(memory), found
                else:
                    memory, ahead, level, here = _rejected(memory), mapped, -np.inf, image
        if ahead is mapped:
            level, found = model.expect(mapped)
            evaluations += 1
            if _ascends(value, level, present, rounding, len(trace)):
                statistics = found
            else:  # only rounding moves the objective here: stay
                ahead, level, here = present, value, _flat(present, moving)
        present, value = ahead, level
        trace.append(value)
        if on_step is not None:
            on_step(len(trace) - 1, present, value)
        if arrived is not None and arrived(present, value):
            break
        near = near + 1 if _rest(trace) <= 0.5 * tolerance**2 else 0
    return Climb(present, np.array(trace), evaluations, tolerance > 0 and near == 2)


class Memory(NamedTuple):
    """What the extrapolation remembers.

    steps: the last M-steps, image less present parameters, oldest first.
    images: the parameters after them.
    stride: the factor by which the M-step is lengthened.
    failures: the number of Anderson's jumps in a row that led down.
    """

    steps: tuple[Array, ...] = ()
    images: tuple[Array, ...] = ()
    stride: float = 1.0
    failures: int = 0

    @property
    def striding(self) -> bool:
        """Whether to lengthen the M-step, instead of Anderson's jump."""
        growing = self.steps[-1] @ self.steps[-1] > self.steps[-2] @ self.steps[-2]
        return bool(growing) or self.failures >= PATIENCE


def _propose(memory: Memory, present: Array, image: Array) -> tuple[Memory, Array | None]:
    """Return the memory with one more M-step, and where to jump, if anywhere.

    If steps shrink, a fixed point is near: jump to where a combination of the last steps is zero
    (Anderson type II). If they grow, the climb is leaving a saddle, to which Anderson's jump would
    return. Then, and after PATIENCE jumps that led down, the M-step is lengthened instead, each
    time twice as much.
    """
    steps = (*memory.steps[-MEMORY:], image - present)
    images = (*memory.images[-MEMORY:], image)
    memory = memory._replace(steps=steps, images=images)
    if len(steps) == 1:
        return memory, None
    if memory.striding:
        memory = memory._replace(stride=2 * memory.stride)
        return memory, image + (memory.stride - 1) * steps[-1]
    moves, ends = np.stack(steps), np.stack(images)
    mix = _least_squares(moves[1:] - moves[:-1], steps[-1])
    return memory, image - mix @ (ends[1:] - ends[:-1])


def _least_squares(moves: Array, step: Array) -> Array:
    """Return the mix (q,) for which mix . moves (q, N) is nearest to a step (N,)."""
    system, wanted = moves.T, step
    if len(step) > MANY:  # a triangle has the same solution, in a tenth of the time
        triangle = np.linalg.qr(np.column_stack([system, step]), mode="r")
        system, wanted = triangle[:, :-1], triangle[:, -1]
    mix, *_ = np.linalg.lstsq(system, wanted, rcond=1e-10)
    return np.asarray(mix)


def _accepted(memory: Memory) -> Memory:
    """Return the memory after a jump that led up."""
    failed = memory.failures > 0 and not memory.striding
    return memory._replace(failures=0) if failed else memory


def _rejected(memory: Memory) -> Memory:
    """Return the memory after a jump that led down: a shorter stride, or a new beginning."""
    if memory.striding:
        return memory._replace(stride=max(1.0, memory.stride / 8), failures=0)
    return Memory(memory.steps[-1:], memory.images[-1:], memory.stride, memory.failures + 1)


def _ascends[P](
    value: float, level: float, present: P, rounding: Callable[[P], float] | None, step: int
) -> bool:
    """Whether to take an M-step from value to level; a fall beyond rounding raises DescentError.

    A fall within ROUNDING is taken, because the parameters still gain digits. A larger one that
    `rounding` explains is not.
    """
    fall = value - level
    if fall <= ROUNDING * abs(value):
        return True
    if rounding is not None and fall <= ROUNDING * abs(value) + rounding(present):
        return False
    raise DescentError(f"step {step}: the objective fell from {value!r} to {level!r}")


def _rest(trace: list[float]) -> float:
    """Estimate the gain still to come from the last two gains, as if gains shrank geometrically."""
    gain = trace[-1] - trace[-2]
    if gain <= LAST_PLACES * abs(trace[-1]):
        return 0.0
    if len(trace) < 3:
        return np.inf
    before = trace[-2] - trace[-3]
    return gain * gain / (before - gain) if before > gain else np.inf


def _flat(tree: object, moving: NDArray[np.bool_] | None = None) -> Array:
    """Return all numbers of the parameters in one row, or those that move."""
    row = np.concatenate(list(_leaves(tree)), axis=None, dtype=np.float64)
    return row if moving is None else row[moving]


def _leaves(tree: object) -> Iterator[ArrayLike]:
    """Yield the arrays of nested NamedTuples, without fields that follow from others."""
    if isinstance(tree, tuple):
        for part in _parts(tree):
            yield from _leaves(part)
    else:
        yield cast("ArrayLike", tree)


def _rebuilt[P](like: P, row: Array, moving: NDArray[np.bool_] | None = None) -> P:
    """Return parameters shaped like the given ones from the numbers in a row.

    moving: which of their numbers these are; the others stay as given.
    """
    if moving is not None:
        own, row = row, _flat(like)
        row[moving] = own

    def build(tree: Any, start: int) -> tuple[Any, int]:
        if not isinstance(tree, tuple):
            leaf = np.asarray(tree)
            stop = start + leaf.size
            return row[start:stop].reshape(leaf.shape), stop
        parts = []
        for branch in _parts(tree):
            part, start = build(branch, start)
            parts.append(part)
        return type(tree)(*parts), start

    built: P = build(like, 0)[0]
    return built


def _parts(tree: Any) -> tuple[object, ...]:
    """Return what a NamedTuple is made anew from: its fields, unless its class says otherwise."""
    parts: tuple[object, ...] = tree.__getnewargs__()
    return parts
