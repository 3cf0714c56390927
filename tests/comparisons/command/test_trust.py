"""The commands that measure our own error rates: what they print, keep, refuse and go on with."""

from __future__ import annotations

import json
import re
import sys

import pytest

from comparisons.command import main as cli

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # chains are short here
FEW = ("calibrate", "poisson", "-k", "1", "--observations", "30", "--jobs", "1")


@pytest.fixture
def told(tmp_path, monkeypatch, capsys):
    """Return what runs a command in an empty folder and says how it ended."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["second-opinion", *words])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return run


def test_a_calibration_is_kept_gone_on_with_and_not_mixed(told, tmp_path):
    status, out, _ = told(*FEW, "--replicates", "3")
    folder = tmp_path / "second-opinion-calibrate-poisson"
    assert status == 0
    assert "3 replicates are too few to judge by" in " ".join(out.split())
    lines = (folder / "replicates.jsonl").read_text().splitlines()
    assert len(lines) == 1 + 3
    assert {one.name for one in (folder / "figures").iterdir()} == {
        f"{name}.{ending}" for name in ("ranks", "coverage") for ending in ("png", "svg")
    }
    status, _, err = told(*FEW, "--replicates", "4")
    assert status == 0
    assert "3 of 4 replicates are there already" in err
    assert (folder / "replicates.jsonl").read_text().splitlines()[:4] == lines
    assert json.loads((folder / "summary.json").read_text())["replicates"] == 4
    status, out, err = told(*FEW, "--replicates", "4", "--seed", "1")
    assert (status, out) == (2, "")
    assert "seed 0 instead of 1" in err
    # of another state of the code: what it found is not ours
    header = json.loads(lines[0])
    changed = json.dumps({**header, "code": "another"})
    (folder / "replicates.jsonl").write_text("\n".join([changed, *lines[1:]]) + "\n")
    status, _, err = told(*FEW, "--replicates", "4")
    assert status == 2
    assert re.search(
        r"begun by Second Opinion [0-9.]+ \(code another\); this is [0-9.]+ \(code", err
    )


def test_json_is_one_object_and_keeps_nothing(told, tmp_path):
    status, out, _ = told(*FEW, "--replicates", "2", "--json")
    assert status == 0
    found = json.loads(out)
    assert found["replicates"] == 2
    assert {"ranks", "coverage", "accuracy", "verdicts", "findings"} <= set(found)
    assert not list(tmp_path.iterdir())


def test_a_replicate_is_shown_alone_with_its_truth(told, tmp_path):
    status, out, _ = told(*FEW, "--replicate", "5")
    assert status == 0
    assert "True values: rate[1] " in out
    status, out, _ = told(*FEW, "--replicate", "5", "--json")
    assert json.loads(out)["family"] == "Poisson"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_topics_are_calibrated_by_cells(told, tmp_path):
    topics = ("categorical", "--structure", "admixture", "--observations", "40", "--jobs", "1")
    status, _, _ = told("calibrate", *topics, "--replicates", "1")
    assert status == 0
    folder = tmp_path / "second-opinion-calibrate-admixture-categorical"
    found = json.loads((folder / "summary.json").read_text())
    assert found["structure"] == "admixture"
    cells = ["cell[0,0]", "cell[0,1]", "cell[1,0]", "cell[1,1]"]  # topics have no labels
    assert [one["parameter"] for one in found["ranks"]] == [*cells, "log-likelihood"]


def test_what_is_wrong_is_one_line(told, tmp_path):
    for words, said in (
        (("calibrate", "gausian"), "did you mean gaussian?"),
        (("calibrate", "gaussian", "-k", "3", "--observations", "2"), "give at least 3"),
        (("calibrate", "poisson", "--covariance", "tied"), "needs --family multivariate"),
        (("calibrate", "poisson", "--df", "4"), "--df needs --family student-t"),
        (("calibrate", "gaussian", "--zeros"), "--zeros needs --family"),
        (("calibrate", "poisson", "--out", "no/where"), "there is no folder no"),
        (("calibrate", "poisson", "--structure", "hiden-markov"), "did you mean hidden-markov?"),
        (("calibrate", "categorical"), "there is no family 'categorical'"),
        (("calibrate", "poisson", "--initial", "free"), "needs --structure hidden-markov"),
        (("alarms", "--weak", "--structure", "admixture"), "leave out --structure"),
        (("alarms", "poisson", "--weak"), "leave out the families"),
        (("alarms", "cauchy"), "there is no family"),
    ):
        status, out, err = told(*words)
        assert (status, out) == (2, "")
        assert said in err
        assert err.count("second-opinion: ") == 1
    strange = tmp_path / "mine"
    strange.mkdir()
    (strange / "summary.json").write_text("precious")
    status, _, err = told("alarms", "poisson", "--replicates", "1", "--out", "mine")
    assert status == 2
    assert "other files than replicates" in err
    assert (strange / "summary.json").read_text() == "precious"
