"""What --out writes is whole or not there, and nothing is lost to it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from platform import node

import pandas as pd
import pytest
from markupsafe import escape

import comparisons
from comparisons.kept.atomic import CONTENTS, free, refuse_folder, written
from comparisons.pages.folder import save_folder
from models.refusal import Refusal


def test_a_folder_holds_report_table_pictures_and_everything(story, tmp_path):
    command, told = "second-opinion study coins", story("coins")
    comparison = told.comparison
    save_folder(comparison, tmp_path / "found", command, told)
    names = {str(one.relative_to(tmp_path / "found")) for one in (tmp_path / "found").rglob("*")}
    assert {"report.html", "summary.csv", "comparison.nc", "figures"} <= names
    for picture in ("climbs", "posterior", "data", "ascent", "deviance", "memberships", "pairs"):
        assert {f"figures/{picture}.png", f"figures/{picture}.svg"} <= names
    assert [one.name for one in tmp_path.iterdir()] == ["found"]
    page = (tmp_path / "found" / "report.html").read_text()
    assert command in page
    for words in (told.learned, told.steps[0].title, told.pictures[0].alt):
        assert str(escape(words)) in page
    table = pd.read_csv(tmp_path / "found" / "summary.csv", index_col="parameter")
    pd.testing.assert_frame_equal(
        table[["mle", "mean"]], comparison.to_frame()[["mle", "mean"]], rtol=1e-12
    )
    again = comparisons.load(tmp_path / "found" / "comparison.nc")
    assert again.findings == comparison.findings
    assert again.columns == ("heads",)


def test_a_study_without_posterior_has_its_pictures(story, tmp_path):
    save_folder(None, tmp_path / "dish", "second-opinion study dish", story("dish"))
    names = {one.name for one in (tmp_path / "dish" / "figures").iterdir()}
    assert names == {
        f"{one.name}.{end}" for one in story("dish").pictures for end in ("png", "svg")
    }
    assert [one.name for one in (tmp_path / "dish").iterdir()] == ["figures"]


def test_what_is_there_is_not_lost(tmp_path, monkeypatch):
    (tmp_path / "thesis").mkdir()
    refuse_folder(tmp_path / "thesis", overwrite=False)  # empty: nothing can be lost
    (tmp_path / "thesis" / "report.html").write_text("of another day")
    refuse_folder(tmp_path / "thesis", overwrite=True, ours=CONTENTS)
    with pytest.raises(Refusal, match="--overwrite"):
        refuse_folder(tmp_path / "thesis", overwrite=False)
    (tmp_path / "thesis" / "chapter").write_text("one")
    with pytest.raises(Refusal, match="holds chapter, which is not ours"):
        refuse_folder(tmp_path / "thesis", overwrite=True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(Refusal, match="the folder that you are in"):
        refuse_folder(Path(), overwrite=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refusal, match="is a file"):
        refuse_folder(tmp_path / "thesis" / "chapter", overwrite=True)
    with pytest.raises(Refusal, match="there is no folder"):
        refuse_folder(tmp_path / "no" / "where", overwrite=True)


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(tmp_path, monkeypatch):
    with pytest.raises(Refusal, match="nothing can be written in /proc"):
        refuse_folder(Path("/proc/found"), overwrite=False)
    refuse_folder(tmp_path / "found", overwrite=False)
    assert list(tmp_path.iterdir()) == []

    def full(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("comparisons.kept.atomic.mkdtemp", full)
    with pytest.raises(Refusal, match="Read-only file system"):
        refuse_folder(tmp_path / "found", overwrite=True)


def test_an_interrupted_write_leaves_the_old_one(tmp_path):
    target = tmp_path / "found"
    target.mkdir()
    (target / "old").write_text("old")

    def interrupted(folder):
        folder.mkdir()
        (folder / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(target, interrupted)
    assert [one.name for one in tmp_path.rglob("*")] == ["found", "old"]

    def whole(folder):
        folder.mkdir()
        (folder / "new").write_text("new")

    written(target, whole)
    assert [one.name for one in tmp_path.rglob("*")] == ["found", "new"]


def one_answer(says):
    """Return what writes a folder of two files that say the same."""

    def write(folder):
        folder.mkdir()
        for name in ("one", "two"):
            (folder / name).write_text(says)

    return write


def test_of_two_runs_into_one_folder_neither_answer_is_lost(tmp_path):
    target = tmp_path / "found"

    def slow(folder):
        one_answer("slow")(folder)
        written(target, one_answer("fast"), replace=False)

    with pytest.raises(Refusal, match=r"written by another run at the same time; .* is in .*-2$"):
        written(target, slow, replace=False)
    assert (target / "one").read_text() == "fast"
    assert (tmp_path / "found-2" / "two").read_text() == "slow"
    assert {one.name for one in tmp_path.iterdir()} == {"found", "found-2"}
    # a file as well
    with pytest.raises(Refusal, match=r"this answer is in .*table\.csv-2$"):
        written(
            tmp_path / "table.csv",
            lambda file: (file.write_text("b"), (tmp_path / "table.csv").write_text("a")),
            replace=False,
        )
    assert (tmp_path / "table.csv").read_text() == "a"
    (tmp_path / "empty").mkdir()  # nothing can be lost
    written(tmp_path / "empty", one_answer("x"), replace=False)
    assert (tmp_path / "empty" / "two").read_text() == "x"


def test_many_runs_that_replace_one_folder_leave_one_whole_answer(tmp_path):
    target, seen = tmp_path / "found", []

    def run(number):
        for at in range(20):
            written(target, one_answer(f"{number} {at}"))

    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(run, number) for number in range(6)]
        while not all(one.done() for one in running):
            with suppress(OSError):  # for a moment there is none
                folder = os.open(target, os.O_RDONLY)
                said = {open_at(folder, name) for name in ("one", "two")}
                os.close(folder)
                seen.append(said)
        for one in running:
            one.result()
    assert seen
    assert all(len(said) == 1 for said in seen)  # of a folder that is open, both files agree
    assert {one.name for one in tmp_path.iterdir()} == {"found"}
    assert {one.name for one in target.iterdir()} == {"one", "two"}


def open_at(folder, name):
    file = os.open(name, os.O_RDONLY, dir_fd=folder)
    try:
        return os.read(file, 100)
    finally:
        os.close(file)


def test_a_second_run_takes_the_next_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(free("found")) == "found"
    (tmp_path / "found").mkdir()
    assert str(free("found")) == "found-2"
    (tmp_path / "found-2").mkdir()
    assert str(free("found")) == "found-3"


def test_what_killed_runs_left_is_removed_and_nothing_else(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    alive, host = os.getpid(), node()
    stale = f".found.{host}.{gone.pid}.a_1b"
    kept = {
        f".found.{host}.{alive}.a_1b",  # of a run that is still writing
        f".found.elsewhere{host}.{gone.pid}.a_1b",  # of another machine, whose runs nobody knows
        f".found2.{host}.{gone.pid}.a_1b",
        f".found.{host}.{gone.pid}.notes.txt",
        f"found.{host}.{gone.pid}.a_1b",
    }
    for name in (stale, *kept):
        (tmp_path / name / "old").mkdir(parents=True)
    with pytest.raises(ZeroDivisionError):  # what cannot be written costs nothing that is there
        written(tmp_path / "found", lambda _: 1 / 0)
    assert {one.name for one in tmp_path.iterdir()} == {stale, *kept}
    written(tmp_path / "found", lambda folder: folder.mkdir())
    assert {one.name for one in tmp_path.iterdir()} == {"found", *kept}


def test_a_command_that_is_not_utf_8_is_in_the_report(story, tmp_path):
    command = f"second-opinion fit {os.fsdecode(b'gr\xf6\xdfe.csv')}"
    save_folder(story("coins").comparison, tmp_path / "found", command)
    assert "fit gr\\udcf6\\udcdfe.csv" in (tmp_path / "found" / "report.html").read_text()


def test_a_folder_is_loaded_as_its_file_is(story, tmp_path):
    comparison = story("coins").comparison
    save_folder(comparison, tmp_path / "found", None)
    assert comparisons.load(tmp_path / "found").findings == comparison.findings
    assert comparisons.load(str(tmp_path / "found")).verdict == comparison.verdict
    (tmp_path / "empty").mkdir()
    (tmp_path / "chosen" / "comparisons").mkdir(parents=True)
    for k in (1, 2, 3):
        (tmp_path / "chosen" / "comparisons" / f"{k}.nc").touch()
    (tmp_path / "table.nc").write_text("x\n1\n")
    older = comparison.tree.copy()
    older.attrs["format"] = 0
    older.to_netcdf(tmp_path / "older.nc")
    for name, said in {
        "chosen": r"chosen has comparisons of several numbers .* such as \S+/comparisons/2\.nc$",
        "empty": r"empty has no comparison\.nc; give a folder that --out wrote",
        "table.nc": r"table\.nc is no comparison: it cannot be read as netCDF",
        "older.nc": r"older\.nc has format 0, and this is Second Opinion .*; run the comparison again$",
        "nowhere": r"nowhere does not exist; give the folder that fit --out wrote, or a file of",
    }.items():
        with pytest.raises(Refusal, match=said) as refused:
            comparisons.load(tmp_path / name)
        assert "\n" not in str(refused.value)
