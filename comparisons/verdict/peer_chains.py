"""hmmlearn's fitted models, recognised by their attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

import numpy as np

from comparisons.verdict.peer_mixtures import gaussian_family, gaussians
from models import HiddenMarkov, Poisson
from models.refusal import Refusal

if TYPE_CHECKING:
    from models.arrays import Array
    from models.family import Theta
    from models.question import Question
    from models.structure import Structure

__all__ = ["chain_of", "family_of_chain", "is_chain", "source_of_chain", "unfitted_chain"]

OF_FAMILY = ("means_", "lambdas_")  # one of which a model has that there is a family for


class FittedChain(Protocol):
    """A fitted GaussianHMM or PoissonHMM of hmmlearn."""

    startprob_: Array
    transmat_: Array


def is_chain(given: object) -> TypeGuard[FittedChain]:
    """Return whether it is a fitted model of hmmlearn, without importing it.

    >>> from hmmlearn.hmm import PoissonHMM
    >>> peer = PoissonHMM(1).fit(np.array([[1], [3], [2]]))
    >>> is_chain(peer), is_chain(PoissonHMM(1))
    (True, False)
    """
    known = any(hasattr(given, name) for name in OF_FAMILY)
    return known and hasattr(given, "startprob_") and hasattr(given, "transmat_")


def unfitted_chain(given: object) -> bool:
    """Return whether it is a model of hmmlearn that has not been fitted.

    >>> from hmmlearn.hmm import PoissonHMM
    >>> unfitted_chain(PoissonHMM(1))
    True
    """
    return hasattr(given, "startprob_prior") and not hasattr(given, "transmat_")


def source_of_chain(given: FittedChain) -> str:
    """Return where the estimate comes from, in a few words.

    >>> from hmmlearn.hmm import PoissonHMM
    >>> source_of_chain(PoissonHMM(1).fit(np.array([[1], [3], [2]])))
    "hmmlearn's PoissonHMM"
    """
    monitor = getattr(given, "monitor_", None)
    unfinished = monitor is not None and not monitor.converged
    return f"hmmlearn's {type(given).__name__}" + ", not converged" * unfinished


def family_of_chain(given: FittedChain) -> type[Theta] | None:
    """Return the family of a fitted model, None if there is none here.

    >>> from hmmlearn.hmm import PoissonHMM
    >>> family_of_chain(PoissonHMM(1).fit(np.array([[1], [3], [2]]))).__name__
    'Poisson'
    """
    if hasattr(given, "lambdas_"):
        return Poisson
    return gaussian_family(_means(given).shape[1], str(getattr(given, "covariance_type", "")))


def chain_of(given: FittedChain, question: Question[Any, Any]) -> Structure:
    """Return hmmlearn's estimate as a HiddenMarkov.

    >>> from hmmlearn.hmm import PoissonHMM
    >>> from models import Sequences
    >>> from models.question import asked
    >>> peer = PoissonHMM(1).fit(np.array([[1], [3], [2]]))
    >>> chain_of(peer, asked(Poisson, Sequences([1, 3, 2]), 1)).theta.rate.round(6)
    array([2.])
    """
    family, d = question.family, question.sample.dimension
    kind = type(given).__name__
    theta: Theta
    if hasattr(given, "lambdas_"):
        rates = np.asarray(given.lambdas_, np.float64)
        if family is not Poisson:
            raise Refusal(f"the {kind} is of counts; the family is {family.__name__}")
        if rates.shape[1] != 1:
            raise Refusal(f"the {kind} was fitted to {rates.shape[1]} columns, x has {d}")
        theta = Poisson(rates[:, 0])
    else:
        form = str(getattr(given, "covariance_type", ""))
        cov = np.asarray(getattr(given, "covars_", np.nan), np.float64)
        theta = gaussians(kind, _means(given), cov, form, family, d)
    return HiddenMarkov(np.asarray(given.startprob_), np.asarray(given.transmat_), theta)


def _means(given: object) -> Array:
    """Return the means (K, columns)."""
    found: Array = np.asarray(getattr(given, "means_", np.empty((0, 0))), np.float64)
    return found
