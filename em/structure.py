"""What a structure tells EM: the contract that em/<structure>.py meets.

The E-step of any structure needs no more than log p of every distinct row under every component,
and where each row stands. What it returns is what the M-step needs: how often each component is
expected at each distinct row, for the family, and statistics of its own, for the shares.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.arrays import Array
    from models.structure import Data, Structure

    type Shares = Mapping[str, Array]

__all__ = ["GROUPINGS", "Expected", "Grouping", "grouping_of"]


class Expected(NamedTuple):
    """What an E-step finds.

    log_likelihood: of the data; of hard EM, the classification log-likelihood.
    occupancy: (K, m) expected number of observations of each component at each distinct row.
    own: for each field of shares, how often each of its entries is expected, in its shape.
    """

    log_likelihood: float
    occupancy: Array
    own: dict[str, Array]


class Grouping[D: Data](ABC):
    """A structure as EM sees it, for data of its kind and K components."""

    def __init__(self, data: D, k: int) -> None:
        self.data, self.k = data, k

    @abstractmethod
    def begin(self, counted: Array) -> dict[str, Array]:
        """Return the own statistics from which a climb begins.

        counted: (K,) observations in each of some first groups.
        """

    @abstractmethod
    def expect(self, shares: Shares, log_density: Array, *, hard: bool) -> Expected:
        """Return the E-step at shares, given log p (K, m) of the distinct rows.

        hard: each observation belongs wholly to its likeliest component.
        """

    @abstractmethod
    def members(self, shares: Shares, log_density: Array) -> Array:
        """Return the probability of each component at each unit of the data, (K, u)."""

    def maximize(self, own: Shares, unseen: float) -> dict[str, Array]:
        """Return the shares that maximise sum own log shares, the prior's counts included.

        unseen: the prior's observations of every entry.
        """
        counts = {name: field + unseen for name, field in own.items()}
        return {name: field / field.sum(axis=-1, keepdims=True) for name, field in counts.items()}

    def score(self, shares: Shares, own: Shares) -> dict[str, Array]:
        """Return d (sum own log shares) / d shares, by Fisher's identity that of log p too."""
        return {name: own[name] / field for name, field in shares.items()}

    def common(self, shares: Shares) -> Array | None:
        """Return the shares (K,) from which every row is drawn, independently, if there are such.

        Then rows need no matrix of log p: the E-step is taken block by block, on threads or a
        cluster, with sums alone. `em/sweep.py` does that, and a test holds it against `expect`.
        """
        return None


GROUPINGS: dict[type[Structure], type[Grouping[Any]]] = {}


def grouping_of(structure: type[Structure], data: Data, k: int) -> Grouping[Any]:
    """Return EM's side of a structure."""
    if structure not in GROUPINGS:
        known = ", ".join(sorted(one.__name__ for one in GROUPINGS))
        raise Refusal(f"structure is {structure!r}; give one of {known}")
    return GROUPINGS[structure](data, k)
