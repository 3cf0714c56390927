"""Those who draw from the posterior of a Poisson chain with equal initial probabilities."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes import sample
from bayes.posterior.tree import posterior_of
from comparisons.speed.records import timed
from comparisons.speed.samplers import CHAINS, Drawn, Sampler, quantiles
from models import Poisson, Sequences
from models.hidden_markov import UniformHiddenMarkov, walked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


__all__ = ["NUMPYRO_CHAIN", "OUR_CHAIN", "moods"]

MOVES = np.array([[0.95, 0.05], [0.1, 0.9]])
RATES = np.array([15.0, 26.0])


def moods(n: int, rng: np.random.Generator) -> Sequences:
    """Draw n counts from a chain of two states.

    >>> moods(50, np.random.default_rng(0))
    Sequences(50 rows in 1 sequence, 25 distinct)
    """
    path = walked(np.full(2, 0.5), MOVES, np.array([n]), rng)
    return Sequences(rng.poisson(RATES[path]), initial="uniform")


def ours(data: Sequences, k: int, draws: int, seed: int) -> Drawn:
    """Draw by `bayes.sample`."""
    tree = sample(
        Poisson, data, k, draws=draws, tune=draws, chains=CHAINS, seed=seed, progress=False
    )
    diverging = tree["sample_stats"]["diverging"].to_numpy()
    return Drawn(posterior_of(tree).draws, diverging, tree.attrs["sampling_seconds"])


def numpyro(data: Sequences, k: int, draws: int, seed: int) -> Drawn:
    """Draw by NumPyro's NUTS in double precision, paths summed out by a scan."""
    chain = _numpyro_chain(k, draws)
    import jax

    x = data.sample.x[data.unit_rows]
    prior = Poisson.weak_prior(data.sample, k)
    given = (x, quantiles(x, k), prior.events, prior.exposure)
    keys = jax.random.split(jax.random.PRNGKey(seed), CHAINS)

    def work() -> Sequence[object]:
        drawn: Sequence[object] = jax.block_until_ready(chain(keys, *given))
        return drawn

    if len(x) not in _compiled(k, draws):
        work()  # compiles for this number of rows
        _compiled(k, draws).add(len(x))
    found, took = timed(work)
    moves, rate, diverging = map(np.asarray, found)
    drawn = UniformHiddenMarkov(moves.reshape(-1, k, k), Poisson(rate.reshape(-1, k)))
    return Drawn(drawn, diverging > 0, took)


@cache
def _compiled(k: int, draws: int) -> set[int]:
    """Return the numbers of rows for which there is machine code."""
    return set()


@cache
def _numpyro_chain(k: int, draws: int) -> Callable[..., object]:
    """Return what draws a chain for each of CHAINS keys: transition, rate and divergences."""
    import numpyro as npr

    npr.set_host_device_count(CHAINS)  # before JAX looks for devices
    npr.enable_x64()
    import jax
    import jax.numpy as jnp
    import numpyro.distributions as dist
    from jax.scipy.special import logsumexp
    from numpyro.infer import MCMC, NUTS, init_to_value

    def model(x: Any, events: float, exposure: float) -> None:
        moves = npr.sample("transition", dist.Dirichlet(jnp.ones((k, k))).to_event(1))
        order = dist.constraints.positive_ordered_vector
        rate = npr.sample("rate", dist.ImproperUniform(order, (), (k,)))
        npr.factor("prior", dist.Gamma(events + 1, exposure).log_prob(rate).sum())
        density = dist.Poisson(rate).log_prob(x[:, None])
        log_moves = jnp.log(moves)

        def step(before: Any, here: Any) -> Any:
            return here + logsumexp(before[:, None] + log_moves, axis=0), None

        last, _ = jax.lax.scan(step, density[0] - jnp.log(k), density[1:])
        npr.factor("x", logsumexp(last))

    def chain(key: object, x: Any, start: Any, *prior: float) -> tuple[object, ...]:
        kernel = NUTS(model, init_strategy=init_to_value(values={"rate": start}))
        run = MCMC(kernel, num_warmup=draws, num_samples=draws, progress_bar=False)
        run.run(key, x, *prior)
        drawn = run.get_samples()
        return drawn["transition"], drawn["rate"], run.get_extra_fields()["diverging"]

    drawn: Callable[..., object] = jax.pmap(chain, in_axes=(0, *[None] * 4))
    return drawn


OUR_CHAIN = Sampler("ours", "", lambda: True, ours)
NUMPYRO_CHAIN = Sampler(
    "NumPyro", "uv sync --group speed", lambda: find_spec("numpyro") is not None, numpyro
)
