"""EM's side of zeros in excess: at rows that are 0 a component shares its observations with them.

The expected log density of the rows, given their components, has a sum inside the logarithm at
rows that are 0. There a hidden label more says whether a zero is one in excess, so that the M-step
is the part's own, of fewer zeros, and then the best `zero` given that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.linalg import block_diag
from scipy.special import xlog1py, xlogy

from em.by_rows import ByRows
from em.emission import emission_of
from em.newton import Height
from em.parts import part_believed, part_best, part_density, part_height
from models import ZeroInflated
from models.family import rebuilt
from models.sample import Part

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from em.by_rows import Setting
    from models import ZeroInflatedPrior
    from models.arrays import Array

__all__ = ["ZeroInflatedEmission"]

EDGE = 1e-8  # a probability this near to 0 or 1 is on its way there
FIRST = 200  # turns of the part's M-step and that of `zero`, at most, where a climb begins
SETTLED = 1e-15  # change of `zero`, relative, after which both are at their best
FINEST = 4 * np.finfo(float).eps


class AtZero(NamedTuple):
    """The rows that are 0, (z,), and the component's own probability of them, (K, z).

    log_own: log f, -inf where the part has no zeros; log_all: log(zero + (1 - zero) f).

    >>> own = np.log(np.array([[0.2]]))
    >>> AtZero(own, np.log(0.5 + 0.5 * np.exp(own))).log_all.round(3)
    array([[-0.511]])
    """

    log_own: Array
    log_all: Array


class ZeroInflatedEmission(ByRows[ZeroInflated]):
    """log p = log(zero [x = 0] + (1 - zero) f(x)), f the density of the part.

    >>> from models import Poisson
    >>> emission, x = emission_of(ZeroInflated(Poisson)), np.array([0.0, 1.0, 2.0])
    >>> theta = ZeroInflated(Poisson)(np.array([2.0]), np.array([0.5]))
    >>> found = emission.log_density(theta, x, None) + emission.base(x, None)
    >>> np.exp(found).round(3)
    array([[0.568, 0.135, 0.135]])
    """

    def __init__(self, family: type[ZeroInflated]) -> None:
        super().__init__(family)
        self.part = emission_of(family.part)
        self.located, self.relative = self.part.located, self.part.relative
        self.floor = self.part.floor

    @property
    def pools(self) -> bool:
        """All components share `zero`."""
        return True

    def masses(self, x: Array) -> NDArray[np.bool_]:
        """Zeros beside measurements have a probability."""
        return np.asarray((x == 0) & self.located)

    def base(self, x: Array, trials: Array | None) -> Array:
        """The part's; nothing at zeros, whose own part is read by `zero`."""
        rest = x != 0
        found = np.zeros(len(x))
        found[rest] = self.part.base(x[rest], None if trials is None else trials[rest])
        return found

    def place(self, x: Array, trials: Array | None) -> Array:
        """The part's; where it has none at 0, zeros lie in the middle of the others."""
        if self.family.has_zeros():
            return self.part.place(x, trials)
        found, rest = np.zeros(len(x)), x != 0
        if rest.any():
            found[rest] = self.part.place(x[rest], None)
            found[~rest] = found[rest].mean()
        return found

    def log_density(self, theta: ZeroInflated, x: Array, trials: Array | None) -> Array:
        """Without the part's base, but for zeros."""
        rest, flips = x != 0, trials
        found = np.empty((len(theta[-1]), len(x)))
        some = None if flips is None else flips[rest]
        found[:, rest] = part_density(self.part, theta.parts, x[rest], some)
        with np.errstate(divide="ignore"):  # where all are zeros in excess
            found[:, rest] += np.log1p(-theta[-1])[:, None]
        if not rest.all():
            found[:, ~rest] = self._at_zero(theta, x, trials).log_all
        return found

    def _at_zero(self, theta: ZeroInflated, x: Array, trials: Array | None) -> AtZero:
        """Return the densities at the rows that are 0."""
        zero, seen = theta[-1][:, None], x == 0
        own = np.full((len(zero), int(seen.sum())), -np.inf)
        if self.family.has_zeros() and seen.any():
            some = None if trials is None else trials[seen]
            own = part_density(self.part, theta.parts, x[seen], some) + self.part.base(
                x[seen], some
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            both = np.logaddexp(np.log(zero), np.log1p(-zero) + own)
            # differences for derivatives on the edge step across it, where this goes on smoothly
            across = np.log(zero + (1 - zero) * np.exp(own))
        return AtZero(own, np.where(zero < 0, across, both))

    def height(
        self, theta: ZeroInflated, occupancy: Array, x: Array, trials: Array | None
    ) -> Height:
        """At rows above 0 the part's, and log(1 - zero). At zeros, with P = zero + (1 - zero) f,

        l = log f and r = (1 - zero) f / P, the derivatives of log P are r in l, (1 - f) / P in
        zero, and r (1 - r), -((1 - f) / P)^2 and -f / P^2 the second ones, the last in both.
        """
        rest, zero = x != 0, theta[-1]
        flips = None if trials is None else trials[rest]
        own = part_height(self.part, theta.parts, occupancy[:, rest], x[rest], flips)
        k, c = own.slope.shape
        n = occupancy[:, rest].sum(axis=1)
        value = own.value + xlog1py(n, -zero)
        slope, curvature = np.zeros((k, c + 1)), np.zeros((k, c + 1, c + 1))
        slope[:, :c], curvature[:, :c, :c] = own.slope, own.curvature
        with np.errstate(all="ignore"):
            slope[:, c], curvature[:, c, c] = -n / (1 - zero), n / (1 - zero) ** 2
        if not rest.all():
            self._add_zeros(theta, occupancy, x, trials, Height(value, slope, curvature))
        return Height(value, slope, curvature)

    def _add_zeros(
        self,
        theta: ZeroInflated,
        occupancy: Array,
        x: Array,
        trials: Array | None,
        found: Height,
    ) -> None:
        """Add what the rows that are 0 say."""
        at = self._at_zero(theta, x, trials)
        c = found.slope.shape[1] - 1
        for index, row in enumerate(np.flatnonzero(x == 0)):
            log_own, log_all, seen = at.log_own[:, index], at.log_all[:, index], occupancy[:, row]
            with np.errstate(all="ignore"):
                part = np.exp(np.log1p(-theta[-1]) + log_own - log_all)  # r
                rise = -np.expm1(log_own) * np.exp(-log_all)
                cross = np.exp(log_own - 2 * log_all)
            value, rise, part, cross = (
                np.where(seen > 0, one, 0.0) for one in (log_all, rise, part, cross)
            )
            found.value[:] += seen * value
            found.slope[:, c] += seen * rise
            found.curvature[:, c, c] += seen * rise**2
            if not self.family.has_zeros():
                continue
            flips = None if trials is None else trials[row : row + 1]
            one = part_height(
                self.part, theta.parts, np.ones((len(seen), 1)), x[row : row + 1], flips
            )
            within = (seen * part)[:, None]
            found.slope[:, :c] += within * one.slope
            outer = one.slope[:, :, None] * one.slope[:, None, :]
            found.curvature[:, :c, :c] += within[:, :, None] * (
                one.curvature - (1 - part)[:, None, None] * outer
            )
            both = (seen * cross)[:, None] * one.slope
            found.curvature[:, :c, c] += both
            found.curvature[:, c, :c] += both

    def believed(self, theta: ZeroInflated, prior: ZeroInflatedPrior, k: int) -> Height:
        """The part's, and a k-th of zeros log zero + others log(1 - zero) for each component."""
        with np.errstate(divide="ignore", invalid="ignore"):  # on an edge the part has no curvature
            own = part_believed(self.part, theta.parts, prior.parts, k)
        zero, (zeros, others) = theta[-1], (one / k for one in prior[-2:])
        c = own.slope.shape[1]
        slope = np.pad(own.slope, ((0, 0), (0, 1)))
        curvature = np.pad(own.curvature, ((0, 0), (0, 1), (0, 1)))
        with np.errstate(divide="ignore", invalid="ignore"):
            low = zeros / zero if zeros else np.zeros_like(zero)
            high = others / (1 - zero) if others else np.zeros_like(zero)
            slope[:, c] = low - high
            curvature[:, c, c] = (low / zero if zeros else 0) + (high / (1 - zero) if others else 0)
        return Height(own.value + xlogy(zeros, zero) + xlog1py(others, -zero), slope, curvature)

    def best(
        self,
        occupancy: Array,
        rows: Part,
        setting: Setting,
        near: ZeroInflated | None = None,
        height: Callable[[ZeroInflated], Height] | None = None,
    ) -> ZeroInflated:
        """Take the part's M-step, of fewer zeros, and then the best `zero`.

        Without a place to begin half of the zeros are taken to be in excess, and both are taken
        until they stay. From one they are taken once: more turns save steps, but no time.
        """
        x, trials, _ = rows
        seen = x == 0
        kept = np.ones(len(x), np.bool_) if self.family.has_zeros() else ~seen
        some = Part(x[kept], None if trials is None else trials[kept], None)
        mine = setting if setting.prior is None else setting._replace(prior=setting.prior.parts)
        theta, fewer = near, occupancy * np.where(seen, 0.5, 1.0)
        for _ in range(FIRST if near is None else 1):
            before = None
            if theta is not None:
                before, at = theta.parts, self._at_zero(theta, x, trials)
                fewer = occupancy.copy()
                with np.errstate(all="ignore"):
                    own = np.log1p(-theta[-1])[:, None] + at.log_own - at.log_all
                fewer[:, seen] *= np.where(np.isnan(own), 1.0, np.exp(own))
            parts = part_best(self.part, fewer[:, kept], some, mine, before)
            moved = self._with_zero(parts, occupancy, rows, setting)
            last, theta = theta, moved
            if last is not None and np.abs(moved[-1] - last[-1]).max() <= SETTLED * moved[-1].max():
                break
        assert theta is not None
        return theta

    def _with_zero(
        self, parts: Any, occupancy: Array, rows: Part, setting: Setting
    ) -> ZeroInflated:
        """Return the components with the `zero` at which what is expected is largest.

        It is concave in `zero`, and its slope falls from the value at 0, which may be below 0.
        """
        from scipy.optimize import brentq  # at the top it would slow `import em`

        seen = rows.x == 0
        none = self._beside(parts, np.zeros(len(occupancy)))
        log_own = self._at_zero(none, rows.x, rows.trials).log_own.ravel()
        many, others = occupancy[:, seen].ravel(), float(occupancy[:, ~seen].sum())
        if setting.prior is not None:  # zeros that no component explains
            many, log_own = np.append(many, setting.prior.zeros), np.append(log_own, -np.inf)
            others += setting.prior.others
        some = many != 0
        own, away = np.exp(log_own[some]), -np.expm1(log_own[some])
        with np.errstate(divide="ignore"):
            first = float(many[some] @ (away / own)) - others
        each = list(zip(many[some].tolist(), own.tolist(), away.tolist(), strict=True))

        def slope(zero: float) -> float:
            """Times 1 - zero, which is above 0; of few numbers, which NumPy is slow with."""
            if not zero:
                return first
            rise = sum(n * a / (zero + (1 - zero) * f) for n, f, a in each)
            return float((1 - zero) * rise - others)

        zero = 0.0
        if first > 0:
            zero = 1.0 if others == 0 else brentq(slope, 0.0, 1.0, xtol=1e-300, rtol=FINEST)
        return self._beside(parts, np.full(len(occupancy), zero))

    def looked_at(self, theta: ZeroInflated) -> ZeroInflated:
        """The part's, and a probability."""
        own = theta.parts
        if isinstance(self.part, ByRows):
            own = self.part.looked_at(own)
        return self._beside(own, np.clip(theta[-1], 0, 1))

    def log_measure(self, theta: ZeroInflated) -> Array:
        """The part's."""
        return self.part.log_measure(theta.parts)

    def chart(self, theta: ZeroInflated) -> Array:
        """The part's, and `zero` itself."""
        return np.asarray(block_diag(self.part.chart(theta.parts), np.eye(1)))

    def location(self, theta: ZeroInflated) -> Array | None:
        """The part's."""
        return self.part.location(theta.parts)

    def condition(self, theta: ZeroInflated) -> Array:
        """The part's."""
        return self.part.condition(theta.parts)

    def width(self, theta: ZeroInflated, floor: Array) -> Array:
        """The part's."""
        return self.part.width(theta.parts, floor)

    def widen(self, theta: ZeroInflated, floor: Array) -> ZeroInflated:
        """The part's."""
        return self._beside(self.part.widen(theta.parts, floor), theta[-1])

    def edges(self, theta: ZeroInflated) -> NDArray[np.bool_]:
        """The part's, and no zero in excess, or nothing else, to the digits that EM gives."""
        zero = theta[-1]
        own = (zero <= EDGE) | (zero >= 1 - EDGE)
        return np.concatenate([self.part.edges(theta.parts), own[:, None]], axis=1)

    def _beside(self, parts: Any, zero: Array) -> ZeroInflated:
        """Return components with the probability of a zero in excess."""
        found: ZeroInflated = rebuilt(self.family, [*parts, zero])
        return found
