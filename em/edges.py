"""A parameter on the edge of what is possible, and the covariance of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import erfcx

if TYPE_CHECKING:
    from models.arrays import Array

__all__ = ["Edge", "covariance_of"]

FLAT = 1e-8  # curvature, in squared slopes, without which the fall is a line
OPEN = 1e-9  # eigenvalue of a scaled information, relative, of an edge or an open direction


class Edge(NamedTuple):
    """A parameter on the edge of what is possible.

    label: such as rate[0].
    bound: the edge.
    slope: g, by how much the log-likelihood falls for each unit away from the edge; below 0 if it
        rises, so that the edge is no maximum.
    curvature: c, of the fall, the other parameters at their best for each distance from the edge.

    At a distance t the likelihood is about exp(-g t - c t^2 / 2) of that on the edge, so that under
    a flat prior t is a normal variable cut off at 0, exponential if g is large (Bochkina & Green
    2014).

    >>> sure = Edge("rate[0]", 0.0, slope=25.0, curvature=0.0)
    >>> sure.said, sure.distance, sure.degrees
    ('rate[0] is 0', 0.04, 2.0)
    >>> round(Edge("rate[0]", 0.0, slope=0.0, curvature=4.0).distance, 3)  # sqrt(2 / pi) / 2
    0.399
    >>> Edge("size[0]", np.inf, slope=0.0).said
    'size[0] grows without bound'
    """

    label: str
    bound: float
    slope: float
    curvature: float = 0.0

    @property
    def unbounded(self) -> bool:
        """Whether the parameter grows without bound, and its distance says nothing."""
        return bool(np.isinf(self.bound))

    @property
    def distance(self) -> float:
        """The posterior mean of the distance from the edge, under a flat prior."""
        if self.unbounded:
            return np.inf
        if not self.curvature > FLAT * self.slope**2:
            return 1 / self.slope if self.slope > 0 else np.inf
        spread = self.curvature**-0.5
        return float(spread * (_mills(self.slope * spread) - self.slope * spread))

    @property
    def degrees(self) -> float:
        """The posterior mean of 2 g t + c t^2: 1 if the likelihood has no slope, 2 if it is steep.

        By parts, E[t (g + c t)] = 1 for this density, so that it is 1 + g E[t]. That is not the
        half that such a parameter adds to the likelihood ratio of repeated samples (Self & Liang
        1987): here the draws vary, not the samples.
        """
        return 1.0 if self.unbounded else 1 + self.slope * self.distance

    @property
    def said(self) -> str:
        """The parameter and its edge in words."""
        if self.unbounded:
            return f"{self.label} grows without bound"
        return f"{self.label} is {self.bound:g}"


def _mills(a: float) -> float:
    """Return the normal density over the tail's probability at a."""
    return float(np.sqrt(2 / np.pi) / erfcx(a / np.sqrt(2)))


def covariance_of(information: Array) -> Array:
    """Return the inverse (p, p) of an information along the directions that it has.

    information: projected, so that it is zero along directions on an edge.

    >>> covariance_of(np.diag([4.0, 0.0]))
    array([[0.25, 0.  ],
           [0.  , 0.  ]])
    """
    size = np.sqrt(np.maximum(np.diagonal(information), 0))
    known = np.flatnonzero(size)
    unit = 1 / size[known]
    values, vectors = np.linalg.eigh(information[np.ix_(known, known)] * unit * unit[:, None])
    told = values > OPEN
    inverse = (vectors[:, told] / values[told]) @ vectors[:, told].T * unit * unit[:, None]
    # the units turned its range: what is on an edge as a sum of coordinates has to stay there
    level = unit[:, None] * vectors[:, ~told]
    still = np.eye(len(known)) - level @ np.linalg.pinv(level, rcond=OPEN)
    found: Array = np.zeros_like(information)
    found[np.ix_(known, known)] = still @ inverse @ still.T
    return found
