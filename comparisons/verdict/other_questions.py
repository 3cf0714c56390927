"""Slips in the question: the estimate is the maximum of something else than the likelihood."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from comparisons.verdict.seen import widths
from em.emission import emission_of
from models.prior import Prior
from models.question import weak_prior
from models.refusal import Refusal
from models.sample import Sample
from models.structure import shares_of, uniform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comparisons.verdict.seen import Seen
    from models.question import Question

__all__ = [
    "Asked",
    "equal_shares",
    "maximum_a_posteriori",
    "of_logarithms",
    "one_number_of_trials",
    "underflow",
    "without_counts",
]

LEAST = np.log(np.finfo(float).tiny)
"""A logarithm below which the exponential is no normal double, and soon 0."""


class Asked(NamedTuple):
    """Another question, of which the estimate may be the maximum.

    >>> Asked("it is", fit.question, None).prior is None
    True
    """

    says: str
    question: Question[Any, Any]
    prior: Prior | None


def equal_shares(seen: Seen) -> Iterator[Asked]:
    """Yield the question with shares held equal, if the estimate's are.

    >>> from comparisons.verdict.seen import Seen
    >>> list(equal_shares(Seen(fit, fit, fit, 0.0)))
    []
    """
    question, shares = seen.question, shares_of(seen.estimate)
    equal = uniform(question.structure, seen.k, question.data.sizes)
    if not question.held and all(np.allclose(equal[n], one) for n, one in shares.items()):
        held = frozenset(question.structure.axes())
        yield Asked("its shares were held equal", replace(question, held=held), None)


def maximum_a_posteriori(seen: Seen) -> Iterator[Asked]:
    """Yield the question under common priors: the posterior's, the weak default, those of others.

    >>> from comparisons.verdict.seen import Seen
    >>> [one.says for one in maximum_a_posteriori(Seen(fit, fit, fit, 0.0))][0]
    "it is the maximum under the posterior's prior (MAP)"
    """
    question = seen.question
    known = [("the posterior's prior", question.prior)]
    if not question.usual:
        with suppress(Refusal):  # collinear columns have no weak default
            usual = weak_prior(question.family, question.sample, seen.k)
            known.append(("the weak default", usual))
    known += [
        (name, Prior(weight, record))
        for name, (weight, record) in question.family.common_priors(question.sample, seen.k).items()
    ]
    for name, prior in known:
        yield Asked(f"it is the maximum under {name} (MAP)", question, prior)


def without_counts(seen: Seen) -> Iterator[Asked]:
    """Yield the question of the distinct rows, each counted once.

    >>> from comparisons.verdict.seen import Seen
    >>> [one.says for one in without_counts(Seen(fit, fit, fit, 0.0))]
    ['it is the maximum for the distinct rows, each counted once']
    """
    sample = seen.question.data
    if isinstance(sample, Sample) and not sample.each_once:
        says = "it is the maximum for the distinct rows, each counted once"
        yield Asked(says, replace(seen.question, data=Sample(sample.x, sample.trials)), None)


def one_number_of_trials(seen: Seen) -> Iterator[Asked]:
    """Yield the question with the largest number of trials, or their mean, in all rows.

    >>> from comparisons.verdict.seen import Seen
    >>> list(one_number_of_trials(Seen(fit, fit, fit, 0.0)))
    []
    """
    sample = seen.question.data
    if not isinstance(sample, Sample) or sample.trials is None or np.ptp(sample.trials) == 0:
        return
    mean = float((sample.trials * sample.counts).sum() / sample.counts.sum())
    for number in {sample.trials.max(), max(np.rint(mean), sample.x.max())}:
        other = Sample(sample.x, number, sample.counts)
        yield Asked(
            f"it is the maximum for {number:g} trials in every row",
            replace(seen.question, data=other),
            None,
        )


def of_logarithms(seen: Seen) -> Iterator[Asked]:
    """Yield the question of the logarithms of measurements that are above 0.

    >>> from comparisons.verdict.seen import Seen
    >>> list(of_logarithms(Seen(fit, fit, fit, 0.0)))  # counts have no unit
    []
    """
    sample = seen.question.data
    if not isinstance(sample, Sample) or not widths(seen) or not (sample.x > 0).all():
        return
    for change, name in ((np.log, "logarithms"), (np.log10, "decimal logarithms")):
        other = Sample(change(sample.x), counts=sample.counts)
        yield Asked(
            f"it is the maximum for the {name} of the data",
            replace(seen.question, data=other),
            None,
        )


def underflow(seen: Seen) -> Iterator[Asked]:
    """Yield the question without the rows whose density underflows in every component.

    A program without the trick of the largest term computes exp(log p), and where it has left out
    the constants of log p, also these.

    >>> from comparisons.verdict.seen import Seen
    >>> list(underflow(Seen(fit, fit, fit, 0.0)))
    []
    """
    sample = seen.question.data
    if not isinstance(sample, Sample):
        return
    # of the distinct rows, in their order
    rows = Sample(sample.x, sample.trials)
    height = seen.at.log_density(rows)
    constant = emission_of(seen.question.family).base(seen.at.units.rows(rows.x), rows.trials)
    for of_rows in (height, height - constant):
        kept = np.flatnonzero(of_rows > LEAST)
        if 0 < len(kept) < len(of_rows):
            out = int(sample.observations - sample.counts[kept].sum())
            yield Asked(
                f"{out:,} observations were left out, because their densities underflowed to 0",
                replace(seen.question, data=sample.pick(kept)),
                None,
            )
