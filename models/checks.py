"""Checks that several families share; each raises Refusal, which names field, row and remedy."""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING

import numpy as np

from models.names import those_that_allow_blanks, those_that_take
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from numpy.typing import NDArray

    from models.arrays import Array
    from models.family import Theta
    from models.observations import Observations, Readable
    from models.sample import Sample

    class Record(Protocol):
        def _asdict(self) -> dict[str, Array]: ...


__all__ = [
    "average",
    "column",
    "counts",
    "fields",
    "moments",
    "no_text",
    "no_trials",
    "number",
    "numbers",
    "positive",
    "refuse_blanks",
    "refuse_row",
    "scatter_about_mean",
    "single_fields",
    "whole",
]


AT_ONCE = 1 << 16  # rows in a working set


def column(sample: Sample) -> None:
    """Refuse a table, and trials, for a family of single numbers.

    >>> from models import Sample
    >>> column(Sample([1.5, 2.5]))
    """
    no_text(sample)
    if sample.x.ndim != 1:
        columns = f"{sample.dimension} column{'s' * (sample.dimension > 1)}"
        raise Refusal(
            f"x is a table of {columns}; give one column, such as x[:, 0] of an array or "
            f'x["name"] of a data frame, or fit a {those_that_take("table")}'
        )
    no_trials(sample)


def no_text(sample: Sample) -> None:
    """Refuse labels for a family of numbers; name the first of them.

    >>> from models import Sample
    >>> no_text(Sample(["tall", "short"]))
    Traceback (most recent call last):
    models.refusal.Refusal: x: row 0 (counted from 0) is 'tall', which is not a number; convert ...
    """
    for at, names in enumerate(sample.levels):
        if names:
            row = sample.x.reshape(sample.distinct, -1)[sample.inverse[0]]
            where = f", column {at}" if sample.table else ""
            raise Refusal(
                f"x: row 0 (counted from 0){where} is {names[int(row[at])]!r}, which is not a "
                "number; convert it to a number or remove the row; for labels take a "
                f"{those_that_take('labels')}"
            )


def no_trials(sample: Sample) -> None:
    """Refuse trials for a family whose x is not a number of heads.

    >>> from models import Sample
    >>> no_trials(Sample([1.5, 2.5]))
    """
    if sample.trials is not None:
        raise Refusal(
            f"trials are given, but only a {those_that_take('heads')} has flips; "
            "to say how often each x occurred give Sample(x, counts=...)"
        )


def refuse_row(sample: Sample, bad: NDArray[np.bool_], remedy: str) -> None:
    """Refuse a sample if a distinct row is marked in (m,) bad; name the first such row, as given.

    >>> from models import Sample
    >>> sample = Sample([3, -1, 2])
    >>> refuse_row(sample, sample.x < 0, "is below 0; drop it")
    Traceback (most recent call last):
    models.refusal.Refusal: x: row 1 (counted from 0) is -1, which is below 0; drop it
    """
    if bad.any():
        row = sample.first(bad)
        value = (
            np.abs(sample.x[sample.inverse[row]]).max()
            if sample.x.ndim == 2
            else sample.x[sample.inverse[row]]
        )
        raise Refusal(f"x: row {row} (counted from 0) is {value:g}, which {remedy}")


def refuse_blanks(sample: Sample, *, allowed: bool) -> None:
    """Refuse the first blank cell of a table, or if blanks are allowed a column without a value.

    >>> from models import Sample
    >>> refuse_blanks(Sample([[1.0, 2.0], [3.0, None]]), allowed=False)
    Traceback (most recent call last):
    models.refusal.Refusal: x: row 1 (counted from 0), column 1 is blank; remove or impute such ...
    """
    if not sample.seen_in_part:
        return
    blank = np.isnan(sample.x)
    if not allowed:
        row = sample.first(blank.any(axis=1))
        at = int(blank[sample.inverse[row]].argmax())
        raise Refusal(
            f"x: row {row} (counted from 0), column {at} is blank; remove or impute such rows, or "
            f"fit {those_that_allow_blanks()}, which take blanks as not seen"
        )
    if (never := blank.all(axis=0)).any():
        at = int(never.argmax())
        raise Refusal(f"{sample.called(at)} is blank in every row; leave it out")


def single_fields(theta: Theta, k: int) -> list[Array]:
    """Return fields of one number a component as float arrays (k,), those from 0 up above it.

    >>> from models import Gamma
    >>> single_fields(Gamma([2], [3]), 1)
    [array([2.]), array([3.])]
    """
    layout = theta.layout()
    found = fields(theta, dict.fromkeys(layout, (k,)))
    for (name, field), values in zip(layout.items(), found, strict=True):
        if field.low == 0 and (values <= 0).any():
            raise Refusal(f"{name} is {values.tolist()}; give numbers above 0")
    return found


def counts(sample: Sample) -> None:
    """Refuse what is no column of counts: whole numbers from 0 up.

    >>> from models import Sample
    >>> counts(Sample([3, 0.5]))
    Traceback (most recent call last):
    models.refusal.Refusal: x: row 1 (counted from 0) is 0.5, which is not a whole number; give ...
    """
    column(sample)
    refuse_row(sample, sample.x < 0, "is below 0; counts start at 0")
    refuse_row(sample, sample.x != np.rint(sample.x), "is not a whole number; give counts")


def numbers(name: str, value: object) -> Array:
    """Return a field as a float array, or raise Refusal that names it.

    >>> numbers("mean", [1, 2])
    array([1., 2.])
    """
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise Refusal(f"{name} is {value!r}; give numbers") from None


def fields(theta: Record, shapes: Mapping[str, tuple[int, ...]]) -> list[Array]:
    """Return the fields of a Theta as finite float arrays of the given shapes.

    >>> from collections import namedtuple
    >>> fields(namedtuple("Theta", "mean sd")([0, 5], [1, 2]), {"mean": (2,), "sd": (2,)})
    [array([0., 5.]), array([1., 2.])]
    """
    arrays = []
    for name, shape in shapes.items():
        array = numbers(name, theta._asdict()[name])
        if array.shape != shape:
            raise Refusal(f"{name} has shape {array.shape}; give {shape}")
        if not np.isfinite(array).all():
            raise Refusal(f"{name} is {array.tolist()}; give finite numbers")
        arrays.append(array)
    return arrays


def positive(prior: Record, *names: str, zero: bool = False) -> list[float]:
    """Return fields of a prior as finite floats above 0, or with `zero` from 0.

    >>> from collections import namedtuple
    >>> positive(namedtuple("Prior", "shape rate")(2, 1), "shape", "rate")
    [2.0, 1.0]
    """
    values = [number(f"prior: {name}", prior._asdict()[name]) for name in names]
    for name, value in zip(names, values, strict=True):
        if not (value > 0 or (zero and value == 0)) or value == np.inf:
            raise Refusal(
                f"prior: {name} is {value:g}; give a number {'from' if zero else 'above'} 0"
            )
    return values


def number(name: str, value: object) -> float:
    """Return a field as a finite float, or raise Refusal that names it.

    >>> number("tolerance", 1)
    1.0
    """
    array = numbers(name, value)
    if array.shape != () or not np.isfinite(array):
        raise Refusal(f"{name} is {value!r}; give a finite number")
    return float(array)


def whole(name: str, value: object, least: int) -> int:
    """Return a whole number from `least` up, or raise Refusal that names it.

    >>> whole("k", 0, 1)
    Traceback (most recent call last):
    models.refusal.Refusal: k is 0; give a whole number from 1 up
    """
    try:
        found = index(value)  # type: ignore[arg-type]
    except TypeError:
        found = least - 1
    if found < least:
        raise Refusal(f"{name} is {value!r}; give a whole number from {least} up")
    return found


def average(sample: Observations, function: Callable[[Array], Array]) -> Array:
    """Return the mean over the observations of a function, in one pass.

    function: of (B, d) rows, with (B, ...) values.

    >>> from models import Sample
    >>> average(Sample([1, 2, 2, 5]), lambda x: x**2)
    array([8.5])
    """

    def total(some: Readable) -> Array:
        found: Array = np.zeros(1)
        for x, _, counts in some.parts(AT_ONCE):
            values = function(x.reshape(len(x), -1))
            weighted = values if counts is None else values * counts[:, None]
            found = found + weighted.sum(axis=0)
        return found

    return sample.total(total) / sample.observations


def moments(sample: Observations) -> tuple[Array, Array]:
    """Return what `scatter_about_mean` does, or raise Refusal for columns without spread.

    >>> from models import Sample
    >>> moments(Sample([1, 3, 3, 5]))
    (array([3.]), array([[2.]]))
    """
    mean, cov = scatter_about_mean(sample)
    spread = np.diagonal(cov)
    if not ((spread > 0) & np.isfinite(spread)).all():
        raise Refusal(
            "the weak prior needs the spread of each column of x, and one has none, or a spread "
            "beyond the range of doubles; give a prior"
        )
    return mean, cov


def scatter_about_mean(sample: Observations) -> tuple[Array, Array]:
    """Return the mean (d,) and the covariance (d, d), divided by n, of the observations.

    With blanks, mean and variance of a column are those of what was seen of it.

    >>> from models import Sample
    >>> scatter_about_mean(Sample([[1, 2], [3, 2]]))
    (array([2., 2.]), array([[1., 0.],
           [0., 0.]]))
    """
    if sample.seen_in_part:
        return _scatter_of_seen(sample)
    d = sample.dimension

    def total(some: Readable) -> Array:
        found = np.zeros((d, d))
        for x, _, counts in some.parts(AT_ONCE):
            centred = x.reshape(len(x), -1) - mean
            weighted = centred if counts is None else centred * counts[:, None]
            found += weighted.T @ centred
        return found

    with np.errstate(over="ignore", invalid="ignore"):
        mean = average(sample, lambda x: x)
        cov = sample.total(total) / sample.observations
    return mean, (cov + cov.T) / 2


def _scatter_of_seen(sample: Observations) -> tuple[Array, Array]:
    """Return mean (d,) and covariance (d, d) of a table with blanks.

    Correlations are those of the columns with each blank at its column's mean. Correlations of the
    rows in which both columns were seen need not belong to any distribution: their matrix can have
    negative eigenvalues. These have none, and lie nearer to zero, which is the safe side for what
    is made of them: a scale for a weak prior, and units.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        seen = average(sample, lambda x: (~np.isnan(x)).astype(np.float64))
        seen = np.where(seen > 0, seen, 1)
        mean = average(sample, np.nan_to_num) / seen
        d = sample.dimension

        def products(x: Array) -> Array:
            away = np.nan_to_num(x - mean)
            return (away[:, :, None] * away[:, None, :]).reshape(len(x), -1)

        scatter = average(sample, products).reshape(d, d)
    root = np.sqrt(seen)
    return mean, (scatter + scatter.T) / 2 / root / root[:, None]
