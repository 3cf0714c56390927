"""Slips that a change of the estimate's fields undoes: what is left is EM's maximum."""

from __future__ import annotations

from itertools import chain, combinations, permutations
from typing import TYPE_CHECKING

import numpy as np

from comparisons.verdict.seen import widths, with_fields
from models.checks import scatter_about_mean
from models.family import entries, first
from models.sample import Sample
from models.structure import fields_of, free, permuted, shares_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comparisons.verdict.seen import Looked, Seen
    from models.arrays import Array, Labels
    from models.structure import Structure

    type Changes = Iterator[tuple[str, Structure]]

__all__ = [
    "complement",
    "factor_transposed",
    "in_other_units",
    "logarithm",
    "minus_one",
    "reciprocal",
    "root",
    "shares_swapped",
    "squared",
    "standardised",
    "swapped",
]

ALL_ORDERS = 4  # components up to which every order is tried; with more, exchanges and reversal
UNITS = {
    100.0: "100 (centimetres and metres, or percent)",
    1000.0: "1,000",
    10.0: "10",
    2.54: "2.54 (inches and centimetres)",
    12.0: "12 (feet and inches, or months and years)",
    60.0: "60 (minutes)",
    30.48: "30.48 (feet and centimetres)",
    0.45359237: "0.4536 (pounds and kilograms)",
}
"""Factors between usual units."""


def _orders(k: int) -> list[Labels]:
    """Return orders of components but the present one."""
    same = tuple(range(k))
    if k <= ALL_ORDERS:
        return [np.array(one) for one in permutations(same) if one != same]
    found = [np.arange(k)[::-1], np.roll(same, 1), np.roll(same, -1)]
    for one, other in combinations(same, 2):
        order = np.arange(k)
        order[[one, other]] = other, one
        found.append(order)
    return found


def _for_each(seen: Looked, order: Labels) -> Labels:
    """Return an order as `permuted` takes it: for each of many draws, if these are draws."""
    family = type(seen.estimate.theta)
    one = first(seen.estimate.theta)
    draws = np.ndim(one) - len(next(iter(family.layout().values())).axes)
    return np.tile(order, (len(one), 1)) if draws else order


def _groups(seen: Looked) -> list[tuple[str, ...]]:
    """Return the names of fields that move together: all shares, each field of theta."""
    shares = tuple(free(type(seen.estimate), seen.question.held))
    own: list[tuple[str, ...]] = [(name,) for name in entries(seen.estimate.theta)]
    return [shares, *own] if shares else own


def _permuted(seen: Looked, names: tuple[str, ...]) -> Changes:
    """Yield estimates of which some fields have another order of the components."""
    if seen.k == 1 or not names:
        return
    said = " and ".join(names)
    for order in _orders(seen.k):
        moved = fields_of(permuted(seen.estimate, _for_each(seen, order)))
        changed = {name: moved[name] for name in names}
        says = f"{said} {'has' if len(names) == 1 else 'have'} another order than the rest"
        yield says, with_fields(seen.estimate, changed)


def shares_swapped(seen: Looked) -> Changes:
    """Yield the estimate with its shares in other orders.

    >>> from comparisons.verdict.seen import Seen
    >>> [one.weight.round(2) for _, one in shares_swapped(Seen(fit, fit, fit, 0.0))]
    [array([0.42, 0.58])]
    """
    names = tuple(free(type(seen.estimate), seen.question.held))
    return _permuted(seen, names)


def swapped(seen: Looked) -> Changes:
    """Yield the estimate with fields of theta in other orders, alone or with the shares.

    >>> from comparisons.verdict.seen import Seen
    >>> list(swapped(Seen(fit, fit, fit, 0.0)))  # a rate alone is the shares' order again
    []
    """
    groups = _groups(seen)
    own = groups[1:] if tuple(shares_of(seen.estimate)) == groups[0] else groups
    for size in range(1, len(own)):
        for some in combinations(own[1:], size):
            yield from _permuted(seen, tuple(chain(*some)))
    if len(own) > 1 and groups[0] != own[0]:
        for size in range(1, len(own) - 1):
            for some in combinations(own[1:], size):
                yield from _permuted(seen, (*groups[0], *chain(*some)))
        yield from _permuted(seen, own[0])


def _positive(seen: Looked) -> dict[str, Array]:
    """Return the fields that have no bound but 0."""
    layout = type(seen.estimate.theta).layout()
    values = entries(seen.estimate.theta)
    return {
        name: values[name]
        for name, field in layout.items()
        if field.low == 0 and field.high == np.inf and not field.variances
    }


def _matrices(seen: Looked) -> dict[str, Array]:
    """Return the fields that are matrices with variances."""
    layout = type(seen.estimate.theta).layout()
    values = entries(seen.estimate.theta)
    return {name: values[name] for name, field in layout.items() if field.variances}


def squared(seen: Looked) -> Changes:
    """Yield the estimate with the root of a positive field.

    >>> from comparisons.verdict.seen import Seen
    >>> [(says, one.theta.rate.round(1)) for says, one in squared(Seen(fit, fit, fit, 0.0))]
    [("rate is the square of the maximum's", array([1. , 2.7]))]
    """
    for name, value in _positive(seen).items():
        yield (
            f"{name} is the square of the maximum's",
            with_fields(seen.estimate, {name: np.sqrt(value)}),
        )


def root(seen: Looked) -> Changes:
    """Yield the estimate with the square of a positive field, or of a covariance matrix.

    >>> from comparisons.verdict.seen import Seen
    >>> [says for says, _ in root(Seen(fit, fit, fit, 0.0))]
    ["rate is the square root of the maximum's"]
    """
    for name, value in _positive(seen).items():
        yield (
            f"{name} is the square root of the maximum's",
            with_fields(seen.estimate, {name: value**2}),
        )
    for name, value in _matrices(seen).items():
        yield (
            f"{name} is the matrix square root of the maximum's",
            with_fields(seen.estimate, {name: value @ value}),
        )


def reciprocal(seen: Looked) -> Changes:
    """Yield the estimate with the reciprocal of a positive field, or the inverse of a covariance.

    >>> from comparisons.verdict.seen import Seen
    >>> [says for says, _ in reciprocal(Seen(fit, fit, fit, 0.0))][:1]
    ["rate is one over the maximum's"]
    """
    for name, value in _positive(seen).items():
        yield f"{name} is one over the maximum's", with_fields(seen.estimate, {name: 1 / value})
        yield (
            f"{name} is one over the square of the maximum's",
            with_fields(seen.estimate, {name: value**-0.5}),
        )
    for name, value in _matrices(seen).items():
        yield (
            f"{name} is the inverse of the maximum's",
            with_fields(seen.estimate, {name: np.linalg.inv(value)}),
        )


def logarithm(seen: Looked) -> Changes:
    """Yield the estimate with the exponential of a positive field.

    >>> from comparisons.verdict.seen import Seen
    >>> [says for says, _ in logarithm(Seen(fit, fit, fit, 0.0))]
    ["rate is the logarithm of the maximum's"]
    """
    for name, value in _positive(seen).items():
        with np.errstate(over="ignore"):
            yield (
                f"{name} is the logarithm of the maximum's",
                with_fields(seen.estimate, {name: np.exp(value)}),
            )


def complement(seen: Looked) -> Changes:
    """Yield the estimate with 1 - p for a field p of probabilities.

    >>> from comparisons.verdict.seen import Seen
    >>> list(complement(Seen(fit, fit, fit, 0.0)))  # rates have no complement
    []
    """
    for name, field in type(seen.estimate.theta).layout().items():
        if (field.low, field.high) == (0, 1) and not field.simplex:
            value = entries(seen.estimate.theta)[name]
            yield (
                f"{name} is one minus the maximum's",
                with_fields(seen.estimate, {name: 1 - value}),
            )


def minus_one(seen: Seen) -> Changes:
    """Yield the estimate with variances over n_k in place of n_k - 1.

    >>> from comparisons.verdict.seen import Seen
    >>> list(minus_one(Seen(fit, fit, fit, 0.0)))  # counts have no width
    []
    """
    n = seen.numbers
    if (n <= 1).any():
        return
    for name, power in widths(seen).items():
        value = entries(seen.estimate.theta)[name]
        by = (((n - 1) / n) ** (power / 2)).reshape(-1, *[1] * (value.ndim - 1))
        yield (
            f"{name} was divided by n - 1 instead of n",
            with_fields(seen.estimate, {name: value * by}),
        )


def in_other_units(seen: Looked) -> Changes:
    """Yield the estimate in other units.

    >>> from comparisons.verdict.seen import Seen
    >>> says, one = next(in_other_units(Seen(fit, fit, fit, 0.0)))
    >>> one.theta.rate.round()
    array([109., 734.])
    """
    d, theta = seen.question.sample.dimension, seen.estimate.theta
    for factor, known in UNITS.items():
        for by, said in ((factor, "small"), (1 / factor, "large")):
            moved = entries(theta.affine(np.full(d, by), np.zeros(d)))
            if all(np.array_equal(moved[name], one) for name, one in entries(theta).items()):
                moved = {name: one * by for name, one in _positive(seen).items()}
            if moved:
                yield (
                    f"its units differ from the data's: it is too {said} by a factor of {known}",
                    with_fields(seen.estimate, moved),
                )


def standardised(seen: Looked) -> Changes:
    """Yield the estimate of standardised or centred data in the data's units.

    >>> from comparisons.verdict.seen import Seen
    >>> list(standardised(Seen(fit, fit, fit, 0.0)))  # counts have no unit
    []
    """
    sample, theta = seen.question.sample, seen.estimate.theta
    if not widths(seen) or not isinstance(sample, Sample):
        return
    mean, cov = scatter_about_mean(sample)
    sd, n = np.sqrt(np.diagonal(cov)), sample.observations
    for by, said in (
        (sd, "standardised (z-scores)"),
        (sd * np.sqrt(n / max(n - 1, 1)), "standardised (z-scores)"),
        (np.ones_like(sd), "centred"),
    ):
        moved = entries(theta.affine(by, mean))
        yield f"it is an estimate for {said} data", with_fields(seen.estimate, moved)


def factor_transposed(seen: Looked) -> Changes:
    """Yield the estimate with L L' for covariances L' L, where L is a Cholesky factor.

    With J the reversal of rows, J cov J = C C' and cov = U U', U = J C J. So L = U' and
    L L' = U' U.

    >>> from comparisons.verdict.seen import Seen
    >>> list(factor_transposed(Seen(fit, fit, fit, 0.0)))  # counts have no covariance
    []
    """
    for name, value in _matrices(seen).items():
        upper = np.linalg.cholesky(value[..., ::-1, ::-1])[..., ::-1, ::-1]
        yield (
            f"{name} is L' L instead of L L', with L the Cholesky factor",
            with_fields(seen.estimate, {name: upper.swapaxes(-1, -2) @ upper}),
        )
