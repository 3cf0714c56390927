"""EM's side of labels: T = (1 where the label is the category, otherwise 0), natural = log prob."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from em.emission import Exponential
from em.structure import LEAST, at_least
from models import Categorical, CategoricalPrior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["CategoricalEmission"]

EDGE = 1e-8  # probabilities this near to 0 are on their way there
LOG_ZERO = -1e8  # finite, so that a category that did not occur adds 0 times it; exp of it is 0
GOLDEN = (np.sqrt(5) - 1) / 2  # multiples of it, less their whole part, are spread most evenly


class CategoricalEmission(Exponential[Categorical]):
    """log p = log prob_x.

    A component's coordinates are all V probabilities, of which V - 1 are free.

    >>> CategoricalEmission(Categorical).maximize(np.array([[4.0, 1.0, 5.0]]))
    Categorical(prob=array([[0.4, 0.1, 0.5]]))
    """

    ones = 0

    def size(self, d: int) -> int:
        """The number of categories."""
        return d

    def unwritten(self, d: int) -> bool:
        """T is 1 in one place and otherwise 0."""
        return True

    def slack(self, wide: int) -> float:
        """Every category may take as much as it has at least."""
        return LEAST * wide

    def statistics(self, x: Array, trials: Array | None, out: Array) -> None:
        """T is 1 at the label."""
        out[:] = 0
        out[x.astype(np.intp), np.arange(len(x))] = 1

    def heights(self, phi: Array, x: Array, trials: Array | None, out: Array) -> None:
        """Look up what T would pick, in time that does not grow with the categories."""
        np.add(phi[:, 1:][:, x.astype(np.intp)], phi[:, :1], out=out)

    def sums(self, share: Array, x: Array, trials: Array | None, width: int) -> Array:
        """Add up the rows of each category."""
        codes, found = x.astype(np.intp), np.empty((len(share), width))
        for row, sums in zip(share, found, strict=True):
            sums[0] = row.sum()
            sums[1:] = np.bincount(codes, row, minlength=width - 1)
        return found

    def place(self, x: Array, trials: Array | None) -> Array:
        """Categories have no order; they are spread over a line so that neighbours lie apart."""
        return np.asarray(x * GOLDEN % 1)

    def base(self, x: Array, trials: Array | None) -> Array:
        """Parameters touch all of it."""
        return np.zeros(len(x))

    def natural(self, theta: Categorical) -> Array:
        """log prob."""
        with np.errstate(divide="ignore", invalid="ignore"):  # an extrapolation may fall below 0
            logs: Array = np.log(theta.prob)
        return logs.clip(LOG_ZERO)

    def maximize(self, sums: Array) -> Categorical:
        """prob = share of each category, that of one which occurred at least LEAST."""
        counts = sums.clip(0)  # a difference may have left less than nothing
        total = counts.sum(axis=1, keepdims=True)
        even = np.full_like(counts, 1 / counts.shape[1])
        share = np.divide(counts, total, out=even, where=total > 0)
        return Categorical(at_least(share, np.where(counts.any(axis=0), LEAST, 0)))

    def unseen(self, prior: CategoricalPrior, k: int) -> Array:
        """Dirichlet(1 + unseen) counts as labels not seen."""
        return np.asarray(prior.unseen, np.float64)

    def slope(self, theta: Categorical) -> Array:
        """1 / prob of each category; 0 on an edge."""
        return _diagonal(_inverse(theta.prob))

    def curvature(self, theta: Categorical, sums: Array) -> Array:
        """count / prob^2 of each category."""
        return _diagonal(sums * _inverse(theta.prob) ** 2)

    def chart(self, theta: Categorical) -> Array:
        """Each probability is a coordinate."""
        return np.eye(theta.prob.shape[-1])

    def edges(self, theta: Categorical) -> NDArray[np.bool_]:
        """A category that a component does not have, to the digits that EM gives."""
        low: NDArray[np.bool_] = theta.prob <= EDGE
        return low


def _inverse(prob: Array) -> Array:
    """Return 1 / prob, 0 where that is infinite.

    Up to there, also next to an edge: differences of scores may step over EDGE.
    """
    return np.divide(1, prob, out=np.zeros_like(prob), where=prob > 0)


def _diagonal(values: Array) -> Array:
    """Return (K, V, V) matrices with values (K, V) on their diagonals."""
    return np.asarray(values[:, :, None] * np.eye(values.shape[1]))
