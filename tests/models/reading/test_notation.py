"""Numbers as programs of several countries write them: recognised where sure, otherwise asked for."""

from __future__ import annotations

import numpy as np
import pytest

from models.reading.hints import hint
from models.reading.scan import scan
from models.reading.source import Files
from models.refusal import Refusal, worded


@pytest.fixture
def read(tmp_path):
    """Return the numbers of the column `size` of a file, and the lines that were told."""

    def done(text, encoding="utf-8", **options):
        path, told = tmp_path / "sizes.csv", []
        path.write_bytes(text.encode(encoding))
        found = scan(Files(path, tell=told.append), "size", **options)
        rows = found.x if found.inverse is None else found.x[found.inverse]
        return rows.tolist(), told

    return done


def refused(read, text, **options):
    with pytest.raises(Refusal) as caught:
        read(text, **options)
    return worded(caught.value.both_ways, typed=True)


def by_semicolons(*cells, other="1"):
    return "size;n\n" + "".join(f"{cell};{other}\n" for cell in cells)


@pytest.mark.parametrize(
    ("text", "numbers", "said"),
    [
        (by_semicolons("1549,22", "77461"), [1549.22, 77461], "decimal commas: 1549,22 is 1549.22"),
        (
            by_semicolons("12", "1.549,22", "-77.461"),
            [12, 1549.22, -77461],
            "decimal commas and points between thousands: 1.549,22 is 1549.22",
        ),
        (
            'size,n\n"77,461",1\n950,2\n',
            [77461, 950],
            "commas between thousands: 77,461 is 77461",
        ),
        (
            by_semicolons("1,234,567.5"),
            [1234567.5],
            "decimal points and commas between thousands: 1,234,567.5 is 1234567.5",
        ),
        ('size\n"12,34,567"\n', [1234567], "commas between thousands: 12,34,567 is 1234567"),
        (by_semicolons("77 461"), [77461], "spaces between thousands: 77 461 is 77461"),
        (
            by_semicolons("77\u202f461,5", "1\xa0200"),
            [77461.5, 1200],
            "decimal commas and spaces between thousands: 77 461,5 is 77461.5",
        ),
        (
            by_semicolons("77'461.50", "1\u2019200"),
            [77461.5, 1200],
            "decimal points and apostrophes between thousands: 77'461.50 is 77461.5",
        ),
        ("size\n171,2\n183\n", [171.2, 183], "decimal commas: 171,2 is 171.2"),
        ("size\n" + "1\n" * 20 + "171,2\n", [*[1] * 20, 171.2], "decimal commas: 171,2 is 171.2"),
        (by_semicolons("1,712", "1,83"), [1.712, 1.83], "decimal commas: 1,712 is 1.712"),
        (by_semicolons("1,712", "1234"), [1.712, 1234], "decimal commas: 1,712 is 1.712"),
        (by_semicolons("1.549", other="0,5"), [1549], "points between thousands: 1.549 is 1549"),
        (by_semicolons("1,549", other="0.5"), [1549], "commas between thousands: 1,549 is 1549"),
        (by_semicolons("1,549", other="0,5"), [1.549], "decimal commas: 1,549 is 1.549"),
        # what is plain is not told
        (by_semicolons("1.549", other="0.5"), [1.549], ""),
        (by_semicolons("1.549", "1.5"), [1.549, 1.5], ""),
        (by_semicolons("1.549", "1234"), [1.549, 1234], ""),
        ("size,n\n1.549,1\n", [1.549], ""),
        (by_semicolons("\uff11\uff17\uff10", "\u22123", "1.5E+3"), [170, -3, 1500], ""),
        (by_semicolons("1549", "-3"), [1549, -3], ""),
    ],
)
def test_what_is_sure_is_recognised_and_told(text, numbers, said, read):
    found, told = read(text)
    assert found == numbers
    assert told == [f"size: {said}"] * bool(said)


def test_apostrophes_of_swiss_programs_on_windows(read):
    text = by_semicolons("77\u2019461.50", "12")
    found, told = read(text, encoding="cp1252")
    assert found == [77461.5, 12]
    assert len(told) == 1


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        ("1.549", ("--decimal . or --thousands .", {"decimal": "."}, {"thousands": "."})),
        ("1,549", ("--decimal , or --thousands ,", {"decimal": ","}, {"thousands": ","})),
    ],
)
def test_what_may_be_two_numbers_is_asked_for(cell, options, read):
    text = by_semicolons(cell, "950")
    said, decimals, thousands = options
    assert refused(read, text) == (
        f"size: line 2 is {cell!r}, which may be 1.549 or 1549; say which one ({said})"
    )
    assert read(text, **decimals) == ([1.549, 950], [])
    assert read(text, **thousands) == ([1549, 950], [])
    other = {"decimal": "," if cell == "1.549" else "."}
    found, told = read(text, **other)  # the other decimal mark leaves one way
    assert found == [1549, 950]
    assert len(told) == 1


def test_a_second_batch_goes_on_as_the_first(read, monkeypatch):
    monkeypatch.setattr("models.reading.text.BLOCK", 1 << 16)
    monkeypatch.setattr("models.reading.text.HEAD", 1 << 12)
    many = np.arange(1000.25, 21000.25)
    german = [f"{one:,.2f}".translate({44: 46, 46: 44}) for one in many]
    assert read(by_semicolons(*german))[0] == many.tolist()
    late = by_semicolons(*["950"] * 20_000, "1.549,5", "1.549")
    assert read(late)[0][-2:] == [1549.5, 1549]
    changed = by_semicolons(*german, "1549.5")
    assert "line 20,002 is '1549.5', but other rows have decimal commas" in refused(read, changed)
    said = refused(read, by_semicolons(*["950"] * 20_000, "1.549"))
    assert "line 20,002 is '1.549', which may be 1.549 or 1549" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"decimal": ";"}, "the decimal mark (--decimal) is ';'; give '.' or ','"),
        ({"thousands": "x"}, "the mark between thousands (--thousands) is 'x'"),
        ({"decimal": ",", "thousands": ","}, "give two different marks"),
        ({"decimal": "."}, "line 2 is '1,5', which is no number with decimal points; give other"),
        ({"thousands": ","}, "line 2 is '1,5', which is no number with decimal points and commas"),
    ],
)
def test_marks_that_do_not_go_with_the_file_are_refused(options, said, read):
    assert said in refused(read, by_semicolons("1,5", "3"), **options)
    assert read(by_semicolons("1,5", "3"), decimal=",") == ([1.5, 3], [])  # negative control


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("2020-01-31", "but a date; give the column of what was measured"),
        ("31.01.2020", "but a date;"),
        ("1/31/20", "but a date;"),
        ("31-Jan-20", "but a date;"),
        ("31. Januar 2020", "but a date;"),
        ("January 31, 2020", "but a date;"),
        ("2020\u5e741\u670831\u65e5", "but a date;"),
        ("2020-01-31T10:20:30+01:00", "but a date;"),
        ("31.01.2020 10:20", "but a date;"),
        ("10:20", "but a time;"),
        ("9:05 PM", "but a time;"),
        ("12 %", "because of its percent sign; write 12 in place of 12 %, in all rows"),
        ("$5", "because of its currency sign; write 5 in place of $5"),
        ("5 \u20ac", "because of its currency sign; write 5 "),
        ("CHF 12.50", "because of its currency sign; write 12.50 "),
        ("170 cm", "because of its unit 'cm'; write 170 in place of 170 cm"),
        ("36.6\xb0C", "because of its unit '\xb0C'; write 36.6 "),
        ("5 kg/m2", "because of its unit 'kg/m2'; write 5 "),
        ("<0.5", "because of its '<'; blank such cells"),
        ("10k", "because of its 'k'; write such numbers out"),
    ],
)
def test_what_is_no_number_is_called_by_its_name(cell, said, read):
    assert f"line 3 is {cell!r}, which is not a number {said}" in refused(
        read, f"size;n\n170;1\n{cell};2\n"
    )


@pytest.mark.parametrize("cell", ["tall", "A12", "0x10", "1_000", "1.2.3", "12-15", "n.d.", "?"])
def test_other_text_gets_no_such_hint(cell):
    assert hint(cell) == ""
