"""The number of rows that chains can carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.names import BINNED
from models.observations import OutOfCore
from models.refusal import Refusal
from models.sample import Sample

if TYPE_CHECKING:
    from models.question import Question

__all__ = ["binnable", "refuse_many"]

CARRIED = 1_000_000  # rows times components: chains of more take hours


def binnable(question: Question[Any, Any]) -> bool:
    """Return whether the rows can be binned: they have no order, and there is a bound of the loss.

    >>> from models import Gaussian, Sample
    >>> from models.question import asked
    >>> binnable(asked(Gaussian, Sample([1.0, 2.0]), 2))
    True
    """
    in_no_order = isinstance(question.data, Sample | OutOfCore)
    return question.family in BINNED and in_no_order


def refuse_many(question: Question[Any, Any]) -> None:
    """Refuse more rows than chains can carry, except those that can be binned.

    >>> from models import Poisson, Sample
    >>> from models.question import asked
    >>> refuse_many(asked(Poisson, Sample(range(1_001)), 1_001))
    Traceback (most recent call last):
    models.refusal.Refusal: 1,001 distinct rows are more than chains carry in an hour: ...
    """
    rows, what, how = question.sample.distinct, "distinct rows", "drawn at random"
    if isinstance(question.sample, Sample) and len(question.units.followers()):
        rows, what, how = len(question.units.unit_rows), "rows in order", "in whole stretches"
    if not binnable(question) and rows * question.k > CARRIED:
        raise Refusal(
            f"{rows:,} {what} are more than chains carry in an hour: ask of some of them, "
            f"{how}, with --some 20000 (some=20000), or for --only em (em.fit)"
        )
