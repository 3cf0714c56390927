"""When to stop trying starts: the best optimum came again, or hardly one is left unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from em.climb.search import SAME_HEIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from em.climb.search import End
    from models.structure import Structure

__all__ = ["AGAIN", "FIRST", "MOST", "most_starts", "settled", "times_reached"]

FIRST = 20  # starts before the first look at their ends
AGAIN = 5  # starts that reached the best optimum, after which no more are tried (em/README.md)
MOST = 100  # starts at most, unless the user asked for more


def settled[S: Structure](ends: Sequence[End[S]]) -> bool:
    """Whether to stop: the best optimum came AGAIN times, or w distinct ones are probably all.

    If N starts reached w distinct optima, then w (N - 1) / (N - w - 2) are to be expected in all,
    whatever the sizes of their basins (Boender & Rinnooy Kan 1987, Mathematical Programming 37).
    It is less than w + 1/2 if N > 2 w^2 + 3 w + 2. Spikes count neither as starts nor as optima.
    Climbs that were cut short say nothing of optima, so that more of them are of no use.

    ends: best first, spikes last.

    >>> from em.climb.search import Climber, ended
    >>> from em.data.threads import executor_for
    >>> from em.emission import emission_of
    >>> from em.model import model_of
    >>> with executor_for(fit.question.sample, emission_of(fit.family), 2) as workers:
    ...     model = model_of(fit.question, workers, floor=fit.floor)
    >>> run = Climber(model, accelerate=True, tolerance=1e-4, on_step=None)
    >>> end = ended(model, 0, run(0, fit.inside, 100))
    >>> [settled([end._replace(starts=n)]) for n in (4, 5)]
    [False, True]
    """
    proper = [end for end in ends if not end.spike.any()]
    if not proper or not proper[0].climb.converged:
        return True
    seen, distinct = sum(end.starts for end in proper), len(proper)
    return times_reached(proper) >= AGAIN or seen > 2 * distinct**2 + 3 * distinct + 2


def times_reached[S: Structure](ends: Sequence[End[S]]) -> int:
    """Return how many starts reached the height of the best end.

    The place is not compared: on a flat ridge every climb ends elsewhere, equally high.

    ends: best first, spikes last.

    >>> times_reached([])
    0
    """
    if not ends:
        return 0
    best = ends[0]
    near = (end for end in ends if best.height - end.height <= SAME_HEIGHT)
    return sum(end.starts for end in near if not end.spike.any() or best.spike.any())


def most_starts(size: int, cheap: int) -> int:
    """Return the largest number of starts, so that it takes no longer than FIRST of `cheap` size.

    size: distinct rows times components.

    >>> [most_starts(size, 50_000) for size in (800, 25_000, 50_000, 10**6)]
    [100, 40, 20, 20]
    """
    return max(FIRST, min(MOST, FIRST * cheap // size))
