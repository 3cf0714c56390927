"""Sums over the components of every cell of an admixture, and their derivatives, in one sweep.

A cell is a distinct row of a group, seen a number of times. With w the shares of its group g and
f_k its row's density under component k, divided by the largest of all k,

    share_k = w_gk f_k / sum_j w_gj f_j,                     the probability of the component
    log-likelihood = sum over cells of times (log sum_j w_gj f_j + log of the largest density)

The derivative by log p_k of a row is the sum of times share_k over its cells, and the one by w_gk
that of times f_k / sum_j w_gj f_j over the group's cells. Densities are exponentiated once for a
row, whatever the number of its cells. A sum is faint if a group has next to no share of the
components that explain the row. It is then taken again in logarithms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes.machine_code import inner, kept, version_of

if TYPE_CHECKING:
    from models.arrays import Array, Labels

__all__ = ["VERSION", "cell_members", "cell_sums", "cell_value_and_slopes"]

FAINT = 1e-200  # sums below it are taken again, in logarithms
VERSION = version_of(__file__)


@inner
def _relative(log_density: Array, density: Array, peaks: Array) -> None:
    """Fill density (m, K), relative to each row's largest, and the logarithm of that, (m,)."""
    k, m = log_density.shape
    for row in range(m):
        peak = -np.inf
        for j in range(k):
            peak = max(peak, log_density[j, row])
        for j in range(k):
            density[row, j] = np.exp(log_density[j, row] - peak) if peak > -np.inf else 0.0
        peaks[row] = peak


@inner
def _in_logarithms(share: Array, log_density: Array, row: int) -> float:
    """Return log sum_j share_j exp(log_density_j) by its largest term."""
    peak = -np.inf
    for j in range(len(share)):
        if share[j] > 0:
            peak = max(peak, np.log(share[j]) + log_density[j, row])
    if peak == -np.inf:
        return peak
    total = 0.0
    for j in range(len(share)):
        if share[j] > 0:
            total += np.exp(np.log(share[j]) + log_density[j, row] - peak)
    found: float = np.log(total) + peak
    return found


@inner
def _mixed(share: Array, density: Array, row: int) -> float:
    """Return sum_k share_k density of a row."""
    total = 0.0
    for j in range(len(share)):
        total += share[j] * density[row, j]
    return total


@kept
def cell_value_and_slopes(
    weight: Array,
    log_density: Array,
    places: Array | Labels,
    times: Array | Labels,
    ends: Array | Labels,
) -> tuple[float, Array, Array]:
    """Return the log-likelihood, its derivatives by weight, and roots.

    roots: (K, m) square roots of the derivatives by log_density, the expected numbers of rows.
    weight: (G, K); log_density: (K, m).
    places, times: (c,) row and number of each cell; ends: (G,) of each group's cells.

    >>> weight, log_density = np.array([[0.5, 0.5], [0.1, 0.9]]), np.log([[0.3, 0.7], [0.6, 0.4]])
    >>> places, times = np.array([0, 1, 1]), np.array([1, 2, 4])
    >>> value, by_weight, roots = cell_value_and_slopes(
    ...     weight, log_density, places, times, np.array([2, 3])
    ... )
    >>> round(float(np.exp(value)), 7), round(float((roots**2).sum()), 3)  # 0.45 0.55^2 0.43^4
    (0.0046538, 7.0)
    """
    (k, m), groups = log_density.shape, len(ends)
    density, peaks, counted = np.empty((m, k)), np.empty(m), np.zeros((m, k))
    _relative(log_density, density, peaks)
    by_weight, value, begin = np.zeros((groups, k)), 0.0, 0
    for g in range(groups):
        share = weight[g]
        for cell in range(begin, int(ends[g])):
            row, often = int(places[cell]), times[cell]
            total = _mixed(share, density, row)
            if total < FAINT:
                height = _in_logarithms(weight[g], log_density, row)
                value += often * height
                for j in range(k if height > -np.inf else 0):
                    each = often * np.exp(log_density[j, row] - height)
                    by_weight[g, j] += each
                    if weight[g, j] > 0:
                        counted[row, j] += weight[g, j] * each
                continue
            value += often * (np.log(total) + peaks[row])
            scale = often / total
            for j in range(k):
                each = scale * density[row, j]
                by_weight[g, j] += each
                counted[row, j] += weight[g, j] * each
        begin = int(ends[g])
    roots = np.empty((k, m))
    for row in range(m):
        for j in range(k):
            roots[j, row] = np.sqrt(counted[row, j])
    return value, by_weight, roots


@kept
def cell_sums(
    weight: Array, log_density: Array, places: Array | Labels, ends: Array | Labels
) -> Array:
    """Return the log-likelihood of each cell, once, (draws, c).

    weight: (draws, G, K); log_density: (draws, K, m).
    places, ends: as `cell_value_and_slopes` takes them.

    >>> weight, log_density = np.array([[[0.5, 0.5], [0.1, 0.9]]]), np.log([[[0.3], [0.6]]])
    >>> np.exp(cell_sums(weight, log_density, np.array([0, 0]), np.array([1, 2])))
    array([[0.45, 0.57]])
    """
    draws, k, m = log_density.shape
    density, peaks, found = np.empty((m, k)), np.empty(m), np.empty((draws, len(places)))
    for draw in range(draws):
        _relative(log_density[draw], density, peaks)
        begin = 0
        for g in range(len(ends)):
            share = weight[draw, g]
            for cell in range(begin, int(ends[g])):
                row = int(places[cell])
                total = _mixed(share, density, row)
                if total < FAINT:
                    found[draw, cell] = _in_logarithms(weight[draw, g], log_density[draw], row)
                else:
                    found[draw, cell] = np.log(total) + peaks[row]
            begin = int(ends[g])
    return found


@kept
def cell_members(
    weight: Array, log_density: Array, places: Array | Labels, ends: Array | Labels
) -> Array:
    """Return the probability of each component at each cell, (draws, K, c).

    weight, log_density, places, ends: as `cell_sums` takes them.

    >>> weight, log_density = np.array([[[0.5, 0.5], [0.1, 0.9]]]), np.log([[[0.3], [0.6]]])
    >>> cell_members(weight, log_density, np.array([0, 0]), np.array([1, 2])).round(3)
    array([[[0.333, 0.053],
            [0.667, 0.947]]])
    """
    draws, k, m = log_density.shape
    density, peaks, found = np.empty((m, k)), np.empty(m), np.empty((draws, k, len(places)))
    for draw in range(draws):
        _relative(log_density[draw], density, peaks)
        begin = 0
        for g in range(len(ends)):
            share = weight[draw, g]
            for cell in range(begin, int(ends[g])):
                row = int(places[cell])
                total = _mixed(share, density, row)
                if total < FAINT:
                    height = _in_logarithms(weight[draw, g], log_density[draw], row)
                    for j in range(k):
                        log_share = np.log(weight[draw, g, j]) + log_density[draw, j, row]
                        found[draw, j, cell] = np.exp(log_share - height)
                    continue
                for j in range(k):
                    found[draw, j, cell] = weight[draw, g, j] * density[row, j] / total
            begin = int(ends[g])
    return found
