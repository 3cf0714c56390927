"""Whatever is typed and whatever the files hold: a verdict, or one line that says what is wrong."""

from __future__ import annotations

import json
import re
import time

import pytest
from garbage import Written, broken, command_lines, csv_files, parquet_files
from hypothesis import strategies as st
from running import Ended

from comparisons import load

EXIT = {"agree": 0, "disagree": 1, "inconclusive": 3}
SPOKEN = re.compile(
    r"second-opinion: \S|warning: \S|[\d,]+ rows? with (?:blanks|nothing in these columns) dropped$|loading PyMC \.\.\.$|"
    r"(?:EM|sampling|compiling, up to a minute, once) \.\.\.$|pictures and report \.\.\.$|report: found/report\.html$|"
    r".+: (?:decimal \w+|\w+ between thousands|decimal \w+ and \w+ between thousands): .+ is -?[\d.e+-]+$|"
    r".+: line [\d,]+, the last one, is called |.+: the sheet .+ is read, the first of |"
    r"memberships \.\.\.$|(?:memberships|shares): labels\.csv$"
)
OURS = {"report.html", "summary.csv", "memberships.csv", "comparison.nc", "figures"}


def strict(text):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def misbehaviour(found, words):
    """Return what is wrong with how a command ended, whatever it was given; nothing if all is well."""
    status, out, err = found
    said = err.splitlines()
    complaints = [line for line in said if line.startswith("second-opinion: ")]
    strays = [line for line in said if " encountered in " in line or not SPOKEN.match(line)]
    refused = status == 2
    wrong = {
        f"status {status}": status not in {0, 1, 2, 3},
        f"stray lines {strays}": strays,
        "status 2 without one last line that says why": refused
        and (len(complaints) != 1 or said[-1] != complaints[0]),
        "an answer to bad input": refused and out,
        "a complaint beside an answer": complaints and not refused,
        "a verdict of EM alone": "--only" in words and status in {1, 3},
        "silence": not refused and not out.strip() and "labels.csv" not in words,
    }
    if "--json" in words and out.strip():
        verdict = strict(out)["verdict"]
        wrong[f"{verdict}, yet status {status}"] = EXIT.get(verdict, 0) != status
    return [what for what, true in wrong.items() if true]


tables = csv_files() | csv_files() | csv_files() | parquet_files() | broken(csv_files())


@pytest.mark.slow
def test_em_answers_or_says_what_is_wrong(give, on_each):
    def check(case):
        words, files = case
        found, left = give(words, files)
        assert misbehaviour(found, words) == [], found
        assert not left

    on_each(0.5, command_lines(tables), check)


@pytest.mark.slow
def test_a_comparison_answers_and_is_whole_or_says_what_is_wrong(give, on_each, tmp_path):
    def check(case):
        words, files = case
        found, left = give(words, files)
        assert misbehaviour(found, words) == [], found
        assert left == (set() if found.status == 2 else {"found"})
        if left:
            names = {one.name for one in (tmp_path / "found").iterdir()}
            assert names - {"shares.csv"} in (OURS, OURS - {"memberships.csv"})
            assert ("memberships.csv" in names) == ("is left out: a pipe" not in found.err)
            assert EXIT[load(tmp_path / "found" / "comparison.nc").verdict] == found.status

    on_each(0.02, command_lines(csv_files(), out=True), check)


@st.composite
def sound(draw):
    """Return a command that nothing is wrong with, its table, k and how many rows it has."""
    n, k = draw(st.integers(12, 40)), draw(st.integers(1, 3))
    size = st.floats(1e-9, 1e9).map(lambda value: float(f"{value:.6g}"))
    x = draw(st.lists(size, min_size=n, max_size=n, unique=True))
    y = [*x[1:], x[0]]  # never the same column, as a permutation may be
    flips = draw(st.lists(st.integers(5, 50), min_size=n, max_size=n))
    heads = [at % 5 for at in range(n)]
    lines = [
        "x,y,heads,flips",
        *(",".join(map(str, row)) for row in zip(x, y, heads, flips, strict=True)),
    ]
    options = {
        "gaussian": ["-c", "x"],
        "multivariate": ["-c", "x", "-c", "y"],
        "poisson": ["-c", "heads"],
        "binomial": ["--heads", "heads", "--trials", draw(st.sampled_from(["flips", "50"]))],
    }
    family = draw(st.sampled_from(list(options)))
    words = ["fit", "{0}", "--family", family, *options[family], "-k", str(k), "--only", "em"]
    return [*words, "--json"], Written(".csv", "\n".join(lines).encode()), k, n


SPOILS = {
    "a family that is none": lambda words: swapped(words, "--family", "cauchy"),
    "no groups": lambda words: swapped(words, "-k", "0"),
    "more groups than rows": lambda words: swapped(words, "-k", "41"),
    "groups in words": lambda words: swapped(words, "-k", "two"),
    "no family": lambda words: [*words[:2], *words[4:]],
    "an unknown option": lambda words: [*words, "--sede", "3"],
    "a seed below 0": lambda words: [*words, "--seed", "-1"],
    "no starts": lambda words: [*words, "--starts", "0"],
    "a folder with EM alone": lambda words: [*words, "--out", "found"],
    "counts of no column": lambda words: [*words, "--counts", "often"],
    "an argument too many": lambda words: [*words, "again"],
    "few draws": lambda words: [*words, "--draws", "9"],
    "a prior that is none": lambda words: [*words, "--prior", "mean=much"],
    "another half": lambda words: swapped(words, "--only", "mcmc"),
    "no file": lambda words: [words[0], "{0}.csv", *words[2:]],
}


def swapped(words, option, value):
    at = words.index(option) + 1
    return [*words[:at], value, *words[at + 1 :]]


@pytest.mark.slow
def test_what_is_sound_is_answered_and_what_is_spoiled_is_refused(give, on_each):
    def check(case):
        (words, table, k, n), spoil = case
        files = table, Written(".json", b"{}")
        found, left = give(words if spoil is None else SPOILS[spoil](words), files)
        assert misbehaviour(found, words) == [], found
        assert not left
        assert found.status == (0 if spoil is None else 2), found
        if spoil is None:
            told = strict(found.out)
            assert (told["observations"], told["components"]) == (n, k)

    on_each(0.15, st.tuples(sound(), st.none() | st.sampled_from(list(SPOILS))), check)


GOOD = '{"verdict": "disagree"}'
BAD = {
    "a traceback": Ended(1, "", "Traceback (most recent call last):\n"),
    "a mistake of ours": Ended(70, "", ""),
    "a warning of NumPy": Ended(1, GOOD, "warning: overflow encountered in exp2\n"),
    "a stray line": Ended(1, GOOD, "oops\n"),
    "two complaints": Ended(2, "", "second-opinion: a\nsecond-opinion: b\n"),
    "no complaint": Ended(2, "", ""),
    "an answer to bad input": Ended(2, GOOD, "second-opinion: a\n"),
    "another status than the verdict's": Ended(0, GOOD, ""),
    "a complaint beside an answer": Ended(1, GOOD, "second-opinion: a\n"),
    "silence": Ended(0, "", ""),
}


@pytest.mark.parametrize("case", BAD)
def test_misbehaviour_would_be_seen(case):
    words = [] if case == "silence" else ["--json"]
    assert len(misbehaviour(BAD[case], words)) > 0
    assert misbehaviour(Ended(1, GOOD, "warning: chains\n"), ["--json"]) == []


def test_a_command_that_hangs_would_be_seen(monkeypatch):
    import running

    monkeypatch.setattr(running, "LONGEST", 1)

    def hang():
        with running.in_time():
            time.sleep(5)

    with pytest.raises(running.Hung):
        hang()
