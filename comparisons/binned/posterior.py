"""A posterior of more measurements than chains can carry: of bins that stand for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xarray as xr

import em
from bayes.posterior.tree import draws_of
from comparisons.binned.bins import Bins, coarsened, finest_edges
from comparisons.binned.loss_bound import LossBound
from comparisons.thresholds import SHIFT
from models import Gaussian, Mixture
from models.checks import moments
from models.family import entries, rebuilt
from models.mixture import take

if TYPE_CHECKING:
    from collections.abc import Callable

    from models import Sample
    from models.arrays import Array
    from models.observations import Observations

__all__ = ["BINNED", "Binning", "binning_of", "largest_shift", "posterior_in_bins"]

BINNED = 5_000  # distinct rows beyond which chains see bins: four times as many take a minute
BUDGET = SHIFT / 1_000  # nats that bins may lose where they are chosen; see _chosen
SES_AWAY = 3.0  # standard errors from the estimate at which it is looked at as well
WORST = 4  # mixtures of many by which bins are chosen
RECHOSEN = 2  # times bins are chosen by the draws, if those lose too much
DRAWS = 500  # draws at which the loss is bounded
HISTOGRAM_BINS = 1 << 14  # bins that a picture is drawn of


class Binning(NamedTuple):
    """How the rows of a posterior stand for more observations than it saw.

    rows: how many it saw; distinct: how many different ones there are.
    left: what the rows leave out.
    """

    rows: int
    distinct: int
    loss_bound: LossBound

    def loss(self, mixture: Mixture[Gaussian]) -> float:
        """Return by how much the rows' log-likelihood may miss that of all observations."""
        return float(self.loss_bound.total(_many(mixture))[0])


def posterior_in_bins(
    draw: Callable[[Sample], xr.DataTree], rows: Observations, fit: em.Fit[Gaussian]
) -> xr.DataTree:
    """Return a posterior of bins, chosen so that they move no posterior mean by much.

    Bins are chosen by the estimate and mixtures around it, and if that is not enough, by the draws.
    Groups bins (what they leave out) and histogram (finer ones, to look at) are added to the tree.

    draw: a posterior of a sample.
    rows: the measurements.
    fit: to all of them.
    """
    fine = Bins.count(rows, finest_edges(rows))
    bins = _chosen(fine, _around(fit, fine))
    for again in range(RECHOSEN + 1):
        tree = draw(bins.sample())
        draws = _some(tree)
        bounds = bins.loss_bound().total(draws)
        if largest_shift(bounds) <= SHIFT or again == RECHOSEN or bins is fine:
            break
        bins = _chosen(fine, take(draws, np.argsort(-bounds)))
    left, shown = bins.loss_bound(), fine
    while len(shown.low) > HISTOGRAM_BINS:
        shown = shown.halved()
    points, weights = shown.rows()
    tree["bins"] = xr.DataTree(
        xr.Dataset({name: ("bin", one) for name, one in left._asdict().items()})
    )
    middle, counts = (points * weights).sum(axis=0) / weights.sum(axis=0), weights.sum(axis=0)
    tree["histogram"] = xr.DataTree(xr.Dataset({"x": ("row", middle), "counts": ("row", counts)}))
    tree.attrs |= {"bins": len(left.low), "distinct": rows.distinct}
    return tree


def binning_of(tree: xr.DataTree) -> Binning | None:
    """Return how a tree's rows stand for others, None where they stand for themselves."""
    if "bins" not in tree.children:
        return None
    left = LossBound(*(tree["bins"][name].to_numpy() for name in LossBound._fields))
    return Binning(tree["constant_data"].sizes["row"], int(tree.attrs["distinct"]), left)


def largest_shift(bounds: Array) -> float:
    """Return by how many of its sds bins can move a posterior mean, at most.

    Without bins the density is p exp(-e) / E exp(-e), with p that of the draws and |e| <= B. The
    mean of any t is moved by cov(t, exp(-e)) / E exp(-e), so that in sds of t it is at most the sd
    of exp(-e) over its mean: sqrt(E (exp(-e) - 1)^2) / exp(-E e) <= sqrt(E (exp(B) - 1)^2) exp(E B)
    by Cauchy and Schwarz and by Jensen, E over the draws.

    bounds: B (n,) at draws.
    """
    with np.errstate(over="ignore"):
        found = np.exp(bounds.mean()) * np.sqrt((np.expm1(bounds) ** 2).mean())
    return float(found)


def _some(tree: xr.DataTree) -> Mixture[Gaussian]:
    """Return draws at even distances."""
    draws = draws_of(tree, Gaussian)
    n = len(draws.weight)
    return take(draws, np.linspace(0, n - 1, min(n, DRAWS)).astype(np.intp))


def _around(fit: em.Fit[Gaussian], fine: Bins) -> Mixture[Gaussian]:
    """Return the estimate, and mixtures SES_AWAY standard errors from it in independent directions

    A spike is no place to go by: the overall mean and sd are, where there is nothing better.
    """
    proper = next((one.mixture for one in fit.optima if not one.spike), None)
    if proper is None:
        mean, cov = moments(fine.sample())
        return _many(Mixture(np.ones(1), Gaussian(mean, np.sqrt(cov[0]))))
    first = _many(proper)
    if fit.information is None or not np.isfinite(fit.standard_errors.weight).all():
        return first
    root = np.linalg.cholesky(np.linalg.inv(fit.information)).T
    near = em.displaced(fit, SES_AWAY * np.concatenate([root, -root]))
    possible = np.flatnonzero((near.weight > 0).all(axis=1) & (near.theta.sd > 0).all(axis=1))
    return _joined(first, take(near, possible))


def _many(mixture: Mixture[Gaussian]) -> Mixture[Gaussian]:
    """Return one mixture as many of them, with an axis of their own."""
    return take(mixture, np.arange(len(mixture.weight))[None])


def _joined(first: Mixture[Gaussian], others: Mixture[Gaussian]) -> Mixture[Gaussian]:
    """Return mixtures with an axis of their own one after the other."""
    pairs = zip(entries(first.theta).values(), entries(others.theta).values(), strict=True)
    theta = rebuilt(Gaussian, [np.concatenate(pair) for pair in pairs])
    return Mixture(np.concatenate([first.weight, others.weight]), theta)


def _chosen(fine: Bins, mixtures: Mixture[Gaussian]) -> Bins:
    """Return bins by the first of the mixtures and those under which its bins would lose most.

    They lose far less than they might. Rows are heavy, and a component narrower than the gap
    between them gains by sitting on one, as it would not on measurements; gaps are kept below what
    the default prior holds components to, which costs four times as many rows. (20,000 people:
    of twelve chains on bins that lose 12 nats five ended on such a spike, 0.7 nats two, 0.04 none.)
    """
    bins = coarsened(fine, take(mixtures, np.zeros(1, np.intp)), BUDGET)
    hardest = np.argsort(-bins.loss_bound().total(mixtures))[:WORST]
    return coarsened(fine, take(mixtures, np.union1d(0, hardest)), BUDGET)
