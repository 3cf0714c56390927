"""Whether the model fits the data: how uniform their transforms are, and why they are not."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.stats import binom

import em
from comparisons import thresholds as limit
from comparisons.binned.posterior import histogram_of
from comparisons.verdict.by_group import by_group
from comparisons.verdict.transforms import (
    FINE,
    Observed,
    chance_of,
    counted,
    curve,
    distance_of,
    ends_of,
    observed_of,
    places,
    scores,
    serial_chance_of,
    serial_table,
    smooth_chance_of,
    tables,
    transformed,
)
from em.emission import emission_of
from models.arrays import spaced
from models.family import labelled
from models.structure import drawn_at, fields_of
from models.value_grid import step_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bayes.posterior.tree import Posterior
    from comparisons.verdict.point import Point
    from comparisons.verdict.transforms import Intervals
    from models.arrays import Array
    from models.question import Question
    from models.structure import Structure

__all__ = ["Cause", "Misfit", "misfit_of"]

DRAWS = 200  # of the posterior, under which the data are transformed, at most
LEAST = 25  # of them at least
WORK = 1 << 26  # transforms and pairs of them, in all, that are affordable
COARSER = (2, 5, 10)  # multiples of a step to which people round
HEAPED = 1e-6  # chance at which so many multiples of a coarser step are not accidental
ROUNDING = 1e-9  # in a share that the model expects
ZEROS = 0.02  # share of zeros beyond the model's that is named
SPREAD = 1.2  # quotient of the variances of counts and model that is named
SKEWED = 0.3  # skewness of normal scores that is named
HEAVY = 0.5  # excess kurtosis of normal scores that is named
BULK = 2.5  # robust sds from the median: scores farther away are drawn in there
# Of samples of 200 from Student's t with 2 degrees of freedom 35% are skewed, and 4% once scores
# are drawn in; of samples from a log-normal of spread .25 93% and 92%.
ASKEW = 0.15  # skewness of scores that are drawn in: less is that of a few outliers on one side


class Cause(NamedTuple):
    """The cause of a misfit.

    kind: heaping, zeros, spread, skewness, tails, dependence (of columns), order (of rows), groups,
        or other.
    seen: the step, the number of zeros, a quotient of variances, the skewness or the excess
        kurtosis of the normal scores, the distance of distribution functions.
    due: what the model expects; of heaping, the share of the values on multiples of the step.
    columns: the pair that depends on each other in another way.

    >>> Cause("zeros", 173.0, 88.0).kind
    'zeros'
    """

    kind: str
    seen: float
    due: float
    columns: tuple[int, ...] = ()


class Misfit(NamedTuple):
    """The fit of the model; all numbers are NaN if it could not be measured.

    chance: a p-value: twice the median over draws of that of uniform transforms.
    size: the largest difference between the distribution functions of transforms and uniform.
    plugged: the same under the estimate.
    column: the one where the difference is largest.
    seen, due: shares of the observations and of the model where they differ most.
    stretch: its ends as probabilities.
    low, high: in units of x, infinite where the stretch has no end; NaN for several columns.
    between: whether these values lie outside of the stretch: there is a gap up to them.
    cause: None if the model fits.
    curves: (d, GRID) distribution functions of the transforms, averaged over draws.
    residuals: (d, u) normal scores of the transforms under the estimate, NaN of what was not seen;
        None if rows have no order, or nothing was measured.

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.point import point_of
    >>> kept = posterior_of(posterior)
    >>> found = misfit_of(kept, point_of(fit, kept, None, kept.heights, None))
    >>> found.chance > 0.001, found.size < 0.05, found.cause is None
    (True, True, True)
    """

    chance: float
    size: float
    plugged: float
    column: int
    seen: float
    due: float
    stretch: tuple[float, float]
    low: float
    high: float
    cause: Cause | None
    curves: Array
    residuals: Array | None = None
    between: bool = False

    @property
    def large(self) -> bool:
        """Whether the misfit is beyond chance, and large enough to matter."""
        return self.chance < limit.MISFIT_CHANCE and self.size > limit.MISFIT_SIZE


def misfit_of(posterior: Posterior, point: Point) -> Misfit:
    """Return the fit of the model under the posterior's draws and under the estimate.

    Every p-value of a draw is uniform if the model is right; twice the median of dependent p-values
    is a p-value again (Rueger 1978). Several tests are combined by Bonferroni's rule.

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.point import point_of
    >>> kept = posterior_of(posterior)
    >>> misfit_of(kept, point_of(fit, kept, None, kept.heights, None)).curves.shape
    (1, 201)
    """
    question, observed = posterior.question, _observed(posterior)
    d = 1 if observed.x.ndim == 1 else observed.x.shape[1]
    if observed.counts.sum() != question.sample.observations:  # weights: rows stand for others
        return _unmeasured(d)
    try:
        tested = _tested(question, observed, posterior.draws)
        at_estimate = _under(question, observed, point.at.estimate)
    except np.linalg.LinAlgError:  # of a covariance that is none
        return _unmeasured(d)
    plugged = curve(at_estimate, observed.counts)
    ordered = len(observed.later) > 0
    away = tested.curves - places()
    column = int(np.abs(away).max(axis=1).argmax())
    begin, end = np.sort([away[column].argmin(), away[column].argmax()])
    seen, due = (float(one[end] - one[begin]) for one in (tested.curves[column], places()))
    found = Misfit(
        chance=tested.chance,
        size=tested.size,
        plugged=float(np.abs(plugged - places()).max()),
        column=column,
        seen=seen,
        due=due,
        stretch=(float(places()[begin]), float(places()[end])),
        low=np.nan,
        high=np.nan,
        cause=None,
        curves=tested.curves,
        residuals=np.where(observed.counts > 0, scores(at_estimate), np.nan) if ordered else None,
    )
    found = _with_groups(found, question, posterior.draws)
    if not found.large or found.cause is not None:
        return found
    under = _under(question, observed, drawn_at(posterior.draws, int(posterior.heights.argmax())))
    alike = observed.trials is None or np.ptp(observed.trials) == 0
    if d == 1 and alike and not ordered:  # one step ahead each row has a distribution of its own
        found = _in_units(found, observed, under)
    pair = int(tested.chances.argmin()) - d
    if pair >= 0:
        every = list(combinations(range(d), 2))
        kind, columns = ("dependence", every[pair]) if pair < len(every) else ("order", ())
        return found._replace(cause=Cause(kind, float(tested.apart[pair]), 0.0, columns))
    return found._replace(cause=_cause(posterior, observed, point, under, column))


def _with_groups(found: Misfit, question: Question[Any, Any], draws: Structure) -> Misfit:
    """Return the misfit with that of single groups, where that is the larger one beyond chance."""
    among = by_group(question, _some(draws, DRAWS))
    if among is None:
        return found
    found = found._replace(chance=min(1.0, 2 * found.chance))  # two tests
    grouped = found._replace(chance=min(1.0, 2 * among.chance), size=among.size)
    if grouped.large and not (found.large and found.size > grouped.size):
        return grouped._replace(cause=Cause("groups", among.size, 0.0))
    small = grouped.chance < limit.MISFIT_CHANCE <= found.chance  # beyond chance, but little
    return grouped if small else found


def _some(draws: Structure, most: int) -> list[Structure]:
    """Return at most so many draws at even distances."""
    n = len(next(iter(fields_of(draws).values())))
    return [drawn_at(draws, int(one)) for one in spaced(n, most)]


def _unmeasured(d: int) -> Misfit:
    """Return that the fit to d columns could not be measured."""
    nan = np.nan
    curves = np.full((d, len(places())), nan)
    return Misfit(nan, nan, nan, 0, nan, nan, (nan, nan), nan, nan, None, curves)


def _in_units(found: Misfit, observed: Observed, under: Intervals) -> Misfit:
    """Return the misfit with its stretch in units of x, and the shares of just these values.

    Where there are more observations than due, the stretch goes from the first of them to the last;
    where there are fewer, it is the gap between those around it. One that begins at 0 or ends at 1
    has no end there, as the model also expects observations beyond those that there are.
    """
    units = np.flatnonzero(observed.counts > 0)
    units = units[np.argsort(observed.x[observed.rows[units]], kind="stable")]
    x, counts = observed.x[observed.rows[units]], observed.counts[units]
    low, high = under.low[0, units], under.high[0, units]
    begin, end = found.stretch
    first, last = np.searchsorted((low + high) / 2, [begin, end])  # rows in it: first to last - 1
    from_start, to_end = begin == 0, end == 1
    if from_start:
        first = 0
    if to_end:
        last = len(x)
    seen = float(counts[first:last].sum() / counts.sum())
    left = (0.0, -np.inf) if first == 0 else (float(high[first - 1]), float(x[first - 1]))
    right = (1.0, np.inf) if last == len(x) else (float(low[last]), float(x[last]))
    inside = first < last
    if found.seen < found.due or not inside:
        wide = right[0] - left[0]
        close = inside and wide - (high[last - 1] - low[first]) < ROUNDING
        if not close:
            return found._replace(low=left[1], high=right[1], seen=seen, due=wide, between=True)
    left = (0.0, -np.inf) if from_start else (float(low[first]), float(x[first]))
    right = (1.0, np.inf) if to_end else (float(high[last - 1]), float(x[last - 1]))
    return found._replace(low=left[1], high=right[1], seen=seen, due=right[0] - left[0])


def _observed(posterior: Posterior) -> Observed:
    """Return the data; measurements that the sampler saw in bins as finer bins."""
    bins = histogram_of(posterior.tree)
    if bins is None:
        return observed_of(posterior.question)
    x, counts, low, high = bins
    ends = (
        ends_of(x, whole=np.zeros(1, np.bool_))
        if step_of(np.unique(x)) > 0
        else np.stack([low, high])
    )
    return Observed(x, None, ends, np.arange(len(x)), np.rint(counts).astype(np.int64))


def _each(
    question: Question[Any, Any], observed: Observed, structures: Sequence[Structure]
) -> Iterator[Intervals]:
    """Yield the transforms under each structure."""
    for one, before in zip(structures, em.ahead(question, structures), strict=True):
        yield transformed(observed, one.theta, before)


def _under(question: Question[Any, Any], observed: Observed, structure: Structure) -> Intervals:
    """Return the transforms under one structure."""
    return next(_each(question, observed, [structure]))


class _Tested(NamedTuple):
    """Tests of the transforms under draws.

    chances: (d + pairs + d,) p-values of columns, of pairs of columns, and of each column's
        neighbours in time, the last only if rows follow each other.
    curves: (d, GRID) mean distribution functions.
    apart: (pairs + d,) distances of the distribution functions of both kinds of pairs.
    """

    chances: Array
    curves: Array
    apart: Array

    @property
    def chance(self) -> float:
        """The p-value of all tests together."""
        return float(min(1.0, self.chances.min() * len(self.chances)))

    @property
    def size(self) -> float:
        """The largest difference between distribution functions.

        Of pairs of neighbours it counts only if it is more than chance: few rows leave much of it.
        """
        d, pairs = len(self.curves), len(self.curves) * (len(self.curves) - 1) // 2
        sure = self.chances[d:] < limit.MISFIT_CHANCE
        sure[:pairs] = True
        return float(max(np.abs(self.curves - places()).max(), *self.apart[sure], 0.0))


def _tested(question: Question[Any, Any], observed: Observed, draws: Structure) -> _Tested:
    """Return the tests under some of the draws."""
    d = 1 if observed.x.ndim == 1 else observed.x.shape[1]
    n = int(observed.counts.sum()) if d > 1 else 0
    work = question.k * d * len(observed.rows) + d * (d - 1) // 2 * n
    n = len(next(iter(fields_of(draws).values())))
    at = spaced(n, int(np.clip(WORK // work, LEAST, DRAWS)))
    rng, found, curves, smooth, serial = np.random.default_rng(0), [], [], [], []
    for one in _each(question, observed, [drawn_at(draws, int(draw)) for draw in at]):
        found.append(tables(one, observed.counts, rng))
        curves.append(curve(one, observed.counts))
        columns = list(zip(one.low, one.high, strict=True))
        fine = [counted(*ends, observed.counts, FINE, rng) for ends in columns]
        smooth.append([smooth_chance_of(each) for each in fine])
        if len(observed.later):
            serial.append([serial_table(*ends, observed.later, rng) for ends in columns])
    chances = 2 * np.median([[chance_of(one) for one in each] for each in found], axis=0)
    chances[:d] = 2 * np.minimum(chances[:d], 2 * np.median(smooth, axis=0))  # two tests of each
    pairs = list(zip(*(each[d:] for each in found), strict=True))
    if serial:
        after = np.median([[serial_chance_of(one) for one in each] for each in serial], axis=0)
        chances = np.concatenate([chances, 2 * after])
        pairs += zip(*serial, strict=True)
    apart = np.array([distance_of(np.mean(each, axis=0)) for each in pairs])
    return _Tested(chances, np.mean(curves, axis=0), apart)


def _cause(
    posterior: Posterior, observed: Observed, point: Point, under: Intervals, column: int
) -> Cause:
    """Return the cause of a misfit that the data show."""
    family = posterior.question.family
    if labelled(family, column):  # codes have no zeros and no spread
        return Cause("other", np.nan, np.nan)
    if emission_of(family).placed(posterior.question.rows.dimension)[column]:
        return _heaped(posterior, observed) or _shaped(observed, under, column)
    return _counted(posterior, point, column)


def _heaped(posterior: Posterior, observed: Observed) -> Cause | None:
    """Return the step on which values are heaped, if the model fits once all are rounded to it."""
    if observed.x.ndim > 1 or (step := step_of(np.unique(observed.x))) == 0:
        return None
    whole = np.rint(observed.x / step).astype(np.int64)
    n = int(observed.counts.sum())
    for times in COARSER:
        heaped = int(observed.counts[whole[observed.rows] % times == 0].sum())
        if binom.sf(heaped - 1, n, 1 / times) > HEAPED:
            continue
        middle = times * step * np.rint(whole / times)
        half = times * step / 2
        coarse = observed._replace(ends=np.stack([middle - half, middle + half]))
        if _tested(posterior.question, coarse, posterior.draws).size <= limit.MISFIT_SIZE:
            return Cause("heaping", times * step, heaped / n)
    return None


def _shaped(observed: Observed, under: Intervals, column: int) -> Cause:
    """Return how the normal scores of a column differ from normal ones."""
    z = scores(under)[column]
    seen = ~np.isnan(z)
    z, share = z[seen], observed.counts[seen] / observed.counts[seen].sum()
    skewness, kurtosis = _standardised(z, share)
    bulk, _ = _standardised(_drawn_in(z, share), share)
    lasting = kurtosis - 3 <= HEAVY or bulk * np.sign(skewness) > ASKEW
    if abs(skewness) > SKEWED and skewness**2 > abs(kurtosis - 3) / 3 and lasting:
        return Cause("skewness", skewness, 0.0)
    if kurtosis - 3 > HEAVY:
        return Cause("tails", kurtosis - 3, 0.0)
    return Cause("other", np.nan, np.nan)


def _standardised(z: Array, share: Array) -> tuple[float, float]:
    """Return skewness and kurtosis of scores (u,), each with its share."""
    away = z - share @ z
    sd = np.sqrt(share @ away**2)
    return float(share @ (away / sd) ** 3), float(share @ (away / sd) ** 4)


def _drawn_in(z: Array, share: Array) -> Array:
    """Return scores with those far from the median drawn in, so that a few outliers do not count.

    The robust sd is 1.4826 times the median distance from the median, that of a Gaussian.
    """
    middle = _median(z, share)
    reach = BULK * 1.4826 * _median(np.abs(z - middle), share)
    return np.clip(z, middle - reach, middle + reach)


def _median(z: Array, share: Array) -> float:
    """Return the median of numbers (u,), each with its share."""
    return float(np.quantile(z, 0.5, weights=share, method="inverted_cdf"))


def _counted(posterior: Posterior, point: Point, column: int) -> Cause:
    """Return whether the counts of a column have more zeros or spread more than the model's."""
    seen, imagined = posterior.replicates
    if seen.ndim > 1:
        seen, imagined = seen[:, column], imagined[..., column]
    zeros, due = float((seen == 0).mean()), float((imagined == 0).mean())
    above, others = seen[seen > 0], imagined[imagined > 0]
    rest = 1.0
    if above.size and others.size and np.ptp(others) > 0:
        rest = above.var() / above.mean() / (others.var() / others.mean())
    if zeros - due > ZEROS and rest < SPREAD:  # the counts above zero do not spread more
        n = point.at.observations
        return Cause("zeros", zeros * n, due * n)
    quotient = float(seen.var() / imagined.var())
    if quotient > SPREAD:
        return Cause("spread", quotient, 1.0)
    return Cause("other", np.nan, np.nan)
