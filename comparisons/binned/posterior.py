"""A posterior of binned measurements, where there are too many for the sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import xarray as xr

import em
from bayes.posterior.tree import posterior_of
from comparisons.binned.bins import Bins, coarsened, finest_edges
from comparisons.binned.loss_bound import LossBound
from comparisons.capacity import binnable
from comparisons.thresholds import SHIFT
from models import Gaussian, Mixture
from models.arrays import spaced
from models.checks import moments
from models.sample import Sample
from models.structure import drawn_at, joined

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.arrays import Array
    from models.observations import Observations
    from models.question import Question
    from models.structure import Structure

__all__ = [
    "MOST",
    "Binning",
    "Histogram",
    "binning_of",
    "histogram_of",
    "largest_shift",
    "posterior_in_bins",
    "to_be_binned",
]

MOST = 5_000  # distinct rows: with more, the sampler sees bins (20,000 rows take a minute)
BUDGET = SHIFT / 1_000  # log-likelihood that the bins may lose under each mixture; see `_chosen`
SES_AWAY = 3.0  # standard errors from the estimate to the other mixtures that bins must suit
WORST = 4  # mixtures, with the largest losses, that bins are chosen for
RECHOSEN = 2  # times, at most, that bins are chosen again by the draws
DRAWS = 500  # evenly spaced draws at which the loss is bounded
HISTOGRAM_BINS = 1 << 14  # bins kept for histograms, at most


class Binning(NamedTuple):
    """How the binned rows of a posterior represent the observations.

    rows: the number of rows that the sampler saw.
    distinct: the number of distinct observations.
    loss_bound: the bound of the log-likelihood lost by binning.

    >>> from models import Sample
    >>> bins = Bins.count(Sample(np.linspace(0, 9, 100)), np.linspace(0, 9, 4))
    >>> binning = Binning(rows=6, distinct=100, loss_bound=bins.loss_bound())
    >>> two = Mixture(np.full(2, 0.5), Gaussian(mean=np.array([2.0, 7.0]), sd=np.full(2, 2.0)))
    >>> round(binning.loss(two), 2)
    4.8
    """

    rows: int
    distinct: int
    loss_bound: LossBound

    def loss(self, mixture: Mixture[Gaussian]) -> float:
        """Return the bound of the error of the rows' log-likelihood under one mixture."""
        return float(self.loss_bound.total(_many(mixture))[0])

    def shift(self, draws: Structure) -> float:
        """Return `largest_shift` by these bins, judged at some draws, each field (n, ...)."""
        mixtures = cast("Mixture[Gaussian]", draws)  # nothing else is binned
        return largest_shift(self.loss_bound.total(mixtures))


def to_be_binned(question: Question[Any, Any]) -> bool:
    """Return whether the measurements are too many for the sampler and can be binned.

    >>> from models.question import asked
    >>> [to_be_binned(asked(Gaussian, Sample(range(n)), 2)) for n in (5_000, 5_001)]
    [False, True]
    """
    in_memory = isinstance(question.data, Sample)
    return binnable(question) and (not in_memory or question.sample.distinct > MOST)


def posterior_in_bins(
    draw: Callable[[Sample], xr.DataTree], rows: Observations, fit: em.Fit[Mixture[Gaussian]]
) -> xr.DataTree:
    """Return a posterior of bins, chosen to move no posterior mean by more than SHIFT of its sds.

    Bins are chosen for EM's estimate and mixtures around it and, if the draws show that this is not
    enough, for the draws. Two groups are added to the tree: `bins` with the fields of `LossBound`,
    and `histogram` with finer bins for pictures.

    draw: sample -> its posterior.
    rows: all measurements.
    fit: EM's fit of all measurements.

    >>> import bayes
    >>> rng = np.random.default_rng(1)
    >>> rows = Sample(rng.normal([160.0, 180.0], 5.0, (1_000, 2)).ravel())
    >>> estimate = em.fit(Gaussian, rows, 2, seed=1)
    >>> weight, (mean, sd) = em.displaced(estimate, 0.01 * rng.normal(size=(20, 5)))
    >>> fields = {"weight": weight, "mean": mean, "sd": sd}
    >>> draws = xr.Dataset({name: (("draw", "component"), one) for name, one in fields.items()})
    >>> tree = posterior_in_bins(lambda bins: bayes.adopt(Gaussian, bins, draws), rows, estimate)
    >>> tree.attrs["distinct"], tree.attrs["bins"] < 1_000
    (2000, True)
    """
    fine = Bins.count(rows, finest_edges(rows))
    bins = _chosen(fine, _around(fit, fine))
    for again in range(RECHOSEN + 1):
        tree = draw(bins.sample().with_columns(rows.columns))
        draws = cast("Mixture[Gaussian]", posterior_of(tree).draws)  # nothing else is binned
        draws = drawn_at(draws, spaced(len(draws.weight), DRAWS))
        bounds = bins.loss_bound().total(draws)
        if largest_shift(bounds) <= SHIFT or again == RECHOSEN or bins is fine:
            break
        bins = _chosen(fine, drawn_at(draws, np.argsort(-bounds)))
    left, shown = bins.loss_bound(), fine
    while len(shown.low) > HISTOGRAM_BINS:
        shown = shown.halved()
    points, weights = shown.rows()
    tree["bins"] = xr.DataTree(
        xr.Dataset({name: ("bin", one) for name, one in left._asdict().items()})
    )
    middle, counts = (points * weights).sum(axis=0) / weights.sum(axis=0), weights.sum(axis=0)
    low, high = shown.ends()
    each = {"x": middle, "counts": counts, "low": low, "high": high}
    tree["histogram"] = xr.DataTree(xr.Dataset({name: ("row", one) for name, one in each.items()}))
    tree.attrs |= {"bins": len(left.low), "distinct": rows.distinct}
    return tree


class Histogram(NamedTuple):
    """Bins finer than the posterior's, which are not empty: (bins,) means, counts and ends.

    >>> Histogram._fields
    ('x', 'counts', 'low', 'high')
    """

    x: Array
    counts: Array
    low: Array
    high: Array


def histogram_of(tree: xr.DataTree) -> Histogram | None:
    """Return the finer bins of a posterior, None if the sampler saw the rows themselves.

    Files that were written before the ends were kept have bins without a width.

    >>> histogram_of(xr.DataTree()) is None
    True
    """
    if "histogram" not in tree.children:
        return None
    kept = tree["histogram"]
    ends = ("low", "high") if "low" in kept else ("x", "x")
    return Histogram(*(kept[name].to_numpy() for name in ("x", "counts", *ends)))


def binning_of(tree: xr.DataTree) -> Binning | None:
    """Return how the rows of a posterior were binned, None if they were not.

    >>> binning_of(xr.DataTree()) is None
    True
    """
    if "bins" not in tree.children:
        return None
    left = LossBound(*(tree["bins"][name].to_numpy() for name in LossBound._fields))
    return Binning(tree["constant_data"].sizes["row"], int(tree.attrs["distinct"]), left)


def largest_shift(bounds: Array) -> float:
    """Return the largest shift of any posterior mean by binning, in posterior sds.

    Let p be the posterior density of the binned rows, E its expectation, and e the error of their
    log-likelihood, |e| <= B. Without bins the density is p exp(-e) / E exp(-e). The mean of any t
    is shifted by cov(t, exp(-e)) / E exp(-e). In sds of t that is at most

        sd(exp(-e)) / E exp(-e) <= sqrt(E (exp(-e) - 1)^2) / exp(-E e)
                                <= sqrt(E (exp(B) - 1)^2) exp(E B)

    by the inequalities of Cauchy and Schwarz and of Jensen.

    bounds: (n,) B at draws from p.

    >>> largest_shift(np.zeros(4)), round(largest_shift(np.full(4, 0.01)), 4)
    (0.0, 0.0102)
    """
    with np.errstate(over="ignore"):
        found = np.exp(bounds.mean()) * np.sqrt((np.expm1(bounds) ** 2).mean())
    return float(found)


def _around(fit: em.Fit[Mixture[Gaussian]], fine: Bins) -> Mixture[Gaussian]:
    """Return the estimate, and mixtures SES_AWAY standard errors from it in independent directions

    Spikes are passed over. If all optima are spikes, one Gaussian with the overall mean and sd
    takes the place of the estimate.
    """
    proper = next((one.mixture for one in fit.optima if not one.spike), None)
    if proper is None:
        mean, cov = moments(fine.sample())
        return _many(Mixture(np.ones(1), Gaussian(mean, np.sqrt(cov[0]))))
    first = _many(proper)
    if fit.information is None or not fit.has_errors:
        return first
    root = np.linalg.cholesky(np.linalg.inv(fit.information)).T
    near = em.displaced(fit, SES_AWAY * np.concatenate([root, -root]))
    possible = np.flatnonzero((near.weight > 0).all(axis=1) & (near.theta.sd > 0).all(axis=1))
    return joined(first, drawn_at(near, possible))


def _many(mixture: Mixture[Gaussian]) -> Mixture[Gaussian]:
    """Return one mixture with a leading axis of length 1."""
    return drawn_at(mixture, np.arange(len(mixture.weight))[None])


def _chosen(fine: Bins, mixtures: Mixture[Gaussian]) -> Bins:
    """Return bins that suit the first mixture and those under which its bins lose most.

    Bins are finer than the bound needs, because coarse ones make spikes. Rows have large weights,
    and a component narrower than the gap between two rows can gain likelihood on a single one, as
    it would not on measurements. So the gaps are kept smaller than the widths that the default
    prior allows, which takes four times as many rows. (20,000 people, twelve chains each: with bins
    that lose 12 units of log-likelihood five chains ended on a spike, with 0.7 two, with 0.04
    none.)
    """
    bins = coarsened(fine, drawn_at(mixtures, np.zeros(1, np.intp)), BUDGET)
    hardest = np.argsort(-bins.loss_bound().total(mixtures))[:WORST]
    return coarsened(fine, drawn_at(mixtures, np.union1d(0, hardest)), BUDGET)
