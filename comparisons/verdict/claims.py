"""Name the slip behind a log-likelihood that is not the estimate's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from comparisons.verdict.seen import stepped
from comparisons.verdict.slips import Slip
from em.emission import emission_of
from models.sample import Sample

if TYPE_CHECKING:
    import em
    from models.question import Question

__all__ = ["slip_of_claim"]

FINE = 1e-6
"""Relative difference up to which a claimed log-likelihood is the one that a slip gives."""


def slip_of_claim(made: em.Fit[Any], at: em.Fit[Any]) -> Slip | None:
    """Return the slip that explains what a fit says of its log-likelihood, None if none does.

    made: the fit that was given; at: EM at its estimate, on the posterior's sample.

    >>> from dataclasses import replace
    >>> mean = replace(fit, log_likelihood=fit.log_likelihood / fit.observations)
    >>> slip_of_claim(mean, fit).code
    'mean_log_likelihood'
    """
    claimed, here, n = made.log_likelihood, at.log_likelihood, at.observations

    def close(one: float, other: float) -> bool:
        return bool(abs(one - other) <= FINE * (1 + abs(other)))

    def same(value: float) -> bool:
        return close(claimed, value)

    if made.observations != n:
        return Slip(
            "wrong_observations",
            f"it was fitted to {made.observations:,} observations, but the posterior has {n:,}",
            "Fit the data that the posterior was drawn from.",
            0.0,
        )
    if same(here / n):
        says = "it is the mean per observation, not the sum"
        return Slip("mean_log_likelihood", says, "Sum over the observations.", 0.0)
    constant = _constant(at.question)
    if constant != 0 and same(here - constant):
        says = f"a constant of {constant:.6g} was left out"
        return Slip("constant_missing", says, "Add the constants of the density.", 0.0)
    trace = made.trace
    if len(trace) > 1 and same(trace[-2]) and not same(trace[-1]) and close(trace[-1], here):
        says = "it is that of the step before the last"
        return Slip("previous_step", says, "Compute it after the last M-step.", 0.0)
    hard = stepped(at.question, at.estimate, 0, hard=True)
    if hard is not None and same(hard.log_likelihood):
        says = "it is the classification log-likelihood, of hard EM"
        return Slip("hard_assignment", says, "Use memberships between 0 and 1.", 0.0)
    return None


def _constant(question: Question[Any, Any]) -> float:
    """Return the part of the log-likelihood that no parameter touches, 0 for rows on disk."""
    sample = question.sample
    if not isinstance(sample, Sample):
        return 0.0
    base = emission_of(question.family).base(sample.x, sample.trials)
    return float(np.asarray(sample.counts) @ base)
