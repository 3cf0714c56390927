"""How often a right model is said not to fit: mixtures, chains and admixtures.

`python -m comparisons.trust.misfit` draws regular problems of each structure, families in turn, and
counts p-values of the misfit up to 5% and up to 0.1%, below which `misfit` looks at the size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table
from scipy.stats import binomtest

from comparisons.comparison import second_opinion
from comparisons.thresholds import MISFIT_CHANCE
from comparisons.trust.alarms import Regular, problem_of
from comparisons.trust.campaign import campaign
from comparisons.trust.layouts import LAYOUTS
from models.family import first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comparisons.replicates import Record

__all__ = ["DESIGNS", "LEVELS", "chance", "shown"]

LEVELS = (MISFIT_CHANCE, 0.05)
DRAWS = 500  # of each chain, and as many to tune
CHAINS = 2
FAMILIES = ("poisson", "gaussian", "binomial")
DESIGNS = tuple(Regular(family, 31, structure) for family in FAMILIES for structure in LAYOUTS)


def chance(number: int) -> Record:
    """Return the p-value of the misfit of a right model, the designs in turn.

    >>> found = chance(0)
    >>> found["structure"], found["p"] > 0.001
    ('mixture', True)
    """
    design = DESIGNS[number % len(DESIGNS)]
    drawn = problem_of(design, number // len(DESIGNS))
    found = second_opinion(
        type(drawn.truth.theta),
        drawn.data,
        len(first(drawn.truth.theta)),
        chains=CHAINS,
        draws=DRAWS,
        tune=DRAWS,
        seed=drawn.seed,
        progress=False,
    )
    seen = found.fitted
    p = None if seen is None or np.isnan(seen.chance) else float(seen.chance)
    return {"structure": design.structure, "family": design.family, "p": p}


def shown(records: Sequence[Record]) -> Table:
    """Return a table: of each structure the data sets, and how many p-values are low.

    >>> shown([{"structure": "mixture", "family": "poisson", "p": 0.5}]).row_count
    2
    """
    table = Table("structure", "data sets", *(f"p <= {level:g}" for level in LEVELS), "no p")
    for structure in LAYOUTS:
        own = [one for one in records if one.get("structure") == structure]
        if own:
            table.add_row(structure, *_counted(own))
    table.add_section()
    table.add_row("all", *_counted([one for one in records if "p" in one]))
    return table


def _counted(records: Sequence[Record]) -> list[str]:
    """Return the number of data sets, of low p-values with 95% intervals, and of none."""
    each = np.array([float(str(one["p"])) for one in records if one["p"] is not None])
    cells = []
    for level in LEVELS:
        seen = int((each <= level).sum())
        low, high = binomtest(seen, len(each)).proportion_ci() if len(each) else (0.0, 1.0)
        cells.append(f"{seen} ({low:.1%} to {high:.1%})")
    return [str(len(records)), *cells, str(len(records) - len(each))]


if __name__ == "__main__":
    campaign(__doc__ or "", chance, shown, replicates=900, name="data sets")
