"""Where two Gaussians part: which one a value belongs to, and from where on."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from models import Gaussian, Mixture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from comparisons.kept.facts import Facts
    from models.arrays import Array

__all__ = [
    "best_threshold",
    "both",
    "chance",
    "checked",
    "crossing",
    "each_chance",
    "interval",
    "joint",
]

STEPS = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)  # of chances, side by side


def both(facts: Facts) -> tuple[Mixture[Gaussian], Mixture[Gaussian]]:
    """Return a comparison's two answers: EM's, fields (K,), and the draws, fields (draws, K).

    >>> from types import SimpleNamespace
    >>> mean = np.array([163.0, 175.0])
    >>> fields = {"weight": np.full(2, 0.5), "mean": mean, "sd": np.full(2, 7.0)}
    >>> draws = {name: np.tile(field, (100, 1)) for name, field in fields.items()}
    >>> em, drawn = both(SimpleNamespace(fields=fields, draws=draws))
    >>> em.theta.mean.shape, drawn.theta.mean.shape
    ((2,), (100, 2))
    """
    one, other = (
        Mixture(fields["weight"], Gaussian(fields["mean"], fields["sd"]))
        for fields in (facts.fields, facts.draws)
    )
    return one, other


def joint(mixture: Mixture[Gaussian], x: Array) -> Array:
    """Return weight_k p(x | mean_k, sd_k), (K, ..., n).

    mixture: fields (..., K); x: (n,).

    >>> one = Mixture(np.ones(1), Gaussian(np.zeros(1), np.ones(1)))
    >>> joint(one, np.array([0.0])).round(3)
    array([[0.399]])
    """
    weight, mean, sd = (
        np.moveaxis(field, -1, 0)[..., None] for field in (mixture.weight, *mixture.theta)
    )
    return weight * norm.pdf(x, mean, sd)


def crossing(mixture: Mixture[Gaussian]) -> Array:
    """Return where the second of two Gaussians becomes the likelier one, NaN if it never does.

    At u = x - (m_0 + m_1) / 2 the log odds of the second are a u^2 + b u + c; of the two roots
    this is the one where they rise, in the form that does not cancel where a is small.

    mixture: fields (..., 2), means in order.

    >>> two = Mixture(np.full(2, 0.5), Gaussian(np.array([0.0, 2.0]), np.ones(2)))
    >>> float(crossing(two))
    1.0
    """
    (w0, w1), (m0, m1), (s0, s1) = (
        np.moveaxis(field, -1, 0) for field in (mixture.weight, *mixture.theta)
    )
    half = (m1 - m0) / 2
    a = (s0**-2.0 - s1**-2.0) / 2
    b = half * (s0**-2.0 + s1**-2.0)
    c = np.log(w1 * s0 / (w0 * s1)) + half**2 * a
    square = b**2 - 4 * a * c
    return m0 + half - 2 * c / (b + np.sqrt(np.where(square < 0, np.nan, square)))


def chance(mixture: Mixture[Gaussian], x: Array) -> Array:
    """Return the chance (n,) of the second of two Gaussians, its mean over draws if there are any.

    mixture: fields (2,), or (draws, 2); x: (n,).

    >>> two = Mixture(np.full(2, 0.5), Gaussian(np.array([0.0, 2.0]), np.ones(2)))
    >>> chance(two, np.array([1.0]))
    array([0.5])
    """
    distinct, places = np.unique(x, return_inverse=True)
    return each_chance(mixture, distinct).reshape(-1, len(distinct)).mean(axis=0)[places]


def each_chance(mixture: Mixture[Gaussian], x: Array) -> Array:
    """Return the chance of the second of two Gaussians, (..., n), of fields (..., 2).

    >>> halves = Mixture(np.full(2, 0.5), Gaussian(np.array([160.0, 180.0]), np.full(2, 7.0)))
    >>> each_chance(halves, np.array([150.0, 170.0, 190.0])).round(2).tolist()
    [0.0, 0.5, 1.0]
    """
    weight, mean, sd = (
        np.moveaxis(field, -1, 0)[..., None] for field in (mixture.weight, *mixture.theta)
    )
    log = np.log(weight) + norm.logpdf(x, mean, sd)  # far from both, both densities are 0
    return expit(log[1] - log[0])


def interval(values: Array) -> tuple[float, float]:
    """Return the 95% interval of draws, those that have no value left out.

    >>> interval(np.arange(101.0))
    (2.5, 97.5)
    """
    there = values[np.isfinite(values)]
    low, high = np.quantile(there, [0.025, 0.975]) if len(there) else (np.nan, np.nan)
    return float(low), float(high)


def best_threshold(x: Array, second: NDArray[np.bool_]) -> float:
    """Return the threshold above which to say "second" and be wrong least often.

    x, second: (n,) values, and whether each is truly of the second group.

    >>> best_threshold(np.array([1.0, 2.0, 4.0, 5.0]), np.array([False, False, True, True]))
    3.0
    """
    steps = np.unique(x)
    between = (steps[1:] + steps[:-1]) / 2
    wrong = [np.count_nonzero((x > one) != second) for one in between]
    return float(between[np.argmin(wrong)])


def checked(
    x: Array, likely: Array, second: NDArray[np.bool_]
) -> list[tuple[str, float, float, int, float, float]]:
    """Return for like chances: their range, x from and to, how many, chance and share of "second".

    x, likely, second: (n,) values, their chances, and whether each is truly of the second group.

    >>> chances = np.array([0.01, 0.02, 0.99])
    >>> checked(np.array([150.0, 155, 190]), chances, np.array([False, False, True]))[0][:4]
    ('0% to 5%', 150.0, 155.0, 2)
    """
    step, rows = np.digitize(likely, STEPS[1:-1]), []
    for place, (low, high) in enumerate(pairwise(STEPS)):
        who = step == place
        if who.any():
            ends = (float(x[who].min()), float(x[who].max()), int(who.sum()))
            shares = (float(likely[who].mean()), float(second[who].mean()))
            rows.append((f"{low:.0%} to {high:.0%}", *ends, *shares))
    return rows
