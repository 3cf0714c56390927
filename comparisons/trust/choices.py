"""How often the number of groups is recovered where groups are well separated.

`python -m comparisons.trust.choices` draws data sets of one to four groups, lets `choose` look at
one group up to one more than there are, and counts how often each criterion elects the truth.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rich.table import Table
from scipy.stats import binomtest

from comparisons.choice.choose import choose
from comparisons.trust.alarms import FLIPS, GROUPS, NUMBERED, drawn_shares
from comparisons.trust.campaign import campaign
from models import Binomial, Mixture, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comparisons.replicates import Record
    from models.family import Theta

__all__ = ["CRITERIA", "DESIGNS", "Design", "recovered", "shown"]

APART = 4.0  # sds between neighbours
OBSERVATIONS = 500
MOST = 99  # replicates of a bootstrap test
DRAWS = 500  # of each chain, and as many of warm-up
CRITERIA = ("AIC", "BIC", "ICL", "bootstrap", "LOO", "evidence")
LARGEST = 4  # groups


class Design(NamedTuple):
    """Data of k groups of a family.

    >>> DESIGNS[0].k
    1
    """

    family: type[Theta]
    k: int


DESIGNS = tuple(Design(family, k) for k in range(1, LARGEST + 1) for family in NUMBERED)


def recovered(number: int, observations: int = OBSERVATIONS) -> Record:
    """Return which number of groups each criterion elects on a data set, the designs in turn.

    >>> recovered(0, observations=60)["k"]
    1
    """
    family, k = DESIGNS[number % len(DESIGNS)]
    rng = np.random.default_rng([number, 21])
    weight = drawn_shares(k, rng)
    truth = Mixture(weight, GROUPS[family](np.full(k - 1, APART), rng))
    trials = FLIPS if issubclass(family, Binomial) else None
    sample, _ = simulate(truth, observations, rng, trials)
    found = choose(
        family,
        sample,
        range(1, k + 2),
        draws=DRAWS,
        tune=DRAWS,
        seed=number,
        replicates=MOST,
        progress=False,
    )
    best = found.recommended
    return {
        "family": family.__name__,
        "k": k,
        "elected": {name: found.elected.get(name) for name in CRITERIA},
        "recommended": None if best is None else best.k,
    }


def shown(records: Sequence[Record]) -> Table:
    """Return a table: how many data sets each criterion got right, by number of groups and family.

    >>> one = {"family": "Poisson", "k": 1, "elected": {"BIC": 1}, "recommended": 1}
    >>> shown([one]).row_count
    3
    """
    table = Table("groups", "data sets", *CRITERIA, "recommended")
    for k in range(1, LARGEST + 1):
        own = [one for one in records if one.get("k") == k]
        if own:
            table.add_row(str(k), str(len(own)), *_right(own))
    table.add_section()
    every = [one for one in records if "elected" in one]
    for family in sorted({str(one["family"]) for one in every}):
        for k in range(1, LARGEST + 1):
            own = [one for one in every if (one["family"], one["k"]) == (family, k)]
            if own:
                table.add_row(f"{family}, {k}", str(len(own)), *_right(own))
    table.add_section()
    table.add_row("all", str(len(every)), *_right(every))
    return table


def _right(records: Sequence[Record]) -> list[str]:
    """Return how many were right of those in which a criterion elects, and 95% intervals."""
    found = []
    for name in (*CRITERIA, "recommended"):
        pairs = [(_elected(one, name), one["k"]) for one in records]
        told = [right == truth for right, truth in pairs if right is not None]
        if not told:
            found.append("–")
            continue
        low, high = binomtest(sum(told), len(told)).proportion_ci()
        found.append(f"{sum(told)} of {len(told)} ({low:.0%} to {high:.0%})")
    return found


def _elected(record: Record, name: str) -> object:
    """Return the number that a criterion elects, None if it elects none."""
    if name == "recommended":
        return record["recommended"]
    elected = record["elected"]
    assert isinstance(elected, dict)
    return elected.get(name)


if __name__ == "__main__":
    campaign(
        __doc__ or "",
        partial(recovered, observations=OBSERVATIONS),
        shown,
        replicates=1_600,
        name="choices",
        width=160,
    )
