"""Slips on Bayes' side: other data, priors or densities behind a posterior that says nothing of it.

A user's slip is in draws that `bayes.adopt` takes for those of the right question. One of ours is a
patch, while the posterior is drawn and while the answers are compared.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

import bayes
from bayes.binomial import BinomialComponent
from bayes.model import assemble
from bayes.posterior.tree import drawn as laid
from bayes.posterior.tree import posterior_of
from bayes.sampling.compiled import Engine, engine_of
from faults.em_slips import together
from faults.fault import RARE, Case, drawn, replaced
from models import Mixture
from models.family import rebuilt
from models.question import asked
from models.structure import axes_of, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from faults.em_slips import Slip
    from models import Prior, Sample
    from models.arrays import Array
    from models.structure import Structure, Units

STEPS = 40  # of Metropolis' algorithm, several times as many as it takes to forget

compiled, sampler, target = (
    import_module(f"bayes.{name}")
    for name in ("sampling.compiled", "sampling.nuts", "posterior.stein")
)


def adopted(
    case: Case,
    mixture: Mixture,
    chains: int = 4,
    prior: Prior | None = None,
    *,
    prior_known: bool = True,
) -> xr.DataTree:
    """Hand in draws (n, K, ...), chain after chain, as those of the right question."""
    draws = laid(mixture, (chains, len(mixture.weight) // chains))
    told = prior or case.prior if prior_known else None
    return bayes.adopt(case.family, case.sample, draws, prior=told)


def instead(case: Case, sample: Sample | None = None, prior: Prior | None = None) -> xr.DataTree:
    """Hand in the draws of other data, or under another prior."""
    data = case.sample if sample is None else sample
    return adopted(case, posterior_of(drawn(case.family, data, case.k, case.seed, prior)).draws)


def renamed(case: Case, **fields: Array) -> xr.DataTree:
    """Hand in the right draws with some fields of theta replaced."""
    weight, theta = case.draws
    return adopted(case, Mixture(weight, theta._replace(**fields)))


def changed(mixture: Mixture, change: Callable[[Array], Array]) -> Mixture:
    """Return draws with each field changed; shares sum to one again."""
    weight, *fields = [change(one) for one in (mixture.weight, *mixture.theta)]
    weight = weight / weight.sum(axis=1, keepdims=True)
    return Mixture(weight, rebuilt(type(mixture.theta), fields))


# in ours


def _recounted(change: Callable[[Array], Array]) -> Slip:
    def make(original):
        def data(question, sample=None):
            found = original(question, sample)
            return found | {"counts": change(found["counts"])}

        return data

    return replaced(compiled, "data_of", make)


def _under(**record: float) -> Slip:
    def make(original):
        def data(question, sample=None):
            changed = {name: np.array(one) for name, one in record.items()}
            return original(question, sample) | changed

        return data

    return replaced(compiled, "data_of", make)


def _cut(original):
    def rows(self, sample):
        found, most = original(self, sample), 25.0
        heads, flips = (np.minimum(found[name], most) for name in ("x", "trials"))
        return found | {"x": heads, "trials": flips}

    return rows


def _shuffled(original):
    def rows(self, sample):
        found = original(self, sample)
        heads = np.random.default_rng(0).permutation(found["x"])
        return found | {"x": np.minimum(heads, found["trials"])}

    return rows


def _off_simplex(original):
    def structures(self, question, positions):
        found = original(self, question, positions)
        return found._replace(weight=found.weight * 1.03)

    return structures


twice = _recounted(lambda counts: 2 * counts)
uncounted = _recounted(np.ones_like)
tempered = _recounted(lambda counts: counts / 2)
narrow_prior = _under(prior_heads=147.0, prior_tails=147.0)
many_degrees = _under(prior_degrees=30.0)
cut_trials = replaced(BinomialComponent, "rows", _cut)
shuffled_heads = replaced(BinomialComponent, "rows", _shuffled)
off_simplex = replaced(Engine, "structures", _off_simplex)


@cache
def _jacobianless(family: type) -> Engine:
    """Return a family's engine with a log density that lacks the log Jacobians."""
    question = asked(family, RARE.sample(0), 2)
    model = assemble(question).model
    model.logp = partial(model.logp, jacobian=False)
    return replace(engine_of(question), model=model)


def _without_jacobian(original):
    return lambda question: _jacobianless(question.family)


jacobian_in_sampler = replaced(sampler, "engine_of", _without_jacobian)
jacobian_everywhere = together(
    jacobian_in_sampler, replaced(target, "engine_of", _without_jacobian)
)


# of any structure


def posterior_as(
    case: Case,
    data: Units | None = None,
    prior: Prior | None = None,
    *,
    given: Structure | None = None,
    fields: Mapping[str, Array] | None = None,
) -> xr.DataTree:
    """Hand in draws as those of the right question: of other data, under another prior, or any.

    given: structures with a leading axis. fields: of such structures, by name.
    """
    if fields is None:
        if given is None:
            asked_of = case.sample if data is None else data
            found = drawn(case.family, asked_of, case.k, case.seed, prior, draws=case.design.draws)
            given = posterior_of(found).draws
        fields = fields_of(given)
    every = axes_of(type(case.draws), case.family)
    n = len(next(iter(fields.values())))
    variables = {
        name: (("chain", "draw", *every[name]), field.reshape(4, n // 4, *field.shape[1:]))
        for name, field in fields.items()
    }
    return bayes.adopt(case.family, case.sample, xr.Dataset(variables), prior=case.prior)


def tempered_towards(case: Case, power: float) -> xr.DataTree:
    """Hand in draws of a density with the likelihood to some power, by Metropolis' algorithm.

    Each right draw begins a chain of its own, whose last position is the draw.
    """
    question = posterior_of(case.posterior).question
    engine = engine_of(question)
    rng, here = np.random.default_rng(case.seed), engine.pack(question, case.draws)
    n, p = here.shape
    root = np.linalg.cholesky(np.cov(here.T)) * 2.4 / np.sqrt(p * power)

    def height(positions: Array) -> Array:
        whole = engine.explored(question, positions)
        return whole - (1 - power) * engine.log_likelihoods(question, positions)

    high = height(here)
    for _ in range(STEPS):
        there = here + rng.normal(size=(n, p)) @ root.T
        new = height(there)
        moves = np.log(rng.random(n)) < new - high  # NaN is no number to move to
        here, high = np.where(moves[:, None], there, here), np.where(moves, new, high)
    return posterior_as(case, given=engine.structures(question, here))
