"""Some of the observations, wherever their rows are: given ranks, or drawn at random."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from em.data.threads import executor_for
from em.emission import emission_of
from models import Sample
from models.mixture import observed

if TYPE_CHECKING:
    from em.data.blocks import Rows
    from em.data.executor import PreparedRuns
    from models.arrays import Array, Labels
    from models.family import Theta
    from models.observations import Observations
    from models.sample import Part

__all__ = ["observations_at", "subsample"]


class Run(Protocol):
    """A run of rows whose blocks have been counted."""

    @property
    def rows(self) -> Rows:
        """The run."""
        ...

    @property
    def totals(self) -> Array:
        """(blocks, ...) sums over each block, the number of observations first."""
        ...


class CountedRun(NamedTuple):
    """A run of rows, and how many observations each block holds, (blocks, 1)."""

    rows: Rows
    totals: Array


def subsample(family: type[Theta], sample: Observations, n: int, seed: int) -> Sample:
    """Return n of the observations of a sample, each at most once, wherever its rows are.

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
    """Return x and trials of the observations of given ranks, in order, in the data's units.

    counted: (blocks,) observations in each block of all runs.
    """
    chosen = held.each(partial(_chosen, ranks=ranks, until=np.cumsum(counted)))
    trials = [one.trials for one in chosen if one.trials is not None]
    x = np.concatenate([one.x for one in chosen])
    return x, np.concatenate(trials) if trials else None


def _counted(rows: Rows) -> CountedRun:
    """Return a run with the observations of its blocks."""
    parts = (rows.part(index) for index in range(rows.blocks))
    each = [len(one.x) if one.counts is None else one.counts.sum() for one in parts]
    return CountedRun(rows, np.array(each, np.float64)[:, None])


def _observations(run: CountedRun) -> list[float]:
    """Return how many observations each block holds."""
    return [float(total) for total in run.totals[:, 0]]


def _chosen(run: Run, ranks: Labels, until: Array) -> list[Part]:
    """Return the observations of given ranks among all, together for each block that has any.

    until: (blocks,) how many observations there are up to the end of each block.
    """
    found = []
    for index, total in enumerate(run.totals[:, 0]):
        end = until[run.rows.first + index]
        here = (ranks[(ranks >= end - total) & (ranks < end)] - (end - total)).astype(np.intp)
        if len(here) == 0:
            continue
        counts = None if run.rows.sample.unit_counts else run.rows.part(index).counts
        if counts is not None:
            here = np.searchsorted(np.cumsum(counts), here, side="right").astype(np.intp)
        found.append(run.rows.at(index, here))
    return found
