"""Tables of counts: a row a group, a column a category; what is wrong is named by its names."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from models import Groups
from models.reading.table import scan_table
from models.refusal import Refusal


def written(folder, text):
    path = folder / "table.csv"
    path.write_text(text)
    return path


def cells(data):
    names = data.sample.categories
    at = zip(data.whose.tolist(), data.places.tolist(), data.times.tolist(), strict=True)
    return {(data.titles[g], names[int(data.sample.x[row])]): times for g, row, times in at}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_is_read_as_in_memory(tmp_path, rng, kind):
    counts = rng(71).poisson(0.8, (30, 12)) + np.eye(30, 12, dtype=int)
    counts[12:, 0] += 1
    rows, columns = [f"r{one}" for one in range(30)], [f"word {one}" for one in range(12)]
    path = tmp_path / "table"
    if kind == "csv":
        lines = [";".join([name, *map(str, one)]) for name, one in zip(rows, counts, strict=True)]
        path.write_text("\n".join([";".join(["", *columns]), *lines]))
    else:
        parquet.write_table(
            pa.table({"row": rows, **dict(zip(columns, counts.T, strict=True))}), path
        )
    found = scan_table(path).data
    expected = Groups.from_table(counts, groups=rows, categories=columns)
    assert found.titles == expected.titles
    assert cells(found) == cells(expected)
    assert found.sample.categories == tuple(columns)
    other = Groups.from_table(counts[:, ::-1], groups=rows, categories=columns)
    assert cells(found) != cells(other)  # negative control


def test_many_batches_are_one_table(tmp_path, rng):
    counts = rng(72).poisson(1.0, (3_000, 700)) + 1  # more numbers than a batch has
    columns = {f"c{one}": column for one, column in enumerate(counts.T)}
    path, told = tmp_path / "table.parquet", []
    parquet.write_table(pa.table({"row": np.arange(3_000), **columns}), path)
    found = scan_table(path, progress=lambda *one: told.append(one)).data
    assert told[-1] == (3_000, 3_000)
    assert len(told) > 1
    table = np.zeros_like(counts)
    table[found.whose, found.sample.x[found.places].astype(int)] = found.times
    np.testing.assert_array_equal(table, counts)


def test_several_files_are_one_table(tmp_path):
    for name, rows in (("a", "x,1,0\n"), ("b", "y,2,3\n")):
        (tmp_path / f"{name}.csv").write_text("who,well,ill\n" + rows)
    found = scan_table(tmp_path / "*.csv").data
    assert cells(found) == {("x", "well"): 1, ("y", "well"): 2, ("y", "ill"): 3}
    (tmp_path / "c.csv").write_text("who,well,dead\nz,1,1\n")
    with pytest.raises(Refusal, match=r"c.csv and .*a.csv have different columns"):
        scan_table(tmp_path / "*.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("who,well,ill\nMary,3,-1\n", "ill: row 'Mary' is -1, which is below 0; give counts"),
        ("who,well,ill\nMary,3,0.5\n", "ill: row 'Mary' is 0.5, which is not a whole number"),
        ("who,well,ill\nMary,3,few\n", "ill: row 'Mary' is 'few', which is not a number"),
        ("who,well,ill\nMary,3,inf\n", "ill: row 'Mary' is inf, which is too large for a count"),
        ("who,well,ill\nMary,3,\n", "ill: row 'Mary' is blank; write 0 if it is none"),
        ("who,well,ill\nMary,3,1\nJane,0,0\n", "row 'Jane' of the table is empty: all of its"),
        ("who,well,ill\nMary,3,0\nJane,2,0\n", "column 'ill' of the table is empty: all of its"),
        ("who,well,ill\nMary,3,1\nMary,2,0\n", "who: line 3 is 'Mary' again; give each row once"),
        ("who,well,ill\nMary,3,1\n,2,0\n", "who: line 3 has no name; give it one"),
        ("who,well,ill,\nMary,3,1,\n", "column 4 has no name"),
        ("who,well,well\nMary,3,1\n", "has 2 columns called 'well'"),
        ("who\nMary\n", "has one column; a table names its rows in the first column"),
        ("who,well,ill\nMary,3,1\n", "all rows are in one group, 'Mary'"),
        ("who,well,ill\nMary,3,1\nJane,2\n", "line 3 has 2 values, the first line has 3"),
    ],
)
def test_bad_tables_are_refused_by_the_names_of_row_and_column(tmp_path, text, message):
    with pytest.raises(Refusal, match=message):
        scan_table(written(tmp_path, text))


def test_a_table_of_parquet_is_refused_by_names_too(tmp_path):
    path = tmp_path / "table"
    for values, message in (
        ([1, -2], "ill: row 'Jane' is -2, which is below 0"),
        ([1.0, 2.5], "ill: row 'Jane' is 2.5, which is not a whole number"),
        ([1, None], "ill: row 'Jane' is blank"),
        (["1", "many"], "ill: row 'Jane' is 'many', which is not a number"),
        ([2**60, 1], "ill: row 'Mary' is 1.15292e[+]18, which is too large for a count"),
        ([[1], [2]], "ill is of type list<"),
    ):
        parquet.write_table(
            pa.table({"who": ["Mary", "Jane"], "well": [1, 1], "ill": values}), path
        )
        with pytest.raises(Refusal, match=message):
            scan_table(path)
    parquet.write_table(pa.table({"who": ["Mary", "Jane"], "well": [1, 1], "ill": [0, 2]}), path)
    assert scan_table(path).data.totals.tolist() == [1, 3]


def test_rows_with_blanks_are_dropped_on_request(tmp_path):
    path = written(tmp_path, "who,well,ill\nMary,3,NA\nJane,2,1\nAnn,0,4\n")
    found = scan_table(path, drop_missing=True)
    assert found.dropped == 1
    assert found.data.titles == ("Jane", "Ann")
    with pytest.raises(Refusal, match="below 0"):
        scan_table(written(tmp_path, "who,well,ill\nMary,3,-2\nJane,2,1\n"), drop_missing=True)
    with pytest.raises(Refusal, match=r"each row of .* has a blank"):
        scan_table(written(tmp_path, "who,well,ill\nMary,3,\nJane,,1\n"), drop_missing=True)
