"""Undo label switching: the posterior of a mixture is the same under any order of components."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from models import Mixture
from models.family import Theta, entries, rebuilt

if TYPE_CHECKING:
    from bayes.mixture import Question
    from bayes.sampling.compiled import Engine
    from models.arrays import Array, Labels

__all__ = [
    "Alignment",
    "Labelling",
    "align_by_assignment",
    "align_by_order",
    "alignment_of",
    "labelling_of",
    "memberships",
    "relabelled",
    "shares_of",
]

ROWS = 256  # distinct rows on which memberships are compared
FEW = 4  # components whose labellings are tried one and all
ROUNDS = 50  # of assigning to the pivot and renewing it
EVIDENCE = np.log(20)  # nats by which the labels must beat those of any two exchanged
LEAST = 1e-12  # a membership below it is as good as none


type Labelling = Literal["order", "assignment"]


class Alignment(NamedTuple):
    """How draws were relabelled.

    permutation: (n, K) which of the draw's components comes first, second, ...
    margin: (n,) by how much exchanging two labels would fit worse, in nats: the expected log odds
        of memberships drawn under this draw, judged by the average ones.
    """

    permutation: Labels
    margin: Array

    @property
    def ambiguous(self) -> Array:
        """Which draws could as well be labelled otherwise, (n,)."""
        return self.margin < EVIDENCE


def labelling_of(question: Question) -> Labelling:
    """Return how labels are aligned unless someone asks otherwise."""
    return "order" if question.sample.x.ndim == 1 else "assignment"


def alignment_of(
    engine: Engine,
    question: Question,
    positions: Array,
    mixture: Mixture,
    height: Array,
    by: Labelling,
) -> Alignment:
    """Align draws; those by assignment are then named in the order of their average.

    positions: (n, p) of the draws; mixture: the same, each field (n, K, ...).
    height: (n,) log density, whose highest draw is the first to be matched with.
    """
    shares, counts = shares_of(engine, question, positions)
    if by == "order":
        return align_by_order(mixture, shares, counts)
    found = align_by_assignment(shares, counts, pivot=int(np.argmax(height)))
    moved = relabelled(mixture, found.permutation).theta
    mean = [np.mean(field, axis=0) for field in entries(moved).values()]
    order = rebuilt(question.component.family, mean).order()
    return found._replace(permutation=found.permutation[:, order])


def shares_of(engine: Engine, question: Question, positions: Array) -> tuple[Array, Array]:
    """Return memberships (n, K, b) of rows in every draw, and how much each row counts, (b,).

    Of a sample with more than ROWS distinct rows it takes as many, at quantiles of its order.
    """
    sample = question.sample
    total = np.cumsum(sample.counts)
    if sample.distinct > ROWS:
        at = (np.arange(ROWS) + 0.5) / ROWS * total[-1]
        rows, times = np.unique(np.searchsorted(total, at), return_counts=True)
        counts = times * (total[-1] / ROWS)
    else:
        rows, counts = np.arange(sample.distinct), sample.counts.astype(np.float64)
    fewer = question._replace(sample=sample.pick(rows))
    return engine.log_joint(fewer, positions, memberships), counts


def memberships(joint: Array) -> Array:
    """Return probabilities (n, K, m) of the components from log weight + log p, likewise."""
    share: Array = np.exp(joint - joint.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    return share


def align_by_order(mixture: Mixture, shares: Array, counts: Array) -> Alignment:
    """Order every draw's components as the family does: for one dimension.

    mixture: of every draw, each field (n, K, ...).
    """
    permutation = mixture.theta.order()
    own, mean = _own(shares, counts), _average(shares, permutation)
    return _judged(permutation, _against(own, shares, mean, counts))


def align_by_assignment(shares: Array, counts: Array, pivot: int) -> Alignment:
    """Match every draw's memberships to average ones, in turns (Stephens 2000, algorithm 2).

    The loss of a labelling is the Kullback-Leibler divergence of the draw's memberships from the
    average ones, summed over observations; each draw takes the labelling with the least one
    (Kuhn's Hungarian method), the average is taken anew, until nothing moves.

    pivot: the draw whose memberships are the first average.
    """
    n, k = shares.shape[:2]
    permutation = np.tile(np.arange(k), (n, 1))
    own, mean = _own(shares, counts), shares[pivot]
    for _ in range(ROUNDS):
        moved = _assigned(_against(own, shares, mean, counts))
        mean = _average(shares, moved)
        if (moved == permutation).all():
            break
        permutation = moved
    return _judged(permutation, _against(own, shares, mean, counts))


def relabelled[T: Theta](mixture: Mixture[T], permutation: Labels) -> Mixture[T]:
    """Return the draws' mixtures, each field (n, K, ...), with components permuted."""
    fields = [_taken(field, permutation) for field in entries(mixture.theta).values()]
    return Mixture(_taken(mixture.weight, permutation), rebuilt(type(mixture.theta), fields))


def _taken(field: Array, permutation: Labels) -> Array:
    """Return (n, K, ...) with the components of each draw permuted."""
    places = permutation.reshape(*permutation.shape, *(1,) * (field.ndim - 2))
    return np.take_along_axis(field, places, axis=1)


def _own(shares: Array, counts: Array) -> Array:
    """Return the sum (n, K) over observations of each share times its logarithm."""
    found: Array = (shares * np.log(np.maximum(shares, LEAST))) @ counts
    return found


def _average(shares: Array, permutation: Labels) -> Array:
    """Return the mean (K, b) of memberships, each draw's components permuted."""
    n, k, b = shares.shape
    chosen = np.eye(k)[permutation]  # a product of matrices saves a copy of all memberships
    found: Array = chosen.transpose(1, 0, 2).reshape(k, n * k) @ shares.reshape(n * k, b) / n
    return found


def _against(own: Array, shares: Array, mean: Array, counts: Array) -> Array:
    """Return the loss (n, K, K) of calling a draw's component k the average one l."""
    return own[:, :, None] - shares @ (np.log(np.maximum(mean, LEAST)) * counts).T


def _assigned(loss: Array) -> Labels:
    """Return which of each draw's components is the first, second, ... average one, (n, K)."""
    k = loss.shape[1]
    if k > FEW:
        return np.array([linear_sum_assignment(one.T)[1] for one in loss])
    every = np.array(list(permutations(range(k))))
    total = loss[:, every, np.arange(k)].sum(axis=2)
    best: Labels = every[total.argmin(axis=1)]
    return best


def _judged(permutation: Labels, loss: Array) -> Alignment:
    """Return an alignment from the losses (n, K, K) before labels were permuted."""
    return Alignment(permutation, _margin(_taken(loss, permutation)))


def _margin(loss: Array) -> Array:
    """Return the least rise (n,) of the loss when two labels are exchanged."""
    k = loss.shape[1]
    own = np.diagonal(loss, axis1=1, axis2=2)
    rise = loss + np.swapaxes(loss, 1, 2) - own[:, :, None] - own[:, None, :]
    rise[:, range(k), range(k)] = np.inf
    least: Array = rise.min(axis=(1, 2))
    return least
