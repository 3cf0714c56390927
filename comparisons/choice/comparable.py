"""Whether families can be compared on the same data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comparisons.choice.rows import form_of
from em.emission import emission_of
from models.names import name_of
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.family import Theta

__all__ = ["refuse_incomparable", "several"]


def several(families: Sequence[type[Theta]]) -> bool:
    """Return whether families differ in more than the form of their covariances.

    >>> from models import Gamma, Gaussian, MultivariateGaussian, StudentT
    >>> forms = [MultivariateGaussian.with_covariance(one) for one in ("full", "tied")]
    >>> several(forms), several([Gamma, Gaussian]), several([StudentT, StudentT.with_df(4)])
    (False, True, True)
    """
    return len({(name_of(one), bool(form_of(one)) or one) for one in families}) > 1


def refuse_incomparable(families: Sequence[type[Theta]]) -> None:
    """Refuse families of which one gives densities and another probabilities.

    A density has the unit 1 / x, so that its logarithm depends on the unit of x; that of a
    probability does not. Families that take other columns are refused as well.

    >>> from models import Gamma, Gaussian, Poisson
    >>> refuse_incomparable([Gamma, Gaussian])
    >>> refuse_incomparable([Gamma, Poisson])
    Traceback (most recent call last):
    models.refusal.Refusal: Gamma is a density of positive measurements, Poisson is a ...
    """
    first = families[0]
    for other in families[1:]:
        if _dense(first) != _dense(other) or first.takes() != other.takes():
            raise Refusal(
                f"{_said(first)}, {_said(other)}: their log-likelihoods cannot be compared; choose "
                "among families of one kind"
            )


def _dense(family: type[Theta]) -> bool:
    """Return whether x has a unit that may be changed, so that p is a density."""
    emission = emission_of(family)
    return emission.located or emission.relative


def _said(family: type[Theta]) -> str:
    """Return what a family gives."""
    what = "density" if _dense(family) else "probability"
    return f"{family.__name__} is a {what} of {family.plain()[1]}"
