"""Numbers that have been printed, each beside the code that computes it anew."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["K_SIGMA", "Case", "Erratum", "Number", "half_a_digit", "nothing", "short", "value_of"]

K_SIGMA = 4  # Monte Carlo standard errors within which a figure is right
ROUNDING = 4 * float(np.finfo(float).eps)  # relative, of a few operations

SHORT_OF = (
    "So say two methods: EM and, in the tests, the root of the score that scipy finds. The printed "
    "last digits are off, by less than a ten-thousandth of a standard error."
)


class Erratum(NamedTuple):
    """What should have been printed, and how that is known.

    exact: with its digits.
    why: which methods agree on it, in sentences.

    >>> Erratum("0.504602", "So says quadrature.").exact
    '0.504602'
    """

    exact: str
    why: str


def nothing() -> float:
    """Return no room beyond the printed digits.

    >>> nothing()
    0.0
    """
    return 0.0


class Number(NamedTuple):
    """A printed number, and what computes ours.

    what: it is.
    published: as printed; its last digit says how exact it is, and a fraction is exact.
    ours: computes the same.
    room: computes how much further apart the two may be, such as by Monte Carlo errors.
    at_most: whether ours has only not to be larger.
    erratum: what is known to be wrong with what was printed.

    >>> number = Number("one coin", "0.519215", lambda: 0.5192151)
    >>> abs(number.ours() - value_of(number.published)) <= half_a_digit(number.published)
    True
    """

    what: str
    published: str
    ours: Callable[[], float]
    room: Callable[[], float] = nothing
    at_most: bool = False
    erratum: Erratum | None = None


class Case(NamedTuple):
    """Numbers of one source.

    name: of the data and the question.
    source: who printed them, when and where.
    needs: the package that the data come with; empty if they are in the code.

    >>> Case("ten flips", "the lecture", (Number("heads", "7/10", lambda: 0.7),)).needs
    ''
    """

    name: str
    source: str
    numbers: tuple[Number, ...]
    needs: str = ""


def short(what: str, published: str, ours: Callable[[], float], exact: str) -> Number:
    """Return a number whose last printed digits are short of the maximum.

    >>> short("low coin, mean", "0.50448", lambda: 0.504602, "0.504602").erratum.exact
    '0.504602'
    """
    return Number(what, published, ours, erratum=Erratum(exact, SHORT_OF))


def value_of(printed: str) -> float:
    """Return the number that was printed.

    >>> value_of("9/20")
    0.45
    """
    return float(Fraction(printed.replace(",", "")))


def half_a_digit(printed: str) -> float:
    """Return half a unit of the last digit; of a fraction only what doubles round.

    >>> half_a_digit("0.45")
    0.005
    """
    if "/" in printed:
        return ROUNDING * abs(value_of(printed))
    return 0.5 * 10.0 ** -len(printed.partition(".")[2])
