"""Files that the workers of a dask cluster read: rows are counted there, or stay there."""

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
    Columns,
    ScanResult,
    checked_batch,
    worth_counting,
)
from models.reading.counting import RowCounts, grouped
from models.refusal import Refusal
from models.storage.on_dask import FAN_IN, Scattered, result_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Client

    from models.arrays import Array
    from models.reading.batch import OpenFiles, Piece
    from models.reading.columns import Progress
    from models.storage.disk import Stream

__all__ = ["connected", "refuse_no_address", "scan_on_workers"]

PATIENCE = 10  # seconds to wait for an answer


def refuse_no_address(address: str | None) -> None:
    """Raise Refusal for an empty address of a scheduler.

    >>> refuse_no_address("tcp://10.0.0.1:8786")
    """
    if address == "":
        raise Refusal("the address of the scheduler is empty; give one such as tcp://10.0.0.1:8786")


@contextmanager
def connected(address: str | None = None, workers: int | None = None) -> Iterator[Client]:
    """Provide a client of a running cluster, or of one that is started on this machine.

    address: of a dask scheduler, such as "tcp://10.0.0.1:8786".
    workers: the number of processes to start on this machine if there is no address.

    >>> from distributed import LocalCluster
    >>> with LocalCluster(processes=False, dashboard_address=None) as cluster:
    ...     with connected(cluster.scheduler_address) as client:
    ...         client.submit(sum, [1, 2]).result()
    3
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ModuleNotFoundError:
        raise Refusal("a cluster needs dask; install it with: uv sync --extra cluster") from None
    refuse_no_address(address)
    if address is None:
        with (
            TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
            dask.config.set({"temporary-directory": scratch}),
            LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs=50
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client
        return
    try:
        # a default client would stay if nobody answers, and xarray would go on asking it
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
    """Raise Refusal if there are no workers, or if one has another version of this package."""
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
    """The distinct rows of a piece of the files.

    rows: (m, columns).
    counts: (m,) how often each occurred; None if the piece does not compress.
    """

    rows: Array
    counts: Array | None
    missing: MissingValues


class Summary(NamedTuple):
    """What this process needs to know of the rows that a worker counted."""

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
    r"""Count the rows of files on the workers, or keep them there if they do not compress.

    files: which every worker sees under the same names.

    >>> from pathlib import Path
    >>> from distributed import Client
    >>> from models.reading.files import open_files
    >>> size = Path("heights.csv").write_text("height\n162.5\n171.0\n162.5\n")
    >>> files = open_files("heights.csv", ["height"], drop_missing=False)
    >>> with Client(processes=False, dashboard_address=None) as client:
    ...     found = scan_on_workers(
    ...         client, files, Columns(("height",)), drop_missing=False, progress=None
    ...     )
    >>> found.sample
    Sample(3 observations, 2 distinct)
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
        if every.counts is not None and len(every.rows) <= MAX_DISTINCT:
            return ScanResult(columns.sample(every.rows, every.counts), dropped, files, columns)
    columns.refuse_stream()
    kept = client.map(partial(_load, columns=columns), pieces, pure=False)
    summaries: list[Stream | None] = [
        result_of(one) for one in client.map(_without_rows, kept, pure=False)
    ]
    streams = [one for one in summaries if one is not None]
    fractional = [one.fractional for one in streams if one.fractional is not None]
    if not streams:
        columns.refuse_zeros()
    found = Scattered(
        len(columns.x),
        len(columns.x) > 1,
        columns.counts is not None,
        np.stack([one.low for one in streams]).min(axis=0),
        np.stack([one.high for one in streams]).max(axis=0),
        sum(one.observations for one in streams),
        fractional[0] if fractional else None,
        client,
        tuple(one for one, summary in zip(kept, summaries, strict=True) if summary is not None),
        tuple(one.rows for one in streams),
    )
    return ScanResult(found, dropped, files, columns)


def _count(piece: Piece, columns: Columns, few: int) -> Counted:
    """Count the distinct rows of a piece of the files.

    few: numbers that may be sent to this process even if they do not compress.
    """
    missing = MissingValues(tuple(columns.names))
    counted = RowCounts(len(columns.x) + (columns.trials is not None))
    for batch, read in missing.complete(piece()):
        if batch.rows:
            table = checked_batch(batch, read, columns)
            if not counted.too_many_off_grid:
                counted.add(table.rows, table.counts)
    rows, counts = counted.result()
    compress = len(rows) <= MAX_DISTINCT and worth_counting(
        missing.kept, len(rows), len(counted.off_grid_counts)
    )
    return Counted(rows, counts if compress or rows.size <= few else None, missing)


def _summary(counted: Counted) -> Summary:
    return Summary(len(counted.rows), counted.counts is not None, counted.missing)


def _merged(parts: list[Counted]) -> Counted:
    """Return the distinct rows of several pieces together."""
    counts = [one.counts for one in parts if one.counts is not None]
    if len(counts) < len(parts) or sum(map(len, counts)) > FAN_IN * MAX_DISTINCT:
        return parts[0]._replace(counts=None)
    rows = np.concatenate([one.rows for one in parts])
    return Counted(*grouped(rows, np.concatenate(counts)), parts[0].missing)


def _load(piece: Piece, columns: Columns) -> Stream | None:
    """Copy the rows of a piece to this worker's disk; None if there are none."""
    writer = columns.stream_writer()
    for batch, read in MissingValues(tuple(columns.names)).complete(piece()):
        if batch.rows:
            table = checked_batch(batch, read, columns)
            writer.add(table.rows, table.counts)
    return writer.done() if writer.rows else None


def _without_rows(stream: Stream | None) -> Stream | None:
    return None if stream is None else stream.without_rows()
