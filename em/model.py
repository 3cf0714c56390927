"""What the loop climbs on: a structure of K components of one family, for given data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from em.by_rows import ByRows, Setting
from em.data.executor import add_sums
from em.emission import Exponential, emission_of
from em.newton import Height
from em.parts import complete, unseen_about
from em.structure import grouping_of
from em.sweep import coefficients, known_of, logits, responsibilities, sums_about, swept
from models.family import entries, rebuilt, within
from models.sample import Part, Sample
from models.structure import free, shares_of, summing_to_one, uniform, with_shares

if TYPE_CHECKING:
    from collections.abc import Iterator

    from em.data.blocks import Rows
    from em.data.executor import Executor, PreparedRuns, Sums
    from em.emission import Emission
    from em.structure import Expected, Grouping
    from em.sweep import Known
    from models.arrays import Array
    from models.family import Theta
    from models.prior import Prior
    from models.question import Question
    from models.structure import Structure

__all__ = ["Model", "Statistics", "densities", "model_of"]

KEPT = 1 << 20  # doubles of T worth keeping between steps, 8 MB; more are made anew each time
GRAIN = 1e-13  # rounding of a sum, relative to the sizes of its terms
KEPT_SHARE = 0.01  # of a share after the M-step, at least, that extrapolation leaves
NOBODY = 1e-100  # expected observations below which quotients of sums mean nothing


class Statistics(NamedTuple):
    """Sums over the observations of the probability of each component times (1, T(x - centre)).

    sums: (K, 1 + q); of a family without T the occupancies (K, m) themselves.
    centre: (K,) or (K, d) points about which T was expanded, or None for zero.
    own: what the M-step of the shares needs: how often each entry is expected, by field.
    rows: what the occupancies are of; None if there is T.
    near: where the E-step was taken; None at a start.

    >>> from em.data.threads import executor_for
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     _, statistics = model_of(fit.question, workers, floor=fit.floor).expect(fit.inside)
    >>> statistics.sums.shape, statistics.sums[:, 0].sum().round(6)
    ((2, 2), np.float64(100.0))
    """

    sums: Array
    centre: Array | None
    own: dict[str, Array]
    rows: Part | None = None
    near: Theta | None = None

    @property
    def counted(self) -> Array:
        """The expected number of observations of each component, (K,)."""
        found: Array = self.sums[:, 0] if self.rows is None else self.sums.sum(axis=1)
        return found


NOWHERE = Statistics(np.empty((0, 0)), None, {})


@dataclass(frozen=True, eq=False)
class Model[S: Structure]:
    """A structure for given data, in working coordinates.

    emission, grouping: EM's side of the family and of the structure.
    runs: the rows, prepared where they are worked on.
    prior: in working coordinates, or None.
    floor: (d,) least widths in working coordinates, or a (d, d) root of their squares.
    base: the part of the log-likelihood that does not depend on the parameters.
    grain: how far rounding can move the objective if parameters do not enlarge it.
    total: (1 + q,) sums of (1, T) over all observations.
    counted: (blocks,) the number of observations in each block.
    even: the shares that are held, at 1 / K.
    estimated: the fields of shares that are not held.

    >>> from em.data.threads import executor_for
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> abs(model.expect(fit.inside)[0] - fit.log_likelihood) < 1e-6
    True
    """

    question: Question[S, Any]
    emission: Emission[Any]
    grouping: Grouping[Any]
    rows: Rows
    runs: PreparedRuns[Known]
    hard: bool
    prior: Prior | None
    floor: Array
    base: float
    grain: float
    total: Array
    counted: Array
    even: dict[str, Array]
    estimated: list[str]

    @property
    def k(self) -> int:
        """The number of components."""
        return self.question.k

    @property
    def setting(self) -> Setting:
        """What the M-step of a family without statistics needs besides the rows."""
        prior = None if self.prior is None else self.prior.theta
        return Setting(self.floor, self.k, self.question.width, prior)

    @property
    def streams(self) -> bool:
        """Whether rows are independent, with the same shares, so that some can represent all."""
        shares = uniform(self.question.structure, self.k, self.question.data.sizes)
        return self.grouping.common(shares) is not None

    @property
    def size(self) -> int:
        """The number of densities that a step needs, which says how long it takes.

        A density of many columns counts as several.
        """
        effort = self.k * self.emission.effort(self.question.width)
        if self.streams:
            return effort * self.rows.sample.distinct
        return effort * len(self.question.units.unit_rows)

    def one_pass(self, parameters: S) -> Array | None:
        """Return the shares (K,) of every row if one pass over T says all, otherwise None."""
        if not isinstance(self.emission, Exponential):
            return None
        return self.grouping.common(shares_of(parameters))

    def expect(self, parameters: S) -> tuple[float, Statistics]:
        """Return the objective and the statistics; outside the parameter space it is -inf.

        The objective is the log-likelihood, for hard EM that of the classification, plus the log
        prior up to its constant.
        """
        parameters = summing_to_one(parameters)
        shares, theta = shares_of(parameters), parameters.theta
        with np.errstate(all="ignore"):  # what leaves the range of doubles is caught below
            try:
                if any((field < 0).any() for field in shares.values()):
                    return -np.inf, NOWHERE
                if not (within(theta) and self.wide_enough(theta)):
                    return -np.inf, NOWHERE
                emission = self.emission
                centre = emission.location(theta) if emission.cancels(theta) else None
                common = self.one_pass(parameters)
                if isinstance(emission, Exponential) and common is not None:
                    phi = coefficients(emission, np.log(common), theta, centre)
                log_prior = self.log_prior(parameters)
            except np.linalg.LinAlgError:
                return -np.inf, NOWHERE
        if common is None:
            try:
                value, statistics = self.expect_by_rows(parameters, centre)
            except np.linalg.LinAlgError:
                return -np.inf, NOWHERE
        else:
            assert isinstance(emission, Exponential)
            task = partial(swept, emission=emission, phi=phi, centre=centre, hard=self.hard)
            found, sums = self.runs.total(task)
            value, sums = float(found), np.asarray(sums)
            statistics = Statistics(sums, centre, dict.fromkeys(shares, sums[:, 0]))
        return self.base + value + log_prior, statistics

    def _occupied(self, common: Array, parameters: S) -> tuple[float, Statistics]:
        """Return the same of independent rows with the same shares (K,), block by block."""
        theta = parameters.theta
        occupancy = np.empty((self.k, self.rows.end))
        task = partial(
            _occupied,
            emission=self.emission,
            shares=common,
            theta=theta,
            seen=self.seen,
            hard=self.hard,
            out=occupancy,
        )
        value, counted = self.runs.total(task)
        own = dict.fromkeys(shares_of(parameters), np.asarray(counted))
        return float(value), Statistics(occupancy, None, own, self.seen, theta)

    @cached_property
    def _room(self) -> Array:
        """Where log p (K, m) is written in every step: to get new pages takes longer than that."""
        return np.empty((self.k, self.rows.sample.distinct))

    def expect_by_rows(self, parameters: S, centre: Array | None) -> tuple[float, Statistics]:
        """Return the log-likelihood without its base, and the statistics, from log p (K, m)."""
        common = self.grouping.common(shares_of(parameters))
        if common is not None and not isinstance(self.emission, Exponential):
            return self._occupied(common, parameters)
        with np.errstate(all="ignore"):
            log_density = densities(self.runs, self.emission, parameters.theta, self._room)
            found = self.grouping.expect(shares_of(parameters), log_density, hard=self.hard)
            return found.log_likelihood, self.gathered(found, centre, parameters.theta)

    def gathered(
        self, found: Expected, centre: Array | None, near: Theta | None = None
    ) -> Statistics:
        """Return the statistics of what is expected, T about a centre."""
        if not isinstance(self.emission, Exponential):
            return Statistics(np.array(found.occupancy), None, found.own, self.seen, near)
        task = partial(_gathered, emission=self.emission, occupancy=found.occupancy, centre=centre)
        (sums,) = self.runs.total(task)
        return Statistics(np.asarray(sums), centre, found.own)

    @cached_property
    def seen(self) -> Part:
        """All distinct rows, in working coordinates."""
        return replace(self.rows, size=self.rows.end).block(0)

    def height(self, theta: Theta, occupancy: Array) -> Height:
        """Return the sum over all rows of occupancy (K, m) times log p, with its derivatives."""
        assert isinstance(self.emission, ByRows)
        task = partial(
            _height, emission=self.emission, theta=theta, occupancy=occupancy, seen=self.seen
        )
        return Height(*map(np.asarray, self.runs.total(task)))

    def everything(self) -> Statistics:
        """Return the statistics of a single component."""
        own = self.grouping.begin(self.total[:1])
        if isinstance(self.emission, Exponential):
            return Statistics(self.total[None], None, own)
        counts = self.seen.counts
        occupancy = np.ones(len(self.seen.x)) if counts is None else counts
        return Statistics(occupancy[None], None, own, self.seen)

    def components(self, statistics: Statistics) -> Theta:
        """Return the theta that maximises the expected log density of data, given their labels."""
        sums, centre, _, rows, near = statistics
        if isinstance(self.emission, ByRows):
            assert rows is not None
            height = None if near is None else partial(self.height, occupancy=sums)
            found: Theta = self.emission.best(sums, rows, self.setting, near, height)
            return found
        assert isinstance(self.emission, Exponential)
        observed = np.where(sums[:, 0] > NOBODY, sums[:, 0], 0)
        theta: Theta = self.emission.maximize(self.complete(sums, observed, centre))
        return theta if centre is None else self.emission.back(theta, centre)

    def maximize(self, statistics: Statistics) -> S:
        """Return the parameters that maximise the expected log-likelihood of data and labels."""
        own, theta = statistics.own, self.components(statistics)
        counts = {
            name: np.where(one > NOBODY, one, 0)
            for name, one in own.items()
            if name not in self.even
        }
        best = self.grouping.maximize(counts, 0 if self.prior is None else self.prior.weight)
        shares = self.even | best
        return with_shares(self.question.structure, shares, self.emission.widen(theta, self.floor))

    def begin(self, some: Part, member: Array) -> S:
        """Return the parameters of some first groups, as large together as all observations.

        some: rows, such as observations that were drawn; member: (K, B) how often each is in a
            group.
        """
        member = member * (self.total[0] / member.sum())
        begun = self.grouping.begin(member.sum(axis=1))
        if isinstance(self.emission, Exponential):
            sums = self.emission.sums(member, some.x, some.trials, len(self.total))
            return self.maximize(Statistics(sums, None, begun))
        return self.maximize(Statistics(member, None, begun, some))

    def begin_from(self, found: Expected) -> S:
        """Return the parameters of what is expected, as an E-step would return it."""
        return self.maximize(self.gathered(found, None))

    def complete(self, sums: Array, observed: Array, centre: Array | None) -> Array:
        """Return (K, ones + q + unread) sums of all of T, with the prior's row added."""
        assert isinstance(self.emission, Exponential)
        full = complete(self.emission, sums, observed)
        return full if self.prior is None else full + self.unseen(centre)

    def unseen(self, centre: Array | None) -> Array:
        """Return the prior as sums about the centre, (K, ones + q + unread)."""
        assert self.prior is not None
        assert isinstance(self.emission, Exponential)
        return unseen_about(self.emission, self.prior.theta, self.k, centre)

    def log_prior(self, parameters: S) -> float:
        """Return the log prior density without its constant, zero without a prior."""
        if self.prior is None:
            return 0.0
        theta, emission = parameters.theta, self.emission
        if isinstance(emission, Exponential):
            centre = emission.location(theta)
            moved = theta if centre is None else emission.about(theta, centre)
            value = float((emission.natural(moved) * self.unseen(centre)).sum())
        else:
            value = float(emission.log_prior(theta, self.prior.theta, self.k).sum())
        if self.prior.weight > 0:
            shares = shares_of(parameters)
            for name in self.estimated:
                value += self.prior.weight * float(np.log(shares[name]).sum())
        return value

    def bounded(self, ahead: S, mapped: S) -> S:
        """Return an extrapolated point with shares and probabilities that are not below 0.

        Nor do fields leave the range in which the M-step looks.

        Each keeps at least KEPT_SHARE of its value after the M-step. Where groups have shares of
        their own, some of very many leave the parameter space in nearly every jump, and to give up
        such jumps costs about twice the steps.
        """
        if isinstance(self.emission, ByRows):
            theta_ahead = self.emission.looked_at(ahead.theta)
            ahead = with_shares(type(ahead), shares_of(ahead), theta_ahead)
        if not self.question.data.sizes:
            return ahead
        after, theta = shares_of(mapped), entries(mapped.theta)
        shares = {
            name: np.maximum(field, KEPT_SHARE * after[name])
            for name, field in shares_of(ahead).items()
        }
        layout = type(ahead.theta).layout()
        fields = [
            np.maximum(field, KEPT_SHARE * theta[name]) if layout[name].simplex else field
            for name, field in entries(ahead.theta).items()
        ]
        return summing_to_one(with_shares(type(ahead), shares, rebuilt(type(ahead.theta), fields)))

    def varying(self, parameters: S) -> S | None:
        """Return parameters with 0 in place of constants; None if all of them may move."""
        theta = self.emission.varying(parameters.theta)
        if theta is None:
            return None
        shares = {name: np.ones_like(field) for name, field in shares_of(parameters).items()}
        return with_shares(type(parameters), shares, theta)

    def rounding(self, parameters: S) -> float:
        """Return how far rounding can move the objective at some parameters."""
        d, n = self.rows.sample.dimension, self.rows.sample.observations
        overall = parameters.overall(self.question.data)
        enlarged = float(self.emission.condition(parameters.theta) @ overall)
        kept = n * self.emission.slack(self.question.width)  # by what cannot be 0
        return kept + self.grain + 16 * np.finfo(float).eps * d * n * enlarged

    def wide_enough(self, theta: Theta) -> bool:
        """Whether no component is narrower than the floor, beyond rounding."""
        return self.emission.wide_enough(theta, self.floor)

    def observations_of(self, parameters: S) -> Array:
        """Return the expected number of observations of each component, (K,)."""
        each: Array = parameters.overall(self.question.data) * self.total[0]
        return each

    def inside(self, parameters: S) -> S:
        """Return parameters in working coordinates, given them in the data's units."""
        theta = self.rows.units.move_in(parameters.theta)
        return with_shares(type(parameters), shares_of(parameters), theta)

    def outside(self, parameters: S) -> S:
        """Return parameters in the data's units, given them in working coordinates."""
        theta = self.rows.units.move_out(parameters.theta)
        return with_shares(type(parameters), shares_of(parameters), theta)


def densities(
    runs: PreparedRuns[Known], emission: Emission[Any], theta: Theta, out: Array | None = None
) -> Array:
    """Return log p without its base of every distinct row under every component, (K, m).

    out: where to write it.

    >>> from em.data.threads import executor_for
    >>> from models import Poisson, Sample
    >>> with executor_for(Sample([0, 3]), emission_of(Poisson), 1) as workers:
    ...     runs = workers.prepare(partial(known_of, emission=emission_of(Poisson), keep=False))
    >>> densities(runs, emission_of(Poisson), Poisson(np.array([1.0, np.e]))).round(3)
    array([[-1.   , -1.   ],
           [-2.718,  0.282]])
    """
    if out is None:
        out = np.empty((len(emission.condition(theta)), sum(runs.each(_size))))
    runs.each(partial(_fill, emission=emission, theta=theta, out=out))
    return out


def _size(known: Known) -> list[int]:
    """Return the number of rows of a run."""
    return [known.rows.end - known.rows.begin]


def _fill(known: Known, emission: Emission[Any], theta: Theta, out: Array) -> list[None]:
    """Write log p of a run to its place in the matrix; rows that need it are in memory."""
    none = np.zeros(len(out))
    rows = known.rows
    for index in range(rows.blocks):
        begin = rows.begin + index * rows.size
        found = logits(emission, rows.block(index), none, theta)
        out[:, begin : begin + found.shape[1]] = found
    return []


def _occupied(
    known: Known,
    emission: Emission[Any],
    shares: Array,
    theta: Theta,
    seen: Part,
    hard: bool,
    out: Array,
) -> Sums:
    """Return a run's log-likelihood (without base) and the occupancies' sums; write these to out.

    seen: all rows; out: (K, m) of them.
    """
    value, counted = 0.0, np.zeros(len(out))
    with np.errstate(all="ignore"):  # every thread has its own
        for place, block in _blocks(known.rows, seen):
            found = logits(emission, block, np.log(shares), theta)
            value += responsibilities(found, block.counts, hard)
            counted += found.sum(axis=1)
            out[:, place] = found
    return value, counted


def _height(
    known: Known, emission: ByRows[Any], theta: Theta, occupancy: Array, seen: Part
) -> Sums:
    """Return a run's sum of occupancy (K, m of all rows) times log p, with its derivatives."""
    with np.errstate(all="ignore"):
        return add_sums(
            emission.height(theta, occupancy[:, place], block.x, block.trials)
            for place, block in _blocks(known.rows, seen)
        )


def _blocks(rows: Rows, seen: Part) -> Iterator[tuple[slice, Part]]:
    """Yield where each block of a run stands among all rows, and the block."""
    for begin in range(rows.begin, rows.end, rows.size):
        place = slice(begin, min(begin + rows.size, rows.end))
        trials, counts = (None if one is None else one[place] for one in seen[1:])
        yield place, Part(seen.x[place], trials, counts)


def _gathered(
    known: Known, emission: Exponential[Any], occupancy: Array, centre: Array | None
) -> Sums:
    """Return a run's sums (K, 1 + q) of T, about each component's centre.

    occupancy: (K, m) of all rows.
    """
    width = known.totals.shape[1]
    rows, sums = known.rows, np.zeros((len(occupancy), width))
    for index in range(rows.blocks):
        block = rows.block(index)
        begin = rows.begin + index * rows.size
        share = occupancy[:, begin : begin + len(block.x)]
        if centre is not None:
            sums += sums_about(emission, block, centre, share, width)
            continue
        sums += emission.sums(share, block.x, block.trials, width)
    return (sums,)


def model_of[S: Structure](
    question: Question[S, Any],
    workers: Executor,
    *,
    floor: Array,
    hard: bool = False,
    prior: Prior | None = None,
) -> Model[S]:
    """Return the model, with what never changes between steps computed once.

    prior: in working coordinates.

    >>> from em.data.threads import executor_for
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model_of(fit.question, workers, floor=fit.floor).total
    array([100., 372.])
    """
    rows, emission = workers.rows, emission_of(question.family)
    wide = question.width
    keep = rows.sample.distinct * (1 + emission.size(wide)) <= KEPT
    runs = workers.prepare(partial(known_of, emission=emission, keep=keep, wide=wide))
    total, base, grain, dense = runs.total(_measured)
    n, log_unit = rows.sample.observations, rows.units.log_volume
    volume = float(dense) * log_unit
    if isinstance(rows.sample, Sample) and rows.sample.seen_in_part:
        volume = float(rows.sample.counts @ rows.units.log_volume_of(rows.sample.x))
    estimated = free(question.structure, question.held)
    even = uniform(question.structure, question.k, question.data.sizes)
    return Model(
        question=question,
        emission=emission,
        grouping=grouping_of(question.structure, question.data, question.k),
        rows=rows,
        runs=runs,
        hard=hard,
        prior=prior,
        floor=floor,
        base=float(base) - volume,
        grain=GRAIN * (float(grain) + n * (1 + abs(log_unit))),
        total=np.asarray(total),
        counted=np.array(runs.each(_counted)),
        even={name: field for name, field in even.items() if name not in estimated},
        estimated=estimated,
    )


def _measured(known: Known) -> Sums:
    """Return a run's totals, and its sums of base, of |base| and of rows with a density."""
    return add_sums((total, *bases) for total, bases in zip(known.totals, known.bases, strict=True))


def _counted(known: Known) -> list[float]:
    """Return the number of observations in each block."""
    return [float(total[0]) for total in known.totals]
