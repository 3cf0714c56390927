"""NUTS by nutpie: chains run in the background until they are long enough."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import nutpie
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from bayes.engine import COMPILED, Engine, engine_of, machine_code
from bayes.starts import start_of
from models.family import entries

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from bayes.mixture import Question
    from models.family import Array

__all__ = ["Chains", "SamplerError", "run"]

ADAPTATION = "low_rank"  # `python -m comparisons.speed --posterior` holds the table behind it
TARGET = 0.9  # acceptance, as there
REPORT = 50  # milliseconds between two looks at the chains
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


class SamplerError(RuntimeError):
    """The sampler could not start, or stopped on the way."""


class Chains(NamedTuple):
    """What the sampler returned.

    positions: (chains, draws, p), unconstrained.
    statistics: (chains, draws) each, by ArviZ's names.
    seconds: of sampling, warm-up included.
    """

    positions: Array
    statistics: dict[str, np.ndarray]
    seconds: float


class Counter:
    """Where the chains are, told by nutpie from a thread of its own."""

    def __init__(self, chains: int) -> None:
        self.done = [0] * chains
        self.divergences = [0] * chains

    def __call__(self, progress: list) -> None:
        self.done = [chain.finished_draws for chain in progress]
        self.divergences = [chain.divergences for chain in progress]


def run(
    question: Question,
    lengths: list[int],
    tune: int,
    chains: int,
    seed: int,
    enough: Callable[[Engine, Chains], bool],
    *,
    progress: bool,
) -> tuple[Engine, Chains]:
    """Return the engine, and the chains at the first length at which there is enough.

    lengths: growing numbers of draws a chain.
    enough: whether the draws up to a length will do; those of the last length always do.
    """
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (progress and console.is_terminal),
    ) as bars:
        engine = engine_of(question)
        _compile(engine, question, bars)
        begun = time.perf_counter()
        counter = Counter(chains)
        tasks = [bars.add_task(f"chain {chain}", total=None, note="") for chain in range(chains)]
        sampler = _launched(engine, question, counter, lengths[-1], tune, chains, seed)
        try:
            trace = None
            for length in lengths:
                while min(counter.done) < tune + length and not _over(sampler):
                    time.sleep(0.002)
                    _show(bars, tasks, counter, tune, length)
                if trace is None and (_over(sampler) or length == lengths[-1]):
                    trace = sampler.wait()
                so_far = sampler.inspect() if trace is None else trace
                found = _chains(so_far, length, time.perf_counter() - begun)
                if length == lengths[-1] or enough(engine, found):
                    break
        except RuntimeError as problem:
            raise _explained(problem, engine, question, seed) from None
        except BaseException:  # Ctrl-C above all
            sampler.cancel()
            raise
        if trace is None:
            sampler.cancel()
    return engine, found


def _compile(engine: Engine, question: Question, bars: Progress) -> None:
    """Compile, unless that is done, saying what takes so long."""
    if engine not in COMPILED:
        text = f"compiling {question.component.family.__name__} (half a minute the first time)"
        task = bars.add_task(text, total=None, note="")
        machine_code(engine)
        bars.remove_task(task)


def _launched(
    engine: Engine,
    question: Question,
    counter: Counter,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
) -> nutpie.sample._BackgroundSampler:
    """Start the chains, all at once, so that they can be judged together."""
    return nutpie.sample(
        engine.nutpie_model(question, start_of(engine, question)),
        draws=draws,
        tune=tune,
        chains=chains,
        cores=chains,
        seed=seed,
        adaptation=ADAPTATION,
        target_accept=TARGET,
        save_warmup=False,
        progress_bar=False,
        progress_callback=counter,
        progress_rate=REPORT,
        blocking=False,
    )


def _over(sampler: nutpie.sample._BackgroundSampler) -> bool:
    """Return whether all chains have ended; a sampler too busy to say so has not."""
    try:
        return bool(sampler.is_finished)
    except TimeoutError:
        return False


def _explained(
    problem: RuntimeError, engine: Engine, question: Question, seed: int
) -> SamplerError:
    """Return what a reader can act on in place of a backtrace of the sampler's own."""
    reason = " ".join(str(problem).split("\n\nStack backtrace", maxsplit=1)[0].split())
    position = start_of(engine, question)(seed)
    state = engine.mixtures(question, position[None])
    fields = {"weight": state.weight, **entries(state.theta)}
    where = ", ".join(f"{name} {field[0].tolist()}" for name, field in fields.items())
    return SamplerError(
        f"the sampler could not go on ({reason}); a start was {where}. Are the units extreme, or "
        "the prior far from the data? Divide x by a power of ten, or give another prior"
    )


def _chains(trace: xr.DataTree, length: int, seconds: float) -> Chains:
    """Return the first draws of every chain."""
    positions = trace["posterior"]["position"].to_numpy()[:, :length]
    statistics = {
        name: trace["sample_stats"][theirs].to_numpy()[:, :length]
        for theirs, name in STATISTICS.items()
    }
    for name in ("tree_depth", "n_steps"):
        statistics[name] = statistics[name].astype(np.int64)
    return Chains(positions, statistics, seconds)


def _show(bars: Progress, tasks: list[TaskID], counter: Counter, tune: int, length: int) -> None:
    """Move the bars to where the chains are."""
    for task, done, diverging in zip(tasks, counter.done, counter.divergences, strict=True):
        note = "warming up" if done < tune else f"{diverging} divergences" if diverging else ""
        bars.update(task, total=tune + length, completed=min(done, tune + length), note=note)
