"""The EM loop: it knows a model only through `expect` and `maximize`, and enforces the ascent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from models.family import Array

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Climb", "DescentError", "Model", "climb"]

MEMORY = 5  # steps that the extrapolation remembers; more gained nothing on the published cases
ROUNDING = 1e-12  # relative fall of the objective that is rounding and not a fall

P = TypeVar("P")  # parameters: an array, or a (nested) NamedTuple of arrays
S = TypeVar("S")  # expected sufficient statistics


class Model(Protocol[P, S]):
    """What can be climbed: mixtures here; a hidden Markov model would look the same."""

    def expect(self, parameters: P) -> tuple[float, S]:
        """Return the objective and the expected statistics; -inf outside the parameter space."""
        ...

    def maximize(self, statistics: S) -> P:
        """Return the parameters that the statistics make likeliest."""
        ...


class DescentError(ArithmeticError):
    """The objective fell or stopped being a number: the model breaks EM's theorem."""


class Climb(NamedTuple, Generic[P]):
    """Where a climb ended.

    trace: (steps + 1,) the objective at the start and after each step.
    evaluations: E-steps taken, rejected extrapolations among them.
    converged: whether the estimated rest of the climb is below the tolerance.
    """

    parameters: P
    trace: Array
    evaluations: int
    converged: bool


def climb(
    model: Model[P, S],
    start: P,
    *,
    accelerate: bool = True,
    max_steps: int = 10_000,
    tolerance: float = 1e-4,
    rounding: Callable[[P], float] | None = None,
    on_step: Callable[[int, P, float], None] | None = None,
) -> Climb[P]:
    """Climb from the start: E, then (M, E) again and again.

    With acceleration the parameters after the M-step are extrapolated by Anderson's method
    (Walker & Ni 2011; for EM: Henderson & Varadhan 2019). The extrapolated point is taken only if
    its objective is not lower than the present one, otherwise the M-step's: the ascent holds.

    tolerance: on the Newton decrement, whose half square is the objective still to gain. That
        rest is estimated from the last two gains (Aitken), and has to be small twice running.
        Zero takes exactly `max_steps` steps.
    rounding: how far rounding can move the objective at some parameters, beside ROUNDING
        relative to it.
    """
    present = start
    value, statistics = model.expect(present)
    if not np.isfinite(value):
        raise DescentError(f"the objective at the start is {value}")
    trace, evaluations, near = [value], 1, 0
    history: list[tuple[Array, Array]] = []
    stride = 1.0
    while len(trace) <= max_steps:
        mapped = model.maximize(statistics)
        slack = ROUNDING * abs(value) + (0.0 if rounding is None else rounding(present))
        ahead = None
        if accelerate:
            image = _flat(mapped)
            history = [*history[-MEMORY:], (image - _flat(present), image)]
            if len(history) > 1:
                leaving = np.linalg.norm(history[-1][0]) > np.linalg.norm(history[-2][0])
                if leaving:
                    stride *= 2
                    point = image + (stride - 1) * history[-1][0]
                else:
                    point = _extrapolate(history)
                guess = _rebuilt(present, point)
                level, found = model.expect(guess)
                evaluations += 1
                if level >= value:
                    ahead = guess, level, found
                elif leaving:
                    stride = max(1.0, stride / 8)
                else:
                    history = history[-1:]
        if ahead is None:
            level, found = model.expect(mapped)
            evaluations += 1
            if not level >= value - slack:
                raise DescentError(f"step {len(trace)}: the objective went from {value!r} to {level!r}")
            ahead = mapped, level, found
        present, value, statistics = ahead
        trace.append(value)
        if on_step is not None:
            on_step(len(trace) - 1, present, value)
        near = near + 1 if _rest(trace, slack) <= 0.5 * tolerance**2 else 0
        if tolerance > 0 and near == 2:
            break
    return Climb(present, np.array(trace), evaluations, tolerance > 0 and near == 2)


def _rest(trace: list[float], slack: float) -> float:
    """Estimate what is left to gain from the last two gains, as if they shrank geometrically."""
    gain = trace[-1] - trace[-2]
    if gain <= 1e-3 * slack:  # some units in the last place of the objective
        return 0.0
    if len(trace) < 3:
        return np.inf
    before = trace[-2] - trace[-3]
    return gain * gain / (before - gain) if before > gain else np.inf


def _extrapolate(history: list[tuple[Array, Array]]) -> Array:
    """Return the combination of the last images whose steps cancel best (Anderson type II)."""
    steps = np.array([step for step, _ in history])
    images = np.array([image for _, image in history])
    mix, *_ = np.linalg.lstsq(np.diff(steps, axis=0).T, steps[-1], rcond=1e-10)
    return images[-1] - mix @ np.diff(images, axis=0)


def _flat(tree: Any) -> Array:  # parameters are nested NamedTuples of any depth
    """Return all numbers of the parameters in one row."""
    if isinstance(tree, tuple):
        return np.concatenate([_flat(part) for part in tree])
    return np.ravel(np.asarray(tree, np.float64))


def _rebuilt(like: P, row: Array) -> P:
    """Return parameters shaped like the given ones from the numbers in a row."""

    def build(tree: Any) -> Any:
        nonlocal row
        if isinstance(tree, tuple):
            return type(tree)(*[build(part) for part in tree])
        shape = np.shape(tree)
        size = int(np.prod(shape))
        taken, row = row[:size].reshape(shape), row[size:]
        return taken

    built: P = build(like)
    return built
