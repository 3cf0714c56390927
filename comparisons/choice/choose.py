"""How many groups: every candidate fitted by EM and by MCMC, and compared by several criteria."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import bayes
from bayes.posterior.evidence import evidence
from comparisons.capacity import refuse_many
from comparisons.choice.bootstrap import bootstrap
from comparisons.choice.candidates import Candidates
from comparisons.choice.heights import from_divided
from comparisons.choice.page import page
from comparisons.choice.predicted import UNSTABLE, predicted_of
from comparisons.choice.printed import lines
from comparisons.choice.reasons import lowered
from comparisons.choice.rows import Row
from comparisons.comparison import opinion_of
from comparisons.kept.atomic import written
from comparisons.progress import announce
from comparisons.verdict.search import search
from models.bar import bar
from models.checks import whole
from models.estimable import refuse_inestimable
from models.question import asked
from models.refusal import Refusal, Stopped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    import em
    from comparisons.choice.bootstrap import Bootstrap
    from comparisons.verdict.search import Search
    from models import Prior
    from models.family import Theta
    from models.question import Question
    from models.structure import Data

__all__ = ["Choice", "choose"]

MOST = 999  # replicates of a bootstrap test at most
MISSED = 0.05  # units of log-likelihood by which a fit may fall short without a note
SPIKES = (
    "EM finds only spikes, whose likelihood has no bound: no AIC, BIC, ICL or bootstrap (a prior "
    "keeps the posterior's numbers proper)"
)

UNSOUND = (
    "chains have not mixed, or draws sit on spikes, which rounded values invite: LOO and evidence "
    "do not count there"
)


@dataclass(frozen=True, eq=False, repr=False)
class Choice(Candidates):
    """Candidates for the number of groups, a row each, with a report.

    >>> str(Choice((Row(fit.family, 2, fit),))).split()[:3]
    ['K', 'par.', 'log-lik.']
    """

    def report(self, path: str | Path, command: str | None = None) -> None:
        """Write one self-contained HTML page: the table, pictures, a section for each candidate.

        command: how to make it again, for the page to say.
        """
        text = page(self, command)
        written(Path(path), lambda target: target.write_text(text, encoding="utf-8"))

    def __str__(self) -> str:
        """Return table and sentences."""
        return "\n".join(lines(self))

    __repr__ = __str__


def choose(
    family: type[Theta] | Iterable[type[Theta]],
    data: Data,
    ks: Iterable[int] = range(1, 7),
    *,
    prior: Prior | None = None,
    equal_weights: bool = False,
    starts: int | None = None,
    draws: int | Literal["auto"] = "auto",
    tune: int = 1_000,
    chains: int = 4,
    seed: int = 0,
    replicates: int = MOST,
    progress: bool = True,
    force: bool = False,
) -> Choice:
    """Fit every number of groups by EM and by MCMC, and say which one each criterion elects.

    After Ctrl-C the candidates that are finished are returned, `Choice.interrupted`.

    family: one, or several forms of one, each of which is tried with every number of groups.
    ks: the numbers of groups to try.
    prior: of every posterior, by default the weak one of each number of groups.
    starts, draws, tune, chains, seed: as in `second_opinion`.
    replicates: of each bootstrap test, at most; 0 for no tests.
    progress: show bars on a terminal.
    force: go on where the data cannot identify the parameters.

    >>> from models import Poisson, Sample
    >>> choose(Poisson, Sample([1, 2]), [3])
    Traceback (most recent call last):
    models.refusal.Refusal: k is 3, but x has 2 distinct values; give at most as many components
    """
    families = (family,) if isinstance(family, type) else tuple(dict.fromkeys(family))
    if not families:
        raise Refusal("family is empty; give a family, or several forms of one")
    numbers = _numbers(ks)
    for one in families:  # what no number of groups would mend is refused before any work
        asked(one, data, max(numbers), prior=prior, equal_weights=equal_weights)
    replicates = whole("replicates", replicates, 0)
    opinion = partial(
        opinion_of,
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
        progress=progress,
        force=force,
    )
    rows: list[Row] = []
    fits: dict[tuple[type[Theta], int], em.Fit[Any]] = {}
    interrupted = False
    try:
        for at, (one, k) in enumerate((one, k) for one in families for k in numbers):
            title = Row(one, k).title
            announce(f"K = {title} ({at + 1} of {len(families) * len(numbers)})")
            question = asked(one, data, k, prior=prior, equal_weights=equal_weights)
            found = _fitted(question, starts, seed, force=force, progress=progress)
            found = _raised(found, fits.get((one, k - 1)))
            if found.row.fit is not None and not found.row.spiked:
                fits[one, k] = found.row.fit
            row = _same(found, rows) or _judged(found, opinion, chains, seed)
            if replicates and k < numbers[-1] and k + 1 not in numbers:
                row = row._replace(notes=(*row.notes, f"no bootstrap: {k + 1} was not tried"))
            rows.append(row)
        for at, test in _tests(rows, fits, replicates, seed, progress=progress):
            row = rows[at]
            rows[at] = row._replace(step=test, notes=(*row.notes, *_of_test(test, row.k)))
    except KeyboardInterrupt:
        if all(row.fit is None for row in rows):  # nothing to show
            raise
        interrupted = True
    if all(row.fit is None for row in rows):
        raise Refusal(rows[0].reason)
    return Choice(tuple(rows), interrupted)


def _numbers(ks: Iterable[int]) -> list[int]:
    """Return the numbers of groups, in order, each once."""
    if not isinstance(ks, Iterable):
        raise Refusal(f"ks is {ks!r}; give numbers of groups, such as range(1, 7)")
    found = sorted({whole("k", k, 1) for k in ks})
    if not found:
        raise Refusal("ks is empty; give at least one number of groups, such as range(1, 7)")
    return found


class _Found(NamedTuple):
    """A row, and EM's search behind it if there was one."""

    row: Row
    search: Search | None


def _fitted(
    question: Question[Any, Any], starts: int | None, seed: int, *, force: bool, progress: bool
) -> _Found:
    """Return a candidate fitted by EM, or why it cannot be."""
    row = Row(question.family, question.k)
    try:
        refuse_inestimable(question, force=force)
        refuse_many(question)
        found = search(question, starts=starts, seed=seed, progress=progress)
    except (Refusal, Stopped) as problem:
        return _Found(row._replace(reason=_told(problem)), None)
    return _Found(row._replace(fit=found.fit), found)


def _raised(found: _Found, before: em.Fit[Any] | None) -> _Found:
    """Return the best of EM's own optima and of those that groups of k - 1 divided in two lead to.

    Without them EM can miss a small group, and one group more could look worse than it is.

    before: the fit of k - 1 groups, if there is one.
    """
    if found.search is None or before is None:
        return found
    fit = from_divided(before, found.search.fit)
    return _Found(found.row._replace(fit=fit), found.search._replace(fit=fit))


def _same(found: _Found, rows: Sequence[Row]) -> Row | None:
    """Return a row that only names another one, if that is the same model: two forms of one group.

    Otherwise its probability would count twice.
    """
    row = found.row
    for other in rows:
        if (
            row.k == other.k == 1
            and row.parameters == other.parameters
            and np.isclose(row.log_likelihood, other.log_likelihood, rtol=1e-9, atol=0)
        ):
            return Row(row.family, row.k, reason=f"the same model as {other.title}")
    return None


def _judged(found: _Found, opinion: partial[Any], chains: int, seed: int) -> Row:
    """Return all that is known of a candidate but the bootstrap test."""
    row = found.row
    if found.search is None:
        return row
    notes = [SPIKES] if row.spiked else []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", bayes.ChainsWarning)  # the verdict says it
            comparison = opinion(found.search.fit.question, found=found.search)
    except (Refusal, Stopped) as problem:
        return row._replace(notes=(*notes, f"no posterior: {_told(problem)}"))
    known = evidence(comparison.tree, seed=seed)
    row = row._replace(comparison=comparison, evidence=known)
    try:
        row = row._replace(predicted=predicted_of(comparison.tree, chains=chains, seed=seed))
    except (Refusal, Stopped) as problem:
        notes.append(f"no LOO: {_told(problem)}")
    if row.predicted is not None and row.predicted.unstable > 0:
        where = f"{row.predicted.unstable:.1%} of what was left out"
        notes.append(f"LOO is not reliable: Pareto k is above {UNSTABLE:g} at {where}")
    if known.reason is not None:
        notes.append(f"no evidence: {_told(known.reason)}")
    if not row.sound:
        notes.append(UNSOUND)
    return row._replace(notes=tuple(notes))


def _told(problem: Exception | str) -> str:
    """Return a reason for use within a sentence, without its capital and its full stop."""
    return lowered(str(problem).rstrip("."))


def _of_test(test: Bootstrap, k: int) -> list[str]:
    """Return what a reader of a test of k against k + 1 has to know."""
    found = [] if test.reason is None else [f"no bootstrap: {_told(test.reason)}"]
    for number, missed in zip((k, k + 1), test.missed, strict=True):
        if MISSED < missed < np.inf:
            found.append(
                f"the bootstrap found an optimum that is higher by {missed:.2g} units of "
                f"log-likelihood than the fit of {number} in this table; more --starts may find it "
                "too"
            )
    if test.compared < test.statistic - MISSED:
        found.append(
            f"the bootstrap compares its replicates with {test.compared:.1f}, not with "
            f"{test.statistic:.1f}; theirs may miss the best optimum of {k + 1}"
        )
    return found


def _tests(
    rows: Sequence[Row],
    fits: Mapping[tuple[type[Theta], int], em.Fit[Any]],
    most: int,
    seed: int,
    *,
    progress: bool,
) -> Iterable[tuple[int, Bootstrap]]:
    """Yield the bootstrap test of each k against k + 1, with the place of its row.

    fits: by family and k, without spikes. A row that only names the same model of another form has
        one too, as the tests of a form begin with its first k.
    """
    if not most:
        return
    with bar("{task.completed} of {task.total} replicates", left=True, shown=progress) as bars:
        for at, row in enumerate(rows):
            fewer, more = (fits.get((row.family, k)) for k in (row.k, row.k + 1))
            if fewer is None or more is None:
                continue
            announce(f"bootstrap, K = {row.title} against {row.k + 1}")
            task = bars.add_task(f"{row.title} against {row.k + 1}", total=most)
            tell = partial(bars.update, task)
            found = bootstrap(
                fewer,
                more,
                most=most,
                seed=seed,
                tell=lambda done, total, tell=tell: tell(completed=done, total=total),  # type: ignore[misc]
            )
            bars.remove_task(task)
            yield at, found
