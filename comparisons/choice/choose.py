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
from comparisons.choice.comparable import refuse_incomparable, several
from comparisons.choice.heights import from_divided
from comparisons.choice.notebook import shown
from comparisons.choice.page import page
from comparisons.choice.pictures import criteria, densities, splits
from comparisons.choice.predicted import UNSTABLE, predicted_of
from comparisons.choice.printed import lines
from comparisons.choice.reasons import lowered
from comparisons.choice.rows import Row
from comparisons.comparison import compared_anew, opinion_of
from comparisons.kept.atomic import written
from comparisons.pictures.style import drawn_on
from comparisons.progress import announce
from comparisons.verdict.search import search
from models.bar import bar
from models.checks import whole
from models.estimable import refuse_inestimable
from models.frames import understood
from models.question import asked
from models.refusal import Refusal, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Literal

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    import em
    from comparisons.choice.bootstrap import Bootstrap
    from comparisons.verdict.search import Search
    from models import Prior
    from models.family import Theta
    from models.frames import Columns, Frame
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

        >>> choice = Choice((Row(fit.family, 2, fit),))
        >>> choice.report("choice.html")
        """
        text = page(self, command)
        written(Path(path), lambda target: target.write_text(text, encoding="utf-8"))

    def plot_criteria(self, *, figure: Figure | SubFigure | None = None) -> Figure:
        """Draw each criterion over the number of groups, as its distance from the best.

        figure: an empty figure or subfigure of yours to draw into, in place of a new one.

        >>> choice = Choice((Row(fit.family, 2, fit),))
        >>> choice.plot_criteria().savefig("criteria.png")
        """
        return self._drawn(criteria, figure)

    def plot_densities(self, *, figure: Figure | SubFigure | None = None) -> Figure:
        """Draw the data with the fitted groups, a panel for each candidate.

        figure: as of `plot_criteria`.

        >>> choice = Choice((Row(fit.family, 2, fit, comparison),))
        >>> [axes.get_title("left") for axes in choice.plot_densities().axes]
        ['K = 2']
        """
        return self._drawn(densities, figure)

    def plot_splits(
        self, *, ax: Axes | None = None, figure: Figure | SubFigure | None = None
    ) -> Figure:
        """Draw which groups of K + 1 come from which of K.

        ax: axes of yours to draw on; title and caption are left to you.
        figure: as of `plot_criteria`.

        >>> rows = Row(fit.family, 2, fit), Row(fit.family, 2, fit)
        >>> Choice(rows).plot_splits().savefig("splits.png")
        """
        return self._drawn(splits, figure, ax)

    def _drawn(
        self,
        draw: Callable[[Candidates], Figure],
        figure: Figure | SubFigure | None,
        ax: Axes | None = None,
    ) -> Figure:
        """Draw a picture where it is wanted."""
        with drawn_on(figure, ax):
            return draw(self)

    def __str__(self) -> str:
        """Return table and sentences."""
        return "\n".join(lines(self))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return shown(self)


def choose(
    family: type[Theta] | str | Iterable[type[Theta] | str],
    data: Data | Frame,
    ks: Iterable[int] = range(1, 7),
    *,
    columns: Columns | None = None,
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

    family: one, or several, or forms of one, each of which is tried with every number of groups;
        or their names, such as "gaussian".
    data, columns: as in `second_opinion`.
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
    given = (family,) if isinstance(family, type | str) else tuple(family)
    if not given:
        raise Refusal("family is empty; give a family, or several, or forms of one")
    each = [understood(one, data, columns) for one in given]
    families, data = tuple(dict.fromkeys(one for one, _ in each)), each[0][1]
    named = several(families)
    if named and prior is not None:
        raise Refusal("a prior (--prior) is of one family; leave it out, or give one family")
    numbers = _numbers(ks)
    for one in families:  # what no number of groups would mend is refused before any work
        asked(one, data, max(numbers), prior=prior, equal_weights=equal_weights)
    refuse_incomparable(families, data.sample)
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
    searches: dict[tuple[type[Theta], int], Search] = {}
    interrupted = False
    try:
        for at, (one, k) in enumerate((one, k) for one in families for k in numbers):
            heading = Row(one, k, named=named).heading
            announce(f"{heading} ({at + 1} of {len(families) * len(numbers)})")
            question = asked(one, data, k, prior=prior, equal_weights=equal_weights)
            found = _fitted(question, starts, seed, named, force=force, progress=progress)
            before = searches.get((one, k - 1))
            found = _raised(found, None if before is None else before.fit)
            if found.search is not None and not found.row.spiked:
                searches[one, k] = found.search
            row = _same(found, rows) or _judged(found, opinion, chains, seed)
            if replicates and k < numbers[-1] and k + 1 not in numbers:
                row = row._replace(notes=(*row.notes, f"no bootstrap: {k + 1} was not tried"))
            rows.append(row)
        _test(rows, searches, replicates, seed, progress=progress)
    except KeyboardInterrupt:
        if all(row.fit is None for row in rows):  # nothing to show
            raise
        interrupted = True
    if all(row.fit is None for row in rows):
        raise Refusal(rows[0].reason)
    return Choice(tuple(_with_test(row) for row in rows), interrupted)


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
    question: Question[Any, Any],
    starts: int | None,
    seed: int,
    named: bool,
    *,
    force: bool,
    progress: bool,
) -> _Found:
    """Return a candidate fitted by EM, or why it cannot be."""
    row = Row(question.family, question.k, named=named)
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


def _climbed(
    row: Row, fit: em.Fit[Any], missed: float, searches: dict[tuple[type[Theta], int], Search]
) -> Row:
    """Return a row with a higher optimum, which the search of a bootstrap test has found.

    missed: by how much the fit so far is lower.
    searches: of every row, by family and k; the one of this row is brought up to date.
    """
    searches[row.family, row.k] = known = searches[row.family, row.k]._replace(fit=fit)
    if row.fit is None:
        return row
    row = _with_notes(
        row._replace(fit=fit),
        f"the best optimum was found by the bootstrap, {missed:.2g} units of log-likelihood above "
        "that of EM's own starts",
    )
    if row.comparison is None:
        return row
    try:
        return row._replace(comparison=compared_anew(row.comparison, known))
    except (Refusal, Stopped) as problem:
        return _with_notes(row, f"the verdict is of the lower optimum: {_told(problem)}")


def _with_test(row: Row) -> Row:
    """Return a row with what a reader of its test has to know."""
    return row if row.step is None else _with_notes(row, *_of_test(row.step, row.k))


def _with_notes(row: Row, *notes: str) -> Row:
    """Return a row with further notes."""
    return row._replace(notes=(*row.notes, *notes))


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
            reason = f"the same model as {other.title}"
            return Row(row.family, row.k, reason=reason, named=row.named)
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
        where = f"{row.predicted.failed:,} of {len(row.predicted.each):,} terms"
        counts = (
            "LOO may be a little off" if row.predicts or not row.sound else "LOO does not count"
        )
        notes.append(f"{counts}: Pareto k is above {UNSTABLE:g} at {where}")
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
    if test.reason is None and not test.nested:
        found.append(
            f"with shares fixed at 1 / K, of all rows or of the first ones, K = {k} is no special "
            f"case of K = {k + 1}: more groups may fit worse, and the bootstrap's statistic then "
            "counts as 0"
        )
    if test.compared < test.statistic - MISSED:
        found.append(
            f"the bootstrap tests a statistic of {test.compared:.1f}, by the short search that its "
            f"replicates get too; the full search finds {test.statistic:.1f}"
        )
    return found


def _test(
    rows: list[Row],
    searches: dict[tuple[type[Theta], int], Search],
    most: int,
    seed: int,
    *,
    progress: bool,
) -> None:
    """Put the bootstrap tests into rows, and the higher optima that they find."""
    for at, test in _tests(rows, searches, most, seed, progress=progress):
        rows[at] = rows[at]._replace(step=test)
        for place, fit, missed in zip((at, at + 1), test.higher, test.missed, strict=True):
            if fit is not None and missed > MISSED:
                rows[place] = _climbed(rows[place], fit, missed, searches)


def _tests(
    rows: Sequence[Row],
    searches: Mapping[tuple[type[Theta], int], Search],
    most: int,
    seed: int,
    *,
    progress: bool,
) -> Iterable[tuple[int, Bootstrap]]:
    """Yield the bootstrap test of each k against k + 1, with the place of its row.

    If a test finds a higher fit of its k, the one before it, against this k, is done again.

    searches: by family and k, without spikes. A row that only names the same model of another form
        has one too, as the tests of a form begin with its first k. They may change on the way.
    """
    if not most:
        return
    with bar("{task.completed} of {task.total} replicates", left=True, shown=progress) as bars:
        known = [(row.family, row.k) for row in rows]
        due = [at for at, (one, k) in enumerate(known) if {(one, k), (one, k + 1)} <= {*searches}]
        while due:
            at = due.pop(0)
            row, (family, k) = rows[at], known[at]
            fewer, more = searches[family, k].fit, searches[family, k + 1].fit
            announce(f"bootstrap, {row.heading} against {row.k + 1}")
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
            again = found.higher[0] is not None and found.missed[0] > MISSED
            if again and at and known[at - 1] == (family, k - 1):
                due.insert(0, at - 1)
