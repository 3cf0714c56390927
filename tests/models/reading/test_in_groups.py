"""Files whose rows are in groups: counted as in memory, in batches, in little memory."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from models import Categorical, Groups, Poisson
from models.reading import in_groups
from models.reading.cells import CellCounts
from models.reading.columns import Columns
from models.reading.in_groups import scan_in_groups, scan_labels
from models.refusal import Refusal

WORD = Columns(("word",))


def written(folder, text):
    path = folder / "rows.csv"
    path.write_text(text)
    return path


def counted(data):
    """The count of each row in each group, by names."""
    names = data.sample.categories
    rows = data.sample.x if data.sample.trials is None else zip(data.sample.x, data.sample.trials)  # noqa: B905
    rows = [names[int(one)] if names else tuple(np.atleast_1d(one)) for one in rows]
    places = data.places.tolist()
    assert len(set(zip(data.whose.tolist(), places, strict=True))) == len(places)
    cells = zip(data.whose.tolist(), places, data.times.tolist(), strict=True)
    return {(data.titles[group], rows[place]): times for group, place, times in cells}


def same(found, expected):
    """Whether two records of groups are equal but for the order in which rows were given."""
    return (
        found.titles == expected.titles
        and found.sample.categories == expected.sample.categories
        and all(
            np.array_equal(getattr(found, name), getattr(expected, name))
            for name in ("places", "times", "ends")
        )
        and np.array_equal(found.sample.x, expected.sample.x)
        and np.array_equal(found.sample.counts, expected.sample.counts)
    )


@pytest.mark.parametrize("kind", ["csv", "parquet", "dictionary"])
def test_words_of_documents_are_counted_as_in_memory(tmp_path, rng, kind):
    some = rng(61)
    documents = some.integers(0, 40, 3_000).astype(str)
    words = np.array([f"w{one}" for one in some.geometric(0.05, 3_000)])
    path = tmp_path / "rows"
    if kind == "csv":
        rows = "".join(f"{a};{b}\n" for a, b in zip(documents, words, strict=True))
        path.write_text(f"document;word\n{rows}")
    else:
        column = pa.array(words)
        coded = column.dictionary_encode() if kind == "dictionary" else column
        parquet.write_table(pa.table({"document": documents.astype(int), "word": coded}), path)
    found = scan_in_groups(path, WORD, "document", labelled=True).data
    expected = Groups(words, documents)
    assert same(found, expected)
    assert not same(found, Groups(words, documents[::-1]))  # negative control
    assert not same(found, Groups(words[::-1], documents))


def test_counts_are_added_up(tmp_path):
    path = written(tmp_path, "d,word,n\na,to,2\nb,be,1\na,to,3\na,be,0\n")
    found = scan_in_groups(path, Columns(("word",), counts="n"), "d", labelled=True).data
    assert counted(found) == {("a", "to"): 5, ("b", "be"): 1}
    expected = Groups(["to", "be", "to", "be"], ["a", "b", "a", "a"], counts=[2, 1, 3, 0])
    assert same(found, expected)
    assert not same(found, Groups(["to", "be", "to"], ["a", "b", "a"]))  # without counts


def test_numbers_tables_and_coins_are_counted_as_in_memory(tmp_path, rng):
    some = rng(62)
    towns = some.choice(["Ulm", "Bonn", "Kiel"], 500)
    x, y = some.normal(170, 9, 500).round(), some.integers(0, 4, 500).astype(float)
    path = tmp_path / "rows"
    parquet.write_table(pa.table({"town": towns, "x": x, "y": y, "n": y + 4}), path)
    one = scan_in_groups(path, Columns(("x",)), "town").data
    assert same(one, Groups(x, towns))
    two = scan_in_groups(path, Columns(("x", "y")), "town").data
    assert same(two, Groups(np.column_stack([x, y]), towns))
    assert not same(two, Groups(np.column_stack([x, y[::-1]]), towns))  # negative control
    coins = scan_in_groups(path, Columns(("y",), "n"), "town").data
    assert same(coins, Groups(y, towns, trials=y + 4))
    np.testing.assert_array_equal(coins.sample.trials, coins.sample.x + 4)
    fixed = scan_in_groups(path, Columns(("y",), 7), "town").data
    assert same(fixed, Groups(y, towns, trials=7))


def test_many_batches_are_merged(tmp_path, rng):
    """In batches of a Parquet file, which are shorter than it."""
    some = rng(63)
    n = 1_600_000
    towns, x = some.integers(0, 200, n), some.integers(0, 300, n).astype(float)
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"town": towns, "x": x}), path)
    told = []
    found = scan_in_groups(path, Columns(("x",)), "town", progress=lambda *one: told.append(one))
    assert told[-1] == (n, n)
    assert len(told) > 2
    table = np.zeros((200, 300), int)
    np.add.at(table, (towns, x.astype(int)), 1)
    data = found.data
    mine = np.zeros_like(table)
    names = np.array(data.titles).astype(int)
    mine[names[data.whose], data.sample.x[data.places].astype(int)] = data.times
    np.testing.assert_array_equal(mine, table)
    np.testing.assert_array_equal(names, list(dict.fromkeys(towns.tolist())))


def test_parts_that_overlap_are_counted_once(rng):
    some, cells, every = rng(64), CellCounts(), []
    for size in (900, 20, 300, 1, 5_000, 7):
        whose, places = some.integers(0, 9, size), some.integers(0, 90, size)
        cells.add(whose, places, None)
        every.append(np.stack([whose, places]))
    found = cells.result()
    both, often = np.unique(np.concatenate(every, axis=1), axis=1, return_counts=True)
    np.testing.assert_array_equal(np.stack([found.whose, found.places]), both)
    np.testing.assert_array_equal(found.times, often)


def test_rows_with_blanks_are_dropped_on_request(tmp_path):
    path = written(tmp_path, "d,word\na,to\n,be\nb,\nc,\na,be\nb,to\na,to\n")
    with pytest.raises(
        Refusal,
        match=r"word: 2 of 7 rows, d: 1 of 7 rows without .* in line 3; leave such rows out",
    ):
        scan_in_groups(path, WORD, "d", labelled=True)
    found = scan_in_groups(path, WORD, "d", labelled=True, drop_missing=True)
    assert found.dropped == 3
    assert counted(found.data) == {("a", "be"): 1, ("a", "to"): 2, ("b", "to"): 1}  # and no group c


def test_a_category_of_dropped_rows_alone_is_none(tmp_path):
    path = written(tmp_path, "d,word\na,to\n,nay\nb,be\na,be\n")
    found = scan_in_groups(path, WORD, "d", labelled=True, drop_missing=True).data
    assert found.sample.categories == ("be", "to")


def test_missing_numbers_of_a_parquet_file_name_no_group(tmp_path):
    path = tmp_path / "rows"
    table = {"d": [1.0, 2.0, float("nan"), 2.0, None], "x": [1, 2, 3, 4, 5]}
    parquet.write_table(pa.table(table), path)
    with pytest.raises(Refusal, match=r"d: 2 of 5 rows without a value .*, first in row 3"):
        scan_in_groups(path, Columns(("x",)), "d")
    found = scan_in_groups(path, Columns(("x",)), "d", drop_missing=True)
    assert found.data.titles == ("1", "2")


@pytest.mark.parametrize(
    ("text", "columns", "group", "message"),
    [
        ("d,x\na,1\n1.5,2\na,3\n", ("x",), "d", "d: line 3 is '1.5', which names no group; give"),
        ("d,x\na,1\n ,2\n", ("x",), "d", "d: 1 of 2 rows without a value .*, first in line 3"),
        ("d,x\na,1\na,2\n", ("x",), "e", "has no column 'e'"),
        ("town,x\na,1\na,2\n", ("x",), "twon", "has no column 'twon'; did you mean 'town'"),
        ("d,x\na,1\na,2\n", ("x",), "x", "x is asked for twice"),
        ("d,x\na,1\na,2\n", ("x",), "2", "x and 2 are the same column"),
        ("d,x\na,1\nb,-inf\n", ("x",), "d", "x: line 3 is -inf, which is not finite"),
        ("d,x\na,1\nb,tall\n", ("x",), "d", "x: line 3 is 'tall', which is not a number"),
        ("d,x\na,1\na,2\n", ("x",), "d", "all rows are in one group, 'a'"),
        ("d,x\na,1\nb,2\n", ("x",), "d", "every row is in a group of its own"),
    ],
)
def test_bad_files_are_refused_with_the_line(tmp_path, text, columns, group, message):
    with pytest.raises(Refusal, match=message):
        scan_in_groups(written(tmp_path, text), Columns(columns), group)


@pytest.mark.parametrize("name", ["2", "2.0", "1e3", "v1.5", "1.5.2", "inf", "Ulm"])
def test_whole_numbers_and_text_name_groups(tmp_path, name):
    path = written(tmp_path, f"d,x\na,1\n{name},2\na,3\n")
    assert scan_in_groups(path, Columns(("x",)), "d").data.titles == ("a", name)


def test_bad_counts_are_refused_with_the_line(tmp_path):
    columns = Columns(("word",), counts="n")
    for n, message in (
        ("-1", "n: line 3 is -1, which is below 0"),
        ("0.5", "n: line 3 is 0.5, which is not a whole number"),
        ("0", "group 'b' has no rows: all of its counts are 0"),
    ):
        path = written(tmp_path, f"d,word,n\na,to,2\nb,be,{n}\n")
        with pytest.raises(Refusal, match=message):
            scan_in_groups(path, columns, "d", labelled=True)
    path = written(tmp_path, "d,word,n\na,to,2\nb,be,1\n")
    assert scan_in_groups(path, columns, "d", labelled=True).data.sample.observations == 3


def test_a_column_that_numbers_many_rows_is_refused_early(tmp_path, monkeypatch):
    path = written(tmp_path, "d,x\n" + "".join(f"{at},{at % 3}\n" for at in range(60)))
    monkeypatch.setattr(in_groups, "MOST_GROUPS", 59)
    with pytest.raises(Refusal, match="d names more than 59 groups; give a column with fewer"):
        scan_in_groups(path, Columns(("x",)), "d")
    monkeypatch.setattr(in_groups, "MOST_GROUPS", 60)
    with pytest.raises(Refusal, match="every row is in a group of its own"):
        scan_in_groups(path, Columns(("x",)), "d")


def test_rows_that_the_family_refuses_are_found(tmp_path):
    path = written(tmp_path, "town,n\na,3\nb,4\n\na,-4\nb,5\n")
    found = scan_in_groups(path, Columns(("n",)), "town")
    with pytest.raises(Refusal, match="n: line 5 is -4, which is below 0"):
        found.refuse_rows(Poisson.observe)
    one = scan_in_groups(written(tmp_path, "d,word\na,to\na,to\nb,to\n"), WORD, "d", labelled=True)
    with pytest.raises(Refusal, match="word has one category only"):
        one.refuse_rows(Categorical.observe)
    fine = scan_in_groups(written(tmp_path, "town,n\na,3\na,4\nb,5\n"), Columns(("n",)), "town")
    fine.refuse_rows(Poisson.observe)


def test_labels_in_no_groups_take_counts(tmp_path):
    path = written(tmp_path, "word,n\nto,2\nbe,1\nto,3\n,4\n")
    found = scan_labels(path, Columns(("word",), counts="n"), drop_missing=True)
    assert found.sample.categories == ("be", "to")
    assert found.sample.counts.tolist() == [1, 5]
    assert found.dropped == 1
    assert scan_labels(path, WORD, drop_missing=True).sample.counts.tolist() == [1, 2]
    with pytest.raises(Refusal, match="n are all zero"):
        scan_labels(written(tmp_path, "word,n\nto,0\n"), Columns(("word",), counts="n"))


def test_cells_are_groups_as_rows_are(rng):
    some = rng(65)
    x, group = some.integers(0, 5, 200).astype(float), some.integers(0, 4, 200)
    expected = Groups(x, group)
    cells, times = np.unique(np.stack([group, x.astype(int)]), axis=1, return_counts=True)
    mixed = some.permutation(cells.shape[1])
    titles = [str(one) for one in range(4)]
    places, whose = cells[1][mixed], cells[0][mixed]
    found = Groups.from_cells(np.arange(5.0), places, whose, times[mixed], titles)
    assert counted(found) == counted(expected)
    np.testing.assert_array_equal(found.whose[found.lines], whose)  # the order of the cells
    np.testing.assert_array_equal(found.sample.x[found.places[found.lines]], places)
    unlike = Groups.from_cells(np.arange(5.0), places, whose, times[mixed[::-1]], titles)
    assert counted(unlike) != counted(expected)  # negative control


CEILING = 1e9  # bytes
SCAN = """
import re, sys
from models.reading.columns import Columns
from models.reading.in_groups import scan_in_groups
found = scan_in_groups(sys.argv[1], Columns(("word",)), "document", labelled=True).data
if len(sys.argv) > 2:
    from pyarrow import parquet
    table = parquet.read_table(sys.argv[1]).to_pydict()
with open("/proc/self/status") as status:
    peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status.read())[1])
print(found.sample.observations, len(found.places), peak)
"""


@pytest.mark.slow
def test_many_rows_in_little_memory(tmp_path, rng, pytestconfig):
    rows, some = pytestconfig.getoption("--rows"), rng(66)
    path, words = tmp_path / "rows.parquet", pa.array([f"w{one}" for one in range(5_000)])
    with parquet.ParquetWriter(
        path, pa.schema([("document", pa.int64()), ("word", pa.string())])
    ) as writer:
        for begin in range(0, rows, 1_000_000):
            n = min(1_000_000, rows - begin)
            taken = words.take(pa.array(np.minimum(some.geometric(0.002, n), 5_000) - 1))
            writer.write_table(pa.table({"document": some.integers(0, 5_000, n), "word": taken}))

    def read(*words):
        command = [sys.executable, "-c", SCAN, str(path), *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return map(int, done.stdout.split())

    observations, cells, peak = read()
    assert observations == rows
    assert cells < rows
    assert peak < CEILING
    *_, more = read("and hold the rows")
    assert rows < 10_000_000 or more > CEILING  # negative control
