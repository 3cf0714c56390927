"""Where climbs begin: quantiles, k-means++, random seeds and random groups."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from em.data.subsample import observations_at
from models.sample import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from em.model import Model
    from models.arrays import Array, Labels
    from models.structure import Structure

__all__ = ["starting_points"]

ENOUGH = 2_000  # observations for a start, which need not be good, only different
FEW = 5  # observations a group from which random groups start
JITTER = 1e-6  # of the spread, added to the places for k-means++
RANK = 1e-12  # of the longest axis: a shorter one is rounding
ROUNDS = 10  # of k-means in uncorrelated coordinates
SHRINK = 1.0  # observations of average data added to each group, so that none is a point


def starting_points[S: Structure](
    model: Model[S], number: int, rng: np.random.Generator
) -> Iterator[S]:
    """Yield starts: one by quantiles, then by k-means++, random seeds and random groups in turn.

    If rows have more in common than their values, every second one begins with that (`first`).

    Several columns are clustered in their own coordinates and in uncorrelated ones (`_sphered`).

    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> starts = list(starting_points(model, 3, np.random.default_rng(1)))
    >>> len(starts), starts[0].weight.round(3)
    (3, array([0.5, 0.5]))
    """
    for index in range(number):
        if index % 2 and (found := model.grouping.first(rng)) is not None:
            yield model.begin_from(found)
            continue
        some = _observations(model, rng)
        place = model.emission.place(some.x, some.trials).reshape(len(some.x), -1)
        if index == 0:
            labels = _quantiles(place, model.k)
        else:
            kinds = IN_A_LINE if place.shape[1] == 1 else IN_SPACE
            labels = kinds[(index - 1) % len(kinds)](place, model.k, rng)
        yield _fitted(model, some, labels)


def _observations[S: Structure](model: Model[S], rng: np.random.Generator) -> Part:
    """Return all observations, repeated as they occurred, or ENOUGH of them drawn at random."""
    total = int(model.counted.sum())
    ranks = np.arange(total) if total <= ENOUGH else np.sort(rng.integers(total, size=ENOUGH))
    x, trials = observations_at(model.runs, model.counted, ranks)
    return Part(model.rows.units.rows(x), trials, None)


def _quantiles(place: Array, k: int) -> Labels:
    """Cut the observations into k equal parts along their longest axis."""
    centred = place - place.mean(axis=0)
    axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    labels = np.empty(len(place), np.intp)
    labels[np.argsort(centred @ axis, kind="stable")] = np.arange(len(place)) * k // len(place)
    return labels


def _kmeans(place: Array, k: int, rng: np.random.Generator, rounds: int = 1) -> Labels:
    """Seed by k-means++ (Arthur & Vassilvitskii 2007) and give each observation to the nearest.

    rounds: of moving the seeds to the means of their observations.
    """
    from scipy.cluster.vq import kmeans2  # at the top it would slow `import em`

    noise = JITTER * place.std() or 1.0  # k-means++ fails on fewer than k distinct places
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an empty cluster is as good a start
        blurred = place + noise * rng.normal(size=place.shape)
        _, labels = kmeans2(blurred, k, iter=rounds, minit="++", rng=rng)
    return np.asarray(labels, np.intp)


def _seeds(place: Array, k: int, rng: np.random.Generator) -> Labels:
    """Give each observation to one of k random seeds, each with a random reach.

    Unequal reaches make narrow groups inside wide ones, which k-means cannot make.
    """
    seeds = place[rng.choice(len(place), k, replace=len(place) < k)]
    distance = ((place[:, None] - seeds) ** 2).sum(axis=2)
    return (distance / rng.gamma(2.0, size=k)).argmin(axis=1)


def _sphered(place: Array) -> Array:
    """Return the observations in uncorrelated coordinates of sd 1.

    Where columns measure nearly the same, groups differ in what is left, which k-means in the
    columns' own coordinates does not see (Scrucca & Raftery 2015).
    """
    centred = place - place.mean(axis=0)
    scores, size, _ = np.linalg.svd(centred, full_matrices=False)
    kept = size > RANK * size[0]
    sphered: Array = scores[:, kept] * np.sqrt(len(place))
    return sphered if kept.any() else centred


def _sphered_kmeans(place: Array, k: int, rng: np.random.Generator) -> Labels:
    return _kmeans(_sphered(place), k, rng, ROUNDS)


def _sphered_seeds(place: Array, k: int, rng: np.random.Generator) -> Labels:
    return _seeds(_sphered(place), k, rng)


def _groups(place: Array, k: int, rng: np.random.Generator) -> Labels:
    """Give a few observations to random groups and none of the others (-1) to any."""
    labels = np.full(len(place), -1)
    few = rng.permutation(len(place))[: FEW * k]
    labels[few] = rng.permutation(np.arange(len(few)) % k)  # none is empty
    return labels


IN_A_LINE = (_kmeans, _seeds, _kmeans, _seeds, _groups)
IN_SPACE = (_kmeans, _sphered_kmeans, _seeds, _kmeans, _sphered_seeds)


def _fitted[S: Structure](model: Model[S], some: Part, labels: Labels) -> S:
    """Return the parameters that fit the labelled groups, each with a little of all the data."""
    member = labels == np.arange(model.k)[:, None]
    return model.begin(some, member + SHRINK / len(labels))
