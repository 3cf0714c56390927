"""Families by the names that people give them, and what is meant by a misspelt name."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from models.names import FAMILIES, FORMS, MADE, arguments_of
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from models.family import Theta
    from models.names import Made

__all__ = ["family_meant", "guess", "is_family"]

ALIASES = {
    "gaussian": ["gauss", "normal", "norm", "gmm", "gaussian mixture", "bell curve"],
    "multivariate": [
        *("gauss", "normal", "norm", "gmm", "gaussian mixture"),
        *("mvn", "multivariate normal", "multinormal"),
    ],
    "poisson": ["pois", "count", "counts"],
    "negative-binomial": ["nb", "negbin", "nbinom", "gamma-poisson", "polya"],
    "student-t": ["t", "student", "student's t", "t distribution"],
    "student-t(df=1)": ["cauchy"],
    "binomial": ["binom"],
    "categorical": ["multinoulli", "multinomial", "discrete", "labels"],
    "zero-inflated(poisson)": ["zip", "zero-inflated poisson"],
    "zero-inflated(negative-binomial)": ["zinb", "zero-inflated negative binomial"],
    "zero-inflated(binomial)": ["zib", "zero-inflated binomial"],
}
"""Other names of families; what several families share is that which takes as many columns."""

HINTS = {
    **dict.fromkeys(
        ["bernoulli", "coin", "coins", "binary", "boolean"],
        "take binomial with 1 trial a row: Sample(x, trials=1), or --heads NAME --trials 1",
    ),
    "exponential": "take gamma, of which it is the special case with shape 1",
    **dict.fromkeys(
        ["hmm", "hidden markov", "hidden markov model", "markov", "chain"],
        "that is a structure: give a family such as gaussian, and Sequences(x), or --in-order",
    ),
    **dict.fromkeys(
        ["lda", "plsa", "admixture", "topics", "topic model"],
        "that is a structure: give a family such as categorical, and Groups(x, group), or --group",
    ),
    **dict.fromkeys(
        ["lca", "latent class", "latent classes", "independent"],
        "give each column a family: independent(categorical, categorical), or --column "
        "a:categorical --column b:categorical",
    ),
    **dict.fromkeys(
        ["mixture", "mixture model"], "that is a structure: give a family such as gaussian"
    ),
}
"""What to take in place of names that are no family's."""


def family_meant(name: str, *, several: bool = False, where: str = "family") -> type[Theta]:
    """Return the family that a name means, or refuse a name that means none, with what to give.

    name: a short name, a title or a name that others use, in any case, with hyphens or without.
    several: whether there are several columns, of which a normal distribution is multivariate.
    where: what the name was given for, for the message.

    >>> family_meant("Normal"), family_meant("normal", several=True)
    (<class 'models.gaussian.Gaussian'>, <class 'models.multivariate.MultivariateGaussian'>)
    >>> family_meant("student_t(df=4)"), family_meant("tied gaussian").__name__
    (<class 'models.student_t_given.StudentT(df=4)'>, 'TiedGaussian')
    >>> family_meant("bernoulli")
    Traceback (most recent call last):
    models.refusal.Refusal: family is 'bernoulli'; take binomial with 1 trial a row: Sample(x, ...
    """
    family = _meant(name, several=several)
    if family is not None:
        return family
    hint = _by_key(HINTS).get(_key(name))
    if hint is None:
        listed = ", ".join(FAMILIES)
        hint = f"{guess(name, FAMILIES) or _guessed_alias(name)}it takes {listed}"
    raise Refusal(f"{where} is {name!r}; {hint}")


def is_family(name: str) -> bool:
    """Return whether a name means a family.

    >>> is_family("NegBin"), is_family("height")
    (True, False)
    """
    try:
        return _meant(name, several=False) is not None
    except Refusal:
        return False


def guess(given: str, choices: Collection[str]) -> str:
    """Ask whether the nearest of some choices is meant, if one is near.

    >>> guess("gausian", ["gaussian", "poisson"])
    'did you mean gaussian? '
    """
    near = get_close_matches(given.lower(), choices, 1)
    return f"did you mean {near[0]}? " if near else ""


def _guessed_alias(name: str) -> str:
    """Ask whether the family with the nearest alias is meant, if one is near."""
    whose = {alias: family for family, aliases in ALIASES.items() for alias in aliases}
    near = get_close_matches(name.lower(), whose, 1)
    return f"did you mean {whose[near[0]]}? " if near else ""


def _meant(name: str, *, several: bool) -> type[Theta] | None:
    """Return the family that a name means; None if it means none."""
    head, opened, rest = name.strip().partition("(")
    if opened:
        made = _made_called(_key(head))
        return None if made is None or not rest.endswith(")") else _made(made, rest[:-1])
    titled = _by_key({one.__name__: one for one in _plain()})
    family = _by_key(FAMILIES).get(_key(name)) or titled.get(_key(name))
    if family is not None:
        return family
    meant = [one for one, aliases in ALIASES.items() if _key(name) in map(_key, aliases)]
    families = [found for one in meant if (found := _meant(one, several=several)) is not None]
    fitting = [one for one in families if (one.takes() == "table") == several]
    return next(iter(fitting or families), None)


def _made_called(key: str) -> Made | None:
    """Return how families are made whose title begins so."""
    for name, made in MADE.items():
        if key in (_key(name), _key(made.head)):
            return made
    return None


def _made(made: Made, text: str) -> type[Theta] | None:
    """Return the family that is made of what a text names; None if it cannot be read."""
    titles = []
    for one in arguments_of(text):
        part = None if "=" in one else _meant(one, several=False)
        titles.append(one if part is None else part.__name__)
    try:
        return made.read(", ".join(titles))
    except ValueError as problem:
        if isinstance(problem, Refusal) and all(map(is_family, arguments_of(text))):
            raise  # of parts that are known, but cannot be parts
        return None


def _plain() -> list[type[Theta]]:
    """Return the families that are not made of others, and their forms."""
    return [*FAMILIES.values(), *(one for forms in FORMS.values() for one in forms.values())]


def _by_key[V](named: Mapping[str, V]) -> dict[str, V]:
    """Return values by the keys of their names."""
    return {_key(name): value for name, value in named.items()}


def _key(name: str) -> str:
    """Return a name without case, spaces, hyphens and the like."""
    return re.sub(r"[\W_]+", "", name.casefold())
