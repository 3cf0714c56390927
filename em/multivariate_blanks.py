"""EM's side of measurements in several dimensions of which some were not seen.

Rows are taken together by their pattern of blanks. Of a pattern and a component the number of rows,
their sum and that of their squares are enough, both for the derivatives of the marginal density of
what was seen and for the M-step, so that its own steps do not read the rows again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from em.by_rows import ByRows
from em.multivariate import MultivariateEmission
from em.newton import Height
from em.parts import complete, part_believed, unseen_about
from models import MultivariateGaussian, MultivariateGaussianPrior

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from em.by_rows import Setting
    from models.arrays import Array, Labels
    from models.sample import Part

__all__ = ["PartlySeenEmission"]

FEW_COLUMNS = 16  # of which a pattern is one short number
AT_ONCE = 1 << 8  # patterns whose matrices are in a working set
MANY_ROWS = 1 << 12  # of a pattern, in a working set
NOBODY = 1e-100  # expected observations below which quotients of sums mean nothing
SETTLED = 1e-4  # of the first move of an M-step, after which the next M-step goes on
STILL = 1e-14  # move of a parameter, in sds, that is rounding
MOST_STEPS = 1_000  # of one M-step


class Moments(NamedTuple):
    """Expected sums over the rows of P patterns, about a centre for each component; 0 for blanks.

    seen: (P, d) the columns that were seen.
    n: (K, P); first: (K, P, d); second: (K, P, d, d).
    """

    seen: NDArray[np.bool_]
    n: Array
    first: Array
    second: Array

    def about(self, shift: Array) -> Moments:
        """Return the same about centres that are moved by (K, d)."""
        seen, n, first, second = self
        a = np.where(seen, shift[:, None], 0)
        mixed = a[..., None] * first[..., None, :]
        squares = n[..., None, None] * a[..., None] * a[..., None, :]
        moved = second - mixed - mixed.swapaxes(2, 3) + squares
        return Moments(seen, n, first - n[..., None] * a, moved)

    def chunks(self, size: int) -> Iterator[Moments]:
        """Yield those of some patterns at a time."""
        for begin in range(0, len(self.seen), size):
            some = slice(begin, begin + size)
            yield Moments(self.seen[some], *(one[:, some] for one in self[1:]))


class PartlySeenEmission(ByRows[MultivariateGaussian]):
    """log p of a row is that of the columns o that were seen, Gaussian with mean_o and cov_oo.

    >>> from models.multivariate_blanks import partly_seen_gaussian
    >>> family = partly_seen_gaussian(MultivariateGaussian)
    >>> theta = family(np.zeros((1, 2)), 4 * np.eye(2)[None])
    >>> PartlySeenEmission(family).log_density(theta, np.array([[np.nan, 2.0]]), None).round(3)
    array([[-1.193]])
    """

    located = True
    floor = 1e-5  # what is expected of blanks is a difference of covariances: few digits are left

    def __init__(self, family: type[MultivariateGaussian]) -> None:
        super().__init__(family)
        self.complete = MultivariateEmission(family)

    @property
    def isotropic(self) -> bool:
        """Whether the form is round, which it would not be in other units."""
        return self.complete.isotropic

    @property
    def pools(self) -> bool:
        """Whether all components share one covariance."""
        return self.complete.pools

    def base(self, x: Array, trials: Array | None) -> Array:
        """-log(2 pi) / 2 for each column that was seen."""
        found: Array = -0.5 * np.log(2 * np.pi) * (~np.isnan(x)).sum(axis=1)
        return found

    def place(self, x: Array, trials: Array | None) -> Array:
        """Blanks lie at 0, near which the mean of working coordinates is."""
        return np.nan_to_num(x)

    def log_density(self, theta: MultivariateGaussian, x: Array, trials: Array | None) -> Array:
        """-log |cov_oo| / 2 - |L^-1 (x_o - mean_o)|^2 / 2, L L' = cov_oo."""
        found = np.empty((len(theta.mean), len(x)))
        seen, each = _patterns(x)
        for some in range(0, len(seen), AT_ONCE):
            half, log_det = _half(theta.cov, seen[some : some + AT_ONCE])
            for at, rows in enumerate(each[some : some + AT_ONCE]):
                own = np.flatnonzero(seen[some + at])
                root = half[:, at, own[:, None], own]
                z = (x[rows][:, own] - theta.mean[:, None, own]) @ root.swapaxes(1, 2)
                found[:, rows] = log_det[:, at, None] - 0.5 * np.einsum("kij,kij->ki", z, z)
        return found

    def height(
        self, theta: MultivariateGaussian, occupancy: Array, x: Array, trials: Array | None
    ) -> Height:
        """Those of a Gaussian of o columns, as mean_o and cov_oo are linear in mean and cov."""
        (k, d), basis = theta.mean.shape, self.family.form().basis(theta.mean.shape[1])
        m = d + len(basis)
        value, slope, curvature = np.zeros(k), np.zeros((k, m)), np.zeros((k, m, m))
        every = _moments(occupancy, x, theta.mean)
        for seen, n, first, second in every.chunks(max(1, AT_ONCE // m)):
            half, log_det = _half(theta.cov, seen)
            precision = _precision(half, seen)
            value += (n * log_det).sum(axis=1)
            value -= 0.5 * np.einsum("kpij,kpji->k", precision, second)
            slope[:, :d] += np.einsum("kpij,kpj->ki", precision, first)
            bent = precision[:, :, None] @ basis @ precision[:, :, None]  # -dP / dc
            slope[:, d:] += 0.5 * np.einsum("kpbij,kpji->kb", bent, second)
            slope[:, d:] -= 0.5 * np.einsum("kp,kpij,bji->kb", n, precision, basis, optimize=True)
            curvature[:, :d, :d] += np.einsum("kp,kpij->kij", n, precision)
            cross = np.einsum("kpbij,kpj->kib", bent, first)
            curvature[:, :d, d:] += cross
            curvature[:, d:, :d] += cross.swapaxes(1, 2)
            # tr(P A P B P M) - n tr(P A P B) / 2, as of complete rows
            rest = precision @ second - 0.5 * n[..., None, None] * np.eye(d)
            turned = (basis @ rest[:, :, None]).swapaxes(3, 4).reshape(*bent.shape[:3], d * d)
            quadratic = (bent.reshape(turned.shape) @ turned.swapaxes(2, 3)).sum(axis=1)
            curvature[:, d:, d:] += 0.5 * (quadratic + quadratic.swapaxes(1, 2))
        return Height(value, slope, curvature)

    def believed(
        self, theta: MultivariateGaussian, prior: MultivariateGaussianPrior, k: int
    ) -> Height:
        """That of complete rows."""
        return part_believed(self.complete, theta, prior, k)

    def best(
        self,
        occupancy: Array,
        rows: Part,
        setting: Setting,
        near: MultivariateGaussian | None = None,
        height: Callable[[MultivariateGaussian], Height] | None = None,
    ) -> MultivariateGaussian:
        """Climb by conditional expectations of the blanks (Little & Rubin 2002, section 11.2).

        Each step is EM's for known labels, which cannot lower what is expected.
        """
        theta = self._begin(occupancy, rows.x) if near is None else near
        centre = theta.mean
        sums, first = _moments(occupancy, rows.x, centre), np.inf
        for step in range(MOST_STEPS):
            before, theta = theta, self._step(theta, sums.about(theta.mean - centre), setting)
            move = _move(before, theta)
            first = move if step == 0 else first
            if move <= max(STILL, 0 if near is None else SETTLED * first):
                break
        return theta

    def _begin(self, occupancy: Array, x: Array) -> MultivariateGaussian:
        """Return mean and variances of what was seen, columns taken as independent."""
        seen = ~np.isnan(x)
        n, z = occupancy @ seen, np.nan_to_num(x)
        some = n > NOBODY
        each = np.where(some, n, 1)
        mean = np.where(some, occupancy @ z / each, 0)
        away = [np.where(seen, x - at, 0) for at in mean]
        square = np.stack([one @ z**2 for one, z in zip(occupancy, away, strict=True)])
        variance = np.where(square > 0, square / each, 1)
        return self.family(mean, variance[:, :, None] * np.eye(x.shape[1]))

    def _step(
        self, theta: MultivariateGaussian, sums: Moments, setting: Setting
    ) -> MultivariateGaussian:
        """Return the maximum for the sums that are expected of complete rows.

        sums: about the means.
        """
        (k, d), cov = theta.mean.shape, theta.cov[:, None]
        n, first, second = sums.n.sum(axis=1), np.zeros((k, d)), np.zeros((k, d, d))
        for seen, times, one, square in sums.chunks(AT_ONCE):
            # way: from x_o - mean_o to what is expected of x - mean
            way = cov @ _precision(_half(theta.cov, seen)[0], seen)
            way = np.where(seen[:, :, None], seen[:, :, None] * np.eye(d), way)
            blank = ~(seen[:, :, None] | seen[:, None, :])
            first += np.einsum("kpij,kpj->ki", way, one)
            second += (way @ square @ way.swapaxes(2, 3)).sum(axis=1)
            second += np.einsum("kp,kpij->kij", times, np.where(blank, cov - way @ cov, 0))
        i, j = np.triu_indices(d)
        known = np.hstack([n[:, None], first, second[:, i, j]])
        full = complete(self.complete, known, np.where(n > NOBODY, n, 0))
        if setting.prior is not None:
            full = full + unseen_about(self.complete, setting.prior, setting.k, theta.mean)
        best = self.complete.back(self.complete.maximize(full), theta.mean)
        return self.complete.widen(best, np.asarray(setting.floor))

    def chart(self, theta: MultivariateGaussian) -> Array:
        """That of complete rows."""
        return self.complete.chart(theta)

    def location(self, theta: MultivariateGaussian) -> Array:
        """The means."""
        return theta.mean

    def condition(self, theta: MultivariateGaussian) -> Array:
        """That of complete rows."""
        return self.complete.condition(theta)

    def width(self, theta: MultivariateGaussian, floor: Array) -> Array:
        """That of complete rows."""
        return self.complete.width(theta, floor)

    def on_floor(self, theta: MultivariateGaussian, floor: Array) -> NDArray[np.bool_]:
        """That of complete rows."""
        return self.complete.on_floor(theta, floor)

    def widen(self, theta: MultivariateGaussian, floor: Array) -> MultivariateGaussian:
        """That of complete rows."""
        return self.complete.widen(theta, floor)


def _patterns(x: Array) -> tuple[NDArray[np.bool_], list[Labels]]:
    """Return which columns were seen in each pattern of blanks, (P, d), and the rows that have it.

    Codes of few digits are sorted by their digits, as fast as the rows can be read.
    """
    seen = ~np.isnan(x)
    if x.shape[1] <= FEW_COLUMNS:
        codes: Labels = np.zeros(len(x), np.uint16)
        for place, column in enumerate(seen.T):
            codes |= column.astype(np.uint16) << place
    else:
        packed = np.packbits(seen, axis=1)
        codes = np.unique(packed, axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(codes, kind="stable")
    rows = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    return seen[[one[0] for one in rows]], rows


def _half(cov: Array, seen: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return L^-1 of cov_oo = L L', (K, P, d, d), and -log |cov_oo| / 2, (K, P).

    Blanks have rows and columns of the unit matrix, which leave both as they are.
    """
    both = seen[:, :, None] & seen[:, None, :]
    half = np.linalg.inv(np.linalg.cholesky(np.where(both, cov[:, None], np.eye(cov.shape[1]))))
    return half, np.log(np.diagonal(half, axis1=2, axis2=3)).sum(axis=2)


def _precision(half: Array, seen: NDArray[np.bool_]) -> Array:
    """Return the inverse of cov_oo, 0 in rows and columns of blanks, (K, P, d, d)."""
    own = half * seen[:, None, :]
    precision: Array = own.swapaxes(2, 3) @ own
    return precision


def _moments(occupancy: Array, x: Array, centre: Array) -> Moments:
    """Return the sums of each pattern, given occupancies (K, B), about centres (K, d)."""
    (seen, every), (k, d) = _patterns(x), centre.shape
    n, first = np.zeros((k, len(seen))), np.zeros((k, len(seen), d))
    second = np.zeros((k, len(seen), d, d))
    for at, rows in enumerate(every):
        own = np.flatnonzero(seen[at])
        for begin in range(0, len(rows), MANY_ROWS):
            some = rows[begin : begin + MANY_ROWS]
            away = x[some][:, own] - centre[:, None, own]
            weighted = away * occupancy[:, some, None]
            n[:, at] += occupancy[:, some].sum(axis=1)
            first[:, at, own] += weighted.sum(axis=1)
            second[:, at, own[:, None], own] += weighted.swapaxes(1, 2) @ away
    return Moments(seen, n, first, second)


def _move(before: MultivariateGaussian, after: MultivariateGaussian) -> float:
    """Return how far parameters moved, at most, in sds."""
    sd = np.sqrt(np.diagonal(before.cov, axis1=1, axis2=2))
    mean = np.abs(after.mean - before.mean) / sd
    cov = np.abs(after.cov - before.cov) / (sd[:, :, None] * sd[:, None, :])
    return float(max(mean.max(), cov.max()))
