"""Name the slip behind an estimate that is not at a maximum.

Simple hypotheses are tried, one after the other. Each is a row of HYPOTHESES and says of what the
estimate would be the right answer: the estimate with a field changed back is at EM's maximum
(`undone`), a step of EM with a slip leads from the estimate to itself (`other_steps`), or the
estimate is the maximum of another question (`other_questions`). The first one that leaves far less
distance than there was is the cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import em
from comparisons import thresholds as limit
from comparisons.verdict import other_questions, other_steps, undone
from comparisons.verdict.other_questions import Asked
from comparisons.verdict.seen import BROKEN, Seen, apart, stacked, stepped
from models.structure import checked, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from models.structure import Structure

__all__ = ["HYPOTHESES", "Hypothesis", "Slip", "named", "on_path", "rounded_to"]

LIKELIEST = 3  # changed estimates whose distance is measured, of those of one hypothesis
DIGITS = range(7)  # decimals, or significant digits, that people round to
EXACT = 1e-6  # of the last digit, by which a rounded number may miss
SINGLE = 1e-11  # relative error by which a number of single precision may miss itself
SLOW = 0.8  # rate of EM from which its slowest direction stands out
STEADY = 0.4  # least quotient of two steps' lengths on EM's path if its rate is above SLOW,
STEADIER = 0.85  # and its least part of EM's rate if that is below


class Slip(NamedTuple):
    """The cause of a distance from the maximum.

    code: stable name.
    says: what is wrong, as a part of a sentence.
    remedy: what to do about it.
    left: standard errors that remain when the slip is undone.

    >>> Slip("squared", "sd is the square of the maximum's", "Give standard deviations.", 0.0).code
    'squared'
    """

    code: str
    says: str
    remedy: str
    left: float


class Hypothesis(NamedTuple):
    """A kind of slip.

    changes: yields a sentence with a changed estimate or a step of EM, or another question.
    way: which of the two a structure is: "maximum" or "step".

    >>> HYPOTHESES[0].code
    'swapped_shares'
    """

    code: str
    remedy: str
    way: str
    changes: Callable[[Seen], Iterator[Any]]


HYPOTHESES = (
    Hypothesis(
        "swapped_shares",
        "Give the shares in the order of the other parameters.",
        "maximum",
        undone.shares_swapped,
    ),
    Hypothesis(
        "swapped_fields",
        "Sort all parameters alike, not field by field.",
        "maximum",
        undone.swapped,
    ),
    Hypothesis("squared", "Give standard deviations, not variances.", "maximum", undone.squared),
    Hypothesis("root", "Square it.", "maximum", undone.root),
    Hypothesis("reciprocal", "Take its reciprocal.", "maximum", undone.reciprocal),
    Hypothesis("logarithm", "Take its exponential.", "maximum", undone.logarithm),
    Hypothesis("complement", "Count the other outcome.", "maximum", undone.complement),
    Hypothesis(
        "wrong_units",
        "Give the estimate in the units of the data.",
        "maximum",
        undone.in_other_units,
    ),
    Hypothesis(
        "standardised",
        "Undo the standardisation: multiply by the sd and add the mean.",
        "maximum",
        undone.standardised,
    ),
    Hypothesis(
        "transposed_factor", "Multiply L by L', not L' by L.", "maximum", undone.factor_transposed
    ),
    Hypothesis("n_minus_one", "Divide by n for the maximum.", "maximum", undone.minus_one),
    Hypothesis(
        "n_minus_one", "Divide by n for the maximum.", "step", other_steps.minus_one_each_step
    ),
    Hypothesis(
        "tied",
        "Use the same restriction on both sides.",
        "step",
        other_steps.tied,
    ),
    Hypothesis(
        "spherical",
        "Use the same restriction on both sides.",
        "step",
        other_steps.spherical,
    ),
    Hypothesis(
        "diagonal",
        "Use the same restriction on both sides.",
        "step",
        other_steps.diagonal,
    ),
    Hypothesis(
        "equal_shares",
        "Use equal_weights, or estimate the shares.",
        "question",
        other_questions.equal_shares,
    ),
    Hypothesis(
        "map_estimate",
        "Give the maximum of the likelihood, from EM without a prior.",
        "question",
        other_questions.maximum_a_posteriori,
    ),
    Hypothesis("floor_added", "Add nothing, or a smaller number.", "step", other_steps.floor_added),
    Hypothesis("floor_reached", "Lower the floor.", "step", other_steps.floor_reached),
    Hypothesis("hard_assignment", "Use memberships between 0 and 1.", "step", other_steps.hard),
    Hypothesis(
        "memberships_dropped",
        "Keep small memberships, or lower the limit.",
        "step",
        other_steps.dropped,
    ),
    Hypothesis("weightless", "Multiply each density by its share.", "step", other_steps.weightless),
    Hypothesis(
        "divided_equally",
        "Divide each sum by the expected number of its own observations.",
        "step",
        other_steps.divided_equally,
    ),
    Hypothesis(
        "counts_ignored",
        "Count each row as often as it occurred.",
        "question",
        other_questions.without_counts,
    ),
    Hypothesis(
        "constant_trials",
        "Give each row its own number of trials.",
        "question",
        other_questions.one_number_of_trials,
    ),
    Hypothesis(
        "logarithms",
        "Fit the data as they are, or compare on the log scale.",
        "question",
        other_questions.of_logarithms,
    ),
    Hypothesis(
        "underflow",
        "Subtract the largest logarithm before taking exponentials.",
        "question",
        other_questions.underflow,
    ),
)
"""All kinds of slips, simplest first."""


def named(at: em.Fit[Any], reached: em.Fit[Any], best: em.Fit[Any], distance: float) -> Slip | None:
    """Return the slip that explains an estimate away from the maximum, None if none does.

    A hypothesis is accepted if it leaves at most limit.EXPLAINED of the distance.

    at: EM at the estimate; reached: where it climbs to from there; best: the highest known optimum.
    distance: of the estimate from the maximum, in standard errors.

    >>> named(fit, fit, fit, 0.0) is None
    True
    """
    seen = Seen(at, reached, best, distance)
    if single_precision(seen):
        return Slip(
            "single_precision",
            "its numbers have single precision (float32)",
            "Sum in double precision, or subtract the mean first.",
            0.0,
        )
    for one in HYPOTHESES:
        found = min(_tried(seen, one), key=lambda slip: slip.left, default=None)
        if found is not None and found.left <= limit.WRONG:
            return found
    return None


def _tried(seen: Seen, one: Hypothesis) -> Iterator[Slip]:
    """Yield what a hypothesis explains."""
    try:
        candidates = list(one.changes(seen))
    except BROKEN:
        return
    if one.way == "maximum":
        candidates = _likeliest(seen, candidates)
    for candidate in candidates:
        if isinstance(candidate, Asked):
            left, whole = _at_maximum_of(seen, candidate), seen.distance
            says = candidate.says
        else:
            says, structure = candidate
            left, whole = (_at_maximum if one.way == "maximum" else _at_rest)(seen, structure)
        if left <= limit.EXPLAINED * whole:
            yield Slip(one.code, says, one.remedy, left)


def _likeliest(seen: Seen, candidates: list[tuple[str, Structure]]) -> list[tuple[str, Structure]]:
    """Return the candidates with the highest log-likelihoods above the estimate's."""
    question, proper = seen.question, []
    for says, structure in candidates:
        try:
            args = question.structure, question.family, question.width
            proper.append((says, checked(structure, *args, question.data.sizes)))
        except BROKEN:
            continue
    if not proper:
        return []
    with np.errstate(all="ignore"):
        heights = em.log_likelihood(
            question.family, question.data, stacked([one for _, one in proper])
        )
    order = np.argsort(-np.where(np.isfinite(heights), heights, -np.inf), kind="stable")
    better = [at for at in order if heights[at] > seen.at.log_likelihood]
    return [proper[at] for at in better[:LIKELIEST]]


def _at_maximum(seen: Seen, structure: Structure) -> tuple[float, float]:
    """Return how far a changed estimate is from a maximum, and how far it was."""
    there = stepped(seen.question, structure, 0)
    if there is None:
        return np.inf, seen.distance
    below = max(seen.best.log_likelihood - there.log_likelihood, 0.0)
    left = there.decrement if np.isfinite(there.decrement) else float(np.sqrt(2 * below))
    return left, seen.distance


def _at_rest(seen: Seen, structure: Structure) -> tuple[float, float]:
    """Return how far the slip's step leads from the estimate, and how far EM's own step does."""
    if seen.step is None:
        return np.inf, 0.0
    moved = apart(seen, seen.step.estimate, seen.estimate)
    return apart(seen, structure, seen.estimate), min(moved, seen.distance)


def _at_maximum_of(seen: Seen, asked: Asked) -> float:
    """Return how far the estimate is from the maximum of another question."""
    there = stepped(asked.question, seen.estimate, 0, prior=asked.prior)
    if there is None or not np.isfinite(there.decrement):
        return np.inf
    return there.decrement


def single_precision(seen: Seen) -> bool:
    """Whether the numbers of theta come from single precision, which moved them.

    A number of few digits may be one of single precision by itself.

    >>> single_precision(Seen(fit, fit, fit, 0.0))
    False
    """
    theta = fields_of(seen.estimate)
    numbers = np.concatenate(
        [np.ravel(theta[name]) for name in theta if name not in type(seen.estimate).axes()]
    )
    near = numbers.astype(np.float32).astype(np.float64)
    exact = np.abs(numbers - near) <= SINGLE * np.abs(numbers)
    short = np.abs(numbers * 1e3 - np.rint(numbers * 1e3)) <= EXACT
    return bool(exact.all() and not short.all())


def on_path(seen: Seen) -> bool:
    """Whether the estimate lies where EM, stopped early, leaves it.

    After many steps only the slowest direction is left. There each step of EM is about as long as
    the one before times the fraction of missing information, EM's rate (Dempster, Laird & Rubin
    1977). Beside the path the first step undoes the fast directions, and the next one is short.
    Of plain EM's own steps (6 designs, 2 data sets each, after 2 to 10 steps) nine in ten pass, of
    random changes of the maximum one in ten; with three parameters a random change often lies
    along the slow direction.

    >>> on_path(Seen(fit, fit, fit, 0.0))
    True
    """
    if seen.distance <= limit.STOPPED:
        return True
    rate = seen.reached.missing
    if seen.step is None or not rate > 0:
        return False
    after = stepped(seen.question, seen.step.estimate, 1)
    if after is None:
        return False
    first = apart(seen, seen.step.estimate, seen.estimate)
    second = apart(seen, after.estimate, seen.step.estimate)
    least = STEADY if rate > SLOW else STEADIER * rate
    return bool(first > 0 and second >= least * first)


def rounded_to(estimate: Structure, maximum: Structure) -> str:
    """Return to what the maximum was rounded to give the estimate, "" if it was not.

    Every number of the estimate has so many decimals, or so many digits, and lies within half of
    the last one of the maximum's; the last share may make up for the others.

    >>> from models import Mixture, Poisson
    >>> short = Mixture(np.array([0.58, 0.42]), Poisson(np.array([1.09, 7.34])))
    >>> rounded_to(short, fit.estimate), rounded_to(fit.estimate, fit.estimate)
    ('2 decimals', '')
    """
    shares = type(estimate).axes()
    here, there = fields_of(estimate), fields_of(maximum)
    k = next((here[name].shape[-1] for name in shares), 1)
    for digits in DIGITS:
        for kind in ("decimal", "digit"):
            if kind == "digit" and digits == 0:
                continue
            if all(
                _short(here[name], there[name], digits, kind, k if name in shares else 1)
                for name in here
            ):
                return f"{digits} {kind}{'s' * (digits != 1)}"
    return ""


def _short(one: Any, whole: Any, digits: int, kind: str, room: int) -> bool:
    """Whether numbers have so many digits and are the others', rounded."""
    unit = np.full(np.shape(one), 10.0**-digits)
    if kind == "digit":
        with np.errstate(divide="ignore"):
            size = np.where(whole == 0, 0.0, np.floor(np.log10(np.abs(whole))))
        unit = 10.0 ** (size - digits + 1)
    exact = np.abs(one / unit - np.rint(one / unit)) <= EXACT
    near = np.abs(one - whole) <= (0.5 * room + 1e-3) * unit
    return bool((exact & near).all())
