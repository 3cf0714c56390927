"""The integral of a density from draws of it: bridge sampling (Meng & Wong 1996)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from arviz_stats.base import array_stats
from scipy.optimize import brentq
from scipy.special import logsumexp

from bayes.posterior.proposal import fitted, log_density, proposed
from models.arrays import spaced

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["Bridge", "Integral", "Joint", "bridged"]

FITTED = 8_000  # draws to which a proposal is fitted, at most; more make it no better
STEP = 10.0  # nats by which the bracket of the logarithm of an integral grows


class Joint(NamedTuple):
    """A density that is not normalised, on a region outside of which it counts as zero.

    log_density: from positions (n, p) of the region to (n,).
    inside: from positions to whether they are in the region, (n,).
    log_ratios: from positions of the region to (m, n): the log of what other densities are relative
        to this one; their integrals are estimated as well.

    >>> whole = Joint(lambda z: -(z**2).sum(axis=1) / 2, lambda z: np.full(len(z), True))
    >>> whole.log_ratios(np.zeros((3, 1))).shape
    (0, 3)
    """

    log_density: Callable[[Array], Array]
    inside: Callable[[Array], NDArray[np.bool_]]
    log_ratios: Callable[[Array], Array] = lambda positions: np.empty((0, len(positions)))


class Integral(NamedTuple):
    """The log of an integral, and the Monte Carlo standard error of the log.

    terms: how many equal terms would vary as much as those of the less even sum.

    >>> Integral(-11.82, 0.01, terms=1_500.0).error
    0.01
    """

    log: float
    error: float
    terms: float


class Bridge(NamedTuple):
    """The integral of a density, and those of others that were estimated beside it.

    >>> Bridge._fields
    ('own', 'others')
    """

    own: Integral
    others: tuple[Integral, ...]


class Seen(NamedTuple):
    """Log densities at positions: of the joint density, of the proposal, ratios (m, ...)."""

    joint: Array
    proposal: Array
    ratios: Array


def bridged(draws: Array, joint: Joint, rng: np.random.Generator) -> Bridge | None:
    """Return the integral of a density over its region; None if no proposal falls into it.

    The first half of each chain fits a proposal g. With p the density divided by its integral Z,
    with n draws of p, effectively, and m of g, and with s = n / (n + m), the optimal estimate is
    the Z that solves

        mean over draws of g:  p / (s p + (1 - s) g)
        = mean over the second half of draws of p:  g / (s p + (1 - s) g)

    (Meng & Wong 1996, equation 4.1). The left falls with Z, and the right rises, so that there is
    one solution. The variance of log Z is the sum of both sides' relative variances, that of draws
    by their effective number (Fruehwirth-Schnatter 2004, section 3.4). Another density q has the
    integral Z mean of q / (p (s p + (1 - s) g)) over the draws of both, weighed by s and 1 - s.

    draws: (chains, n, p), all of them inside of the region.

    >>> rng = np.random.default_rng(1)
    >>> joint = Joint(lambda z: -(z**2).sum(axis=1) / 2, lambda z: z[:, 0] > 0)
    >>> found = bridged(np.abs(rng.normal(size=(4, 500, 1))), joint, rng).own
    >>> abs(found.log - np.log(2 * np.pi) / 2 + np.log(2)) < 3 * found.error < 0.1
    True
    """
    chains, n, p = draws.shape
    some = spaced(n // 2, max(FITTED // chains, 1))
    proposal = fitted(draws[:, some].reshape(-1, p), rng)
    rest = draws[:, n // 2 :].reshape(-1, p)
    others = proposed(proposal, chains * n, rng)
    found = others[joint.inside(others)]
    own = Seen(joint.log_density(rest), log_density(proposal, rest), joint.log_ratios(rest))
    heights = joint.log_density(found)
    found, heights = found[heights > -np.inf], heights[heights > -np.inf]
    if not len(found):
        return None
    theirs = Seen(heights, log_density(proposal, found), joint.log_ratios(found))
    return _solved(own, theirs, chains, len(others))


def _solved(own: Seen, theirs: Seen, chains: int, proposals: int) -> Bridge:
    """Return the integrals from what was seen at draws and at those proposals that are inside."""
    many = _effective(own.joint.reshape(chains, -1))
    share = many / (many + proposals)
    log_s, log_rest = np.log(share), np.log1p(-share)
    ahead = own.joint - own.proposal
    behind = theirs.joint - theirs.proposal

    def terms(log_z: float) -> tuple[Array, Array]:
        """Return the logs of p / (s p + (1 - s) g) at proposals and g / (...) at draws."""
        at_proposals = -np.logaddexp(log_s, log_rest - (behind - log_z))
        return at_proposals, -np.logaddexp(log_s + ahead - log_z, log_rest)

    def excess(log_z: float) -> float:
        at_proposals, at_draws = terms(log_z)
        left = logsumexp(at_proposals) - np.log(proposals)
        return float(left - logsumexp(at_draws) + np.log(len(at_draws)))

    low = high = float(np.median(ahead))
    while excess(low) < 0:
        low -= STEP
    while excess(high) > 0:
        high += STEP
    log_z = float(brentq(excess, low, high, xtol=1e-9))
    log_proposals, log_draws = terms(log_z)
    # p / (s p + (1 - s) g) at draws follows from g / (s p + (1 - s) g) there
    weights = Pair(log_draws + ahead - log_z, log_proposals)
    at_draws, at_proposals = np.exp(log_draws), np.exp(log_proposals)
    bent = Pair(-at_draws / at_draws.mean(), at_proposals / at_draws.mean())
    seen = Sums(log_z, weights, bent, share, chains, proposals)
    found = [seen.integral(Pair(*ratios)) for ratios in zip(own.ratios, theirs.ratios, strict=True)]
    return Bridge(seen.integral(Pair(np.zeros(1), np.zeros(1))), tuple(found))


class Pair(NamedTuple):
    """Numbers at draws, and at those proposals that are inside of the region."""

    draws: Array
    proposals: Array


class Sums(NamedTuple):
    """What was found where both sides of the bridge are equal.

    log_z: log Z.
    weights: log p / (s p + (1 - s) g).
    bent: what log Z moves with, in its mean: -g / (s p + (1 - s) g) at draws, and
        p / (s p + (1 - s) g) at proposals, over the mean of either.
    share: s; proposals: how many there are, outside of the region as well.
    """

    log_z: float
    weights: Pair
    bent: Pair
    share: float
    chains: int
    proposals: int

    def integral(self, log_ratios: Pair) -> Integral:
        """Return the integral of q, given log q / p, with its error by the delta method.

        Let f be q / (s p + (1 - s) g) over its mean. The log of the integral moves with
        s mean f over draws, with (1 - s) mean f over proposals, and with a log Z, where
        a = s mean of f p / (s p + (1 - s) g). For q = p all of this is what log Z moves with.
        """
        s, n = self.share, self.proposals
        logs = [one + own for one, own in zip(self.weights, log_ratios, strict=True)]
        most = max(float(one.max()) for one in logs)
        terms = Pair(*(np.exp(one - most) for one in logs))
        total = s * terms.draws.mean() + (1 - s) * terms.proposals.sum() / n
        terms = Pair(*(one / total for one in terms))
        again = Pair(*(one * np.exp(own) for one, own in zip(terms, self.weights, strict=True)))
        moved = s * (s * again.draws.mean() + (1 - s) * again.proposals.sum() / n)
        at_draws = (s * terms.draws + moved * self.bent.draws).reshape(self.chains, -1)
        at_proposals = np.zeros(n)
        inside = (1 - s) * terms.proposals + moved * self.bent.proposals
        at_proposals[: len(inside)] = inside
        variance = at_draws.var() / _effective(at_draws) + at_proposals.var() / n
        return Integral(
            self.log_z + most + float(np.log(total)),
            float(np.sqrt(variance)),
            min(_even(one) for one in (self.bent.draws, *terms)),
        )


def _effective(terms: Array) -> float:
    """Return the effective number of terms (chains, n), for their mean."""
    if np.ptp(terms) <= 1e-12 * np.abs(terms).max():
        return float(terms.size)
    return float(array_stats.ess(terms, method="mean"))


def _even(terms: Array) -> float:
    """Return how many equal terms would vary as much."""
    return float(terms.sum() ** 2 / (terms**2).sum())
