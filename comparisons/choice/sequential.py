"""When a bootstrap test has seen enough replicates."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ENOUGH", "FAR", "TIE", "Stopping", "exceeding"]

ENOUGH = 10  # replicates that reached the statistic, after which no more are drawn
FAR = {20: 3.0, 60: 1.5, 180: 1.0}  # replicates, and how far beyond them no more are needed
FIRST = 20  # replicates before the first look
LEAST, FEWER = 8, 60  # replicates between two looks, at least and at most
MARGIN = 1.2  # times as many as are expected to be needed
TIE = 1e-3  # statistics nearer than this are equal: climbs end so near to the top


class Stopping(NamedTuple):
    """The rule by which replicates are drawn one after the other.

    It stops at the `enough`th replicate that reaches the statistic, with p = enough / n (Besag &
    Clifford 1991, Biometrika 78, 301), and otherwise after `most`, with p = (g + 1) / (n + 1) if g
    of n reached it. Both are exact under the null hypothesis.

    If none of the first 20 reached it, and it lies beyond the largest of them by more than 3 times
    the distance of the largest from their median (1.5 after 60, 1 after 180), p = 1 / (n + 1) is
    reported as a bound. For statistics whose true p is that bound, this stops too early fewer than
    4 times in 1,000, whether they are distributed as chi-squared with 1 to 20 degrees, as half of
    one with a point at 0, or as a lognormal (`tests/comparisons/choice/test_sequential.py`).

    most: the largest number of replicates.
    clear: whether clear cases may stop early.

    >>> rule = Stopping(most=999)
    >>> rule.over(4.0, [5.0] * 9), rule.over(4.0, [5.0] * 10), rule.over(90.0, [1.0, 2.0] * 10)
    (False, True, True)
    """

    most: int
    enough: int = ENOUGH
    clear: bool = True

    def over(self, statistic: float, replicates: Sequence[float]) -> bool:
        """Whether these replicates, in the order drawn, are enough."""
        n, reached = len(replicates), exceeding(statistic, replicates)
        if reached >= self.enough or n >= self.most:
            return True
        if not self.clear or reached or n not in FAR:
            return False
        largest, middle = float(np.max(replicates)), float(np.median(replicates))
        return statistic > largest + FAR[n] * max(largest - middle, 1.0)

    def counted(self, statistic: float, replicates: Sequence[float]) -> int | None:
        """Return after how many of these replicates the rule stops, None if it goes on.

        >>> Stopping(most=999).counted(4.0, [5.0] * 30)
        10
        """
        for n in range(1, len(replicates) + 1):
            if self.over(statistic, replicates[:n]):
                return n
        return None

    def needed(self, statistic: float, replicates: Sequence[float]) -> int:
        """Return how many replicates to draw before the next look.

        About as many as it takes until `enough` have reached the statistic, but FIRST at first, and
        none beyond a look at which clear cases stop.

        >>> rule = Stopping(most=999)
        >>> [rule.needed(2.0, [1.0] * n + [2.0] * 4) for n in (0, 16, 36, 496)]
        [8, 36, 60, 60]
        """
        n, reached = len(replicates), exceeding(statistic, replicates)
        if not n:
            return min(FIRST, self.most)
        due = round((self.enough - reached) * n / max(reached, 0.5) * MARGIN)
        block = min(max(due, LEAST), FEWER, self.most - n)
        looks = [look - n for look in FAR if look > n and self.clear and not reached]
        return min([max(block, 1), *looks])

    def p(self, statistic: float, replicates: Sequence[float]) -> float:
        """Return the p-value of a run that is over.

        >>> Stopping(most=999).p(4.0, [5.0] * 10), Stopping(most=4).p(9.0, [1.0] * 4)
        (1.0, 0.2)
        """
        n, reached = len(replicates), exceeding(statistic, replicates)
        if reached >= self.enough:
            return reached / n
        return (reached + 1) / (n + 1)


def exceeding(statistic: float, replicates: Sequence[float]) -> int:
    """Return how many replicates reach the statistic.

    >>> exceeding(2.0, [1.0, 2.0, 3.0])
    2
    """
    return sum(one >= statistic - TIE for one in replicates)
