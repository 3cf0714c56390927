"""Measurements in several dimensions of which some were not seen.

A row says what the marginal density of its seen columns says: blanks are missing at random (Rubin
1976; Little & Rubin 2002, chapter 11). Parameters, prior, forms and names are those of complete
rows, so that each class here has the name of the one that it refines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models import multivariate as complete
from models.blanks import patterns_of
from models.refusal import both
from models.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.arrays import Array
    from models.observations import Observations

DIAGONAL = both('MultivariateGaussian.with_covariance("diagonal")', "--covariance diagonal")

__all__ = ["PartlySeen", "never_together", "partly_seen_gaussian"]


class PartlySeen:
    """What rows with blanks change: the distribution of a column is given the ones seen before it.

    >>> family = partly_seen_gaussian(complete.MultivariateGaussian)
    >>> x = np.array([[np.nan, 0.0]])
    >>> family(np.zeros((1, 2)), np.eye(2)[None]).cumulative(x, x[None], None)[0].ravel()
    array([nan, 0.5])
    """

    __slots__ = ()

    if TYPE_CHECKING:
        mean: Array
        cov: Array

    def cumulative(self, x: Array, ends: Array, trials: Array | None) -> tuple[Array, Array]:
        """Return the same of what was seen; of a blank there is none, NaN."""
        k, (m, d) = len(self.mean), x.shape
        below, before = np.full((d, k, len(ends), m), np.nan), np.zeros((d, k, m))
        patterns, which = patterns_of(x)
        for pattern, seen in enumerate(patterns):
            rows, own = np.flatnonzero(which == pattern), np.flatnonzero(seen)
            cov = self.cov[:, own[:, None], own]
            some = complete.MultivariateGaussian(self.mean[:, own], cov)
            found = some.cumulative(x[np.ix_(rows, own)], ends[:, rows[:, None], own], trials)
            below[own[:, None], :, :, rows] = found[0].transpose(0, 3, 1, 2)
            before[own[:, None], :, rows] = found[1].transpose(0, 2, 1)
        return below, before


class MultivariateGaussian(PartlySeen, complete.MultivariateGaussian):
    """Every component has its own covariance."""

    __slots__ = ()


class TiedGaussian(PartlySeen, complete.TiedGaussian):
    """All components share one covariance."""

    __slots__ = ()


class DiagonalGaussian(PartlySeen, complete.DiagonalGaussian):
    """Columns are independent within a component."""

    __slots__ = ()


class SphericalGaussian(PartlySeen, complete.SphericalGaussian):
    """Columns are independent and equally spread within a component."""

    __slots__ = ()


class TiedSphericalGaussian(PartlySeen, complete.TiedSphericalGaussian):
    """Columns are independent, and equally spread in all components."""

    __slots__ = ()


FORMS: dict[str, type[complete.MultivariateGaussian]] = {
    family.form().name: family
    for family in (
        MultivariateGaussian,
        TiedGaussian,
        DiagonalGaussian,
        SphericalGaussian,
        TiedSphericalGaussian,
    )
}


def partly_seen_gaussian(
    family: type[complete.MultivariateGaussian],
) -> type[complete.MultivariateGaussian]:
    """Return the form of a family for rows with blanks, which has the same form of covariance.

    >>> tied = complete.MultivariateGaussian.with_covariance("tied")
    >>> partly_seen_gaussian(tied).__name__, partly_seen_gaussian(tied).form().name
    ('TiedGaussian', 'tied')
    """
    return FORMS[family.form().name]


def never_together(
    family: type[complete.MultivariateGaussian],
    sample: Observations,
    k: int,
    *,
    equal: bool,
    names: Sequence[str] = (),
) -> str:
    """Return that two columns are never seen in one row, which leaves their covariance open.

    Other columns do not make up for it: they say nothing of the two beyond what they explain of
    either (Rubin 1974). Forms without correlations have no such covariance.

    >>> apart = Sample([[1.0, np.nan], [3.0, np.nan], [np.nan, 2.0], [np.nan, 5.0]])
    >>> never_together(complete.MultivariateGaussian, apart, 1, equal=False)[:50]
    'columns 0 and 1 are never seen in the same row, so'
    """
    linear = family.form().linear
    if not (linear and isinstance(sample, Sample) and sample.seen_in_part):
        return ""
    seen = (~np.isnan(sample.x)).astype(np.float64)
    pairs = np.argwhere(np.triu(seen.T @ (sample.counts[:, None] * seen) == 0, 1))
    if not len(pairs):
        return ""
    one, other = pairs[0]
    titles = names or sample.columns
    said = f"columns {one} and {other}" if not titles else f"{titles[one]} and {titles[other]}"
    more = f" (nor are {len(pairs) - 1:,} other pairs)" if len(pairs) > 1 else ""
    return (
        f"{said} are never seen in the same row{more}, so their covariance is not identified; "
        f"leave one out, or take the diagonal form {DIAGONAL}"
    )
