"""A study tells itself: as a module, as a file, and by the command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import comparisons.studies

FOLDER = Path(comparisons.studies.__file__).parent
WAYS = {
    "module": lambda name: ["-m", f"comparisons.studies.{name}"],
    "file": lambda name: [str(FOLDER / f"{name}.py")],
    "command": lambda name: ["-m", "second_opinion", "study", name],
}


@pytest.fixture
def tell(tmp_path):
    def called(way, name, *words):
        return subprocess.run(
            [sys.executable, *WAYS[way](name), *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )

    return called


def made(folder):
    return sorted(str(one.relative_to(folder)) for one in folder.glob("*/*"))


def test_a_file_tells_what_the_command_tells(tell, tmp_path):
    said = {}
    for way in WAYS:
        found = tell(way, "dish")
        assert found.returncode == 0, found.stderr
        *lines, where = found.stdout.splitlines()
        said[way] = lines
        assert where.startswith("pictures: ")
    assert said["module"] == said["file"] == said["command"]
    assert len(said["file"]) > 10
    # the second found the folder of the first
    assert made(tmp_path) == ["results/dish", "results/dish-2", "second-opinion-dish/figures"]
    assert list((tmp_path / "results" / "dish-2" / "figures").glob("*.png"))


def test_a_file_takes_the_options_of_the_command(tell, tmp_path):
    found = tell("file", "dish", "--json")
    assert (found.returncode, found.stdout[0]) == (0, "{")
    found = tell("module", "dish", "--people", "9")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == "second-opinion: the study dish has no --people; only heights does\n"
    found = tell("file", "dish", "--out", "elsewhere")
    assert found.stdout.splitlines()[-1] == "pictures: elsewhere/figures"
    assert made(tmp_path) == ["elsewhere/figures"]


def test_where_no_folder_can_be_made_it_is_said(tell, tmp_path):
    (tmp_path / "results").write_text("a file")
    found = tell("file", "dish")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.endswith("there is no folder results; make it first\n")


@pytest.mark.slow
@pytest.mark.parametrize("way", ["module", "file"])
def test_heights_leave_with_their_verdict(way, tell, tmp_path):
    found = tell(way, "heights", "--people", "200")
    assert found.returncode == 3, found.stderr
    assert "Errors of assignment by certainty" in found.stdout
    report = (tmp_path / "results" / "heights" / "report.html").read_text()
    assert "second-opinion study heights --people 200 --out results/heights" in report
