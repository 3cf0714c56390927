"""Why EM climbs: Jensen's inequality, and the bound that touches.

The logarithm is concave: for any shares r of the hidden labels log sum_k r_k (w_k p_k / r_k) is at
least sum_k r_k log(w_k p_k / r_k): summed over people, a lower bound B of l. The E-step takes the r
that lift it until it touches l, the M-step goes to its top (Neal & Hinton 1998). One unknown here.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import logsumexp, xlogy
from scipy.stats import norm

from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.pictures.catalogue import Picture
from comparisons.studies import tell_file
from comparisons.studies.pictures import bound as drawn
from em import climb

if TYPE_CHECKING:
    from comparisons.pages.steps import Cells
    from comparisons.studies import Setting
    from models.arrays import Array

__all__ = ["HEIGHTS", "STARTS", "Men", "bound", "height", "joint", "path", "shares", "tell"]

HEIGHTS = np.array([150.0, 152, 160, 162, 163, 164, 166, 176, 178, 180, 181])
WOMEN, SD, STARTS = 163.0, 4.0, (166.0, 160.0)
GRID, ROUNDING = np.linspace(145, 190, 901), 1e-10  # of sums of eleven logarithms near 100
CHORD, PERSON, SHOWN = (1.0, 5.0), 6, 7  # two numbers; who is looked at alone; rows of a table


def joint(theta: Array | float) -> Array:
    """Return log(w_k p_k), (..., people, 2), women first, for men's means theta (...).

    >>> joint(166.0).shape, joint(np.array([160.0, 166.0])).shape
    ((11, 2), (2, 11, 2))
    """
    men = norm.logpdf(HEIGHTS, np.asarray(theta)[..., None], SD)
    women = np.broadcast_to(norm.logpdf(HEIGHTS, WOMEN, SD), men.shape)
    return np.stack([women, men], axis=-1) + np.log(0.5)


def height(theta: Array) -> Array:
    """Return the log-likelihood l (...).

    >>> float(height(np.array(166.0)).round(2))
    -60.11
    """
    return logsumexp(joint(theta), axis=-1).sum(axis=-1)


def shares(theta: float) -> Array:
    """Return the responsibilities (people, 2) at one theta: the shares that touch.

    >>> shares(166.0).sum(axis=1).round(6).tolist()[:2]
    [1.0, 1.0]
    """
    return np.exp(joint(theta) - logsumexp(joint(theta), axis=-1, keepdims=True))


def bound(theta: Array, r: Array) -> Array:
    """Return B(theta, r) = sum_i sum_k r_ik (log(w_k p_k(x_i)) - log r_ik), (...).

    >>> here = shares(166.0)
    >>> bool(np.isclose(bound(np.array(166.0), here), height(np.array(166.0))))  # it touches
    True
    """
    return (r * joint(theta) - xlogy(r, r)).sum(axis=(-2, -1))


class Men(NamedTuple):
    """Men's mean as a model that the loop can climb; the statistics are the shares.

    >>> _, r = Men().expect(166.0)
    >>> Men().maximize(r) > 166.0
    True
    """

    def expect(self, theta: float) -> tuple[float, Array]:
        """Return l, and the shares that make the bound touch it."""
        return float(height(np.array(theta))), shares(theta)

    def maximize(self, r: Array) -> float:
        """Return the top of the bound, a parabola: the men's mean."""
        return float(r[:, 1] @ HEIGHTS / r[:, 1].sum())


def path(start: float) -> Array:
    """Return theta at the start and after each step of plain EM.

    >>> path(166.0)[-1].round(1)
    np.float64(178.7)
    """
    seen = [start]
    climb(Men(), start, accelerate=False, on_step=lambda _, theta, __: seen.append(theta))
    return np.array(seen)


def over(theta: float) -> Array:
    """Return by how much the bound that touches at theta is above l, over the grid."""
    return bound(GRID, shares(theta)) - height(GRID)


def tell(setting: Setting) -> Story:
    """Climb from two sides of the valley and look at every bound.

    >>> from comparisons.studies import Setting
    >>> [picture.name for picture in tell(Setting()).pictures]
    ['jensen', 'bounds']
    """
    paths = [path(start) for start in STARTS]
    (one, top), (other, lower) = ((found[-1], height(found[-1])) for found in paths)
    theta = float(paths[0][1])
    ends = f"from {STARTS[0]:.0f} EM ends at {one:.1f} cm, from {STARTS[1]:.0f} at {other:.1f} cm"
    show = partial(drawn.jensen, CHORD, joint(theta)[PERSON], HEIGHTS[PERSON], (WOMEN, theta))
    hills = partial(drawn.bounds, GRID, height, lambda at, here: bound(at, shares(here)), paths)
    jensen = Picture("jensen", "Jensen", "The logarithm's chord, one person's bound.", show)
    bounds = Picture("bounds", "Bounds", f"Log-likelihood, and bounds touching it; {ends}.", hills)
    above = np.concatenate([over(here) for found in paths for here in found]) > ROUNDING
    learned = (
        f"At {above.sum()} of {above.size:,} places a bound is above l, and each touches l where "
        f"EM is, so its top is uphill. EM climbs the nearest hill: {ends}, with l = {top:.2f} and "
        f"{lower:.2f}."
    )
    return Story((chords(theta), *map(climbed, paths)), learned, (jensen, bounds))


def chords(theta: float) -> Steps:
    """Return both sides of Jensen for two numbers, and for one person under several shares."""
    odds, right, rows = np.exp(joint(theta)[PERSON]), shares(theta)[PERSON, 1], []
    one = [(f"one person, {m:.1%} man", odds / (1 - m, m), m) for m in (0.5, 0.9, right)]
    for name, points, share in [("two numbers", np.array(CHORD), 0.5), *one]:
        log, mean = np.log(points @ (1 - share, share)), np.log(points) @ (1 - share, share)
        rows.append((name, *points, log, mean, log - mean))
    heads = ("points", "one", "other", "log of mean", "mean of logs", "gap")
    title = f"Jensen; {HEIGHTS[PERSON]:.0f} cm where men average {theta:.2f}"
    return Steps(title, dict(zip(heads, ("", *[".4f"] * 5), strict=True)), rows)


def climbed(found: Array) -> Steps:
    """Return the first steps of a climb, each with its bound."""
    rows: list[Cells] = []
    for step, (here, after) in enumerate(pairwise(found[:SHOWN])):
        level, r = float(height(here)), shares(here)
        top, low = (float(bound(at, r)) for at in (after, here))
        gains = top - level, float(height(after)) - level
        rows.append((step, here, level, level - low, over(here).max(), after, *gains))
    heads = ("step", "theta", "l", "l - B here", "max B - l", "top of B", "B gains", "l gains")
    forms = ("d", ".3f", ".4f", ".0e", ".0e", ".3f", ".4f", ".4f")
    title = f"Half are men, women {WOMEN:.0f} cm, sd {SD:.0f}; men's mean theta from {found[0]:.0f}"
    return Steps(title, dict(zip(heads, forms, strict=True)), rows)


if __name__ == "__main__":
    tell_file(__file__)
