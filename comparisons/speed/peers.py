"""Those who take EM's steps: ours, and the peers that are found."""

from __future__ import annotations

import warnings
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from comparisons.speed import r
from comparisons.speed.records import seconds, timed
from em import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from comparisons.speed.problems import Problem
    from em import Fit
    from models.arrays import Array

__all__ = [
    "MCLUST",
    "MIXTOOLS",
    "OURS",
    "PEERS",
    "POMEGRANATE",
    "SCIKIT_LEARN",
    "STEPMIX",
    "Peer",
    "Run",
    "check",
    "plain",
    "step",
]


FEW = 4  # steps of which only the set-up is wanted, and which all sides take to the same place
LEAST, MOST = 5, 300  # steps more that are timed
PATIENCE = 6


class Run(NamedTuple):
    """Some steps of one side: their seconds, and the weight (K,) and mean (K, d) they reached.

    >>> from comparisons.speed.problems import heights
    >>> few, many = OURS.climb(heights(50, 2, np.random.default_rng(0)), [1, 3])
    >>> few.weight.shape, few.mean.shape
    ((2,), (2, 1))
    """

    seconds: float
    weight: Array
    mean: Array


class Peer(NamedTuple):
    """One who takes EM's steps.

    brought: what installs it.
    found: whether it is there.
    climb: from the problem's start, anew for each count of steps.
    volume: of numbers to be gone through in one timing, so that it is no moment.
    rtol: how far its parameters may be from ours after the same steps.
    exact: whether its step is EM's; if not, its limit must be.
    most: of rows times components times columns, past which it is not asked.

    >>> [peer.name for peer in PEERS if not peer.exact]
    ['mixtools']
    """

    name: str
    brought: str
    found: Callable[[], bool]
    climb: Callable[[Problem, Sequence[int]], list[Run]]
    volume: float = 3e7
    rtol: float = 1e-6
    exact: bool = True
    most: float = 5e7


def ours(problem: Problem, counts: Sequence[int]) -> list[Run]:
    """Take the steps by `em.fit`."""

    def climb(steps: int) -> Run:
        found, took = timed(lambda: plain(problem, steps))
        weight, theta = found.mixture
        return Run(took, weight, theta.mean.reshape(len(weight), -1))

    return [climb(steps) for steps in counts]


def plain(problem: Problem, steps: int) -> Fit[Any]:
    """Take exactly this number of our plain steps.

    >>> from comparisons.speed.problems import heights
    >>> plain(heights(50, 2, np.random.default_rng(0)), 3).steps
    3
    """
    start = problem.start
    by_steps = partial(fit, start=start, accelerate=False, tolerance=0, max_steps=steps)
    return by_steps(type(start.theta), problem.sample, len(start.weight))


def scikit_learn(problem: Problem, counts: Sequence[int]) -> list[Run]:
    """Take the same steps by `sklearn.mixture.GaussianMixture`."""
    from sklearn.mixture import GaussianMixture

    precisions = np.linalg.inv(problem.covariances)

    def climb(steps: int) -> Run:
        model = GaussianMixture(
            len(problem.start.weight),
            max_iter=steps,
            tol=0,
            reg_covar=0,
            weights_init=problem.start.weight,
            means_init=problem.means,
            precisions_init=precisions,
            init_params="random_from_data",  # its default, k-means, would be thrown away
            random_state=0,
        )
        return Run(_fitted(model, problem), model.weights_, model.means_)

    return [climb(steps) for steps in counts]


def stepmix(problem: Problem, counts: Sequence[int]) -> list[Run]:
    """Take the same steps by `stepmix.StepMix`, which has no other way to take a start."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its docstrings, as they are compiled
        from stepmix.stepmix import StepMix

    class Placed(StepMix):  # type: ignore[misc]
        def _initialize_parameters(self, X: Array, random_state: object) -> None:  # noqa: N803
            self._initialize_parameters_measurement(X, random_state, init_emission=False)
            self.weights_ = problem.start.weight
            self._mm.set_parameters({"means": problem.means, "covariances": problem.covariances})

    def climb(steps: int) -> Run:
        model = Placed(
            len(problem.start.weight),
            measurement="gaussian_full",
            measurement_params={"reg_covar": 0.0},
            max_iter=steps,
            abs_tol=0,
            rel_tol=0,
            progress_bar=0,
            random_state=0,
        )
        took = _fitted(model, problem)
        return Run(took, model.weights_, model.get_parameters()["measurement"]["means"])

    return [climb(steps) for steps in counts]


def pomegranate(problem: Problem, counts: Sequence[int]) -> list[Run]:
    """Take the same steps by `pomegranate.gmm.GeneralMixtureModel`."""
    import torch
    from pomegranate.distributions import Normal
    from pomegranate.gmm import GeneralMixtureModel

    rows = torch.tensor(problem.table)

    def climb(steps: int) -> Run:
        each = zip(problem.means, problem.covariances, strict=True)
        groups = [Normal(torch.tensor(mean), torch.tensor(cov)) for mean, cov in each]
        weight = torch.tensor(problem.start.weight)
        model = GeneralMixtureModel(groups, priors=weight, max_iter=steps, tol=-1.0)
        took = seconds(lambda: model.fit(rows))
        means = np.array([group.means.numpy() for group in model.distributions])
        return Run(took, model.priors.numpy(), means)

    return [climb(steps) for steps in counts]


def by_r(package: str, problem: Problem, counts: Sequence[int]) -> list[Run]:
    """Take the same steps by one of R's packages."""
    return [Run(*found) for found in r.climbs(package, problem, counts)]


def _fitted(model: Any, problem: Problem) -> float:
    """Fit a model that has scikit-learn's manners, and return the seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        return seconds(lambda: model.fit(problem.table))


def _python(package: str) -> Callable[[], bool]:
    return lambda: find_spec(package) is not None


def _in_r(package: str) -> Callable[[], bool]:
    return lambda: package in r.packages()


OURS = Peer("ours", "", lambda: True, ours, volume=1.5e9, most=np.inf)
SCIKIT_LEARN = Peer(
    "scikit-learn", "uv sync --group speed", _python("sklearn"), scikit_learn, most=2e7
)
STEPMIX = Peer("StepMix", "uv sync --group speed", _python("stepmix"), stepmix, most=2e7)
POMEGRANATE = Peer(
    "pomegranate",
    "uv pip install pomegranate (with torch, gigabytes)",
    _python("pomegranate"),
    pomegranate,
    rtol=1e-4,  # it adds up in single precision
    most=2e7,
)
MCLUST = Peer(
    "mclust",
    'R, and in it install.packages("mclust")',
    _in_r("mclust"),
    partial(by_r, "mclust"),
    volume=1e8,
)
MIXTOOLS = Peer(
    "mixtools",
    'R, and in it install.packages("mixtools")',
    _in_r("mixtools"),
    partial(by_r, "mixtools"),
    exact=False,  # its shares and spreads come of a second E-step, after the means
)
PEERS = (SCIKIT_LEARN, STEPMIX, POMEGRANATE, MCLUST, MIXTOOLS)


def step(side: Peer, problem: Problem) -> float:
    """Return the seconds of one step: of many steps less those of few, which cancels set-up.

    A busy machine may hide the difference; then more steps are taken.

    >>> from comparisons.speed.problems import heights
    >>> quick = OURS._replace(volume=0.0)
    >>> step(quick, heights(50, 2, np.random.default_rng(0))) > 0
    True
    """
    n, d = problem.table.shape
    numbers = n * len(problem.start.weight) * (1 + d + d * (d + 1) // 2)
    more = int(min(max(side.volume / numbers, LEAST), MOST))
    for _ in range(PATIENCE):
        few, many = side.climb(problem, (FEW, FEW + more))
        if many.seconds > few.seconds:
            return (many.seconds - few.seconds) / more
        more *= 2
    raise RuntimeError(f"the machine is too busy to time a step of {side.name}")


def check(side: Peer, problem: Problem) -> None:
    """Raise AssertionError unless a peer does the same work as ours.

    Where its step is not quite EM's, its first means must be EM's, and so must its limit.

    >>> from comparisons.speed.problems import heights
    >>> check(OURS, heights(50, 2, np.random.default_rng(0)))
    """
    if side.exact:
        _same(side, *_both(side, problem, FEW))
        return
    mine, theirs = _both(side, problem, 1)
    _same(side, mine, theirs._replace(weight=mine.weight))
    family, k = type(problem.start.theta), len(problem.start.weight)
    limit = fit(family, problem.sample, k, start=problem.start, tolerance=1e-6)
    _same(side, *_both(side, problem._replace(start=limit.mixture), FEW))


def _both(side: Peer, problem: Problem, steps: int) -> tuple[Run, Run]:
    """Return where a number of steps leads us, and a peer with its components in the same order."""
    (mine,), (theirs,) = ours(problem, [steps]), side.climb(problem, [steps])
    order = np.lexsort(theirs.mean.T[::-1])
    return mine, theirs._replace(weight=theirs.weight[order], mean=theirs.mean[order])


def _same(side: Peer, mine: Run, theirs: Run) -> None:
    """Raise AssertionError unless weight and means are the same."""
    np.testing.assert_allclose(theirs.weight, mine.weight, rtol=side.rtol)
    scale = side.rtol * np.abs(mine.mean).max()
    np.testing.assert_allclose(theirs.mean, mine.mean, rtol=side.rtol, atol=scale)
