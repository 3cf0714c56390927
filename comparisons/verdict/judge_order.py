"""What the order of the rows adds, and how long states last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.special import chdtrc

import em
from comparisons import thresholds as limit
from comparisons.finding import NOTE, OK, Finding, Severity
from comparisons.verdict.judge_em import best_of
from models.question import asked
from models.structure import moves_of

if TYPE_CHECKING:
    from comparisons.verdict.point import Point
    from models.arrays import Array, Labels
    from models.question import Question

__all__ = ["Order", "order_of", "ordered_well"]

STARTS = 10  # of EM for the same rows in no order


class Order(NamedTuple):
    """What the order of the rows adds.

    gain: of the log-likelihood over that of the same rows in no order.
    degrees: how many parameters that takes.
    moves: (K, K) the estimate's transitions; rows: (K,) expected number of rows of each state;
    left: (K,) expected number of times that each is left, all given the data.
    path: (n,) the likeliest states.

    >>> three = np.array([3.0, 3.0])
    >>> Order(6.0, 1, np.eye(2), three, three, np.array([0, 1])).chance < 0.001
    True
    """

    gain: float
    degrees: int
    moves: Array
    rows: Array
    left: Array
    path: Labels

    @property
    def chance(self) -> float:
        """The p-value of the likelihood ratio (Wilks 1938): rows in no order are a special case."""
        return float(chdtrc(self.degrees, max(2 * self.gain, 0.0))) if self.degrees else 1.0


def order_of(question: Question[Any, Any], point: Point) -> Order | None:
    """Return what order adds; None if rows have none.

    >>> from bayes.posterior.tree import posterior_of
    >>> from comparisons.verdict.point import point_of
    >>> kept = posterior_of(posterior)
    >>> order_of(kept.question, point_of(fit, kept, None, kept.heights, None)) is None
    True
    """
    moves = moves_of(point.estimate)
    if moves is None or question.k == 1 or not np.isfinite(point.at.log_likelihood):
        return None
    alone = em.fitted(asked(question.family, question.rows, question.k), starts=STARTS)
    best = best_of(point)
    rows = point.at.members(question.units) @ question.units.unit_counts
    moved = point.at.moves()
    left = moved.sum(axis=1) - np.diagonal(moved)
    return Order(
        best.log_likelihood - alone.log_likelihood,
        len(best.coordinates) - len(alone.coordinates),
        moves,
        rows[point.places],
        left[point.places],
        np.argsort(point.places)[point.at.decode()],
    )


def ordered_well(order: Order | None, question: Question[Any, Any]) -> list[Finding]:
    """Return whether order adds anything, whether states last, and whether one is never left.

    >>> moves, rows = np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([40.0, 60.0])
    >>> alternating = Order(60.0, 1, moves, rows, rows, np.array([0, 1]))
    >>> [one.severity for one in ordered_well(alternating, fit.question)]
    ['ok', 'note', 'ok']
    """
    if order is None:
        return []
    return [_adds(order), _lasts(order, question), _left(order, question)]


def _adds(order: Order) -> Finding:
    """The likelihood ratio of rows in order against the same rows in no order."""
    little = order.chance > limit.ORDER
    gain = f"{max(order.gain, 0.0):.3g}"
    more = f"{order.degrees} more parameter{'s' * (order.degrees > 1)}"
    message = (
        f"The order of the rows matters. With {more} the log-likelihood is {gain} higher "
        f"({_p(order.chance)})."
    )
    if little:
        message = (
            f"The order of the rows adds nothing. With {more} the log-likelihood is {gain} higher "
            f"({_p(order.chance)})."
        )
    remedy = "Fit a mixture, which ignores the order." if little else ""
    severity: Severity = NOTE if little else OK
    return Finding("order_adds_nothing", severity, order.chance, limit.ORDER, message, remedy)


def _lasts(order: Order, question: Question[Any, Any]) -> Finding:
    """The expected number of rows of a stay: 1 / (1 - g), g the probability of staying."""
    stay = np.diagonal(order.moves)
    state = int(stay.argmin())
    short = bool(stay[state] < limit.STAY)
    with np.errstate(divide="ignore"):
        lasts = 1 / (1 - stay[state])
    value, most = float(stay.min()), limit.STAY
    message = (
        f"Every state lasts {lasts:.3g} rows or more on average: the probability of staying is "
        f"{value:.2g} or more."
    )
    remedy = ""
    if short:
        message = (
            f"{_called(question, state)} is left more often than kept. It lasts {lasts:.3g} rows "
            f"on average: the probability of staying is {value:.2g}."
        )
        remedy = "If you expected stretches of one state, fit fewer states."
    if order.rows.min() < limit.VISITED:
        short, state = True, int(order.rows.argmin())
        value, most = float(order.rows[state]), limit.VISITED
        message = (
            f"{_called(question, state)} is not visited: it has {value:.2g} rows in expectation."
        )
        remedy = "Fit fewer states."
    severity: Severity = NOTE if short else OK
    return Finding("short_stay", severity, value, most, message, remedy)


def _left(order: Order, question: Question[Any, Any]) -> Finding:
    """The expected number of times that a state is left."""
    left = order.left
    visited = order.rows >= limit.VISITED
    kept = visited & (left < limit.VISITED)
    state = int(np.where(visited, left, np.inf).argmin())
    message = f"Every state is left again, {left[state]:.3g} times or more in expectation."
    if kept.any():
        message = (
            f"{_called(question, state)} is never left once it is reached: the expected number of "
            f"departures is {left[state]:.2g}."
        )
    remedy = "Read its duration as a lower bound." if kept.any() else ""
    severity: Severity = NOTE if kept.any() else OK
    return Finding("absorbing", severity, float(left[state]), limit.VISITED, message, remedy)


def _called(question: Question[Any, Any], state: int) -> str:
    """Return what a sentence that begins with a state calls it."""
    name = question.called(state)
    return name if question.titles else name.capitalize()


def _p(chance: float) -> str:
    return "p < 0.001" if chance < 0.001 else f"p = {chance:.2g}"
