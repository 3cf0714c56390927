"""Every option of every command, beside files as people have them: an answer, or one plain line."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from garbage import json_files, mutated
from hypothesis import strategies as st
from options import OPTIONS, spoiled
from running import in_time
from test_abuse_command import EXIT, misbehaviour
from typer.main import get_command

import comparisons.choice.choose
import comparisons.command.main as cli
import comparisons.command.trust
import comparisons.comparison
import comparisons.speed.run
import comparisons.trust.references
from comparisons import load
from models.refusal import Refusal

SAVED = Path(__file__).parents[1] / "kept" / "saved"
COMPARED = ("counts", "chain", "topics", "mixed")
LONG = (
    (comparisons.comparison, "opinion_of"),
    (comparisons.choice.choose, "choose"),
    (cli, "_tell"),
    (comparisons.command.trust, "_run"),
    (comparisons.command.trust, "_alone"),
    (comparisons.speed.run, "main"),
    (comparisons.trust.references, "replayed"),
)
"""What takes long, and is tried elsewhere: here a command that gets so far has done well."""

OFTEN = {"fit": 10, "choose": 4, "predict": 4, "study": 1, "calibrate": 1, "alarms": 1, "speed": 1}


def options_of(command):
    """Return the long names of a command's options, but for help and what is hidden."""
    found = get_command(cli.app).commands[command].params
    shown = [one for one in found if one.param_type_name == "option" and not one.hidden]
    names = [max(one.opts, key=len) for one in shown]
    return {name for name in names if name not in {"--help", "--install-completion"}}


@pytest.mark.parametrize("command", get_command(cli.app).commands)
def test_the_campaign_knows_every_option(command):
    assert options_of(command) == set(OPTIONS[command])
    assert options_of(command) != {*OPTIONS[command], "--new"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the folder of small comparisons that a release saved."""
    folder = tmp_path_factory.mktemp("saved")
    with tarfile.open(max(SAVED.glob("*.tar.xz"))) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.mark.slow
def test_any_options_are_answered_or_refused(saved, give, on_each, monkeypatch):
    def reached(*_, **__):
        raise Refusal("so far all is well")

    for module, name in LONG:
        monkeypatch.setattr(module, name, reached)

    def check(case):
        (words, table), record, name = case
        files = table, record
        typed = [str(saved / f"{name}.nc") if word == "{2}" else word for word in words]
        found, left = give(typed, files)
        assert misbehaviour(found, typed) == [], (typed, files[0].suffix, found)
        assert left <= {"labels.csv", "found", "f" * 300, "second-opinion-calibrate-normal"}

    commands = st.sampled_from([name for name, times in OFTEN.items() for _ in range(times)])
    cases = st.tuples(commands.flatmap(spoiled), json_files(), st.sampled_from(COMPARED))
    on_each(0.3, cases, check)


def test_a_broken_file_of_a_comparison_is_read_or_refused(saved, tmp_path, on_each):
    raw, path = (saved / "counts.nc").read_bytes(), tmp_path / "broken.nc"

    def check(content):
        path.write_bytes(content)
        with in_time():
            try:
                said = load(path).verdict
            except Refusal as problem:
                said = str(problem)
        assert said in EXIT or (said.startswith(str(path)) and "\n" not in said)

    on_each(0.03, mutated(st.just(raw)), check)
