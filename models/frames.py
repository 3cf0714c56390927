"""Families by name and data frames, as people hand them in, made into a family and its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from models.aliases import family_meant
from models.reading.column_names import column_places
from models.reading.messages import shortened
from models.refusal import Refusal
from models.sample import Sample
from models.structure import STRUCTURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.family import Theta
    from models.structure import Data

    type Column = str | int
    type Columns = Column | Sequence[Column]

__all__ = ["Frame", "taken", "titles_of", "understood"]


class Frame(Protocol):
    """A data frame of pandas or polars, an Arrow table, or one column of them.

    >>> import pyarrow as pa
    >>> frame: Frame = pa.table({"height": [162.5, 181.0]})
    """

    def __array__(self) -> Any:
        """Return the values."""
        ...


def understood[T: Theta](
    family: type[T] | str, data: Data | Frame, columns: Columns | None = None
) -> tuple[type[T], Data]:
    """Return the family and the data that are meant; data that are already are returned as given.

    family: or a name, as `family_meant` takes it.
    data: or a data frame, one column, an array or a list, whose rows are in no order.
    columns: of a data frame, in the order wanted; by default all, of which a family of single
        numbers needs one.

    >>> import pyarrow as pa
    >>> frame = pa.table({"sex": ["f", "m"], "height": [162.5, 181.0]})
    >>> family, sample = understood("normal", frame, columns="height")
    >>> family.__name__, sample, sample.columns
    ('Gaussian', Sample(2 observations, 2 distinct), ('height',))
    >>> understood("normal", [162.5, 181.0])[1]
    Sample(2 observations, 2 distinct)
    >>> understood("normal", frame, columns="hight")
    Traceback (most recent call last):
    models.refusal.Refusal: the data frame has no column 'hight'; did you mean 'height'? it has ...
    """
    if isinstance(data, tuple(STRUCTURES)):
        own = cast("Data", data)
        if columns is not None:
            raise Refusal(
                f"columns are given, but sample is a {type(data).__name__}; give a data frame, or "
                "leave columns out"
            )
        return _family(family, several=own.sample.dimension > 1), own
    names = titles_of(data)
    if names is None:
        if columns is not None:
            raise Refusal(
                f"columns are given, but sample is a {type(data).__name__}; give a data frame"
            )
        rows = _rows(data)
        several = isinstance(rows, Sample) and rows.dimension > 1
        chosen = _family(family, several=several)
        if isinstance(rows, Sample) and rows.table and not several and chosen.takes() != "table":
            rows = Sample(np.ravel(cast("Any", data)))
        return chosen, rows
    wanted = list(range(len(names))) if columns is None else _places(names, columns)
    chosen = _family(family, several=len(wanted) > 1)
    if len(wanted) > 1 and columns is None and chosen.takes() == "labels":
        return chosen, cast("Data", data)  # a table of counts, which is refused with what to do
    if len(wanted) > 1 and chosen.takes() != "table":
        _refuse_several(chosen, names, wanted, every=columns is None)
    single = len(wanted) == 1 and chosen.takes() != "table"
    return chosen, _sample(data, [names[at] for at in wanted], single=single)


def _family[T: Theta](family: type[T] | str, *, several: bool) -> type[T]:
    """Return the family that is named, or the one that is given."""
    if isinstance(family, str):
        return cast("type[T]", family_meant(family, several=several))
    return family


def titles_of(data: object) -> list[Any] | None:
    """Return the names of the columns of a data frame; None of anything else.

    >>> import pyarrow as pa
    >>> titles_of(pa.table({"sex": ["f"], "height": [162.5]}))
    ['sex', 'height']
    """
    kind = type(data)
    if hasattr(kind, "collect"):  # of polars, before it is read
        raise Refusal(f"sample is a {kind.__name__}; give its rows, sample.collect()")
    # of a pandas frame itself any attribute may be a column
    titles = "column_names" if hasattr(kind, "column_names") else "columns"  # Arrow's, the first
    if not (hasattr(kind, titles) and hasattr(kind, "__getitem__")):
        return None
    return list(getattr(data, titles))


def taken(frame: Any, names: list[Any], *, single: bool) -> Any:
    """Return columns of a data frame; the only one as a column if it is single.

    >>> import pyarrow as pa
    >>> taken(pa.table({"sex": ["f"], "height": [162.5]}), ["height"], single=True).to_pylist()
    [162.5]
    """
    if single:
        return frame[names[0]]
    return frame.select(names) if hasattr(type(frame), "column_names") else frame[names]


def _rows(data: object) -> Data:
    """Return a column, an array or a list as a sample; anything else is refused later."""
    if hasattr(data, "__array__") or isinstance(data, list | tuple):
        return Sample(cast("Any", data))
    return cast("Data", data)


def _places(names: list[Any], columns: Columns) -> list[int]:
    """Return where the columns that are asked for stand among the names of all."""
    asked = [columns] if isinstance(columns, str | int) else list(columns)
    if not asked:
        raise Refusal("columns is empty; give the names of the columns to fit")
    if twice := [one for one in asked if asked.count(one) > 1]:
        raise Refusal(f"columns name {twice[0]!r} twice; give each once")
    places = column_places("the data frame", [str(one) for one in names], list(map(str, asked)))
    return [places[str(one)] for one in asked]


def _refuse_several(
    family: type[Theta], names: list[Any], wanted: list[int], *, every: bool
) -> None:
    """Refuse several columns for a family of one."""
    listed = ", ".join(shortened(str(names[at])) for at in wanted)
    if every:
        raise Refusal(f"which column? {family.__name__} takes one; give columns=, one of {listed}")
    raise Refusal(
        f"{family.__name__} takes one column, columns= names {listed}; give one, or a family of "
        "several, such as multivariate"
    )


def _sample(frame: Any, names: list[Any], *, single: bool) -> Sample:
    """Return columns of a data frame as a sample.

    single: take the only one as a column, not as a table of one.
    """
    sample = Sample(taken(frame, names, single=single))
    return sample.with_columns(map(str, names))  # a column of Arrow's has no name
