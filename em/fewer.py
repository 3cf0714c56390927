"""How well one group fewer fits: what bounds the profiles of a group's own parameters from below.

Where a group is empty, its own parameters are free: their profiles nowhere fall below the
log-likelihood of the other groups alone. If that is high enough, their intervals have no end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.question import asked
from models.refusal import Refusal
from models.structure import axes_of, fields_of, from_fields

if TYPE_CHECKING:
    from models.arrays import Array
    from models.question import Question
    from models.structure import Parameter, Structure

__all__ = ["own", "question_without_one", "without"]


def own(parameter: Parameter, structure: type[Structure]) -> bool:
    """Whether a parameter is a component's own, so that it is free where the component is empty.

    >>> from models import Mixture
    >>> from models.structure import Parameter
    >>> mean = Parameter("mean", ("component", "dimension"), (0, 1))
    >>> own(mean, Mixture), own(Parameter("weight", ("component",), (0,)), Mixture)
    (True, False)
    """
    if parameter.name in structure.axes():  # the last axis is that of the simplex
        return "component" in parameter.axes[:-1]
    return parameter.component is not None


def question_without_one[S: Structure](question: Question[S, Any]) -> Question[S, Any] | None:
    """Return the question with one component fewer; None if it is another one for that.

    >>> question_without_one(fit.question).k
    1
    """
    if question.k == 1 or question.held or not question.structure.axes():  # no share can be 0
        return None
    try:
        return asked(question.family, question.data, question.k - 1)
    except Refusal:
        return None


def without[S: Structure](structure: S, component: int) -> S:
    """Return the structure without a component, the others' shares in the same proportion.

    >>> without(fit.estimate, 0).weight
    array([1.])
    """
    kind, family = type(structure), type(structure.theta)
    axes = axes_of(kind, family)
    found: dict[str, Array] = {}
    for name, field in fields_of(structure).items():
        left = np.asarray(field, np.float64)
        for axis in reversed(range(len(axes[name]))):
            if axes[name][axis] in ("component", "component_next"):
                left = np.delete(left, component, axis)
        if name in kind.axes():
            total = left.sum(axis=-1, keepdims=True)
            with np.errstate(invalid="ignore", divide="ignore"):
                left = np.where(total > 0, left / total, 1 / left.shape[-1])
        found[name] = left
    return from_fields(kind, family, found)
