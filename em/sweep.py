"""The E-step of rows that are independent, with the same shares: one pass, block by block.

Responsibilities are the softmax over components of log share + natural(theta) . T(x). The E-step
returns the sums of T weighted with them. Both are products of small matrices with a block of rows,
so that no array of size (K, n) is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from em.by_rows import ByRows
from em.data.executor import add_sums
from em.emission import Exponential
from models.family import Theta, width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from em.data.blocks import Rows
    from em.data.executor import Sums
    from em.emission import Emission
    from models.arrays import Array
    from models.sample import Part

__all__ = [
    "Known",
    "coefficients",
    "folded",
    "known_of",
    "logits",
    "responsibilities",
    "sums_about",
    "swept",
]

LARGEST = 1e290  # a larger softmax denominator is computed again, from each row's maximum
TOGETHER = 8  # softmax denominators that are multiplied before a logarithm is taken
FEW = 4  # statistics up to which separate dot products beat a matrix product (measured)
NEXT_TO_NOTHING = 1e-8  # share of a block below which a difference has lost its digits


class Known(NamedTuple):
    """A run of rows and what never changes between steps.

    totals: (blocks, 1 + q) sums of (1, T) over each block.
    bases: for each block, the sums of base and of |base|, and how many rows have a density.
    kept: each block and its (1, T), if they are small enough to keep.
    written: whether T is written at all.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from models import Poisson, Sample
    >>> emission = emission_of(Poisson)
    >>> with executor_for(Sample([0, 3, 3]), emission, 2) as executor:
    ...     known_of(executor.rows, emission, keep=False).totals
    array([[3., 6.]])
    """

    rows: Rows
    totals: Array
    bases: list[tuple[float, float, float]]
    kept: list[tuple[Part, Array]]
    written: bool


def known_of(rows: Rows, emission: Emission[Any], keep: bool, wide: int | None = None) -> Known:
    """Return a run with its totals, and with (1, T) itself if that is to be kept.

    wide: how many categories or columns there are, by default as the rows say it.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from models import Poisson, Sample
    >>> emission = emission_of(Poisson)
    >>> with executor_for(Sample([0, 3, 3]), emission, 2) as executor:
    ...     known_of(executor.rows, emission, keep=True).kept[0][1]
    array([[1., 1.],
           [0., 3.]])
    """
    totals, bases, kept = [], [], []
    wide = width(emission.family, rows.sample) if wide is None else wide
    size, unwritten = 1 + emission.size(wide), emission.unwritten(wide)
    for block in rows.all():
        base = emission.base(block.x, block.trials)
        counts = np.ones(len(base)) if block.counts is None else block.counts
        dense = float(counts @ ~emission.masses(block.x))
        bases.append((float(counts @ base), float(counts @ np.abs(base)), dense))
        if not isinstance(emission, Exponential):
            totals.append(np.array([counts.sum()]))
            continue
        if unwritten:
            totals.append(emission.sums(counts[None], block.x, block.trials, size)[0])
            continue
        each = np.ones((size, len(block.x)))
        emission.statistics(block.x, block.trials, each[1:])
        totals.append(each @ counts)
        if keep:
            kept.append((block, each))
    return Known(rows, np.stack(totals), bases, kept, not unwritten)


def swept(
    known: Known, emission: Exponential[Any], phi: Array, centre: Array | None, hard: bool
) -> Sums:
    """Return a run's log-likelihood (without base) and sums.

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from models import Poisson, Sample
    >>> emission, half = emission_of(Poisson), np.log([0.5, 0.5])
    >>> phi = coefficients(emission, half, Poisson(np.array([1.0, 4.0])), None)
    >>> with executor_for(Sample([0, 3, 3]), emission, 2) as executor:
    ...     known = known_of(executor.rows, emission, keep=True)
    >>> [np.round(one, 3).tolist() for one in swept(known, emission, phi, None, hard=False)]
    [-2.167, [[1.43, 1.433], [1.57, 4.567]]]
    """
    with np.errstate(all="ignore"):  # every thread has its own
        return add_sums(_sweep(known, emission, phi, centre, hard))


def _sweep(
    known: Known, emission: Exponential[Any], phi: Array, centre: Array | None, hard: bool
) -> Iterator[tuple[float, Array]]:
    """Yield the log-likelihood (without base) and the sums of each block."""
    rows = known.rows
    if not known.written:
        yield from _unwritten(known, emission, phi, centre, hard)
        return
    size = min(rows.size, rows.end - rows.begin)
    share = np.empty((len(phi) + 1, size))  # the last row is a spare one
    buffer = np.ones((phi.shape[1], 0 if known.kept else size))
    for index in range(rows.blocks):
        block, each = known.kept[index] if known.kept else _read(rows, index, emission, buffer)
        shares, spare = share[:-1, : len(block.x)], share[-1, : len(block.x)]
        if centre is not None:
            _expanded(emission, block, phi, centre, shares)
            value = responsibilities(shares, block.counts, hard)
            yield value, sums_about(emission, block, centre, shares, len(each))
            continue
        done = None
        if not hard:
            done = _relative(phi, each, block.counts, known.totals[index], shares, spare)
        if done is None:
            np.matmul(phi, each, out=shares)
            value = responsibilities(shares, block.counts, hard)
            done = value, np.dot(shares, each.T)
        yield done


def _unwritten(
    known: Known, emission: Exponential[Any], phi: Array, centre: Array | None, hard: bool
) -> Iterator[tuple[float, Array]]:
    """Yield the same where T is not written anywhere."""
    for block in known.rows.all():
        shares = np.empty((len(phi), len(block.x)))
        _expanded(emission, block, phi, centre, shares)
        value = responsibilities(shares, block.counts, hard)
        if centre is None:
            yield value, emission.sums(shares, block.x, block.trials, phi.shape[1])
        else:
            yield value, sums_about(emission, block, centre, shares, phi.shape[1])


def _read(rows: Rows, index: int, emission: Exponential[Any], buffer: Array) -> tuple[Part, Array]:
    """Return a block and its (1, T), (1 + q, B), written behind the buffer's row of ones."""
    block = rows.block(index)
    each = buffer[:, : len(block.x)]
    emission.statistics(block.x, block.trials, each[1:])
    return block, each


def sums_about(
    emission: Exponential[Any], block: Part, centre: Array, shares: Array, width: int
) -> Array:
    """Return (K, 1 + q) sums of T, each component's about its own centre.

    >>> from em.emission import emission_of
    >>> from models import Gaussian, Sample
    >>> block, emission = Sample([1.0, 3.0]).part(slice(2)), emission_of(Gaussian)
    >>> sums_about(emission, block, centre=np.array([2.0]), shares=np.ones((1, 2)), width=3)
    array([[2., 0., 2.]])
    """
    sums = np.empty((len(shares), width))
    if _unwritten_about(emission, centre):
        for share, point, own in zip(shares, centre, sums, strict=True):
            own[:] = emission.sums(share[None], block.x - point, block.trials, width)[0]
        return sums
    known = np.ones((width, len(block.x)))
    for component in range(len(shares)):
        emission.statistics_about(block.x, centre[component], block.trials, known[1:])
        np.dot(known, shares[component], out=sums[component])
    return sums


def coefficients[T: Theta](
    emission: Exponential[T], log_shares: Array, theta: T, centre: Array | None
) -> Array:
    """Return phi (K, 1 + q): log shares and natural parameters, with those of the ones added up.

    centre: the points about which T is expanded, None for zero.

    >>> from em.emission import emission_of
    >>> from models import Poisson
    >>> theta = Poisson(np.array([1.0, np.e]))
    >>> coefficients(emission_of(Poisson), np.zeros(2), theta, None).round(3)
    array([[-1.   ,  0.   ],
           [-2.718,  1.   ]])
    """
    moved = theta if centre is None else emission.about(theta, centre)
    return folded(emission, log_shares, emission.natural(moved))


def folded(emission: Exponential[Any], log_shares: Array, natural: Array) -> Array:
    """Return phi (..., 1 + q): those of the ones added to log shares, those of a prior left out.

    natural: (..., ones + q + unread); log_shares: (...).

    >>> from em.emission import emission_of
    >>> from models import Gaussian
    >>> emission = emission_of(Gaussian)
    >>> folded(emission, np.zeros(1), np.array([[1.0, 2.0, 4.0, 8.0]]))
    array([[3., 4., 8.]])
    """
    ones, read = emission.ones, natural.shape[-1] - emission.unread
    phi = np.empty((*natural.shape[:-1], 1 + read - ones))
    phi[..., 0] = log_shares + natural[..., :ones].sum(axis=-1)
    phi[..., 1:] = natural[..., ones:read]
    return phi


def logits[T: Theta](emission: Emission[T], block: Part, log_shares: Array, theta: T) -> Array:
    """Return log share + log p without its base, (K, B), with T about each component's place.

    >>> from em.emission import emission_of
    >>> from models import Poisson, Sample
    >>> block = Sample([0, 3]).part(slice(2))
    >>> logits(emission_of(Poisson), block, np.zeros(2), Poisson(np.array([1.0, np.e]))).round(3)
    array([[-1.   , -1.   ],
           [-2.718,  0.282]])
    """
    if isinstance(emission, ByRows):
        return log_shares[:, None] + emission.log_density(theta, block.x, block.trials)
    assert isinstance(emission, Exponential)
    centre = emission.location(theta)
    out = np.empty((len(log_shares), len(block.x)))
    phi = coefficients(emission, log_shares, theta, centre)
    _expanded(emission, block, phi, centre, out)
    return out


def _expanded[T: Theta](
    emission: Exponential[T], block: Part, phi: Array, centre: Array | None, out: Array
) -> None:
    """Write each component's logits, from T about its own centre."""
    if centre is None:
        emission.heights(phi, block.x, block.trials, out)
        return
    if _unwritten_about(emission, centre):
        for row, point, own in zip(phi, centre, out, strict=True):
            emission.heights(row[None], block.x - point, block.trials, own[None])
        return
    known = np.ones((phi.shape[1], len(block.x)))
    for component in range(len(phi)):
        emission.statistics_about(block.x, centre[component], block.trials, known[1:])
        np.matmul(phi[component], known, out=out[component])


def _unwritten_about(emission: Exponential[Any], centre: Array) -> bool:
    """Whether T is written nowhere, given the (K,) or (K, d) points about which it is expanded."""
    return centre.ndim == 2 and emission.unwritten(centre.shape[1])


def _relative(
    phi: Array, known: Array, counts: Array | None, total: Array, shares: Array, spare: Array
) -> tuple[float, Array] | None:
    """Return a block's log-likelihood and sums, by odds against its most likely component r.

    With d_k = logit_k - logit_r the log-likelihood is phi_r . total + sum log(1 + sum exp d_k),
    and no row's maximum has to be found. If T is short, r is left out: its sums are the total less
    those of the others. A long T is multiplied faster with all components (measured). If the odds
    overflow, the result is None.

    Sums over rows use `dot`, because `matmul` and `vecdot` block other threads whenever their
    result is small.

    shares, spare: (K, B) and (B,), to be written over.
    """
    r, k = int(np.argmax(phi @ total)), len(phi)
    short = len(known) <= FEW
    rows = [row for row in range(k) if row != r] if short else list(range(k))
    odds = np.matmul(phi[rows] - phi[r], known, out=shares[: len(rows)])
    np.exp(odds, out=odds)
    if len(odds) == short:
        scale = np.add(odds[0], 1, out=spare)
    else:
        scale = np.sum(odds, axis=0, initial=float(short), out=spare)
    highest = scale.max()
    if not highest < LARGEST:
        return None
    value = float(phi[r] @ total) + _log_sum(scale, counts, highest < LARGEST ** (1 / TOGETHER))
    odds *= np.divide(1 if counts is None else counts, scale, out=scale)
    if not short:
        return value, np.dot(odds, known.T)
    sums = np.empty_like(phi)
    for row, one in zip(rows, odds, strict=True):
        np.dot(known, one, out=sums[row])
    sums[r] = total - sums[rows].sum(axis=0)
    # the sums of a nearly empty component would be rounding
    return (value, sums) if sums[r, 0] > NEXT_TO_NOTHING * total[0] else None


def _log_sum(scale: Array, counts: Array | None, small: bool) -> float:
    """Return the sum of counts times log scale.

    Without counts, small scales are multiplied first: a logarithm takes as long as eight products.
    """
    if counts is not None:
        return float(np.dot(counts, np.log(scale)))
    whole = len(scale) // TOGETHER * TOGETHER if small else 0
    products = np.multiply.reduce(scale[:whole].reshape(TOGETHER, -1), axis=0)
    return float(np.log(products).sum() + np.log(scale[whole:]).sum())


def responsibilities(logits: Array, counts: Array | None, hard: bool) -> float:
    """Turn (K, B) logits into responsibilities times counts, in place; return the objective.

    Hard EM gives all of an observation to its most likely component, and the objective is the
    classification log-likelihood (Celeux & Govaert 1992).

    >>> joint = np.log(np.array([[0.2, 0.1], [0.2, 0.3]]))
    >>> f"{responsibilities(joint, None, hard=False):.3f}", joint.round(3)
    ('-1.833', array([[0.5 , 0.25],
           [0.5 , 0.75]]))
    """
    highest = logits.max(axis=0)
    if hard:
        chosen = logits.argmax(axis=0)
        np.equal(np.arange(len(logits))[:, None], chosen, out=logits, casting="unsafe")
        logs = highest
    else:
        logits -= highest
        np.exp(logits, out=logits)
        total = logits.sum(axis=0)
        logits /= total
        logs = highest + np.log(total)
    if counts is None:
        return float(logs.sum())
    logits *= counts
    return float(np.dot(counts, logs))
