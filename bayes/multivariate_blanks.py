"""Measurements in several dimensions of which some were not seen, in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayes.multivariate import MultivariateComponent, SeparateComponent
from bayes.seen_op import seen_density

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayes.multivariate import Apart, Rooted
    from bayes.symbols import Tensor
    from models import MultivariateGaussian, Sample
    from models.arrays import Array, Labels

__all__ = ["PartlySeenComponent", "PartlySeenSeparateComponent", "partly_seen"]


class PartlySeenComponent(MultivariateComponent):
    """log p is that of the columns that were seen, from the covariance of these alone.

    >>> from models import MultivariateGaussian, Sample
    >>> rows = PartlySeenComponent(MultivariateGaussian).rows(Sample([[1, 2], [3, None]]))
    >>> rows["x"], rows["of_row"], rows["patterns"]
    (array([[1., 3.],
           [2., 0.]]), array([1., 0.]), array([[1., 1.],
           [0., 1.]]))
    """

    located = False  # no other working coordinates: without a column there is no turning
    shared = ("patterns",)

    def rows(self, sample: Sample) -> dict[str, Array]:
        """The measurements, 0 for blanks; which pattern of blanks a row has; the patterns."""
        seen = np.isfinite(sample.x)
        patterns, of_row = np.unique(seen, axis=0, return_inverse=True)
        found = {"x": np.where(seen, sample.x, 0.0).T, "of_row": np.ravel(of_row)}
        every = found | {"patterns": patterns.T}
        return {name: np.ascontiguousarray(one, np.float64) for name, one in every.items()}

    def log_density(self, theta: Rooted, data: Mapping[str, Tensor]) -> Tensor:
        """By machine code of the house's own."""
        mean = theta.mean
        root = theta.root + pt.zeros_like(mean)[:, :, None]  # a tied one for every component
        return seen_density(mean, root, data["x"], data["of_row"], data["patterns"])

    def start(
        self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: int
    ) -> MultivariateGaussian:
        """Centres at the chosen rows, blanks at the mean of what was seen."""
        return super().start(_filled(sample), rows, rng, wide)


class PartlySeenSeparateComponent(SeparateComponent):
    """log p is the sum over the columns that were seen.

    >>> from models import MultivariateGaussian, Sample
    >>> family = MultivariateGaussian.with_covariance("diagonal")
    >>> PartlySeenSeparateComponent(family).rows(Sample([[1, 2], [3, None]]))["seen"]
    array([[1., 1.],
           [1., 0.]])
    """

    located = False

    def rows(self, sample: Sample) -> dict[str, Array]:
        """The measurements, 0 for blanks, and which were seen."""
        seen = np.isfinite(sample.x)
        return {"x": np.where(seen, sample.x, 0.0).T, "seen": seen.T.astype(np.float64)}

    def log_density(self, theta: Apart, data: Mapping[str, Tensor]) -> Tensor:
        """PyMC's own, of what was seen."""
        column = pm.Normal.dist(theta.mean[:, :, None], theta.sd[:, :, None])
        found: Tensor = (pm.logp(column, data["x"]) * data["seen"]).sum(-2)
        return found

    def start(
        self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: int
    ) -> MultivariateGaussian:
        """Centres at the chosen rows, blanks at the mean of what was seen."""
        return super().start(_filled(sample), rows, rng, wide)


def partly_seen(
    family: type[MultivariateGaussian],
) -> PartlySeenComponent | PartlySeenSeparateComponent:
    """Return the component that PyMC uses for a form of covariance and rows with blanks.

    >>> from models import MultivariateGaussian
    >>> type(partly_seen(MultivariateGaussian)).__name__
    'PartlySeenComponent'
    """
    own = PartlySeenComponent if family.form().linear else PartlySeenSeparateComponent
    return own(family)


def _filled(sample: Sample) -> Sample:
    """Return the rows in their order, each blank at the mean of what was seen of its column."""
    seen = np.isfinite(sample.x)
    n = np.maximum(sample.counts @ seen, 1)
    mean = sample.counts @ np.where(seen, sample.x, 0.0) / n
    arrays = {name: one for name, (_, one) in sample.arrays().items()}
    return type(sample).from_arrays(arrays | {"x": np.where(seen, sample.x, mean)})
