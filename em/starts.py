"""Where climbs begin: quantiles, k-means++, random seeds and random groups."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from em.mixture import Statistics
from models.family import Array, Theta
from models.sample import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from em.mixture import Known, MixtureModel
    from models import Mixture
    from models.family import Labels

__all__ = ["observations_at", "starting_mixtures"]

ENOUGH = 2_000  # observations that a start looks at: it need not be good, only different
FEW = 5  # observations a group from which random groups start
JITTER = 1e-6  # of the spread, added to places that k-means++ looks at
SHRINK = 1.0  # observations' worth of all the data mixed into each group, lest one be a point


def starting_mixtures[T: Theta](
    model: MixtureModel[T], number: int, rng: np.random.Generator
) -> Iterator[Mixture[T]]:
    """Yield starts: one by quantiles, then by k-means++, random seeds and random groups in turn."""
    for index in range(number):
        some = _observations(model, rng)
        place = model.emission.place(some.x, some.trials).reshape(len(some.x), -1)
        if index == 0:
            labels = _quantiles(place, model.k)
        else:
            labels = (_groups, _kmeans, _seeds, _kmeans, _seeds)[index % 5](place, model.k, rng)
        yield _mixture(model, some, labels)


def _observations[T: Theta](model: MixtureModel[T], rng: np.random.Generator) -> Part:
    """Return all observations, repeated as they occurred, or ENOUGH of them drawn at random."""
    total = int(model.counted.sum())
    ranks = np.arange(total) if total <= ENOUGH else np.sort(rng.integers(total, size=ENOUGH))
    x, trials = observations_at(model, ranks)
    return Part(model.rows.units.rows(x), trials, None)


def observations_at[T: Theta](model: MixtureModel[T], ranks: Labels) -> tuple[Array, Array | None]:
    """Return x and trials of the observations of given ranks, in order, in the data's units."""
    chosen = model.held.each(partial(_chosen, ranks=ranks, until=np.cumsum(model.counted)))
    trials = [one.trials for one in chosen if one.trials is not None]
    x = np.concatenate([one.x for one in chosen])
    return x, np.concatenate(trials) if trials else None


def _chosen(known: Known, ranks: Labels, until: Array) -> list[Part]:
    """Return the observations of given ranks among all, together for each block that has any.

    until: (blocks,) how many observations there are up to the end of each block.
    """
    found = []
    for index, total in enumerate(known.totals[:, 0]):
        end = until[known.rows.first + index]
        here = (ranks[(ranks >= end - total) & (ranks < end)] - (end - total)).astype(np.intp)
        if len(here) == 0:
            continue
        counts = None if known.rows.sample.single else known.rows.part(index).counts
        if counts is not None:
            here = np.searchsorted(np.cumsum(counts), here, side="right").astype(np.intp)
        found.append(known.rows.at(index, here))
    return found


def _quantiles(place: Array, k: int) -> Labels:
    """Cut the observations into k equal parts along their longest axis."""
    centred = place - place.mean(axis=0)
    axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    labels = np.empty(len(place), np.intp)
    labels[np.argsort(centred @ axis, kind="stable")] = np.arange(len(place)) * k // len(place)
    return labels


def _kmeans(place: Array, k: int, rng: np.random.Generator) -> Labels:
    """Seed by k-means++ (Arthur & Vassilvitskii 2007) and give each observation to the nearest."""
    from scipy.cluster.vq import kmeans2  # at the top it would slow `import em`

    noise = JITTER * place.std() or 1.0  # k-means++ fails on fewer than k distinct places
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an empty cluster is as good a start
        blurred = place + noise * rng.normal(size=place.shape)
        _, labels = kmeans2(blurred, k, iter=1, minit="++", rng=rng)
    return np.asarray(labels, np.intp)


def _seeds(place: Array, k: int, rng: np.random.Generator) -> Labels:
    """Give each observation to one of k random seeds, each with a random reach.

    Unequal reaches make narrow groups inside wide ones, which no nearest centre finds.
    """
    seeds = place[rng.choice(len(place), k, replace=len(place) < k)]
    distance = ((place[:, None] - seeds) ** 2).sum(axis=2)
    return (distance / rng.gamma(2.0, size=k)).argmin(axis=1)


def _groups(place: Array, k: int, rng: np.random.Generator) -> Labels:
    """Give a few observations to random groups and none of the others (-1) to any."""
    labels = np.full(len(place), -1)
    few = rng.permutation(len(place))[: FEW * k]
    labels[few] = rng.permutation(np.arange(len(few)) % k)  # none is empty
    return labels


def _mixture[T: Theta](model: MixtureModel[T], some: Part, labels: Labels) -> Mixture[T]:
    """Return the mixture that fits the labelled groups, each with a little of all the data."""
    known = np.ones((len(model.total), len(labels)))
    model.emission.statistics(some.x, some.trials, known[1:])
    member = labels == np.arange(model.k)[:, None]
    sums = member @ known.T + SHRINK * known.mean(axis=1)
    return model.maximize(Statistics(sums * (model.total[0] / sums[:, 0].sum()), None))
