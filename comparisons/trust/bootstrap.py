"""How often the bootstrap test rejects a number of groups that is right.

`python -m comparisons.trust.bootstrap` draws data sets of one and of two groups, and tests K
against K + 1 on each as `bootstrap` does, replicates, splits, stopping and all.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.table import Table
from scipy.stats import binom

import em
from comparisons.choice.bootstrap import bootstrap
from comparisons.trust.alarms import FARTHEST, FLIPS, GROUPS, NEAREST, drawn_shares
from comparisons.trust.campaign import campaign
from models import Binomial, Gaussian, Mixture, Poisson, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comparisons.replicates import Record
    from models.family import Theta

__all__ = ["DESIGNS", "LEVEL", "Design", "rejection", "shown"]

LEVEL = 0.05
OBSERVATIONS = 100
MOST = 199  # replicates of a test: p = .05 is among its values
SURE = 0.99  # chance of a right test to be inside the band


class Design(NamedTuple):
    """Data of which k groups are right.

    >>> DESIGNS[0].k
    1
    """

    family: type[Theta]
    k: int


DESIGNS = tuple(Design(family, k) for family in (Poisson, Gaussian, Binomial) for k in (1, 2))


def rejection(number: int, observations: int = OBSERVATIONS, most: int = MOST) -> Record:
    """Return the test of K against K + 1 on a data set of K groups, the designs in turn.

    >>> rejection(0, most=19)["k"]
    1
    """
    family, k = DESIGNS[number % len(DESIGNS)]
    rng = np.random.default_rng([number, 20])
    weight = drawn_shares(k, rng)
    truth = Mixture(weight, GROUPS[family](rng.uniform(NEAREST, FARTHEST, k - 1), rng))
    trials = FLIPS if issubclass(family, Binomial) else None
    sample, _ = simulate(truth, observations, rng, trials)
    fits: list[em.Fit[Any]] = [em.fit(family, sample, groups, seed=number) for groups in (k, k + 1)]
    found = bootstrap(fits[0], fits[1], most=most, seed=number, threads=1)
    return {
        "family": family.__name__,
        "k": k,
        "p": None if np.isnan(found.p) else found.p,
        "statistic": None if np.isnan(found.statistic) else found.statistic,
        "drawn": found.replicates,
        "lower": found.lower,
        "spiked": found.spiked,
        "missed": max(found.missed) > 1e-3 if found.reason is None else False,
        "reason": found.reason,
    }


def shown(records: Sequence[Record]) -> Table:
    """Return a table: of each design the data sets, and how many were rejected.

    >>> shown([{"family": "Poisson", "k": 1, "p": 0.5, "drawn": 20}]).row_count
    1
    """
    table = Table("groups", "data sets", "p <= .05", "band", "no p", "replicates each", "lower")
    for family, k in DESIGNS:
        own = [one for one in records if one.get("family") == family.__name__ and one["k"] == k]
        if not own:
            continue
        chances = [float(str(one["p"])) for one in own if one["p"] is not None]
        low, high = binom.interval(SURE, len(chances), LEVEL)
        drawn = np.mean([float(str(one["drawn"])) for one in own])
        table.add_row(
            f"{family.__name__}, {k}",
            str(len(own)),
            str(sum(p <= LEVEL for p in chances)),
            f"{low:.0f} to {high:.0f}",
            str(len(own) - len(chances)),
            f"{drawn:.0f}",
            str(sum(int(str(one.get("lower", 0))) for one in own)),
        )
    return table


if __name__ == "__main__":
    campaign(
        __doc__ or "",
        partial(rejection, observations=OBSERVATIONS, most=MOST),
        shown,
        replicates=1_200,
        name="tests",
    )
