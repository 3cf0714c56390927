"""The names of families: on the command line, and in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.family import ConjugatePrior, Theta

__all__ = [
    "BINNED",
    "FAMILIES",
    "FORMS",
    "PRIORS",
    "family_called",
    "family_named",
    "name_of",
    "record_of",
    "register",
    "those_that_take",
]

FAMILIES: dict[str, type[Theta]] = {}
"""Each family by its short name, which the command line uses."""

FORMS: dict[str, Mapping[str, type[Theta]]] = {}
"""The forms of each family that has some: by the family's short name, then by the form's."""


PRIORS: dict[str, type[ConjugatePrior]] = {}
"""The record of each family's conjugate prior, by the family's short name."""


BINNED: set[type[Theta]] = set()
"""Families whose measurements can be binned, because there is a bound on what bins lose."""


def register(
    name: str,
    family: type[Theta],
    prior: type[ConjugatePrior],
    forms: Mapping[str, type[Theta]] | None = None,
    *,
    binned: bool = False,
) -> None:
    """Give a family its short name.

    prior: the record of its conjugate prior.
    forms: its special cases by name, such as the forms of a covariance.
    binned: whether its measurements can be binned.

    >>> from models import Poisson, PoissonPrior
    >>> register("poisson", Poisson, PoissonPrior)
    >>> family_named("poisson") is Poisson
    True
    """
    if binned:
        BINNED.add(family)
    FAMILIES[name], PRIORS[name] = family, prior
    if forms is not None:
        FORMS[name] = forms


def family_named(name: str, form: str | None = None) -> type[Theta]:
    """Return the family of a short name, or a special case of it.

    >>> family_named("multivariate", "tied")
    <class 'models.multivariate.TiedGaussian'>
    """
    return FAMILIES[name] if form is None else FORMS[name][form]


def name_of(family: type[Theta]) -> str:
    """Return the short name of a family; a special case has the name of its family.

    >>> name_of(family_called("TiedGaussian"))
    'multivariate'
    """
    return next(name for name, one in FAMILIES.items() if issubclass(family, one))


def those_that_take(kind: str) -> str:
    """Return the families that take "column", "table" or "heads", as a sentence lists them.

    >>> those_that_take("table")
    'MultivariateGaussian'
    """
    return " or a ".join(one.__name__ for one in FAMILIES.values() if one.takes() == kind)


def record_of(family: type[Theta]) -> type[ConjugatePrior]:
    """Return the record of a family's conjugate prior.

    >>> record_of(family_named("poisson"))
    <class 'models.poisson.PoissonPrior'>
    """
    return PRIORS[name_of(family)]


def family_called(title: str) -> type[Theta]:
    """Return the family whose class has a title; files store that title.

    >>> family_called("Poisson")
    <class 'models.poisson.Poisson'>
    """
    every = [*FAMILIES.values(), *(one for forms in FORMS.values() for one in forms.values())]
    for family in every:
        if family.__name__ == title:
            return family
    raise Refusal(f"the posterior is of family {title!r}, which is not known here")
