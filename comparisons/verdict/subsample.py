"""EM of all observations beside a posterior of a random subsample."""

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

STEPS = 10_000  # of EM on the subsample from the estimate of all, at most


class Whole(NamedTuple):
    """EM's estimate from all observations, and their number.

    >>> whole = Whole(fit.estimate, observations=1_000)
    >>> same_rows(whole, fit.question, fit).code
    'other_rows'
    """

    estimate: Structure
    observations: int


def keep_whole(tree: xr.DataTree, fit: em.Fit[Any]) -> None:
    """Store EM's estimate from all observations in a posterior of some.

    >>> from xarray import DataTree
    >>> tree = DataTree()
    >>> keep_whole(tree, fit)
    >>> list(tree.attrs)
    ['whole']
    """
    kept = {name: field.tolist() for name, field in fields_of(fit.estimate).items()}
    tree.attrs["whole"] = json.dumps({"observations": fit.observations, "mixture": kept})


def whole_of(tree: xr.DataTree, question: Question[Any, Any]) -> Whole | None:
    """Return EM's estimate from all observations, None if the posterior is of all.

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
    """Whether EM of all observations agrees with EM of a random subsample.

    Let f be the share of the subsample, drawn without replacement, and l its log-likelihood. Its
    maximum differs from that of all observations with (1 - f) times its own covariance. So

        D = 2 (l(t^ of some) - l(t^ of all)) / (1 - f)

    is chi-squared with one degree of freedom for each parameter if the model is right, and larger
    if it is not (White 1982). A doubt arises only if EM climbs from the one to another optimum.

    best: EM's optimum on the subsample.

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
