"""Many replicates of one task on several processes, each kept on disk as soon as it is done."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread, current_thread, main_thread
from typing import TYPE_CHECKING

from rich.console import Console

from models.bar import bar
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.sharedctypes import Synchronized

    from comparisons.json_values import Json

__all__ = [
    "KEPT",
    "Record",
    "Task",
    "fingerprint",
    "of_this_code",
    "refuse_without_replicates",
    "run",
]

type Record = dict[str, Json]
type Task = Callable[[int], Record]

KEPT = "replicates.jsonl"
RENEWED = 500  # replicates after which a process is replaced: each leaks a megabyte of chains
LINES = 10  # of progress in all if there is no terminal


def run(
    task: Task,
    replicates: int,
    *,
    jobs: int,
    folder: Path | None = None,
    settings: Record | None = None,
    name: str = "replicates",
) -> list[Record]:
    """Return the records of replicates 0, 1, ..., in their order.

    What a folder keeps of an earlier run with the same settings is not done again. The first is
    done alone, so that compilation happens once.

    task: from a replicate's number, which is its seed, to its record; it must be picklable.
    jobs: how many processes.
    folder: where every record is kept as soon as it is done.
    settings: what the records depend on.

    >>> [one["square"] for one in run(lambda number: {"square": number**2}, 3, jobs=1)]
    [0, 1, 4]
    """
    found = {} if folder is None else kept(folder, settings or {})
    missing = [number for number in range(replicates) if number not in found]
    if missing and len(missing) < replicates:
        message = f"{replicates - len(missing):,} of {replicates:,} {name} are there already"
        print(message, file=sys.stderr)  # noqa: T201
    try:
        with _progress(name, replicates, replicates - len(missing)) as tell:
            for record in _done(task, missing, jobs):
                found[int(str(record["replicate"]))] = record
                if folder is not None:
                    _keep(folder, record)
                tell()
    except KeyboardInterrupt:
        message = "nothing is kept without --out"
        if folder is not None:
            message = f"{len(found):,} of {replicates:,} {name} are kept in {folder}; "
            message += "run the same command to go on"
        print(message, file=sys.stderr)  # noqa: T201
        raise
    if len(found) > replicates:
        message = f"{len(found):,} {name} are kept, {replicates:,} of them are shown"
        print(message, file=sys.stderr)  # noqa: T201
    return [found[number] for number in range(replicates)]


def fingerprint(root: Path = Path(__file__).parents[1]) -> str:
    """Return a hash of this program's code.

    root: the folder with the packages.

    >>> len(fingerprint())
    12
    """
    digest = sha256()
    for package in ("models", "em", "bayes", "comparisons"):
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def of_this_code(settings: Record) -> Record:
    """Return settings with the release and the code that make the records.

    >>> sorted(of_this_code({"seed": 1}))
    ['code', 'seed', 'version']
    """
    return {**settings, "version": version("second-opinion"), "code": fingerprint()}


def kept(folder: Path, settings: Record) -> dict[int, Record]:
    """Return the records in a folder, by number; make the folder if it does not exist.

    A last line that was cut short is dropped.
    """
    path = folder / KEPT
    refuse_without_replicates(folder)
    if not path.exists():
        try:
            folder.mkdir(exist_ok=True)
            with path.open("x", encoding="utf-8") as file:  # of two runs at once one begins it
                file.write(json.dumps(settings) + "\n")
        except OSError as problem:
            raise Refusal(f"--out {folder} cannot be made: {problem.strerror}") from None
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except UnicodeDecodeError:
        raise Refusal(f"{path} is not UTF-8 text, and not of ours; give another folder") from None
    whole = [line for line in lines if line.endswith("\n")]
    parsed = [_parsed(path, number, line) for number, line in enumerate(whole, start=1)]
    if not parsed or parsed[0] != settings:
        raise Refusal(_other_settings(folder, parsed[0] if parsed else {}, settings))
    if len(whole) < len(lines):
        os.truncate(path, len("".join(whole).encode()))
    return {int(str(record["replicate"])): record for record in parsed[1:]}


def refuse_without_replicates(folder: Path) -> None:
    """Raise Refusal for a folder that has files, but no replicates among them.

    >>> Path("mine").mkdir()
    >>> _ = Path("mine/notes.txt").write_text("mine")
    >>> refuse_without_replicates(Path("mine"))
    Traceback (most recent call last):
    models.refusal.Refusal: --out mine exists already, with other files than replicates; give ...
    """
    if (folder / KEPT).exists() or not folder.exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise Refusal(
            f"--out {folder} exists already, with other files than replicates; give another name"
        )


def _other_settings(folder: Path, theirs: Record, ours: Record) -> str:
    """Return why a folder's records are not continued, with the release that can."""
    names = [name for name in {**ours, **theirs} if theirs.get(name) != ours.get(name)]
    if theirs and not {*names} - {"version", "code"}:
        made = theirs.get("version", "an earlier version")
        return (
            f"--out {folder} was begun by Second Opinion {made} (code {theirs.get('code')}); this "
            f"is {ours.get('version')} (code {ours.get('code')}): finish it with the code that "
            "began it, or give another folder"
        )
    other = [f"{name} {theirs.get(name)} instead of {ours.get(name)}" for name in names]
    return (
        f"--out {folder} has replicates of other settings ({', '.join(other)}); give another folder"
    )


def _parsed(path: Path, number: int, line: str) -> Record:
    """Return a line's record, or refuse a file that somebody has changed."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict) or (number > 1 and "replicate" not in found):
        raise Refusal(f"line {number} of {path} is no record of ours; give another folder")
    return found


def _keep(folder: Path, record: Record) -> None:
    """Append a record."""
    with (folder / KEPT).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, allow_nan=False) + "\n")


def _done(task: Task, numbers: list[int], jobs: int) -> Iterator[Record]:
    """Yield the records of some replicates as they come."""
    one = partial(_one, task)
    if jobs == 1 or len(numbers) < 2:
        yield from map(one, numbers)
        return
    spawned = get_context("spawn")
    places = spawned.Value("i", 0)
    pool = ProcessPoolExecutor(
        min(jobs, len(numbers)),
        mp_context=spawned,
        initializer=_begin,
        initargs=(places,),
        max_tasks_per_child=RENEWED,
    )
    try:
        with _uninterrupted():
            first = pool.submit(one, numbers[0])
        yield first.result()
        with _uninterrupted():
            rest = [pool.submit(one, number) for number in numbers[1:]]
        for future in as_completed(rest):
            yield future.result()
    finally:  # after Ctrl-C above all: running tasks end, which takes a second
        pool.shutdown(cancel_futures=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Start processes that ignore Ctrl-C from the first, before they can say so themselves."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin(places: Synchronized[int]) -> None:
    """Prepare a process: Ctrl-C is its parent's business, and it keeps to a processor of its own.

    places: how many processes have begun.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_leave_with_parent, daemon=True).start()
    if hasattr(os, "sched_setaffinity"):
        with places.get_lock():
            own, places.value = places.value, places.value + 1
        there = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {there[own % len(there)]})


def _leave_with_parent() -> None:
    """End this process when its parent ends."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _one(task: Task, number: int) -> Record:
    """Return the record of a replicate, or why there is none."""
    from bayes import ChainsWarning, SamplerError
    from em import DescentError

    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ChainsWarning)  # a finding says it
        try:
            record = task(number)
        except (SamplerError, DescentError) as problem:
            record = {"failed": f"{type(problem).__name__}: {problem}"}
    return {"replicate": number, **record, "seconds": round(time.perf_counter() - begun, 4)}


@contextmanager
def _progress(name: str, total: int, done: int) -> Iterator[Callable[[], None]]:
    """Show how many are done and the time left: a bar where there can be one, or some lines."""
    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        begun, first = time.perf_counter(), done
        step = max(1, -(-total // LINES))

        def say() -> None:
            nonlocal done
            done += 1
            if done % step == 0 or done == total:
                left = (time.perf_counter() - begun) / (done - first) * (total - done)
                said = f"{name}: {done:,} of {total:,}, {left:,.0f} s left"
                print(said, file=sys.stderr, flush=True)  # noqa: T201

        yield say
        return
    with bar("{task.completed:,} of {task.total:,}", left=True) as bars:
        task = bars.add_task(name, total=total, completed=done)
        yield lambda: bars.advance(task)
