"""EM's side of coins: T = (heads, tails), natural = (log prob, log(1 - prob))."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from em.emission import Exponential, Formulas
from models import Binomial, BinomialPrior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["BinomialEmission"]

EDGE = 1e-8  # probabilities this near to 0 or 1 are on their way there
LOG_ZERO = -1e8  # finite, so that 0 heads times log(0) is 0; exp of it is 0


class BinomialEmission(Exponential[Binomial]):
    """log p = heads log prob + tails log(1 - prob) + log C(trials, heads).

    >>> BinomialEmission(Binomial).maximize(np.array([[3.0, 1.0]]))
    Binomial(prob=array([0.75]))
    """

    ones = 0
    formulas = Formulas.BINOMIAL

    def size(self, d: int) -> int:
        """Heads and tails."""
        return 2

    def statistics(self, x: Array, trials: Array | None, out: Array) -> None:
        """T = (heads, tails)."""
        assert trials is not None  # Binomial.observe refuses a sample without
        out[0] = x
        np.subtract(trials, x, out=out[1])

    def place(self, x: Array, trials: Array | None) -> Array:
        """The share of heads."""
        assert trials is not None
        return np.asarray(x / trials)

    def base(self, x: Array, trials: Array | None) -> Array:
        """log C(trials, heads)."""
        assert trials is not None
        return np.asarray(gammaln(trials + 1) - gammaln(x + 1) - gammaln(trials - x + 1))

    def natural(self, theta: Binomial) -> Array:
        """(log prob, log(1 - prob))."""
        with np.errstate(divide="ignore"):
            both = np.stack([np.log(theta.prob), np.log1p(-theta.prob)], axis=1)
        return both.clip(LOG_ZERO)

    def maximize(self, sums: Array) -> Binomial:
        """prob = heads / flips."""
        heads, tails = sums.clip(0).T  # a difference may have left less than nothing
        flips = heads + tails
        return Binomial(np.divide(heads, flips, out=np.full_like(heads, 0.5), where=flips > 0))

    def unseen(self, prior: BinomialPrior, k: int) -> Array:
        """Beta(heads + 1, tails + 1) counts as heads and tails not seen."""
        return np.array([prior.heads, prior.tails])

    def slope(self, theta: Binomial) -> Array:
        """(1 / prob, -1 / (1 - prob))."""
        return np.stack([1 / theta.prob, -1 / (1 - theta.prob)], axis=1)[:, :, None]

    def curvature(self, theta: Binomial, sums: Array) -> Array:
        """heads / prob^2 + tails / (1 - prob)^2."""
        heads, tails = sums.T
        curvature: Array = heads / theta.prob**2 + tails / (1 - theta.prob) ** 2
        return curvature[:, None, None]

    def edges(self, theta: Binomial) -> NDArray[np.bool_]:
        """A coin that always falls the same way, to the digits that EM gives."""
        low: NDArray[np.bool_] = np.minimum(theta.prob, 1 - theta.prob) <= EDGE
        return low[:, None]
