"""Replicates are kept, gone on with, and the same however many processes do them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bayes import SamplerError
from comparisons import replicates
from comparisons.replicates import KEPT, fingerprint, run
from models.refusal import Refusal

ASKED = []


def squared(number):
    ASKED.append(number)
    return {"square": number * number, "process": os.getpid()}


def stubborn(number):
    if number == 2:
        raise SamplerError("no way up")
    return {"square": number * number}


def squares(records):
    return [(one["replicate"], one["square"]) for one in records]


@pytest.fixture(autouse=True)
def _nobody_asked():
    ASKED.clear()


@pytest.mark.slow
def test_records_come_in_order_from_any_number_of_processes(tmp_path):
    one = run(squared, 12, jobs=1)
    two = run(squared, 12, jobs=2)
    assert squares(one) == squares(two) == [(at, at * at) for at in range(12)]
    assert {record["process"] for record in one} == {os.getpid()}
    assert os.getpid() not in {record["process"] for record in two}


def test_an_interrupted_run_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "kept"

    def interrupted(number):
        if number == 3:
            raise KeyboardInterrupt
        return squared(number)

    with pytest.raises(KeyboardInterrupt):
        run(interrupted, 6, jobs=1, folder=folder, settings={"a": 1})
    assert "3 of 6 replicates are kept" in capsys.readouterr().err
    ASKED.clear()
    records = run(squared, 6, jobs=1, folder=folder, settings={"a": 1})
    assert ASKED == [3, 4, 5]
    assert squares(records) == [(at, at * at) for at in range(6)]
    ASKED.clear()
    assert run(squared, 8, jobs=1, folder=folder, settings={"a": 1})[:6] == records
    assert ASKED == [6, 7]  # more of the same


def test_a_line_that_was_cut_short_is_done_again(tmp_path):
    folder = tmp_path / "kept"
    run(squared, 4, jobs=1, folder=folder, settings={})
    path = folder / KEPT
    path.write_bytes(path.read_bytes()[:-7])
    ASKED.clear()
    records = run(squared, 4, jobs=1, folder=folder, settings={})
    assert ASKED == [3]
    assert squares(records) == [(at, at * at) for at in range(4)]
    assert [json.loads(line).get("replicate") for line in path.read_text().splitlines()] == [
        None,
        *range(4),
    ]


def test_folders_of_others_are_refused(tmp_path):
    folder = tmp_path / "kept"
    run(squared, 2, jobs=1, folder=folder, settings={"seed": 0})
    with pytest.raises(Refusal, match="of other settings"):
        run(squared, 2, jobs=1, folder=folder, settings={"seed": 1})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(Refusal, match="other files than replicates"):
        run(squared, 2, jobs=1, folder=tmp_path / "mine", settings={})
    (folder / KEPT).write_text("no JSON\n")
    with pytest.raises(Refusal, match=r"line 1 of .* is no record"):
        run(squared, 2, jobs=1, folder=folder, settings={})


def test_a_sampler_that_gives_up_is_told_and_a_mistake_is_not_hidden(tmp_path):
    records = run(stubborn, 4, jobs=1)
    assert records[2]["failed"] == "SamplerError: no way up"
    assert "square" not in records[2]
    with pytest.raises(ZeroDivisionError):
        run(lambda number: {"quotient": 1 // number}, 2, jobs=1)


def test_the_code_of_records_is_all_of_ours(tmp_path):
    ours, copy = Path(replicates.__file__).parents[1], tmp_path / "copy"
    for name in ("models", "em", "bayes", "comparisons"):
        (copy / name).mkdir(parents=True)
        for path in (ours / name).glob("*.py"):
            (copy / name / path.name).write_bytes(path.read_bytes())
    whole = fingerprint(copy)
    assert fingerprint() != whole != fingerprint(tmp_path)  # without some files, and without any
    with (copy / "em" / "fit.py").open("a") as file:
        file.write("# another line\n")
    assert fingerprint(copy) != whole
