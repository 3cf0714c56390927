"""What a fit says of groups: the fit to their table, and the shares of groups not seen before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from em.structure import LEAST
from models.groups import Groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from em.admixture import AdmixtureGrouping
    from models.arrays import Array
    from models.structure import Data

__all__ = ["Deviance", "Folded", "Grouped", "single_celled"]

MAX_STEPS = 10_000
KEPT_SHARE = 0.01  # of a share after a step, at least, that extrapolation leaves
REST = 5e-9  # of the log-likelihood that a group's shares may lack, 1e-4 standard errors


class Deviance(NamedTuple):
    """The distance of a fit from the table itself.

    value: G^2, twice the log-likelihood that the fit lacks of the saturated one, in which every
        cell has its own share of its group.
    degrees: of freedom: the free cells of the table less the parameters that the data can tell.

    >>> Deviance(2.7463, 5).value
    2.7463
    """

    value: float
    degrees: int


class Folded(NamedTuple):
    """Shares of new groups, with the components of a fit held.

    weight: (G, K) shares.
    errors: (G, K) standard errors, as if the components were known; NaN for a share of 0 or 1.
    titles: (G,) names of the groups.
    log_likelihood: of the new groups' rows.
    converged: (G,) whether the shares of a group are within 1e-4 standard errors of their maximum.

    >>> shares, errors = np.array([[0.2, 0.8]]), np.array([[0.1, 0.1]])
    >>> Folded(shares, errors, ("a",), -3.0, np.array([True])).titles
    ('a',)
    """

    weight: Array
    errors: Array
    titles: tuple[str, ...]
    log_likelihood: float
    converged: NDArray[np.bool_]


def single_celled(data: Data) -> list[str]:
    """Return a sentence about groups of labels that have one category only, if there are any.

    >>> from models.groups import Groups
    >>> single_celled(Groups(["a", "a", "a", "b"], [1, 1, 2, 2]))
    ["group '1' has one category only, which says little about its shares"]
    """
    if not isinstance(data, Groups) or not data.sample.categories:
        return []
    alone = np.flatnonzero(np.diff(data.ends, prepend=0) == 1)
    if not len(alone):
        return []
    who = f"group {data.titles[alone[0]]!r} has"
    if len(alone) > 1:
        who = f"{len(alone):,} groups, {data.titles[alone[0]]!r} the first, have"
    its = "its" if len(alone) == 1 else "their"
    return [f"{who} one category only, which says little about {its} shares"]


@dataclass(frozen=True, eq=False)
class Grouped:
    """Groups, and log p (K, m) of their distinct rows under the components of a fit.

    >>> from em.admixture import AdmixtureGrouping
    >>> from models.groups import Groups
    >>> data = Groups([0, 1, 1, 0], ["a", "a", "b", "b"])
    >>> both = Grouped(AdmixtureGrouping(data, 2), np.log([[0.9, 0.1], [0.2, 0.8]]))
    >>> both.folded().weight.round(3)
    array([[0.429, 0.571],
           [0.429, 0.571]])
    """

    grouping: AdmixtureGrouping
    log_density: Array

    @property
    def data(self) -> Groups:
        """The groups."""
        return self.grouping.data

    def deviance(self, weight: Array, rank: int, categories: int) -> Deviance:
        """Return G^2 = 2 sum over cells of count log(count / expected count).

        weight: (G, K) shares. rank: the number of parameters that the data can tell.
        """
        data = self.data
        heights = self.grouping.heights({"weight": weight}, self.log_density)
        best = np.log(data.times / data.totals[data.whose])
        value = 2 * float(data.times @ (best - heights))
        return Deviance(value, len(data.ends) * (categories - 1) - rank)

    def folded(self) -> Folded:
        """Return the shares that maximise the likelihood of each group, components held.

        The log-likelihood l of a group of n observations is concave in its shares, so that at no
        shares it is more than max_k dl/dw_k - n higher. Steps end where that is next to nothing.
        Each third one starts from shares that are extrapolated (Varadhan & Roland 2008) in those
        groups whose likelihood that raises.
        """
        g, k = len(self.data.ends), self.grouping.k
        weight = np.full((g, k), 1 / k)
        steps = [weight]
        for _ in range(MAX_STEPS):
            found = self.grouping.expect({"weight": weight}, self.log_density, hard=False)
            slopes = found.own["weight"] / weight
            arrived = slopes.max(axis=1) - self.data.totals <= REST
            if arrived.all():
                break
            weight = self.grouping.maximize({"weight": found.own["weight"]}, 0.0)["weight"]
            steps.append(weight)
            if len(steps) == 3:
                weight = self._ahead(*steps)
                steps = [weight]
        pushed = 1 - slopes / self.data.totals[:, None]
        errors = self._errors(weight, np.maximum(pushed, 10 * LEAST))
        return Folded(weight, errors, self.data.titles, found.log_likelihood, arrived)

    def _ahead(self, first: Array, second: Array, third: Array) -> Array:
        """Return shares (G, K) ahead of three that follow each other, where they are likelier.

        first - 2 a (second - first) + a^2 (third - 2 second + first), where a = -|r| / |v| is the
        quotient of first and second differences.
        """
        r, v = second - first, third - 2 * second + first
        size, bend = (np.linalg.norm(one, axis=1, keepdims=True) for one in (r, v))
        a = -np.divide(size, bend, out=np.ones_like(bend), where=bend > 0)
        ahead = np.maximum(first - 2 * a * r + a**2 * v, KEPT_SHARE * third)
        ahead /= ahead.sum(axis=1, keepdims=True)
        better = self._heights(ahead) > self._heights(third)
        return np.where(better[:, None], ahead, third)

    def _heights(self, weight: Array) -> Array:
        """Return the log-likelihood of each group at its shares, (G,)."""
        data = self.data
        heights = self.grouping.heights({"weight": weight}, self.log_density)
        found: Array = np.bincount(data.whose, data.times * heights, minlength=len(data.ends))
        return found

    def _errors(self, weight: Array, pushed: Array) -> Array:
        """Return errors from each group's information, sum count p_i p_j / s^2, in its simplex.

        pushed: (G, K) the slope of l towards a share of 0, for each observation. It is 0 inside the
            simplex, so that a smaller share is on its way to the edge.
        """
        data, (g, k) = self.data, weight.shape
        heights = self.grouping.heights({"weight": weight}, self.log_density)
        relative = np.exp(self.log_density[:, data.places] - heights)
        errors = np.full((g, k), np.nan)
        for group in range(g):
            inner = np.flatnonzero(weight[group] > pushed[group])
            if len(inner) < 2:
                continue
            cells = slice(data.begins[group], data.ends[group])
            own = relative[inner, cells]
            away = np.vstack([np.eye(len(inner) - 1), -np.ones(len(inner) - 1)])
            information = away.T @ ((own * data.times[cells]) @ own.T) @ away
            if np.linalg.cond(information) < 1 / np.finfo(float).eps:
                covariance = away @ np.linalg.inv(information) @ away.T
                errors[group, inner] = np.sqrt(np.maximum(np.diagonal(covariance), 0))
        return errors
