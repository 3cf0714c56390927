"""Other values laid out as the data."""

from __future__ import annotations

import numpy as np
import pytest

from models import Groups, Sample, Sequences

X = np.array([3.0, 1.0, 3.0, 2.0, 0.0, 4.0, 4.0, 1.0])
TRIALS = np.array([5, 6, 7, 5, 5, 9, 4, 6])
UNSEEN = np.where(np.arange(8) == 2, np.nan, X)
DATA = {
    "rows": Sample(X),
    "trials": Sample(X, TRIALS),
    "a table": Sample(np.column_stack([X, X[::-1]])),
    "counts": Sample([1.0, 2.0, 3.0], counts=[2, 5, 3]),
    "labels": Sample(["a", "b", "a"], categories=["a", "b", "c"]),
    "sequences": Sequences(UNSEEN, sequence=[5, 3], initial="free"),
    "sequences, trials": Sequences(X, TRIALS, [5, 3], "uniform"),
    "groups": Groups(X, list("abcabcab"), trials=9),
    "a table of counts": Groups.from_table([[3, 0], [1, 2]], categories=["well", "ill"]),
}
ORDER = {"inverse", "lines"}  # where rows stand in the order given, which counts do not say


@pytest.mark.parametrize("name", DATA)
def test_the_same_values_give_the_same_data(name) -> None:
    data = DATA[name]
    own = data.sample.x[data.sample.rows_in_order]
    again, given = data.like(own).arrays(), data.arrays()
    assert set(again) == set(given)
    for field in set(given) - ORDER:
        assert np.array_equal(again[field][1], given[field][1]), field
    assert data.like(own).names == data.names


def test_other_values_keep_trials_groups_and_gaps() -> None:
    other = DATA["trials"].like(np.zeros(8))
    assert sorted(np.repeat(other.trials, other.counts)) == sorted(TRIALS)
    chains = DATA["sequences"].like(np.arange(7.0))
    assert chains.ends.tolist() == [5, 8]
    assert chains.seen.tolist() == DATA["sequences"].seen.tolist()
    assert chains.sample.x[chains.places[chains.seen]].tolist() == list(range(7))
    groups = DATA["groups"].like(np.arange(8.0))
    assert groups.totals.tolist() == DATA["groups"].totals.tolist()
    assert groups.sample.x[groups.places[groups.lines]].tolist() == list(range(8))


def test_values_in_another_order_are_other_data() -> None:
    """Negative control: the order of rows matters to sequences and groups, not to a sample."""
    for name, same in (("rows", True), ("sequences", False), ("groups", False)):
        data = DATA[name]
        own = data.sample.x[data.sample.rows_in_order]
        if data.sample.trials is not None:
            data = Groups(own, list("abcabcab"))
        turned, given = data.like(own[::-1]).arrays(), data.arrays()
        places = "places" if "places" in given else "counts"
        assert np.array_equal(turned[places][1], given[places][1]) == same
