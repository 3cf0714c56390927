"""The words of the trade that a report uses, each in a sentence; others are left out."""

from __future__ import annotations

import re
from typing import NamedTuple

from comparisons.thresholds import LEVEL

__all__ = ["TERMS", "Term", "glossary"]


class Term(NamedTuple):
    """A word of the trade.

    name: as it heads its sentence. meaning: one sentence.
    used: a pattern of how pages say it.

    >>> TERMS[0].name
    'Hidden group, weight'
    """

    name: str
    meaning: str
    used: str


TERMS = (
    Term(
        "Hidden group, weight",
        "A group (also called component) is a part of the population that the data do not name, "
        "and its weight is its share of the population.",
        r"groups?\b|components?\b|\bweights?\b",
    ),
    Term(
        "Hidden Markov model, state, transition",
        "A model of rows in time, each in a hidden state: the next state depends on the present "
        "one only, through the transition probabilities.",
        r"transition|Markov",
    ),
    Term(
        "Likeliest path",
        "The sequence of states that is most probable given all rows (Viterbi).",
        r"[Ll]ikeliest path|likeliest states",
    ),
    Term(
        "Likelihood, log-likelihood",
        "How probable the data are under given parameters, and its logarithm: higher is better, "
        "on the same data.",
        r"[Ll]ikelihood",
    ),
    Term(
        "EM",
        "Expectation–maximisation climbs the likelihood step by step to a peak, the "
        "maximum-likelihood estimate, from many starts because there may be several peaks.",
        r"\bEM\b",
    ),
    Term(
        "Prior, posterior, MCMC",
        "The prior says what is plausible about the parameters before the data are seen, the "
        "posterior what is plausible afterwards, and Markov chain Monte Carlo (MCMC) draws from "
        "the posterior.",
        r"posterior|[Pp]rior|MCMC",
    ),
    Term(
        "Posterior predictive distribution",
        "What the posterior expects of a new observation: the model’s distribution, averaged over "  # noqa: RUF001
        "all draws of the parameters.",
        r"posterior predictive|predicted distribution|[Pp]redicted distributions",
    ),
    Term(
        "Standard error",
        "How much EM’s estimate would vary if the data were collected again, computed from the "  # noqa: RUF001
        "curvature of the log-likelihood at its peak.",
        r"standard.errors?",
    ),
    Term(
        "Information",
        "The curvature of the log-likelihood at its peak, a matrix: the more information, the "
        "smaller the standard errors.",
        r"\b[Ii]nformation\b(?! criterion)",
    ),
    Term(
        f"Posterior sd, {LEVEL:.0%} interval",
        f"The standard deviation of a parameter’s draws, and the range of the middle {LEVEL:.0%} "  # noqa: RUF001
        "of them.",
        r"posterior sd|% interval",
    ),
    Term(
        "Profile interval",
        "An interval from the likelihood alone: all values of a parameter that, with the other "
        "parameters refitted, fit nearly as well as the estimate.",
        r"profile (likelihood )?interval",
    ),
    Term(
        "Gap in sd",
        "The distance between posterior mean and estimate in posterior sds, caused by the pull of "
        "the prior and by skewness, since the mean of a lopsided distribution lies beside its "
        "peak.",
        r"[Gg]ap in sd|[Ll]argest gap",
    ),
    Term(
        "R-hat",
        "Compares chains that started far apart: near 1 they agree, and from 1.01 on they have not "
        "mixed, so that their draws should not be used.",
        r"R-hat",
    ),
    Term(
        "ESS, effective sample size",
        "The number of independent draws that would be as precise as the correlated draws of the "
        "chains: the bulk ESS is for means, the tail ESS for intervals.",
        r"\bESS\b|effective draws",
    ),
    Term(
        "Divergence",
        "A failed step of the sampler where the posterior bends sharply: many of them mean that a "
        "part of the posterior was not explored.",
        r"[Dd]iverge(nces?|s)?\b",
    ),
    Term(
        "E-BFMI",
        "How freely the chains move between likely and unlikely regions (energy levels): below 0.3 "
        "they explore the tails too slowly.",
        r"E-BFMI",
    ),
    Term(
        "Monte Carlo error",
        "The error of a posterior mean that comes from having finitely many draws.",
        r"Monte Carlo error",
    ),
    Term(
        "Deviance",
        "Twice the amount by which a draw’s log-likelihood lies below the estimate’s: in a regular "  # noqa: RUF001
        "problem its mean over all draws is the number of free parameters.",
        r"[Dd]eviance",
    ),
    Term(
        "Chi-squared",
        "The distribution of the deviance in a regular problem, whose mean is the number of free "
        "parameters.",
        r"[Cc]hi-squared",
    ),
    Term(
        "Hellinger distance",
        "How different two distributions are, from 0 (the same) to 1 (nothing in common).",
        r"Hellinger",
    ),
    Term(
        "p-value",
        "The probability, if the model is right, of data that differ from it as much as these do.",
        r"\bp\s[=<]\s|p-value",
    ),
    Term(
        "Local optimum",
        "A peak of the likelihood that is not the highest one.",
        r"local optimum|[Dd]istinct optima|several optima",
    ),
    Term(
        "Mode",
        "A peak of the posterior’s density.",  # noqa: RUF001
        r"\b[Mm]odes?\b",
    ),
    Term(
        "Spike",
        "A group that shrinks onto a few observations, where the likelihood grows without bound: "
        "no useful estimate, and ruled out by the prior.",
        r"[Ss]pikes?\b",
    ),
    Term(
        "Label switching",
        "Groups have no names of their own, so two chains may number the same groups differently, "
        "and labels are aligned before anything is summarised.",
        r"[Ll]abels? (were|switch|the)|labels are aligned|labels were aligned|be swapped",
    ),
    Term(
        "Newton decrement",
        "The distance from the estimate to the top of its hill, in standard errors: near 0, EM has "
        "finished.",
        r"Newton decrement",
    ),
    Term(
        "Log odds",
        "The logarithm of p / (1 − p) for a probability p, which is 0 for one half.",  # noqa: RUF001
        r"[Ll]og odds",
    ),
    Term(
        "Evidence",
        "The marginal likelihood: how probable the data are under a model, averaged over its "
        "prior.",
        r"\b(log )?[Ee]vidence\b",
    ),
    Term(
        "LOO",
        "How well a model predicts each observation from all others (leave-one-out "
        "cross-validation).",
        r"\bLOO\b",
    ),
    Term(
        "BIC",
        "A criterion for choosing the number of groups: minus twice the log-likelihood, plus a "
        "penalty for each parameter, so that lower is better.",
        r"\bBIC\b",
    ),
    Term(
        "ICL",
        "BIC with a further penalty for groups that overlap: lower is better.",
        r"\bICL\b",
    ),
)
"""All words that reports may use, in the order in which they are best read."""


def glossary(said: str) -> list[Term]:
    """Return the terms that a text uses.

    >>> [one.name for one in glossary("largest R-hat 1.003")]
    ['R-hat']
    """
    return [one for one in TERMS if re.search(one.used, said)]
