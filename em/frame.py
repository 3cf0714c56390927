"""An estimate as a data frame; pandas is imported when one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from models.structure import parameters, picked

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from models.structure import Structure

__all__ = ["frame_of"]


def frame_of(
    estimate: Structure, errors: Structure, held: Iterable[str], level: float
) -> pd.DataFrame:
    """Return a row for each parameter, named as in the table of a comparison.

    low, high: mle -/+ z se, where z is the quantile of a standard normal; NaN without an error.

    errors: the standard errors, in the shape of the estimate; held: shares that are left out.
    level: of the intervals, between 0 and 1.

    >>> frame_of(fit.estimate, fit.standard_errors, [], 0.95).index.tolist()
    ['weight[0]', 'weight[1]', 'rate[0]', 'rate[1]']
    """
    try:
        import pandas as pd
    except ImportError:
        raise ImportError("a data frame needs pandas, which is not installed here") from None
    rows = parameters(estimate, held)
    mle, se = (np.array([float(picked(of, row)) for row in rows]) for of in (estimate, errors))
    half = ndtri((1 + level) / 2) * se
    found = {
        "mle": mle,
        "se": se,
        "low": mle - half,
        "high": mle + half,
        "name": [row.name for row in rows],
        "component": [-1 if row.component is None else row.component for row in rows],
        "dimension": [",".join(map(str, row.place)) for row in rows],
    }
    return pd.DataFrame(found, pd.Index([row.label for row in rows], name="parameter"))
