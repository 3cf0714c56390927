"""The E-step and the M-step of a mixture, once for all families.

E-step: responsibilities = softmax over components of log weight + natural(theta) . T(x), and the
sums of T under them. M-step: theta from the sums. Both are products of small matrices with a
block of rows; nothing of size (K, n) is ever held.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from em.data.executor import add_sums
from models.family import Theta
from models.mixture import Mixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from em.data.blocks import Rows
    from em.data.executor import Executor, PreparedRuns, Sums
    from em.emission import Emission
    from models import Prior
    from models.arrays import Array
    from models.sample import Part

__all__ = [
    "Known",
    "MixtureModel",
    "Statistics",
    "coefficients",
    "logits",
    "model_of",
    "responsibilities",
]

LARGEST = 1e290  # a softmax denominator beyond it is computed again, from each row's maximum
TOGETHER = 8  # softmax denominators that are multiplied before a logarithm is taken
KEPT = 1 << 20  # doubles of T worth keeping between steps, 8 MB; more are made anew each time
FEW = 4  # statistics up to which separate dot products beat a matrix product (measured)
GRAIN = 1e-13  # rounding of a sum, relative to the sizes of its terms
NEXT_TO_NOTHING = 1e-8  # share of a block below which a difference has lost its digits
NOBODY = 1e-100  # expected observations below which quotients of sums mean nothing


class Statistics(NamedTuple):
    """Sums over the observations of responsibility times (1, statistics(x - centre)).

    sums: (K, 1 + q).
    centre: (K,) or (K, d) points about which T was expanded, or None for zero.
    """

    sums: Array
    centre: Array | None


NOWHERE = Statistics(np.empty((0, 0)), None)


class Known(NamedTuple):
    """A run of rows and what never changes between steps.

    totals: (blocks, 1 + q) sums of (1, T) over each block.
    bases: of each block, the sums of base and of its size.
    kept: each block and its (1, T), where they are small enough to keep.
    """

    rows: Rows
    totals: Array
    bases: list[tuple[float, float]]
    kept: list[tuple[Part, Array]]


@dataclass(frozen=True, eq=False)
class MixtureModel[T: Theta]:
    """A mixture of k components of one family for one sample: what the loop climbs on.

    prior: in the units of the rows, or None.
    floor: (d,) least widths inside, or a (d, d) root of their squares.
    base: the part of the log-likelihood that no parameter touches.
    grain: how far rounding can move the objective where it is not enlarged.
    total: (1 + q,) sums of (1, T) over all observations.
    counted: (blocks,) observations in each block.
    """

    emission: Emission[T]
    rows: Rows
    held: PreparedRuns[Known]
    k: int
    hard: bool
    equal_weights: bool
    prior: Prior | None
    floor: Array
    base: float
    grain: float
    total: Array
    counted: Array

    def expect(self, mixture: Mixture[T]) -> tuple[float, Statistics]:
        """Return the objective and the statistics; outside the parameter space it is -inf.

        The objective is the log-likelihood, plus the log prior up to its constant; for hard EM
        the classification log-likelihood, sum over observations of max_k log weight p.
        """
        mixture = summing_to_one(mixture)
        theta = mixture.theta
        with np.errstate(all="ignore"):  # what leaves the range of doubles is caught below
            try:
                if (mixture.weight < 0).any() or not self.wide_enough(theta):
                    return -np.inf, NOWHERE
                centre = self.emission.location(theta) if self.emission.cancels(theta) else None
                phi = coefficients(self.emission, mixture, centre)
                log_prior = self.log_prior(mixture)
            except np.linalg.LinAlgError:
                return -np.inf, NOWHERE

        task = partial(_swept, emission=self.emission, phi=phi, centre=centre, hard=self.hard)
        value, sums = self.held.total(task)
        return self.base + float(value) + log_prior, Statistics(np.asarray(sums), centre)

    def maximize(self, statistics: Statistics) -> Mixture[T]:
        """Return the mixture that maximises the expected log-likelihood of data and labels."""
        sums, centre = statistics
        observed = np.where(sums[:, 0] > NOBODY, sums[:, 0], 0)
        theta = self.emission.maximize(self.complete(sums, observed, centre))
        if centre is not None:
            theta = theta.affine(np.ones(1), centre)
        if self.equal_weights:
            weight = np.full(self.k, 1 / self.k)
        else:
            counted = observed + (0 if self.prior is None else self.prior.weight)
            weight = counted / counted.sum()
        return Mixture(weight, self.emission.widen(theta, self.floor))

    def complete(self, sums: Array, observed: Array, centre: Array | None) -> Array:
        """Return (K, ones + q) sums of all of T, the prior's row among them."""
        ones = self.emission.ones
        full = np.empty((self.k, ones + sums.shape[1] - 1))
        full[:, :ones] = observed[:, None]
        np.multiply(sums[:, 1:], (observed > 0)[:, None], out=full[:, ones:])
        return full if self.prior is None else full + self.unseen(centre)

    def unseen(self, centre: Array | None) -> Array:
        """Return the prior as sums about the centre, (K, ones + q)."""
        assert self.prior is not None
        theta = self.prior.theta
        if centre is None:
            return self.emission.unseen(theta, self.k)[None]
        one = np.ones(centre.reshape(self.k, -1).shape[1])
        moved = [theta.affine(one, -np.atleast_1d(point)) for point in centre]
        return np.stack([self.emission.unseen(prior, self.k) for prior in moved])

    def log_prior(self, mixture: Mixture[T]) -> float:
        """Return the log prior density without its constant, zero without a prior."""
        if self.prior is None:
            return 0.0
        centre = self.emission.location(mixture.theta)
        theta = mixture.theta if centre is None else mixture.theta.affine(np.ones(1), -centre)
        value = float((self.emission.natural(theta) * self.unseen(centre)).sum())
        if self.prior.weight > 0 and not self.equal_weights:
            value += self.prior.weight * float(np.log(mixture.weight).sum())
        return value

    def rounding(self, mixture: Mixture[T]) -> float:
        """Return how far rounding can move the objective at a mixture."""
        d, n = self.rows.sample.dimension, self.rows.sample.observations
        enlarged = float(self.emission.condition(mixture.theta) @ mixture.weight)
        return self.grain + 16 * np.finfo(float).eps * d * n * enlarged

    def wide_enough(self, theta: T) -> bool:
        """Whether no component is narrower than the floor, beyond rounding."""
        return bool((self.emission.width(theta, self.floor) >= 1 - 1e-14).all())


def _swept(
    known: Known, emission: Emission[Any], phi: Array, centre: Array | None, hard: bool
) -> Sums:
    """Return a run's log-likelihood (without base) and sums."""
    with np.errstate(all="ignore"):  # every thread has its own
        return add_sums(_sweep(known, emission, phi, centre, hard))


def _sweep(
    known: Known, emission: Emission[Any], phi: Array, centre: Array | None, hard: bool
) -> Iterator[tuple[float, Array]]:
    """Yield the log-likelihood (without base) and the sums of each block."""
    rows = known.rows
    size = min(rows.size, rows.end - rows.begin)
    share = np.empty((len(phi) + 1, size))  # the last row is a spare one
    buffer = np.ones((phi.shape[1], 0 if known.kept else size))
    for index in range(rows.blocks):
        block, each = known.kept[index] if known.kept else _read(rows, index, emission, buffer)
        shares, spare = share[:-1, : len(block.x)], share[-1, : len(block.x)]
        if centre is not None:
            _expanded(emission, block, phi, centre, shares)
            value = responsibilities(shares, block.counts, hard)
            yield value, _sums_about(emission, block, centre, shares, len(each))
            continue
        done = None
        if not hard:
            done = _relative(phi, each, block.counts, known.totals[index], shares, spare)
        if done is None:
            np.matmul(phi, each, out=shares)
            value = responsibilities(shares, block.counts, hard)
            done = value, np.dot(shares, each.T)
        yield done


def _read(rows: Rows, index: int, emission: Emission[Any], buffer: Array) -> tuple[Part, Array]:
    """Return a block and its (1, T), (1 + q, B), written behind the buffer's row of ones."""
    block = rows.block(index)
    each = buffer[:, : len(block.x)]
    emission.statistics(block.x, block.trials, each[1:])
    return block, each


def _sums_about(
    emission: Emission[Any], block: Part, centre: Array, shares: Array, width: int
) -> Array:
    """Return (K, 1 + q) sums of T, each component's about its own centre."""
    known = np.ones((width, len(block.x)))
    sums = np.empty((len(shares), width))
    for component in range(len(shares)):
        emission.statistics(block.x - centre[component], block.trials, known[1:])
        np.dot(known, shares[component], out=sums[component])
    return sums


def summing_to_one[T: Theta](mixture: Mixture[T]) -> Mixture[T]:
    """Return the mixture with shares that sum to one; extrapolation misses that by rounding."""
    return mixture._replace(weight=mixture.weight / mixture.weight.sum())


def coefficients[T: Theta](
    emission: Emission[T], mixture: Mixture[T], centre: Array | None
) -> Array:
    """Return phi (K, 1 + q): log weight and natural parameters, with all the ones as one.

    centre: what T is expanded about, None for zero.
    """
    theta = mixture.theta if centre is None else mixture.theta.affine(np.ones(1), -centre)
    natural, ones = emission.natural(theta), emission.ones
    phi = np.empty((len(natural), 1 + natural.shape[1] - ones))
    phi[:, 0] = np.log(mixture.weight) + natural[:, :ones].sum(axis=1)
    phi[:, 1:] = natural[:, ones:]
    return phi


def logits[T: Theta](emission: Emission[T], block: Part, mixture: Mixture[T]) -> Array:
    """Return log weight + log p without its base, (K, B), with T about each component's place."""
    centre = emission.location(mixture.theta)
    out = np.empty((len(mixture.weight), len(block.x)))
    with np.errstate(divide="ignore"):  # the logarithm of an empty component's weight
        phi = coefficients(emission, mixture, centre)
    _expanded(emission, block, phi, centre, out)
    return out


def _expanded[T: Theta](
    emission: Emission[T], block: Part, phi: Array, centre: Array | None, out: Array
) -> None:
    """Write each component's logits, from T about its own centre."""
    known = np.ones((phi.shape[1], len(block.x)))
    for component in range(len(phi)):
        if component == 0 or centre is not None:
            x = block.x if centre is None else block.x - centre[component]
            emission.statistics(x, block.trials, known[1:])
        np.matmul(phi[component], known, out=out[component])


def _relative(
    phi: Array, known: Array, counts: Array | None, total: Array, shares: Array, spare: Array
) -> tuple[float, Array] | None:
    """Return a block's log-likelihood and sums, by odds against the block's likeliest component.

    With d_k = logit_k - logit_r the log-likelihood is phi_r . total + sum log(1 + sum exp d_k),
    and no row's maximum has to be found. Where T is short the row of r is left out, as its sums
    are the total less those of the others; a long T is multiplied faster with all rows in it
    (measured). Where the odds overflow the answer is None.

    Sums over rows are products by `dot`: `matmul` and `vecdot` keep other threads waiting whenever
    their result is small, however long they take.

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
    # a component of next to nothing would be left with rounding
    return (value, sums) if sums[r, 0] > NEXT_TO_NOTHING * total[0] else None


def _log_sum(scale: Array, counts: Array | None, small: bool) -> float:
    """Return the sum of counts times log scale.

    Small ones that count once are multiplied, as a logarithm takes as long as eight products.
    """
    if counts is not None:
        return float(np.dot(counts, np.log(scale)))
    whole = len(scale) // TOGETHER * TOGETHER if small else 0
    products = np.multiply.reduce(scale[:whole].reshape(TOGETHER, -1), axis=0)
    return float(np.log(products).sum() + np.log(scale[whole:]).sum())


def responsibilities(logits: Array, counts: Array | None, hard: bool) -> float:
    """Turn (K, B) logits into responsibilities times counts, in place; return the objective.

    Hard EM gives all of an observation to its likeliest component, and the objective is the
    classification log-likelihood (Celeux & Govaert 1992).
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


def model_of[T: Theta](
    emission: Emission[T],
    workers: Executor,
    k: int,
    *,
    hard: bool,
    equal_weights: bool,
    prior: Prior | None,
    floor: Array,
) -> MixtureModel[T]:
    """Return the model, with what never changes between steps computed once."""
    rows = workers.rows
    keep = rows.sample.distinct * (1 + emission.size(rows.sample.dimension)) <= KEPT
    held = workers.prepare(partial(_known, emission=emission, keep=keep))
    total, base, grain = held.total(_measured)
    n, log_unit = rows.sample.observations, rows.units.log_volume
    return MixtureModel(
        emission=emission,
        rows=rows,
        held=held,
        k=k,
        hard=hard,
        equal_weights=equal_weights,
        prior=prior,
        floor=floor,
        base=float(base) - n * log_unit,
        grain=GRAIN * (float(grain) + n * (1 + abs(log_unit))),
        total=np.asarray(total),
        counted=np.array(held.each(_counted)),
    )


def _known(rows: Rows, emission: Emission[Any], keep: bool) -> Known:
    """Return a run with its totals, and with (1, T) itself where that is to be kept."""
    totals, bases, kept = [], [], []
    width = 1 + emission.size(rows.sample.dimension)
    for block in rows.all():
        each = np.ones((width, len(block.x)))
        emission.statistics(block.x, block.trials, each[1:])
        base = emission.base(block.x, block.trials)
        counts = np.ones(len(base)) if block.counts is None else block.counts
        totals.append(each @ counts)
        bases.append((float(counts @ base), float(counts @ np.abs(base))))
        if keep:
            kept.append((block, each))
    return Known(rows, np.stack(totals), bases, kept)


def _measured(known: Known) -> Sums:
    """Return a run's totals, and its sums of base and of base's size."""
    return add_sums((total, *bases) for total, bases in zip(known.totals, known.bases, strict=True))


def _counted(known: Known) -> list[float]:
    """Return how many observations each block holds."""
    return [float(total[0]) for total in known.totals]
