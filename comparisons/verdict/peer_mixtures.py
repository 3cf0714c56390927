"""scikit-learn's fitted GaussianMixture, recognised by its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, cast

import numpy as np

from models import Gaussian, Mixture, MultivariateGaussian
from models.refusal import Refusal

if TYPE_CHECKING:
    from models.arrays import Array
    from models.family import Theta
    from models.question import Question
    from models.structure import Structure

__all__ = [
    "family_of_mixture",
    "gaussian_family",
    "gaussians",
    "is_mixture",
    "mixture_of",
    "source_of_mixture",
    "unfitted_mixture",
]

FITTED = ("weights_", "means_", "covariances_", "covariance_type", "converged_", "n_iter_")
FORMS = {"full": "full", "tied": "tied", "diag": "diagonal", "spherical": "spherical"}
"""scikit-learn's names of covariances, and ours."""


class FittedMixture(Protocol):
    """A fitted GaussianMixture of scikit-learn."""

    weights_: Array
    means_: Array
    covariances_: Array
    covariance_type: str
    converged_: bool


def is_mixture(given: object) -> TypeGuard[FittedMixture]:
    """Return whether it is a fitted GaussianMixture, without importing scikit-learn.

    >>> from sklearn.mixture import GaussianMixture
    >>> peer = GaussianMixture(1).fit([[1.0], [3.0]])
    >>> is_mixture(peer), is_mixture(GaussianMixture(1))
    (True, False)
    """
    return all(hasattr(given, name) for name in FITTED)


def unfitted_mixture(given: object) -> bool:
    """Return whether it is a GaussianMixture that has not been fitted.

    >>> from sklearn.mixture import GaussianMixture
    >>> unfitted_mixture(GaussianMixture(1))
    True
    """
    return hasattr(given, "covariance_type") and hasattr(given, "n_components")


def source_of_mixture(given: FittedMixture) -> str:
    """Return where the estimate comes from, in a few words.

    >>> from sklearn.mixture import GaussianMixture
    >>> peer = GaussianMixture(1).fit([[1.0], [3.0]])
    >>> source_of_mixture(peer)
    "scikit-learn's GaussianMixture"
    """
    whose = "scikit-learn's " * type(given).__module__.startswith("sklearn.")
    return f"{whose}{type(given).__name__}" + ", not converged" * (not given.converged_)


def family_of_mixture(given: FittedMixture) -> type[Theta] | None:
    """Return the family of a fitted model, None if there is none here.

    >>> from sklearn.mixture import GaussianMixture
    >>> peer = GaussianMixture(1).fit([[1.0], [3.0]])
    >>> family_of_mixture(peer).__name__
    'Gaussian'
    """
    return gaussian_family(np.shape(given.means_)[1], given.covariance_type)


def gaussian_family(columns: int, form: str) -> type[Theta] | None:
    """Return the family of another program's Gaussians, None if there is none here.

    >>> gaussian_family(1, "full").__name__
    'Gaussian'
    """
    if columns == 1:
        return Gaussian
    ours = FORMS.get(form)
    return None if ours is None else MultivariateGaussian.with_covariance(ours)


def mixture_of(given: FittedMixture, question: Question[Any, Any]) -> Structure:
    """Return scikit-learn's estimate as a Mixture.

    >>> from models import Sample
    >>> from models.question import asked
    >>> from sklearn.mixture import GaussianMixture
    >>> peer = GaussianMixture(1).fit([[1.0], [3.0]])
    >>> mixture_of(peer, asked(Gaussian, Sample([1.0, 3.0]), 1)).theta.mean
    array([2.])
    """
    family, d = question.family, question.sample.dimension
    form, (k, columns) = given.covariance_type, np.shape(given.means_)
    cov = _expanded(np.asarray(given.covariances_, np.float64), form, k, columns)
    theta = gaussians(type(given).__name__, np.asarray(given.means_), cov, form, family, d)
    return Mixture(given.weights_, theta)


def gaussians(kind: str, mean: Array, cov: Array, form: str, family: type[Theta], d: int) -> Theta:
    """Return another program's Gaussians as ours, or refuse them.

    kind: what the program calls its model; form: its covariance_type.
    mean: (K, columns); cov: (K, columns, columns).
    family, d: of the question, and the number of its columns.

    >>> gaussians("GaussianMixture", np.ones((1, 1)), np.full((1, 1, 1), 4.0), "full", Gaussian, 1)
    Gaussian(mean=array([1.]), sd=array([2.]))
    """
    columns = mean.shape[1]
    if columns != d:
        raise Refusal(f"the {kind} was fitted to {columns} columns, x has {d}; fit it to x")
    if family is Gaussian:
        return Gaussian(np.ravel(mean), np.sqrt(cov[:, 0, 0]))
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
    return several(mean, cov)


def _expanded(cov: Array, form: str, k: int, d: int) -> Array:
    """Return covariances (K, d, d) from scikit-learn's shape of each form."""
    if form == "full":
        return cov
    if form == "tied":
        return np.repeat(cov[None], k, axis=0)
    if form in {"diag", "spherical"}:
        return cov.reshape(k, -1, 1) * np.eye(d)
    raise Refusal(f"covariance_type is {form!r}; give one of {', '.join(FORMS)}")
