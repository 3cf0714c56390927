"""A conjugate prior, written as observations not seen; EM and MCMC read the same object."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.checks import number
from models.refusal import Refusal
from models.structure import free, uniform, with_shares

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from models.family import ConjugatePrior, Theta
    from models.observations import Observations
    from models.structure import Structure

__all__ = ["Prior", "checked_prior", "draw_prior"]


class Prior(NamedTuple):
    """A conjugate prior, written as observations not seen.

    weight: number of them in every component: every simplex of shares is Dirichlet(1 + weight).
    theta: the family's own record, the same for every component.

    >>> from models import PoissonPrior
    >>> Prior(weight=1.0, theta=PoissonPrior(events=2.0, exposure=0.5)).theta.exposure
    0.5
    """

    weight: float
    theta: ConjugatePrior


def checked_prior(prior: Prior, record: type, sample: Observations) -> Prior:
    """Return the prior as floats, or raise Refusal that names the bad field.

    record: the conjugate record that the family takes.

    >>> from models import PoissonPrior, Sample
    >>> checked_prior(Prior(-1, PoissonPrior(2, 1)), PoissonPrior, Sample([0, 3]))
    Traceback (most recent call last):
    models.refusal.Refusal: prior: weight is -1; give a number from 0 up
    """
    if not isinstance(prior, Prior) or not isinstance(prior.theta, record):
        bare = not isinstance(prior, Prior)
        what, found = ("prior", prior) if bare else ("theta of the prior", prior.theta)
        raise Refusal(
            f"{what} is a {type(found).__name__}; give Prior(weight, {record.__name__}(...))"
        )
    weight = number("prior: weight", prior.weight)
    if weight < 0:
        raise Refusal(f"prior: weight is {weight:g}; give a number from 0 up")
    return Prior(weight, prior.theta.checked(sample))


def draw_prior[S: Structure](
    kind: type[S],
    family: type[Theta],
    prior: Prior,
    k: int,
    n: int,
    rng: np.random.Generator,
    *,
    sizes: Mapping[str, int],
    held: Collection[str] = (),
) -> S:
    """Draw n structures of k components from a prior, each field (n, ...).

    sizes: the lengths of the axes of shares that are not of components.
    held: the shares that are fixed at 1 / K.

    >>> from models import Mixture, Poisson, PoissonPrior
    >>> prior, rng = Prior(0.0, PoissonPrior(0.0, 0.5)), np.random.default_rng(1)
    >>> draw_prior(Mixture, Poisson, prior, 2, 1_000, rng, sizes={}).weight.shape
    (1000, 2)
    """
    shares = {
        name: np.repeat(field[None], n, axis=0) for name, field in uniform(kind, k, sizes).items()
    }
    for name in free(kind, held):
        shares[name] = rng.dirichlet(np.full(k, 1 + prior.weight), shares[name].shape[:-1])
    return with_shares(kind, shares, family.draw_prior(prior.theta, (n, k), rng))
