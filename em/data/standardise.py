"""Working coordinates of EM, in which squares neither overflow nor cancel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.arrays import Array
from models.checks import scatter_about_mean
from models.family import Movable, Theta
from models.quartiles import quartiles, robust_spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from em.emission import Emission
    from models.observations import Observations

__all__ = ["Units", "units_of"]

CORRELATED = 1e-3  # decorrelate columns if the correlations' least eigenvalue is below this,
COLLINEAR = 1e-15  # unless it is below this, where it is rounding
FEW_COLUMNS = 16  # up to which products of columns are written row by row
FARTHEST = 1e100  # working units that a row may be away, so that its square is a double


@dataclass(frozen=True, eq=False)
class Units:
    """Working coordinates z of rows x: z = turn @ ((x - shift) / scale).

    scale, shift: (d,); scales are powers of two, so that dividing by them is exact.
    turn: (d, d) map that decorrelates the columns, or None for the identity.
    relative: whether widths are parts of a location, which have no unit; one for all, or (d,).

    >>> Units(np.array([2.0]), np.array([10.0])).rows(np.array([10.0, 14.0]))
    array([0., 2.])
    """

    scale: Array
    shift: Array
    turn: Array | None = None
    relative: bool | NDArray[np.bool_] = False

    def rows(self, x: Array) -> Array:
        """Return the working coordinates of rows (B,) or (B, d)."""
        if not self.shift.any() and (self.scale == 1).all():
            return x
        unit = 1 / self.scale  # before the shift, or 1e308 would overflow
        columns = x.T * unit[:, None] if x.ndim == 2 else x * unit  # statistics go by columns
        columns -= (self.shift * unit)[:, None] if x.ndim == 2 else self.shift * unit
        return columns.T if self.turn is None else (self.turn @ columns).T

    def move_in[M: Movable](self, record: M) -> M:
        """Return a Theta or a prior in working coordinates, given it in the data's units."""
        moved = record.affine(1 / self.scale, -self.shift / self.scale)
        return moved if self.turn is None else moved.affine(self.turn, np.zeros_like(self.shift))

    def move_out[M: Movable](self, record: M) -> M:
        """Return a Theta or a prior in the data's units, given it in working coordinates."""
        return self.stretch_out(record, self.shift)

    def stretch_out[M: Movable](self, record: M, shift: Array | None = None) -> M:
        """Return the same for differences: the shift is 0, or as given."""
        zero = np.zeros_like(self.scale)
        if self.turn is not None:
            record = record.affine(np.linalg.inv(self.turn), zero)
        return record.affine(self.scale, zero if shift is None else shift)

    @property
    def log_volume(self) -> float:
        """The log of the volume, in the data's units, of a unit cube of working coordinates."""
        turned = 0.0 if self.turn is None else float(np.linalg.slogdet(self.turn)[1])
        return float(np.log(self.scale).sum()) - turned

    def log_volume_of(self, x: Array) -> Array | float:
        """Return the same for rows, (B,), of the columns that were seen where some were not."""
        if x.ndim == 1 or not np.isnan(x.min(initial=0)):
            return self.log_volume
        found: Array = ~np.isnan(x) @ np.log(self.scale)
        return found

    def floor_in(self, widths: Array) -> Array:
        """Return least sds in the data's units, (d,), as the floor that `Emission.width` takes."""
        inside: Array = np.where(self.relative, widths, widths / self.scale)
        return inside if self.turn is None else self.turn * inside

    def floor_out(self, floor: Array) -> Array:
        """Return the floor that `Emission.width` takes as least sds in the data's units, (d,)."""
        if floor.ndim == 1:
            return np.where(self.relative, floor, floor * self.scale)
        root = floor if self.turn is None else np.linalg.solve(self.turn, floor)
        widths = np.sqrt((root**2).sum(axis=1))
        return np.where(self.relative, widths, widths * self.scale)


type Averages = Callable[[Units, Callable[[Array, Array], Array]], Array]


def units_of[T: Theta](sample: Observations, emission: Emission[T], average: Averages) -> Units:
    """Return working coordinates in which a located family has mean 0 and an sd of about 1.

    Columns that are above 0 have a mean of about 1 instead. Of families with heavy tails median and
    interquartile range are taken: beside one outlier all other rows would lie in one place.

    average: (units, function) -> what a function of (B, d) rows in these units and of (B,) counts
        adds up to, over the number of observations.

    >>> from em.emission import emission_of
    >>> from models import Gaussian, Sample
    >>> x = np.array([160.0, 170.0, 180.0])
    >>> def average(units, function):
    ...     return function(units.rows(x)[:, None], np.ones(3)) / 3
    >>> units_of(Sample(x), emission_of(Gaussian), average)
    Units(scale=array([8.]), shift=array([170.]), turn=None, relative=False)
    """
    d = sample.dimension
    if not emission.placed(d).any():
        return Units(np.ones(d), np.zeros(d))
    mean, spread = _places(sample, average)
    for at in np.flatnonzero(emission.outlying(d)):
        quarters = quartiles(sample, int(at))
        if (width := robust_spread(quarters)) > 0:
            least = max(sample.high[at] - quarters[1], quarters[1] - sample.low[at]) / FARTHEST
            mean[at], spread[at] = quarters[1], max(width, least)
    size = np.where(spread > 0, spread, np.where(mean != 0, np.abs(mean), 1.0))
    units = _by_column(emission, mean, size)
    if not emission.uncouples or sample.seen_in_part or not spread.all():
        return units
    cov = average(units, _products)
    least = np.linalg.eigvalsh(cov / np.sqrt(np.outer(np.diagonal(cov), np.diagonal(cov))))[0]
    if not COLLINEAR < least < CORRELATED:
        return units
    return Units(units.scale, units.shift, np.linalg.inv(np.linalg.cholesky(cov)))


def _sums(values: Array, counts: Array) -> Array:
    """Return the sums (d,) of (B, d) values that occurred so often."""
    return np.asarray(values.sum(axis=0) if (counts == 1).all() else counts @ values)


def _products(x: Array, counts: Array) -> Array:
    """Return sums of x_i x_j, (d, d), row after row: digits count where columns are nearly equal.

    So many products of many columns would take more memory than the rows.
    """
    n, d = x.shape
    if d > FEW_COLUMNS:
        return np.asarray((x.T * counts) @ x)
    each = (x[:, :, None] * x[:, None, :]).reshape(n, -1)
    return _sums(each, counts).reshape(d, d)


def _places(sample: Observations, average: Averages) -> tuple[Array, Array]:
    """Return mean and sd of each column, (d,), of what was seen; 0 for the sd of a constant."""
    if sample.seen_in_part:
        mean, cov = scatter_about_mean(sample)
        return mean, np.where(sample.high > sample.low, np.sqrt(np.diagonal(cov)), 0.0)
    largest = np.maximum(sample.high, -sample.low)
    exponent = np.frexp(np.maximum(largest, 2.0**-1000))[1] - 1
    order = np.where(largest > 0, np.ldexp(1.0, exponent), 1.0)
    near_one = Units(order, np.zeros(sample.dimension))
    mean = average(near_one, _sums)
    spread = np.sqrt(average(near_one, lambda x, counts: _sums((x - mean) ** 2, counts)))
    rounding = 4 * np.finfo(float).eps * np.abs(mean)
    return mean * order, np.where(spread > rounding, spread, 0.0) * order


def _by_column[T: Theta](emission: Emission[T], mean: Array, size: Array) -> Units:
    """Return working coordinates column by column, in powers of two.

    A column from 0 up is only scaled, and one without a location stays as it is.

    size: (d,) sds.
    """
    d = len(mean)
    placed, scaled = emission.placed(d), emission.scaled(d)
    size = np.full(d, size.max()) if emission.isotropic else size
    size = np.where(scaled & (mean > 0), mean, np.where(scaled, 1.0, size))
    unit = np.exp2(np.clip(np.floor(np.log2(size)), -1000, 1000))
    shift = np.where(placed & ~scaled, mean, 0.0)
    return Units(np.where(placed, unit, 1.0), shift, relative=scaled if scaled.any() else False)
