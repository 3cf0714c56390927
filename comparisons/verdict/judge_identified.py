"""Whether the data can identify the parameters at all, which is known before any work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from comparisons.finding import DOUBT, OK, Finding
from models.refusal import worded

if TYPE_CHECKING:
    from models.question import Question

__all__ = ["identified"]


def identified(question: Question[Any, Any]) -> Finding:
    """Say why the parameters are not identified, if they are not.

    >>> identified(fit.question).message
    'Data of this kind identify the parameters.'
    """
    reason = worded(question.unidentified)
    message = "Data of this kind identify the parameters."
    if "group" in question.data.sizes and question.family.takes() == "labels" and question.k > 1:
        message = (
            "Labels in groups identify the fitted values. Whether they identify the components is "
            "measured at the estimate."
        )
    remedy = ""
    if reason:
        why, _, remedy = reason.partition("; ")
        message = f"The parameters are not identified: {why}."
        remedy = f"{remedy[0].upper()}{remedy[1:]}."
    return Finding("not_identified", DOUBT if reason else OK, np.nan, np.nan, message, remedy)
