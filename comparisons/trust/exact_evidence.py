"""Exact evidence, by summing over allocations of the observations to components.

Given which component each observation is from, everything has a closed form under a conjugate
prior. Of K^n allocations most are alike: of coins and counts only the number of observations n_k
and their sum s_k in each component matter. So the allocations with each (n_1, s_1, ..) are counted,
an observation at a time, and

    evidence = prod_i h(x_i) sum count(n, s) P(n) prod_k m(n_k, s_k),

where m is a component's evidence without h, and P(n) = E prod_k weight_k^n_k (Fruehwirth-Schnatter
2006, section 3.2; Nobile & Fearnside 2007). Components have labels: K^n allocations, not K^n / K!.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import betaln, gammaln, logsumexp

from models import Binomial, Gaussian, Poisson
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from models import BinomialPrior, GaussianPrior, PoissonPrior, Sample
    from models.arrays import Array
    from models.question import Question

    type Closed = Callable[[Any, Array, Array, float], Array]

__all__ = ["exact_evidence"]

LEAST = 1e-300  # an allocation, so that K^n of them are doubles as well
MOST_DIGITS = 600.0  # decimal digits that K^n may have
MOST_CELLS = 1 << 26  # of the table of counts, half a gigabyte
MOST_ALLOCATIONS = 1 << 18  # one by one


def exact_evidence(question: Question[Any, Any]) -> float:
    """Return the exact log evidence of a mixture of coins, counts or a few measurements.

    Numbers of trials have to be equal; the table of counts has (n sum)^(K - 1) cells. Measurements
    are allocated one by one, K^n times.

    >>> from models import BinomialPrior, Prior, Sample
    >>> from models.question import asked
    >>> flips, uniform = Sample([5, 9, 8, 4, 7], 10), Prior(0.0, BinomialPrior(0.0, 0.0))
    >>> round(exact_evidence(asked(Binomial, flips, 2, prior=uniform)), 6)
    -11.822026
    """
    sample: Sample = question.rows
    x = np.repeat(sample.x, sample.counts.astype(np.int64))
    if question.family is Gaussian:
        return _by_one(question, x)
    trials = 0.0
    if sample.trials is not None:
        trials = float(sample.trials[0])
        if (sample.trials != trials).any():
            raise Refusal("numbers of trials differ; exact evidence needs equal ones")
    closed, left = CLOSED[question.family]
    n, total, k = len(x), int(x.sum()), question.k
    count = _counted(x.astype(np.int64), k)
    axes = np.indices(count.shape, sparse=True)
    sizes: list[Array] = [*axes[::2], np.array(n) - sum(axes[::2])]
    sums: list[Array] = [*axes[1::2], np.array(total) - sum(axes[1::2])]
    record = question.prior.theta
    # where nothing was counted, sizes and sums may be below 0
    parts = [
        closed(record, np.maximum(size, 0), np.maximum(one, 0), trials)
        for size, one in zip(sizes, sums, strict=True)
    ]
    with np.errstate(divide="ignore"):
        found = np.log(count) - np.log(LEAST)
    found = found + sum(parts) + _shares(question, [np.maximum(one, 0) for one in sizes])
    return float(logsumexp(found) + left(x, trials).sum())


def _counted(x: Array, k: int) -> Array:
    """Return how many allocations have each (n_1, s_1, .., n_(k-1), s_(k-1)), times LEAST."""
    n, total = len(x), int(x.sum())
    shape = (n + 1, total + 1) * (k - 1)
    if n * np.log10(k) > MOST_DIGITS or np.prod(shape, dtype=float) > MOST_CELLS:
        raise Refusal(f"{n:,} observations with a sum of {total:,} are too many for {k} components")
    found = np.zeros(shape)
    found[(0,) * len(shape)] = LEAST
    seen = 0
    for before, value in enumerate(map(int, np.sort(x))):
        here = [slice(before + 1), slice(seen + 1)] * (k - 1)
        added = found[tuple(here)].copy()
        for at in range(k - 1):
            into = list(here)
            into[2 * at : 2 * at + 2] = slice(1, before + 2), slice(value, value + seen + 1)
            found[tuple(into)] += added
        seen += value
    return found


def _shares(question: Question[Any, Any], sizes: list[Array]) -> Array:
    """Return log E prod_k weight_k^n_k under the prior of the shares, or at 1 / K."""
    n, k = sum(sizes, np.zeros(())), question.k
    if question.held:
        found: Array = -np.log(k) * n
        return found
    one = 1 + question.prior.weight
    found = gammaln(k * one) - gammaln(k * one + n)
    for size in sizes:
        found = found + gammaln(one + size) - gammaln(one)
    return found


def _by_one(question: Question[Any, Any], x: Array) -> float:
    """Return the log evidence of measurements, by every allocation."""
    n, k = len(x), question.k
    if k**n > MOST_ALLOCATIONS:
        raise Refusal(f"{n:,} measurements are too many for {k} components")
    labels = np.array(list(product(range(k), repeat=n)))
    each = [labels == one for one in range(k)]
    sizes = [own.sum(axis=1) for own in each]
    away = x - x.mean()  # sums of squares keep their digits
    record: Any = question.prior.theta.affine(np.ones(1), np.array([-x.mean()]))
    parts = [
        _gaussian(record, size, own @ away, own @ away**2)
        for own, size in zip(each, sizes, strict=True)
    ]
    return float(logsumexp(sum(parts, _shares(question, sizes))))


def _gaussian(prior: GaussianPrior, n: Array, total: Array, squares: Array) -> Array:
    """Return the log evidence of n measurements of one component (Bernardo & Smith 1994, A.2)."""
    after = prior.n + n
    mean = (prior.n * prior.mean + total) / after
    left = prior.squares + squares + prior.n * prior.mean**2 - after * mean**2
    half, post = prior.degrees / 2, (prior.degrees + n) / 2
    found: Array = half * np.log(prior.squares / 2) - post * np.log(left / 2)
    found += gammaln(post) - gammaln(half) + np.log(prior.n / after) / 2
    found -= n / 2 * np.log(2 * np.pi)
    return found


def _coins(prior: BinomialPrior, n: Array, total: Array, trials: float) -> Array:
    """Return log m(n, s) of one coin, a beta function over another."""
    a, b = prior.heads + 1, prior.tails + 1
    tails = np.maximum(n * trials - total, 0)
    found: Array = betaln(a + total, b + tails) - betaln(a, b)
    return found


def _counts(prior: PoissonPrior, n: Array, total: Array, trials: float) -> Array:
    """Return log m(n, s) of one rate, a gamma function over another."""
    a, b = prior.events + 1, prior.exposure
    found: Array = a * np.log(b) - gammaln(a) + gammaln(a + total) - (a + total) * np.log(b + n)
    return found


CLOSED: dict[type, tuple[Closed, Callable[[Array, float], Array]]] = {
    Binomial: (
        _coins,
        lambda x, trials: gammaln(trials + 1) - gammaln(x + 1) - gammaln(trials - x + 1),
    ),
    Poisson: (_counts, lambda x, trials: -gammaln(x + 1)),
}
"""By family: log m(n, s) from record, n, s and trials; log h from x and trials."""
