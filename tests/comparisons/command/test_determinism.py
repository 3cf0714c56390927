"""The same seed gives the same JSON but for times: again, elsewhere, and with more threads."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from comparisons.command import main

PROGRAM = (sys.executable, "-c", "from comparisons.command.main import main; main()")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
SECONDS = re.compile(r'"seconds": [0-9.e+-]+')
COLUMNS = {
    "gaussian": ("-c", "x"),
    "multivariate": ("-c", "x", "-c", "y"),
    "poisson": ("-c", "count"),
    "binomial": ("--heads", "heads", "--trials", "10"),
}


@pytest.fixture
def folder(tmp_path, rng):
    """Return a folder with a table of two groups, as every family sees them."""
    tall, draws = np.arange(200) % 2, rng(5)
    x, y = draws.normal(160 + 20 * tall, 6), draws.normal(60 + 15 * tall, 5)
    columns = (x, y, draws.poisson(2 + 7 * tall), draws.binomial(10, 0.25 + 0.5 * tall))
    lines = [f"{a:.1f},{b:.1f},{c},{d}" for a, b, c, d in zip(*columns, strict=True)]
    (tmp_path / "people.csv").write_text("\n".join(["x,y,count,heads", *lines]))
    return tmp_path


def words(family, seed):
    typed = ["fit", "people.csv", "-f", family, *COLUMNS[family], "-k", "2", "--json"]
    return [*typed, "--draws", "200", "--chains", "2", "--seed", str(seed)]


def plain(out):
    """Return what was written without the seconds."""
    found, times = SECONDS.subn("", out)
    assert times == 1
    assert '"verdict"' in found
    return found


@pytest.fixture
def here(folder, monkeypatch, capsys):
    """Return what runs the command in this process, and what it writes."""
    monkeypatch.chdir(folder)

    def run(family, seed=3):
        monkeypatch.setattr(sys, "argv", ["second-opinion", *words(family, seed)])
        with pytest.raises(SystemExit):
            main.main()
        return plain(capsys.readouterr().out)

    return run


def told(folder, family, **options):
    """Return the JSON of a run in a process of its own, without the seconds."""
    return ran(folder, family, **options)[0]


def ran(folder, family, *, seed=3, threads=1, cores=None, **environment):
    """Return the same, and what is said meanwhile."""
    found = subprocess.run(
        [*PROGRAM, *words(family, seed)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | dict.fromkeys(THREADS, str(threads)) | environment,
        preexec_fn=None if cores is None else lambda: os.sched_setaffinity(0, cores),
    )
    assert found.returncode in {0, 1, 3}, found.stderr
    return plain(found.stdout), found.stderr


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # the runs are short
def test_a_seed_fixes_the_json_whatever_the_threads(folder, here):
    """One core and two threads, against all cores; one thing at a time in the slow tests."""
    core = {min(os.sched_getaffinity(0))}
    assert told(folder, "gaussian", cores=core, threads=2) == here("gaussian")
    assert here("poisson") == here("poisson") != here("poisson", seed=4)


@pytest.mark.slow
@pytest.mark.parametrize("family", COLUMNS)
def test_a_seed_fixes_the_json_of_every_family(family, folder):
    first = told(folder, family)
    core = {min(os.sched_getaffinity(0))}
    assert told(folder, family, cores=core, threads=2) == first
    assert told(folder, family, seed=4) != first


@pytest.mark.slow
@pytest.mark.parametrize("family", ["gaussian", "multivariate"])
def test_a_seed_fixes_the_json_of_the_run_that_compiles_which_says_so(family, folder):
    own = folder / "compiled"
    cache = {"PYTENSOR_FLAGS": f"base_compiledir={own}", "NUMBA_CACHE_DIR": str(own / "numba")}
    first, said = ran(folder, family, **cache)
    assert list(own.rglob("*.nbc"))
    assert said.count("compiling") == 1
    again, said = ran(folder, family, **cache)
    assert again == first
    assert "compiling" not in said  # as it is on disk
    assert "sampling ..." in said
