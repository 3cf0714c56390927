"""The bootstrap likelihood-ratio test of K components against K + 1."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from comparisons.choice.heights import Heights, Searcher, height_of, nested, refitted
from comparisons.choice.sequential import ENOUGH, TIE, Stopping, exceeding
from em.climb.search import SAME_HEIGHT
from em.data.threads import available
from em.redrawn import redrawn
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from em import Fit
    from models.structure import Structure
    from models.structure import Units as Data

__all__ = ["Bootstrap", "bootstrap"]

STARTS, MOST_STARTS = 20, 160  # usual starts of each model in a replicate
ALONE = 8  # the same where climbs are not stepped together; four times as many at most
CLOSE = 0.05  # units of log-likelihood below the best optimum: a search that gets so near is enough
HARDER = 2  # times as many starts for a replicate whose K + 1 components are lower than K
MOST_SPIKES = 0.5  # part of the replicates that may have only spikes


class Bootstrap(NamedTuple):
    """The test of K components against K + 1.

    statistic: 2 (l_{K+1} - l_K), at the highest optima that were found.
    p: the share of data sets drawn from the fit of K components whose statistic is as large.
    exceeding: how many replicates reached the statistic.
    replicates: how many were drawn.
    compared: the statistic that replicates are compared with. It is smaller if the best optimum of
        K + 1 is so rare that no search which replicates can afford finds it.
    lower: replicates with K + 1 components lower than K even after harder climbs; their statistic
        counts as 0.
    spiked: further replicates that were left out, because K + 1 components had only spikes.
    starts: the number of usual starts of each model in a replicate.
    missed: by how much the given fits of K and of K + 1 components are below the best optima;
        infinite for a given fit that ended on a spike.
    higher: the fits of these optima, None where the given one is the best.
    nested: whether K components are a special case of K + 1.
    reason: why there is no p-value, None if there is one.

    >>> Bootstrap(12.0, 0.04, 3, 99, 12.0).reason is None
    True
    """

    statistic: float
    p: float
    exceeding: int
    replicates: int
    compared: float
    lower: int = 0
    spiked: int = 0
    starts: int = 0
    missed: tuple[float, float] = (0.0, 0.0)
    higher: tuple[Fit[Any] | None, Fit[Any] | None] = (None, None)
    nested: bool = True
    reason: str | None = None


def bootstrap(
    fewer: Fit[Any],
    more: Fit[Any],
    *,
    most: int = 999,
    enough: int = ENOUGH,
    clear: bool = True,
    seed: int = 0,
    threads: int | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> Bootstrap:
    """Test K components against K + 1 by data sets drawn from the fit of K (McLachlan 1987).

    The statistic has no known distribution, as K components are on the edge of K + 1. So the same
    search is done on replicates, whose rows, trials, groups and sequences are those of the data
    (Appl. Statist. 36, 318). It begins from K's estimate, from usual starts, and for K + 1 from
    each component divided in two. It takes as many usual starts as it needs to find the best
    optima of the data: a search that is harder for data than for replicates rejects too often.
    Spikes are no optima, neither here nor there.

    With equal shares, or where each state is as likely at the beginning of a sequence, two
    components or more are no special case of one more. K components may then fit better than K + 1:
    the statistic counts as 0 where it is negative, and p is 1.

    fewer, more: EM's fits of K and of K + 1 components to the same data.
    most: the largest number of replicates.
    enough, clear: when to stop earlier (`comparisons.choice.sequential.Stopping`).
    seed: of replicates and starts.
    threads: how many work on replicates; by default one a processor. The result is the same.
    tell: called with the number of replicates done, and with the most that may be needed.

    >>> import em
    >>> found = bootstrap(fit, em.fit(fit.family, fit.question.data, 3), seed=1)
    >>> found.p > 0.05, found.exceeding, found.reason
    (True, 10, None)
    """
    _refuse_unlike(fewer, more)
    observed = _searched(fewer, more, seed)
    if observed.reason is not None:
        return _without(observed.reason)
    rule = Stopping(most, enough, clear)
    drawn = _drawn(observed, rule, seed, threads or available(), tell)
    best = observed.fewer.log_likelihood, observed.more.log_likelihood
    given = zip((fewer, more), (observed.fewer, observed.more), strict=True)
    few, many = (None if one is found else found for one, found in given)
    over = drawn.reason is None
    return Bootstrap(
        statistic=max(2 * (best[1] - best[0]), 0.0),
        p=rule.p(observed.compared, drawn.statistics) if over else np.nan,
        exceeding=exceeding(observed.compared, drawn.statistics),
        replicates=len(drawn.statistics),
        compared=observed.compared,
        lower=drawn.lower,
        spiked=drawn.spiked,
        starts=observed.searcher.starts,
        missed=(best[0] - height_of(fewer), best[1] - height_of(more)),
        higher=(few, many),
        nested=observed.nested,
        reason=drawn.reason,
    )


class _Observed(NamedTuple):
    """The data that were observed.

    fewer, more: the best fits.
    searcher: the search that replicates get too; compared: the statistic it finds.
    nested: whether K components are a special case of K + 1.
    reason: why there is none, or None.
    """

    fewer: Fit[Any]
    more: Fit[Any]
    searcher: Searcher
    compared: float
    nested: bool
    reason: str | None


def _searched(fewer: Fit[Any], more: Fit[Any], seed: int) -> _Observed:
    """Return a search that is hard enough to find the best optima of the data, and what it finds.

    If it finds higher ones than were given, these are fitted and taken instead.
    """
    data, starts = fewer.question.units, STARTS
    if not np.isfinite(fewer.log_likelihood):
        searcher = Searcher(fewer.question, more.question, fewer.units, fewer.inside, starts)
        reason = f"the log-likelihood of {_named(fewer)} is {fewer.log_likelihood}"
        return _Observed(fewer, more, searcher, np.nan, nested=True, reason=reason)
    special = nested(fewer)
    searcher = Searcher(fewer.question, more.question, fewer.units, fewer.inside, starts)
    starts, most = (starts, MOST_STARTS) if searcher.together else (ALONE, 4 * ALONE)
    while True:
        searcher = Searcher(fewer.question, more.question, fewer.units, fewer.inside, starts)
        [found] = searcher.heights([data], [np.random.default_rng([seed, starts, 2])])
        higher = _higher(fewer, found.fewer, found.at_fewer)
        if higher is not None:
            fewer = higher
            continue
        more = _higher(more, found.more, found.at_more) or more
        best = 2 * (height_of(more) - height_of(fewer))
        high = best >= -TIE or not special
        short = height_of(more) - found.more
        if (short <= CLOSE and high) or starts >= most:
            # what the same search finds is compared, unless that is the best optimum
            compared = best if short <= SAME_HEIGHT and high else found.statistic
            why = _why_not(fewer, more, compared, special=special)
            return _Observed(fewer, more, searcher, max(compared, 0.0), special, why)
        starts *= 2


def _higher(fit: Fit[Any], height: float, place: Structure | None) -> Fit[Any] | None:
    """Return the fit from a place that a search has found; None if it is no higher, or a spike."""
    if place is None or not height > height_of(fit) + SAME_HEIGHT:
        return None
    higher = refitted(fit, place)
    return higher if height_of(higher) > height_of(fit) + SAME_HEIGHT / 2 else None


def _why_not(fewer: Fit[Any], more: Fit[Any], statistic: float, *, special: bool) -> str | None:
    """Return why there is no statistic, or None."""
    for fit in (fewer, more):
        if not np.isfinite(height_of(fit)):
            return f"every start of {_named(fit)} ended on a spike, which is no optimum"
    if np.isnan(statistic):
        return f"only EM's own starts found an optimum of {_named(more)} that is no spike"
    if statistic < -TIE and special:
        return (
            f"the search missed the best optimum of {_named(more)}: the one it found is "
            f"{-statistic / 2:.2g} lower than that of {_named(fewer)}"
        )
    return None


def _named(fit: Fit[Any]) -> str:
    return f"{fit.question.k} component{'s' * (fit.question.k > 1)}"


@dataclass(eq=False)
class _Drawn:
    """What replicates say.

    statistics: of those that count, in the order of their numbers.
    lower, spiked, reason: as in `Bootstrap`.
    """

    statistics: list[float] = field(default_factory=list)
    lower: int = 0
    spiked: int = 0
    reason: str | None = None


def _drawn(
    observed: _Observed,
    rule: Stopping,
    seed: int,
    threads: int,
    tell: Callable[[int, int], None] | None,
) -> _Drawn:
    """Draw replicates until the rule says that they are enough."""
    drawn, number, statistic = _Drawn(), 0, observed.compared
    task = partial(_statistics, observed, seed)
    with ThreadPoolExecutor(threads) as pool:
        while not rule.over(statistic, drawn.statistics):
            block = rule.needed(statistic, drawn.statistics)
            shares = [range(number + at, number + block, threads) for at in range(threads)]
            found: dict[int, float] = {}
            for some in pool.map(task, [share for share in shares if share]):
                found |= some
            number += block
            for _, one in sorted(found.items()):
                if rule.over(statistic, drawn.statistics):
                    break
                if np.isnan(one):
                    drawn.spiked += 1
                    continue
                drawn.lower += one < 0
                drawn.statistics.append(max(one, 0.0))
            if tell is not None:
                tell(len(drawn.statistics), rule.most)
            if drawn.spiked > MOST_SPIKES * number:
                more = _named(observed.more)
                drawn.reason = f"in {drawn.spiked} of {number} replicates {more} had only spikes"
                break
    return drawn


def _statistics(observed: _Observed, seed: int, numbers: Sequence[int]) -> dict[int, float]:
    """Return the statistic of each replicate; NaN if there were only spikes.

    One that is still below 0 after harder climbs is below -TIE.
    """
    searcher, fit = observed.searcher, observed.fewer
    rngs = [np.random.default_rng([seed, number, 1]) for number in numbers]
    data = [redrawn(fit.estimate, fit.question.units, rng) for rng in rngs]
    found = {}
    heights = searcher.heights(data, rngs)
    for number, rng, own, first in zip(numbers, rngs, data, heights, strict=True):
        both = first
        if not both.statistic >= -TIE:  # NaN too
            [again] = replace(searcher, starts=HARDER * searcher.starts).heights([own], [rng])
            both = Heights(
                float(np.fmax(first.fewer, again.fewer)), float(np.fmax(first.more, again.more))
            )
        found[number] = both.statistic if not both.statistic >= -TIE else max(both.statistic, 0.0)
    return found


def _refuse_unlike(fewer: Fit[Any], more: Fit[Any]) -> None:
    """Raise Refusal unless the fits are of K and K + 1 components to the same data."""
    a, b = fewer.question, more.question
    if b.k != a.k + 1:
        raise Refusal(f"fewer has {a.k} components, more has {b.k}; give fits of K and K + 1")
    if a.family is not b.family or not _same(a.units, b.units):
        raise Refusal("fewer and more are fits of different families or data; give the same")
    if a.k > 1 and a.held != b.held:
        raise Refusal("one of the fits has equal shares; fix them in both or in none")


def _same(one: Data, other: Data) -> bool:
    """Whether two data have the same rows in the same places."""
    mine, theirs = one.arrays(), other.arrays()
    return one is other or (
        type(one) is type(other)
        and mine.keys() == theirs.keys()
        and all(np.array_equal(mine[name][1], theirs[name][1]) for name in mine)
    )


def _without(reason: str) -> Bootstrap:
    """Return that there is no test."""
    return Bootstrap(np.nan, np.nan, 0, 0, np.nan, reason=reason)
