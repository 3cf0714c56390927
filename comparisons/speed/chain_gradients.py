"""Value and gradient of a chain's log-likelihood: by our operation, by PyTensor's scan, by JAX."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from bayes.path_sums import value_and_slopes
from comparisons.speed.records import Goal, Race, faster, seconds
from comparisons.speed.samplers import CHAINS

if TYPE_CHECKING:
    from collections.abc import Callable

    from comparisons.speed.records import Say, Scale
    from models.arrays import Array

    type Gradient = Callable[[Array, Array, Array], object]

__all__ = ["by_jax", "by_scan", "gradients", "ours"]

K = 2
LENGTHS = (1_000, 10_000)
CALLS = 40  # in one timing
SHORT, FEW = (100, 1_000), 2  # the same of a quick run


def gradients(scale: Scale, say: Say) -> list[Race]:
    """Take turns at the same parameters and densities; all must give the same."""
    say("chains: compiling PyTensor's scan")
    sides: dict[str, tuple[Gradient | None, Goal]] = {
        "PyTensor's scan, numba": (
            by_scan("NUMBA" if scale.thorough else "FAST_COMPILE"),
            Goal(15),
        ),
        "JAX's lax.scan": (by_jax() if find_spec("jax") else None, Goal(2)),
    }
    rng, races = np.random.default_rng(0), []
    lengths, calls = (LENGTHS, CALLS) if scale.thorough else (SHORT, FEW)
    for n in lengths:
        given = problem(n, rng)
        work = f"value and gradient of a chain's log-likelihood, T = {n:,}, K = {K}"
        for name, (theirs, goal) in sides.items():
            say(f"{work}: {name}")
            if theirs is None:
                races.append(faster(work, name, [], goal))
                continue
            check(theirs, given)
            taken = [
                (each(ours, given, calls), each(theirs, given, calls)) for _ in range(scale.rounds)
            ]
            races.append(faster(work, name, taken, goal))
    return races


def problem(n: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return initial (K,), transition (K, K) and log densities (K, n)."""
    moves = 0.9 * np.eye(K) + 0.1 / K
    return np.full(K, 1 / K), moves, rng.normal(-1.0, 1.0, (K, n))


def each(side: Gradient, given: tuple[Array, Array, Array], calls: int) -> float:
    """Return the seconds of one call."""

    def work() -> None:
        for _ in range(calls):
            side(*given)

    return seconds(work) / calls


def check(side: Gradient, given: tuple[Array, Array, Array]) -> None:
    """Raise AssertionError unless a side gives the value and the gradients that ours gives."""
    found: Any = side(*given)
    for theirs, mine in zip(found, ours(*given), strict=True):
        np.testing.assert_allclose(np.asarray(theirs), np.asarray(mine), rtol=1e-8, atol=1e-10)


def ours(initial: Array, transition: Array, density: Array) -> tuple[Array, ...]:
    """Return value and gradients by our operation.

    >>> ours(*problem(50, np.random.default_rng(0)))[1].shape
    (2,)
    """
    n = density.shape[1]
    value, *slopes, roots = value_and_slopes(
        initial, transition, density, np.arange(n), np.array([n])
    )
    return np.asarray(value), *slopes, roots**2


def by_scan(mode: str) -> Gradient:
    """Return PyTensor's loop with its own derivatives, in logarithms as one writes it.

    >>> check(by_scan("FAST_COMPILE"), problem(20, np.random.default_rng(0)))
    """
    initial, transition, density = pt.vector("i"), pt.matrix("t"), pt.matrix("d")

    def step(here: Any, before: Any, log_moves: Any) -> Any:
        return here + pt.logsumexp(before[:, None] + log_moves, axis=0)

    ahead = pytensor.scan(
        step,
        sequences=[density.T[1:]],
        outputs_info=[pt.log(initial) + density[:, 0]],
        non_sequences=[pt.log(transition)],
        return_updates=False,
    )
    value = pt.logsumexp(ahead[-1])
    slopes: Any = pt.grad(value, [initial, transition, density])
    found: Gradient = pytensor.function(
        [initial, transition, density], [value, *slopes], mode=mode, trust_input=True
    )
    return found


@cache
def by_jax() -> Gradient:
    """Return JAX's loop in double precision, compiled.

    >>> check(by_jax(), problem(20, np.random.default_rng(0)))
    """
    if find_spec("numpyro"):  # which needs its devices before JAX looks for some
        import numpyro

        numpyro.set_host_device_count(CHAINS)
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import logsumexp

    jax.config.update("jax_enable_x64", True)

    def height(initial: Any, transition: Any, density: Any) -> Any:
        moves = jnp.log(transition)

        def step(before: Any, here: Any) -> Any:
            return here + logsumexp(before[:, None] + moves, axis=0), None

        last, _ = jax.lax.scan(step, jnp.log(initial) + density[:, 0], density.T[1:])
        return logsumexp(last)

    both = jax.jit(jax.value_and_grad(height, argnums=(0, 1, 2)))

    def called(*given: Array) -> object:
        value, slopes = both(*given)
        return jax.block_until_ready((value, *slopes))

    return called
