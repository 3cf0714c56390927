"""The numbers of groups that -k of choose names, and ranges that are none."""

from __future__ import annotations

import pytest

from comparisons.command.choose import numbers_in_range
from models.refusal import Refusal


def test_ranges_and_numbers_are_read_in_order_and_once() -> None:
    assert numbers_in_range("5, 1-3,2") == [1, 2, 3, 5]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("3-1", "runs backwards; give 1-3"),
        ("0-2", "starts below 1"),
        ("", "give a range such as 1-6"),
        ("two", "give a range such as 1-6"),
        ("1-", "give a range such as 1-6"),
        ("1-999999999999", "give at most 1,000"),
    ],
)
def test_ranges_that_are_none_are_refused_with_what_to_give(text, said) -> None:
    with pytest.raises(Refusal, match=said):
        numbers_in_range(text)
