"""EM's side of measurements with heavy tails, of degrees of freedom that are given."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from em.curved import Curved
from em.newton import Height
from em.student_t import StudentTEmission
from models import StudentT, StudentTPrior
from models.student_t_given import StudentTGiven

if TYPE_CHECKING:
    from models import GaussianPrior
    from models.arrays import Array

__all__ = ["StudentTGivenEmission"]


class StudentTGivenEmission(Curved[StudentTGiven]):
    """That of free degrees of freedom, without what belongs to them.

    >>> from em.by_rows import Setting
    >>> from models import Sample
    >>> emission = StudentTGivenEmission(StudentT.with_df(4))
    >>> rows = Sample([-9, -1, 0, 1, 9]).part(slice(5))
    >>> emission.best(np.ones((1, 5)), rows, Setting(floor=1e-9, k=1)).sd.round(6)
    array([4.606067])
    """

    located = True
    heavy = True
    floor = 1e-9

    def __init__(self, family: type[StudentTGiven]) -> None:
        super().__init__(family)
        self.free = StudentTEmission(StudentT)

    def whole(self, theta: StudentTGiven) -> StudentT:
        """Return the same with the degrees of freedom as a field."""
        return StudentT(*theta, np.full_like(theta.mean, self.family.df))

    def base(self, x: Array, trials: Array | None) -> Array:
        """-log(2 pi) / 2."""
        return self.free.base(x, trials)

    def log_density(self, theta: StudentTGiven, x: Array, trials: Array | None) -> Array:
        """Without -log(2 pi) / 2."""
        return self.free.log_density(self.whole(theta), x, trials)

    def height(
        self, theta: StudentTGiven, occupancy: Array, x: Array, trials: Array | None
    ) -> Height:
        """The derivatives in mean and sd."""
        value, slope, curvature = self.free.height(self.whole(theta), occupancy, x, trials)
        return Height(value, slope[:, :2], curvature[:, :2, :2])

    def believed(self, theta: StudentTGiven, prior: GaussianPrior, k: int) -> Height:
        """Normal-inverse-gamma of mean and sd^2; at its median the prior of df adds nothing."""
        whole = StudentTPrior(*prior, df=self.family.df, df_factor=math.e)
        value, slope, curvature = self.free.believed(self.whole(theta), whole, k)
        return Height(value, slope[:, :2], curvature[:, :2, :2])

    def log_measure(self, theta: StudentTGiven) -> Array:
        """log sd, because the prior is a density of sd^2."""
        found: Array = np.log(theta.sd)
        return found

    def guess(self, occupancy: Array, x: Array, trials: Array | None) -> StudentTGiven:
        """Median and interquartile range."""
        return self.family(*self.free.guess(occupancy, x, trials)[:2])

    def limits(self, theta: StudentTGiven) -> tuple[Array, Array]:
        """Any mean, any width."""
        low, high = self.free.limits(self.whole(theta))
        return low[:, :2], high[:, :2]

    def location(self, theta: StudentTGiven) -> Array:
        """The means."""
        return theta.mean

    def width(self, theta: StudentTGiven, floor: Array) -> Array:
        """sd / floor."""
        return theta.sd / floor

    def widen(self, theta: StudentTGiven, floor: Array) -> StudentTGiven:
        """Raise sd to the floor."""
        return self.family(theta.mean, np.maximum(theta.sd, floor))
