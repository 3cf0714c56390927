"""What EM needs of a structure: the contract that em/<structure>.py meets.

The E-step of any structure needs log p of every distinct row under every component, and the place
of each row. It returns what the M-step needs: for the family, how often each component is expected
at each distinct row; for the shares, statistics of the structure's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from scipy.special import xlogy

from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.arrays import Array
    from models.structure import Data, Structure, Units

    type Shares = Mapping[str, Array]

__all__ = ["GROUPINGS", "LEAST", "Each", "Expected", "Grouping", "at_least", "grouping_of"]

LEAST = 1e-12  # share below which climbs do not let one fall: from far below it takes them
# thousands of steps to rise again


class Expected(NamedTuple):
    """What an E-step finds.

    log_likelihood: of the data; of hard EM, the classification log-likelihood.
    occupancy: (K, m) expected number of observations of each component at each distinct row; the
        next E-step may write over it.
    own: for each field of shares, how often each of its entries is expected, in its shape; and what
        else `maximize` needs.

    >>> from models import Mixture, Sample
    >>> grouping, log_density = grouping_of(Mixture, Sample([0, 3, 3]), 2), np.zeros((2, 2))
    >>> grouping.expect({"weight": np.array([0.5, 0.5])}, log_density, hard=False).own
    {'weight': array([1.5, 1.5])}
    """

    log_likelihood: float
    occupancy: Array
    own: dict[str, Array]


class Each(NamedTuple):
    """What the E-steps of C climbs find.

    log_likelihood: (C,).
    occupancy: (C, K, m).
    own: as in `Expected`, with an axis of climbs in front.

    >>> from models import Mixture, Sample
    >>> grouping, log_density = grouping_of(Mixture, Sample([0, 3]), 2), np.zeros((1, 2, 2))
    >>> grouping.expect_each({"weight": np.array([[0.5, 0.5]])}, log_density).own
    {'weight': array([[1., 1.]])}
    """

    log_likelihood: Array
    occupancy: Array
    own: dict[str, Array]


class Grouping[D: Data](ABC):
    """A structure as EM sees it, for data of its kind and K components.

    >>> from models import Mixture, Sample
    >>> grouping_of(Mixture, Sample([0, 3]), 2).maximize({"weight": np.array([3.0, 1.0])}, 0.0)
    {'weight': array([0.75, 0.25])}
    """

    def __init__(self, data: D, k: int) -> None:
        self.data, self.k = data, k

    @abstractmethod
    def begin(self, counted: Array) -> dict[str, Array]:
        """Return the structure's own statistics from which a climb begins.

        counted: (K,) the number of observations in each first group.
        """

    def first(self, rng: np.random.Generator) -> Expected | None:
        """Return first groups by what rows have in common beside their values, None if nothing.

        Their log-likelihood is not looked at.
        """
        return None

    @abstractmethod
    def expect(self, shares: Shares, log_density: Array, *, hard: bool) -> Expected:
        """Return the E-step at shares, given log p (K, m) of the distinct rows.

        hard: each observation belongs wholly to its most likely component.
        """

    def expect_each(self, shares: Shares, log_density: Array) -> Each:
        """Return the E-steps of C climbs at their shares (C, ...), given log p (C, K, m).

        A structure may do what they have in common once.
        """
        found = [
            self.expect({name: field[at] for name, field in shares.items()}, one, hard=False)
            for at, one in enumerate(log_density)
        ]
        return Each(
            np.array([one.log_likelihood for one in found]),
            np.stack([one.occupancy for one in found]),
            {name: np.stack([one.own[name] for one in found]) for name in found[0].own},
        )

    @abstractmethod
    def members(self, shares: Shares, log_density: Array) -> Array:
        """Return the probability of each component at each unit of the data, (K, u)."""

    def ahead(self, shares: Shares, log_density: Array) -> Array:
        """Return the probability of each component at each unit before it is seen, (K, u).

        Here that of units whose components are independent: what is seen of others tells nothing.
        """
        return self.members(shares, np.zeros_like(log_density))

    def heights(self, shares: Shares, log_density: Array) -> Array | None:
        """Return the log density of each unit of the data, (u,); None if units depend."""
        return None

    def everywhere(self, shares: Shares, log_density: Array) -> Array | None:
        """Return log p of every distinct row in every group, (G m,), also where it did not occur.

        None if units depend. What did not occur tells of parameters as well. Shares and densities
        of several places have a leading axis (C,), and so has what is returned.
        """
        return None

    def maximize(self, own: Shares, unseen: float) -> dict[str, Array]:
        """Return the shares that maximise sum (own + unseen) log shares.

        unseen: the prior's number of observations of every entry.
        """
        found = {}
        for name, field in own.items():
            counts = field + unseen
            total = counts.sum(axis=-1, keepdims=True)
            if not total.all():  # nobody was there: all shares are as likely
                counts, total = np.where(total > 0, counts, 1), np.where(total > 0, total, self.k)
            found[name] = counts / total
        return found

    def maximize_each(self, own: Shares, unseen: float) -> dict[str, Array]:
        """Return `maximize` of the statistics (C, ...) of C climbs."""
        return self.maximize(own, unseen)

    def score(self, shares: Shares, own: Shares) -> dict[str, Array]:
        """Return d (sum own log shares) / d shares; by Fisher's identity that of log p too."""
        return {name: own[name] / field for name, field in shares.items()}

    def score_each(self, shares: Shares, own: Shares) -> dict[str, Array]:
        """Return `score` at the shares (C, ...) of C places."""
        return self.score(shares, own)

    def curvature(self, shares: Shares, own: Shares) -> Array:
        """Return -d^2 (sum own log shares) / d shares^2, entries field by field, (N, N)."""
        every = [(own[name] / field**2).ravel() for name, field in shares.items()]
        return np.diag(np.concatenate(every)) if every else np.zeros((0, 0))

    def entropy(self, shares: Shares, log_density: Array) -> float:
        """Return the entropy of the hidden components given the data.

        Here that of units whose components are independent, -sum_u sum_k p_ku log p_ku.
        """
        members = self.members(shares, log_density)
        counts = cast("Units", self.data).unit_counts  # the matrix is in memory, so the data are
        return float(-xlogy(members, members).sum(axis=0) @ counts)

    def common(self, shares: Shares) -> Array | None:
        """Return the shares (K,) if rows are independent and all have the same; otherwise None.

        If so, `em/sweep.py` takes the E-step block by block, on threads or a cluster, and needs
        no matrix of log p. A test compares it with `expect`.
        """
        return None


def at_least(shares: Array, least: Array | float) -> Array:
    """Return the shares nearest to some, none of them below a least one, that maximise the same.

    Where counts times logarithms of shares are maximised, those below are set to it and the others
    share the rest in their proportions.

    shares: (..., N), whose last axis sums to one.

    >>> at_least(np.array([0.0, 0.5, 0.5]), 0.2)
    array([0.2, 0.4, 0.4])
    """
    low = shares < least
    if not low.any():
        return shares
    rest = np.where(low, 0, shares)
    taken = (low * least).sum(axis=-1, keepdims=True)
    found: Array = np.where(low, least, rest * (1 - taken) / rest.sum(axis=-1, keepdims=True))
    return found


GROUPINGS: dict[type[Structure], type[Grouping[Any]]] = {}


def grouping_of(structure: type[Structure], data: Data, k: int) -> Grouping[Any]:
    """Return EM's side of a structure.

    >>> from models import Mixture, Sample
    >>> type(grouping_of(Mixture, Sample([0, 3]), 2)).__name__
    'MixtureGrouping'
    """
    if structure not in GROUPINGS:
        known = ", ".join(sorted(one.__name__ for one in GROUPINGS))
        raise Refusal(f"structure is {structure!r}; give one of {known}")
    return GROUPINGS[structure](data, k)
