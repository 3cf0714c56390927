"""A Parquet file of rounded heights to distinct values with counts."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from comparisons.speed.problems import people
from comparisons.speed.records import Found, Goal, costlier, seconds
from models import Sample
from models.reading.scan import scan

if TYPE_CHECKING:
    from comparisons.speed.records import Say, Scale

__all__ = ["measure"]

COLUMN = "height"
SEED = 1


def measure(scale: Scale, say: Say) -> Found:
    """Let ours count the distinct heights, and pyarrow read the file, turn by turn.

    Both read it from the system's cache: it has just been written, and read once by either.

    >>> from comparisons.speed.run import QUICK
    >>> found = measure(QUICK._replace(file=2_000, group=1_000), lambda what: None)
    >>> found.races[0].peer, len(found.races[0].ratios)
    ('pyarrow, reading it', 1)
    """
    work = f"compressing {scale.file:,} rounded heights in a Parquet file to counts"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "heights.parquet"
        say(f"{work}: writing the file")
        write(path, scale.file, scale.group)
        say(f"{work}: are the counts right?")
        check(counted(path), pq.read_table(path, columns=[COLUMN])[COLUMN])
        taken = []
        for turn in range(scale.rounds):
            say(f"{work}, round {turn + 1} of {scale.rounds}")
            mine = seconds(lambda: counted(path))
            taken.append((mine, seconds(lambda: pq.read_table(path, columns=[COLUMN]))))
    return Found((costlier(work, "pyarrow, reading it", taken, Goal(2, at_most=True)),))


def write(path: Path, rows: int, group: int) -> None:
    """Write heights to the millimetre in row groups."""
    rng = np.random.default_rng(SEED)
    with pq.ParquetWriter(path, pa.schema([(COLUMN, pa.float64())])) as file:
        for begin in range(0, rows, group):
            x = np.round(people(min(group, rows - begin), rng), 1)
            file.write_table(pa.table({COLUMN: x}), row_group_size=group)


def counted(path: Path) -> Sample:
    """Return the distinct heights with their counts."""
    found = scan(path, column=COLUMN)
    assert isinstance(found, Sample)  # heights to the millimetre are few
    return found


def check(sample: Sample, column: pa.ChunkedArray) -> None:
    """Raise AssertionError unless the counts are those of pyarrow."""
    known = pc.value_counts(column)
    values, counts = (known.field(name).to_numpy() for name in ("values", "counts"))
    order = np.argsort(values)
    np.testing.assert_array_equal(sample.x, values[order])
    np.testing.assert_array_equal(sample.counts, counts[order])
