"""The registry of other programs whose fitted models are recognised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from comparisons.verdict.peer_chains import (
    chain_of,
    family_of_chain,
    is_chain,
    source_of_chain,
    unfitted_chain,
)
from comparisons.verdict.peer_mixtures import (
    family_of_mixture,
    is_mixture,
    mixture_of,
    source_of_mixture,
    unfitted_mixture,
)
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.family import Theta
    from models.structure import Structure

__all__ = ["Program", "program_of"]


class Program(NamedTuple):
    """What is known of another program's models.

    fitted, unfitted: whether it is one of them, with an estimate or still without.
    source: where an estimate comes from, in a few words.
    family: of an estimate, None if there is none here.
    structure: an estimate as ours, for a family and a number of columns.

    >>> from sklearn.mixture import GaussianMixture
    >>> peer = GaussianMixture(1).fit([[1.0], [3.0]])
    >>> program_of(peer).source(peer)
    "scikit-learn's GaussianMixture"
    """

    fitted: Callable[[object], bool]
    unfitted: Callable[[object], bool]
    source: Callable[[Any], str]
    family: Callable[[Any], type[Theta] | None]
    structure: Callable[[Any, type[Theta], int], Structure]


PROGRAMS = (
    Program(is_mixture, unfitted_mixture, source_of_mixture, family_of_mixture, mixture_of),
    Program(is_chain, unfitted_chain, source_of_chain, family_of_chain, chain_of),
)


def program_of(given: object) -> Program | None:
    """Return the program that made an estimate; refuse a model that has not been fitted.

    >>> program_of(3) is None
    True
    >>> from sklearn.mixture import GaussianMixture
    >>> program_of(GaussianMixture(1))
    Traceback (most recent call last):
    models.refusal.Refusal: the GaussianMixture is not fitted; call its fit(x) first
    """
    for program in PROGRAMS:
        if program.fitted(given):
            return program
        if program.unfitted(given):
            raise Refusal(f"the {type(given).__name__} is not fitted; call its fit(x) first")
    return None
