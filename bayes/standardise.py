"""Working coordinates of the sampler where the data are far from zero or nearly collinear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from bayes.component import component_of, spread
from models.structure import shares_of, with_shares

if TYPE_CHECKING:
    from models.arrays import Array
    from models.question import Question
    from models.sample import Sample
    from models.structure import Structure

__all__ = ["PLAIN", "Standard", "standard_of"]

FAR = 2.0**24  # sds from zero: x - mean then has lost half of a double's digits
CORRELATED = 1e-5  # least eigenvalue of the correlations, under which columns are decorrelated,
COLLINEAR = 1e-15  # unless it is rounding


@dataclass(frozen=True, eq=False)
class Standard:
    """Working coordinates z = turn ((x - shift) / unit); the data's own if `shift` is None.

    shift, unit: (d,); units are powers of two, by which dividing is exact.
    turn: (d, d), or None for the identity.

    >>> far = Standard(np.array([10.0]), np.array([2.0]))
    >>> far.rows(np.array([10.0, 14.0])), round(far.log_volume, 3)
    (array([0., 2.]), 0.693)
    """

    shift: Array | None = None
    unit: Array | None = None
    turn: Array | None = None

    @property
    def plain(self) -> bool:
        """Whether the coordinates are the data's own."""
        return self.shift is None

    @property
    def log_volume(self) -> float:
        """The log of the volume, in the data's units, of a unit cube of these coordinates."""
        if self.unit is None:
            return 0.0
        turned = 0.0 if self.turn is None else float(np.linalg.slogdet(self.turn)[1])
        return float(np.log(self.unit).sum()) - turned

    def log_volume_of(self, x: Array) -> Array | float:
        """Return the same for rows (m, d), (m,), of the columns that were seen if some were not."""
        if self.unit is None or x.ndim == 1 or not np.isnan(x).any():
            return self.log_volume
        found: Array = ~np.isnan(x) @ np.log(self.unit)
        return found

    def rows(self, x: Array) -> Array:
        """Return rows (m,) or columns (d, m) in these coordinates."""
        if self.shift is None or self.unit is None:
            return x
        if x.ndim == 1:
            found: Array = (x - self.shift) / self.unit
            return found
        columns = (x - self.shift[:, None]) / self.unit[:, None]
        return columns if self.turn is None else self.turn @ columns

    def sample(self, sample: Sample) -> Sample:
        """Return the distinct rows in these coordinates, in the same order."""
        if self.plain:
            return sample
        x = self.rows(sample.x.T).T
        arrays = {name: values for name, (_, values) in sample.arrays().items()}
        return type(sample).from_arrays(arrays | {"x": x})

    def prior(self, record: Any) -> Any:
        """Return a component's prior in these coordinates."""
        return self._inward(record)

    def inside[S: Structure](self, structure: S) -> S:
        """Return parameters in these coordinates, given them in the data's units."""
        if self.plain:
            return structure
        theta = self._inward(structure.theta)
        return with_shares(type(structure), shares_of(structure), theta)

    def outside[S: Structure](self, structure: S) -> S:
        """Return parameters in the data's units, given them in these coordinates."""
        if self.shift is None or self.unit is None:
            return structure
        theta: Any = structure.theta
        if self.turn is not None:
            theta = theta.affine(np.linalg.inv(self.turn), np.zeros_like(self.shift))
        moved = theta.affine(self.unit, self.shift)
        return with_shares(type(structure), shares_of(structure), moved)

    def _inward(self, record: Any) -> Any:
        if self.shift is None or self.unit is None:
            return record
        moved = record.affine(1 / self.unit, -self.shift / self.unit)
        return moved if self.turn is None else moved.affine(self.turn, np.zeros_like(self.shift))


PLAIN = Standard()

KNOWN: WeakKeyDictionary[Sample, dict[type, Standard]] = WeakKeyDictionary()
"""By sample and family, as every look at a posterior asks for it."""


def standard_of(question: Question[Any, Any]) -> Standard:
    """Return the sampler's working coordinates of a question, those of its data unless needed.

    Data near zero whose columns are not collinear keep their units, and so their draws.

    >>> standard_of(fit.question).plain
    True
    """
    component = component_of(question.family)
    if not component.located:
        return PLAIN
    data = question.data if question.origin is None else question.origin
    sample: Any = data.sample
    known = KNOWN.setdefault(sample, {})
    if question.family not in known:
        known[question.family] = _standard(
            sample, component.moved, alike=component.alike, mixes=component.mixes
        )
    return known[question.family]


def _standard(sample: Sample, moved: tuple[bool, ...], *, alike: bool, mixes: bool) -> Standard:
    """Return the coordinates of a sample.

    moved: which columns may have others than their own; all if it is empty.
    alike: whether all columns have to keep one unit; mixes: whether they may be decorrelated.
    """
    table = sample.x.reshape(sample.distinct, -1)
    with np.errstate(all="ignore"):
        near = table[0]  # about which the mean has all its digits
        mean = near + np.average(table - near, axis=0, weights=sample.counts)
        sd = spread(sample)
        if moved:
            mean, sd = np.where(moved, mean, 0), np.where(moved, sd, 1)
        far = bool((np.abs(mean) > FAR * sd).any())
    if alike:
        sd = np.full_like(sd, sd.max())
    if not (np.isfinite(sd).all() and np.isfinite(mean).all()):
        return PLAIN
    unit = np.exp2(np.clip(np.floor(np.log2(sd)), -1000, 1000))
    turn = None
    if mixes and len(sd) > 1:
        z = (table - mean) / unit
        cov = (z.T * (sample.counts / sample.counts.sum())) @ z
        scale = np.sqrt(np.diagonal(cov))
        if (scale > 0).all() and np.isfinite(cov).all():
            least = float(np.linalg.eigvalsh(cov / scale / scale[:, None])[0])
            if COLLINEAR < least < CORRELATED:
                turn = np.linalg.inv(np.linalg.cholesky(cov))
    return Standard(mean, unit, turn) if far or turn is not None else PLAIN
