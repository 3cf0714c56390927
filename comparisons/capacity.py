"""The number of rows that chains can carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from em import out_of_reach
from models.family import axes
from models.names import BINNED
from models.observations import OutOfCore
from models.refusal import Refusal
from models.sample import Sample

if TYPE_CHECKING:
    from models.question import Question

__all__ = ["binnable", "refuse_many"]

LEAST_GROUPS = 10  # in an opinion on some of them
CARRIED = 1_000_000  # rows times components: chains of more take hours
PARAMETERS = 2_000
"""Free parameters that chains carry where groups have shares of their own.

Sampling 1,000 draws took 4.9 s with 194 parameters and 33 s with 497, about as their square, so
that 2,000 should take ten minutes (extrapolated).
"""


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
    _refuse_groups(question)
    if not binnable(question) and rows * question.k > CARRIED:
        alone = "" if out_of_reach(question) else ", or for --only em (em.fit)"
        raise Refusal(
            f"{rows:,} {what} are more than chains carry in an hour: ask of some of them, "
            f"{how}, with --some 20000 (some=20000){alone}"
        )


def _refuse_groups(question: Question[Any, Any]) -> None:
    """Refuse groups with more shares of their own than chains can carry."""
    groups, k = question.data.sizes.get("group"), question.k
    if groups is None:
        return
    own = 0 if question.held else groups * (k - 1)
    layout, own_axes = question.family.layout(), axes(question.family)
    common = k * sum(
        question.width ** (len(own_axes[name]) - 1) - field.simplex
        for name, field in layout.items()
    )
    if own + common <= PARAMETERS:
        return
    what = f"{own + common:,} free parameters are more than chains carry (about {PARAMETERS:,})"
    fit = (PARAMETERS - common) // (k - 1) if own else 0
    if fit < LEAST_GROUPS:
        raise Refusal(
            f"{what}, {common:,} of them of the components: leave out rare categories, or ask for "
            "--only em (em.fit)"
        )
    each = question.sample.observations / groups
    some = rounded_down(fit * each * 0.9)  # groups differ in size
    raise Refusal(
        f"{what}: ask of some of the groups, drawn whole, with --some {some} (some={some}), or for "
        "--only em (em.fit)"
    )


def rounded_down(value: float) -> int:
    """Return a number of at most two digits that count.

    >>> rounded_down(51_237.5)
    51000
    """
    scale = 10 ** max(int(np.log10(max(value, 1))) - 1, 0)
    return int(value // scale * scale)
