"""Checks that several families share; each raises ValueError naming field, row and remedy."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from numpy.typing import NDArray

    from models.arrays import Array
    from models.observations import Observations, Readable
    from models.sample import Sample

    class Record(Protocol):
        def _asdict(self) -> dict[str, Array]: ...


__all__ = [
    "average",
    "column",
    "fields",
    "moments",
    "no_trials",
    "number",
    "numbers",
    "positive",
    "refuse_row",
    "whole",
]


AT_ONCE = 1 << 16  # rows in a working set


def column(sample: Sample) -> None:
    """Refuse a table where a column is due."""
    if sample.x.ndim != 1:
        columns = f"{sample.dimension} column{'s' * (sample.dimension > 1)}"
        raise ValueError(
            f"x is a table of {columns}; give one column, such as x[:, 0] of an array or "
            'x["name"] of a data frame, or fit a MultivariateGaussian'
        )
    no_trials(sample)


def no_trials(sample: Sample) -> None:
    """Refuse trials where x does not count heads."""
    if sample.trials is not None:
        raise ValueError(
            "trials are given, but only a Binomial has flips; "
            "to say how often each x occurred give Sample(x, counts=...)"
        )


def refuse_row(sample: Sample, bad: NDArray[np.bool_], remedy: str) -> None:
    """Refuse a sample for the first row, as given, among the distinct rows marked bad."""
    if bad.any():
        row = sample.first(bad)
        value = (
            np.abs(sample.x[sample.inverse[row]]).max()
            if sample.x.ndim == 2
            else sample.x[sample.inverse[row]]
        )
        raise ValueError(f"x: row {row} (counted from 0) is {value:g}, which {remedy}")


def numbers(name: str, value: object) -> Array:
    """Return a field as a float array, or raise ValueError that names it."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {value!r}; give numbers") from None


def fields(theta: Record, shapes: Mapping[str, tuple[int, ...]]) -> list[Array]:
    """Return the fields of a Theta as finite float arrays of the given shapes."""
    arrays = []
    for name, shape in shapes.items():
        array = numbers(name, theta._asdict()[name])
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}; give {shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} is {array.tolist()}; give finite numbers")
        arrays.append(array)
    return arrays


def positive(prior: Record, *names: str, zero: bool = False) -> list[float]:
    """Return fields of a prior as floats above zero (or, with zero, not below it)."""
    values = [number(f"prior: {name}", prior._asdict()[name]) for name in names]
    for name, value in zip(names, values, strict=True):
        if not (value > 0 or (zero and value == 0)) or value == np.inf:
            raise ValueError(
                f"prior: {name} is {value:g}; give a number {'from' if zero else 'above'} 0"
            )
    return values


def number(name: str, value: object) -> float:
    """Return a field as a finite float, or raise ValueError that names it."""
    array = numbers(name, value)
    if array.shape != () or not np.isfinite(array):
        raise ValueError(f"{name} is {value!r}; give a finite number")
    return float(array)


def whole(name: str, value: object, least: int) -> int:
    """Return a whole number, not below the least, or raise ValueError that names it."""
    try:
        found = index(value)  # type: ignore[arg-type]
    except TypeError:
        found = least - 1
    if found < least:
        raise ValueError(f"{name} is {value!r}; give a whole number from {least} up")
    return found


def average(sample: Observations, function: Callable[[Array], Array]) -> Array:
    """Return the mean over the observations of a function of (B, d) rows, in one pass."""

    def total(some: Readable) -> Array:
        found: Array = np.zeros(1)
        for x, _, counts in some.parts(AT_ONCE):
            values = function(x.reshape(len(x), -1))
            weighted = values if counts is None else values * counts[:, None]
            found = found + weighted.sum(axis=0)
        return found

    return sample.total(total) / sample.observations


def _unchanged(x: Array) -> Array:
    return x


def moments(sample: Observations) -> tuple[Array, Array]:
    """Return the mean (d,) and covariance (d, d; divided by n) of the observations."""

    def total(some: Readable) -> Array:
        found = np.zeros((sample_dimension, sample_dimension))
        for x, _, counts in some.parts(AT_ONCE):
            centred = x.reshape(len(x), -1) - mean
            weighted = centred if counts is None else centred * counts[:, None]
            found += weighted.T @ centred
        return found

    sample_dimension = sample.dimension
    with np.errstate(over="ignore", invalid="ignore"):
        mean = average(sample, _unchanged)
        cov = sample.total(total) / sample.observations
    spread = np.diagonal(cov)
    if not ((spread > 0) & np.isfinite(spread)).all():
        raise ValueError(
            "x has a column without spread, or one whose squares no double can hold, "
            "so no weak prior has a scale; give a prior"
        )
    return mean, (cov + cov.T) / 2
