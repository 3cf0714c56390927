"""R's packages, run by `Rscript` where it is found; only R's own call is timed, in R."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from comparisons.speed.problems import Problem
    from models.arrays import Array

__all__ = ["PACKAGES", "climbs", "mclust", "packages", "ran"]

PACKAGES = ("mclust", "mixtools", "rstan", "StanHeaders", "BH", "RcppEigen")
HERE = Path(__file__).parent
VERSIONS = """
for (one in commandArgs(trailingOnly = TRUE))
  if (nzchar(system.file(package = one))) cat(one, as.character(packageVersion(one)), "\\n")
"""


def ran(*arguments: str) -> str:
    """Run Rscript and return what it prints; its complaints are in the error that is raised.

    >>> from unittest.mock import patch
    >>> with patch.dict("os.environ", PATH=""):
    ...     ran("--version")
    Traceback (most recent call last):
    FileNotFoundError: ... 'Rscript'
    """
    command = ["Rscript", "--vanilla", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = " ".join(done.stderr.split()[-40:])
        raise RuntimeError(f"Rscript {' '.join(arguments[:2])} failed: {last}")
    return done.stdout


@cache
def packages() -> dict[str, str]:
    """Return the versions of those of R's packages that are there.

    >>> packages().keys() <= set(PACKAGES)  # none at all without R
    True
    """
    if shutil.which("Rscript") is None:
        return {}
    said = ran("-e", VERSIONS, *PACKAGES).split()
    return dict(zip(said[::2], said[1::2], strict=True))


def climbs(
    package: str, problem: Problem, counts: Sequence[int]
) -> list[tuple[float, Array, Array]]:
    """Climb by a package, once for each count: seconds, weight (K,) and mean (K, d).

    >>> from unittest.mock import patch
    >>> from comparisons.speed.problems import heights
    >>> with patch.dict("os.environ", PATH=""):
    ...     climbs("mclust", heights(50, 2, np.random.default_rng(0)), [4, 9])
    Traceback (most recent call last):
    FileNotFoundError: ... 'Rscript'
    """
    table, k = problem.table, len(problem.start.weight)
    start = (problem.start.weight, problem.means, problem.covariances)
    sizes = [str(size) for size in (*table.shape, k)]
    with TemporaryDirectory() as folder:
        given, answer = Path(folder) / "given", Path(folder) / "answer"
        with given.open("wb") as file:
            for part in (table, *start):
                np.ascontiguousarray(part, np.float64).tofile(file)
        steps = [str(count) for count in counts]
        ran(str(HERE / "em.R"), package, str(given), str(answer), *sizes, *steps)
        rows = np.loadtxt(answer).reshape(len(counts), -1)
    d = table.shape[1]
    return [(float(row[0]), row[1 : 1 + k], row[1 + k :].reshape(k, d)) for row in rows]


def mclust(what: str, table: Array, groups: int, model: str) -> float:
    """Return the processor seconds of one call of mclust.

    what: `fit` of so many groups, `fits` of one up to so many, or `bootstrap`, the test of so many
        against one more with 999 replicates.
    table: (n, d); model: as mclust calls it.

    >>> from unittest.mock import patch
    >>> with patch.dict("os.environ", PATH=""):
    ...     mclust("fit", np.ones((9, 1)), 2, "V")
    Traceback (most recent call last):
    FileNotFoundError: ... 'Rscript'
    """
    with TemporaryDirectory() as folder:
        given = Path(folder) / "given"
        np.ascontiguousarray(table, np.float64).tofile(given)
        sizes = [str(size) for size in (*table.shape, groups)]
        return float(ran(str(HERE / "small.R"), what, str(given), *sizes, model))
