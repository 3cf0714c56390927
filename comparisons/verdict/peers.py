"""Other programs' fitted models, recognised by their attributes: the registry of such programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeGuard, cast

import numpy as np

from models import Gaussian, Mixture, MultivariateGaussian
from models.refusal import Refusal

if TYPE_CHECKING:
    from models.arrays import Array
    from models.family import Theta
    from models.structure import Structure

__all__ = ["family_of_peer", "from_peer", "is_peer", "refuse_unfitted", "source_of_peer"]

FITTED = ("weights_", "means_", "covariances_", "covariance_type", "converged_", "n_iter_")
FORMS = {"full": "full", "tied": "tied", "diag": "diagonal", "spherical": "spherical"}
"""scikit-learn's names of covariances, and ours."""


class Peer(Protocol):
    """A fitted GaussianMixture of scikit-learn."""

    weights_: Array
    means_: Array
    covariances_: Array
    covariance_type: str
    converged_: bool


def is_peer(given: object) -> TypeGuard[Peer]:
    """Return whether it is a fitted GaussianMixture, without importing scikit-learn.

    >>> from sklearn.mixture import GaussianMixture
    >>> peer = GaussianMixture(1).fit([[1.0], [3.0]])
    >>> is_peer(peer), is_peer(GaussianMixture(1))
    (True, False)
    """
    return all(hasattr(given, name) for name in FITTED)


def refuse_unfitted(given: object) -> None:
    """Refuse a GaussianMixture that has not been fitted.

    >>> from sklearn.mixture import GaussianMixture
    >>> refuse_unfitted(GaussianMixture(1))
    Traceback (most recent call last):
    models.refusal.Refusal: the GaussianMixture is not fitted; call its fit(x) first
    """
    if hasattr(given, "covariance_type") and hasattr(given, "n_components"):
        raise Refusal(f"the {type(given).__name__} is not fitted; call its fit(x) first")


def source_of_peer(given: Peer) -> str:
    """Return where the estimate comes from, in a few words.

    >>> from sklearn.mixture import GaussianMixture
    >>> peer = GaussianMixture(1).fit([[1.0], [3.0]])
    >>> source_of_peer(peer)
    "scikit-learn's GaussianMixture"
    """
    return f"scikit-learn's {type(given).__name__}" + ", not converged" * (not given.converged_)


def family_of_peer(given: Peer) -> type[Theta] | None:
    """Return the family of a fitted model, None if there is none here.

    >>> from sklearn.mixture import GaussianMixture
    >>> peer = GaussianMixture(1).fit([[1.0], [3.0]])
    >>> family_of_peer(peer).__name__
    'Gaussian'
    """
    if np.shape(given.means_)[1] == 1:
        return Gaussian
    form = FORMS.get(given.covariance_type)
    return None if form is None else MultivariateGaussian.with_covariance(form)


def from_peer(given: Peer, family: type[Theta], d: int) -> Structure:
    """Return scikit-learn's estimate as a Mixture.

    >>> from sklearn.mixture import GaussianMixture
    >>> peer = GaussianMixture(1).fit([[1.0], [3.0]])
    >>> from_peer(peer, Gaussian, d=1).theta.mean
    array([2.])
    """
    kind = type(given).__name__
    form, (k, columns) = given.covariance_type, np.shape(given.means_)
    if columns != d:
        raise Refusal(f"the {kind} was fitted to {columns} columns, x has {d}; fit it to x")
    cov = _expanded(np.asarray(given.covariances_, np.float64), form, k, d)
    if family is Gaussian:
        return Mixture(given.weights_, Gaussian(np.ravel(given.means_), np.sqrt(cov[:, 0, 0])))
    if not issubclass(family, MultivariateGaussian):
        raise Refusal(f"the {kind} is of Gaussians; the family is {family.__name__}")
    several = cast("type[MultivariateGaussian]", family)  # mypy does not see it by itself
    ours = several.form().name
    if family is not MultivariateGaussian and ours != FORMS[form]:
        theirs = [
            f"fit it with covariance_type={name!r}" for name, one in FORMS.items() if one == ours
        ]
        remedy = " or ".join([*theirs, "take another family"])
        raise Refusal(f"the {kind} has covariance_type={form!r}, the family is {ours}; {remedy}")
    return Mixture(given.weights_, several(np.asarray(given.means_), cov))


def _expanded(cov: Array, form: str, k: int, d: int) -> Array:
    """Return covariances (K, d, d) from scikit-learn's shape of each form."""
    if form == "full":
        return cov
    if form == "tied":
        return np.repeat(cov[None], k, axis=0)
    if form in {"diag", "spherical"}:
        return cov.reshape(k, -1, 1) * np.eye(d)
    raise Refusal(f"covariance_type is {form!r}; give one of {', '.join(FORMS)}")
