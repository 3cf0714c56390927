"""Killed at any moment, the command leaves a whole folder or none, and the next run is not hurt."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from running import ended

from comparisons import load

PROGRAM = (sys.executable, "-c", "from comparisons.command.main import main; main()")
FIT = ("fit", "people.csv", "-f", "gaussian", "-c", "x", "-k", "2", "--chains", "2", "--draws")
CHOOSE = (
    *("choose", "people.csv", "-f", "gaussian", "-c", "x", "-k", "1-2", "--replicates", "0"),
    *("--chains", "2", "--draws"),
)
OURS = {"report.html", "summary.csv", "memberships.csv", "comparison.nc", "figures"}
CHOSEN = {"report.html", "choice.csv", "figures", "comparisons"}
FIGURES = 2 * len(("misfit", "posterior", "data", "ascent", "deviance", "memberships", "pairs"))
KILLS, LONG = 100, 10_000  # runs; inputs from which so many are killed


@pytest.fixture
def folder(tmp_path, rng, monkeypatch):
    """Return an empty folder, in which we are, but for a table of two groups."""
    x = np.concatenate([rng(1).normal(160, 5, 60), rng(2).normal(185, 5, 60)]).round(1)
    (tmp_path / "people.csv").write_text("x\n" + "\n".join(map(str, x)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def started(folder, draws, *options, words=FIT, **environment):
    return subprocess.Popen(
        [*PROGRAM, *words, str(draws), "--out", "found", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def beside(folder):
    """Return what hides beside the folder that is written."""
    return [one for one in folder.iterdir() if one.name.startswith(".found.")]


def half_written(folder):
    """Return what a folder lacks; nothing if it is whole or not there."""
    found = folder / "found"
    if not found.exists():
        return None
    names = {one.name for one in found.iterdir()}
    if names != OURS:
        return f"holds {names}"
    pictures = list((found / "figures").iterdir())
    if len(pictures) != FIGURES or not all(one.stat().st_size for one in pictures):
        return f"has pictures {pictures}"
    if "</html>" not in (found / "report.html").read_text():
        return "has half a report"
    if len((found / "memberships.csv").read_text().splitlines()) != 121:
        return "has half of the memberships"
    rows = len((found / "summary.csv").read_text().splitlines())
    return None if len(load(found / "comparison.nc").to_frame()) == rows - 1 else "lacks rows"


def killed(folder, wait, *, writing, words=FIT):
    """Kill a run some seconds after its start, or after it began to write; return whether it ran."""
    run = started(folder, 20, "--overwrite", words=words)
    while writing and not beside(folder) and run.poll() is None:
        time.sleep(0.002)
    time.sleep(wait)
    run.kill()
    run.communicate()
    return run.returncode == -9


def survived(folder, rng, kills):
    """Kill runs while they start, sample and write; return how many left something behind."""
    draws, left = rng(20), 0
    for at in range(kills):
        writing = at % 2 == 0
        before = len(beside(folder))
        wait = (
            draws.uniform(0, 2.5 if writing else 6) if at else 0
        )  # the first as it begins to write
        assert killed(folder, wait, writing=writing) or at
        left += len(beside(folder)) > before
        assert half_written(folder) is None
    return left


def ends_well(folder):
    found = ended([*FIT, "20", "--out", "found", "--overwrite"])
    assert found.status in {0, 1, 3}, found.err
    assert "Traceback" not in found.err
    assert (folder / "found").is_dir()
    assert half_written(folder) is None
    assert beside(folder) == []


@pytest.mark.slow
def test_runs_that_are_killed_leave_all_or_nothing(folder, rng, inputs):
    """A hundred of them where thousands of inputs are asked for, otherwise four."""
    assert survived(folder, rng, KILLS if inputs >= LONG else 4)  # else no kill met the writing
    ends_well(folder)


def half_chosen(folder):
    """Return what the folder of a choice lacks; nothing if it is whole or not there."""
    found = folder / "found"
    if not found.exists():
        return None
    if {one.name for one in found.iterdir()} != CHOSEN:
        return f"holds {sorted(one.name for one in found.iterdir())}"
    if "</html>" not in (found / "report.html").read_text():
        return "has half a report"
    files = sorted((found / "comparisons").iterdir())
    if [load(file).k for file in files] != [1, 2]:
        return f"has comparisons {files}"
    rows = len((found / "choice.csv").read_text().splitlines())
    return None if rows == 1 + len(files) else "has half a table"


@pytest.mark.slow
def test_a_choice_that_is_killed_leaves_all_or_nothing(folder, rng, inputs):
    draws, left = rng(22), 0
    for at in range(max(3, min(KILLS, inputs // 500))):
        before = len(beside(folder))
        killed(
            folder, draws.uniform(0, 1.0 if at % 2 == 0 else 9), writing=at % 2 == 0, words=CHOOSE
        )
        left += len(beside(folder)) > before
        assert half_chosen(folder) is None
    assert left  # else no kill met the writing
    run = started(folder, 20, "--overwrite", words=CHOOSE)
    _, err = run.communicate(timeout=300)
    assert run.returncode in {0, 1, 3}, err
    assert (folder / "found").is_dir()
    assert half_chosen(folder) is None
    assert beside(folder) == []


@pytest.mark.slow
def test_two_runs_into_one_folder_at_once_do_not_mix_or_lose_an_answer(folder):
    runs = [started(folder, draws) for draws in (20, 30)]
    said = [run.communicate(timeout=300)[1] for run in runs]
    statuses = [run.returncode for run in runs]
    assert statuses.count(2) == 1, said
    late = statuses.index(2)
    assert "written by another run at the same time; this answer is in found-2" in said[late]
    assert half_written(folder) is None
    assert load(folder / "found").sampling.draws == (30, 20)[late]
    assert load(folder / "found-2").sampling.draws == (20, 30)[late]
    assert beside(folder) == []


def test_half_a_choice_would_be_seen(folder):
    (folder / "found").mkdir()
    assert half_chosen(folder) == "holds []"


def test_half_a_folder_would_be_seen(folder):
    (folder / "found").mkdir()
    assert half_written(folder) == "holds set()"


@pytest.mark.slow
def test_a_run_that_is_killed_while_it_compiles_hurts_no_later_one(folder, rng):
    own = folder / "compiled"
    cache = {"PYTENSOR_FLAGS": f"base_compiledir={own}", "NUMBA_CACHE_DIR": str(own / "numba")}
    moments, kept = rng(21), set()
    for _ in range(2):
        before = set(own.rglob("*.nbc"))
        run = started(folder, 20, **cache)
        while run.poll() is None and set(own.rglob("*.nbc")) == before:
            time.sleep(0.1)  # however slow the machine is, some of it is compiled by then
        time.sleep(moments.uniform(0, 4))
        run.kill()
        run.communicate()
        shutil.rmtree(folder / "found", ignore_errors=True)  # of a run that was over before
        kept.add(len(list(own.rglob("*.nbc"))))
    assert max(kept) > 0  # some machine code was there for the next run to trip over
    run = started(folder, 20, "--json", **cache)
    out, err = run.communicate()
    assert run.returncode in {0, 1, 3}, err
    assert '"verdict"' in out
    assert half_written(folder) is None
