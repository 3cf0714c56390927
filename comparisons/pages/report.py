"""The whole comparison on one page, for a browser, a phone, a printer, a colleague."""

from __future__ import annotations

import json
import re
from functools import partial
from html import unescape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bayes.posterior.tree import posterior_of
from comparisons.finding import DOUBT, FAULT, OK, Finding, allowed, beyond, number_said, plain
from comparisons.kept.largest import largest, size_of
from comparisons.measures import measure_of
from comparisons.pages.embedded import inlined
from comparisons.pages.glossary import glossary
from comparisons.pages.opening import observed, opening, title
from comparisons.pages.page import rendered
from comparisons.pages.terminal import FLAT, inner_places, meaning, meant, starred, unsaid
from comparisons.pictures.catalogue import pictures_of
from comparisons.pictures.groups import in_groups
from comparisons.pictures.likelihood import reached_from
from comparisons.pictures.style import minus
from comparisons.thresholds import GAP, LEVEL, MISSED
from comparisons.verdict.headline import by_importance, follows
from models.family import by_column, remarks
from models.names import spelt
from models.structure import moves_of, title_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from comparisons.kept.facts import Facts, Row
    from comparisons.pages.story import Story
    from comparisons.pictures.catalogue import Picture
    from models import Prior
    from models.arrays import Array
    from models.question import Question

__all__ = ["Card", "Line", "card_of", "line_of", "report"]

SHOWN = 4  # groups, and columns of each, in the first sentence
COLUMNS = 6  # there, if each has a family of its own and needs one number
FIXED = (1e-4, 1e7)  # smaller and larger numbers are written with a power of ten
TAG = re.compile(r"<[^>]*>")
UNKNOWN = "–"
STARTS, TUNE, CHAINS = 20, 1_000, 4  # the defaults of second_opinion
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def report(
    facts: Facts,
    command: str | None = None,
    story: Story | None = None,
    pictures: Sequence[Picture] | None = None,
) -> str:
    """Return a comparison as one HTML page that needs nothing else: no network, no script.

    command: by which it was made, to be shown. story: of a study.
    pictures: of the comparison, by default `pictures_of`.

    >>> page = report(comparison, "second-opinion fit counts.csv", pictures=[])
    >>> "second-opinion fit counts.csv" in page, "<script" in page
    (True, False)
    """
    after = follows(facts.findings)
    causes = [one for one in by_importance(facts.findings) if one not in after]
    rows, hidden = largest(facts)
    lines = [line_of(row) for row in rows]
    compared = pictures_of(facts) if pictures is None else pictures
    open_ended = any(one.code == FLAT for one in facts.findings)  # components are one of a set
    write = partial(
        rendered,
        "report.html.j2",
        verdict=facts.verdict,
        lead=meaning(facts),
        meant=meant(facts),
        story=story,
        groups=_groups(facts) if facts.verdict == "agree" and not open_ended else [],
        why=_why(facts, causes),
        title=title(facts),
        opening=opening(facts),
        table=lines,
        profiled=any(line.profile for line in lines),
        unfound=any(UNKNOWN in line.profile for line in lines),
        hidden=hidden,
        causes=[card_of(one) for one in causes],
        after=[card_of(one) for one in after],
        measures=[card_of(one) for one in facts.findings],
        few=_few(facts, causes),
        steps=_steps(story),
        em=_of_em(facts),
        optima=_optima(facts),
        higher=_higher(facts),
        notes=[_typeset(one) for one in unsaid(facts.estimate.notes, facts.findings)],
        chains=_of_chains(facts),
        command=command,
        call=_call(facts),
        prior=_prior(facts),
        record=_record(facts.question.prior) if facts.prior_known else "",
        versions=facts.versions,
        level=f"{LEVEL:.0%}",
        places=_places(facts),
        remarks=[
            *[f"A star stands for all {facts.noun}s."] * starred(facts),
            *remarks(facts.family),
        ],
        errorless=not all(np.isfinite(row.numbers["se"]) for row in rows),
        limit=GAP,
        noun=facts.noun,
        in_groups=in_groups(facts),
    )
    said = write(drawn=[], pictures=[], terms=[]).partition("<body>")[2]
    own = [*(story.pictures if story else []), *compared]
    terms = glossary(" ".join([unescape(TAG.sub(" ", said)), *(one.alt for one in own)]))
    return write(
        drawn=inlined(story.pictures if story else []), pictures=inlined(compared), terms=terms
    )


class Line(NamedTuple):
    """A line of both tables, its numbers in words.

    profile: EM's profile interval; empty where it has no end.
    far: whether the gap is beyond its threshold.
    truth: None where it is unknown.
    more: the columns of the second table.

    >>> Line._fields[:3]
    ('label', 'estimate', 'posterior')
    """

    label: str
    estimate: str
    posterior: str
    interval: str
    profile: str
    gap: str
    far: bool
    truth: str | None
    more: tuple[str, ...]


class Card(NamedTuple):
    """A finding, its numbers in words.

    value, allowed: its number and the least or the most that is ok; empty where nothing says what
        the number is.
    what: what it is, behind it, where the message does not say it.
    shown: whether they are there.

    >>> Card._fields[:2]
    ('severity', 'code')
    """

    severity: str
    code: str
    title: str
    value: str
    what: str
    allowed: str
    message: str
    remedy: str
    shown: bool


def _places(facts: Facts) -> str:
    """Return what stands in the brackets of a parameter's name."""
    where = inner_places(facts)
    if facts.noun == "state":
        others = f"; of others, {where}" * bool(where)
        return f"state; of a transition, then the next state{others}"
    behind = f", then {where}" * bool(where)
    if "group" in facts.named and facts.k > 1:
        return f"group, then the {facts.noun}; of other parameters, the {facts.noun}{behind}"
    return f"{facts.noun}{behind}"


def _why(facts: Facts, causes: list[Finding]) -> list[str]:
    """Return what carries the verdict, most important first, in sentences."""
    if facts.verdict != "agree":
        return [_typeset(one.message) for one in causes if one.severity in (FAULT, DOUBT)]
    names, gaps = list(facts.gaps), np.abs([*facts.gaps.values()])
    worst = int(np.nan_to_num(gaps).argmax())
    sentence = (
        f"Largest gap between posterior mean and estimate: {_short(gaps[worst])} posterior sd "
        f"({names[worst]}; up to {GAP:g} is ok). Mean deviance of the draws: "
        f"{_short(facts.deviance_mean)} (expected: {facts.deviance_expected:.4g}). Hellinger "
        f"distance between the two predicted distributions: {_short(facts.hellinger)} (0: the "
        "same, 1: nothing in common)."
    )
    return [sentence]


def _groups(facts: Facts) -> list[str]:
    """Return what was found of each component: its share, and where it lies in each column."""
    k, found = facts.k, []
    for component, parts in zip(range(min(k, SHOWN)), _shares(facts), strict=False):
        own = [row for row in facts.parameters if row.parameter.component in (component, None)]
        every = [*parts, *(_by_columns if by_column(facts.family) else _in_order)(facts, own)]
        found.append(f"{facts.called(component)}: {', '.join(every)}")
    if k > SHOWN:
        found.append(f"and {k - SHOWN:,} more, which the table below lists")
    return found


def _in_order(facts: Facts, own: list[Row]) -> list[str]:
    """Return the first entries of a component's first field, or the largest, of categories."""
    first = next((name for name in facts.names if name not in facts.shares), "")
    located = [row for row in own if row.parameter.name == first]
    if facts.categories:  # the likeliest come first
        located.sort(key=size_of, reverse=True)
    return [_located(row, facts.categories or facts.columns) for row in located[:SHOWN]]


def _by_columns(facts: Facts, own: list[Row]) -> list[str]:
    """Return one number of a component for each column: of labels, that of the likeliest one."""
    fields: dict[int, str] = {}
    for name, field in facts.family.layout().items():
        fields.setdefault(field.part, name)
    found = []
    for part, name in list(fields.items())[:COLUMNS]:
        row = max((row for row in own if row.parameter.name == name), key=size_of)
        column = facts.columns[part - 1] if facts.columns else f"column {part}"
        label = ""
        if place := row.parameter.place:  # of a category
            names = facts.named.get(f"category_{part}", ())
            label = f" = {names[place[0]] if names else place[0]}"
        of = f"{name.removesuffix(f'_{part}')} of {column}{label}"
        found.append(f"{of} {_within(row)}")
    more = len(fields) - COLUMNS
    return [*found, f"and {more:,} more column{'s' * (more > 1)}"] if more > 0 else found


def _shares(facts: Facts) -> list[list[str]]:
    """Return, for each component, its share of all observations, and how long a state lasts."""
    draws, question = posterior_of(facts.tree).draws, facts.question
    if question.held or not facts.shares:
        return [[] for _ in range(facts.k)]
    found = [[_share(one)] for one in _summary(draws.overall(question.data))]
    moves = moves_of(draws)
    if moves is not None:
        stay = np.diagonal(moves, axis1=1, axis2=2)
        with np.errstate(divide="ignore"):
            lasts = 1 / (1 - stay)
        tail = (1 - LEVEL) / 2
        for parts, own in zip(found, lasts.T, strict=True):
            low, middle, high = (f"{one:.2g}" for one in np.quantile(own, [tail, 0.5, 1 - tail]))
            parts.append(f"lasts {middle} rows ({low} to {high})")
    return found


def _summary(draws: Array) -> list[dict[str, float]]:
    """Return mean, sd and interval of each column of draws (n, K)."""
    tail = (1 - LEVEL) / 2
    numbers = (
        draws.mean(axis=0),
        draws.std(axis=0, ddof=1),
        *np.quantile(draws, [tail, 1 - tail], 0),
    )
    return [
        dict(zip(("mean", "sd", "low", "high"), map(float, one), strict=True))
        for one in zip(*numbers, strict=True)
    ]


def _share(of: Mapping[str, float]) -> str:
    """Return a component's share in percent, with its interval."""
    mean, low, high = (
        f"{_rounded(100 * of[name], 100 * of['sd'])}%" for name in ("mean", "low", "high")
    )
    return f"{mean} of all ({low} to {high})"


def _located(row: Row, names: Sequence[str]) -> str:
    """Return where a component lies, with its interval; of which column, if there are several."""
    name, place = row.parameter.name, row.parameter.place
    of = f" of {names[place[0]] if names else f'column {place[0] + 1}'}" if place else ""
    return f"{name}{of} {_within(row)}"


def _within(row: Row) -> str:
    """Return a posterior mean with its interval."""
    numbers = row.numbers
    mean, low, high = (_rounded(numbers[one], numbers["sd"]) for one in ("mean", "low", "high"))
    return f"{mean} ({low} to {high})"


def line_of(row: Row) -> Line:
    """Return a parameter's numbers, each to the digits that its error justifies.

    >>> line_of(comparison.parameters[2]).label
    'rate[1]'
    """
    line = row.numbers
    sd = line["sd"]
    return Line(
        row.title,
        _estimate(row.estimate, line["se"], sd),
        _with_error(line["mean"], sd),
        f"{_rounded(line['low'], sd)} to {_rounded(line['high'], sd)}",
        _profile(line.get("mle_low", np.nan), line.get("mle_high", np.nan), sd),
        _signed(line["gap_in_sd"]),
        bool(abs(line["gap_in_sd"]) > GAP),
        _rounded(line["truth"], sd) if "truth" in line else None,
        (
            _signed(line["prior_pull"]),
            _signed(line["skew"]),
            _short(line["noise"]),
            _short(line["sd_ratio"]),
            _short(line["percentile"]),
            _fixed(line["r_hat"], 3),
            _short(np.floor(line["ess_bulk"])),
            _short(np.floor(line["ess_tail"])),
        ),
    )


def _profile(low: float, high: float, sd: float) -> str:
    """Return an interval of which ends may be missing; empty if both are."""
    if np.isnan(low) and np.isnan(high):
        return ""
    return f"{_rounded(low, sd)} to {_rounded(high, sd)}"


def _estimate(value: float, error: float, sd: float) -> str:
    """Return an estimate with its error; without one to the digits of the posterior's sd."""
    if 0 < error < np.inf or abs(value) < sd / 100:  # too small for the digits of the sd
        return _with_error(value, error)
    return _rounded(value, sd)


def _with_error(value: float, error: float) -> str:
    """Return value ± error; the value alone where there is no error."""
    if not 0 < error < np.inf:
        return _short(value)
    return f"{_rounded(value, error)} ± {_rounded(error, error)}"


def _rounded(value: float, error: float) -> str:
    """Return a number to the second digit of its error."""
    if not 0 < error < np.inf or not np.isfinite(value):
        return _short(value)
    least, most = FIXED
    place = int(np.floor(np.log10(error)))
    if error >= least and max(abs(value), error) < most:
        return minus(f"{round(value, 1 - place):z,.{max(1 - place, 0)}f}")
    digits = int(np.floor(np.log10(abs(value)))) - place + 1 if value else 0
    return _scientific(value, max(digits, 0))


def _short(value: float) -> str:
    """Return a number that has no error: four digits from 1 up, two below."""
    if np.isnan(value):
        return UNKNOWN
    if np.isinf(value):
        return minus(f"{value:.0f}".replace("inf", "∞"))
    size, (least, most) = abs(value), FIXED
    if value and not least <= size < most:
        return _scientific(value, 1).replace(".0", "")
    digits = 4 if size >= 1 else 2
    rounded = float(f"{value:.{digits}g}")
    return minus(f"{rounded:,.10g}" if size < 1e4 else f"{value:,.0f}")


def _scientific(value: float, digits: int) -> str:
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    space = "\N{NO-BREAK SPACE}"
    power = str(int(exponent)).translate(SUPERSCRIPTS)
    return f"{minus(mantissa)}{space}×{space}10{power}"


def _signed(value: float) -> str:
    text = _fixed(value, 2)
    return "+" * (value > 0 and text != "0.00") + text


def _fixed(value: float, places: int) -> str:
    """Return a number with a given number of decimals."""
    if not np.isfinite(value) or abs(value) >= FIXED[1]:
        return _short(value)
    return minus(f"{value:z,.{places}f}")  # z: no minus before 0.00


def _typeset(message: str) -> str:
    """Return a sentence, its powers of ten written for readers: 1,500 for 1.5e+03."""
    kept = re.sub(r"\bp ([<=]) (?=\d)", "p\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", message)
    return re.sub(r"-?\d+\.?\d*e[-+]\d+", lambda found: _short(float(found[0])), kept)


def card_of(finding: Finding) -> Card:
    """Return a finding, its numbers in words.

    >>> card_of(Finding("few_draws", "doubt", 80.0, 400.0, "Bulk ESS is 80.", "")).allowed
    'at least 400'
    """
    measure, said = measure_of(finding.code), number_said(finding)
    what = "" if said or not np.isfinite(finding.value) else measure.what
    shown = said or bool(what)
    number = _percent if measure.percent else _short
    value = number(finding.value)
    if value == number(finding.threshold) and finding.severity != OK:  # it is not the same
        value = plain(finding.value, limit=finding.threshold)
    # what is ok beyond its threshold is so by a second condition, which a number cannot show
    known = np.isfinite(finding.threshold) and not (finding.severity == OK and beyond(finding))
    return Card(
        finding.severity,
        finding.code,
        measure.title,
        value if shown else "",
        what,
        f"{allowed(finding)} {number(finding.threshold)}".replace("± ", "±")
        if shown and known
        else "",
        _typeset(finding.message),
        finding.remedy,
        shown,
    )


def _percent(share: float) -> str:
    """Return a share in percent, to two digits, as sentences have it."""
    return f"{_short(float(f'{100 * share:.2g}'))}%"


def _few(facts: Facts, causes: list[Finding]) -> dict[str, str] | None:
    """Return what the paragraph on few data speaks of, or None where there are enough."""
    if not any(one.code == "few_observations" for one in causes):
        return None
    n, p = facts.observations, facts.deviance_df
    return {"n": f"{n:,}", "observed": observed(facts)[1], "p": f"{p:,} parameter{'s' * (p > 1)}"}


def _steps(story: Story | None) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return title, heads and rows of each of a study's tables."""
    if story is None:
        return []
    return [
        (one.title, list(one.columns), [[_cell(cell) for cell in row] for row in one.words()])
        for one in story.steps
    ]


def _cell(word: str) -> str:
    """Return a cell, the minus sign of a number as typographers write it."""
    return minus(word[:1]) + word[1:] if word[1:2].isdigit() else word


def _of_em(facts: Facts) -> dict[str, str]:
    """Return how EM went."""
    em = facts.estimate
    found = {
        "Estimate by": em.name,
        "Starts": f"{em.starts:,}",
        "Distinct optima": f"{em.optima:,}",
        "Steps of the best start": f"{em.steps:,}",
        "Converged": "yes" if em.converged else "no",
        "Log-likelihood of the estimate": minus(f"{em.log_likelihood:,.3f}"),
        "Distance to the maximum, in standard errors (Newton decrement)": _short(em.decrement),
        "BIC": minus(f"{em.bic:,.1f}"),
    }
    if 0 <= em.missing <= 1:  # otherwise the estimate is no maximum
        found["Information missing because labels are hidden"] = f"{em.missing:.1%}"
    return found


def _higher(facts: Facts) -> str:
    """Say that EM's estimate is higher than what its own starts reached, if it is."""
    by = facts.estimate.log_likelihood - float(facts.optima.log_likelihood[0])
    if facts.estimate.name != "EM" or not by > MISSED:
        return ""
    return (
        f"None of these is the estimate. EM reached it later, from {reached_from(facts)}, and its "
        f"log-likelihood is {_short(by)} higher."
    )


def _optima(facts: Facts) -> list[tuple[str, ...]]:
    """Return where starts ended: log-likelihood, starts, and what is wrong with the place."""
    return [
        (
            minus(f"{height:,.3f}"),
            f"{starts:,}",
            "spike, set aside" if spike else f"empty {facts.noun}" if empty else "regular",
        )
        for height, starts, spike, empty in zip(*facts.optima, strict=True)
    ]


def _of_chains(facts: Facts) -> dict[str, str]:
    """Return how the chains went."""
    sampling, worst = facts.sampling, facts.worst
    found = {
        "Sampler": sampling.library,
        "Chains": f"{sampling.chains:,}",
        "Draws per chain": f"{sampling.draws:,}",
    }
    if sampling.tune is not None:
        found["Tuning draws per chain"] = f"{sampling.tune:,}"
    found |= {
        "Largest R-hat": _fixed(worst.r_hat, 3),
        "Largest R-hat before labels were aligned": _fixed(facts.worst_as_drawn.r_hat, 3),
        "Smallest bulk ESS": _short(np.floor(worst.ess_bulk)),
        "Smallest tail ESS": _short(np.floor(worst.ess_tail)),
    }
    if sampling.divergences is not None:
        found["Divergences"] = f"{sampling.divergences:,}"
    if np.isfinite(sampling.seconds):
        found["Seconds"] = _short(sampling.seconds)
    return found


def _prior(facts: Facts) -> str:
    """Say which prior it is, and how to give the record that follows."""
    if not facts.prior_known:
        return "Unknown: the posterior came from elsewhere, without its prior."
    which = "The weak default" if facts.question.usual else "Given"
    return f"{which}. As observations not seen, in a JSON file for --prior:"


def _record(prior: Prior) -> str:
    """Return a prior as the JSON file that `--prior` reads, a line for each part.

    >>> from models import PoissonPrior, Prior
    >>> print(_record(Prior(0.0, PoissonPrior(events=2.0, exposure=0.5))))
    {
      "weight": 0.0,
      "events": 2.0,
      "exposure": 0.5
    }
    """
    parts = {"weight": prior.weight, **prior.theta._asdict()}
    lines = (f'  "{name}": {json.dumps(np.asarray(one).tolist())}' for name, one in parts.items())
    return "{\n" + ",\n".join(lines) + "\n}"


def _prior_call(prior: Prior) -> str:
    fields = ", ".join(
        f"{name}={np.asarray(value).tolist()}" for name, value in prior.theta._asdict().items()
    )
    return f"Prior({prior.weight}, {type(prior.theta).__name__}({fields}))"


def _call(facts: Facts) -> str:
    """Return the Python that makes such a comparison, what is left at its default left out."""
    question, made_here, estimate = facts.question, facts.sampling.seed is not None, facts.estimate
    (family, needed), prior = spelt(facts.family), question.prior
    heads, kind = facts.family.takes() == "heads", type(question.units)
    names = [*needed, kind.__name__]
    written = question.units.spelt("heads, trials" if heads else "x")
    asked = f"{family}, {written}"
    settings = _settings(facts, question)
    before = []
    if "prior=prior" in settings:
        names += ["Prior", type(prior.theta).__name__.partition("(")[0]]
        before = [f"prior = {_prior_call(prior)}"]
    truth = ", truth=truth" * bool(facts.truth)
    judged = not (made_here and estimate.source == "EM")
    before = [*_placeholders(facts, judged=judged), *before]
    if not judged:
        settings += [f"starts={estimate.starts}"] * (estimate.starts != STARTS)
        settings += [f"group_names={list(question.titles)}"] * bool(question.titles)
        head, first = ["from comparisons import second_opinion"], "comparison = second_opinion"
        body = [_spread(first, f"{asked}, {question.k}", ", ".join(settings) + truth)]
    else:
        head = ["import bayes", "from comparisons import compare"]
        first, rest = ("sample", str(question.k)) if made_here else ("adopt", "tree, names")
        body = [
            _spread(f"posterior = bayes.{first}", f"{asked}, {rest}", ", ".join(settings)),
            f"comparison = compare(estimate, posterior{truth})",
        ]
    head += [f"from models import {', '.join(sorted(names))}", ""]
    return "\n".join([*head, *before, *body])


def _placeholders(facts: Facts, *, judged: bool) -> list[str]:
    """Return comments that say what the reader has to put in."""
    of = f", {', '.join(map(repr, facts.columns))}" if facts.columns else ""
    heads = facts.family.takes() == "heads"
    what = "heads and trials: lists or arrays" if heads else "x: a list, an array or a table"
    found = [f"# {what} of your observations{of}"]
    source, title = facts.estimate.name, title_of(facts.structure)
    if judged and source.endswith(".json"):
        found.append(f"estimate = {source!r}")
    elif judged:
        found.append(f"# estimate: an em.Fit, a {title} or the path of a JSON file")
    if facts.sampling.seed is None:
        found.append("# tree, names: the posterior, and what it calls our parameters")
    if facts.truth:
        found.append(f"# truth: the {title} that the observations were drawn from")
    return [*found, ""]


def _settings(facts: Facts, question: Question[Any, Any]) -> list[str]:
    """Return the keyword arguments of a posterior that are not the usual ones, and its seed."""
    sampling, settings = facts.sampling, []
    if facts.prior_known and not question.usual:
        settings.append("prior=prior")
    if facts.equal_weights:
        settings.append("equal_weights=True")
    if sampling.seed is None:  # of another sampler
        return settings
    if not sampling.gated:
        settings.append(f"draws={sampling.draws}")
    settings += [f"tune={sampling.tune}"] * (sampling.tune != TUNE)
    settings += [f"chains={sampling.chains}"] * (sampling.chains != CHAINS)
    return [*settings, f"seed={sampling.seed}"]


def _spread(function: str, asked: str, settings: str) -> str:
    """Return a call over some lines."""
    lines = [f"{function}(", f"    {asked},", f"    {settings},", ")"]
    return "\n".join(line for line in lines if line.strip() != ",")
