"""Families without sufficient statistics: their M-step takes the occupancies of the rows.

A structure's E-step says how often each component is expected at each distinct row. The M-step
raises sum_i occupancy_i log p(x_i | theta) + log prior(theta), by itself. The derivatives of that
sum give the exact score and the complete information, so that standard errors need nothing more.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from em.emission import Emission
from em.newton import Height
from models.family import Theta

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.arrays import Array
    from models.sample import Part

__all__ = ["ByRows", "Setting"]


class Setting(NamedTuple):
    """What an M-step needs to know besides the rows; it is the same in every step.

    floor: (d,) least widths: to raise a width afterwards could lower what was maximised.
    k: how many components one mixture has.
    wide: the length of a component's own axes.
    prior: the family's own record, or None.

    >>> Setting(floor=0.0, k=2).prior is None
    True
    """

    floor: Array | float
    k: int
    wide: Any = 1
    prior: Any | None = None


class ByRows[T: Theta](Emission[T]):
    """A family whose M-step takes the occupancies of the distinct rows.

    Derivatives are those in the family's coordinates, the columns of `chart`.

    >>> import numpy as np
    >>> from em.emission import emission_of
    >>> from models import NegativeBinomial
    >>> theta, x = NegativeBinomial(np.array([3.0]), np.array([2.0])), np.array([0.0, 9.0])
    >>> emission_of(NegativeBinomial).height(theta, np.ones((1, 2)), x, None).slope[:, 0]
    array([0.4])
    """

    @abstractmethod
    def log_density(self, theta: T, x: Array, trials: Array | None) -> Array:
        """Return log p without its base of every row under every component, (K, B)."""

    @abstractmethod
    def height(self, theta: T, occupancy: Array, x: Array, trials: Array | None) -> Height:
        """Return the sum over rows of occupancy times log p, with its derivatives.

        occupancy: (K, B); x: (B, ...).
        """

    @abstractmethod
    def believed(self, theta: T, prior: Any, k: int) -> Height:
        """Return the log prior up to a constant, with its derivatives.

        Its density is that of the coordinates of `log_measure`.

        k: how many components one mixture has; each has a k-th of what they share.
        """

    @abstractmethod
    def best(
        self,
        occupancy: Array,
        rows: Part,
        setting: Setting,
        near: T | None = None,
        height: Callable[[T], Height] | None = None,
    ) -> T:
        """Return the theta (K,) that maximises `height` of occupancies (K, B), and the log prior.

        rows: B rows, whose counts are in the occupancies.
        near: where the E-step was taken. The log-likelihood may not fall from there, but the
            maximum need not be reached, since the next M-step goes on.
        height: theta -> `height` of these occupancies, computed on all threads.
        """

    def log_prior(self, theta: T, prior: Any, k: int) -> Array:
        """The value of `believed`."""
        return self.believed(theta, prior, k).value

    def expected(self, theta: T, found: Height, prior: Any | None, k: int) -> Height:
        """Return the expected log density of data and labels, with the prior's.

        found: `height` of all rows.
        """
        if prior is None:
            return found
        pairs = zip(found, self.believed(theta, prior, k), strict=True)
        return Height(*(a + b for a, b in pairs))

    def looked_at(self, theta: T) -> T:
        """Return components with each field in the range that is looked at."""
        return theta
