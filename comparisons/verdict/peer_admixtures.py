"""scikit-learn's fitted NMF and LatentDirichletAllocation, recognised by their attributes.

NMF fits the expected counts of a table by W H. With the Kullback-Leibler loss that is the
likelihood of an admixture (Gaussier & Goutte 2005): components are the rows of H divided by their
sums, which multiply the columns of W, and shares are the rows of the product divided by theirs.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

import numpy as np

from models import Admixture, Categorical, Groups
from models.refusal import Refusal

if TYPE_CHECKING:
    from models.arrays import Array
    from models.family import Theta
    from models.question import Question
    from models.structure import Structure

__all__ = [
    "admixture_of",
    "family_of_admixture",
    "is_admixture",
    "meant_by_admixture",
    "source_of_admixture",
    "unfitted_admixture",
]

OF_FACTORS = ("beta_loss", "solver")  # settings of NMF
OF_TOPICS = ("doc_topic_prior", "topic_word_prior")  # settings of LatentDirichletAllocation
LIKELIHOOD = ("kullback-leibler", 1)  # the loss of NMF that is the likelihood


class FittedAdmixture(Protocol):
    """A fitted NMF or LatentDirichletAllocation of scikit-learn."""

    components_: Array
    n_iter_: int
    max_iter: int

    def transform(self, table: Any) -> Array:
        """Return the groups' part of a table's fit, (G, K)."""
        ...


def is_admixture(given: object) -> TypeGuard[FittedAdmixture]:
    """Return whether it is a fitted model of tables, without importing scikit-learn.

    >>> from sklearn.decomposition import NMF
    >>> peer = NMF(1, beta_loss="kullback-leibler", solver="mu").fit([[3.0, 1.0], [2.0, 4.0]])
    >>> is_admixture(peer), is_admixture(NMF(1))
    (True, False)
    """
    return _of_tables(given) and hasattr(given, "components_")


def unfitted_admixture(given: object) -> bool:
    """Return whether it is a model of tables that has not been fitted.

    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> unfitted_admixture(LatentDirichletAllocation(2))
    True
    """
    return _of_tables(given) and not hasattr(given, "components_")


def source_of_admixture(given: FittedAdmixture) -> str:
    """Return where the estimate comes from, in a few words.

    LatentDirichletAllocation by default takes a fixed number of steps, which says nothing.

    >>> from sklearn.decomposition import NMF
    >>> peer = NMF(1, beta_loss="kullback-leibler", solver="mu").fit([[3.0, 1.0], [2.0, 4.0]])
    >>> source_of_admixture(peer)
    "scikit-learn's NMF"
    """
    unfinished = _factors(given) and given.n_iter_ >= given.max_iter
    return f"scikit-learn's {type(given).__name__}" + ", not converged" * unfinished


def family_of_admixture(given: FittedAdmixture) -> type[Theta] | None:
    """Return the family of a fitted model: its components are distributions over categories.

    >>> from sklearn.decomposition import NMF
    >>> peer = NMF(1, beta_loss="kullback-leibler", solver="mu").fit([[3.0, 1.0], [2.0, 4.0]])
    >>> family_of_admixture(peer).__name__
    'Categorical'
    """
    return Categorical


def meant_by_admixture(given: FittedAdmixture) -> str:
    """Return what an estimate is if it is not meant to be a maximum, otherwise nothing.

    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> meant_by_admixture(LatentDirichletAllocation(2).fit([[3.0, 1.0], [2.0, 4.0]]))
    'an approximate posterior mean under the Dirichlet priors of LatentDirichletAllocation'
    """
    if _factors(given):
        return ""
    return f"an approximate posterior mean under the Dirichlet priors of {type(given).__name__}"


def admixture_of(given: FittedAdmixture, question: Question[Any, Any]) -> Structure:
    """Return scikit-learn's estimate as an Admixture, with shares of the question's groups.

    >>> from models.question import asked
    >>> from sklearn.decomposition import NMF
    >>> peer = NMF(1, beta_loss="kullback-leibler", solver="mu").fit([[3.0, 1.0], [2.0, 4.0]])
    >>> data = Groups.from_table([[3, 1], [2, 4]])
    >>> admixture_of(peer, asked(Categorical, data, 1)).theta.prob.round(3)
    array([[0.5, 0.5]])
    """
    kind, data = type(given).__name__, question.data
    if not isinstance(data, Groups):
        raise Refusal(f"the {kind} is of a table of counts; give Groups, as Groups.from_table does")
    if question.family is not Categorical:
        raise Refusal(f"the {kind} is of categories; the family is {question.family.__name__}")
    loss = getattr(given, "beta_loss", None)
    if _factors(given) and loss not in LIKELIHOOD:
        raise Refusal(
            f"the {kind} has beta_loss={loss!r}, which is no likelihood of counts; fit it with "
            "beta_loss='kullback-leibler', solver='mu'"
        )
    rows = np.asarray(given.components_, np.float64)
    table = data.to_table()
    if rows.shape[1] != table.shape[1]:
        raise Refusal(
            f"the {kind} was fitted to {rows.shape[1]:,} categories, x has {table.shape[1]:,}; "
            "fit it to the same table"
        )
    total = rows.sum(axis=1)
    if not (total > 0).all():
        empty = int((total > 0).argmin())
        raise Refusal(f"component {empty} of the {kind} is empty; fit fewer components")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged, which the source says
        weight = np.asarray(given.transform(table.astype(np.float64)), np.float64)
    if _factors(given):
        weight = weight * total
    mass = weight.sum(axis=1)
    if not (mass > 0).all():
        title = data.titles[int((mass > 0).argmin())]
        raise Refusal(f"the {kind} gives group {title!r} no component; fit it to the same table")
    return Admixture(weight / mass[:, None], Categorical(rows / total[:, None]))


def _of_tables(given: object) -> bool:
    """Return whether it is a model of tables, fitted or not."""
    return _factors(given) or all(hasattr(given, name) for name in OF_TOPICS)


def _factors(given: object) -> bool:
    """Return whether it is an NMF."""
    return all(hasattr(given, name) for name in OF_FACTORS)
