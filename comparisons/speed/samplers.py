"""Those who draw from the posterior of Gaussians: ours, and the peers that are found.

All have the same prior. The peers hold the means in order, as their manuals advise, and start them
at quantiles; ours starts where `bayes.sample` does, and is put in order afterwards.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pymc as pm
from pymc.distributions import transforms

from bayes import sample
from comparisons.speed import r
from comparisons.speed.records import timed
from em.data.threads import available
from models import Gaussian, Mixture, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import xarray as xr
    from numpy.typing import NDArray

    from models.arrays import Array
    from models.structure import Structure

__all__ = ["CHAINS", "NUMPYRO", "OURS", "PYMC", "STAN", "Drawn", "Sampler", "gaussians", "stock"]

CHAINS = 4
COMPILING = {"StanHeaders", "BH", "RcppEigen"}  # headers without which rstan is there in vain
HERE = Path(__file__).parent


class Drawn(NamedTuple):
    """What one side drew.

    mixture: each field (chains * draws, K), chain after chain; or another structure.
    diverging: (chains, draws).
    seconds: of tuning and sampling; neither compilation nor imports.

    >>> mixture = Mixture(np.full((8, 2), 0.5), Gaussian(np.zeros((8, 2)), np.ones((8, 2))))
    >>> Drawn(mixture, np.zeros((4, 2), bool), seconds=1.5).diverging.shape
    (4, 2)
    """

    mixture: Structure
    diverging: NDArray[np.bool_]
    seconds: float


class Sampler(NamedTuple):
    """One who draws from the posterior.

    draw: from a sample, how many components, how many draws a chain (as many tune), and the seed.
    slow: whether it is left out of a quick run.

    >>> [side.name for side in (OURS, PYMC, NUMPYRO, STAN) if side.slow]
    ['Stan (rstan)']
    """

    name: str
    brought: str
    found: Callable[[], bool]
    draw: Callable[[Any, int, int, int], Drawn]
    slow: bool = False


def quantiles(x: Array, k: int) -> Array:
    """Return where the peers' means start, (k,).

    >>> quantiles(np.arange(5.0), 2)
    array([1., 3.])
    """
    return np.quantile(x, (np.arange(k) + 0.5) / k)


def gaussians(posterior: xr.Dataset) -> Mixture[Gaussian]:
    """Return every draw's mixture where weight, mean and sd were stored.

    >>> import xarray as xr
    >>> field = xr.DataArray(np.ones((4, 500, 2)), dims=("chain", "draw", "component"))
    >>> gaussians(xr.Dataset({"weight": field / 2, "mean": field, "sd": field})).weight.shape
    (2000, 2)
    """
    weight, mean, sd = (
        posterior[name].to_numpy().reshape(-1, posterior.sizes["component"])
        for name in ("weight", "mean", "sd")
    )
    return Mixture(weight, Gaussian(mean, sd))


def ours(x: Sample, k: int, draws: int, seed: int) -> Drawn:
    """Draw by `bayes.sample`."""
    tree = sample(Gaussian, x, k, draws=draws, tune=draws, chains=CHAINS, seed=seed, progress=False)
    return _of(tree, tree.attrs["sampling_seconds"])


def stock(x: Sample, k: int) -> pm.Model:
    """Return the model of k Gaussians that one writes in PyMC, a row for every observation.

    Its prior is ours, so that both draw from the same posterior, theirs with the means in order.

    >>> [variable.name for variable in stock(Sample([160.0, 165.0, 175.0, 180.0]), 2).free_RVs]
    ['weight', 'variance', 'mean']
    """
    rows, prior = x.expand(x.x), Gaussian.weak_prior(x, k)
    with pm.Model(coords={"component": range(k)}) as model:
        weight = pm.Dirichlet("weight", np.ones(k), dims="component")
        variance = pm.InverseGamma(
            "variance", prior.degrees / 2, prior.squares / 2, dims="component"
        )
        sd = pm.Deterministic("sd", pm.math.sqrt(variance), dims="component")
        mean = pm.Normal(
            "mean",
            prior.mean,
            sd / np.sqrt(prior.n),
            transform=transforms.ordered,
            initval=quantiles(rows, k),
            dims="component",
        )
        pm.NormalMixture("x", weight, mean, sd, observed=rows)
    return model


def pymc(x: Sample, k: int, draws: int, seed: int) -> Drawn:
    """Draw by `pm.sample` as it comes."""
    with stock(x, k):
        tree = pm.sample(
            draws, tune=draws, chains=CHAINS, random_seed=seed, progressbar=False, quiet=True
        )
    return _of(tree, tree["posterior"].attrs["sampling_time"])


def _of(tree: xr.DataTree, took: float) -> Drawn:
    diverging = tree["sample_stats"]["diverging"].to_numpy()
    return Drawn(gaussians(tree["posterior"].to_dataset()), diverging, took)


def numpyro(x: Sample, k: int, draws: int, seed: int) -> Drawn:
    """Draw by NumPyro's NUTS in double precision, its chains side by side."""
    chain = _numpyro_chain(k, draws)
    import jax

    rows, prior = x.expand(x.x), Gaussian.weak_prior(x, k)
    given = (rows, quantiles(rows, k), prior.mean, prior.n, prior.squares, prior.degrees)
    keys = jax.random.split(jax.random.PRNGKey(seed), CHAINS)

    def work() -> Sequence[object]:
        drawn: Sequence[object] = jax.block_until_ready(chain(keys, *given))
        return drawn

    if len(rows) not in _numpyro_compiled(k, draws):
        work()  # compiles for this number of rows
        _numpyro_compiled(k, draws).add(len(rows))
    found, took = timed(work)
    weight, mean, sd, diverging = map(np.asarray, found)
    fields = [field.reshape(-1, k) for field in (weight, mean, sd)]
    return Drawn(Mixture(fields[0], Gaussian(fields[1], fields[2])), diverging > 0, took)


@cache
def _numpyro_compiled(k: int, draws: int) -> set[int]:
    """Return the numbers of rows for which there is machine code."""
    return set()


@cache
def _numpyro_chain(k: int, draws: int) -> Callable[..., object]:
    """Return what draws a chain for each of CHAINS keys: weight, mean, sd and divergences."""
    import numpyro as npr

    npr.set_host_device_count(CHAINS)  # before JAX looks for devices
    npr.enable_x64()
    import jax
    import jax.numpy as jnp
    import numpyro.distributions as dist
    from numpyro.infer import MCMC, NUTS, init_to_value

    def model(x: Array, mean: float, n: float, squares: float, degrees: float) -> None:
        weight = npr.sample("weight", dist.Dirichlet(jnp.ones(k)))
        half = jnp.full(k, degrees / 2)
        variance = npr.sample("variance", dist.InverseGamma(half, squares / 2))
        sd = npr.deterministic("sd", jnp.sqrt(variance))
        order = dist.constraints.ordered_vector
        centre = npr.sample("mean", dist.ImproperUniform(order, (), (k,)))
        npr.factor("prior", dist.Normal(mean, sd / jnp.sqrt(n)).log_prob(centre).sum())
        groups = dist.MixtureSameFamily(dist.Categorical(weight), dist.Normal(centre, sd))
        npr.sample("x", groups, obs=x)

    def chain(key: object, x: Array, start: Array, *prior: float) -> tuple[object, ...]:
        kernel = NUTS(model, init_strategy=init_to_value(values={"mean": start}))
        run = MCMC(kernel, num_warmup=draws, num_samples=draws, progress_bar=False)
        run.run(key, x, *prior)
        drawn = run.get_samples()
        return drawn["weight"], drawn["mean"], drawn["sd"], run.get_extra_fields()["diverging"]

    drawn: Callable[..., object] = jax.pmap(chain, in_axes=(0, *[None] * 6))
    return drawn


def stan(x: Sample, k: int, draws: int, seed: int) -> Drawn:
    """Draw by rstan; its seconds are Stan's own, its chains spread evenly over the processors."""
    rows, prior = x.expand(x.x), Gaussian.weak_prior(x, k)
    cores = min(CHAINS, available())
    sizes = [len(rows), k, CHAINS, draws, draws, cores, seed]
    with TemporaryDirectory() as folder:
        given, answer = Path(folder) / "given", Path(folder) / "answer"
        numbers = [prior.mean, prior.n, prior.squares, prior.degrees]
        np.concatenate([rows, numbers, quantiles(rows, k)]).tofile(given)
        files = [str(_stan_code()), str(given), str(answer)]
        r.ran(str(HERE / "stan.R"), "draw", *files, *map(str, sizes))
        values = np.fromfile(answer)
    cuts = CHAINS + np.cumsum([0, CHAINS * draws, *[CHAINS * draws * k] * 2])
    took, diverging, *fields = np.split(values, cuts)
    weight, mean, sd = (field.reshape(-1, k) for field in fields)
    return Drawn(
        Mixture(weight, Gaussian(mean, sd)),
        diverging.reshape(CHAINS, draws) > 0,
        float(took.sum()) / cores,
    )


@cache
def _stan_folder() -> TemporaryDirectory[str]:
    """Return the folder of machine code, which goes when this process does."""
    return TemporaryDirectory()


@cache
def _stan_code() -> Path:
    """Compile the model, once a process, and return the file."""
    code = Path(_stan_folder().name) / "compiled.rds"
    r.ran(str(HERE / "stan.R"), "compile", os.fspath(HERE / "mixture.stan"), str(code))
    return code


OURS = Sampler("ours", "", lambda: True, ours)
PYMC = Sampler("stock PyMC", "", lambda: True, pymc)
NUMPYRO = Sampler(
    "NumPyro", "uv sync --group speed", lambda: find_spec("numpyro") is not None, numpyro
)
STAN = Sampler(
    "Stan (rstan)",
    'R, a C++ compiler, and in R install.packages("rstan")',
    lambda: r.packages().keys() >= {"rstan", *COMPILING},
    stan,
    slow=True,
)
