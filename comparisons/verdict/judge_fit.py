"""Measure nine: whether the model fits the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comparisons import thresholds as limit
from comparisons.finding import DOUBT, NOTE, OK, Finding, Severity
from em.emission import emission_of
from models.family import by_column, family_at, shares_parameters
from models.names import made_of, name_of, option_of
from models.question import mending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comparisons.verdict.misfit import Cause, Misfit
    from comparisons.verdict.neighbours import Neighbours
    from models.family import Theta

__all__ = ["fits"]

CAUSES = {
    "heaping": "The values are heaped: {due:.0%} of them are multiples of {seen:.4g}{unit}.",
    "zeros": "{seen:,.0f} observations are 0; the model expects {due:,.0f}.",
    "spread": "The observations' variance is {seen:.2g} times the model's.",
    "skewness": "The observations are skewed to the {side}.",
    "tails": "The observations' tails are heavier than the model's.",
}
"""What is said of each kind of cause; others depend on the number of groups."""

MORE = "Fit more groups."
ERRORS = "Look for recording errors, or fit more groups."
REFLECT = "Reflect the values (maximum + 1 - x) and use a skewed family, or fit more groups."


def fits(
    misfit: Misfit, near: Neighbours, *, saturated: bool = False, accepted: bool = False
) -> Finding:
    """The difference between observed and fitted distribution, and whether it is chance.

    near: other numbers of groups, fitted only if the model does not fit.
    saturated: whether the model fits all data exactly, so that a fit says nothing.
    accepted: whether the user knows of the misfit, and wants the other measures alone to decide.

    >>> [one.severity for one in comparison.findings if one.code == "misfit"]
    ['ok']
    """
    size, chance = 100 * misfit.size, _chance(misfit.chance)
    value, most = misfit.size, limit.MISFIT_SIZE
    if saturated:
        message = (
            "The model is saturated: it has as many parameters as the table has free cells. Such a "
            "model fits every table exactly."
        )
        return Finding("misfit", NOTE, np.nan, most, message, "Fit fewer components.")
    if not np.isfinite(value):
        message = "Whether the model fits could not be measured."
        return Finding("misfit", NOTE, value, most, message, "")
    if misfit.chance >= limit.MISFIT_CHANCE:
        message = (
            f"The model fits. Observed and fitted distribution differ by at most {size:.2g} "
            f"percentage points, which is within chance ({chance})."
        )
        return Finding("misfit", OK, value, most, message, "")
    if not misfit.large:
        message = (
            f"Observed and fitted distribution differ by at most {size:.2g} percentage points. "
            f"That is more than chance ({chance}), but small."
        )
        return Finding("misfit", NOTE, value, most, message, "")
    said, remedy = _cause(misfit, near)
    message = f"The model does not fit: {_where(misfit, near)} ({chance}).{said}"
    severity: Severity = NOTE if accepted else DOUBT
    return Finding("misfit", severity, value, most, message, remedy)


def _chance(chance: float) -> str:
    """Return a p-value as people write it.

    >>> _chance(0.25), _chance(1e-9)
    ('p = 0.25', 'p < 0.001')
    """
    return "p < 0.001" if chance < 0.001 else f"p = {chance:.2g}"


def _where(misfit: Misfit, near: Neighbours) -> str:
    """Return where observations and model differ most."""
    cause = misfit.cause
    if cause is not None and cause.kind == "order":
        return (
            "the dependence of a row on the one before it differs by "
            f"{100 * cause.seen:.2g} percentage points"
        )
    if cause is not None and cause.columns:
        return (
            f"the dependence between {_columns(cause.columns, near)} differs by "
            f"{100 * cause.seen:.2g} percentage points"
        )
    if cause is not None and cause.kind == "groups":
        return (
            f"within their groups, {cause.seen:.0%} of the observations would need other values to "
            "match the model"
        )
    lie = _stretch(misfit, near)
    return (
        f"{misfit.seen:.0%} of the observations lie {lie}, where the model expects {misfit.due:.0%}"
    )


def _stretch(misfit: Misfit, near: Neighbours) -> str:
    """Return the stretch of values, in units, in which observations and model differ most."""
    low, high, unit = misfit.low, misfit.high, _unit(misfit.column, near)
    if np.isnan(low):
        begin, end = misfit.stretch
        column = f" of {_columns([misfit.column], near)}" if len(misfit.curves) > 1 else ""
        return (
            f"between percentiles {100 * begin:.0f} and {100 * end:.0f} of the model's "
            f"distribution{column}"
        )
    if low == -np.inf:
        return f"{'below' if misfit.between else 'up to'} {high:.4g}{unit}"
    if high == np.inf:
        return f"above {low:.4g}{unit}" if misfit.between else f"from {low:.4g}{unit} up"
    if misfit.between:
        return f"between {low:.4g} and {high:.4g}{unit}"
    return f"from {low:.4g} to {high:.4g}{unit}"


def _unit(column: int, near: Neighbours) -> str:
    """Return the unit of a column, behind a blank; nothing if it is not known.

    >>> from dataclasses import replace
    >>> from comparisons.verdict.neighbours import Neighbours
    >>> _unit(0, Neighbours(replace(fit.question, measured_in=("km",)), fit.bic))
    ' km'
    """
    units = near.question.measured_in
    return f" {units[column]}" if units and units[column] else ""


def _columns(at: Sequence[int], near: Neighbours) -> str:
    """Return columns by their names, or where they have none by their numbers.

    >>> from comparisons.verdict.neighbours import Neighbours
    >>> _columns([0, 2], Neighbours(fit.question, fit.bic))
    'columns 1 and 3'
    """
    names = near.question.sample.columns
    many = "columns" if len(at) > 1 else "column"
    if names:
        return f"{many} {' and '.join(repr(names[one]) for one in at)}"
    return f"{many} {' and '.join(str(one + 1) for one in at)}"


def _named(kind: str, column: int, near: Neighbours) -> str:
    """Return the advice to take a family that allows for the cause, empty if there is none."""
    question = near.question
    if not by_column(question.family):
        others = mending(kind, question.family, question.sample)
        named = [f"{one.__name__} ({option_of(one)})" for one in others]
        return f"Use a family that allows for it: {' or '.join(named)}." if named else ""
    own = family_at(question.family, column)
    rows = question.rows.column(column, 1 if own.takes() == "heads" else None)
    several = [one for one in mending(kind, own, rows) if not shares_parameters(one)]
    title = question.rows.columns[column] if question.rows.columns else "NAME"
    named = [f"{one.__name__} (--column {title}:{name_of(one)})" for one in several]
    where = _columns([column], near)
    return f"Use a family that allows for it in {where}: {' or '.join(named)}." if named else ""


def _otherwise(kind: str, family: type[Theta], seen: float) -> str:
    """Return what to do about a cause that no other family allows for.

    >>> _otherwise("spread", fit.question.family, 2.0)
    'Fit more groups.'
    """
    made = made_of(family)
    positive = emission_of(family).relative
    whole = made is not None and bool(made.mends)  # zeros stand beside the values
    table = family.takes() == "table"
    match kind:
        case "heaping":
            found = f"Round all values to {seen:.4g}, or accept the misfit."
        case "right skewness" if table:
            found = "Take logarithms of the column if its values are above 0, or fit more groups."
        case "right skewness" if not (positive or whole):
            found = "Shift the values above 0 and use a skewed family, or fit more groups."
        case "left skewness" if table:
            found = "Reflect the column (maximum + 1 - x) and take logarithms, or fit more groups."
        case "left skewness" if not whole:
            found = REFLECT
        case "tails" if positive and not whole:
            found = "Take logarithms and use a family with heavy tails, or check for errors."
        case "tails" | "right skewness":
            found = ERRORS
        case _:
            found = MORE
    return found


def _advice(cause: Cause, column: int, near: Neighbours) -> str:
    """Return what to do about a cause that the data show."""
    side = {True: "right ", False: "left "}[cause.seen > 0] if cause.kind == "skewness" else ""
    kind, own = f"{side}{cause.kind}", family_at(near.question.family, column)
    otherwise, named = _otherwise(kind, own, cause.seen), _named(kind, column, near)
    if named and otherwise == REFLECT:
        return f"{named} If the values themselves are skewed to the left: {_lower(REFLECT)}"
    return named or otherwise


def _lower(sentence: str) -> str:
    """Return a sentence as it goes on behind a colon."""
    return sentence[:1].lower() + sentence[1:]


def _cause(misfit: Misfit, near: Neighbours) -> tuple[str, str]:
    """Return the cause of a misfit, and what to do about it."""
    cause = misfit.cause
    kind = "other" if cause is None else cause.kind
    if cause is not None and kind in CAUSES:
        side = "right" if cause.seen > 0 else "left"
        said = CAUSES[kind].format(
            seen=cause.seen, due=cause.due, side=side, unit=_unit(misfit.column, near)
        )
        return f" {said}", _advice(cause, misfit.column, near)
    if near.best > near.question.k:
        return f" {near.better}", near.remedy
    if kind == "groups":
        return "", "Fit more components: then the groups can differ more."
    if kind == "order":
        return "", "Fit more states, or a model in which rows depend on earlier values."
    return "", "Transform the columns." if kind == "dependence" else "Try another family."
