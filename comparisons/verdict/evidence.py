"""What the two answers say of each other, computed once; `measures` judges it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

import em
from bayes.posterior.diagnose import diagnose, worst_of
from bayes.posterior.labels import memberships
from bayes.posterior.stein import target
from bayes.posterior.tree import draws_of, question_of
from bayes.sampling.compiled import engine_of
from comparisons.binned.posterior import binning_of, largest_shift
from comparisons.progress import starts_bar
from comparisons.thresholds import LEAST_DRAWS, LEVEL, MISSED
from comparisons.verdict.cross_checks import OURS, copied, curvature, density_gap
from comparisons.verdict.estimates import estimate_of
from comparisons.verdict.parameters import covariance_of, parameters_of, picked
from comparisons.verdict.subsample import whole_of
from models import Mixture, Prior, Sample, simulate
from models.family import entries, rebuilt
from models.mixture import take

if TYPE_CHECKING:
    import xarray as xr

    from bayes.mixture import Question
    from bayes.posterior.diagnose import Diagnosis
    from bayes.posterior.stein import Target
    from bayes.sampling.compiled import Engine
    from comparisons.binned.posterior import Binning
    from comparisons.verdict.parameters import Parameter
    from comparisons.verdict.subsample import Whole
    from models.arrays import Array, Labels
    from models.family import Theta
    from models.observations import Observations

__all__ = [
    "Evidence",
    "Memberships",
    "Mode",
    "Search",
    "evidence_of",
    "matched",
    "search",
]

PROBES = 100  # draws from which EM climbs the posterior to see which mode each belongs to
FIRST = 40  # of them that suffice if all are of one: others then have 7% or less, at 95%
CLIMBED = 3  # likeliest draws from which EM climbs the likelihood
THINNED = 500  # draws that stand for all in predictions, whose own noise is far smaller
POINTS = 2_048  # from either density, where their distance is measured
ROWS = 10_000  # distinct rows whose memberships are compared
BLOCK = 1_000  # of them at once


class Search(NamedTuple):
    """EM from its own starts.

    traces: (starts, steps) the height after each step of each start, NaN once it was over.
    """

    fit: em.Fit
    traces: Array


class Mode(NamedTuple):
    """A mode of the posterior, and how many of the probed draws lie in its basin."""

    mixture: Mixture
    height: float
    share: float


class Memberships(NamedTuple):
    """Probabilities (m, K) of the components for distinct rows, and how often each occurred.

    posterior: their means; low, high: the interval of what draws make of them.
    """

    rows: Sample
    em: Array
    posterior: Array
    low: Array
    high: Array


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the two answers say of each other.

    question: what was asked of the posterior; prior: None where it is unknown.
    source: where the estimate comes from.
    estimate, errors: with the posterior's labels.
    at: EM's view of the estimate itself (likelihood, information), without a step.
    reached: where EM goes on to from there.
    search: EM from its own starts; climbs: from the likeliest draws.
    draws: of the posterior, weight (n, K), chain after chain, `sizes` (chains, draws).
    heights, theirs: log-likelihood (n,) of every draw, by EM and by PyMC.
    stepped: how far, relatively, the E-step's is from those heights where climbs began.
    ours: whether `bayes.sample` drew the posterior, so that what it explored is known.
    density: sd over draws of PyMC's log posterior less EM's; NaN where it is not known.
    curvature: factor between what EM's errors say of the likelihood's curvature and what it is.
    copied: share of runs of draws that another chain has as well.
    peak: where EM under the posterior's prior goes from the estimate, None where it is unknown.
    modes: of the posterior, most draws first; empty where the prior is unknown.
    diagnosis: of the chains.
    hellinger: between plug-in and posterior predictive density.
    memberships: of both, None for a single component.
    claimed: the log-likelihood that an em.Fit says it has, None of other estimates.
    ambiguous: share of draws that could as well be labelled otherwise.
    as_drawn: largest R-hat before the labels were aligned.
    made: the em.Fit that the estimate is, or else EM's search.
    places: (K,) which component of `at` each of the posterior's is.
    few: draws that stand for all.
    renewed: whether EM's estimate was reached from a draw, and not from its own starts.
    covariance: of the estimate, for the table's rows: the inverse information.
    target: how far the draws are from being those of the posterior; None without its prior.
    to_peak: by how much the log posterior rises from the estimate to its peak; inf without a prior.
    stand: how the posterior's rows stand for others, None where they stand for themselves.
    lost: by how much its log-likelihood of the estimate may miss that of all observations.
    shift: by how many of its sds that can have moved a posterior mean.
    whole: what EM made of all observations, None where the posterior is of all.
    """

    question: Question
    prior: Prior | None
    source: str
    estimate: Mixture
    errors: Mixture
    at: em.Fit
    reached: em.Fit
    search: Search
    climbs: tuple[em.Fit, ...]
    draws: Mixture
    sizes: tuple[int, int]
    heights: Array
    stepped: float
    ours: bool
    density: float
    curvature: float
    copied: float
    theirs: Array
    peak: Mode | None
    modes: tuple[Mode, ...]
    diagnosis: Diagnosis
    hellinger: float
    memberships: Memberships | None
    claimed: float | None
    ambiguous: float
    as_drawn: float
    made: em.Fit
    places: Labels
    few: Mixture
    renewed: bool
    covariance: Array
    target: Target | None
    to_peak: float
    stand: Binning | None
    lost: float
    shift: float
    whole: Whole | None

    @property
    def parameters(self) -> list[Parameter]:
        """What the table has a row for."""
        return parameters_of(self.estimate, equal_weights=self.question.equal_weights)

    @property
    def deviance(self) -> Array:
        """D_s = 2 (l(t^) - l(t_s)) of every draw, (n,)."""
        return 2 * (self.at.log_likelihood - self.heights)

    @property
    def bend(self) -> float:
        """Mean |D_s - q_s| / p, where q_s = (t_s - t^)' I (t_s - t^) is D_s of a parabola."""
        k = self.question.k
        rows = list(enumerate(self.parameters))
        kept = [at for at, row in rows if (row.name, row.component) != ("weight", k - 1)]
        parts = [picked(self.draws, row) - picked(self.estimate, row) for _, row in rows]
        away = np.array(parts)[kept]
        if not np.isfinite(self.covariance).all():
            return np.nan
        parabola = (away * np.linalg.solve(self.covariance[np.ix_(kept, kept)], away)).sum(axis=0)
        return float(np.abs(self.deviance - parabola).mean() / self.free)

    @property
    def free(self) -> int:
        """How many free parameters there are."""
        return len(self.at.coordinates)


def search[T: Theta](
    family: type[T],
    sample: Observations,
    k: int,
    *,
    equal_weights: bool,
    starts: int = 20,
    seed: int = 0,
    progress: bool = False,
) -> Search:
    """Fit by EM from many starts, and keep how each of them climbed.

    progress: show a bar on a terminal.
    """
    heights: dict[int, dict[int, float]] = {}

    def on_step(step: em.Step[T]) -> None:
        heights.setdefault(step.start, {})[step.step] = step.objective
        tell(step.start)

    with starts_bar(starts, shown=progress) as tell:
        found = em.fit(
            family,
            sample,
            k,
            equal_weights=equal_weights,
            starts=starts,
            seed=seed,
            on_step=on_step,
        )
    length = max((max(each) for each in heights.values()), default=0)
    climbed = sorted(heights) or range(found.starts)  # not all start on all of very many rows
    traces = np.full((len(climbed), length), np.nan)
    for row, start in enumerate(sorted(heights)):
        each = heights[start]
        traces[row, np.array(list(each)) - 1] = list(each.values())
    return Search(found, traces)


@dataclass(frozen=True)
class Climber:
    """EM on a question's sample, from a start of its own."""

    question: Question

    def __call__(
        self, start: Mixture, prior: Prior | None = None, max_steps: int = 10_000
    ) -> em.Fit:
        """Return where EM goes from a start, of the posterior if a prior is given."""
        question = self.question
        return em.fit(
            question.component.family,
            question.sample,
            question.k,
            start=start,
            equal_weights=question.equal_weights,
            prior=prior,
            max_steps=max_steps,
        )


def evidence_of(given: object, tree: xr.DataTree, found: Search | None = None) -> Evidence:
    """Line an estimate up with a posterior.

    given: an em.Fit, a Mixture, a scikit-learn GaussianMixture, or the path of a JSON file; None
        for EM's own: the best of its search, or what it reaches from a draw if that is higher.
    tree: as `bayes.sample` or `bayes.adopt` returns it.
    found: EM's search, if it was made before.
    """
    question = question_of(tree)
    if tree["posterior"].sizes["draw"] < LEAST_DRAWS:
        raise ValueError(f"the posterior has fewer than {LEAST_DRAWS} draws a chain; draw more")
    family, sample, k = question.component.family, question.sample, question.k
    prior = None if tree.attrs["prior"] == "null" else question.prior
    if found is None:
        found = search(family, sample, k, equal_weights=question.equal_weights)

    climbed = Climber(question)
    draws = draws_of(tree, family)
    heights = em.log_likelihood(family, sample, draws)
    likeliest = np.argsort(-heights)[:CLIMBED]
    climbs = tuple(climbed(take(draws, one)) for one in likeliest)
    begun = np.array([climb.trace[0] for climb in climbs])
    stepped = float((np.abs(begun - heights[likeliest]) / (1 + np.abs(begun))).max())
    stand, renewed = binning_of(tree), False
    if given is None:
        lost = 0.0 if stand is None else stand.loss(found.fit.mixture)
        given, renewed = _best(found.fit, climbs, lost)
    mixture, source = estimate_of(given, family, sample.dimension)
    if len(mixture.weight) != k:
        raise ValueError(
            f"the estimate has {len(mixture.weight)} components, the posterior {k}; compare equals"
        )
    at = climbed(mixture, max_steps=0)
    places = matched(at.mixture, draws) if tree.attrs["labels"] == "assignment" else np.arange(k)
    estimate, errors = take(at.mixture, places), take(at.standard_errors, places)
    peak, modes, to_peak = None, (), np.inf
    if prior is not None:
        to_peak = -float(climbed(at.mixture, prior, max_steps=0).trace[0])
        peak, modes = _modes(question, prior, at.mixture, draws, estimate)
        to_peak += peak.height
    engine, sizes = engine_of(question), tree["posterior"].sizes
    few = take(draws, _spaced(len(heights), THINNED))
    positions = engine.pack(question, few)
    return Evidence(
        question=question,
        prior=prior,
        source=source,
        estimate=estimate,
        errors=errors,
        at=at,
        reached=climbed(at.mixture),
        search=found,
        climbs=climbs,
        draws=draws,
        sizes=(sizes["chain"], sizes["draw"]),
        heights=heights,
        stepped=stepped,
        ours=tree.attrs.get("made_by") == OURS,
        density=density_gap(tree, question, engine, heights),
        curvature=curvature(engine, question, at),
        copied=copied(draws, (sizes["chain"], sizes["draw"])),
        theirs=tree["sample_stats"]["log_likelihood"].to_numpy().ravel(),
        peak=peak,
        modes=modes,
        diagnosis=diagnose(tree),
        hellinger=_hellinger(engine, question, at, few, positions),
        memberships=_memberships(engine, question, at, places, positions) if k > 1 else None,
        claimed=given.log_likelihood if isinstance(given, em.Fit) else None,
        ambiguous=float(tree["labels"]["ambiguous"].mean()) if k > 1 else 0.0,
        as_drawn=worst_of(tree["diagnostics"].to_dataset().sel(labels="as drawn")).r_hat,
        made=given if isinstance(given, em.Fit) and not renewed else found.fit,
        places=places,
        few=few,
        renewed=renewed,
        covariance=covariance_of(at, estimate, places, equal_weights=question.equal_weights),
        target=None if prior is None else target(tree),
        to_peak=to_peak,
        stand=stand,
        lost=0.0 if stand is None else stand.loss(at.mixture),
        shift=0.0 if stand is None else largest_shift(stand.loss_bound.total(few)),
        whole=whole_of(tree),
    )


def _best(own: em.Fit, climbs: tuple[em.Fit, ...], lost: float) -> tuple[em.Fit, bool]:
    """Return EM's best optimum that is no spike, and whether it is not that of its own starts.

    A likelihood with many optima hides the best one from any number of starts; a draw that finds it
    is as good a start as any.

    lost: by how much the climbs' rows may miss the log-likelihood of the sample that `own` is of.
    """
    highest = max(climbs, key=lambda climb: (not climb.optima[0].spike, climb.log_likelihood))
    if highest.optima[0].spike:
        return own, False
    better = highest.log_likelihood - own.log_likelihood > MISSED + lost
    return (highest, True) if better or own.optima[0].spike else (own, False)


def _spaced(n: int, most: int) -> Labels:
    """Return places among n at even distances, all of them or as many as `most`."""
    return np.linspace(0, n - 1, min(n, most)).astype(np.intp)


def matched[T: Theta](
    mixture: Mixture[T], draws: Mixture[T], reference: Mixture[T] | None = None
) -> Labels:
    """Return which of the mixture's components is the posterior's first, second, ...

    The least sum of squared distances to the draws' means (or to a reference), in their sds.
    """
    k = len(mixture.weight)
    distance = np.zeros((k, k))
    target = draws if reference is None else reference
    for one, drawn, aim in zip(_fields(mixture), _fields(draws), _fields(target), strict=True):
        goal = (drawn.mean(axis=0) if reference is None else aim).reshape(k, -1)
        sd = drawn.std(axis=0).reshape(k, -1)
        unit = np.where(sd > 0, sd, 1.0)
        distance += (((one.reshape(k, 1, -1) - goal) / unit) ** 2).sum(axis=2)
    order: Labels = linear_sum_assignment(distance.T)[1]
    return order


def _fields[T: Theta](mixture: Mixture[T]) -> list[Array]:
    return [mixture.weight, *entries(mixture.theta).values()]


def _modes[T: Theta](
    question: Question, prior: Prior, top: Mixture[T], draws: Mixture[T], estimate: Mixture[T]
) -> tuple[Mode, tuple[Mode, ...]]:
    """Return where EM goes from the estimate under the prior, and all modes, most draws first.

    EM under the prior climbs from some draws, each to the mode in whose basin it lies.

    top, estimate: the estimate, in label order and with the posterior's labels.
    """
    family, n = question.component.family, len(draws.weight)
    for probed in (FIRST, PROBES):
        probes = take(draws, _spaced(n, probed))
        pairs = zip(_fields(top), _fields(probes), strict=True)
        weight, *fields = [np.concatenate([one[None], many]) for one, many in pairs]
        tops, member = em.basins(
            family,
            question.sample,
            Mixture(weight, rebuilt(family, fields)),
            prior=prior,
            equal_weights=question.equal_weights,
        )
        if (member == member[0]).all():
            break
    share = np.bincount(member[1:], minlength=len(tops)) / len(member[1:])
    modes = [
        Mode(one.mixture, one.height, float(part)) for one, part in zip(tops, share, strict=True)
    ]
    here = modes[member[0]]
    peak = here._replace(mixture=take(here.mixture, matched(here.mixture, draws, estimate)))
    reached = [mode for mode in modes if mode.share > 0]
    return peak, tuple(sorted(reached, key=lambda mode: (-mode.share, -mode.height)))


def _hellinger(
    engine: Engine, question: Question, at: em.Fit, few: Mixture, positions: Array
) -> float:
    """Return the Hellinger distance between the plug-in density f and the predictive g.

    H^2 = int (sqrt f - sqrt g)^2 / 2, the mean of (sqrt f - sqrt g)^2 / (f + g) over as many points
    drawn from f as from g. Of coins it is the mean over the numbers of flips.
    """
    if not np.isfinite(at.log_likelihood):
        return np.nan
    rng, sample = np.random.default_rng(0), question.sample
    share = sample.counts / sample.counts.sum()
    trials = None
    if sample.trials is not None:
        trials = sample.trials[rng.choice(sample.distinct, POINTS, p=share)]
    plugged = simulate(at.mixture, POINTS, rng, trials)[0]
    chosen = rng.integers(len(few.weight), size=POINTS)
    picked = [
        np.array([rng.choice(len(few.weight[draw]), p=few.weight[draw]) for draw in chosen]),
    ]
    fields = [field[chosen, picked[0]] for field in entries(few.theta).values()]
    theta = rebuilt(type(few.theta), fields)
    predicted = Sample(theta.draw(np.arange(POINTS), rng, trials), trials)
    total = 0.0
    for points in (plugged, predicted):
        distinct = Sample(points.x, points.trials)
        asked = question._replace(sample=distinct)
        each = engine.log_rows(asked, positions)
        log_g = np.logaddexp.reduce(each, axis=0) - np.log(len(each))
        ratio = np.abs(log_g - at.log_density(distinct)) / 2
        # (sqrt f - sqrt g)^2 / (f + g) = 1 - 1 / cosh(log (g / f) / 2), free of units
        total += float((1 - 1 / np.cosh(np.minimum(ratio, 700))) @ points.counts) / (2 * POINTS)
    return float(np.sqrt(total))


def _memberships(
    engine: Engine, question: Question, at: em.Fit, places: Labels, positions: Array
) -> Memberships:
    """Return the memberships by both, of all distinct rows or of ROWS at even distances."""
    sample, tail = question.sample, (1 - LEVEL) / 2
    some = sample.pick(_spaced(sample.distinct, ROWS))
    parts = []
    for begin in range(0, some.distinct, BLOCK):  # quantiles need all draws of a row at once
        block = some.pick(np.arange(begin, min(begin + BLOCK, some.distinct)))
        each = engine.log_joint(question._replace(sample=block), positions, memberships)
        parts.append(np.stack([each.mean(axis=0), *np.quantile(each, [tail, 1 - tail], axis=0)]))
    posterior, low, high = np.concatenate(parts, axis=2).transpose(0, 2, 1)
    return Memberships(some, at.responsibilities(some)[:, places], posterior, low, high)
