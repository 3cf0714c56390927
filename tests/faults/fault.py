"""What a planted fault is, the right answers beside it, and how the comparison judges it."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol
from unittest.mock import patch

import numpy as np

import bayes
import em
from bayes.posterior.tree import posterior_of
from comparisons import compare
from models import (
    Binomial,
    Gaussian,
    Mixture,
    MultivariateGaussian,
    Poisson,
    Prior,
    Sample,
    ordered,
    simulate,
)
from models.family import components
from models.structure import fields_of, from_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from models.structure import Structure, Units

DRAWS, TUNE = 1_000, 500
CHANGED = 0.1  # posterior sds by which an answer has to move before a fault counts
KEPT = 20  # right answers in memory, as many as there are designs
DESCENT = "DescentError"  # EM's loop refuses to go down
REFUSED = "refused"  # a ValueError that says what is wrong with the answer


class Drawn(Protocol):
    """A regular problem, drawn again and again.

    draws: of each chain.
    """

    @property
    def name(self) -> str: ...

    @property
    def truth(self) -> Structure: ...

    @property
    def draws(self) -> int: ...

    def sample(self, seed: int) -> Units: ...

    def judged(self, structures: Structure) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Design:
    """A mixture, drawn again and again.

    trials: least and most flips of a coin.
    step: to which measurements are rounded.
    """

    name: str
    truth: Mixture
    n: int
    trials: tuple[int, int] | None = None
    step: float | None = None
    draws: int = DRAWS

    def sample(self, seed: int) -> Sample:
        """Draw a data set."""
        rng = np.random.default_rng([seed, self.n, len(self.name)])
        flips = None if self.trials is None else rng.integers(*self.trials, self.n, endpoint=True)
        drawn, _ = simulate(self.truth, self.n, rng, flips)
        if self.step is None:
            return drawn
        return Sample((drawn.x / self.step).round() * self.step, counts=drawn.counts)

    def judged(self, structures: Structure) -> np.ndarray:
        """Return what an answer is, (n, numbers): all parameters."""
        return flat(structures)


def flat(structures: Structure) -> np.ndarray:
    """Return all numbers of (n,) structures, (n, numbers)."""
    fields = fields_of(structures).values()
    return np.concatenate([field.reshape(len(field), -1) for field in fields], axis=1)


def one(structure: Structure) -> Structure:
    """Return a structure with a leading axis of length 1."""
    fields = {name: np.asarray(field)[None] for name, field in fields_of(structure).items()}
    return from_fields(type(structure), type(structure.theta), fields)


def two(weight: float, mean: list[float], sd: list[float]) -> Mixture:
    return Mixture(np.array([weight, 1 - weight]), Gaussian(np.array(mean), np.array(sd)))


def clouds() -> Mixture:
    cov = np.array([[[4.0, 1.2], [1.2, 1.0]], [[1.0, -0.9], [-0.9, 3.0]]])
    mean = np.array([[0.0, 0.0], [6.0, 1.0]])
    return Mixture(np.array([0.6, 0.4]), MultivariateGaussian(mean, cov))


HALVES = np.array([0.5, 0.5])
LINE = Design("two Gaussians", two(0.6, [0.0, 9.0], [2.0, 3.0]), 300)
CLOSE = Design("two Gaussians, 3 sd apart", two(0.5, [0.0, 3.0], [1.0, 1.0]), 500)
SMALL = Design("60 of two Gaussians, 8 sd apart", two(0.5, [0.0, 12.0], [1.5, 1.5]), 60)
ROUNDED = Design("two Gaussians, rounded", two(0.6, [0.0, 9.0], [2.0, 3.0]), 500, step=0.5)
FAR = Design("two Gaussians near 1e9", two(0.6, [1e9, 1e9 + 900], [200.0, 300.0]), 300)
THREE = Design(
    "three Gaussians",
    Mixture(np.array([0.4, 0.3, 0.3]), Gaussian(np.array([0.0, 8.0, 16.0]), np.ones(3))),
    300,
)
PLANE = Design("two clouds", clouds(), 300)
COINS = Design(
    "coins", Mixture(np.array([0.4, 0.6]), Binomial(np.array([0.3, 0.6]))), 300, (10, 40)
)
LONG = Design("long coins", Mixture(HALVES, Binomial(np.array([0.42, 0.52]))), 150, (300, 2000))
RATES = Design("rates", Mixture(HALVES, Poisson(np.array([2.0, 9.0]))), 400)
RARE = Design("rare events", Mixture(HALVES, Poisson(np.array([0.5, 9.0]))), 80)
DESIGNS = (LINE, CLOSE, SMALL, ROUNDED, FAR, THREE, PLANE, COINS, LONG, RATES, RARE)


class Answers(NamedTuple):
    """What is handed to the comparison."""

    estimate: em.Fit | Structure
    posterior: xr.DataTree


@dataclass(frozen=True, eq=False)
class Case:
    """A data set with both answers right."""

    design: Drawn
    seed: int
    sample: Units
    fit: em.Fit
    posterior: xr.DataTree

    @property
    def family(self) -> type:
        """Of which the components are."""
        return type(self.design.truth.theta)

    @property
    def k(self) -> int:
        """How many components there are."""
        return components(self.design.truth.theta)

    @property
    def prior(self) -> Prior:
        """Under which the posterior was drawn."""
        return posterior_of(self.posterior).question.prior

    @property
    def draws(self) -> Structure:
        """Of the right posterior, chain after chain."""
        return posterior_of(self.posterior).draws


class Fault(NamedTuple):
    """A slip.

    side: on which it is made, EM or Bayes.
    plant: makes both answers from the right ones, one of them with the slip.
    codes: of the findings that name its cause; any of them will do.
    ours: what patches our own code, while the answers are made and while they are compared.
    beside: what else comes out wrong, where neither parameters nor their errors need to.
    of: the kind of fault, if others have the same cause under another name.
    where: it is planted: in the "quick" tests, the "slow" ones, or for the "table" alone, as tests
        have little time.
    """

    name: str
    side: str
    design: Drawn
    plant: Callable[[Case], Answers]
    codes: frozenset[str]
    ours: Callable[[], AbstractContextManager[object]] = nullcontext
    beside: str = ""
    of: str = ""
    where: str = "quick"

    @property
    def kind(self) -> str:
        """The cause, whoever makes it."""
        name = self.name.removesuffix(", in ours").removesuffix(", in a user's code")
        return self.of or name


def slow(fault: Fault) -> Fault:
    """Leave a fault to the slow tests."""
    return fault._replace(where="slow")


def in_table(fault: Fault) -> Fault:
    """Leave a fault to the table."""
    return fault._replace(where="table")


class Outcome(NamedTuple):
    """What became of a fault on one data set.

    shift: by how many posterior sds the answer moved, inf if none came out.
    standing: codes of the findings that stand in the way of agreement.
    """

    shift: float
    verdict: str
    standing: frozenset[str]

    def counts(self, fault: Fault) -> bool:
        """Whether the fault changed an answer."""
        return bool(fault.beside) or not self.shift <= CHANGED

    def caught(self, fault: Fault) -> bool:
        """Whether its cause is named."""
        return self.verdict != "agree" and bool(self.standing & fault.codes)


@lru_cache(KEPT)
def right(design: Drawn, seed: int) -> Case:
    """Return a data set of a design with both answers right."""
    theta = design.truth.theta
    sample, family, k = design.sample(seed), type(theta), components(theta)
    posterior = drawn(family, sample, k, seed, draws=design.draws)
    return Case(design, seed, sample, em.fit(family, sample, k), posterior)


def drawn(
    family: type,
    sample: Units,
    k: int,
    seed: int,
    prior: Prior | None = None,
    draws: int = DRAWS,
    tune: int = TUNE,
) -> xr.DataTree:
    """Draw from a posterior."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bayes.ChainsWarning)  # a finding says it
        return bayes.sample(
            family, sample, k, prior=prior, draws=draws, tune=tune, seed=seed, progress=False
        )


def outcome(fault: Fault, seed: int) -> Outcome:
    """Plant a fault in a data set and compare."""
    case = right(fault.design, seed)
    try:
        with fault.ours():
            planted = fault.plant(case)
            compared = compare(planted.estimate, planted.posterior)
    except em.DescentError:
        return Outcome(np.inf, "disagree", frozenset({DESCENT}))
    except ValueError:
        if REFUSED not in fault.codes:
            raise
        return Outcome(np.inf, "disagree", frozenset({REFUSED}))
    standing = frozenset(one.code for one in compared.findings if one.stands)
    return Outcome(shift(case, planted), compared.verdict, standing)


def shift(case: Case, planted: Answers) -> float:
    """Return by how many posterior sds estimate, standard errors, posterior means or sds moved."""
    judged, draws = case.design.judged, posterior_of(planted.posterior).draws
    right_draws, given = judged(case.draws), planted.estimate
    sd = right_draws.std(axis=0)
    structure = given.estimate if isinstance(given, em.Fit) else given
    draws = judged(draws)
    moved = [
        (judged(one(ordered(structure))) - judged(one(case.fit.estimate)))[0] / sd,
        (draws.mean(axis=0) - right_draws.mean(axis=0)) / sd,
        (draws.std(axis=0) - sd) / sd,
    ]
    if isinstance(given, em.Fit) and case.fit.told is None:  # else parameters have no errors
        errors = flat(one(case.fit.standard_errors))
        moved.append(((flat(one(given.standard_errors)) - errors) / errors)[0])
    worst = np.abs(np.concatenate(moved))
    return float(worst.max()) if np.isfinite(worst).all() else np.inf


def replaced(
    owner: object, name: str, make: Callable[[Callable], Callable]
) -> Callable[[], AbstractContextManager[object]]:
    """Return what puts a function that is made of the original in its place, for a while."""
    return lambda: patch.object(owner, name, make(getattr(owner, name)))
