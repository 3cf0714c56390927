"""What the criteria say together, and why they differ, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comparisons.choice.elect import (
    ALIKE,
    LEVEL,
    SURE,
    VOTING,
    compared,
    elected,
    probabilities,
    probability_errors,
    recommended,
    undecided,
)
from comparisons.choice.predicted import difference
from comparisons.verdict.headline import headline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from comparisons.choice.bootstrap import Bootstrap
    from comparisons.choice.elect import Election
    from comparisons.choice.rows import Row

__all__ = ["advice", "called", "differences", "elections", "listed", "lowered"]


def elections(rows: Sequence[Row], noun: str = "group") -> str:
    """Return which candidate each criterion chooses, in a sentence.

    >>> from comparisons.choice.rows import Row
    >>> elections([Row(fit.family, 2, fit)])
    'AIC, BIC and ICL choose 2 groups.'
    """
    found = elected(rows)
    if not found:
        return "No criterion could be computed."
    by: dict[str, list[str]] = {}
    for name, one in found.items():
        by.setdefault(called(one.row, noun), []).append(_said(name))
    parts = [
        f"{listed(names)} choose{'s' * (len(names) == 1)} {what}" for what, names in by.items()
    ]
    said = f"{'; '.join(parts)}."
    return said[:1].upper() + said[1:] + _of_noise(rows, noun) + _all_rejected(rows, noun)


def _all_rejected(rows: Sequence[Row], noun: str) -> str:
    """Return that the bootstrap rejects all that it tested, so that it elects none, if so."""
    tested = [row for row in rows if row.step is not None and np.isfinite(row.step.p)]
    if not tested or any(row.step is None or row.step.p > LEVEL for row in tested):
        return ""
    if len({row.family for row in tested}) > 1:
        kind = "family" if tested[0].named else "form"
        return f" In each {kind} the bootstrap rejects every number of {noun}s that it tested."
    numbers = listed([str(row.k) for row in tested])
    plural = "s" * (len(tested) > 1 or tested[0].k > 1)
    each = "each " * (len(tested) > 1)
    return f" The bootstrap rejects {numbers} {noun}{plural}, {each}against one more."


def _of_noise(rows: Sequence[Row], noun: str) -> str:
    """Return that the evidence does not decide, if so."""
    open_ = undecided(rows)
    if open_ is None:
        return ""
    return (
        f" The evidence does not decide between {called(open_.first, noun)} and "
        f"{called(open_.second, noun)}: log evidences differ by {open_.gap:.2g}, with a Monte "
        f"Carlo error of {open_.error:.2g}. It counts for the one with fewer parameters."
    )


def advice(rows: Sequence[Row], noun: str = "group") -> str:
    """Return what to take, and how sure that is, in one or two sentences.

    >>> from comparisons.choice.rows import Row
    >>> advice([Row(fit.family, 2, fit, comparison)])
    'There was only one candidate, 2 groups, so nothing was chosen. Give a range, such as -k 1-4.'
    """
    best = recommended(rows)
    if best is None:
        return "Nothing can be recommended: no candidate could be fitted."
    if len(compared(rows)) == 1:
        alone = f"There was only one candidate, {called(best, noun)}, so nothing was chosen."
        alone += " Give a range, such as -k 1-4."
        return alone + _caveat(best, noun)
    found = elected(rows)
    votes = {name: found[name] for name in VOTING if name in found}
    ours = [_said(name) for name, one in votes.items() if one.row is best]
    at = rows.index(best)
    chance, error = probabilities(rows)[at], probability_errors(rows)[at]
    what, them = called(best, noun), "it" if best.k == 1 else "them"
    noise = f" (Monte Carlo error {error:.2g})" if undecided(rows) is not None else ""
    belief = f" The posterior probability of {what} is {_probability(chance)}{noise}."
    belief *= bool(np.isfinite(chance))
    if len(ours) == len(votes):
        whole = "All criteria" if len(votes) == len(VOTING) else "All criteria that count here"
        said = f"Take {what}. {whole} choose {them} ({listed(ours)}).{belief}"
        if np.isfinite(chance) and chance < SURE:
            said += " So other candidates cannot be excluded."
    else:
        how = "with reservations" if 2 * len(ours) > len(votes) else "but the data leave it open"
        said = (
            f"Take {what}, {how}: {len(ours)} of {len(votes)} criteria "
            f"choose{'s' * (len(ours) == 1)} {them} ({listed(ours)}).{belief}"
        )
    if "AIC" in found and found["AIC"].row is not best:
        said += " AIC does not count, as it tends to choose too many."
    return said + _caveat(best, noun)


def _caveat(row: Row, noun: str) -> str:
    """Return what speaks against the row that is recommended nevertheless."""
    said = ""
    if row.comparison is None:
        said += f" But there is no posterior for {called(row, noun)} to compare the fit with."
    if row.fits is False and row.misfit is not None:
        said += f" But even with {called(row, noun)}: {lowered(row.misfit.message)}"
    if row.comparison is not None and row.comparison.verdict != "agree":
        first = headline(row.comparison.findings)
        if first is not None and first.code != "misfit":
            said += f" EM and the posterior do not agree there: {lowered(first.message)}"
    return said


def differences(rows: Sequence[Row], noun: str = "group") -> list[str]:
    """Return why the criteria elect other candidates than BIC does, a sentence each.

    >>> from comparisons.choice.rows import Row
    >>> differences([Row(fit.family, 2, fit)])
    []
    """
    return list(_differences(rows, noun))


def _differences(rows: Sequence[Row], noun: str) -> Iterator[str]:
    found = elected(rows)
    base = found.get("BIC")
    if base is None:
        return
    if differs(found, "AIC", base):
        other = found["AIC"].row
        assert other.fit is not None
        yield (
            f"AIC adds 2 per parameter, BIC adds log n = {np.log(other.fit.observations):.1f}: "
            f"AIC chooses {called(other, noun)}."
        )
    if differs(found, "ICL", base):
        other = found["ICL"].row
        yield (
            "ICL penalises overlap, BIC does not: it adds "
            f"{base.row.icl - base.row.bic:.1f} to BIC with {called(base.row, noun)} and "
            f"{other.icl - other.bic:.1f} with {called(other, noun)}. ICL counts {noun}s that "
            "are well separated, BIC those that the density needs."
        )
    if differs(found, "LOO", base):
        yield _of_loo(found["LOO"].row, base.row, noun)
    if differs(found, "bootstrap", base):
        yield _of_bootstrap(found["bootstrap"].row, base.row, noun)
    if differs(found, "evidence", base):
        yield (
            "The evidence averages the fit over the prior, BIC ignores the prior: log evidence "
            f"{found['evidence'].row.log_evidence:.1f} with {called(found['evidence'].row, noun)}, "
            f"{_at(base.row)} with {called(base.row, noun)}."
        )
    yield from _of_prior(rows, noun)


def differs(found: dict[str, Election], name: str, base: Election) -> bool:
    """Return whether a criterion elects another candidate.

    >>> from comparisons.choice.elect import Election
    >>> from comparisons.choice.rows import Row
    >>> differs({}, "AIC", Election("BIC", Row(fit.family, 2, fit)))
    False
    """
    return name in found and found[name].row is not base.row


def _at(row: Row) -> str:
    """Return a log evidence in words."""
    known = row.sound and np.isfinite(row.log_evidence)
    return f"{row.log_evidence:.1f}" if known else "not known"


def _of_loo(loo: Row, bic: Row, noun: str) -> str:
    """Return why leave-one-out prediction elects another candidate."""
    what, other = called(loo, noun), called(bic, noun)
    if loo.predicted is None or bic.predicted is None:
        return f"LOO chooses {what}; it is not known for {other}."
    if not bic.predicts:
        return f"LOO chooses {what}; it does not count for {other}."
    gap, error = difference(bic.predicted, loo.predicted)
    by = f"by {abs(gap):.1f} (standard error {error:.1f}) units of log-likelihood"
    one = "s" * (loo.k == 1)
    if gap <= 0:
        return f"LOO rewards prediction alone: {what} predict{one} better than {other} {by}."
    return (
        "LOO chooses the fewest parameters that predict as well as the best, within "
        f"{ALIKE:g} standard errors: {what} predict{one} worse than {other} {by}."
    )


def _of_bootstrap(test: Row, bic: Row, noun: str) -> str:
    """Return why the bootstrap test elects another candidate."""
    step = test.step
    assert step is not None
    said = (
        f"The bootstrap does not reject {called(test, noun)} against {test.k + 1} "
        f"(p = {step.p:.2g})"
    )
    if test.k < bic.k:
        return f"{said}, though BIC chooses {called(bic, noun)}."
    at = bic.step
    if at is None or bic.parameters is None:
        return f"{said}; BIC chooses {called(bic, noun)}."
    return (
        f"The bootstrap rejects {called(bic, noun)} ({_bounded(at)}): one more raises "
        f"2 log-likelihood by {at.statistic:.1f}. That is more than chance, but less than what BIC "
        "adds for its parameters."
    )


def _bounded(test: Bootstrap) -> str:
    """Return p in words; a bound where no replicate was as large."""
    return f"p {'=' if test.exceeding else '≤'} {test.p:.2g}"


def _of_prior(rows: Sequence[Row], noun: str) -> Iterator[str]:
    """Yield by how much another width of the prior moves the evidence, and what it then elects."""
    known = [row for row in rows if row.sound and np.isfinite(row.log_evidence)]
    if len(known) < 2:
        return
    first, second = sorted(known, key=lambda row: -row.log_evidence)[:2]
    for name, width in (("half", "half as wide"), ("twice", "twice as wide")):
        logs = [getattr(row.evidence, name).log for row in known]
        if not np.isfinite(logs).all():
            continue
        ahead = f"{logs[known.index(first)] - logs[known.index(second)]:+.1f}"
        usual = f"{first.log_evidence - second.log_evidence:+.1f}"
        other = known[int(np.argmax(logs))]
        if ahead == usual and other is first:
            continue
        said = (
            f"Under a prior {width} the log evidence of {called(first, noun)} less that of "
            f"{called(second, noun)} is {ahead} in place of {usual}"
        )
        yield f"{said}, and it chooses {called(other, noun)}." if other is not first else f"{said}."


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them.

    >>> listed(["BIC"]), listed(["AIC", "BIC", "ICL"])
    ('BIC', 'AIC, BIC and ICL')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def called(row: Row, noun: str) -> str:
    """Return a candidate in words.

    >>> from comparisons.choice.rows import Row
    >>> called(Row(fit.family, 2), "group")
    '2 groups'
    """
    if row.named:
        return f"{row.k} {noun}{'s' * (row.k > 1)} ({row.family.__name__})"
    form = row.title.removesuffix(str(row.k)).strip()
    said = f"{row.k} {noun}{'s' * (row.k > 1)}"
    return f"{said} ({form} covariances)" if form else said


def _said(name: str) -> str:
    """Return a criterion's name as a sentence has it."""
    return f"the {name}" if name in {"bootstrap", "evidence"} else name


def _probability(chance: float) -> str:
    """Return a probability with as many digits as matter, and never as 0 or 1."""
    if not 0.001 <= chance <= 0.999:
        return "below 0.001" if chance < 0.5 else "above 0.999"
    return f"{chance:.3f}" if chance > 0.99 else f"{chance:.2g}"


def lowered(message: str) -> str:
    """Return a sentence with its first letter in lower case, for use after a colon.

    >>> lowered("The chains have not mixed."), lowered("EM found only spikes.")
    ('the chains have not mixed.', 'EM found only spikes.')
    """
    return message[:1].lower() + message[1:] if message[1:2].islower() else message
