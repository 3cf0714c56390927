"""How long it takes until something happens: imports, commands, compilation."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from comparisons.speed.problems import rounded_heights
from comparisons.speed.records import Found, Goal, Measure, seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comparisons.speed.records import Say, Scale

__all__ = ["CACHE", "COMMAND", "compiled", "many", "measure", "run"]

SEED = 3
ROUNDS = 2  # for each round of the races: these are short, and vary
WARM = 3  # processes that find on disk what the first one compiled
COMMAND = Path(sys.executable).with_name("second-opinion")
CACHE = "base_compiledir={}"  # of PyTensor, in whose folder the machine code is kept
COMPILE = """
import time
import numpy as np
from bayes.sampling.compiled import engine_of, machine_code
from models.question import asked
from models import {family}, {data}
x = np.random.default_rng(0).{draw}(size={shape})
question = asked({family}, {data}(x), {k})
begun = time.perf_counter()
machine_code(engine_of(question))
print(time.perf_counter() - begun)
"""


def measure(scale: Scale, say: Say) -> Found:
    """Start fresh processes; what is subtracted takes turns with what is measured."""
    rounds = ROUNDS * scale.rounds + 1
    say("start-up: imports")
    found = [
        Measure(
            "import models, em beyond import numpy, scipy.special",
            "s",
            beyond(python("import models, em"), python("import numpy, scipy.special"), rounds),
            Goal(0.15, at_most=True),
        )
    ]
    say("start-up: --help")
    help_taken = beyond([str(COMMAND), "--help"], python("pass"), rounds)
    found.append(Measure("--help beyond python -c pass", "s", help_taken, Goal(0.3, at_most=True)))
    with TemporaryDirectory() as folder:
        say("start-up: --only em")
        small = fitting(Path(folder) / "small.csv", scale.people)
        quick = many([*small, "--only", "em"], scale.rounds)
        work = f"--only em on {scale.people:,} heights, all told"
        found.append(Measure(work, "s", quick, Goal(1, at_most=True)))
        if scale.thorough:
            say("start-up: whole second opinions")
            found += opinions(Path(folder), scale)
    if scale.thorough:
        for name, shape, k, goals in (
            ("Gaussian", (100,), 2, (18, 4)),
            ("MultivariateGaussian", (100, 4), 3, (30, 4)),
        ):
            say(f"start-up: compiling {name}")
            found += compiled(name, shape, k, goals)
    return Found(measures=tuple(found))


def python(code: str) -> list[str]:
    """Return the command that runs code in a fresh Python."""
    return [sys.executable, "-c", code]


def run(command: Sequence[str], **environment: str) -> str:
    """Run a command and return what it prints; what it says of a verdict is no failure."""
    everything = os.environ | environment
    done = subprocess.run(command, env=everything, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 3):
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-500:]}")
    return done.stdout


def many(command: Sequence[str], rounds: int, **environment: str) -> tuple[float, ...]:
    """Return the seconds of a command, once it has run."""
    run(command, **environment)
    return tuple(seconds(lambda: run(command, **environment)) for _ in range(rounds))


def beyond(command: Sequence[str], other: Sequence[str], rounds: int) -> tuple[float, ...]:
    """Return by how many seconds a command takes longer than another one."""
    run(command)
    run(other)
    return tuple(seconds(lambda: run(command)) - seconds(lambda: run(other)) for _ in range(rounds))


def fitting(path: Path, n: int) -> list[str]:
    """Write n heights to the millimetre, and return the command that fits them."""
    sample = rounded_heights(n, np.random.default_rng(SEED))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["height"])
        writer.writerows([f"{value:.1f}"] for value in sample.expand(sample.x))
    return [str(COMMAND), "fit", str(path), "-f", "gaussian", "-c", "height", "-k", "2"]


def opinions(folder: Path, scale: Scale) -> list[Measure]:
    """Ask for a whole second opinion with nothing compiled yet, and again."""
    command = fitting(folder / "large.csv", scale.heights)
    command += ["--out", str(folder / "opinion"), "--overwrite"]
    flags = {"PYTENSOR_FLAGS": CACHE.format(folder / "compiled")}
    cold = seconds(lambda: run(command, **flags))
    warm = tuple(seconds(lambda: run(command, **flags)) for _ in range(scale.rounds))
    work = f"second opinion on {scale.heights:,} heights, with report and pictures"
    return [
        Measure(f"{work}, nothing compiled yet", "s", (cold,), Goal(35, at_most=True)),
        Measure(f"{work}, compiled before", "s", warm, Goal(10, at_most=True)),
    ]


def compiled(
    name: str,
    shape: tuple[int, ...],
    k: int,
    goals: tuple[float, float],
    *,
    in_order: bool = False,
) -> list[Measure]:
    """Compile in one process after the other, all sharing a folder that is empty at first."""
    draw, data = "poisson" if name == "Poisson" else "normal", "Sequences" if in_order else "Sample"
    code = COMPILE.format(family=name, shape=shape, k=k, draw=draw, data=data)
    with TemporaryDirectory() as folder:
        flags = {"PYTENSOR_FLAGS": CACHE.format(folder)}
        cold, *warm = (float(run(python(code), **flags)) for _ in range(1 + WARM))
    work = f"compiling a {name}{' chain' * in_order}, K = {k}"
    return [
        Measure(f"{work}, first time", "s", (cold,), Goal(goals[0], at_most=True)),
        Measure(f"{work}, found on disk", "s", tuple(warm), Goal(goals[1], at_most=True)),
    ]
