"""The scatter within groups, estimated from pairs of near rows, before any group is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.special import chdtr, chdtri

from models.value_grid import AT_ONCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array
    from models.observations import Observations, Readable

__all__ = ["Few", "few_rows", "within_groups"]

PAIRED = 400  # rows in pairs: their scatter is then known to a tenth
MOST = 4_000  # rows in which directions are looked for
NEAREST, NEAR = 0.02, 0.25  # parts of the pairs within groups: to find them, then to measure them
FINDING, MEASURING = 5, 6  # steps with each
DIRECTIONS, PURSUIT = 3, 20  # directions of least kurtosis; steps to find them
NARROWED = 1e-3  # variance of a start in such a direction
LEAST = 1e-8  # least part of the whole scatter in any direction, where heaped rows leave none


@dataclass(frozen=True)
class Few:
    """The distinct rows with the least hashes, and how often each occurred; two merge by +.

    The result depends on neither the order of the rows nor where they are (the bottom-k sketch of
    Cohen & Kaplan 2007). A row among the least of all is among the least of each part with it, so
    that its count is complete.

    x: (m, d) rows; counts: (m,); hashes: (m,), ascending.

    >>> once, both = np.ones(3), np.array([[1.0], [2.0], [3.0]])
    >>> some = Few.of(both, once, most=2)
    >>> len(some.x), (some + some).counts
    (2, array([2., 2.]))
    """

    x: Array
    counts: Array
    hashes: NDArray[np.uint64]
    most: int

    @classmethod
    def of(cls, x: Array, counts: Array, most: int) -> Self:
        """Return the `most` rows of the least hashes of (B, d) rows, equal ones counted once."""
        hashes = _hashed(x)
        if len(x) > 4 * most:
            # rows that repeat can fill the least hashes, and then fewer distinct rows are kept
            limit = np.partition(hashes, 4 * most)[4 * most]
            kept = hashes <= limit
            found = cls._least(x[kept], counts[kept], hashes[kept], most)
            if len(found.x) == most:
                return found
        return cls._least(x, counts, hashes, most)

    @classmethod
    def _least(cls, x: Array, counts: Array, hashes: NDArray[np.uint64], most: int) -> Self:
        kept, first, place = np.unique(hashes, return_index=True, return_inverse=True)
        total = np.bincount(place, counts, minlength=len(kept))
        return cls(x[first[:most]], total[:most], kept[:most], most)

    def __add__(self, other: Self) -> Self:
        """Merge the rows of two parts of the data."""
        return self._least(
            np.concatenate([self.x, other.x]),
            np.concatenate([self.counts, other.counts]),
            np.concatenate([self.hashes, other.hashes]),
            self.most,
        )


def few_rows(sample: Observations, most: int = MOST) -> tuple[Array, Array]:
    """Return at most `most` distinct rows (m, d), in the random order of a hash, and counts (m,).

    Rows with blanks are left out.

    >>> from models import Sample
    >>> np.sort(few_rows(Sample([[1, 2], [1, 2], [5, 7]]))[1])
    array([1., 2.])
    """

    def least(some: Readable) -> Few:
        found: Few | None = None
        for x, _, counts in some.parts(AT_ONCE):
            once, table = np.ones(len(x)) if counts is None else counts, x.reshape(len(x), -1)
            kept = (once > 0) & ~np.isnan(table).any(axis=1)
            part = Few.of(table[kept], once[kept], most)
            found = part if found is None else found + part
        assert found is not None
        return found

    few = sample.total(least)
    return few.x, few.counts


def within_groups(sample: Observations, cov: Array, k: int) -> Array:
    """Return the covariance (d, d) within k groups that are not known yet.

    Two rows of one group differ by Normal(0, 2 W), wherever the groups are. Near pairs are mostly
    of one group, and W itself measures which pairs are near, so W is found in steps
    (Art, Gnanadesikan & Kettenring 1982, Utilitas Math. 21A, 75; SAS calls it ACECLUS):

        W = sum over the m nearest pairs of (x_i - x_j) (x_i - x_j)' / (2 c m).

    Of k equal groups 1 / k of all pairs are of one group. The nearest part f of these is taken,
    which shrinks a normal's scatter by c = P(chi2_(d + 2) <= q) / f, where P(chi2_d <= q) = f.
    In several columns the whole covariance can hide which rows are near. So there are several
    starts, the others being narrow in a direction whose kurtosis is least (Pena & Prieto 2001, JASA
    96, 1433), and the end with the least determinant counts (Rousseeuw 1985).

    cov: (d, d) of all rows, which is also the answer for k = 1, and where hardly any row is
        complete: distances need all columns.

    >>> from models import Sample
    >>> x = np.random.default_rng(1).normal(size=(200, 2)) + np.repeat([[0, 0], [20, 20]], 100, 0)
    >>> np.linalg.eigvalsh(np.cov(x.T)).round(1), np.linalg.eigvalsh(
    ...     within_groups(Sample(x), np.cov(x.T), 2)
    ... ).round(1)
    (array([  1. , 201.4]), array([0.4, 1.7]))
    """
    if k == 1:
        return cov
    x, counts = few_rows(sample)
    if len(x) <= k * sample.dimension and sample.seen_in_part:
        return cov
    root = _root(cov)
    z = (x - np.average(x, axis=0, weights=counts)) @ np.linalg.pinv(root).T
    if len(z) == 1:
        return cov
    starts = _starts(z, counts)
    z, counts = z[:PAIRED], counts[:PAIRED]
    pairs = np.triu(np.outer(counts, counts), 1)  # equal rows are due to rounding: no scale
    ends = []
    for start in starts:
        inside = start
        for _ in range(FINDING):
            inside = _step(z, pairs, inside, k, NEAREST)
        ends.append(inside)
    inside = min(ends, key=lambda one: float(np.linalg.slogdet(one)[1]))
    for _ in range(MEASURING):
        inside = _step(z, pairs, inside, k, NEAR)
    found: Array = root @ inside @ root.T
    return 0.5 * (found + found.T)


def _root(cov: Array) -> Array:
    """Return (d, r) with root root' = cov, r the number of directions in which there is spread."""
    spread = np.sqrt(np.diagonal(cov))
    values, vectors = np.linalg.eigh(cov / spread / spread[:, None])
    some = values > len(cov) * np.finfo(float).eps * values[-1]
    root: Array = spread[:, None] * vectors[:, some] * np.sqrt(values[some])
    return root


def _starts(z: Array, counts: Array) -> list[Array]:
    """Return the unit matrix, and it narrowed in up to DIRECTIONS directions of least kurtosis.

    Groups along a line make a flat distribution of it. From the eigenvectors of the fourth-order
    scatter E |z|^2 z z' (Cardoso 1989) each direction u goes to E z (u'z)^3 - 3 u, FastICA's step
    (Hyvarinen & Oja 1997).

    z: (m, r) white rows.
    """
    r, weight = z.shape[1], counts / counts.sum()
    unit = np.eye(r)
    moved = (z * (weight * (z**2).sum(axis=1))[:, None]).T @ z
    u = np.linalg.eigh(moved)[1].T
    for _ in range(PURSUIT):
        u = ((z @ u.T) ** 3 * weight[:, None]).T @ z - 3 * u
        u /= np.linalg.norm(u, axis=1, keepdims=True)
    flat = np.argsort(weight @ (z @ u.T) ** 4)
    chosen: list[Array] = []
    for one in u[flat]:
        if len(chosen) < min(DIRECTIONS, r - 1) and all(abs(one @ other) < 0.9 for other in chosen):
            chosen.append(one)
    return [unit, *(unit - (1 - NARROWED) * np.outer(one, one) for one in chosen)]


def _step(z: Array, pairs: Array, metric: Array, k: int, part: float) -> Array:
    """Return the scatter of the pairs that are nearest in a metric, for a normal's shrinking.

    pairs: (m, m) how many pairs there are of each two rows, above the diagonal.
    """
    d = z.shape[1]
    i, j = np.nonzero(pairs)
    # from fewer pairs than the scatter has entries it cannot be measured
    part = min(max(part, d * (d + 1) * k / len(i)), NEAR)
    h = np.linalg.solve(np.linalg.cholesky(metric), z.T).T
    square = (h**2).sum(axis=1)
    order = np.argsort((square[:, None] + square - 2 * h @ h.T)[i, j], kind="stable")
    total = np.cumsum(pairs[i, j][order])
    taken = order[: np.searchsorted(total, part / k * total[-1]) + 1]
    near = np.zeros_like(pairs)
    near[i[taken], j[taken]] = pairs[i[taken], j[taken]]
    near = near + near.T
    scatter = z.T @ (np.diag(near.sum(axis=1)) - near) @ z / near.sum()
    shrunk = chdtr(d + 2, chdtri(d, 1 - part)) / part
    values, vectors = np.linalg.eigh(scatter / shrunk)
    bounded: Array = (vectors * np.clip(values, LEAST, 1)) @ vectors.T
    return bounded


def _hashed(x: Array) -> NDArray[np.uint64]:
    """Return a hash (B,) of each row of (B, d): the mixing steps of splitmix64 (Steele 2014)."""
    found = np.zeros(len(x), np.uint64)
    for column in (np.ascontiguousarray(x, dtype=np.float64) + 0.0).T:  # -0.0 becomes 0.0
        found += np.ascontiguousarray(column).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        found ^= found >> np.uint64(30)
        found *= np.uint64(0xBF58476D1CE4E5B9)
        found ^= found >> np.uint64(27)
        found *= np.uint64(0x94D049BB133111EB)
        found ^= found >> np.uint64(31)
    return found
