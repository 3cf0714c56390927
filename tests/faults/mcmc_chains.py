"""Chains that went wrong, and right ones that were kept wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bayes.posterior.labels import Alignment
from bayes.posterior.tree import posterior_of, relabel
from faults.bayes_slips import adopted
from faults.em_faults import astray
from models import Gaussian, Mixture
from models.structure import drawn_at

if TYPE_CHECKING:
    import xarray as xr

    from faults.fault import Case
    from models.arrays import Array


def unaligned(case: Case) -> xr.DataTree:
    """Return the posterior with its labels as the chains drew them."""
    raw = posterior_of(case.posterior).as_drawn
    order = np.tile(np.arange(case.k), (len(raw.weight), 1))
    return relabel(case.posterior, raw, Alignment(order, np.full(len(order), np.inf)), "order")


def stuck(case: Case, labels: Array) -> Mixture:
    """Draw as many mixtures as the posterior has, the (m,) labels of the rows held for good."""
    rng, prior, n = np.random.default_rng(case.seed), case.prior.theta, len(case.draws.weight)
    held = labels == np.arange(case.k)[:, None]
    count = held @ case.sample.counts
    unseen, x = prior.n, case.sample.x - prior.mean  # a mode may hold nobody
    mean = held @ (case.sample.counts * x) / (unseen + count)
    square = held @ (case.sample.counts * x**2) - (unseen + count) * mean**2
    variance = (prior.squares + square) / rng.chisquare(prior.degrees + count, (n, case.k))
    centre = prior.mean + mean
    theta = Gaussian(rng.normal(centre, np.sqrt(variance / (unseen + count))), np.sqrt(variance))
    return Mixture(rng.dirichlet(1 + count, n), theta)


def lost(case: Case) -> Mixture:
    """Return draws of chains that never leave the mode of two components in one group."""
    return stuck(case, astray(case).assign(case.sample))


def one_stuck(case: Case) -> xr.DataTree:
    """Return the right posterior, its last chain in another mode."""
    right, wrong = case.draws, lost(case)
    last = len(right.weight) * 3 // 4
    pairs = zip((right.weight, *right.theta), (wrong.weight, *wrong.theta), strict=True)
    weight, *fields = [np.concatenate([a[:last], b[last:]]) for a, b in pairs]
    return adopted(case, Mixture(weight, case.family(*fields)))


def all_stuck(case: Case) -> xr.DataTree:
    return adopted(case, lost(case))


def without_edge(case: Case) -> xr.DataTree:
    """Return the draws without the fifth that lies where paths would diverge."""
    share = case.draws.weight[:, 0]
    kept = (share > np.quantile(share, 0.2)).reshape(4, -1)
    least = int(kept.sum(axis=1).min())
    length = kept.shape[1]
    places = [chain * length + np.flatnonzero(one)[:least] for chain, one in enumerate(kept)]
    return adopted(case, drawn_at(case.draws, np.concatenate(places)))


def likeliest(case: Case) -> xr.DataTree:
    """Return each chain's eight likeliest draws of ten."""
    height = case.posterior["sample_stats"]["lp"].to_numpy()
    length = height.shape[1]
    best = np.sort(np.argsort(-height, axis=1)[:, : length * 8 // 10], axis=1)
    return adopted(case, drawn_at(case.draws, (best + length * np.arange(4)[:, None]).ravel()))


def copied(case: Case) -> xr.DataTree:
    """Return the first 150 draws of one chain four times."""
    return adopted(case, drawn_at(case.draws, np.tile(np.arange(150), 4)))
