"""EM of all observations beside a posterior of a random subsample."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import chdtrc

import em
from comparisons import thresholds as limit
from comparisons.finding import DOUBT, NOTE, OK, Finding, plain
from models.refusal import Refusal
from models.sample import Sample
from models.structure import (
    fields_of,
    free,
    from_fields,
    shares_of,
    structure_for,
    title_of,
    with_shares,
)

if TYPE_CHECKING:
    import xarray as xr

    from models.question import Question
    from models.structure import Data, Structure

__all__ = ["Whole", "keep_whole", "same_rows", "some_rows", "whole_of"]

STEPS = 10_000  # of EM on the subsample from the estimate of all, at most


class Whole(NamedTuple):
    """EM's estimate from all observations, and their number.

    >>> whole = Whole(fit.estimate, observations=1_000)
    >>> same_rows(whole, fit.question, fit).code
    'other_rows'
    """

    estimate: Structure
    observations: int


def some_rows(question: Question[Any, Any], n: int, seed: int) -> Data:
    """Return about n rows drawn at random: in whole stretches where rows have an order, in groups
    where they have groups.

    >>> some_rows(fit.question, 50, seed=1).sample.observations
    50
    """
    data: Data | None = None
    if isinstance(question.sample, Sample):
        data = question.units.stretches(n, np.random.default_rng(seed))
    if data is None:
        data = em.subsample(question.family, question.sample, n, seed)
    if structure_for(data) is not question.structure:
        kind = title_of(question.structure)
        raise Refusal(f"some is {n}; rows drawn at random say nothing about a {kind}")
    return data


def keep_whole(tree: xr.DataTree, fit: em.Fit[Any], some: Data) -> None:
    """Store EM's estimate from all observations in a posterior of some.

    Of shares that each group has for itself, those of the groups that were drawn are stored.

    >>> from xarray import DataTree
    >>> tree = DataTree()
    >>> keep_whole(tree, fit, fit.question.data)
    >>> list(tree.attrs)
    ['whole']
    """
    kept = {name: field.tolist() for name, field in fields_of(_drawn(fit, some)).items()}
    tree.attrs["whole"] = json.dumps({"observations": fit.observations, "mixture": kept})


def _drawn(fit: em.Fit[Any], some: Data) -> Structure:
    """Return an estimate from all observations with the shares of the groups in some of them."""
    every, shares = fit.question.data, shares_of(fit.estimate)
    for name, axes in fit.question.structure.axes().items():
        for at, axis in enumerate(axes):
            if axis in some.sizes:
                places = {title: place for place, title in enumerate(every.names[axis])}
                here = [places[title] for title in some.names[axis]]
                shares[name] = np.take(shares[name], here, axis=at)
    found: Structure = with_shares(fit.question.structure, shares, fit.estimate.theta)
    return found


def _common(question: Question[Any, Any], rank: int) -> int:
    """Return how many of the parameters that the data can tell are not of a group by itself.

    rank: the number of all of them.
    """
    sizes, own = question.data.sizes, 0
    for name in free(question.structure, question.held):
        axes = question.structure.axes()[name]
        groups = [sizes[axis] for axis in axes if axis in sizes]
        own += int(np.prod(groups)) * (question.k - 1) * bool(groups)
    return max(rank - own, 1)


def whole_of(tree: xr.DataTree, question: Question[Any, Any]) -> Whole | None:
    """Return EM's estimate from all observations, None if the posterior is of all.

    >>> from xarray import DataTree
    >>> tree = DataTree()
    >>> keep_whole(tree, fit, fit.question.data)
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
    if it is not (White 1982). Groups are drawn whole, so that on either side shares of their own
    are the maximum given the other parameters, and only those others count. A doubt arises only if
    EM climbs from the one to another optimum.

    best: EM's optimum on the subsample.

    >>> same_rows(Whole(fit.estimate, 1_000), fit.question, fit).severity
    'ok'
    """
    n, total = question.sample.observations, whole.observations
    count = _common(question, best.rank)
    led = em.fitted(question, start=whole.estimate, max_steps=STEPS)
    lacks = 2 * (best.log_likelihood - float(led.trace[0])) / (1 - n / total)
    tail = float(chdtrc(count, max(lacks, 0.0)))
    gained = led.log_likelihood - best.log_likelihood
    close = tail >= limit.OTHER_ROWS
    deviance = f"a deviance of {plain(lacks)}, where about {count} is expected"
    if abs(gained) > limit.MISSED:
        lower = "a lower" if gained < 0 else "a higher"
        message = (
            f"EM of all {total:,} observations is at another optimum than EM of {n:,} of them. "
            f"From there, EM of the {n:,} climbs to {lower} one, by {plain(abs(gained))}."
        )
        remedy = "Give EM more starts, or use more of the observations."
        return Finding("other_rows", DOUBT, tail, limit.OTHER_ROWS, message, remedy)
    if not close:
        message = (
            f"The estimate from all {total:,} observations has {deviance}, on the {n:,} that were "
            "drawn. The observations vary more than the model allows: it does not fit them well."
        )
        remedy = "Look at the data picture. Standard errors are too small where the model is wrong."
        return Finding("other_rows", NOTE, tail, limit.OTHER_ROWS, message, remedy)
    message = (
        f"The estimate from all {total:,} observations suits the {n:,} that were drawn: it has "
        f"{deviance}. A posterior of all would be narrower by a factor of {(total / n) ** 0.5:.3g}."
    )
    return Finding("other_rows", OK, tail, limit.OTHER_ROWS, message, "")
