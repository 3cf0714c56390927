"""Where climbs from a grid of starts end: a name for each kind of end, and a map of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from em import fit
from em.climb.search import NOBODY, SAME_HEIGHT
from em.errors.information import SADDLE as FLAT
from models import Gaussian, Mixture, MultivariateGaussian, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from em import Fit
    from models import Prior
    from models.arrays import Array, Labels

__all__ = [
    "BEST",
    "CLUMP",
    "EMPTY",
    "KINDS",
    "LOCAL",
    "SADDLE",
    "SPIKE",
    "Atlas",
    "End",
    "Path",
    "atlas",
    "em_end",
    "followed",
    "kind",
    "kmeans_end",
]

BEST, LOCAL, CLUMP, SPIKE = "best optimum", "local optimum", "clump by chance", "spike"
EMPTY, SADDLE = "empty group", "saddle"
KINDS = (BEST, LOCAL, CLUMP, SPIKE, EMPTY, SADDLE)
APART = 0.1  # of the sample's sd, beyond which two ends as high are two
HALVES = np.array([0.5, 0.5])
ROUND = MultivariateGaussian.with_covariance("tied-spherical")


class End(NamedTuple):
    """Where a climb ended.

    name: of KINDS; height: what was climbed on, there.
    weight, mean, sd: (2,) of both components, the lower mean first.

    >>> end = End(LOCAL, -60.1, HALVES, np.array([163.0, 175.0]), np.array([6.0, 7.0]))
    >>> end.groups(200)
    ['163.0 ± 6 (50.0%)', '175.0 ± 7 (50.0%)']
    """

    name: str
    height: float
    weight: Array
    mean: Array
    sd: Array

    def groups(self, people: int) -> list[str]:
        """Return both components in words, for a number of people."""
        return [
            "nobody" if w * people < NOBODY else f"{m:.1f} ± {s:.2g} ({w:.1%})"
            for w, m, s in zip(self.weight, self.mean, self.sd, strict=True)
        ]


class Atlas(NamedTuple):
    """A map of starts to ends.

    ends: by kind, then the highest first.
    where: (m, m) which of them each pair of first means leads to.

    >>> end = End(BEST, -60.1, HALVES, np.array([163.0, 175.0]), np.array([6.0, 7.0]))
    >>> Atlas((end, end._replace(name=LOCAL)), np.array([[0, 1], [1, 1]])).share(0)
    0.25
    """

    ends: tuple[End, ...]
    where: Labels

    def share(self, which: int) -> float:
        """Return the share of starts that lead to an end."""
        return float((self.where == which).mean())

    def kinds(self) -> Labels:
        """Return (m, m) places in KINDS."""
        return np.array([KINDS.index(end.name) for end in self.ends])[self.where]


class Path(NamedTuple):
    """A climb.

    sd: the first; name: of KINDS; fast: whether it was accelerated.
    trace: (m + 1,) the height at the start and after each step; weights, means: (m + 1, 2).

    >>> trace = np.array([-70.0, -61.0, -60.1])
    >>> Path(10.0, BEST, False, trace, np.full((3, 2), 0.5), np.zeros((3, 2))).steps
    2
    """

    sd: float
    name: str
    fast: bool
    trace: Array
    weights: Array
    means: Array

    @property
    def steps(self) -> int:
        """How many steps it took."""
        return len(self.trace) - 1


def followed(sample: Sample, best: float, start: Mixture[Gaussian], *, accelerate: bool) -> Path:
    """Climb from a mixture of one width and keep every step; best: the known optimum's height.

    >>> start = Mixture(HALVES, Gaussian(np.array([1.0, 8.0]), np.array([2.0, 2.0])))
    >>> followed(Sample([1, 2, 3, 7, 8, 9]), 0.0, start, accelerate=False).name
    'local optimum'
    """
    seen = [start]
    found = fit(
        Gaussian,
        sample,
        2,
        start=start,
        accelerate=accelerate,
        on_step=lambda step: seen.append(step.mixture),
    )
    name = BEST if abs(found.log_likelihood - best) <= SAME_HEIGHT else kind(found)
    weights, means = (np.array([one.weight for one in seen]), [one.theta.mean for one in seen])
    return Path(float(start.theta.sd[0]), name, accelerate, found.trace, weights, np.array(means))


def kind(found: Fit[Mixture[Gaussian]]) -> str:
    """Name what EM ended on; the caller decides whether it is the best optimum.

    >>> import em
    >>> kind(em.fit(Gaussian, Sample([1, 2, 3, 7, 8, 9]), 2, seed=0))
    'local optimum'
    """
    if (found.mixture.weight * found.observations).min() < NOBODY:
        return EMPTY
    if found.optima[0].spike:
        return SPIKE if found.mixture.theta.sd.min() <= 2 * found.floor[0] else CLUMP
    return SADDLE if found.missing > FLAT else LOCAL


def em_end(sample: Sample, prior: Prior | None, sd: float, means: Array) -> End:
    """Climb from two halves with these means (2,) and this sd, under a prior if there is one.

    >>> em_end(Sample([1, 2, 3, 7, 8, 9]), None, 1.0, np.array([2.0, 8.0])).mean.round(2).tolist()
    [2.0, 8.0]
    """
    start = Mixture(HALVES, Gaussian(means, np.array([sd, sd])))
    found = fit(Gaussian, sample, 2, start=start, prior=prior)
    return End(kind(found), float(found.trace[-1]), found.mixture.weight, *found.mixture.theta)


def kmeans_end(sample: Sample, means: Array) -> End:
    """Do K-means from two centres (2,): the height is minus the sum of squares within groups.

    Hard EM with equal weights and one width gives each observation to the nearest centre and moves
    the centres to the means (Celeux & Govaert 1992). Its likelihood falls with
    the sum of squares, d n log(sum of squares) / 2, and with nothing else.

    >>> kmeans_end(Sample([1, 2, 3, 7, 8, 9]), np.array([0.0, 5.0])).mean.round(3).tolist()
    [2.0, 8.0]
    """
    nearer = np.abs(sample.x - means[0]) <= np.abs(sample.x - means[1])
    column = Sample(sample.x[:, None], counts=sample.counts)
    start = Mixture(HALVES, ROUND(means[:, None], np.ones((2, 1, 1))))
    found = fit(ROUND, column, 2, start=start, hard=True, equal_weights=True)
    mean, cov = found.mixture.theta
    name = EMPTY if nearer.all() or not nearer.any() else LOCAL
    first = found.assign(column) == 0
    share = float(sample.counts[first].sum() / sample.observations)
    squares = float(cov[0, 0, 0] * sample.observations)
    weight, sd = np.array([share, 1 - share]), np.sqrt(cov[:, 0, 0])
    return End(name, -squares, weight, mean[:, 0], sd)


def atlas(climb: Callable[[Array], End], grid: Array) -> Atlas:
    """Climb from every pair of first means in a grid (m,); their order does not matter.

    >>> from functools import partial
    >>> climb = partial(kmeans_end, Sample([1, 2, 3, 7, 8, 9]))
    >>> round(atlas(climb, np.array([0.0, 4.0, 9.0])).share(0), 2)
    0.67
    """
    ends: list[End] = []
    where = np.zeros((len(grid), len(grid)), np.intp)
    for i, j in zip(*np.triu_indices(len(grid)), strict=True):
        end = climb(grid[[i, j]])
        known = next((place for place, one in enumerate(ends) if _alike(one, end)), len(ends))
        if known == len(ends):
            ends.append(end)
        where[i, j] = where[j, i] = known
    proper = [end.height for end in ends if end.name == LOCAL]
    ends = [
        end._replace(name=BEST) if end.name == LOCAL and end.height == max(proper) else end
        for end in ends
    ]
    order = sorted(range(len(ends)), key=lambda n: (KINDS.index(ends[n].name), -ends[n].height))
    return Atlas(tuple(ends[place] for place in order), np.argsort(order)[where])


def _alike(one: End, other: End) -> bool:
    """Whether two ends are one; an empty component and a saddle are nowhere in particular."""
    if one.name == other.name == EMPTY:
        return True
    if one.name != other.name or abs(one.height - other.height) > SAME_HEIGHT:
        return False
    return one.name == SADDLE or bool(
        (np.abs(one.mean - other.mean) < APART * max(one.sd.max(), other.sd.max())).all()
    )
