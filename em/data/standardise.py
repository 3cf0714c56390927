"""The units in which EM works: there squares neither overflow nor cancel more than they must."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from models import Mixture
from models.arrays import Array
from models.family import Theta

if TYPE_CHECKING:
    from collections.abc import Callable

    from em.emission import Emission
    from models.observations import Observations

__all__ = ["Units", "units_of"]

CORRELATED = 1e-3  # least eigenvalue of the correlations below which columns are uncoupled
COLLINEAR = 1e-15  # and below which rounding alone is left of it


class Movable(Protocol):
    """A Theta, or a conjugate prior."""

    def affine(self, scale: Array, shift: Array) -> Self:
        """Return what it is for scale * x + shift."""
        ...


@dataclass(frozen=True, eq=False)
class Units:
    """x inside is turn (x - shift) / scale.

    scale, shift: (d,); the scale is a power of two, so that dividing by it is exact.
    turn: (d, d) map that makes correlated columns uncorrelated, or None.
    """

    scale: Array
    shift: Array
    turn: Array | None = None

    def rows(self, x: Array) -> Array:
        """Return (B,) or (B, d) rows inside; scaling comes first, or 1e308 would overflow."""
        if not self.shift.any() and (self.scale == 1).all():
            return x
        unit = 1 / self.scale
        columns = x.T * unit[:, None] if x.ndim == 2 else x * unit  # statistics go by columns
        columns -= (self.shift * unit)[:, None] if x.ndim == 2 else self.shift * unit
        return columns.T if self.turn is None else (self.turn @ columns).T

    def move_in[M: Movable](self, record: M) -> M:
        """Return a Theta or a prior of the data for the rows inside."""
        moved = record.affine(1 / self.scale, -self.shift / self.scale)
        return moved if self.turn is None else moved.affine(self.turn, np.zeros_like(self.shift))

    def move_out[M: Movable](self, record: M) -> M:
        """Return a Theta or a prior of the rows inside for the data."""
        return self.stretch_out(record, self.shift)

    def stretch_out[M: Movable](self, record: M, shift: Array | None = None) -> M:
        """Return the same for differences, which have no origin to move."""
        zero = np.zeros_like(self.scale)
        if self.turn is not None:
            record = record.affine(np.linalg.inv(self.turn), zero)
        return record.affine(self.scale, zero if shift is None else shift)

    def inside[T: Theta](self, mixture: Mixture[T]) -> Mixture[T]:
        """Return a mixture of the data for the rows inside."""
        return Mixture(mixture.weight, self.move_in(mixture.theta))

    def outside[T: Theta](self, mixture: Mixture[T]) -> Mixture[T]:
        """Return a mixture of the rows inside for the data."""
        return Mixture(mixture.weight, self.move_out(mixture.theta))

    @property
    def log_volume(self) -> float:
        """log of what a unit of volume inside is in the data's units."""
        turned = 0.0 if self.turn is None else float(np.linalg.slogdet(self.turn)[1])
        return float(np.log(self.scale).sum()) - turned

    def floor_in(self, widths: Array) -> Array:
        """Return least sds of the data, (d,), as what `Emission.width` reads."""
        inside = widths / self.scale
        return inside if self.turn is None else self.turn * inside

    def floor_out(self, floor: Array) -> Array:
        """Return what `Emission.width` reads as least sds along the data's columns, (d,)."""
        if floor.ndim == 1:
            return floor * self.scale
        root = floor if self.turn is None else np.linalg.solve(self.turn, floor)
        widths: Array = np.sqrt((root**2).sum(axis=1)) * self.scale
        return widths


type Averages = Callable[[Units, Callable[[Array], Array]], Array]


def units_of[T: Theta](sample: Observations, emission: Emission[T], average: Averages) -> Units:
    """Return units of about one sd from the mean where components have a place.

    average: the mean over the observations of a function of (B, d) rows in some units.
    """
    d = sample.dimension
    if not emission.located:
        return Units(np.ones(d), np.zeros(d))
    largest = np.maximum(sample.high, -sample.low)
    exponent = np.frexp(np.maximum(largest, 2.0**-1000))[1] - 1
    order = np.where(largest > 0, np.ldexp(1.0, exponent), 1.0)
    near_one = Units(order, np.zeros(d))
    mean = average(near_one, lambda x: x)
    spread = np.sqrt(average(near_one, lambda x: (x - mean) ** 2))
    constant = spread <= 4 * np.finfo(float).eps * np.abs(mean)  # the mean's rounding, no spread
    spread = np.where(constant, 1.0, spread) * order
    if emission.isotropic:
        spread = np.full(d, spread.max())
    unit = np.exp2(np.clip(np.floor(np.log2(spread)), -1000, 1000))
    units = Units(unit, mean * order)
    if not emission.uncouples or constant.any():
        return units
    cov = average(units, lambda x: (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)).reshape(
        d, d
    )
    least = np.linalg.eigvalsh(cov / np.sqrt(np.outer(np.diagonal(cov), np.diagonal(cov))))[0]
    if not COLLINEAR < least < CORRELATED:
        return units
    return Units(unit, mean * order, np.linalg.inv(np.linalg.cholesky(cov)))
