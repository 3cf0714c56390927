"""Whole columns of a file, for tests that look at what was read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.reading.files import open_files


class Columns(NamedTuple):
    """Columns without blanks, how many rows were dropped, and where each row is in the file."""

    values: dict
    dropped: int
    where: object


def read_columns(path, names, *, drop_missing=False):
    """Read everything at once."""
    batches, read = [], 0
    for batch, rows in open_files(path, names, drop_missing=drop_missing).batches():
        batches.append(batch)
        read += rows
    ends = np.cumsum([one.rows for one in batches])

    def where(row):
        at = int(np.searchsorted(ends, row, side="right"))
        return batches[at].where(row - (ends[at] - batches[at].rows))

    values = {name: np.concatenate([one.values[name] for one in batches]) for name in names}
    return Columns(values, read - int(ends[-1]), where)
