"""BIC of one group more and of one group fewer: which number of groups the data ask for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import em
from comparisons.thresholds import CLEARLY_BETTER
from models.question import asked
from models.refusal import Refusal

if TYPE_CHECKING:
    from models.question import Question

__all__ = ["Neighbours", "numbered"]

STARTS = 10  # of EM for each number of groups
ROUGH = 0.1  # standard errors from the maximum: BIC is then 0.01 too high


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The numbers of groups next to a question's, fitted by EM when they are asked for.

    bic: of EM's best optimum for the question itself.

    >>> near = Neighbours(fit.question, fit.bic)
    >>> near.best, near.advice
    (2, 'Collect more data, or use a more informative prior.')
    """

    question: Question[Any, Any]
    bic: float

    @cached_property
    def gains(self) -> dict[int, float]:
        """By how much BIC falls with one group fewer or more, where both can be fitted."""
        question, found = self.question, {}
        for k in (question.k - 1, question.k + 1):
            equal = bool(question.held) and question.k > 1
            try:
                other = asked(question.family, question.data, k, equal_weights=equal)
                near = em.highest(other, starts=STARTS, seed=0)
                if near is None:
                    near = em.fitted(other, starts=STARTS, tolerance=ROUGH)
                found[k] = self.bic - near.bic
            except Refusal:  # no group at all, or fewer distinct rows than groups
                continue
        return found

    @cached_property
    def best(self) -> int:
        """The number of groups that BIC prefers beyond doubt (Kass & Raftery 1995), or k itself."""
        gains = {k: gain for k, gain in self.gains.items() if gain > CLEARLY_BETTER}
        return max(gains, key=lambda k: gains[k], default=self.question.k)

    @property
    def advice(self) -> str:
        """What to do where the groups are not identified."""
        if self.best == self.question.k:
            return "Collect more data, or use a more informative prior."
        return f"{self.better} {self.remedy}"

    @property
    def remedy(self) -> str:
        """To fit the number of groups that BIC prefers."""
        return f"Fit {numbered(self.question, self.best)}."

    @property
    def better(self) -> str:
        """What the number of groups that BIC prefers gains, in a sentence."""
        many = numbered(self.question, self.best)
        return f"BIC prefers {many}, by {self.gains[self.best]:.3g}."


def numbered(question: Question[Any, Any], k: int) -> str:
    """Return a number of hidden groups in words: components, where rows are in groups of their own.

    >>> numbered(fit.question, 1), numbered(fit.question, 3)
    ('1 group', '3 groups')
    """
    noun = "component" if "group" in question.data.sizes else "group"
    return f"{k} {noun}{'s' * (k > 1)}"
