"""How numbers are written, and sheets of workbooks, on the command line."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from comparisons.command import main as cli
from comparisons.command.arrangement import Arrangement
from comparisons.command.files import files_of
from models import Gaussian
from models.names import family_named

EM = ("-f", "gaussian", "-k", "1", "--only", "em")


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return what runs the command in an empty folder: (status, output, error)."""
    monkeypatch.chdir(tmp_path)

    def called(*words):
        monkeypatch.setattr(sys, "argv", ["second-opinion", *words])
        with pytest.raises(SystemExit) as left:
            cli.main()
        return (left.value.code, *capsys.readouterr())

    return called


def german(values):
    """Return numbers as they are shown in Germany, all with thousands and three decimals."""
    return [f"{one:,.3f}".translate({44: 46, 46: 44}) for one in values]


def test_what_is_recognised_is_said_once_and_fitted(run, tmp_path):
    values = np.random.default_rng(5).normal(1500, 400, 60).round(3)
    (tmp_path / "de.csv").write_text("n;size\n" + "".join(f"1;{one}\n" for one in german(values)))
    (tmp_path / "us.csv").write_text("n,size\n" + "".join(f"1,{one}\n" for one in values))
    status, out, err = run("fit", "de.csv", "-c", "size", *EM)
    assert (status, out.count("1 group")) == (0, 1)
    assert err.count("size: decimal commas and points between thousands: ") == 1
    plain = run("fit", "us.csv", "-c", "size", *EM)
    assert plain[1] == out
    assert "decimal" not in plain[2]  # negative control: plain numbers need no word
    asked = run("fit", "de.csv", "-c", "size", *EM, "--decimal", ",", "--thousands", ".")
    assert asked[1] == out
    assert "decimal" not in asked[2]


@pytest.mark.parametrize("command", ["fit", "choose"])
def test_what_may_be_two_numbers_is_one_line_that_names_the_option(command, run, tmp_path):
    (tmp_path / "two.csv").write_text("n;size\n1;1.549\n2;2.461\n3;950\n")
    status, out, err = run(command, "two.csv", "-f", "gaussian", "-c", "size")
    assert (status, out) == (2, "")
    assert err.splitlines()[-1] == (
        "second-opinion: size: line 2 is '1.549', which may be 1.549 or 1549; say which one "
        "(--decimal . or --thousands .)"
    )
    status, _, err = run(command, "two.csv", "-f", "gaussian", "-c", "size", "--decimal", "x")
    assert (status, err) == (
        2,
        "second-opinion: the decimal mark (--decimal) is 'x'; give '.' or ','\n",
    )


def test_counts_in_a_table_have_thousands(tmp_path):
    path = tmp_path / "wards.csv"
    path.write_text('ward,well,ill\nA,"1,300",0\nB,1,2\n')
    arranged = Arrangement(table=True)
    asked = family_named("categorical"), files_of(str(path), None, ",", None), [], None, None, None
    found = arranged.observed(*asked, drop_missing=False)
    assert found.data.totals.tolist() == [1300, 3]
    assert found.reading.thousands == ","


@pytest.mark.parametrize(
    "arranged", [Arrangement(), Arrangement(in_order=True), Arrangement(group="town")]
)
def test_every_arrangement_of_rows_reads_the_marks(arranged, tmp_path):
    path = tmp_path / "towns.csv"
    path.write_text("town;size\nA;1.549\nA;2.461\nB;950\nB;951\n")
    told = files_of(str(path), None, ".", None)
    asked = Gaussian, told, ["size"], None, None, None
    found = arranged.observed(*asked, drop_missing=False)
    assert found.sample.x.max() == 2461
    assert (found.reading.decimal, found.reading.thousands) == ("", ".")
