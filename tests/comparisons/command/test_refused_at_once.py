"""What is wrong with the input is said before PyMC is loaded, which takes seconds."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from netCDF4 import Dataset

from comparisons.kept.reading import Reading

PROGRAM = """
import json, sys
from comparisons.command.main import main
found = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["second-opinion", *words]
    try:
        main()
    except SystemExit as left:
        found.append((left.code, "pymc" in sys.modules))
print(json.dumps(found))
"""
"""Several commands, one after the other; for each its status, and whether PyMC is loaded by then."""
MEAN = ("-f", "gaussian", "-c", "height")
REFUSED = {
    "predict: no folder": ("predict", "nowhere", "people.csv"),
    "predict: a folder without a comparison": ("predict", "empty", "people.csv"),
    "predict: no netCDF": ("predict", "people.csv", "people.csv"),
    "predict: no file": ("predict", "kept.nc", "nowhere.csv"),
    "predict: an empty file": ("predict", "kept.nc", "empty.csv"),
    "predict: a folder as a file": ("predict", "kept.nc", "empty"),
    "predict: another column": ("predict", "kept.nc", "words.csv"),
    "predict: text in the column": ("predict", "kept.nc", "text.csv"),
    "predict: blanks in the column": ("predict", "kept.nc", "blank.csv"),
    "predict: shares of no groups": ("predict", "kept.nc", "people.csv", "--shares"),
    "predict: half": ("predict", "kept.nc", "people.csv", "--only", "mcmc"),
    "predict: no columns known": ("predict", "unread.nc", "people.csv"),
    "choose: k too large": ("choose", "people.csv", *MEAN, "-k", "1-99"),
    "choose: k below 1": ("choose", "people.csv", *MEAN, "-k", "0-2"),
    "choose: no column": ("choose", "people.csv", "-f", "gaussian", "-c", "hight"),
    "choose: no file": ("choose", "nowhere.csv", *MEAN),
    "choose: text": ("choose", "text.csv", *MEAN),
    "choose: two kinds": ("choose", "people.csv", "-f", "gaussian,poisson", "-c", "height"),
    "choose: nothing identifies": (
        *("choose", "coins.csv", "-f", "binomial", "--heads", "heads"),
        *("--trials", "2", "-k", "2-3"),
    ),
    "choose: a folder that is there": ("choose", "people.csv", *MEAN, "--out", "full"),
    "fit: k too large": ("fit", "people.csv", *MEAN, "-k", "99"),
    "fit: fewer rows than groups": ("fit", "people.csv", *MEAN, "-k", "3", "--some", "2"),
    "fit without k: text": ("fit", "text.csv", *MEAN),
    "calibrate: a folder of something else": ("calibrate", "poisson", "--out", "full"),
    "alarms: a folder of something else": ("alarms", "poisson", "--out", "full"),
}


def written(path, attributes):
    """Write a file with the attributes of a comparison, and without its groups."""
    with Dataset(path, "w") as file:
        file.setncatts(attributes)


@pytest.fixture
def folder(tmp_path, rng):
    heights = np.concatenate([rng(1).normal(160, 5, 20), rng(2).normal(185, 5, 20)]).round()
    (tmp_path / "people.csv").write_text("\n".join(["height", *map(str, heights)]))
    (tmp_path / "words.csv").write_text("hight\n171\n")
    (tmp_path / "text.csv").write_text("height\n171\ntall\n")
    (tmp_path / "blank.csv").write_text("height,n\n171,1\n,2\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "coins.csv").write_text("heads\n0\n1\n2\n1\n2\n0\n1\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    asked = {"family": "Gaussian", "structure": "Mixture"}
    written(tmp_path / "unread.nc", asked)
    written(tmp_path / "kept.nc", asked | {"reading": Reading(("height",)).text})
    return tmp_path


def ran(folder, *commands):
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(commands)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(found.stdout.splitlines()[-1]), found.stderr.splitlines()


def test_no_refusal_waits_for_pymc(folder):
    good = ("predict", "kept.nc", "people.csv")
    (*found, last), said = ran(folder, *REFUSED.values(), good)
    assert dict(zip(REFUSED, found, strict=True)) == {case: [2, False] for case in REFUSED}
    *said, loading, _ = said
    assert len(said) == len(REFUSED)
    assert all(line.startswith("second-opinion: ") for line in said)
    # negative control: for what is right so far PyMC is loaded, and only then the groups are missed
    assert (last, loading) == ([2, True], "loading PyMC ...")
