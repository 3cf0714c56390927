"""How much the posterior changes with its prior and its likelihood, by power-scaling."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import arviz_stats as az
import numpy as np
import xarray as xr

import em
from models.structure import picked

if TYPE_CHECKING:
    from bayes.posterior.tree import Posterior
    from models.arrays import Array
    from models.structure import Parameter

__all__ = ["Sensitivity", "power_scaled", "sensitivity_of"]

FLAT = 1e-9  # nats by which a log density may differ from a constant


class Sensitivity(NamedTuple):
    """Sensitivities of the table's rows, in its order; NaN for a parameter that was not sampled.

    prior: (rows,) how far the posterior moves as the prior is raised to a power near 1.
    likelihood: (rows,) as the likelihood is.
    noise: the largest sensitivity to the prior of draws in random order, which are sensitive to
        nothing. With very many parameters the weights differ much, and so by chance do the results.

    >>> Sensitivity(np.array([0.01]), np.array([0.2]), 0.01).prior
    array([0.01])
    """

    prior: Array
    likelihood: Array
    noise: float


def sensitivity_of(posterior: Posterior, rows: list[Parameter]) -> Sensitivity:
    """Return the sensitivities of a posterior whose prior is known, from its aligned draws.

    rows: the parameters.

    >>> from bayes.posterior.tree import posterior_of
    >>> from models.structure import parameters
    >>> kept = posterior_of(posterior)
    >>> found = sensitivity_of(kept, parameters(fit.estimate))
    >>> bool((found.prior < found.likelihood).all())
    True
    """
    question, prior = posterior.question, posterior.prior
    assert prior is not None
    log_prior = em.log_prior(prior, posterior.draws, question.held)
    draws = np.array([picked(posterior.draws, row) for row in rows])
    return power_scaled(draws, posterior.heights, log_prior, posterior.sizes)


def power_scaled(
    draws: Array, log_likelihood: Array, log_prior: Array, sizes: tuple[int, int]
) -> Sensitivity:
    """Return the sensitivities of Kallioinen et al. (2024, Stat. Comput. 34, 57).

    The posterior under prior^a, or likelihood^a, has weights prior^(a - 1) of the draws, smoothed
    as Pareto's. The sensitivity is the derivative by log2 a of the cumulative Jensen-Shannon
    distance from the posterior, at a = 1. ArviZ sums a group `log_likelihood` over its lines. Not
    every posterior has one, so the sums over all observations are given instead.

    draws: (rows, n) parameters; log_likelihood, log_prior: (n,) of all observations.
    sizes: (chains, draws).

    >>> z = np.random.default_rng(1).normal(size=4_000)
    >>> found = power_scaled(z[None], -0.5 * z**2, np.zeros(4_000), (4, 1_000))
    >>> found.prior.round(2), bool(found.likelihood > 0.05)
    (array([0.]), True)
    """
    moving = np.ptp(draws, axis=1) > 0
    shuffled = np.random.default_rng(0).permutation(draws[moving].T)
    where = ("chain", "draw")
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(
                {
                    "moved": ((*where, "parameter"), draws[moving].T.reshape(*sizes, -1)),
                    "shuffled": ((*where, "parameter"), shuffled.reshape(*sizes, -1)),
                }
            ),
            "log_likelihood": xr.Dataset({"all": (where, log_likelihood.reshape(sizes))}),
            "log_prior": xr.Dataset({"all": (where, log_prior.reshape(sizes))}),
        }
    )
    prior, likelihood = np.full((2, len(draws)), np.nan)
    if not moving.any():
        return Sensitivity(prior, likelihood, np.nan)
    prior[moving], noise = _scaled(tree, "prior", log_prior)
    likelihood[moving], _ = _scaled(tree, "likelihood", log_likelihood)
    return Sensitivity(prior, likelihood, float(np.max(noise)))


def _scaled(tree: xr.DataTree, group: str, log_density: Array) -> tuple[Array, Array]:
    """Return the sensitivities of the parameters, and those of shuffled draws."""
    rows = tree["posterior"].sizes["parameter"]
    if np.ptp(log_density) < FLAT:  # ArviZ can fit no tail to equal weights
        return np.zeros(rows), np.zeros(rows)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about the number of draws in the tails
        try:
            found = az.psense(tree, group=group)
        except ValueError:  # the weights in a tail are equal: copied draws
            return np.full(rows, np.nan), np.full(rows, np.nan)
    return found["moved"].to_numpy(), found["shuffled"].to_numpy()
