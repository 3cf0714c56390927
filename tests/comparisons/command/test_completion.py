"""What a shell offers on Tab, asked as the scripts of --show-completion ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pyarrow as pa
import pytest
from pyarrow import parquet

from comparisons.command import main as cli
from models.names import FAMILIES

PROGRAM = [sys.executable, "-c", "from comparisons.command.main import main; main()"]


@pytest.fixture
def offered(tmp_path, monkeypatch, capsys):
    """Return what is offered for the last word of a line."""
    (tmp_path / "people.csv").write_text("name;height;weight of all;身高\na;1;2;3\n")
    parquet.write_table(pa.table({"visits": [1], "age": [2]}), tmp_path / "part-1.parquet")
    monkeypatch.chdir(tmp_path)

    def asked(*words):
        line = ["second-opinion", *words]
        monkeypatch.setenv("COMP_WORDS", " ".join(line))
        monkeypatch.setenv("COMP_CWORD", str(len(line) - 1))
        monkeypatch.setenv("_SECOND_OPINION_COMPLETE", "complete_bash")
        monkeypatch.setattr(sys, "argv", ["second-opinion"])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        assert (left.value.code, err) == (0, "")
        return out.split()

    return asked


def test_commands_options_and_families_are_offered(offered):
    assert offered("")[:2] == ["fit", "choose"]
    assert offered("fit", "people.csv", "--cov") == ["--covariance"]
    assert set(offered("fit", "people.csv", "-f", "")) == set(FAMILIES)
    assert offered("fit", "people.csv", "-f", "mult") == ["multivariate"]
    assert offered("choose", "people.csv", "-f", "gamma,mult") == ["gamma,multivariate"]
    assert offered("calibrate", "po") == ["poisson"]
    assert offered("fit", "people.csv", "-f", "tide") == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("fit", "people.csv", "--covariance", "ti"), ["tied", "tied-spherical"]),
        (("choose", "people.csv", "--covariance", "a"), ["all"]),
        (("fit", "people.csv", "--initial", "f"), ["free"]),
        (("fit", "people.csv", "--draws", ""), ["auto"]),
        (("fit", "people.csv", "--only", ""), ["em"]),
        (("predict", "found", "people.csv", "--only", ""), ["em"]),
        (("study", "clu"), ["clusters"]),
        (("calibrate", "poisson", "--structure", "h"), ["hidden-markov"]),
        (("speed", "--only", "gr"), ["growth"]),
    ],
)
def test_other_choices_are_offered(offered, words, found):
    assert offered(*words) == found


def test_columns_of_the_file_are_offered(offered):
    assert offered("fit", "people.csv", "-f", "gaussian", "-c", "") == ["name", "height", "身高"]
    assert offered("fit", "people.csv", "--column", "he") == ["height"]
    assert offered("choose", "people.csv", "-c", "name", "--counts", "he") == ["height"]
    assert offered("fit", "part-*.parquet", "-c", "") == ["visits", "age"]
    assert offered("fit", "missing.csv", "-c", "") == []
    assert offered("fit", "-", "-c", "") == []
    assert offered("fit", "-c", "") == []


def test_a_shell_is_told_how_to_ask(tmp_path):
    shown = subprocess.run(
        [*PROGRAM, "--show-completion", "bash"],
        env=os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "_SECOND_OPINION_COMPLETE=complete_bash" in shown
    bash = shutil.which("bash")
    checked = subprocess.run([bash, "-n"], input=shown, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_completion_is_installed_for_a_shell(tmp_path):
    home = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    found = subprocess.run(
        [*PROGRAM, "--install-completion", "bash"],
        env=os.environ | home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    (script,) = tmp_path.rglob("*second-opinion*")
    assert "_SECOND_OPINION_COMPLETE" in script.read_text()
    assert str(script) in (tmp_path / ".bashrc").read_text()
