"""Columns that are exact linear combinations of others, and how to say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.checks import AT_ONCE, scatter_about_mean
from models.digits import columns_called
from models.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.arrays import Array
    from models.observations import Observations, Readable

__all__ = ["dependence"]

CANDIDATE = 1e-7  # share of a column's variance left by the others from which rows are looked at
REFINED = 3  # corrections of coefficients, each by the residuals of all rows
ROUNDING = 8  # roundings of each term, relative, that a residual may show
SIMPLE = 1e-6  # relative error of a coefficient that is a round number
TERMS = 3  # columns that a formula names, at most


class Relation(NamedTuple):
    """A column as a combination: column = constant + sum of coefficients times other columns."""

    column: int
    coefficients: dict[int, float]
    constant: float


def dependence(sample: Observations, names: Sequence[str] = ()) -> str:
    """Return which column is an exact combination of earlier ones; empty if none is.

    A residual counts as zero if it is at most the rounding of the terms: ROUNDING eps times the
    sum of |coefficient x|. Noise above that is no dependence, however small.

    Of a table with blanks the complete rows are looked at, unless they are too few to tell.

    sample: (n, d) rows, in memory or not.
    names: of the columns, for the sentence.

    >>> from models import Sample
    >>> x = np.array([[1.0, 2.0, 3.0], [4.0, 0.5, 4.5], [2.0, 7.0, 9.0], [0.1, 0.2, 0.3]])
    >>> dependence(Sample(x), ["a", "b", "total"])
    "column 'total' is the sum of 'a' and 'b' (rank 2 of 3); leave one out"
    >>> x[0, 2] += 1e-6
    >>> dependence(Sample(x))
    ''
    """
    known = columns_called(sample, names)
    if isinstance(sample, Sample) and sample.seen_in_part:
        complete = np.flatnonzero(~np.isnan(sample.x).any(axis=1))
        if len(complete) <= 2 * sample.dimension:
            return ""
        sample = sample.pick(complete)
    mean, cov = scatter_about_mean(sample)
    sd = np.sqrt(np.diagonal(cov))
    if not np.isfinite(sd).all():
        return ""
    constant = sample.high == sample.low
    unit = np.where(constant, 1.0, sd)
    correlation = cov / unit / unit[:, None]
    if not constant.any() and np.linalg.eigvalsh(correlation)[0] > CANDIDATE:
        return ""  # no column has less of its variance left by all others
    basis: list[int] = []
    found: list[Relation] = []
    for at in range(sample.dimension):
        if constant[at]:
            found.append(Relation(at, {}, float(sample.low[at])))
        elif basis and (one := _relation(sample, mean, unit, correlation, basis, at)) is not None:
            found.append(one)
        else:
            basis.append(at)
    if not found:
        return ""
    said, remedy = _said(found[0], known)
    return f"{said} (rank {len(basis)} of {sample.dimension}); {remedy}"


def _relation(
    sample: Observations, mean: Array, unit: Array, correlation: Array, basis: list[int], at: int
) -> Relation | None:
    """Return the column as a combination of those of the basis, None if it is no exact one."""
    inner, outer = correlation[np.ix_(basis, basis)], correlation[basis, at]
    solve = np.linalg.pinv(inner, rcond=1e-15, hermitian=True)
    slopes = solve @ outer
    if 1 - slopes @ outer > CANDIDATE:
        return None
    left = np.inf
    for _ in range(REFINED):
        first, second, products = _residuals(sample, mean, unit, basis, at, slopes)
        left = max(second - first**2, 0.0) ** 0.5
        slopes = slopes + solve @ products
    largest = np.maximum(np.abs(sample.low), np.abs(sample.high)) / unit
    terms = np.abs(slopes) @ largest[basis] + largest[at]
    if left > ROUNDING * np.finfo(float).eps * terms:
        return None
    raw = {
        other: float(slope * unit[at] / unit[other])
        for other, slope in zip(basis, slopes, strict=True)
        if abs(slope) > SIMPLE
    }
    rest = float(mean[at]) - sum(slope * float(mean[other]) for other, slope in raw.items())
    size = abs(float(mean[at])) + sum(abs(one * float(mean[other])) for other, one in raw.items())
    return Relation(at, raw, 0.0 if abs(rest) <= 1e-9 * (size + float(unit[at])) else rest)


def _residuals(
    sample: Observations, mean: Array, unit: Array, basis: list[int], at: int, slopes: Array
) -> tuple[float, float, Array]:
    """Return the mean of the residual, of its square, and of its products with the basis."""

    def total(some: Readable) -> Array:
        sums = np.zeros(2 + len(basis))
        for x, _, counts in some.parts(AT_ONCE):
            z = (x - mean) / unit
            left = z[:, at] - z[:, basis] @ slopes
            times = left if counts is None else left * counts
            sums += np.concatenate([[times.sum(), times @ left], times @ z[:, basis]])
        return sums

    first, second, *products = sample.total(total) / sample.observations
    return float(first), float(second), np.array(products)


def _said(relation: Relation, names: list[str]) -> tuple[str, str]:
    """Return the relation in words, and what to do."""
    at, terms, constant = relation
    own, others = names[at], [names[one] for one in terms]
    slopes = [float(f"{one:.6g}") for one in terms.values()]
    offset, kinds = float(f"{constant:.6g}"), set(slopes)
    if not terms:
        return f"{_column(own)} is constant", "leave it out"
    if len(terms) > TERMS and kinds not in ({1.0}, {-1.0}):
        return f"{_column(own)} is a linear combination of other columns", "leave it out"
    said = f"{_column(own)} is {_formula(slopes, others, offset)}"
    if kinds == {1.0} and offset == 0:
        said = f"{_column(own)} is the sum of {_listed(others)}"
        if len(terms) == 1:
            said = f"columns {others[0]} and {own} are the same"
    elif kinds == {-1.0} and offset != 0:
        said = f"columns {_listed([*others, own])} sum to {offset:g}"
    elif sorted(slopes) == [-1.0, 1.0] and offset == 0:
        plus, minus = (others[slopes.index(one)] for one in (1.0, -1.0))
        said = f"{_column(own)} is the difference of {plus} and {minus}"
    elif len(terms) == 1 and slopes[0] != 1:
        plus = "" if offset == 0 else f" {'plus' if offset > 0 else 'minus'} {abs(offset):g}"
        said = f"{_column(own)} is {slopes[0]:g} times {others[0]}{plus}"
    return said, "leave one out"


def _formula(slopes: list[float], names: list[str], offset: float) -> str:
    """Return a sum of terms with signs."""
    said = ""
    for slope, name in zip(slopes, names, strict=True):
        times = "" if abs(slope) == 1 else f"{abs(slope):g} "
        sign = ("-" if slope < 0 else "") if not said else (" - " if slope < 0 else " + ")
        said += f"{sign}{times}{name}"
    if offset != 0:
        said += f" {'-' if offset < 0 else '+'} {abs(offset):g}"
    return said


def _column(name: str) -> str:
    """Return a column's name with the word before it, where the name has none."""
    return name if name.startswith("column ") else f"column {name}"


def _listed(names: list[str]) -> str:
    """Return names as a sentence lists them."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
