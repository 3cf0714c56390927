"""The registry of other programs whose fitted models are recognised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from comparisons.verdict.peer_admixtures import (
    admixture_of,
    family_of_admixture,
    is_admixture,
    meant_by_admixture,
    source_of_admixture,
    unfitted_admixture,
)
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
    from models.question import Question
    from models.structure import Structure

__all__ = ["Program", "program_of"]


def _a_maximum(_: object) -> str:
    return ""


class Program(NamedTuple):
    """What is known of another program's models.

    fitted, unfitted: whether it is one of them, with an estimate or still without.
    source: where an estimate comes from, in a few words.
    family: of an estimate, None if there is none here.
    structure: an estimate as ours, for a question that it answers.
    meant: what an estimate is if it is not meant to be a maximum, otherwise empty.

    >>> from sklearn.mixture import GaussianMixture
    >>> peer = GaussianMixture(1).fit([[1.0], [3.0]])
    >>> program_of(peer).source(peer)
    "scikit-learn's GaussianMixture"
    """

    fitted: Callable[[object], bool]
    unfitted: Callable[[object], bool]
    source: Callable[[Any], str]
    family: Callable[[Any], type[Theta] | None]
    structure: Callable[[Any, Question[Any, Any]], Structure]
    meant: Callable[[Any], str] = _a_maximum


PROGRAMS = (
    Program(is_mixture, unfitted_mixture, source_of_mixture, family_of_mixture, mixture_of),
    Program(is_chain, unfitted_chain, source_of_chain, family_of_chain, chain_of),
    Program(
        is_admixture,
        unfitted_admixture,
        source_of_admixture,
        family_of_admixture,
        admixture_of,
        meant_by_admixture,
    ),
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
