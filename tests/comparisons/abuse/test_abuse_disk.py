"""Where nothing can be written one line says so, and the verdict is told all the same."""

from __future__ import annotations

import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from running import ended

import comparisons.comparison
import comparisons.pages.folder
import comparisons.prediction.beside
from comparisons.comparison import second_opinion
from comparisons.pages.folder import save_folder
from comparisons.prediction.beside import write_memberships

PROGRAM = (sys.executable, "-c", "from comparisons.command.main import main; main()")
FIT = ("fit", "people.csv", "-f", "gaussian", "-c", "x", "-k", "2")


@pytest.fixture
def folder(tmp_path, rng, monkeypatch):
    """Return an empty folder, in which we are, but for a table of two groups."""
    x = np.concatenate([rng(1).normal(160, 5, 60), rng(2).normal(185, 5, 60)]).round(1)
    (tmp_path / "people.csv").write_text("x\n" + "\n".join(map(str, x)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def files_end_at(size):
    """Let no file grow beyond a size: a disk that is full to root as to anybody."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def once(monkeypatch):
    """Let the same question be sampled once: what is written is tested here."""
    made = []

    def answered(*arguments, **options):
        made.append(made[0] if made else second_opinion(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(comparisons.comparison, "second_opinion", answered)


@pytest.mark.slow
def test_a_disk_that_fills_up_costs_the_folder_and_not_the_verdict(folder, once, monkeypatch):
    words = [*FIT, "--draws", "20", "--chains", "2", "--out"]
    whole = ended([*words, "whole"])
    assert whole.status in {0, 1, 3}, whole.err
    told = whole.out.replace("report: whole/report.html\n", "")
    sizes = [one.stat().st_size for one in Path("whole").rglob("*") if one.is_file()]
    netcdf = Path("whole/comparison.nc").stat().st_size
    # two pages of one comparison differ by some bytes: less than the largest has room for none
    for size in (0, netcdf - 1, max(sizes) * 9 // 10, 2 * max(sizes)):

        def full(*arguments, size=size, **options):
            with files_end_at(size):
                save_folder(*arguments, **options)

        monkeypatch.setattr(comparisons.pages.folder, "save_folder", full)
        found = ended([*words, "found"])
        if size > max(sizes):  # the same limit does no harm where there is room
            assert found.status == whole.status, found.err
            assert found.out == told + "report: found/report.html\n"
            break
        assert found.status == 2, (size, found.err)
        assert found.out == told
        assert found.err.splitlines()[-1].startswith("second-opinion: ")
        assert "Traceback" not in found.err
        assert {one.name for one in folder.iterdir()} == {"people.csv", "whole"}
    assert Path("found/comparison.nc").is_file()


@pytest.mark.slow
def test_a_disk_that_fills_up_with_memberships_costs_the_folder_alone(folder, once, monkeypatch):
    words = [*FIT, "--draws", "20", "--chains", "2", "--out"]
    assert ended([*words, "whole"]).status in {0, 1, 3}
    size = Path("whole/memberships.csv").stat().st_size

    def full(*arguments):
        with files_end_at(size // 2):
            return write_memberships(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(comparisons.prediction.beside, "write_memberships", full)
        found = ended([*words, "found"])
    assert found.status == 2
    assert found.out.strip()  # the verdict has been told
    assert found.err.splitlines()[-1].startswith("second-opinion: ")
    assert "Traceback" not in found.err
    assert {one.name for one in folder.iterdir()} == {"people.csv", "whole"}
    # nor does `predict` leave half a file
    label = ["predict", "whole", "people.csv", "--only", "em", "--out", "labels.csv"]
    with files_end_at(200):
        found = ended(label)
    assert (found.status, found.out) == (2, "")
    assert found.err.splitlines()[-1].startswith("second-opinion: ")
    assert not Path("labels.csv").exists()
    assert ended(label).status == 0
    assert len(Path("labels.csv").read_text().splitlines()) == 121


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_full_standard_output_is_one_line(options, folder):
    with Path("/dev/full").open("w") as full:
        found = subprocess.run(
            [*PROGRAM, *FIT, "--only", "em", *options],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert found.returncode == 2
    assert found.stderr.count("\n") == 1
    assert found.stderr.startswith("second-opinion: ")
    assert "No space left" in found.stderr


@pytest.mark.parametrize("where", ["/proc/found", "/sys/found", "/dev/null/found"])
def test_where_nobody_may_write_is_one_line_before_any_work(where, folder):
    found = ended([*FIT, "--out", where])
    assert (found.status, found.out) == (2, "")
    assert found.err.startswith("second-opinion: --out ")
    assert found.err.count("\n") == 1
