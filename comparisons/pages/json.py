"""A comparison as one JSON object: the format that `second-opinion --json` prints.

{
  "format": 1,
  "family", "structure", "components", "observations", "distinct",  the question
  "whole": 10000000,                                       of which observations were drawn, or null
  "bins": {"rows", "shift"},                               null where the posterior saw all rows
  "verdict": "agree" | "disagree" | "inconclusive" | null  null where only EM was run
  "headline": {"code", "sentence"},                        the first cause, null if there is none
  "findings": [{"code", "severity", "value", "threshold", "message", "remedy"}, ...],
  "em": {"log_likelihood", "steps", "converged", "starts", "optima"},
  "sampler": {"draws", "chains", "max_r_hat", "min_ess_bulk", "min_ess_tail", "divergences",
              "seconds"},                                  null where only EM was run
  "parameters": [{"title", "name", "component", "dimension", "next", "group", "category", "mle",
                  "se", "mean", "sd", "low", "high", "gap_in_sd", "sd_ratio", "percentile", "mcse",
                  "r_hat", "ess_bulk", "prior_pull", "skew", "noise", "mle_low", "mle_high"}, ...],
  "states": [{"share", "lasts"}, ...],                     null where rows have no order
  "deviance": {"mean", "df"},
  "predictive": {"hellinger"}
}

A study's object has three keys more, and these alone (with "format") where it has no posterior;
`study --all` prints {"format": 1, "studies": {name: object, ...}}:

  "study", "learned",                                      its name, and what it teaches
  "steps": [{"title", "columns": [...], "rows": [[...], ...]}, ...]

em: log-likelihood of the estimate and whether it is at its maximum; steps, starts and optima are of
the em.Fit that was handed in, or else of EM's own search. title is the name for people, with the
names of columns, categories and groups; it counts components from 1, as people do. component counts
from 0, null where all components share
the parameter; dimension is null, a column or a pair of columns; next is the state to which a
transition leads; group and category are the names of those that the dimension counts, null where
there are none; lasts is the expected number of rows in a state, null if it is never left; low and
high are the 95% equal-tailed interval, mle_low and mle_high EM's 95% profile likelihood interval,
null where an end is missing or infinite or was not looked for; draws are a chain's, divergences
their number in all chains.
Infinities and NaN are null. A reader may rely on these keys for as long as `format` is 1; keys may
be added in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict

from comparisons import finding
from comparisons.thresholds import FORMAT
from comparisons.verdict.alone import findings_of
from comparisons.verdict.headline import headline
from models.structure import from_fields, moves_of, parameters, picked, title_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import em
    from comparisons.kept.facts import Facts
    from comparisons.pages.story import Story
    from models import structure
    from models.question import Question

__all__ = ["Opinion", "of_comparison", "of_fit", "of_story"]


class Bins(Struct):
    """How many rows the posterior saw, and by how much that can have moved a mean."""

    rows: int
    shift: float


class Finding(Struct):
    """One thing that was measured."""

    code: str
    severity: finding.Severity
    value: float
    threshold: float
    message: str
    remedy: str


class Headline(Struct):
    """The first cause of a verdict that is not agree."""

    code: str
    sentence: str


class EM(Struct):
    """How EM went."""

    log_likelihood: float
    steps: int
    converged: bool
    starts: int
    optima: int


class Sampler(Struct):
    """How the sampler went."""

    draws: int
    chains: int
    max_r_hat: float
    min_ess_bulk: float
    min_ess_tail: float
    divergences: int | None
    seconds: float


class State(Struct):
    """A state of rows in order: its share of the rows, and how many rows it is expected to last."""

    share: float
    lasts: float | None


class Parameter(Struct):
    """One row of the table.

    title: its name for people, such as mean[tall,height].
    dimension: a column or a pair of columns of the data.
    next: of a transition from the component to another, that other one.
    group, category: the names of those that the dimension counts.
    """

    title: str
    name: str
    component: int | None
    dimension: int | list[int] | None
    next: int | None
    group: str | None
    category: str | None
    mle: float
    se: float
    mean: float | None = None
    sd: float | None = None
    low: float | None = None
    high: float | None = None
    gap_in_sd: float | None = None
    sd_ratio: float | None = None
    percentile: float | None = None
    mcse: float | None = None
    r_hat: float | None = None
    ess_bulk: float | None = None
    prior_pull: float | None = None
    skew: float | None = None
    noise: float | None = None
    mle_low: float | None = None
    mle_high: float | None = None


class Deviance(Struct):
    """Of the draws: its mean, and the number of free parameters."""

    mean: float | None
    df: int


class Predictive(Struct):
    """How far apart the two predictive densities are."""

    hellinger: float | None


class Opinion(Struct):
    """A comparison, or EM alone.

    >>> found = of_comparison(comparison)
    >>> found.family, found.components, found.observations, found.verdict
    ('Poisson', 2, 100, 'agree')
    """

    format: int
    family: str
    structure: str
    components: int
    observations: int
    distinct: int
    whole: int | None
    bins: Bins | None
    verdict: finding.Verdict | None
    headline: Headline | None
    findings: list[Finding]
    em: EM
    sampler: Sampler | None
    parameters: list[Parameter]
    states: list[State] | None
    deviance: Deviance
    predictive: Predictive


class Table(Struct):
    """One of a study's tables."""

    title: str
    columns: list[str]
    rows: list[list[float | str | None]]


class Study(Struct):
    """A study, but for its comparison."""

    format: int
    study: str
    learned: str
    steps: list[Table]


def of_comparison(facts: Facts) -> Opinion:
    """Return a comparison's object.

    >>> [one.name for one in of_comparison(comparison).parameters]
    ['weight', 'weight', 'rate', 'rate']
    """
    estimate, sampling, worst = facts.estimate, facts.sampling, facts.worst
    numbers = Parameter.__struct_fields__[7:]  # after what says which parameter it is
    names = facts.named
    return Opinion(
        FORMAT,
        facts.title,
        title_of(facts.structure),
        facts.k,
        facts.observations,
        facts.distinct,
        facts.whole,
        None if facts.bins is None else Bins(len(facts.rows.x), facts.shift),
        facts.verdict,
        _headline(facts.findings),
        _findings(facts.findings),
        EM(
            estimate.log_likelihood,
            estimate.steps,
            estimate.converged,
            estimate.starts,
            estimate.optima,
        ),
        Sampler(sampling.draws, sampling.chains, *worst, sampling.divergences, sampling.seconds),
        [
            # a comparison that an earlier release saved has fewer columns
            _row(row.parameter, names, *(row.numbers.get(name, np.nan) for name in numbers))
            for row in facts.parameters
        ],
        _states(from_fields(facts.structure, facts.family, facts.fields), facts.question),
        Deviance(facts.deviance_mean, facts.deviance_df),
        Predictive(facts.hellinger),
    )


def of_fit(fit: em.Fit[Any]) -> Opinion:
    """Return the same object for EM alone: what needs a posterior is null.

    >>> from em import fit
    >>> from models import Poisson, Sample
    >>> of_fit(fit(Poisson, Sample([1, 2, 6]), 1)).parameters[0].mle
    3.0
    """
    names, errors = fit.question.names, fit.standard_errors
    return Opinion(
        FORMAT,
        fit.family.__name__,
        title_of(fit.question.structure),
        fit.question.k,
        fit.observations,
        fit.question.sample.distinct,
        None,
        None,
        None,
        _headline(findings_of(fit)),
        _findings(findings_of(fit)),
        EM(fit.log_likelihood, fit.steps, bool(fit.converged), fit.starts, len(fit.optima)),
        None,
        [
            _row(one, names, float(picked(fit.estimate, one)), float(picked(errors, one)))
            for one in parameters(fit.estimate, fit.question.held)
        ],
        _states(fit.estimate, fit.question),
        Deviance(None, len(fit.coordinates)),
        Predictive(None),
    )


def of_story(name: str, story: Story) -> dict[str, object]:
    """Return a study's object.

    >>> from comparisons.pages.story import Story
    >>> of_story("coin", Story((), "Ten flips are few.", ()))
    {'format': 1, 'study': 'coin', 'learned': 'Ten flips are few.', 'steps': []}
    """
    tables = [
        Table(one.title, list(one.columns), [list(map(_cell, row)) for row in one.rows])
        for one in story.steps
    ]
    found = asdict(Study(FORMAT, name, story.learned, tables))
    return found if story.comparison is None else found | asdict(of_comparison(story.comparison))


def _cell(cell: float | str | None) -> float | str | None:
    """Return a cell; all numbers of a table are written alike, whole ones too."""
    return cell if cell is None or isinstance(cell, str) else float(cell)


def _headline(found: Iterable[finding.Finding]) -> Headline | None:
    first = headline(found)
    return None if first is None else Headline(first.code, first.message)


def _findings(found: Iterable[finding.Finding]) -> list[Finding]:
    return [Finding(*one) for one in found]


def _states(found: structure.Structure, question: Question[Any, Any]) -> list[State] | None:
    """Return the states of an estimate; null if rows have no order."""
    moves = moves_of(found)
    if moves is None:
        return None
    with np.errstate(divide="ignore"):  # a state that is never left lasts for ever, which is null
        lasts = 1 / (1 - np.diagonal(moves))
    shares = found.overall(question.data)
    return [State(float(one), float(rows)) for one, rows in zip(shares, lasts, strict=True)]


def _row(of: structure.Parameter, names: Mapping[str, Sequence[str]], *numbers: float) -> Parameter:
    """Return a row; its dimension is null, a column or a pair of columns."""
    place, after = of.place, None
    if "component_next" in of.axes:
        (after,), place = place, ()
    dimension = place[0] if len(place) == 1 else list(place) or None
    named = of.named(names)
    group, category = named.get("group"), named.get("category")
    return Parameter(
        of.titled(names), of.name, of.component, dimension, after, group, category, *numbers
    )
