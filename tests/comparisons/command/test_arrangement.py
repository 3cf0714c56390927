"""Rows in groups on the command line: what is read, what is passed on, what is one clear line."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from comparisons.command import main as cli
from comparisons.command.arrangement import Arrangement, arranged
from comparisons.command.inputs import groups_of, sample_of, table_of
from models import (
    Admixture,
    Binomial,
    Categorical,
    Gaussian,
    Groups,
    MultivariateGaussian,
    Poisson,
    Sample,
)
from models.refusal import Refusal


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return what runs the command in a folder of a few files: (status, output, error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "words.csv").write_text(
        "document,word,n\na,to,2\na,be,1\nb,or,4\nb,to,1\nc,be,3\nc,or,2\n"
    )
    (tmp_path / "heights.csv").write_text(
        "village,height,heads,flips,half\nA,170,3,9,0.5\nA,162,4,9,1\nB,181,1,9,1\nB,162,2,8,1\n"
    )
    (tmp_path / "table.csv").write_text("ward,well,ill,dead\nA,3,0,1\nB,1,2,0\nC,5,0,0\n")
    (tmp_path / "blank.csv").write_text("village,height\nA,170\nA,\n,181\nB,162\nB,165\n")

    def called(*words):
        monkeypatch.setattr(sys, "argv", ["second-opinion", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return called


@pytest.fixture
def asked(run, monkeypatch):
    """Return what runs the command up to the opinion: (question, options)."""
    seen = []

    def opinion_of(question, **options):
        seen.append((question, options))
        raise Refusal("seen")

    monkeypatch.setattr(cli, "loaded", lambda _: SimpleNamespace(opinion_of=opinion_of))

    def called(*words):
        status, _, err = run("fit", *words)
        assert (status, err.splitlines()[-1]) == (2, "second-opinion: seen"), err
        return *seen.pop(), err

    return called


WORDS = ("words.csv", "-f", "categorical", "-c", "word", "--group", "document", "-k", 2)


def test_words_of_documents_are_asked_about_as_in_memory(asked):
    question, options, _ = asked(*WORDS, "--counts", "n")
    data = question.data
    assert question.structure is Admixture
    assert options["some"] is None
    expected = Groups(["to", "be", "or", "to", "be", "or"], [*"aabbcc"], counts=[2, 1, 4, 1, 3, 2])
    assert data.titles == expected.titles
    assert data.sample.categories == expected.sample.categories
    np.testing.assert_array_equal(data.places, expected.places)
    np.testing.assert_array_equal(data.times, expected.times)
    once = asked(*WORDS)[0].data
    assert once.times.tolist() == [1] * 6  # negative control: without counts


def test_how_many_rows_are_wanted_is_passed_on(asked):
    assert asked(*WORDS, "--some", 4)[1]["some"] == 4
    assert asked("table.csv", "-f", "categorical", "--table", "-k", 2, "--some", 3)[1]["some"] == 3


@pytest.mark.parametrize(
    ("words", "family", "data"),
    [
        (
            ("-f", "gaussian", "-c", "height"),
            Gaussian,
            Groups([170.0, 162, 181, 162], [*"AABB"]),
        ),
        (("-f", "poisson", "-c", "heads"), Poisson, Groups([3, 4, 1, 2], [*"AABB"])),
        (
            ("-f", "binomial", "--heads", "heads", "--trials", "flips"),
            Binomial,
            Groups([3, 4, 1, 2], [*"AABB"], trials=[9, 9, 9, 8]),
        ),
        (
            ("-f", "binomial", "--heads", "heads", "--trials", 9),
            Binomial,
            Groups([3, 4, 1, 2], [*"AABB"], trials=9),
        ),
        (
            ("-f", "multivariate", "-c", "height", "-c", "heads"),
            MultivariateGaussian,
            Groups([[170.0, 3], [162, 4], [181, 1], [162, 2]], [*"AABB"]),
        ),
    ],
)
def test_every_family_takes_groups(asked, words, family, data):
    question, _, _ = asked("heights.csv", *words, "--group", "village", "-k", 1)
    found = question.data
    assert question.family is family
    assert found.titles == data.titles
    for name in ("places", "times", "ends"):
        np.testing.assert_array_equal(getattr(found, name), getattr(data, name))
    np.testing.assert_array_equal(found.sample.x, data.sample.x)
    np.testing.assert_array_equal(found.sample.trials, data.sample.trials)


def test_a_table_is_asked_about_as_in_memory(asked):
    question, _, _ = asked("table.csv", "-f", "categorical", "--table", "-k", 2)
    expected = Groups.from_table(
        [[3, 0, 1], [1, 2, 0], [5, 0, 0]], groups=[*"ABC"], categories=["well", "ill", "dead"]
    )
    data = question.data
    assert question.structure is Admixture
    assert data.titles == expected.titles
    assert data.sample.categories == expected.sample.categories
    np.testing.assert_array_equal(data.places, expected.places)
    np.testing.assert_array_equal(data.times, expected.times)


def test_columns_are_named_by_their_places_too(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("town,n\nA,3\nA,4\nB,5\n")
    found = groups_of(Poisson, str(path), ["2"], None, None, None, "1", drop_missing=False)
    assert found.names == ["column 2"]
    assert found.data.titles == ("A", "B")
    named = groups_of(Poisson, str(path), ["n"], None, None, None, "town", drop_missing=False)
    assert named.names == ["n"]


def test_rows_with_blanks_are_dropped_on_request(asked, run):
    words = ("blank.csv", "-f", "gaussian", "-c", "height", "--group", "village", "-k", 1)
    question, _, err = asked(*words, "--drop-missing")
    assert "2 rows with blanks dropped" in err
    assert question.sample.observations == 3
    status, _, err = run("fit", *words)
    assert status == 2
    assert "first in line 3; leave such rows out (--drop-missing)" in err


def test_labels_in_no_groups_take_counts(tmp_path):
    path = tmp_path / "words.csv"
    path.write_text("word,n\nto,2\nbe,1\nto,3\n")
    counted = sample_of(Categorical, str(path), ["word"], None, None, "n", drop_missing=False)
    assert isinstance(counted.data, Sample)
    assert counted.data.counts.tolist() == [1, 5]
    once = sample_of(Categorical, str(path), ["word"], None, None, None, drop_missing=False)
    assert once.data.counts.tolist() == [1, 2]


def test_a_table_of_parquet_is_read(tmp_path):
    path = tmp_path / "table"
    parquet.write_table(pa.table({"who": ["x", "y"], "a": [1, 2], "b": [0, 3]}), path)
    assert table_of(Categorical, str(path), drop_missing=False).data.totals.tolist() == [1, 5]


GROUPED = ("-f", "gaussian", "-c", "height", "--group", "village", "-k", 1)
TABLE = ("-f", "categorical", "--table", "-k", 2)
WRONG = {
    "in order": (
        ("heights.csv", *GROUPED, "--in-order"),
        "--group puts rows in groups, --in-order puts them in time; give one of the two",
    ),
    "sequences": (
        ("heights.csv", *GROUPED, "--sequence", "village"),
        "--group puts rows in groups, --sequence puts them in time; give one of the two",
    ),
    "initial": (("heights.csv", *GROUPED, "--initial", "free"), "it needs --in-order or --seq"),
    "twice": (
        ("heights.csv", *GROUPED, "--group", "heads"),
        "--group is given twice; one column names the group of each row",
    ),
    "workers": (("heights.csv", *GROUPED, "--workers", 2), "are for rows in no groups; leave"),
    "same column": (
        ("heights.csv", *GROUPED[:-3], "height", "-k", 1),
        "--group height is also a column to be fitted, or counts; give another",
    ),
    "same column as heads": (
        (
            *("heights.csv", "-f", "binomial", "--heads", "heads", "--trials", "flips"),
            *("--group", "flips", "-k", 1),
        ),
        "--group flips is also a column",
    ),
    "no column": (
        ("heights.csv", *GROUPED[:-3], "vilage", "-k", 1),
        "heights.csv has no column 'vilage'; did you mean 'village'?",
    ),
    "fraction": (
        ("heights.csv", *GROUPED[:-3], "half", "-k", 1),
        "half: line 2 is '0.5', which names no group; give names, or whole numbers",
    ),
    "blank": (("blank.csv", *GROUPED), "village: 1 of 5 rows without a value"),
    "own groups": (
        ("heights.csv", *GROUPED[:-3], "heads", "-k", 1),
        "own; give groups of several rows, or rows in no groups (without --group)",
    ),
    "one group": (("one.csv", *GROUPED), "all rows are in one group, 'A'"),
    "fractions for counts": (
        ("heights.csv", "-f", "poisson", "-c", "half", "--group", "village", "-k", 1),
        "half: line 2 is 0.5, which is not a whole number",
    ),
    "bad counts": (
        ("heights.csv", *GROUPED, "--counts", "half"),
        "half: line 2 is 0.5, which is not a whole number",
    ),
    "no column given": (
        ("heights.csv", "-f", "gaussian", "--group", "village", "-k", 1),
        "which column? Give --column NAME",
    ),
    "k too large": (
        ("words.csv", *WORDS[1:-1], 4),
        "-k asks for 4 groups, but word has 3 distinct values; give at most -k 3",
    ),
    "no groups": (
        ("words.csv", "-f", "categorical", "-c", "word", "-k", 2),
        "rows in groups (--group), rows in time (--in-order)",
    ),
    "table of numbers": (
        ("table.csv", "-f", "poisson", "--table", "-k", 2),
        "--table counts categories, which --family poisson does not take; take --family categ",
    ),
    "table and group": (("table.csv", *TABLE, "--group", "ward"), "leave out --group"),
    "table and counts": (("table.csv", *TABLE, "--counts", "ill"), "leave out --counts"),
    "table and column": (("table.csv", *TABLE, "-c", "ill"), "leave out --column"),
    "table and order": (
        ("table.csv", *TABLE, "--in-order"),
        "--table puts rows in groups, --in-order puts them in time; give one of the two",
    ),
    "table and workers": (("table.csv", *TABLE, "--workers", 2), "are for rows in no groups"),
    "no table": (
        ("heights.csv", *TABLE),
        "village: line 3 is 'A' again; give each row once",
    ),
    "table of text": (("text.csv", *TABLE), "ill: row 'A' is 'few', which is not a number"),
    "table of fractions": (("half.csv", *TABLE), "ill: row 'A' is 0.5, which is not a whole"),
    "table below 0": (("below.csv", *TABLE), "ill: row 'A' is -1, which is below 0; give counts"),
    "empty row": (("empty_row.csv", *TABLE), "row 'B' of the table is empty"),
    "empty column": (("empty_column.csv", *TABLE), "column 'ill' of the table is empty"),
    "one category": (("one_category.csv", *TABLE), "the table has one category only"),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_one_line_and_status_2(case, run, tmp_path, monkeypatch):
    for name, text in {
        "one": "village,height\nA,1\nA,2\n",
        "text": "ward,well,ill\nA,3,few\n",
        "half": "ward,well,ill\nA,3,0.5\n",
        "below": "ward,well,ill\nA,3,-1\n",
        "empty_row": "ward,well,ill\nA,3,1\nB,0,0\n",
        "empty_column": "ward,well,ill\nA,3,0\nB,1,0\n",
        "one_category": "ward,well\nA,3\nB,1\n",
    }.items():
        (tmp_path / f"{name}.csv").write_text(text)
    words, hint = WRONG[case]
    monkeypatch.setattr(cli, "waiting", None)  # which tells that PyMC is loaded
    status, out, err = run("fit", *words)
    assert (status, out) == (2, "")
    (line,) = [one for one in err.splitlines() if one != "reading ..."]  # said where it takes long
    assert line.startswith("second-opinion: ")
    assert hint in line


def test_options_that_go_together_are_not_refused():
    ways = {"in_order": False, "sequence": None, "initial": None, "group": None, "table": False}
    assert arranged(**ways) == Arrangement()
    assert arranged(**ways | {"group": ["a"]}).option == "--group"
    assert arranged(**ways | {"table": True}).option == "--table"
    assert arranged(**ways | {"sequence": ["a"], "initial": "free"}).in_order
    given = {"--column": ["x"], "--counts": "n"}
    arranged(**ways | {"group": ["a"]}).refuse_beside(given, drop_missing=True, workers=False)
    arranged(**ways).refuse_beside(given, drop_missing=True, workers=True)
    none = {"--column": [], "--counts": None}
    arranged(**ways | {"table": True}).refuse_beside(none, drop_missing=True, workers=False)


def test_the_help_says_how_groups_are_given(run):
    status, out, _ = run("fit", "--help")
    assert status == 0
    words = " ".join(out.replace("│", " ").split())
    assert "--group" in words
    assert "the shares differ" in words
    assert "The file is a table of counts." in words
    assert "--tables" not in words  # negative control


def test_a_total_in_a_file_is_refused_by_name(tmp_path):
    path = tmp_path / "margins.csv"
    path.write_text("who,a,b\nx,1,2\ny,3,1\nTotal,4,3\n")
    with pytest.raises(Refusal, match="row 'Total' of the table is the sum of the others"):
        table_of(Categorical, str(path), drop_missing=False)
    path.write_text("who,a,b,total\nx,1,2,3\ny,3,1,4\n")
    with pytest.raises(Refusal, match="column 'total' of the table is the sum of the others"):
        table_of(Categorical, str(path), drop_missing=False)
    # negative control: a last row of its own
    path.write_text("who,a,b\nx,1,2\ny,3,1\nTotal,4,4\n")
    assert table_of(Categorical, str(path), drop_missing=False).data.totals.tolist() == [3, 4, 8]
