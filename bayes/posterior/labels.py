"""Undo label switching: a mixture's posterior does not depend on the order of components."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from models.arrays import spaced
from models.family import entries, one_dimensional, rebuilt
from models.structure import permuted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bayes.sampling.compiled import Engine
    from models.arrays import Array, Labels
    from models.question import Question
    from models.structure import Structure

__all__ = [
    "Alignment",
    "Labelling",
    "align_by_assignment",
    "align_by_order",
    "alignment_of",
    "assigned_to",
    "best_alignment_of",
    "labelling_of",
    "members_of",
]

UNITS = 256  # on which memberships are compared
FEW = 4  # components up to which every labelling is tried
ENOUGH = 4_000  # draws whose labels and average settle each other
ROUNDS = 50  # of assigning labels and averaging, at most
DECISIVE = np.log(20)  # nats by which the labels must fit better than with any two exchanged
LEAST = 1e-12  # lower bound of memberships in logarithms
RARELY = 0.001  # share of draws that may lie nearer to another labelling than the gap
CLEAR = 0.25
"""Gap from which an alignment identifies the labels. Simulated: 4 chains of 500 draws, 12 data sets
a case. Assigned labels of one group called two (200 values; counts likewise), of two groups 2 sd
apart (200), of equal means with sds of ratio 1.5 (300), of 200 heights, of two Poissons of rates 2
and 4 (200), whose order is right: at most 0.19. Equal means with sds of ratio 3 (500 values) or 4
(200): at least 0.27, and 0.37 where the chains had mixed."""


type Labelling = Literal["order", "assignment", "given"]


class Alignment(NamedTuple):
    """How draws were relabelled.

    permutation: (n, K) which of the draw's components comes first, second, ...
    margin: (n,) by how much exchanging two labels would fit worse, in nats: the expected log odds
        of memberships drawn under this draw, judged by the average ones.
    gap: the margin of the draws nearest to another labelling, for the two labels where it is least,
        in units of a typical margin. Near 0, or below, the draws go over from one labelling into
        another; near 1 no draw lies between.

    >>> Alignment(np.array([[1, 0], [0, 1]]), margin=np.array([9.0, 0.5])).ambiguous
    array([False,  True])
    """

    permutation: Labels
    margin: Array
    gap: float = np.nan

    @property
    def ambiguous(self) -> NDArray[np.bool_]:
        """Which draws could as well be labelled otherwise, (n,)."""
        found: NDArray[np.bool_] = self.margin < DECISIVE
        return found


def labelling_of(question: Question[Any, Any]) -> Labelling:
    """Return how labels are aligned at first.

    By order in one dimension, by assignment in several, and not at all if the structure itself
    identifies its components.

    >>> from models import Poisson, Sample
    >>> from models.question import asked
    >>> labelling_of(asked(Poisson, Sample([1, 2, 9]), 2))
    'order'
    """
    if not question.structure.exchangeable():
        return "given"
    return "order" if one_dimensional(question.family) else "assignment"


def alignment_of[S: Structure](
    engine: Engine,
    question: Question[S, Any],
    positions: Array,
    structures: S,
    height: Array,
    by: Labelling,
) -> Alignment:
    """Align draws; components aligned by assignment are then numbered by their average.

    positions: (n, p) of the draws; structures: the same, each field (n, ...).
    height: (n,) log density; the draw with the highest is the first pivot.

    >>> from bayes.posterior.tree import posterior_of
    >>> from bayes.sampling.compiled import engine_of
    >>> kept = posterior_of(posterior)
    >>> engine = engine_of(kept.question)
    >>> draws = kept.as_drawn
    >>> at = engine.pack(kept.question, draws)
    >>> alignment_of(engine, kept.question, at, draws, kept.explored, "order").permutation.shape
    (2000, 2)
    """
    if by == "given":
        places = np.tile(np.arange(question.k), (len(positions), 1))
        return Alignment(places, np.full(len(positions), np.inf), np.inf)
    return _aligned(structures, height, by, *members_of(engine, question, positions))


def _aligned[S: Structure](
    structures: S, height: Array, by: Labelling, shares: Array, counts: Array
) -> Alignment:
    """Align draws whose memberships (n, K, b) are known."""
    if by == "order":
        return align_by_order(structures, shares, counts)
    found = align_by_assignment(shares, counts, pivot=int(np.argmax(height)))
    moved = permuted(structures, found.permutation).theta
    mean = [np.mean(field, axis=0) for field in entries(moved).values()]
    order = rebuilt(type(moved), mean).order()
    return found._replace(permutation=found.permutation[:, order])


def best_alignment_of[S: Structure](
    engine: Engine, question: Question[S, Any], positions: Array, structures: S, height: Array
) -> tuple[Labelling, Alignment]:
    """Align draws by `labelling_of`, or by assignment where that alone identifies the labels.

    Components of nearly equal means have no order, but may have other widths or shares. The draws
    themselves say so: sorted, they have labels that go over into each other; assigned, they leave a
    gap of CLEAR or more.

    positions, structures, height: as `alignment_of` takes them.

    >>> from bayes.posterior.tree import posterior_of
    >>> from bayes.sampling.compiled import engine_of
    >>> kept = posterior_of(posterior)
    >>> engine = engine_of(kept.question)
    >>> draws = kept.as_drawn
    >>> at = engine.pack(kept.question, draws)
    >>> by, alignment = best_alignment_of(engine, kept.question, at, draws, kept.explored)
    >>> by, alignment.gap > CLEAR
    ('order', True)
    """
    by = labelling_of(question)
    if by != "order":
        return by, alignment_of(engine, question, positions, structures, height, by)
    members = members_of(engine, question, positions)
    found = _aligned(structures, height, by, *members)
    if found.gap >= CLEAR:
        return by, found
    other = _aligned(structures, height, "assignment", *members)
    return ("assignment", other) if other.gap >= CLEAR else (by, found)


def members_of(
    engine: Engine, question: Question[Any, Any], positions: Array
) -> tuple[Array, Array]:
    """Return memberships (n, K, b) of a few units in every draw, and how much each counts, (b,).

    >>> from bayes.posterior.tree import posterior_of
    >>> from bayes.sampling.compiled import engine_of
    >>> kept = posterior_of(posterior)
    >>> engine = engine_of(kept.question)
    >>> shares, _ = members_of(engine, kept.question, engine.pack(kept.question, kept.draws))
    >>> shares.shape[:2], bool(np.allclose(shares.sum(axis=1), 1))
    ((2000, 2), True)
    """
    few, counts = question.units.representative(UNITS)
    known = np.flatnonzero(counts)
    if len(known) == len(counts) <= UNITS:
        return engine.members(question.of(few), positions), counts
    # of rows in time all have to be there, but not all have to be kept
    kept = known[spaced(len(known), UNITS)]
    weights = counts[kept] * (counts.sum() / counts[kept].sum())
    return engine.members(question.of(few), positions, kept), weights


def align_by_order(structures: Structure, shares: Array, counts: Array) -> Alignment:
    """Order every draw's components as the family does: for one dimension.

    structures: of every draw, each field (n, ...).

    >>> from models import Mixture, Poisson
    >>> draws = Mixture(np.array([[0.4, 0.6]]), Poisson(np.array([[8.0, 1.0]])))
    >>> shares = np.array([[[0.1, 0.9], [0.9, 0.1]]])
    >>> align_by_order(draws, shares, counts=np.ones(2)).permutation
    array([[1, 0]])
    """
    permutation = structures.theta.order()
    own, mean = _own(shares, counts), _average(shares, permutation)
    return _judged(permutation, _against(own, shares, mean, counts))


def align_by_assignment(shares: Array, counts: Array, pivot: int) -> Alignment:
    """Match every draw's memberships to average ones, in turns (Stephens 2000, algorithm 2).

    The loss of a labelling is the Kullback-Leibler divergence of the draw's memberships from the
    average ones, summed over observations. Each draw takes the labelling with the least loss
    (Kuhn's Hungarian method), and the average is computed again, until no label changes. Of very
    many draws, ENOUGH at even distances settle the average to which all are then assigned.

    pivot: the draw whose memberships are the first average.

    >>> shares = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.1, 0.9], [0.9, 0.1]]])
    >>> align_by_assignment(shares, counts=np.ones(2), pivot=0).permutation
    array([[0, 1],
           [1, 0]])
    """
    n, own, mean, rounds = len(shares), _own(shares, counts), shares[pivot], ROUNDS
    if n > ENOUGH:
        few = spaced(n, ENOUGH)
        _, mean = _settled(own[few], shares[few], mean, counts, ROUNDS)
        rounds = 1
    permutation, mean = _settled(own, shares, mean, counts, rounds)
    return _judged(permutation, _against(own, shares, mean, counts))


def _settled(
    own: Array, shares: Array, mean: Array, counts: Array, rounds: int
) -> tuple[Labels, Array]:
    """Return labels (n, K) and the average memberships (K, b) that belong to each other."""
    n, k = shares.shape[:2]
    permutation = np.tile(np.arange(k), (n, 1))
    for _ in range(rounds):
        moved = _assigned(_against(own, shares, mean, counts))
        mean = _average(shares, moved)
        if (moved == permutation).all():
            break
        permutation = moved
    return permutation, mean


def assigned_to(shares: Array, counts: Array, reference: Array) -> Labels:
    """Return the labelling (n, K) of every draw whose memberships are nearest to given ones.

    Nearest by the divergence of `align_by_assignment`. Of all K! labellings of a draw it is the
    same one, whichever was drawn.

    shares: (n, K, b); counts: (b,); reference: (K, b).

    >>> shares = np.array([[[0.9, 0.2], [0.1, 0.8]], [[0.1, 0.8], [0.9, 0.2]]])
    >>> assigned_to(shares, counts=np.ones(2), reference=np.array([[1.0, 0.0], [0.0, 1.0]]))
    array([[0, 1],
           [1, 0]])
    """
    return _assigned(_against(_own(shares, counts), shares, reference, counts))


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
    rise = _rise(np.take_along_axis(loss, permutation[:, :, None], axis=1))
    return Alignment(permutation, rise.min(axis=1, initial=np.inf), _gap(rise))


def _rise(loss: Array) -> Array:
    """Return the rise (n, pairs) of the loss when two labels are exchanged."""
    first, second = np.triu_indices(loss.shape[1], 1)
    own = np.diagonal(loss, axis1=1, axis2=2)
    crossed = loss[:, first, second] + loss[:, second, first]
    found: Array = crossed - own[:, first] - own[:, second]
    return found


def _gap(rise: Array) -> float:
    """Return the least ratio, over pairs of labels, of a rare margin to the median one.

    A median that is not above 0 means that the labels say nothing; its gap is 0.
    """
    typical = np.median(rise, axis=0)
    rare = np.quantile(rise, RARELY, axis=0)
    ratio = np.where(typical > 0, rare / np.where(typical > 0, typical, 1), 0.0)
    return float(ratio.min(initial=np.inf))
