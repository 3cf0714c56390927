"""Chains in modes that have no mass: how that is seen, and where they begin again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from bayes.sampling.starts import candidates_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bayes.sampling.compiled import Engine
    from models.arrays import Array
    from models.question import Question

    type Start = Callable[[int], Array]
    type Density = Callable[[Array], tuple[float, Array]]

__all__ = ["NEGLIGIBLE", "Abandoned", "Peak", "Restart", "climbed", "restart_of"]

AGAIN = 8
"""Climbs that have to find a mode with mass before one is called the only one. If there are two
that are as easily found, all eight climbs are in one of them in 0.8% of runs."""

SEEDS = 10  # of ten candidates each, at most

NEGLIGIBLE = 1e-6
"""Mass of a mode, relative to the heaviest, below which no chain belongs there. The masses are
those of normal approximations. If one is wrong by 7 nats, a mode that is left out has a thousandth
of the mass, and so moves no mean by more than a thousandth of its distance. Many modes together
may have more than each has alone."""

SAME = 0.1
"""Root mean square of the difference of two modes' log density of a row, in nats, up to which they
are one mode under two labellings. Their coordinates depend on the labels, and so, a little, does
where a mode is."""

ROUNDS = 8  # of climbing, each in coordinates that the curvature after the last one makes round
STEPS = 200  # of a round
WIDTH = 1e-4  # of the differences of gradients, in coordinates whose scale is about one
REACHED = 0.01  # nats that a parabola promises above the end of a climb that has reached its mode
FLAT = 1e-10  # least curvature over the largest one


class Peak(NamedTuple):
    """A mode of the log density that chains explore.

    position: (p,); root: (p, p), root root' is the covariance of the normal approximation.
    mass: the log of the approximation's integral, height + log |2 pi covariance| / 2.

    >>> Peak._fields
    ('position', 'root', 'mass')
    """

    position: Array
    root: Array
    mass: float

    def draw(self, seed: int) -> Array:
        """Return a draw of the normal approximation."""
        rng = np.random.default_rng(seed)
        found: Array = self.position + self.root @ rng.normal(size=len(self.position))
        return found


class Abandoned(NamedTuple):
    """Chains that were given up because they were in modes of negligible mass.

    light: how many chains were in such modes; chains: of how many.
    mass: of the heaviest of those modes, relative to the heaviest of all.

    >>> Abandoned(light=1, chains=4, mass=2e-9).light
    1
    """

    light: int
    chains: int
    mass: float


class Restart(NamedTuple):
    """The chains that were given up, and where all begin again: from a seed to a position.

    >>> Restart._fields
    ('abandoned', 'start')
    """

    abandoned: Abandoned
    start: Start


def restart_of(
    engine: Engine, question: Question[Any, Any], ends: Array, seed: int
) -> Restart | None:
    """Return where chains begin again if some ended in a mode of negligible mass, otherwise None.

    The ends of the chains and dispersed candidates climb the log posterior to its modes. If one of
    the chains' modes has a negligible mass, all begin again at draws of the normal approximation of
    the mode that has the mass, under any labels. If several modes have mass, if few climbs find
    one, or if the end of a chain leads to none, the chains stay as they are.

    ends: (chains, p) positions.

    >>> from bayes.posterior.tree import posterior_of
    >>> from bayes.sampling.compiled import engine_of
    >>> kept = posterior_of(posterior)
    >>> engine = engine_of(kept.question)
    >>> ends = engine.pack(kept.question, kept.draws)[::500]
    >>> restart_of(engine, kept.question, ends, seed=1) is None  # all are in one mode
    True
    """
    density, candidates = engine.density(question), candidates_of(engine, question)
    with threadpool_limits(1, user_api="blas"):  # matrices are small, threads would only wait
        own = [climbed(density, end) for end in ends]
        peaks = [peak for peak in own if peak is not None]
        if len(peaks) < len(own):
            return None
        for one in np.random.default_rng(seed).integers(1 << 32, size=SEEDS):
            found = [climbed(density, position) for position in candidates(int(one))]
            peaks += [peak for peak in found if peak is not None]
            masses = np.array([peak.mass for peak in peaks])
            masses = np.exp(masses - masses.max())
            heavy = masses >= NEGLIGIBLE
            if heavy[len(own) :].sum() >= AGAIN:
                break
        else:
            return None
    light = ~heavy[: len(own)]
    if not light.any():
        return None
    kept = [peak for peak, one in zip(peaks, heavy, strict=True) if one]
    rows = engine.pointwise(question, np.array([peak.position for peak in kept]))
    if np.sqrt(((rows - rows[0]) ** 2).mean(axis=1)).max() > SAME:
        return None

    def start(seed: int) -> Array:
        return kept[int(np.random.default_rng(seed).integers(len(kept)))].draw(seed)

    heaviest = float(masses[: len(own)][light].max())
    return Restart(Abandoned(int(light.sum()), len(own), heaviest), start)


def climbed(density: Density, position: Array) -> Peak | None:
    """Return the mode that a position leads to, or None if it leads to none.

    >>> climbed(lambda z: (-z @ z / 2, -z), np.ones(2)).mass  # a normal density without 1 / (2 pi)
    1.8378770664093453
    """
    p, root = len(position), np.eye(len(position))
    for _ in range(ROUNDS):
        position = _rise(density, position, root)
        height, slope = density(position)
        steps = WIDTH * np.eye(p)
        around = [density(position + step)[1] - density(position - step)[1] for step in steps]
        curved = -np.array(around) / (2 * WIDTH)
        if not (np.isfinite(curved).all() and np.isfinite(slope).all()):
            return None
        curvature, ways = np.linalg.eigh((curved + curved.T) / 2)
        size = np.maximum(np.abs(curvature), FLAT * np.abs(curvature).max())
        if size[0] == 0:
            return None
        root = ways / np.sqrt(size)
        if curvature[0] > 0 and ((root.T @ slope) ** 2).sum() / 2 < REACHED:
            mass = height + (p * np.log(2 * np.pi) - np.log(curvature).sum()) / 2
            return Peak(position, root, float(mass))
    return None


def _rise(density: Density, position: Array, root: Array) -> Array:
    """Return the end of a climb by L-BFGS in coordinates y, where z = position + root y."""

    def falls(y: Array) -> tuple[float, Array]:
        height, slope = density(position + root @ y)
        return (-height, -root.T @ slope) if np.isfinite(height) else (np.inf, 0 * y)

    end = minimize(
        falls,
        np.zeros(len(position)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": STEPS, "maxcor": 20, "ftol": 1e-9, "gtol": 1e-3},
    )
    found: Array = position + root @ end.x
    return found
