"""The top of smooth functions, one for each component: the M-step where it has no closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["Height", "highest_of"]

MOST_STEPS = 30  # a climb that takes more is on its way to an end, and goes on in the next M-step
HALVINGS = 40
LONGEST = 2.0  # a step in any coordinate, which is the logarithm of a positive parameter
ENOUGH = 1e-22  # squared length of a step, in standard errors: after it rounding is left
RELATIVE = 1e-15  # length of a step that moves a coordinate by rounding
ROUNDING = 1e-13  # of the value: a smaller fall is none, and the slope is trusted


class Height(NamedTuple):
    """A function of m coordinates at K points, with its derivatives.

    value: (K,); slope: (K, m); curvature: (K, m, m), minus the matrix of second derivatives.

    >>> Height(np.zeros(1), np.zeros((1, 2)), np.eye(2)[None]).curvature.shape
    (1, 2, 2)
    """

    value: Array
    slope: Array
    curvature: Array


def highest_of(
    height: Callable[[Array], Height],
    start: Array,
    low: Array | float,
    high: Array | float,
    noise: Array | float = 0.0,
    enough: float = 0.0,
) -> Array:
    """Return the coordinates (K, m) at which each function has its nearest maximum.

    Newton's steps, of which directions that curve upward are turned around, each halved until the
    function does not fall beyond rounding (Nocedal & Wright 2006, section 3.4). A coordinate that
    would leave [low, high] stays on its end.

    height: (K, m) -> the values of the K functions, each at its own row.
    start: (K, m).
    low, high: of all coordinates, or (m,).
    noise: rounding of the values, (K,), if they are small differences of large terms.
    enough: part of the first step's squared length, in standard errors, after which it is over.

    >>> def hill(at):
    ...     away = at - np.array([[1.0], [9.0]])
    ...     return Height(-(away**2).sum(axis=1), -2 * away, np.full((2, 1, 1), 2.0))
    >>> highest_of(hill, np.zeros((2, 1)), -5.0, 5.0)
    array([[1.],
           [5.]])
    """
    at = np.clip(start, low, high)
    here, least = height(at), ENOUGH
    for count in range(MOST_STEPS):
        stuck = ((at <= low) & (here.slope <= 0)) | ((at >= high) & (here.slope >= 0))
        step = _ascent(here, stuck)
        gain = (here.slope * step).sum(axis=1)
        least = max(ENOUGH, enough * gain.max()) if count == 0 else least
        if (gain <= least).all():
            break
        lost = noise + ROUNDING * np.abs(here.value)
        step /= np.maximum(np.abs(step).max(axis=1, keepdims=True) / LONGEST, 1)
        at, here, moved = _climbed(height, at, here, step, low, high, lost)
        if not moved or (gain <= lost).all():  # the value has no digits left to climb by
            break
    return at


def _ascent(here: Height, stuck: NDArray[np.bool_]) -> Array:
    """Return each Newton step, 0 in coordinates that are stuck at an end."""
    curvature = _without(here.curvature, stuck)
    size = np.sqrt(np.abs(np.diagonal(curvature, axis1=1, axis2=2)))
    unit = 1 / np.where(size > 0, size, 1)  # so that a steep direction costs others no digits
    values, vectors = np.linalg.eigh(curvature * unit[:, :, None] * unit[:, None, :])
    slope = np.where(stuck, 0, here.slope) * unit
    along = np.einsum("kij,ki->kj", vectors, slope)
    least = np.finfo(float).eps * np.abs(values).max(axis=1, keepdims=True) + np.finfo(float).tiny
    step = unit * np.einsum("kij,kj->ki", vectors, along / np.maximum(np.abs(values), least))
    return np.where(stuck, 0, step)


def _without(curvature: Array, stuck: NDArray[np.bool_]) -> Array:
    """Return the curvature without what couples to coordinates that are stuck."""
    apart = stuck[:, :, None] | stuck[:, None, :]
    return np.where(apart, np.eye(stuck.shape[1]), curvature)


def _climbed(
    height: Callable[[Array], Height],
    at: Array,
    here: Height,
    step: Array,
    low: Array | float,
    high: Array | float,
    lost: Array,
) -> tuple[Array, Height, bool]:
    """Return the points after steps that are halved until no function falls, and whether any moved.

    A point stays where no step is short enough.
    """
    scale = np.ones((len(at), 1))
    for _ in range(HALVINGS):
        there = np.clip(at + scale * step, low, high)
        found = height(there)
        fell = ~(found.value >= here.value - lost)
        still = np.abs(there - at).max(axis=1) <= RELATIVE * (1 + np.abs(at).max(axis=1))
        if not (fell & ~still).any():
            break
        scale[fell] /= 2
    kept = fell[:, None]
    at, moved = np.where(kept, at, there), bool((~fell & ~still).any())
    return at, height(at) if fell.any() else found, moved
