"""Sheets of workbooks: numbers as they are, and what is wrong in one line."""

from __future__ import annotations

import sys
from zipfile import ZipFile

import numpy as np
import pytest
from reading_files import read_columns
from workbooks import open_document, written

from models.reading.columns import Columns
from models.reading.files import column_names, sources_at
from models.reading.in_order import scan_in_order
from models.reading.scan import scan
from models.reading.source import Files
from models.reading.table import scan_table
from models.refusal import Refusal, worded

DAY = 43861  # 2020-01-31, as Excel counts days

PEOPLE = [
    ["name", "height", "day", "said"],
    ["Ann", 171.5, f"date:{DAY}", "1,5"],
    ["Bob, B.", 183, f"date:{DAY + 1}", "2"],
    ["Cy\nD", 165.1234567890123, f"date:{DAY + 2}", "3"],
]


@pytest.fixture
def book(tmp_path):
    return written(tmp_path / "people.xlsx", {"People": PEOPLE, "More": [["x"], [1]], "None": []})


def refused(path, column, **options):
    with pytest.raises(Refusal) as caught:
        scan(path, column, **options)
    said = worded(caught.value.both_ways, typed=True)
    assert "\n" not in said
    return said


def test_numbers_of_a_sheet_are_exact(book):
    found = read_columns(book, ["height", "4"])
    assert found.values["height"].tolist() == [171.5, 183, 165.1234567890123]
    assert found.values["4"].tolist() == [1.5, 2, 3]  # text that is numbers
    assert found.where(2) == "line 4"  # its row in the sheet
    assert column_names(sources_at(book)[0]) == ["name", "height", "day", "said"]
    assert read_columns(Files(book, sheet="More"), ["x"]).values["x"].tolist() == [1]
    assert "line 2 is '1,5', which is no number with decimal p" in refused(
        book, "said", decimal="."
    )
    for mark in ".,":  # numbers are what they are in any case
        assert scan(book, "height", decimal=mark).x.max() == 183


def test_a_usual_sheet_is_read_where_none_is_said(book, tmp_path):
    usual = Files(book, usual="More")
    assert read_columns(usual, ["x"]).values["x"].tolist() == [1]
    said = usual._replace(sheet="People")
    assert read_columns(said, ["height"]).values["height"][0] == 171.5
    plain = tmp_path / "plain.csv"
    plain.write_text("x\n7\n")
    assert read_columns(usual._replace(path=plain), ["x"]).values["x"].tolist() == [7]


def test_open_document_is_read_too(tmp_path):
    path = open_document(
        tmp_path / "people.ods", [["name", "height"], ["Ann", 171.5], ["Bob", 183]]
    )
    assert sorted(scan(path, "height").x.tolist()) == [171.5, 183]


def test_which_sheet_is_read_is_told_where_there_are_more(book, tmp_path):
    told = []
    scan(Files(book, tell=told.append), "height")
    (said,) = told
    assert said == (
        f"{book}: the sheet 'People' is read, the first of 3 (People, More, None); --sheet takes "
        "another"
    )
    told.clear()
    scan(Files(book, tell=told.append), "x", sheet="2")
    one = written(tmp_path / "one.xlsx", {"One": [["x"], [1], [2]]})
    scan(Files(one, tell=told.append), "x")
    assert told == []


@pytest.mark.parametrize(
    ("column", "options", "said"),
    [
        (
            "x",
            {"sheet": "more"},
            "has no sheet 'more'; did you mean 'More'? it has 3 sheets: People",
        ),
        ("x", {"sheet": "4"}, "has no sheet '4'; it has 3 sheets: People, More, None"),
        ("x", {"sheet": "None"}, "the sheet 'None' is empty; give another (--sheet): People, More"),
        ("Height (cm)", {}, "has no column 'Height (cm)'; did you mean 'height'?"),
        ("day", {}, "day: line 2 is '2020-01-31', which is not a number but a date"),
        ("name", {}, "name: line 2 is 'Ann', which is not a number, and no other of 3 rows is one"),
    ],
)
def test_what_is_wrong_with_a_sheet_is_one_line(column, options, said, book):
    assert said in refused(book, column, **options)


def test_files_that_are_no_workbooks_are_refused(book, tmp_path, monkeypatch):
    other = tmp_path / "other.zip"
    with ZipFile(other, "w") as file:
        file.writestr("a.csv", "x\n1\n")
    assert "cannot be read as a workbook" in refused(other, "x")
    old = tmp_path / "old.xls"
    old.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600))
    assert "cannot be read as a workbook" in refused(old, "x")
    plain = tmp_path / "plain.csv"
    plain.write_text("x\n1\n")
    assert "is not a workbook, so it has no sheet 'a'; leave the sheet out (--sheet)" in refused(
        plain, "x", sheet="a"
    )
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    assert refused(book, "height") == (
        f"{book} is an Excel workbook or another zip file; to read workbooks install "
        "python-calamine: uv sync --extra excel; or save the sheet as CSV in UTF-8"
    )
    assert scan(plain, "x").observations == 1  # negative control: others need no extra


def test_blank_rows_of_a_sheet(tmp_path):
    rows = [[None, None], ["n", "m"], [3, 1], [None, None], [5, 2], [None, None]]
    path = written(tmp_path / "gaps.xlsx", {"One": rows})
    assert scan(path, "n").observations == 2  # blank rows count as blank lines
    partly = written(tmp_path / "hole.xlsx", {"One": [["n", "m"], [3, 1], [None, 2], [5, 2]]})
    assert "first in line 3; leave such rows out (--drop-missing)" in refused(partly, "n")
    assert scan(partly, "n", drop_missing=True).observations == 2
    data = scan_in_order(path, Columns(("n",))).data
    np.testing.assert_array_equal(data.seen, [True, False, True])


def test_a_table_of_counts_in_a_sheet(tmp_path):
    rows = [["ward", "well", "ill"], ["A", 3, 0], ["B", 1, 2]]
    found = scan_table(written(tmp_path / "wards.xlsx", {"One": rows})).data
    assert found.titles == ("A", "B")
    assert found.totals.tolist() == [3, 3]
