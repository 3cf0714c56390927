"""The number of rows that chains can carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.names import BINNED
from models.refusal import Refusal

if TYPE_CHECKING:
    from models.family import Theta
    from models.observations import Observations

__all__ = ["refuse_many"]

CARRIED = 1_000_000  # rows times components: chains of more take hours


def refuse_many(family: type[Theta], sample: Observations, k: int) -> None:
    """Refuse more rows than chains can carry, except of families that can be binned.

    >>> from models import Poisson, Sample
    >>> refuse_many(Poisson, Sample(range(1_000)), 1_001)
    Traceback (most recent call last):
    models.refusal.Refusal: 1,000 distinct rows are more than chains carry in an hour: ...
    """
    if family not in BINNED and sample.distinct * k > CARRIED:
        raise Refusal(
            f"{sample.distinct:,} distinct rows are more than chains carry in an hour: ask of some "
            "of them, drawn at random, with --some 20000 (some=20000), or for --only em (em.fit)"
        )
