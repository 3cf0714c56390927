"""Whether the model fits each group: all groups together may hide that single ones are off.

Values are cut into cells in which about equally many are expected of all groups together. At a draw
from the posterior of a true model Pearson's statistic of the table of groups and cells has the
moments of as many multinomials, whatever was estimated (Johnson 2004).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import chdtrc

import em

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.arrays import Array, Labels
    from models.question import Question
    from models.structure import Structure

__all__ = ["ByGroup", "by_group"]

ENOUGH = 50  # observations: smaller groups are taken together with those after them
EXPECTED = 5  # observations in a cell, about, so that the statistic is chi-squared
MOST = 20  # cells


class ByGroup(NamedTuple):
    """The fit of the groups.

    chance: twice the median over draws of the p-values, which is one again (Rueger 1978).
    size: the share of the observations that would have to lie elsewhere, without chance's part.

    >>> ByGroup(0.5, 0.0).size
    0.0
    """

    chance: float
    size: float


def by_group(question: Question[Any, Any], draws: Sequence[Structure]) -> ByGroup | None:
    """Return the fit of the groups under draws; None without groups, or for several columns.

    >>> by_group(fit.question, [fit.estimate]) is None
    True
    """
    sample, several = question.sample, question.data.sizes.get("group", 1)
    if several < 2 or sample.table or sample.trials is not None:
        return None
    units = question.units
    counts = units.unit_counts
    blocks = _blocks(np.bincount(units.groups(), counts, minlength=several))[units.groups()]
    middle = draws[len(draws) // 2]
    cells = _cells(question, np.bincount(blocks, counts), middle)
    b, g = int(cells.max()) + 1, int(blocks.max()) + 1
    if b < 2:
        return None
    seen = np.bincount(blocks * b + cells[units.unit_rows], counts, minlength=g * b).reshape(g, b)
    last, x = np.flatnonzero(np.diff(cells)), units.sample.x
    cuts = x[last] if question.family.takes() == "labels" else (x[last] + x[last + 1]) / 2
    free, n = g * (b - 1), counts.sum()
    statistics, chances = [], []
    for one, before in zip(draws, em.ahead(question, draws), strict=True):
        below = one.theta.cumulative(cuts, cuts[None], None)[0][0, :, 0]
        inside = np.diff(below, axis=1, prepend=0.0, append=1.0)
        shares = np.stack([np.bincount(blocks, counts * share, minlength=g) for share in before])
        due = shares.T @ inside
        away = np.divide((seen - due) ** 2, due, out=np.zeros_like(due), where=due > 0)
        statistics.append(float(away.sum()))
        chances.append(_chance(statistics[-1], due))
    typical = float(np.median(statistics))
    # a table off by relative differences r has n mean r^2 more; half their mean size has to move
    size = float(np.sqrt(max(typical - free, 0.0) / n) / np.sqrt(2 * np.pi))
    return ByGroup(min(1.0, 2 * float(np.median(chances))), size)


def _chance(statistic: float, due: Array) -> float:
    """Return the p-value of Pearson's statistic of some multinomials, by its first two moments.

    Its variance is 2 (b - 1) + (sum_b 1 / p_b - b^2 - 2 b + 2) / n for each (Haldane 1937). That is
    above chi-squared's where few observations are expected; a multiple of chi-squared has it.

    due: (g, b) expected numbers.
    """
    g, b = due.shape
    n = due.sum(axis=1, keepdims=True)
    inverse = np.divide(n, due, out=np.full_like(due, np.inf), where=due > 0)
    variance = float((2 * (b - 1) + (inverse.sum(axis=1) - b * b - 2 * b + 2) / n[:, 0]).sum())
    mean = g * (b - 1)
    if not np.isfinite(variance):
        return 1.0 if statistic <= mean else float(chdtrc(mean, statistic))
    return float(chdtrc(2 * mean**2 / variance, 2 * mean * statistic / variance))


def _blocks(totals: Array) -> Labels:
    """Return the block of each group, (G,): groups that follow each other, of ENOUGH in all."""
    blocks, block, held = np.empty(len(totals), np.intp), 0, 0
    for at, n in enumerate(totals.tolist()):
        blocks[at] = block
        held += n
        if held >= ENOUGH:
            block, held = block + 1, 0
    if held and block:  # what is left at the end
        blocks[blocks == block] = block - 1
    return blocks


def _cells(question: Question[Any, Any], sizes: Array, middle: Structure) -> Labels:
    """Return the cell of each distinct row, (m,): rows that follow each other.

    sizes: of the blocks. A draw in the middle says where cells end: with ends at the data's own
    quantiles the numbers in them would not vary.
    """
    several = int(np.clip(sizes.min() // EXPECTED, 2, MOST))
    x = question.rows.x
    ends = np.stack([x, np.concatenate([[x[0] - 1], x[:-1]])])
    below = middle.theta.cumulative(x, ends, None)[0][0].mean(axis=1)
    place = middle.overall(question.data) @ below
    cells = np.minimum((place * several).astype(np.intp), several - 1)
    return np.unique(cells, return_inverse=True)[1]
