"""Whether more draws can help chains that have not met the gates, and if not, why."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from arviz_stats.base import array_stats

from bayes.posterior.diagnose import worst_of
from models.structure import fields_of

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from bayes.posterior.labels import Alignment
    from models.question import Question
    from models.structure import Structure

__all__ = ["SEVERAL", "Hopeless", "hopeless_of", "stalled"]

SEVERAL = "several_modes"

LOOKED = 1_000  # draws of each chain from which chains are judged
SETTLED = 1.05  # R-hat of a chain's halves below which the chain stays where it is
ELSEWHERE = 1.2
"""R-hat of two settled chains from which they sit in different modes. Simulated: 600 times four
chains that drift slowly (autoregressive) or jump between two modes, and meet the gates with 1,000
to 16,000 draws or narrowly miss them; no pair of them exceeded it."""
SLOW = 100.0
"""Effective draws, of all chains after 1,000 of each, below which chains with a cause end. In the
same simulation none of the chains that met the gates with 4,000 draws had fewer than 176; of 114
that needed 8,000 two were below, at 73 and 94. The cause prevents agreement with more draws too."""
STALLED = 25.0
"""And below which they end without another cause: the 123 that met the gates with 16,000 draws had
33 or more."""
VAGUE = 0.2  # share of draws with ambiguous labels: twice what groups 2.5 sd apart ever have
EMPTY = 3.0  # expected observations below which a group is empty: of a share 1 / n, 19 in 20 are
MOSTLY = 0.5  # share of draws in which a group has to be empty


class Hopeless(NamedTuple):
    """Why more draws will not help.

    code: several_modes, empty_group, ambiguous_labels or slow_chains.
    value, threshold: the number, and from where it is hopeless.
    reason: one plain sentence.

    >>> Hopeless("empty_group", 0.64, 0.5, "A group is empty in 64% of the draws.").code
    'empty_group'
    """

    code: str
    value: float
    threshold: float
    reason: str


def hopeless_of(
    question: Question[Any, Any],
    aligned: Structure,
    sizes: tuple[int, int],
    alignment: Alignment,
    measures: xr.Dataset,
    longest: int,
    needed: float,
) -> Hopeless | None:
    """Return why chains that miss the gates would miss them with more draws too, or None.

    aligned: the draws, each field (chains * draws, ...); sizes: (chains, draws).
    measures: R-hat and effective sizes of the aligned draws.
    longest: most draws a chain; needed: effective draws that are wanted.

    >>> from bayes.posterior.labels import Alignment
    >>> from bayes.posterior.tree import posterior_of
    >>> kept = posterior_of(posterior)
    >>> sure = Alignment(kept.permutation, np.full(2000, np.inf))
    >>> hopeless_of(kept.question, kept.draws, (4, 500), sure, kept.measured("aligned"), 16, 400)
    """
    if sizes[1] < LOOKED:
        return None
    found = _modes(aligned, sizes)
    if found is not None:
        return found
    worst = worst_of(measures)
    least = min(worst.ess_bulk, worst.ess_tail)
    pace = least * LOOKED / sizes[1]
    k = question.k
    if pace < SLOW and k > 1:
        shares = aligned.overall(question.data)
        size = shares.min(axis=1) * question.sample.observations
        empty, vague = float((size < EMPTY).mean()), float(alignment.ambiguous.mean())
        if empty > MOSTLY:
            reason = f"A group is empty in {empty:.0%} of the draws: {k} groups are too many."
            return Hopeless("empty_group", empty, MOSTLY, reason)
        if vague > VAGUE:
            groups = "the 2 groups" if k == 2 else f"two of the {k} groups"
            reason = (
                f"In {vague:.0%} of the draws {groups} could be swapped: the data do not "
                f"identify {k} groups."
            )
            return Hopeless("ambiguous_labels", vague, VAGUE, reason)
    return stalled(measures, sizes[1], longest, needed)


def stalled(measures: xr.Dataset, draws: int, longest: int, needed: float) -> Hopeless | None:
    """Return that chains mix so slowly that the longest ones would not do, if they do.

    >>> from bayes.posterior.tree import posterior_of
    >>> stalled(posterior_of(posterior).measured("aligned"), 500, 16, 400) is None
    True
    """
    worst = worst_of(measures)
    least = min(worst.ess_bulk, worst.ess_tail)
    pace = least * LOOKED / draws
    if draws < LOOKED or not pace < STALLED:
        return None
    reason = (
        f"The chains mix too slowly (R-hat {worst.r_hat:.3g}). Even {longest:,} draws per "
        f"chain would have an effective size of about {least * longest / draws:,.0f}; "
        f"{needed:,.0f} are needed."
    )
    return Hopeless("slow_chains", pace, STALLED, reason)


def _modes(aligned: Structure, sizes: tuple[int, int]) -> Hopeless | None:
    """Return that two chains have settled in different places, if they have."""
    worst, apart = 0.0, (0, 0)
    for field in fields_of(aligned).values():
        for column in field.reshape(*sizes, -1).transpose(2, 0, 1):
            calm = [at for at, chain in enumerate(column) if _hat(_halves(chain)) < SETTLED]
            for pair in combinations(calm, 2):
                hat = _hat(column[list(pair)])
                if hat > worst:
                    worst, apart = hat, pair
    if worst < ELSEWHERE:
        return None
    reason = (
        f"The posterior has several modes: chains {apart[0]} and {apart[1]} stay in different ones "
        f"(R-hat {worst:.3g})."
    )
    return Hopeless(SEVERAL, worst, ELSEWHERE, reason)


def _halves(chain: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the halves of a chain as two chains."""
    half = len(chain) // 2
    return chain[: 2 * half].reshape(2, half)


def _hat(chains: NDArray[np.float64]) -> float:
    """Return the R-hat of (chains, draws); 1 where nothing varies, inf where only chains differ."""
    if np.ptp(chains) <= 1e-12 * np.abs(chains).max():
        return 1.0
    if (np.ptp(chains, axis=1) == 0).all():
        return np.inf
    return float(array_stats.rhat(chains, method="rank"))
