"""How fast does EM converge? As fast as information is missing.

Rao's plants (Dempster, Laird & Rubin 1977): four kinds of 1/2 + t/4, (1 - t)/4, (1 - t)/4, t/4; the
first hides two, of 1/2 and t/4. Near the limit a step leaves as much as information is missing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from comparisons.pages.opening import capitalised
from comparisons.pages.steps import Steps
from comparisons.pages.story import Story
from comparisons.pictures.catalogue import Picture
from comparisons.studies import tell_file
from comparisons.studies.pictures import linkage as drawn
from em import climb, fit
from models import Binomial, Mixture, Poisson, Sample

if TYPE_CHECKING:
    from comparisons.studies import Setting
    from models.arrays import Array

__all__ = ["CELLS", "LIMIT", "MIXTURES", "Plants", "information", "moments", "path", "race", "rate"]

PLANTS, CELLS, START = "Rao's plants", np.array([125.0, 18.0, 20.0, 34.0]), 0.5
LIMIT = float((15 + np.sqrt(53809)) / 394)  # of 197 t^2 - 15 t - 68 = 0, where l is level
FLIPS = Sample([5, 9, 8, 4, 7], 10)
DEATHS = Sample(range(10), counts=[162, 267, 271, 185, 111, 61, 27, 8, 3, 1])
BOYS = Sample(range(13), 12, [3, 24, 104, 286, 670, 1033, 1343, 1112, 829, 478, 181, 45, 7])
MIXTURES: dict[
    str, tuple[Sample, Any, float, bool]
] = {  # sample, start and its first share, whether shares are held equal
    "five sets of ten flips": (FLIPS, Binomial(np.array([0.5, 0.6])), 0.5, True),
    "deaths in The Times": (DEATHS, Poisson(np.array([1.0, 2.5])), 0.3, False),
    "boys in Saxony": (BOYS, Binomial(np.array([0.4, 0.6])), 0.5, False),
}


class Plants(NamedTuple):
    """The model that the loop climbs; the statistics are plants of t/4 and of (1 - t)/4.

    >>> _, kinds = Plants().expect(0.5)
    >>> round(Plants().maximize(kinds), 4)
    0.6082
    """

    def expect(self, t: float) -> tuple[float, Array]:
        """Return l; the first kind is split in the ratio 1/2 to t/4."""
        height = CELLS @ np.log([0.5 + t / 4, (1 - t) / 4, (1 - t) / 4, t / 4])
        kinds = np.array([CELLS[0] * t / (2 + t) + CELLS[3], CELLS[1] + CELLS[2]])
        return float(height), kinds

    def maximize(self, kinds: Array) -> float:
        """Return the share of the first among both."""
        return float(kinds[0] / kinds.sum())


def path(*, accelerate: bool = False, tolerance: float = 1e-4) -> tuple[Array, int]:
    """Return t at the start and after each step, (steps + 1, 1), and the evaluations of l.

    >>> path()[0][-1].round(4)
    array([0.6268])
    """
    seen, ask = [START], partial(climb, Plants(), START, accelerate=accelerate)
    end = ask(tolerance=tolerance, on_step=lambda _, t, __: seen.append(float(t)))
    return np.array(seen)[:, None], end.evaluations


def information(t: float) -> tuple[float, float]:
    """Return -l'' as observed, and as if the first kind had been split: complete.

    >>> [round(one) for one in information(LIMIT)]
    [378, 435]
    """
    known, away = Plants().expect(t)[1] / (t**2, (1 - t) ** 2)
    return CELLS[0] / (2 + t) ** 2 + CELLS[3] / t**2 + away, known + away


def moments() -> tuple[float, float]:
    """Return mean and sd of the posterior, a polynomial under a uniform prior: 128 nodes do.

    >>> [round(one, 4) for one in moments()]
    [0.6228, 0.0509]
    """
    nodes, mass = np.polynomial.legendre.leggauss(128)
    t = (nodes + 1) / 2
    mass = mass * np.exp([Plants().expect(one)[0] - Plants().expect(LIMIT)[0] for one in t])
    mean = float(mass @ t / mass.sum())
    return mean, float(np.sqrt(mass @ (t - mean) ** 2 / mass.sum()))


def rate(found: Array) -> float:
    """Return what a step leaves: the greatest eigenvalue of what takes each step to the next.

    >>> round(rate(np.array([1.0, 0.5, 0.25, 0.125, 0.0625])[:, None]), 6)
    0.5
    """
    steps = np.diff(found, axis=0)[-4:].T
    return float(abs(np.linalg.eigvals(steps[:, 1:] @ np.linalg.pinv(steps[:, :-1], 1e-6))).max())


def race(name: str) -> tuple[float, float, int, int]:
    """Return a mixture's missing information, its rate, and evaluations, plain and accelerated.

    >>> missing, rate, plain, fast = race("five sets of ten flips")
    >>> plain > fast
    True
    """
    (sample, theta, share, equal), seen = MIXTURES[name], []
    start = Mixture(np.array([share, 1 - share]), theta)
    ask = partial(fit, type(theta), sample, 2, start=start, equal_weights=equal, max_steps=20_000)
    plain = ask(accelerate=False, on_step=lambda step: seen.append(step.mixture.theta[0]))
    fast = ask()
    return fast.missing, rate(np.array(seen)), plain.evaluations, fast.evaluations


def tell(setting: Setting) -> Story:
    """Climb plainly and accelerated, and check the same law on three mixtures."""
    (observed, complete), (mean, sd), (found, slow) = information(LIMIT), moments(), path()
    error, missing = observed**-0.5, 1 - observed / complete
    races = {PLANTS: (missing, rate(found), slow, path(accelerate=True)[1])}
    races |= {name: race(name) for name in MIXTURES}
    name, (lack, _, many, few) = max(races.items(), key=lambda one: one[1][0])
    paths = [path(accelerate=fast, tolerance=1e-12)[0][:, 0] for fast in (False, True)]
    beside = f"Estimate {LIMIT:.4f}, standard error {error:.4f}; posterior mean {mean:.4f}"
    cost = f"{capitalised(name)}: {lack:.2%} missing, {many:,} evaluations, {few:,} if accelerated."
    normal = partial(drawn.linkage, Plants().expect, (LIMIT, error), (mean, sd))
    speed = Picture("speed", "How fast", cost, partial(drawn.speed, paths, LIMIT, races))
    linkage = Picture("linkage", "Estimate and posterior", f"{beside}, sd {sd:.4f}.", normal)
    law = f"{missing:.1%} of information missing, {rate(found):.1%} of the way left by each step"
    learned = f"{PLANTS}: {law}. {cost} {beside}, sd {sd:.4f}."
    return Story((climbed(found[:, 0]), laws(races)), learned, (speed, linkage))


def climbed(t: Array) -> Steps:
    """Return the plain steps, and what is left of the way after each."""
    away = np.abs(t - LIMIT)
    rows = [(at, t[at], away[at], away[at] / away[at - 1] if at else None) for at in range(len(t))]
    forms = {"step": "d", "t": ".6f", "distance left": ".1e", "of the last": ".4f"}
    kinds = "125, 18, 20, 34 plants of 1/2 + t/4, (1 - t)/4, (1 - t)/4, t/4: what is t?"
    return Steps(f"{kinds} {LIMIT:.10f} is (15 + sqrt 53809)/394", forms, rows)


def laws(races: dict[str, tuple[float, float, int, int]]) -> Steps:
    """Return the law for each problem: what is missing is what a step leaves."""
    rows = [(*one, np.log(10) / -np.log(found[0]), *found) for *one, found in races.items()]
    heads = ("problem", "steps per digit", "missing", "left by a step", "plain", "accelerated")
    forms = dict(zip(heads, ("", ",.1f", ".6f", ".6f", ",d", ",d"), strict=True))
    return Steps("A step leaves the share that is missing; evaluations of both", forms, rows)


if __name__ == "__main__":
    tell_file(__file__)
