"""Slips in EM: patches of the very functions in which they would be made.

Each is a function that returns a context; while it is open our EM has the slip.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from em.binomial import BinomialEmission
from em.climb.search import Climber
from em.climb.steps import Steps
from em.data.standardise import Units
from em.data.threads import Threads
from em.gaussian import GaussianEmission
from em.model import Model
from em.multivariate import MultivariateEmission, _folded
from em.poisson import PoissonEmission
from em.result import Fit
from em.sweep import known_of
from faults.fault import replaced
from models import Gaussian, Mixture
from models.family import first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

type Slip = Callable[[], AbstractContextManager[object]]

sweep, model, loop, search, refine, information, likelihood = (
    import_module(f"em.{name}")
    for name in (
        "sweep",
        "model",
        "climb.loop",
        "climb.search",
        "climb.refine",
        "errors.information",
        "errors.log_likelihood",
    )
)
LEAST = sys.float_info.min


def hard_only(original: Callable) -> Callable:
    """Return an E-step that assigns each row to one component, whatever is asked."""
    return lambda self, shares, log_density, *, hard: original(self, shares, log_density, hard=True)


def over_one(original: Callable) -> Callable:
    """Return an M-step whose shares sum to 1.03."""

    def maximize(self, own, unseen):
        return {name: 1.03 * one for name, one in original(self, own, unseen).items()}

    return maximize


def together(*slips: Slip) -> Slip:
    """Return several patches as one."""

    @contextmanager
    def opened() -> Iterator[None]:
        with ExitStack() as stack:
            for slip in slips:
                stack.enter_context(slip())
            yield

    return opened


unchecked = replaced(loop, "_ascends", lambda original: lambda *arguments: True)
in_numpy = replaced(Steps, "compiles", lambda original: False)  # all steps slip


# the M-step


def _lacks_one(original):
    def maximize(self, sums):
        mean, sd = original(self, sums)
        return Gaussian(mean, sd * np.sqrt(sums[:, 0] / (sums[:, 0] - 1)))

    return maximize


def _variance(original):
    def maximize(self, sums):
        mean, sd = original(self, sums)
        return Gaussian(mean, sd**2)

    return maximize


def _by_components(original):
    def maximize(self, sums):
        equal = np.full(len(sums), sums[:, 0].sum() / len(sums))
        return Gaussian(sums[:, 2] / equal, original(self, sums).sd)

    return maximize


def _tied(original):
    def maximize(self, sums):
        theta = original(self, sums)
        share = sums[:, 0] / sums[:, 0].sum()
        cov = np.broadcast_to(np.einsum("k,kij->ij", share, theta.cov), theta.cov.shape)
        return theta._replace(cov=cov.copy())

    return maximize


def _by_rows(original):
    def maximize(self, statistics):
        found = original(self, statistics)
        rows = self.rows.sample
        return found._replace(weight=found.weight * rows.observations / rows.distinct)

    return maximize


minus_one = replaced(GaussianEmission, "maximize", _lacks_one)
variance_for_sd = replaced(GaussianEmission, "maximize", _variance)
divided_by_components = replaced(GaussianEmission, "maximize", _by_components)
tied = replaced(MultivariateEmission, "maximize", _tied)
as_they_are = [
    replaced(model, "summing_to_one", lambda original: lambda mixture: mixture),
    replaced(search, "summing_to_one", lambda original: lambda mixture: mixture),
]
unnormalised = together(
    replaced(Climber, "joins", lambda original: False),
    replaced(Model, "maximize", _by_rows),
    *as_they_are,
)


# the E-step


def _stale(original):
    last = WeakKeyDictionary()

    def expect(self, mixture):
        value, statistics = original(self, mixture)
        before = last.get(self, statistics)
        if np.isfinite(value):
            last[self] = statistics
        return value, before

    return expect


def _without_counts(known):
    kept = [(block._replace(counts=None), each) for block, each in known.kept]
    return known._replace(kept=kept, totals=np.stack([each.sum(axis=1) for _, each in kept]))


def _uncounted(original):
    def expect(self, mixture):
        value, statistics = original(self, mixture)
        if not np.isfinite(value):
            return value, statistics
        runs = Threads(self.rows).prepare(
            lambda run: _without_counts(known_of(run, self.emission, True))
        )
        return value, original(replace(self, runs=runs), mixture)[1]

    return expect


def _weightless(original):
    def coefficients(emission, log_shares, theta, centre):
        equal = np.full_like(log_shares, -np.log(np.shape(first(theta))[0]))
        return original(emission, equal, theta, centre)

    return coefficients


def _underflowing(original):
    def responsibilities(logits, counts, hard):
        np.exp(logits, out=logits)
        total = logits.sum(axis=0) + LEAST
        logits /= total
        if counts is None:
            return float(np.log(total).sum())
        logits *= counts
        return float(counts @ np.log(total))

    return responsibilities


def _dropped(original):
    def responsibilities(logits, counts, hard):
        value = original(logits, None, hard)
        logits[logits < 0.2] = 0
        if counts is not None:
            logits *= counts
        return value

    return responsibilities


def _one_number(original):
    def statistics(self, x, trials, out):
        original(self, x, np.full_like(trials, trials.max()), out)

    return statistics


def _transposed(original):
    def natural(self, theta):
        half = np.linalg.inv(np.linalg.cholesky(theta.cov))
        precision = half @ half.transpose(0, 2, 1)
        found = original(self, theta)
        pull = np.einsum("kij,kj->ki", precision, theta.mean)
        found[:, 1] = -0.5 * (pull * theta.mean).sum(axis=1)
        return np.hstack([found[:, :2], pull, -0.5 * _folded(precision)])

    return natural


def _single(original):
    def rows(self, x):
        return original(self, x.astype(np.float32).astype(np.float64))

    return rows


def _rateless(original):
    def natural(self, theta):
        found = original(self, theta)
        found[:, 0] = 0
        return found

    return natural


alone = replaced(Climber, "joins", lambda original: False)  # a slip in the loop of one climb
always_from_maximum = replaced(sweep, "_relative", lambda original: lambda *arguments: None)
stale = replaced(Model, "expect", _stale)
uncounted = replaced(Model, "expect", _uncounted)
weightless = together(
    alone, *(replaced(owner, "coefficients", _weightless) for owner in (model, likelihood))
)
softmax = partial(replaced, sweep, "responsibilities")
underflowing = together(alone, always_from_maximum, softmax(_underflowing))
dropped = together(alone, always_from_maximum, softmax(_dropped))
coefficientless = replaced(
    BinomialEmission, "base", lambda original: lambda self, x, trials: np.zeros(len(x))
)
one_number_of_flips = replaced(BinomialEmission, "statistics", _one_number)
transposed = replaced(MultivariateEmission, "natural", _transposed)
single_precision = replaced(Units, "rows", _single)
rateless = replaced(PoissonEmission, "natural", _rateless)


# the loop, and what comes after it


def early(n: int) -> Slip:
    """Stop where the mean log-likelihood of n observations gains less than scikit-learn asks."""

    def rest(trace):
        return 0.0 if trace[-1] - trace[-2] < 1e-3 * n else np.inf

    return replaced(loop, "_rest", lambda original: rest)


def _lowest(original):
    def rank(end, hard):
        spike, empty, height = original(end, hard)
        return spike, empty, -height

    return rank


def _swapped(original):
    def in_order(model, mixture):
        found = original(model, mixture)
        return Mixture(found.weight[::-1].copy(), found.theta)

    return in_order


def _other_rows(original):
    return lambda self, data: original(self, data)[::-1]


def _unscaled(original):
    def density(self, x, trials=None):
        return original(self, x, trials) + self.units.log_volume

    return density


def _all_known(original):
    def louis(model, parameters, shares, *rest):
        found = original(model, parameters, shares, *rest)
        return found._replace(observed=found.complete)

    return louis


def _halved(original):
    def louis(model, parameters, shares, *rest):
        found = original(model, parameters, shares, *rest)
        return found._replace(observed=found.observed / 2, complete=found.complete / 2)

    return louis


lowest_wins = replaced(search, "_rank", _lowest)
swapped = together(replaced(search, "in_order", _swapped), replaced(refine, "in_order", _swapped))
other_rows = replaced(Fit, "members", _other_rows)
unscaled_density = replaced(Fit, "log_density", _unscaled)
labels_known = replaced(information, "louis", _all_known)
halved_information = replaced(information, "louis", _halved)
