"""Whole climbs of small models in machine code: `em/climb/steps.py`, one climb at a time.

A step of a few hundred rows takes longer to call than to compute. Here nothing is called between
steps. That takes formulas of a family that numba compiles, which stand below: the natural
parameters, the M-step, and which parameters are possible. They are those of `em/<family>.py`, and
stand together since numba keeps what one file compiles. Tests hold the steps of both against each
other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array, Labels

__all__ = ["Limits", "Rows", "State", "advance"]

BINOMIAL, POISSON, LOG_NORMAL = 0, 1, 3  # as in `em.emission.Formulas`
FARTHEST = 30.0  # widths from zero, as in em/gaussian.py
LOG_ZERO = -1e8  # as in em/binomial.py and em/poisson.py
NOBODY = 1e-100  # as in em/model.py
NARROW = 1e-14  # by which a width may fall short of the floor
ROUNDING = 1e-12  # these five as in em/climb/loop.py and em/climb/steps.py
LAST_PLACES = 1e-15
PATIENCE = 3
RIDGE = 1e-14
TINY = 1e-300
LEAST, LOWEST = -708.0, -1e300  # the exponential of the first is still a normal number
ROOT_HALF = 0x3FE6A09E667F3BCD  # the bits of sqrt(1/2)
EXPONENT = 52  # bits below the exponent of a number
ROUNDER = 1.5 * 2.0**52  # a number that is added to it and taken away again is rounded
LOG_2, PER_LOG_2 = float(np.log(2)), float(1 / np.log(2))
LOG_2_HIGH, LOG_2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # Cody & Waite 1980

# as in em/paths.py; numba watches a function's own file alone, so that files share nothing
compiled = njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")
inlined = njit(nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")
summed = njit(nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")


class Rows(NamedTuple):
    """What the climbs look at.

    known: (C, 1 + q, M) the statistics (1, T) of each climb's rows, 0 where it has fewer rows.
    counts: (C, M) how often each row occurred, 0 where there is none.
    base: (C,) the part of the log-likelihood without parameters.

    If all climbs look at the same rows, there is one in place of C.

    >>> Rows._fields
    ('known', 'counts', 'base')
    """

    known: Array
    counts: Array
    base: Array


class State(NamedTuple):
    """Climbs under way, to be written over; fields as in `em.climb.steps._Climbs`.

    here: (C, K + p K) the shares, then each field of theta.

    >>> State._fields[:2]
    ('here', 'value')
    """

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


class Limits(NamedTuple):
    """Where climbs end.

    tolerance: as in `em.climb.loop.climb`.
    floor: least width; reach: how much farther from zero than usual components may lie.
    accelerate: whether to extrapolate.

    >>> Limits(1e-4, 1e-9, 1.0, True).accelerate
    True
    """

    tolerance: float
    floor: float
    reach: float
    accelerate: bool


class Room(NamedTuple):
    """What a step writes, and room for it.

    sums: (K, 1 + q) and ahead: (K + p K,), as in `State`, where the step leads.
    shares: (K + 2, M) of each row; its largest logit, and what they are divided by.
    powers: (M,) of 2.
    system, mix: the equations of the extrapolation.

    >>> Room._fields[:2]
    ('sums', 'ahead')
    """

    sums: Array
    ahead: Array
    shares: Array
    powers: NDArray[np.int64]
    system: Array
    mix: Array


@inlined
def _natural(kind: int, here: Array, k: int, j: int, phi: Array) -> None:
    """Add a component's natural parameters to the coefficients (1 + q,) of (1, T)."""
    if kind == BINOMIAL:
        prob = here[k + j]
        phi[1], phi[2] = max(np.log(prob), LOG_ZERO), max(np.log1p(-prob), LOG_ZERO)
    elif kind == POISSON:
        rate = here[k + j]
        phi[0] -= rate
        phi[1] = max(np.log(rate), LOG_ZERO)
    else:
        mean, sd = np.log(here[k + j]) if kind == LOG_NORMAL else here[k + j], here[2 * k + j]
        phi[1], phi[2] = mean / (sd * sd), -0.5 / (sd * sd)
        phi[0] -= np.log(sd) + 0.5 * mean * phi[1]


@inlined
def _best(kind: int, sums: Array, k: int, j: int, floor: float, here: Array) -> None:
    """Write a component's M-step, given its sums (1 + q,): quotients, the sd at least the floor."""
    n = sums[0]
    seen = n > NOBODY
    if kind == BINOMIAL:
        heads, tails = max(sums[1], 0.0), max(sums[2], 0.0)
        here[k + j] = heads / (heads + tails) if seen and heads + tails > 0 else 0.5
    elif kind == POISSON:
        here[k + j] = max(sums[1], 0.0) / n if seen else 1.0
    else:
        mean = sums[1] / n if seen else 0.0
        sd = np.sqrt(max(sums[2] - mean * sums[1], 0.0) / n) if seen else 1.0
        here[k + j] = np.exp(mean) if kind == LOG_NORMAL else mean
        here[2 * k + j] = max(sd, floor)


@inlined
def _possible(kind: int, here: Array, k: int, limits: Limits) -> bool:
    """Whether parameters are in their space, no narrower than the floor, and near zero."""
    total = 0.0
    for j in range(k):
        total += here[j]
        possible = 0 <= here[j] < np.inf
        if kind == BINOMIAL:
            possible &= 0 <= here[k + j] <= 1
        elif kind == POISSON:
            possible &= 0 <= here[k + j] < np.inf
        else:
            mean, sd = np.log(here[k + j]) if kind == LOG_NORMAL else here[k + j], here[2 * k + j]
            possible &= limits.floor * (1 - NARROW) <= sd < np.inf
            possible &= abs(mean) <= limits.reach * FARTHEST * sd
        if not possible:
            return False
    return total > 0


@inlined
def _exponentials(x: Array, top: Array, powers: NDArray[np.int64]) -> None:
    """Write exp(x - top) over x, where that is not above 0.

    exp(n log 2 + r) = 2^n (1 + r + r^2 / 2 + ...), |r| <= log(2) / 2. The terms are right to the
    last digit, and processors take several numbers at once, which they cannot with the exponential
    of their library.

    powers: (M,) to be written over.
    """
    bits = x.view(np.int64)
    for at in range(len(x)):
        less = max(x[at] - top[at], LEAST)
        whole = (less * PER_LOG_2 + ROUNDER) - ROUNDER
        r = (less - whole * LOG_2_HIGH) - whole * LOG_2_LOW
        total = 1 / 6227020800.0
        total = 1 / 479001600.0 + r * total
        total = 1 / 39916800.0 + r * total
        total = 1 / 3628800.0 + r * total
        total = 1 / 362880.0 + r * total
        total = 1 / 40320.0 + r * total
        total = 1 / 5040.0 + r * total
        total = 1 / 720.0 + r * total
        total = 1 / 120.0 + r * total
        total = 1 / 24.0 + r * total
        total = 1 / 6.0 + r * total
        total = 0.5 + r * total
        x[at] = 1.0 + r * (1.0 + r * total)
        powers[at] = np.int64(whole)
    for at in range(len(x)):
        bits[at] += powers[at] << EXPONENT


@inlined
def _logarithms(x: Array, powers: NDArray[np.int64]) -> None:
    """Write log(x) over x, as in em/cells.py.

    log(m 2^e) = e log 2 + 2 z (1 + z^2 / 3 + z^4 / 5 + ...), z = (m - 1) / (m + 1).
    """
    bits = x.view(np.int64)
    for at in range(len(x)):
        powers[at] = (bits[at] - ROOT_HALF) >> EXPONENT
        bits[at] -= powers[at] << EXPONENT
    for at in range(len(x)):
        z = (x[at] - 1) / (x[at] + 1)
        y = z * z
        total = 1 / 21
        total = 1 / 19 + y * total
        total = 1 / 17 + y * total
        total = 1 / 15 + y * total
        total = 1 / 13 + y * total
        total = 1 / 11 + y * total
        total = 1 / 9 + y * total
        total = 1 / 7 + y * total
        total = 1 / 5 + y * total
        total = 1 / 3 + y * total
        x[at] = powers[at] * LOG_2 + 2 * (z + z * y * total)


@inlined
def _logits(kind: int, known: Array, here: Array, room: Room) -> bool:
    """Write phi . (1, T) and the largest of each row; return whether phi is finite.

    That of an empty component may be -inf at the front.

    phi is written in the place of the sums, which follow.
    """
    k, top, total, numbers = len(room.sums), room.shares[-2], 0.0, True
    for j in range(k):
        total += here[j]
    for at in range(len(top)):
        top[at] = LOWEST
    for j in range(k):
        phi, logits = room.sums[j], room.shares[j]
        phi[0] = np.log(here[j] / total)
        _natural(kind, here, k, j, phi)
        numbers &= phi[0] < np.inf
        for q in range(1, len(phi)):
            numbers &= -np.inf < phi[q] < np.inf
        for at in range(len(top)):
            logits[at] = phi[0]
        for q in range(1, len(phi)):
            for at in range(len(top)):
                logits[at] += phi[q] * known[q, at]
        for at in range(len(top)):
            top[at] = max(top[at], logits[at])
    return numbers


@inlined
def _expect(kind: int, known: Array, counts: Array, here: Array, room: Room) -> float:
    """Return the log-likelihood without its base, -inf if there is none, and write the sums.

    Responsibilities are the softmax of phi . (1, T); the largest logit is taken out of each row.
    """
    if not _logits(kind, known, here, room):
        return -np.inf
    k, top, under = len(room.sums), room.shares[-2], room.shares[-1]
    for at in range(len(top)):
        under[at] = 0.0
    for j in range(k):
        _exponentials(room.shares[j], top, room.powers)
        for at in range(len(top)):
            under[at] += room.shares[j, at]
    for j in range(k):
        for at in range(len(top)):
            room.shares[j, at] *= counts[at] / under[at]
        for q in range(len(known)):
            room.sums[j, q] = _product(room.shares[j], known[q])
    _logarithms(under, room.powers)
    for at in range(len(top)):
        under[at] += top[at]
    return _product(under, counts)


@summed
def _product(one: Array, other: Array) -> float:
    """Return the sum of products."""
    total = 0.0
    for at in range(len(one)):
        total += one[at] * other[at]
    return total


@inlined
def _maximize(kind: int, sums: Array, floor: float, image: Array) -> None:
    """Write the parameters that maximise the expected log-likelihood."""
    k, total = len(sums), 0.0
    for j in range(k):
        image[j] = sums[j, 0] if sums[j, 0] > NOBODY else 0.0
        total += image[j]
        _best(kind, sums[j], k, j, floor, image)
    for j in range(k):
        image[j] /= total


@inlined
def _jump(steps: Array, images: Array, kept: int, room: Room) -> None:
    """Write where a combination of the last steps is zero (Anderson type II)."""
    last, many, system, mix, trace = len(steps) - 1, kept - 1, room.system, room.mix, 0.0
    for a in range(many):
        mix[a] = 0.0
        for n in range(len(room.ahead)):
            mix[a] += (steps[last - a, n] - steps[last - a - 1, n]) * steps[last, n]
        for b in range(many):
            system[a, b] = 0.0
            for n in range(len(room.ahead)):
                one = steps[last - a, n] - steps[last - a - 1, n]
                system[a, b] += one * (steps[last - b, n] - steps[last - b - 1, n])
        trace += system[a, a]
    for a in range(many):
        system[a, a] += RIDGE * trace + TINY
    _solved(system, mix, many)
    for n in range(len(room.ahead)):
        room.ahead[n] = images[last, n]
        for a in range(many):
            room.ahead[n] -= mix[a] * (images[last - a, n] - images[last - a - 1, n])


@inlined
def _solved(system: Array, mix: Array, q: int) -> None:
    """Solve a system of q equations in place, by elimination with pivots."""
    for a in range(q):
        pivot = a
        for b in range(a + 1, q):
            if abs(system[b, a]) > abs(system[pivot, a]):
                pivot = b
        for n in range(a, q):
            system[a, n], system[pivot, n] = system[pivot, n], system[a, n]
        mix[a], mix[pivot] = mix[pivot], mix[a]
        for b in range(a + 1, q):
            factor = system[b, a] / system[a, a]
            for n in range(a, q):
                system[b, n] -= factor * system[a, n]
            mix[b] -= factor * mix[a]
    for a in range(q - 1, -1, -1):
        for n in range(a + 1, q):
            mix[a] -= system[a, n] * mix[n]
        mix[a] /= system[a, a]


@inlined
def _proposed(going: State, c: int, room: Room) -> bool:
    """Write where to jump, if anywhere; return whether that lengthens the M-step.

    As in `em.climb.loop`: Anderson's method where steps shrink, a longer step where they grow.
    """
    steps, images, here = going.steps[c], going.images[c], going.here[c]
    last, wide = len(steps) - 1, len(here)
    going.kept[c] = min(going.kept[c] + 1, last + 1)
    for n in range(wide):
        steps[last, n] = images[last, n] - here[n]
    growing = _product(steps[last], steps[last]) > _product(steps[last - 1], steps[last - 1])
    striding = going.kept[c] > 1 and (growing or going.failures[c] >= PATIENCE)
    if striding:
        going.stride[c] *= 2
        for n in range(wide):
            room.ahead[n] = images[last, n] + (going.stride[c] - 1) * steps[last, n]
    elif going.kept[c] > 1:
        _jump(steps, images, going.kept[c], room)
    return striding


@inlined
def _remember(going: State, c: int, up: bool, striding: bool) -> None:
    """Adapt the memory to whether a jump led up."""
    if striding and not up:
        going.stride[c] = max(1.0, going.stride[c] / 8)
    elif not striding and not up:
        going.kept[c] = 1
        going.failures[c] += 1
    if up != striding:
        going.failures[c] = 0


@inlined
def _taken(going: State, c: int, level: float, room: Room, tolerance: float) -> None:
    """Take a step, and see whether the rest of the climb is small."""
    for n in range(len(room.ahead)):
        going.here[c, n] = room.ahead[n]
    for j in range(len(room.sums)):
        for q in range(room.sums.shape[1]):
            going.sums[c, j, q] = room.sums[j, q]
    gain, before, rest = level - going.value[c], going.gain[c], np.inf
    if gain <= LAST_PLACES * abs(level):
        rest = 0.0
    elif gain < before < np.inf:
        rest = gain * gain / (before - gain)
    going.near[c] = going.near[c] + 1 if rest <= 0.5 * tolerance**2 else 0
    going.value[c], going.gain[c] = level, gain


@inlined
def _stepped(
    kind: int, rows: Rows, own: int, going: State, c: int, limits: Limits, room: Room
) -> None:
    """Take a step: a jump if it leads up, otherwise the M-step; or leave the climb."""
    images, last, up = going.images[c], going.steps.shape[1] - 1, False
    known, counts = rows.known[own], rows.counts[own]
    for a in range(last):
        for n in range(len(room.ahead)):
            going.steps[c, a, n], images[a, n] = going.steps[c, a + 1, n], images[a + 1, n]
    _maximize(kind, going.sums[c], limits.floor, images[last])
    striding = _proposed(going, c, room)
    if limits.accelerate and going.kept[c] > 1:
        going.evaluations[c] += 1
        if _possible(kind, room.ahead, len(room.sums), limits):
            level = rows.base[own] + _expect(kind, known, counts, room.ahead, room)
            up = level >= going.value[c]
        _remember(going, c, up, striding)
    if not up:
        for n in range(len(room.ahead)):
            room.ahead[n] = images[last, n]
        level = -np.inf
        going.evaluations[c] += 1
        if _possible(kind, room.ahead, len(room.sums), limits):
            level = rows.base[own] + _expect(kind, known, counts, room.ahead, room)
        if not going.value[c] - level <= ROUNDING * abs(going.value[c]):
            going.left[c] = True  # the loop of a single climb knows what to do
            return
    _taken(going, c, level, room, limits.tolerance)


@compiled
def advance(
    kind: int, rows: Rows, going: State, limits: Limits, heights: Array, taken: Labels
) -> None:
    """Take steps of every climb that is not over, until it ends or its row of heights is full.

    kind: of `em.emission.Formulas`.
    heights: (C, steps) the objective after each step; taken: (C,) how many there are.
    """
    wide, (k, q), last = going.here.shape[1], going.sums.shape[1:], going.steps.shape[1] - 1
    m = rows.known.shape[2]
    room = Room(
        np.empty((k, q)),
        np.empty(wide),
        np.empty((k + 2, m)),
        np.empty(m, np.int64),
        np.empty((last, last)),
        np.empty(last),
    )
    for c in range(len(going.here)):
        taken[c] = 0
        while taken[c] < heights.shape[1] and not (going.over[c] or going.left[c]):
            if limits.tolerance > 0 and going.near[c] >= 2:
                break
            _stepped(kind, rows, min(c, len(rows.base) - 1), going, c, limits, room)
            if not going.left[c]:
                heights[c, taken[c]] = going.value[c]
                taken[c] += 1
