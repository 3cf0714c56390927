"""How a report begins: a short title, and a first paragraph for readers without statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comparisons.finding import OK
from comparisons.pages.terminal import FLAT, MISFIT, among
from comparisons.pictures.groups import in_groups
from models.family import by_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comparisons.kept.facts import Facts

__all__ = ["LISTED", "capitalised", "found", "numeral", "observed", "opening", "subject", "title"]

NUMERALS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
HEADS = ("heads",)
COINS = ("a coin with its own chance of heads", "sets of flips")  # whose column is called so
LISTED = 3  # columns in a title; of more, their number
UNDECIDED = (  # by the first of these causes that a comparison has
    (
        {
            "several_modes",
            "weak_separation",
            "hopeless_chains",
            "not_identified",
            "few_observations",
        },
        "The data allow several different answers, so no conclusion is possible yet.",
    ),
    (
        {
            "unmixed_chains",
            "stuck_chain",
            "few_draws",
            "few_tail_draws",
            "divergences",
            "low_energy",
            "deep_trees",
            "monte_carlo_noise",
        },
        "MCMC has not finished its search, so no conclusion is possible yet.",
    ),
    (
        {"prior_pull", "prior_hold", "prior_sensitivity", "wrong_prior"},
        "The answer depends on prior assumptions, so the data alone do not settle it.",
    ),
)


def title(facts: Facts) -> str:
    """Return the title of a report.

    >>> title(comparison)
    'Counts of events: two groups? EM and MCMC compared (n = 100)'
    """
    extent = facts.question.units.extent if in_groups(facts) else ""
    about = subject(facts.columns, observed(facts)[1]) + f" {extent}" * bool(extent)
    asked = f"{numeral(facts.k)} {noun(facts)}s" if facts.k > 1 else f"a single {noun(facts)}"
    return f"{about}: {asked}? {_who(facts)} and MCMC compared (n = {facts.observations:,})"


def subject(columns: Sequence[str], otherwise: str) -> str:
    """Return what was observed, as a title begins.

    >>> subject(["height in cm"], "measurements"), subject([], "measurements")
    ('Height in cm', 'Measurements')
    >>> subject(["pH", "age", "weight"], ""), subject(list("abcde"), "")
    ('pH, age and weight', '5 columns')
    """
    if len(columns) > LISTED:
        return f"{len(columns):,} columns"
    *first, last = columns or [otherwise]
    return capitalised(f"{', '.join(first)} and {last}" if first else last)


def capitalised(text: str) -> str:
    """Return a text with a capital letter, unless its first word has one inside, as pH has.

    >>> capitalised("height of Ann"), capitalised("pH")
    ('Height of Ann', 'pH')
    """
    first = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if first.islower() else text


def numeral(k: int) -> str:
    """Return a small number as a word.

    >>> numeral(2), numeral(12)
    ('two', '12')
    """
    return NUMERALS[k] if k < len(NUMERALS) else f"{k:,}"


def noun(facts: Facts) -> str:
    """Return what a hidden group is called in the title.

    >>> noun(comparison)
    'group'
    """
    if in_groups(facts):
        return "topic" if facts.family.takes() == "labels" else "component"
    return "state" if facts.noun == "state" else "group"


def _who(facts: Facts) -> str:
    """Return whose estimate it is, as it stands in a title."""
    name = facts.estimate.name
    return name if name == "EM" or name.endswith(".json") else f"an estimate ({name[-40:]})"


def opening(facts: Facts) -> str:
    """Return what was asked, what was done and what came out, in three or four sentences.

    >>> opening(comparison).partition("?")[0]
    'Can 100 counts of events be described by two hidden groups, each a rate of events'
    """
    source = facts.estimate.name
    best = "EM finds the description that fits best"
    if source != "EM":
        best = f"The estimate ({source[-40:]}) is one description of them"
    done = f"{best}, MCMC finds every description that the data leave plausible."
    done = f"Two independent methods answered. {done}" if source == "EM" else done
    return f"{_asked(facts)} {done} {found(facts)}"


def _asked(facts: Facts) -> str:
    """Ask what the model asks."""
    component, rows = observed(facts)
    units, k, what = facts.question.units, facts.k, noun(facts)
    of = f" ({', '.join(facts.columns)}{facts.out_of})" if 0 < len(facts.columns) <= LISTED else ""
    rows = f"{facts.observations:,} {rows}{of}{among(facts)}"
    if in_groups(facts):
        return f"Can {rows}, {units.extent}, be described as mixtures of {numeral(k)} {what}s?"
    each = "" if by_column(facts.family) else f", each {component}"
    in_order = ", one after the other," if what == "state" else ""
    if k == 1:
        return f"Can {rows} be described by a single group{each.replace(', each', ',')}?"
    equal = " of equal size" * facts.equal_weights
    return f"Can {rows}{in_order} be described by {numeral(k)} hidden {what}s{equal}{each}?"


def observed(facts: Facts) -> tuple[str, str]:
    """Return a group and the observations in plain words; heads are those of coins.

    >>> observed(comparison)
    ('a rate of events', 'counts of events')
    """
    return COINS if facts.columns == HEADS else facts.family.plain()


def found(facts: Facts) -> str:
    """Return what came out, in a sentence or two.

    >>> found(comparison)
    'Both give the same answer, and it describes the data well.'
    """
    codes = {one.code for one in facts.findings if one.stands}
    if facts.verdict == "disagree":
        return "They contradict each other, so one of them is wrong. The causes are listed below."
    if codes == {MISFIT}:
        return "Both give the same answer, but it does not describe the data well."
    if facts.verdict == "agree":
        return _agreed(facts)
    causes = (sentence for few, sentence in UNDECIDED if codes & few)
    return next(causes, "No conclusion is possible yet. The causes are listed below.")


def _agreed(facts: Facts) -> str:
    """Return what came out where both agree."""
    well = {one.code: one.severity == OK for one in facts.findings}
    if not well.get(FLAT, True):
        return (
            f"Both describe the data equally well. Many other sets of {noun(facts)}s would do so "
            f"too, so the {noun(facts)}s themselves remain open."
        )
    fits = ", and it describes the data well" * well.get(MISFIT, False)
    return f"Both give the same answer{fits}."
