"""EM's own search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import em
from comparisons.progress import starts_bar
from em.climb.stopping import FIRST

if TYPE_CHECKING:
    from models.arrays import Array
    from models.question import Question

__all__ = ["Search", "search"]


class Search(NamedTuple):
    """EM from its own starts.

    traces: (starts, steps) the height after each step of each start, NaN once it was over.

    >>> len(search(fit.question, starts=3).traces)
    3
    """

    fit: em.Fit[Any]
    traces: Array


def search(
    question: Question[Any, Any],
    *,
    starts: int | None = None,
    seed: int = 0,
    progress: bool = False,
) -> Search:
    """Fit by EM from many starts, and keep the heights of each climb.

    starts: their number; by default as many as it takes, as in `em.fit`.
    progress: show a bar on a terminal.

    >>> search(fit.question, starts=3).fit.starts
    3
    """
    heights: dict[int, dict[int, float]] = {}

    def on_step(step: em.Step[Any]) -> None:
        heights.setdefault(step.start, {})[step.step] = step.objective
        tell(step.start)

    with starts_bar(starts or FIRST, shown=progress) as tell:
        found = em.fitted(question, starts=starts, seed=seed, on_step=on_step)
    length = max((max(each) for each in heights.values()), default=0)
    climbed = sorted(heights) or range(found.starts)  # not all start on all of very many rows
    traces = np.full((len(climbed), length), np.nan)
    for row, start in enumerate(sorted(heights)):
        each = heights[start]
        traces[row, np.array(list(each)) - 1] = list(each.values())
    return Search(found, traces)
