"""Name what keeps chains from mixing: labels that were not aligned, one stuck chain, no warm-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes.posterior.diagnose import R_HAT, measured, worst_of
from bayes.posterior.tree import drawn
from comparisons import thresholds as limit
from comparisons.verdict.slips import Slip
from models.structure import drawn_at, ordered

if TYPE_CHECKING:
    from comparisons.verdict.sampled import Sampled
    from models.structure import Structure

__all__ = ["slip_of_chains"]

FEWEST = 3  # chains, so that two are left when one is left out


def slip_of_chains(sampled: Sampled) -> Slip | None:
    """Return what keeps chains from mixing, None if nothing simple does.

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.point import point_of
    >>> from comparisons.verdict.sampled import sampled_of
    >>> kept = posterior_of(posterior)
    >>> point = point_of(fit, kept, None, kept.heights, None)
    >>> slip_of_chains(sampled_of(kept, point, None, kept.draws)) is None
    True
    """
    before = sampled.diagnosis.checks[0].value
    if before < R_HAT:
        return None
    if sampled.tune is not None and sampled.tune < limit.WARM_UP:
        says = f"the sampler was tuned for {sampled.tune:,} draws only"
        return Slip("no_warm_up", says, f"Use {limit.WARM_UP} tuning draws or more.", before)
    if _largest(sampled.draws, sampled.sizes) < R_HAT:
        return None
    question = sampled.question
    if question.k > 1 and question.structure.exchangeable():
        after = _largest(ordered(sampled.draws), sampled.sizes)
        if after < R_HAT:
            says = f"the labels are not aligned (after sorting R-hat is {after:.4g})"
            return Slip("unaligned_labels", says, "Align the labels (bayes.align).", after)
    chains, draws = sampled.sizes
    places = np.arange(chains * draws).reshape(sampled.sizes)
    for one in range(chains if chains >= FEWEST else 0):
        others = drawn_at(sampled.draws, np.delete(places, one, axis=0).ravel())
        after = _largest(others, (chains - 1, draws))
        if after < R_HAT:
            says = f"chain {one + 1} stays apart (R-hat of the others alone is {after:.4g})"
            remedy = "Draw again from other starts. That chain is stuck, or in another mode."
            return Slip("stuck_chain", says, remedy, after)
    return None


def _largest(draws: Structure, sizes: tuple[int, int]) -> float:
    """Return the largest R-hat of draws, chain after chain."""
    return worst_of(measured(drawn(draws, sizes))).r_hat
