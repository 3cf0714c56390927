"""NUTS by nutpie: chains run in the background until they are long enough."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from bayes.sampling.compiled import Engine, engine_of, is_compiled, machine_code
from bayes.sampling.compiling import COMPILING, ONCE, when_compiling
from bayes.sampling.light_imports import nutpie
from bayes.sampling.starts import start_of
from models.bar import bar
from models.refusal import Stopped
from models.structure import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nutpie.compile_pymc import CompiledPyMCModel
    from rich.progress import Progress, TaskID

    from models.arrays import Array
    from models.question import Question

    type Start = Callable[[int], Array]

__all__ = ["Chains", "SamplerError", "run"]

ADAPTATION = "low_rank"  # `second-opinion speed --only posterior` measures it
PLAIN = "diag"  # that of many parameters
MOST = 100
"""Parameters up to which correlations are adapted to, beyond which only scales are. Admixtures of
words, 4 chains of 500 + 500 draws on two busy cores: scales alone took 1.7, 3.4, 4.2 and 5.0 s with
47, 97, 131 and 216 parameters, and correlations 1.5, 4.3, 22 and 118 s, for about as many effective
draws."""
TARGET = 0.9  # acceptance, as there
SHORTER = 0.99
"""Acceptance of shorter steps, for chains that diverged. Three components of words in ten groups
diverged in 0.3% of the draws at 0.9 and in none at 0.95, in one data set of three; a draw at 0.99
takes two to three times as long."""
MANY = 100_000  # observations beyond which short chains of fewer observations find the starts
COUNTED = 10_000  # observations to which the counts of those chains add up
LEAD = 300  # draws of those chains
REPORT = 50  # milliseconds between two reports of the chains
POLL = 0.005  # seconds between two checks whether they have ended
STATISTICS = {  # nutpie's names and ArviZ's
    "diverging": "diverging",
    "energy": "energy",
    "depth": "tree_depth",
    "maxdepth_reached": "reached_max_treedepth",
    "n_steps": "n_steps",
    "step_size": "step_size",
    "mean_tree_accept": "acceptance_rate",
    "logp": "lp",
}


class SamplerError(Stopped, RuntimeError):
    """The sampler could not start, or stopped on the way.

    >>> issubclass(SamplerError, RuntimeError)
    True
    """


type Trace = tuple[list[pa.RecordBatch], list[pa.RecordBatch]]
"""The positions and the statistics of every chain."""


class Chains(NamedTuple):
    """The draws and statistics of the sampler.

    positions: (chains, draws, p), unconstrained.
    statistics: (chains, draws) each, by ArviZ's names.
    seconds: of sampling, warm-up included.

    >>> chains = Chains(np.zeros((4, 500, 3)), {"lp": np.zeros((4, 500))}, seconds=0.5)
    >>> chains.positions.shape[:2] == chains.statistics["lp"].shape
    True
    """

    positions: Array
    statistics: dict[str, np.ndarray]
    seconds: float


class Counter:
    """The progress of the chains, which nutpie reports from a thread of its own."""

    def __init__(self, chains: int) -> None:
        self.done = [0] * chains
        self.divergences = [0] * chains

    def __call__(self, progress: list[Any]) -> None:
        self.done = [chain.finished_draws for chain in progress]
        self.divergences = [chain.divergences for chain in progress]


def run[R](
    question: Question[Any, Any],
    lengths: list[int],
    tune: int,
    chains: int,
    seed: int,
    enough: Callable[[Engine, Chains], bool],
    finish: Callable[[Engine, Chains], R],
    *,
    start: Start | None = None,
    shorter: bool = False,
    progress: bool,
) -> R:
    """Return the result of `finish` for chains of the first length that is enough.

    lengths: numbers of draws of each chain, ascending.
    enough: whether the draws up to a length are enough; the last length always is.
    finish: makes the result of the chains, while the bars are still shown.
    start: from a seed to a position; dispersed if not given.
    shorter: take shorter steps, since longer ones diverged.

    >>> asked = {"lengths": [50, 100], "tune": 50, "chains": 2, "seed": 1, "progress": False}
    >>> found = run(fit.question, **asked, enough=lambda *_: True, finish=lambda _, chains: chains)
    >>> found.positions.shape[:2]  # the first 50 draws were enough
    (2, 50)
    """
    with bar("{task.fields[note]}", shown=progress) as bars:
        engine = _compiled(question, bars)
        begun = time.perf_counter()
        counter = Counter(chains)
        steps = ", shorter steps" * shorter
        names = [f"chain {chain}{steps}" for chain in range(1, chains + 1)]
        tasks = [bars.add_task(name, total=None, note="") for name in names]
        start = _led(engine, question, chains, seed) if start is None else start
        model = engine.nutpie_model(question, start)
        accept = SHORTER if shorter else TARGET
        sampler = _launched(model, counter, lengths[-1], tune, chains, seed, accept)

        def ask[A](call: Callable[[], A]) -> A:
            try:
                return call()
            except RuntimeError as problem:
                raise _explained(problem, engine, question, seed) from None

        trace = None
        try:
            for length in lengths:
                while min(counter.done) < tune + length and not ask(partial(_over, sampler)):
                    time.sleep(POLL)
                    _show(bars, tasks, counter, tune, length)
                _show(bars, tasks, counter, tune, length)
                if trace is None and (length == lengths[-1] or ask(partial(_over, sampler))):
                    trace = ask(sampler.wait).get_arrow_trace()  # which can be asked for once
                so_far = ask(sampler.inspect).get_arrow_trace() if trace is None else trace
                found = _chains(so_far, length, time.perf_counter() - begun)
                if length == lengths[-1]:
                    break
                with _paused(sampler, trace is None and _processors() <= chains):
                    if enough(engine, found):
                        break
        finally:  # after Ctrl-C above all
            if trace is None:
                model.user_data[-1] = 1  # or every chain would end its path first
                with suppress(RuntimeError):
                    sampler.cancel()
        for task in tasks:
            bars.remove_task(task)
        bars.add_task("labels, replicates, diagnostics", total=None, note="")
        return finish(engine, found)


def _led(engine: Engine, question: Question[Any, Any], chains: int, seed: int) -> Start:
    """Return starts; for many observations, the ends of chains in which all count as fewer.

    With very many observations the log density between a start and the posterior changes by
    millions of nats, and chains get stuck on the way. With counts that add up to COUNTED the
    posterior is wide and its modes are low. Its draws are still dispersed starts for the whole one.
    """
    start, n = start_of(engine, question), question.sample.observations
    fewer = engine.grouping.fewer(question, COUNTED / n) if n > MANY else None
    if fewer is None:
        return start
    seeds: set[int] = set()

    def noted(seed: int) -> Array:
        seeds.add(seed)
        return start(seed)

    model, counter = engine.nutpie_model(fewer, noted), Counter(chains)
    sampler = _launched(model, counter, 1, LEAD, chains, seed)
    try:
        while not _over(sampler):
            time.sleep(POLL)
        ends = _chains(sampler.wait().get_arrow_trace(), 1, 0.0).positions[:, -1]
    except RuntimeError:  # the chains themselves will say what is wrong
        return start
    except KeyboardInterrupt:
        model.user_data[-1] = 1
        with suppress(RuntimeError):
            sampler.cancel()
        raise
    led = dict(zip(sorted(seeds), ends, strict=False))  # by seed, as threads come in any order
    return lambda seed: led[seed] if seed in led else start(seed)


def _compiled(question: Question[Any, Any], bars: Progress) -> Engine:
    """Return the engine with its machine code, and show that it compiles if it does.

    The work is done in another thread, so that Ctrl-C need not wait for the compiler.
    """
    ended: list[Engine | BaseException] = []

    def show() -> None:
        bars.update(task, description=COMPILING, note=ONCE)

    def work() -> None:
        try:
            engine = engine_of(question)
            with when_compiling(show):
                machine_code(engine)
            ended.append(engine)
        except BaseException as problem:  # noqa: BLE001 (raised again below)
            ended.append(problem)

    if is_compiled(question):
        return engine_of(question)
    task = bars.add_task("preparing the sampler", total=None, note="")
    worker = Thread(target=work, daemon=True)
    worker.start()
    while worker.is_alive():
        worker.join(0.05)
    bars.remove_task(task)
    if isinstance(ended[0], BaseException):
        raise ended[0]
    return ended[0]


def _launched(
    model: CompiledPyMCModel,
    counter: Counter,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
    accept: float = TARGET,
) -> nutpie.sample._BackgroundSampler:
    """Start the chains, all at once, so that they can be judged together."""
    return nutpie.sample(
        model,
        draws=draws,
        tune=tune,
        chains=chains,
        cores=chains,
        seed=seed,
        adaptation=ADAPTATION if model.n_dim <= MOST else PLAIN,
        target_accept=accept,
        save_warmup=False,
        progress_bar=False,
        progress_callback=counter,
        progress_rate=REPORT,
        blocking=False,
        return_raw_trace=True,
    )


@contextmanager
def _paused(sampler: nutpie.sample._BackgroundSampler, wanted: bool) -> Iterator[None]:
    """Pause the chains while they are judged, where they would take the processor from that.

    Most chains are then over, and what they draw in the meantime is thrown away.
    """
    if wanted:
        sampler.pause()
    yield
    if wanted:
        sampler.resume()


def _processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _over(sampler: nutpie.sample._BackgroundSampler) -> bool:
    """Return whether all chains have ended; False if the sampler is too busy to answer."""
    try:
        return bool(sampler.is_finished)
    except TimeoutError:
        return False


def _explained(
    problem: RuntimeError, engine: Engine, question: Question[Any, Any], seed: int
) -> SamplerError:
    """Return an error with a remedy in place of the sampler's own backtrace."""
    reason = " ".join(str(problem).split("\n\nStack backtrace", maxsplit=1)[0].split())
    position = start_of(engine, question)(seed)
    state = fields_of(engine.structures(question, position[None]))
    where = ", ".join(f"{name} {field[0].tolist()}" for name, field in state.items())
    return SamplerError(
        f"the sampler stopped ({reason}); a start was {where}; if the units are extreme, divide x "
        "by a power of ten; if the prior is far from the data, give another"
    )


def _chains(trace: Trace, length: int, seconds: float) -> Chains:
    """Return the first draws of every chain after its warm-up."""
    positions, told = [], []
    for drawn, statistics in zip(*trace, strict=True):
        tuned = int(_numbers(statistics.column("tuning")).sum())
        kept = pa.array(drawn.column("position")).slice(tuned, length).flatten()
        positions.append(_numbers(kept).reshape(length, -1))
        told.append([_numbers(statistics.column(name))[tuned:][:length] for name in STATISTICS])
    columns = zip(STATISTICS.values(), zip(*told, strict=True), strict=True)
    found = {name: np.stack(each) for name, each in columns}
    for name in ("tree_depth", "n_steps"):
        found[name] = found[name].astype(np.int64)
    return Chains(np.stack(positions), found, seconds)


def _numbers(column: pa.Array) -> np.ndarray:
    """Return a column as an array."""
    found: np.ndarray = pa.array(column).to_numpy(zero_copy_only=False)
    return found


def _show(bars: Progress, tasks: list[TaskID], counter: Counter, tune: int, length: int) -> None:
    """Move the bars to where the chains are."""
    for task, done, diverging in zip(tasks, counter.done, counter.divergences, strict=True):
        draws = f"{min(max(done - tune, 0), length):,} of {length:,} draws"
        note = "warming up" if done < tune else draws
        note += f", {diverging} divergences" if diverging else ""
        bars.update(task, total=tune + length, completed=min(done, tune + length), note=note)
