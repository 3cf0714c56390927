"""The campaign that counts how often the bootstrap test rejects what is right."""

from __future__ import annotations

import io

from rich.console import Console

from comparisons.trust.bootstrap import DESIGNS, rejection, shown
from models import Poisson


def printed(records) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(shown(records))
    return console.file.getvalue()


def test_designs_come_in_turn() -> None:
    records = [rejection(number, observations=50, most=9) for number in range(3)]
    assert [(one["family"], one["k"]) for one in records] == [
        (family.__name__, k) for family, k in DESIGNS[:3]
    ]
    assert all(0 < one["p"] <= 1 for one in records)
    assert records[0] == rejection(0, observations=50, most=9)


def test_rejections_are_counted() -> None:
    """Negative control: one that always rejects lies outside its band."""
    record = {"family": Poisson.__name__, "k": 1, "drawn": 20, "lower": 0}
    never = printed([record | {"p": 0.5}] * 100)
    always = printed([record | {"p": 0.01}] * 100)
    assert "│ 0 " in never
    assert "│ 100 " in always
    assert "0 to 11" in never
    assert "no p" in printed([record | {"p": None}])
