"""What EM needs of a family: the contract that em/<family>.py meets.

Most families are exponential ones (`Exponential`),

    log p(x | theta) = natural(theta) . T(x) + base(x),    T(x) = (1, ..., 1, statistics(x)),

where the natural parameters of the leading ones add up to minus the log-partition. A Gaussian has
two: -log sd and -mean^2 / (2 sd^2). Data count both equally often, a conjugate prior need not. So
a prior is one more row of statistics (`unseen`). A prior that is not conjugate adds natural
parameters of its own behind the others (`unread`), where T of the data is 0. Sums of T are all that
the M-step needs.

Others have no such T (`em/curved.py`): their M-step takes the occupancies of the distinct rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from models.family import Movable, Theta, components, entries
from models.refusal import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["EMISSIONS", "Emission", "Exponential", "emission_of"]


class Emission[T: Theta](ABC):
    """A family as EM sees it: K components, B rows, m coordinates a component.

    A family with a mean also gives the place and the width of its components.

    >>> from models import Poisson
    >>> emission_of(Poisson).place(np.array([4.0]), None)
    array([2.])
    """

    def __init__(self, family: type[T]) -> None:
        self.family = family

    floor = 0.0
    """Default least width, in units of the rows (a power of two near their sd or robust width)."""

    located = False
    """Whether components have a location, and x a unit that may be changed."""

    relative = False
    """Whether x is above 0, may be scaled but not shifted, and widths are parts of the location."""

    heavy = False
    """Whether tails are so heavy that the rows' sd says nothing of the width of components."""

    def placed(self, d: int) -> NDArray[np.bool_]:
        """Return which of d columns have a location, (d,)."""
        return np.full(d, self.located)

    def scaled(self, d: int) -> NDArray[np.bool_]:
        """Return which of d columns may be scaled but not shifted, (d,)."""
        return np.full(d, self.relative)

    def outlying(self, d: int) -> NDArray[np.bool_]:
        """Return of which of d columns the width is measured by quartiles, not by the sd, (d,)."""
        return np.full(d, self.heavy)

    def slack(self, wide: Any) -> float:
        """Return by how much log p of a row may fall as probabilities are kept above 0."""
        return 0.0

    @property
    def uncouples(self) -> bool:
        """Whether columns may be mixed so that they become uncorrelated."""
        return False

    @property
    def isotropic(self) -> bool:
        """Whether all columns have to keep one unit."""
        return False

    @property
    def pools(self) -> bool:
        """Whether the M-step of a component needs the sums of the others."""
        return False

    def effort(self, d: int) -> int:
        """Return how many times as long as for a few columns log p of a row takes, about."""
        return 1

    def size(self, d: int) -> int:
        """Return q, the number of statistics of a row, 0 if there are none; d is a row's width."""
        return 0

    def fewest(self, d: int, k: int) -> int:
        """Return with how many rows of d columns k components are not sure to be spikes."""
        return 1

    def unwritten(self, d: int) -> bool:
        """Return whether T is written nowhere, as heights and sums do without it.

        Where components have a location, T(x) about a point is T(x - point).
        """
        return False

    def about[R: Movable](self, record: R, points: Array) -> R:
        """Return a Theta, or a prior, of x about points, (K, ...) or (d,)."""
        return record.affine(np.ones(points.shape[-1]), -points)

    def back(self, theta: T, points: Array) -> T:
        """Return the Theta of x, given that of x about points."""
        return theta.affine(np.ones(points.shape[-1]), points)

    @abstractmethod
    def base(self, x: Array, trials: Array | None) -> Array:
        """Return the part of log p that no parameter touches, (B,)."""

    def masses(self, x: Array) -> NDArray[np.bool_]:
        """Return which rows have a probability beside a density, which no unit changes, (B,)."""
        return np.zeros(len(x), np.bool_)

    def log_measure(self, theta: T) -> Array:
        """Return log |d (parameters of the prior's density) / d coordinates|, (K,)."""
        return np.zeros(components(theta))

    @abstractmethod
    def log_prior(self, theta: T, prior: Any, k: int) -> Array:
        """Return the log density of each component's prior, up to a constant, (K,).

        k: how many components one mixture has.
        """

    def place(self, x: Array, trials: Array | None) -> Array:
        """Return where each row lies, (B,) or (B, d), for starts that look at distances."""
        return x

    def chart(self, theta: T) -> Array:
        """Return d (a component's entries, field by field) / d coordinates, (M, m)."""
        return np.eye(len(entries(theta)))

    def location(self, theta: T) -> Array | None:
        """Return the (K, ...) points about which T(x) can be expanded; None if there are none."""
        return None

    def far(self, theta: T, reach: float = 1.0) -> NDArray[np.bool_]:
        """Return of which components T about zero would lose digits that they need, (K,).

        reach: how many times as far they may be; it costs the square of that in digits.
        """
        return np.zeros(components(theta), np.bool_)

    def cancels(self, theta: T) -> bool:
        """Whether T about zero would lose digits that the components need."""
        return bool(self.far(theta).any())

    def varying(self, theta: T) -> T | None:
        """Return theta with 0 in place of entries that are constants; None if there are none."""
        return None

    def condition(self, theta: T) -> Array:
        """Return the factor by which each component's parameters enlarge rounding, (K,)."""
        return np.ones(components(theta))

    def width(self, theta: T, floor: Array) -> Array:
        """Return each component's narrowest width in units of the floor, (K,)."""
        return np.full(components(theta), np.inf)

    def wide_enough(self, theta: T, floor: Array) -> bool:
        """Whether no component is narrower than the floor, beyond rounding."""
        return bool((self.width(theta, floor) >= 1 - 1e-14).all())

    def on_floor(self, theta: T, floor: Array) -> NDArray[np.bool_]:
        """Return which components `widen` keeps at the floor, (K,)."""
        touching: NDArray[np.bool_] = self.width(theta, floor) <= 1 + 1e-6
        return touching

    def widen(self, theta: T, floor: Array) -> T:
        """Return theta with no component narrower than the floor."""
        return theta

    def edges(self, theta: T) -> NDArray[np.bool_]:
        """Return which coordinates are on the edge of their range, without curvature, (K, m)."""
        return np.zeros((components(theta), self.chart(theta).shape[1]), np.bool_)


class Formulas(IntEnum):
    """Formulas of families that `em/climb/compiled.py` has in machine code.

    >>> from models import Poisson
    >>> emission_of(Poisson).formulas.name
    'POISSON'
    """

    BINOMIAL = 0
    POISSON = 1
    GAUSSIAN = 2
    LOG_NORMAL = 3


class Exponential[T: Theta](Emission[T]):
    """An exponential family: T has q statistics.

    Where components have a location, T can be expanded about it when squares would cancel.

    >>> from models import Poisson
    >>> emission = emission_of(Poisson)  # log p(3 | 2) from T = (1, 3)
    >>> known = emission.natural(Poisson(np.array([2.0]))) @ [1, 3]
    >>> (known + emission.base(np.array([3]), None)).round(3)
    array([-1.712])
    """

    ones: int
    """The number of leading ones in T."""

    unread = 0
    """The number of trailing natural parameters that only a prior reads."""

    formulas: Formulas | None = None
    """Those of the family in machine code, if there are any."""

    @abstractmethod
    def size(self, d: int) -> int:
        """Return q, the number of statistics of a row; d is the family's width."""

    @abstractmethod
    def statistics(self, x: Array, trials: Array | None, out: Array) -> None:
        """Write T(x) without its ones to out, (q, B)."""

    def statistics_about(self, x: Array, point: Array, trials: Array | None, out: Array) -> None:
        """Write T of x about a point without its ones to out, (q, B); T(x - point) by default."""
        self.statistics(x - point, trials, out)

    def heights(self, phi: Array, x: Array, trials: Array | None, out: Array) -> None:
        """Write phi . (1, T(x)) to out, (K, B).

        phi: (K, 1 + q).
        """
        known = np.ones((phi.shape[1], len(x)))
        self.statistics(x, trials, known[1:])
        for row, component in zip(phi, out, strict=True):
            np.matmul(row, known, out=component)

    def sums(self, share: Array, x: Array, trials: Array | None, width: int) -> Array:
        """Return the sums of (1, T(x)) over rows, share . (1, T)', (K, width).

        share: (K, B); width: 1 + q.
        """
        known = np.ones((width, len(x)))
        self.statistics(x, trials, known[1:])
        return share @ known.T

    @abstractmethod
    def natural(self, theta: T) -> Array:
        """Return the natural parameters, (K, ones + q + unread)."""

    @abstractmethod
    def maximize(self, sums: Array) -> T:
        """Return the theta that maximises natural(theta) . sums, (K, ones + q + unread) of T."""

    @abstractmethod
    def unseen(self, prior: Any, k: int) -> Array:
        """Return a prior as a row of sums: log prior = natural(theta) . unseen."""

    def log_prior(self, theta: T, prior: Any, k: int) -> Array:
        """natural(theta) . unseen."""
        found: Array = self.natural(theta) @ self.unseen(prior, k)
        return found

    @abstractmethod
    def slope(self, theta: T) -> Array:
        """Return d natural / d coordinates, T about the location, (K, ones + q + unread, m)."""

    @abstractmethod
    def curvature(self, theta: T, sums: Array) -> Array:
        """Return -d^2 (natural . sums) / d coordinates^2, T about the location, (K, m, m)."""


EMISSIONS: dict[type, type[Emission[Any]]] = {}


def emission_of[T: Theta](family: type[T]) -> Emission[T]:
    """Return EM's side of a family.

    >>> from models import Poisson
    >>> type(emission_of(Poisson)).__name__
    'PoissonEmission'
    """
    for ancestor in getattr(family, "__mro__", ()):
        if ancestor in EMISSIONS:
            return EMISSIONS[ancestor](family)
    known = ", ".join(sorted(name.__name__ for name in EMISSIONS))
    raise Refusal(f"family is {family!r}; give one of {known}")
