"""Which column is meant by a name that no column has."""

from __future__ import annotations

import pytest

from models.reading.messages import nearest

HEIGHT = "\u8eab\u9ad8"  # in Chinese


@pytest.mark.parametrize(
    ("name", "columns", "meant"),
    [
        (HEIGHT, ["\u59d3\u540d", f"{HEIGHT}\uff08\u5398\u7c73\uff09"], 1),
        ("Height", ["weight", "height_cm"], 1),
        ("hight", ["sex", "height"], 1),
        (" HEIGHT ", ["weight", "Height (cm)"], 1),
        ("\uff48\uff45\uff49\uff47\uff48\uff54", ["weight", "height"], 1),  # full width
        ("sepal length", ["Sepal.Width", "Sepal.Length"], 1),
        ("length", ["sepal_width", "sepal_length"], 1),
        ("height (cm)", ["weight", "height"], 1),
        ("weight", ["height", "Weight_kg"], 1),  # a part goes before a slip of the pen
        ("gr\xf6sse", ["Name", "Gr\xf6\xdfe"], 1),
        ("id", ["width"], None),
        ("zzz", ["height"], None),
        ("", ["height", ""], None),
    ],
)
def test_the_column_that_is_meant(name, columns, meant):
    assert nearest(name, columns) == ("" if meant is None else columns[meant])
