"""The first answer on a terminal: EM's table, before PyMC is loaded; in a pipe nothing changes."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys

import numpy as np
import pytest

from comparisons.command.main import FIRST

HEAVY = ("arviz", "pandas", "pymc", "pytensor", "matplotlib", "numba")
STOPPED = f"""
import json, sys
from comparisons.command import main as command
def stop(name):
    print(json.dumps([one for one in {HEAVY} if one in sys.modules]), file=sys.stderr)
    raise KeyboardInterrupt
command.loaded = stop
command.main()
"""
"""The command, interrupted when it would load PyMC; it says what is loaded by then."""
WHOLE = "from comparisons.command.main import main; main()"
GAUSSIAN = ("fit", "people.csv", "-f", "gaussian", "-c", "height", "-k", "2")


@pytest.fixture
def people(tmp_path, rng):
    heights = np.concatenate([rng(1).normal(160, 5, 200), rng(2).normal(185, 5, 200)]).round(1)
    (tmp_path / "people.csv").write_text("\n".join(["height", *map(str, heights)]))
    return tmp_path


def on_terminal(program, words, folder, *, interrupt=None):
    """Return the status, all that a terminal shows and stderr.

    interrupt: what stderr says as Ctrl-C is pressed.
    """
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env=os.environ | {"COLUMNS": "100"},
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(theirs)
    said = ""
    if interrupt is not None:
        for line in running.stderr:
            said += line
            if interrupt in line:
                running.send_signal(signal.SIGINT)
                break
    shown = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    said += running.communicate(timeout=60)[1]
    return running.returncode, shown.decode().replace("\r\n", "\n"), said


def in_pipe(program, words, folder):
    found = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.returncode, found.stdout, found.stderr


def test_a_terminal_shows_what_only_em_prints_before_pymc_is_loaded(people):
    status, shown, said = on_terminal(STOPPED, GAUSSIAN, people)
    alone = in_pipe(WHOLE, (*GAUSSIAN, "--only", "em"), people)[1]
    assert status == 130
    assert shown == f"{FIRST}\n{alone}\n"
    assert json.loads(said.splitlines()[-2]) == []
    assert said.splitlines()[-1] == "second-opinion: interrupted"


def test_a_pipe_and_json_get_no_first_answer(people):
    assert in_pipe(STOPPED, GAUSSIAN, people)[:2] == (130, "")
    assert on_terminal(STOPPED, (*GAUSSIAN, "--json"), people)[:2] == (130, "")


def test_an_estimate_of_ones_own_is_not_preceded_by_another(people):
    mine = {"weight": [0.5, 0.5], "mean": [165, 185], "sd": [5, 5]}
    (people / "mine.json").write_text(json.dumps(mine))
    found = on_terminal(STOPPED, (*GAUSSIAN, "--estimate", "mine.json"), people)
    assert found[:2] == (130, "")


@pytest.mark.parametrize(
    "words",
    [("--within", "nan"), ("--seed", str(2**64)), ("--some", "1"), ("--draws", "3")],
)
def test_nothing_precedes_a_refusal(words, people):
    status, shown, said = on_terminal(WHOLE, (*GAUSSIAN, *words), people)
    assert (status, shown) == (2, "")
    assert said.splitlines()[-1].startswith("second-opinion: ")


def test_ctrl_c_ends_the_first_answer(people, rng):
    values = "\n".join(map(str, rng(3).normal(size=200_000)))
    (people / "long.csv").write_text(f"x\n{values}")
    words = ("fit", "long.csv", "-f", "gaussian", "-c", "x", "-k", "5", "--starts", "200")
    status, shown, said = on_terminal(WHOLE, words, people, interrupt="EM ...")
    assert (status, shown) == (130, "")
    assert said.splitlines()[-1] == "second-opinion: interrupted"
    assert "Traceback" not in said


@pytest.mark.slow
def test_the_comparison_follows_the_first_answer(people):
    words = (*GAUSSIAN, "--draws", "300")
    status, shown, _ = on_terminal(WHOLE, words, people)
    first, _, rest = shown.partition("\n\n")
    assert status == 0
    assert first.startswith(FIRST)
    assert "EM beside 4 chains" in rest.splitlines()[0]
    piped = in_pipe(WHOLE, words, people)[1]
    assert piped.splitlines()[0] == rest.splitlines()[0]
    assert FIRST not in piped
