"""Columns read from files, and what is said of files that hold none."""

from __future__ import annotations

import gzip
import io
import os
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from reading_files import read_columns

from models.reading.files import open_files
from models.reading.scan import scan
from models.reading.source import Files
from models.refusal import Refusal


@pytest.fixture
def write(tmp_path):
    def written(content: str | bytes, name: str = "people.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def refused(path, names=("height",), **options) -> str:
    with pytest.raises(Refusal) as caught:
        read_columns(path, names, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert isinstance(caught.value, ValueError)
    return message


TABLE = "name,height,weight\nAnn,171.5,60\nBob,183,81.25\n"


@pytest.mark.parametrize(
    "content",
    [
        TABLE,
        TABLE.replace(",", ";"),
        TABLE.replace(",", "\t"),
        TABLE.replace(",", "|"),
        TABLE.replace(",", ";").replace(".", ","),
        TABLE.replace("\n", "\r\n"),
        TABLE.replace("\n", "\r"),
        TABLE.rstrip("\n"),
        TABLE + "\n\n",
        "\n" + TABLE.replace("\nBob", "\n\nBob"),
        TABLE.replace(",", " , "),
        TABLE.replace("Ann", '"Smith, ""A""\nand sons"'),
        TABLE.replace("171.5", '"171.5"').replace("183", "+1.83E2"),
        "\ufeff" + TABLE,
        TABLE.replace("Ann", "Zoë").encode("latin-1"),
        TABLE.replace("name", "Größe").encode("latin-1"),
        "name;height;weight\nAnn;171,5;60\nBob;183;81,25\n",
        "name, first;height;weight\nAnn, B;171,5;60\nBob, C;183;81,25\n",
        "a;b or c,height,weight\nAnn,171.5,60\nBob,183,81.25\n",
    ],
)
@pytest.mark.parametrize("pack", [lambda raw: raw, gzip.compress])
def test_every_kind_of_csv_is_the_same_table(content, pack, write):
    raw = content if isinstance(content, bytes) else content.encode()
    columns, dropped, _ = read_columns(write(pack(raw)), ["weight", "height"])
    assert list(columns) == ["weight", "height"]
    assert dropped == 0
    np.testing.assert_array_equal(columns["height"], [171.5, 183])
    np.testing.assert_array_equal(columns["weight"], [60, 81.25])
    assert columns["height"].dtype == np.float64


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("gb18030", "\u8eab\u9ad8"),
        ("utf-16", "\u8eab\u9ad8"),
        ("big5", "\u8eab\u9ad8"),
        ("cp932", "\u8eab\u9577"),
        ("cp949", "\uc2e0\uc7a5"),
        ("cp1251", "\u0440\u043e\u0441\u0442"),
        ("cp1253", "\u03cd\u03c8\u03bf\u03c2"),
        ("cp1252", "Gr\xf6\xdfe"),
    ],
)
def test_names_are_found_in_the_encodings_of_several_countries(encoding, name, write):
    text = f"{name}\tn\r\n171,5\t1\r\n180\t2\r\n"
    found = read_columns(write(text.encode(encoding)), [name])
    assert found.values[name].tolist() == [171.5, 180]
    assert found.where(1) == "line 3"
    if encoding in {"gb18030", "utf-16", "cp1252"}:  # which are known without a name too
        said = refused(write(text.encode(encoding)), ["weight"])
        assert said.endswith(f"it has 2 columns: {name}, n")


def test_a_byte_that_is_no_text_far_below_is_refused(write, monkeypatch):
    monkeypatch.setattr("models.reading.text.HEAD", 1 << 12)
    raw = "\u8eab\u9ad8,n\n".encode("gb18030") + b"170,1\n" * 2_000
    assert len(read_columns(write(raw), ["\u8eab\u9ad8"]).values["\u8eab\u9ad8"]) == 2_000
    assert "is not all in one encoding" in refused(write(raw + b"\xff\xff,1\n"), ["\u8eab\u9ad8"])


def test_a_total_below_the_table_is_told(write):
    def told(text):
        lines = []
        open_files(Files(write(text), tell=lines.append), ["height"])
        return lines

    (said,) = told("name,height\nA,1\nB,2\nTotal:,3\n\n")
    assert "line 4, the last one, is called 'Total:'; if it is a total, delete it" in said
    (said,) = told("\u59d3\u540d;height\nA;1\nB;2\n\u5408\u8ba1;3\n")
    assert "line 4" in said
    assert told("name,height\nTotal,1\nB,2\n") == []  # negative control: not the last row


def test_a_name_in_latin_1_is_found(write):
    columns, *_ = read_columns(write("Größe;x\n171,5;1\n".encode("latin-1")), ["Größe"])
    assert columns["Größe"] == [171.5]


def test_logical_values_are_0_and_1(write):
    columns, *_ = read_columns(write("a,b\nTRUE,1\nfalse,0\n"), ["a", "b"])
    np.testing.assert_array_equal(columns["a"], [1, 0])
    assert "line 3 is 'false'" in refused(write("a\n1\nfalse\n"), ["a"])  # not among numbers


def test_standard_input_is_read_once(monkeypatch):
    def standard(content: bytes) -> None:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))

    standard(TABLE.encode())
    assert read_columns("-", ["height"])[0]["height"].tolist() == [171.5, 183]
    standard(TABLE.replace("183", "tall").encode())
    assert refused("-").startswith("height: line 3 is 'tall', which is not a number; 1 of 2 rows")
    standard(b"")
    assert refused("-").startswith("standard input is empty")


def test_a_pipe_is_read_once(tmp_path):
    import threading

    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(TABLE.replace("183", "tall"),))
    writer.start()
    assert "line 3 is 'tall'" in refused(path)
    writer.join()


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, "is empty"),
        (" \n\n", {}, "is empty"),
        ("height\n", {}, "has a line of names and no rows"),
        ("height\n\n\n", {}, "no rows"),
        ("height\nabc\n", {}, "height: line 2 is 'abc', which is not a number"),
        ('note,height\n"a\n\nb",1\n\nc,abc\n', {}, "height: line 6 is 'abc'"),
        ("height\n" + "1\n" * 15 + "abc\n2\n", {}, "height: line 17 is 'abc'"),
        ("height\n" + "x" * 90 + "\n", {}, "'" + "x" * 37 + "...'"),
        ("height\n1\n2020-01-31\n", {}, "line 3 is '2020-01-31', which is not a number"),
        ("height\n1\n0x10\n", {}, "line 3 is '0x10'"),
        ("height\n1\n1_000\n", {}, "line 3 is '1_000'"),
        ("height;b\n1,234;1\n", {}, "line 2 is '1,234', which may be 1.234 or 1234; say which one"),
        ("height;b\n1.234;1\n", {}, "line 2 is '1.234', which may be 1.234 or 1234; say which one"),
        ("height;b\n1,2;1\n1.2;1\n", {}, "line 2 is '1,2', but other rows have decimal points"),
        (
            "height;b\n1,2;1\n3;1\n4.5;1\n6,5;1\n",
            {},
            "line 4 is '4.5', but other rows have decimal c",
        ),
        ("height;b\n1,23,45;1\n", {}, "line 2 is '1,23,45', which is not a number"),
        ("height\n" + "1\n" * 600_000 + "171,2\n", {}, "has 2 values, the first line has 1; write"),
        ("a,height\n1,2\n3\n", {}, "line 3 has 1 value, the first line has 2"),
        ('a,height\n"1\n",2\n3,4,5\n', {}, "line 4 has 3 values, the first line has 2"),
        ("height,a,height\n1,2,3\n", {}, "has 2 columns called 'height'; rename all but one"),
        ("a,Hight,b\n1,2,3\n", {}, "did you mean 'Hight'? it has 3 columns: a, Hight, b"),
        ("a,b,c,d,e,f,g,h,i\n" + "1," * 8 + "1\n", {}, "it has 9 columns: a, b, c, d, e, f, g, h"),
        ("height\n1\n\xa0\nNA\nn/a\nNaN\n", {}, "height: 4 of 5 rows without a value"),
        ("height,b\n,1\nNA,2\n", {}, "none of 2 rows has a value of height"),
        ("height,b\n,1\nNA,2\n", {"drop_missing": True}, "none of 2 rows has a value of height"),
        ("height\n1\ninf\n", {}, "line 3 is inf, which is not finite"),
        ("height\n1\n-Infinity\nNA\n", {}, "line 3 is -inf"),
        ("height\n1\n1e400\n", {}, "line 3 is inf"),
        ("height\n1\n9007199254740993\n", {}, "line 3 is 9007199254740993, which a double cannot"),
        ("height\nNA\n-99999999999999999\n", {}, "line 3 is -99999999999999999, which a double"),
        (b"height\n1\n2\xb0\n", {}, "line 3 is '2°'"),
        (b"\xff\xfeh\0\n\0\0", {}, "is not all in one encoding"),
        (b"\xff\xfeh\0\n\0", {}, "has no column 'height'; it has 1 column: h"),
        (b"PK\x03\x04rest", {}, "cannot be read as a workbook"),
        ("Report 2025;;\n;;\nname;height\nA;1\n", {}, "stand in line 3; delete the lines above it"),
        ("Report\n\nname;height\nA;1\n", {}, "stand in line 3; delete the lines above it"),
        ("Height (cm),b\n1,2\n", {}, "did you mean 'Height (cm)'? it has 2 columns"),
        (b"height\n1\0\n", {}, "is not text"),
        (b"\x1f\x8b\x08rubbish", {}, "is a broken gzip file"),
        ('"height\n' + "1\n" * 100_000, {}, "is a quotation mark left open?"),
    ],
)
def test_bad_csv_is_refused_in_one_line(content, options, message, write):
    assert message in refused(write(content), **options)


def test_what_is_not_asked_for_is_not_judged(write):
    """Negative control of the refusals: the same faults in other columns pass."""
    content = "a,a,b,c,height\ntext,,inf,99999999999999999,1\n"
    assert read_columns(write(content), ["height"])[0]["height"] == [1]
    assert read_columns(write("height\n9007199254740991\n1e20\n"), ["height"])[0][
        "height"
    ].tolist() == [2**53 - 1, 1e20]


def test_decimal_commas_with_three_places_are_not_thousands_beside_others(write):
    content = "height;b\n1,712;0,712\n1,83;1,700\n"
    columns, *_ = read_columns(write(content), ["height", "b"])
    assert columns["height"].tolist() == [1.712, 1.83]
    assert columns["b"].tolist() == [0.712, 1.7]


def test_lines_of_separators_alone_are_blank_lines(write):
    told = []
    path = write("name;h;w\nA;1,5;2\n;;\nB;2,5;3\n ; ;\n;;;;\n")
    found = scan(Files(path, tell=told.append), columns=["h", "w"])
    assert found.x.tolist() == [[1.5, 2.0], [2.5, 3.0]]
    assert "line 3 and 2 more have no value and count as blank lines" in told[0]
    assert "line 4 is 'x', which is not a number" in refused(write("a,b\n1,2\n,\nx,3\n"), ["a"])
    told.clear()
    scan(Files(write("a,b\n1,2\n3,4\n,\n"), tell=told.append), "a")
    assert told[0].endswith("line 4 has no value and counts as a blank line")
    # negative controls: a blank cell in a row, and a line inside quotes
    assert "a: 1 of 3 rows without a value" in refused(write("a,b\n1,2\n,4\n3,4\n"), ["a"])
    assert "1 of 3 rows without" in refused(write('a,b,c\n1,2,"x\n,,\n"\n,,\n3,4,y\n'), ["a"])


def test_missing_values_are_dropped_row_by_row_when_asked(write):
    path = write("a,b,c\n1,,x\n2,5,\n NA ,6,z\n4,7,\n")
    message = refused(path, ["a", "b"])
    assert message.startswith("a: 1 of 4 rows, b: 1 of 4 rows without a value")
    assert "leave such rows out (drop_missing=True)" in message
    columns, dropped, _ = read_columns(path, ["a", "b"], drop_missing=True)
    assert dropped == 2
    assert columns["a"].tolist() == [2, 4]
    assert columns["b"].tolist() == [5, 7]
    assert read_columns(path, ["a"], drop_missing=True)[1] == 1
    apart = write("a,b\n1,\n,2\n")
    assert "each of a, b" in refused(apart, ["a", "b"], drop_missing=True)


def test_columns_by_position(write):
    path = write(TABLE)
    columns, *_ = read_columns(path, ["3", "height"])
    assert columns["3"].tolist() == [60, 81.25]
    assert "no column '4'" in refused(path, ["4"])
    assert "no column '0'" in refused(path, ["0"])
    named = write("x,1\n5,6\n")  # a name goes before a position
    assert read_columns(named, ["1"])[0]["1"].tolist() == [6]
    years = write("2019,2020\n5,6\n")
    assert read_columns(years, ["2020"])[0]["2020"].tolist() == [6]


def test_a_file_without_a_line_of_names(write):
    path = write("171.5,60\n183,81.25\n")
    columns, *_ = read_columns(path, ["2", "1"])
    assert columns["1"].tolist() == [171.5, 183]
    assert columns["2"].tolist() == [60, 81.25]
    message = refused(path)
    assert "the first line looks like data (171.5, 60)" in message
    assert "by position, 1 to 2" in message
    assert "line 1 is inf" in refused(write("inf,2\n3,4\n"), ["1"])
    commas = write("171,5;60,5\n183,25;81,5\n")
    assert read_columns(commas, ["1"])[0]["1"].tolist() == [171.5, 183.25]
    counts = write("2\n1\n1\n")
    assert read_columns(counts, ["1"])[0]["1"].tolist() == [2, 1, 1]
    # a first row that is dropped in silence would be worse than a question
    assert "may be a name or a position" in refused(write("1\n2\n1\n"), ["1"])


def test_files_that_cannot_be_had(tmp_path, write, monkeypatch):
    path = write(TABLE, "heights.csv")
    assert "did you mean heights.csv?" in refused(tmp_path / "heigths.csv")
    assert "check its name" in refused(tmp_path / "qqqqqqqq")
    for far in ("k.csv", "sheet.csv", "flips.csv"):  # the suffix alone makes nothing near
        assert "check its name" in refused(tmp_path / far)
    assert "did you mean heights.csv?" in refused(tmp_path / "Heights.parquet")
    assert "there is no folder" in refused(tmp_path / "none" / "heights.csv")
    assert "is a folder; give a file" in refused(tmp_path)
    assert "Not a directory" in refused(path / "heights.csv")
    assert "give a list of columns" in refused(path, "height")
    assert "give a list of columns" in refused(path, [])

    def forbidden(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)
    assert "may not be read" in refused(path)


@pytest.fixture
def store(tmp_path):
    def stored(columns, name: str = "people.parquet", **options) -> Path:
        parquet.write_table(pa.table(columns), tmp_path / name, **options)
        return tmp_path / name

    return stored


def test_parquet_of_every_type_of_number(store, monkeypatch):
    monkeypatch.setattr("models.reading.parquet.BATCH", 2)  # several batches
    columns = {
        " whole ": pa.array([1, 2, 3, 2**40, -5], pa.int64()),
        "byte": pa.array([1, 2, 3, 4, 255], pa.uint8()),
        "single": pa.array([0.5, 1.5, 2.5, 3, 4], pa.float32()),
        "half": pa.array(np.array([0.5, 1, 2, 3, 4], np.float16)),
        "truth": pa.array([True, False, True, True, False]),
        "money": pa.array([Decimal(f"{i}.25") for i in range(5)]),
        "code": pa.array([3.5, 3.5, 1, 1, 1]).dictionary_encode(),
        "text": ["a"] * 5,
    }
    names = [name.strip() for name in columns if name != "text"]
    found, dropped, _ = read_columns(store(columns, "people"), names)
    assert dropped == 0
    for name, (_, given) in zip(names, columns.items(), strict=False):
        expected = np.array(given.to_pylist(), np.float64)
        np.testing.assert_array_equal(found[name], expected)
        assert found[name].dtype == np.float64
    third = read_columns(store(columns, "people"), ["3"]).values["3"]
    np.testing.assert_array_equal(third, found["single"])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([None, "abc"]), "row 2 is 'abc', which is not a number; the column is of type"),
        (pa.array(["a"]).dictionary_encode(), "row 1 is 'a', which is not a number"),
        (pa.array([date(2020, 1, 31)]), "row 1 is '2020-01-31', which is not a number but a date;"),
        (pa.array([time(10, 20)]), "row 1 is '10:20:00', which is not a number but a time;"),
        (pa.array([[1.0]]), "row 1 is '[1.0]', which is not a number"),
        (pa.array([1, None, 2**53]), "row 3 is 9007199254740992, which a double cannot hold"),
        (pa.array([1.0, 2.0, -np.inf]), "row 3 is -inf, which is not finite"),
        (pa.array([1, None, 3]), "height: 1 of 3 rows without a value"),
        (pa.array([1.0, np.nan, None]), "height: 2 of 3 rows without a value"),
        (pa.array([None, None], pa.string()), "none of 2 rows has a value of height"),
        (pa.nulls(2), "none of 2 rows has a value of height"),
        (pa.array([], pa.float64()), "has no rows"),
    ],
)
def test_bad_parquet_is_refused_in_one_line(column, message, store, monkeypatch):
    monkeypatch.setattr("models.reading.parquet.BATCH", 2)
    path = store({"height": column})
    assert message in refused(path)
    assert "did you mean 'height'?" in refused(path, ["heigth"]) or "no rows" in message


def test_parquet_files_that_are_broken(store, write):
    path = store({"height": [1.0, None, 3.0]})
    columns, dropped, _ = read_columns(path, ["height"], drop_missing=True)
    assert (columns["height"].tolist(), dropped) == ([1, 3], 1)
    whole = path.read_bytes()
    assert "is a broken Parquet file" in refused(write(whole[:-20], "cut.parquet"))
    middle = bytes(255 - byte for byte in whole[4:40])
    assert "is a broken Parquet file" in refused(write(whole[:4] + middle + whole[40:], "mid"))
    assert "is no Parquet file" in refused(write(TABLE, "text.parquet"))
    assert "is empty" in refused(write("", "none.parquet"))


def test_how_much_is_text_is_said_with_a_remedy(write):
    some = write("height\n170\ntall\nNA\nshort\n165\n")
    message = "2 of 5 rows are text: correct them, or blank them and leave such rows out"
    assert message in refused(some)
    assert "1 of 2 rows is text: correct it" in refused(write("height\n1\nx\n"))
    every = refused(write("height\ntall\nNA\nshort\n"))
    assert "and no other of 3 rows is one; give a column of numbers" in every


def test_rows_are_found_again_in_the_file(write):
    path = write("a,b\n1,1\n\n,2\n3,3\n")
    columns = read_columns(path, ["a", "b"], drop_missing=True)
    assert columns.values["b"].tolist() == [1, 3]
    assert [columns.where(row) for row in (0, 1)] == ["line 2", "line 5"]


def test_a_column_is_asked_for_once(write):
    message = refused(write(TABLE), ["height", "2"])
    assert message == "height and 2 are the same column; give each once"


def test_what_a_file_holds_neither_breaks_the_line_nor_commands_the_terminal(write):
    names = f'"a\nb","\x1b[31mred","{"long" * 90}",größe\n'
    message = refused(write(names + "1,2,3,4\n"))
    assert "it has 4 columns: a\\nb, \\x1b[31mred, longlong" in message
    assert message.endswith("..., größe")
    assert message.isprintable()
    assert len(message) < 300
    message = refused(write('height\n1\n"x\n\x1b[31m"\n'))
    assert message.isprintable()
    assert "line 3" in message


def test_a_file_whose_name_is_not_utf_8_is_read(tmp_path):
    path = tmp_path / os.fsdecode(b"gr\xf6\xdfe.csv")
    path.write_text(TABLE)
    assert read_columns(path, ["height"]).values["height"].tolist() == [171.5, 183]
    assert "gr\\udcf6" in refused(path, ["hight"])
