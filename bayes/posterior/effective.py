"""R-hat and effective sample sizes of many columns at once (Vehtari et al. 2021).

They are those of ArviZ, which takes one column after the other: for a few hundred draws most of
that time goes into calls. A test compares both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import fft
from scipy.special import ndtri
from scipy.stats import rankdata

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["mean_errors", "measures_of"]

FEWEST = 4  # draws of a chain
BLOM = 3 / 8  # of normal scores (Blom 1958)
STILL = 1e-15  # range of draws that do not vary
AT_ONCE = 1 << 20  # draws of all columns that are worked on together, 8 MB


def measures_of(draws: Array, tail: tuple[float, float]) -> Array:
    """Return rank-normalised R-hat, bulk ESS and tail ESS of each column, (3, m).

    draws: (m, chains, draws) finite numbers, of two chains or more.
    tail: quantiles whose effective sizes are those of the tails.

    >>> draws = np.random.default_rng(1).normal(size=(2, 4, 500))
    >>> (measures_of(draws, (0.05, 0.95))[0] < 1.01).all()
    np.True_
    """
    found = np.full((3, len(draws)), np.nan)
    if draws.shape[2] < FEWEST:
        return found
    for some in _parts(draws):
        each = draws[some]
        halves = _halves(each)
        scores = _scores(halves)
        middle = np.median(halves, axis=(1, 2), keepdims=True)
        folded = _r_hat(_scores(np.abs(halves - middle)))
        found[0, some] = np.fmax(_r_hat(scores), folded)  # of two values only one has a number
        found[1, some] = _size(scores)
        ends = np.quantile(each, tail, axis=(1, 2))[..., None, None]
        found[2, some] = np.minimum(*(_size(_halves((each <= end).astype(float))) for end in ends))
    return found


def mean_errors(draws: Array) -> Array:
    """Return the Monte Carlo standard error of each column's mean, (m,).

    draws: (m, chains, draws).

    >>> draws = np.random.default_rng(1).normal(size=(1, 4, 500))
    >>> mean_errors(draws).round(3)
    array([0.023])
    """
    errors = np.full(len(draws), np.nan)
    if draws.shape[2] >= FEWEST:
        for some in _parts(draws):
            each = draws[some]
            errors[some] = each.std(axis=(1, 2), ddof=1) / np.sqrt(_size(_halves(each)))
    return errors


def _parts(draws: Array) -> list[slice]:
    """Return which columns are worked on together."""
    size = max(1, AT_ONCE // max(1, draws[0].size)) if len(draws) else 1
    return [slice(begin, begin + size) for begin in range(0, len(draws), size)]


def _halves(draws: Array) -> Array:
    """Return both halves of each chain as chains, (m, 2 chains, draws / 2)."""
    half = draws.shape[2] // 2
    return np.concatenate([draws[:, :, :half], draws[:, :, -half:]], axis=1)


def _scores(draws: Array) -> Array:
    """Return normal scores of the ranks among all draws of a column."""
    flat = draws.reshape(len(draws), -1)
    ranks = rankdata(flat, axis=1)
    scores: Array = ndtri((ranks - BLOM) / (flat.shape[1] - 2 * BLOM + 1))
    return scores.reshape(draws.shape)


def _r_hat(draws: Array) -> Array:
    """Return the root of the variance of all draws over that within chains, (m,)."""
    n = draws.shape[2]
    between = n * draws.mean(axis=2).var(axis=1, ddof=1)
    within = draws.var(axis=2, ddof=1).mean(axis=1)
    found: Array = np.sqrt((between / within + n - 1) / n)
    return found


def _size(draws: Array) -> Array:
    """Return effective sample sizes (m,), from Geyer's initial monotone sequences.

    With rho_t the autocorrelation at lag t, s_j = rho_2j + rho_2j+1. It is summed up to the first
    s_j that is not above 0, and no s_j counts as more than the one before.
    """
    m, chains, n = draws.shape
    covariance = _autocovariance(draws)
    mean = covariance[:, :1] * n / (n - 1.0)
    plus = covariance[:, 0] + draws.mean(axis=2).var(axis=1, ddof=1)
    rho = 1.0 - (mean - covariance) / plus[:, None]
    rho[:, 0] = 1.0
    most = max(0, -(-(n - 2) // 2) - 1)  # the last pair that is looked at
    pairs = rho[:, : 2 * (most + 1)].reshape(m, most + 1, 2).sum(axis=2)
    ended = ~(pairs > 0)
    last = np.where(ended.any(axis=1), ended.argmax(axis=1), most)
    every, before = np.arange(m), np.arange(most + 1)[None] < last[:, None]
    falling = np.minimum.accumulate(pairs, axis=1)
    rest = rho[every, 2 * last]
    counted = (pairs[every, last] >= 0) | (rest > 0)
    tau = 2 * np.where(before, falling, 0).sum(axis=1) - 1 + np.where(counted, rest, 0)
    size = chains * n / np.maximum(tau, 1 / np.log10(chains * n))
    size[np.isnan(rho[:, 1])] = np.nan
    still = np.ptp(draws, axis=(1, 2)) < STILL
    return np.where(still, float(chains * n), size)


def _autocovariance(draws: Array) -> Array:
    """Return the mean of all chains' autocovariances at each lag, (m, draws)."""
    n = draws.shape[2]
    length = fft.next_fast_len(2 * n, real=True)
    waves = fft.rfft(draws - draws.mean(axis=2, keepdims=True), length, axis=2)
    power = (waves.real**2 + waves.imag**2).mean(axis=1)
    return np.asarray(fft.irfft(power, length, axis=1)[:, :n] / n)
