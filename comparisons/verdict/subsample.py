"""EM of all observations, beside a posterior of some of them that were drawn at random."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import chdtrc

import em
from comparisons import thresholds as limit
from comparisons.finding import DOUBT, NOTE, OK, Finding
from models.structure import fields_of, from_fields

if TYPE_CHECKING:
    import xarray as xr

    from models.question import Question
    from models.structure import Structure

__all__ = ["Whole", "keep_whole", "same_rows", "whole_of"]

STEPS = 10_000  # that lead from EM of all to where some observations have their maximum


class Whole(NamedTuple):
    """What EM made of all observations, and how many there are.

    >>> whole = Whole(fit.estimate, observations=1_000)
    >>> same_rows(whole, fit.question, fit).code
    'other_rows'
    """

    estimate: Structure
    observations: int


def keep_whole(tree: xr.DataTree, fit: em.Fit[Any]) -> None:
    """Keep with a posterior of some observations what EM made of all.

    >>> from xarray import DataTree
    >>> tree = DataTree()
    >>> keep_whole(tree, fit)
    >>> list(tree.attrs)
    ['whole']
    """
    kept = {name: field.tolist() for name, field in fields_of(fit.estimate).items()}
    tree.attrs["whole"] = json.dumps({"observations": fit.observations, "mixture": kept})


def whole_of(tree: xr.DataTree, question: Question[Any, Any]) -> Whole | None:
    """Return what EM made of all observations, None where the posterior is of all.

    >>> from xarray import DataTree
    >>> tree = DataTree()
    >>> keep_whole(tree, fit)
    >>> whole_of(tree, fit.question).observations
    100
    """
    if "whole" not in tree.attrs:
        return None
    kept = json.loads(tree.attrs["whole"])
    fields = {name: np.array(field) for name, field in kept["mixture"].items()}
    estimate = from_fields(question.structure, question.family, fields)
    return Whole(estimate, kept["observations"])


def same_rows(whole: Whole, question: Question[Any, Any], best: em.Fit[Any]) -> Finding:
    """Whether EM of all observations lies where some of them leave it.

    A maximum of some, drawn at random without putting back, lies about that of all with (1 - f)
    of its own covariance, f their share; so that

        D = 2 (l(t^ of some) - l(t^ of all)) / (1 - f),

    with l that of some, is chi-squared with as many degrees of freedom as parameters if the model
    is right, and larger if it is not (White 1982). So a large D is a doubt only where climbing from
    the one does not lead to the other.

    best: EM's optimum on some.

    >>> same_rows(Whole(fit.estimate, 1_000), fit.question, fit).severity
    'ok'
    """
    n, total, free = question.sample.observations, whole.observations, len(best.coordinates)
    led = em.fitted(question, start=whole.estimate, max_steps=STEPS)
    lacks = 2 * (best.log_likelihood - float(led.trace[0])) / (1 - n / total)
    tail = float(chdtrc(free, max(lacks, 0.0)))
    gained = led.log_likelihood - best.log_likelihood
    close = tail >= limit.OTHER_ROWS
    deviance = (
        f"{lacks:.3g} of twice their log-likelihood, {free} free parameters let expect {free}"
    )
    if abs(gained) > limit.MISSED:
        lower = "a lower" if gained < 0 else "a higher"
        message = (
            f"EM of all {total:,} observations stands at another optimum than EM of {n:,} of them: "
            f"it leads to {lower} one there, by {abs(gained):.3g}."
        )
        remedy = "Give EM more starts, or take more of the observations."
        return Finding("other_rows", DOUBT, tail, limit.OTHER_ROWS, message, remedy)
    if not close:
        message = (
            f"EM of all {total:,} observations lacks {deviance}: the observations differ more than "
            "the model lets expect, which does not fit them well."
        )
        remedy = "Look at the data picture; standard errors are too small where the model is wrong."
        return Finding("other_rows", NOTE, tail, limit.OTHER_ROWS, message, remedy)
    message = (
        f"EM of all {total:,} observations lies where {n:,} of them leave it: it lacks {deviance}. "
        f"A posterior of all would be {(total / n) ** 0.5:.3g} times as narrow as this one."
    )
    return Finding("other_rows", OK, tail, limit.OTHER_ROWS, message, "")
