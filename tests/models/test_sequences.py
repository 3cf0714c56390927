"""Rows in time: what is kept, what is refused, and that order and ends survive."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from models import HiddenMarkov, Poisson, Sample, Sequences, simulate
from models.hidden_markov import StationaryHiddenMarkov, UniformHiddenMarkov, stationary
from models.structure import checked, structure_for

MOODS = HiddenMarkov([0.3, 0.7], [[0.9, 0.1], [0.4, 0.6]], Poisson(np.array([2.0, 9.0])))


def test_order_ends_and_unseen_rows_are_kept():
    data = Sequences([5, 2, None, 5, 2, 7], sequence=["b", "b", "b", "a", "a", "a"])
    assert data.sample.x.tolist() == [2, 5, 7]
    assert data.places.tolist() == [1, 0, 3, 1, 0, 2]
    assert data.ends.tolist() == [3, 6]
    assert data.titles == ("b", "a")
    assert data.seen.tolist() == [True, True, False, True, True, True]
    assert data.unit_counts.tolist() == [1, 1, 0, 1, 1, 1]
    lengths = Sequences([5, 2, None, 5, 2, 7], sequence=[3, 3])
    np.testing.assert_array_equal(lengths.ends, data.ends)


@pytest.mark.parametrize(
    "x",
    [
        [1.0, np.nan, 3.0],
        [1, None, 3],
        np.ma.masked_array([1, 2, 3], mask=[False, True, False]),
        pd.Series([1, pd.NA, 3], dtype="Int64"),
        pd.Series([1.0, None, 3.0]),
        pl.Series([1, None, 3]),
        pa.array([1, None, 3]),
        pa.chunked_array([[1, None], [3]]),
    ],
)
def test_missing_values_of_every_kind_mean_not_seen(x):
    data = Sequences(x)
    assert data.seen.tolist() == [True, False, True]
    assert data.sample.x.tolist() == [1, 3]


def test_a_row_of_a_table_is_seen_if_any_of_its_cells_is():
    data = Sequences(pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [2.0, np.nan, 1.0]}))
    assert data.seen.tolist() == [True, False, True]
    assert data.sample.columns == ("a", "b")
    some = Sequences([[1.0, 2.0], [3.0, np.nan], [np.nan, np.nan]])
    assert some.seen.tolist() == [True, True, False]
    np.testing.assert_array_equal(some.sample.x, [[1.0, 2.0], [3.0, np.nan]])


def test_trials_behind_a_row_that_was_not_seen_do_not_matter():
    data = Sequences([3, None, 5], trials=[10, None, 12])
    assert data.sample.trials.tolist() == [10, 12]


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        ([1, 2, 3], {"sequence": ["a", "b", "a"]}, "'a' begins at row 0 and again at row 2"),
        ([1, 2, 3], {"sequence": [["a", "b"]] * 3}, "has 2 dimensions; one column names"),
        ([1, 2, 3], {"sequence": [1, 1]}, "has 2 entries, which sum to 2, x has 3 rows"),
        ([1, 2, 3], {"sequence": [1.5, 1.5]}, "has 2 entries, x has 3 rows; .* whole numbers"),
        ([1, 2, 3], {"sequence": ["a", "b"]}, "has 2 entries, x has 3 rows; .* whole numbers"),
        ([1, 2, 3], {"sequence": [[1], [2, 3]]}, "sequence is ragged; give one entry for each"),
        (
            [1, 2, 3],
            {"trials": [2, 1]},
            r"trials has shape \(2,\), .* \(lengths of sequences are sequence=",
        ),
        ([1, 2, 3], {"trials": [[2], [1, 0]]}, "trials is ragged; give one entry for each"),
        ([1, 2, 3], {"sequence": [3, 0]}, "length 0 is below 1"),
        ([1, 2, 3], {"sequence": ["a", None, "b"]}, "row 1 .* has no name"),
        ([1, 2], {"sequence": ["a", "b"]}, "every sequence has one row"),
        ([1, 2, None, None], {"sequence": list("aabb")}, "sequence 'b': none of its rows"),
        ([None, None], {}, "no row was seen"),
        ([1, "x"], {}, "row 1 .* is 'x', which is not a number"),
        ([1, None, np.inf], {}, "row 2 .* is inf, which is not finite"),
        (Sample([1, 2]), {}, "whose rows have counts and no order"),
        ([1, 2], {"initial": "fixed"}, "give one of stationary, free, uniform"),
        ([5, None, 9], {"trials": 8}, "row 2 .* is 9, which is more heads than trials"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(x, options, message):
    with pytest.raises(ValueError, match=message) as refusal:
        Sequences(x, **options)
    assert "\n" not in str(refusal.value)


def test_how_sequences_begin_follows_from_their_number():
    kinds = [
        structure_for(Sequences(range(4))),
        structure_for(Sequences(range(30), sequence=[3] * 10)),
        structure_for(Sequences(range(27), sequence=[3] * 9)),
        structure_for(Sequences(range(4), initial="uniform")),
    ]
    assert kinds == [
        StationaryHiddenMarkov,
        HiddenMarkov,
        StationaryHiddenMarkov,
        UniformHiddenMarkov,
    ]


def test_the_stationary_distribution_is_left_as_it_is(rng):
    moves = rng(1).dirichlet(np.ones(4), (50, 4))
    delta = stationary(moves)
    np.testing.assert_allclose((delta[:, None] @ moves)[:, 0], delta, atol=1e-12)
    assert not np.allclose((delta[:, None] @ moves.swapaxes(1, 2))[:, 0], delta, atol=1e-3)
    # two states that are never left: every distribution is stationary
    np.testing.assert_allclose(stationary(np.eye(2)), [0.5, 0.5])


def test_overall_shares_are_the_mean_over_rows(rng):
    """By steps from each row to the next, which the sum over powers replaces."""
    for lengths in ([1, 2], [7], [5, 5, 3], [64, 1, 33]):
        data = Sequences(range(sum(lengths)), sequence=lengths, initial="free")
        each = []
        for length in lengths:
            state = np.array(MOODS.initial)
            for _ in range(length):
                each.append(state)
                state = state @ np.array(MOODS.transition)
        np.testing.assert_allclose(MOODS.overall(data), np.mean(each, axis=0), rtol=1e-12)


def test_simulated_states_move_as_the_transitions_say(rng):
    n = 40_000
    data, path = simulate(MOODS, n, rng(2))
    assert data.sample.observations == n
    moved = np.zeros((2, 2))
    np.add.at(moved, (path[:-1], path[1:]), 1)
    seen = moved / moved.sum(axis=1, keepdims=True)
    error = np.sqrt(seen * (1 - seen) / moved.sum(axis=1, keepdims=True))
    assert (np.abs(seen - MOODS.transition) < 4 * error).all()
    assert not (np.abs(seen.T - MOODS.transition) < 4 * error).all()  # negative control
    x = data.sample.x[data.places]
    for state, rate in enumerate(MOODS.theta.rate):
        own = x[path == state]
        assert abs(own.mean() - rate) < 4 * np.sqrt(rate / len(own))


def test_a_chain_that_is_given_has_to_begin_as_the_data_say():
    moves = np.array([[0.9, 0.1], [0.4, 0.6]])
    right = HiddenMarkov(stationary(moves), moves, Poisson([2.0, 9.0]))
    found = checked(right, StationaryHiddenMarkov, Poisson, 1)
    assert isinstance(found, StationaryHiddenMarkov)
    with pytest.raises(ValueError, match="not the stationary distribution of transition"):
        checked(MOODS, StationaryHiddenMarkov, Poisson, 1)
    wrong = MOODS._replace(transition=[[0.9, 0.2], [0.4, 0.6]])
    with pytest.raises(ValueError, match=r"transition sums to 1\.1"):
        checked(wrong, HiddenMarkov, Poisson, 1)


def test_few_rows_of_many_are_stretches_whose_first_rows_have_no_weight():
    data = Sequences(np.arange(9_000) % 50, sequence=[5_000, 4_000])
    few, weights = data.representative(256)
    assert len(weights) == len(few.places) <= 1_024
    assert weights.sum() == pytest.approx(9_000)
    assert (few.sample.x[few.places[1:64]] - few.sample.x[few.places[:63]]).tolist().count(1) > 60
    assert weights[few.begins[1]] == 0
    short = Sequences(range(100))
    assert short.representative(10)[0] is short


def test_stretches_are_whole_sequences_or_a_part_of_a_long_one(rng):
    data = Sequences(np.arange(60) % 7, sequence=[10] * 5 + [5, 5])
    some = data.stretches(20, rng(6))
    assert 20 <= len(some.places) <= 29
    assert set(some.lengths.tolist()) <= {5, 10}
    x = Sequences(np.arange(1_000)).stretches(100, rng(7))
    assert (np.diff(x.sample.x[x.places]) == 1).all()
    assert len(x.places) == 100
    assert Sample([1, 2]).stretches(1, rng(8)) is None
