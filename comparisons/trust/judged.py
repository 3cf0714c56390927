"""What a replicate's record says of its comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from comparisons.comparison import Comparison
    from comparisons.replicates import Record

__all__ = ["judgement"]


def judgement(comparison: Comparison) -> Record:
    """Return the verdict, and of every finding its severity and value; None where it has none."""
    findings = {
        one.code: [one.severity, one.value if np.isfinite(one.value) else None]
        for one in comparison.findings
    }
    return {"verdict": comparison.verdict, "findings": findings}
