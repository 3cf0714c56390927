"""Point estimates from elsewhere: another program's are judged like EM's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeGuard

import numpy as np

from comparisons.verdict.records import names_in, numbers_in
from em import Fit
from em.emission import EMISSIONS
from models import Gaussian, Mixture, MultivariateGaussian, ordered
from models.checks import numbers
from models.family import rebuilt
from models.mixture import checked
from models.refusal import Refusal

if TYPE_CHECKING:
    from models.arrays import Array
    from models.family import Theta

__all__ = ["estimate_of", "family_of"]

ROUNDING = 1e-6  # by which shares that were written down may miss 1
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


class Claim(NamedTuple):
    """An estimate before it is checked.

    mixture: as it was given.
    source: where it comes from, for messages.
    """

    mixture: Mixture[Any]
    source: str


def estimate_of(given: object, family: type[Theta], d: int) -> tuple[Mixture[Any], str]:
    """Return an estimate, labels in order, and a short description of where it comes from.

    given: an em.Fit, a Mixture, a fitted GaussianMixture of scikit-learn, or the path of a JSON
        file such as {"weight": [0.4, 0.6], "mean": [163, 175], "sd": [6, 7]}.
    family: what it has to be of.
    d: columns of x.

    >>> given = Mixture([0.6, 0.4], Gaussian([175, 163], [7, 6]))
    >>> estimate_of(given, Gaussian, 1)[0].theta.mean
    array([163., 175.])
    """
    claim = _claim(given, family, d)
    try:
        found = checked(_shares_divided(claim.mixture), family, d)
    except ValueError as problem:
        raise Refusal(f"{claim.source}: {problem}") from None
    return ordered(found), claim.source


def family_of(given: object) -> type[Theta] | None:
    """Return the family that an estimate implies, or None where it cannot be told.

    given: as for `estimate_of`; a file that cannot be read raises Refusal.

    >>> family_of(Mixture([0.6, 0.4], Gaussian([175, 163], [7, 6])))
    <class 'models.gaussian.Gaussian'>
    """
    if isinstance(given, Fit):
        return given.family
    if isinstance(given, Mixture):
        return type(given.theta) if hasattr(given.theta, "_fields") else None
    if isinstance(given, str | Path):
        return next((one for one in EMISSIONS if set(_fields(one)) == names_in(given)), None)
    if not _is_peer(given):
        return None
    if np.shape(given.means_)[1] == 1:
        return Gaussian
    form = FORMS.get(given.covariance_type)
    return None if form is None else MultivariateGaussian.with_covariance(form)


def _claim(given: object, family: type[Theta], d: int) -> Claim:
    """Return the estimate that was given, whatever kind it is."""
    if isinstance(given, Fit):
        return Claim(given.mixture, "EM")
    if isinstance(given, Mixture):
        return Claim(given, "a Mixture")
    if isinstance(given, str | Path):
        return Claim(_from_file(given, family), str(given))
    kind = type(given).__name__
    if _is_peer(given):
        source = f"scikit-learn's {kind}" + ", not converged" * (not given.converged_)
        return Claim(_from_peer(given, kind, family, d), source)
    if hasattr(given, "covariance_type") and hasattr(given, "n_components"):
        raise Refusal(f"the {kind} is not fitted; call its fit(x) first")
    raise Refusal(
        f"estimate is a {kind}; give an em.Fit, a Mixture, a fitted GaussianMixture of "
        "scikit-learn or the path of a JSON file"
    )


def _shares_divided[T: Theta](mixture: Mixture[T]) -> Mixture[T]:
    """Return the mixture, its shares divided by their sum if that is 1 but for rounding."""
    weight = numbers("weight", mixture.weight)
    total = weight.sum()
    return mixture._replace(weight=weight / total if abs(total - 1) <= ROUNDING else weight)


# scikit-learn


def _is_peer(given: object) -> TypeGuard[Peer]:
    """Return whether it is a fitted GaussianMixture, of which nothing is imported here."""
    return all(hasattr(given, name) for name in FITTED)


def _from_peer(given: Peer, kind: str, family: type[Any], d: int) -> Mixture[Any]:
    """Return scikit-learn's estimate in our terms."""
    form, (k, columns) = given.covariance_type, np.shape(given.means_)
    if columns != d:
        raise Refusal(f"the {kind} was fitted to {columns} columns, x has {d}; fit it to x")
    cov = _expanded(np.asarray(given.covariances_, np.float64), form, k, d)
    if family is Gaussian:
        return Mixture(given.weights_, Gaussian(np.ravel(given.means_), np.sqrt(cov[:, 0, 0])))
    if not issubclass(family, MultivariateGaussian):
        raise Refusal(f"the {kind} is of Gaussians; the family is {family.__name__}")
    ours = family.form().name
    if family is not MultivariateGaussian and ours != FORMS[form]:
        theirs = [
            f"fit it with covariance_type={name!r}" for name, one in FORMS.items() if one == ours
        ]
        remedy = " or ".join([*theirs, "take another family"])
        raise Refusal(f"the {kind} has covariance_type={form!r}, the family is {ours}; {remedy}")
    return Mixture(given.weights_, family(np.asarray(given.means_), cov))


def _expanded(cov: Array, form: str, k: int, d: int) -> Array:
    """Return covariances (K, d, d) from the shape in which scikit-learn keeps each form."""
    if form == "full":
        return cov
    if form == "tied":
        return np.repeat(cov[None], k, axis=0)
    if form in {"diag", "spherical"}:
        return cov.reshape(k, -1, 1) * np.eye(d)
    raise Refusal(f"covariance_type is {form!r}; give one of {', '.join(FORMS)}")


# JSON


def _fields(family: type[Theta]) -> tuple[str, ...]:
    """Return what a file has to name for a family."""
    return ("weight", *family._fields)  # type: ignore[attr-defined]


def _from_file(path: str | Path, family: type[Theta]) -> Mixture[Any]:
    """Return the mixture that a JSON file holds."""
    due = _fields(family)
    found = numbers_in(path, due, f"a {family.__name__} has {', '.join(due)}")
    weight, *fields = (found[name] for name in due)
    return Mixture(weight, rebuilt(family, fields))
