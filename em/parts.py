"""A family as a part of another one: the same calls, whether it has statistics or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from em.by_rows import ByRows, Setting
from em.emission import Exponential
from em.newton import Height
from em.sweep import logits, sums_about
from models.family import components, width_of
from models.sample import Part

if TYPE_CHECKING:
    from em.emission import Emission
    from models.arrays import Array
    from models.family import Theta

__all__ = ["complete", "part_believed", "part_best", "part_density", "part_height", "unseen_about"]


def complete(emission: Exponential[Any], sums: Array, observed: Array) -> Array:
    """Return (K, ones + q + unread) sums of all of T, from those of (1, T), (K, 1 + q).

    observed: (K,) the number of observations, 0 where it means nothing.

    >>> from em.emission import emission_of
    >>> from models import Gaussian
    >>> complete(emission_of(Gaussian), np.array([[2.0, 4.0, 10.0]]), np.array([2.0]))
    array([[ 2.,  2.,  4., 10.]])
    """
    ones, read = emission.ones, emission.ones + sums.shape[1] - 1
    full = np.zeros((len(sums), read + emission.unread))
    full[:, :ones] = observed[:, None]
    np.multiply(sums[:, 1:], (observed > 0)[:, None], out=full[:, ones:read])
    return full


def unseen_about(emission: Exponential[Any], prior: Any, k: int, centre: Array | None) -> Array:
    """Return the prior as sums about the centre, (K or 1, ones + q + unread).

    >>> from em.emission import emission_of
    >>> from models import Gaussian, GaussianPrior
    >>> prior = GaussianPrior(mean=5.0, n=1.0, squares=2.0, degrees=3.0)
    >>> unseen_about(emission_of(Gaussian), prior, 2, np.array([5.0]))
    array([[6., 1., 0., 2.]])
    """
    if centre is None:
        return emission.unseen(prior, k)[None]
    moved = [emission.about(prior, np.atleast_1d(point)) for point in centre]
    return np.stack([emission.unseen(one, k) for one in moved])


def part_density[T: Theta](
    emission: Emission[T], theta: T, x: Array, trials: Array | None
) -> Array:
    """Return log p without its base of every row under every component, (K, B).

    >>> from em.emission import emission_of
    >>> from models import Poisson
    >>> part_density(emission_of(Poisson), Poisson(np.array([1.0])), np.array([0.0, 3.0]), None)
    array([[-1., -1.]])
    """
    return logits(emission, Part(x, trials, None), np.zeros(components(theta)), theta)


def part_height[T: Theta](
    emission: Emission[T], theta: T, occupancy: Array, x: Array, trials: Array | None
) -> Height:
    """Return the sum over rows of occupancy (K, B) times log p, with its derivatives.

    >>> from em.emission import emission_of
    >>> from models import Poisson
    >>> rows = np.array([[1.0, 1.0]]), np.array([0.0, 3.0]), None
    >>> part_height(emission_of(Poisson), Poisson(np.array([1.0])), *rows).slope
    array([[1.]])
    """
    if isinstance(emission, ByRows):
        return emission.height(theta, occupancy, x, trials)
    assert isinstance(emission, Exponential)
    centre = emission.location(theta)
    sums = _sums(emission, occupancy, x, trials, centre, width_of(theta))
    return _heights(emission, theta, complete(emission, sums, sums[:, 0]), centre)


def part_believed[T: Theta](emission: Emission[T], theta: T, prior: Any, k: int) -> Height:
    """Return the log prior up to a constant, with its derivatives.

    >>> from em.emission import emission_of
    >>> from models import Poisson, PoissonPrior
    >>> prior = PoissonPrior(events=2.0, exposure=1.0)
    >>> part_believed(emission_of(Poisson), Poisson(np.array([1.0])), prior, 1).slope
    array([[1.]])
    """
    if isinstance(emission, ByRows):
        return emission.believed(theta, prior, k)
    assert isinstance(emission, Exponential)
    centre = emission.location(theta)
    sums = unseen_about(emission, prior, k, centre)
    every = np.broadcast_to(sums, (components(theta), sums.shape[1]))
    return _heights(emission, theta, every, centre)


def part_best[T: Theta](
    emission: Emission[T], occupancy: Array, rows: Part, setting: Setting, near: T | None = None
) -> T:
    """Return the theta (K,) that maximises what is expected, for occupancies (K, B).

    Without a place to begin, T is expanded about zero first, then about what that gives.

    >>> from em.emission import emission_of
    >>> from models import Gaussian
    >>> rows = Part(np.array([1e9 - 1, 1e9 + 1]), None, None)
    >>> part_best(emission_of(Gaussian), np.ones((1, 2)), rows, Setting(floor=1e-9, k=1)).sd
    array([1.])
    """
    if isinstance(emission, ByRows):
        best: T = emission.best(occupancy, rows, setting, near)
        return best
    assert isinstance(emission, Exponential)
    centre = None if near is None else emission.location(near)
    found: T = _maximum(emission, occupancy, rows, setting, centre)
    if near is None and (centre := emission.location(found)) is not None:
        found = _maximum(emission, occupancy, rows, setting, centre)
    return found


def _maximum[T: Theta](
    emission: Exponential[T], occupancy: Array, rows: Part, setting: Setting, centre: Array | None
) -> T:
    """Return the theta of the sums of T about a centre."""
    sums = _sums(emission, occupancy, rows.x, rows.trials, centre, setting.wide)
    full = complete(emission, sums, sums[:, 0])
    if setting.prior is not None:
        full = full + unseen_about(emission, setting.prior, setting.k, centre)
    theta = emission.maximize(full)
    moved = theta if centre is None else emission.back(theta, centre)
    found: T = emission.widen(moved, np.asarray(setting.floor))
    return found


def _sums(
    emission: Exponential[Any],
    occupancy: Array,
    x: Array,
    trials: Array | None,
    centre: Array | None,
    wide: int,
) -> Array:
    """Return the sums over rows of occupancy times (1, T), T about a centre, (K, 1 + q)."""
    size = 1 + emission.size(wide)
    if centre is None:
        return emission.sums(occupancy, x, trials, size)
    return sums_about(emission, Part(x, trials, None), centre, occupancy, size)


def _heights(emission: Exponential[Any], theta: Theta, sums: Array, centre: Array | None) -> Height:
    """Return natural . sums with its derivatives, T about the centre; sums are complete."""
    moved = theta if centre is None else emission.about(theta, centre)
    value = (emission.natural(moved) * sums).sum(axis=1)
    slope = np.einsum("kq,kqm->km", sums, emission.slope(theta))
    return Height(value, slope, emission.curvature(theta, sums))
