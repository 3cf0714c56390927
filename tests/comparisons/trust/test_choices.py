"""The campaign that counts how often the number of groups is recovered."""

from __future__ import annotations

import io

from rich.console import Console

from comparisons.trust.choices import CRITERIA, DESIGNS, shown


def printed(records) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(shown(records))
    return console.file.getvalue()


def record(k, elected):
    every = dict.fromkeys(CRITERIA, elected)
    return {"family": "Poisson", "k": k, "elected": every, "recommended": elected}


def test_designs_are_every_family_with_one_to_four_groups():
    assert sorted({one.k for one in DESIGNS}) == [1, 2, 3, 4]
    assert len({one.family for one in DESIGNS}) == 4


def test_what_is_right_is_counted():
    """Negative control: a criterion that always elects one group is right on one group alone."""
    right = printed([record(1, 1), record(2, 2)])
    assert right.count("2 of 2") == len(CRITERIA) + 1  # of all
    always = printed([record(1, 1), record(2, 1)])
    assert "2 of 2" not in always
    assert always.count("1 of 2") == len(CRITERIA) + 1


def test_a_family_that_fails_shows():
    """One wrong of two families is half of all, and all of one family."""
    other = record(2, 1) | {"family": "Gaussian"}
    rows = printed([record(2, 2), other]).splitlines()
    assert any("Gaussian, 2" in one and "0 of 1" in one for one in rows)
    assert any("Poisson, 2" in one and "1 of 1" in one for one in rows)


def test_no_election_is_no_error():
    silent = record(2, 2)
    silent["elected"] = silent["elected"] | {"evidence": None}
    assert "–" in printed([silent])
