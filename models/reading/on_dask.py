"""Rows on the workers of a dask cluster: counted there, or kept there."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.reading.batch import MissingValues
from models.reading.columns import (
    MAX_DISTINCT,
    MAX_IN_MEMORY,
    ROWS_PER_DISTINCT,
    ROWS_PER_OFF_GRID,
    Columns,
    ScanResult,
    checked_batch,
)
from models.reading.counting import RowCounts, grouped
from models.refusal import Refusal
from models.storage.disk import Stream, StreamWriter
from models.storage.on_dask import FAN_IN, Scattered, result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distributed import Client

    from models.arrays import Array
    from models.reading.batch import Batch, OpenFiles
    from models.reading.columns import Progress

    type Piece = Callable[[], Iterator[Batch]]

__all__ = ["connected", "scan_on_workers"]

PATIENCE = 10  # seconds until nobody is thought to answer


@contextmanager
def connected(address: str | None = None, workers: int | None = None) -> Iterator[Client]:
    """Provide the workers of a cluster that is there, or of one made here for the while.

    address: of a dask scheduler, such as "tcp://10.0.0.1:8786".
    workers: how many processes to start on this machine, where there is no address.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ModuleNotFoundError:
        raise Refusal("a cluster needs dask; install it with: uv sync --extra cluster") from None
    if address is None:
        with (
            TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
            dask.config.set({"temporary-directory": scratch}),
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address=":0",
                silence_logs=50,
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client
        return
    try:
        # the default would stay where nobody answers, and xarray would ask for it ever after
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except ValueError:
        raise Refusal(
            f"{address} is no address of a scheduler; give one such as tcp://10.0.0.1:8786"
        ) from None
    except (OSError, TimeoutError) as problem:
        raise Refusal(
            f"no scheduler answers at {address} ({type(problem).__name__}); start one with: "
            "dask scheduler"
        ) from None
    with client:
        _refuse_workers(client, address)
        yield client


def _refuse_workers(client: Client, address: str) -> None:
    """Raise Refusal if there are no workers, or if they cannot do this work."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise Refusal(
            f"the scheduler at {address} has no workers; start some with: dask worker {address}"
        ) from None
    ours = version("second-opinion")
    for worker, found in client.run(version, "second-opinion", on_error="return").items():
        if isinstance(found, Exception):
            raise Refusal(
                f"the worker at {worker} has no second-opinion; install it there, version {ours}"
            )
        if found != ours:
            raise Refusal(
                f"the worker at {worker} has second-opinion {found}, this is {ours}; install the "
                "same"
            )


class Counted(NamedTuple):
    """What a piece of the files holds: distinct rows and their times, if they are not too many."""

    rows: Array
    times: Array | None
    missing: MissingValues


class Summary(NamedTuple):
    """What the scheduler's side has to know of counted rows."""

    distinct: int
    compresses: bool
    missing: MissingValues


def scan_on_workers(
    client: Client,
    files: OpenFiles,
    columns: Columns,
    *,
    drop_missing: bool,
    progress: Progress | None,
) -> ScanResult:
    """Read files on the workers: a group-by-count there, or rows that stay there.

    files: of files that every worker sees under the same name.
    """
    pieces = files.pieces
    counted = client.map(partial(_count, columns=columns, few=MAX_IN_MEMORY), pieces, pure=False)
    missing, distinct, compresses = MissingValues(files.names), 0, True
    for summary in map(result_of, client.map(_summary, counted, pure=False)):
        missing, distinct = missing + summary.missing, distinct + summary.distinct
        compresses = compresses and summary.compresses
        if progress is not None:
            progress(missing.read, files.total)
    missing.refuse(drop_missing)
    dropped = missing.read - missing.kept
    width = len(columns.x) + (columns.trials is not None)
    if compresses or distinct * width <= MAX_IN_MEMORY:
        while len(counted) > 1:
            cut = [counted[begin : begin + FAN_IN] for begin in range(0, len(counted), FAN_IN)]
            counted = [client.submit(_merged, some, pure=False) for some in cut]
        every: Counted = result_of(counted[0])
        if every.times is not None and len(every.rows) <= MAX_DISTINCT:
            return ScanResult(columns.sample(every.rows, every.times), dropped, files, columns)
    columns.refuse_stream()
    kept = client.map(partial(_load, columns=columns), pieces, pure=False)
    known: list[Stream | None] = [result_of(one) for one in client.map(_bare, kept, pure=False)]
    sides = [one for one in known if one is not None]
    fractional = [one.fractional for one in sides if one.fractional is not None]
    if not sides:
        columns.refuse_zeros()
    found = Scattered(
        len(columns.x),
        len(columns.x) > 1,
        columns.counts is not None,
        np.stack([one.low for one in sides]).min(axis=0),
        np.stack([one.high for one in sides]).max(axis=0),
        sum(one.observations for one in sides),
        fractional[0] if fractional else None,
        client,
        tuple(one for one, bare in zip(kept, known, strict=True) if bare is not None),
        tuple(one.rows for one in sides),
    )
    return ScanResult(found, dropped, files, columns)


def _count(piece: Piece, columns: Columns, few: int) -> Counted:
    """Count the distinct rows of a piece; no times where there are too many to go on.

    few: numbers that may be sent, whether they compress or not.
    """
    missing, begun = MissingValues(tuple(columns.names)), False
    counted = RowCounts(len(columns.x) + (columns.trials is not None))
    for batch, read in missing.complete(piece()):
        if batch.rows == 0:
            continue
        table = checked_batch(batch, read, columns)
        if not begun:
            counted.start(table.rows)
            begun = True
        if not counted.too_many_off_grid:
            counted.add(table.rows, table.counts)
    if not begun:
        return Counted(np.empty((0, counted.columns)), np.empty(0), missing)
    rows, times = counted.result()
    off = len(counted.off_grid_counts)
    plain = len(rows) > MAX_DISTINCT or not (
        len(rows) * ROWS_PER_DISTINCT <= missing.kept or off * ROWS_PER_OFF_GRID <= missing.kept
    )
    return Counted(rows, None if plain and rows.size > few else times, missing)


def _summary(counted: Counted) -> Summary:
    return Summary(len(counted.rows), counted.times is not None, counted.missing)


def _merged(parts: list[Counted]) -> Counted:
    """Return the distinct rows of several pieces."""
    times = [one.times for one in parts if one.times is not None]
    if len(times) < len(parts) or sum(map(len, times)) > FAN_IN * MAX_DISTINCT:
        return parts[0]._replace(times=None)
    rows = np.concatenate([one.rows for one in parts])
    return Counted(*grouped(rows, np.concatenate(times)), parts[0].missing)


def _load(piece: Piece, columns: Columns) -> Stream | None:
    """Return the rows of a piece on this worker's disk; None if there are none."""
    writer = StreamWriter(
        len(columns.x), table=len(columns.x) > 1, counted=columns.counts is not None
    )
    for batch, read in MissingValues(tuple(columns.names)).complete(piece()):
        if batch.rows:
            table = checked_batch(batch, read, columns)
            writer.add(table.rows, table.counts)
    return writer.done() if writer.rows else None


def _bare(stream: Stream | None) -> Stream | None:
    """Return all that is known of a stream but its rows."""
    return None if stream is None else stream.without_rows()
