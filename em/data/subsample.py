"""Observations drawn at random, or of given ranks, wherever their rows are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from em.data.threads import executor_for
from em.emission import emission_of
from models import Sample
from models.question import observed

if TYPE_CHECKING:
    from em.data.blocks import Rows
    from em.data.executor import PreparedRuns
    from models.arrays import Array, Labels
    from models.family import Theta
    from models.observations import Observations
    from models.sample import Part

__all__ = ["observations_at", "subsample"]


class Run(Protocol):
    """A run of rows with the sums of each block."""

    @property
    def rows(self) -> Rows:
        """The rows of the run."""
        ...

    @property
    def totals(self) -> Array:
        """The sums over each block, (blocks, ...); the first is the number of observations."""
        ...


class CountedRun(NamedTuple):
    """A run of rows, and the number of observations in each block, (blocks, 1).

    >>> from em.data.blocks import Rows
    >>> from em.data.standardise import Units
    >>> rows = Rows(Sample([5, 5, 7, 9]), Units(np.ones(1), np.zeros(1)), 2, 0, 3)
    >>> _counted(rows).totals.tolist()
    [[3.0], [1.0]]
    """

    rows: Rows
    totals: Array


def subsample(family: type[Theta], sample: Observations, n: int, seed: int) -> Sample:
    """Return n of a sample's observations, drawn at random without replacement.

    >>> from models import Gaussian, Sample
    >>> subsample(Gaussian, Sample(range(1_000)), 50, seed=1)
    Sample(50 observations, 50 distinct)
    """
    observed(family, sample)
    rng = np.random.default_rng(seed)
    ranks = np.zeros(0, np.int64)
    while len(ranks) < min(n, sample.observations):
        more = rng.integers(sample.observations, size=n)
        ranks = np.unique(np.concatenate([ranks, more]))
    ranks = np.sort(rng.choice(ranks, min(n, sample.observations), replace=False))
    with executor_for(sample, emission_of(family), 1) as workers:
        held = workers.prepare(_counted)
        counted = np.array(held.each(_observations))
        return Sample(*observations_at(held, counted, ranks))


def observations_at[R: Run](
    held: PreparedRuns[R], counted: Array, ranks: Labels
) -> tuple[Array, Array | None]:
    """Return x and trials of the observations of given ranks, in the data's units.

    Ranks number the observations from 0, in the order of the rows.

    counted: (blocks,) the number of observations in each block of all runs.
    ranks: (n,), sorted.

    >>> from em.emission import emission_of
    >>> from models import Gaussian, Sample
    >>> with executor_for(Sample([5, 5, 7, 9]), emission_of(Gaussian), 1) as executor:
    ...     observations_at(executor.prepare(_counted), np.array([4.0]), np.array([1, 2]))
    (array([5., 7.]), None)
    """
    chosen = held.each(partial(_chosen, ranks=ranks, until=np.cumsum(counted)))
    trials = [one.trials for one in chosen if one.trials is not None]
    x = np.concatenate([one.x for one in chosen])
    return x, np.concatenate(trials) if trials else None


def _counted(rows: Rows) -> CountedRun:
    """Return a run with the number of observations in each block."""
    parts = (rows.part(index) for index in range(rows.blocks))
    each = [len(one.x) if one.counts is None else one.counts.sum() for one in parts]
    return CountedRun(rows, np.array(each, np.float64)[:, None])


def _observations(run: CountedRun) -> list[float]:
    """Return the number of observations in each block."""
    return [float(total) for total in run.totals[:, 0]]


def _chosen(run: Run, ranks: Labels, until: Array) -> list[Part]:
    """Return the observations of given ranks, as one Part for each block that has any.

    until: (blocks,) the number of observations up to the end of each block.
    """
    found = []
    for index, total in enumerate(run.totals[:, 0]):
        end = until[run.rows.first + index]
        here = (ranks[(ranks >= end - total) & (ranks < end)] - (end - total)).astype(np.intp)
        if len(here) == 0:
            continue
        counts = None if run.rows.sample.each_once else run.rows.part(index).counts
        if counts is not None:
            here = np.searchsorted(np.cumsum(counts), here, side="right").astype(np.intp)
        found.append(run.rows.at(index, here))
    return found
