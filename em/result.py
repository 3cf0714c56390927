"""What `em.fit` returns: the estimate, its errors and the other optima."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from em.chain import Chain
from em.data.blocks import rows_of
from em.edges import covariance_of
from em.emission import emission_of
from em.frame import frame_of
from em.grouped import Grouped
from em.hidden_markov import MarkovGrouping
from em.intervals import Maximum, intervals_of, profiles_of
from em.printing import ENDLESS, grids, table
from em.solutions import rank_of
from em.structure import grouping_of
from em.sweep import logits, responsibilities
from models.as_html import framed, heading, paragraph
from models.as_html import table as html_table
from models.checks import number, whole
from models.family import labelled, remarks
from models.groups import Groups
from models.mixture import Mixture
from models.refusal import Refusal
from models.sample import Part, Sample
from models.structure import (
    Structure,
    fields_of,
    shares_of,
    structure_for,
    title_of,
    uniform,
    with_shares,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from typing import Any

    import pandas as pd
    from numpy.typing import ArrayLike

    from em.admixture import AdmixtureGrouping
    from em.chain import Forecast, Residuals
    from em.data.standardise import Units as Standard
    from em.edges import Edge
    from em.grouped import Deviance, Folded
    from em.intervals import Intervals
    from models.arrays import Array, Labels
    from models.family import Table, Theta
    from models.prior import Prior
    from models.question import Question
    from models.structure import Data, Units

__all__ = ["Fit", "Optimum"]


class Optimum[S: Structure](NamedTuple):
    """A distinct place where climbs ended.

    log_likelihood: there; of hard EM, the classification log-likelihood.
    starts: the number of starts that reached it.
    spike: whether a component is narrow by accident, so that this is no estimate.
    empty: whether a component has less than half an observation.
    converged: whether the climb met the tolerance.

    >>> fit.optima[0].spike, fit.optima[0].converged
    (False, True)
    """

    estimate: S
    log_likelihood: float
    starts: int
    spike: bool
    empty: bool
    converged: bool

    @property
    def mixture(self) -> S:
        """The estimate of a mixture.

        >>> fit.optima[0].mixture.weight.round(2)
        array([0.58, 0.42])
        """
        return self.estimate


@dataclass(frozen=True, eq=False, repr=False)
class Fit[S: Structure]:
    """What EM made of a question.

    estimate: the best optimum that is not a spike, labels in order.
    log_likelihood: of the estimate; of hard EM, the classification log-likelihood.
    trace: (steps + 1,) the objective from the start to the estimate, which falls at most by
        rounding. With a prior, the log prior density (without its constant) is part of it.
    steps, evaluations: of the climb to the estimate: steps taken, E-steps computed.
    converged: whether the tolerance was met.
    standard_errors: errors in the shape of the estimate; NaN where a note says why.
    information: (p, p) observed information in `coordinates`, or None where a note says why.
    coordinates: (p,) names of the free parameters for programs, such as mean[0] or cov[1,0,2].
    decrement: Newton decrement, the distance to the maximum in standard errors.
    missing: largest fraction of information missing, the rate at which plain EM converges.
    optima: every distinct optimum found, best first, spikes last.
    starts: the number of starts.
    floor: least width that a component may take, (d,) in the data's units.
    notes: what a reader of the estimate has to know, in sentences.
    units, inside: the working coordinates, and the estimate in them, unrounded by the change.
    entropy: sum over observations of -sum_k r_k log r_k; 0 under hard EM.
    edges: parameters on the edge of what is possible, which have no standard errors; along them
        `information` is zero.
    information_inside: (p, p) observed information just inside the edges; None without any.
    shift: (p,) how far the posterior means of `coordinates` are expected off the estimate, since
        parameters on an edge can only leave it, and take others with them; None without edges.
    open: how many directions the data leave open: the likelihood is flat along them.
    closed: how many of them zeros close; if all, no other parameters fit as well.
    told: (u,) standard errors of the log density of every unit, if directions stay open.
    reason: why there are no standard errors, with labels for programs; None if there are some.
    prior: under which the density was maximised, in the data's units; None for the likelihood.

    >>> fit.coordinates, fit.estimate.theta.rate.round(1)
    (('weight[0]', 'rate[0]', 'rate[1]'), array([1.1, 7.3]))
    >>> fit.assign(Sample([0, 9, 1]))
    array([0, 1, 0])
    >>> fit.of(Sample([0, 9, 1])).scores().round(2)
    array([-1.64, -1.54, -3.07])
    """

    question: Question[S, Any]
    estimate: S
    log_likelihood: float
    trace: Array
    steps: int
    evaluations: int
    converged: bool
    standard_errors: S
    information: Array | None
    coordinates: tuple[str, ...]
    decrement: float
    missing: float
    optima: tuple[Optimum[S], ...]
    starts: int
    floor: Array
    notes: tuple[str, ...]
    units: Standard
    inside: S
    entropy: float
    edges: tuple[Edge, ...] = ()
    information_inside: Array | None = None
    shift: Array | None = None
    open: int = 0
    closed: int = 0
    told: Array | None = None
    reason: str | None = None
    prior: Prior | None = None

    @property
    def rank(self) -> int:
        """How many parameters the data can tell: the free ones less the open directions.

        A prior and hard EM leave nothing open, and with very many parameters it is not looked at.
        What labels in groups tell is known all the same.

        >>> fit.rank
        3
        """
        told = None if self.open or self.question.held else rank_of(self.inside)
        return len(self.coordinates) - self.open if told is None else told

    @property
    def charged(self) -> int:
        """How many parameters AIC and BIC charge for.

        All free ones, also where an estimate leaves some of them open: two equal components of a
        mixture are still two. Where shares are those of groups, the rank: no table tells more.

        >>> fit.charged
        3
        """
        return self.rank if "group" in self.question.data.sizes else len(self.coordinates)

    @property
    def saturated(self) -> bool:
        """Whether the parameters fit any table of labels in groups exactly, so that none misfits.

        They do where they are as many as its free cells.

        >>> fit.saturated
        False
        """
        groups = self.question.data.sizes.get("group")
        if groups is None or self.family.takes() != "labels":
            return False
        return groups * (self.question.width - 1) <= self.rank

    @property
    def family(self) -> type[Theta]:
        """The family of the components.

        >>> fit.family.__name__
        'Poisson'
        """
        return self.question.family

    @property
    def observations(self) -> int:
        """The number of observations.

        >>> fit.observations
        100
        """
        return self.question.sample.observations

    @property
    def mixture(self) -> S:
        """The estimate of a mixture; other structures have only `estimate`.

        >>> fit.mixture.weight.round(2)
        array([0.58, 0.42])
        """
        if not isinstance(self.estimate, Mixture):
            kind = type(self.estimate).__name__
            raise AttributeError(f"a fit of a {kind} has no mixture; take its estimate")
        return self.estimate

    @property
    def has_errors(self) -> bool:
        """Whether every parameter has a standard error.

        >>> fit.has_errors
        True
        """
        return all(np.isfinite(one).all() for one in fields_of(self.standard_errors).values())

    @property
    def covariance(self) -> Array | None:
        """The inverse information (p, p), zero on edges and where it is flat; None without.

        >>> fit.covariance.shape
        (3, 3)
        """
        if self.information is None:
            return None
        if self.has_errors:
            return np.linalg.inv(self.information)
        errors = fields_of(self.standard_errors).values()
        some = self.open or (self.edges and any(np.isfinite(one).any() for one in errors))
        return covariance_of(self.information) if some else None

    @property
    def aic(self) -> float:
        """-2 log-likelihood + 2 p, p as `charged`: lower is better (Akaike 1974).

        >>> round(fit.aic, 1)
        471.0
        """
        return -2 * self.log_likelihood + 2 * self.charged

    @property
    def bic(self) -> float:
        """-2 log-likelihood + p log n, p as `charged`: lower is better (Schwarz 1978).

        >>> round(fit.bic, 1)
        478.8
        """
        return -2 * self.log_likelihood + self.charged * float(np.log(self.observations))

    @property
    def icl(self) -> float:
        """BIC + 2 entropy of the memberships: lower is better (McLachlan & Peel 2000, ch. 6).

        The entropy is -sum_n sum_k r_nk log r_nk, over the probabilities r of membership. The other
        form is `icl_hard`, which mclust computes. Under hard EM the entropy is 0, so that ICL is
        the BIC of the classification likelihood.

        >>> round(fit.icl, 1)
        500.6
        """
        return self.bic + 2 * self.entropy

    @property
    def icl_hard(self) -> float:
        """BIC - 2 sum_n log max_k r_nk: lower is better (Biernacki, Celeux & Govaert 2000).

        Each observation counts as a certain member of its most likely component, as in mclust,
        whose sign is the opposite. Of the -log r_k that the entropy averages this takes the
        smallest, so it is never above `icl`, and equal to it where every membership is certain.
        The rows have to be in memory.

        >>> round(fit.icl_hard, 1)
        487.6
        """
        if self.question.k == 1 or self.entropy == 0:
            return self.bic
        likeliest = self.members(self.question.units).max(axis=0)
        return self.bic - 2 * float(self.question.units.unit_counts @ np.log(likeliest))

    def responsibilities(self, data: Units) -> Array:
        """Return (n, K) probabilities of the components for each row as it was given.

        With counts, a row that was given once has one line, whatever its count.

        >>> fit.responsibilities(Sample([0, 9, 4])).round(2)
        array([[1.  , 0.  ],
               [0.  , 1.  ],
               [0.26, 0.74]])
        """
        members = self.members(data)
        return data.expand(members.T)

    def members(self, data: Units) -> Array:
        """Return the probability of each component at each unit of data, (K, u).

        >>> fit.members(Sample([0, 9])).round(2)
        array([[1., 0.],
               [0., 1.]])
        """
        self._refuse_other(data)
        grouping = grouping_of(self.question.structure, data, self.question.k)
        if self.question.k == 1:
            return np.ones((1, len(data.unit_rows)))
        shares = shares_of(self.inside)
        if grouping.common(shares) is not None:
            return self._marginal(data.sample)
        return grouping.members(shares, self._heights(data.sample))

    def _refuse_other(self, data: Data) -> None:
        """Raise Refusal if data ask for another structure than this fit's."""
        mine, theirs = title_of(self.question.structure), title_of(structure_for(data))
        if mine != theirs:
            raise Refusal(
                f"this is a fit of a {mine}, but such data need a {theirs}; give a "
                f"{type(self.question.data).__name__}"
            )

    def _heights(self, sample: Sample) -> Array:
        """Return log p without its base of each distinct row under each component, (K, m)."""
        return np.concatenate([heights for _, heights in self._blocks(sample)], axis=1)

    def marginal_members(self, sample: Sample) -> Array:
        """Return (n, K) probabilities of the components for each x alone, by overall shares.

        >>> fit.marginal_members(Sample([0, 9])).round(2)
        array([[1., 0.],
               [0., 1.]])
        """
        return sample.expand(self._marginal(sample).T)

    def _marginal(self, sample: Sample) -> Array:
        """Return (K, m) probabilities of the components at the distinct rows, by overall shares."""
        if self.question.k == 1:
            return np.ones((1, sample.distinct))
        with np.errstate(divide="ignore"):  # the logarithm of an empty component's share
            log_shares = np.log(self.inside.overall(self.question.data))
        each = [heights for _, heights in self._blocks(sample, log_shares)]
        for heights in each:
            responsibilities(heights, None, hard=False)
        return np.concatenate(each, axis=1)

    def assign(self, data: Units) -> Labels:
        """Return (n,) the most likely component of each row as it was given.

        >>> fit.assign(Sample([0, 9, 1]))
        array([0, 1, 0])
        """
        members = self.members(data)
        return data.expand(members.argmax(axis=0))

    def occupancy(self) -> Array:
        """Return (n, K) probabilities of the states at each row in time, given all rows.

        >>> import em
        >>> from models import Poisson, Sequences
        >>> chain = em.fit(Poisson, Sequences([0, 1, 0, 1, 7, 9, 8, 9, 1, 0, 0]), 2)
        >>> chain.occupancy()[:2].round(2)
        array([[1., 0.],
               [1., 0.]])
        """
        return self._chain("occupancy").occupancy()

    def decode(self) -> Labels:
        """Return (n,) the most likely path of states, by Viterbi's algorithm.

        It is likeliest as a whole; `assign` gives the likeliest state of each row.

        >>> import em
        >>> from models import Poisson, Sequences
        >>> chain = em.fit(Poisson, Sequences([0, 1, 0, 1, 7, 9, 8, 9, 1, 0, 0]), 2)
        >>> chain.decode()
        array([0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0])
        """
        return self._chain("decode").decode()

    def moves(self) -> Array:
        """Return (K, K) the expected number of moves from each state to each, given all rows.

        >>> import em
        >>> from models import Poisson, Sequences
        >>> chain = em.fit(Poisson, Sequences([0, 1, 0, 1, 7, 9, 8, 9, 1, 0, 0]), 2)
        >>> chain.moves().round(1)
        array([[5., 1.],
               [1., 3.]])
        """
        return self._chain("moves").moves()

    def forecast(self, steps: int) -> Forecast[Theta]:
        """Return the distribution of the next observations of each sequence.

        >>> import em
        >>> from models import Poisson, Sequences
        >>> chain = em.fit(Poisson, Sequences([0, 1, 0, 1, 7, 9, 8, 9, 1, 0, 0]), 2)
        >>> chain.forecast(2).mean.shape
        (1, 2)
        """
        return self._chain("forecast").forecast(whole("steps", steps, 1))

    def residuals(self) -> Residuals:
        """Return forecast pseudo-residuals, each row given all rows before it.

        >>> import em
        >>> from models import Poisson, Sequences
        >>> chain = em.fit(Poisson, Sequences([0, 1, 0, 1, 7, 9, 8, 9, 1, 0, 0]), 2)
        >>> chain.residuals().middle[:3].round(2)
        array([-0.74,  0.51, -0.57])
        """
        return self._chain("residuals").residuals()

    @property
    def deviance(self) -> Deviance:
        """G^2 against the table itself, and its degrees of freedom; of labels in groups.

        >>> import em
        >>> from models import Categorical
        >>> words, page = list("aaabaaabcccb"), [1] * 4 + [2] * 4 + [3] * 4
        >>> topics = em.fit(Categorical, Groups(words, page), 2)
        >>> topics.deviance.degrees
        1
        """
        self._refuse_ungrouped("deviance")
        if self.family.takes() != "labels":
            raise Refusal(
                "deviance compares with a table of categories; fit labels in groups "
                f"(Categorical), not {self.family.__name__}"
            )
        wide, shares = self.question.width, shares_of(self.inside)
        return self._grouped(self.question.units).deviance(shares["weight"], self.rank, wide)

    def fold_in(self, data: Units) -> Folded:
        """Return the shares of groups that were not seen before, with the components held.

        data: Groups of rows of the same kind, or a Sample, all of which is one new group.

        >>> import em
        >>> from models import Categorical
        >>> words, page = list("aaabaaabcccb"), [1] * 4 + [2] * 4 + [3] * 4
        >>> topics = em.fit(Categorical, Groups(words, page), 2)
        >>> topics.fold_in(Sample(["a", "c", "c"])).weight.round(2)
        array([[0.67, 0.33]])
        """
        self._refuse_ungrouped("fold_in")
        if isinstance(data, Sample):
            data = Groups.alone(data)
        self._refuse_other(data)
        return self._grouped(data).folded()

    def _refuse_ungrouped(self, asked: str) -> None:
        """Raise Refusal if rows are in no groups."""
        if "group" not in self.question.data.sizes:
            kind = title_of(self.question.structure)
            raise Refusal(f"{asked} needs rows in groups; fit Groups(x, group), not a {kind}")

    def _grouped(self, data: Units) -> Grouped:
        """Return groups beside this fit's components."""
        grouping = grouping_of(self.question.structure, data, self.question.k)
        return Grouped(cast("AdmixtureGrouping", grouping), self._heights(data.sample))

    def _chain(self, asked: str) -> Chain:
        """Return this fit on its own data, or raise Refusal if their rows have no order."""
        kind, data = self.question.structure, self.question.units
        grouping = grouping_of(kind, data, self.question.k)
        if not isinstance(grouping, MarkovGrouping):
            raise Refusal(f"{asked}() needs rows in time; fit Sequences(x), not a {title_of(kind)}")
        heights = self._heights(data.sample)
        return Chain(grouping, shares_of(self.inside), heights, self.estimate.theta)

    def of(self, data: Units, shares: Mapping[str, Array] | None = None) -> Fit[S]:
        """Return the same components on other data, the shares of new groups folded in.

        shares: of the other data's groups, if they are known.

        What is said of the estimate (errors, optima, trace) stays that of the first data.

        >>> fit.of(Sample([0, 9])).log_density([0]).round(2)
        array([-1.64])
        """
        self._refuse_other(data)
        question, inside = self.question.of(data), self.inside
        if shares is not None:
            inside = self._sharing(shares)
        elif self.question.held:
            inside = self._sharing(uniform(type(inside), question.k, data.sizes))
        elif "group" in data.sizes:
            inside = self._sharing({"weight": self.fold_in(data).weight})
        estimate = with_shares(type(inside), shares_of(inside), self.estimate.theta)
        return replace(self, question=question, estimate=estimate, inside=inside)

    def _sharing(self, shares: Mapping[str, Array]) -> S:
        """Return the estimate in working coordinates with other shares."""
        return with_shares(type(self.inside), shares, self.inside.theta)

    def scores(self) -> Array:
        """Return (u,) the log density of each unit of the data, in its group or given rows before.

        Rows in time are given the rows before them; those that were not seen have NaN.

        >>> fit.scores()[:2].round(2)
        array([-1.64, -1.54])
        """
        data, shares = self.question.units, shares_of(self.inside)
        bases, heights = zip(*self._blocks(data.sample), strict=True)
        each = np.concatenate(heights, axis=1)
        ahead = grouping_of(self.question.structure, data, self.question.k).ahead(shares, each)
        with np.errstate(divide="ignore"):  # the logarithm of a probability of 0
            joint = np.log(ahead) + each[:, data.unit_rows]
        found: Array = np.logaddexp.reduce(joint, axis=0) + np.concatenate(bases)[data.unit_rows]
        return np.where(data.unit_counts > 0, found, np.nan)

    def column_density(self, at: int, x: Array) -> Array:
        """Return (K, n) share times density (probability, for counts) of one column alone.

        at: which column of a table; x: (n,) values of it. Their sum over components is its density.

        >>> import em
        >>> from models import Independent, Poisson
        >>> family = Independent(Poisson, Poisson)
        >>> table = Sample([[0, 9], [1, 8], [1, 7], [8, 0], [7, 2], [9, 1]])
        >>> em.fit(family, table, 2).column_density(0, np.array([0.0, 8.0])).round(3)
        array([[0.257, 0.   ],
               [0.   , 0.07 ]])
        """
        theta = cast("Table", self.estimate.theta).columns()[at]
        emission = emission_of(type(theta))
        trials = np.ones(len(x)) if theta.takes() == "heads" else None  # one flip a row
        with np.errstate(divide="ignore"):  # the logarithm of an empty component's share
            log_shares = np.log(self.estimate.overall(self.question.data))
        heights = logits(emission, Part(x, trials, None), log_shares, theta)
        found: Array = np.exp(heights + emission.base(x, trials))
        return found

    def density(self, x: ArrayLike | Sample, trials: ArrayLike | None = None) -> Array:
        """Return (n,) density (probability, for counts) at each x alone, by overall shares.

        x: a Sample, or what makes one; a single number is a column of one.

        >>> fit.density([0, 9]).round(3)
        array([0.194, 0.047])
        """
        return np.exp(self.log_density(x, trials))

    def log_density(self, x: ArrayLike | Sample, trials: ArrayLike | None = None) -> Array:
        """Return (n,) log density (log probability, for counts) at each x.

        >>> fit.log_density([0, 9]).round(2)
        array([-1.64, -3.07])
        """
        sample = x if isinstance(x, Sample) else Sample(_column(x), trials)
        if np.isposinf(self.log_likelihood):
            raise Refusal("the estimate is degenerate and has no density; fit other columns")
        overall = self.inside.overall(self.question.data)
        with np.errstate(divide="ignore"):  # the logarithm of an empty component's share
            parts = [
                np.logaddexp.reduce(heights, axis=0) + base
                for base, heights in self._blocks(sample, np.log(overall))
            ]
        return sample.expand(np.concatenate(parts))

    def _blocks(
        self, sample: Sample, log_shares: Array | None = None
    ) -> Iterator[tuple[Array, Array]]:
        """Yield the base of log p (B,) and log share + log p without it, (K, B), block by block.

        log_shares: (K,); by default log p alone.
        """
        if not isinstance(sample, Sample):
            raise Refusal(f"sample is a {type(sample).__name__}; give Sample(x)")
        d = self.question.sample.dimension
        if sample.dimension == d:
            sample = self.question.coded(sample)
        self.family.observe(sample)
        if sample.dimension != d:
            raise Refusal(
                f"x has {sample.dimension} columns, but the fit has {d}; give the same ones"
            )
        self._refuse_codes(sample)
        emission, k = emission_of(self.family), self.question.k
        # in the fit's working coordinates, as a few new rows may be on another scale
        rows = rows_of(sample, emission, k, self.units)
        theta = self.inside.theta
        added = np.zeros(k) if log_shares is None else log_shares
        for index in range(rows.blocks):
            block = rows.block(index)
            yield (
                emission.base(block.x, block.trials)
                - self.units.log_volume_of(block.x) * ~emission.masses(block.x),
                logits(emission, block, added, theta),
            )

    def _refuse_codes(self, sample: Sample) -> None:
        """Raise Refusal for codes beyond those of the fit."""
        wide = np.atleast_1d(self.question.width)
        for at, high in enumerate(sample.high):
            if labelled(self.family, at) and high >= wide[at]:
                raise Refusal(
                    f"{sample.called(at)} has code {high:.0f}, but the fit has codes from 0 to "
                    f"{wide[at] - 1}; give one of these"
                )

    def to_frame(self, level: float = 0.95, kind: str = "wald") -> pd.DataFrame:
        """Return the estimates as a pandas data frame, a row for each parameter.

        mle, se: the estimate and its standard error; low, high: an interval. By default it is that
        of the standard error, which may reach impossible values. Of a comparison's `to_frame` the
        rows have the same names, mle and se mean the same, and low and high are those of the
        posterior.

        level: of the intervals, between 0 and 1.
        kind: of the intervals, as `intervals` has it: "profile" and "bootstrap" take longer.

        >>> fit.to_frame()[["mle", "se", "low", "high"]].round(2).loc["rate[1]"].tolist()
        [7.34, 0.49, 6.39, 8.3]
        >>> fit.to_frame(kind="profile")[["low", "high"]].round(2).loc["rate[1]"].tolist()
        [6.43, 8.34]
        """
        if not 0 < number("level", level) < 1:
            raise Refusal(f"level is {level:g}; give a number between 0 and 1, such as 0.95")
        found = frame_of(self.estimate, self.standard_errors, self.question.held, level)
        if kind == "wald":
            return found
        # an end that a profile does not reach stays NaN, as a frame could not say whose it is
        ends = self.intervals(level, kind, replicates=400 if kind == "bootstrap" else 0)
        return found.assign(low=ends.low, high=ends.high)

    def intervals(
        self,
        level: float = 0.95,
        kind: str = "profile",
        *,
        only: Collection[str] | str | None = None,
        replicates: int = 400,
        seed: int = 0,
    ) -> Intervals:
        """Return an interval for each parameter: `em.intervals` says how each kind is found.

        level: the probability with which intervals cover, in large samples.
        kind: "profile", "bootstrap" or "wald".
        only: labels of the parameters to look at, such as rate[1]; all by default.
        replicates, seed: of the bootstrap.

        >>> print(fit.intervals())
        95% profile likelihood intervals
          weight[1]      0.47    0.684
          weight[2]     0.316     0.53
          rate[1]       0.794     1.45
          rate[2]        6.43     8.34
        """
        return intervals_of(self._maximum, level, kind, only=only, replicates=replicates, seed=seed)

    def profiles(
        self, levels: Sequence[float], *, only: Collection[str] | str | None = None
    ) -> list[Intervals]:
        """Return the profile intervals of several levels, which rise; NaN where there is no end.

        Each profile is followed once. The ends are those of `intervals`, unless a profile has dips,
        over which there may be two ways.

        >>> [round(one.of("rate[0]").high, 2) for one in fit.profiles([0.8, 0.95])]
        [1.32, 1.45]
        """
        return profiles_of(self._maximum, levels, only=only)

    @property
    def _maximum(self) -> Maximum[S]:
        return Maximum(
            self.question, self.estimate, self.inside, self.standard_errors, self.floor,
            self.prior, float(self.trace[-1]), self.converged, self.reason, bool(self.open),
        )  # fmt: skip

    def _heading(self) -> tuple[str, str]:
        """Return what was fitted, and to what."""
        k = self.question.k
        known = isinstance(self.question.sample, Sample)
        extent = self.question.units.extent if known else ""
        n = f"{self.observations:,} observation{'s' * (self.observations > 1)}"
        title = f"{self.family.__name__}, {k} {self.question.noun}{'s' * (k > 1)}"
        return title, f"{n} {extent}" if extent else n

    def _summary(self) -> str:
        """Return how the climb ended."""
        return (
            f"log-likelihood {self.log_likelihood:.6f}, BIC {self.bic:.2f}, "
            f"{'converged' if self.converged else 'NOT CONVERGED'} in {self.steps} steps; "
            f"{self.starts} start{'s' * (self.starts > 1)}, "
            f"{len(self.optima)} distinct optim{'a' if len(self.optima) > 1 else 'um'}"
        )

    def __str__(self) -> str:
        """Return the estimates with their standard errors, and the notes, as a table."""
        return "\n".join(self.lines())

    def lines(self, width: int = ENDLESS) -> list[str]:
        """Return the same as lines, with a table for a page of so many columns.

        >>> fit.lines()[1].split(), fit.lines(width=40)[1].split()
        (['group', '1', '2'], ['group', '1'])
        """
        names, noun = self.question.names, self.question.noun
        return [
            ", ".join(self._heading()),
            *table(self.estimate, self.standard_errors, names, noun, width),
            *remarks(self.family),
            self._summary(),
            *(f"note: {note}" for note in self.notes),
        ]

    __repr__ = __str__

    def _repr_html_(self) -> str:
        title, size = self._heading()
        parts = [heading(title, f", {size}")]
        names, noun = self.question.names, self.question.noun
        for heads, rows, after in grids(self.estimate, self.standard_errors, names, noun):
            parts.append(html_table(heads, rows))
            parts += [paragraph(one, soft=True) for one in after]
        parts += [paragraph(one, soft=True) for one in (*remarks(self.family), self._summary())]
        return framed(*parts, *(paragraph(f"Note: {note}") for note in self.notes))


def _column(x: ArrayLike) -> ArrayLike:
    """Return a single value as a column of one; a table that names its columns as it is."""
    return np.atleast_1d(np.asarray(x)) if np.isscalar(x) else x
