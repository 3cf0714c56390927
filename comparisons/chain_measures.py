"""What is measured of the chains: whether they can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comparisons import thresholds as limit
from comparisons.finding import DOUBT, NOTE, OK, Finding

if TYPE_CHECKING:
    from comparisons.evidence import Evidence

__all__ = ["chains_finished"]

CHAINS = {
    "largest R-hat": ("unmixed_chains", "The chains have not mixed", "the chains have mixed"),
    "least bulk ESS": ("few_draws", "Too few effective draws", "there are enough draws"),
    "least tail ESS": ("few_tail_draws", "Too few effective draws of the tails", "enough of tails"),
    "share of divergences": ("divergences", "Paths diverge", "paths do not diverge"),
    "least E-BFMI": ("low_energy", "The chains move too little in energy", "energies mix"),
    "share at the deepest tree": ("deep_trees", "Paths are cut off", "paths are long enough"),
}


def chains_finished(evidence: Evidence) -> list[Finding]:
    """Rank-normalised R-hat, effective sizes, divergences, E-BFMI; otherwise no verdict."""
    found = []
    for check in evidence.diagnosis.checks:
        code, bad, good = CHAINS[check.name]
        number = f"{check.name} {check.value:.4g}, threshold {check.threshold:g}"
        found.append(
            Finding(
                code,
                OK if check.passed else DOUBT,
                check.value,
                check.threshold,
                f"{good[0].upper()}{good[1:]}: {number}." if check.passed else f"{bad}: {number}.",
                "" if check.passed else "Draw longer (more draws, more tuning), fewer components.",
            )
        )
    before = evidence.as_drawn
    switched = before > limit.SWITCHED
    found.append(
        Finding(
            "label_switching",
            NOTE if switched and found[0].stands else OK,
            before,
            np.nan,  # there is nothing wrong with it once it is undone
            f"Chains labelled the components differently (R-hat {before:.3g} as drawn); aligning "
            f"the draws {'did not undo' if found[0].stands else 'undid'} it."
            if switched
            else "Chains labelled the components alike, or there is nothing to label.",
            "",
        )
    )
    return found
