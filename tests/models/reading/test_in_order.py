"""Files whose rows are in order: names of sequences, blank rows, and what is refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from models.reading.columns import Columns
from models.reading.in_order import scan_in_order
from models.refusal import Refusal


def written(folder, text):
    path = folder / "rows.csv"
    path.write_text(text)
    return path


def test_a_blank_row_keeps_its_place(tmp_path):
    data = scan_in_order(written(tmp_path, "n\n3\nNA\n4\n"), Columns(("n",))).data
    assert data.places.tolist() == [0, 2, 1]
    assert data.initial == "stationary"


def test_an_empty_line_of_one_column_is_a_row_that_was_not_seen(tmp_path):
    found = scan_in_order(written(tmp_path, "n\n3\n\n4\n-1\n"), Columns(("n",)))
    assert found.data.seen.tolist() == [True, False, True, True]
    assert found.where(3) == "line 5"
    beside = scan_in_order(written(tmp_path, "n,m\n3,1\n\n4,2\n"), Columns(("n",)))
    assert len(beside.data.places) == 2  # of several columns an empty line is no row


@pytest.mark.parametrize("kind", ["csv", "parquet", "dictionary"])
def test_sequences_are_named_by_text_or_numbers(tmp_path, kind):
    names, x = ["Zoe", "Zoe", "Al", "Al", "Al"], [1.5, None, 2.0, 2.5, 1.5]
    path = tmp_path / "rows"
    if kind == "csv":
        path.write_text(
            "who,x\n"
            + "".join(f"{a},{'' if b is None else b}\n" for a, b in zip(names, x, strict=True))
        )
    else:
        who = pa.array(names)
        parquet.write_table(
            pa.table({"who": who.dictionary_encode() if kind == "dictionary" else who, "x": x}),
            path,
        )
    data = scan_in_order(path, Columns(("x",)), "who").data
    assert data.titles == ("Zoe", "Al")
    assert data.ends.tolist() == [2, 5]
    assert data.seen.tolist() == [True, False, True, True, True]
    numbered = written(tmp_path, "who,x\n7,1\n7,2\n3,3\n3,\n")
    assert scan_in_order(numbered, Columns(("x",)), "who").data.titles == ("7", "3")


def test_many_batches_are_one_sequence(tmp_path):
    n = 2_500_000  # more than a batch of a Parquet file
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"x": np.arange(n) % 7 + 0.5}), path)
    told = []
    found = scan_in_order(path, Columns(("x",)), progress=lambda *one: told.append(one))
    assert len(found.data.places) == n
    np.testing.assert_array_equal(
        found.data.sample.x[found.data.places[-8:]] - 0.5, np.arange(n - 8, n) % 7
    )
    assert found.where(n - 1) == "row 2,500,000"
    assert told[-1] == (n, n)
    assert len(told) > 1


@pytest.mark.parametrize(
    ("text", "columns", "sequence", "message"),
    [
        ("id,x\na,1\nb,2\na,3\n", ("x",), "id", "'a' begins in line 2 and again in line 4; sort"),
        ("id,x\na,1\n ,2\n", ("x",), "id", "id: line 3 names no sequence"),
        ("id,x\na,1\na,2\nb,\nb,NA\n", ("x",), "id", "sequence 'b': none of its rows was seen"),
        ("id,x,y\na,1,2\na,3,\n", ("x", "y"), "id", "y: line 3 is blank, but the other columns"),
        ("id,x\na,1\na,-inf\n", ("x",), "id", "x: line 3 is -inf, which is not finite"),
        ("id,x\na,1\na,2\n", ("x",), "idd", "has no column 'idd'; did you mean 'id'"),
        ("id,x\na,1\na,2\n", ("x",), "x", "x is asked for twice"),
        ("x\n1\ntall\n", ("x",), None, "x: line 3 is 'tall', which is not a number"),
    ],
)
def test_bad_files_are_refused_with_the_line(tmp_path, text, columns, sequence, message):
    with pytest.raises(Refusal, match=message):
        scan_in_order(written(tmp_path, text), Columns(columns), sequence)


def test_rows_that_the_family_refuses_are_found_behind_unseen_ones(tmp_path):
    from models import Poisson

    found = scan_in_order(written(tmp_path, 'n\n3\n""\n-4\n5\n'), Columns(("n",)))
    with pytest.raises(Refusal, match="n: line 4 is -4, which is below 0"):
        found.refuse_rows(Poisson.observe)


def test_flips_behind_a_blank_row_do_not_matter(tmp_path):
    path = written(tmp_path, "heads,flips\n3,10\nNA,NA\n4,12\n")
    data = scan_in_order(path, Columns(("heads",), "flips")).data
    assert data.sample.trials.tolist() == [10, 12]
    with pytest.raises(Refusal, match="flips: line 3 is blank"):
        scan_in_order(written(tmp_path, "heads,flips\n3,10\n4,\n"), Columns(("heads",), "flips"))


def test_counts_are_refused(tmp_path):
    with pytest.raises(Refusal, match="times says how often a row occurred, but rows in order"):
        scan_in_order(written(tmp_path, "n,times\n3,1\n"), Columns(("n",), counts="times"))
